"""Numbers in programs: narrow ones rounded once where they enter, those read from arrays, those that loops change."""

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Scalar, Tensor, bf16, empty, f8e4m3, f8e5m2, f16, f32, i64, kernel, routine, tile
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


@kernel
def halved_elements(x: In[Tensor[f16, "N"]], y: Out[Tensor[f16, "N"]]) -> None:
    for j in range(x.shape[0]):
        half = 0.5 * tile.item(x[j])
        y[j] = half


def test_a_narrow_number_is_read_from_an_array(tmp_path):
    x = np.array([1.5, -2.0, 0.25], np.float16)
    run = htp.bind(htp.compile_program(halved_elements, out=tmp_path / "halved"))
    run(x, y := np.empty_like(x))
    assert y.tolist() == [0.75, -1.0, 0.125]


@kernel
def last_positive(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, 1]]) -> None:
    low = 0
    high = x.shape[0]
    while high - low > 1:
        if tile.item(x[(low + high) // 2]) > 0.0:
            low = (low + high) // 2
        else:
            high = (low + high) // 2
    y[0] = f32(1.0) * low


@kernel
def put(y: Out[Tensor[i64, "n"]]) -> None:
    y[:] = tile.arange(y.shape[0], dtype=i64)


@kernel
def add_up(x: In[Tensor[i64, "n"]], y: InOut[Tensor[i64, 1]]) -> None:
    y[:] = y[:] + tile.sum(x[:])


@routine
def sum_below(n: In[Tensor[i64, 1]], y: InOut[Tensor[i64, 1]]) -> None:
    buffer = empty((tile.item(n[0]),), i64)
    put(buffer)
    add_up(buffer, y)


def test_an_index_of_two_numbers_that_a_loop_changes(tmp_path):
    run = htp.bind(htp.compile_program(last_positive, out=tmp_path / "last"))
    for positives in (1, 2, 7, 12):
        x = np.where(np.arange(13) < positives, 1, -1).astype(np.float32)
        run(x, y := np.zeros(1, np.float32))
        assert y[0] == positives - 1


def test_the_size_of_a_buffer_is_read_from_an_array(tmp_path):
    run = htp.bind(htp.compile_program(sum_below, out=tmp_path / "sum"))
    run(np.array([5]), y := np.zeros(1, np.int64))
    assert y[0] == 10
