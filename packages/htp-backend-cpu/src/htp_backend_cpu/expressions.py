"""Scalar and vector expressions of the register form as C++ text.

Knows operators, constants, calls and element access; statements and whole functions are printed elsewhere.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp_backend_cpu.literals import constant_of, literal
from htp_backend_cpu.names import spelled
from htp_backend_cpu.operations import CALLS, REDUCTIONS, result_dtype
from htp_backend_cpu.scope import (
    BOOL,
    DTYPES,
    FLOAT,
    INT,
    ArrayName,
    Kind,
    RegisterName,
    Scope,
    SlotName,
    not_register_form,
)
from htp_backend_cpu.texts import (
    AND,
    BITAND,
    BITOR,
    BITXOR,
    CHOICE,
    EQUALITY,
    OR,
    PRIMARY,
    PRODUCT,
    RELATION,
    SUM,
    UNARY,
    Text,
    adapted,
    all_together,
    joined,
    python_number,
    real,
    together,
    wide,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp_backend_cpu.checks import Checks

OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.BitAnd: ("&", BITAND),
    ast.BitOr: ("|", BITOR),
    ast.BitXor: ("^", BITXOR),
}
FUNCTIONS: dict[type[ast.operator], str] = {
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, int]] = {
    ast.Lt: ("<", RELATION),
    ast.LtE: ("<=", RELATION),
    ast.Gt: (">", RELATION),
    ast.GtE: (">=", RELATION),
    ast.Eq: ("==", EQUALITY),
    ast.NotEq: ("!=", EQUALITY),
}


@dataclass
class Expressions:
    """Prints expressions in a scope; `checks` collects what may fail, `asked` prints the words of the process form."""

    checks: Checks
    asked: Callable[[ast.Call, Scope], tuple[str, Kind] | None]

    def scalar(self, node: ast.expr, scope: Scope) -> str:
        """The text of an integer expression, as an index or extent."""
        return self.text(node, scope).cpp

    def typed(self, node: ast.expr, scope: Scope, dtype: str, lanes: int) -> str:
        """The text of an expression as a value of `dtype` with `lanes` lanes."""
        text = adapted(self.text(node, scope), dtype)
        if text.kind.dtype != dtype and {text.kind.dtype, dtype} != {"int", "i64"}:
            not_register_form(node, f"a value of {text.kind.dtype} where {dtype} is wanted")
        if lanes and not text.kind.lanes:
            return f"splat<{dtype}, {lanes}>({text.cpp})"
        if lanes != text.kind.lanes:
            not_register_form(node, f"{text.kind.lanes} lanes where {lanes} are wanted")
        return text.cpp

    def text(self, node: ast.expr, scope: Scope) -> Text:
        """The text of an expression."""
        number = constant_of(node)
        if number is not None:
            kind = BOOL if isinstance(number, bool) else INT if isinstance(number, int) else FLOAT
            return Text(literal(number), kind, UNARY if str(number).startswith("-") else PRIMARY, number)
        match node:
            case ast.Name(id=name):
                return self._name(node, name, scope)
            case ast.Attribute(value=ast.Name(id=name), attr="value"):
                meaning = scope.find(name)
                if isinstance(meaning, SlotName):
                    return python_number(Text(f"slots.{spelled(name)}", Kind(meaning.dtype)))
            case ast.BinOp():
                return self._binary(node, scope)
            case ast.UnaryOp():
                return self._unary(node, scope)
            case ast.Compare():
                return self._compare(node, scope)
            case ast.BoolOp():
                return self._junction(node, scope)
            case ast.IfExp():
                return self._choice(node, scope)
            case ast.Subscript():
                return self._subscript(node, scope)
            case ast.Call():
                return self._call(node, scope)
            case _:
                pass
        return not_register_form(node, "no such expression")

    def _name(self, node: ast.expr, name: str, scope: Scope) -> Text:
        meaning = scope.find(name)
        match meaning:
            case Kind():
                return Text(spelled(name), meaning)
            case RegisterName(dtype=dtype, width=width):
                return Text(spelled(name), Kind(dtype, width))
            case _:
                return not_register_form(node, "the name has no value here")

    def _binary(self, node: ast.BinOp, scope: Scope) -> Text:
        left, right = self.text(node.left, scope), self.text(node.right, scope)
        if isinstance(node.op, ast.Div) and {left.kind.dtype, right.kind.dtype} <= {"int", "float"}:
            left, right = real(left), real(right)
        left, right = together(left, right)
        if left.kind.dtype != right.kind.dtype and not {left.kind.dtype, right.kind.dtype} <= {"int", "i64"}:
            not_register_form(node, f"{left.kind.dtype} with {right.kind.dtype}")
        kind = joined(left.kind, right.kind)
        operator = type(node.op)
        if operator in FUNCTIONS:
            text = Text(f"{FUNCTIONS[operator]}({wide(left)}, {wide(right)})", kind)
        elif operator in OPERATORS:
            sign, level = OPERATORS[operator]
            text = Text(f"{left.within(level)} {sign} {right.within(level - 1)}", kind, level)
        else:
            return not_register_form(node, "no such operator")
        return wrapped(text)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Text:
        operand = self.text(node.operand, scope)
        match node.op:
            case ast.UAdd():
                return operand
            case ast.USub():
                return wrapped(Text(f"-{operand.within(PRIMARY)}", operand.kind, UNARY))
            case ast.Not():
                return Text(f"!{operand.within(PRIMARY)}", BOOL, UNARY)
            case _:
                sign = "!" if operand.kind == BOOL else "~"
                return wrapped(Text(f"{sign}{operand.within(PRIMARY)}", operand.kind, UNARY))

    def _compare(self, node: ast.Compare, scope: Scope) -> Text:
        operands = [self.text(each, scope) for each in (node.left, *node.comparators)]
        parts: list[Text] = []
        for operator, first, second in zip(node.ops, operands, operands[1:], strict=False):
            if type(operator) not in COMPARISONS:
                not_register_form(node, "no such comparison")
            sign, level = COMPARISONS[type(operator)]
            left, right = together(first, second)
            kind = Kind("bool_", max(left.kind.lanes, right.kind.lanes))
            parts.append(Text(f"{left.within(level - 1)} {sign} {right.within(level - 1)}", kind, level))
        return parts[0] if len(parts) == 1 else Text(" && ".join(each.within(AND) for each in parts), BOOL, AND)

    def _junction(self, node: ast.BoolOp, scope: Scope) -> Text:
        sign, level = ("&&", AND) if isinstance(node.op, ast.And) else ("||", OR)
        parts = [self.text(each, scope).within(level if level == AND else AND - 1) for each in node.values]
        return Text(f" {sign} ".join(parts), BOOL, level)

    def _choice(self, node: ast.IfExp, scope: Scope) -> Text:
        test = self.text(node.test, scope)
        body, other = together(self.text(node.body, scope), self.text(node.orelse, scope))
        cpp = f"{test.within(OR)} ? {body.within(OR)} : {other.within(OR)}"
        return Text(cpp, joined(body.kind, other.kind), CHOICE)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Text:
        match node.value:
            case ast.Attribute(value=ast.Name(id=name), attr="shape"):
                axis = constant_of(node.slice)
                if isinstance(scope.find(name), ArrayName) and isinstance(axis, int):
                    return Text(f"{spelled(name)}.dim({axis})", INT)
            case ast.Name(id=name):
                meaning = scope.find(name)
                if isinstance(meaning, RegisterName):
                    return self._register(node, name, meaning, scope)
                if isinstance(meaning, ArrayName):
                    return self._load(node, meaning, scope)
            case _:
                pass
        return not_register_form(node, "no such element access")

    def _register(self, node: ast.Subscript, name: str, meaning: RegisterName, scope: Scope) -> Text:
        if isinstance(node.slice, ast.Slice):
            return Text(spelled(name), Kind(meaning.dtype, meaning.width))
        return Text(f"{spelled(name)}[{self.scalar(node.slice, scope)}]", Kind(meaning.dtype))

    def _load(self, node: ast.Subscript, array: ArrayName, scope: Scope) -> Text:
        from htp_backend_cpu.access import element_access

        access = element_access(self, node, array, scope)
        match access.way:
            case "element":
                return Text(access.place, Kind(array.dtype))
            case "line":
                return Text(f"load({access.place}, {access.lanes})", Kind(array.dtype, access.width))
            case "gather":
                cpp = f"gather({access.place}, {access.index}, {access.lanes})"
                return Text(cpp, Kind(array.dtype, access.width))

    def _call(self, node: ast.Call, scope: Scope) -> Text:
        match node.func:
            case ast.Attribute(value=ast.Name(id="tile"), attr=name):
                return self._operation(node, name, scope)
            case ast.Attribute(value=value, attr="astype"):
                return self._cast(self.text(value, scope), _dtype(node.args[0]))
            case ast.Name(id=name) if name in DTYPES:
                argument = self.text(node.args[0], scope)
                number = argument.value
                if number is not None:
                    return Text(f"{name}({literal(number, name)})", Kind(name), PRIMARY, number)
                return self._cast(argument, name)
            case ast.Name(id="iota"):
                strip = scope.strip
                if strip is None:
                    return not_register_form(node, "lanes outside of a strip")
                kind = Kind(_dtype(node.args[2]), strip.width)
                return Text(f"iota<{kind.dtype}, {kind.lanes}>({self.scalar(node.args[0], scope)})", kind)
            case ast.Name(id="checked"):
                return self._checked(node, scope)
            case ast.Name(id="min" | "max" as name):
                texts = [self.text(each, scope) for each in node.args]
                kind = FLOAT if any(each.kind.dtype == "float" for each in texts) else INT
                parts = [(real(each) if kind == FLOAT else each) for each in texts]
                cpp = wide(parts[0])
                for each in parts[1:]:
                    cpp = f"{name}imum({cpp}, {wide(each)})"
                return Text(cpp, kind)
            case ast.Name(id="clip_index"):
                return Text(f"clip_index({', '.join(self.scalar(each, scope) for each in node.args)})", INT)
            case ast.Name(id="fnv1a" | "first_seen" as name):
                owner = "tasks." if name == "first_seen" else ""
                return Text(f"{owner}{name}({', '.join(self.scalar(each, scope) for each in node.args)})", INT)
            case ast.Name(id="int" | "float" | "bool" | "abs" as name):
                argument = self.text(node.args[0], scope)
                if name == "abs":
                    return Text(f"abs({wide(argument)})", argument.kind)
                dtype = {"int": "i64", "float": "f64", "bool": "bool_"}[name]
                return replace(self._cast(argument, dtype), kind={"int": INT, "float": FLOAT, "bool": BOOL}[name])
            case ast.Name(id="argmax_row" | "argmin_row" as name):
                from htp_backend_cpu.access import cut

                return Text(f"{name}({cut(self, node.args[0], scope)})", Kind("i64"))
            case _:
                found = self.asked(node, scope)
                return Text(*found) if found else not_register_form(node, "no such call in an expression")

    def _cast(self, argument: Text, dtype: str) -> Text:
        if argument.kind.dtype == dtype:
            return argument
        return Text(f"cast<{dtype}>({argument.cpp})", Kind(dtype, argument.kind.lanes))

    def _checked(self, node: ast.Call, scope: Scope) -> Text:
        index, extent = self.text(node.args[0], scope), self.scalar(node.args[1], scope)
        place = self.checks.index(node)
        if not index.kind.lanes:
            return Text(f"checked(ctx, {index.cpp}, {extent}, {place})", INT)
        lanes = scope.strip.lanes if scope.strip else f"Full<{index.kind.lanes}>{{}}"
        return Text(f"checked(ctx, {index.cpp}, {extent}, {place}, {lanes})", Kind("i64", index.kind.lanes))

    def _operation(self, node: ast.Call, name: str, scope: Scope) -> Text:
        if name == "item":
            return python_number(self.text(node.args[0], scope))
        if name in ("cast", "astype"):
            return self._cast(self.text(node.args[0], scope), _dtype(node.args[1]))
        arguments = [self.text(each, scope) for each in node.args]
        if name in REDUCTIONS:
            return self._reduction(node, name, arguments[0], scope)
        if name not in CALLS:
            return not_register_form(node, f"`tile.{name}` is no scalar or vector operation")
        values = arguments[1:] if name in ("where", "select") else arguments
        values = all_together(values)
        kind = values[0].kind
        for each in (*values, *arguments):
            kind = Kind(kind.dtype, max(kind.lanes, each.kind.lanes))
        texts = [*(arguments[:1] if name in ("where", "select") else []), *values]
        dtype = result_dtype(name, kind.dtype)
        cpp = f"{_function(node, name)}({', '.join(wide(each) for each in texts)})"
        result = Text(cpp, Kind(dtype, kind.lanes))
        return wrapped(result) if name == "neg" else result

    def _reduction(self, node: ast.Call, name: str, argument: Text, scope: Scope) -> Text:
        if not argument.kind.lanes:
            return not_register_form(node, "a reduction of one element")
        dtype = result_dtype(name, argument.kind.dtype)
        whole = isinstance(node.args[0], ast.Name) and isinstance(scope.find(node.args[0].id), RegisterName)
        lanes = _slice_lanes(self, node.args[0], scope)
        if lanes is None:
            lanes = "" if whole or scope.strip is None else scope.strip.lanes
        elif lanes and not (scope.strip and lanes == scope.strip.lanes):
            lanes = f"Part<{argument.kind.lanes}>{{{lanes}}}"
        return Text(f"{name}({argument.cpp}{', ' if lanes else ''}{lanes})", Kind(dtype))


def _slice_lanes(printer: Expressions, node: ast.expr, scope: Scope) -> str | None:
    """How many lanes `r[:n]` or `r[:]` names: the text of n, nothing for all; None for other expressions."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and isinstance(node.value, ast.Name)):
        return None
    if not isinstance(scope.find(node.value.id), RegisterName):
        return None
    return "" if node.slice.upper is None else printer.scalar(node.slice.upper, scope)


def _function(node: ast.Call, name: str) -> str:
    """The prelude's function for an operation; the one option there is chooses between two of them."""
    options = {each.arg: each.value.value for each in node.keywords if isinstance(each.value, ast.Constant)}
    if len(options) != len(node.keywords) or options.keys() - ({"approximate"} if name == "gelu" else set[str]()):
        return not_register_form(node, "no such option")
    return "gelu_tanh" if options.get("approximate") == "tanh" else CALLS[name]


def _dtype(node: ast.expr) -> str:
    if isinstance(node, ast.Name) and node.id in DTYPES:
        return node.id
    return not_register_form(node, "not a dtype")
