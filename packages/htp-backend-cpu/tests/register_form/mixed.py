from htp import In, InOut, Out, Scalar, Tensor, Tile, bf16, f8e4m3, f16, f32, i16, i32, i64, kernel, tile
from htp.loops import alloc, clip_index, print_tile, strips

WIDTH = 4
SLOPE = 0.25


@kernel
def scalars_beside_vectors(
    x: In[Tensor[f32, "N"]],
    h: In[Tensor[f16, "N"]],
    k: In[Tensor[i32, "N"]],
    y: Out[Tensor[f32, "N"]],
    u: Out[Tensor[f16, "N"]],
    w: Out[Tensor[i32, "N"]],
) -> None:
    """A scalar or constant may stand beside a vector in every operation."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        a: Tile[f32, 16] = tile.maximum(x[j : j + n], 0.0) + tile.minimum(f32(0.5), x[j : j + n])
        b: Tile[f32, 16] = tile.where(x[j : j + n] > 0.0, a, f32(SLOPE)) + tile.clip(x[j : j + n], -1.0, f32(1.0))
        y[j : j + n] = tile.where(a == b, 1.0, b) - tile.where(x[j : j + n] < x[0], x[j : j + n], 2.0)
        u[j : j + n] = tile.maximum(h[j : j + n] / f16(3.0), 0.0) + j
        v: Tile[i32, 16] = k[j : j + n]
        w[j : j + n] = v // 3 + v % i32(5) + (v >> 2) + tile.maximum(v, 7) & ~v
    for j in range(N):
        s: Scalar[f32] = x[j] ** f32(2.0) if x[j] > 0.0 or j == 1 else -x[j]
        y[j] = y[j] + s / (1.0 + SLOPE) + tile.exp(tile.minimum(x[j], 1.0))


@kernel
def pieces(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], at: Scalar[i64]) -> None:
    """Slices with bounds that are clipped, and calls with blocks of arrays of rank three."""
    M, N = x.shape
    low: i64 = clip_index(at, N)
    high: i64 = max(low, clip_index(at + WIDTH, N))
    grid: Tile[f32, "M", 2, "N"] = alloc((M, 2, N), f32, space="heap")
    for i in range(M):
        fill(grid[i, :, :], f32(i))
        fill(grid[i, 1:2, low:high], f32(-1.0))
        for j, n in strips(N, 8):
            y[i, j : j + n] = grid[i, 0, j : j + n] + grid[i, 1, j : j + n] * x[i, j : j + n]
    fill(y[-1:, :at], 9.0)


@kernel
def fill(block: Out[Tensor[f32, "P", "Q"]], value: Scalar[f32]) -> None:
    """Every element is `value`."""
    P, Q = block.shape
    for p in range(P):
        for q, n in strips(Q, 16):
            block[p, q : q + n] = value


@kernel
def shout(x: In[Tensor[f32, 2, 3]], k: In[Tensor[i32, 4]], s: Scalar[f32]) -> None:
    """Prints arrays, blocks and numbers."""
    print_tile("x", x, k)
    print_tile("row", x[1, :], s)
    print_tile("one", x[0, 0], k[3])


@kernel
def derived_dims(
    x: In[Tensor[f32, "N"]],
    y: Out[Tensor[f32, "(N + 1) // 2"]],
    z: Out[Tensor[f32, "2 * P + 1"]],
) -> None:
    """Dims that follow from others, one of them only by solving for it."""
    (H,) = y.shape
    (Q,) = z.shape
    for i in range(H):
        y[i] = x[2 * i]
    for i in range(Q):
        z[i] = f32(i)


@kernel
def narrow_storage(x: In[Tensor[f8e4m3, "N"]], y: InOut[Tensor[bf16, "N"]], k: Out[Tensor[i16, "N"]]) -> None:
    """Conversions between storage types."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        wide: Tile[f32, 16] = tile.cast(x[j : j + n], f32) * 2.0
        y[j : j + n] = y[j : j + n] + wide.astype(bf16)
        k[j : j + n] = tile.cast(wide, i16) * i16(-3)


@kernel
def odd_names(new: In[Tensor[f32, "int"]], max: InOut[Tensor[f32, "int"]], sum: Scalar[f32]) -> None:
    """Names that C++ or the prelude owns, and one lane too few for a strip of 4."""
    (int,) = new.shape
    for load, this in strips(int, 4):
        row: Tile[f32, 4] = new[load : load + this] * sum
        max[load : load + this] = max[load : load + this] + row
