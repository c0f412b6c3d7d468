"""Conversions of the prelude, against NumPy and ml_dtypes: exhaustive for 8 and 16 bits."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in cast")

if "native_driver" not in sys.modules:
    spec = importlib.util.spec_from_file_location("native_driver", Path(__file__).with_name("native_driver.py"))
    sys.modules["native_driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["native_driver"])
native = sys.modules["native_driver"]

SMALL = ("f16", "bf16", "f8e4m3", "f8e5m2")
INTS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
FORMS = pytest.mark.parametrize("scalar", [False, True], ids=["vector", "scalar"])


def patterns(dtype):
    """Every value of a narrow float."""
    numpy_dtype = np.dtype(native.DTYPES[dtype])
    storage = np.dtype(f"u{numpy_dtype.itemsize}")
    return np.arange(1 << (8 * numpy_dtype.itemsize)).astype(storage).view(numpy_dtype)


def f32_values():
    """Values around every rounding boundary of the narrow floats, and a sweep over all patterns of f32."""
    rng = np.random.default_rng(0)
    edges = [np.arange(0, 1 << 32, 40009, dtype=np.uint64).astype(np.uint32).view(np.float32)]
    for dtype in SMALL:
        exact = patterns(dtype).astype(np.float32)
        exact = np.unique(np.abs(exact[np.isfinite(exact)])).astype(np.float64)
        middle = ((exact[:-1] + exact[1:]) / 2).astype(np.float32)
        edges += [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf)), -middle]
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 448, 464, 464.1, 480, 65504, 65519, 65520, 1e-45, 3.4e38])
    return np.concatenate([*edges, special.astype(np.float32), rng.standard_normal(1000).astype(np.float32)])


def expected(values, dtype):
    with np.errstate(all="ignore"):
        return values.astype(native.DTYPES[dtype])


@pytest.mark.parametrize("dtype", SMALL)
@FORMS
def test_every_narrow_value_widens_exactly(dtype, scalar):
    values = patterns(dtype)
    assert native.same(native.cast(dtype, "f32", values, scalar), values.astype(np.float32))
    assert native.same(native.cast(dtype, "f64", values, scalar), values.astype(np.float64))


@pytest.mark.parametrize("dtype", SMALL)
@FORMS
def test_f32_rounds_to_nearest_even(dtype, scalar):
    values = f32_values()
    assert native.same(native.cast("f32", dtype, values, scalar), expected(values, dtype))


@pytest.mark.parametrize("dtype", SMALL)
@FORMS
def test_f64_rounds_as_numpy_and_ml_dtypes_do(dtype, scalar):
    rng = np.random.default_rng(1)
    near = f32_values().astype(np.float64)
    values = np.concatenate(
        [near, near * (1 + 2.0**-40), near * (1 - 2.0**-40), rng.standard_normal(5000) * 1e-6, [5e-324, 1e300]]
    )
    assert native.same(native.cast("f64", dtype, values, scalar), expected(values, dtype))


@FORMS
def test_between_narrow_floats(scalar):
    values = patterns("f16")
    assert native.same(native.cast("f16", "bf16", values, scalar), expected(values.astype(np.float32), "bf16"))
    values = patterns("bf16")
    assert native.same(native.cast("bf16", "f8e5m2", values, scalar), expected(values.astype(np.float32), "f8e5m2"))


@pytest.mark.parametrize("dtype", SMALL)
@FORMS
def test_narrow_floats_and_integers(dtype, scalar):
    values = patterns(dtype)
    wide = values.astype(np.float64)
    assert native.same(native.cast(dtype, "i32", values, scalar), saturated(wide, "i32"))
    assert native.same(native.cast(dtype, "bool_", values, scalar), wide != 0)
    ints = np.concatenate([np.arange(-3000, 3000), [65519, 65520, -(1 << 62), 1 << 33]])
    assert native.same(native.cast("i64", dtype, ints, scalar), expected(ints.astype(np.float32), dtype))


def saturated(values, dtype):
    """Truncated towards zero and bounded; NaN is 0."""
    limits = np.iinfo(native.DTYPES[dtype])
    bounded = [0 if v != v else int(max(min(v, 2.0**70), -(2.0**70))) for v in values.tolist()]
    return np.array([max(min(v, int(limits.max)), int(limits.min)) for v in bounded], native.DTYPES[dtype])


@pytest.mark.parametrize("source", ["f32", "f64"])
@pytest.mark.parametrize("dtype", INTS)
@FORMS
def test_floats_to_integers_truncate_and_saturate(source, dtype, scalar):
    rng = np.random.default_rng(2)
    powers = 2.0 ** np.arange(0, 66)
    values = np.concatenate([
        powers, -powers, powers - 1, 1 - powers, powers + 0.5, -powers - 0.5,
        [0.0, -0.0, np.nan, np.inf, -np.inf, 1e30, -1e30, 0.9, -0.9, 127.9, 128.0, -128.9, -129.0, 255.9, 256.0],
        rng.uniform(-3e9, 3e9, 300), rng.uniform(-300, 300, 300),
    ]).astype(native.DTYPES[source])  # fmt: skip
    assert native.same(native.cast(source, dtype, values, scalar), saturated(values.astype(np.float64), dtype))


@pytest.mark.parametrize("dtype", INTS)
@FORMS
def test_integers_to_floats_and_truth(dtype, scalar):
    limits = np.iinfo(native.DTYPES[dtype])
    rng = np.random.default_rng(3)
    values = rng.integers(limits.min, limits.max, 200, native.DTYPES[dtype], endpoint=True)
    values = np.concatenate([values, np.array([0, 1, 7, limits.max, limits.min], native.DTYPES[dtype])])
    assert native.same(native.cast(dtype, "f32", values, scalar), values.astype(np.float32))
    assert native.same(native.cast(dtype, "f64", values, scalar), values.astype(np.float64))
    assert native.same(native.cast(dtype, "bool_", values, scalar), values != 0)
    truth = values % 2 == 1
    assert native.same(native.cast("bool_", dtype, truth, scalar), truth.astype(native.DTYPES[dtype]))


@pytest.mark.parametrize(
    ("source", "target"), [("i64", "i8"), ("i8", "i64"), ("u8", "i32"), ("i32", "u8"), ("u32", "i64")]
)
@FORMS
def test_integers_wrap(source, target, scalar):
    limits = np.iinfo(native.DTYPES[source])
    values = np.random.default_rng(4).integers(limits.min, limits.max, 333, native.DTYPES[source], endpoint=True)
    assert native.same(native.cast(source, target, values, scalar), values.astype(native.DTYPES[target]))


@FORMS
def test_f32_with_f64_and_truth(scalar):
    values = f32_values()
    assert native.same(native.cast("f32", "f64", values, scalar), values.astype(np.float64))
    assert native.same(native.cast("f32", "bool_", values, scalar), values != 0)
    wide = np.concatenate([values.astype(np.float64) * (1 + 2.0**-30), [1e300, 5e-324]])
    with np.errstate(all="ignore"):
        assert native.same(native.cast("f64", "f32", wide, scalar), wide.astype(np.float32))
