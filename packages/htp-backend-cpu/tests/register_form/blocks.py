from htp import In, InOut, Out, Scalar, Slot, Tensor, Tile, bf16, empty, f32, i8, i32, i64, kernel, routine
from htp.loops import alloc, mma, parallel, strips

ROWS = 8
limit = Slot(i32, 3)


@kernel
def matmul(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Panels of b are packed; register blocks of 8 x 32."""
    M, K = a.shape
    N: i64 = b.shape[1]
    for p in parallel(range(0, N, 32)):
        cols: i64 = min(32, N - p)
        panel: Tile[f32, "K", 32] = alloc((K, 32), f32, space="scratch")
        for k in range(K):
            for j, n in strips(cols, 16):
                panel[k, j : j + n] = b[k, p + j : p + j + n]
        for i in range(0, M, ROWS):
            rows: i64 = min(ROWS, M - i)
            acc: Tile[f32, 8, 32] = alloc((8, 32), f32, space="stack")
            mma(acc[0:rows, 0:cols], a[i : i + rows, 0:K], panel[0:K, 0:cols], zero=True)
            for r in range(rows):
                for j, n in strips(cols, 16):
                    c[i + r, p + j : p + j + n] = acc[r, j : j + n]


@kernel
def narrow_matmul(
    a: In[Tensor[bf16, 5, "K"]],
    b: In[Tensor[bf16, "K", 19]],
    c: InOut[Tensor[f32, 5, 19]],
    x: In[Tensor[i8, 5, "K"]],
    y: In[Tensor[i8, "K", 19]],
    z: Out[Tensor[i32, 5, 19]],
) -> None:
    """Narrow operands accumulate in 32 bits; the first operand is read through its transpose's strides too."""
    for p in range(0, 19, 16):
        mma(c[0:5, p : p + 16], a[0:5, :], b[:, p : p + 16])
        mma(z[0:5, p : p + 16], x[0:5, :], y[:, p : p + 16], zero=True)


@kernel
def scaled(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], by: Scalar[f32]) -> None:
    """A kernel for others to call."""
    (N,) = x.shape
    for j, n in strips(N, 16):
        y[j : j + n] = x[j : j + n] * by


@routine
def columns(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Calls a kernel on rows, on columns of a buffer of its own, and as often as a slot says."""
    M, N = x.shape
    buffer: Tile[f32, "M", "N"] = empty((M, N), f32)
    for i in range(M):
        scaled(x[i, :], buffer[i, :], f32(2.0))
    for j in range(N):
        scaled(buffer[:, j], y[:, j], f32(0.5))
    step: Scalar[i32] = i32(0)
    while step < limit.value:
        if step % i32(2) == i32(0):
            for i in range(0, M, 2):
                scaled(buffer[i, 0:4], y[i, 0:4], f32(3.0))
        else:
            scaled(buffer[0, :], y[0, :], by=f32(4.0) if M > 2 and N != 1 else f32(5.0))
        step += i32(1)
