"""Statements of a cube kernel as instructions: operands through L1 to L0A and L0B, sums in L0C.

Knows products; does not know where in a memory a tile lies.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from htp.dims import Expr, const, minimum, sym
from htp.infer.values import Index, Region
from htp.liveness import loads, writes
from htp.lowering.build import call, expression
from htp.program import stamp
from htp.types import TileType, i32
from htp_backend_pto.layouts import BOX_ROWS, ROW, OnChip, l0a, l0b, l0c, l1, scaling
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.select.vector import Vector
from htp_backend_pto.lower.units import PATCHES, SCALED, called, walk
from htp_backend_pto.lower.writing import room

if TYPE_CHECKING:
    from collections.abc import Container

    from htp.infer.state import Inference
    from htp.lowering.build import Operand
    from htp.program import Function
    from htp_backend_pto.lower.bounds import Sizes

__all__ = ["Cube"]

HALF = 32 << 10
"""Bytes of L0A and of L0B that one operand takes at most, so that the next can be moved in beside it."""
SCALES = 16
"""Scales that are moved at once: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TMov.hpp."""
LONGEST = 4095
"""The largest extent of a product: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TMatmul.hpp."""


class Cube(Vector):
    """Rewrites one kernel."""

    def __init__(self, kernel: Function, known: Inference, given: Sizes, silent: Container[int] = ()) -> None:
        super().__init__(kernel, known, given, silent)
        self.sources: dict[str, ast.Subscript] = {}
        self.narrow: dict[str, str] = {}
        self.upon: dict[str, ast.Subscript] = {}
        """Products that are added to a slice of an array when they are stored."""
        self.upon_way: dict[str, ast.Call] = {}
        """Sums that are scaled when they are stored."""
        self.scales = _scales(kernel)
        self.patches: dict[str, ast.Call] = {}
        """Patches of images, which are made where a product takes them."""
        self.loops: list[Expr] = []
        """How far each loop around is from its first turn."""
        self.zero: dict[str, int] = {}
        """Sums that hold nothing before a loop, and how many loops are around them."""

    def loop(self, node: ast.For) -> None:
        """A loop; products know which turn of it is the first."""
        variable, arguments = self.known.of(node.target), node.iter.args if isinstance(node.iter, ast.Call) else []
        first = self.known.of(arguments[0]) if len(arguments) > 1 else Index(const(0))
        if isinstance(variable, Index) and isinstance(first, Index):
            self.loops.append(variable.value - first.value)
        body = self.statements(node.body)
        self.loops.pop()
        self.out.append(with_blocks(node, body))

    # tiles --------------------------------------------------------------------------------------------------------

    def value(self, name: str, type_: TileType, node: ast.expr) -> None:
        """`name: type_ = node`, on the cube unit."""
        known = self.known.types.get(id(node))
        operation, given = self.known.operations.get(id(node), ("", {}))
        if isinstance(known, Region):
            self.sources[name] = self.subscript(node)
            if name in self.scales:
                self.scale(name, type_)
                return
            self.instruct(name, self.in_l1(type_, room(type_), "nz"), "load", self.sources[name])
        elif operation == "transpose":
            self.transposed(name, type_, given["x"])
        elif operation == "full":
            self.zero[name] = len(self.loops)
            self.accumulator(name, type_)
        elif operation == "cast" and isinstance(given["x"], ast.Name):
            self.narrow[name] = given["x"].id
        elif operation == "dot":
            acc = given.get("acc")
            if isinstance(acc, ast.Name) and acc.id in self.sources:
                self.upon[name], acc = self.sources[acc.id], None
            self.product(name, type_, self.factor(given["a"]), self.factor(given["b"]), acc)
        elif isinstance(node, ast.Call) and called(node) in SCALED:
            self.scaled(name, type_, node)
        elif isinstance(node, ast.Call) and called(node) == PATCHES:
            self.patched(name, type_, node)
        else:
            what = f"`{ast.unparse(node)}` has no instruction of the cube unit"
            raise self.refused(what, "compute it before the product")

    def in_l1(self, type_: TileType, here: OnChip, form: str) -> TileType:
        """The type of a tile in L1."""
        box = ROW * 8 // type_.dtype.bits
        unit = max(BOX_ROWS, box)
        rows, columns = (-(-each // unit) * unit for each in (here.rows, here.columns))
        facet = OnChip("l1", rows, columns, "zn" if form == "zn" else "nz", box)
        return TileType(type_.dtype, type_.dims, (facet,))

    def scale(self, name: str, type_: TileType) -> None:
        """A row of scales, through L1 to where sums are scaled on their way."""
        columns = -(-room(type_).columns // SCALES) * SCALES
        there = TileType(type_.dtype, type_.dims, (scaling(1, columns),))
        row = TileType(type_.dtype, type_.dims, (l1(1, columns, "nd"),))
        self.instruct(name, there, "mov", self.instruct(None, row, "load", self.sources[name], base=f"{name}_row"))

    def scaled(self, name: str, type_: TileType, node: ast.Call) -> None:
        """A sum that is scaled: on its way to memory where it is only stored, else in L1."""
        operands = [self.loaded(each) for each in node.args]
        whole = called(node) in ("pto.store_fp", "pto.mov_fp")
        stored, elsewhere = self.readers(name)
        if stored and not whole:
            raise self.refused(
                f"what `{called(node)}` gives is in L1, and a store from there has no rows",
                "store what `pto.store_fp` gives, or a product of it",
            )
        if stored:
            self.upon_way[name] = call("pto.store_fp", *operands, dtype=type_.dtype.name)
        if elsewhere or not stored:
            there = self.in_l1(type_, room(type_), "nz")
            named = {} if called(node) == "pto.insert_fp" else {"dtype": type_.dtype.name}
            how = "mov_fp" if whole else called(node).removeprefix("pto.")
            self.instruct(name, there, how, *operands, **named)

    def readers(self, name: str) -> tuple[bool, bool]:
        """Whether a tile is stored, and whether anything else reads it."""
        stores = [isinstance(each, ast.Assign) and isinstance(each.value, ast.Name) for each in self.reading(name)]
        return any(stores), not all(stores)

    def reading(self, name: str) -> list[ast.stmt]:
        """The simple statements that read a tile."""
        return [each for each in walk(self.kernel.body) if name in loads(each) and not hasattr(each, "body")]

    def patched(self, name: str, type_: TileType, node: ast.Call) -> None:
        """Patches of an image, which are made in L0A by the products that take them, part by part."""
        if not all(_is_left(each, name) for each in self.reading(name)):
            raise self.refused(
                f"`{name}` are patches of an image in L0A, where only products take them, as their left operand",
                "store a product of them: `pto.store(pto.matmul(patches, weights))`",
            )
        simple = [each for each in walk(self.kernel.body) if not hasattr(each, "body")]
        made = Counter(each for statement in simple for each in writes(statement))
        twice = next((each for each in sorted({name, *loads(node)}) if made[each] > 1), None)
        if twice is not None:
            raise self.refused(
                f"`{name}` are patches that the product makes, and `{twice}` has more than one value",
                f"give each value of `{twice}` a name of its own",
            )
        self.patches[name] = node
        self.types[name] = self.in_l1(type_, room(type_), "nz")

    def transposed(self, name: str, type_: TileType, source: ast.expr) -> None:
        """A slice of memory with its rows as columns."""
        if not isinstance(source, ast.Name) or source.id not in self.sources:
            raise self.refused(
                f"`{ast.unparse(source)}` cannot be transposed on the cube unit",
                "transpose a slice of an array: `x[…].T`",
            )
        self.instruct(name, self.in_l1(type_, room(type_), "zn"), "load_t", self.sources[source.id])

    def factor(self, node: ast.expr) -> str:
        """An operand of a product, in L1; a sum is brought back there."""
        name = self.tile(node)
        here = room(self.types[name])
        if here.space != "l0c":
            return name
        return self.instruct(None, self.in_l1(self.types[name], here, "nz"), "mov", name)

    def store(self, target: ast.Subscript, value: ast.expr) -> None:
        """A sum into an array, rounded on the way where the array is narrower."""
        known = self.known.of(target)
        if not isinstance(known, Region):
            return
        if isinstance(value, ast.Name) and value.id in self.narrow:
            name, how = self.narrow[value.id], call("pto.store_as", self.narrow[value.id], dtype=known.dtype.name)
        elif isinstance(value, ast.Name) and value.id in self.upon_way:
            name, how = value.id, self.upon_way[value.id]
        elif isinstance(value, ast.Name) and value.id in self.upon:
            old = ast.Subscript(target.value, target.slice, ast.Load())
            name, how = value.id, call("pto.store_add", value.id, old)
        elif isinstance(value, ast.Name) and value.id in self.types:
            name, how = value.id, call("pto.store", value.id)
        else:
            raise self.refused("only sums leave the cube unit", "store a tile")
        if len(known.dims) != 2:
            raise self.refused(f"`{name}` is stored as a vector, and a sum is a matrix", "store it in two dimensions")
        self.put(ast.Assign([target], how, lineno=0))

    # products -----------------------------------------------------------------------------------------------------

    def accumulator(self, name: str, type_: TileType) -> None:
        """Room for a sum that has not begun."""
        rows, columns = (expression(each) for each in type_.dims)
        self.instruct(name, self.in_l0c(type_), "accumulator", rows, columns, dtype=type_.dtype.name)

    def in_l0c(self, type_: TileType) -> TileType:
        """The type of a sum."""
        here = room(type_)
        unit = ROW if type_.dtype is i32 else BOX_ROWS  # the boxes of i8, which it is a sum of, are 32 wide
        rows, columns = (-(-each // unit) * unit for each in (here.rows, here.columns))
        return TileType(type_.dtype, type_.dims, (l0c(rows, columns),))

    def product(self, name: str, type_: TileType, left: str, right: str, acc: ast.expr | None) -> None:
        """`acc + left @ right`, in steps along the shared extent that fit into L0A and L0B."""
        one, two = self.types[left], self.types[right]
        depth, longest = one.dims[1], room(one).columns
        step = self.step(one, two)
        result = self.in_l0c(type_)
        before = acc.id if isinstance(acc, ast.Name) else None
        first = self.first(before)
        if step >= longest:
            parts = self.moved("mov", left, right, depth, longest)
            self.add(name, result, before, first, parts)
            return
        if before is None:
            self.accumulator(name, type_)
            before, first = name, []
        variable = self.fresh("step")
        outer = self.place
        with self.block() as body:
            facts = self.known.facts_at(self.current).with_range(variable, const(0), depth, step)
            width = facts.simplify(minimum(const(step), depth - sym(variable)))
            parts = self.moved("extract", left, right, width, step, sym(variable))
            begins = [*first, sym(variable)] if first is not None else None
            self.add(name, result, before, begins, parts)
        header = call("range", 0, expression(depth), step)
        self.out.append(stamp(ast.For(ast.Name(variable, ast.Store()), header, body, [], lineno=0), outer))

    def first(self, acc: str | None) -> list[Expr] | None:
        """What is zero when nothing has been added to a sum yet; `None` where something always has."""
        if acc is None:
            return []
        return self.loops[self.zero[acc] :] if acc in self.zero else None

    def step(self, left: TileType, right: TileType) -> int:
        """How much of the shared extent fits into L0A and L0B at once."""
        size = left.dtype.bits // 8
        widest = max(room(left).rows, room(right).columns)
        unit = max(BOX_ROWS, ROW // size)
        step = HALF // (widest * size) // unit * unit
        if step == 0:
            step = 2 * HALF // (widest * size) // unit * unit
        if step == 0 or widest > LONGEST:
            fits = 2 * HALF // (unit * size)
            raise self.refused(
                f"a product of {room(left).rows} x {room(right).columns} does not fit: {unit} of the shared extent "
                f"take {widest * unit * size} of the 65536 bytes of L0A or L0B",
                f"use tiles of at most {fits} rows and {fits} columns",
                "pto.product-too-large",
            )
        return min(step, LONGEST // unit * unit)

    def moved(self, how: str, left: str, right: str, width: Expr, room_: int, start: Expr | None = None) -> list[str]:
        """Both operands, or a part of them along the shared extent, in L0A and L0B."""
        one, two = self.types[left], self.types[right]
        box = ROW * 8 // one.dtype.bits
        a = TileType(one.dtype, (one.dims[0], width), (l0a(room(one).rows, room_, box=box),))
        b = TileType(two.dtype, (width, two.dims[1]), (l0b(room_, room(two).columns, box=box),))
        places: tuple[list[Operand], list[Operand]] = ([], [])
        if start is not None:
            places = (
                [0, expression(start), expression(one.dims[0]), expression(width)],
                [expression(start), 0, expression(width), expression(two.dims[1])],
            )
        first = self.patch(a, left, start) if left in self.patches else self.instruct(
            None, a, how, left, *places[0], base=f"{left}_left"
        )  # fmt: skip
        return [first, self.instruct(None, b, how, right, *places[1], base=f"{right}_right")]

    def patch(self, type_: TileType, left: str, start: Expr | None) -> str:
        """Patches of an image in L0A, or a part of them from column `start` on."""
        node = self.patches[left]
        _, given = self.known.operations[id(node)]
        x, row, col = (self.loaded(given[each]) for each in ("x", "row", "col"))
        if start is not None:
            zero = isinstance(col, ast.Constant) and col.value == 0
            col = expression(start) if zero else ast.BinOp(col, ast.Add(), expression(start))
        places = ("x", "row", "col", "rows", "cols")
        filter_ = {each.arg: each.value for each in node.keywords if each.arg is not None and each.arg not in places}
        sizes = (expression(each) for each in type_.dims)
        return self.instruct(None, type_, "img2col", x, row, col, *sizes, base=f"{left}_left", **filter_)

    def add(self, name: str, result: TileType, acc: str | None, first: list[Expr] | None, parts: list[str]) -> None:
        """One product: into an empty sum, onto a sum, or whichever the turn of the loops says."""
        named = {"dtype": result.dtype.name} if result.dtype is i32 else {}
        if acc is None or first == []:
            self.instruct(name, result, "matmul", *parts, **named)
            return
        if first is None:
            self.instruct(name, result, "matmul_acc", acc, *parts)
            return
        total = sum(first[1:], first[0])
        with self.block() as begun:
            self.instruct(name, result, "matmul", *parts, **named)
        with self.block() as added:
            self.instruct(name, result, "matmul_acc", acc, *parts)
        test = ast.Compare(expression(total), [ast.Eq()], [ast.Constant(0)])
        self.put(ast.If(test, begun, added))


def _is_left(statement: ast.stmt, name: str) -> bool:
    """Whether a statement is a product that takes a tile as its left operand only."""
    value = statement.value if isinstance(statement, ast.AnnAssign) else None
    if not isinstance(value, ast.Call) or called(value) != "tile.dot":
        return False
    return ast.unparse(value.args[0]) == name and name not in {ast.unparse(each) for each in value.args[1:]}


def _scales(kernel: Function) -> frozenset[str]:
    """The names of tiles that are rows of scales."""
    calls = [each.value for each in walk(kernel.body) if isinstance(each, ast.Assign | ast.AnnAssign)]
    rows = [(each.args, called(each)) for each in calls if isinstance(each, ast.Call) and called(each) in SCALED]
    places = (arguments[2 if name == "pto.insert_fp" else 1] for arguments, name in rows)
    return frozenset(each.id for each in places if isinstance(each, ast.Name))
