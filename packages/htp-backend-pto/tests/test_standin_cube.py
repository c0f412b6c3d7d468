"""Matrix products and the channel between the cube and its vector cores on the stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import standin_driver as driver
from standin_session import Session

if TYPE_CHECKING:
    from standin_report import Report


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def as_bfloat(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bits of bf16 numbers near `values`, and the numbers."""
    bits = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return bits, (bits.astype(np.uint32) << 16).view(np.float32)


def gemm(first: np.ndarray, second: np.ndarray, dtype: str, element: str, *defines: str) -> tuple[np.ndarray, Report]:
    c = np.zeros((first.shape[0], second.shape[1]), np.int32 if dtype == "i8" else np.float32)
    with Session(driver.executor()) as session:
        session.kernel(0, "gemm", driver.kernel("gemm", "aic", f"ELEMENT={element}", *defines), "aic")
        session.orchestration(driver.orchestration("gemm_orch"), "gemm_entry", "gemm_config")
        report = session.run(
            [(first, dtype, "in"), (second, dtype, "in"), (c, "i32" if dtype == "i8" else "f32", "out")]
        )
    return c, report


@pytest.mark.parametrize(("dtype", "element"), [("f32", "float"), ("f16", "half"), ("bf16", "bfloat16_t")])
def test_a_product_with_tails_accumulates_in_f32(dtype: str, element: str, rng: np.random.Generator) -> None:
    first, second = (rng.standard_normal(shape).astype(np.float32) for shape in ((100, 300), (300, 70)))
    if dtype == "f16":
        first, second = first.astype(np.float16), second.astype(np.float16)
        given = first, second
    elif dtype == "bf16":
        (x, first), (y, second) = as_bfloat(first), as_bfloat(second)
        given = x, y
    else:
        given = first, second
    c, report = gemm(*given, dtype, element)
    assert report.diagnostics == ()
    np.testing.assert_allclose(c, first.astype(np.float64) @ second.astype(np.float64), rtol=1e-5, atol=1e-4)
    assert report.tasks[0].instructions == {"TLOAD": 10, "TMOV": 10, "TMATMUL": 1, "TMATMUL_ACC": 4, "TSTORE": 1}
    assert report.tasks[0].high_water["l0c"] == 64 * 64 * 4


def test_a_product_of_bytes_is_exact(rng: np.random.Generator) -> None:
    first, second = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((100, 320), (320, 64)))
    c, report = gemm(first, second, "i8", "int8_t", "SUM=int32_t")
    assert report.diagnostics == ()
    np.testing.assert_array_equal(c, first.astype(np.int32) @ second.astype(np.int32))


def test_a_factor_may_lie_column_after_column(rng: np.random.Generator) -> None:
    first, second = (rng.standard_normal(shape).astype(np.float32) for shape in ((40, 48), (48, 48)))
    c, report = gemm(first, np.ascontiguousarray(second.T), "f32", "float", "TURNED")
    assert report.diagnostics == ()
    np.testing.assert_allclose(c, first.astype(np.float64) @ second.astype(np.float64), rtol=1e-5, atol=1e-4)


def test_a_load_over_a_tile_that_is_still_moved_is_a_race() -> None:
    first = np.ones((64, 320), np.float32)
    _, report = gemm(first, np.ones((320, 64), np.float32), "f32", "float", "FAULT_FREE")
    assert {each.code for each in report.errors} == {"pipe-race"}
    assert {each.instruction for each in report.errors} == {"TLOAD"}


def channel(rng: np.random.Generator, n: int, *faults: str, seed: int = 1) -> tuple[np.ndarray, np.ndarray, Report]:
    a = rng.standard_normal((32 * n, 32)).astype(np.float16)
    b = rng.standard_normal((32, 32)).astype(np.float16)
    y = np.zeros((32 * n, 32), np.float32)
    slots = np.zeros(2 * 32 * 32, np.float32)
    with Session(driver.executor()) as session:
        session.kernel(0, "channel", driver.kernel("channel", "aic", *faults), "aic")
        session.kernel(1, "channel", driver.kernel("channel", "aiv", *faults), "aiv")
        session.orchestration(driver.orchestration("channel_orch"), "channel_entry", "channel_config")
        session.option("seed", seed)
        report = session.run([(a, "f16", "in"), (b, "f16", "in"), (y, "f32", "out"), (slots, "f32", "inout")])
    return y, 2 * (a.astype(np.float64) @ b.astype(np.float64)), report


@pytest.mark.parametrize("seed", range(5))
def test_a_cube_feeds_its_vector_cores(seed: int, rng: np.random.Generator) -> None:
    y, expected, report = channel(rng, 6, seed=seed)
    assert report.diagnostics == ()
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
    assert report.tasks[0].kind == "mix"
    assert report.tasks[0].instructions["TPUSH"] == 6
    assert report.tasks[0].instructions["TPOP"] == 12


@pytest.mark.parametrize("fault", ["FAULT_NO_FREE", "FAULT_NO_PUSH"])
def test_cores_that_wait_for_each_other_are_reported(fault: str, rng: np.random.Generator) -> None:
    assert [each.code for each in channel(rng, 6, fault)[2].errors] == ["core-deadlock"]


@pytest.mark.parametrize(
    ("which", "space", "limit"),
    [(0, None, 0), (1, "l1", 524288), (2, "l0a", 65536), (3, "l0b", 65536), (4, "l0c", 131072), (5, "bias", 1024)],
)
def test_every_memory_of_the_cube_has_its_capacity(
    which: int, space: str | None, limit: int, rng: np.random.Generator
) -> None:
    a = rng.standard_normal((16, 16)).astype(np.float32)
    c = np.zeros_like(a)
    with Session(driver.executor()) as session:
        session.kernel(0, "capacity", driver.kernel("capacity", "aic"), "aic")
        session.orchestration(driver.orchestration("capacity_orch"), "capacity_entry")
        report = session.run([(a, "f32", "in"), (c, "f32", "out")], [which])
    np.testing.assert_allclose(c, a.astype(np.float64) @ a + a[0], rtol=1e-5, atol=1e-5)
    assert {each.code for each in report.diagnostics} == ({"capacity"} if space else set())
    for each in report.diagnostics:
        assert f"beyond the {limit} bytes of {space}" in each.message
