"""Both runs of a kernel at once: NumPy's, and one in which some extremes give anything for a NaN.

Knows statements of bound kernels, and of each operation what becomes of NaN; what follows for rows, `lost` says.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp.types import TensorType
from htp_backend_pto.lower.select.frames import Frame
from htp_backend_pto.lower.select.lost import MIXED, NEW, Known, Lost, Since
from htp_backend_pto.lower.units import called
from htp_backend_pto.tiles import tile_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp.program import Function
    from htp.types import TileType
    from htp_backend_pto.lower.select.frames import Both

__all__ = ["PAIRING", "REDUCING", "Kernel", "axis_of"]

REDUCING = ("tile.max", "tile.min")
PAIRING = ("tile.maximum", "tile.minimum")
PASSING = (
    "tile.exp", "tile.exp2", "tile.log", "tile.log2", "tile.sqrt", "tile.rsqrt", "tile.tanh", "tile.sigmoid",
    "tile.abs", "tile.cast", "tile.add", "tile.subtract", "tile.multiply", "tile.divide",
)  # fmt: skip
"""Operations that give NaN for NaN, element by element."""
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub)


def axis_of(node: ast.expr | None) -> str:
    """The axis of a reduction, as it is written."""
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((ast.unparse(each.value) for each in keywords if each.arg == "axis"), "")


class Kernel(Frame):
    """One kernel in one of its calls."""

    def __init__(self, run: Both, function: Function) -> None:
        super().__init__(run, function, f"{function.name}.")
        self.arrays: dict[str, str] = {}
        """Parameters that are buffers of the routine, and those."""
        self.types: dict[str, TileType] = {}
        arrays = {each.name: each.type for each in function.params if isinstance(each.type, TensorType)}
        self.heights = {name: type_.dims[0] for name, type_ in arrays.items() if type_.dims}
        self.rules: Mapping[str, Callable[[TileType, ast.Call], Known]] = {
            "tile.sum": self.summed, "tile.mean": self.summed, "tile.dot": self.product, "tile.full": self.full,
            "tile.where": self.beside, **dict.fromkeys(PASSING, self.passed), **dict.fromkeys(PAIRING, self.paired),
            **dict.fromkeys(REDUCING, self.reduced),
        }  # fmt: skip

    def key(self, name: str) -> str:
        """A parameter is the buffer that it was given."""
        return self.arrays.get(name, self.prefix + name)

    def statement(self, node: ast.stmt) -> None:
        """What a tile or an array is from here on."""
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                type_ = tile_type(node.annotation)
                if type_ is None:
                    self.ask(value)
                    return
                if id(node) in self.run.chosen and isinstance(value, ast.Call):
                    known = self.extreme(type_, value)
                else:
                    known = self.value(type_, value)
                self.types[name] = type_
                self.run.rows = self.run.rows.having(self.key(name), known)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name)) as target], value=value):
                self.store(name, target, value)
            case ast.Break() | ast.Continue() | ast.Return():
                raise Lost
            case _:
                self.ask(node)
                for each in writes(node):
                    self.run.rows = self.run.rows.having(self.key(each), Known())

    def store(self, name: str, target: ast.Subscript, value: ast.expr) -> None:
        """Into all of an array, or into a part, of which only that both runs write the same is kept."""
        self.ask(target.slice)
        before = self.known(name)
        known = Known(before.differs and not before.same, mixed=before.mixed or not self.same(value))
        if _is_whole(target) and isinstance(value, ast.Name) and value.id in self.types:
            rows = self.types[value.id].dims[0] == self.heights.get(name)
            known = self.known(value.id) if rows else known
        self.run.rows = self.run.rows.having(self.key(name), known)

    # values -------------------------------------------------------------------------------------------------------

    def value(self, type_: TileType, node: ast.expr) -> Known:
        """What is known of a value."""
        match node:
            case ast.Name(id=name):
                return self.known(name)
            case ast.Subscript(value=ast.Name(id=name)) if name not in self.types and _is_whole(node):
                return self.known(name)
            case ast.BinOp(op=operator) | ast.UnaryOp(op=operator) if isinstance(operator, OPERATORS):
                return self.passed(type_, node)
            case ast.Call() if called(node) in self.rules and type_.dtype.kind == "float":
                return self.rules[called(node)](type_, node)
            case _:
                return Known() if self.same(node) else MIXED

    def operands(self, type_: TileType, node: ast.AST) -> list[tuple[str, Known]]:
        """The tiles whose rows are those of the result; none of the rest may differ."""
        names = sorted(loads(node) & self.types.keys())
        beside = [each for each in names if self.by_row(type_, each)]
        rest = loads(node) - set(beside)
        known = [(each, self.known(each)) for each in beside]
        if any(each.mixed for _, each in known) or not all(self.known(each).same for each in rest):
            return [("", MIXED)]
        return known

    def by_row(self, type_: TileType, name: str) -> bool:
        """Whether a name is a tile with the rows of a result."""
        return name in self.types and self.types[name].dims[0] == type_.dims[0]

    def beside(self, type_: TileType, node: ast.AST) -> Known:
        """Row by row."""
        found = [each for _, each in self.operands(type_, node)]
        return Known(any(each.differs for each in found), mixed=any(each.mixed for each in found))

    def passed(self, type_: TileType, node: ast.AST) -> Known:
        """Element by element, with NaN where an operand is NaN."""
        found = self.operands(type_, node)
        nan = frozenset[Since]().union(*(each.nan for _, each in found))
        some = any(each.some and self.types[name].dims == type_.dims for name, each in found if name)
        rows = self.beside(type_, node)
        return Known(rows.differs, nan, some, mixed=rows.mixed)

    def paired(self, type_: TileType, node: ast.AST) -> Known:
        """The larger or the smaller: no NaN of none."""
        tiles = self.operands(type_, node)
        numbers = all(each.number for _, each in tiles) and loads(node) <= {"tile", *(name for name, _ in tiles)}
        rows = self.beside(type_, node)
        return Known(rows.differs, number=numbers, mixed=rows.mixed)

    def ended(self, name: str) -> frozenset[Since]:
        """In which lost rows a sum over the columns of a tile is NaN; of nothing, the sum is zero."""
        known, width = self.known(name), self.types[name].dims[1].constant
        none = frozenset[Since]()
        return (known.nan if width else none) | (NEW if known.some else none)

    def summed(self, type_: TileType, node: ast.Call) -> Known:
        """One sum a row."""
        match node.args:
            case [ast.Name(id=name)] if self.by_row(type_, name) and axis_of(node) == "1":
                known = self.known(name)
                return Known(known.differs, self.ended(name), mixed=known.mixed)
            case _:
                return Known() if self.same(node) else MIXED

    def reduced(self, type_: TileType, node: ast.Call) -> Known:
        """One number a row."""
        return self.beside(type_, node) if axis_of(node) == "1" else Known() if self.same(node) else MIXED

    def product(self, type_: TileType, node: ast.Call) -> Known:
        """Rows of the first operand with all of the second, and what they are added to."""
        match node:
            case ast.Call(args=[ast.Name(id=left), right], keywords=keywords) if self.by_row(type_, left):
                added = [each.value.id for each in keywords if each.arg == "acc" and isinstance(each.value, ast.Name)]
                known = [self.known(left), *(self.known(each) for each in added)]
                if not self.same(right) or len(added) < len(keywords) or any(each.mixed for each in known):
                    return MIXED
                nan = self.ended(left).union(*(each.nan for each in known[1:]))
                return Known(any(each.differs for each in known), nan)
            case _:
                return Known() if self.same(node) else MIXED

    def full(self, type_: TileType, node: ast.Call) -> Known:
        """One number everywhere."""
        self.ask(node)
        return Known(number=len(node.args) > 1 and _is_number(node.args[1]))

    # extremes -------------------------------------------------------------------------------------------------------

    def extreme(self, type_: TileType, node: ast.Call) -> Known:
        """One that gives anything for a NaN: rows with a NaN are lost from here on."""
        if called(node) in PAIRING:
            known = self.paired(type_, node)
            if not known.number or known.mixed:
                raise Lost
            return known
        x = node.args[0]
        if not isinstance(x, ast.Name) or not self.by_row(type_, x.id) or self.known(x.id).mixed:
            raise Lost
        self.run.rows = self.run.rows.losing()
        known = self.known(x.id)
        self.run.rows = self.run.rows.having(self.key(x.id), Known(known.differs, known.nan, some=True))
        return Known(differs=True, number=True)


def _is_number(node: ast.expr) -> bool:
    """Whether it is a number that is written there, and no NaN."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_number(operand)
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=text)]):
            return text == "inf"
        case _:
            return isinstance(node, ast.Constant)


def _is_whole(node: ast.Subscript) -> bool:
    """Whether a slice is all of an array."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return len(parts) == 2 and all(isinstance(each, ast.Slice) and not each.lower and not each.upper for each in parts)
