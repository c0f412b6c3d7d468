"""A run of statements as a kernel of its own, and the call that stands in its place.

Knows what a kernel is given and what its sizes are called; does not know which statements belong together.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Bug
from htp.dims import Expr, const, minimum, sym
from htp.fresh_names import fresh
from htp.infer.values import Box, Index, Number, Region, Value
from htp.liveness import loads, writes
from htp.lowering.build import assigned, stored
from htp.names import RESERVED
from htp.program import Function, origin_of, stamp
from htp.types import Param, ScalarType, TensorType, bool_, f32, i64
from htp_backend_pto.lower.blocks import exposed
from htp_backend_pto.lower.split.numbers import assigned_within
from htp_backend_pto.lower.split.regions import guarded_nodes, inner_ranges, part_of, with_rows
from htp_backend_pto.lower.translate import Translation, box_text
from htp_backend_pto.lower.units import walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from htp.infer.state import Inference
    from htp.types import DType
    from htp_backend_pto.lower.split.order import Run
from htp_backend_pto.lower.split.regions import Part

__all__ = ["Crossing", "Outline", "Way"]

Way = Literal["in", "out", "inout"]
_WAYS = ("in", "inout", "out")
SUFFIX: Mapping[Way, str] = {"in": "in", "out": "out", "inout": "io"}


@dataclass(frozen=True)
class Crossing:
    """A tile that kernels hand on: its type, and which way it goes at one of them."""

    name: str
    value: Value
    way: Way


@dataclass(frozen=True)
class _Array:
    """An array of the routine as the kernel sees it: the box it is given, under which name and sizes."""

    param: str
    box: Box
    sizes: tuple[Expr, ...]


class Outline(Translation):
    """Writes one kernel."""

    def __init__(
        self, known: Inference, spelled: dict[str, str], run: Run, made: Sequence[ast.stmt], *,
        directions: Mapping[str, str], scalars: Mapping[str, Param], crossing: Sequence[Crossing],
        constants: frozenset[str],
    ) -> None:  # fmt: skip
        super().__init__(known, spelled)
        self.run = run
        self.statements = _interleaved(made, run.statements)
        self.directions = directions
        self.given = scalars
        self.crossing = crossing
        self.constants = constants
        self.facts = known.facts_at(run.statements[0])
        self.ranges = inner_ranges(self.statements, known)
        self.entering = exposed(self.statements)
        self.changed = frozenset(name for each in self.statements for name in writes(each))
        self.inner = self._inner()
        nodes = (node for each in self.statements for node in ast.walk(each))
        self.takes_parts = any(_cuts(node, known) for node in nodes)
        self.taken = {name for each in self.statements for name in loads(each)} | self.changed | set(RESERVED)
        self.sizes: list[tuple[Expr, Expr]] = []
        self.arrays: dict[str, _Array] = {}
        self.params: list[Param] = []
        self.arguments: list[ast.expr] = []
        self.numbers: dict[str, Param] = {}
        self.number_arguments: dict[str, ast.expr] = {}

    def kernel(self, doc: str) -> tuple[Function, list[ast.expr]]:
        """The kernel, which has no name yet, and the arguments of its call."""
        self._arrays()
        for each in self.crossing:
            self._crossing_param(each)
        body = self._body()
        order = sorted(range(len(self.params)), key=lambda number: _WAYS.index(self.params[number].direction))
        params = (*(self.params[each] for each in order), *self.numbers.values())
        arguments = [*(self.arguments[each] for each in order), *self.number_arguments.values()]
        place = origin_of(self.run.statements[0])
        if place is None:
            raise Bug("a statement without a place")
        return Function("", "kernel", params, tuple(self._heads(body) + body), place, doc), arguments

    # arrays -------------------------------------------------------------------------------------------------------

    def _inner(self) -> frozenset[str]:
        """Symbols of integers that the run computes."""
        found = {each.symbol for each in self.ranges}
        for statement in walk(self.statements):
            if isinstance(statement, ast.AnnAssign | ast.Assign):
                target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
                value = self.known.types.get(id(target))
                if isinstance(value, Index):
                    found |= value.value.symbols if str(value.value) in value.value.symbols else set[str]()
            for names in (self.known.entries.get(id(statement), {}), self.known.exits.get(id(statement), {})):
                found |= set(names.values())
        spelled = (self.spelled[each] for each in found if each in self.spelled)
        return frozenset({*found, *spelled, *(self.changed - self.entering)})

    def _arrays(self) -> None:
        inside = {id(node) for each in self.statements for node in ast.walk(each)}
        accesses = [each for each in self.known.accesses if id(each.node) in inside]
        guarded = guarded_nodes(self.statements)
        roots = list(dict.fromkeys(each.root for each in accesses))
        parts = {
            root: self.part(root, part_of(
                [each for each in accesses if each.root == root],
                self.known.roots[root], self.ranges, self.inner, guarded, self.facts,
            ))
            for root in roots
        }  # fmt: skip
        read = {each.root for each in accesses if not each.writes}
        parts |= {root: with_rows(part, self.known.roots[root]) for root, part in parts.items() if root in read}
        parts |= {root: replace(part, box=_upright(part.box)) for root, part in parts.items() if root not in read}
        self._plain_sizes(parts[root].box for root in roots)
        for root, part in parts.items():
            own = [each for each in accesses if each.root == root]
            sizes = self.known.roots[root]
            reads, stores = (any(each.writes is way for each in own) for way in (False, True))
            whole_out = self.directions.get(root) == "out" and not any(id(each.node) in guarded for each in own)
            way: Way = "in" if not stores else "out" if not reads and (part.covered or whole_out) else "inout"
            extents = [e for e, kept in zip(part.box.extent, part.box.kept, strict=True) if kept]
            axes = [str(size) for size, kept in zip(sizes, part.box.kept, strict=True) if kept]
            plain = ("rows", "cols")[-len(axes) :] if len(axes) <= 2 else ("size",) * len(axes)
            axes = [each if each.isidentifier() else other for each, other in zip(axes, plain, strict=True)]
            dims = tuple(self._dim(extent, axis) for extent, axis in zip(extents, axes, strict=True))
            if way != "in" and not reads and _is_column(extents) and sizes[-1].constant != 1:
                # Nothing in the kernel says that it is one column: it is stored as rows of one element.
                dims = (dims[0], sym(self._free_name("n", "n")))
            self.arrays[root] = _Array(root, self._spelled_box(part.box), dims)
            dtype = next(r.dtype for r in self._regions(root))
            self.params.append(Param(root, way, TensorType(dtype, dims)))
            text = box_text(root, self._spelled_box(part.box), sizes, store=False)
            whole = isinstance(text.slice, ast.Slice | ast.Tuple) and all(
                isinstance(each, ast.Slice) and each.lower is None and each.upper is None
                for each in (text.slice.elts if isinstance(text.slice, ast.Tuple) else [text.slice])
            )
            self.arguments.append(ast.Name(root, ast.Load()) if whole else text)

    def part(self, root: str, found: Part) -> Part:
        """The part of an array that the kernel is given; `found` is the smallest that is known to do."""
        del root
        return found

    def _regions(self, root: str) -> Iterable[Region]:
        for each in self.statements:
            for node in ast.walk(each):
                found = self.known.types.get(id(node))
                if isinstance(found, Region) and found.root == root:
                    yield found

    def _spelled_box(self, box: Box) -> Box:
        return Box(tuple(map(self._outer, box.start)), tuple(map(self._outer, box.extent)), box.kept)

    def _outer(self, value: Expr) -> Expr:
        """An integer in the routine's own names."""
        return value.substitute({each: sym(self.spelled[each]) for each in value.symbols if each in self.spelled})

    def _inferred(self, value: Expr) -> Expr:
        """An integer in the symbols that facts are about, where it is in the routine's names."""
        return value.substitute({name: sym(symbol) for symbol, name in self.spelled.items() if name in value.symbols})

    def _dim(self, extent: Expr, axis: str) -> Expr:
        """What the kernel calls a size that is `extent` in the routine."""
        if extent.constant is not None:
            return extent
        inferred, extent = extent, self._outer(extent)
        for outer, name in self.sizes:
            if outer == extent or self._equal(outer, inferred):
                return name
        alone = str(extent) if str(extent) in extent.symbols else ""
        if not alone and (made := self._of_named(extent)) is not None:
            return made
        name = self._free_name(alone or (axis.lower() if axis.isidentifier() else "size"), alone)
        self.sizes.append((extent, sym(name)))
        return sym(name)

    def _free_name(self, base: str, alone: str) -> str:
        """A name that no size has; `alone` is a name that the body has for the same."""
        name, number = base, 1
        used = {str(each) for _, each in self.sizes}
        used |= {symbol for each in self.arrays.values() for size in each.sizes for symbol in size.symbols}
        while name in used or (name in self.taken and name != alone) or not name.isidentifier():
            number += 1
            name = f"{base if base.isidentifier() else 'size'}_{number}"
        return name

    def _plain_sizes(self, boxes: Iterable[Box]) -> None:
        """Names the sizes that are one symbol, of which others may be computed."""
        for box in boxes:
            for extent, kept in zip(box.extent, box.kept, strict=True):
                if kept and str(extent) in extent.symbols:
                    self._dim(extent, str(extent))

    def _of_named(self, extent: Expr) -> Expr | None:
        """An extent that is computed of sizes which have names already, such as `N + P`."""
        names = {str(outer): name for outer, name in self.sizes}
        return extent.substitute(names) if extent.symbols <= names.keys() else None

    def _crossing_param(self, each: Crossing) -> None:
        dims = tuple(self._dim(size, ("rows", "cols")[-2:][min(axis, 1)]) for axis, size in enumerate(each.value.dims))
        name = f"{each.name}_{SUFFIX[each.way]}"
        box = Box(tuple(const(0) for _ in dims), each.value.dims, tuple(True for _ in dims))
        self.arrays[each.name] = _Array(name, box, dims)
        self.params.append(Param(name, each.way, TensorType(each.value.dtype, dims)))
        self.arguments.append(ast.Name(each.name, ast.Load()))

    # the body -----------------------------------------------------------------------------------------------------

    def _body(self) -> list[ast.stmt]:
        waiting = {each.name: each for each in self.crossing if each.way != "out"}
        last = {
            each.name: number
            for each in self.crossing if each.way != "in"
            for number, statement in enumerate(self.statements) if each.name in writes(statement)
        }  # fmt: skip
        body: list[ast.stmt] = []
        for number, statement in enumerate(self.statements):
            first = sorted((loads(statement) | writes(statement)) & waiting.keys())
            body += [self._loaded(waiting.pop(name), statement) for name in first]
            body.append(self.statement(statement))
            body += [self._stored(name, statement) for name, at in last.items() if at == number]
        return body

    def _loaded(self, each: Crossing, statement: ast.stmt) -> ast.stmt:
        array = self.arrays[each.name]
        from htp.types import TileType

        target = ast.Name(each.name, ast.Store())
        annotation = annotation_of(TileType(each.value.dtype, self._extents(array)))
        value = self._whole(array, store=False)
        return stamp(ast.AnnAssign(target, annotation, value, 1), origin_of(statement))

    def _stored(self, name: str, statement: ast.stmt) -> ast.stmt:
        array = self.arrays[name]
        target = self._whole(array, store=True)
        return stamp(stored(target, ast.Name(name, ast.Load())), origin_of(statement))

    def _extents(self, array: _Array) -> tuple[Expr, ...]:
        bounded = {str(name): self._at_most(name, outer) for outer, name in self.sizes}
        return tuple(each.substitute(bounded) for each in array.sizes)

    def _whole(self, array: _Array, *, store: bool) -> ast.expr:
        sizes = array.sizes
        box = Box(tuple(const(0) for _ in sizes), self._extents(array), tuple(True for _ in sizes))
        return box_text(array.param, box, sizes, store=store)

    def _heads(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """`k: i64 = k_in` for numbers that the body changes, `m = x.shape[0]` for sizes that it computes with."""
        used = {name for each in body for name in loads(each)}
        heads: list[ast.stmt] = []
        for name, (kind, value) in sorted(self._variables().items()):
            head = ast.AnnAssign(ast.Name(name, ast.Store()), ast.Name(kind, ast.Load()), value, 1)
            heads.append(stamp(head, origin_of(self.run.statements[0])))
        for _, name in self.sizes:
            if str(name) not in used:
                continue
            array = next(each for each in self.arrays.values() if name in each.sizes)
            shape = ast.parse(f"{array.param}.shape[{array.sizes.index(name)}]", mode="eval").body
            heads.append(stamp(assigned(str(name), shape), origin_of(self.run.statements[0])))
        return heads

    def _variables(self) -> dict[str, tuple[str, ast.expr]]:
        """The numbers that the body changes, by kind, and how they begin: as what is passed, or as nothing yet."""
        found = assigned_within(self.statements, self.known)
        for name in self.numbers.keys() & self.changed:
            param = self.numbers[name]
            kind = param.type.dtype.kind if isinstance(param.type, ScalarType) else "int"
            found[name] = ({"bool": "bool_", "float": "f64"}.get(kind, "i64"), ast.Name(param.name, ast.Load()))
        return found

    # names --------------------------------------------------------------------------------------------------------

    def size(self, value: Expr) -> Expr:
        """An integer in the kernel's sizes; what they do not tell is passed as a number."""
        value = self.facts.simplify(value)
        for outer, name in self.sizes:
            if value == outer or (not value.symbols & self.inner and self._equal(value, outer)):
                return self._at_most(name, outer)
        value = value.rebuilt(self._atom)
        names = {str(name) for _, name in self.sizes}
        for symbol in sorted(value.symbols - (self.inner - self.entering) - names):
            self._pass(symbol, i64, ast.Name(symbol, ast.Load()))
        return value

    def _equal(self, one: Expr, other: Expr) -> bool:
        return self.facts.equal(self._inferred(one), self._inferred(other)) is True

    def _at_most(self, name: Expr, outer: Expr) -> Expr:
        """The kernel's name of a size, with its bound where parts of tiles are taken, which end where these do."""
        most = self.facts.upper_bound(self._inferred(outer)) if self.takes_parts else None
        return name if most is None else minimum(const(most), name)

    def _atom(self, atom: object) -> Expr | None:
        """The kernel's name of a part of an integer."""
        from htp.dims.expr import of_atom

        value = of_atom(atom)  # type: ignore[arg-type]
        return next((name for outer, name in self.sizes if outer == value), None)

    def region(self, root: str, box: Box, *, store: bool) -> ast.expr:
        """The slice, counted from where the kernel's part of the array begins."""
        array = self.arrays[root]
        starts: list[Expr] = []
        extents: list[Expr] = []
        kept: list[bool] = []
        for axis, keeps in enumerate(array.box.kept):
            if keeps:
                starts.append(self.size(box.start[axis] - array.box.start[axis]))
                extents.append(self.size(box.extent[axis]))
                kept.append(box.kept[axis])
        return box_text(array.param, Box(tuple(starts), tuple(extents), tuple(kept)), array.sizes, store=store)

    def number(self, name: str) -> ast.expr:
        """A number of the routine, passed on."""
        if name in self.entering and name not in self.constants:
            known = next(
                self.known.types[id(node)]
                for each in self.statements for node in ast.walk(each)
                if isinstance(node, ast.Name) and node.id == name and id(node) in self.known.types
            )  # fmt: skip
            dtype = bool_ if isinstance(known, Number) and known.kind == "bool" else f32
            self._pass(name, dtype, ast.Name(name, ast.Load()))
        return ast.Name(name, ast.Load())

    def _pass(self, name: str, dtype: DType, argument: ast.expr) -> None:
        if name in self.numbers:
            return
        given = self.given.get(name)
        type_ = given.type if given is not None and isinstance(given.type, ScalarType) else ScalarType(dtype)
        # What a kernel changes is a variable of its own: parameters keep their values.
        own = fresh(f"{name}_in", self.taken) if name in self.changed else name
        self.numbers[name] = Param(own, "scalar", type_) if given is None else replace(given, name=own, origin=None)
        self.number_arguments[name] = copy.copy(argument)


def _upright(box: Box) -> Box:
    """A column of a matrix that is taken with one index, as a matrix of one column."""
    return replace(box, kept=(True, True)) if box.kept == (True, False) and box.extent[0].constant != 1 else box


def _is_column(extents: Sequence[Expr]) -> bool:
    return len(extents) == 2 and extents[1].constant == 1 != extents[0].constant


def _interleaved(made: Sequence[ast.stmt], statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements, each behind those that make the tiles anew that it is the first to read."""
    left = list(made)
    result: list[ast.stmt] = []

    def before(reader: ast.stmt) -> None:
        for each in [one for one in left if writes(one) & loads(reader)]:
            if each in left:
                left.remove(each)
                before(each)
                result.append(each)

    for statement in statements:
        before(statement)
        result.append(statement)
    return result


def _cuts(node: ast.AST, known: Inference) -> bool:
    """Whether an expression is a part of a tile that ends where a size does."""
    if not isinstance(node, ast.Subscript) or id(node) not in known.slices:
        return False
    tile, extents = known.types.get(id(node.value)), known.slices[id(node)][1]
    return isinstance(tile, Value) and any(
        part.constant is None and part != whole for part, whole in zip(extents, tile.dims, strict=True)
    )
