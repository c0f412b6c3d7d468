import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp import tile
from htp.diagnostics import Refused
from htp.types import bf16, bool_, f8e4m3, f8e5m2, f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64
from htp.values import region_of

STORED = {
    f64: np.float64,
    f32: np.float32,
    f16: np.float16,
    bf16: ml_dtypes.bfloat16,
    f8e4m3: ml_dtypes.float8_e4m3fn,
    f8e5m2: ml_dtypes.float8_e5m2,
    i64: np.int64,
    i32: np.int32,
    i16: np.int16,
    i8: np.int8,
    u64: np.uint64,
    u32: np.uint32,
    u16: np.uint16,
    u8: np.uint8,
    bool_: np.bool_,
}
NUMBERS = [each for each in STORED if each is not bool_]


def refused(code, call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code


def wide(x):
    x = np.asarray(x)
    return x.astype(np.float64) if x.dtype.kind not in "iub" else x


def same(got, want, dtype):
    assert got.dtype is dtype
    assert np.asarray(got).dtype == STORED[dtype]
    assert got.shape == np.shape(want)
    np.testing.assert_array_equal(wide(got), wide(want))


def data_of(dtype, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2 if dtype is bool_ else 8, shape).astype(STORED[dtype])


@pytest.mark.parametrize("dtype", STORED)
def test_moving_elements(dtype):
    for shape in [(4, 6), (3, 5, 7), (0, 3), (1, 9)]:
        data = data_of(dtype, shape)
        x = region_of(data, dtype)
        same(tile.reshape(x, (-1,)) if data.size else tile.reshape(x, (0,)), data.reshape(data.size), dtype)
        same(tile.reshape(x, shape[::-1]), data.reshape(shape[::-1]), dtype)
        same(tile.transpose(x), data.transpose(), dtype)
        same(x.T, data.T, dtype)
        same(tile.transpose(x, tuple(np.roll(range(len(shape)), 1))), np.moveaxis(data, -1, 0), dtype)
        same(tile.broadcast_to(x, (2, *shape)), np.stack([data, data]), dtype)
        same(tile.concat((x, x, x), axis=1), np.concatenate([data] * 3, axis=1), dtype)
        same(tile.concat((x, x), axis=-1), np.concatenate([data] * 2, axis=-1), dtype)
        same(tile.flip(x), data[(slice(None, None, -1),) * data.ndim], dtype)
        same(tile.flip(x, 1), data[:, ::-1], dtype)
        same(tile.expand_dims(x, (0, -1)), data[None, ..., None], dtype)
        same(tile.expand_dims(x, 1), data[:, None], dtype)
        same(tile.squeeze(tile.expand_dims(x, (0, -1)), (0, -1)), data, dtype)
        rows, columns = np.indices(shape[-2:])
        for k in (-2, 0, 1):
            same(tile.tril(x, k), np.where(columns <= rows + k, data, np.zeros(1, data.dtype)), dtype)
            same(tile.triu(x, k), np.where(columns >= rows + k, data, np.zeros(1, data.dtype)), dtype)


def test_split():
    data = np.arange(24, dtype=np.float32).reshape(4, 6)
    x = region_of(data, f32)
    for got, want in zip(tile.split(x, 3, axis=1), (data[:, :2], data[:, 2:4], data[:, 4:]), strict=True):
        same(got, want, f32)
    for got, want in zip(tile.split(x, (1, 3)), (data[:1], data[1:3], data[3:]), strict=True):
        same(got, want, f32)
    same(tile.concat(tile.split(x, 2)), data, f32)
    assert [each.shape for each in tile.split(tile.zeros((0, 2), f32), 2)] == [(0, 2), (0, 2)]
    refused("type.shape-mismatch", lambda: tile.split(x, 3))
    refused("type.bad-arguments", lambda: tile.split(x, 0))
    refused("type.bad-arguments", lambda: tile.split(x, (3, 1)))
    refused("type.bad-arguments", lambda: tile.split(x, 1.5))


def test_squeeze_all_and_shapes_that_do_not_fit():
    x = tile.ones((1, 3, 1), f32)
    assert tile.squeeze(x).shape == (3,)
    assert tile.squeeze(x, 0).shape == (3, 1)
    refused("type.bad-axis", lambda: tile.squeeze(x, 1))
    refused("type.bad-axis", lambda: tile.expand_dims(x, 4))
    refused("type.bad-axis", lambda: tile.transpose(x, (0, 1)))
    refused("type.bad-axis", lambda: tile.transpose(x, (0, 1, 1)))
    refused("type.bad-axis", lambda: tile.flip(x, 3))
    refused("type.shape-mismatch", lambda: tile.reshape(x, (2, 2)))
    refused("type.shape-mismatch", lambda: tile.reshape(x, (2, -1)))
    refused("type.shape-mismatch", lambda: tile.reshape(x, (0, -1)))
    refused("type.bad-dimension", lambda: tile.reshape(x, (-1, -1)))
    refused("type.bad-dimension", lambda: tile.reshape(x, (1.0, 3)))
    refused("type.shape-mismatch", lambda: tile.broadcast_to(x, (2, 2, 1)))
    refused("type.shape-mismatch", lambda: tile.broadcast_to(x, (3,)))
    refused("type.shape-mismatch", lambda: tile.concat((x, tile.ones((1, 4, 2), f32)), axis=2))
    refused("type.dtype-mismatch", lambda: tile.concat((x, x.astype(f16))))
    refused("type.bad-arguments", lambda: tile.concat(()))
    refused("type.bad-arguments", lambda: tile.concat(x))
    refused("type.not-a-tile", lambda: tile.concat((x, 1.0)))
    refused("type.shape-mismatch", lambda: tile.tril(tile.ones((3,), f32)))


@pytest.mark.parametrize("dtype", STORED)
def test_making(dtype):
    stored = STORED[dtype]
    same(tile.zeros((2, 3), dtype), np.zeros((2, 3), stored), dtype)
    same(tile.ones((), dtype), np.ones((), stored), dtype)
    same(tile.full((0, 2), True if dtype is bool_ else 1, dtype), np.ones((0, 2), stored), dtype)
    same(tile.eye(4, dtype), np.eye(4).astype(stored), dtype)
    if dtype is not bool_:
        same(tile.full(3, 5, dtype), np.full(3, 5).astype(stored), dtype)
        same(tile.full(3, dtype(5), dtype), np.full(3, 5).astype(stored), dtype)
        same(tile.arange(5, dtype), np.arange(5).astype(stored), dtype)
        same(tile.arange(2, 11, 3, dtype), np.array([2, 5, 8]).astype(stored), dtype)
        same(tile.iota((2, 4), 1, dtype), np.array([[0, 1, 2, 3]] * 2).astype(stored), dtype)


def test_ranges():
    same(tile.arange(4), np.arange(4, dtype=np.int32), i32)
    same(tile.arange(4, 0, -1), np.array([4, 3, 2, 1], np.int32), i32)
    same(tile.arange(3, 3), np.zeros(0, np.int32), i32)
    same(tile.arange(-2), np.zeros(0, np.int32), i32)
    same(tile.arange(1, 3, dtype=f16), np.array([1, 2], np.float16), f16)
    same(tile.iota((3, 2), 0), np.array([[0, 0], [1, 1], [2, 2]], np.int32), i32)
    same(tile.iota((2, 0), -1), np.zeros((2, 0), np.int32), i32)
    refused("type.constant-out-of-range", lambda: tile.arange(257, dtype=u8))
    refused("type.bad-arguments", lambda: tile.arange(0, 4, 0))
    refused("type.bad-arguments", lambda: tile.arange(1.5))
    refused("type.bad-dtype", lambda: tile.arange(4, bool_))
    refused("type.bad-axis", lambda: tile.iota((2,), 1))
    refused("type.bad-dimension", lambda: tile.zeros((2, -1), f32))
    refused("type.bad-dimension", lambda: tile.zeros(2.0, f32))
    refused("type.bad-arguments", lambda: tile.zeros((2,), np.float32))
    refused("type.bad-arguments", lambda: tile.zeros((2,), "f32"))
    refused("type.constant-out-of-range", lambda: tile.full((2,), 300, u8))
    refused("type.dtype-mismatch", lambda: tile.full((2,), 0.5, i32))
    refused("type.not-one-element", lambda: tile.full((2,), tile.ones((2,), f32), f32))
    refused("type.bad-arguments", lambda: tile.eye(-1, f32))


MATRICES = [
    ((3, 4), (4, 5)),
    ((1, 7), (7, 1)),
    ((17, 33), (33, 9)),
    ((2, 0), (0, 3)),
    ((0, 4), (4, 2)),
    ((4,), (4,)),
    ((4,), (4, 3)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 1, 3, 4), (3, 4, 2)),
]


def product(a, b):
    """The matrix product in exact integers or doubles, by the definition of numpy.matmul through einsum."""
    exact = object if a.dtype.kind in "iu" else np.float64
    a, b = a.astype(exact), b.astype(exact)
    left = "i" if a.ndim > 1 else ""
    right = "j" if b.ndim > 1 else ""
    return np.einsum(
        f"...{left}k,{'...k' if right else 'k'}{right}->...{left}{right}" if right else f"...{left}k,k->...{left}", a, b
    )


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shapes", MATRICES)
def test_products(dtype, shapes):
    a, b = data_of(dtype, shapes[0], 1), data_of(dtype, shapes[1], 2)
    want = product(a, b)
    result = {f16: f32, bf16: f32, f8e4m3: f32, f8e5m2: f32, i8: i32, u8: i32}.get(dtype, dtype)
    got = region_of(a, dtype) @ region_of(b, dtype)
    assert got.dtype is result
    assert got.shape == np.shape(want)
    np.testing.assert_array_equal(np.asarray(got).astype(np.float64), np.asarray(want, np.float64))


def test_products_wrap_and_accumulate():
    a = region_of(np.full((1, 4), 2**31 - 1, np.int32), i32)
    exact = 4 * (2**31 - 1) ** 2
    assert int((a @ a.T)[0, 0]) == (exact + 2**31) % 2**32 - 2**31
    b = region_of(np.full((1, 4), 127, np.int8), i8)
    same(b @ b.T, np.array([[4 * 127 * 127]], np.int32), i32)
    h = tile.full((1, 4096), 1.0, f16)
    same(h @ h.T, np.array([[4096]], np.float32), f32)
    same(tile.dot(h, h.T, out_dtype=f16), np.array([[4096]], np.float16), f16)
    same(tile.dot(h, h.T, acc=tile.full((1, 1), 4.0, f32)), np.array([[4100]], np.float32), f32)
    same(tile.dot(b, b.T, tile.ones((1, 1), i64), i64), np.array([[4 * 127 * 127 + 1]]), i64)
    same(tile.dot(f32(1.0) * tile.ones((2, 2), f32), tile.eye(2, f32), out_dtype=f64), np.ones((2, 2)), f64)


def test_products_that_do_not_fit():
    a = tile.ones((2, 3), f32)
    refused("type.shape-mismatch", lambda: a @ a)
    refused("type.shape-mismatch", lambda: a @ f32(1.0))
    refused("type.shape-mismatch", lambda: tile.ones((2, 2, 3), f32) @ tile.ones((3, 3, 3), f32))
    refused("type.shape-mismatch", lambda: tile.dot(a, a.T, acc=tile.ones((2, 3), f32)))
    refused("type.dtype-mismatch", lambda: tile.dot(a, a.T, acc=tile.ones((2, 2), f16)))
    refused("type.dtype-mismatch", lambda: tile.dot(a, a.T.astype(f16)))
    refused("type.bad-dtype", lambda: tile.dot(a, a.T, out_dtype=i32))
    refused("type.bad-dtype", lambda: tile.ones((2, 2), bool_) @ tile.ones((2, 2), bool_))
    refused("type.bad-arguments", lambda: tile.dot(a, a.T, out_dtype=np.float32))
    refused("type.not-a-tile", lambda: tile.dot(a, 2.0))
    refused("type.not-a-tile", lambda: a @ np.ones((3, 2), np.float32))


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("index", [i32, i64, u8])
def test_lookups(dtype, index):
    data = data_of(dtype, (5, 7), 3)
    x = region_of(data, dtype)
    places = np.array([[4, 0], [2, 2]])
    at = region_of(places.astype(STORED[index]), index)
    same(tile.take(x, at), np.array([[data[4], data[0]], [data[2], data[2]]]), dtype)
    same(tile.take(x, at, axis=1)[0], np.array([[data[0, 4], data[0, 0]], [data[0, 2], data[0, 2]]]), dtype)
    assert tile.take(x, at, 1).shape == (5, 2, 2)
    same(tile.take(x, at[0, 0], axis=1), data[:, 4], dtype)
    order = np.random.default_rng(4).integers(0, 5, (3, 7))
    want = np.array([[data[order[i, j], j] for j in range(7)] for i in range(3)])
    same(tile.gather(x, region_of(order.astype(STORED[index]), index), 0), want, dtype)
    column = region_of(np.array([[3], [1]]).astype(STORED[index]), index)
    same(tile.gather(x, column, 0), data[[3, 1]], dtype)


def test_negative_and_bad_indices():
    x = region_of(np.arange(5, dtype=np.float32), f32)
    at = region_of(np.array([-1, -5], np.int32), i32)
    same(tile.take(x, at), np.array([4, 0], np.float32), f32)
    same(tile.gather(x, at, 0), np.array([4, 0], np.float32), f32)
    same(tile.scatter(x, at, 9.0, 0), np.array([9, 1, 2, 3, 9], np.float32), f32)
    for bad in (5, -6):
        wrong = region_of(np.array([0, bad], np.int32), i32)
        refused("run.index-out-of-range", lambda wrong=wrong: tile.take(x, wrong))
        refused("run.index-out-of-range", lambda wrong=wrong: tile.gather(x, wrong, 0))
        refused("run.index-out-of-range", lambda wrong=wrong: tile.scatter(x, wrong, 0.0, 0))
    refused("run.index-out-of-range", lambda: tile.take(tile.zeros((0,), f32), tile.arange(1)))
    assert tile.take(tile.zeros((0, 2), f32), tile.arange(0)).shape == (0, 2)
    refused("type.bad-dtype", lambda: tile.take(x, f32(1.0)))
    refused("type.bad-dtype", lambda: tile.take(x, x > 1.0))
    refused("type.not-a-tile", lambda: tile.take(x, 1))
    refused("type.bad-axis", lambda: tile.take(x, at, 1))
    refused("type.shape-mismatch", lambda: tile.gather(tile.ones((2, 3), f32), tile.zeros((3, 3), i32), 1))
    refused("type.shape-mismatch", lambda: tile.gather(tile.ones((2, 3), f32), tile.zeros((3,), i32), 1))


@pytest.mark.parametrize("mode", ["set", "add", "max", "min"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_scatter(mode, dtype):
    data = data_of(dtype, (4, 5), 7)
    places = np.random.default_rng(8).integers(0, 4, (3, 5))
    updates = data_of(dtype, (3, 5), 9)
    want = data.astype(np.int64)
    for i in range(3):
        for j in range(5):
            old, new = want[places[i, j], j], int(updates[i, j])
            want[places[i, j], j] = {"set": new, "add": old + new, "max": max(old, new), "min": min(old, new)}[mode]
    x = region_of(data, dtype)
    got = tile.scatter(x, region_of(places, i64), region_of(updates, dtype), 0, mode)
    same(got, want.astype(STORED[dtype]), dtype)
    same(x, data_of(dtype, (4, 5), 7), dtype)


def test_scatter_that_does_not_fit():
    x, at = tile.zeros((4,), f32), tile.arange(2)
    refused("type.bad-arguments", lambda: tile.scatter(x, at, 1.0, 0, "mul"))
    refused("type.dtype-mismatch", lambda: tile.scatter(x, at, tile.ones((2,), f16), 0))
    refused("type.shape-mismatch", lambda: tile.scatter(x, at, tile.ones((3,), f32), 0))
    refused("type.bad-dtype", lambda: tile.scatter(tile.zeros((4,), bool_), at, True, 0, "add"))
    same(tile.scatter(tile.zeros((4,), bool_), at, True, 0), np.array([True, True, False, False]), bool_)
    same(tile.scatter(tile.zeros((1,), bf16), tile.zeros((600,), i32), 1.0, 0, "add"), np.array([600]), bf16)


@pytest.mark.parametrize("dtype", STORED)
def test_sorting(dtype):
    data = data_of(dtype, (3, 11), 11)
    x = region_of(data, dtype)
    rows = data.astype(np.float64).tolist()
    up = [sorted(range(11), key=lambda k, row=row: row[k]) for row in rows]
    down = [sorted(range(11), key=lambda k, row=row: -row[k]) for row in rows]
    same(tile.argsort(x), up, i64)
    same(tile.argsort(x, descending=True), down, i64)
    same(tile.sort(x), np.array([sorted(row) for row in rows]).astype(STORED[dtype]), dtype)
    same(tile.sort(x, descending=True), np.array([sorted(row)[::-1] for row in rows]).astype(STORED[dtype]), dtype)
    same(
        tile.sort(x, axis=0),
        np.array([sorted(column) for column in zip(*rows, strict=True)]).T.astype(STORED[dtype]),
        dtype,
    )
    values, places = tile.topk(x, 4)
    same(places, [row[:4] for row in down], i64)
    same(values, np.array([[rows[i][k] for k in down[i][:4]] for i in range(3)]).astype(STORED[dtype]), dtype)


def test_sorting_puts_nan_last_and_takes_empty_axes():
    for dtype in (f64, f32, f16, bf16, f8e4m3, f8e5m2):
        x = region_of(np.array([1.0, np.nan, -9.0, 3.0]).astype(STORED[dtype]), dtype)
        np.testing.assert_array_equal(tile.argsort(x), [2, 0, 3, 1])
        values, places = tile.topk(x, 2)
        np.testing.assert_array_equal(places, [1, 3])
        assert math.isnan(float(values[0]))
    assert tile.sort(tile.zeros((2, 0), f32)).shape == (2, 0)
    assert tile.topk(tile.zeros((3, 0), f32), 0)[0].shape == (3, 0)
    x = tile.zeros((2, 3), f32)
    assert tile.topk(x, 2, axis=0)[1].shape == (2, 3)
    refused("type.bad-arguments", lambda: tile.topk(x, 4))
    refused("type.bad-arguments", lambda: tile.topk(x, -1))
    refused("type.bad-axis", lambda: tile.sort(x, axis=2))
    refused("type.bad-axis", lambda: tile.sort(f32(1.0)))


def test_one_hot():
    at = region_of(np.array([[1, 0], [2, -1]], np.int32), i32)
    want = np.array([[[0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 0]]])
    for dtype in (f32, bf16, i8, bool_):
        same(tile.one_hot(at, 3, dtype), want.astype(STORED[dtype]), dtype)
    assert tile.one_hot(tile.arange(0), 3, f32).shape == (0, 3)
    refused("type.bad-dtype", lambda: tile.one_hot(f32(1.0), 3, f32))


def test_item_and_print(capsys):
    assert tile.item(tile.full((1, 1), 3.0, f32)) == 3.0
    assert list(range(tile.item(tile.full((1,), 2, i32)))) == [0, 1]
    refused("type.not-one-element", lambda: tile.item(tile.ones((2,), f32)))
    refused("type.not-one-element", lambda: tile.item(tile.ones((0,), f32)))
    refused("type.not-a-tile", lambda: tile.item(1.0))
    tile.print("total", f32(2.5), tile.arange(3))
    assert capsys.readouterr().out == "total 2.5 [0 1 2]\n"
    refused("type.bad-arguments", lambda: tile.print(tile.arange(3)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 9), max_size=12), st.booleans())
def test_sort_is_gather_by_argsort(values, descending):
    x = region_of(np.array(values, np.int32), i32)
    order = tile.argsort(x, descending=descending)
    same(tile.gather(x, order, 0), np.array(sorted(values, reverse=descending), np.int32), i32)
    same(tile.sort(x, descending=descending), np.array(sorted(values, reverse=descending), np.int32), i32)


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(4)), st.permutations(range(4)))
def test_transposes_compose(first, second):
    data = np.arange(24, dtype=np.int32).reshape(1, 2, 3, 4)
    x = region_of(data, i32)
    got = tile.transpose(tile.transpose(x, tuple(first)), tuple(second))
    same(got, data.transpose([first[k] for k in second]), i32)
