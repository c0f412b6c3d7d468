"""Which extremes need not say what a NaN gives, and that programs with such extremes still mean what NumPy says."""

from math import inf, nan

import numpy as np
import pytest
from differential_examples import example as program_of
from pto_stages import code, example, run, stages

import htp
from htp import In, InOut, Out, Tensor, Tile, f16, f32, kernel, tile
from htp_backend_pto import pto
from htp_dialect_csp import Channel, Recv, Send, network, process

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


@kernel
def of_logarithms(x: Rows, y: Column) -> None:
    """The logarithm of the sum of powers: the largest element is read again, and added to what is NaN by then."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, 0:32]
        top = tile.max(rows, axis=1, keepdims=True)
        y[i : i + 16, :] = top + tile.log(tile.sum(tile.exp(rows - top), axis=1, keepdims=True))


@kernel
def left_out_later(x: Rows, y: Result) -> None:
    """Elements count for the largest and not for the powers: a NaN among them is to be in all of the row."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, 0:32]
        chosen = tile.where(rows > 0.0, rows, -inf)
        powers = tile.exp(chosen - tile.max(rows, axis=1, keepdims=True))
        y[i : i + 16, 0:32] = powers / tile.sum(powers, axis=1, keepdims=True)


@kernel
def only_largest(x: Rows, y: Column) -> None:
    """Row by row it is looked at how large the largest is."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, 0:32]
        top = tile.max(rows, axis=1, keepdims=True)
        total = tile.sum(tile.exp(rows - top), axis=1, keepdims=True)
        y[i : i + 16, :] = tile.where(top > 0.0, total, 1.0)


@kernel
def over_other_columns(x: Rows, w: In[Tensor[f32, "M", "K"]], y: Column) -> None:
    """A sum over other columns: where there are none, it is zero, and the largest element is seen."""
    assert x.shape[1] <= 64
    assert w.shape[1] <= 64
    for i in range(0, x.shape[0], 16):
        top = tile.max(x[i : i + 16, :], axis=1, keepdims=True)
        y[i : i + 16, :] = top + tile.sum(tile.exp(w[i : i + 16, :] - top), axis=1, keepdims=True)


Block = Tile[f32, 64, 128]


@process
def products(a: In[Tensor[f16, "M", 64]], b: In[Tensor[f16, 64, 128]], out: Send[Block]) -> None:
    for i in range(0, a.shape[0], 64):
        out.send(a[i : i + 64, :] @ b)


@process
def shares(scores: Recv[Block], y: Out[Tensor[f32, "M", 128]]) -> None:
    i = 0
    for t in scores:
        powers = tile.exp(t - tile.max(t, axis=1, keepdims=True))
        y[i : i + 64, :] = powers / tile.sum(powers, axis=1, keepdims=True)
        i += 64


@network
def softmax_of_products(
    a: In[Tensor[f16, "M", 64]], b: In[Tensor[f16, 64, 128]], y: Out[Tensor[f32, "M", 128]]
) -> None:  # fmt: skip
    scores = Channel[Block](capacity=2)
    products(a, b, scores)
    shares(scores, y)


def comparisons(definition, dims=None, pins=()):
    return code(stages(definition, dims or {}, pins=pins)["pto.select"]).count("pto.cmp(")


@pytest.mark.parametrize("definition", [online, of_logarithms], ids=lambda each: each.name)
def test_extremes_are_plain_where_their_nan_comes_out_anyway(definition):
    assert comparisons(definition) == 0


@pytest.mark.parametrize(
    "definition",
    [told, last_only, kept_apart, of_another, by_columns, started_before, left_out_later, only_largest,
     over_other_columns],
    ids=lambda each: each.name,
)  # fmt: skip
def test_extremes_say_what_a_nan_gives_where_somebody_could_see_it(definition):
    assert comparisons(definition) > 0


def test_kernels_that_send_each_other_tiles_are_followed_one_by_one():
    assert comparisons(softmax_of_products, pins=("pto.cluster",)) == 0


@pytest.mark.parametrize("number", [0.0, 3.5, -inf, inf])
@pytest.mark.parametrize("definition", [online, of_logarithms, last_only, only_largest], ids=lambda each: each.name)
def test_whatever_extremes_give_for_a_nan_results_are_those_of_numpy(definition, number, monkeypatch):
    """The chosen instructions in Python, with ones that give a number for a NaN, as those of a device may."""
    largest, larger = pto.rowmax, pto.max

    def largest_of_row(x, tmp):
        return tile.where(tile.any(tile.isnan(x), axis=1, keepdims=True), number, largest(x, tmp))

    def larger_of_both(a, b):
        return tile.where(tile.logical_or(tile.isnan(a), tile.isnan(b)), number, larger(a, b))

    selected = stages(definition)["pto.select"]
    monkeypatch.setattr(pto, "rowmax", largest_of_row)
    monkeypatch.setattr(pto, "max", larger_of_both)
    for x in odd((19, 70), [(0, 0), (17, 31), (0, 69), (3, slice(None)), (18, slice(0, 32))]):
        wanted, blank = np.empty((19, 1), "f4"), np.empty((19, 1), "f4")
        with np.errstate(invalid="ignore", divide="ignore"):
            definition(x, wanted)
            found = run(selected, x, blank)[1]
        np.testing.assert_allclose(found, wanted, rtol=2e-5)


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
