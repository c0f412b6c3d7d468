"""Networks from text to machine code: what a compiled network does is what its Python meaning does."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import streams_programs as programs

import htp
from htp import Refused
from htp.deadlocks import Deadlock
from htp.streams import observed


@pytest.fixture(scope="session")
def bound(tmp_path_factory):
    @functools.cache
    def load(name):
        folder = tmp_path_factory.mktemp("streams")
        return htp.bind(htp.compile_program(getattr(programs, name), target="cpu", out=folder / name))

    return load


def both(bound, name, *args):
    """Arrays and times of the Python meaning and of the native run."""
    given = [[np.array(each) if isinstance(each, np.ndarray) else each for each in args] for _ in range(2)]
    with observed() as ran:
        getattr(programs, name)(*given[0])
    report = bound(name).run(*given[1])
    for meant, found in zip(*given, strict=True):
        np.testing.assert_array_equal(meant, found)
    assert report.simulated == ran[0].simulated()
    return given[1], report.simulated


@pytest.mark.parametrize("capacity", [0, 1, 2, 7])
@pytest.mark.parametrize("count", [0, 5, 64, 70])
def test_tiles_flow_through_stages(bound, capacity, count):
    x = np.arange(count * 64, dtype=np.float32).reshape(count, 64) / 64
    (_, y, *_), times = both(bound, "stages", x, np.zeros_like(x), capacity, 5)
    np.testing.assert_array_equal(y, x * x + 1)
    assert times.channels["a"].sends == -(-count // 16)


def test_a_plain_call_runs_the_same(bound):
    x = np.ones((40, 64), np.float32)
    y = np.zeros_like(x)
    for _ in range(20):
        bound("stages")(x, y, 2, 5)
    assert (y == 2).all()


def test_a_token_is_kept_while_the_next_one_is_in_the_hand(bound):
    x = np.arange(160, dtype=np.float32).reshape(20, 8) ** 2
    (_, y), _ = both(bound, "kept", x, np.zeros_like(x))
    np.testing.assert_array_equal(y, np.diff(x, axis=0, prepend=np.zeros((1, 8), np.float32)))


def test_a_select_takes_the_first_that_has_a_token(bound):
    (seen,), times = both(bound, "merge", np.zeros(7, np.int64))
    assert seen.tolist() == [0, 10, 1, 2, 11, 12, -1]
    assert list(times.processes) == ["P", "Q", "M"]


def test_polling_sees_what_is_there_at_its_time(bound):
    (seen, taken), _ = both(bound, "polled", np.zeros(9, np.int64), np.zeros(4, np.int64))
    assert seen[0] == 1000 + 100 + 7 or seen[0] == 1000 + 200 + 7
    assert set(taken.tolist()) <= {1, 2}


def test_a_deadlock_is_refused_as_in_python_and_the_package_stays_usable(bound):
    reports = []
    for run in (programs.circle, bound("circle"), bound("circle").run):
        total = np.zeros(1, np.int64)
        with pytest.raises(Deadlock) as caught:
            run(total)
        assert total[0] == 1
        reports.append(caught.value)
    meant, *native = reports
    for found in native:
        assert found.report.text == meant.report.text
        assert found.report.tables == meant.report.tables
        assert found.diagnostic.help == meant.diagnostic.help
        assert found.diagnostic.span.line == meant.diagnostic.span.line


def test_a_process_that_stops_leaves_its_channel_open(bound):
    with pytest.raises(Deadlock) as caught:
        bound("abandoned")(np.zeros(1, np.int64))
    assert caught.value.report.text.splitlines() == [
        "csp.deadlock[starvation] at t=7: 1 blocked",
        "  drains @t=7: recv on q (empty 0/2), waits for abandons (terminated)",
        "  hint: producer terminated without close()",
    ]


def test_a_failure_in_a_process_ends_all_others(bound):
    for _ in range(20):
        with pytest.raises(Refused) as caught:
            bound("failing")(np.zeros(1, np.int64), 100)
        assert caught.value.code == "run.assertion-failed"
    bound("stages")(np.ones((4, 64), np.float32), np.zeros((4, 64), np.float32), 2, 5)


@pytest.mark.parametrize(("again", "code"), [(1, "csp.send-after-close"), (2, "csp.double-close")])
def test_a_channel_that_was_closed_takes_nothing(bound, again, code):
    refused = []
    for run in (programs.closing, bound("closing")):
        with pytest.raises(Refused) as caught:
            run(np.zeros(1, np.int64), again, 1)
        refused.append(caught.value.diagnostic)
    assert refused[0].code == refused[1].code == code
    assert refused[0].message == refused[1].message
    bound("closing")(np.zeros(1, np.int64), 0, 1)


def test_work_of_less_than_nothing_is_refused(bound):
    refused = []
    for run in (programs.closing, bound("closing")):
        with pytest.raises(Refused) as caught:
            run(np.zeros(1, np.int64), 0, -3)
        refused.append(caught.value.code)
    assert refused == ["run.bad-work", "run.bad-work"]
