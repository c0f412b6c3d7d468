"""Scalar parameters of narrow floats: rounded once where they enter, then numbers like any other, natively too."""

import numpy as np
import pytest

import htp
from htp import In, Out, Scalar, Tensor, bf16, f8e4m3, f8e5m2, f16, f32, kernel, routine, tile
from htp.types import numpy_dtype


@kernel
def add_f16(x: In[Tensor[f16, "N"]], b: Scalar[f16], y: Out[Tensor[f16, "N"]]) -> None:
    y[:] = x[:] + b


@kernel
def add_bf16(x: In[Tensor[bf16, "N"]], b: Scalar[bf16], y: Out[Tensor[bf16, "N"]]) -> None:
    y[:] = x[:] + b


@kernel
def add_f8e4m3(x: In[Tensor[f8e4m3, "N"]], b: Scalar[f8e4m3], y: Out[Tensor[f8e4m3, "N"]]) -> None:
    y[:] = x[:] + b


@kernel
def add_f8e5m2(x: In[Tensor[f8e5m2, "N"]], b: Scalar[f8e5m2], y: Out[Tensor[f8e5m2, "N"]]) -> None:
    y[:] = x[:] + b


@kernel
def add_wide(x: In[Tensor[f32, "N"]], b: Scalar[f16], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:] + b * 3


@routine
def passes_on(x: In[Tensor[f16, "N"]], b: Scalar[f16], y: Out[Tensor[f16, "N"]]) -> None:
    add_f16(x, b * 0.3, y)


# 1 + 2**-11 lies halfway between two f16; a rounding to f32 on the way would lose what lies above it.
VALUES = (0.1, 1 + 2**-11 + 1e-9, 1.1250000001, -0.3, 1e-9, float("inf"))


@pytest.mark.parametrize(
    ("program", "dtype", "scalar", "factors"),
    [
        (add_f16, f16, f16, ()),
        (add_bf16, bf16, bf16, ()),
        (add_f8e4m3, f8e4m3, f8e4m3, ()),
        (add_f8e5m2, f8e5m2, f8e5m2, ()),
        (add_wide, f32, f16, (3,)),
        (passes_on, f16, f16, (0.3,)),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_narrow_scalar_is_rounded_once(tmp_path, program, dtype, scalar, factors):
    native = htp.bind(htp.compile_program(program, target="cpu", out=tmp_path / "package"))
    wide, narrow = numpy_dtype(dtype), numpy_dtype(scalar)
    x = np.linspace(-3, 3, 40).astype(wide)
    for value in VALUES:
        number = float(np.float64(value).astype(narrow))
        for factor in factors:
            number *= factor
        expected = x + np.float64(number).astype(wide)
        for call in (program, native):
            y = np.zeros_like(x)
            call(x, value, y)
            np.testing.assert_array_equal(y.astype(np.float64), expected.astype(np.float64), err_msg=f"{value}")


@kernel
def doubled_elements(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for j in range(x.shape[0]):
        y[j] = 2.0 * tile.item(x[j])


def test_a_number_read_from_an_array_is_stored(tmp_path):
    x = np.array([1.5, -2.0, 0.25], np.float32)
    run = htp.bind(htp.compile_program(doubled_elements, out=tmp_path / "doubled"))
    run(x, y := np.empty_like(x))
    assert y.tolist() == [3.0, -4.0, 0.5]
