"""Sorting, top-k and arg reductions of one row, against NumPy."""

import ctypes
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

if "native_driver" not in sys.modules:
    spec = importlib.util.spec_from_file_location("native_driver", Path(__file__).with_name("native_driver.py"))
    sys.modules["native_driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["native_driver"])
native = sys.modules["native_driver"]

DTYPES = ("f32", "f64", "f16", "i8", "i32", "u64")


def rows(dtype):
    """Rows with many ties, in every order that quicksorts dislike, and for floats with NaN and infinities."""
    rng = np.random.default_rng(8)
    number = native.DTYPES[dtype]
    for n in (0, 1, 2, 3, 23, 24, 25, 26, 64, 100, 1000):
        yield rng.integers(0, 120, n).astype(number)
        yield rng.integers(0, 3, n).astype(number)
        yield np.arange(n).astype(number)
        yield np.arange(n)[::-1].astype(number)
        yield np.concatenate([np.arange(n // 2), np.arange(n - n // 2)[::-1]]).astype(number)
        if np.dtype(number).kind == "f" and n:
            x = rng.integers(-3, 4, n).astype(number)
            x[rng.integers(0, n, n // 3 + 1)] = np.nan
            x[rng.integers(0, n, n // 9 + 1)] = -np.inf
            x[rng.integers(0, n, n // 9 + 1)] = np.inf
            yield x
            yield np.full(n, np.nan, number)


def order(x, descending=False):
    """Stable: NaN counts as the largest; equal elements, lowest index first, either way."""
    if not descending:
        return np.argsort(x, kind="stable")
    return (len(x) - 1 - np.argsort(x[::-1], kind="stable"))[::-1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_and_argsort(dtype, stride, descending):
    for x in rows(dtype):
        spread = np.zeros(len(x) * stride + 1, x.dtype)
        spread[: len(x) * stride : stride] = x
        at = np.zeros(len(x) + 1, np.int64)
        native.call(f"argsort_{dtype}", at, 1, spread, stride, len(x), int(descending))
        assert np.array_equal(at[:-1], order(x, descending))
        native.call(f"sort_{dtype}", spread, stride, len(x), int(descending))
        assert np.array_equal(
            spread[: len(x) * stride : stride], x[order(x, descending)], equal_nan=x.dtype.kind == "f"
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stride", [1, 2])
def test_topk(dtype, stride):
    for x in rows(dtype):
        for k in {0, 1, 2, 5, 8, len(x) // 2, len(x)}:
            if k > len(x):
                continue
            spread = np.repeat(x, stride)
            values, at = np.zeros(2 * k + 1, x.dtype), np.zeros(k + 1, np.int64)
            native.call(f"topk_{dtype}", values, 2, at, 1, k, spread, stride, len(x))
            expected = order(x, descending=True)[:k]
            assert np.array_equal(at[:k], expected)
            assert np.array_equal(values[: 2 * k : 2], x[expected], equal_nan=x.dtype.kind == "f")


@pytest.mark.parametrize("dtype", DTYPES)
def test_arg_reductions(dtype):
    for x in rows(dtype):
        spread = np.repeat(x, 3)
        for name in ("argmax", "argmin"):
            found = native.call(f"{name}_{dtype}", spread, 3, len(x), result=ctypes.c_longlong)
            assert found == (getattr(np, name)(x) if len(x) else 0)


def test_sorting_a_killer_sequence_stays_fast():
    # Median-of-three killer (Musser 1997): without the fall-back to heap sort this takes n^2 / 8 steps.
    n = 1 << 15
    half = n // 2
    x = np.empty(n, np.int32)
    x[0:half:2] = np.arange(1, half + 1, 2)
    x[1:half:2] = np.arange(half + 1, n + 1, 2)
    x[half:] = np.arange(2, n + 1, 2)
    expected = np.sort(x)
    native.call("sort_i32", x, 1, n, 0)
    assert np.array_equal(x, expected)
