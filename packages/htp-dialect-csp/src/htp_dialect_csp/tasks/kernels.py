"""Kernels made of work, and the lines of the routine that call them.

Knows what a kernel is given and what its sizes are called; does not know when it runs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const, sym
from htp.fresh_names import numbered
from htp.liveness import loads, writes
from htp.lowering.build import expression
from htp.program import Function, origin_of, stamp
from htp.types import Param, ScalarType, TensorType, bool_, f32, i64
from htp_dialect_csp.lower.trees import assign, call, effect, integer, load
from htp_dialect_csp.tasks.declared import no_tasks
from htp_dialect_csp.tasks.trees import Axis, add, both, compare, exposed, region, text
from htp_dialect_csp.tasks.work import Part, Tiles, loading, storing

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp_dialect_csp.tasks.locals import Locals
    from htp_dialect_csp.tasks.work import Work

__all__ = ["Home", "Kernels", "home_of"]


@dataclass(frozen=True)
class Home:
    """The buffer in which a tile of a process lies from one task to the next; `sizes` are those that it has there."""

    buffer: str
    tiles: Tiles
    shape: tuple[ast.expr, ...]
    sizes: tuple[ast.expr, ...]
    told: tuple[tuple[str, Expr], ...]
    """Variables of the routine that say a size, and what they are set to where the tile is made."""


def home_of(name: str, tiles: Tiles, scope: Locals, place: ast.AST) -> Home:
    """The home of a tile.

    Raises:
        Refused: `csp.no-tasks` for a tile of which nobody knows how large it can be.
    """
    shape: list[ast.expr] = []
    sizes: list[ast.expr] = []
    told: list[tuple[str, Expr]] = []
    for axis, (dim, limit) in enumerate(zip(tiles.dims, tiles.limits, strict=True)):
        outer = scope.outer(dim)
        if outer is not None:
            shape.append(outer)
            sizes.append(outer)
            continue
        if limit is None:
            raise no_tasks(place, f"keeping `{name}`, whose size {dim} has no limit,", "take slices of a constant size")
        shape.append(integer(limit))
        if name in scope.steady and dim.symbols <= scope.steady:
            sizes.append(scope.size(dim))
            continue
        variable = f"{scope.local(name)}_{axis}"
        sizes.append(load(variable))
        told.append((variable, dim))
    return Home(scope.local(name), tiles, tuple(shape), tuple(sizes), tuple(told))


class Kernels:
    """The kernels made so far; `taken` are names of functions."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.made: list[Function] = []

    def call(self, work: Work, scope: Locals, homes: dict[str, Home]) -> list[ast.stmt]:
        """The lines of the routine that do the work."""
        outline = _Outline(work, scope, homes)
        kernel = outline.kernel()
        same = next((each for each in self.made if _alike(each, kernel)), None)
        if same is None:
            same = replace(kernel, name=numbered(scope.kernel.name, self.taken, 0))
            self.made.append(same)
        return [*outline.before(), effect(call(same.name, *outline.arguments))]


def _alike(one: Function, other: Function) -> bool:
    return replace(one, name="", doc="").canonical == replace(other, name="", doc="").canonical


class _Outline:
    """One kernel."""

    def __init__(self, work: Work, scope: Locals, homes: dict[str, Home]) -> None:
        self.work, self.scope, self.homes = work, scope, homes
        read = exposed(work.statements)
        self.given = [each for each in homes if each in read]
        self.kept = [each for each in homes if each in work.tiles]
        self.statements = list(work.statements)
        self.parts = list(work.parts.values())
        self.symbols: dict[Expr, tuple[str, Part, int]] = {}
        self.same: list[ast.expr] = []
        """That sizes which have one name in the kernel are equal, as the routine says it."""
        self.told: list[ast.stmt] = []
        for name in dict.fromkeys((*self.given, *self.kept)):
            self.cross(name)
        order = ("in", "inout", "out")
        self.parts.sort(key=lambda each: order.index(each.direction))
        self.numbers: dict[str, tuple[ast.expr, ScalarType]] = {}
        self.arguments: list[ast.expr] = []

    def cross(self, name: str) -> None:
        """A tile that comes from another task or goes to one."""
        home = self.homes[name]
        tiles = home.tiles
        uses = ["read"] * (name in self.given) + ["write"] * (name in self.kept)
        suffix = {"read": "in", "write": "out"}[uses[0]] if len(uses) == 1 else "io"
        told = {axis: text(size) for axis, size in enumerate(home.sizes) if text(size) in dict(home.told)}
        told = told if name in self.given else {}  # a tile that is made here has the sizes that it is made with
        dims = tuple(sym(told[axis]) if axis in told else dim for axis, dim in enumerate(tiles.dims))
        axes = tuple(Axis(integer(0), each) for each in home.sizes)
        part = Part(home.buffer, axes, dims, tiles.limits, tiles.dtype, home.shape, f"{name}_{suffix}", uses)
        self.parts.append(part)
        if name in self.given:
            self.statements.insert(0, loading(name, part))
        if name in self.kept:
            self.told += [assign(variable, self.scope.size(dim)) for variable, dim in home.told]
            last = max(number for number, each in enumerate(self.statements) if name in writes(each))
            self.statements.insert(last + 1, storing(part, name))

    def kernel(self) -> Function:
        """The kernel, which has no name yet."""
        params: list[Param] = []
        for part in self.parts:
            kept = self._kept(part)
            dims = tuple(self._dim(part, number, dim) for number, dim in enumerate(part.dims))
            if len(kept) != len(dims):
                raise Bug(f"`{part.key}` has {len(kept)} axes, not {len(dims)}")
            params.append(Param(part.name, part.direction, TensorType(part.dtype, dims)))  # type: ignore[arg-type]
            self.arguments.append(self._argument(part))
        for name in sorted(self._free()):
            dtype = self.scope.dtype(name) or {"bool_": bool_, "f64": f32, "f32": f32}.get(
                self.scope.kinds.get(name, "i64"), i64
            )
            params.append(Param(name, "scalar", ScalarType(dtype)))
            self.arguments.append(load(self.scope.local(name)))
        for name, (value, dtype) in self.work.numbers.items():
            params.append(Param(name, "scalar", ScalarType(dtype)))
            self.arguments.append(value)
        place = origin_of(self.work.first) if self.work.first is not None else None
        if place is None:
            raise Bug("work without a place")
        body = tuple(stamp(each, place) for each in (*self._heads(), *self.statements))
        doc = f"Work of `{self.scope.kernel.name}`, from line {place.line}."
        return Function("", "kernel", tuple(params), body, place, doc)

    def _kept(self, part: Part) -> list[Axis]:
        return [each for each in part.axes if each.kept]

    def _argument(self, part: Part) -> ast.expr:
        pairs = zip(part.axes, part.whole, strict=True)
        whole = all(
            each.kept and text(each.start) == "0" and size is not None and text(size) == text(each.extent)
            for each, size in pairs
        )  # fmt: skip
        return load(part.root) if whole else region(part.root, part.axes)

    def _dim(self, part: Part, number: int, dim: Expr) -> Expr:
        if dim.constant is not None:
            return dim
        name = str(dim) if str(dim).isidentifier() else ""
        known = next((each for each in self.symbols if each == dim or self._equal(each, dim)), None)
        if known is None:
            self.symbols[dim] = (name or f"{part.name}_{number}", part, number)
            return sym(self.symbols[dim][0])
        first, other, axis = self.symbols[known]
        if known != dim:
            self.symbols.setdefault(dim, (name or first, other, axis))
            sizes = (self._kept(other)[axis].extent, self._kept(part)[number].extent)
            self.same.append(compare(sizes[0], ast.Eq(), sizes[1]))
        return sym(first)

    def _equal(self, one: Expr, other: Expr) -> bool:
        """Whether two sizes of the process are always equal where the work is done, as it has found out or said."""
        if self.work.last is None:
            return False
        return self.scope.facts(self.work.last).equal(self._spelled(one), self._spelled(other)) is True

    def _number(self, dim: Expr) -> int | None:
        """The one number that a size can be where the work is done, as the process has found out or said."""
        if self.work.last is None:
            return None
        facts, size = self.scope.facts(self.work.last), self._spelled(dim)
        most = facts.upper_bound(size)
        return most if most is not None and facts.equal(size, const(most)) else None

    def _spelled(self, dim: Expr) -> Expr:
        return dim.substitute({name: sym(symbol) for symbol, name in self.scope.spelled.items()})

    def _free(self) -> frozenset[str]:
        """Numbers of the process that the statements read and no size says."""
        own = {name for each in self.statements for name in writes(each)}
        read = {name for each in self.statements for name in loads(each)}
        names = (read & self.scope.own) - own - {each.name for each in self.parts} - {s for s, _, _ in self._said()}
        return frozenset(names)

    def _said(self) -> list[tuple[str, Part, int]]:
        return list(self.symbols.values())

    def _heads(self) -> list[ast.stmt]:
        """`m = x.shape[0]` for every size that the body reads, and what sizes are that it computes with as well."""
        read = {name for each in self.statements for name in loads(each)}
        heads: list[ast.stmt] = []
        said: list[ast.stmt] = []
        for dim, (name, part, number) in self.symbols.items():
            size = ast.parse(f"{part.name}.shape[{number}]", mode="eval").body
            if name in read:
                heads.append(assign(name, size))
            if (known := self._number(dim)) is not None:
                said.append(ast.Assert(compare(size, ast.Eq(), integer(known)), None))
            elif str(dim) not in dim.symbols and dim.symbols <= read:
                said.append(ast.Assert(compare(size, ast.Eq(), expression(dim)), None))
        return [*heads, *said]

    def before(self) -> list[ast.stmt]:
        """What the routine says before the call: that every part lies inside of its array."""
        conditions = {text(each): each for each in self.same}
        for part in self.parts:
            for axis, size in zip(part.axes, part.whole, strict=True):
                if size is not None:
                    conditions |= {text(each): each for each in _inside(axis, size)}
        told = [ast.Assert(both(list(conditions.values())), None)] if conditions else []
        return [*self.told, *told]


def _inside(axis: Axis, size: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    if not isinstance(axis.start, ast.Constant):
        found.append(compare(integer(0), ast.LtE(), axis.start))
    if axis.kept and not isinstance(axis.extent, ast.Constant) and text(axis.extent) != text(size):
        found.append(compare(integer(0), ast.LtE(), axis.extent))
    end = add(axis.start, axis.extent)
    if text(end) != text(size) and not (isinstance(end, ast.Constant) and isinstance(size, ast.Constant)):
        found.append(compare(end, ast.LtE(), size))
    return found
