"""C++ text of an expression with what it yields, and how texts are brought to one dtype.

Knows dtypes, lanes and precedence; does not know which expression a text is of.
"""

from __future__ import annotations

from dataclasses import dataclass

from htp_backend_cpu.literals import literal, widened
from htp_backend_cpu.scope import FLOAT, FLOATS, INT, INTEGERS, Kind

# C++ precedence, tightest first: https://en.cppreference.com/w/cpp/language/operator_precedence
PRIMARY, UNARY, PRODUCT, SUM, RELATION, EQUALITY, BITAND, BITXOR, BITOR, AND, OR, CHOICE = range(12)
PROMOTED = frozenset({"i8", "i16", "u8", "u16"})  # C++ computes these as int; the cast back wraps as NumPy does


@dataclass(frozen=True)
class Text:
    """C++ text of an expression, what it yields, how tightly it binds, and its value when it is a literal."""

    cpp: str
    kind: Kind
    level: int = PRIMARY
    value: float | None = None

    def within(self, level: int) -> str:
        """The text, in parentheses when it binds less tightly than `level`."""
        return f"({self.cpp})" if self.level > level else self.cpp


def joined(left: Kind, right: Kind) -> Kind:
    """What an operation on both yields: the typed side's dtype, the lanes of either."""
    dtype = left.dtype if left.dtype not in ("int", "float") else right.dtype
    if {left.dtype, right.dtype} == {"int", "float"}:
        dtype = "float"
    return Kind(dtype, max(left.lanes, right.lanes))


def together(left: Text, right: Text) -> tuple[Text, Text]:
    """Both with one dtype: Python numbers adapt to the typed side."""
    return adapted(left, right.kind.dtype), adapted(right, left.kind.dtype)


def all_together(texts: list[Text]) -> list[Text]:
    """All with the first dtype that one of them has; Python numbers alone stay what they are."""
    dtypes = [each.kind.dtype for each in texts if each.kind.dtype not in ("int", "float")]
    return [adapted(each, dtypes[0]) for each in texts] if dtypes else texts


def python_number(element: Text) -> Text:
    """The element as the Python number it becomes: i64, f64 or bool."""
    if element.kind.dtype in INTEGERS:
        return Text(f"i64({element.cpp})", INT)
    if element.kind.dtype in FLOATS:
        return Text(f"f64({widened(element.cpp, element.kind.dtype)})", FLOAT)
    return element


def adapted(text: Text, dtype: str) -> Text:
    """A Python number (or an index, beside floats) as a value of `dtype`; anything else as it is."""
    if dtype in ("int", "float") and text.kind.dtype not in ("int", "float"):
        return text
    if text.kind.dtype not in ("int", "float") and not (text.kind.dtype == "i64" and dtype in FLOATS):
        return text
    if dtype in ("int", text.kind.dtype) or (dtype == "i64" and text.kind.dtype == "int"):
        return text
    if dtype == "float":
        return real(text)
    if text.value is not None:
        return Text(f"{dtype}({literal(text.value, dtype)})", Kind(dtype), PRIMARY, text.value)
    return Text(f"cast<{dtype}>({text.cpp})", Kind(dtype, text.kind.lanes))


def real(text: Text) -> Text:
    """A number as a Python float."""
    if text.kind.dtype == "float":
        return text
    return Text(f"f64({text.cpp})", FLOAT, PRIMARY, text.value)


def wide(text: Text) -> str:
    """The text as an argument of a template: integer literals have the type that other integers have."""
    return f"i64({text.cpp})" if text.kind == INT and text.value is not None else text.cpp


def wrapped(text: Text) -> Text:
    """The result of an operator, cast back to its dtype where C++ has computed it as int."""
    if text.kind.lanes or text.kind.dtype not in PROMOTED:
        return text
    return Text(f"{text.kind.dtype}({text.cpp})", text.kind)
