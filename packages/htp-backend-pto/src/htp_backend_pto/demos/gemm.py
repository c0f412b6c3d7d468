"""A tiled matrix product whose epilogue adds a bias and applies gelu before anything is stored.

Knows what the product is and its NumPy form; not how it is compiled.
"""

from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, f32, kernel, tile


@kernel
def gemm(
    a: In[Tensor[f32, "M", "K"]],
    b: In[Tensor[f32, "K", "N"]],
    bias: In[Tensor[f32, "N"]],
    c: Out[Tensor[f32, "M", "N"]],
) -> None:
    """`c = gelu(a @ b + bias)`, one 64 x 256 tile of `c` after the other."""
    M, K = a.shape
    N = b.shape[1]
    for i in range(0, M, 64):
        for j in range(0, N, 256):
            a_rows = a[i:i + 64, :]
            b_columns = b[:, j:j + 256]
            acc = tile.zeros((a_rows.shape[0], b_columns.shape[1]), f32)
            for k in range(0, K, 256):
                acc += a_rows[:, k:k + 256] @ b_columns[k:k + 256, :]
            c[i:i + 64, j:j + 256] = tile.gelu(acc + bias[j:j + 256], approximate="tanh")


def numpy_reference(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    """The same on whole arrays, in the precision of the arguments; gelu in its tanh form."""
    z = a @ b + bias
    return 0.5 * z * (1.0 + np.tanh(sqrt(2.0 / pi) * (z + 0.044715 * z * z * z)))


def main() -> None:
    """Runs the program as ordinary Python on sizes that no tile divides."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((100, 300)).astype(np.float32)
    b = rng.standard_normal((300, 270)).astype(np.float32) / np.float32(sqrt(300))
    bias = rng.standard_normal(270).astype(np.float32)
    c = np.empty((100, 270), np.float32)
    gemm(a, b, bias, c)
    error = np.abs(c - numpy_reference(a.astype(np.float64), b.astype(np.float64), bias.astype(np.float64))).max()
    print(f"gemm of 100 x 300 x 270: largest error {error:.1e}")


if __name__ == "__main__":
    main()
