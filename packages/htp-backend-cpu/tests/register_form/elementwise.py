from htp import In, Out, Scalar, Tensor, Tile, bf16, bool_, f16, f32, f64, i8, i32, i64, kernel, tile, u8
from htp.loops import alloc, iota, parallel, strips


@kernel
def add(x: In[Tensor[f32, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    """Sum of two vectors."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        z[j : j + n] = x[j : j + n] + y[j : j + n]


@kernel
def half_precision(
    x: In[Tensor[f16, "N"]], y: In[Tensor[bf16, "N"]], u: Out[Tensor[f16, "N"]], v: Out[Tensor[bf16, "N"]]
) -> None:
    """Every operation on a narrow float rounds."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        a: Tile[f16, 16] = x[j : j + n] * f16(0.1) + f16(1.0)
        b: Tile[bf16, 16] = y[j : j + n] * y[j : j + n] - bf16(0.5)
        u[j : j + n] = tile.maximum(a, x[j : j + n])
        v[j : j + n] = b + tile.cast(a, bf16)


@kernel
def integers(
    x: In[Tensor[i32, "N"]],
    y: In[Tensor[i32, "N"]],
    b: In[Tensor[i8, "N"]],
    q: Out[Tensor[i32, "N"]],
    r: Out[Tensor[i32, "N"]],
    w: Out[Tensor[i8, "N"]],
    t: Out[Tensor[u8, "N"]],
) -> None:
    """Integers wrap; division rounds down."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        q[j : j + n] = x[j : j + n] // y[j : j + n] + x[j : j + n] * i32(65537)
        r[j : j + n] = x[j : j + n] % y[j : j + n] ^ (x[j : j + n] << i32(3))
        w[j : j + n] = b[j : j + n] * b[j : j + n]
        t[j : j + n] = tile.cast(b[j : j + n], u8)
    for j in range(0, N, 2):
        k: Scalar[i8] = b[j] + b[j]
        w[j] = k // i8(2)


@kernel
def doubles(x: In[Tensor[f64, "N"]], y: Out[Tensor[f64, "N"]]) -> None:
    """A few functions in double precision."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        v: Tile[f64, 16] = tile.tanh(x[j : j + n]) + tile.sqrt(tile.abs(x[j : j + n]))
        y[j : j + n] = tile.where(x[j : j + n] > 0.5, v, -v)


@kernel
def masks(x: In[Tensor[f32, "N"]], m: Out[Tensor[bool_, "N"]], c: Out[Tensor[i64, 2]], lo: Scalar[f32]) -> None:
    """Comparisons, boolean operators, lane numbers and counts."""
    (N,) = x.shape
    count: Tile[i64, 16] = alloc((16,), i64, space="register")
    count[:] = i64(0)
    first: Tile[i64, 16] = alloc((16,), i64, space="register")
    first[:] = i64(9223372036854775807)
    for j, n in strips(N, 16):
        good: Tile[bool_, 16] = (x[j : j + n] >= lo) & ~tile.isnan(x[j : j + n])
        m[j : j + n] = good
        count[:n] = count[:n] + tile.cast(good, i64)
        first[:n] = tile.where(good, tile.minimum(first[:n], iota(j, n, i64)), first[:n])
    c[0] = tile.sum(count)
    c[1] = tile.min(first)


@kernel
def nested(x: In[Tensor[f32, "M", "N", 3]], y: Out[Tensor[f32, "N", "M"]]) -> None:
    """Loops over two parallel ranges, strided lanes and scalar elements."""
    M, N, _ = x.shape
    for i, j in parallel(range(0, M, 2), range(N)):
        for k in range(i, min(i + 2, M)):
            y[j, k] = x[k, j, 0] * x[k, j, 1] - x[k, j, 2]
    for i in range(M - 1, -1, -1):
        for j, n in strips(1, N, 16):
            y[j : j + n, i] = y[j : j + n, i] + x[i, j : j + n, 0]
