"""Hand-written register form runs as Python and natively, and both agree with NumPy."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from htp import Refused

LENGTHS = (0, 1, 15, 16, 17, 100)


@pytest.fixture(params=["python", "native"])
def entry_of(request, python_of, native_of):
    return python_of if request.param == "python" else native_of


def poisoned(shape, dtype):
    array = np.empty(shape, dtype)
    array.view(np.uint8).fill(0xA5)
    return array


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def floats(rng):
    return lambda *shape, dtype=np.float32: rng.normal(size=shape).astype(dtype)


def special(array):
    """The same array with NaN, infinities and zeros of both signs in front."""
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0]).astype(array.dtype)
    array.reshape(-1)[: min(5, array.size)] = values[: min(5, array.size)]
    return array


@pytest.mark.parametrize("n", LENGTHS)
def test_add(entry_of, n, floats):
    x, y, z = special(floats(n)), floats(n), poisoned(n, np.float32)
    entry_of("elementwise", "add")(x, y, z)
    np.testing.assert_array_equal(z, x + y)


@pytest.mark.parametrize("n", LENGTHS)
def test_narrow_floats_round_every_operation(entry_of, n, floats):
    x, y = floats(n, dtype=np.float16), floats(n, dtype=ml_dtypes.bfloat16)
    u, v = poisoned(n, x.dtype), poisoned(n, y.dtype)
    entry_of("elementwise", "half_precision")(x, y, u, v)
    a = x * np.float16(0.1) + np.float16(1.0)
    np.testing.assert_array_equal(u, np.maximum(a, x))
    b = y * y - ml_dtypes.bfloat16(0.5)
    expected = b + a.astype(np.float32).astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(v.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize("n", LENGTHS)
def test_integers_wrap_and_divide_downwards(entry_of, n, rng):
    x = rng.integers(-(2**31), 2**31, n, np.int32)
    y = rng.integers(-9, 9, n, np.int32)
    y[y == 0] = 7
    b = rng.integers(-128, 128, n).astype(np.int8)
    q, r, w, t = (poisoned(n, dtype) for dtype in (np.int32, np.int32, np.int8, np.uint8))
    entry_of("elementwise", "integers")(x, y, b, q, r, w, t)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(q, x // y + x * np.int32(65537))
        np.testing.assert_array_equal(r, x % y ^ (x << np.int32(3)))
        expected = b * b
        expected[::2] = (b + b)[::2] // np.int8(2)
    np.testing.assert_array_equal(w, expected)
    np.testing.assert_array_equal(t, b.astype(np.uint8))


@pytest.mark.parametrize("n", LENGTHS)
def test_doubles(entry_of, n, floats):
    x = special(floats(n, dtype=np.float64))
    y = poisoned(n, np.float64)
    entry_of("elementwise", "doubles")(x, y)
    v = np.tanh(x) + np.sqrt(np.abs(x))
    np.testing.assert_allclose(y, np.where(x > 0.5, v, -v), rtol=1e-14)


@pytest.mark.parametrize("n", LENGTHS)
def test_masks_counts_and_scalars(entry_of, n, floats):
    x, m, c = special(floats(n)), poisoned(n, np.uint8).view(np.bool_), poisoned(2, np.int64)
    entry_of("elementwise", "masks")(x, m, c, 0.25)
    good = x >= np.float32(0.25)
    np.testing.assert_array_equal(m, good)
    first = np.flatnonzero(good)[0] if good.any() else 2**63 - 1
    assert c.tolist() == [good.sum(), first]


@pytest.mark.parametrize(("m", "n"), [(0, 4), (1, 1), (5, 3), (4, 40)])
def test_nested_loops_and_strides(entry_of, m, n, floats):
    x, y = floats(m, n, 3), poisoned((n, m), np.float32)
    entry_of("elementwise", "nested")(x, y)
    expected = (x[:, :, 0].astype(np.float64) * x[:, :, 1] - x[:, :, 2]).T
    expected[1:] += x[:, 1:, 0].T
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (1, 1), (3, 16), (4, 77)])
def test_softmax(entry_of, shape, floats):
    x, y = floats(*shape), poisoned(shape, np.float32)
    entry_of("rows", "softmax")(x, y)
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True, initial=-np.inf))
    np.testing.assert_allclose(y, e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_softmax_of_nan_and_infinity(entry_of, floats):
    x, y = floats(3, 20), poisoned((3, 20), np.float32)
    x[0, 18], x[1, 3] = np.nan, -np.inf
    entry_of("rows", "softmax")(x, y)
    assert np.isnan(y[0]).all()
    assert y[1, 3] == 0
    np.testing.assert_allclose(y[1:].sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 16), (4, 77)])
def test_rmsnorm(entry_of, shape, floats):
    x, w, y = floats(*shape), floats(shape[1]), poisoned(shape, np.float32)
    entry_of("rows", "rmsnorm")(x, w, y)
    wide = x.astype(np.float64)
    expected = wide * w / np.sqrt((wide**2).mean(axis=1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (16, 16), (33, 18)])
def test_transpose(entry_of, shape, floats):
    x, y = floats(*shape), poisoned(shape[::-1], np.float32)
    entry_of("rows", "transpose")(x, y)
    np.testing.assert_array_equal(y, x.T)


def test_rows_of_a_table(entry_of, floats):
    table, ids = floats(9, 20), np.array([3, -1, 0, -9, 8])
    out = poisoned((5, 20), np.float32)
    entry_of("rows", "lookup")(table, ids, out)
    np.testing.assert_array_equal(out, table[ids])


@pytest.mark.parametrize("bad", [9, -10])
def test_an_index_out_of_range_names_the_users_line(entry_of, bad, floats):
    with pytest.raises(Refused) as found:
        entry_of("rows", "lookup")(floats(9, 4), np.array([1, bad, 100]), poisoned((3, 4), np.float32))
    assert found.value.code == "run.index-out-of-range"
    assert found.value.diagnostic.message == f"index {bad} is out of range for an axis of 9 elements"
    assert found.value.diagnostic.span.place.startswith("user.py:12:")


def test_gathered_columns(entry_of, rng, floats):
    x, at = floats(3, 30), rng.integers(-30, 30, 21, np.int32)
    out = poisoned((3, 21), np.float32)
    entry_of("rows", "pick")(x, at, out)
    np.testing.assert_array_equal(out, x[:, at])


def test_a_gathered_index_out_of_range(entry_of, floats):
    at = np.zeros(20, np.int32)
    at[18] = 31
    with pytest.raises(Refused, match="index 31 is out of range for an axis of 30 elements") as found:
        entry_of("rows", "pick")(floats(2, 30), at, poisoned((2, 20), np.float32))
    assert found.value.diagnostic.span.line == 20


def test_scattered_elements(entry_of, rng, floats):
    at, values, out = rng.permutation(40)[:20], floats(20), floats(40, 2)
    expected = out.copy()
    expected[at, 1] = values
    entry_of("rows", "spread")(at, values, out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n", [1, 16, 50])
def test_extremes(entry_of, n, floats):
    x, best = floats(4, n), poisoned((4, 2), np.int64)
    x[1] = 3.0
    x[2, n // 2] = np.nan
    entry_of("rows", "extremes")(x, best)
    np.testing.assert_array_equal(best, np.stack([x.argmax(axis=1), x.argmin(axis=1)], axis=1))


def test_a_failed_assertion_says_its_text(entry_of, floats):
    with pytest.raises(Refused, match="rows are not empty") as found:
        entry_of("rows", "extremes")(floats(2, 0), poisoned((2, 2), np.int64))
    assert found.value.code == "run.assertion-failed"
    assert found.value.diagnostic.span.place.startswith("user.py:30:")


@pytest.mark.parametrize("n", [3, 17, 64])
def test_sorted_rows_and_largest_elements(entry_of, n, floats):
    x = floats(4, n).round(1)
    up, down = poisoned((4, n), np.float32), poisoned((n, 4), np.float32)
    top, where = poisoned((4, 3), np.float32), poisoned((4, 3), np.int64)
    entry_of("rows", "ranked")(x, up, down, top, where)
    np.testing.assert_array_equal(up, np.sort(x, axis=1))
    np.testing.assert_array_equal(down, np.sort(x, axis=1)[:, ::-1].T)
    order = np.argsort(-x, axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(where, order)
    np.testing.assert_array_equal(top, np.take_along_axis(x, order, axis=1))


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (8, 5, 32), (19, 33, 70), (3, 0, 5)])
def test_matmul(entry_of, m, k, n, floats):
    a, b, c = floats(m, k), floats(k, n), poisoned((m, n), np.float32)
    entry_of("blocks", "matmul")(a, b, c)
    np.testing.assert_allclose(c, a.astype(np.float64) @ b, rtol=1e-5, atol=1e-5)


def test_narrow_matmul(entry_of, rng, floats):
    a, b = floats(5, 30, dtype=ml_dtypes.bfloat16), floats(30, 19, dtype=ml_dtypes.bfloat16)
    x, y = rng.integers(-128, 128, (5, 30)).astype(np.int8), rng.integers(-128, 128, (30, 19)).astype(np.int8)
    c, z = np.ones((5, 19), np.float32), poisoned((5, 19), np.int32)
    entry_of("blocks", "narrow_matmul")(a, b, c, x, y, z)
    np.testing.assert_allclose(c, 1 + a.astype(np.float64) @ b.astype(np.float64), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(z, x.astype(np.int32) @ y.astype(np.int32))


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (5, 7), (3, 1)])
def test_a_routine_calls_kernels_on_rows_and_columns(entry_of, shape, floats):
    x, y = floats(*shape), poisoned(shape, np.float32)
    entry_of("blocks", "columns")(x, y)
    expected = x.copy()
    expected[::2, :4] = 2 * x[::2, :4] * 3
    expected[0] = 2 * x[0] * (4 if shape[0] > 2 and shape[1] != 1 else 5)
    expected[::2, :4] = 2 * x[::2, :4] * 3
    np.testing.assert_array_equal(y, expected)


def test_a_slot_changes_the_next_run(native_of, python_of, floats):
    from htp import Slot, i32

    call, x = native_of("blocks", "columns"), floats(4, 6)
    live = Slot(i32, 0)
    y = poisoned((4, 6), np.float32)
    call.attach({"limit": live})
    call(x, y)
    np.testing.assert_array_equal(y, x)
    live.value = 1
    call(x, y)
    live.value = 3
    assert (y[0, :4] == 2 * x[0, :4] * 3).all()
    np.testing.assert_array_equal(y[1], x[1])


@pytest.mark.parametrize("order", ["reverse", "shuffle"])
@pytest.mark.parametrize(("name", "entry"), [("rows", "softmax"), ("rows", "transpose")])
def test_the_order_of_parallel_iterations_does_not_matter(python_of, monkeypatch, name, entry, order, floats):
    x = floats(5, 33)
    results = []
    for setting in ("forward", order):
        monkeypatch.setenv("HTP_PARALLEL_ORDER", setting)
        y = poisoned(x.shape if entry == "softmax" else x.shape[::-1], np.float32)
        python_of(name, entry)(x, y)
        results.append(y)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("n", LENGTHS[1:])
def test_scalars_beside_vectors(entry_of, n, rng, floats):
    x, h, k = floats(n), floats(n, dtype=np.float16), rng.integers(-99, 99, n, np.int32)
    y, u, w = poisoned(n, np.float32), poisoned(n, np.float16), poisoned(n, np.int32)
    entry_of("mixed", "scalars_beside_vectors")(x, h, k, y, u, w)
    a = np.maximum(x, 0) + np.minimum(np.float32(0.5), x)
    b = np.where(x > 0, a, np.float32(0.25)) + np.clip(x, -1, 1)
    expected = np.where(a == b, 1, b) - np.where(x < x[0], x, 2)
    square = np.where((x > 0) | (np.arange(n) == 1), x.astype(np.float64) ** 2, -x)
    expected = expected + square / 1.25 + np.exp(np.minimum(x.astype(np.float64), 1))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    strip = (np.arange(n) // 16 * 16).astype(np.float16)
    np.testing.assert_array_equal(u, np.maximum(h / np.float16(3), np.float16(0)) + strip)
    np.testing.assert_array_equal(w, k // 3 + k % 5 + (k >> 2) + np.maximum(k, 7) & ~k)


@pytest.mark.parametrize("at", [0, 2, 9, -3, -99])
def test_slices_clip_as_in_python(entry_of, at, floats):
    x, y = floats(3, 10), poisoned((3, 10), np.float32)
    entry_of("mixed", "pieces")(x, y, at)
    grid = np.empty((3, 2, 10), np.float32)
    grid[:] = np.arange(3)[:, None, None]
    low = max(0, at + 10 if at < 0 else at)
    high = at + 4 + 10 if at + 4 < 0 else at + 4
    grid[:, 1, low : max(low, min(10, max(0, high)))] = -1
    expected = grid[:, 0] + grid[:, 1] * x
    expected[-1:, :at] = 9
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_conversions_between_storage_types(entry_of, floats):
    x = np.linspace(-20, 20, 37).astype(ml_dtypes.float8_e4m3fn)
    y, k = floats(37, dtype=ml_dtypes.bfloat16), poisoned(37, np.int16)
    before = y.copy()
    entry_of("mixed", "narrow_storage")(x, y, k)
    wide = x.astype(np.float32) * 2
    np.testing.assert_array_equal(y.astype("f4"), (before + wide.astype(ml_dtypes.bfloat16)).astype("f4"))
    np.testing.assert_array_equal(k, wide.astype(np.int16) * np.int16(-3))


@pytest.mark.parametrize("n", [0, 3, 4, 21])
def test_names_that_cpp_owns(entry_of, n, floats):
    new, high = floats(n), floats(n)
    expected = high + new * np.float32(0.5)
    entry_of("mixed", "odd_names")(new, high, 0.5)
    np.testing.assert_allclose(high, expected, rtol=1e-6)
