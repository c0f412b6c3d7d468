import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp import tile
from htp.diagnostics import Refused
from htp.types import bf16, bool_, f8e4m3, f8e5m2, f16, f32, f64, i8, i16, i32, i64, u8, u32
from htp.values import region_of

FLOATS = {
    f64: np.float64,
    f32: np.float32,
    f16: np.float16,
    bf16: ml_dtypes.bfloat16,
    f8e4m3: ml_dtypes.float8_e4m3fn,
    f8e5m2: ml_dtypes.float8_e5m2,
}
INTS = {i64: np.int64, i32: np.int32, i16: np.int16, i8: np.int8, u32: np.uint32, u8: np.uint8}
AXES = [None, 0, -1, (0, 2), (1,), ()]


def refused(code, call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code


def close(got, want, dtype):
    """Agreement with a double-precision result: 3 ulps of the dtype, plus f32 (or f64) rounding of the accumulation."""
    info = ml_dtypes.finfo(FLOATS[dtype])
    got = np.asarray(got)
    assert got.dtype == FLOATS[dtype]
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=3 * float(info.eps), atol=3 * float(info.eps))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_sum_and_mean_of_floats(axis, keepdims):
    draw = np.random.default_rng(0)
    for dtype, stored in FLOATS.items():
        data = draw.uniform(0.25, 1.0, (3, 5, 7)).astype(stored)
        x, wide = region_of(data, dtype), data.astype(np.float64)
        close(tile.sum(x, axis=axis, keepdims=keepdims), wide.sum(axis=axis, keepdims=keepdims), dtype)
        close(tile.mean(x, axis, keepdims), wide.mean(axis=axis, keepdims=keepdims), dtype)
        close(tile.prod(x, axis, keepdims), wide.prod(axis=axis, keepdims=keepdims), dtype)


def test_narrow_floats_accumulate_in_f32():
    ones = tile.ones((4096,), bf16)
    assert float(tile.sum(ones)) == 4096.0
    assert float(tile.mean(ones * 3)) == 3.0
    assert float(tile.sum(tile.full((70000,), 1.0, f16) * 0.5)) == float(np.float16(35000))
    assert math.isnan(float(tile.prod(tile.full((10,), 2.0, f8e4m3))))
    assert float(tile.prod(region_of(np.array([2.0] * 10 + [0.5] * 10).astype(ml_dtypes.float8_e4m3fn), f8e4m3))) == 1.0


@pytest.mark.parametrize("axis", AXES)
def test_sums_of_integers_wrap(axis):
    draw = np.random.default_rng(1)
    for dtype, stored in INTS.items():
        limits = np.iinfo(stored)
        data = draw.integers(limits.min, limits.max, (3, 5, 7), stored, endpoint=True)
        x = region_of(data, dtype)
        same = np.testing.assert_array_equal
        with np.errstate(all="ignore"):
            exact = data.astype(object)
            wrap = lambda value: np.asarray(value, object)  # noqa: E731
            for got, want in ((tile.sum(x, axis), exact.sum(axis=axis)), (tile.prod(x, axis), exact.prod(axis=axis))):
                assert got.dtype is dtype
                same(np.asarray(got).astype(object) % 2**dtype.bits, wrap(want) % 2**dtype.bits)


def test_truth_values_are_counted_in_i64():
    data = np.array([[True, False, True], [True, True, True]])
    x = region_of(data, bool_)
    assert tile.sum(x).dtype is i64
    np.testing.assert_array_equal(tile.sum(x, axis=1), [2, 3])
    np.testing.assert_array_equal(tile.prod(x, axis=1), [0, 1])
    np.testing.assert_array_equal(tile.cumsum(x, 1), [[1, 1, 2], [1, 2, 3]])
    assert tile.cumsum(x, 1).dtype is i64


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_extremes(axis, keepdims):
    draw = np.random.default_rng(2)
    for dtype, stored in {**FLOATS, **INTS}.items():
        data = draw.integers(0, 100, (3, 5, 7)).astype(stored)
        x, wide = region_of(data, dtype), data.astype(np.float64)
        for got, want in (
            (tile.max(x, axis, keepdims), wide.max(axis=axis, keepdims=keepdims)),
            (tile.min(x, axis, keepdims), wide.min(axis=axis, keepdims=keepdims)),
        ):
            assert got.dtype is dtype
            np.testing.assert_array_equal(np.asarray(got).astype(np.float64), want)
    data = draw.random((3, 5, 7)) < 0.5
    np.testing.assert_array_equal(tile.max(region_of(data, bool_), axis), data.any(axis=axis))
    np.testing.assert_array_equal(tile.min(region_of(data, bool_), axis), data.all(axis=axis))


def test_nan_and_infinity_propagate():
    for dtype, stored in FLOATS.items():
        data = np.array([[1.0, np.nan, 2.0], [1.0, 0.5, -2.0]]).astype(stored)
        x = region_of(data, dtype)
        for name in ("sum", "mean", "prod", "max", "min"):
            got = np.asarray(getattr(tile, name)(x, axis=1)).astype(np.float64)
            assert math.isnan(got[0])
            assert not math.isnan(got[1])
        assert [int(tile.argmax(x, axis=1)[i]) for i in (0, 1)] == [1, 0]
        assert [int(tile.argmin(x, axis=1)[i]) for i in (0, 1)] == [1, 2]
    x = region_of(np.array([np.inf, 1.0, -np.inf], np.float32), f32)
    assert math.isnan(float(tile.sum(x)))
    assert (float(tile.max(x)), float(tile.min(x))) == (math.inf, -math.inf)


def test_reductions_of_nothing():
    x = tile.zeros((0, 4), f32)
    np.testing.assert_array_equal(tile.sum(x, 0), np.zeros(4))
    np.testing.assert_array_equal(tile.prod(x, 0), np.ones(4))
    np.testing.assert_array_equal(tile.mean(x, 0), np.full(4, np.nan))
    np.testing.assert_array_equal(tile.max(x, 0), np.full(4, -np.inf))
    np.testing.assert_array_equal(tile.min(x, 0), np.full(4, np.inf))
    assert tile.max(x, 1).shape == (0,)
    assert float(tile.max(tile.zeros((0,), f8e4m3))) == -448.0
    assert float(tile.min(tile.zeros((0,), f8e5m2))) == math.inf
    assert int(tile.max(tile.zeros((0,), i8))) == -128
    assert int(tile.min(tile.zeros((0,), u8))) == 255
    assert bool(tile.all(x))
    assert not bool(tile.any(x))
    assert tile.argmax(x, axis=1).shape == (0,)
    assert tile.argmax(x, axis=1, keepdims=True).shape == (0, 1)
    assert tile.cumsum(x, 0).shape == (0, 4)
    refused("type.empty-reduction", lambda: tile.argmax(x, axis=0))
    refused("type.empty-reduction", lambda: tile.argmin(x))


def test_any_and_all_of_every_dtype():
    for dtype, stored in {**FLOATS, **INTS, bool_: np.bool_}.items():
        data = np.array([[0, 1, 0], [0, 0, 0], [1, 1, 1]]).astype(stored)
        x = region_of(data, dtype)
        np.testing.assert_array_equal(tile.any(x, axis=1), [True, False, True])
        np.testing.assert_array_equal(tile.all(x, axis=1), [False, False, True])
        assert tile.any(x, keepdims=True).shape == (1, 1)
    assert bool(tile.all(region_of(np.array([np.nan, 1.0]), f64)))


def test_places_of_extremes():
    draw = np.random.default_rng(3)
    for dtype, stored in {**FLOATS, **INTS}.items():
        data = draw.integers(0, 6, (4, 9)).astype(stored)
        x, wide = region_of(data, dtype), data.astype(np.float64)
        for got, want in (
            (tile.argmax(x, 1), wide.argmax(1)),
            (tile.argmin(x, 0, keepdims=True), wide.argmin(0, keepdims=True)),
            (tile.argmax(x), wide.argmax()),
        ):
            assert got.dtype is i64
            np.testing.assert_array_equal(got, want)


def test_running_sums():
    draw = np.random.default_rng(4)
    data = draw.integers(-50, 50, (3, 6))
    for dtype, stored in INTS.items():
        x = region_of(data.astype(stored), dtype)
        for axis in (0, 1, -1):
            got = tile.cumsum(x, axis)
            assert got.dtype is dtype
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(got, np.cumsum(data, axis=axis).astype(stored))
    for dtype in FLOATS:
        small = region_of((data % 3).astype(FLOATS[dtype]), dtype)
        np.testing.assert_array_equal(np.asarray(tile.cumsum(small, 1)).astype(np.float64), np.cumsum(data % 3, axis=1))
    assert float(tile.cumsum(tile.ones((300,), bf16), 0)[299]) == 300.0


def test_axes_and_dtypes_that_do_not_fit():
    x = tile.ones((2, 3), f32)
    for axis in (2, -3, (0, 0), (0, -2), 1.0, "0", True):
        refused("type.bad-axis", lambda axis=axis: tile.sum(x, axis=axis))
    refused("type.bad-axis", lambda: tile.cumsum(x, None))
    refused("type.bad-axis", lambda: tile.argmax(x, (0,)))
    refused("type.bad-dtype", lambda: tile.mean(tile.ones((2,), i32)))
    refused("type.bad-dtype", lambda: tile.argmax(tile.ones((2,), bool_)))
    refused("type.not-a-tile", lambda: tile.sum(1.0))
    refused("type.not-a-tile", lambda: tile.max(np.ones(3)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=4, max_size=4), max_size=5))
def test_reducing_axis_by_axis_is_reducing_all(rows):
    x = region_of(np.array(rows, np.int32).reshape(-1, 4), i32)
    assert int(tile.sum(tile.sum(x, 0))) == int(tile.sum(x)) == int(tile.sum(tile.sum(x.T, 0)))
    assert int(tile.max(tile.max(x, 1))) == int(tile.max(x))
