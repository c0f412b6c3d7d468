"""Routines, kernels that call kernels, scalars, slots, buffers, checks and prints: whole programs, natively."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance import BUILDERS, same, seeded

import htp
from htp import (
    In,
    InOut,
    Out,
    Refused,
    Scalar,
    Slot,
    Tensor,
    bool_,
    empty,
    f32,
    f64,
    func,
    i8,
    i32,
    i64,
    kernel,
    routine,
    tile,
    u64,
)

factor = Slot(f32, 2.0)
count = Slot(i32, 3)
OFFSET = 4
THIRD = 1 / 3


@func
def doubled(x):
    return x * 2


@func
def scaled(x, by):
    y = doubled(x) * by
    return y / 2


@kernel
def scale(x: In[Tensor[f32, "N"]], by: Scalar[f32], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = scaled(x[:], by)


@kernel
def add_into(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
    y[:] += x[:]


@kernel
def calls_kernels(x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:
    for i in range(x.shape[0]):
        add_into(x[i, :], y[i, :])
        add_into(y=y[i, :], x=x[x.shape[0] - 1 - i, :])


@kernel
def total(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, 1]]) -> None:
    y[:] = tile.sum(x[:], keepdims=True)


@routine
def pipeline(
    x: In[Tensor[f32, "M", "N"]],
    steps: Scalar[i32],
    limit: Scalar[f32],
    y: Out[Tensor[f32, "M", "N"]],
    n: Out[Tensor[i64, 1]],
) -> None:
    M, N = x.shape
    a = empty((M, N), f32)
    b = empty((1,), f32)
    c = empty((N,), f32)
    a[:] = x[:]
    rounds = 0
    done = False
    while not done and rounds < 20:
        for _ in range(steps):
            calls_kernels(x, a)
        scale(x[0, :], factor.value, c)
        add_into(c, a[0, :])
        total(a[M - 1, :], b)
        rounds = rounds + 1
        done = tile.item(b[0]) > limit
    y[:] = a[:]
    n[:] = tile.full((1,), rounds, i64)


@kernel
def scalars(
    x: In[Tensor[f32, "N"]],
    a: Scalar[f32],
    b: Scalar[f64],
    i: Scalar[i32],
    j: Scalar[i64],
    k: Scalar[i8],
    u: Scalar[u64],
    t: Scalar[bool_],
    y: Out[Tensor[f32, "N"]],
    z: Out[Tensor[i64, 8]],
    w: Out[Tensor[f64, 4]],
) -> None:
    n = x.shape[0]
    y[:] = (x[:] * (a if t else a * 2) + OFFSET) * THIRD
    z[0] = i // 3
    z[1] = i % 3
    z[2] = j // -7 + j % -7
    z[3] = k * 100
    z[4] = min(i, j, 5) + max(i, -2) * abs(k)
    z[5] = n if n > i else i
    z[6] = -i if not t or (i == 3 and n != 4) else i + 1
    z[7] = (n + 7) // 8 * 8 - n % 5
    w[0] = a / 2 + b
    w[1] = b * b - a
    w[2] = float(i) / 4
    w[3] = b // 2 + b % 2


@kernel
def slots(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    z = x[:]
    for _ in range(count.value):
        z = z * factor.value
    y[:] = z


@kernel
def rank_zero(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, 3]]) -> None:
    s = tile.sum(x[:])
    t = tile.max(x[:])
    if tile.item(s) > 10:
        s = s * 2
    for _ in range(3):
        t = t + s
    y[0] = s
    y[1] = t
    y[2] = tile.exp(s * 0) + x[0]


@kernel
def checks(x: In[Tensor[f32, "N"]], i: Scalar[i32], y: Out[Tensor[f32, "N"]]) -> None:
    assert x.shape[0] < 50
    y[:] = x[:]
    y[0] = x[i]


@kernel
def picks(x: In[Tensor[f32, "N"]], i: In[Tensor[i32, "K"]], y: Out[Tensor[f32, "K"]]) -> None:
    y[:] = tile.take(x[:], i[:])


@kernel
def prints(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    s = tile.sum(x[:])
    tile.print("sum", s, x.shape[0])
    y[:] = x[:]


@kernel
def whole(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    z = tile.exp(x[:] - tile.max(x[:], axis=1, keepdims=True))
    y[:] = z / tile.sum(z, axis=1, keepdims=True) + tile.sum(x[:], axis=0, keepdims=True) * 0


@kernel
def fixed(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "N", "M"]]) -> None:
    y[:] = (x[:] @ x[:].T @ x[:]).T


COMPILED = (pipeline, scalars, slots, rank_zero, checks, picks, prints, whole)


@pytest.fixture(scope="module")
def built(folder):
    """Every program of this file, built; two at a time."""
    started = {}
    for each in COMPILED:
        started[each.name] = BUILDERS.submit(htp.bind, htp.compile_program(each, target="cpu", out=folder / each.name))
    package = htp.compile_program(fixed, target="cpu", out=folder / "fixed", dims={"M": 20, "N": 33})
    started["fixed"] = BUILDERS.submit(htp.bind, package)
    return {name: each.result() for name, each in started.items()}


@pytest.fixture(params=["python", "native"])
def run(request, built):
    """Calls a program by its definition or natively."""
    return lambda definition: definition if request.param == "python" else built[definition.name]


def _floats(*shape):
    return seeded(str(shape)).integers(-5, 6, shape).astype(np.float32)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (4, 17), (3, 40)])
@pytest.mark.parametrize("limit", [-1000.0, 30.0, 1e9])
def test_routine(run, m, n, limit):
    x, y, rounds = _floats(m, n), np.empty((m, n), np.float32), np.empty(1, np.int64)
    run(pipeline)(x, 2, limit, y, rounds)
    a, turns, done = x.copy(), 0, False
    while not done and turns < 20:
        for _ in range(2):
            a = a + x + x[::-1]
        a[0] += x[0] * 2
        turns += 1
        done = a[-1].sum() > limit
    same(y, a, 0, "y")
    assert rounds[0] == turns


@pytest.mark.parametrize(
    ("a", "b", "i", "j", "k", "t"),
    [(0.5, 2.5, 7, 9, 3, True), (-1.5, -3.25, -7, -(1 << 40), -9, False), (3.0, 1e300, 3, 5, 100, True)],
)
@pytest.mark.parametrize("n", [0, 4, 17])
def test_scalars(run, a, b, i, j, k, t, n):
    x, y, z, w = _floats(n), np.empty(n, np.float32), np.empty(8, np.int64), np.empty(4, np.float64)
    run(scalars)(x, a, b, i, j, k, 1 << 63, t, y, z, w)
    f = np.float32
    same(y, (x * f(a if t else a * 2) + f(4)) * f(1 / 3), 1, "y")
    last = -i if not t or (i == 3 and n != 4) else i + 1
    expected = [
        i // 3,
        i % 3,
        j // -7 + j % -7,
        k * 100,
        min(i, j, 5) + max(i, -2) * abs(k),
        max(n, i),
        last,
        (n + 7) // 8 * 8 - n % 5,
    ]
    assert z.tolist() == expected
    assert w.tolist() == [a / 2 + b, b * b - a, i / 4, b // 2 + b % 2]


def test_slots_change_between_runs(run):
    x, y = _floats(20), np.empty(20, np.float32)
    program = run(slots)
    try:
        for number, times in ((2.0, 3), (-1.5, 2), (7.0, 0)):
            factor.value, count.value = number, times
            program(x, y)
            same(y, x * np.float32(number) ** times, 0, "y")
    finally:
        factor.value, count.value = 2.0, 3


@pytest.mark.parametrize("n", [1, 16, 33])
def test_tiles_of_rank_zero(run, n):
    x, y = np.abs(_floats(n)), np.empty(3, np.float32)
    run(rank_zero)(x, y)
    s = x.sum() * (2 if x.sum() > 10 else 1)
    same(y, np.array([s, x.max() + 3 * s, 1 + x[0]], np.float32), 0, "y")


def test_failing_checks_name_the_line(run):
    x, y = _floats(9), np.empty(9, np.float32)
    run(checks)(x, -1, y)
    assert y[0] == x[-1]
    for index in (9, -10, 1 << 30):
        with pytest.raises(Refused) as refused:
            run(checks)(x, index, y)
        assert refused.value.diagnostic.code == "run.index-out-of-range"
        assert str(index) in refused.value.diagnostic.message


def test_failing_assertions(run):
    x = np.zeros(50, np.float32)
    with pytest.raises(Refused) as refused:
        run(checks)(x, 0, x.copy())
    assert refused.value.diagnostic.code == "run.assertion-failed"


@pytest.mark.parametrize("size", [1, 16, 17, 40])
@pytest.mark.parametrize("bad", [-8, 7, 2**31 - 1, -(2**31)])
def test_picking_beside_the_axis(built, size, bad):
    x, i, y = _floats(7), np.zeros(size, np.int32), np.empty(size, np.float32)
    i[-1] = -7
    built["picks"](x, i, y)
    same(y, x[i], 0, "y")
    i[size // 2] = bad
    for program in (picks, built["picks"]):
        with pytest.raises(Refused) as refused:
            program(x, i, y)
        assert refused.value.diagnostic.code == "run.index-out-of-range"
    place = refused.value.diagnostic.span
    line = next(
        number
        for number, text in enumerate(Path(__file__).read_text().splitlines(), 1)
        if "tile.take(x[:], i[:])" in text
    )
    assert place is not None
    assert (place.file.rsplit("/", 1)[-1], place.line) == ("test_conformance_programs.py", line)


def test_printing(run, capfd):
    x = np.arange(4, dtype=np.float32)
    run(prints)(x, np.empty_like(x))
    assert capfd.readouterr().out.split() == ["sum", "6.0", "4"]


@pytest.mark.parametrize("threads", [1, 4])
def test_threads(built, folder, threads):
    """Large enough to run in parallel; another process, because the number of threads is read once."""
    x = seeded("threads").standard_normal((300, 400)).astype(np.float32)
    np.save(folder / "x.npy", x)
    code = f"""
import numpy as np, htp
x = np.load({str(folder / "x.npy")!r})
y = np.empty_like(x)
program = htp.bind({str(folder / "whole")!r})
for _ in range(20):
    program(x, y)
np.save({str(folder / "y.npy")!r}, y)
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HTP_NUM_THREADS": str(threads)})
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(np.load(folder / "y.npy"), e / e.sum(axis=1, keepdims=True), rtol=2e-6)


def test_sizes_fixed_when_compiled(built):
    x, y = _floats(20, 33), np.empty((33, 20), np.float32)
    built["fixed"](x, y)
    same(y, (x @ x.T @ x).T, 0, "y")
    with pytest.raises(Refused):
        built["fixed"](_floats(21, 33), np.empty((33, 21), np.float32))
