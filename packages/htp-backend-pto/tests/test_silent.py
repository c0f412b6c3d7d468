"""Which extremes need not say what a NaN gives, and that programs with such extremes still mean what NumPy says."""

from math import inf, nan

import numpy as np
import pytest
from differential_examples import example as program_of
from pto_stages import code, example, stages

import htp
from htp import In, InOut, Out, Tensor, f32, kernel, tile

Rows = In[Tensor[f32, "M", "N"]]
Column = Out[Tensor[f32, "M", 1]]
Result = Out[Tensor[f32, "M", "N"]]


@kernel
def online(x: Rows, y: Column) -> None:
    """The sum of powers, bit by bit, and what is divided by it."""
    M, N = x.shape
    for i in range(0, M, 16):
        rows = min(16, M - i)
        top = tile.full((rows, 1), -inf, f32)
        total = tile.zeros((rows, 1), f32)
        for j in range(0, N, 32):
            part = x[i : i + 16, j : j + 32]
            higher = tile.maximum(top, tile.max(part, axis=1, keepdims=True))
            total = total * tile.exp(top - higher) + tile.sum(tile.exp(part - higher), axis=1, keepdims=True)
            top = higher
        y[i : i + 16, :] = 1.0 / total


@kernel
def told(x: Rows, y: Column, z: Column) -> None:
    """The same, and the largest element."""
    M, N = x.shape
    for i in range(0, M, 16):
        rows = min(16, M - i)
        top = tile.full((rows, 1), -inf, f32)
        total = tile.zeros((rows, 1), f32)
        for j in range(0, N, 32):
            part = x[i : i + 16, j : j + 32]
            higher = tile.maximum(top, tile.max(part, axis=1, keepdims=True))
            total = total * tile.exp(top - higher) + tile.sum(tile.exp(part - higher), axis=1, keepdims=True)
            top = higher
        y[i : i + 16, :] = 1.0 / total
        z[i : i + 16, :] = top


@kernel
def last_only(x: Rows, y: Column) -> None:
    """A sum of the last part only: a NaN before it is in the largest element, not in the sum."""
    M, N = x.shape
    for i in range(0, M, 16):
        rows = min(16, M - i)
        top = tile.full((rows, 1), -inf, f32)
        total = tile.zeros((rows, 1), f32)
        for j in range(0, N, 32):
            part = x[i : i + 16, j : j + 32]
            top = tile.maximum(top, tile.max(part, axis=1, keepdims=True))
            total = tile.sum(tile.exp(part - top), axis=1, keepdims=True)
        y[i : i + 16, :] = total


@kernel
def kept_apart(x: Rows, y: Result) -> None:
    """Powers that nothing is divided by: where x has one NaN, all of the row is to be NaN."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, 0:32]
        y[i : i + 16, 0:32] = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))


@kernel
def of_another(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 32]]) -> None:
    """Divided by the sum of what has its NaN elsewhere."""
    for i in range(0, x.shape[0], 16):
        rows, others = x[i : i + 16, 0:32], x[i : i + 16, 32:64]
        powers = tile.exp(others - tile.max(rows, axis=1, keepdims=True))
        y[i : i + 16, :] = powers / tile.sum(powers, axis=1, keepdims=True)


@kernel
def by_columns(x: Rows, y: Result) -> None:
    """Divided by sums of columns, of which others than the NaN's are to be NaN too."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, 0:32]
        powers = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
        y[i : i + 16, 0:32] = powers / tile.sum(powers, axis=0, keepdims=True)


@kernel
def started_before(x: Rows, top: InOut[Tensor[f32, "M", 1]], y: Column) -> None:
    """The largest so far is the caller's, and may be NaN."""
    for i in range(0, x.shape[0], 16):
        part = x[i : i + 16, 0:32]
        before = top[i : i + 16, :]
        higher = tile.maximum(before, tile.max(part, axis=1, keepdims=True))
        y[i : i + 16, :] = tile.sum(tile.exp(part - higher), axis=1, keepdims=True)


def comparisons(definition, dims=None):
    return code(stages(definition, dims or {})["pto.select"]).count("pto.cmp(")


@pytest.mark.parametrize("definition", [online], ids=lambda each: each.name)
def test_extremes_are_plain_where_their_nan_comes_out_anyway(definition):
    assert comparisons(definition) == 0


@pytest.mark.parametrize(
    "definition", [told, last_only, kept_apart, of_another, by_columns, started_before], ids=lambda each: each.name
)
def test_extremes_say_what_a_nan_gives_where_somebody_could_see_it(definition):
    assert comparisons(definition) > 0


@pytest.mark.parametrize(
    ("path", "name", "dims"),
    [
        ("attention.py", "attention", {"D": 16}),
        ("workloads/flash_attention.py", "causal_attention", {"D": 32}),
        ("workloads/flash_attention.py", "fused_attention", {"D": 32}),
    ],
)
def test_attention_compares_no_scores(path, name, dims):
    assert comparisons(example(path, name), dims) == 0


def odd(shape, places):
    """Numbers with one odd one in each of some arrays; every array by itself."""
    for place in places:
        for number in (nan, inf, -inf):
            x = np.random.default_rng(0).standard_normal(shape).astype("f4")
            x[place] = number
            yield x


@pytest.mark.parametrize("definition", [online, last_only], ids=lambda each: each.name)
def test_odd_numbers_anywhere_in_a_row_give_what_numpy_gives(definition, tmp_path):
    htp.compile_program(definition, target="pto:a2a3sim", out=str(tmp_path / "package"))
    call = htp.bind(tmp_path / "package", mode="sim")
    for x in odd((19, 70), [(row, column) for row in (0, 17) for column in (0, 31, 32, 69)]):
        wanted, found = np.empty((19, 1), "f4"), np.empty((19, 1), "f4")
        with np.errstate(invalid="ignore", divide="ignore"):
            definition(x, wanted)
        call(x, found)
        np.testing.assert_allclose(found, wanted, rtol=2e-5)


@pytest.mark.parametrize("which", ["q", "k", "v"])
def test_odd_numbers_in_attention_give_what_numpy_gives(which, tmp_path):
    definition = program_of("attention.py").attention
    htp.compile_program(definition, target="pto:a2a3sim", dims={"D": 16}, out=str(tmp_path / "package"))
    call = htp.bind(tmp_path / "package", mode="sim")
    shape = 1, 1, 130, 16
    plain = {
        each: np.random.default_rng(number).standard_normal(shape).astype("f4") for number, each in enumerate("qkv")
    }
    for x in odd(shape, [(0, 0, row, 3) for row in (0, 63, 64, 129)]):
        given = {**plain, which: x}
        wanted, found = np.empty(shape, "f4"), np.empty(shape, "f4")
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            definition(*given.values(), 0.25, wanted)
        call(*given.values(), 0.25, found)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)
