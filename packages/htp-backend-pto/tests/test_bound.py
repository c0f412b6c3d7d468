"""Rooms of tiles: how large each can become, and what is refused where nothing says."""

import numpy as np
import pytest
from pto_stages import agree, body, code, stages

from htp import In, Out, Refused, Tensor, f16, f32, i32, kernel, routine, tile


def bound(definition, **dims):
    return stages(definition, dims, last="pto.bound")["pto.bound"]


@kernel
def scaled(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 100):
            y[i:i + 16, j:j + 100] = x[i:i + 16, j:j + 100] * 2.0


def test_slices_bound_a_tile_and_its_rows_are_padded_to_32_bytes():
    assert body(bound(scaled), "scaled_0") == [
        't1: Tile[f32, "m", "n", ub(16, 104)] = x[:, :]',
        't2: Tile[f32, "m", "n", ub(16, 104)] = t1 * 2.0',
        "y[:, :] = t2",
    ]


@kernel
def halves(x: In[Tensor[f16, "M", 100]], top: Out[Tensor[f16, "M", 1]]) -> None:
    for i in range(0, x.shape[0], 20):
        top[i:i + 20, :] = tile.max(x[i:i + 20, :], axis=1, keepdims=True)


def test_a_column_lies_in_columns_and_flags_take_a_bit():
    text = code(bound(halves), "halves_0")
    assert 'Tile[f16, "m", 100, ub(20, 112)]' in text
    assert 'Tile[f16, "m", 1, ub(32, 1, "dn")]' in text


@kernel
def masked(x: In[Tensor[f32, 8, 40]], y: Out[Tensor[f32, 8, 40]]) -> None:
    y[:] = tile.where(x[:] > 0.0, x[:], 0.0)


def test_flags_are_bits_in_rows_of_32_bytes():
    assert 'Tile[bool_, 8, 40, ub(8, 256, "bits")]' in code(bound(masked), "masked_0")


def test_a_size_that_nothing_bounds_is_refused_with_a_fix_that_works():
    @kernel
    def double(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
        for i in range(0, x.shape[0], 16):
            y[i:i + 16, :] = x[i:i + 16, :] * 2.0

    with pytest.raises(Refused) as caught:
        bound(double)
    assert caught.value.code == "pto.unbounded-tile"
    assert "has N columns" in caught.value.diagnostic.message
    assert caught.value.diagnostic.help == (
        "say how much it can be, and keep one package for all sizes: `assert x.shape[1] <= 128`",
        'compile for one size: `--dims N=128`, or `dims={"N": 128}`',
        "take columns a constant number at a time in a loop: `x[:, j:j + 128]`",
    )
    assert caught.value.diagnostic.span.line == double.place.line + 3
    assert "ub(16, 128)" in code(bound(double, N=128), "double_0")

    @kernel
    def asserted(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
        assert x.shape[1] <= 128
        for i in range(0, x.shape[0], 16):
            y[i:i + 16, :] = x[i:i + 16, :] * 2.0

    assert "ub(16, 128)" in code(bound(asserted), "asserted_0")


def test_an_assertion_bounds_a_size_too():
    @kernel
    def double(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
        assert x.shape[1] <= 300
        for i in range(0, x.shape[0], 16):
            y[i:i + 16, :] = x[i:i + 16, :] * 2.0

    assert 'Tile[f32, "m", "N", ub(16, 304)]' in code(bound(double), "double_0")


@kernel
def shifted(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:] + 1.0


@routine
def twice(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]], z: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, x.shape[0], 8):
        shifted(x[i:i + 8, 0:32], y[i:i + 8, 0:32])
        shifted(x[i:i + 8, 32:64], y[i:i + 8, 32:64])
    for i in range(0, x.shape[0], 16):
        shifted(x[i:i + 16, :], z[i:i + 16, :])


def test_the_largest_call_of_a_kernel_counts():
    assert 'Tile[f32, "m", "n", ub(16, 64)]' in code(bound(twice), "shifted")


@kernel
def centred(x: In[Tensor[f32, 16, 40]], gain: In[Tensor[f32, 40]], y: Out[Tensor[f32, 16, 40]]) -> None:
    means = tile.mean(x[:], axis=1)
    y[:] = (x[:] - tile.expand_dims(means, 1)) * gain[:]


def test_vectors_become_rows_and_columns_as_they_are_used():
    text = code(bound(centred), "centred_0")
    assert "Tile[f32, 1, 40, ub(1, 40)] = gain[None, :]" in text
    assert 'Tile[f32, 16, 1, ub(16, 1, "dn")] = tile.mean(' in text
    assert "tile.expand_dims" not in text
    rng = np.random.default_rng(0)
    x, gain = rng.standard_normal((16, 40)).astype(np.float32), rng.standard_normal(40).astype(np.float32)
    agree(stages(centred), (x, gain, np.empty_like(x)))


@kernel
def summed(x: In[Tensor[f32, 16, 40]], rows: Out[Tensor[f32, 16]], columns: Out[Tensor[f32, 40]]) -> None:
    rows[:] = tile.sum(x[:], axis=1)
    columns[:] = tile.sum(x[:], axis=0)


def test_vectors_are_stored_as_what_they_are():
    places = [line.split(" = ")[0] for line in body(bound(summed), "summed_0") if ": Tile" not in line]
    assert places == ["rows[:, None]", "columns[None, :]"]
    x = np.random.default_rng(1).standard_normal((16, 40)).astype(np.float32)
    agree(stages(summed), (x, np.empty(16, np.float32), np.empty(40, np.float32)))


@kernel
def cubes(x: In[Tensor[f32, 4, 8, 64]], y: Out[Tensor[f32, 4, 8, 64]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def deeper(x: In[Tensor[f32, 2, 4, 8, 64]], y: Out[Tensor[f32, 2, 4, 8, 64]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def turned(x: In[Tensor[f32, 4, 8, 64]], y: Out[Tensor[f32, 64, 8, 4]]) -> None:
    y[:] = tile.transpose(x[:])


@kernel
def repeated(x: In[Tensor[f32, 4, 8, 64]], v: In[Tensor[f32, 4, 1, 64]], y: Out[Tensor[f32, 4, 8, 64]]) -> None:
    y[:] = x[:] * v[:]


def test_three_dimensions_are_rows():
    first, middle, last = body(bound(cubes), "cubes_0")
    assert "pto.load_rows(x[:, :, :])" in first
    assert 'Tile[f32, 32, 64' in middle
    assert last == "y[:, :, :] = pto.store_rows(t2, 4, 8)"


@pytest.mark.parametrize("definition", [deeper, turned, repeated], ids=lambda each: each.name)
def test_what_rows_cannot_be_is_refused_with_the_users_line(definition):
    with pytest.raises(Refused) as caught:
        bound(definition)
    assert caught.value.code == "pto.tile-rank"
    assert caught.value.diagnostic.span.line > definition.place.line
    assert "out of `x`, in a loop over its first axis: `t = x[b, :, :" in caught.value.diagnostic.help[0]


@kernel
def totals(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, 2]]) -> None:
    assert x.shape[0] <= 40
    y[0] = tile.sum(x[:, :])
    y[1] = tile.max(x[:, :])


def test_a_reduction_of_all_elements_goes_by_rows_and_slices_are_loaded_once():
    text = code(bound(totals), "totals_0")
    assert 'tile.sum(t1, axis=1, keepdims=True)' in text
    assert "Tile[f32, 1, 1, " in text
    assert text.count("= x[:, :]") == 1
    x = np.random.default_rng(2).standard_normal((33, 64)).astype(np.float32)
    agree(stages(totals), (x, np.empty(2, np.float32)), exact=("pto.split",))


@kernel
def looked_up(table: In[Tensor[f16, "V", 64]], token: In[Tensor[i32, "T"]], y: Out[Tensor[f16, "T", 64]]) -> None:
    for t in range(0, token.shape[0], 32):
        y[t:t + 32, :] = tile.take(table[:], token[t:t + 32], 0)


def test_rows_by_index_come_straight_from_memory():
    lines = body(bound(looked_up), "looked_up_0")
    assert lines[-2].endswith("ub(32, 64)] = pto.mgather_rows(table[:, :], places_1)")
    rng = np.random.default_rng(4)
    table, token = rng.standard_normal((100, 64)).astype(np.float16), rng.integers(-100, 100, 70).astype(np.int32)
    agree(stages(looked_up), (table, token, np.empty((70, 64), np.float16)))
