from htp import In, InOut, Out, Scalar, Tensor, Tile, f32, i32, i64, kernel, tile
from htp.loops import (
    alloc,
    argmax_row,
    argmin_row,
    checked,
    parallel,
    require,
    sort_row,
    strips,
    topk_row,
    transpose_block,
)


@kernel
def softmax(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Rows sum to one."""
    M, N = x.shape
    for i in parallel(range(M)):
        top: Tile[f32, 16] = alloc((16,), f32, space="register")
        top[:] = f32(float("-inf"))
        for j, n in strips(N, 16):
            top[:n] = tile.maximum(top[:n], x[i, j : j + n])
        peak: Scalar[f32] = tile.max(top)
        total: Tile[f32, 16] = alloc((16,), f32, space="register")
        total[:] = 0.0
        for j, n in strips(N, 16):
            e: Tile[f32, 16] = tile.exp(x[i, j : j + n] - peak)
            total[:n] = total[:n] + e
            y[i, j : j + n] = e
        scale: Scalar[f32] = f32(1.0) / tile.sum(total)
        for j, n in strips(N, 16):
            y[i, j : j + n] = y[i, j : j + n] * scale


@kernel
def rmsnorm(x: In[Tensor[f32, "M", "N"]], w: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Rows scaled to a mean square of one."""
    M, N = x.shape
    for i in parallel(range(M)):
        row: Tile[f32, "N"] = alloc((N,), f32, space="scratch")
        total: Tile[f32, 16] = alloc((16,), f32, space="register")
        total[:] = f32(0.0)
        for j, n in strips(N, 16):
            v: Tile[f32, 16] = x[i, j : j + n]
            row[j : j + n] = v * w[j : j + n]
            total[:n] = total[:n] + v * v
        mean: Scalar[f32] = tile.sum(total) / f32(N)
        scale: Scalar[f32] = tile.rsqrt(mean + f32(1e-6))
        for j, n in strips(N, 16):
            y[i, j : j + n] = row[j : j + n] * scale


@kernel
def transpose(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "N", "M"]]) -> None:
    """Blocks of 16 x 16."""
    M, N = x.shape
    for i, j in parallel(range(0, M, 16), range(0, N, 16)):
        transpose_block(y[j : j + 16, i : i + 16], x[i : i + 16, j : j + 16])


@kernel
def lookup(table: In[Tensor[f32, "V", "D"]], ids: In[Tensor[i64, "B"]], out: Out[Tensor[f32, "B", "D"]]) -> None:
    """Rows of a table, counted from the end when negative."""
    V, D = table.shape
    (B,) = ids.shape
    for b in range(B):
        r: i64 = checked(ids[b], V, "user.py:12")
        for j, n in strips(D, 16):
            out[b, j : j + n] = table[r, j : j + n]


@kernel
def pick(x: In[Tensor[f32, "M", "N"]], at: In[Tensor[i32, "K"]], out: Out[Tensor[f32, "M", "K"]]) -> None:
    """Columns of every row, by vectors of indices; one of them is stored back by a scatter."""
    M, N = x.shape
    (K,) = at.shape
    for i in parallel(range(M)):
        for k, n in strips(K, 16):
            v: Tile[i64, 16] = tile.cast(checked(at[k : k + n], N, "user.py:20"), i64)
            out[i, k : k + n] = x[i, v]


@kernel
def spread(at: In[Tensor[i64, "K"]], values: In[Tensor[f32, "K"]], out: InOut[Tensor[f32, "N", 2]]) -> None:
    """Values stored at indices of the second column."""
    (K,) = at.shape
    for k, n in strips(K, 16):
        out[at[k : k + n], 1] = values[k : k + n]


@kernel
def extremes(x: In[Tensor[f32, "M", "N"]], best: Out[Tensor[i64, "M", 2]]) -> None:
    """Where the largest and the smallest element of every row stands."""
    M, N = x.shape
    require(N > 0, "rows are not empty", "user.py:30")
    for i in parallel(range(M)):
        best[i, 0] = argmax_row(x[i, 0:N])
        best[i, 1] = argmin_row(x[i, :])


@kernel
def ranked(
    x: In[Tensor[f32, "M", "N"]],
    up: Out[Tensor[f32, "M", "N"]],
    down: Out[Tensor[f32, "N", "M"]],
    top: Out[Tensor[f32, "M", 3]],
    where: Out[Tensor[i64, "M", 3]],
) -> None:
    """Rows sorted up, sorted down into columns, and their three largest elements."""
    M, N = x.shape
    for i in range(M):
        for j, n in strips(N, 16):
            up[i, j : j + n] = x[i, j : j + n]
            down[j : j + n, i] = x[i, j : j + n]
        sort_row(up[i, :])
        sort_row(down[:, i], True)
        topk_row(top[i, :], where[i, :], x[i, :])
