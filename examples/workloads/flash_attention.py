"""Flash attention, full and causal, in two grains: a task per block of queries, and a task per pair of blocks.

The recurrence is the online softmax of Milakov and Gimelshein (arXiv:1805.02867), tiled as in FlashAttention
(arXiv:2205.14135). Queries, keys, values and the result are f16; scores, sums and the running mean are f32.
Knows the programs, their schedules and their NumPy form; not how they are compiled.
"""

from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, InOut, Out, Scalar, Tensor, empty, f16, f32, func, kernel, tile
from htp_dialect_wsp import P, Schedule, affinity, priority, schedule, work_steal, workload

TOLERANCE = 6e-4
CAUSAL_TOLERANCE = 3.8e-3


@kernel
def start(top: Out[Tensor[f32, "m", 1]], total: Out[Tensor[f32, "m", 1]], acc: Out[Tensor[f32, "m", "D"]]) -> None:
    """Nothing attended to yet."""
    top[:] = -inf
    total[:] = 0.0
    acc[:] = 0.0


@func
def absorbed(scores: f32, v: f16, top: f32, total: f32, acc: f32) -> tuple[f32, f32, f32]:
    """The running maximum, sum and weighted sum of every query after one more block of keys and values."""
    higher = tile.maximum(top, tile.max(scores, axis=1, keepdims=True))
    weights = tile.exp(scores - higher)
    shrink = tile.exp(top - higher)
    return higher, total * shrink + tile.sum(weights, axis=1, keepdims=True), acc * shrink + weights.astype(f16) @ v


@kernel
def attend(
    q: In[Tensor[f16, "m", "D"]],
    k: In[Tensor[f16, "n", "D"]],
    v: In[Tensor[f16, "n", "D"]],
    scale: Scalar[f32],
    top: InOut[Tensor[f32, "m", 1]],
    total: InOut[Tensor[f32, "m", 1]],
    acc: InOut[Tensor[f32, "m", "D"]],
) -> None:
    """Takes one block of keys and values into the state of one block of queries."""
    scores = q[:] @ k[:].T * scale
    higher, sums, mixed = absorbed(scores, v[:], top[:], total[:], acc[:])
    top[:] = higher
    total[:] = sums
    acc[:] = mixed


@kernel
def attend_diagonal(
    q: In[Tensor[f16, "m", "D"]],
    k: In[Tensor[f16, "m", "D"]],
    v: In[Tensor[f16, "m", "D"]],
    scale: Scalar[f32],
    top: InOut[Tensor[f32, "m", 1]],
    total: InOut[Tensor[f32, "m", 1]],
    acc: InOut[Tensor[f32, "m", "D"]],
) -> None:
    """The same where queries and keys are at the same positions: no query sees a key that comes after it."""
    scores = q[:] @ k[:].T * scale
    seen = tile.where(tile.iota(scores.shape, 0) >= tile.iota(scores.shape, 1), scores, -inf)
    higher, sums, mixed = absorbed(seen, v[:], top[:], total[:], acc[:])
    top[:] = higher
    total[:] = sums
    acc[:] = mixed


@kernel
def finish(total: In[Tensor[f32, "m", 1]], acc: In[Tensor[f32, "m", "D"]], out: Out[Tensor[f16, "m", "D"]]) -> None:
    """The weighted mean."""
    out[:] = (acc[:] / total[:]).astype(f16)


@workload
def attention(
    q: In[Tensor[f16, "B", "H", "S", "D"]],
    k: In[Tensor[f16, "B", "H", "S", "D"]],
    v: In[Tensor[f16, "B", "H", "S", "D"]],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "B", "H", "S", "D"]],
) -> None:
    """`softmax(scale * q @ k.T) @ v`; every pair of blocks is a task, those of one block of queries in order."""
    B, H, S, D = q.shape
    for b, h, i in P(B, H, range(0, S, 64)):
        rows = min(64, S - i)
        top = empty((rows, 1), f32)
        total = empty((rows, 1), f32)
        acc = empty((rows, D), f32)
        start(top, total, acc)
        for j in P.seq(range(0, S, 64)):
            attend(q[b, h, i:i + 64, :], k[b, h, j:j + 64, :], v[b, h, j:j + 64, :], scale, top, total, acc)
        finish(total, acc, out[b, h, i:i + 64, :])


@workload
def causal_attention(
    q: In[Tensor[f16, "B", "H", "S", "D"]],
    k: In[Tensor[f16, "B", "H", "S", "D"]],
    v: In[Tensor[f16, "B", "H", "S", "D"]],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "B", "H", "S", "D"]],
) -> None:
    """The same without the keys that come after a query: blocks above the diagonal are no tasks."""
    B, H, S, D = q.shape
    for b, h, i in P(B, H, range(0, S, 64)):
        rows = min(64, S - i)
        top = empty((rows, 1), f32)
        total = empty((rows, 1), f32)
        acc = empty((rows, D), f32)
        start(top, total, acc)
        for j in P.seq(range(0, i + rows, 64)):
            queries, keys, values = q[b, h, i:i + 64, :], k[b, h, j:j + 64, :], v[b, h, j:j + 64, :]
            with P.when(j < i):
                attend(queries, keys, values, scale, top, total, acc)
            with P.otherwise():
                attend_diagonal(queries, keys, values, scale, top, total, acc)
        finish(total, acc, out[b, h, i:i + 64, :])


@kernel
def attend_all(
    q: In[Tensor[f16, "m", "D"]],
    k: In[Tensor[f16, "n", "D"]],
    v: In[Tensor[f16, "n", "D"]],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "m", "D"]],
) -> None:
    """One block of queries against all keys: the running state never leaves the task."""
    m, D = q.shape
    top = tile.full((m, 1), -inf, f32)
    total = tile.zeros((m, 1), f32)
    acc = tile.zeros((m, D), f32)
    for j in range(0, k.shape[0], 64):
        scores = q[:] @ k[j:j + 64, :].T * scale
        top, total, acc = absorbed(scores, v[j:j + 64, :], top, total, acc)
    out[:] = (acc / total).astype(f16)


@workload
def fused_attention(
    q: In[Tensor[f16, "B", "H", "S", "D"]],
    k: In[Tensor[f16, "B", "H", "S", "D"]],
    v: In[Tensor[f16, "B", "H", "S", "D"]],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "B", "H", "S", "D"]],
) -> None:
    """`softmax(scale * q @ k.T) @ v` with one task for every block of queries."""
    B, H, S = q.shape[:3]
    for b, h, i in P(B, H, range(0, S, 64)):
        attend_all(q[b, h, i:i + 64, :], k[b, h], v[b, h], scale, out[b, h, i:i + 64, :])


@schedule(attention)
def by_heads(s: Schedule) -> None:
    """A head stays with one worker, which keeps its keys and values in cache."""
    s.dispatch(affinity(s.loop("h"), workers=4))
    s.task_window(32, unit="tasks", mode="stall")


@schedule(causal_attention)
def longest_first(s: Schedule) -> None:
    """Later queries see more keys: their tasks come first when several are ready."""
    s.dispatch(work_steal(4))
    s.ready(priority(s.loop("i")))


@schedule(fused_attention)
def positions_first(s: Schedule) -> None:
    """All heads of one block of queries before the next block."""
    b, h, i = s.loop("b"), s.loop("h"), s.loop("i")
    s.reorder(b, i, h)


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16], npt.NDArray[np.float16], float]:
    """Normally distributed queries, keys and values: 4 heads of 512 positions by 64; and the scale."""
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((1, 4, 512, 64)).astype(np.float16) for _ in range(3))
    return q, k, v, 1.0 / sqrt(64)


def golden(
    q: npt.NDArray[np.float16], k: npt.NDArray[np.float16], v: npt.NDArray[np.float16], scale: float
) -> npt.NDArray[np.float64]:
    """Full attention on whole arrays in float64."""
    return _mixed(q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2) * scale, v)


def causal_golden(
    q: npt.NDArray[np.float16], k: npt.NDArray[np.float16], v: npt.NDArray[np.float16], scale: float
) -> npt.NDArray[np.float64]:
    """Causal attention on whole arrays in float64."""
    scores = q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2) * scale
    return _mixed(np.where(np.tri(q.shape[2], dtype=bool), scores, -inf), v)


def _mixed(scores: npt.NDArray[np.float64], v: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)) @ v.astype(np.float64)


def main() -> None:
    """Runs the workloads as ordinary Python: one task after the other."""
    q, k, v, scale = inputs()
    for each, meant in ((attention, golden), (causal_attention, causal_golden), (fused_attention, golden)):
        out = np.full_like(q, np.nan)
        each(q, k, v, scale, out)
        error = np.abs(out - meant(q, k, v, scale)).max()
        print(f"{each.name} of 4 heads, 512 positions: largest error {error:.1e}")


if __name__ == "__main__":
    main()
