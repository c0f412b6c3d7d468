"""The stand-in against pto-runtime's simulator, where there is a checkout; the random programs against NumPy always."""

import numpy as np
import pytest
import random_programs
from differential import RUNTIMES, compared, error, ran, random_batches
from differential_programs import CASES, SINGLE

import htp
from htp import Refused
from htp_backend_pto.binding.runtime import checkout


@pytest.fixture
def real():
    """Skips where pto-runtime is not there."""
    try:
        checkout()
    except Refused as refused:
        pytest.skip(f"{refused.diagnostic.message}: build a checkout and set HTP_PTO_RUNTIME_ROOT to it")


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("name", CASES)
def test_programs(name, tmp_path):
    for row in compared(name, tmp_path):
        assert row.problems == [], str(row)


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("number", range(5))
def test_random_programs(number, tmp_path):
    _, _, run = list(random_batches(10, 0))[number]
    for row in run(tmp_path):
        assert row.problems == [], str(row)


@pytest.mark.parametrize("made", [random_programs.batch(0, 4), random_programs.stages(0)], ids=lambda made: made.name)
def test_random_programs_are_right_on_the_stand_in(made, tmp_path):
    package = htp.compile_program(made.definition, target="pto:a2a3sim", out=tmp_path / "package")
    sides = [ran(package, toolchains[0], made.inputs, made.outputs) for toolchains in RUNTIMES.values()]
    for side in sides:
        assert side.notes == ()
        for found, expected in zip(side.results, made.expected, strict=True):
            assert error(found, expected) <= SINGLE
    assert sides[0].tasks == sides[1].tasks
    assert sides[0].edges == sides[1].edges


def test_errors_are_relative_to_the_largest_number():
    expected = np.array([4.0, -0.5])
    assert error(np.array([4.0, -0.5]), expected) == 0.0
    assert error(np.array([4.0, -0.25]), expected) == 0.0625
    assert not error(np.array([np.nan, -0.5]), expected) <= 1.0
    assert error(np.array([np.nan, np.inf]), np.array([np.nan, np.inf])) == 0.0
