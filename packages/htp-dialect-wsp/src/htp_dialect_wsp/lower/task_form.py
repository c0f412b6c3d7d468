"""The pass `wsp.lower`: a workload in nested form becomes a routine whose calls of kernels are tasks.

Knows statements; `placing.py` knows attributes of tasks, `directed.py` directives, `axis_checks.py` axes.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, DirectiveUse, Inlined, OpUse
from htp.fresh_names import fresh
from htp.lowering.inline import InlineHelpers
from htp.passes import Pass
from htp.rewriting import Rewriter, with_origin
from htp_dialect_wsp.axis_forms import AxisForm, axis_made, root_of
from htp_dialect_wsp.capabilities import Checked, Nested, Scheduled
from htp_dialect_wsp.dense_sizes import size_of
from htp_dialect_wsp.directives.trees import assigned_names, load, names_in
from htp_dialect_wsp.independence import independent_arrays
from htp_dialect_wsp.lower.axis_checks import axis_checks, size_check
from htp_dialect_wsp.lower.directed import directed
from htp_dialect_wsp.lower.placing import Placing
from htp_dialect_wsp.lower.waiting import only_elements, reads, wait_for, written_by_tasks
from htp_dialect_wsp.outlining import aliased, outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from htp.program import Function, Program

__all__ = ["Lower"]


@dataclass(frozen=True)
class Lower(Pass):
    """Workloads become routines in task form: tasks in program order, placed as the schedule says."""

    name = "wsp.lower"
    requires = (Nested(), Checked(), Scheduled())
    invalidates = (Nested(), Checked(), Scheduled(), Inlined())
    eliminates = (DialectUse("wsp"), DirectiveUse("after"))
    introduces = (DialectUse("tasks"), DialectUse("host"))
    may_introduce = (OpUse("tile.item"),)

    def apply(self, program: Program) -> Program:
        """The program without workloads.

        Raises:
            Refused: `wsp.*` for a directive for the run that cannot be honoured.
        """
        for each in [each for each in program.functions if each.kind == "workload"]:
            program = _Lowering(program, each).program_after()
        return program


class _Lowering:
    """Lowers one workload; `made` are kernels that were outlined."""

    def __init__(self, program: Program, workload: Function) -> None:
        self.workload = workload
        self.taken = {each.name for each in program.functions} | {name for name, _ in program.constants}
        self.taken |= {name for name, _ in program.slots} | {each.name for each in workload.params}
        self.taken |= names_in(*workload.body)
        settings, body = directed(program, list(workload.body))
        self.settings = settings
        self.placing = Placing(program, workload, settings, self._fresh)
        self.program = self.placing.program
        self.written = written_by_tasks(program, workload)
        self.kernels = {each.name for each in program.functions if each.kind == "kernel"}
        self.body = _hoisted(body, self.written, self.kernels)
        self.made: list[Function] = []
        self.asked: dict[str, dict[str, str]] = {
            axis: {word: self._fresh(f"{axis}_{word}s") for word in words} for axis, words in _asked(body).items()
        }

    def program_after(self) -> Program:
        """The program with the routine in place of the workload."""
        first = next((index for index, each in enumerate(self.body) if not _plain(each)), len(self.body))
        inner = self._block(self.body[first:], ())
        inner = [*self.placing.before(), *inner]
        place = self.body[first] if first < len(self.body) else None
        routine = self._routine(self.body[:first], inner, ())
        # Types are inferred behind helpers, which are inlined for this question only.
        plain = InlineHelpers().apply(_with(self.program, routine, self.made))
        found = independent_arrays(plain, plain.function(routine.name))
        names = tuple(each for each in found if each in self.written)
        routine = self._routine(self.body[:first], inner, names, place)
        return _with(self.program, routine, self.made)

    def _routine(
        self, head: list[ast.stmt], inner: list[ast.stmt], independent: Sequence[str], place: ast.stmt | None = None
    ) -> Function:
        keywords = [ast.keyword(name, value) for name, value in self.settings.opening.items()]
        if independent:
            names: list[ast.expr] = [ast.Constant(each) for each in independent]
            keywords.append(ast.keyword("independent", ast.Tuple(names, ast.Load())))
        opened: ast.stmt = ast.Expr(ast.Call(load("open_tasks"), [], keywords))
        closed: ast.stmt = ast.Expr(ast.Call(load("close_tasks"), [], []))
        if place is not None:
            opened, closed = with_origin(opened, place), with_origin(closed, place)
        return replace(self.workload, kind="routine", body=(*head, opened, *inner, closed))

    # statements -----------------------------------------------------------------------------------------------------

    def _block(self, statements: Sequence[ast.stmt], loops: tuple[ast.For, ...]) -> list[ast.stmt]:
        return [with_origin(new, each) for each in statements for new in self._statement(each, loops)]

    def _statement(self, statement: ast.stmt, loops: tuple[ast.For, ...]) -> list[ast.stmt]:
        match statement:
            case ast.For():
                return self._loop(statement, loops)
            case ast.If():
                return self._branch(statement, loops)
            case ast.While(test, body):
                waits = self._waits(test)
                inner = self._block(body, loops)
                return [*waits, ast.While(self._value(test), [*inner, *copy.deepcopy(waits)], [])]
            case ast.Assign([ast.Name(name)], ast.Call() as value) if (axis := axis_made(value)) is not None:
                return self._axis(statement, name, axis, value)
            case ast.Assign() if (size := size_of(statement)) is not None:
                return [*self._waits(size), *size_check(statement, self._value(size))]
            case ast.Expr(ast.Call(func=ast.Name(name)) as call) if name in self.kernels:
                return self._task(call, statement, loops)
            case _:
                waits = self._waits(statement)
                return [*waits, self._resolved(statement)]

    def _task(self, call: ast.Call, statement: ast.stmt, loops: tuple[ast.For, ...]) -> list[ast.stmt]:
        waits = self._waits(statement)
        return [*waits, *self.placing.task(call, loops), self._resolved(statement)]

    def _loop(self, loop: ast.For, loops: tuple[ast.For, ...]) -> list[ast.stmt]:
        waits = self._waits(loop.iter)
        body = self._block(loop.body, (*loops, loop))
        return [*waits, ast.For(loop.target, self._value(_walk(loop.iter)), body, [], lineno=0)]

    def _branch(self, branch: ast.If, loops: tuple[ast.For, ...]) -> list[ast.stmt]:
        needed = reads([branch.test], self.written, self.kernels)
        single = needed and only_elements(branch.test, needed) and self._only_calls([branch])
        if single and aliased(self.program, [branch]) is None:
            called = next(name for name in self._called(branch))
            kernel, call = outline(_with(self.program, None, self.made), [branch], f"{called}_selected")
            self.made.append(kernel)
            self.kernels.add(kernel.name)
            self.placing.program = _with(self.program, None, self.made)
            return self._task(call, with_origin(ast.Expr(call), call), loops)
        body, orelse = self._block(branch.body, loops), self._block(branch.orelse, loops)
        return [*wait_for(needed), ast.If(self._value(branch.test), body or [ast.Pass()], orelse)]

    def _only_calls(self, statements: Sequence[ast.stmt]) -> bool:
        """Whether statements are calls of kernels, and branches with such calls, whose numbers are known outside."""
        return all(
            self._only_calls((*each.body, *each.orelse))
            if isinstance(each, ast.If)
            else isinstance(each, ast.Expr) and bool(self._called(each))
            for each in statements
        )

    def _called(self, statement: ast.stmt) -> list[str]:
        """The kernels that a statement calls."""
        calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call))
        return [each.func.id for each in calls if isinstance(each.func, ast.Name) and each.func.id in self.kernels]

    def _axis(self, statement: ast.Assign, name: str, axis: AxisForm, call: ast.Call) -> list[ast.stmt]:
        data = [each for each in (axis.data, axis.indices) if each is not None and root_of(each) in self.written]
        columns = next((each.value for each in call.keywords if each.arg == "columns"), None)
        checks = axis_checks(statement, axis, columns, self.asked.get(name, {}), self._fresh)
        return [*wait_for(data), *checks]

    # expressions ------------------------------------------------------------------------------------------------------

    def _waits(self, node: ast.AST) -> list[ast.stmt]:
        return wait_for(reads([node], self.written, self.kernels))

    def _value(self, node: ast.expr) -> ast.expr:
        return _Asked(self.asked).expression(node)

    def _resolved(self, statement: ast.stmt) -> ast.stmt:
        return _Asked(self.asked).statements([statement])[0]

    def _fresh(self, name: str) -> str:
        return fresh(name, self.taken)


class _Asked(Rewriter):
    """`axis.start(r)` and `axis.row(k)` become elements of buffers: where rows begin, and the row of each position."""

    def __init__(self, buffers: Mapping[str, Mapping[str, str]]) -> None:
        self.buffers = buffers

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        node = self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(ast.Name(axis), word), args=[at]) if word in self.buffers.get(axis, {}):
                element = ast.Subscript(load(self.buffers[axis][word]), at, ast.Load())
                return ast.Call(ast.Attribute(load("tile"), "item", ast.Load()), [element], [])
            case _:
                return node


def _asked(body: Sequence[ast.stmt]) -> dict[str, tuple[str, ...]]:
    """The ragged axes of which it is asked where rows begin, and, with `row`, in which row a position is."""
    found: dict[str, set[str]] = {}
    ragged: set[str] = set()
    for node in (node for statement in body for node in ast.walk(statement)):
        match node:
            case ast.Assign([ast.Name(name)], ast.Call() as value) if (axis := axis_made(value)) is not None:
                ragged |= {name} if axis.indices is None else set()
            case ast.Call(func=ast.Attribute(ast.Name(axis), "start" | "row" as word)) if axis in ragged:
                found.setdefault(axis, {"start"}).add(word)
            case _:
                pass
    return {axis: ("start", "row") if "row" in words else ("start",) for axis, words in found.items()}


def _walk(iterator: ast.expr) -> ast.expr:
    """What a loop goes over, in order."""
    match iterator:
        case ast.Call(func=ast.Name("P") | ast.Attribute(ast.Name("P"), "seq"), args=[axis]):
            is_range = isinstance(axis, ast.Call) and isinstance(axis.func, ast.Name) and axis.func.id == "range"
            return axis if is_range else with_origin(ast.Call(load("range"), [axis], []), iterator)
        case _:
            return iterator


def _plain(statement: ast.stmt) -> bool:
    """Whether a statement only computes numbers before all tasks."""
    return isinstance(statement, ast.Assert) or (
        isinstance(statement, ast.Assign)
        and not any(isinstance(node, ast.Call) and _makes(node) for node in ast.walk(statement))
    )


def _makes(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("Dense", "Ragged", "Sparse", "empty", "tile.item")


def _makes_axis(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "Dense" or axis_made(call) is not None


def _hoisted(body: list[ast.stmt], written: frozenset[str], kernels: AbstractSet[str]) -> list[ast.stmt]:
    """The statements, those that make axes before all tasks where data and names allow: bad data are found first."""
    result: list[ast.stmt] = []
    for each in body:
        place = len(result)
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and _makes_axis(each.value):
            needed = names_in(each.value)
            while place and not needed & written and not needed & assigned_names(result[place - 1]):
                place -= 1
            tasks = (at for at in range(place, len(result)) if names_in(result[at]) & kernels)
            place = next(tasks, len(result))
        result.insert(place, each)
    return result


def _with(program: Program, routine: Function | None, made: Sequence[Function]) -> Program:
    """The program with the routine in place of the workload, and kernels before it."""
    functions = [routine if routine is not None and each.name == routine.name else each for each in program.functions]
    names = {each.name for each in functions}
    return replace(program, functions=(*(each for each in made if each.name not in names), *functions))
