"""What expressions of a workload are at given sizes: integers, shapes, ranges, and regions of tensors.

Knows Python's arithmetic and slicing, and when a value cannot be known; does not know statements.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.program import Function
    from htp_dialect_wsp.dependences import Box

__all__ = ["TURNS", "UNKNOWN", "Axis", "Evaluator", "Open", "Region", "Unknown", "Value"]


@dataclass(frozen=True)
class Unknown:
    """A value that only the run knows; two with the same number other than 0 are the same value."""

    number: int = 0


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Region:
    """A box of a tensor; `kept` are the axes of the tensor that the region has, `exact` whether the box is known."""

    tensor: str
    box: Box
    kept: tuple[int, ...]
    exact: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of the axes that are kept."""
        return tuple(max(0, self.box[axis][1] - self.box[axis][0]) for axis in self.kept)


TURNS = 3
"""Turns that are looked at of a loop whose end only the run knows."""


@dataclass(frozen=True)
class Open:
    """Values of which only the run knows how many there are: the first few, or None where these are unknown too."""

    first: range | None = range(TURNS)


@dataclass(frozen=True)
class Axis:
    """What a loop goes over, one item for each coordinate that counts up.

    With `selected` a further coordinate follows from the last of them and has unknown values.
    """

    coordinates: tuple[range | Open, ...]
    selected: bool = False

    def row(self) -> Axis:
        """One row of the axis."""
        return Axis(self.coordinates[1:], self.selected)


Value = int | float | bool | tuple["Value", ...] | range | Region | Axis | Unknown

BINARY: Mapping[type[ast.operator], Callable[[int, int], object]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.FloorDiv: lambda one, other: one // other,
    ast.Mod: lambda one, other: one % other,
    ast.Div: lambda one, other: one / other,
    ast.Pow: lambda one, other: one**other,
    ast.BitAnd: lambda one, other: one & other,
    ast.BitOr: lambda one, other: one | other,
    ast.BitXor: lambda one, other: one ^ other,
    ast.LShift: lambda one, other: one << other,
    ast.RShift: lambda one, other: one >> other,
}
COMPARED: Mapping[type[ast.cmpop], Callable[[int, int], object]] = {
    ast.Lt: lambda one, other: one < other,
    ast.LtE: lambda one, other: one <= other,
    ast.Gt: lambda one, other: one > other,
    ast.GtE: lambda one, other: one >= other,
    ast.Eq: lambda one, other: one == other,
    ast.NotEq: lambda one, other: one != other,
}
SCALAR: Mapping[str, Callable[..., object]] = {
    "min": min, "max": max, "abs": abs, "int": int, "float": float, "bool": bool, "range": range, "len": len,
}  # fmt: skip


def _value(found: object) -> Value:
    return found if isinstance(found, int | float | range) else UNKNOWN


class Evaluator:
    """Evaluates expressions in `environment`; a value that depends on data, or cannot be had, is `UNKNOWN`."""

    def __init__(self, functions: Sequence[Function], sizes: Mapping[str, int]) -> None:
        self.functions = {each.name: each for each in functions}
        self.sizes = sizes
        self.environment: dict[str, Value] = {}
        self.unknowns = 0

    def unknown(self) -> Unknown:
        """A value that differs from all others for all that is known."""
        self.unknowns += 1
        return Unknown(self.unknowns)

    def called(self, function: Function, node: ast.Call) -> Value:
        """What a call of another function of the program gives."""
        raise NotImplementedError

    def evaluate(self, node: ast.expr) -> Value:
        """The value of an expression."""
        match node:
            case ast.Constant(value):
                return value if isinstance(value, int | float) else UNKNOWN
            case ast.Name(name):
                return self.environment.get(name, UNKNOWN)
            case ast.Tuple(items) | ast.Set(items):
                return tuple(self.evaluate(each) for each in items)
            case ast.BinOp(left, op, right):
                return self._calculated(BINARY.get(type(op)), left, right)
            case ast.UnaryOp(op, operand):
                return self._unary(op, self.evaluate(operand))
            case ast.Compare(left, [op], [right]):
                return self._calculated(COMPARED.get(type(op)), left, right)
            case ast.BoolOp(op, values):
                return self._logical([self.evaluate(each) for each in values], every=isinstance(op, ast.And))
            case ast.IfExp(test, body, orelse):
                condition = self.evaluate(test)
                one, other = self.evaluate(body), self.evaluate(orelse)
                return (one if condition else other) if isinstance(condition, int | float) else UNKNOWN
            case ast.Attribute(value, name):
                return self._attribute(self.evaluate(value), name)
            case ast.Subscript(value, index):
                return self._item(self.evaluate(value), index)
            case ast.Call():
                return self._call(node)
            case _:
                return UNKNOWN

    def _calculated(self, compute: Callable[[int, int], object] | None, left: ast.expr, right: ast.expr) -> Value:
        one, other = self.evaluate(left), self.evaluate(right)
        if compute is None or not isinstance(one, int | float) or not isinstance(other, int | float):
            return UNKNOWN
        try:
            return _value(compute(cast("int", one), cast("int", other)))
        except (ArithmeticError, TypeError, ValueError):
            return UNKNOWN

    def _unary(self, op: ast.unaryop, operand: Value) -> Value:
        if not isinstance(operand, int | float):
            return UNKNOWN
        if isinstance(op, ast.Not):
            return not operand
        return -operand if isinstance(op, ast.USub) else operand if isinstance(op, ast.UAdd) else UNKNOWN

    def _logical(self, values: Sequence[Value], *, every: bool) -> Value:
        known = [bool(each) for each in values if isinstance(each, int | float)]
        if (not every) in known:
            return not every
        return every if len(known) == len(values) else UNKNOWN

    def _attribute(self, value: Value, name: str) -> Value:
        if isinstance(value, Region):
            if name == "shape":
                return value.shape if value.exact else (UNKNOWN,) * len(value.kept)
            return len(value.kept) if name == "ndim" else UNKNOWN
        return value if name == "value" else UNKNOWN

    # subscripts -------------------------------------------------------------------------------------------------

    def _item(self, value: Value, index: ast.expr) -> Value:
        if isinstance(value, Axis):
            return value.row()
        if isinstance(value, Region):
            parts = list(index.elts) if isinstance(index, ast.Tuple) else [index]
            return self._region(value, parts)
        if not isinstance(value, tuple):
            return UNKNOWN
        if isinstance(index, ast.Slice):
            bounds = self._bounds(index)
            return value[slice(*bounds)] if bounds is not None else UNKNOWN
        position = self.evaluate(index)
        return value[position] if isinstance(position, int) and -len(value) <= position < len(value) else UNKNOWN

    def _bounds(self, part: ast.Slice) -> tuple[int | None, int | None, int | None] | None:
        """Start, end and step of a slice; None when one of them is not known."""
        found: list[int | None] = []
        for each in (part.lower, part.upper, part.step):
            value = None if each is None else self.evaluate(each)
            if not isinstance(value, int | None):
                return None
            found.append(value)
        return found[0], found[1], found[2]

    def _region(self, region: Region, parts: list[ast.expr]) -> Region:
        """A slice of a region; an index that is not known, or is itself an array, may be any."""
        if any(isinstance(each, ast.Constant) and each.value is ... for each in parts):
            place = next(at for at, each in enumerate(parts) if isinstance(each, ast.Constant) and each.value is ...)
            missing = len(region.kept) - len(parts) + 1 + sum(map(_is_new_axis, parts))
            parts = [*parts[:place], *[ast.Slice()] * missing, *parts[place + 1 :]]
        parts = [each for each in parts if not _is_new_axis(each)]
        box, kept, exact = list(region.box), list(region.kept), region.exact
        for axis, part in zip(region.kept, parts, strict=False):
            start, end = region.box[axis]
            found = self._interval(part, max(0, end - start))
            if not isinstance(part, ast.Slice):
                kept.remove(axis)
            if found is None:
                exact = False
            else:
                box[axis] = (start + found[0], start + found[1])
        return Region(region.tensor, tuple(box), tuple(kept), exact)

    def _interval(self, part: ast.expr, size: int) -> tuple[int, int] | None:
        """Where a slice or an index falls in `size` elements; None when that is not known."""
        if isinstance(part, ast.Slice):
            bounds = self._bounds(part)
            if bounds is None or bounds[2] not in (None, 1):
                return None
            start, end, _ = slice(*bounds).indices(size)
            return start, max(start, end)
        index = self.evaluate(part)
        if not isinstance(index, int):
            return None
        index += size if index < 0 else 0
        return (index, index + 1) if 0 <= index < size else (0, 0)

    # calls ------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        match node.func:
            case ast.Name(name) if name in self.functions:
                return self.called(self.functions[name], node)
            case ast.Attribute(ast.Name("tile"), "item"):
                return self.unknown()
            case ast.Name("empty"):
                return _buffer(self.evaluate(node.args[0])) if node.args else UNKNOWN
            case ast.Name("P") | ast.Attribute(ast.Name("P"), "seq"):
                return self._walked(node)
            case ast.Attribute(ast.Name("P"), "sel"):
                return Axis((Open(None),), selected=True)
            case ast.Name(name):
                arguments = [self.evaluate(each) for each in node.args]
                return self._named(name, node, arguments)
            case _:
                return UNKNOWN

    def _named(self, name: str, node: ast.Call, arguments: list[Value]) -> Value:
        match name, arguments:
            case ("Dense", [int(size)]):
                return range(size)
            case ("DenseDyn", [_, int(size)]):
                return range(size)
            case ("DenseDyn", _):
                return self._named_size(node)
            case ("Ragged", [int() | range() as rows, *_]):
                return Axis((range(rows) if isinstance(rows, int) else rows, Open()))
            case ("Ragged", _):
                return Axis((Open(), Open()))
            case ("Sparse", _):
                return Axis((Open(), Open(None)), selected=True)
            case ("range", _) if not all(isinstance(each, int) for each in arguments):
                return Axis((_opened(arguments),))
            case ("len", [Region() as region]):
                return region.shape[0] if region.exact and region.kept else UNKNOWN
            case _:
                return _applied(SCALAR.get(name), arguments)

    def _named_size(self, node: ast.Call) -> Value:
        match node.args:
            case [ast.Constant(str(name))]:
                size = self.environment.get(name, self.sizes.get(name, UNKNOWN))
                return range(size) if isinstance(size, int) else Axis((Open(),))
            case _:
                return Axis((Open(),))

    def _walked(self, node: ast.Call) -> Value:
        """The axes of a walk put together."""
        coordinates: list[range | Open] = []
        selected = False
        for each in node.args:
            axis = self.evaluate(each)
            if isinstance(axis, Axis):
                coordinates += axis.coordinates
                selected = selected or axis.selected
            elif isinstance(axis, int | range):
                coordinates.append(axis if isinstance(axis, range) else range(axis))
            else:
                coordinates.append(Open())
        return Axis(tuple(coordinates), selected)


def _buffer(shape: Value) -> Value:
    """The whole of a new buffer, which has no name yet."""
    extents = shape if isinstance(shape, tuple) else (shape,)
    known = [each for each in extents if isinstance(each, int)]
    if len(known) != len(extents):
        return UNKNOWN
    return Region("", tuple((0, each) for each in known), tuple(range(len(known))))


def _opened(arguments: list[Value]) -> Open:
    """A range of which something is not known."""
    start, step = (0, 1) if len(arguments) == 1 else (arguments[0], arguments[2] if len(arguments) == 3 else 1)
    if isinstance(start, int) and isinstance(step, int) and step:
        return Open(range(start, start + TURNS * step, step))
    return Open(None)


def _applied(compute: Callable[..., object] | None, arguments: list[Value]) -> Value:
    if compute is None or any(isinstance(each, Unknown | Region | Axis) for each in arguments):
        return UNKNOWN
    try:
        return _value(compute(*arguments))
    except (ArithmeticError, TypeError, ValueError, Refused):
        return UNKNOWN


def _is_new_axis(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None
