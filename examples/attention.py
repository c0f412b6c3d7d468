"""Causal flash attention: scores are never stored, only a running maximum, sum and weighted mean per query.

The recurrence is the online softmax of Milakov and Gimelshein (arXiv:1805.02867), tiled as in FlashAttention
(arXiv:2205.14135).
Knows what attention is and its NumPy form; not how it is compiled.
"""

from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, Out, Scalar, Tensor, f32, kernel, tile


@kernel
def attention(
    q: In[Tensor[f32, "B", "H", "S", "D"]],
    k: In[Tensor[f32, "B", "H", "S", "D"]],
    v: In[Tensor[f32, "B", "H", "S", "D"]],
    scale: Scalar[f32],
    out: Out[Tensor[f32, "B", "H", "S", "D"]],
) -> None:
    """`out = softmax(scale * q @ k.T, causal) @ v` for every batch and head, 64 queries against 64 keys at a time."""
    B, H, S, D = q.shape
    for b in range(B):
        for h in range(H):
            for i in range(0, S, 64):
                queries = q[b, h, i:i + 64, :] * scale
                rows = queries.shape[0]
                top = tile.full((rows, 1), -inf, f32)
                total = tile.zeros((rows, 1), f32)
                acc = tile.zeros((rows, D), f32)
                for j in range(0, i + rows, 64):
                    scores = queries @ k[b, h, j:j + 64, :].T
                    if j == i:  # only the block on the diagonal holds keys that come after a query
                        scores = tile.where(
                            tile.iota(scores.shape, 0) >= tile.iota(scores.shape, 1), scores, -inf
                        )
                    higher = tile.maximum(top, tile.max(scores, axis=1, keepdims=True))
                    weights = tile.exp(scores - higher)
                    shrink = tile.exp(top - higher)
                    total = total * shrink + tile.sum(weights, axis=1, keepdims=True)
                    acc = acc * shrink + weights @ v[b, h, j:j + 64, :]
                    top = higher
                out[b, h, i:i + 64, :] = acc / total


def numpy_reference(
    q: npt.NDArray[np.floating], k: npt.NDArray[np.floating], v: npt.NDArray[np.floating], scale: float
) -> npt.NDArray[np.floating]:
    """The same on whole arrays, in the precision of the arguments."""
    size = q.shape[2]
    scores = q @ k.swapaxes(-1, -2) * scale
    scores = np.where(np.tril(np.ones((size, size), bool)), scores, -inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)) @ v


def main() -> None:
    """Runs the program as ordinary Python on 2 heads of 100 positions: the last tile holds 36."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 2, 100, 16)).astype(np.float32) for _ in range(3))
    out = np.empty_like(q)
    scale = 1.0 / sqrt(16)
    attention(q, k, v, scale, out)
    expected = numpy_reference(q.astype(np.float64), k.astype(np.float64), v.astype(np.float64), scale)
    print(f"attention over 100 positions: largest error {np.abs(out - expected).max():.1e}")


if __name__ == "__main__":
    main()
