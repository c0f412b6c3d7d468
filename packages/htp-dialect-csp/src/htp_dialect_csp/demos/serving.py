"""A serving pipeline: requests are admitted, sorted into tiers by length, decoded in pairs, and gathered as they end.

Tiers and pairs decide who waits for whom, never what comes out: every request gets the answer it would get alone.
Knows the program and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Scalar, Tensor, Tile, f32, func, i32, routine, tile, work
from htp_dialect_csp import EOS, Channel, Recv, Send, network, process, replicate, select, simulate

TOLERANCE = 2e-5
SHORT, MEDIUM = 32, 128
"""Largest lengths of the two lower tiers."""

Request = Scalar[i32]
Answer = Tile[f32, 1, 64]


@process
def admit(lengths: In[Tensor[i32, "R"]], tiers: tuple[Send[Request], ...]) -> None:
    """Sends every request to the tier of its length."""
    for r in range(lengths.shape[0]):
        work(1)
        n = tile.item(lengths[r])
        if n <= SHORT:
            tiers[0].send(r)
        elif n <= MEDIUM:
            tiers[1].send(r)
        else:
            tiers[2].send(r)


@func
def answered(q: f32, cache: f32) -> f32:
    """What one query makes of the rows it may see."""
    scores = q @ cache.T * 0.125
    weights = tile.exp(scores - tile.max(scores, axis=1, keepdims=True))
    return weights @ cache / tile.sum(weights, axis=1, keepdims=True)


@process
def decode(
    inp: Recv[Request],
    q: In[Tensor[f32, "R", 64]],
    cache: In[Tensor[f32, "R", "S", 64]],
    lengths: In[Tensor[i32, "R"]],
    done: Send[Request],
    answers: Send[Answer],
) -> None:
    """Answers requests in pairs; a pair takes as long as the longer one of the two."""
    first = inp.recv()
    while first is not EOS:
        n = tile.item(lengths[first])
        second = inp.recv()
        if second is EOS:
            work(n)
        else:
            m = tile.item(lengths[second])
            work(max(n, m))
            done.send(second)
            answers.send(answered(q[second:second + 1, :], cache[second, 0:m, :]))
        done.send(first)
        answers.send(answered(q[first:first + 1, :], cache[first, 0:n, :]))
        first = inp.recv()


@process
def gather(
    done: tuple[Recv[Request], ...], answers: tuple[Recv[Answer], ...], out: Out[Tensor[f32, "R", 64]]
) -> None:
    """Puts answers where their requests belong, in the order in which they come."""
    while (found := select(done)) is not EOS:
        tier, r = found
        if tier is done[0]:
            out[r:r + 1, :] = answers[0].recv()
        elif tier is done[1]:
            out[r:r + 1, :] = answers[1].recv()
        else:
            out[r:r + 1, :] = answers[2].recv()


@network
def tiers(
    q: In[Tensor[f32, "R", 64]],
    cache: In[Tensor[f32, "R", "S", 64]],
    lengths: In[Tensor[i32, "R"]],
    out: Out[Tensor[f32, "R", 64]],
) -> None:
    """Three tiers, each with a decoder of its own."""
    waiting = Channel[Request].array(3, capacity=4)
    done = Channel[Request].array(3, capacity=4, latency=1)
    answers = Channel[Answer].array(3, capacity=4, latency=1)
    admit(lengths, waiting)
    replicate(decode, 3, waiting, q, cache, lengths, done, answers)
    gather(done, answers, out)


@routine
def serve(
    q: In[Tensor[f32, "R", 64]],
    cache: In[Tensor[f32, "R", "S", 64]],
    lengths: In[Tensor[i32, "R"]],
    out: Out[Tensor[f32, "R", 64]],
) -> None:
    """Answers all requests."""
    tiers(q, cache, lengths, out)


Floats = npt.NDArray[np.float32]


def inputs(seed: int = 0) -> tuple[Floats, Floats, npt.NDArray[np.int32]]:
    """Eight requests of lengths between 1 and 256."""
    rng = np.random.default_rng(seed)
    lengths = np.array([17, 64, 130, 256, 1, 200, 33, 100], np.int32)
    q, cache = rng.standard_normal((8, 64)), rng.standard_normal((8, 256, 64))
    return q.astype(np.float32), cache.astype(np.float32), rng.permutation(lengths)


def golden(q: Floats, cache: Floats, lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """The same request by request in float64."""
    answers: list[npt.NDArray[np.float64]] = []
    for query, rows, n in zip(q.astype(np.float64), cache.astype(np.float64), lengths, strict=True):
        weights = np.exp(rows[:n] @ query * 0.125)
        answers.append(weights @ rows[:n] / weights.sum())
    return np.stack(answers)


def main() -> None:
    """Runs the network as ordinary Python, and says how long it takes in cycles."""
    q, cache, lengths = inputs()
    out = np.full(q.shape, np.nan, np.float32)
    times = simulate(tiers, q, cache, lengths, out)
    print(f"serving: largest error {np.abs(out - golden(q, cache, lengths)).max():.1e}, {times.makespan} cycles")


if __name__ == "__main__":
    main()
