"""The tasks of a workload, or of a routine in task form, at given sizes: which kernel, on which boxes, in which turn.

Knows statements; what expressions are is in `evaluation`. It never runs the user's code: it walks the syntax in the
order of the program, as the sequential meaning does. What depends on data is walked on both sides and marked.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Literal

from htp.program import origin_of
from htp.types import ScalarType
from htp_dialect_wsp.dependences import TaskAccess
from htp_dialect_wsp.evaluation import TURNS, UNKNOWN, Axis, Evaluator, Open, Region, Unknown, Value
from htp_dialect_wsp.selections import Branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.diagnostics import Span
    from htp.program import Function, Program

__all__ = ["LIMIT", "Task", "TaskList", "Turn", "tasks_of"]

LIMIT = 20_000
"""Tasks that are walked at most."""
STEPS = 50
"""Statements that are walked at most, for each task that is."""


@dataclass(frozen=True)
class Turn:
    """One turn of a loop: which loop and which time it runs, the turn's number, and the value of the loop's name."""

    loop: ast.For | ast.While = field(compare=False)
    name: str
    instance: int
    number: int
    value: int | None
    parallel: bool = False


@dataclass(frozen=True)
class Task:
    """A call of a kernel: what it accesses, the turns around it from the outermost in, and the user's line.

    `scalars` are its other arguments, None for what only the run knows. `guards` are conditions that only the run
    knows, each with the side of it that the task is on.
    """

    kernel: str
    accesses: tuple[TaskAccess, ...]
    loops: tuple[Turn, ...]
    call: ast.Call = field(compare=False)
    scalars: tuple[int | float | None, ...] = ()
    guards: tuple[tuple[str, bool], ...] = ()

    @property
    def at(self) -> tuple[int, ...]:
        """The coordinates of the task: the values of the loops around it that are known."""
        return tuple(each.value for each in self.loops if each.value is not None)

    @property
    def place(self) -> Span | None:
        """The user's line."""
        return origin_of(self.call)

    @property
    def known(self) -> bool:
        """Whether it is known what exactly the task touches."""
        return all(each.exact for each in self.accesses)


@dataclass(frozen=True)
class TaskList:
    """The tasks in program order; `cut` when there are more of them.

    `open` says that a loop's end or a condition depends on data, so that a run may have other tasks.
    """

    tasks: tuple[Task, ...]
    cut: bool = False
    open: bool = False

    @property
    def known(self) -> bool:
        """Whether these are the tasks of every run at these sizes, and all they touch is known."""
        return not self.cut and not self.open and all(each.known for each in self.tasks)


def tasks_of(
    program: Program,
    function: Function,
    sizes: Mapping[str, int],
    scalars: Mapping[str, int | float] | None = None,
    *,
    limit: int = LIMIT,
) -> TaskList | None:
    """The tasks of `function` where the dims of its parameters are `sizes`; None when its assertions refuse these.

    Scalars that are not given are known to the run only.

    Raises:
        Refused: `type.bad-dimension` when a dim has no size.
    """
    walk = _Walk(program, sizes, limit)
    given: dict[str, Value] = dict(scalars or {})
    for each in function.params:
        if each.direction == "scalar":
            given.setdefault(each.name, walk.unknown())
        if each.type is not None and not isinstance(each.type, ScalarType):
            extents = [dim.evaluate(sizes) for dim in each.type.dims]
            given[each.name] = Region(
                each.name, tuple((0, max(0, each)) for each in extents), tuple(range(len(extents)))
            )
    walk.environment = {**dict(program.constants), **given}
    try:
        walk.block(function.body)
    except _Cut:
        return TaskList(tuple(walk.tasks), cut=True, open=walk.open)
    except _NotThese:
        return None
    return TaskList(tuple(walk.tasks), open=walk.open)


class _Cut(Exception):
    """There are too many tasks."""


class _NotThese(Exception):
    """An assertion refuses the sizes."""


class _Walk(Evaluator):
    """Walks statements and collects tasks."""

    def __init__(self, program: Program, sizes: Mapping[str, int], limit: int) -> None:
        super().__init__(program.functions, sizes)
        self.limit = limit
        self.steps = limit * STEPS
        self.tasks: list[Task] = []
        self.open = False
        self.turns: tuple[Turn, ...] = ()
        self.guards: tuple[tuple[str, bool], ...] = ()
        self.instances = count()
        self.buffers = Counter[str]()

    # statements -------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt]) -> None:
        """Walks statements in order."""
        for each in Branches().block(list(statements)):
            self.steps -= 1
            if self.steps < 0:
                raise _Cut
            self._statement(each)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("empty")) as value):
                self._bind_buffer(name, self.evaluate(value))
            case ast.Assign([target], value) | ast.AnnAssign(target, _, ast.expr() as value):
                self._bind(target, self.evaluate(value))
            case ast.AugAssign(ast.Name(name) as target, op, value):
                self._bind(target, self.evaluate(ast.BinOp(ast.Name(name, ast.Load()), op, value)))
            case ast.Expr(value):
                self._expression(value)
            case ast.If(test, body, orelse):
                self._branch(test, body, orelse)
            case ast.For(target, over, body):
                self._loop(statement, target, self.evaluate(over), body)
            case ast.While(test, body):
                self._while(statement, test, body)
            case ast.Assert(test):
                if self.evaluate(test) is False:
                    raise _NotThese
            case _:
                pass

    def _expression(self, value: ast.expr) -> None:
        match value:
            case ast.Call(ast.Name("combine" | "sequential"), args=parts):
                for each in parts:
                    self._expression(each)
            case _:
                self.evaluate(value)

    def _bind_buffer(self, name: str, value: Value) -> None:
        """A new buffer, which is another tensor each time; the first one is called as its variable."""
        self.buffers[name] += 1
        number = self.buffers[name]
        made = (
            replace(value, tensor=name if number == 1 else f"{name}#{number}") if isinstance(value, Region) else value
        )
        self.environment[name] = made

    def _bind(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.environment[target.id] = value
        elif isinstance(target, ast.Tuple):
            parts = value if isinstance(value, tuple) else ()
            fits = len(parts) == len(target.elts)
            for position, each in enumerate(target.elts):
                self._bind(each, parts[position] if fits else UNKNOWN)

    def _branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        condition = self.evaluate(test)
        if isinstance(condition, int | float):
            self.block(body if condition else orelse)
            return
        self.open = True
        before, guards, guard = dict(self.environment), self.guards, self._condition(test)
        self.guards = (*guards, (guard, True))
        self.block(body)
        after, self.environment = self.environment, before
        self.guards = (*guards, (guard, False))
        self.block(orelse)
        self.guards = guards
        self._either(after)

    def _condition(self, test: ast.expr) -> str:
        """What is equal for a condition that has the same value again, whichever that is."""
        names = sorted({each.id for each in ast.walk(test) if isinstance(each, ast.Name)})
        values = [self.environment.get(each, UNKNOWN) for each in names]
        if UNKNOWN in values or any(isinstance(each, ast.Call | ast.Subscript) for each in ast.walk(test)):
            return str(next(self.instances))
        return f"{ast.unparse(test)} where {values}"

    def _either(self, other: dict[str, Value]) -> None:
        """Forgets what differs from the other environment that may be the one in force."""
        for name in {*self.environment, *other}:
            if self.environment.get(name, UNKNOWN) != other.get(name, UNKNOWN):
                self.environment[name] = UNKNOWN

    def _loop(self, node: ast.For, target: ast.expr, over: Value, body: list[ast.stmt]) -> None:
        axis = over if isinstance(over, Axis) else Axis((over if isinstance(over, range) else Open(),))
        names = [each.id for each in _targets(target) if isinstance(each, ast.Name)]
        before = dict(self.environment)
        self._coordinates(node, names, axis, body)
        if any(isinstance(each, Open) for each in axis.coordinates):
            self._either(before)

    def _coordinates(self, node: ast.For, names: list[str], axis: Axis, body: list[ast.stmt]) -> None:
        """Walks the coordinates one inside the other; those that are left over have unknown values."""
        if not axis.coordinates or not names:
            self.environment.update(dict.fromkeys(names, UNKNOWN))
            self.block(body)
            return
        turns, instance = self.turns, next(self.instances)
        for number, value in enumerate(self._values(axis.coordinates[0])):
            self.environment[names[0]] = UNKNOWN if value is None else value
            self.turns = (*turns, Turn(node, names[0], instance, number, value, _is_parallel(node.iter)))
            self._coordinates(node, names[1:], replace(axis, coordinates=axis.coordinates[1:]), body)
        self.turns = turns

    def _values(self, values: range | Open) -> Iterable[int | None]:
        if isinstance(values, range):
            return values
        self.open = True
        return (None,) * TURNS if values.first is None else values.first

    def _while(self, node: ast.While, test: ast.expr, body: list[ast.stmt]) -> None:
        turns, instance = self.turns, next(self.instances)
        before = dict(self.environment)
        for number in count():
            condition = self.evaluate(test)
            unknown = isinstance(condition, Unknown)
            if not condition or (unknown and number >= TURNS):
                break
            self.open = self.open or unknown
            self.turns = (*turns, Turn(node, "while", instance, number, None))
            self.block(body)
        self.turns = turns
        if self.open:
            self._either(before)

    # calls ------------------------------------------------------------------------------------------------------

    def called(self, function: Function, node: ast.Call) -> Value:
        """A task for a kernel; another function's statements are walked where they are called."""
        given = dict(zip((each.name for each in function.params), node.args, strict=False))
        given |= {each.arg: each.value for each in node.keywords if each.arg is not None}
        if function.kind == "kernel":
            self._task(function, given, node)
            return UNKNOWN
        inside = {name: self.evaluate(value) for name, value in given.items()}
        outside, self.environment = self.environment, {**inside}
        for name in outside.keys() - inside.keys():
            self.environment.setdefault(name, outside[name])
        self.block(function.body)
        result = next((each.value for each in function.body if isinstance(each, ast.Return)), None)
        value = self.evaluate(result) if result is not None else UNKNOWN
        self.environment = outside
        return value

    def _task(self, function: Function, given: Mapping[str, ast.expr], node: ast.Call) -> None:
        accesses: list[TaskAccess] = []
        scalars: list[int | float | None] = []
        for param in function.params:
            argument = given.get(param.name)
            if argument is None:
                continue
            value = self.evaluate(argument)
            if param.direction == "scalar":
                scalars.append(value if isinstance(value, int | float) else None)
            else:
                regions = [value] if isinstance(value, Region) else self._read(argument)
                way = param.direction if isinstance(value, Region) else "in"
                mode = self._mode(way if way in ("out", "inout") else "in")
                accesses += [TaskAccess(each.tensor, each.box, mode, each.exact) for each in regions]
        if len(self.tasks) == self.limit:
            raise _Cut
        self.tasks.append(Task(function.name, tuple(accesses), self.turns, node, tuple(scalars), self.guards))

    def _mode(self, mode: Literal["in", "out", "inout"]) -> Literal["in", "out", "inout"]:
        """What a task that may not run writes keeps its old contents then."""
        return "inout" if mode == "out" and self.guards else mode

    def _read(self, argument: ast.expr) -> list[Region]:
        """The regions that an argument which is no region itself is computed from."""
        found = (self.evaluate(each) for each in ast.walk(argument) if isinstance(each, ast.Subscript | ast.Name))
        return [each for each in found if isinstance(each, Region)]


def _targets(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, ast.Tuple) else [target]


def _is_parallel(over: ast.expr) -> bool:
    """Whether the iterations of a loop are said to be independent."""
    match over:
        case ast.Call(ast.Name("P" | "parallel")) | ast.Call(ast.Attribute(ast.Name("P"), "sel")):
            return True
        case _:
            return False
