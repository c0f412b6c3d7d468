"""Operations that are long formulas, and tiles of three dimensions, on the stand-in against NumPy and plain Python."""

import math

import numpy as np
import pytest
from operation_cases import COLUMNS, ROWS, numbers, outcome

import htp
from htp import In, Out, Scalar, Tensor, bool_, f32, i32, i64, kernel, tile, u16, u32

FULL = (ROWS, COLUMNS)


@pytest.fixture
def rng():
    return np.random.default_rng(29)


def test_sines_and_cosines_of_all_sizes(tmp_path, rng):
    sizes = np.exp2(np.where(rng.random(FULL) < 0.5, rng.uniform(-12, 16.6, FULL), rng.uniform(15.9, 128, FULL)))
    x = (rng.choice([-1, 1], FULL) * sizes).astype(np.float32)
    x[0, :8] = np.inf, -np.inf, np.nan, -0.0, 3.4e38, 65536.0, 65535.996, math.pi
    cases = [(f"tile.{each}(x[:, :])", (f32, FULL)) for each in ("sin", "cos")]
    found = outcome(cases, {"x": (f32, x)}, tmp_path / "built")
    for each, (_, have) in zip((np.sin, np.cos), found.values(), strict=True):
        with np.errstate(invalid="ignore"):
            exact = each(x.astype(np.float64))
        np.testing.assert_array_equal(np.isnan(have), np.isnan(exact))
        np.testing.assert_allclose(have, exact, rtol=0, atol=1e-7)
    assert np.signbit(found["tile.sin(x[:, :])"][1][0, 3])


ULPS = {
    "exp2": (np.exp2, 5), "log2": (np.log2, 2), "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 3), "tanh": (np.tanh, 4),
    "erf": (np.vectorize(math.erf, otypes=[float]), 4),
}  # fmt: skip
"""Functions that are formulas in f32, and what they may be off by, in units of the last place."""


def test_formulas_are_off_by_a_few_units_of_the_last_place(tmp_path, rng):
    shape = (8, 512)
    x = (rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-44, 2, shape)).astype(np.float32)
    x[2:5] = rng.uniform(-3, 3, (3, 512))
    x[5:] = rng.uniform(-120, 127, (3, 512))
    x[0, :12] = np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-45, -1e-45, 4.5e-8, -1e-3, 1e-8, 96.6, 3e38
    cases = [(f"tile.{each}(x[:, :])", (f32, shape)) for each in ULPS]
    found = outcome(cases, {"x": (f32, x)}, tmp_path / "built")
    for name, (exact, units) in ULPS.items():
        _, have = found[f"tile.{name}(x[:, :])"]
        with np.errstate(all="ignore"):
            want = exact(x.astype(np.float64))
            rounded = want.astype(np.float32)
            unit = np.spacing(np.maximum(np.abs(rounded), np.finfo(np.float32).tiny)).astype(np.float64)
            off = np.abs(have.astype(np.float64) - want) / unit
        plain = np.isfinite(rounded) & ((name != "sigmoid") | (x > -88.7))  # below, exp(-x) is infinite
        assert (off[plain] <= units).all(), (name, x[plain][off[plain].argmax()], off[plain].max())
        np.testing.assert_array_equal(have[~np.isfinite(rounded)], rounded[~np.isfinite(rounded)], err_msg=name)
    for name in ("tanh", "erf"):
        assert np.signbit(found[f"tile.{name}(x[:, :])"][1][0, 4])


def test_gelu_keeps_digits_where_it_is_small(tmp_path, rng):
    x = rng.uniform(-6, 6, FULL).astype(np.float32)
    x[0, :6] = 1e-30, -1e-6, np.nan, np.inf, -13.0, -0.0
    ((_, have),) = outcome([("tile.gelu(x[:, :])", (f32, FULL))], {"x": (f32, x)}, tmp_path / "built").values()
    want = x * 0.5 * np.vectorize(math.erfc)(-x.astype(np.float64) / math.sqrt(2))
    np.testing.assert_allclose(have[x > -1], want[x > -1], rtol=1e-6)
    np.testing.assert_allclose(have[x > -6], want[x > -6], rtol=1e-3)
    np.testing.assert_allclose(have, want, rtol=1e-6, atol=2e-7)


@kernel
def flagged(
    m: In[Tensor[bool_, "M", "N"]], x: In[Tensor[f32, "M"]], n: Scalar[i32],
    some: Out[Tensor[bool_, "M"]], y: Out[Tensor[f32, "M"]],
) -> None:  # fmt: skip
    for i in range(0, m.shape[0], 16):
        seen = tile.zeros((m[i:i + 16, :].shape[0],), bool_)
        last = seen
        for j in range(0, m.shape[1], 32):
            last = tile.any(m[i:i + 16, j:j + 32], axis=1)
            seen = seen | last
            if n == 2:
                last = ~seen
        some[i:i + 16] = seen
        y[i:i + 16] = tile.where(last, x[i:i + 16], 0.0)


def test_columns_of_flags_are_carried_by_loops(tmp_path, rng):
    run = htp.bind(htp.compile_program(flagged, target="pto:a2a3sim", out=tmp_path))
    for rows, n in ((20, 1), (1, 2), (33, 2), (0, 1)):
        m, x = rng.random((rows, 70)) < 0.03, rng.standard_normal(rows).astype(np.float32)
        some, y = np.ones(rows, bool), np.ones(rows, np.float32)
        run(m, x, n, some, y)
        np.testing.assert_array_equal(some, m.any(1))
        np.testing.assert_array_equal(y, np.where(~m.any(1) if n == 2 else m[:, 64:].any(1), x, 0))


def test_updates_of_one_place_all_count(tmp_path, rng):
    index = rng.integers(-COLUMNS, COLUMNS, (ROWS, 20)).astype(np.int32)
    given = {"x": (f32, numbers(f32, rng)), "i": (i32, index), "u": (f32, numbers(f32, rng, (ROWS, 20)))}
    cases = [(f'tile.scatter(x[:, :], i[:, :], u[:, :], 1, "{mode}")', (f32, FULL)) for mode in ("add", "max", "min")]
    for text, (_, have) in outcome(cases, given, tmp_path / "built").items():
        want = given["x"][1].copy()
        for row, column in np.ndindex(index.shape):
            old, new = want[row, index[row, column]], given["u"][1][row, column]
            with np.errstate(invalid="ignore"):
                both = {"add": old + new, "max": np.maximum(old, new), "min": np.minimum(old, new)}
            want[row, index[row, column]] = next(each for mode, each in both.items() if mode in text)
        np.testing.assert_array_equal(have, want, err_msg=text)


def test_integers_without_a_sign(tmp_path, rng):
    cases = [
        ("x[:, :] * y[:, :]", (u32, FULL)), ("x[:, :] // y[:, :]", (u32, FULL)), ("x[:, :] % 1000", (u32, FULL)),
        ("x[:, :] < y[:, :]", (bool_, FULL)), ("tile.max(x[:, :], axis=1, keepdims=True)", (u32, (ROWS, 1))),
        ("tile.argsort(x[:, :], 1)", (i64, FULL)), ("x[:, :].astype(f32)", (f32, FULL)),
        ("z[:, :] - 5", (u16, FULL)), ("z[:, :] >> 3", (u16, FULL)), ("tile.abs(z[:, :])", (u16, FULL)),
    ]  # fmt: skip
    given = {name: (dtype, numbers(dtype, rng)) for name, dtype in (("x", u32), ("y", u32), ("z", u16))}
    for text, (want, have) in outcome(cases, given, tmp_path / "built").items():
        np.testing.assert_array_equal(have, want, err_msg=text)


@kernel
def matrices(
    x: In[Tensor[f32, "B", "N", 64]], w: In[Tensor[f32, 64]], y: Out[Tensor[f32, "B", "N", 64]],
    total: Out[Tensor[f32, "B", "N"]],
) -> None:  # fmt: skip
    for b in range(0, x.shape[0], 2):
        for n in range(0, x.shape[1], 16):
            t = x[b:b + 2, n:n + 16, :]
            square = tile.sum(t * t, axis=2, keepdims=True)
            y[b:b + 2, n:n + 16, :] = t / tile.sqrt(square) * w[:]
            total[b:b + 2, n:n + 16] = tile.sum(t, axis=-1)


@kernel
def whole(
    x: In[Tensor[f32, 3, 8, 32]], m: In[Tensor[f32, 8, 32]], turned: Out[Tensor[f32, 3, 32, 8]],
    largest: Out[Tensor[f32, 3, 1, 32]], summed: Out[Tensor[f32, 8, 32]], second: Out[Tensor[f32, 3, 32]],
    last: Out[Tensor[f32, 3, 8, 1]],
) -> None:  # fmt: skip
    t = x[:] + m[:]
    turned[:] = tile.transpose(t, (0, 2, 1))
    largest[:] = tile.max(t, axis=1, keepdims=True)
    summed[:] = tile.sum(t, axis=0)
    second[:] = t[:, 1, :]
    last[:] = tile.sum(t, axis=2, keepdims=True)


def test_tiles_of_three_dimensions(tmp_path, rng):
    x, w = rng.standard_normal((5, 37, 64)).astype(np.float32), rng.standard_normal(64).astype(np.float32)
    y, total = np.zeros_like(x), np.zeros((5, 37), np.float32)
    htp.bind(htp.compile_program(matrices, target="pto:a2a3sim", out=tmp_path / "matrices"), mode="sim")(x, w, y, total)
    np.testing.assert_allclose(y, x / np.sqrt((x.astype(np.float64) ** 2).sum(2, keepdims=True)) * w, rtol=1e-5)
    np.testing.assert_allclose(total, x.sum(2, dtype=np.float64), rtol=1e-4, atol=1e-5)


def test_matrices_of_tiles_of_three_dimensions(tmp_path, rng):
    x, m = rng.standard_normal((3, 8, 32)).astype(np.float32), rng.standard_normal((8, 32)).astype(np.float32)
    shapes = ((3, 32, 8), (3, 1, 32), (8, 32), (3, 32), (3, 8, 1))
    made = [np.zeros(each, np.float32) for each in shapes]
    htp.bind(htp.compile_program(whole, target="pto:a2a3sim", out=tmp_path / "whole"), mode="sim")(x, m, *made)
    t = x + m
    wanted = (t.swapaxes(1, 2), t.max(1, keepdims=True), t.sum(0), t[:, 1], t.sum(2, keepdims=True))
    for have, want in zip(made, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)


@kernel
def ordered(
    x: In[Tensor[f32, 6, 8, 40]], values: Out[Tensor[f32, 6, 8, 5]], places: Out[Tensor[i32, 6, 8, 5]],
    rising: Out[Tensor[f32, 6, 8, 40]], moved: Out[Tensor[f32, 6, 8, 40]],
) -> None:  # fmt: skip
    for b in range(0, 6, 2):
        t = x[b:b + 2, :, :]
        largest, where = tile.topk(t, 5)
        values[b:b + 2, :, :] = largest
        places[b:b + 2, :, :] = where.astype(i32)
        order = tile.argsort(t, 2)
        rising[b:b + 2, :, :] = tile.gather(t, order, 2)
        moved[b:b + 2, :, :] = tile.scatter(t, order, t, -1)


def test_elements_of_three_dimensions_are_ordered_along_the_last_one(tmp_path, rng):
    x = rng.standard_normal((6, 8, 40)).astype(np.float32)
    values, places = np.zeros((6, 8, 5), np.float32), np.zeros((6, 8, 5), np.int32)
    rising, moved = np.zeros_like(x), np.zeros_like(x)
    htp.bind(htp.compile_program(ordered, target="pto:a2a3sim", out=tmp_path))(x, values, places, rising, moved)
    falling = np.argsort(-x, axis=-1, kind="stable")[..., :5]
    np.testing.assert_array_equal(places, falling)
    np.testing.assert_array_equal(values, np.take_along_axis(x, falling, -1))
    order = np.argsort(x, axis=-1, kind="stable")
    np.testing.assert_array_equal(rising, np.take_along_axis(x, order, -1))
    expected = x.copy()
    np.put_along_axis(expected, order, x, -1)
    np.testing.assert_array_equal(moved, expected)


@kernel
def lean(x: In[Tensor[f32, "B", 9, 1]], y: Out[Tensor[f32, "B", 9, 1]], most: Out[Tensor[f32, "B", 9]]) -> None:
    for b in range(0, x.shape[0], 4):
        t = x[b:b + 4, :, :]
        y[b:b + 4, :, :] = t * 2.0
        most[b:b + 4, :] = tile.max(t, axis=2)


def test_the_last_of_three_dimensions_may_be_one(tmp_path, rng):
    x = rng.standard_normal((7, 9, 1)).astype(np.float32)
    y, most = np.zeros_like(x), np.zeros((7, 9), np.float32)
    htp.bind(htp.compile_program(lean, target="pto:a2a3sim", out=tmp_path), mode="sim")(x, y, most)
    np.testing.assert_array_equal(y, x * 2)
    np.testing.assert_array_equal(most, x[:, :, 0])


@kernel
def inner(x: In[Tensor[f32, 2, 8, 40]], values: Out[Tensor[f32, 2, 3, 40]], places: Out[Tensor[i64, 2, 3, 40]]) -> None:
    largest, where = tile.topk(x[:], 3, axis=1)
    values[:] = largest
    places[:] = where


@kernel
def turned(x: In[Tensor[f32, "B", 8, 40]], y: Out[Tensor[f32, "B", 40, 8]]) -> None:
    for b in range(0, x.shape[0], 4):
        y[b:b + 4, :, :] = tile.transpose(x[b:b + 4, :, :], (0, 2, 1))


@pytest.mark.parametrize(("definition", "said", "help_"), [
    (inner, "`tile.topk` of 3 dimensions", "`t = x[b, :, :]`"),
    (turned, "a transposition goes matrix by matrix: how many `t1` has must be a constant",
     "out of `x`, in a loop over its first axis: `t = x[b, :, :]`"),
])  # fmt: skip
def test_what_rows_cannot_do_is_named_as_it_is_written(definition, said, help_, tmp_path):
    with pytest.raises(htp.Refused) as caught:
        htp.compile_program(definition, target="pto:a2a3sim", out=tmp_path)
    diagnostic = caught.value.diagnostic
    assert (caught.value.code, said in diagnostic.message) == ("pto.tile-rank", True)
    assert help_ in diagnostic.help[0]
