"""Attention of one new token per request over a paged cache, with long requests split into pieces.

Keys and values lie in pages of 16 tokens anywhere in a pool. A plan made on the host cuts every request into pieces of
at most 4 pages; a piece leaves its running maximum, sum and weighted sum, and the pieces of a request are merged.
Another batch is other data for the same program. Page tables as in FlashInfer (arXiv:2501.01005).
Knows the program, its plan, its schedules and its NumPy form; not how it is compiled.
"""

from itertools import pairwise
from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, InOut, Out, Scalar, Tensor, empty, f16, f32, i32, kernel, tile
from htp_dialect_wsp import P, Ragged, Schedule, Sparse, hash, schedule, work_steal, workload

TOLERANCE = 1.25e-3
PAGE = 16
LENGTHS = (17, 64, 130, 256, 1, 511, 33, 200)
Halves = npt.NDArray[np.float16]
Ints = npt.NDArray[np.int32]


@kernel
def start(top: Out[Tensor[f32, "m", 1]], total: Out[Tensor[f32, "m", 1]], acc: Out[Tensor[f32, "m", "D"]]) -> None:
    """Nothing attended to yet."""
    top[:] = -inf
    total[:] = 0.0
    acc[:] = 0.0


@kernel
def attend(
    q: In[Tensor[f16, "m", "D"]],
    k: In[Tensor[f16, "page", "D"]],
    v: In[Tensor[f16, "page", "D"]],
    filled: Scalar[i32],
    scale: Scalar[f32],
    top: InOut[Tensor[f32, "m", 1]],
    total: InOut[Tensor[f32, "m", 1]],
    acc: InOut[Tensor[f32, "m", "D"]],
) -> None:
    """Takes the first `filled` tokens of a page into the state of the heads that share its keys."""
    scores = q[:] @ k[:].T * scale
    scores = tile.where(tile.iota(scores.shape, 1) < filled, scores, -inf)
    higher = tile.maximum(top[:], tile.max(scores, axis=1, keepdims=True))
    weights = tile.exp(scores - higher)
    shrink = tile.exp(top[:] - higher)
    total[:] = total[:] * shrink + tile.sum(weights, axis=1, keepdims=True)
    acc[:] = acc[:] * shrink + weights.astype(f16) @ v[:]
    top[:] = higher


@kernel
def merge(
    piece_top: In[Tensor[f32, "m", 1]],
    piece_total: In[Tensor[f32, "m", 1]],
    piece_acc: In[Tensor[f32, "m", "D"]],
    top: InOut[Tensor[f32, "m", 1]],
    total: InOut[Tensor[f32, "m", 1]],
    acc: InOut[Tensor[f32, "m", "D"]],
) -> None:
    """Takes the state of a piece into that of its request."""
    higher = tile.maximum(top[:], piece_top[:])
    own, other = tile.exp(top[:] - higher), tile.exp(piece_top[:] - higher)
    total[:] = total[:] * own + piece_total[:] * other
    acc[:] = acc[:] * own + piece_acc[:] * other
    top[:] = higher


@kernel
def finish(total: In[Tensor[f32, "m", 1]], acc: In[Tensor[f32, "m", "D"]], out: Out[Tensor[f16, "m", "D"]]) -> None:
    """The weighted mean."""
    out[:] = (acc[:] / total[:]).astype(f16)


@workload
def paged_decode(
    q: In[Tensor[f16, "R", "H", "D"]],
    k_pool: In[Tensor[f16, "pool", "page", "G", "D"]],
    v_pool: In[Tensor[f16, "pool", "page", "G", "D"]],
    pieces: In[Tensor[i32, "R"]],
    page_indptr: In[Tensor[i32, "W + 1"]],
    page_indices: In[Tensor[i32, "N"]],
    filled: In[Tensor[i32, "N"]],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "R", "H", "D"]],
) -> None:
    """`out[r] = softmax(scale * q[r] @ keys.T) @ values`; `H // G` heads share a head of keys and values."""
    R, H, D = q.shape
    G = k_pool.shape[2]
    W = page_indptr.shape[0] - 1
    shared = H // G
    parts = Ragged(R, pieces)  # (request, its i-th piece)
    table = Sparse(page_indptr, page_indices)  # (piece, k, page)
    piece_top = empty((W, H, 1), f32)
    piece_total = empty((W, H, 1), f32)
    piece_acc = empty((W, H, D), f32)
    top = empty((R, H, 1), f32)
    total = empty((R, H, 1), f32)
    acc = empty((R, H, D), f32)
    for r, i, g in P(parts, G):
        w = parts.start(r) + i
        h = g * shared
        start(piece_top[w, h:h + shared, :], piece_total[w, h:h + shared, :], piece_acc[w, h:h + shared, :])
        for k, page in P.seq(table[w]):
            attend(
                q[r, h:h + shared, :], k_pool[page, :, g, :], v_pool[page, :, g, :], tile.item(filled[k]), scale,
                piece_top[w, h:h + shared, :], piece_total[w, h:h + shared, :], piece_acc[w, h:h + shared, :],
            )  # fmt: skip
    for r, g in P(R, G):
        h = g * shared
        start(top[r, h:h + shared, :], total[r, h:h + shared, :], acc[r, h:h + shared, :])
        for i in P.seq(parts[r]):
            w = parts.start(r) + i
            merge(
                piece_top[w, h:h + shared, :], piece_total[w, h:h + shared, :], piece_acc[w, h:h + shared, :],
                top[r, h:h + shared, :], total[r, h:h + shared, :], acc[r, h:h + shared, :],
            )  # fmt: skip
        finish(total[r, h:h + shared, :], acc[r, h:h + shared, :], out[r, h:h + shared, :])


@schedule(paged_decode)
def stolen(s: Schedule) -> None:
    """Requests differ in length: idle workers take tasks from the others."""
    s.dispatch(work_steal(4))
    s.task_window(64, unit="tasks", mode="stall")


@schedule(paged_decode)
def by_requests(s: Schedule) -> None:
    """The worker of a task follows from its request."""
    s.dispatch(hash("r", workers=4))


def plan(lengths: tuple[int, ...], pages: npt.NDArray[np.integer], most: int = 4) -> tuple[Ints, Ints, Ints, Ints]:
    """Gives request after request its next pages of `pages`, and cuts it into pieces of at most `most` pages.

    Returns:
        The number of pieces of each request, the bounds of each piece among the pages, the pages, tokens in each page.
    """
    counts = [-(-length // PAGE) for length in lengths]
    pieces = [-(-count // most) for count in counts]
    sizes = [min(most, count - first) for count in counts for first in range(0, count, most)]
    filled = [min(PAGE, length - first) for length in lengths for first in range(0, length, PAGE)]
    bounds = np.cumsum([0, *sizes], dtype=np.int32)
    return np.array(pieces, np.int32), bounds, pages[: sum(counts)].astype(np.int32), np.array(filled, np.int32)


def inputs(
    seed: int = 0, lengths: tuple[int, ...] = LENGTHS
) -> tuple[Halves, Halves, Halves, Ints, Ints, Ints, Ints, float]:
    """Normally distributed queries, a pool of 96 pages with keys and values, a plan over shuffled pages, the scale."""
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((len(lengths), 8, 64)).astype(np.float16)
    k_pool, v_pool = (rng.standard_normal((96, PAGE, 2, 64)).astype(np.float16) for _ in range(2))
    return (q, k_pool, v_pool, *plan(lengths, rng.permutation(96)), 1.0 / sqrt(64))


def golden(
    q: Halves,
    k_pool: Halves,
    v_pool: Halves,
    pieces: Ints,
    page_indptr: Ints,
    page_indices: Ints,
    filled: Ints,
    scale: float,
) -> npt.NDArray[np.float64]:
    """The same request by request in float64, over its tokens in one piece."""
    out = np.empty(q.shape)
    bounds = page_indptr[np.cumsum([0, *pieces])]
    for r, (first, last) in enumerate(pairwise(bounds)):
        used = [(page_indices[k], filled[k]) for k in range(first, last)]
        keys, values = (
            np.concatenate([pool[page, :count] for page, count in used]).astype(np.float64) for pool in (k_pool, v_pool)
        )
        for h in range(q.shape[1]):
            g = h // (q.shape[1] // keys.shape[1])
            scores = keys[:, g] @ q[r, h].astype(np.float64) * scale
            weights = np.exp(scores - scores.max())
            out[r, h] = weights / weights.sum() @ values[:, g]
    return out


def main() -> None:
    """Runs the workload as ordinary Python on two batches: one task after the other."""
    for lengths in (LENGTHS, (5, 700, 3)):
        arguments = inputs(lengths=lengths)
        out = np.full((len(lengths), 8, 64), np.nan, np.float16)
        paged_decode(*arguments, out)
        error = np.abs(out - golden(*arguments)).max()
        print(f"paged decode of {len(lengths)} requests, {sum(lengths)} tokens: largest error {error:.1e}")


if __name__ == "__main__":
    main()
