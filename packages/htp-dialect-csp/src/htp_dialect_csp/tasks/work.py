"""Work of a process between two waits: statements on tiles that become one kernel, and one task whenever they run.

Knows the statements, the parts of arrays that they touch and what they need from elsewhere; does not know when they
run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.dims import const
from htp.fresh_names import fresh
from htp.infer.values import Region, Value
from htp.liveness import loads
from htp.lowering.build import expression
from htp.rewriting import Rewriter
from htp.types import f32
from htp_dialect_csp.lower.trees import assigned, integer, load
from htp_dialect_csp.tasks.trees import Axis, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.dims import Expr
    from htp.types import DType
    from htp_dialect_csp.tasks.locals import Locals

__all__ = ["Part", "Reading", "Tiles", "Work", "loading", "storing"]

REDUCTIONS = ("sum", "max", "min", "prod", "mean", "any", "all")


@dataclass(eq=False)
class Part:
    """A part of an array that work touches: its place in the routine, and its kept sizes as the process says them.

    `limits` are the most that a size can be, `whole` how long the array is along each of its axes where that has to be
    asserted; `said` are the axes as the process writes them, of a part that lies in one of its arrays.
    """

    root: str
    axes: tuple[Axis, ...]
    dims: tuple[Expr, ...]
    limits: tuple[int | None, ...]
    dtype: DType
    whole: tuple[ast.expr | None, ...]
    name: str
    uses: list[str] = field(default_factory=list[str])
    sure: bool = True

    @property
    def key(self) -> str:
        """Equal for parts that are the same."""
        return f"{self.root}[{', '.join(f'{text(each.start)}+{text(each.extent)}' for each in self.axes)}]"

    @property
    def writes(self) -> bool:
        """Whether something is stored into it."""
        return "write" in self.uses

    @property
    def direction(self) -> str:
        """What a kernel does with it."""
        if not self.writes:
            return "in"
        return "out" if self.uses[0] == "write" and self.sure else "inout"


@dataclass(eq=False)
class Work:
    """The statements of a kernel to be, in the names of the process; arrays are called as its parameters will be."""

    statements: list[ast.stmt] = field(default_factory=list[ast.stmt])
    parts: dict[str, Part] = field(default_factory=dict[str, Part])
    tokens: set[str] = field(default_factory=set[str])
    """Channels of which a token is read."""
    numbers: dict[str, tuple[ast.expr, DType]] = field(default_factory=dict[str, "tuple[ast.expr, DType]"])
    """Numbers that the routine computes for it, by parameter."""
    names: set[str] = field(default_factory=set[str])
    """Numbers of the process that it depends on."""
    tiles: dict[str, Tiles] = field(default_factory=dict[str, "Tiles"])
    """The tiles that it makes."""
    first: ast.stmt | None = None
    last: ast.stmt | None = None

    def __bool__(self) -> bool:
        return bool(self.statements)

    def clashes(self, other: Work) -> bool:
        """Whether both touch one array in different places and one writes there, or both are given a number."""
        return bool(self.numbers and other.numbers) or any(
            one.root == two.root and one.key != two.key and (one.writes or two.writes)
            for one in self.parts.values() for two in other.parts.values()
        )  # fmt: skip

    def join(self, other: Work) -> None:
        """Adds what comes behind."""
        renamed: dict[str, str] = {}
        taken = {each.name for each in self.parts.values()}
        for key, part in other.parts.items():
            if key in self.parts:
                renamed[part.name] = self.parts[key].name
                self.parts[key].uses += part.uses
                self.parts[key].sure &= part.sure or bool(self.parts[key].uses)
                continue
            renamed[part.name] = part.name = fresh(part.name, taken)
            self.parts[key] = part
        self.statements += _Names(renamed).statements(other.statements)
        self.tokens |= other.tokens
        self.numbers |= other.numbers
        self.names |= other.names
        self.tiles |= other.tiles
        self.first = self.first if self.first is not None else other.first
        self.last = other.last if other.last is not None else self.last


@dataclass(frozen=True)
class Tiles:
    """What a name of a process holds: tiles of a dtype, their sizes, and the most that these can be."""

    dtype: DType
    dims: tuple[Expr, ...]
    limits: tuple[int | None, ...]


class _Names(Rewriter):
    """Other names for arrays."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # noqa: N802
        """A slice of an array that is called differently."""
        made = self.generic_visit(node)
        if isinstance(made.value, ast.Name) and self.names.get(made.value.id, made.value.id) != made.value.id:
            made = ast.Subscript(load(self.names[made.value.id]), made.slice, made.ctx)
        return made


class Reading(Rewriter):
    """One statement of a process as work: slices of its arrays become whole parameters."""

    def __init__(self, scope: Locals, statement: ast.stmt) -> None:
        self.scope = scope
        self.work = Work(first=statement, last=statement)
        self.facts = scope.facts(statement)
        self.compound = isinstance(statement, ast.For | ast.While | ast.If)
        self.inner = assigned((statement,)) if self.compound else frozenset[str]()
        self.taken = set(scope.own)
        self.places: dict[str, list[ast.Subscript]] = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in scope.views:
                self.places.setdefault(node.value.id, []).append(node)

    def of(self, statement: ast.stmt) -> Work:
        """The work."""
        self.work.names |= (loads(statement) & self.scope.own) - self.inner
        self.work.statements = self.statements([statement])
        for name, tile in self._tiles(statement):
            self.work.tiles[name] = tile
        return self.work

    def _tiles(self, statement: ast.stmt) -> Iterator[tuple[str, Tiles]]:
        for node in ast.walk(statement):
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    found = self.scope.tile_of(value)
                    if found is not None and not found.dims:
                        dims = self.single(value)
                        self.scope.singles[name] = len(dims)
                        yield name, Tiles(found.dtype, dims, (1,) * len(dims))
                    elif found is not None:
                        yield name, self.tiles(found)
                case _:
                    pass

    def tiles(self, value: Value) -> Tiles:
        """A tile with the limits of its sizes; one without axes has as many of one element as it was made from."""
        dims = tuple(self.scope.dim(each) for each in value.dims)
        return Tiles(value.dtype, dims, tuple(map(self.limit, value.dims)))

    def single(self, node: ast.expr) -> tuple[Expr, ...]:
        """The sizes of a tile of one element, which has as many axes as what it is made of."""
        ranks = [1]
        for each in (each for each in ast.walk(node) if isinstance(each, ast.expr)):
            found = self.scope.tile_of(each)
            if isinstance(each, ast.Name) and each.id in self.scope.singles:
                ranks.append(self.scope.singles[each.id])
            elif found is not None:
                ranks.append(len(found.dims))
        return (const(1),) * max(ranks)

    def limit(self, value: Expr) -> int | None:
        """The most that a size can be."""
        return value.constant if value.constant is not None else self.facts.upper_bound(value)

    # statements ---------------------------------------------------------------------------------------------------

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:  # noqa: N802
        """A tile, whose type is found anew."""
        value = self.expression(node.value) if node.value is not None else integer(0)
        return ast.Assign([node.target], value, lineno=0)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:  # noqa: N802
        """A store; a number is stored as a tile of one element."""
        (target,) = node.targets
        if not isinstance(target, ast.Subscript):
            return self.generic_visit(node)
        known = self.scope.known.types.get(id(target))
        value = self.scope.tile_of(node.value)
        if isinstance(known, Region) and not known.dims and (value is None or not value.dims) and not self.compound:
            return self.number(node, target)
        made = self.expression(node.value)
        return ast.Assign([self.slice(target, value)], made, lineno=0)

    def number(self, node: ast.Assign, target: ast.Subscript) -> ast.stmt:
        """A number that is stored into an array."""
        name = target.value.id if isinstance(target.value, ast.Name) else ""
        view, (_, axes) = self.scope.views[name], self.scope.part(target)
        kept = [Axis(each.start, each.extent) for each in axes]
        known = self.scope.known.types[id(target)]
        dtype = known.dtype if isinstance(known, Region) else f32
        inside = tuple(Axis(each.start, each.extent) for each in view.inside(kept))
        count = len(inside)
        part = Part(
            view.root, inside, tuple(const(1) for _ in inside), (1,) * count, dtype, self._whole(view.root, count),
            name, ["write"],
        )  # fmt: skip
        self.work.parts[part.key] = part
        self.work.names |= self.scope.host_names(node)
        number = "number"
        while number in self.taken:
            number += "_"
        self.work.numbers[number] = (self.scope.named(node.value), dtype if dtype.kind == "int" else f32)
        shape = ast.Tuple([integer(1) for _ in inside], ast.Load())
        made = ast.Call(ast.Attribute(load("tile"), "full", ast.Load()), [shape, load(number), load(dtype.name)], [])
        return ast.Assign([everything(part, store=True)], made, lineno=0)

    def _whole(self, root: str, count: int) -> tuple[ast.expr | None, ...]:
        return tuple(ast.parse(f"{root}.shape[{axis}]", mode="eval").body for axis in range(count))

    # arrays -------------------------------------------------------------------------------------------------------

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # noqa: N802
        """A slice that is read."""
        if isinstance(node.value, ast.Name) and node.value.id in self.scope.views:
            return self.slice(node, None)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: N802
        """A name of an operation."""
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        """A reduction to a number keeps its axes."""
        made = self.generic_visit(node)
        value = self.scope.tile_of(node)
        match made:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tile"), attr=attr), args=args, keywords=keywords) if (
                attr in REDUCTIONS and value is not None and not value.dims
                and not any(each.arg == "keepdims" for each in keywords)
            ):  # fmt: skip
                return ast.Call(made.func, args, [*keywords, ast.keyword("keepdims", ast.Constant(True))])
            case _:
                return made

    def slice(self, node: ast.Subscript, stored: Value | None) -> ast.expr:
        """A slice as the kernel has it: the whole of its own parameter, or a part of a larger one."""
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        view = self.scope.views[name]
        known = self.scope.known.types[id(node)]
        if not isinstance(known, Region):
            raise TypeError(text(node))
        moving = self._moving(name)
        _, axes = self.scope.part(node) if not moving else (name, self._everywhere(name, moving))
        sizes = [self.scope.dim(each) for each in (known.dims if stored is None else stored.dims)]
        if len(sizes) != len(known.dims):
            sizes = [self.scope.dim(each) for each in known.dims]
        full = self.scope.known.roots[name]
        dims: list[Expr] = []
        placed: list[Axis] = []
        left = iter(sizes)
        for number, (axis, part) in enumerate(zip(axes, self._parts(node), strict=True)):
            one = next(left) if isinstance(part, ast.Slice) else None
            if number in moving:
                dims.append(self.scope.dim(full[number]))
                placed.append(axis)
            elif one is not None:
                dims.append(one)
                placed.append(Axis(axis.start, self.scope.named(expression(one))))
            else:
                placed.append(axis)
        inside = view.inside(placed)
        limits = tuple(self.limit(each) for each in dims)
        part = Part(view.root, inside, tuple(dims), limits, known.dtype, self._whole(view.root, len(inside)), name)
        store = isinstance(node.ctx, ast.Store)
        found = self.work.parts.setdefault(part.key, part)
        found.uses.append("write" if store else "read")
        found.sure &= not self.compound
        self.work.names |= self.scope.host_names(node) - self.inner
        self.work.names |= {s for each in dims for s in each.symbols if s in self.scope.own} - self.inner
        index: list[ast.expr] = []
        limits = iter(zip(found.dims, found.limits, strict=True))
        for number, (axis, each) in enumerate(zip(placed, self._parts(node), strict=True)):
            dim, limit = next(limits) if axis.kept else (const(1), None)
            if number in moving:
                index.append(self.expression(each))
            elif axis.kept:
                index.append(_up_to(dim, limit))
        made = index[0] if len(index) == 1 else ast.Tuple(index, ast.Load())
        return ast.Subscript(load(found.name), made, node.ctx)

    def _parts(self, node: ast.Subscript) -> list[ast.expr]:
        return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]

    def _moving(self, name: str) -> frozenset[int]:
        """The axes along which the statement takes more than one part of an array."""
        places = self.places[name]
        parts = [self._parts(each) for each in places]
        moving: set[int] = set()
        for axis, own in enumerate(zip(*parts, strict=True)):
            if len({text(each) for each in own}) > 1 or any(loads(each) & self.inner for each in own):
                moving.add(axis)
            kinds = {isinstance(each, ast.Slice) for each in own}
            if len(kinds) > 1:
                moving.add(axis)
        return frozenset(moving)

    def _everywhere(self, name: str, moving: frozenset[int]) -> list[Axis]:
        kept = [each for each in self.scope.views[name].axes if each.kept]
        (first, *_) = self.places[name]
        made: list[Axis] = []
        for number, (part, axis) in enumerate(zip(self._parts(first), kept, strict=True)):
            if number in moving:
                made.append(Axis(integer(0), axis.extent))
            elif isinstance(part, ast.Slice):
                start = self.scope.named(part.lower) if part.lower is not None else integer(0)
                made.append(Axis(start, axis.extent))
            else:
                made.append(Axis(self.scope.named(part), integer(1), kept=False))
        return made


def everything(part: Part, *, store: bool = False) -> ast.expr:
    """The whole of a part as its kernel has it, with how much that is at most."""
    index = [_up_to(dim, limit) for dim, limit in zip(part.dims, part.limits, strict=True)]
    made = index[0] if len(index) == 1 else ast.Tuple(index, ast.Load())
    return ast.Subscript(load(part.name), made, ast.Store() if store else ast.Load())


def _up_to(dim: Expr, limit: int | None) -> ast.expr:
    return ast.Slice(None, None if dim.constant is not None or limit is None else integer(limit))


def loading(name: str, part: Part) -> ast.stmt:
    """`name = part[:, :]`."""
    return ast.Assign([ast.Name(name, ast.Store())], everything(part), lineno=0)


def storing(part: Part, name: str) -> ast.stmt:
    """`part[:, :] = name`."""
    return ast.Assign([everything(part, store=True)], load(name), lineno=0)
