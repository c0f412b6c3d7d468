"""Networks compiled for the CPU: the same values and times as in Python."""

import copy

import numpy as np
import pytest
from small_networks import CASES, matrix, twice

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


def test_a_routine_runs_networks(tmp_path):
    run = htp.bind(htp.compile_program(twice, target="cpu", out=tmp_path / "package"))
    x = matrix(8)
    y = np.zeros_like(x)
    run(x, y)
    np.testing.assert_array_equal(y, (x * x) * (x * x))
