"""What names stand for while a process or a network is read: integers, shapes and channels, as far as they are known.

Knows integer expressions of Python; does not know statements. What depends on data is None.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from htp.diagnostics import Refused
from htp.dims import Expr as Dim
from htp.dims import Facts, const, maximum, minimum, sym
from htp.types import ScalarType
from htp_dialect_csp.steps import Choice, Compare, Junction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.types import Param
    from htp_dialect_csp.steps import Test

__all__ = [
    "TURN", "ArrayValue", "ChannelValue", "Memory", "Scope", "Value", "parameter", "range_of", "settled", "test_of",
    "value_of",
]  # fmt: skip


@dataclass(frozen=True)
class ChannelValue:
    """A channel, by name."""

    name: str


@dataclass(frozen=True)
class Memory:
    """A region of an array that has a name: from where to where it goes along every axis; None is not known.

    `axes` are those that the region still has: an index takes one away.
    """

    array: str
    bounds: tuple[tuple[Dim | None, Dim | None], ...]
    axes: tuple[int, ...]

    @classmethod
    def whole(cls, array: str, dims: tuple[Dim | None, ...]) -> Memory:
        """All of an array."""
        return cls(array, tuple((const(0), each) for each in dims), tuple(range(len(dims))))


@dataclass(frozen=True)
class ArrayValue:
    """An array, of which only the sizes are known, and maybe where it is; a size is None where it depends on data."""

    dims: tuple[Dim | None, ...]
    memory: Memory | None = None


Value: TypeAlias = "Dim | ChannelValue | Choice | ArrayValue | tuple[Value, ...] | None"
Scope: TypeAlias = "dict[str, Value]"

_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_OPERATORS: Mapping[type[ast.operator], Callable[[Dim, Dim], Dim]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}


def parameter(param: Param) -> Value:
    """What a parameter of an entry stands for: its own symbols."""
    if isinstance(param.type, ScalarType):
        return sym(param.name) if param.type.dtype.kind in ("int", "uint") else None
    if param.type is None:
        return None
    dims = tuple(param.type.dims)
    return ArrayValue(dims, Memory.whole(param.name, dims))


def settled(value: Dim) -> Dim:
    """An equal expression without what follows from sizes and numbers being at least 0."""
    facts = Facts()
    for name in sorted(value.symbols):
        facts = facts.with_dim(name)
    return facts.simplify(value)


def value_of(node: ast.expr, scope: Mapping[str, Value]) -> Value:
    """What an expression stands for."""
    try:
        return _value(node, scope)
    except Refused:  # it divides by zero
        return None


def _value(node: ast.expr, scope: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return const(number)
        case ast.Name(id=name):
            return scope.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, scope)
            return -value if isinstance(value, Dim) else None
        case ast.BinOp(left=left, op=operator, right=right):
            return _binary(_value(left, scope), operator, _value(right, scope))
        case ast.Attribute(value=base, attr="shape"):
            array = _value(base, scope)
            return tuple(array.dims) if isinstance(array, ArrayValue) else None
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_value(each, scope) for each in items)
        case ast.Subscript(value=base, slice=index):
            return _item(_value(base, scope), index, scope)
        case ast.Call(func=ast.Name(id=("min" | "max") as name), args=args, keywords=[]):
            return _extreme(name, [_value(each, scope) for each in args])
        case ast.Call(func=ast.Name(id="len"), args=[argument]):
            value = _value(argument, scope)
            if isinstance(value, tuple):
                return const(len(value))
            return value.dims[0] if isinstance(value, ArrayValue) and value.dims else None
        case ast.Call(func=ast.Name(id="int"), args=[argument]):
            return _value(argument, scope)
        case ast.Call(func=ast.Name(id="range")):
            return _unrolled(node, scope)
        case ast.Call(func=ast.Name(id="empty"), args=[shape, *_]):
            sizes = _value(shape, scope)
            dims = sizes if isinstance(sizes, tuple) else (sizes,)
            return ArrayValue(tuple(each if isinstance(each, Dim) else None for each in dims))
        case _:
            return None


def _unrolled(node: ast.Call, scope: Mapping[str, Value]) -> Value:
    found = range_of(node, scope)
    if found is None or (count := found[1].constant) is None or count > MOST:
        return None
    return tuple(found[0].substitute({TURN: const(each)}) for each in range(count))


def _binary(left: Value, operator: ast.operator, right: Value) -> Value:
    if isinstance(left, Dim) and isinstance(right, Dim) and type(operator) in _OPERATORS:
        return _OPERATORS[type(operator)](left, right)
    if isinstance(left, tuple) and isinstance(right, tuple) and isinstance(operator, ast.Add):
        return (*left, *right)
    return None


def _extreme(name: str, values: Sequence[Value]) -> Value:
    known = [each for each in values if isinstance(each, Dim)]
    if not known or len(known) != len(values):
        return None
    return minimum(*known) if name == "min" else maximum(*known)


def _item(base: Value, index: ast.expr, scope: Mapping[str, Value]) -> Value:
    if isinstance(base, ArrayValue):
        return _region(base, index, scope)
    if not isinstance(base, tuple):
        return None
    if isinstance(index, ast.Slice):
        ends = [_value(each, scope) if each is not None else None for each in (index.lower, index.upper)]
        known = [each.constant if isinstance(each, Dim) else None for each in ends]
        given = [each is not None for each in (index.lower, index.upper)]
        plain = index.step is None and all(k is not None for k, g in zip(known, given, strict=True) if g)
        return base[known[0] : known[1]] if plain else None
    at = _value(index, scope)
    if not isinstance(at, Dim):
        return None
    if at.constant is not None:
        return base[at.constant] if -len(base) <= at.constant < len(base) else None
    if base and all(isinstance(each, ChannelValue) for each in base):
        return Choice(tuple(cast("ChannelValue", each).name for each in base), at)
    return None


def _region(base: ArrayValue, index: ast.expr, scope: Mapping[str, Value]) -> Value:
    indices = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    if len(indices) > len(base.dims):
        return None
    dims: list[Dim | None] = []
    for position, size in enumerate(base.dims):
        at = indices[position] if position < len(indices) else ast.Slice()
        if isinstance(at, ast.Slice):
            dims.append(_extent(at, size, scope))
    return ArrayValue(tuple(dims), _part(base, indices, scope))


def _part(base: ArrayValue, indices: Sequence[ast.expr], scope: Mapping[str, Value]) -> Memory | None:
    """Where a part of an array is; None where that is not known of the array or of an index."""
    if base.memory is None:
        return None
    bounds = list(base.memory.bounds)
    axes = list(base.memory.axes)
    for axis, at in zip(base.memory.axes, indices, strict=False):
        first, end = bounds[axis]
        if isinstance(at, ast.Slice):
            start, stop = (None if each is None else _value(each, scope) for each in (at.lower, at.upper))
            bounds[axis] = (
                first if at.lower is None else _moved(first, start),
                end if at.upper is None else _moved(first, stop),
            )
        else:
            start = _value(at, scope)
            if not isinstance(start, Dim):
                return None
            bounds[axis] = (_moved(first, start), _moved(first, start + 1))
            axes.remove(axis)
    return Memory(base.memory.array, tuple(bounds), tuple(axes))


def _moved(first: Dim | None, by: Value) -> Dim | None:
    """A position in an array, of one in a region that begins at `first`; from its end is not known."""
    if first is None or not isinstance(by, Dim) or (by.constant or 0) < 0:
        return None
    return first + by


def _extent(at: ast.Slice, size: Dim | None, scope: Mapping[str, Value]) -> Dim | None:
    lower = _value(at.lower, scope) if at.lower is not None else const(0)
    upper = _value(at.upper, scope) if at.upper is not None else size
    if at.step is not None or not isinstance(lower, Dim) or not isinstance(upper, Dim) or size is None:
        return None
    return settled(maximum(0, minimum(upper, size) - lower))


MOST = 4096
"""Numbers of a range that are looked at one by one, at most."""
TURN = "turn"
"""The symbol for the number of a turn in the result of `range_of`."""


def range_of(node: ast.expr, scope: Mapping[str, Value]) -> tuple[Dim, Dim] | None:
    """What the variable of a loop over `range(…)` is in turn `TURN`, and how many turns there are."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
        return None
    found = [value_of(each, scope) for each in node.args]
    ends = [each for each in found if isinstance(each, Dim)]
    if len(ends) != len(node.args) or not 1 <= len(ends) <= 3:
        return None
    start, stop = (const(0), ends[0]) if len(ends) == 1 else (ends[0], ends[1])
    step = ends[2] if len(ends) == 3 else const(1)
    by = step.constant
    if by is None or by == 0:
        return None
    distance = stop - start if by > 0 else start - stop
    return start + sym(TURN) * by, settled(maximum(0, (distance + (abs(by) - 1)) // abs(by)))


def test_of(node: ast.expr, scope: Mapping[str, Value]) -> Test | None:
    """A condition over known integers; None where it depends on data."""
    match node:
        case ast.Constant(value=bool(value)):
            return Compare(const(0), "==" if value else "!=")
        case ast.BoolOp(op=operator, values=values):
            tests = [test_of(each, scope) for each in values]
            known = tuple(each for each in tests if each is not None)
            kind = "and" if isinstance(operator, ast.And) else "or"
            return Junction(kind, known) if len(known) == len(tests) else None
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            test = test_of(operand, scope)
            return Junction("not", (test,)) if test is not None else None
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            operands = [value_of(each, scope) for each in (left, *comparators)]
            pairs = zip(operands, operators, operands[1:], strict=False)
            tests = tuple(_compare(a, operator, b) for a, operator, b in pairs)
            known = tuple(each for each in tests if each is not None)
            return (known[0] if len(known) == 1 else Junction("and", known)) if len(known) == len(tests) else None
        case _:
            value = value_of(node, scope)
            return Compare(value, "!=") if isinstance(value, Dim) else None


def _compare(left: Value, operator: ast.cmpop, right: Value) -> Test | None:
    sign = _SIGNS.get(type(operator))
    if sign is None or not isinstance(left, Dim) or not isinstance(right, Dim):
        return None
    return Compare(left - right, sign)  # type: ignore[arg-type]
