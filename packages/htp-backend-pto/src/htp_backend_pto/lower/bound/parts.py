"""Products over a long extent take it part by part: the next part is loaded to L1 while this one is at work.

Knows loads and products of kernels whose tiles have rooms; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const, minimum, sym
from htp.fresh_names import fresh
from htp.infer.engine import infer
from htp.infer.values import Box, Index, Region
from htp.liveness import loads, writes
from htp.lowering.build import call, expression, tuple_of
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.translate import box_text, written_box
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.tiles import annotation_of, room_of, tile_type, with_room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp.types import TileType

__all__ = ["parted"]

HALF = 256 << 10
"""Bytes of L1 that the two operands of a product take at most, so that the next two have room beside them."""
LEAST = 32
"""The shortest part that is worth a load."""


def parted(program: Program, kernel: Function) -> Function:
    """The kernel with its products part by part where their operands would not fit twice."""
    if not any(called(getattr(each, "value", None)) == "tile.dot" for each in walk(kernel.body)):
        return kernel
    parting = _Parting(program, kernel)
    body = parting.block(kernel.body)
    return replace(kernel, body=tuple(with_sizes(kernel, body))) if parting.parted else kernel


@dataclass(frozen=True)
class _Factor:
    """The statements that make an operand: a load, perhaps turned; `axis` of what is loaded is the shared extent."""

    statements: Sequence[ast.AnnAssign]
    axis: int

    @property
    def type(self) -> TileType | None:
        """What is multiplied."""
        return tile_type(self.statements[-1].annotation)


@dataclass(frozen=True)
class _Large:
    """A product with more operands than fit twice: how much of the shared extent, `depth`, is taken at once."""

    factors: Sequence[_Factor]
    most: int
    depth: Expr


class _Parting:
    """Rewrites one kernel."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.known = infer(program, kernel)
        self.inputs = {each.name for each in kernel.params if each.direction == "in"}
        simple = [each for each in walk(kernel.body) if not isinstance(each, ast.For | ast.While | ast.If)]
        self.readers = Counter(name for each in simple for name in loads(each))
        self.taken = {name for each in walk(kernel.body) for name in (*loads(each), *writes(each))}
        self.taken |= {each.name for each in kernel.params}
        self.parted = False

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements of a block."""
        result: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.For) and (shorter := self.shorter(each)) is not None:
                result.append(shorter)
            elif isinstance(each, ast.For | ast.While | ast.If):
                orelse = self.block(each.orelse) if isinstance(each, ast.If) else []
                result.append(with_blocks(each, self.block(each.body), orelse))
            elif isinstance(each, ast.AnnAssign) and called(each.value) == "tile.dot":
                result = self.product(each, result)
            else:
                result.append(each)
        return result

    # products -----------------------------------------------------------------------------------------------------

    def product(self, node: ast.AnnAssign, before: list[ast.stmt]) -> list[ast.stmt]:
        """The statements up to a product, which is a loop if its operands are too large."""
        found = self.large(node, before)
        type_ = tile_type(node.annotation)
        if found is None or type_ is None or not isinstance(node.value, ast.Call):
            return [*before, node]
        self.parted = True
        gone = {id(each) for factor in found.factors for each in factor.statements}
        kept = [each for each in before if id(each) not in gone]
        if not any(each.arg == "acc" for each in node.value.keywords):
            kept.append(_zeros(ast.unparse(node.target), type_, node))
        variable = self.fresh("part")
        facts = self.known.facts_at(node).with_range(variable, const(0), found.depth, found.most)
        width = facts.simplify(minimum(const(found.most), found.depth - sym(variable)))
        body = self.turn(node, found, sym(variable), width)
        header = call("range", 0, expression(found.depth), found.most)
        loop = ast.For(ast.Name(variable, ast.Store()), header, body, [], lineno=0)
        return [*kept, stamp(loop, origin_of(node))]

    def shorter(self, loop: ast.For) -> ast.stmt | None:
        """A loop that does nothing but add up products along its variable, with more turns that take less each."""
        product, bounds = loop.body[-1], _bounds(loop)
        variable = self.known.types.get(id(loop.target))
        if not isinstance(product, ast.AnnAssign) or called(product.value) != "tile.dot" or bounds is None:
            return None
        found = self.large(product, loop.body[:-1])
        stop = self.known.types.get(id(bounds[1]))
        if found is None or not isinstance(variable, Index) or not isinstance(stop, Index):
            return None
        if bounds[2] < 1 or bounds[2] % found.most:
            return None
        facts, at = self.known.facts_at(product), variable.value
        whole = facts.simplify(minimum(const(bounds[2]), stop.value - at))
        alone = len(loop.body) == 1 + sum(len(each.statements) for each in found.factors)
        if not alone or whole != found.depth or not all(self.follows(each, at) for each in found.factors):
            return None
        self.parted = True
        body = self.turn(product, found, const(0), facts.simplify(minimum(const(found.most), stop.value - at)))
        header = ast.Call(ast.Name("range", ast.Load()), [bounds[0], bounds[1], ast.Constant(found.most)], [])
        return stamp(ast.For(loop.target, header, body, [], lineno=0), origin_of(loop))

    def follows(self, factor: _Factor, variable: Expr) -> bool:
        """Whether a load begins, along the shared extent, where a loop is, and depends on the loop in no other way."""
        region = self.known.types.get(id(factor.statements[0].value))
        if not isinstance(region, Region):
            return False
        at = [number for number, kept in enumerate(region.box.kept) if kept][factor.axis]
        others = [each for number, each in enumerate(region.box.start) if number != at]
        others += [each for number, each in enumerate(region.box.extent) if number != at]
        rest = region.box.start[at] - variable
        return not any(variable.symbols & each.symbols for each in (*others, rest))

    def large(self, node: ast.AnnAssign, before: Sequence[ast.stmt]) -> _Large | None:
        """A product whose operands are loaded for it and do not fit twice."""
        value = node.value
        if not isinstance(value, ast.Call) or not isinstance(node.target, ast.Name):
            return None
        factors = [self.factor(each, before, axis) for each, axis in zip(value.args[:2], (1, 0), strict=True)]
        found = [each for each in factors if each is not None]
        most = _part(*found) if len(found) == 2 else None
        left = found[0].type if found else None
        return None if most is None or left is None else _Large(found, most, left.dims[1])

    def factor(self, node: ast.expr, before: Sequence[ast.stmt], axis: int) -> _Factor | None:
        """How an operand is made, if that is by a load for this product alone."""
        if not isinstance(node, ast.Name) or self.readers[node.id] != 1:
            return None
        made = [each for each in before if isinstance(each, ast.AnnAssign) and node.id in writes(each)]
        if len(made) != 1:
            return None
        value, known = made[0].value, self.known.types.get(id(made[0].value))
        if isinstance(value, ast.Call) and called(value) == "tile.transpose":
            inner = self.factor(value.args[0], before, 1 - axis)
            return None if inner is None else _Factor([*inner.statements, made[0]], inner.axis)
        if isinstance(known, Region) and known.root in self.inputs and sum(known.box.kept) == 2:
            return _Factor(made, axis)
        return None

    def turn(self, node: ast.AnnAssign, found: _Large, start: Expr, width: Expr) -> list[ast.stmt]:
        """The product of one part, added to the sum."""
        value = node.value
        if not isinstance(value, ast.Call):
            raise Bug(f"no product: `{ast.unparse(node)}`")
        parts = [each for factor in found.factors for each in self.part(factor, start, width, found.most)]
        target = ast.Name(ast.unparse(node.target), ast.Load())
        keywords = [each for each in value.keywords if each.arg != "acc"]
        old = next((each.value for each in value.keywords if each.arg == "acc"), target)
        added = ast.Call(value.func, value.args, [*keywords, ast.keyword("acc", old)])
        return [*parts, stamp(ast.AnnAssign(node.target, node.annotation, added, 1), origin_of(node))]

    def part(self, factor: _Factor, start: Expr, width: Expr, most: int) -> list[ast.stmt]:
        """The statements that make a part of an operand."""
        made: list[ast.stmt] = []
        axis = factor.axis
        for each in factor.statements:
            type_ = tile_type(each.annotation)
            known = self.known.types.get(id(each.value))
            value = each.value
            if type_ is None or value is None:
                continue
            if isinstance(known, Region):
                value = self.slice(value, known, axis, start, width)
            else:
                axis = 1 - axis
            made.append(
                stamp(ast.AnnAssign(each.target, _narrowed(type_, axis, width, most), value, 1), origin_of(each))
            )
        return made

    def slice(self, node: ast.expr, region: Region, axis: int, start: Expr, width: Expr) -> ast.expr:
        """A slice with a part of one of its two dimensions."""
        sizes = self.known.roots[region.root]
        box = written_box(node, region, sizes)
        at = [number for number, kept in enumerate(box.kept) if kept][axis]
        starts, extents = list(box.start), list(box.extent)
        starts[at], extents[at] = starts[at] + start, width
        return box_text(region.root, Box(tuple(starts), tuple(extents), box.kept), sizes, store=False)

    def fresh(self, base: str) -> str:
        """A name that nothing has."""
        return fresh(base, self.taken)


def _part(left: _Factor, right: _Factor) -> int | None:
    """How much of the shared extent is loaded at once: a power of two; `None` if all of it fits twice."""
    one, two = left.type, right.type
    rooms = [room_of(each) for each in (one, two) if each is not None]
    first, second = rooms if len(rooms) == 2 else (None, None)
    if one is None or first is None or second is None:
        return None
    most = HALF // ((first.rows + second.columns) * (one.dtype.bits // 8))
    if most >= first.columns or most < LEAST:
        return None
    return 1 << (most.bit_length() - 1)


def _bounds(loop: ast.For) -> tuple[ast.expr, ast.expr, int] | None:
    """The start, stop and step of a loop."""
    match loop.iter:
        case ast.Call(args=[start, stop, ast.Constant(value=int(step))]):
            return start, stop, step
        case _:
            return None


def _narrowed(type_: TileType, axis: int, width: Expr, most: int) -> ast.expr:
    """The type of a part, and its room."""
    dims = tuple(width if number == axis else each for number, each in enumerate(type_.dims))
    here = room_of(type_)
    room = here and replace(here, **{("rows", "columns")[axis]: most})
    return annotation_of(with_room(replace(type_, dims=dims), room))


def _zeros(name: str, type_: TileType, node: ast.stmt) -> ast.stmt:
    """The sum before anything is added."""
    zero = ast.Constant(0.0 if type_.dtype.kind == "float" else 0)
    made = call("tile.full", tuple_of([expression(each) for each in type_.dims]), zero, type_.dtype.name)
    return stamp(ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), made, 1), origin_of(node))
