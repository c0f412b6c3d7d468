"""One small workload for every directive of a schedule, with sizes that Ascend's kernels can hold."""

from __future__ import annotations

import numpy as np

import htp
from htp import In, InOut, Out, Tensor, f32, kernel
from htp_dialect_wsp import P, by_exec_unit, priority, rate_limit, round_robin, schedule, workload


@kernel
def double(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def more(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = x[:] + 1.0


@kernel
def add(x: In[Tensor[f32, "m", 64]], y: InOut[Tensor[f32, "m", 64]]) -> None:
    y[:] = y[:] + x[:]


@workload
def grid(x: In[Tensor[f32, 32, 128]], y: Out[Tensor[f32, 32, 128]]) -> None:
    for i, j in P(range(0, 32, 8), range(0, 128, 64)):
        double(x[i:i + 8, j:j + 64], y[i:i + 8, j:j + 64])


@workload
def ordered(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]]) -> None:
    """Independent iterations of which nobody said so."""
    for i in P.seq(range(0, 32, 8)):
        double(x[i:i + 8, :], y[i:i + 8, :])


@workload
def chain(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]]) -> None:
    t = htp.empty((32, 64), f32)
    for i in P(range(0, 32, 8)):
        double(x[i:i + 8, :], t[i:i + 8, :])
        more(t[i:i + 8, :], y[i:i + 8, :])


@workload
def staged(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]]) -> None:
    """Every turn writes the buffer that the turn before reads."""
    for i in P.seq(range(0, 32, 8)):
        t = htp.empty((8, 64), f32)
        double(x[i:i + 8, :], t)
        more(t, y[i:i + 8, :])


@workload
def total(x: In[Tensor[f32, 32, 64]], y: InOut[Tensor[f32, 8, 64]]) -> None:
    for k in P.seq(range(0, 32, 8)):
        add(x[k:k + 8, :], y)


@workload
def two(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]], z: Out[Tensor[f32, 32, 64]]) -> None:
    for i in P(range(0, 32, 8)):
        double(x[i:i + 8, :], y[i:i + 8, :])
    for i in P(range(0, 32, 8)):
        more(x[i:i + 8, :], z[i:i + 8, :])


DIRECTED = {
    "tile": (grid, lambda s: s.tile("i", 2)),
    "split": (grid, lambda s: s.split("i", 2)),
    "fuse_loops": (grid, lambda s: s.fuse_loops("i", "j")),
    "reorder": (grid, lambda s: s.reorder("j", "i")),
    "parallel": (ordered, lambda s: s.parallel("i")),
    "unroll": (ordered, lambda s: s.unroll("i", 2)),
    "vectorize": (grid, lambda s: s.vectorize("j", 2)),
    "fuse": (chain, lambda s: s.fuse("double", "more", at="i")),
    "buffer": (grid, lambda s: s.buffer("x", "ub")),
    "pipeline": (staged, lambda s: s.pipeline("i", 2)),
    "reduce": (total, lambda s: s.reduce("k", "+")),
    "after": (two, lambda s: s.after("more", "double")),
    "dispatch": (grid, lambda s: s.dispatch(round_robin(workers=4))),
    "task_window": (grid, lambda s: s.task_window(64)),
    "streams": (grid, lambda s: s.streams(2)),
    "stream_by": (grid, lambda s: s.stream_by("i // 8 % 2")),
    "timing": (grid, lambda s: s.timing(rate_limit(2, 10))),
    "ready": (grid, lambda s: s.ready(priority("-i"))),
    "pools": (grid, lambda s: s.pools(by_exec_unit())),
    "bind": (grid, lambda s: s.bind("i", "worker")),
    "map": (grid, lambda s: s.map("double", "i // 8 % 2")),
    "prefer": (grid, lambda s: s.prefer.swizzle("j", 8)),
}
"""For every directive a workload, and a schedule that says nothing else."""


def planned(name: str):
    """The workload and its schedule."""
    work, plan = DIRECTED[name]
    return work, schedule(work)(plan)


def arrays(work) -> list[np.ndarray]:
    """Arguments for a workload; what is written has something in it before."""
    random = np.random.default_rng(5)
    return [random.standard_normal([each.constant for each in p.type.dims]).astype(np.float32) for p in work.params]
