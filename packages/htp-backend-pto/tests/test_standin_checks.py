"""What the real simulator lets pass and the stand-in reports: every mistake, and silence where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import standin_driver as driver
from standin_session import Session

if TYPE_CHECKING:
    from standin_report import Report

# The order of `enum Fault` in standin/faults.cpp, and what each must be reported as.
FAULTS = {
    "NONE": None,
    "NO_LOAD_FLAG": "pipe-race",
    "NO_STORE_FLAG": "pipe-race",
    "NO_BARRIER": "pipe-race",
    "NO_BACK_FLAG": "pipe-race",
    "WAIT_WITHOUT_SET": "wait-without-set",
    "EVENT_REUSE": "event-reuse",
    "FLAG_LEFT": "flag-left",
    "NO_PIPE_SYNC": "no-pipe-sync",
    "MISALIGNED": "alignment",
    "OVER_UB": "capacity",
    "FAR_OVER_UB": "capacity",
    "UNWRITTEN": "unwritten-read",
    "VALID_MISMATCH": "valid-shape",
    "GLOBAL_MISMATCH": "valid-shape",
    "ZERO_VALID": "zero-valid-shape",
    "VALID_TOO_LARGE": "valid-shape",
    "UNPLACED": "tile-unplaced",
    "OUTSIDE_GLOBAL": "gm-outside",
    "OUTSIDE_BUFFER": "gm-outside",
    "WRITES_INPUT": "gm-direction",
    "SCALAR_READ": "pipe-race",
    "SCRATCH_READ": "unwritten-read",
    "BARRIER_ALL": None,
    "SCALAR_WAIT": None,
    "GLOBAL_ORDER": "pipe-race",
    "OPERAND_OVERLAP": "operand-overlap",
    "RECIP_IN_PLACE": "in-place",
    "PADDED_CHOICE": None,
    "PADDING_READ": "unwritten-read",
    "UNWRITTEN_CHOICE": "unwritten-read",
}


def run_fault(fault: str, **options: object) -> tuple[Report, np.ndarray, np.ndarray]:
    x = np.linspace(-1, 1, 32 * 64, dtype=np.float32).reshape(32, 64)
    y = np.zeros_like(x)
    with Session(driver.executor()) as session:
        session.kernel(0, "faults", driver.kernel("faults"), "aiv")
        session.orchestration(driver.orchestration("faults_orch"), "faults_entry", "faults_config")
        for name, value in options.items():
            session.option(name, value)
        report = session.run([(x, "f32", "in"), (y, "f32", "out")], [list(FAULTS).index(fault)])
    return report, x, y


@pytest.mark.parametrize("fault", [each for each, code in FAULTS.items() if code is None])
def test_a_right_kernel_is_silent(fault: str) -> None:
    report, x, y = run_fault(fault)
    assert report.diagnostics == ()
    assert report.status == "ok"
    np.testing.assert_allclose(y[:16], np.exp(x[:16].astype(np.float64)) + x[:16], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("fault", [each for each, code in FAULTS.items() if code is not None])
def test_a_mistake_is_reported(fault: str) -> None:
    report, _, _ = run_fault(fault)
    assert report.status == "failed"
    assert FAULTS[fault] in {each.code for each in report.errors}, report.diagnostics


def test_padding_that_is_chosen_from_stays_unwritten() -> None:
    chosen = run_fault("UNWRITTEN_CHOICE")[0].errors
    assert [each.instruction for each in chosen] == ["TSEL", "TADDS"]
    (seen,) = run_fault("PADDING_READ")[0].errors
    assert (seen.instruction, seen.tile) == ("TADDS", "ub[40960:45056]")


def test_a_race_names_both_instructions_and_the_bytes() -> None:
    finding = run_fault("NO_LOAD_FLAG")[0].errors[0]
    assert finding.instruction == "TEXP"
    assert finding.tile == "ub[0:4096]"
    assert (finding.task, finding.kernel, finding.core, finding.bytes) == (0, "faults", "aiv0", 4096)
    assert "TLOAD" in finding.message
    assert "MTE2" in finding.message


def test_a_race_in_a_loop_is_reported_once() -> None:
    findings = [each for each in run_fault("NO_BARRIER")[0].errors if each.instruction == "TADD"]
    assert len(findings) == 1
    assert findings[0].times == 2


def test_without_checks_the_values_are_there_and_nothing_is_said() -> None:
    report, x, y = run_fault("NO_BARRIER", checks="off")
    assert report.diagnostics == ()
    np.testing.assert_allclose(y[:16], np.exp(x[:16].astype(np.float64)) + x[:16], rtol=1e-6, atol=1e-7)


def test_a_program_with_a_wrong_number_of_arguments_does_not_run() -> None:
    x = np.zeros((32, 64), np.float32)
    with Session(driver.executor()) as session:
        session.kernel(0, "faults", driver.kernel("faults"), "aiv")
        session.orchestration(driver.orchestration("faults_orch"), "faults_entry", "faults_config")
        report = session.run([(x, "f32", "in"), (x.copy(), "f32", "out")], [])
    assert [each.code for each in report.errors] == ["argument-count"]
    assert report.tasks == ()
