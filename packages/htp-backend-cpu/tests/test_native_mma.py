"""Matrix blocks and transposes of the prelude at every edge size, against NumPy."""

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

# name: (dtype of acc, dtype of a and b); small whole numbers make every product exact
KINDS = {
    "f32": ("f32", "f32"), "f64": ("f64", "f64"), "i32": ("i32", "i8"), "i64": ("i64", "i64"), "f16": ("f32", "f16"),
    "bf16": ("f32", "bf16"),
}  # fmt: skip


def whole(rng, shape, dtype):
    return rng.integers(-4, 5, shape).astype(native.DTYPES[dtype])


def check(name, rows, cols, k, zero, *, column_major=False):
    target, source = KINDS[name]
    rng = np.random.default_rng(rows * 10007 + cols * 101 + k)
    a, b = whole(rng, (rows + 3, k + 5), source), whole(rng, (k + 1, cols + 9), source)
    acc = whole(rng, (rows + 2, cols + 4), target)
    if column_major:
        a = np.asfortranarray(a)
    expected = acc.copy()
    product = a[:rows, :k].astype(np.float64) @ b[:k, :cols].astype(np.float64)
    start = np.zeros((rows, cols)) if zero else expected[:rows, :cols].astype(np.float64)
    expected[:rows, :cols] = (start + product).astype(acc.dtype)
    steps = [stride // a.itemsize for stride in a.strides]
    native.call(f"mma_{name}", acc, acc.shape[1], rows, cols, a, *steps, b, b.shape[1], k, int(zero))
    assert np.array_equal(acc, expected), (rows, cols, k, zero)


@pytest.mark.parametrize("rows", range(1, 10))
def test_every_edge_of_a_block(rows):
    for cols in range(1, 34):
        for k in (0, 1, 2, 3, 5, 8, 17, 64, 70):
            check("f32", rows, cols, k, zero=(cols + k) % 2 == 0)


def test_every_depth():
    for k in range(71):
        for rows, cols in ((8, 32), (5, 19), (1, 32), (3, 7)):
            check("f32", rows, cols, k, zero=False)
            check("f64", rows, cols // 2 + 1, k, zero=k % 2 == 1)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "f32"])
def test_other_dtypes(name):
    for rows in (1, 2, 4, 5, 8, 9):
        for cols in (1, 8, 15, 16, 17, 31, 32, 33):
            for k in (0, 1, 7, 33):
                check(name, rows, cols, k, zero=k % 2 == 0)


def test_larger_than_a_block_and_column_major():
    for rows, cols, k in ((64, 96, 40), (13, 77, 20), (16, 32, 256)):
        check("f32", rows, cols, k, zero=True)
        check("f32", rows, cols, k, zero=False, column_major=True)
        check("f64", rows, cols, k, zero=True, column_major=True)


def test_rounds_like_a_fused_sum():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((8, 512)).astype(np.float32), rng.standard_normal((512, 32)).astype(np.float32)
    acc = np.empty((8, 32), np.float32)
    native.call("mma_f32", acc, 32, 8, 32, a, 512, 1, b, 32, 512, 1)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = 512 * 2.0**-24 * (np.abs(a).astype(np.float64) @ np.abs(b))
    assert np.all(np.abs(acc - exact) <= bound)


def test_a_nan_stays_in_its_row():
    a, b = np.ones((8, 4), np.float32), np.ones((4, 32), np.float32)
    a[3, 2] = np.nan
    acc = np.empty((8, 32), np.float32)
    native.call("mma_f32", acc, 32, 8, 32, a, 4, 1, b, 32, 4, 1)
    assert np.isnan(acc[3]).all()
    assert not np.isnan(np.delete(acc, 3, 0)).any()


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "u8"])
def test_transposes(dtype):
    rng = np.random.default_rng(1)
    for rows in (1, 2, 7, 8, 15, 16, 17, 33):
        for cols in (1, 3, 8, 16, 19, 32, 50):
            x = rng.integers(0, 255, (rows, cols + 3)).astype(native.DTYPES[dtype])
            out = np.zeros((cols, rows + 2), x.dtype)
            native.call(f"transpose_{dtype}", out, rows + 2, x, cols + 3, rows, cols)
            expected = np.zeros_like(out)
            expected[:, :rows] = x[:, :cols].T
            assert np.array_equal(out, expected)
