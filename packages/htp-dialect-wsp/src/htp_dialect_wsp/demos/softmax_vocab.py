"""Softmax over rows too long for one task: a running maximum and sum walk along the vocabulary, then all tiles scale.

The recurrence is the online softmax of Milakov and Gimelshein (arXiv:1805.02867).
Knows the program, its schedules and its NumPy form; not how it is compiled.
"""

from math import inf

import numpy as np
import numpy.typing as npt

from htp import In, InOut, Out, Tensor, empty, f32, kernel, tile
from htp_dialect_wsp import P, Schedule, affinity, fifo, schedule, work_steal, workload

TOLERANCE = 9e-7


@kernel
def start(top: Out[Tensor[f32, "m", 1]], total: Out[Tensor[f32, "m", 1]]) -> None:
    """The maximum and the sum of no elements."""
    top[:] = -inf
    total[:] = 0.0


@kernel
def include(
    x: In[Tensor[f32, "m", "v"]], top: InOut[Tensor[f32, "m", 1]], total: InOut[Tensor[f32, "m", 1]]
) -> None:
    """Takes one tile of every row into the rows' maximum and sum of powers."""
    higher = tile.maximum(top[:], tile.max(x[:], axis=1, keepdims=True))
    powers = tile.exp(x[:] - higher)
    total[:] = total[:] * tile.exp(top[:] - higher) + tile.sum(powers, axis=1, keepdims=True)
    top[:] = higher


@kernel
def scale(
    x: In[Tensor[f32, "m", "v"]],
    top: In[Tensor[f32, "m", 1]],
    total: In[Tensor[f32, "m", 1]],
    y: Out[Tensor[f32, "m", "v"]],
) -> None:
    """One tile of the result."""
    y[:] = tile.exp(x[:] - top[:]) / total[:]


@workload
def softmax_vocab(x: In[Tensor[f32, "M", "V"]], y: Out[Tensor[f32, "M", "V"]]) -> None:
    """Every row of `y` is positive and sums to one; tiles of 8 rows by 64 entries."""
    M, V = x.shape
    top = empty((M, 1), f32)
    total = empty((M, 1), f32)
    for r in P(range(0, M, 8)):
        start(top[r:r + 8, :], total[r:r + 8, :])
        for v in P.seq(range(0, V, 64)):
            include(x[r:r + 8, v:v + 64], top[r:r + 8, :], total[r:r + 8, :])
        for u in P(range(0, V, 64)):
            scale(x[r:r + 8, u:u + 64], top[r:r + 8, :], total[r:r + 8, :], y[r:r + 8, u:u + 64])


@schedule(softmax_vocab)
def by_rows(s: Schedule) -> None:
    """Rows stay with their worker, which takes tasks in the order in which they were submitted."""
    s.dispatch(affinity(s.loop("r"), workers=4))
    s.ready(fifo())
    s.task_window(64, unit="tasks", mode="stall")


@schedule(softmax_vocab)
def streamed(s: Schedule) -> None:
    """The tasks of 8 rows are a stream, which keeps their order; workers without a task take one from the others."""
    s.dispatch(work_steal(2))
    s.stream_by(s.loop("r") // 8)


@schedule(softmax_vocab)
def in_strips(s: Schedule) -> None:
    """The last pass goes in strips of 4 tiles."""
    s.tile(s.loop("u"), 4, tail="mask")


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float32]]:
    """32 normally distributed rows of 2048, wide enough for a few entries to hold most of a row."""
    return ((4.0 * np.random.default_rng(seed).standard_normal((32, 2048))).astype(np.float32),)


def golden(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The same on whole arrays in float64."""
    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main() -> None:
    """Runs the workload as ordinary Python: one task after the other."""
    (x,) = inputs()
    y = np.full_like(x, np.nan)
    softmax_vocab(x, y)
    print(f"softmax of 32 x 2048: largest error {np.abs(y - golden(x)).max():.1e}")


if __name__ == "__main__":
    main()
