"""Arithmetic, comparison, integer rules, lane movement and reductions of the prelude, against NumPy."""

import ctypes
import importlib.util
import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

if "native_driver" not in sys.modules:
    spec = importlib.util.spec_from_file_location("native_driver", Path(__file__).with_name("native_driver.py"))
    sys.modules["native_driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["native_driver"])
native = sys.modules["native_driver"]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
FORMS = pytest.mark.parametrize("scalar", [False, True], ids=["vector", "scalar"])
FLOATS = ("f32", "f64", "f16", "bf16", "f8e4m3", "f8e5m2")
INTS = ("i8", "i16", "i32", "i64", "u8", "u64")


def pairs(dtype, seed=0):
    """Two arrays that meet every combination of special values, and random ones."""
    number = np.dtype(native.DTYPES[dtype])
    rng = np.random.default_rng(seed)
    if number.kind in "iu":
        limits = np.iinfo(number)
        special = [0, 1, 2, 3, 7, limits.max, limits.max - 1, limits.min, limits.min + 1] + (
            [-1, -2, -7] if number.kind == "i" else []
        )
        random = rng.integers(limits.min, limits.max, (2, 400), number, endpoint=True)
        small = rng.integers(max(limits.min, -20), 20, (2, 400)).astype(number)
        random = np.concatenate([random, small], axis=1)
    else:
        special = [0.0, -0.0, 1, -1, 2.5, -3.75, np.inf, -np.inf, np.nan, 100, 1e-3]
        random = (rng.standard_normal((2, 700)) * 8).astype(number)
    a, b = (grid.ravel() for grid in np.meshgrid(np.array(special).astype(number), np.array(special).astype(number)))
    return np.concatenate([a, random[0]]), np.concatenate([b, random[1]])


OPERATIONS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


@pytest.mark.parametrize(
    ("dtype", "name"), [(t, name) for t in (*FLOATS, *INTS) for name in OPERATIONS if t in FLOATS or name != "div"]
)
@FORMS
def test_arithmetic(dtype, name, scalar):
    a, b = pairs(dtype)
    assert native.same(native.elementwise(name, dtype, a, b, scalar=scalar), OPERATIONS[name](a, b))


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS])
@FORMS
def test_order(dtype, scalar):
    a, b = pairs(dtype)
    wide_a, wide_b = (a, b) if dtype in INTS else (a.astype(np.float64), b.astype(np.float64))

    def values(name):
        found = native.elementwise(name, dtype, a, b, scalar=scalar)
        return found if dtype in INTS else found.astype(np.float64)

    assert np.array_equal(values("minimum"), np.minimum(wide_a, wide_b), equal_nan=dtype not in INTS)
    assert np.array_equal(values("maximum"), np.maximum(wide_a, wide_b), equal_nan=dtype not in INTS)
    assert np.array_equal(values("choose"), np.where(wide_a < wide_b, wide_a, wide_b), equal_nan=dtype not in INTS)
    assert np.array_equal(native.elementwise("less", dtype, a, b, out="bool_", scalar=scalar), wide_a < wide_b)
    assert np.array_equal(native.elementwise("equal", dtype, a, b, out="bool_", scalar=scalar), wide_a == wide_b)


@pytest.mark.parametrize("dtype", [*INTS, "f32", "f64"])
@FORMS
def test_floor_division_and_remainder(dtype, scalar):
    a, b = pairs(dtype)
    with np.errstate(all="ignore"):
        whole, rest = np.floor_divide(a, b), np.mod(a, b)
    assert native.same(native.elementwise("floordiv", dtype, a, b, scalar=scalar), whole)
    assert native.same(native.elementwise("mod", dtype, a, b, scalar=scalar), rest)


@pytest.mark.parametrize("dtype", INTS)
@FORMS
def test_bits(dtype, scalar):
    a, b = pairs(dtype)
    for name, reference in (
        ("shl", np.left_shift),
        ("shr", np.right_shift),
        ("band", np.bitwise_and),
        ("bxor", np.bitwise_xor),
    ):
        assert native.same(native.elementwise(name, dtype, a, b, scalar=scalar), reference(a, b)), name


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i8", "i32", "i64", "u16"])
@FORMS
def test_simple_functions(dtype, scalar):
    x = np.concatenate(pairs(dtype))
    for name, reference in (("abs", np.abs), ("neg", np.negative), ("sign", np.sign)):
        assert native.same(native.elementwise(name, dtype, x, scalar=scalar) + 0, reference(x) + 0), name
    assert np.array_equal(native.elementwise("relu", dtype, x, scalar=scalar), np.maximum(x, 0), equal_nan=True)


@FORMS
def test_predicates_and_masks(scalar):
    a, b = pairs("f32")
    for name in ("isnan", "isinf", "isfinite"):
        assert np.array_equal(native.elementwise(name, "f32", a, out="bool_", scalar=scalar), getattr(np, name)(a))
    narrow = pairs("bf16")[0]
    assert np.array_equal(
        native.elementwise("isinf", "bf16", narrow, out="bool_", scalar=scalar), np.isinf(narrow.astype(np.float32))
    )
    assert np.array_equal(native.elementwise("both", "f32", a, b, out="bool_", scalar=scalar), (a < b) & (a == a))
    # Masks of different lane widths meet; the two comparisons are the same, so nothing is left.
    assert not native.elementwise("mixed", "f32", a, b, out="bool_", scalar=scalar).any()


MOVED = ("f64", "f32", "f16", "u8", "i16", "i64")


def numbers(dtype, count, seed=1):
    return np.random.default_rng(seed).integers(0, 200, count).astype(native.DTYPES[dtype])


@pytest.mark.parametrize("dtype", MOVED)
def test_every_tail_length(dtype):
    x = numbers(dtype, 200)
    for n in [*range(70), 127, 128, 129]:
        for name in ("copy", "copy64"):
            out = np.full(200, 7, x.dtype)
            native.call(f"{name}_{dtype}", out, x, n)
            assert np.array_equal(out[:n], x[:n])
            assert (out[n:] == 7).all()


@pytest.mark.parametrize("dtype", MOVED)
def test_tails_do_not_touch_memory_behind_them(dtype):
    # The last element lies at the end of a page; the next page is not there.
    page = mmap.PAGESIZE
    area = mmap.mmap(-1, 2 * page)
    buffer = np.frombuffer(area, np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    assert protect(ctypes.c_void_p(buffer.ctypes.data + page), ctypes.c_size_t(page), 0) == 0
    try:
        whole = buffer[:page].view(native.DTYPES[dtype])
        whole[:] = numbers(dtype, whole.size)
        for n in range(1, 40):
            out = np.zeros(n, whole.dtype)
            native.call(f"copy_{dtype}", out, whole[whole.size - n :], n)
            assert np.array_equal(out, whole[whole.size - n :])
            native.call(f"copy64_{dtype}", whole[whole.size - n :], out, n)
    finally:
        protect(ctypes.c_void_p(buffer.ctypes.data + page), ctypes.c_size_t(page), 3)


@pytest.mark.parametrize("dtype", MOVED)
def test_strided_gather_scatter(dtype):
    x, rng = numbers(dtype, 1000), np.random.default_rng(2)
    for n in (0, 1, 5, 16, 33):
        out = np.zeros(400, x.dtype)
        native.call(f"strided_{dtype}", out, 3, x, 7, n)
        expected = np.zeros(400, x.dtype)
        expected[: 3 * n : 3] = x[: 7 * n : 7]
        assert np.array_equal(out, expected)
        at = rng.integers(0, 200, n).astype(np.int32)
        out = np.zeros(n, x.dtype)
        native.call(f"gather_{dtype}", out, x, 5, at, n)
        assert np.array_equal(out, x[at * 5])
        where = rng.integers(0, 50, n).astype(np.int64)
        out, expected = np.zeros(200, x.dtype), np.zeros(200, x.dtype)
        native.call(f"scatter_{dtype}", out, 4, where, x, n)
        for i in range(n):
            expected[where[i] * 4] = x[i]
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("dtype", MOVED)
def test_ramps(dtype):
    out = np.zeros(100, native.DTYPES[dtype])
    native.call(f"ramp_{dtype}", out, 13, 100)
    assert np.array_equal(out, np.arange(13, 113).astype(out.dtype))


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "i8", "u16"])
def test_reductions_ignore_lanes_behind_the_tail(dtype):
    for n in (1, 2, 7, 15, 16, 17, 40, 333):
        x = (np.random.default_rng(n).integers(-9, 9, n)).astype(native.DTYPES[dtype])
        out = np.zeros(7, x.dtype)
        native.call(f"reduce_{dtype}", out, x, n)
        head = x[:16]
        expected = [
            x.sum(dtype=x.dtype),
            x.max(),
            x.min(),
            head.sum(dtype=x.dtype),
            head.max(),
            head.min(),
            head.prod(dtype=x.dtype),
        ]
        assert np.array_equal(out, np.array(expected, x.dtype))


def test_reductions_propagate_nan():
    for place in range(20):
        x = np.arange(20, dtype=np.float32)
        x[place] = np.nan
        out = np.zeros(7, np.float32)
        native.call("reduce_f32", out, x, 20)
        assert np.isnan(out[:3]).all()


def test_truth_reductions():
    for n in range(1, 17):
        for x in (np.zeros(n, bool), np.ones(n, bool), np.arange(n) == n - 1):
            out = np.zeros(4, np.int64)
            native.call("logic", out, x, n)
            assert out.tolist() == [x.any(), x.all(), x.sum(), (~x).any()]
