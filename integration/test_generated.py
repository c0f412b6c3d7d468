"""Random programs keep the laws: every stage, and the native code, means what the program means."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from generated import generated_program, mutated_program

import htp
from htp.diagnostics import Refused
from htp.tools.load import load_definition

SIZES = ((0, 5), (1, 1), (5, 16), (7, 17), (19, 33), (16, 3))
PROGRAMS = int(os.environ.get("HTP_FUZZ_PROGRAMS", "60"))
MUTANTS = int(os.environ.get("HTP_FUZZ_MUTANTS", "120"))
BATCH = 20


def definition(text: str, folder: Path, name: str):
    path = folder / f"{name}.py"
    path.write_text(text)
    return load_definition(f"{path}:generated")


def arrays(seed: int, size: tuple[int, int]) -> tuple[list[object], list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    m, n = size
    inputs = [rng.standard_normal(each).astype(np.float32) for each in ((m, n), (m, n), (n,))]
    outputs = [np.full(each, np.nan, np.float32) for each in ((m, n), (m,))]
    return [*inputs, 0.375, int(rng.integers(0, 5))], outputs


def stage_function(package: htp.Package, stage: str):
    scope: dict[str, object] = {"__name__": "stage"}
    exec(compile(package.stage_text(stage), f"{stage}/program.py", "exec"), scope)
    return scope[package.manifest.entry]


def agree(expected: list[np.ndarray], found: list[np.ndarray], what: str) -> None:
    for one, two in zip(expected, found, strict=True):
        np.testing.assert_allclose(two, one, rtol=3e-4, atol=3e-5, err_msg=what)


@pytest.mark.parametrize("batch", range(0, PROGRAMS, BATCH))
def test_every_stage_means_the_program(batch: int, tmp_path: Path) -> None:
    for seed in range(batch, batch + BATCH):
        program = definition(generated_program(seed), tmp_path, f"program_{seed}")
        package = htp.compile_program(program, target="cpu", out=tmp_path / f"package_{seed}")
        size = random.Random(seed).choice(SIZES)
        inputs, expected = arrays(seed, size)
        with np.errstate(all="ignore"):
            program(*inputs, *expected)
            for stage in package.stages:
                _, found = arrays(seed, size)
                stage_function(package, stage.id)(*inputs, *found)
                agree(expected, found, f"seed {seed}, stage {stage.id}, size {size}")


@pytest.mark.parametrize("seed", range(0, PROGRAMS, 12))
def test_native_code_means_the_program(seed: int, tmp_path: Path) -> None:
    program = definition(generated_program(seed), tmp_path, f"native_{seed}")
    executable = htp.bind(htp.compile_program(program, target="cpu", out=tmp_path / "package"))
    for size in SIZES:
        inputs, expected = arrays(seed, size)
        _, found = arrays(seed, size)
        with np.errstate(all="ignore"):
            program(*inputs, *expected)
        executable(*inputs, *found)
        agree(expected, found, f"seed {seed}, native, size {size}")


@pytest.mark.parametrize("batch", range(0, MUTANTS, BATCH))
def test_mutants_are_refused_by_code_or_right(batch: int, tmp_path: Path) -> None:
    for seed in range(batch, batch + BATCH):
        text = mutated_program(seed)
        try:
            program = definition(text, tmp_path, f"mutant_{seed}")
            package = htp.compile_program(program, target="cpu", out=tmp_path / f"package_{seed}")
        except Refused as refusal:
            check_refusal(refusal, text)
            continue
        last = stage_function(package, package.stages[-1].id)
        for size in ((0, 5), (5, 16), (7, 17)):
            inputs, expected = arrays(seed, size)
            _, found = arrays(seed, size)
            with np.errstate(all="ignore"):
                assert outcome(program, inputs, expected) == outcome(last, inputs, found), text
            agree(expected, found, f"mutant {seed}, size {size}\n{text}")


def check_refusal(refusal: Refused, text: str) -> None:
    """A refusal has a code of an owner and says something."""
    assert refusal.code.count(".") == 1, text
    assert refusal.diagnostic.message, text


def outcome(function, inputs: list[object], outputs: list[np.ndarray]) -> str:
    """Whether the run was refused with a code, or ran."""
    try:
        function(*inputs, *outputs)
    except Refused as refusal:
        return f"refused, {bool(refusal.code)}"
    return "ran"
