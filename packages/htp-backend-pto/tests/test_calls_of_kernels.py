"""Kernels that are called: what they check is checked by the orchestration, and what they do not use is not passed."""

import numpy as np
import pytest
from pto_stages import body, code, run, stages

import htp
from htp import In, Out, Refused, Scalar, Tensor, f32, i32, kernel, routine


@kernel
def from_row(x: In[Tensor[f32, "m", 64]], k: Scalar[i32], y: Out[Tensor[f32, 16, 64]]) -> None:
    """Twice sixteen rows of `x`."""
    assert k >= 0
    assert k + 16 <= x.shape[0]
    y[:, :] = x[k : k + 16, :] * 2.0


@routine
def twice(x: In[Tensor[f32, "M", 64]], k: Scalar[i32], y: Out[Tensor[f32, 32, 64]]) -> None:
    """The rows from `k`, and those from the one behind it."""
    from_row(x, k, y[:16])
    from_row(x, k + 1, y[16:32])


@kernel
def calls(x: In[Tensor[f32, 40, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    """A kernel that calls it."""
    from_row(x, 3, y)


@kernel
def second(
    a: In[Tensor[f32, "m", 64]], b: In[Tensor[f32, "m", 64]], c: Scalar[f32], y: Out[Tensor[f32, "m", 64]]
) -> None:
    """Of `a` only the size counts, and `c` not at all."""
    for i in range(0, y.shape[0], 16):
        y[i : i + 16, :] = b[i : i + 16, :]


@routine
def passes_all(a: In[Tensor[f32, "M", 64]], b: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    """Gives it everything."""
    second(a, b, 2.0, y)


X = np.arange(40 * 64, dtype="f4").reshape(40, 64)


def test_assertions_of_a_called_kernel_are_the_orchestrations(tmp_path):
    htp.compile_program(twice, target="pto:a2a3sim", out=str(tmp_path / "package"))
    made = htp.bind(htp.artifact.open_package(tmp_path / "package"), mode="sim")
    y = np.empty((32, 64), "f4")
    made(X, 5, y)
    np.testing.assert_array_equal(y, np.concatenate([X[5:21], X[6:22]]) * 2)
    for k, line in ((-1, 14), (24, 15)):
        with pytest.raises(Refused) as refused:
            made(X, k, y)
        assert refused.value.code == "run.assertion-failed"
        assert refused.value.diagnostic.span is not None
        assert refused.value.diagnostic.span.line == line


def test_a_kernel_may_call_one_that_asserts():
    found = stages(calls, last="pto.split")["pto.split"]
    assert all("assert" not in line for each in ("calls", "from_row") for line in _kernel_lines(found, each))
    (_, y) = run(found, X, np.empty((16, 64), "f4"))
    np.testing.assert_array_equal(y, X[3:19] * 2)


def _kernel_lines(program, start):
    return [
        line for each in program.functions if each.kind == "kernel" and each.name.startswith(start)
        for line in body(program, each.name)
    ]  # fmt: skip


def test_inputs_that_a_kernel_does_not_use_are_not_passed():
    found = stages(passes_all, last="pto.split")["pto.split"]
    assert [each.name for each in found.function("second").params] == ["a", "b", "y"]
    assert body(found, "passes_all")[-1] == "second(a, b, y)"


def test_zeros_need_nothing_but_what_they_are_stored_to():
    from test_quality import gemm

    text = code(stages(gemm, last="pto.split")["pto.split"], "gemm_0_zeros")
    assert text.splitlines()[1] == 'def gemm_0_zeros(c: Out[Tensor[f32, "m", "n"]]) -> None:'
