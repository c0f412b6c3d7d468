"""The loops and tasks of a workload in nested form, and where each of them stands.

Knows the form; does not know directives.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from htp.program import origin_of
from htp.rewriting import with_origin
from htp_dialect_wsp.directives.trees import blocks, built, load, names_in, store
from htp_dialect_wsp.quoting import walk_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp.types import Param

__all__ = [
    "Loop", "Range", "Task", "integer", "known_integers", "loops_of", "made_loop", "passed", "range_of", "root_of",
    "tasks_of", "with_kernel",
]  # fmt: skip

Kind = Literal["P", "seq", "range"]


@dataclass(frozen=True)
class Loop:
    """One loop and the statements it lies in, the outermost first."""

    node: ast.For
    path: tuple[ast.stmt, ...]

    @property
    def name(self) -> str:
        """The variable, by which directives know the loop."""
        target = self.node.target
        return target.id if isinstance(target, ast.Name) else ast.unparse(target)

    @property
    def kind(self) -> Kind:
        """`P` runs in parallel, `seq` and `range` in order."""
        match self.node.iter:
            case ast.Call(func=ast.Name(id="P")):
                return "P"
            case ast.Call(func=ast.Attribute(attr="seq")):
                return "seq"
            case _:
                return "range"

    @property
    def parallel(self) -> bool:
        """Whether its iterations are independent."""
        return self.kind == "P"

    @property
    def body(self) -> list[ast.stmt]:
        """What is repeated."""
        return self.node.body

    @property
    def origin(self) -> Span | None:
        """The user's line."""
        return origin_of(self.node)

    @property
    def walk(self) -> str:
        """What it goes over, as the user wrote it."""
        return walk_of(self.node)

    @property
    def outer(self) -> tuple[ast.For, ...]:
        """The loops it lies in, the outermost first."""
        return tuple(each for each in self.path if isinstance(each, ast.For))


@dataclass(frozen=True)
class Task:
    """One call of a kernel and the statements it lies in, the outermost first."""

    name: str
    statement: ast.Expr
    call: ast.Call
    path: tuple[ast.stmt, ...]

    @property
    def loops(self) -> tuple[str, ...]:
        """The variables of the loops it lies in."""
        return tuple(Loop(each, ()).name for each in self.path if isinstance(each, ast.For))


@dataclass(frozen=True)
class Range:
    """`range(start, stop, step)`, its step a positive number."""

    start: ast.expr
    stop: ast.expr
    step: int

    @property
    def length(self) -> ast.expr:
        """How many values there are, where stop is not below start."""
        return built("(b - a + t) // s", a=self.start, b=self.stop, s=self.step, t=self.step - 1)

    def call(self) -> ast.expr:
        """As `range` is written."""
        if self.step != 1:
            return built("range(a, b, s)", a=self.start, b=self.stop, s=self.step)
        return built("range(a, b)", a=self.start, b=self.stop)


def root_of(argument: ast.expr) -> str | None:
    """The tensor that an argument is, or is a region of."""
    while isinstance(argument, ast.Subscript):
        argument = argument.value
    return argument.id if isinstance(argument, ast.Name) else None


def passed(task: Task, callee: Function) -> list[tuple[Param, ast.expr]]:
    """The parameters of a kernel with what a task passes for them."""
    named = {each.arg: each.value for each in task.call.keywords}
    given = [*task.call.args, *(named[each.name] for each in callee.params[len(task.call.args) :])]
    return list(zip(callee.params, given, strict=True))


def with_kernel(program: Program, kernel: Function) -> Program:
    """The program with one more kernel, before the workload."""
    place = next(index for index, each in enumerate(program.functions) if each.name == program.entry)
    return replace(program, functions=(*program.functions[:place], kernel, *program.functions[place:]))


def loops_of(body: Sequence[ast.stmt], path: tuple[ast.stmt, ...] = ()) -> Iterator[Loop]:
    """Every loop, in the order of the text."""
    for statement in body:
        if isinstance(statement, ast.For):
            yield Loop(statement, path)
        for _, inner in blocks(statement):
            yield from loops_of(inner, (*path, statement))


def tasks_of(program: Program, body: Sequence[ast.stmt], path: tuple[ast.stmt, ...] = ()) -> Iterator[Task]:
    """Every call of a kernel, in the order of the text."""
    kernels = {each.name for each in program.functions if each.kind == "kernel"}
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in kernels:
                yield Task(name, statement, call, path)
            case _:
                for _, inner in blocks(statement):
                    yield from tasks_of(program, inner, (*path, statement))


def range_of(loop: Loop, known: Mapping[str, int]) -> Range | None:
    """What a loop goes over, `None` where its step is not known to be a positive number."""
    match loop.node.iter:
        case (
            ast.Call(func=ast.Name(id="range"), args=bounds)
            | ast.Call(args=[ast.Call(func=ast.Name(id="range"), args=bounds)])
        ):
            pass
        case ast.Call(args=[_] as bounds):
            pass
        case _:
            return None
    match bounds:
        case [stop]:
            return Range(ast.Constant(0), stop, 1)
        case [start, stop]:
            return Range(start, stop, 1)
        case [start, stop, step]:
            number = integer(step, known)
            return Range(start, stop, number) if number is not None and number > 0 else None
        case _:
            return None


def made_loop(name: str, kind: Kind, over: Range, body: Iterable[ast.stmt], place: ast.AST) -> ast.For:
    """A loop in nested form at the place of `place`."""
    walk: ast.expr = over.call()
    if kind != "range":
        word = load("P") if kind == "P" else ast.Attribute(load("P"), "seq", ast.Load())
        walk = ast.Call(word, [walk], [])
    return with_origin(ast.For(store(name), walk, list(body), []), place)


def known_integers(program: Program, function: Function) -> dict[str, int]:
    """Names with one integer value: constants of the program, sizes of the signature, and what is made of them."""
    known = {name: value for name, value in program.constants if isinstance(value, int) and not isinstance(value, bool)}
    stored = [
        each.id
        for statement in function.body
        for each in ast.walk(statement)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    ]
    for statement in function.body:
        if isinstance(statement, ast.Assign):
            found = _assigned(statement, function, known)
            known |= {name: value for name, value in found if stored.count(name) == 1 and value is not None}
    return known


def _assigned(statement: ast.Assign, function: Function, known: Mapping[str, int]) -> Iterable[tuple[str, int | None]]:
    sizes = {each.name: getattr(each.type, "dims", ()) for each in function.params}
    match statement:
        case ast.Assign(
            targets=[ast.Tuple(elts=names)], value=ast.Attribute(value=ast.Name(id=tensor), attr="shape")
        ) if len(sizes.get(tensor, ())) == len(names):
            for name, size in zip(names, sizes[tensor], strict=True):
                if isinstance(name, ast.Name):
                    yield name.id, size.constant
        case ast.Assign(
            targets=[ast.Name(id=name)],
            value=ast.Subscript(
                value=ast.Attribute(value=ast.Name(id=tensor), attr="shape"), slice=ast.Constant(value=int(axis))
            ),
        ) if axis < len(sizes.get(tensor, ())):
            yield name, sizes[tensor][axis].constant
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, integer(value, known)
        case _:
            return


def integer(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """The value of an integer expression over constants and known names."""
    if not names_in(node) <= set(known) | {"min", "max"}:
        return None
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return known.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = integer(operand, known)
            return None if value is None else -value
        case ast.BinOp(left=left, op=operator, right=right):
            return _computed(operator, integer(left, known), integer(right, known))
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _, *_] as args):
            values = [integer(each, known) for each in args]
            found = [each for each in values if each is not None]
            return (min(found) if name == "min" else max(found)) if len(found) == len(values) else None
        case _:
            return None


def _computed(operator: ast.operator, left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return None
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv() if right:
            return left // right
        case ast.Mod() if right:
            return left % right
        case _:
            return None
