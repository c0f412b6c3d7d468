"""Arithmetic on NumPy arrays with the rounding rules of HTP; the only place that computes elements.

Knows NumPy and `ml_dtypes`; does not know HTP's arrays, nor which dtypes may meet.
"""

from __future__ import annotations

import importlib
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from htp._impl.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Elements: TypeAlias = npt.NDArray[Any]
else:
    np = LazyModule("numpy")

_STORED = {
    "f64": "float64", "f32": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "i16": "int16",
    "i8": "int8", "u64": "uint64", "u32": "uint32", "u16": "uint16", "u8": "uint8", "bool_": "bool",
}  # fmt: skip
_SMALL = {"bf16": "bfloat16", "f8e4m3": "float8_e4m3fn", "f8e5m2": "float8_e5m2"}


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype that stores the dtype called `name`."""
    if name in _STORED:
        return np.dtype(_STORED[name])
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), _SMALL[name]))


@cache
def name_of(dtype: np.dtype[Any]) -> str | None:
    """The dtype's name in HTP, or None when HTP has no such dtype."""
    return next((name for name in (*_STORED, *_SMALL) if numpy_dtype(name) == dtype), None)


@cache
def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` is a float that is computed in f32."""
    return name_of(dtype) in ("f16", *_SMALL)


def widened(data: Elements) -> Elements:
    """`data`, as f32 if it is a narrow float."""
    return data.astype(np.float32) if is_narrow(data.dtype) else data


def narrowed(data: Elements, dtype: np.dtype[Any]) -> Elements:
    """`data` rounded to `dtype`."""
    if data.dtype == dtype:
        return data
    with np.errstate(all="ignore"):
        if is_narrow(dtype) and data.dtype == np.float64:
            data = data.astype(np.float32)
        return data.astype(dtype)


def compute(name: str, *operands: Elements) -> Elements:
    """The elementwise operation `name`; narrow floats are computed in f32 and rounded once."""
    dtype = operands[-1].dtype
    with np.errstate(all="ignore"):
        found = np.asarray(_function(name)(*(widened(each) for each in operands)))
    return found if found.dtype == np.bool_ else narrowed(found, dtype)


@cache
def _function(name: str) -> Callable[..., Elements]:
    own: dict[str, Callable[..., Elements]] = {
        "abs": np.absolute,
        "neg": np.negative,
        "round": _rounding("rint"),
        "floor": _rounding("floor"),
        "ceil": _rounding("ceil"),
        "rsqrt": _exactly(lambda x: 1 / np.sqrt(x)),
        "erf": _exactly(lambda x: _each(math.erf, x)),
        "sigmoid": _exactly(_sigmoid),
        "silu": _exactly(lambda x: x * _sigmoid(x)),
        "gelu": _exactly(lambda x: 0.5 * x * _each(math.erfc, -x * math.sqrt(0.5))),
        "gelu_tanh": _exactly(_gelu_tanh),
        "relu": _relu,
        "clip": _clip,
    }
    return own[name] if name in own else getattr(np, name)


def _relu(x: Elements) -> Elements:
    return np.maximum(x, x.dtype.type(0))


def _clip(x: Elements, lo: Elements, hi: Elements) -> Elements:
    return np.minimum(np.maximum(x, lo), hi)


def _exactly(function: Callable[[Elements], Elements]) -> Callable[[Elements], Elements]:
    """The function computed in f64, so that its result is rounded once."""
    return lambda x: np.asarray(function(x.astype(np.float64))).astype(x.dtype)


def _rounding(name: str) -> Callable[[Elements], Elements]:
    return lambda x: getattr(np, name)(x) if x.dtype.kind == "f" else x


def _each(function: Callable[[float], float], x: Elements) -> Elements:
    return np.asarray(np.frompyfunc(function, 1, 1)(x)).astype(np.float64)


def _sigmoid(x: Elements) -> Elements:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _gelu_tanh(x: Elements) -> Elements:
    # (1 + tanh(u)) / 2 is the sigmoid of 2u, which loses no digits where tanh(u) is near -1.
    return x * _sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x))


def convert(data: Elements, dtype: np.dtype[Any]) -> Elements:
    """`data` as `dtype`: to nearest even, saturating from float to integer with NaN to 0, wrapping between integers."""
    if data.dtype == dtype:
        return data
    wide = widened(data)
    if dtype == np.bool_:
        return np.asarray(wide != 0)
    if wide.dtype.kind != "f" or dtype.kind not in "iu":
        with np.errstate(all="ignore"):
            return wide.astype(dtype)
    limits = np.iinfo(dtype)
    whole = np.trunc(wide.astype(np.float64))
    low, above = float(limits.min), float(limits.max + 1)
    inside = (whole >= low) & (whole < above)
    found = np.asarray(np.where(inside, whole, 0.0).astype(dtype))
    return np.where(whole >= above, dtype.type(limits.max), np.where(whole < low, dtype.type(limits.min), found))


def identity(name: str, dtype: np.dtype[Any]) -> Elements:
    """What `max` (or `min`) of nothing is: the least (or largest) value of `dtype`, an infinity where it has one."""
    if dtype == np.bool_:
        return np.asarray(name == "min")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.asarray(limits.min if name == "max" else limits.max, dtype)
    # E4M3 has no infinity; its largest number is 448 (OCP 8-bit Floating Point Specification, revision 1.0).
    bound = 448.0 if name_of(dtype) == "f8e4m3" else math.inf
    return np.asarray(-bound if name == "max" else bound, dtype)


def python_number(data: Elements) -> int | float | bool:
    """The only element of `data` as a Python number."""
    found = widened(data).item()
    if not isinstance(found, int | float):
        raise TypeError(found)
    return found


def shown(data: Elements, prefix: str) -> str:
    """`data` as text behind `prefix`; long arrays are shortened."""
    return np.array2string(widened(data), separator=", ", prefix=prefix)
