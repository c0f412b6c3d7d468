"""The backend's own kernels: right for every size, and refused at the user's line where there is no C."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, f32, kernel, tile
from htp.testing import BackendConformance, BindingConformance, PluginConformance


@kernel
def blend(
    a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "M", "N"]], t: Scalar[f32], c: Out[Tensor[f32, "M", "N"]]
) -> None:
    for i in range(0, a.shape[0], 64):
        rows = a[i:i + 64, :]
        c[i:i + 64, :] = rows * t + tile.tanh(b[i:i + 64, :]) / 3.0


@kernel
def centre(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    y[:, :] = x - tile.mean(x, axis=1, keepdims=True)


@kernel
def shift(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    y[1:] = x[:-1]


class TestPlugin(PluginConformance):
    subject = "your-name"


class TestBackend(BackendConformance):
    subject = "your-name"
    programs = (blend,)


class TestBinding(BindingConformance):
    subject = "your-name"
    programs = (blend,)


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (64, 7), (200, 3)])
def test_agrees_with_numpy(tmp_path, shape):
    a, b = np.random.default_rng(1).standard_normal((2, *shape), np.float32)
    c = np.empty_like(a)
    htp.bind(htp.compile_program(blend, target="your-name", out=tmp_path / "blend"))(a, b, 0.25, c)
    np.testing.assert_allclose(c, a * np.float32(0.25) + np.tanh(b) / np.float32(3), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("program", "word"), [(centre, "tile.mean("), (shift, "max(")])
def test_what_has_no_c_is_refused_at_its_line(tmp_path, program, word):
    with pytest.raises(Refused) as caught:
        htp.compile_program(program, target="your-name", out=tmp_path / "never")
    assert caught.value.code == "your-name.not-elementwise"
    assert word in caught.value.diagnostic.message
    assert caught.value.diagnostic.span.line > program.place.line + 1
