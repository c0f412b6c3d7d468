"""One block of a Llama model as a single workload, put together from smaller ones; only data orders its tasks.

Root-mean-square norm, queries, keys and values, rotary positions (arXiv:2104.09864, pairs made of halves), causal
attention whose heads share keys and values in groups (arXiv:2305.13245), output projection with residual, norm, SwiGLU
feed-forward network (arXiv:2002.05202) with residual. Weights and activations are f16, sums are f32.
Knows the program, its schedules and its NumPy form; not how it is compiled.
"""

from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, InOut, Out, Scalar, Tensor, empty, f16, f32, func, i32, kernel, tile
from htp_dialect_wsp import P, Schedule, combine, round_robin, schedule, work_steal, workload

TOLERANCE = 6.4e-3
EPSILON = 1e-5


@kernel
def normalize_rows(x: In[Tensor[f16, "m", "D"]], gain: In[Tensor[f16, "D"]], y: Out[Tensor[f16, "m", "D"]]) -> None:
    """Every row divided by its root mean square, times `gain`."""
    rows = x[:].astype(f32)
    power = tile.mean(rows * rows, axis=1, keepdims=True)
    y[:] = (rows * tile.rsqrt(power + EPSILON) * gain[:].astype(f32)).astype(f16)


@kernel
def project_tile(x: In[Tensor[f16, "m", "K"]], w: In[Tensor[f16, "K", "n"]], y: Out[Tensor[f16, "m", "n"]]) -> None:
    """`y = x @ w`."""
    y[:] = (x[:] @ w[:]).astype(f16)


@kernel
def project_onto_tile(
    x: In[Tensor[f16, "m", "K"]],
    w: In[Tensor[f16, "K", "n"]],
    residual: In[Tensor[f16, "m", "n"]],
    y: Out[Tensor[f16, "m", "n"]],
) -> None:
    """`y = residual + x @ w`."""
    y[:] = (residual[:].astype(f32) + x[:] @ w[:]).astype(f16)


@kernel
def rotate_head(
    x: In[Tensor[f16, "m", "2 * half"]],
    cosine: In[Tensor[f32, "m", "half"]],
    sine: In[Tensor[f32, "m", "half"]],
    y: Out[Tensor[f16, "m", "2 * half"]],
) -> None:
    """Turns each pair of a first and a second half by the angle of its position."""
    half = cosine.shape[1]
    first, second = x[:, :half].astype(f32), x[:, half:].astype(f32)
    y[:, :half] = (first * cosine[:] - second * sine[:]).astype(f16)
    y[:, half:] = (second * cosine[:] + first * sine[:]).astype(f16)


@kernel
def start(top: Out[Tensor[f32, "m", 1]], total: Out[Tensor[f32, "m", 1]], acc: Out[Tensor[f32, "m", "d"]]) -> None:
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
    q: In[Tensor[f16, "m", "d"]],
    k: In[Tensor[f16, "n", "d"]],
    v: In[Tensor[f16, "n", "d"]],
    scale: Scalar[f32],
    top: InOut[Tensor[f32, "m", 1]],
    total: InOut[Tensor[f32, "m", 1]],
    acc: InOut[Tensor[f32, "m", "d"]],
) -> None:
    """Takes one block of keys and values into the state of one block of queries."""
    scores = q[:] @ k[:].T * scale
    higher, sums, mixed = absorbed(scores, v[:], top[:], total[:], acc[:])
    top[:] = higher
    total[:] = sums
    acc[:] = mixed


@kernel
def attend_diagonal(
    q: In[Tensor[f16, "m", "d"]],
    k: In[Tensor[f16, "m", "d"]],
    v: In[Tensor[f16, "m", "d"]],
    scale: Scalar[f32],
    top: In[Tensor[f32, "m", 1]],
    total: In[Tensor[f32, "m", 1]],
    acc: In[Tensor[f32, "m", "d"]],
    out: Out[Tensor[f16, "m", "d"]],
) -> None:
    """The last block, where no query sees a key that comes after it, and the weighted mean."""
    scores = q[:] @ k[:].T * scale
    seen = tile.where(tile.iota(scores.shape, 0) >= tile.iota(scores.shape, 1), scores, -inf)
    _, sums, mixed = absorbed(seen, v[:], top[:], total[:], acc[:])
    out[:] = (mixed / sums).astype(f16)


@kernel
def activate_tile(
    gate: In[Tensor[f16, "m", "n"]], up: In[Tensor[f16, "m", "n"]], y: Out[Tensor[f16, "m", "n"]]
) -> None:
    """`y = silu(gate) * up`."""
    y[:] = (tile.silu(gate[:].astype(f32)) * up[:].astype(f32)).astype(f16)


@workload
def normalize(x: In[Tensor[f16, "S", "D"]], gain: In[Tensor[f16, "D"]], y: Out[Tensor[f16, "S", "D"]]) -> None:
    """Every row divided by its root mean square, times `gain`."""
    for i in P(range(0, x.shape[0], 32)):
        normalize_rows(x[i:i + 32, :], gain, y[i:i + 32, :])


@workload
def project(x: In[Tensor[f16, "S", "K"]], w: In[Tensor[f16, "K", "N"]], y: Out[Tensor[f16, "S", "N"]]) -> None:
    """`y = x @ w`."""
    S, N = y.shape
    for i, j in P(range(0, S, 32), range(0, N, 64)):
        project_tile(x[i:i + 32, :], w[:, j:j + 64], y[i:i + 32, j:j + 64])


@workload
def project_onto(
    x: In[Tensor[f16, "S", "K"]],
    w: In[Tensor[f16, "K", "N"]],
    residual: In[Tensor[f16, "S", "N"]],
    y: Out[Tensor[f16, "S", "N"]],
) -> None:
    """`y = residual + x @ w`."""
    S, N = y.shape
    for i, j in P(range(0, S, 32), range(0, N, 64)):
        project_onto_tile(x[i:i + 32, :], w[:, j:j + 64], residual[i:i + 32, j:j + 64], y[i:i + 32, j:j + 64])


@workload
def rotate(
    x: In[Tensor[f16, "S", "N"]],
    cosine: In[Tensor[f32, "S", "half"]],
    sine: In[Tensor[f32, "S", "half"]],
    y: Out[Tensor[f16, "S", "N"]],
) -> None:
    """Turns every head of every row to its position."""
    S, N = x.shape
    d = 2 * cosine.shape[1]
    for i, h in P(range(0, S, 32), N // d):
        c = h * d
        rotate_head(x[i:i + 32, c:c + d], cosine[i:i + 32, :], sine[i:i + 32, :], y[i:i + 32, c:c + d])


@workload
def attention(
    q: In[Tensor[f16, "S", "N"]],
    k: In[Tensor[f16, "S", "M"]],
    v: In[Tensor[f16, "S", "M"]],
    d: Scalar[i32],
    scale: Scalar[f32],
    out: Out[Tensor[f16, "S", "N"]],
) -> None:
    """Causal attention in heads of `d` columns; `N // M` heads share keys and values."""
    S, N = q.shape
    shared = N // k.shape[1]
    for h, i in P(N // d, range(0, S, 32)):
        rows = min(32, S - i)
        c = h * d
        g = h // shared * d
        assert g >= 0
        assert g + d <= k.shape[1]  # which holds where M divides N
        top = empty((rows, 1), f32)
        total = empty((rows, 1), f32)
        acc = empty((rows, d), f32)
        start(top, total, acc)
        for j in P.seq(range(0, i, 32)):
            attend(q[i:i + 32, c:c + d], k[j:j + 32, g:g + d], v[j:j + 32, g:g + d], scale, top, total, acc)
        attend_diagonal(
            q[i:i + 32, c:c + d], k[i:i + 32, g:g + d], v[i:i + 32, g:g + d], scale, top, total, acc,
            out[i:i + 32, c:c + d],
        )  # fmt: skip


@workload
def activate(gate: In[Tensor[f16, "S", "F"]], up: In[Tensor[f16, "S", "F"]], y: Out[Tensor[f16, "S", "F"]]) -> None:
    """`y = silu(gate) * up`."""
    S, F = y.shape
    for i, j in P(range(0, S, 32), range(0, F, 128)):
        activate_tile(gate[i:i + 32, j:j + 128], up[i:i + 32, j:j + 128], y[i:i + 32, j:j + 128])


@workload
def llama_block(
    x: In[Tensor[f16, "S", "D"]],
    attention_gain: In[Tensor[f16, "D"]],
    w_q: In[Tensor[f16, "D", "N"]],
    w_k: In[Tensor[f16, "D", "M"]],
    w_v: In[Tensor[f16, "D", "M"]],
    w_o: In[Tensor[f16, "N", "D"]],
    feed_gain: In[Tensor[f16, "D"]],
    w_gate: In[Tensor[f16, "D", "F"]],
    w_up: In[Tensor[f16, "D", "F"]],
    w_down: In[Tensor[f16, "F", "D"]],
    cosine: In[Tensor[f32, "S", "half"]],
    sine: In[Tensor[f32, "S", "half"]],
    scale: Scalar[f32],
    y: Out[Tensor[f16, "S", "D"]],
) -> None:
    """Attention and feed-forward network, each behind a norm and added to what came in."""
    S, D = x.shape
    N, M, F = w_q.shape[1], w_k.shape[1], w_gate.shape[1]
    d = 2 * cosine.shape[1]
    normed = empty((S, D), f16)
    q, q_turned = empty((S, N), f16), empty((S, N), f16)
    k, k_turned, v = empty((S, M), f16), empty((S, M), f16), empty((S, M), f16)
    mixed = empty((S, N), f16)
    middle = empty((S, D), f16)
    middle_normed = empty((S, D), f16)
    gate, up, hidden = empty((S, F), f16), empty((S, F), f16), empty((S, F), f16)
    normalize(x, attention_gain, normed)
    combine(project(normed, w_q, q), project(normed, w_k, k), project(normed, w_v, v))
    combine(rotate(q, cosine, sine, q_turned), rotate(k, cosine, sine, k_turned))
    attention(q_turned, k_turned, v, d, scale, mixed)
    project_onto(mixed, w_o, x, middle)
    normalize(middle, feed_gain, middle_normed)
    combine(project(middle_normed, w_gate, gate), project(middle_normed, w_up, up))
    activate(gate, up, hidden)
    project_onto(hidden, w_down, middle, y)


@schedule(llama_block)
def in_turn(s: Schedule) -> None:
    """Four workers get one task after the other."""
    s.dispatch(round_robin(workers=4))
    s.task_window(128, unit="tasks", mode="stall")


@schedule(llama_block)
def stolen(s: Schedule) -> None:
    """Idle workers take tasks of busy ones."""
    s.dispatch(work_steal(4))


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float16] | npt.NDArray[np.float32] | float, ...]:
    """128 normally distributed positions of 256: 8 heads of 32, 4 heads of keys and values, 512 hidden features."""
    rng = np.random.default_rng(seed)
    S, D, M, F, d = 128, 256, 128, 512, 32

    def matrix(rows: int, columns: int) -> npt.NDArray[np.float16]:
        return (rng.standard_normal((rows, columns)) / sqrt(rows)).astype(np.float16)

    def gain() -> npt.NDArray[np.float16]:
        return (1.0 + 0.1 * rng.standard_normal(D)).astype(np.float16)

    angles = np.arange(S)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    return (
        rng.standard_normal((S, D)).astype(np.float16),
        gain(), matrix(D, D), matrix(D, M), matrix(D, M), matrix(D, D),
        gain(), matrix(D, F), matrix(D, F), matrix(F, D),
        np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32), 1.0 / sqrt(d),
    )  # fmt: skip


def golden(*arguments: npt.NDArray[np.float16] | npt.NDArray[np.float32] | float) -> npt.NDArray[np.float64]:
    """The same on whole arrays in float64."""
    x, attention_gain, w_q, w_k, w_v, w_o, feed_gain, w_gate, w_up, w_down, cosine, sine, scale = (
        np.asarray(each, np.float64) for each in arguments
    )
    d = 2 * cosine.shape[1]

    def normed(rows: npt.NDArray[np.float64], gain: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return rows / np.sqrt(np.mean(rows * rows, axis=1, keepdims=True) + EPSILON) * gain

    def heads(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return rows.reshape(len(rows), -1, d).swapaxes(0, 1)

    def turned(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        pairs = (rows[..., : d // 2] + 1j * rows[..., d // 2 :]) * (cosine + 1j * sine)
        return np.concatenate([pairs.real, pairs.imag], axis=-1)

    h = normed(x, attention_gain)
    q, k, v = turned(heads(h @ w_q)), turned(heads(h @ w_k)), heads(h @ w_v)
    k, v = (np.repeat(each, len(q) // len(k), axis=0) for each in (k, v))
    scores = np.where(np.tri(len(x), dtype=bool), q @ k.swapaxes(1, 2) * scale, -inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ v
    x = x + mixed.swapaxes(0, 1).reshape(len(x), -1) @ w_o
    h = normed(x, feed_gain)
    gate = h @ w_gate
    return x + (gate / (1.0 + np.exp(-gate)) * (h @ w_up)) @ w_down


def main() -> None:
    """Runs the workload as ordinary Python: one task after the other."""
    arguments = inputs()
    y = np.full((128, 256), np.nan, np.float16)
    llama_block(*arguments, y)
    print(f"llama block of 128 x 256: largest error {np.abs(y - golden(*arguments)).max():.1e}")


if __name__ == "__main__":
    main()
