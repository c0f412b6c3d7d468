"""What must hold before a run goes on holds natively as under NumPy: both run, or both refuse with a code."""

from __future__ import annotations

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, empty, f32, func, i64, kernel, routine, tile


@kernel
def best_two(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M", 2]]) -> None:
    values, _ = tile.topk(x[:, :], 2, axis=1)
    y[:] = values


@kernel
def position(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.argmax(x[:, :], axis=1).astype(f32)


@kernel
def sized(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.sum(x[:, :], axis=1) + tile.sum(tile.full((n,), 1.0, f32))


@kernel
def huge(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.sum(x[:, :], axis=1) + tile.sum(tile.sort(tile.full((n * 2**40,), 1.0, f32)))


@kernel
def in_fours(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    M = x.shape[0]
    assert M % 4 == 0
    for i in range(0, M, 4):
        y[i:i + 4] = tile.zeros((4,), f32) + tile.sum(x[i:i + 4, :], axis=1)


@kernel
def per_item(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.sum(x[:, :], axis=1) * (2.0 / n) + x[n - 1, 0]


@kernel
def one_or_many(x: In[Tensor[f32, "M", "N"]], n: Scalar[i64], y: Out[Tensor[f32, "M"]]) -> None:
    M = x.shape[0]
    if M == 1:  # noqa: SIM108 (tiles are chosen by statements)
        total = tile.sum(x[:, :], axis=1) * 2.0
    else:
        total = tile.sum(x[:, :], axis=1) + 1.0
    y[:] = total


CASES = [
    (best_two, (3, 4), 1, True), (best_two, (3, 2), 1, True), (best_two, (3, 1), 1, False),
    (best_two, (3, 0), 1, False),
    (position, (3, 4), 1, True), (position, (3, 0), 1, False),
    (sized, (3, 4), 5, True), (sized, (3, 4), 0, True), (sized, (3, 4), -1, False),
    (huge, (3, 4), 64, False),
    (in_fours, (8, 3), 1, True), (in_fours, (0, 3), 1, True), (in_fours, (6, 3), 1, False),
    (per_item, (4, 3), 2, True), (per_item, (4, 3), 0, False), (per_item, (4, 3), 9, False),
    (one_or_many, (1, 3), 1, True), (one_or_many, (5, 3), 1, True),
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    entries = {case[0].name: case[0] for case in CASES}
    return {name: htp.bind(htp.compile_program(each, out=folder / name)) for name, each in entries.items()}


@pytest.mark.parametrize(("program", "shape", "n", "runs"), CASES)
def test_both_run_or_both_refuse(program, shape, n, runs, built):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    results = []
    for run in (program, built[program.name]):
        y = np.full((shape[0], 2) if program is best_two else shape[:1], np.nan, np.float32)
        if runs:
            run(x, n, y)
            results.append(y)
        else:
            with pytest.raises(Refused) as refused:
                run(x, n, y)
            assert refused.value.code.count(".") == 1
            if refused.value.code != "run.out-of-memory":
                assert refused.value.diagnostic.span is not None, "the user's line is named"
    if runs:
        np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


@routine
def reads_first(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    part = empty((x.shape[0],), f32)
    y[:] = part[:] + x[:]


@kernel
def leaves_gaps(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + 8] = x[i:i + 8]


@kernel
def stops_early(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in range(0, x.shape[0] - 8, 8):
        y[i:i + 8] = x[i:i + 8]


@func
def helper(x):
    return x


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (reads_first, "type.read-unwritten"),
        (leaves_gaps, "type.out-partly-written"),
        (stops_early, "type.out-partly-written"),
        (helper, "capture.not-an-entry"),
    ],
)
def test_what_is_decided_when_compiling(program, code, tmp_path):
    with pytest.raises(Refused) as refused:
        htp.compile_program(program, out=tmp_path / "package")
    assert refused.value.code == code
    assert refused.value.diagnostic.help
