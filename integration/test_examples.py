"""Every example, as Python and as native code, against its own NumPy reference in float64."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from example_programs import EXAMPLES, ROOT, TOLERANCE, Example, distance

import htp

CASES = [(each, sizes) for each in EXAMPLES for sizes in each.sizes]
IDS = [f"{each}-{'-'.join(f'{name}{size}' for name, size in sizes.items())}" for each, sizes in CASES]


@pytest.mark.parametrize(("example", "sizes"), CASES, ids=IDS)
def test_python_meaning_equals_numpy(example: Example, sizes: dict[str, int]) -> None:
    case = example.case(sizes)
    example.definition(*case.arguments)
    (got,) = case.outputs
    assert distance(got, example.expected(case)) <= TOLERANCE


@pytest.mark.parametrize(("example", "sizes"), CASES, ids=IDS)
def test_native_code_equals_numpy_at_every_size_of_one_compile(compiled, example, sizes) -> None:
    run = htp.bind(compiled(example))
    case = example.case(sizes, seed=1)
    inputs = [each.copy() for each in case.arguments if isinstance(each, np.ndarray)]
    assert run(*case.arguments) is None
    (got,) = case.outputs
    assert distance(got, example.expected(case)) <= TOLERANCE
    kept = [each for each in case.arguments if isinstance(each, np.ndarray)]
    for index, (before, after) in enumerate(zip(inputs[:-1], kept[:-1], strict=True)):
        assert before.tobytes() == after.tobytes(), f"input {index} was changed"


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_arguments_by_name(compiled, example) -> None:
    run = htp.bind(compiled(example))
    case = example.case(example.small)
    run(**{param.name: value for param, value in zip(example.definition.params, case.arguments, strict=True)})
    (got,) = case.outputs
    assert distance(got, example.expected(case)) <= TOLERANCE


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_nan_reaches_the_result_and_nothing_else(compiled, example) -> None:
    run = htp.bind(compiled(example))
    case = example.case(example.small)
    case.arguments[0].flat[0] = np.nan
    python = case.fresh()
    run(*case.arguments)
    example.definition(*python.arguments)
    (got,), (meant,) = case.outputs, python.outputs
    assert np.isnan(meant).any()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(meant))


def test_sizes_fixed_at_compile_time(tmp_path) -> None:
    (gemm,) = [each for each in EXAMPLES if each.entry == "gemm"]
    package = htp.compile_program(gemm.definition, target="cpu", out=tmp_path / "gemm", dims={"N": 96, "K": 64})
    run = htp.bind(package)
    case = gemm.case({"M": 70, "N": 96, "K": 64})
    run(*case.arguments)
    (got,) = case.outputs
    assert distance(got, gemm.expected(case)) <= TOLERANCE
    with pytest.raises(htp.Refused) as refused:
        run(*gemm.case({"M": 70, "N": 97, "K": 64}).arguments)
    assert refused.value.code == "run.shape-mismatch"


def test_sizes_that_disagree_are_refused_by_name(compiled) -> None:
    (softmax,) = [each for each in EXAMPLES if each.entry == "softmax"]
    run = htp.bind(compiled(softmax))
    x, y = np.zeros((4, 5), np.float32), np.full((4, 6), np.nan, np.float32)
    with pytest.raises(htp.Refused) as refused:
        run(x, y)
    assert refused.value.code == "run.dim-mismatch"
    assert "N is 5 by axis 1 of x but 6 by axis 1 of y" in str(refused.value)
    assert np.isnan(y).all()


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_file_runs_as_a_script(example) -> None:
    done = subprocess.run(
        [sys.executable, str(example.path)], capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert "largest error" in done.stdout
    assert float(done.stdout.rsplit(" ", 1)[1]) <= 1e-5


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        *(("cpu", each) for each in ("softmax", "rmsnorm", "gemm", "attention")),
        *(("pto", each) for each in ("softmax", "rmsnorm", "gemm")),
    ],
)
def test_the_demo_runs_the_example(backend: str, name: str) -> None:
    demos = ROOT / "packages" / f"htp-backend-{backend}" / "src" / f"htp_backend_{backend}" / "demos"
    assert (ROOT / "examples" / f"{name}.py").read_text() == (demos / f"{name}.py").read_text()
