"""Calls to which a schedule gives workers become tasks of several blocks, each of which runs some turns of their loop.

Knows what stands in place of the loop; which loop it is `places` knows, and `kernel` what the blocks run.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic, Refused
from htp.dims import const, minimum
from htp.fresh_names import fresh
from htp.infer.engine import infer
from htp.liveness import loads, writes
from htp.lowering.build import assigned, expression
from htp.names import RESERVED
from htp.program import origin_of, stamp
from htp.rewriting import warn
from htp_backend_pto.block_tasks import MOST_BLOCKS
from htp_backend_pto.emission.sites import needed_names
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.spread.kernel import BlockKernel, replaced
from htp_backend_pto.lower.spread.places import bounds_of, divided, no_blocks, places_in, variable
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.translate import integer
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.model import a2a3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp_backend_pto.lower.spread.places import Place
    from htp_backend_pto.lower.units import Unit

__all__ = ["spread"]

UNITS = {each.name: each.units or 1 for each in a2a3().levels}
CORES: dict[Unit, int] = {"cube": UNITS["cluster"], "vector": UNITS["cluster"] * UNITS["aiv"]}
"""How many cores of a kind a die has."""


def spread(program: Program) -> Program:
    """The program in which every call that has a worker is a task of blocks.

    Raises:
        Refused: `pto.no-blocks` where no blocks can be made of the turns.
    """
    if next(places_in(program.main.body), None) is not None:
        _tell_others(program.main)
        program = program.replace(_without_counts(program.main))
    block = fresh("block", _names(program))
    while (place := next(places_in(program.main.body), None)) is not None:
        program = _Spreading(program, place, block).program()
    return program


def _tell_others(main: Function) -> None:
    """A warning of the tasks that a policy gives to workers and that are bound to none."""
    for statement in walk(main.body):
        word = statement.value if isinstance(statement, ast.Expr) else None
        keywords = word.keywords if isinstance(word, ast.Call) and called(word) == "task" else []
        said = {each.arg for each in keywords}
        if "worker" in said and "parallel" not in said:
            text = "`dispatch` has no effect on the tasks that are bound to no worker"
            warn(Diagnostic(code="plan.directive-ignored", message=text, severity="warning", span=origin_of(statement),
                            help=("bind the loop around them as well",)))  # fmt: skip
            return


def _without_counts(main: Function) -> Function:
    """The routine without workers of tasks that have no say where they run, and without what only these are made of."""
    body = [_Placeless().visit(copy.deepcopy(each)) for each in main.body]
    needed = needed_names(body, {"task": ("after", "tag", "stream", "worker")})

    def kept(each: ast.stmt) -> list[ast.stmt]:
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if called(value) != "empty":
                return [each] if name in needed else []
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
                return [each] if name in needed else []
            case _:
                return [each]

    return replace(main, body=tuple(changed(body, kept)))


class _Placeless(ast.NodeTransformer):
    """`task(…)` without a worker, a pool and a priority where its turns are not said to be parallel."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if called(node) == "task" and not any(each.arg == "parallel" for each in node.keywords):
            node.keywords = [each for each in node.keywords if each.arg not in ("worker", "pool", "priority")]
        return node


class _Spreading:
    """Puts one task of blocks in place of the calls of a loop."""

    def __init__(self, program: Program, place: Place, block: str) -> None:
        self.source, self.place, self.main, self.block = program, place, program.main, block
        self.taken = _names(program)
        self.loop = place.loops[place.level]
        if place.said("stream") is not None:
            raise no_blocks(place, "they have an order in streams", "leave `streams` and `stream_by` out")
        _refuse_selected(program, place)
        self.parts = divided(place)
        self.workers = _workers(self.main.body)

    def program(self) -> Program:
        """The program with the task."""
        turn = fresh(f"{self.place.kernel}_turn", self.taken)
        made = BlockKernel(self.source, self.place, self.parts.only[-1], self.block, turn)
        most = self.workers or CORES[made.unit]
        named = None if self.place.stride else self._named(most)
        count = self._turns(most) if self.place.stride else const(named or most)
        self._check_blocks(count.constant or most, CORES[made.unit])
        kernel, arguments = made.kernel("", count.constant or most, named=named is not None)
        functions = [each for each in self.source.functions if each.name != self.main.name]
        same = next((each for each in functions if replace(kernel, name=each.name, doc=each.doc) == each), None)
        if same is None:
            same = replace(kernel, name=fresh(f"{self.place.kernel}_blocks", self.taken))
            functions.append(same)
        task = self._task(ast.Call(ast.Name(same.name, ast.Load()), arguments, []), count)
        body = replaced(self.main.body, self.loop, [*self.parts.before, *task, *self.parts.after])
        main = replace(self.main, body=tuple(with_sizes(self.main, body)))
        bodies = (body, *(each.body for each in functions if each.name != self.place.kernel))
        used = {each.id for part in bodies for one in part for each in ast.walk(one) if isinstance(each, ast.Name)}
        kept = (each for each in functions if each.name in used or each.name != self.place.kernel)
        return replace(self.source, functions=(*kept, main))

    def _named(self, most: int) -> int | None:
        """How many blocks there are where each worker is one of them; None where workers are not known to be so few."""
        facts = infer(self.source, self.main).facts_at(self.place.statement)
        worker = integer(self.place.worker)
        low, high = (None, None) if worker is None else (facts.lower_bound(worker), facts.upper_bound(worker))
        return high + 1 if low is not None and low >= 0 and high is not None and high < most else None

    def _turns(self, most: int) -> Expr:
        """How many blocks there are where each begins with its own turn: no more than turns."""
        start, stop, step = bounds_of(self.loop)
        if start is None or stop is None:
            return const(most)
        turns = (stop - start + step - 1) // step
        return const(min(most, max(1, turns.constant))) if turns.constant is not None else minimum(const(most), turns)

    def _check_blocks(self, number: int, cores: int) -> None:
        place = self.place.line
        if number > MOST_BLOCKS:
            raise Refused(
                "pto.no-blocks", f"a task has at most {MOST_BLOCKS} blocks, and {number} workers are asked for",
                span=place, help=f"ask for {cores} workers: there are that many cores for it",
            )  # fmt: skip
        if number > cores:
            text = f"`{self.place.kernel}` runs in {number} blocks on {cores} cores, so that some begin when others end"
            warn(Diagnostic(code="pto.more-blocks", message=text, severity="note", span=place,
                            help=(f"ask for {cores} workers or fewer",)))  # fmt: skip

    def _task(self, call: ast.Call, count: Expr) -> list[ast.stmt]:
        """The loop over the blocks."""
        place, number = self.place, expression(count)
        statements: list[ast.stmt] = []
        if count.constant is None:
            name = fresh("blocks", self.taken)
            statements.append(assigned(name, number))
            number = ast.Name(name, ast.Load())
        said = [ast.keyword("blocks", number)]
        said += [each for each in place.told.keywords if each.arg in ("tag", "after")]
        outer = [ast.Name(variable(each), ast.Load()) for each in place.loops[: place.level]]
        said += [ast.keyword("at", ast.Tuple(list(outer), ast.Load()))] if outer else []
        told = ast.Expr(ast.Call(ast.Name("task", ast.Load()), [], said))
        iterator = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(0), number], [])
        loop = ast.For(ast.Name(self.block, ast.Store()), iterator, [told, ast.Expr(call)], [], lineno=0)
        return [stamp(each, origin_of(place.statement)) for each in (*statements, loop)]


def _refuse_selected(program: Program, place: Place) -> None:
    """Refuses calls of which an array says whether they run."""
    whole = list(walk(program.function(place.kernel).body))
    names = {each.name for each in program.functions}
    calls = [each for each in whole if isinstance(each, ast.Expr) and called(each.value) in names]
    reads = any(isinstance(node, ast.Call) and called(node) == "tile.item" for one in whole for node in ast.walk(one))
    if calls and reads and isinstance(calls[0].value, ast.Call):
        fix = "bind a loop whose selections depend on numbers alone"
        selected = replace(place, statement=calls[0], call=calls[0].value)
        raise no_blocks(selected, "an array says which of them run, and the orchestration has to look there", fix)


def _names(program: Program) -> set[str]:
    """The names that a new one must differ from."""
    own = program.main
    taken = {name for each in walk(own.body) for name in (*loads(each), *writes(each))} | set(RESERVED)
    return taken | {each.name for each in (*program.functions, *own.params)} | {name for name, _ in program.constants}


def _workers(body: Sequence[ast.stmt]) -> int:
    """The workers that a schedule's policy names; 0 where it names none."""
    for each in (node for statement in body for node in ast.walk(statement)):
        if isinstance(each, ast.Call) and called(each) == "open_tasks":
            value = next((word.value for word in each.keywords if word.arg == "workers"), None)
            return value.value if isinstance(value, ast.Constant) and isinstance(value.value, int) else 0
    return 0
