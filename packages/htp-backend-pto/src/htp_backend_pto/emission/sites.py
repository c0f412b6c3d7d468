"""What a routine does with its arrays: its buffers, the calls of kernels, and which scalars anybody needs.

Knows statements of the host language and of the task form, in the order of the text; decides nothing.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Bug
from htp.dims import sym
from htp.names import TASKS
from htp.types import ScalarType
from htp_backend_pto.block_tasks import block_task
from htp_backend_pto.emission.predicates import predicates_in
from htp_backend_pto.emission.regions import Region, as_dim, region_of, root_of
from htp_backend_pto.emission.scalars import dim_node, unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp.types import Param
    from htp_backend_pto.block_tasks import BlockTask
    from htp_backend_pto.emission.predicates import Predicate

__all__ = [
    "Argument",
    "Buffer",
    "Loop",
    "Site",
    "Sites",
    "called",
    "changing_names",
    "needed_names",
    "roots_in",
    "sites_of",
    "stored_root",
    "task_word",
]

Loop = ast.For | ast.While


@dataclass(frozen=True)
class Buffer:
    """An array of the routine: a parameter, or what `empty` makes in the statement `made`, inside of `loops`."""

    name: str
    dtype: str
    dims: tuple[Expr, ...]
    direction: Literal["in", "out", "inout", "scratch"]
    made: ast.stmt | None = None
    loops: tuple[Loop, ...] = ()
    block: int = 0
    frozen: tuple[tuple[str, ast.expr], ...] = ()
    """Extents that are remembered under a name, since what they are made of changes."""


@dataclass(frozen=True)
class Argument:
    """An array argument of a call."""

    param: Param
    region: Region
    node: ast.expr


@dataclass(frozen=True)
class Site:
    """A call of a kernel in the text: what it is given, the loops around it and the block it stands in.

    `region` counts task regions, 0 is none; `independent` are the arrays of which the region says that no tasks in it
    need an order for their sake. With a `predicate` the task is always submitted, and the runtime skips its kernel
    where that does not hold. With `blocks` the task has that many, each of which runs the kernel.
    """

    call: ast.Call
    statement: ast.stmt
    kernel: Function
    arrays: tuple[Argument, ...]
    scalars: tuple[tuple[Param, ast.expr], ...]
    loops: tuple[Loop, ...]
    block: int
    region: int = 0
    independent: frozenset[str] = frozenset()
    predicate: Predicate | None = None
    blocks: ast.expr | None = None

    def uses(self, array: str) -> tuple[Argument, ...]:
        """The arguments that are parts of an array."""
        return tuple(each for each in self.arrays if each.region.array == array)


@dataclass
class Sites:
    """The arrays and the calls of a routine, in the order of the text.

    Of branches on an element that the runtime decides on, `chosen` are the statements themselves and those that take
    the element out.
    """

    buffers: dict[str, Buffer] = field(default_factory=dict[str, Buffer])
    calls: list[Site] = field(default_factory=list[Site])
    chosen: list[ast.stmt] = field(default_factory=list[ast.stmt])

    def is_chosen(self, statement: ast.stmt) -> bool:
        """Whether the routine leaves a branch, or what it looks at, to the runtime."""
        return any(each is statement for each in self.chosen)

    def of(self, statement: ast.stmt) -> Site:
        """The call that a statement is."""
        for each in self.calls:
            if each.statement is statement:
                return each
        raise Bug(f"`{ast.unparse(statement)}` calls no kernel")

    def on(self, array: str) -> list[Site]:
        """The calls that are given parts of an array."""
        return [each for each in self.calls if each.uses(array)]


def sites_of(program: Program, function: Function) -> Sites:
    """The arrays and calls of a routine.

    Raises:
        Refused: `pto.no-orchestration`.
    """
    walk = _Walk(program, changing_names(function.body))
    for param in function.params:
        if param.type is None or isinstance(param.type, ScalarType) or param.is_end:
            continue
        direction = param.direction if param.direction in ("in", "out") else "inout"
        walk.found.buffers[param.name] = Buffer(param.name, param.type.dtype.name, param.type.dims, direction)
    walk.block(function.body, ())
    _choose(program, function, walk.found)
    return walk.found


def _choose(program: Program, function: Function, found: Sites) -> None:
    """Gives calls their predicates."""
    dtypes = {name: each.dtype for name, each in found.buffers.items()}
    for choice in predicates_in(program, function, dtypes):
        found.chosen += [*choice.reads, *choice.branches]
        holds = {id(call): predicate for call, predicate in choice.calls}
        found.calls = [replace(each, predicate=holds.get(id(each.statement), each.predicate)) for each in found.calls]


class _Walk:
    def __init__(self, program: Program, changing: frozenset[str]) -> None:
        self.found = Sites()
        self.changing = changing
        self.kernels = {each.name: each for each in program.functions if each.name != program.entry}
        self.blocks = 0
        self.regions = self.region = 0
        self.independent: frozenset[str] = frozenset()

    @property
    def extents(self) -> Mapping[str, tuple[Expr, ...]]:
        return {name: each.dims for name, each in self.found.buffers.items()}

    def block(self, body: Sequence[ast.stmt], loops: tuple[Loop, ...]) -> None:
        own = self.blocks
        self.blocks += 1
        for statement in body:
            match statement:
                case ast.For() if (several := block_task(statement)) is not None:
                    self.call(several.call, several.statement, loops, own, several)
                case ast.For() | ast.While():
                    self.block(statement.body, (*loops, statement))
                case ast.If():
                    self.block(statement.body, loops)
                    self.block(statement.orelse, loops)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="empty")) as call):
                    self.buffer(name, call, statement, loops, own)
                case ast.Expr(value=ast.Call() as call):
                    self.call(call, statement, loops, own)
                case _:
                    pass

    def buffer(self, name: str, call: ast.Call, statement: ast.stmt, loops: tuple[Loop, ...], block: int) -> None:
        if name in self.found.buffers:
            raise unprintable(statement, f"`{name}` is another buffer already; give each of them its own name")
        match call:
            case ast.Call(args=[ast.Tuple(elts=shape) | ast.List(elts=shape), ast.Name(id=dtype)]):
                dims = tuple(as_dim(each) for each in shape)
            case _:
                raise unprintable(statement, "a buffer has a shape and a dtype")
        known = tuple(each for each in dims if each is not None)
        if len(known) < len(dims):
            raise unprintable(statement, "the extents of a buffer are sums, products, quotients, least and greatest")
        frozen: list[tuple[str, ast.expr]] = []
        for axis, dim in enumerate(known):
            if dim.symbols & self.changing:
                frozen.append((f"{name}_{axis}", dim_node(dim)))
                known = (*known[:axis], sym(frozen[-1][0]), *known[axis + 1 :])
        self.found.buffers[name] = Buffer(name, dtype, known, "scratch", statement, loops, block, tuple(frozen))

    def call(
        self, call: ast.Call, statement: ast.stmt, loops: tuple[Loop, ...], block: int, several: BlockTask | None = None
    ) -> None:
        name = called(call)
        if name in TASKS:
            if name in ("open_tasks", "close_tasks"):
                self.independent = frozenset(_texts(call, "independent"))
                self.regions += name == "open_tasks"
                self.region = self.regions if name == "open_tasks" else 0
            return
        if name not in self.kernels:
            return
        kernel = self.kernels[name]
        arrays: list[Argument] = []
        scalars: list[tuple[Param, ast.expr]] = []
        for param, node in _arguments(call, kernel):
            if several is not None and param is kernel.params[-1]:
                continue  # a block knows its number
            if isinstance(param.type, ScalarType):
                scalars.append((param, node))
            else:
                arrays.append(Argument(param, region_of(node, self.extents), node))
        count = several.count if several is not None else None
        given = (call, statement, kernel, tuple(arrays), tuple(scalars), loops, block, self.region, self.independent)
        self.found.calls.append(Site(*given, blocks=count))


def changing_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The scalars that are given a value in more than one place; a name that only loops count with is none."""
    stored: dict[str, int] = {}
    for each in (node for statement in body for node in ast.walk(statement)):
        match each:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                stored[name] = stored.get(name, 0) + 1
            case ast.AugAssign(target=ast.Name(id=name)):
                stored[name] = stored.get(name, 0) + 2
            case ast.For(target=ast.Name(id=name)):
                stored.setdefault(name, 0)
            case _:
                pass
    return frozenset(name for name, times in stored.items() if times > 1)


def called(node: ast.AST) -> str:
    """The name that a call calls; empty for others."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def task_word(statement: ast.stmt) -> str:
    """The word of the task form that a statement is; empty for others."""
    name = called(statement.value) if isinstance(statement, ast.Expr) else ""
    return name if name in TASKS else ""


def needed_names(body: Sequence[ast.stmt], kept: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The scalars that anything but scalars nobody needs is made of; of task words only the `kept` arguments count."""
    roots: set[str] = set()
    defined: dict[str, set[str]] = {}
    for statement in _simple(body):
        target, value = _assigned(statement)
        if target is not None and value is not None:
            defined.setdefault(target, set()).update(_loaded(value))
            continue
        word = task_word(statement)
        if word and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            parts = [each.value for each in statement.value.keywords if each.arg in kept.get(word, ())]
            roots |= {name for part in parts for name in _loaded(part)}
            continue
        roots |= _loaded(statement)
    needed: set[str] = set()
    todo = sorted(roots)
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += sorted(defined.get(name, ()))
    return frozenset(needed)


def _simple(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, those in loops and branches too; of these what is evaluated, as an expression."""
    for each in body:
        match each:
            case ast.For(iter=source):
                yield ast.Expr(source)
                yield from _simple(each.body)
            case ast.While(test=test) | ast.If(test=test):
                yield ast.Expr(test)
                yield from _simple(each.body)
                yield from _simple(each.orelse)
            case _:
                yield each


def _assigned(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    """The scalar that a statement computes, and from what; buffers are no scalars."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            return (None, None) if called(value) == "empty" else (name, value)
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            return name, value
        case _:
            return None, None


def _loaded(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _arguments(call: ast.Call, kernel: Function) -> Iterator[tuple[Param, ast.expr]]:
    named = {each.arg: each.value for each in call.keywords if each.arg is not None}
    for number, param in enumerate(kernel.params):
        if number < len(call.args):
            yield param, call.args[number]
        elif param.name in named:
            yield param, named[param.name]
        else:
            raise Bug(f"`{ast.unparse(call)}` has no argument for {param.name}")


def _texts(call: ast.Call, keyword: str) -> list[str]:
    found = next((each.value for each in call.keywords if each.arg == keyword), None)
    parts = found.elts if isinstance(found, ast.Tuple | ast.List) else []
    return [each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def roots_in(node: ast.AST, arrays: Mapping[str, object]) -> set[str]:
    """The arrays that a piece of text names."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in arrays}


def stored_root(statement: ast.stmt) -> str | None:
    """The array that a statement writes elements of."""
    match statement:
        case ast.Assign(targets=[ast.Subscript() as target]) | ast.AugAssign(target=ast.Subscript() as target):
            return root_of(target)
        case _:
            return None
