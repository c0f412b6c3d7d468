"""Slots that kernels read, on the stand-in against NumPy: the entry hands their values on, for every run anew."""

import numpy as np
import pytest
from pto_stages import code, stages

import htp
from htp import In, Out, Slot, Tensor, f16, f32, i32, kernel, routine

TARGET = "pto:a2a3sim"
GAIN = Slot(f32, 0.5)
LIFT = Slot(f16, 1.0)
TIMES = Slot(i32, 2)


@kernel
def raised(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        t = x[i:i + 16, :]
        for _ in range(TIMES.value):
            t = t * GAIN.value + LIFT.value
        y[i:i + 16, :] = t * TIMES.value


@kernel
def row(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, 1, 64]]) -> None:
    assert 0 <= TIMES.value < x.shape[0]
    y[:, :] = x[TIMES.value:TIMES.value + 1, :]


@routine
def both(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]], z: Out[Tensor[f32, 1, 64]]) -> None:
    raised(x, y)
    row(y, z)


@pytest.fixture(autouse=True)
def values():
    before = GAIN.value, LIFT.value, TIMES.value
    yield
    GAIN.value, LIFT.value, TIMES.value = before


@pytest.mark.parametrize("entry", [raised, both])
def test_a_kernel_reads_what_slots_hold_at_each_run(tmp_path, entry):
    run = htp.bind(htp.compile_program(entry, target=TARGET, out=tmp_path))
    x = np.random.default_rng(2).standard_normal((20, 64)).astype(np.float32)
    for GAIN.value, LIFT.value, TIMES.value in ((0.5, 1.0, 2), (-2.0, 0.25, 3)):
        y, z = np.zeros_like(x), np.zeros((1, 64), np.float32)
        run(*((x, y) if entry is raised else (x, y, z)))
        want = x
        for _ in range(TIMES.value):
            want = want * np.float32(GAIN.value) + np.float32(LIFT.value)
        want = want * np.float32(TIMES.value)
        np.testing.assert_allclose(y, want, rtol=1e-6, atol=1e-6)
        if entry is both:
            np.testing.assert_array_equal(z, y[TIMES.value:TIMES.value + 1])


def test_kernels_take_slots_as_parameters():
    text = code(stages(both)["pto.split"], "both")
    assert "value_of_GAIN: f64 = GAIN.value" in text
    assert ".value" not in code(stages(both)["pto.split"], "raised")
