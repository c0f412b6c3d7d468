import operator

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp import tile
from htp.diagnostics import Refused
from htp.types import Scalar, Tensor, Tile, bf16, bool_, f16, f32, f64, i8, i32, i64, u8
from htp.values import Array, is_region, numpy_of, region_of, wrap_argument, writable_of


def refused(code, call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.diagnostic.message


def grid(rows=4, columns=6, dtype=np.float32):
    return np.arange(rows * columns).reshape(rows, columns).astype(dtype)


def region(memory, dtype=f32):
    return region_of(memory, dtype)


def test_a_slice_is_a_snapshot():
    memory = grid()
    a = region(memory)
    before = a[1:3, 2:]
    whole = a[:]
    point = a[0, 0]
    memory[:] = -1
    np.testing.assert_array_equal(before, grid()[1:3, 2:])
    np.testing.assert_array_equal(whole, grid())
    assert float(point) == 0.0
    np.testing.assert_array_equal(a, np.full((4, 6), -1))


def test_rebinding_never_aliases():
    a = region(grid())
    x = a[0]
    y = x
    x += 1
    np.testing.assert_array_equal(y, grid()[0])
    np.testing.assert_array_equal(x, grid()[0] + 1)
    np.testing.assert_array_equal(a, grid())


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.T,
        lambda x: tile.reshape(x, (6, 4)),
        lambda x: tile.flip(x),
        lambda x: tile.expand_dims(x, 0),
        lambda x: tile.transpose(x),
        lambda x: tile.broadcast_to(x, (2, 4, 6)),
        lambda x: tile.split(x, 2)[0],
        lambda x: tile.squeeze(x),
        lambda x: x.astype(f32),
        lambda x: +x,
        lambda x: tile.cast(x, f32),
        lambda x: x[:],
        lambda x: x[...],
        lambda x: tile.clip(x, -99.0, 99.0),
        lambda x: tile.where(x == x, x, x),
        lambda x: tile.concat((x,)),
        lambda x: tile.sort(x),
    ],
)
def test_what_is_made_from_a_region_does_not_follow_it(move):
    memory = grid()
    made = move(region(memory))
    kept = np.array(made)
    memory[:] = -7
    np.testing.assert_array_equal(made, kept)
    assert not is_region(made)


def test_stores_write_through():
    memory = grid()
    c = region(memory)
    c[1:3, 2:4] = tile.ones((2, 2), f32)
    c[0, 0] = 9.5
    c[3] = c[2] * 2.0
    c[:, 5] += 100
    expected = grid()
    expected[1:3, 2:4] = 1
    expected[0, 0] = 9.5
    expected[3] = expected[2] * 2
    expected[:, 5] += 100
    np.testing.assert_array_equal(memory, expected)


def test_slices_clip_and_negative_indices_count_from_the_end():
    a = region(grid())
    assert a[2:9, 4:100].shape == (2, 2)
    assert a[7:9].shape == (0, 6)
    assert float(a[-1, -1]) == 23.0
    np.testing.assert_array_equal(a[:, -2:], grid()[:, -2:])
    np.testing.assert_array_equal(a[::2, ::-1], grid()[::2, ::-1])
    np.testing.assert_array_equal(a[None, ..., 0], grid()[None, ..., 0])
    a[5:9] = 3.0
    np.testing.assert_array_equal(a, grid())


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.lists(
        st.builds(slice, *[st.none() | st.integers(-7, 7)] * 2, st.sampled_from([None, 1, 2, -1])),
        min_size=1,
        max_size=2,
    ),
)
def test_slicing_is_numpy_slicing(shape, slices):
    data = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    key = tuple(slices)
    a = region(data.copy(), i32)
    np.testing.assert_array_equal(a[key], data[key])
    a[key] = 99
    expected = data.copy()
    expected[key] = 99
    np.testing.assert_array_equal(a, expected)


def test_integer_arrays_index():
    a = region(grid())
    lanes = tile.arange(0, 6, 2)
    np.testing.assert_array_equal(a[1, lanes], grid()[1, [0, 2, 4]])
    a[2, lanes] = 0.0
    assert float(a[2, 2]) == 0.0
    n = i32(2)
    np.testing.assert_array_equal(a[n, n : n + 2], [0.0, 15.0])
    assert list(range(i64(3))) == [0, 1, 2]


def test_indices_that_do_not_fit():
    a = region(grid())
    refused("run.index-out-of-range", lambda: a[4])
    refused("run.index-out-of-range", lambda: a[0, -7])
    refused("run.index-out-of-range", lambda: a[0, tile.arange(7)])
    refused("run.index-out-of-range", lambda: operator.setitem(a, (4, 0), 1.0))
    for key in [(0, 0, 0), slice(None, None, 0), (Ellipsis, Ellipsis)]:
        refused("type.bad-index", lambda key=key: a[key])
    for key in [1.0, True, slice(0.5), "x", f32(1.0), a > 3.0]:
        refused("type.not-an-integer", lambda key=key: a[key])
    refused("type.shape-mismatch", lambda: a[tile.arange(2), tile.arange(3)])
    refused("type.not-an-integer", lambda: range(f32(2.0)))


def test_values_cannot_be_stored_to():
    a = region(grid())
    refused("type.store-into-value", lambda: operator.setitem(a[0], 0, 1.0))
    refused("type.store-into-value", lambda: operator.setitem(tile.zeros((2,), f32), 0, 1.0))
    read_only = region_of(grid(), f32, writable=False)
    refused("type.store-into-input", lambda: operator.setitem(read_only, 0, 1.0))
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(a)[0] = 1


def test_stores_that_do_not_fit():
    a = region(grid())
    refused("type.shape-mismatch", lambda: operator.setitem(a, slice(0, 2), tile.ones((3, 6), f32)))
    refused("type.shape-mismatch", lambda: operator.setitem(a, (0, 0), tile.ones((2,), f32)))
    refused("type.dtype-mismatch", lambda: operator.setitem(a, 0, tile.ones((6,), f16)))
    refused("type.not-a-tile", lambda: operator.setitem(a, 0, np.ones(6, np.float32)))
    refused("type.dtype-mismatch", lambda: operator.setitem(region(grid(dtype=np.int32), i32), 0, 1.5))
    np.testing.assert_array_equal(a, grid())


def test_augmented_assignment_to_an_output_is_refused():
    c = region(grid())
    refused("type.parameter-rebound", lambda: operator.iadd(c, 1.0))
    refused("type.parameter-rebound", lambda: operator.imatmul(c, c))
    np.testing.assert_array_equal(c, grid())


def test_slices_remember_their_memory():
    memory = grid()
    c = region(memory)
    part = c[1:3][:, 2:4]
    writable_of(part)[:] = -1.0
    expected = grid()
    expected[1:3, 2:4] = -1
    np.testing.assert_array_equal(memory, expected)
    np.testing.assert_array_equal(part, grid()[1:3, 2:4])
    writable_of(c[0, 0])[...] = 5.0
    assert memory[0, 0] == 5.0
    refused("type.store-into-value", lambda: writable_of(c[0] + 1.0))
    refused("type.store-into-value", lambda: writable_of(c[0, tile.arange(2)]))
    refused("type.store-into-input", lambda: writable_of(region_of(memory, f32, writable=False)[0]))


def test_arguments_keep_their_memory():
    memory = grid()
    c = wrap_argument(memory, Tensor[f32, "M", 6], writable=True)
    c[0, 0] = 42.0
    assert memory[0, 0] == 42.0
    inner = wrap_argument(c[2:4], Tile[f32, 2, 8], writable=True)
    inner[:] = 1.0
    np.testing.assert_array_equal(memory[2:], np.ones((2, 6)))
    read = wrap_argument(memory, Tensor[f32, 4, "N"], writable=False)
    assert np.shares_memory(numpy_of(read), memory)
    view = memoryview(memory)
    assert np.shares_memory(numpy_of(wrap_argument(view, Tensor[f32, "M", "N"], writable=True)), memory)


def test_arguments_that_do_not_fit():
    a = grid()
    refused("run.dtype-mismatch", lambda: wrap_argument(a, Tensor[f16, "M", 6], False))
    refused("run.dtype-mismatch", lambda: wrap_argument(a.astype(">f4"), Tensor[f32, "M", 6], False))
    refused("run.shape-mismatch", lambda: wrap_argument(a, Tensor[f32, "M"], False))
    refused("run.shape-mismatch", lambda: wrap_argument(a, Tensor[f32, "M", 7], False))
    refused("run.shape-mismatch", lambda: wrap_argument(a, Tile[f32, "M", 5], False))
    refused("run.not-an-array", lambda: wrap_argument([[1.0]], Tensor[f32, "M", "N"], False))
    refused("type.store-into-value", lambda: wrap_argument(tile.ones((4, 6), f32), Tensor[f32, "M", 6], True))
    a.flags.writeable = False
    refused("run.read-only", lambda: wrap_argument(a, Tensor[f32, "M", 6], True))


def test_scalar_arguments():
    assert repr(wrap_argument(3, Scalar[i32], False)) == "i32(3)"
    assert repr(wrap_argument(np.int32(3), Scalar[i32], False)) == "i32(3)"
    assert repr(wrap_argument(i32(3), Scalar[i32], False)) == "i32(3)"
    assert repr(wrap_argument(2, Scalar[f32], False)) == "f32(2.)"
    refused("type.dtype-mismatch", lambda: wrap_argument(2.5, Scalar[i32], False))
    refused("type.dtype-mismatch", lambda: wrap_argument(np.int64(3), Scalar[i32], False))
    refused("type.constant-out-of-range", lambda: wrap_argument(300, Scalar[u8], False))
    refused("run.shape-mismatch", lambda: wrap_argument(tile.ones((1,), f32), Scalar[f32], False))


def test_dtypes_do_not_mix():
    a, h, n, b = tile.ones((2,), f32), tile.ones((2,), f16), tile.ones((2,), i32), tile.ones((2,), bool_)
    for sign in (operator.add, operator.lt, operator.eq, operator.matmul):
        refused("type.dtype-mismatch", lambda sign=sign: sign(a, h))
    refused("type.dtype-mismatch", lambda: n + 1.5)
    refused("type.dtype-mismatch", lambda: 1.5 * n)
    refused("type.dtype-mismatch", lambda: b & 1)
    refused("type.constant-out-of-range", lambda: tile.ones((2,), u8) + 256)
    refused("type.constant-out-of-range", lambda: tile.ones((2,), i8) == -129)
    refused("type.integer-division", lambda: n / n)
    refused("type.integer-division", lambda: 1 / n)
    refused("type.bad-dtype", lambda: b + b)
    refused("type.bad-dtype", lambda: a & a)
    refused("type.bad-dtype", lambda: ~a)
    refused("type.bad-dtype", lambda: -b)
    refused("type.bad-dtype", lambda: a << 1)
    refused("type.bad-dtype", lambda: tile.exp(n))
    refused("type.not-a-tile", lambda: a + np.ones(2, np.float32))
    refused("type.not-a-tile", lambda: np.ones(2, np.float32) + a)
    refused("type.not-a-tile", lambda: np.ones((2, 2), np.float32) @ a)
    refused("type.not-a-tile", lambda: a == None)  # noqa: E711
    refused("type.dtype-mismatch", lambda: a * np.float16(2))
    np.testing.assert_array_equal(a * np.float32(2), [2, 2])
    refused("type.shape-mismatch", lambda: a + tile.ones((3,), f32))


def test_python_numbers_take_the_dtype():
    x = region(np.array([0.1, 3.0], ml_dtypes.bfloat16), bf16)
    np.testing.assert_array_equal(x * 0.1, x.__array__() * ml_dtypes.bfloat16(0.1))
    assert (x * 2).dtype is bf16
    assert (x > 1).dtype is bool_
    assert (x + True).dtype is bf16


def test_rank_zero_results_are_arrays():
    x = region(grid())
    total = tile.sum(x)
    assert isinstance(total, f32)
    assert total.shape == ()
    assert float(total) == grid().sum()
    assert isinstance(x[0, 0] + x[1, 1], f32)
    assert isinstance(x[0, 0] > 1.0, bool_)
    assert bool(x[0, 1] > 0.5)
    assert int(f64(2.75)) == 2
    refused("type.bad-condition", lambda: bool(x > 1.0))
    refused("type.not-one-element", lambda: float(x))
    refused("type.not-one-element", lambda: int(x[0]))
    refused("type.not-iterable", lambda: list(x))
    refused("type.not-iterable", lambda: 1.0 in x)
    assert len(x) == 4
    refused("type.bad-axis", lambda: len(x[0, 0]))


def test_arrays_cannot_be_keys():
    with pytest.raises(TypeError):
        hash(f32(1.0))


def test_attributes():
    x = region(grid())
    assert (x.shape, x.ndim, x.size, x.dtype, x.T.shape) == ((4, 6), 2, 24, f32, (6, 4))
    assert isinstance(x, f32)
    assert isinstance(x, Array)
    assert np.asarray(x, np.float64).dtype == np.float64
