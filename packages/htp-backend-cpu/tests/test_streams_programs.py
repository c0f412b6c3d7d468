"""Networks from text to machine code: what a compiled network does is what its Python meaning does."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pytest
import streams_programs as programs

import htp
from htp import Refused
from htp.deadlocks import Deadlock
from htp.streams import observed
from htp.testing import corpus


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


@pytest.mark.parametrize("name", ["all_at_once", "doubled_at_once"])
def test_a_token_that_is_larger_than_the_channel_is_refused(bound, name):
    for run in (getattr(programs, name), bound(name)):
        with pytest.raises(Refused, match=r"channel 'a' carries .*4.* and .*5.* is sent") as caught:
            run(np.ones((5, 8), np.float32), np.zeros((9, 8), np.float32))
        assert caught.value.code == "csp.payload"
        assert caught.value.diagnostic.span is not None
        assert caught.value.diagnostic.help
    both(bound, name, np.ones((4, 8), np.float32), np.zeros((9, 8), np.float32))


def test_buffers_move_from_process_to_process(bound):
    x = np.arange(64, dtype=np.float32).reshape(8, 8)
    for _ in range(10):
        (_, y), _ = both(bound, "moved", x, np.zeros((33, 8), np.float32))
        rows = np.concatenate([x[:1] * 10, x, x, x * 2, x * 2])
        rows[:, 0] += 1
        assert sorted(map(tuple, y)) == sorted(map(tuple, rows))


def test_a_buffer_that_was_looked_at_is_the_one_that_is_taken(bound):
    x = np.arange(32, dtype=np.float32).reshape(4, 8)
    (_, y), _ = both(bound, "peeked", x, np.zeros((8, 8), np.float32))
    rows = np.stack([x, x * 2], axis=1).reshape(8, 8)
    rows[:, :2] += 1
    np.testing.assert_array_equal(y, rows)


def test_a_buffer_that_was_sent_is_no_longer_in_the_hand(bound):
    refused = []
    for run in (programs.clung, bound("clung")):
        with pytest.raises(Refused) as caught:
            run(np.ones((4, 8), np.float32), np.zeros((8, 8), np.float32))
        refused.append(caught.value.diagnostic)
    assert refused[0].code == refused[1].code == "csp.moved"
    assert refused[0].message == refused[1].message


def test_networks_and_tasks_share_a_routine(bound):
    x = np.arange(2048, dtype=np.float32).reshape(32, 64) / 64
    given = [[x.copy(), np.zeros_like(x), np.zeros_like(x)] for _ in range(2)]
    with observed() as ran:
        programs.beside(*given[0])
    report = bound("beside").run(*given[1])
    for meant, found in zip(*given, strict=True):
        np.testing.assert_array_equal(meant, found)
    first, last = (each.simulated() for each in ran)
    (earlier,) = report.simulated.earlier
    assert report.simulated.makespan == 7 + first.makespan + 7 + 7 + last.makespan
    assert [each.start for each in report.simulated.tasks][2:] == [7 + first.makespan + 7] * 2
    assert report.simulated.networks == 2
    assert (earlier.start, earlier.makespan) == (7, first.makespan)
    assert (earlier.processes, earlier.channels) == (first.processes, first.channels)
    assert (report.simulated.processes, report.simulated.channels) == (last.processes, last.channels)


@pytest.mark.parametrize(
    ("name", "code"),
    [("unconnected", "csp.unconnected"), ("shared", "csp.endpoint-shared"), ("emptyhanded", "type.bad-network")],
)
def test_a_network_that_cannot_run_is_refused_as_in_python(bound, name, code):
    refused = []
    for run in (getattr(programs, name), bound(name)):
        with pytest.raises(Refused) as caught:
            run(np.zeros(1, np.int64))
        refused.append(caught.value.diagnostic)
    meant, native = refused
    assert native.code == code
    assert (native.message, native.help, native.span.line) == (meant.message, meant.help, meant.span.line)


def test_a_name_is_given_to_one_channel_after_the_other(bound):
    (total, other), times = both(bound, "renamed", np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert (total[0], other[0]) == (3, 10)
    assert list(times.channels) == ["a", "a_2"]


@pytest.mark.parametrize(("first", "second", "line"), [(5, 17, 0), (9, 11, 2)])
def test_of_several_processes_that_fail_the_first_is_told(bound, first, second, line):
    lines = []
    for run in (programs.breaking, *[bound("breaking")] * 50):
        with pytest.raises(Refused) as caught:
            run(np.zeros(1, np.int64), first, second, 1)
        lines.append(caught.value.diagnostic.span.line)
    assert len(set(lines)) == 1
    assert lines[0] == inspect.getsourcelines(programs.breaks.python)[1] + 5 + line


def test_work_of_less_than_nothing_is_refused(bound):
    refused = []
    for run in (programs.closing, bound("closing")):
        with pytest.raises(Refused) as caught:
            run(np.zeros(1, np.int64), 0, -3)
        refused.append(caught.value.code)
    assert refused == ["run.bad-work", "run.bad-work"]


def test_a_gang_is_a_network(tmp_path):
    package = htp.compile_program(corpus.rows_squared_together, target="cpu", out=tmp_path / "package")
    x = np.arange(35, dtype=np.float32).reshape(5, 7) - 9
    y = np.empty_like(x)
    report = htp.bind(package).run(x, y)
    np.testing.assert_array_equal(y, x * x)
    # the second process works 3 cycles on each of 5 rows, and its last token is visible a cycle later
    assert report.simulated.makespan == 5 * 3 + 1
