"""Networks compiled for the CPU: the same values and times as in Python."""

import copy

import numpy as np
import pytest
from small_networks import CASES, failing, greed, greedy, matrix, rounds, squares, twice

import htp
from htp_dialect_csp import simulate

pytest.importorskip("htp_backend_cpu")


@pytest.mark.parametrize("name", CASES)
def test_native_processes_give_the_same_values_and_times(name, tmp_path):
    network, arguments = CASES[name]
    expected = arguments()
    times = simulate(network, *expected)
    run = htp.bind(htp.compile_program(network, target="cpu", out=tmp_path / "package"))
    for _ in range(3):
        found = copy.deepcopy(arguments())
        report = run.run(*found)
        for got, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
        assert report.simulated == times


def test_a_routine_runs_networks_and_reports_each(tmp_path):
    run = htp.bind(htp.compile_program(twice, target="cpu", out=tmp_path / "package"))
    x = matrix(8)
    y = np.zeros_like(x)
    times = simulate(squares, x, np.zeros_like(x))
    found = run.run(x, y).simulated
    np.testing.assert_array_equal(y, (x * x) * (x * x))
    (earlier,) = found.earlier
    assert (earlier.start, earlier.makespan, found.makespan) == (0, times.makespan, 2 * times.makespan)
    assert found.start == times.makespan
    assert earlier.processes == found.processes == times.processes
    assert earlier.channels == found.channels == times.channels


def test_networks_run_in_loops_and_branches(tmp_path):
    run = htp.bind(htp.compile_program(rounds, target="cpu", out=tmp_path / "package"))
    expected, given = ([matrix(8), np.zeros((8, 8), np.float32), 3] for _ in range(2))
    rounds(*expected)
    found = run.run(*given).simulated
    for got, wanted in zip(given, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    one = simulate(squares, matrix(8), np.zeros((8, 8), np.float32)).makespan
    assert found.networks == 5
    assert found.makespan == 5 * one + 3 * 7
    assert [each.start for each in found.earlier] == [0, one + 7, 2 * one + 14, 3 * one + 14]


def test_a_token_that_is_not_there_is_refused_where_python_refuses_it(tmp_path):
    run = htp.bind(htp.compile_program(greed, target="cpu", out=tmp_path / "package"))
    found = []
    for each in (greed, run, run):
        y = np.full(4, -1, np.int32)
        with pytest.raises(htp.Refused) as caught:
            each(y)
        assert y.tolist() == [0, 1, -1, -1]
        found.append(caught.value.diagnostic)
    assert {each.code for each in found} == {"csp.no-token"}
    assert {each.help for each in found} == {("ask before: `if x is not EOS:`, or receive with `for x in channel`",)}
    assert {each.span.line for each in found} == {greedy.python.__code__.co_firstlineno + 6}
    assert "`got` in 'greedy' is used as a token of 'inp'" in found[1].message


@pytest.mark.parametrize(("first", "second"), [(5, 9), (9, 3)])
def test_of_several_processes_that_fail_the_first_is_told(first, second, tmp_path):
    run = htp.bind(htp.compile_program(failing, target="cpu", out=tmp_path / "package"))
    lines = set()
    for each in (failing, *[run] * 30):
        with pytest.raises(htp.Refused) as caught:
            each(first, second)
        assert caught.value.code == "run.assertion-failed"
        lines.add(caught.value.diagnostic.span.line)
    assert len(lines) == 1
