"""Operations that are long formulas, and tiles of three dimensions, on the stand-in against NumPy and plain Python."""

import math

import numpy as np
from operation_cases import COLUMNS, ROWS, numbers, outcome

import htp
from htp import In, Out, Tensor, bool_, f32, i32, i64, kernel, tile, u16, u32

FULL = (ROWS, COLUMNS)
RNG = np.random.default_rng(29)


def test_sines_and_cosines_of_all_sizes(tmp_path):
    sizes = np.exp2(np.where(RNG.random(FULL) < 0.5, RNG.uniform(-12, 16.6, FULL), RNG.uniform(15.9, 128, FULL)))
    x = (RNG.choice([-1, 1], FULL) * sizes).astype(np.float32)
    x[0, :8] = np.inf, -np.inf, np.nan, -0.0, 3.4e38, 65536.0, 65535.996, math.pi
    cases = [(f"tile.{each}(x[:, :])", (f32, FULL)) for each in ("sin", "cos")]
    found = outcome(cases, {"x": (f32, x)}, tmp_path / "built")
    for each, (_, have) in zip((np.sin, np.cos), found.values(), strict=True):
        with np.errstate(invalid="ignore"):
            exact = each(x.astype(np.float64))
        np.testing.assert_array_equal(np.isnan(have), np.isnan(exact))
        np.testing.assert_allclose(have, exact, rtol=0, atol=1e-7)
    assert np.signbit(found["tile.sin(x[:, :])"][1][0, 3])


def test_updates_of_one_place_all_count(tmp_path):
    index = RNG.integers(-COLUMNS, COLUMNS, (ROWS, 20)).astype(np.int32)
    given = {"x": (f32, numbers(f32, RNG)), "i": (i32, index), "u": (f32, numbers(f32, RNG, (ROWS, 20)))}
    cases = [(f'tile.scatter(x[:, :], i[:, :], u[:, :], 1, "{mode}")', (f32, FULL)) for mode in ("add", "max", "min")]
    for text, (_, have) in outcome(cases, given, tmp_path / "built").items():
        want = given["x"][1].copy()
        for row, column in np.ndindex(index.shape):
            old, new = want[row, index[row, column]], given["u"][1][row, column]
            with np.errstate(invalid="ignore"):
                both = {"add": old + new, "max": np.maximum(old, new), "min": np.minimum(old, new)}
            want[row, index[row, column]] = next(each for mode, each in both.items() if mode in text)
        np.testing.assert_array_equal(have, want, err_msg=text)


def test_integers_without_a_sign(tmp_path):
    cases = [
        ("x[:, :] * y[:, :]", (u32, FULL)), ("x[:, :] // y[:, :]", (u32, FULL)), ("x[:, :] % 1000", (u32, FULL)),
        ("x[:, :] < y[:, :]", (bool_, FULL)), ("tile.max(x[:, :], axis=1, keepdims=True)", (u32, (ROWS, 1))),
        ("tile.argsort(x[:, :], 1)", (i64, FULL)), ("x[:, :].astype(f32)", (f32, FULL)),
        ("z[:, :] - 5", (u16, FULL)), ("z[:, :] >> 3", (u16, FULL)), ("tile.abs(z[:, :])", (u16, FULL)),
    ]  # fmt: skip
    given = {name: (dtype, numbers(dtype, RNG)) for name, dtype in (("x", u32), ("y", u32), ("z", u16))}
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


def test_tiles_of_three_dimensions(tmp_path):
    x, w = RNG.standard_normal((5, 37, 64)).astype(np.float32), RNG.standard_normal(64).astype(np.float32)
    y, total = np.zeros_like(x), np.zeros((5, 37), np.float32)
    htp.bind(htp.compile_program(matrices, target="pto:a2a3sim", out=tmp_path / "matrices"), mode="sim")(x, w, y, total)
    np.testing.assert_allclose(y, x / np.sqrt((x.astype(np.float64) ** 2).sum(2, keepdims=True)) * w, rtol=1e-5)
    np.testing.assert_allclose(total, x.sum(2, dtype=np.float64), rtol=1e-4, atol=1e-5)


def test_matrices_of_tiles_of_three_dimensions(tmp_path):
    x, m = RNG.standard_normal((3, 8, 32)).astype(np.float32), RNG.standard_normal((8, 32)).astype(np.float32)
    shapes = ((3, 32, 8), (3, 1, 32), (8, 32), (3, 32), (3, 8, 1))
    made = [np.zeros(each, np.float32) for each in shapes]
    htp.bind(htp.compile_program(whole, target="pto:a2a3sim", out=tmp_path / "whole"), mode="sim")(x, m, *made)
    t = x + m
    wanted = (t.swapaxes(1, 2), t.max(1, keepdims=True), t.sum(0), t[:, 1], t.sum(2, keepdims=True))
    for have, want in zip(made, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)
