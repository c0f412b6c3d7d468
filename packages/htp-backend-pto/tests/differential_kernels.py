"""Programs of the differential test that no example is: element by element, rows, products in three dtypes, choices.

Knows programs for HTP; arguments and results are in `differential_programs`.
"""

from differential_examples import example

from htp import In, InOut, Out, Scalar, Tensor, empty, f16, f32, i32, kernel, tile
from htp_dialect_wsp import P, Schedule, schedule, workload

route = example("workloads/moe.py").route


@kernel
def vector_add(a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "M", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Tiles of 16 x 32 with tails in both dimensions."""
    for i in range(0, c.shape[0], 16):
        for j in range(0, c.shape[1], 32):
            c[i : i + 16, j : j + 32] = a[i : i + 16, j : j + 32] + b[i : i + 16, j : j + 32]


@kernel
def gelu(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """In its tanh form."""
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 64):
            y[i : i + 16, j : j + 64] = tile.gelu(x[i : i + 16, j : j + 64], approximate="tanh")


@kernel
def swiglu(gate: In[Tensor[f32, "M", "N"]], up: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """`silu(gate) * up`."""
    for i in range(0, y.shape[0], 16):
        for j in range(0, y.shape[1], 64):
            y[i : i + 16, j : j + 64] = tile.silu(gate[i : i + 16, j : j + 64]) * up[i : i + 16, j : j + 64]


@kernel
def where(
    x: In[Tensor[f32, "M", "N"]], h: In[Tensor[f16, "M", "N"]], y: Out[Tensor[f32, "M", "N"]],
    z: Out[Tensor[f16, "M", "N"]],
) -> None:  # fmt: skip
    """Flags of one tile choose in two, whose rows have other paddings, and whose tails are no whole bytes of flags."""
    for i in range(0, x.shape[0], 8):
        for j in range(0, x.shape[1], 64):
            t = x[i : i + 8, j : j + 64]
            half = h[i : i + 8, j : j + 64]
            y[i : i + 8, j : j + 64] = tile.where(t > 0.5, t * 2.0, -t)
            z[i : i + 8, j : j + 64] = tile.where(t > 0.5, half, -half)


@kernel
def layernorm(
    x: In[Tensor[f32, "M", 80]], gain: In[Tensor[f32, 80]], bias: In[Tensor[f32, 80]], y: Out[Tensor[f32, "M", 80]]
) -> None:
    """Rows without their mean, by their deviation."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, :]
        centred = rows - tile.mean(rows, axis=1, keepdims=True)
        spread = tile.mean(centred * centred, axis=1, keepdims=True)
        y[i : i + 16, :] = centred * tile.rsqrt(spread + 1e-5) * gain + bias


def product_of(dtype: object) -> object:
    """A product of two matrices of one dtype: a loop over K, and tails everywhere."""

    @kernel
    def gemm(a: In[Tensor[dtype, "M", "K"]], b: In[Tensor[dtype, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
        for i in range(0, c.shape[0], 32):
            for j in range(0, c.shape[1], 32):
                acc = tile.zeros((min(32, c.shape[0] - i), min(32, c.shape[1] - j)), f32)
                for k in range(0, a.shape[1], 32):
                    acc += a[i : i + 32, k : k + 32] @ b[k : k + 32, j : j + 32]
                c[i : i + 32, j : j + 32] = acc

    return gemm


@kernel
def product(a: In[Tensor[f16, "m", "k"]], b: In[Tensor[f16, "k", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    """One tile of a product."""
    c[:] = a[:] @ b[:]


@kernel
def relu(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    """What is positive of a tile."""
    y[:] = tile.maximum(x[:], 0.0)


@workload
def blocks(
    a: In[Tensor[f16, 64, 64]], b: In[Tensor[f16, 64, 96]], t: Out[Tensor[f32, 64, 96]], c: Out[Tensor[f32, 64, 96]]
) -> None:
    """Twelve tiles of a product, and what is positive of them: 24 tasks, or two of blocks where loops are bound."""
    for i in P(range(0, 64, 16)):
        for j in P(range(0, 96, 32)):
            product(a[i : i + 16, :], b[:, j : j + 32], t[i : i + 16, j : j + 32])
            relu(t[i : i + 16, j : j + 32], c[i : i + 16, j : j + 32])


@schedule(blocks)
def bound(s: Schedule) -> None:
    """Every row of tiles is a block."""
    s.bind("i", "worker")


@schedule(blocks)
def mapped(s: Schedule) -> None:
    """A block for every tile of the product, and one for every column of tiles behind it."""
    s.map("product", "i // 16 + j // 32 * 4")
    s.map("relu", "j // 32")


@kernel
def demand(chosen: In[Tensor[i32, "m", 2]], counts: Out[Tensor[i32, 1, "E"]]) -> None:
    """How many choices fell on each expert."""
    flat = tile.reshape(chosen[:], (2 * chosen.shape[0],))
    counts[:] = tile.sum(tile.one_hot(flat, counts.shape[1], i32), axis=0, keepdims=True)


@kernel
def expert(
    x: In[Tensor[f16, "m", "H"]], chosen: In[Tensor[i32, "m", 2]], shares: In[Tensor[f32, "m", 2]], e: Scalar[i32],
    gate: In[Tensor[f16, "H", "F"]], up: In[Tensor[f16, "H", "F"]], down: In[Tensor[f16, "F", "H"]],
    y: InOut[Tensor[f32, "m", "H"]],
) -> None:  # fmt: skip
    """Adds what an expert makes of rows, by the share of each, which is 0 where the expert was not chosen."""
    rows = x[:]
    hidden = tile.silu(rows @ gate[:]) * (rows @ up[:])
    share = tile.sum(tile.where(chosen[:] == e, shares[:], 0.0), axis=1, keepdims=True)
    y[:] = y[:] + (hidden.astype(f16) @ down[:]) * share


@workload
def moe_by_tiles(
    x: In[Tensor[f16, "T", "H"]], router: In[Tensor[f16, "H", "E"]], gate: In[Tensor[f16, "E", "H", "F"]],
    up: In[Tensor[f16, "E", "H", "F"]], down: In[Tensor[f16, "E", "F", "H"]], y: InOut[Tensor[f32, "T", "H"]],
) -> None:  # fmt: skip
    """Top-2 routing without a look at results: every expert on the tiles of tokens of which one chose it."""
    T = x.shape[0]
    E = router.shape[1]
    chosen = empty((T, 2), i32)
    shares = empty((T, 2), f32)
    counts = empty(((T + 15) // 16, E), i32)
    for t in P(range((T + 15) // 16)):
        route(x[16 * t : 16 * t + 16, :], router, chosen[16 * t : 16 * t + 16, :], shares[16 * t : 16 * t + 16, :])
        demand(chosen[16 * t : 16 * t + 16, :], counts[t : t + 1, :])
    for e in P.seq(range(E)):
        for t in P(range((T + 15) // 16)):
            with P.when(tile.item(counts[t, e]) > 0):
                expert(x[16 * t:16 * t + 16, :], chosen[16 * t:16 * t + 16, :], shares[16 * t:16 * t + 16, :], e,
                       gate[e], up[e], down[e], y[16 * t:16 * t + 16, :])  # fmt: skip
