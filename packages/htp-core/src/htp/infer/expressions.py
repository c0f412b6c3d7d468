"""Types of expressions: names, attributes, arithmetic and comparisons.

Knows scalars; tiles, calls and slices are the business of the modules it builds on.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp.infer import shapes
from htp.infer.conditions import Conditions
from htp.infer.values import Group, Index, Known, Number, Region, Text, Type, Value
from htp.types import bool_

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.dims import Expr, Facts
    from htp.types import DType

ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Div: "/",
    ast.Pow: "**",
}


class Expressions(Conditions):
    """The part of the engine that types expressions."""

    def expression(self, node: ast.expr) -> Known:
        """What is known of `node`, also kept in the result; within a statement it is found out once."""
        known = self.found.get(id(node))
        if known is not None:
            return known
        handler: Callable[[ast.expr], Known] | None = getattr(self, f"_type_{type(node).__name__.lower()}", None)
        if handler is None:
            raise self.refused(
                node, "type.bad-index", f"`{ast.unparse(node)}` has no value here", "slice a tensor or a tile"
            )
        try:
            known = handler(node)
        except shapes.Mismatch as mismatch:
            if not self.compared(node, mismatch):
                raise self.mismatched(node, mismatch) from None
            known = self.expression(node)
        self.found[id(node)] = self.result.types[id(node)] = known
        self.result.keep.append(node)
        return known

    def index(self, node: ast.expr) -> Expr:
        """The value of an integer expression."""
        known = self.expression(node)
        if isinstance(known, Index):
            return known.value
        hint = "take it out with `tile.item(t)`" if isinstance(known, Value | Region) else ""
        raise self.refused(node, "type.not-an-integer", f"an integer is needed here, not {known}", hint)

    def tile(self, node: ast.expr) -> Value:
        """The tile an expression gives; a tensor or a slice of one is read."""
        return self.as_tile(node, self.expression(node))

    def as_tile(self, node: ast.expr, known: Known) -> Value:
        """The tile of what is known of `node`, reading memory when it is a region."""
        if isinstance(known, Region):
            self.access(known, node, writes=False)
            return known.value
        if isinstance(known, Value):
            return known
        decides = isinstance(known, Number) and known.kind == "bool"
        help = "where a number decides, write an `if` statement" if decides else ""
        raise self.refused(node, "type.not-a-tile", f"a tile is needed here, not {known}", help)

    # atoms ------------------------------------------------------------------------------------------------------

    def _type_constant(self, node: ast.Constant) -> Known:
        value = node.value
        if isinstance(value, bool):
            return Number("bool", value)
        if isinstance(value, int):
            return Index(const(value))
        return Number("float", value) if isinstance(value, float) else Text(value if isinstance(value, str) else None)

    def _type_name(self, node: ast.Name) -> Known:
        known = self.environment.get(node.id)
        if known is not None:
            return known
        if (dtype := self.dtype_named(node.id)) is not None:
            return Type(dtype)
        if node.id in self.lost:
            raise self.refused(node, "type.maybe-undefined", self.lost[node.id], f"assign `{node.id}` before it")
        raise self.refused(
            node, "capture.undefined-name", f"`{node.id}` is used before it is assigned", f"assign `{node.id}` first"
        )

    def _type_tuple(self, node: ast.Tuple) -> Known:
        return Group(tuple(self.expression(each) for each in node.elts))

    def _type_attribute(self, node: ast.Attribute) -> Known:
        self.refuse_words(node)
        known = self.expression(node.value)
        if node.attr == "value" and isinstance(known, Index | Number):
            return known
        if not isinstance(known, Value | Region):
            raise self.refused(node, "type.bad-attribute", f"{known} has no `.{node.attr}`")
        if node.attr == "shape":
            return Group(tuple(Index(size) for size in known.dims))
        if node.attr == "ndim":
            return Index(const(len(known.dims)))
        if node.attr == "size":
            return Index(shapes.product(known.dims))
        if node.attr == "dtype":
            return Type(known.dtype)
        if node.attr == "T":
            value = self.as_tile(node.value, known)
            return Value(value.dtype, value.dims[::-1])
        raise self.refused(
            node, "type.bad-attribute", f"tiles have no `.{node.attr}`", "use .shape, .T, .dtype, .ndim or .size"
        )

    # arithmetic -------------------------------------------------------------------------------------------------

    def _type_binop(self, node: ast.BinOp) -> Known:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(left, Value | Region) or isinstance(right, Value | Region):
            return self.tile_arithmetic(node, left, right)
        if isinstance(left, Index) and isinstance(right, Index):
            return self._integers(node, left.value, right.value)
        if isinstance(left, Group) and isinstance(right, Group) and isinstance(node.op, ast.Add):
            return Group(left.items + right.items)
        symbol = ARITHMETIC.get(type(node.op), "this operator")
        if _is_number(left) and _is_number(right) and type(node.op) in ARITHMETIC:
            self._divisor(node, right)
            return Number("float")
        if Number("bool") in (_kind(left), _kind(right)):
            raise self.refused(
                node,
                "type.bad-operands",
                f"`{symbol}` does not take a truth value",
                "turn it into 0 or 1: `int(condition)`",
            )
        raise self.refused(node, "type.bad-operands", f"`{symbol}` does not combine {left} and {right}")

    def _integers(self, node: ast.BinOp, left: Expr, right: Expr) -> Known:
        operator = node.op
        if isinstance(operator, ast.Add):
            return Index(left + right)
        if isinstance(operator, ast.Sub):
            return Index(left - right)
        if isinstance(operator, ast.Mult):
            return Index(left * right)
        self._divisor(node, Index(right))
        if isinstance(operator, ast.Div):
            return Number("float")
        if isinstance(operator, ast.FloorDiv | ast.Mod):
            return Index(left // right if isinstance(operator, ast.FloorDiv) else left % right)
        if isinstance(operator, ast.Pow | ast.LShift | ast.RShift) and not self.facts.nonnegative(right):
            raise self.refused(
                node, "type.negative-power" if isinstance(operator, ast.Pow) else "type.bad-operands",
                f"`{ast.unparse(node.right)}` may be negative, and then `{ast.unparse(node)}` is no integer",
                f"state what holds: `assert {ast.unparse(node.right)} >= 0`",
            )  # fmt: skip
        if left.constant is not None and right.constant is not None and right.constant >= 0:
            folded = _fold(operator, left.constant, right.constant)
            if folded is not None:
                return Index(const(folded))
        if isinstance(operator, ast.Pow) and right.constant is not None and 0 <= right.constant <= 4:
            power = const(1)
            for _ in range(right.constant):
                power = power * left
            return Index(power)
        if isinstance(operator, ast.Pow | ast.MatMult):
            raise self.refused(
                node, "type.bad-operands", f"`{ast.unparse(node)}` is no integer expression", "write a product"
            )
        return Index(sym(self.fresh("n", node)))

    def _divisor(self, node: ast.BinOp, right: Known) -> None:
        """Refuses a division by zero; where it cannot be decided, the result says that it must be checked."""
        if not isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
            return
        value = right.value if isinstance(right, Index) else None
        constant = value.constant if value is not None else right.constant if isinstance(right, Number) else None
        if constant == 0:
            raise self.refused(node, "type.division-by-zero", f"`{ast.unparse(node)}` divides by zero")
        safe = constant is not None
        if value is not None:
            safe = safe or self.facts.nonnegative(value - 1) or self.facts.nonnegative(-value - 1)
        if not safe:
            self.result.divisors.add(id(node))

    def _type_unaryop(self, node: ast.UnaryOp) -> Known:
        known = self.expression(node.operand)
        if isinstance(node.op, ast.Not):
            if isinstance(known, Value | Region):
                raise self.refused(node, "type.bad-condition", "`not` takes a scalar", "use `~` on a tile of bool_")
            return Number("bool")
        if isinstance(known, Value | Region):
            return self.tile_unary(node, self.as_tile(node.operand, known))
        if isinstance(known, Index):
            if isinstance(node.op, ast.Invert):
                return Index(const(-1) - known.value)
            return Index(-known.value if isinstance(node.op, ast.USub) else known.value)
        if isinstance(known, Number) and known.kind == "float" and not isinstance(node.op, ast.Invert):
            return Number("float")
        raise self.refused(node, "type.bad-operands", f"this operator does not take {known}")

    def _type_compare(self, node: ast.Compare) -> Known:
        operands = [self.expression(each) for each in (node.left, *node.comparators)]
        if any(isinstance(each, Value | Region) for each in operands):
            if len(node.ops) > 1:
                raise self.refused(
                    node, "type.chained-comparison", "tiles are compared two at a time", "use `(a < b) & (b < c)`"
                )
            return self.tile_comparison(node, operands[0], operands[1])
        for each, known in zip((node.left, *node.comparators), operands, strict=True):
            if not isinstance(known, Index | Number):
                raise self.refused(each, "type.bad-operands", f"{known} cannot be compared")
        return Number("bool", self._decided(node, operands))

    def _decided(self, node: ast.Compare, operands: list[Known]) -> bool | None:
        if len(node.ops) != 1 or not all(isinstance(each, Index) for each in operands):
            return None
        left, right = (each.value for each in operands if isinstance(each, Index))
        return _decided(type(node.ops[0]), left, right, self.facts)

    def _type_boolop(self, node: ast.BoolOp) -> Known:
        facts = self.facts
        for each in node.values:
            known = self.expression(each)
            self.facts = self.assume(each, self.facts, holds=isinstance(node.op, ast.And))
            if isinstance(known, Value | Region):
                raise self.refused(
                    each, "type.bad-condition", "`and`/`or` take scalars", "use `&` and `|` on tiles of bool_"
                )
            if not (isinstance(known, Number) and known.kind == "bool"):
                raise self.refused(
                    each, "type.bad-condition", f"`and`/`or` take conditions, not {known}", "compare it with a number"
                )
        self.facts = facts
        return Number("bool")

    def _type_ifexp(self, node: ast.IfExp) -> Known:
        test, facts = self.expression(node.test), self.facts
        self.facts = self.assume(node.test, facts)
        one = self.expression(node.body)
        self.facts = self.assume(node.test, facts, holds=False)
        two = self.expression(node.orelse)
        self.facts = facts
        if isinstance(test, Value | Region) or isinstance(one, Value | Region) or isinstance(two, Value | Region):
            raise self.refused(
                node,
                "type.bad-condition",
                "`a if c else b` chooses between scalars",
                "write an `if` statement where a number decides, `tile.where(c, a, b)` where a tile of flags does",
            )
        if isinstance(one, Index) and isinstance(two, Index):
            return one if one == two else Index(sym(self.fresh("n", node)))
        if isinstance(one, Index | Number) and isinstance(two, Index | Number):
            if _kind(one) == _kind(two) == Number("bool"):
                return Number("bool")
            if _is_number(one) and _is_number(two):
                return Number("float")
        raise self.refused(node, "type.bad-operands", f"{one} and {two} have no common type")

    def scalar_of(self, dtype: DType, name: str) -> Known:
        """A run-time scalar as Python sees it: integers are symbols, others plain numbers."""
        if dtype is bool_:
            return Number("bool")
        if dtype.kind == "float":
            return Number("float")
        if dtype.kind == "uint":
            self.facts = self.facts.with_nonnegative(sym(name))
        return Index(sym(name))


def _decided(operator: type[ast.cmpop], left: Expr, right: Expr, facts: Facts) -> bool | None:
    """The truth of a comparison, where the facts decide it."""
    if operator in (ast.Eq, ast.NotEq):
        equal = facts.equal(left, right)
        return equal if equal is None or operator is ast.Eq else not equal
    low, high = (left, right) if operator in (ast.Lt, ast.LtE) else (right, left)
    strict = 1 if operator in (ast.Lt, ast.Gt) else 0
    if facts.nonnegative(high - low - strict):
        return True
    return False if facts.nonnegative(low - high - 1 + strict) else None


def _kind(known: Known) -> Number | None:
    return Number(known.kind) if isinstance(known, Number) else None


def _is_number(known: Known) -> bool:
    return isinstance(known, Index) or _kind(known) == Number("float")


def _fold(operator: ast.operator, left: int, right: int) -> int | None:
    if isinstance(operator, ast.Pow):
        return left**right if right < 64 else None
    if isinstance(operator, ast.LShift):
        return left << right if right < 64 else None
    if isinstance(operator, ast.RShift):
        return left >> right
    if isinstance(operator, ast.BitAnd):
        return left & right
    if isinstance(operator, ast.BitOr):
        return left | right
    return left ^ right if isinstance(operator, ast.BitXor) else None
