"""The intrinsics: what they mean, and that a compiled program computes it."""

import numpy as np
import pytest

import htp
from htp import In, Out, Tensor, f32, kernel
from htp.testing import IntrinsicConformance, PluginConformance
from htp_intrinsics_your_name import your_name


@kernel
def activate(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    for i in range(0, x.shape[0], 8):
        rows = x[i:i + 8, :]
        y[i:i + 8, :] = your_name.leaky(rows - your_name.rowmax(rows) + 1.0, slope=0.5)


class TestPlugin(PluginConformance):
    subject = "your-name"


class TestRowmax(IntrinsicConformance):
    subject = "your_name.rowmax"


class TestLeaky(IntrinsicConformance):
    subject = "your_name.leaky"


@pytest.mark.parametrize("shape", [(1, 1), (8, 5), (21, 3)])
def test_python_and_native_code_agree_with_numpy(tmp_path, shape):
    x = np.random.default_rng(1).standard_normal(shape, np.float32)
    shifted = x - x.max(axis=1, keepdims=True) + np.float32(1)
    expected = np.where(shifted > 0, shifted, shifted * np.float32(0.5))
    activate(x, python := np.empty_like(x))
    np.testing.assert_allclose(python, expected, rtol=1e-6)
    htp.bind(htp.compile_program(activate, target="cpu", out=tmp_path / "activate"))(x, native := np.empty_like(x))
    np.testing.assert_allclose(native, expected, rtol=1e-5)
