"""Every workload of the examples, as Python and as native tasks under every schedule, against its float64 reference."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import ROOT
from workload_programs import FLAGSHIPS, FOLDER, Flagship

import htp

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.artifact import Package

RUN = """
import sys
import numpy as np
import htp
given = np.load(sys.argv[1])
for package in sys.argv[2:]:
    arguments = [each if each.ndim else each.item() for each in given.values()]
    htp.bind(package)(*arguments)
    np.save(f"{package}-{sys.argv[1]}.npy", arguments[-1])
"""
by_flagship = pytest.mark.parametrize("flagship", FLAGSHIPS, ids=repr)
by_built = pytest.mark.parametrize("flagship", [each for each in FLAGSHIPS if each.built_under], ids=repr)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Flagship, str], Package]:
    """Compiles a workload under one of its schedules, once."""
    folder = tmp_path_factory.mktemp("workloads")
    packages: dict[tuple[Flagship, str], Package] = {}

    def compile_once(flagship: Flagship, name: str | None = None) -> Package:
        name = flagship.built_under[0] if name is None else name
        if (flagship, name) not in packages:
            packages[flagship, name] = htp.compile_program(
                flagship.definition, target="cpu", schedule=flagship.schedule(name),
                out=folder / f"{flagship.entry}-{name}",
            )  # fmt: skip
        return packages[flagship, name]

    return compile_once


@by_flagship
def test_python_meaning_equals_numpy(flagship: Flagship) -> None:
    arguments, expected = flagship.arguments()
    flagship.definition(*arguments)
    flagship.check(arguments[-1], expected)


@by_built
def test_native_tasks_equal_numpy_under_every_schedule_with_one_thread_and_with_two(built, flagship, tmp_path) -> None:
    arguments, expected = flagship.arguments(seed=1)
    names = flagship.built_under
    places = [built(flagship, name).path for name in names]
    results: dict[tuple[str, int], np.ndarray] = {}
    for threads in (1, 2):
        np.savez(tmp_path / f"{threads}.npz", *arguments)
        subprocess.run(
            [sys.executable, "-c", RUN, f"{threads}.npz", *map(str, places)],
            check=True, cwd=tmp_path, env={**os.environ, "HTP_NUM_THREADS": str(threads)},
        )  # fmt: skip
        for name, place in zip(names, places, strict=True):
            results[name, threads] = np.load(f"{place}-{threads}.npz.npy")
    for (name, threads), got in results.items():
        flagship.check(got, expected)
        if name not in flagship.reassociates:
            assert got.tobytes() == results[names[0], 1].tobytes(), f"{name or 'no schedule'} with {threads} threads"
        assert got.tobytes() == results[name, 1].tobytes(), f"{name} with {threads} threads"


@by_built
def test_the_tasks_are_those_the_loops_say(built, flagship) -> None:
    arguments, _ = flagship.arguments()
    report = htp.bind(built(flagship)).run(*arguments, trace=True)
    meant = dict(flagship.tasks)
    if flagship.entry == "moe":  # tiles of 16 rows, by a count of the reference's choices
        x, router = (each.astype(np.float64) for each in arguments[:2])
        chosen = np.argsort(-(x @ router), axis=1, kind="stable")[:, :2]
        meant["feed_forward"] = sum(-(-int(count) // 16) for count in np.bincount(chosen.ravel()))
    assert report.tasks.tasks == sum(meant.values())
    assert Counter(each.kernel for each in report.graph.tasks) == meant


@pytest.mark.parametrize("file", sorted(each.name for each in FOLDER.glob("*.py")))
def test_file_runs_as_a_script(file: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / file)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()
    assert file in {each.file for each in FLAGSHIPS}
    for line in done.stdout.splitlines():
        assert float(line.rsplit(" ", 1)[1]) <= 4e-3
    demos = ROOT / "packages" / "htp-dialect-wsp" / "src" / "htp_dialect_wsp" / "demos"
    assert (FOLDER / file).read_text() == (demos / file).read_text(), "the demo runs the example"


def test_every_schedule_of_the_files_is_tried() -> None:
    from htp_dialect_wsp.schedules import ScheduleDefinition

    for file in {each.file for each in FLAGSHIPS}:
        flagships = [each for each in FLAGSHIPS if each.file == file]
        found = {name for name, each in vars(flagships[0].module).items() if isinstance(each, ScheduleDefinition)}
        assert found == {name for each in flagships for name in each.schedules}


@pytest.mark.parametrize("lengths", [(17, 64, 130, 256, 1, 511, 33, 200), (1,), (700, 3, 16, 64, 65), (16,) * 40])
def test_another_batch_is_other_data_for_the_same_package(built, lengths) -> None:
    (flagship,) = [each for each in FLAGSHIPS if each.entry == "paged_decode"]
    run = htp.bind(built(flagship))
    arguments, expected = flagship.arguments(seed=len(lengths), lengths=lengths)
    run(*arguments)
    flagship.check(arguments[-1], expected)


@pytest.mark.parametrize(
    ("argument", "position", "value"),
    [
        ("page_indptr", 0, 1), ("page_indptr", 3, 0), ("page_indptr", -1, 500), ("page_indices", 5, -1),
        ("pieces", 2, -1),
    ],
)  # fmt: skip
def test_a_damaged_page_table_is_refused_before_any_task(built, argument, position, value) -> None:
    (flagship,) = [each for each in FLAGSHIPS if each.entry == "paged_decode"]
    run = htp.bind(built(flagship))
    arguments, expected = flagship.arguments()
    damaged = dict(zip((each.name for each in flagship.definition.params), arguments, strict=True))
    damaged[argument] = damaged[argument].copy()
    damaged[argument][position] = value
    with pytest.raises(htp.Refused) as refused:
        run(**damaged)
    assert refused.value.code == "wsp.axis-data"
    assert np.isnan(arguments[-1]).all()
    run(*arguments)
    flagship.check(arguments[-1], expected)


def test_the_demo_says_what_it_ran_and_lets_no_wrong_result_pass(tmp_path, monkeypatch) -> None:
    from htp_dialect_wsp import demo

    (softmax,) = [each for each in demo.programs() if each.name == "vocabulary softmax"]
    monkeypatch.setattr(demo, "programs", lambda: [softmax])
    text = demo.run(tmp_path)
    assert "softmax, 32 x 2048 f32, schedule by_rows" in text
    assert re.search(r"260 on 4 workers, [1-9][0-9]* dependences: 4 start, 128 include, 128 scale", text)
    wrong = replace(softmax, reference=lambda *inputs: softmax.reference(*inputs) + 1e-3)
    monkeypatch.setattr(demo, "programs", lambda: [wrong])
    with pytest.raises(htp.Bug, match=r"vocabulary softmax: the error is 1\.0e-03"):
        demo.run(tmp_path)


@pytest.mark.parametrize("favoured", [(0, 1), (6, 7), (3, 0)])
def test_experts_without_tokens_have_no_tasks(built, favoured) -> None:
    (flagship,) = [each for each in FLAGSHIPS if each.entry == "moe"]
    x, router, *weights = flagship.module.inputs(seed=5)
    x = np.abs(x)  # so that a column of ones in the router draws every token
    router = -np.abs(router)
    for expert in favoured:
        router[:, expert] = 1.0 / 16
    router[0, favoured[0]] += 1.0
    arguments = [x, router, *weights, np.full(x.shape, np.nan, np.float16)]
    report = htp.bind(built(flagship)).run(*arguments, trace=True)
    np.testing.assert_allclose(
        arguments[-1], flagship.module.golden(x, router, *weights), atol=4 * flagship.module.TOLERANCE
    )
    assert Counter(each.kernel for each in report.graph.tasks)["feed_forward"] == 2 * 64 // 16
