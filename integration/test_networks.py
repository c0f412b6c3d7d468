"""Every network of the examples, as Python and as native processes, against its float64 reference and known times."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import ROOT
from network_programs import FLAGSHIPS, FOLDER, Flagship

import htp
from htp import views
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
    demos = ROOT / "packages" / "htp-dialect-csp" / "src" / "htp_dialect_csp" / "demos"
    assert (FOLDER / flagship.file).read_text() == (demos / flagship.file).read_text(), "the demo runs the example"


def test_the_demo_says_what_it_ran_and_lets_no_wrong_result_pass(tmp_path, monkeypatch) -> None:
    from htp_dialect_csp import demo

    assert len(demo.programs()) == len(FLAGSHIPS)
    (squares,) = [each for each in demo.programs() if each.name == "load, square, store"]
    monkeypatch.setattr(demo, "programs", lambda: [squares])
    text = demo.run(tmp_path)
    assert "load, square, store, 64 x 64 f32\n" in text
    assert "  network   3 processes, 2 channels, 23 cycles, of which square works 20\n" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "load -> a -> square Tile[f32, 16, 64] 2 0 2 0 2" in lines
    assert "square -> b -> store Tile[f32, 16, 64] 2 0 1 0 19" in lines
    for name in ("load-square-store.svg", "load-square-store.timeline.svg"):
        assert (tmp_path / name).read_text().startswith("<svg")
    events = json.loads((tmp_path / "load-square-store.trace.json").read_bytes())["traceEvents"]
    assert sum(each["ph"] == "f" for each in events) == 8, "an arrow for every token"
    wrong = replace(squares, expected=squares.expected + 1e-3)
    monkeypatch.setattr(demo, "programs", lambda: [wrong])
    with pytest.raises(htp.Bug, match=r"load, square, store: the error is 1\.0e-03"):
        demo.run(tmp_path)


@by_flagship
def test_what_is_declared_is_what_runs(built, flagship) -> None:
    package = built(flagship, flagship.entry)
    arguments, _ = flagship.arguments()
    found = htp.bind(package).run(*arguments).simulated
    assert found is not None
    (network,) = views.networks_of(package)
    assert [each.name for each in network.processes] == list(found.processes)
    assert [(each.name, each.sender, each.receiver) for each in network.channels] == [
        (name, each.sender, each.receiver) for name, each in found.channels.items()
    ]
    assert [(each.capacity, each.latency, each.response, each.initial) for each in network.channels] == [
        (str(each.capacity), str(each.latency), str(each.response), each.initial) for each in found.channels.values()
    ]
    for run in found.processes.values():
        assert run.busy + sum(each.end - each.start for each in run.waits) == run.end
