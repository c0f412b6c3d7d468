"""What an entry of the table of tile operations says.

Knows the shape of an entry; the entries are in the table modules beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "unary", "binary", "compare", "logical", "reduce", "scan", "shape", "make", "index", "mask", "matmul", "select",
    "boundary",
]  # fmt: skip
ParameterKind = Literal["tile", "operand", "tiles", "index", "axis", "axes", "shape", "dtype", "flag", "mode", "count",
                        "number", "text", "values"]  # fmt: skip
Result = Literal[
    "same", "bool", "i64", "sum", "matmul", "dtype", "none", "values-and-i64",
]  # fmt: skip


class Required:
    """Stands for the default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = Required()


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation.

    Kinds: `tile` is an array; `operand` an array or a Python number that takes the other operands' dtype; `tiles` a
    tuple of arrays; `index` an array of integers; `axis` an int; `axes` an int, a tuple of ints or None; `shape` a
    tuple of ints; `dtype` a dtype class; `flag` a bool; `mode` one of a few strings; `count` an int known when
    compiling; `number` a Python number; `text` a string; `values` any number of further arguments.
    """

    name: str
    kind: ParameterKind
    default: object = REQUIRED

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is REQUIRED


@dataclass(frozen=True)
class Op:
    """One operation of `htp.tile`.

    `result` says how the dtype of the result follows: `same` as the first array (or operand); `bool` is bool_; `i64`;
    `sum` is the same, but i64 for bool_; `matmul` is f32 for floats of 16 and 8 bits, i32 for integers of 8 bits, else
    the same (`out_dtype` overrides it); `dtype` is the argument of that name; `values-and-i64` a pair; `none` nothing.
    """

    name: str
    family: Family
    params: tuple[Parameter, ...]
    dtypes: frozenset[str]
    result: Result
    summary: str
    formula: str
    example: str
    operator: str = ""

    @property
    def signature(self) -> str:
        """The call as it is documented: `sum(x, axis=None, keepdims=False)`."""
        shown = [f"{_star(each)}{each.name}{_default(each)}" for each in self.params]
        return f"{self.name}({', '.join(shown)})"


def _star(parameter: Parameter) -> str:
    return "*" if parameter.kind == "values" else ""


def _default(parameter: Parameter) -> str:
    if parameter.required or parameter.kind == "values":
        return ""
    default = parameter.default
    return f"={default}" if parameter.kind == "dtype" else f"={default!r}"


FLOATS = frozenset({"float"})
INTEGERS = frozenset({"int", "uint"})
NUMBERS = FLOATS | INTEGERS
BITS = INTEGERS | {"bool"}
BOOLS = frozenset({"bool"})
ALL = NUMBERS | BOOLS
