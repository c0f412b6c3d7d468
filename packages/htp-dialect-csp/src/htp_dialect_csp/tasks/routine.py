"""The routine of a network's tasks: it does the steps of all processes in turn until all have ended.

Knows the steps and what they count; a step that has to wait is tried again in the next turn. A channel of `capacity`
tokens has as many slots, and one more where its receiver keeps a token while it waits for something that may depend on
the slot. The order in which tasks touch slots is the order of the tokens, and what a full channel waits for.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.program import origin_of, stamp
from htp.rewriting import Rewriter, with_origin
from htp.types import ScalarType
from htp_dialect_csp.lower.trees import assign, call, effect, integer, load
from htp_dialect_csp.tasks.declared import no_tasks
from htp_dialect_csp.tasks.kernels import Kernels, home_of
from htp_dialect_csp.tasks.machine import Machine
from htp_dialect_csp.tasks.steps import LAST, State, closed, sent, taken
from htp_dialect_csp.tasks.trees import add, both, compare, element, exposed, subtract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.program import Function, Program
    from htp_dialect_csp.tasks.declared import Net, Stream
    from htp_dialect_csp.tasks.kernels import Home

__all__ = ["with_tasks"]

STUCK = "every process that has not ended waits for another one"


def with_tasks(program: Program, routine: Function, net: Net, kernels: Kernels) -> Function:
    """The routine with tasks in place of the network.

    Raises:
        Refused: `csp.timed`, `csp.no-tasks`.
    """
    return _Routine(program, routine, net, kernels).written()


class _Routine:
    """Writes one routine."""

    def __init__(self, program: Program, routine: Function, net: Net, kernels: Kernels) -> None:
        self.routine, self.net, self.kernels = routine, net, kernels
        self.machines = [Machine(program, net, each).build() for each in net.running]
        held = {name for each in self.machines for name in each.held}
        self.slots = {each.name: max(1, each.capacity) + (each.name in held) for each in net.streams.values()}
        self.held = held
        self.heads: dict[str, ast.stmt] = {}

    def written(self) -> Function:
        """The routine."""
        place = self.net.place
        heads = [*(line for each in self.net.streams.values() for line in self.channel(each))]
        steps: list[ast.stmt] = []
        starts: list[ast.stmt] = []
        for machine in self.machines:
            starts += self.variables(machine)
            steps += self.steps(machine)
        ended = [compare(load(each.at), ast.NotEq(), integer(LAST)) for each in self.machines]
        going: ast.expr = ended[0] if len(ended) == 1 else ast.BoolOp(ast.Or(), ended)
        moved = assign("moved", ast.Constant(False))
        where = origin_of(place) if place is not None else None
        line = f"{where.file.rpartition('/')[2]}:{where.line}" if where is not None else ""
        words = [ast.Constant(each) for each in (STUCK, line, "csp.deadlock", "give a channel more room")]
        stuck = effect(call("require", load("moved"), *words))
        loop = ast.While(going, [moved, *steps, stuck], [])
        first = [assign("moved", ast.Constant(False))]
        body = [effect(call("open_tasks")), *heads, *starts, *first, loop, effect(call("close_tasks"))]
        made = [stamp(each, where) for each in body] if self.machines else []
        return replace(self.routine, body=(*self.net.before, *made, *self.net.behind))

    # channels -----------------------------------------------------------------------------------------------------

    def channel(self, stream: Stream) -> Iterator[ast.stmt]:
        """The slots of a channel, its counts, and the tokens that are in it from the start."""
        name, count = stream.name, self.slots[stream.name]
        dtype = load(stream.dtype.name)
        shape = ast.Tuple([integer(count), *stream.shape], ast.Load())
        yield stamp(assign(name, call("empty", shape, dtype)), origin_of(stream.place))
        for axis in self.net.sized(name):
            one = ast.Tuple([integer(count)], ast.Load())
            yield assign(f"{name}_{axis}", call("empty", one, load("i64")))
        for number, value in enumerate(stream.initial):
            if not stream.is_number:
                raise no_tasks(stream.place, "a tile that is in a channel from the start", "send it first")
            store = element(name, integer(number), store=True)
            yield ast.Assign([store], copy.deepcopy(value), lineno=0)
        yield assign(sent(name), integer(len(stream.initial)))
        yield assign(taken(name), integer(0))
        yield assign(closed(name), ast.Constant(False))

    def place(self, stream: str, way: str) -> ast.expr:
        """The slot of the token that is sent or taken next; one that is held has been counted already."""
        count = load(sent(stream) if way == "send" else taken(stream))
        number = subtract(count, integer(1)) if way == "take" and stream in self.held else count
        slots = self.slots[stream]
        return integer(0) if slots == 1 else ast.BinOp(number, ast.Mod(), integer(slots))

    # processes ----------------------------------------------------------------------------------------------------

    def variables(self, machine: Machine) -> Iterator[ast.stmt]:
        """The variables of a process, which begin as nothing, and the buffers of its tiles."""
        yield assign(machine.at, integer(0))
        for name in sorted(machine.variables):
            yield assign(name, self.zero(machine, name))
        yield from (assign(name, copy.deepcopy(made)) for name, made in machine.scope.buffers.items())
        for home in self.homes(machine).values():
            shape = ast.Tuple([copy.deepcopy(each) for each in home.shape], ast.Load())
            yield assign(home.buffer, call("empty", shape, load(home.tiles.dtype.name)))
            yield from (assign(variable, integer(0)) for variable, _ in home.told)

    def zero(self, machine: Machine, name: str) -> ast.expr:
        """A number of a variable's type."""
        kinds = {machine.scope.local(each): kind for each, kind in machine.scope.kinds.items()}
        for each in machine.scope.scalars.values():
            if isinstance(each.type, ScalarType):
                kinds[machine.scope.local(each.name)] = each.type.dtype.name
        floats = {machine.scope.local(each) for each in machine.scope.numbers}
        kind = kinds.get(name, "f32" if name in floats else "i64")
        if kind == "bool_" or name.endswith("_there"):
            return ast.Constant(False)
        return ast.Constant(0.0) if "f" in kind else integer(0)

    def homes(self, machine: Machine) -> dict[str, Home]:
        """The tiles that go from one task to another."""
        read = {name for each in machine.works for name in exposed(each.statements)} | machine.asked
        return {
            name: home_of(name, tiles, machine.scope, place)
            for name, (tiles, place) in machine.tiles.items()
            if name in read
        }

    def steps(self, machine: Machine) -> Iterator[ast.stmt]:
        """The steps of a process as branches."""
        homes = self.homes(machine)
        states = self.numbered(machine)
        places = _Places(self)
        for state in states:
            body: list[ast.stmt] = []
            for each in self.rendered(machine, state.body, homes):
                fallback = origin_of(each) or origin_of(machine.running.place)
                body += [stamp(one, fallback) for one in places.statements([each])]
            test = compare(load(machine.at), ast.Eq(), integer(state.number))
            if state.guard is not None:
                test = both([test, places.expression(state.guard)])
            moved = assign("moved", ast.Constant(True))
            yield ast.If(test, [*body, moved], [])

    def rendered(self, machine: Machine, body: list[ast.stmt], homes: Mapping[str, Home]) -> list[ast.stmt]:
        """Lines with what their markers stand for."""
        made: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.If):
                inner = (self.rendered(machine, part, homes) for part in (each.body, each.orelse))
                made.append(with_origin(ast.If(each.test, *inner), each))
            else:
                made += self.marked(machine, each, homes)
        return made

    def marked(self, machine: Machine, statement: ast.stmt, homes: Mapping[str, Home]) -> list[ast.stmt]:
        """A line, or what a marker stands for."""
        marker = machine.markers.get(id(statement))
        if marker is None:
            return [statement]
        if marker.work is not None:
            return self.kernels.call(marker.work, machine.scope, dict(homes))
        if marker.early != (marker.stream in self.held):
            return []
        count = taken(marker.stream)
        return [assign(count, add(load(count), integer(1)))]

    def numbered(self, machine: Machine) -> list[State]:
        """The steps with numbers; what waits for nothing and follows one line only stands in its place."""
        aims = {id(number): state for number, state in machine.jumps}
        jumps = Counter(id(state) for _, state in machine.jumps)
        joined = {id(each) for each in machine.states[1:] if each.guard is None and jumps[id(each)] == 1}

        def inlined(body: list[ast.stmt]) -> list[ast.stmt]:
            made: list[ast.stmt] = []
            for each in body:
                match each:
                    case ast.Assign(value=ast.Constant() as number) if id(aims.get(id(number))) in joined:
                        made += inlined(aims[id(number)].body)
                    case ast.If():
                        made.append(ast.If(each.test, inlined(each.body), inlined(each.orelse)))
                    case _:
                        made.append(each)
            return made

        kept = [each for each in machine.states if id(each) not in joined]
        for number, state in enumerate(kept):
            state.number = number
            state.body = inlined(state.body)
        for number, state in machine.jumps:
            number.value = state.number
        return kept


class _Places(Rewriter):
    """Slots as numbers."""

    def __init__(self, routine: _Routine) -> None:
        self.routine = routine

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """The slot that a name stands for."""
        if not node.id.startswith("@"):
            return node
        _, stream, way = node.id.split("@")
        return self.routine.place(stream, way)
