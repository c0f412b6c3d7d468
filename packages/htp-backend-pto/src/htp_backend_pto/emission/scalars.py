"""Python's scalar expressions as C++17: integers are `int64_t`, floats `double`, and `//` and `%` round as in Python.

Knows operators and their precedence; what names, elements of arrays and sizes are is said by a `Meanings`.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from htp.diagnostics import Refused
from htp.program import origin_of

if TYPE_CHECKING:
    from htp.dims import Expr

__all__ = [
    "CPP",
    "KINDS",
    "Kind",
    "Meanings",
    "Text",
    "cpp_name",
    "dim_node",
    "kind_of",
    "literal",
    "scalar_text",
    "unprintable",
]

Kind = Literal["int", "float", "bool"]

CPP: dict[Kind, str] = {"int": "int64_t", "float": "double", "bool": "bool"}
KINDS = ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2")
PRIMARY, UNARY, PRODUCT, SUM, SHIFT, ORDER, EQUAL, AND_BITS, XOR_BITS, OR_BITS, AND, OR, CHOICE = range(13)
"""Levels of precedence: https://en.cppreference.com/w/cpp/language/operator_precedence, without those not printed."""
OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM), ast.Sub: ("-", SUM), ast.Mult: ("*", PRODUCT), ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT), ast.BitAnd: ("&", AND_BITS), ast.BitXor: ("^", XOR_BITS), ast.BitOr: ("|", OR_BITS),
}  # fmt: skip
FUNCTIONS: dict[type[ast.operator], str] = {ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "power"}
COMPARISONS: dict[type[ast.cmpop], tuple[str, int]] = {
    ast.Lt: ("<", ORDER), ast.LtE: ("<=", ORDER), ast.Gt: (">", ORDER), ast.GtE: (">=", ORDER),
    ast.Eq: ("==", EQUAL), ast.NotEq: ("!=", EQUAL),
}  # fmt: skip
CASTS: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool"}

# https://en.cppreference.com/w/cpp/keyword, the macros of the runtime's headers, and what the emitted text owns
WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern
    false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned using
    virtual void volatile wchar_t while xor xor_eq linux unix main htp args order task half pto
"""
RESERVED = frozenset(WORDS.split())


@dataclass(frozen=True)
class Text:
    """A printed expression: its kind, and the level of its outermost operator."""

    cpp: str
    kind: Kind
    level: int = PRIMARY

    def within(self, level: int) -> str:
        """The text as an operand where operators up to `level` need no parentheses."""
        return self.cpp if self.level <= level else f"({self.cpp})"


class Meanings(Protocol):
    """What the names of an expression stand for."""

    def name(self, node: ast.Name) -> Text:
        """A scalar of this name."""
        ...

    def element(self, node: ast.Subscript) -> Text:
        """One element of an array."""
        ...

    def size(self, array: str, axis: int, node: ast.expr) -> Text:
        """The extent of an array along an axis."""
        ...

    def slot(self, name: str, node: ast.expr) -> Text:
        """A value that may change between runs."""
        ...


def cpp_name(name: str) -> str:
    """`name` as a C++ identifier of the emitted text.

    >>> cpp_name("rows"), cpp_name("register")
    ('rows', 'register_')
    """
    return f"{name}_" if name.rstrip("_") in RESERVED else name


def kind_of(dtype: str) -> Kind:
    """What an element of `dtype` is as a Python number."""
    return "float" if dtype in KINDS else "bool" if dtype == "bool_" else "int"


def dim_node(dim: Expr | int) -> ast.expr:
    """A dim as an expression."""
    return ast.parse(str(dim), mode="eval").body


USUAL = "move it into a kernel; between kernels there are scalars, loops, branches and buffers"


def unprintable(node: ast.AST, why: str, help_: str = USUAL) -> Refused:
    """What there is no orchestration for."""
    return Refused(
        "pto.no-orchestration",
        f"`{ast.unparse(node).splitlines()[0]}` has no counterpart in pto-runtime's orchestration: {why}",
        span=origin_of(node),
        help=help_,
    )


def scalar_text(node: ast.expr, names: Meanings) -> Text:
    """The C++ text of a scalar expression.

    Raises:
        Refused: `pto.no-orchestration`.
    """
    return _Printer(names).text(node)


class _Printer:
    def __init__(self, names: Meanings) -> None:
        self.names = names

    def text(self, node: ast.expr) -> Text:
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return literal(value)
            case ast.Name():
                return self.names.name(node)
            case ast.Attribute(value=ast.Name(id=name), attr="value"):
                return self.names.slot(name, node)
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=ast.Constant(value=int() as axis)
            ):
                return self.names.size(name, axis, node)
            case ast.Subscript():
                return self.names.element(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._junction(node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
            case _:
                raise unprintable(node, "it is no scalar expression")

    def _binary(self, node: ast.BinOp) -> Text:
        left, right, operator = self.text(node.left), self.text(node.right), type(node.op)
        kind: Kind = "float" if "float" in (left.kind, right.kind) else "int"
        if operator is ast.Div:
            return Text(f"{_real(left).within(PRODUCT)} / {_real(right).within(UNARY)}", "float", PRODUCT)
        if operator in FUNCTIONS:
            return Text(f"htp::{FUNCTIONS[operator]}({left.cpp}, {right.cpp})", kind)
        if operator not in OPERATORS:
            raise unprintable(node, "there is no such operator")
        sign, level = OPERATORS[operator]
        if kind == "int" and left.kind == right.kind == "bool" and level in (AND_BITS, XOR_BITS, OR_BITS):
            kind = "bool"
        # Bit operators bind weaker than comparisons in C++, and sums in shifts are warned about.
        inner = level if level in (SUM, PRODUCT) else UNARY
        return Text(f"{left.within(inner)} {sign} {right.within(min(inner, level - 1))}", kind, level)

    def _unary(self, node: ast.UnaryOp) -> Text:
        operand = self.text(node.operand)
        match node.op:
            case ast.UAdd():
                return operand
            case ast.USub():
                return Text(f"-{operand.within(PRIMARY)}", operand.kind, UNARY)
            case ast.Not():
                return Text(f"!{operand.within(PRIMARY)}", "bool", UNARY)
            case _:
                if operand.kind == "bool":
                    return Text(f"!{operand.within(PRIMARY)}", "bool", UNARY)
                return Text(f"~{operand.within(PRIMARY)}", "int", UNARY)

    def _compare(self, node: ast.Compare) -> Text:
        operands = [self.text(each) for each in (node.left, *node.comparators)]
        parts: list[Text] = []
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if type(operator) not in COMPARISONS:
                raise unprintable(node, "there is no such comparison")
            sign, level = COMPARISONS[type(operator)]
            parts.append(Text(f"{left.within(SHIFT)} {sign} {right.within(SHIFT)}", "bool", level))
        return parts[0] if len(parts) == 1 else Text(" && ".join(each.within(EQUAL) for each in parts), "bool", AND)

    def _junction(self, node: ast.BoolOp) -> Text:
        sign, level = ("&&", AND) if isinstance(node.op, ast.And) else ("||", OR)
        inner = AND if level == AND else EQUAL
        return Text(f" {sign} ".join(self.text(each).within(inner) for each in node.values), "bool", level)

    def _choice(self, node: ast.IfExp) -> Text:
        test, body, other = self.text(node.test), self.text(node.body), self.text(node.orelse)
        kind: Kind = "float" if "float" in (body.kind, other.kind) else body.kind
        return Text(f"{test.within(OR)} ? {body.within(OR)} : {other.within(OR)}", kind, CHOICE)

    def _call(self, node: ast.Call) -> Text:
        match node:
            case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)]):
                return literal(float(text))
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=[first, *others], keywords=[]) if others:
                result = self.text(first)
                for each in others:
                    other = self.text(each)
                    kind: Kind = "float" if "float" in (result.kind, other.kind) else result.kind
                    result = Text(f"htp::{name}({result.cpp}, {other.cpp})", kind)
                return result
            case ast.Call(func=ast.Name(id="abs"), args=[operand]):
                inner = self.text(operand)
                return Text(f"htp::absolute({inner.cpp})", inner.kind)
            case ast.Call(func=ast.Name(id="int" | "float" | "bool" as name), args=[operand]):
                kind = CASTS[name]
                return Text(f"{CPP[kind]}({self.text(operand).cpp})", kind)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tile"), attr="item"), args=[operand]):
                return self.text(operand)
            case ast.Call(func=ast.Name(id="clip_index"), args=[index, extent]):
                return Text(f"htp::clip_index({self.text(index).cpp}, {self.text(extent).cpp})", "int")
            case ast.Call(func=ast.Name(id="fnv1a"), args=[key, modulus]):
                return Text(f"htp::fnv1a({self.text(key).cpp}, {self.text(modulus).cpp})", "int")
            case _:
                raise unprintable(node, "it is no call on scalars")


def literal(value: float) -> Text:
    """A number in C++.

    >>> literal(-0.5).cpp, literal(float("inf")).cpp
    ('-0.5', '__builtin_inf()')
    """
    if isinstance(value, bool):
        return Text("true" if value else "false", "bool")
    if isinstance(value, int):
        if value == -(1 << 63):
            return Text("INT64_MIN", "int")
        return Text(str(value), "int", UNARY if value < 0 else PRIMARY)
    if math.isnan(value):
        return Text('__builtin_nan("")', "float")
    if math.isinf(value):
        return Text("-__builtin_inf()" if value < 0 else "__builtin_inf()", "float", UNARY if value < 0 else PRIMARY)
    return Text(repr(value), "float", UNARY if value < 0 else PRIMARY)


def _real(text: Text) -> Text:
    return text if text.kind == "float" else Text(f"double({text.cpp})", "float")
