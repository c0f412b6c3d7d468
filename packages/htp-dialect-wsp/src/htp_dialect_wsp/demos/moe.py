"""A mixture of experts: every token goes through two of eight feed-forward networks, which the program itself chooses.

The tasks of an expert follow from how many tokens chose it, which is known only while the program runs.
Knows the program, its schedules and its NumPy form; not how it is compiled.
"""

from math import sqrt

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, empty, f16, f32, i32, kernel, tile
from htp_dialect_wsp import P, Ragged, Schedule, affinity, priority, schedule, work_steal, workload

TOLERANCE = 1.8e-3


@kernel
def route(
    x: In[Tensor[f16, "m", "H"]],
    router: In[Tensor[f16, "H", "E"]],
    chosen: Out[Tensor[i32, "m", 2]],
    shares: Out[Tensor[f32, "m", 2]],
) -> None:
    """The two experts with the largest scores, and the softmax of these scores."""
    scores, experts = tile.topk(x[:] @ router[:], 2)
    powers = tile.exp(scores - tile.max(scores, axis=1, keepdims=True))
    chosen[:] = experts.astype(i32)
    shares[:] = powers / tile.sum(powers, axis=1, keepdims=True)


@kernel
def group(
    chosen: In[Tensor[i32, "T", 2]],
    token: Out[Tensor[i32, "2 * T"]],
    place: Out[Tensor[i32, "T", 2]],
    starts: Out[Tensor[i32, "E + 1"]],
    tiles: Out[Tensor[i32, "E"]],
) -> None:
    """Sorts the choices by expert: the token of each row, the row of each choice, where experts start, their tiles."""
    T = chosen.shape[0]
    E = tiles.shape[0]
    flat = tile.reshape(chosen[:], (2 * T,))
    order = tile.argsort(flat)
    token[:] = (order // 2).astype(i32)
    place[:] = tile.reshape(tile.argsort(order), (T, 2)).astype(i32)
    counts = tile.sum(tile.one_hot(flat, E, i32), axis=0)
    starts[0:1] = 0
    starts[1:] = tile.cumsum(counts, axis=0)
    tiles[:] = (counts + 15) // 16


@kernel
def feed_forward(
    x: In[Tensor[f16, "T", "H"]],
    token: In[Tensor[i32, "m"]],
    w_gate: In[Tensor[f16, "H", "F"]],
    w_up: In[Tensor[f16, "H", "F"]],
    w_down: In[Tensor[f16, "F", "H"]],
    y: Out[Tensor[f32, "m", "H"]],
) -> None:
    """`y = (silu(rows @ w_gate) * (rows @ w_up)) @ w_down` for the rows of `x` that `token` names."""
    rows = tile.take(x[:], token[:])
    hidden = tile.silu(rows @ w_gate[:]) * (rows @ w_up[:])
    y[:] = hidden.astype(f16) @ w_down[:]


@kernel
def gather(
    done: In[Tensor[f32, "N", "H"]],
    place: In[Tensor[i32, "m", 2]],
    shares: In[Tensor[f32, "m", 2]],
    y: Out[Tensor[f16, "m", "H"]],
) -> None:
    """Adds up what a token's two experts gave, by their shares."""
    first = tile.take(done[:], place[:, 0]) * shares[:, 0:1]
    second = tile.take(done[:], place[:, 1]) * shares[:, 1:2]
    y[:] = (first + second).astype(f16)


@workload
def moe(
    x: In[Tensor[f16, "T", "H"]],
    router: In[Tensor[f16, "H", "E"]],
    w_gate: In[Tensor[f16, "E", "H", "F"]],
    w_up: In[Tensor[f16, "E", "H", "F"]],
    w_down: In[Tensor[f16, "E", "F", "H"]],
    y: Out[Tensor[f16, "T", "H"]],
) -> None:
    """Routes tokens, sorts them by expert, runs every expert on tiles of at most 16 rows, and puts tokens together."""
    T, H = x.shape
    E = router.shape[1]
    chosen = empty((T, 2), i32)
    shares = empty((T, 2), f32)
    token = empty((2 * T,), i32)
    place = empty((T, 2), i32)
    starts = empty((E + 1,), i32)
    tiles = empty((E,), i32)
    done = empty((2 * T, H), f32)
    for t in P(range(0, T, 16)):
        route(x[t:t + 16, :], router, chosen[t:t + 16, :], shares[t:t + 16, :])
    group(chosen, token, place, starts, tiles)
    for e, i in P(Ragged(E, tiles)):
        first = tile.item(starts[e]) + 16 * i
        last = min(first + 16, tile.item(starts[e + 1]))
        assert first >= 0
        assert last >= first  # so that a tile has at most 16 rows
        feed_forward(x, token[first:last], w_gate[e], w_up[e], w_down[e], done[first:last, :])
    for u in P(range(0, T, 16)):
        gather(done, place[u:u + 16, :], shares[u:u + 16, :], y[u:u + 16, :])


@schedule(moe)
def by_experts(s: Schedule) -> None:
    """An expert's weights stay with one worker."""
    s.dispatch(affinity(s.loop("e"), workers=4))


@schedule(moe)
def stolen(s: Schedule) -> None:
    """Idle workers take tiles of busy ones; at most 8 tasks are under way."""
    s.dispatch(work_steal(4))
    s.ready(priority("-i"))
    s.task_window(8, unit="tasks", mode="stall")


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float16], ...]:
    """64 normally distributed tokens of 256; 8 experts of 512, weights scaled so that activations stay near one."""
    rng = np.random.default_rng(seed)
    T, H, F, E = 64, 256, 512, 8
    return (
        rng.standard_normal((T, H)).astype(np.float16),
        (rng.standard_normal((H, E)) / sqrt(H)).astype(np.float16),
        (rng.standard_normal((E, H, F)) / sqrt(H)).astype(np.float16),
        (rng.standard_normal((E, H, F)) / sqrt(H)).astype(np.float16),
        (rng.standard_normal((E, F, H)) / sqrt(F)).astype(np.float16),
    )


def golden(
    x: npt.NDArray[np.float16],
    router: npt.NDArray[np.float16],
    w_gate: npt.NDArray[np.float16],
    w_up: npt.NDArray[np.float16],
    w_down: npt.NDArray[np.float16],
) -> npt.NDArray[np.float64]:
    """The same token by token in float64."""
    y = np.zeros(x.shape)
    for t, row in enumerate(x.astype(np.float64)):
        scores = row @ router.astype(np.float64)
        best = np.argsort(-scores, kind="stable")[:2]
        shares = np.exp(scores[best] - scores[best].max())
        for e, share in zip(best, shares / shares.sum(), strict=True):
            gate = row @ w_gate[e].astype(np.float64)
            hidden = gate / (1.0 + np.exp(-gate)) * (row @ w_up[e].astype(np.float64))
            y[t] += share * (hidden @ w_down[e].astype(np.float64))
    return y


def main() -> None:
    """Runs the workload as ordinary Python: one task after the other."""
    arguments = inputs()
    y = np.full((64, 256), np.nan, np.float16)
    moe(*arguments, y)
    print(f"mixture of 8 experts, 64 tokens of 256: largest error {np.abs(y - golden(*arguments)).max():.1e}")


if __name__ == "__main__":
    main()
