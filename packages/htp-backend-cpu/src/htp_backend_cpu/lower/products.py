"""Matrix products: blocks, packed panels of the right factor, packed rows of the left one, and register blocks.

Knows how a product is blocked; how one register block runs is `htp.loops.mma`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.dims import Expr, const, minimum, sym
from htp.lowering.build import annotated, call, expression, loop, stored, subscript, tuple_of
from htp.types import TileType
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.buffers import STACK_BYTES, Buffer, Memory, Placed, place_of
from htp_backend_cpu.lower.combining import initial
from htp_backend_cpu.lower.elements import ZERO, Index, Writing, at_region, broadcast_index, element
from htp_backend_cpu.lower.writing import nest, under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_backend_cpu.lower.graph import Node

# Block sizes of a product: rows and columns of one block, depth of one packed panel, rows of one register block.
ROWS, COLUMNS, DEPTH, REGISTER_ROWS = 64, 256, 256, 8
# A right factor whose rows are contiguous is packed only when so many rows use the panel.
PACKED_FROM_ROWS = 17
# Transposing copies work in squares of this many elements.
SQUARE = 16

Span = tuple[Expr, Expr]


@dataclass(frozen=True)
class Block:
    """Part of a product: starts and extents of its rows, columns and depth, and the index of its batch."""

    batch: Index
    rows: Span
    columns: Span
    depth: Span


class ProductWriter:
    """Writes one product into its target; an addend already lies there."""

    def __init__(self, memory: Memory, node: graph.Product, target: Buffer | Placed, *, parallel: bool) -> None:
        self.memory = memory
        self.node = node
        self.target = target
        self.parallel = parallel
        self.strip = 32 if node.dtype.bits <= 32 else 16

    def write(self) -> list[ast.stmt]:
        """The statements of the product."""
        depth = self.bound(self.node.a.dims[-1])
        once = depth is not None and depth <= DEPTH
        zero = self.node.acc is None
        batch, loops = nest(self.memory, self.node.dims[:-2])
        return (self.cleared() if zero and not once else []) + under(loops, self.blocks(batch, zero=zero and once))

    def cleared(self) -> list[ast.stmt]:
        """Zero in every element of the target."""
        index, loops = nest(self.memory, self.node.dims)
        where = [expression(each) for each in place_of(self.target, index)]
        return under(loops, [stored(subscript(self.target.name, where, store=True), initial("sum", self.node.dtype))])

    def bound(self, size: Expr) -> int | None:
        """A constant that the size never exceeds."""
        return self.memory.facts.upper_bound(size)

    def blocks(self, batch: Index, *, zero: bool) -> list[ast.stmt]:
        """Loops over blocks of rows, columns and depth where a size can exceed one block."""
        dims = (self.node.dims[-2], self.node.dims[-1], self.node.a.dims[-1])
        rows, row_loop = self.blocked(dims[0], ROWS, 2 * ROWS, "i")
        columns, column_loop = self.blocked(dims[1], COLUMNS, COLUMNS, "j")
        depth, depth_loop = self.blocked(dims[2], DEPTH, DEPTH, "k")
        body = self.block(Block(batch, rows, columns, depth), zero=zero)
        for header in (depth_loop, column_loop, row_loop):
            if header is not None:
                statement = loop(*header, body=body)
                if header is row_loop and self.parallel:
                    statement.iter = call("parallel", statement.iter)
                body = list[ast.stmt]([statement])
        return body

    def blocked(self, size: Expr, block: int, limit: int, name: str) -> tuple[Span, tuple[str, int, Expr, int] | None]:
        """One block of a size, and the loop over blocks when there can be several."""
        bound = self.bound(size)
        if bound is not None and bound <= limit:
            return (ZERO, size), None
        name = self.memory.fresh(name)
        return (sym(name), minimum(const(block), size - sym(name))), (name, 0, size, block)

    def block(self, block: Block, *, zero: bool) -> list[ast.stmt]:
        """One block: its right factor in strips of one register block's width, each multiplied with all the rows."""
        strip = self.memory.fresh("q")
        lanes = (block.columns[0] + sym(strip), minimum(const(self.strip), block.columns[1] - sym(strip)))
        part = Block(block.batch, block.rows, lanes, block.depth)
        before: list[ast.stmt] = []
        left = self.packed_rows(block, before)
        few_rows = (self.bound(block.rows[1]) or PACKED_FROM_ROWS) < PACKED_FROM_ROWS
        right = self.in_memory(self.node.b, block.batch, block.depth, lanes) if few_rows else None
        body: list[ast.stmt] = []
        if right is None:
            packed = self.buffer("panel", self.bound(block.depth[1]) or DEPTH, self.strip, before)
            body += self.packed_panel(packed, part)
            right = subscript(packed, [_box(ZERO, part.depth[1]), _box(ZERO, lanes[1])])
        body += self.register_blocks(part, left, right, zero=zero)
        return [*before, loop(strip, 0, block.columns[1], self.strip, body=body)]

    def buffer(self, base: str, rows: int, columns: int, out: list[ast.stmt]) -> str:
        """A packed buffer of constant size."""
        name = self.memory.fresh(base)
        space = "stack" if rows * columns * self.node.dtype.bits // 8 <= STACK_BYTES else "scratch"
        sizes = (const(rows), const(columns))
        value = call("alloc", tuple_of(sizes), self.node.dtype.name, space=ast.Constant(space))
        out.append(annotated(name, str(TileType(self.node.dtype, sizes)), value))
        return name

    # packing ----------------------------------------------------------------------------------------------------

    def packed_rows(self, block: Block, out: list[ast.stmt]) -> str | None:
        """The left factor's block in a buffer of its own; None where it is read in place.

        Rows of a tensor are often a power of two of 4 KiB or more apart and then compete for few cache sets.
        """
        width, rows = self.bound(block.columns[1]), self.bound(block.rows[1])
        if not isinstance(self.node.a, graph.Load) or id(self.node.a) in self.memory.homes:
            return None
        if (width is not None and width <= self.strip) or rows is None or rows <= REGISTER_ROWS:
            return None
        name = self.buffer("rows", rows, min(self.bound(block.depth[1]) or DEPTH, DEPTH), out)
        m, k = self.memory.fresh("m"), self.memory.fresh("k")
        index = (*broadcast_index(self.node.a.dims[:-2], block.batch), block.rows[0] + sym(m), block.depth[0] + sym(k))
        inner: list[ast.stmt] = []
        value = element(self.node.a, index, Writing(self.memory, inner))
        inner.append(stored(subscript(name, [expression(m), expression(k)], store=True), value))
        out.append(loop(m, block.rows[1], body=[loop(k, block.depth[1], body=inner)]))
        return name

    def packed_panel(self, packed: str, part: Block) -> list[ast.stmt]:
        """Copies a strip of the right factor, by transposing squares where its columns are contiguous."""
        if self.is_transposed(self.node.b):
            return self.transposed_panel(packed, part)
        k, c = self.memory.fresh("k"), self.memory.fresh("c")
        source = self.node.b
        index = (*broadcast_index(source.dims[:-2], part.batch), part.depth[0] + sym(k), part.columns[0] + sym(c))
        inner: list[ast.stmt] = []
        value = element(source, index, Writing(self.memory, inner))
        inner.append(stored(subscript(packed, [expression(k), expression(c)], store=True), value))
        return [loop(k, part.depth[1], body=[loop(c, part.columns[1], body=inner)])]

    def is_transposed(self, node: Node) -> bool:
        """Whether the value is a matrix in memory read with its last two axes exchanged."""
        if not isinstance(node, graph.Moved) or not isinstance(node.how, graph.Transposed):
            return False
        last = len(node.how.order) - 1
        exchanged = (*range(last - 1), last, last - 1)
        at_zero = (ZERO, const(1))
        batch = tuple(ZERO for _ in node.source.dims[:-2])
        known = self.in_memory(node.source, batch, at_zero, at_zero) is not None
        return node.how.order == exchanged and known

    def transposed_panel(self, packed: str, part: Block) -> list[ast.stmt]:
        """The strip of a transposed right factor, square by square."""
        k, c = self.memory.fresh("k"), self.memory.fresh("c")
        deep = minimum(const(SQUARE), part.depth[1] - sym(k))
        wide = minimum(const(SQUARE), part.columns[1] - sym(c))
        source = self.node.b.inputs[0]
        columns, depth = (part.columns[0] + sym(c), wide), (part.depth[0] + sym(k), deep)
        target = subscript(packed, [_box(sym(k), deep), _box(sym(c), wide)])
        copy = call("transpose_block", target, self.in_memory(source, part.batch, columns, depth) or ast.Constant(None))
        inner = loop(k, 0, part.depth[1], SQUARE, body=[ast.Expr(copy)])
        return [loop(c, 0, part.columns[1], SQUARE, body=[inner])]

    # register blocks --------------------------------------------------------------------------------------------

    def register_blocks(self, part: Block, packed: str | None, right: ast.expr, *, zero: bool) -> list[ast.stmt]:
        """`mma` for every register block of rows."""
        name = self.memory.fresh("m")
        count = minimum(const(REGISTER_ROWS), part.rows[1] - sym(name))
        rows = (part.rows[0] + sym(name), count)
        if packed is not None:
            left: ast.expr | None = subscript(packed, [_box(sym(name), count), _box(ZERO, part.depth[1])])
        else:
            left = self.in_memory(self.node.a, part.batch, rows, part.depth)
        named = {"zero": ast.Constant(True)} if zero else {}
        target = _block_of(self.target, part.batch, rows, part.columns)
        block = ast.Expr(call("mma", target, left or ast.Constant(None), right, **named))
        return [loop(name, 0, part.rows[1], REGISTER_ROWS, body=[block])]

    def in_memory(self, node: Node, batch: Index, rows: Span, columns: Span) -> ast.expr | None:
        """A block of a matrix as a slice of memory, where it lies in memory, row by row, with the product's dtype."""
        if node.dtype is not self.node.dtype:
            return None
        outer = broadcast_index(node.dims[:-2], batch)
        home = self.memory.homes.get(id(node))
        if isinstance(home, Buffer) and not home.row:
            return _block_of(home, outer, rows, columns)
        if home is None and isinstance(node, graph.Load) and node.kept[-1] and sum(node.kept) >= 2:
            return _block_of(Placed(node.root, node.starts, node.kept), outer, rows, columns)
        return None


def _block_of(home: Buffer | Placed, outer: Index, rows: Span, columns: Span) -> ast.expr:
    """A block of a matrix's last two axes as a slice of its memory."""
    if isinstance(home, Buffer):
        return subscript(home.name, [*(expression(each) for each in outer), _box(*rows), _box(*columns)])
    first = at_region(home.starts, home.stays, (*outer, rows[0], columns[0]))
    stays = [axis for axis, keep in enumerate(home.stays) if keep]
    extents = {stays[-2]: rows[1], stays[-1]: columns[1]}
    return subscript(home.name, _parts(first, extents))


def _parts(first: Index, extents: dict[int, Expr]) -> Sequence[ast.expr]:
    return [_box(start, extents[axis]) if axis in extents else expression(start) for axis, start in enumerate(first)]


def _box(start: Expr, extent: Expr) -> ast.Slice:
    return ast.Slice(None if start.constant == 0 else expression(start), expression(start + extent))
