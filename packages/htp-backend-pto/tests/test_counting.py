"""Numbers that kernels change on their way: in loops and branches, up and down, and used behind them."""

import importlib.util

import numpy as np
import pytest
from counting_programs import counting_program

import htp
from htp import In, InOut, Out, Scalar, Tensor, f32, i32, kernel, tile


@kernel
def after(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    t = x[:, :]
    g = 0
    for _ in range(n):
        t = t + g
        g = g + 2
    y[:, :] = t * g


@kernel
def kinds(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    t = x[:, :]
    g = 1.0
    f = False
    k = 0
    for i in range(n):
        if f:
            t = t + g
            k = k + 3
            h = 2.0
        else:
            g = -g
            h = g + 1.5
        g = g * h
        f = not f
        n = n + 1
        q = 7 if k > 1 else i
        t = t * q
    y[:, :] = t * g + k


@kernel
def units(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    """Products and what is added to them are in kernels of their own, which both read `s`."""
    acc = tile.zeros((64, 64), f32)
    s = 1.0
    for i in range(n):
        w = x[:, :] * s
        acc = acc + tile.dot(x[:, :], w)
        s = s * 0.5
        if i == 1:
            s = 3.0
    y[:, :] = acc * s


@kernel
def mean(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    """The mean of the first rows is taken from all of them, in a loop whose turns are tasks."""
    m = tile.zeros((1, 64), f32)
    count = 0
    for i in range(0, n * 16, 16):
        count += min(16, 64 - i)
        m = m + tile.sum(x[i:i + 16, :], axis=0, keepdims=True)
    r = m / (count + 1)
    for i in range(0, 64, 16):
        y[i:i + 16, :] = x[i:i + 16, :] - r


@kernel
def down(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    t = x[:, :]
    for j in range(n, 0, -1):
        t = t * 0.5 + j
    for j in range(10, 0, -3):
        t = t * 0.5 + j
    y[:, :] = t


@kernel
def rows(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: InOut[Tensor[f32, 64, 64]]) -> None:
    """How many rows a slice has changes between two slices."""
    k = 1
    for _ in range(n):
        t = x[0:k, :]
        y[0:k, :] = t * 2.0
        k = k + 5
        t = x[0:k, :]
        y[0:k, :] = t + 1.0
    y[0:k, :] = x[0:k, :] * 3.0


@kernel
def ends(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    """The end of a range is what it was when the loop began; that of a `while` is asked for each turn."""
    t = x[:, :]
    k = n + 1
    for _ in range(k):
        t = t + k
        k = k - 1
    while k < 5 and n > 0:
        k += 2
        t = t * k
    y[:, :] = t


@kernel
def walk(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    k = 0
    while k < x.shape[0]:
        y[k:k + 16, :] = x[k:k + 16, :] * n
        k = k + 16


@kernel
def made(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: Out[Tensor[f32, 64, 64]]) -> None:
    """A tile is of the number that it was made of."""
    s = 2.0
    for _ in range(n):
        s = s * 0.5
    e = tile.full((64, 64), s, f32)
    s = s * 3.0
    y[:, :] = x[:, :] * e + s


@kernel
def begun(x: In[Tensor[f32, 64, 64]], n: Scalar[i32], y: InOut[Tensor[f32, 64, 64]]) -> None:
    """What `m` begins with stays what it was when `m` is something else."""
    m = n
    t = x[:, :]
    for _ in range(2):
        t = t + m
        m = m + 1
    a = tile.dot(t, x[:, :])
    y[16 * (n % 4):16 * (n % 4) + 16, :] = a[0:16, :] * m


@pytest.mark.parametrize("program", [after, kinds, units, mean, down, rows, ends, walk, made, begun])
def test_numbers_are_what_they_have_become(tmp_path, program):
    run = htp.bind(htp.compile_program(program, target="pto:a2a3sim", out=str(tmp_path / "package")), mode="sim")
    for n in range(5):
        x = np.random.default_rng(n).standard_normal((64, 64)).astype("f4")
        y, wanted = np.full((64, 64), 7, "f4"), np.full((64, 64), 7, "f4")
        program(x, n, wanted)
        run(x, n, y)
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-4, err_msg=f"n = {n}")


@kernel
def columns(x: In[Tensor[f32, 64, "N"]], y: Out[Tensor[f32, 64, "N"]]) -> None:
    for j in range((x.shape[1] + 31) // 32 - 1, -1, -1):
        y[:, 32 * j:32 * j + 32] = x[:, 32 * j:32 * j + 32] * 2.0


def test_turns_from_the_last_to_the_first_overlap(tmp_path):
    package = htp.compile_program(columns, target="pto:a2a3sim", out=str(tmp_path / "package"))
    (source,) = (package.path / "codegen/pto/kernels/aiv").glob("*.cpp")
    text = source.read_text()
    assert "j > -1; j += -2" in text
    assert "if (j - 1 > -1)" in text
    run = htp.bind(package, mode="sim")
    for size in (0, 1, 32, 64, 90, 96):
        x, y = np.ones((64, size), "f4"), np.zeros((64, size), "f4")
        run(x, y)
        np.testing.assert_array_equal(y, 2 * x)


@pytest.mark.parametrize("seed", range(14))
def test_random_kernels_that_count(tmp_path, seed):
    file = tmp_path / "counted.py"
    file.write_text(counting_program(seed))
    spec = importlib.util.spec_from_file_location("counted", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package = htp.compile_program(module.counting, target="pto:a2a3sim", out=str(tmp_path / "package"))
    run = htp.bind(package, mode="sim")
    for n in (0, 1, 3, 4):
        x = np.random.default_rng(seed + n).integers(-8, 8, (48, 32)).astype("f4") / 2
        y, wanted = np.full((48, 32), 7, "f4"), np.full((48, 32), 7, "f4")
        module.counting(x, n, wanted)
        run(x, n, y)
        np.testing.assert_array_equal(y, wanted, err_msg=f"n = {n}")
