"""Every network of the examples, as Python and as native processes, against its float64 reference and known times."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import ROOT
from network_programs import FLAGSHIPS, FOLDER, Flagship

import htp
from htp_dialect_csp import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.artifact import Package

RUN = """
import sys
import numpy as np
import htp
given = np.load(sys.argv[1])
arguments = [each for each in given.values()]
htp.bind(sys.argv[2])(*arguments)
np.save(sys.argv[1] + ".out", arguments[-1])
"""
by_flagship = pytest.mark.parametrize("flagship", FLAGSHIPS, ids=repr)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Flagship, str], Package]:
    """Compiles an entry of a file, once."""
    folder = tmp_path_factory.mktemp("networks")
    packages: dict[tuple[Flagship, str], Package] = {}

    def compile_once(flagship: Flagship, name: str) -> Package:
        if (flagship, name) not in packages:
            out = folder / f"{flagship!r}-{name}"
            packages[flagship, name] = htp.compile_program(flagship.definition(name), target="cpu", out=out)
        return packages[flagship, name]

    return compile_once


def test_every_file_is_tried() -> None:
    assert sorted(each.name for each in FOLDER.glob("*.py")) == sorted(each.file for each in FLAGSHIPS)


@by_flagship
def test_python_meaning_equals_numpy(flagship: Flagship) -> None:
    arguments, expected = flagship.arguments()
    flagship.definition(flagship.entry)(*arguments)
    flagship.check(arguments[-1], expected)


@by_flagship
def test_it_takes_the_cycles_that_its_costs_say(flagship: Flagship) -> None:
    times = simulate(flagship.definition(flagship.network), *flagship.part())
    if flagship.file != "serving.py":
        assert times.makespan == flagship.module.MAKESPAN
        return
    # Lengths 1, 17 and 33 to 200 in pairs: no decoder works longer than for all of its requests one by one.
    _, _, lengths, _ = flagship.part()
    tiers = [lengths[lengths <= 32], lengths[(lengths > 32) & (lengths <= 128)], lengths[lengths > 128]]
    for k, tier in enumerate(tiers):
        pairs = [tier[i : i + 2].max() for i in range(0, len(tier), 2)]
        assert times.processes[f"decode{k}"].busy == sum(pairs)
    assert times.processes["admit"].busy == len(lengths)


@by_flagship
def test_native_processes_equal_numpy_with_one_thread_and_with_two(built, flagship, tmp_path) -> None:
    arguments, expected = flagship.arguments(seed=1)
    place = built(flagship, flagship.entry).path
    results: list[np.ndarray] = []
    for threads in (1, 2):
        np.savez(tmp_path / f"{threads}.npz", *arguments)
        subprocess.run(
            [sys.executable, "-c", RUN, f"{threads}.npz", str(place)],
            check=True, cwd=tmp_path, env={**os.environ, "HTP_NUM_THREADS": str(threads)},
        )  # fmt: skip
        results.append(np.load(tmp_path / f"{threads}.npz.out.npy"))
    for got in results:
        flagship.check(got, expected)
        assert got.tobytes() == results[0].tobytes()


@by_flagship
def test_native_times_equal_those_in_python(built, flagship) -> None:
    arguments = flagship.part()
    meant = simulate(flagship.definition(flagship.network), *copy.deepcopy(arguments))
    report = htp.bind(built(flagship, flagship.network)).run(*arguments)
    assert report.simulated is not None
    assert report.simulated.makespan == meant.makespan
    assert report.simulated.processes == meant.processes
    assert report.simulated.channels == meant.channels


@by_flagship
def test_the_file_runs_as_a_script(flagship: Flagship) -> None:
    said = subprocess.run(
        [sys.executable, str(FOLDER / flagship.file)], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert f"{getattr(flagship.module, 'MAKESPAN', '')} cycles" in said
