"""The meanings of instructions on the stand-in against NumPy in float64, or in the format where a step is rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import standin_driver as driver
from standin_session import Session

if TYPE_CHECKING:
    from standin_session import Core

RNG = np.random.default_rng(7)
A = RNG.standard_normal((16, 32)).astype(np.float32)
B = RNG.standard_normal((16, 32)).astype(np.float32)
R = RNG.standard_normal((16, 1)).astype(np.float32)
C = RNG.standard_normal((1, 32)).astype(np.float32)
a, b, r, c = (each.astype(np.float64) for each in (A, B, R, C))


def rows(values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(values, (16, 32))


# The number of each instruction in standin/instructions.cpp, and what it gives.
EXPECTED = {
    0: a + b, 1: a - b, 2: a * b, 3: a / b, 4: np.minimum(a, b), 5: np.maximum(a, b), 6: np.exp(a), 7: np.abs(a), 8: -a,
    9: np.maximum(a, 0), 10: np.log(np.abs(a)), 11: np.sqrt(np.abs(a)), 12: 1 / np.sqrt(np.abs(a)), 13: 1 / a,
    14: a + 1.5, 15: a - 1.5, 16: a * 1.5, 17: a / 1.5, 18: np.minimum(a, 0.25), 19: np.maximum(a, 0.25),
    20: np.where(a > 0, a, a * 0.125), 21: rows(np.full((1, 1), 3.0)), 22: 2 * a + b, 23: a * b + b, 24: a * a + b,
    25: np.fmod(a, b), 26: np.mod(a, b), 27: np.where(a > 0, a, a * b), 28: a + r, 29: a - r, 30: a * r, 31: a / r,
    32: np.maximum(a, r), 33: np.exp(a - r), 34: a + c, 35: a * c, 36: rows(r), 37: rows(c),
    38: rows(a.sum(1, keepdims=True)), 39: rows(a.max(1, keepdims=True)), 40: rows(a.min(1, keepdims=True)),
    41: rows(a.sum(0, keepdims=True)), 42: rows(a.max(0, keepdims=True)), 43: a, 44: np.where(a > b, a, b),
    45: np.where(a <= 0.25, b, -7.0), 46: a.T.reshape(16, 32), 48: np.tri(16, 32, 1), 49: np.maximum(a - b, 0),
}  # fmt: skip


def run(which: int, first: np.ndarray = A) -> np.ndarray:
    d = np.zeros((16, 32), np.float32)
    with Session(driver.executor()) as session:
        session.kernel(0, "instructions", driver.kernel("instructions"), "aiv")
        session.orchestration(driver.orchestration("instructions_orch"), "instructions_entry")
        report = session.run(
            [(first, "f32", "in"), (B, "f32", "in"), (R, "f32", "in"), (C, "f32", "in"), (d, "f32", "inout")], [which]
        )
    assert report.diagnostics == ()
    return d


@pytest.mark.parametrize("which", EXPECTED)
def test_an_instruction_means_what_numpy_says(which: int) -> None:
    np.testing.assert_allclose(run(which), EXPECTED[which], rtol=2e-5, atol=2e-6)


def test_padding_is_the_least_value_where_the_source_is_not_valid() -> None:
    expected = np.full((16, 32), -np.inf, np.float32)
    expected[:10, :20] = A[:10, :20]
    np.testing.assert_array_equal(run(47), expected)


# Values that fall between two numbers of the format, ties among them, and the ends of its range.
EDGES = np.array(
    [
        1 + 2**-11, 1 + 3 * 2**-11, -(1 + 2**-11), 65504, 65519, 65520, -65520, 2**-24, 2**-25, 1.5 * 2**-25, 2**-14,
        1 + 2**-8, 1 + 3 * 2**-8, 3.3e38, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 2.4, -2.6, 1e10, -1e10, 32768,
        -32769, 0, -0.0, np.inf, 1 / 3, -1 / 3,
    ],
    np.float32,
)  # fmt: skip
EDGE_ROWS = np.tile(EDGES, (16, 1))


def bfloat(values: np.ndarray) -> np.ndarray:
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return (((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) << 16).astype(np.uint32).view(np.float32)


def test_f16_and_bf16_round_to_nearest_even() -> None:
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(run(101, EDGE_ROWS)[0], EDGES.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(run(111, EDGE_ROWS)[0], bfloat(EDGES))
    noise = np.random.default_rng(8).integers(0, 2**32, (16, 32), dtype=np.uint32).view(np.float32)
    noise = np.where(np.isnan(noise), np.float32(1), noise)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(run(101, noise), noise.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(run(111, noise), bfloat(noise))


@pytest.mark.parametrize(("mode", "toward"), [(3, np.floor), (4, np.ceil), (5, np.trunc)])
def test_f16_rounds_in_the_direction_asked_for(mode: int, toward: np.ufunc) -> None:
    values = A * np.float32(3)
    step = 2.0 ** (np.floor(np.log2(np.abs(values.astype(np.float64)))) - 10)
    np.testing.assert_array_equal(run(100 + mode, values), toward(values / step) * step)


@pytest.mark.parametrize(("mode", "name"), [(1, "even"), (2, "away"), (3, "floor"), (4, "ceil"), (5, "trunc")])
def test_integers_are_rounded_by_the_mode_and_saturated(mode: int, name: str) -> None:
    x = EDGES.astype(np.float64)
    whole = {
        "even": np.rint(x),
        "away": np.sign(x) * np.floor(np.abs(x) + 0.5),
        "floor": np.floor(x),
        "ceil": np.ceil(x),
        "trunc": np.trunc(x),
    }[name]
    for first, low, high in ((120, -(2**31), 2**31 - 1), (130, -(2**15), 2**15 - 1)):
        np.testing.assert_array_equal(run(first + mode, EDGE_ROWS)[0], np.clip(whole, low, high).astype(np.float32))


def test_f16_arithmetic_is_rounded_at_every_step() -> None:
    x, y = A.astype(np.float16), B.astype(np.float16)
    exponentials = np.exp(x.astype(np.float32)).astype(np.float16)
    np.testing.assert_array_equal(
        run(140), (exponentials.astype(np.float32) + y.astype(np.float32)).astype(np.float16).astype(np.float32)
    )


def test_sorting_gives_values_and_positions() -> None:
    values = A.ravel()[:128]
    order = np.argsort(-values, kind="stable")
    result = run(141).ravel()
    np.testing.assert_array_equal(result[:128], values[order])
    np.testing.assert_array_equal(result[128:256], order.astype(np.float32))


def test_rows_are_gathered_and_added() -> None:
    chosen = np.minimum(B.argmax(1), 15)
    expected = A[chosen].astype(np.float64)
    for row, target in enumerate(chosen):
        expected[target] += B[row]
    np.testing.assert_allclose(run(142), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("core", ["aiv", "aic"])
def test_every_form_compiles(core: Core) -> None:
    driver.accept("forms", core)
