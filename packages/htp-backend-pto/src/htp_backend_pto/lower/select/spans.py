"""Between which numbers the integers of a tile lie, as far as the program says.

Knows operations in normal form; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from htp.infer.values import Region, Value
from htp_backend_pto.lower.writing import room
from htp_backend_pto.tiles import declared

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.program import Function
    from htp.types import DType, TileType

__all__ = ["Spans"]

Span = tuple[int, int]

WORD = 1 << 31
FLOAT = 1 << 24
"""Up to here f32 holds every integer."""
SAME = (
    "reshape", "transpose", "broadcast_to", "squeeze", "expand_dims", "flip", "sort", "gather", "take", "max", "min",
    "tril", "triu",
)  # fmt: skip
"""Operations whose numbers are those of their first operand; of triangles, and zero."""


class Spans:
    """The spans of one kernel's tiles, which are given a value once."""

    def __init__(self, kernel: Function, known: Inference) -> None:
        self.known = known
        self.types: dict[str, TileType] = {}
        self.spans: dict[str, Span] = {}
        every = list(declared(kernel.body))
        times = Counter(name for _, name, _ in every)
        for statement, name, type_ in every:
            self.types[name] = type_
            found = self.of(statement.value, type_) if times[name] == 1 and statement.value is not None else None
            own = _span(type_.dtype)
            if found is not None and own is not None and (own[0] > found[0] or own[1] < found[1]):
                found = own  # it may wrap
            if found is None:
                found = own
            if found is not None:
                self.spans[name] = found

    def small(self, name: str) -> bool:
        """Whether all numbers, known or not, are those of i32."""
        low, high = self.spans.get(name, (-WORD - 1, WORD))
        return low >= -WORD and high < WORD

    def exact_as_float(self, name: str) -> bool:
        """Whether f32 holds all of them."""
        low, high = self.spans.get(name, (-WORD, WORD))
        return low >= -FLOAT and high <= FLOAT

    def of(self, node: ast.expr, type_: TileType) -> Span | None:
        """The span of what a statement computes."""
        if isinstance(self.known.types.get(id(node)), Region):
            return _span(type_.dtype)
        match node:
            case ast.Name() | ast.Constant() | ast.UnaryOp():
                return self.operand(node)
            case ast.Subscript(value=ast.Name(id=name)):
                return self.spans.get(name)
            case ast.BinOp():
                return self.pair(node.op, self.operand(node.left), self.operand(node.right))
            case ast.Call():
                return self.call(node, type_)
            case _:
                return None

    def operand(self, node: ast.expr) -> Span | None:
        """The span of a tile or a number."""
        match node:
            case ast.Name(id=name):
                return self.spans.get(name)
            case ast.Constant(value=int() as value):
                return int(value), int(value)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                found = self.operand(inner)
                return None if found is None else (-found[1], -found[0])
            case _:
                return None

    def pair(self, operator: ast.operator | str, left: Span | None, right: Span | None) -> Span | None:
        """The span of what two operands give."""
        if left is None or right is None:
            return None
        match operator:
            case ast.Add() | "add":
                return left[0] + right[0], left[1] + right[1]
            case ast.Sub() | "subtract":
                return left[0] - right[1], left[1] - right[0]
            case ast.Mult() | "multiply":
                products = [one * two for one in left for two in right]
                return min(products), max(products)
            case ast.FloorDiv() | "floor_divide" if right[0] > 0:
                quotients = [one // two for one in left for two in right]
                return min(quotients), max(quotients)
            case ast.Mod() | "mod" if right[0] > 0:
                return 0, right[1] - 1
            case "maximum" | "minimum" | "where" | "select":
                return min(left[0], right[0]), max(left[1], right[1])
            case _:
                return None

    def call(self, node: ast.Call, type_: TileType) -> Span | None:
        """The span of what an operation gives."""
        operation, given = self.known.operations.get(id(node), ("", {}))
        x = given.get("x")
        source = self.spans.get(x.id) if isinstance(x, ast.Name) else None
        numbers = self.count(given.get("x"))
        match operation:
            case "full":
                return self.operand(given["value"])
            case "iota":
                return 0, max(room(type_).rows, room(type_).columns)
            case "argsort" | "argmax" | "argmin":
                return 0, numbers
            case "sum" | "cumsum" if source is not None:
                return min(source[0], 0) * numbers, max(source[1], 0) * numbers
            case "prod" if source in ((0, 0), (0, 1), (1, 1)):
                return 0, 1
            case "where" | "select":
                return self.pair("where", self.operand(given["a"]), self.operand(given["b"]))
            case "eye" | "one_hot":
                return 0, 1
            case "cast":
                return source if source is not None else None
            case _ if operation in SAME and source is not None:
                return min(source[0], 0), max(source[1], 0)
            case _ if "a" in given and "b" in given:
                return self.pair(operation, self.operand(given["a"]), self.operand(given["b"]))
            case _:
                return None

    def count(self, node: ast.expr | None) -> int:
        """How many elements an operand has room for."""
        if isinstance(node, ast.Name) and node.id in self.types:
            here = room(self.types[node.id])
            return here.rows * here.columns
        known = self.known.types.get(id(node))
        return WORD if isinstance(known, Value) else 1


def _span(dtype: DType) -> Span | None:
    """All numbers of a dtype; of flags as numbers."""
    if dtype.kind == "bool":
        return 0, 1
    if dtype.kind == "float" or dtype.bits == 64:
        return None
    if dtype.kind == "uint":
        return 0, (1 << dtype.bits) - 1
    return -(1 << (dtype.bits - 1)), (1 << (dtype.bits - 1)) - 1
