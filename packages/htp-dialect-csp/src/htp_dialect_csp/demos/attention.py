"""Flash attention as a pipeline: load, scores, softmax and weighted sum work on different blocks of keys.

The recurrence is the online softmax of Milakov and Gimelshein (arXiv:1805.02867), tiled as in FlashAttention
(arXiv:2205.14135). A routine runs the network for every head and every block of queries.
Knows the programs and their NumPy form; not how they are compiled.
"""

from math import inf

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, Tile, f16, f32, routine, tile, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 6e-4
MAKESPAN = 1030
"""Cycles for one block of queries and eight of keys: scores take 100 a block, and the last one still goes on."""

SCALE = 0.125
Block = Tile[f16, 64, 64]
Scores = Tile[f32, 64, 64]
Column = Tile[f32, 64, 1]


@process
def load(q: In[Tensor[f16, 64, 64]], k: In[Tensor[f16, "S", 64]], query: Send[Block], keys: Send[Block]) -> None:
    """Sends the block of queries once and all blocks of keys."""
    work(30)
    query.send(q[:, :])
    assert k.shape[0] % 64 == 0
    for j in range(0, k.shape[0], 64):
        work(40)
        keys.send(k[j:j + 64, :])


@process
def score(query: Recv[Block], keys: Recv[Block], scores: Send[Scores]) -> None:
    """Sends the scores of the queries for one block of keys after the other."""
    q = query.recv()
    for k in keys:
        work(100)
        scores.send(q @ k.T * SCALE)


@process
def soften(scores: Recv[Scores], weights: Send[Block], shrink: Send[Column]) -> None:
    """Sends weights relative to the largest score so far, and by what earlier ones shrink where it has grown."""
    top = tile.full((64, 1), -inf, f32)
    for s in scores:
        work(60)
        higher = tile.maximum(top, tile.max(s, axis=1, keepdims=True))
        weights.send(tile.exp(s - higher).astype(f16))
        shrink.send(tile.exp(top - higher))
        top = higher


@process
def gather(
    weights: Recv[Block], shrink: Recv[Column], v: In[Tensor[f16, "S", 64]], out: Out[Tensor[f32, 64, 64]]
) -> None:
    """Adds up values by their weights, and divides by the sum of these."""
    assert v.shape[0] % 64 == 0
    total = tile.zeros((64, 1), f32)
    mixed = tile.zeros((64, 64), f32)
    for j in range(0, v.shape[0], 64):
        w = weights.recv()
        by = shrink.recv()
        work(100)
        total = total * by + tile.sum(w.astype(f32), axis=1, keepdims=True)
        mixed = mixed * by + w @ v[j:j + 64, :]
    out[:] = mixed / total


@network
def attend(
    q: In[Tensor[f16, 64, 64]],
    k: In[Tensor[f16, "S", 64]],
    v: In[Tensor[f16, "S", 64]],
    out: Out[Tensor[f32, 64, 64]],
) -> None:
    """One block of queries attends to all keys."""
    query = Channel[Block](capacity=1)
    keys = Channel[Block](capacity=2)
    scores = Channel[Scores](capacity=2)
    weights = Channel[Block](capacity=2)
    shrink = Channel[Column](capacity=2)
    load(q, k, query, keys)
    score(query, keys, scores)
    soften(scores, weights, shrink)
    gather(weights, shrink, v, out)


@routine
def attention(
    q: In[Tensor[f16, "H", "M", 64]],
    k: In[Tensor[f16, "H", "S", 64]],
    v: In[Tensor[f16, "H", "S", 64]],
    out: Out[Tensor[f32, "H", "M", 64]],
) -> None:
    """Every head and every block of 64 queries, one after the other."""
    H, M, _ = q.shape
    assert M % 64 == 0
    for h in range(H):
        for i in range(0, M, 64):
            attend(q[h, i:i + 64, :], k[h], v[h], out[h, i:i + 64, :])


Matrix = npt.NDArray[np.float16]


def inputs(seed: int = 0) -> tuple[Matrix, Matrix, Matrix]:
    """Two heads, 128 queries and 512 keys of 64 numbers."""
    rng = np.random.default_rng(seed)
    shapes = ((2, 128, 64), (2, 512, 64), (2, 512, 64))
    q, k, v = (rng.standard_normal(shape).astype(np.float16) for shape in shapes)
    return q, k, v


def golden(q: Matrix, k: Matrix, v: Matrix) -> npt.NDArray[np.float64]:
    """The same on whole arrays in float64."""
    scores = q.astype(np.float64) @ k.astype(np.float64).swapaxes(1, 2) * SCALE
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True) @ v.astype(np.float64)


def main() -> None:
    """Runs the programs as ordinary Python, and says how long one network takes in cycles."""
    q, k, v = inputs()
    out = np.full(q.shape, np.nan, np.float32)
    attention(q, k, v, out)
    times = simulate(attend, q[0, :64], k[0], v[0], out[0, :64])
    print(f"attention: largest error {np.abs(out - golden(q, k, v)).max():.1e}, {times.makespan} cycles a block")


if __name__ == "__main__":
    main()
