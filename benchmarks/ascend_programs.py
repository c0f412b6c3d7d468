"""Programs for Ascend that compute what hand-written kernels compute, at their tile sizes, for `ascend_pairs.py`."""

from __future__ import annotations

from htp import In, InOut, Out, Scalar, Tensor, bf16, empty, f16, f32, i32, kernel, routine, tile

# --- the vector example


@kernel
def add(x: In[Tensor[f32, 128, 128]], y: In[Tensor[f32, 128, 128]], z: Out[Tensor[f32, 128, 128]]) -> None:
    """`z = x + y`."""
    z[:] = x[:] + y[:]


@kernel
def formula(a: In[Tensor[f32, 128, 128]], b: In[Tensor[f32, 128, 128]], f: Out[Tensor[f32, 128, 128]]) -> None:
    """`f = (a + b + 1) (a + b + 2) + (a + b)`, 64 rows at a time: three whole tiles have no room."""
    for i in range(0, 128, 64):
        c = a[i:i + 64, :] + b[i:i + 64, :]
        f[i:i + 64, :] = (c + 1.0) * (c + 2.0) + c


# --- products of groups of tiles


@kernel
def tile_products(
    a: In[Tensor[f32, "L", 128, 128]], b: In[Tensor[f32, "L", 128, 128]], c: Out[Tensor[f32, "L", 128, 128]]
) -> None:
    """Every tile of `a` times that of `b`."""
    for t in range(a.shape[0]):
        c[t] = a[t] @ b[t]


@routine
def gemm_tile(
    a: In[Tensor[f32, "L", 128, 128]], b: In[Tensor[f32, "L", 128, 128]], c: Out[Tensor[f32, "L", 128, 128]]
) -> None:
    """All of them in one task."""
    tile_products(a, b, c)


@kernel
def tile_sums(c: InOut[Tensor[f32, "L", 128, 128]], p: In[Tensor[f32, "L", 128, 128]]) -> None:
    """Adds the tiles of `p`."""
    for t in range(c.shape[0]):
        c[t] = c[t] + p[t]


@routine
def tile_add(c: InOut[Tensor[f32, "L", 128, 128]], p: In[Tensor[f32, "L", 128, 128]]) -> None:
    """All of them in one task."""
    tile_sums(c, p)


@kernel
def group(
    a: In[Tensor[f32, "K", "L", 128, 128]], b: In[Tensor[f32, "K", "L", 128, 128]], c: Out[Tensor[f32, "L", 128, 128]]
) -> None:
    """A group of tiles of the result, each the sum of `K` products."""
    for t in range(c.shape[0]):
        acc = tile.zeros((128, 128), f32)
        for k in range(a.shape[0]):
            acc += a[k, t] @ b[k, t]
        c[t] = acc


@routine
def bgemm(
    a: In[Tensor[f32, "G", "K", "L", 128, 128]], b: In[Tensor[f32, "G", "K", "L", 128, 128]],
    c: Out[Tensor[f32, "G", "L", 128, 128]],
) -> None:  # fmt: skip
    """A task for each group."""
    for g in range(c.shape[0]):
        group(a[g], b[g], c[g])


# --- paged attention


@kernel
def scores(q: In[Tensor[bf16, 16, 128]], k: In[Tensor[bf16, 128, 128]], s: Out[Tensor[f32, 16, 128]]) -> None:
    """`s = q @ k.T`."""
    s[:] = q[:] @ k[:].T


@kernel
def weighted(p: In[Tensor[bf16, 16, 128]], v: In[Tensor[bf16, 128, 128]], o: Out[Tensor[f32, 16, 128]]) -> None:
    """`o = p @ v`."""
    o[:] = p[:] @ v[:]


@kernel
def softmax_prepare(
    s: In[Tensor[f32, 16, 128]], p: Out[Tensor[bf16, 16, 128]], m: Out[Tensor[f32, 16, 1]],
    total: Out[Tensor[f32, 16, 1]], scale: Scalar[f32],
) -> None:  # fmt: skip
    """The weights of one block of keys, their largest score and their sum."""
    scaled = s[:] * scale
    top = tile.max(scaled, axis=1, keepdims=True)
    weights = tile.exp(scaled - top).astype(bf16)
    p[:] = weights
    m[:] = top
    total[:] = tile.sum(weights.astype(f32), axis=1, keepdims=True)


@kernel
def online_update(
    m: In[Tensor[f32, 16, 1]], part: In[Tensor[f32, 16, 1]], o: In[Tensor[f32, 16, 128]],
    top: InOut[Tensor[f32, 16, 1]], total: InOut[Tensor[f32, 16, 1]], acc: InOut[Tensor[f32, 16, 128]],
) -> None:  # fmt: skip
    """Takes a block's state into the running one."""
    higher = tile.maximum(top[:], m[:])
    own, other = tile.exp(top[:] - higher), tile.exp(m[:] - higher)
    total[:] = own * total[:] + other * part[:]
    acc[:] = acc[:] * own + o[:] * other
    top[:] = higher


@kernel
def attend(
    q: In[Tensor[bf16, 16, 128]], k: In[Tensor[bf16, "n", 128]], v: In[Tensor[bf16, "n", 128]], scale: Scalar[f32],
    top: Out[Tensor[f32, 16, 1]], total: Out[Tensor[f32, 16, 1]], acc: Out[Tensor[f32, 16, 128]],
) -> None:  # fmt: skip
    """The state of one block of keys."""
    s = q[:] @ k[:].T * scale
    highest = tile.max(s, axis=1, keepdims=True)
    weights = tile.exp(s - highest).astype(bf16)
    top[:] = highest
    total[:] = tile.sum(weights.astype(f32), axis=1, keepdims=True)
    acc[:] = weights @ v[:]


@kernel
def finish(total: In[Tensor[f32, 16, 1]], acc: In[Tensor[f32, 16, 128]], out: Out[Tensor[f32, 16, 128]]) -> None:
    """The weighted mean."""
    out[:] = acc[:] / total[:]


@routine
def paged_attention(
    query: In[Tensor[bf16, "B", 16, 128]], keys: In[Tensor[bf16, "pool", 128, 1, 128]],
    values: In[Tensor[bf16, "pool", 128, 1, 128]], table: In[Tensor[i32, "B", "W"]], lengths: In[Tensor[i32, "B"]],
    out: Out[Tensor[f32, "B", 16, 128]], scale: Scalar[f32],
) -> None:  # fmt: skip
    """`out[b] = softmax(scale * query[b] @ keys.T) @ values` over the first tokens of the pages of `table[b]`."""
    for b in range(query.shape[0]):
        length = tile.item(lengths[b])
        top, total, acc = empty((16, 1), f32), empty((16, 1), f32), empty((16, 128), f32)
        filled, page = min(128, length), tile.item(table[b, 0])
        attend(query[b], keys[page, 0:filled, 0, :], values[page, 0:filled, 0, :], scale, top, total, acc)
        for n in range(1, (length + 127) // 128):
            m, part, o = empty((16, 1), f32), empty((16, 1), f32), empty((16, 128), f32)
            filled, page = min(128, length - 128 * n), tile.item(table[b, n])
            attend(query[b], keys[page, 0:filled, 0, :], values[page, 0:filled, 0, :], scale, m, part, o)
            online_update(m, part, o, top, total, acc)
        finish(total, acc, out[b])


# --- the kernels of a decoder, of 16 tokens and 5120 channels


@kernel
def rms_recip(x: In[Tensor[f32, 16, 5120]], inv: Out[Tensor[f32, 16, 1]]) -> None:
    """`inv = 1 / sqrt(mean(x ** 2) + 1e-6)`, 256 columns at a time."""
    total = tile.zeros((16, 1), f32)
    for c in range(0, 5120, 256):
        part = x[:, c:c + 256]
        total += tile.sum(part * part, axis=1, keepdims=True)
    inv[:] = 1.0 / tile.sqrt(total * (1.0 / 5120) + 1e-6)


@kernel
def post_rms_reduce(x: In[Tensor[f32, 16, 5120]], y: In[Tensor[f32, 16, 5120]], inv: Out[Tensor[f32, 16, 1]]) -> None:
    """The same of `x + y`."""
    total = tile.zeros((16, 1), f32)
    for c in range(0, 5120, 256):
        part = x[:, c:c + 256] + y[:, c:c + 256]
        total += tile.sum(part * part, axis=1, keepdims=True)
    inv[:] = 1.0 / tile.sqrt(total * (1.0 / 5120) + 1e-6)


@kernel
def residual_part(
    normed: Out[Tensor[bf16, 16, "C"]], hidden: Out[Tensor[f32, 16, "C"]], x: In[Tensor[f32, 16, "C"]],
    y: In[Tensor[f32, 16, "C"]], gamma: In[Tensor[f32, 1, "C"]],
) -> None:  # fmt: skip
    """`hidden = x + y` and `normed = hidden * gamma`."""
    for c in range(0, x.shape[1], 256):
        part = x[:, c:c + 256] + y[:, c:c + 256]
        hidden[:, c:c + 256] = part
        normed[:, c:c + 256] = (part * gamma[:, c:c + 256]).astype(bf16)


@routine
def residual_rms_cast(
    normed: InOut[Tensor[bf16, 16, 5120]], hidden: InOut[Tensor[f32, 16, 5120]], x: In[Tensor[f32, 16, 5120]],
    y: In[Tensor[f32, 16, 5120]], gamma: In[Tensor[f32, 1, 5120]],
) -> None:  # fmt: skip
    """One task for the second 1024 columns."""
    residual_part(normed[:, 1024:2048], hidden[:, 1024:2048], x[:, 1024:2048], y[:, 1024:2048], gamma[:, 1024:2048])


@kernel
def silu_part(
    inv: In[Tensor[f32, 16, 1]], mlp: Out[Tensor[bf16, 16, "C"]], gate: In[Tensor[f32, 16, "C"]],
    up: In[Tensor[f32, 16, "C"]],
) -> None:  # fmt: skip
    """`mlp = silu(inv * gate) * (inv * up)`."""
    scale = inv[:]
    for c in range(0, gate.shape[1], 256):
        mlp[:, c:c + 256] = (tile.silu(gate[:, c:c + 256] * scale) * (up[:, c:c + 256] * scale)).astype(bf16)


@routine
def silu(
    inv: In[Tensor[f32, 16, 1]], mlp: InOut[Tensor[bf16, 16, 17408]], gate: In[Tensor[f32, 16, 17408]],
    up: In[Tensor[f32, 16, 17408]],
) -> None:  # fmt: skip
    """One task for the second 1024 columns."""
    silu_part(inv, mlp[:, 1024:2048], gate[:, 1024:2048], up[:, 1024:2048])


@kernel
def gamma_part(
    normed: Out[Tensor[bf16, 16, "C"]], x: In[Tensor[f32, 16, "C"]], gamma: In[Tensor[f32, 1, "C"]]
) -> None:
    """`normed = x * gamma`, 256 columns at a time."""
    for c in range(0, x.shape[1], 256):
        normed[:, c:c + 256] = (x[:, c:c + 256] * gamma[:, c:c + 256]).astype(bf16)


@routine
def x_gamma(
    normed: Out[Tensor[bf16, 16, 5120]], x: In[Tensor[f32, 16, 5120]], gamma: In[Tensor[f32, 1, 5120]]
) -> None:
    """Five tasks."""
    for c in range(0, 5120, 1024):
        gamma_part(normed[:, c:c + 1024], x[:, c:c + 1024], gamma[:, c:c + 1024])


@kernel
def dcr_xgamma(
    x: In[Tensor[f32, 16, 5120]], y: In[Tensor[f32, 16, 5120]], hidden: Out[Tensor[f32, 16, 5120]],
    gamma: In[Tensor[f32, 1, 5120]], normed: Out[Tensor[bf16, 16, 5120]],
) -> None:  # fmt: skip
    """`hidden = x + y` and `normed = hidden * gamma`, a task for 1024 columns."""
    for c in range(0, 5120, 1024):
        part = x[:, c:c + 1024] + y[:, c:c + 1024]
        hidden[:, c:c + 1024] = part
        normed[:, c:c + 1024] = (part * gamma[:, c:c + 1024]).astype(bf16)


# --- products and sums of pto-isa


@kernel
def row_sum(x: In[Tensor[f16, 1, 2048]], y: In[Tensor[f16, 1, 2048]], z: Out[Tensor[f16, 1, 2048]]) -> None:
    """`z = x + y`, 512 elements at a time."""
    for c in range(0, 2048, 512):
        z[:, c:c + 512] = x[:, c:c + 512] + y[:, c:c + 512]


@routine
def row_sums(x: In[Tensor[f16, 20, 2048]], y: In[Tensor[f16, 20, 2048]], z: Out[Tensor[f16, 20, 2048]]) -> None:
    """A task for each of 20 rows."""
    for i in range(20):
        row_sum(x[i:i + 1, :], y[i:i + 1, :], z[i:i + 1, :])


@kernel
def gemm_basic(a: In[Tensor[f16, 512, 2048]], b: In[Tensor[f16, 1536, 2048]], c: Out[Tensor[f32, 512, 1536]]) -> None:
    """`c = a @ b.T`: 24 tasks, tiles of 128 x 256, 64 of the inner size at a time."""
    for i in range(0, 512, 128):
        for j in range(0, 1536, 256):
            acc = tile.zeros((128, 256), f32)
            for k in range(0, 2048, 64):
                acc += tile.dot(a[i:i + 128, k:k + 64], b[j:j + 256, k:k + 64].T, out_dtype=f32)
            c[i:i + 128, j:j + 256] = acc


@kernel
def gemm_tiles(a: In[Tensor[f16, 256, 1024]], b: In[Tensor[f16, 512, 1024]], c: Out[Tensor[f32, 256, 512]]) -> None:
    """`c = a @ b.T`: tiles of 128 x 256, 256 of the inner size at a time."""
    for i in range(0, 256, 128):
        for j in range(0, 512, 256):
            acc = tile.zeros((128, 256), f32)
            for k in range(0, 1024, 256):
                acc += tile.dot(a[i:i + 128, k:k + 256], b[j:j + 256, k:k + 256].T, out_dtype=f32)
            c[i:i + 128, j:j + 256] = acc


@routine
def gemm_performance(
    a: In[Tensor[f16, 256, 1024]], b: In[Tensor[f16, 512, 1024]], c: Out[Tensor[f32, 256, 512]]
) -> None:
    """In one task."""
    gemm_tiles(a, b, c)
