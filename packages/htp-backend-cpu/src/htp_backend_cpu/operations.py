"""Which tile operations are C++ functions of the prelude on scalars and vectors.

Knows names and result dtypes; the functions themselves are in the prelude.
"""

from __future__ import annotations

UNARY = (
    "exp", "exp2", "log", "log2", "sqrt", "rsqrt", "abs", "neg", "sign", "sin", "cos", "tanh", "erf", "sigmoid",
    "relu", "gelu", "silu", "floor", "ceil", "round", "isnan", "isinf", "isfinite",
)  # fmt: skip
BINARY = ("maximum", "minimum", "clip", "where", "pow")
CALLS = {**{name: name for name in (*UNARY, *BINARY)}, "select": "where"}
REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all"})


def result_dtype(name: str, dtype: str) -> str:
    """The dtype that an operation on `dtype` yields."""
    if name in ("isnan", "isinf", "isfinite", "any", "all"):
        return "bool_"
    return "i64" if name == "sum" and dtype == "bool_" else dtype
