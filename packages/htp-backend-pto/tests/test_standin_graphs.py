"""The graph that the stand-in derives, its limits, and the pairs of tasks that nothing orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import standin_driver as driver
from standin_session import Session

if TYPE_CHECKING:
    from standin_report import Report

TRB, HBG = "tensormap_and_ringbuffer", "host_build_graph"


@dataclass(frozen=True)
class Ran:
    report: Report
    a: np.ndarray
    b: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def edges(self) -> list[tuple[int, int, str]]:
        return [(each.source_task, each.target_task, each.source) for each in self.report.edges]

    @property
    def codes(self) -> list[str]:
        return [each.code for each in self.report.diagnostics]


def run(
    which: int,
    count: int = 0,
    *,
    defines: tuple[str, ...] = (),
    staged: bool = True,
    shape: tuple[int, int] = (32, 64),
    **options: object,
) -> Ran:
    a = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    b = -a
    x, y = np.zeros_like(a), np.zeros_like(a)
    with Session(driver.executor()) as session:
        session.kernel(0, "copy", driver.kernel("copy", "aiv", *defines), "aiv")
        if which == 29:
            session.kernel(1, "add", driver.kernel("copy", "aiv", "ADDS"), "aiv")
        session.orchestration(driver.orchestration("graphs_orch"), "graphs_entry", "graphs_config")
        for name, value in options.items():
            session.option(name, value)
        report = session.run(
            [(a, "f32", "in"), (b, "f32", "inout"), (x, "f32", "inout"), (y, "f32", "inout")],
            [which, count],
            staged=staged,
        )
    return Ran(report, a, b, x, y)


@pytest.mark.parametrize("runtime", [TRB, HBG])
def test_an_overwritten_tensor_has_only_the_edge_to_its_reader(runtime: str) -> None:
    ran = run(0, runtime=runtime)
    assert ran.edges == [(0, 1, "tensormap")]
    assert {each.message.partition(":")[0] for each in ran.report.errors} == {"WAR", "WAW"}
    assert set(ran.codes) == {"task-hazard"}


def test_the_missing_edge_shows_in_the_values_too() -> None:
    ran = run(0, seed=1)
    assert ran.report.order == (2, 0, 1)
    assert not np.array_equal(ran.x, ran.b)


def test_tasks_that_add_to_one_tensor_need_no_order_and_one_that_writes_it_does() -> None:
    ran = run(29)
    assert ran.edges == []
    found = [each.message.partition(",")[0].partition(" touch")[0] for each in ran.report.errors]
    assert found == ["WAW: task 0 (add) and task 2 (copy)", "WAW: task 1 (add) and task 2 (copy)"]


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("runtime", [TRB, HBG])
def test_an_explicit_edge_makes_it_right_in_every_order(runtime: str, seed: int) -> None:
    ran = run(1, runtime=runtime, seed=seed)
    assert ran.edges == [(0, 1, "tensormap"), (1, 2, "explicit")]
    assert ran.codes == []
    np.testing.assert_array_equal(ran.y, ran.a)
    np.testing.assert_array_equal(ran.x, ran.b)


def test_inout_waits_for_the_writer_but_not_for_the_reader() -> None:
    ran = run(2)
    assert ran.edges == [(0, 1, "tensormap"), (0, 2, "tensormap")]
    assert [each.message.partition(":")[0] for each in ran.report.errors] == ["WAR"]


def test_a_consumer_waits_for_the_task_that_allocated() -> None:
    ran = run(3)
    assert ran.edges == [(0, 1, "creator")]
    assert ran.codes == []
    assert [each.tag for each in ran.report.tasks[0].args] == ["INPUT", "OUTPUT"]
    np.testing.assert_array_equal(ran.y, ran.a)


def test_an_allocation_is_a_task_of_its_own() -> None:
    ran = run(4)
    assert ran.edges == [(0, 1, "creator"), (0, 2, "creator"), (1, 2, "tensormap")]
    assert [each.kind for each in ran.report.tasks] == ["alloc", "aiv", "aiv"]
    assert ran.codes == []


def test_a_manual_scope_derives_nothing() -> None:
    ran = run(5)
    assert ran.edges == []
    assert set(ran.codes) == {"task-hazard"}
    assert ran.report.tasks[0].manual
    assert run(6).edges == [(0, 1, "explicit")]
    assert run(6).codes == []


def test_disjoint_boxes_have_no_edge_and_overlapping_ones_have() -> None:
    # Task 2 reads a corner of the first half, task 3 both halves.
    assert run(7).edges == [(0, 2, "tensormap"), (1, 3, "tensormap"), (0, 3, "tensormap")]


def test_views_with_other_strides_are_compared_by_their_range() -> None:
    # The columns do not overlap, but the stepped view is compared by its range only.
    assert (0, 2, "tensormap") in run(8).edges


@pytest.mark.parametrize(("count", "code"), [(7, []), (8, ["scope-deadlock"])])
def test_a_scope_with_as_many_tasks_as_the_window_waits_for_ever(count: int, code: list[str]) -> None:
    ran = run(9, count, window=8)
    assert ran.codes == code
    assert ran.report.fatal == (1 if code else 0)


def test_scopes_give_their_slots_back() -> None:
    assert run(10, 100, window=8).codes == []
    # host_build_graph gives nothing back: the whole graph must fit.
    assert run(10, 100, window=8, runtime=HBG).report.fatal == 3


def test_the_heap_of_a_ring_is_limited() -> None:
    # Each output has 8192 bytes.
    assert run(9, 4, heap=4 * 8192).codes == []
    assert run(9, 5, heap=4 * 8192).codes == ["heap-deadlock"]
    assert run(10, 100, heap=4 * 8192).codes == []
    assert run(10, 5, heap=4 * 8192, runtime=HBG).codes == ["heap-deadlock"]


def test_host_build_graph_has_room_for_128_edges_into_a_task() -> None:
    assert run(28, 128, runtime=HBG).codes == []
    assert run(28, 129, runtime=HBG).report.fatal == 4
    assert run(28, 129).codes == []


@pytest.mark.parametrize(
    ("which", "text"),
    [
        (11, "after a scalar"),
        (12, "more than 32 tensors"),
        (13, "more than 16 scalars"),
        (14, "AUTO scope"),
        (23, "cube core"),
        (27, "view"),
    ],
)
def test_what_the_runtime_refuses_is_reported(which: int, text: str) -> None:
    ran = run(which)
    assert ran.report.fatal == 5
    assert ran.codes == ["invalid-args"]
    assert text in ran.report.diagnostics[0].message


def test_an_output_after_a_fatal_error_ends_the_run() -> None:
    assert run(22).codes == ["invalid-args", "aborted"]


def test_reading_a_result_waits_for_its_task() -> None:
    ran = run(15)
    assert ran.codes == []
    np.testing.assert_array_equal(ran.y, ran.a)
    assert ran.report.order == (0, 1)


def test_host_build_graph_reads_only_what_the_host_staged() -> None:
    assert run(15, runtime=HBG).report.fatal == 5
    assert run(16, runtime=HBG).codes == []
    assert run(16, runtime=HBG, staged=False).report.fatal == 5
    assert run(16, staged=False).codes == []


@pytest.mark.parametrize(("target", "runs"), [(-1, True), (0, False)])
def test_a_predicate_decides_at_dispatch(target: int, runs: bool) -> None:
    ran = run(17, target & (2**64 - 1))  # the flag is 0
    assert [each.skipped for each in ran.report.tasks] == [False, not runs]
    np.testing.assert_array_equal(ran.x, ran.b if runs else ran.a)


def test_a_dummy_task_carries_an_order() -> None:
    ran = run(18)
    assert ran.edges == [(0, 1, "tensormap"), (1, 2, "explicit"), (2, 3, "explicit")]
    assert [each.kind for each in ran.report.tasks] == ["aiv", "aiv", "dummy", "aiv"]
    assert ran.codes == []


def test_a_tensor_that_outlives_its_scope_is_reported() -> None:
    assert run(19).codes == ["scope-lifetime"]


def test_blocks_share_a_task() -> None:
    ran = run(20, 4)
    assert ran.codes == []
    assert ran.report.tasks[0].blocks == 4
    assert ran.report.tasks[0].instructions == {"TLOAD": 4, "TSTORE": 4}
    np.testing.assert_array_equal(ran.y, ran.a)


def test_blocks_that_write_the_same_bytes_are_reported() -> None:
    assert run(20, 2, defines=("FAULT_BLOCKS",)).codes == ["block-race"]


def test_blocks_that_write_one_line_are_warned_of() -> None:
    # Three rows of 40 bytes for a block: the next one begins within a line.
    ran = run(20, 2, shape=(6, 10))
    assert [(each.code, each.severity) for each in ran.report.diagnostics] == [("shared-line", "warning")]
    assert ran.report.status == "ok"


def test_blocks_that_meet_may_read_each_other() -> None:
    assert run(20, 4, defines=("MEET",)).codes == []
    assert run(20, 4, defines=("MEET_SOME",)).codes == ["core-deadlock"]


def test_a_filled_tensor_has_its_value() -> None:
    ran = run(21)
    assert ran.codes == []
    np.testing.assert_array_equal(ran.y, np.full((32, 64), 2.5, np.float32))


def test_the_orchestration_writes_before_a_task_reads() -> None:
    ran = run(24)
    assert ran.codes == []
    assert ran.y[1, 2] == 7.0
    assert run(25).codes == ["orchestration-race"]


def test_an_untracked_argument_is_neither_looked_up_nor_entered() -> None:
    ran = run(26)
    assert ran.edges == []
    assert ran.codes == ["task-hazard"]
