"""Networks of two processes, one of products and one of everything else: what one task of a cluster can be.

A cluster of an Ascend chip is a cube core, which multiplies, and vector cores. With `--pin pto.cluster` a network of
this kind is one task there, in which all cores work at the same time and a channel is a pipe between them:

    htp compile examples/networks/cluster.py:linear --target pto:a2a3sim --pin pto.cluster -o build/linear

`linear` goes one way; in `attention` scores go to the vector cores, and weights come back.
Knows the programs and their NumPy form; not how they are compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, Tile, f16, f32, routine, tile, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 1e-4
ATTENTION_TOLERANCE = 6e-4
MAKESPAN = 430
"""Cycles of `linear` for 200 rows: 100 for each of four products, and 30 for what becomes of the last one."""

SCALE = 0.125
Sums = Tile[f32, 64, 128]
Scores = Tile[f32, 64, 64]
Weights = Tile[f16, 64, 64]


@process
def products(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], out: Send[Sums]) -> None:
    """Sends the product, 64 rows at a time; the last tile may have fewer."""
    for i in range(0, a.shape[0], 64):
        work(100)
        out.send(a[i:i + 64, :] @ b)


@process
def epilogue(sums: Recv[Sums], bias: In[Tensor[f32, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    """Adds the bias, and keeps what is positive."""
    i = 0
    for t in sums:
        work(30)
        y[i:i + 64, :] = tile.relu(t + bias)
        i += 64


@network
def linear(
    a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], bias: In[Tensor[f32, 128]],
    y: Out[Tensor[f32, "M", 128]],
) -> None:  # fmt: skip
    """`relu(a @ b + bias)`: while one tile gets its bias, the next one is multiplied."""
    sums = Channel[Sums](capacity=2)
    products(a, b, sums)
    epilogue(sums, bias, y)


@process
def multiply(
    query: In[Tensor[f16, 64, 64]], keys: In[Tensor[f16, "S", 64]], values: In[Tensor[f16, "S", 64]],
    scores: Send[Scores], weights: Recv[Weights], mixed: Send[Scores],
) -> None:  # fmt: skip
    """Sends the scores of a block of keys, and then the sum of its values by the weights that come back."""
    assert keys.shape[0] % 64 == 0
    for j in range(0, keys.shape[0], 64):
        work(100)
        scores.send(query[:, :] @ keys[j:j + 64, :].T)
        w = weights.recv()
        work(100)
        mixed.send(w @ values[j:j + 64, :])


@process
def soften(scores: Recv[Scores], weights: Send[Weights], mixed: Recv[Scores], y: Out[Tensor[f32, 64, 64]]) -> None:
    """Sends weights relative to the largest score so far, and adds up what comes back by them."""
    top = tile.full((64, 1), -1e30, f32)
    total = tile.zeros((64, 1), f32)
    acc = tile.zeros((64, 64), f32)
    for s in scores:
        work(60)
        scaled = s * SCALE
        higher = tile.maximum(top, tile.max(scaled, axis=1, keepdims=True))
        p = tile.exp(scaled - higher)
        weights.send(p.astype(f16))
        by = tile.exp(top - higher)
        total = total * by + tile.sum(p, axis=1, keepdims=True)
        acc = acc * by + mixed.recv()
        top = higher
    y[:] = acc / total


@network
def attend(
    query: In[Tensor[f16, 64, 64]], keys: In[Tensor[f16, "S", 64]], values: In[Tensor[f16, "S", 64]],
    y: Out[Tensor[f32, 64, 64]],
) -> None:  # fmt: skip
    """A block of queries attends to all keys."""
    scores = Channel[Scores](capacity=2)
    weights = Channel[Weights](capacity=2)
    mixed = Channel[Scores](capacity=2)
    multiply(query, keys, values, scores, weights, mixed)
    soften(scores, weights, mixed, y)


@routine
def attention(
    query: In[Tensor[f16, "H", 64, 64]], keys: In[Tensor[f16, "H", "S", 64]], values: In[Tensor[f16, "H", "S", 64]],
    y: Out[Tensor[f32, "H", 64, 64]],
) -> None:  # fmt: skip
    """Every head is a task of its own."""
    for h in range(query.shape[0]):
        attend(query[h], keys[h], values[h], y[h])


Halves = npt.NDArray[np.float16]
Singles = npt.NDArray[np.float32]


def inputs(seed: int = 0, rows: int = 200) -> tuple[Halves, Halves, Singles]:
    """What `linear` is given: normally distributed matrices, and a bias."""
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((rows, 256), (256, 128)))
    return a, b, rng.standard_normal(128).astype(np.float32)


def golden(a: Halves, b: Halves, bias: Singles) -> npt.NDArray[np.float64]:
    """`linear` on whole matrices in float64."""
    return np.maximum(a.astype(np.float64) @ b.astype(np.float64) + bias, 0.0)


def attention_inputs(seed: int = 0, heads: int = 2, keys: int = 192) -> tuple[Halves, Halves, Halves]:
    """What `attention` is given."""
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal((heads, rows, 64)).astype(np.float16) for rows in (64, keys, keys))
    return query, key, value


def attention_golden(query: Halves, keys: Halves, values: Halves) -> npt.NDArray[np.float64]:
    """`attention` on whole arrays in float64."""
    scores = query.astype(np.float64) @ keys.astype(np.float64).swapaxes(1, 2) * SCALE
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True) @ values.astype(np.float64)


def main() -> None:
    """Runs both as ordinary Python, and says how long `linear` takes in cycles."""
    a, b, bias = inputs()
    y = np.full((a.shape[0], b.shape[1]), np.nan, np.float32)
    times = simulate(linear, a, b, bias, y)
    print(f"linear: largest error {np.abs(y - golden(a, b, bias)).max():.1e}, {times.makespan} cycles")
    given = attention_inputs()
    out = np.full(given[0].shape, np.nan, np.float32)
    attention(*given, out)
    print(f"attention: largest error {np.abs(out - attention_golden(*given)).max():.1e}")


if __name__ == "__main__":
    main()
