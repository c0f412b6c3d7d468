"""Simulated time natively: the numbers of the reference of task schedules, and what each setting does to them."""

from __future__ import annotations

import numpy as np
import pytest

from htp import Refused

ROUND_ROBIN, AFFINITY, HASH, EVEN_ODD = range(4)
COSTS = [5, 1, 1, 1, 5, 1, 1, 1]
PAIRS = [0, 0, 1, 1, 2, 2, 3, 3]
NOTHING = [0] * 8


@pytest.fixture
def timed(native_of):
    """The simulated time of independent tasks: worker, start and submit of each, makespan, window's high water."""

    def run(costs, *, keys=None, priorities=None, streams=None, policy=ROUND_ROBIN, n=2, steal=False, window=0, issue=0,
            every=1, batch=1, interleaved=False):  # fmt: skip
        count = len(costs)
        columns = [costs, keys or [0] * count, priorities or [0] * count, streams or [-1] * count]
        rows = np.array(columns, np.int64).T.copy()
        report = native_of("timed", "placed").run(
            rows, np.empty(count, np.int64), policy, n, steal, window, issue, every, batch, interleaved
        )
        return report.simulated

    return run


@pytest.fixture
def several(native_of):
    """The simulated time of one of the small programs of register_form/timed.py."""

    def run(which, costs, y=None, *, steal=False, window=0, issue=0):
        y = np.zeros((len(costs), 8), np.int64) if y is None else y
        return native_of("timed", "several").run(which, np.array(costs), y, steal, window, issue).simulated

    return run


CHAIN, ATTENTION, PAUSED, BYTES, ABORTING = range(5)


def columns(simulated):
    return tuple([getattr(each, name) for each in simulated.tasks] for name in ("worker", "start", "submit"))


@pytest.mark.parametrize(
    ("name", "settings", "worker", "start", "submit", "makespan", "high_water"),
    [
        ("W10", {}, [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 5, 1, 6, 2, 11, 3], NOTHING, 12, 8),
        ("W11", {"steal": True}, [0, 1, 0, 1, 1, 1, 1, 1], [0, 0, 5, 1, 5, 2, 4, 3], NOTHING, 10, 8),
        (
            "W12", {"policy": AFFINITY, "keys": PAIRS}, [0, 0, 1, 1, 0, 0, 1, 1], [0, 5, 0, 1, 6, 11, 2, 3], NOTHING,
            12, 8,
        ),
        ("W13", {"policy": HASH, "keys": PAIRS}, [1, 1, 0, 0, 1, 1, 0, 0], [0, 5, 0, 1, 6, 11, 2, 3], NOTHING, 12, 8),
        (
            "W14", {"window": 2}, [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 5, 5, 6, 6, 11, 11], [0, 0, 5, 5, 6, 6, 11, 11],
            12, 2,
        ),
        (
            "W15", {"window": 1}, [0, 1, 0, 1, 0, 1, 0, 1], [0, 5, 6, 7, 8, 13, 14, 15], [0, 5, 6, 7, 8, 13, 14, 15],
            16, 1,
        ),
        ("W17", {"policy": EVEN_ODD}, [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 5, 1, 6, 2, 11, 3], NOTHING, 12, 8),
    ],
)  # fmt: skip
def test_the_reference_schedules(timed, name, settings, worker, start, submit, makespan, high_water):
    found = timed(COSTS, **settings)
    assert columns(found) == (worker, start, submit), name
    assert (found.makespan, found.window_high_water) == (makespan, high_water), name


def test_w16_an_issue_cost(timed):
    found = timed([4] * 6, n=4, issue=3)
    assert columns(found) == ([0, 1, 2, 3, 0, 1], [0, 3, 6, 9, 12, 15], [0, 3, 6, 9, 12, 15])
    assert (found.makespan, found.window_high_water) == (19, 2)


def test_w18_a_chain(several):
    found = several(CHAIN, [3, 3, 3, 3])
    assert columns(found) == ([0, 1, 2, 3], [0, 3, 6, 9], [0, 0, 0, 0])
    assert (found.makespan, found.window_high_water) == (12, 4)


@pytest.mark.parametrize(
    ("name", "steal", "worker", "start", "makespan"),
    [("W19", False, [0, 1, 0, 1, 0], [0, 0, 3, 3, 9], 11), ("W20", True, [0, 1, 1, 0, 0], [0, 0, 3, 2, 8], 10)],
)
def test_the_reference_of_attention(several, name, steal, worker, start, makespan):
    found = several(ATTENTION, [2, 3, 4, 6, 2], steal=steal)
    assert columns(found) == (worker, start, [0] * 5), name
    assert (found.makespan, found.window_high_water) == (makespan, 5), name


def test_stalls_are_counted_once_for_each_task_that_waits(timed):
    assert timed(COSTS, window=2).window_stalls == 3
    assert timed(COSTS).window_stalls == 0


def test_a_rate_of_two_tasks_in_ten_cycles(timed):
    assert columns(timed([1] * 6, issue=10, every=2))[2] == [0, 0, 10, 10, 20, 20]


def test_batches_are_submitted_together_and_the_last_may_be_smaller(timed):
    # With a window of 3 the second batch of two has room when both tasks of the first are retired.
    found = timed([4, 2, 1, 1, 1], batch=2, window=3)
    assert columns(found) == ([0, 1, 0, 1, 0], [0, 0, 4, 4, 5], [0, 0, 4, 4, 4])


def test_a_higher_priority_runs_first(timed):
    assert columns(timed([2, 2, 2], n=1, priorities=[0, 1, 7]))[1] == [4, 2, 0]


def test_streams_keep_their_order(timed):
    assert columns(timed([3, 1, 1], n=3, streams=[5, 5, -1]))[1] == [0, 3, 0]


def test_with_interleaved_streams_take_turns(native_of):
    # On one worker all are ready at once: tasks 0 to 2 of no stream, which is one stream too, and 3 of stream 1.
    rows = np.array([[1, 1, 1, 1], [0] * 4, [0] * 4, [-1, -1, -1, 1]], np.int64).T.copy()
    call = native_of("timed", "placed")
    starts = []
    for interleaved in (False, True):
        found = call.run(rows, np.empty(4, np.int64), ROUND_ROBIN, 1, False, 0, 0, 1, 1, interleaved).simulated
        starts.append([each.start for each in found.tasks])
    assert starts == [[0, 1, 2, 3], [0, 2, 3, 1]]


def test_waiting_holds_submission_back_and_regions_follow_each_other(several):
    found = several(PAUSED, [4, 1, 1, 2, 9, 3])
    # 100 cycles before; tasks 0 to 2 at once, 3 and 4 when 0 is over at 104, 5 when 4 is over; then 10 cycles, then 7.
    assert [each.submit for each in found.tasks] == [100, 100, 100, 104, 104, 114, 127]
    assert [each.start for each in found.tasks] == [100, 100, 104, 104, 105, 114, 127]
    assert [each.worker for each in found.tasks] == [0, 1, 0, 1, 0, 1, 0]
    assert found.makespan == 134


@pytest.mark.parametrize(
    ("costs", "window", "submit"),
    [
        ([10, 10, 10, 10], 0, [0, 0, 0, 0]),
        ([10, 10, 10, 10], 24, [0, 0, 10, 20]),  # 8 + 16 bytes, then 24 alone, then 32: too large, so alone too
        ([10, 20, 10, 10], 56, [0, 0, 0, 20]),  # 8 + 16 + 24; at 10 the 24 are over, but behind the 16 in the window
        ([10, 10, 10, 10], 80, [0, 0, 0, 0]),
    ],
)
def test_a_window_of_bytes(several, costs, window, submit):
    found = several(BYTES, costs, window=window)
    assert [each.submit for each in found.tasks] == submit


def test_a_full_window_aborts_at_the_same_task_every_time(several):
    y = np.full((8, 8), -1, np.int64)
    for _ in range(20):
        with pytest.raises(Refused, match="task 3, `alone`, finds the window of 3 full") as found:
            several(ABORTING, COSTS, y, window=3)
        assert found.value.code == "run.window-full"
        assert found.value.diagnostic.help
        assert found.value.diagnostic.span.place.startswith("timed.py:")
    assert (y == -1).all(), "nothing is over before all are submitted"


def test_an_issue_cost_lets_tasks_end_before_the_window_is_full(several):
    y = np.zeros((8, 8), np.int64)
    several(ABORTING, COSTS, y, window=3, issue=3)
    np.testing.assert_array_equal(y[:, 0], COSTS)
    with pytest.raises(Refused, match="task 3"):
        several(ABORTING, [20, 1, 1, 1, 1, 1, 1, 1], y, window=3, issue=3)
    y[:] = 0
    found = several(ABORTING, COSTS, y, window=8)
    np.testing.assert_array_equal(y[:, 0], COSTS)
    assert columns(found)[1] == [0, 0, 5, 1, 6, 2, 11, 3]
