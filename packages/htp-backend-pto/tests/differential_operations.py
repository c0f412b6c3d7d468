"""Tile operations in the differential test: each once on f32 and on i32, among whose numbers are the odd ones.

Knows calls and operands; what must come out is what the program gives as plain Python.
"""

import numpy as np
from operation_cases import COLUMNS, ROWS, program

from htp import bool_, f16, f32, i16, i32, i64
from htp.types import DType, numpy_dtype

FULL, TURNED, COLUMN, ROW = (ROWS, COLUMNS), (COLUMNS, ROWS), (ROWS, 1), (1, COLUMNS)
FUNCTIONS = (
    "abs", "sign", "relu", "exp", "exp2", "log", "log2", "sqrt", "rsqrt", "tanh", "erf", "sigmoid", "gelu", "silu",
    "floor", "ceil", "round", "tril",
)  # fmt: skip
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
ODD = (np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0, -2.5, 0.5, 1.5, 100.0, -1e-7)

Call = tuple[str, tuple[DType, tuple[int, ...]]]


def _common(dtype: DType) -> list[Call]:
    """What floats and integers both have."""
    x, y = "x[:, :]", "y[:, :]"
    reduced = [
        (f"tile.{how}({x}, axis={axis}, keepdims=True)", (dtype, COLUMN if axis else ROW))
        for how in ("max", "min", "sum")
        for axis in (0, 1)
    ]
    return [
        *((f"{x} {sign} {y}", (dtype, FULL)) for sign in ("+", "-", "*", "//", "%")),
        *((f"{x} {sign} {y}", (bool_, FULL)) for sign in COMPARISONS),
        *((f"tile.{name}({x}, {y})", (dtype, FULL)) for name in ("maximum", "minimum")),
        *reduced,
        *((f"tile.{name}({x}, axis=1)", (i64, (ROWS,))) for name in ("argmax", "argmin")),
        *((f"tile.{name}({x}, 1)", (dtype, FULL)) for name in ("sort", "cumsum", "flip")),
        (f"tile.argsort({x}, 1)", (i64, FULL)),
        (f"tile.where({x} > {y}, {x}, {y})", (dtype, FULL)),
        (f"tile.clip({x}, -1, 2)", (dtype, FULL)),
        (f"tile.transpose({x})", (dtype, TURNED)),
        (f"-{x}", (dtype, FULL)),
    ]


def operations(dtype: DType) -> tuple[object, list[np.ndarray], list[np.ndarray]]:
    """A routine that makes every call, its inputs, and its results."""
    x, y = "x[:, :]", "y[:, :]"
    calls = _common(dtype)
    if dtype is f32:
        calls += [(f"tile.{name}({x})", (f32, FULL)) for name in FUNCTIONS]
        calls += [(f"tile.{name}({x})", (bool_, FULL)) for name in ("isnan", "isinf", "isfinite")]
        calls += [(f"{x} {sign} 0.0", (bool_, FULL)) for sign in COMPARISONS]
        calls += [(f"{x} / {y}", (f32, FULL)), (f"{x}.astype(f16)", (f16, FULL))]
    else:
        calls += [(f"{x} {sign} {y}", (i32, FULL)) for sign in ("&", "|", "^")]
        calls += [(f"{x} << 3", (i32, FULL)), (f"{x} >> 2", (i32, FULL)), (f"~{x}", (i32, FULL))]
        calls += [(f"{x}.astype(f32)", (f32, FULL)), (f"{x}.astype(i16)", (i16, FULL))]
    inputs = [_operand(dtype, np.random.default_rng(seed)) for seed in (1, 2)]
    definition, _, results = program(calls, dict.fromkeys(("x", "y"), (dtype, FULL)))
    expected = [np.zeros(shape, numpy_dtype(each)) for _, each, shape in results]
    with np.errstate(all="ignore"):
        definition(*inputs, *expected)
    return definition, inputs, expected


def _operand(dtype: DType, rng: np.random.Generator) -> np.ndarray:
    """Numbers of which some are odd, and some the same in both operands."""
    if dtype is i32:
        low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
        made, odd = rng.integers(low, high, FULL), np.array((low, low + 1, -1, 0, 1, 2, high - 1, high))
    else:
        made, odd = rng.standard_normal(FULL) * 4, np.array(ODD)
    made[:, ::3] = rng.integers(-3, 4, made[:, ::3].shape)
    where = rng.choice(made.size, 3 * len(odd), replace=False)
    made.ravel()[where] = np.tile(odd, 3)
    return made.astype(numpy_dtype(dtype))
