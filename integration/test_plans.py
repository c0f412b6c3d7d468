"""Pins, forbids and written plans for the CPU, from Python and from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import htp
from htp import In, Out, Tensor, f32, kernel
from htp.compilation import captured
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.planner import find_plan, problem_for
from htp.session import current_session

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ["inline", "annotate", "normalize", "simplify", "cpu.parallelize", "cpu.loops", "cpu.vectorize(width=16)"]


@kernel
def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """`y = 2 x`."""
    y[:] = 2.0 * x[:]


def steps(package: htp.Package) -> list[str]:
    return [each["pass"] for each in json.loads((package.path / "plan.json").read_text())["steps"]]


def test_a_written_plan_is_run_with_its_options(tmp_path: Path) -> None:
    first = htp.compile_program(double, out=tmp_path / "first")
    assert steps(first) == STEPS
    plan = json.loads((first.path / "plan.json").read_text())
    plan["steps"][-1]["pass"] = "cpu.vectorize(width=8)"
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    narrow = htp.compile_program(double, out=tmp_path / "narrow", plan=tmp_path / "plan.json")
    assert steps(narrow) == [*STEPS[:-1], "cpu.vectorize(width=8)"]
    last = narrow.stages[-1].id
    assert "8)" in narrow.stage_text(last)
    assert ", 16)" not in narrow.stage_text(last)
    again = htp.compile_program(double, out=tmp_path / "again", plan=first.path)
    assert again.manifest.digest == first.manifest.digest
    x, y = np.arange(37, dtype=np.float32), np.zeros(37, np.float32)
    htp.bind(narrow)(x, y)
    np.testing.assert_array_equal(y, 2 * x)
    (first.path / "plan.json").write_text("{}")
    with pytest.raises(Refused) as caught:
        htp.plan(double, plan=first.path)
    assert caught.value.code == "artifact.altered-file"


def test_pins_and_forbids(tmp_path: Path) -> None:
    assert [str(each) for each in htp.plan(double, pins=["annotate"]).passes] == STEPS
    with pytest.raises(Refused) as caught:
        htp.plan(double, forbids=["simplify"])
    assert caught.value.code == "plan.no-provider"
    with pytest.raises(Refused) as caught:
        htp.compile_program(double, out=tmp_path / "none", pins=["simplfy"])
    assert caught.value.code == "plan.unknown-pass"
    assert not (tmp_path / "none").exists()
    with pytest.raises(Refused) as caught:
        htp.compile_program(double, target="cpu", out=tmp_path / "none", plan=tmp_path)
    assert caught.value.code == "plan.unreadable"


def test_the_command_line(tmp_path: Path) -> None:
    source = tmp_path / "double.py"
    source.write_text(
        "from htp import In, Out, Tensor, f32, kernel\n\n\n@kernel\n"
        'def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:\n    y[:] = 2.0 * x[:]\n'
    )

    def answer(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "htp", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert answer("compile", "double.py:double", "-o", "one", "--pin", "simplify").returncode == 0
    found = answer("plan", "double.py:double", "--plan", "one")
    assert found.returncode == 0
    assert [line.split()[-1] for line in found.stdout.splitlines()] == STEPS
    forbidden = answer("plan", "double.py:double", "--forbid", "simplify")
    assert forbidden.returncode == 3
    assert "plan.no-provider" in forbidden.stdout + forbidden.stderr


def test_a_typical_program_is_planned_in_five_milliseconds() -> None:
    session = current_session()
    environment = Environment.of("cpu", session)
    program = captured(double, session, {})
    took = []
    for _ in range(20):
        began = time.perf_counter()
        find_plan(problem_for(program, environment))
        took.append(time.perf_counter() - began)
    assert min(took) < 0.005
