"""Kernels that are called with several sets of bounds, and tiles whose size is another one in the last turn."""

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Tensor, f16, f32, kernel, routine, tile

TARGET = "pto:a2a3sim"


@kernel
def softmax(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    rows = x[:]
    e = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
    y[:] = e / tile.sum(e, axis=1, keepdims=True)


@kernel
def add(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "m", "n"]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def gemm(a: In[Tensor[f16, "m", "k"]], b: In[Tensor[f16, "k", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = tile.dot(a[:], b[:])


@routine
def one_inside_the_other(
    x: In[Tensor[f32, 16, 64]], y: InOut[Tensor[f32, 16, 64]],
    u: In[Tensor[f32, 128, 128]], v: InOut[Tensor[f32, 128, 128]],
) -> None:  # fmt: skip
    add(x, y)
    add(u, v)
    add(v[0:16, 0:64], y)


@routine
def long_and_tall(
    x: In[Tensor[f32, 8, 1800]], y: Out[Tensor[f32, 8, 1800]],
    u: In[Tensor[f32, 200, 64]], v: Out[Tensor[f32, 200, 64]],
) -> None:  # fmt: skip
    """Each fits alone; 200 rows of 1800 do not."""
    softmax(x, y)
    softmax(u, v)
    softmax(u[0:100, :], v[0:100, :])


@routine
def deep_and_wide(
    a: In[Tensor[f16, 16, 2048]], b: In[Tensor[f16, 2048, 16]], c: Out[Tensor[f32, 16, 16]],
    d: In[Tensor[f16, 256, 16]], e: In[Tensor[f16, 16, 128]], f: Out[Tensor[f32, 256, 128]],
) -> None:  # fmt: skip
    gemm(a, b, c)
    gemm(d, e, f)


def arrays(function) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    return [
        (random.standard_normal([dim.constant for dim in each.type.dims]) / 8).astype(
            np.float16 if each.type.dtype.name == "f16" else np.float32
        )
        for each in function.params
    ]


def kernels(package) -> list[str]:
    return sorted(each.stem for each in (package.path / "codegen/pto/kernels").rglob("*.cpp"))


def soft(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_the_largest_bounds_of_one_call_do_for_others_that_are_within_them(tmp_path) -> None:
    package = htp.compile_program(one_inside_the_other, target=TARGET, out=tmp_path)
    assert kernels(package) == ["add"]
    x, y, u, v = arrays(one_inside_the_other)
    first = y.astype(np.float64) + x
    total = v.astype(np.float64) + u
    htp.bind(package)(x, y, u, v)
    np.testing.assert_allclose(v, total, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, first + total[:16, :64], rtol=1e-5, atol=1e-6)


def test_a_kernel_has_no_room_for_the_rows_of_one_call_with_the_columns_of_another(tmp_path) -> None:
    package = htp.compile_program(long_and_tall, target=TARGET, out=tmp_path)
    assert kernels(package) == ["softmax", "softmax_2"]
    text = (tmp_path / "codegen/pto/orchestration/long_and_tall.cpp").read_text()
    assert text.count("rt_submit_aiv_task(kernel_softmax_2,") == 2
    x, y, u, v = arrays(long_and_tall)
    htp.bind(package)(x, y, u, v)
    np.testing.assert_allclose(y, soft(x), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(v, soft(u), rtol=1e-5, atol=1e-7)


def test_products_have_a_kernel_for_each_shape_as_well(tmp_path) -> None:
    package = htp.compile_program(deep_and_wide, target=TARGET, out=tmp_path)
    assert kernels(package) == ["gemm", "gemm_2"]
    a, b, c, d, e, f = arrays(deep_and_wide)
    htp.bind(package)(a, b, c, d, e, f)
    np.testing.assert_allclose(c, a.astype(np.float64) @ b.astype(np.float64), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(f, d.astype(np.float64) @ e.astype(np.float64), rtol=1e-3, atol=1e-4)


@kernel
def zeros_and_part(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    size = x.shape[0]
    start = tile.ones((64, 64), f32)
    for i in range(0, size, 64):
        n = min(64, size - i)
        y[i:i + n, :] = start[0:n, :] + x[i:i + n, :]


@kernel
def computed_and_part(x: In[Tensor[f32, "M", 64]], w: In[Tensor[f32, 64, 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    size = x.shape[0]
    v = tile.exp(w[:])
    for i in range(0, size, 64):
        n = min(64, size - i)
        y[i:i + n, :] = v[0:n, :] + x[i:i + n, :]


@pytest.mark.parametrize("target", ["cpu", TARGET])
def test_part_of_a_tile_from_before_a_loop_goes_with_the_last_shorter_slice(target: str, tmp_path) -> None:
    ones = htp.bind(htp.compile_program(zeros_and_part, target=target, out=tmp_path / "ones"))
    computed = htp.bind(htp.compile_program(computed_and_part, target=target, out=tmp_path / "computed"))
    w = np.random.default_rng(3).standard_normal((64, 64)).astype(np.float32)
    for size in (1, 64, 100, 160):
        x, y = np.random.default_rng(size).standard_normal((size, 64)).astype(np.float32), np.zeros((size, 64), "f")
        ones(x, y)
        np.testing.assert_allclose(y, x.astype(np.float64) + 1.0, rtol=1e-6, atol=1e-6)
        computed(x, w, y)
        rows = np.arange(size) % 64
        np.testing.assert_allclose(y, x.astype(np.float64) + np.exp(w.astype(np.float64))[rows], rtol=1e-5, atol=1e-5)


@kernel
def carried(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    size = x.shape[0]
    acc = tile.zeros((min(64, size), 64), f32)
    for i in range(0, size, 64):
        acc = acc + x[i:min(size, i + 64), :]  # this line
        y[i:min(size, i + 64), :] = acc


@kernel
def handed_on(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, 1, 64]]) -> None:
    size = x.shape[0]
    last = x[0:min(64, size), :]
    for i in range(0, size, 64):
        last = x[i:min(size, i + 64), :]
    y[:] = tile.sum(last, axis=0, keepdims=True)


@pytest.mark.parametrize("target", ["cpu", TARGET])
@pytest.mark.parametrize(("program", "code"), [(carried, "type.shape-mismatch"), (handed_on, "type.loop-carried")])
def test_a_tile_that_is_kept_may_not_change_its_size(program, code: str, target: str) -> None:
    """With 100 rows the last slice has 36, which NumPy would not add to 64 either."""
    with pytest.raises(htp.Refused) as caught:
        htp.compile_program(program, target=target)
    (said,) = caught.value.diagnostics
    assert said.code == code
    assert said.span is not None
    assert said.span.file.endswith("test_variants.py")
    assert "min(64, M - i)" in str(caught.value)
