"""Root-mean-square normalisation of rows, with a learned gain.

Knows what rmsnorm is and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, f32, kernel, tile

EPSILON = 1e-6


@kernel
def rmsnorm(
    x: In[Tensor[f32, "M", "N"]],
    gain: In[Tensor[f32, "N"]],
    y: Out[Tensor[f32, "M", "N"]],
) -> None:
    """Every row of `x` divided by its root mean square, times `gain`."""
    for i in range(0, x.shape[0], 64):
        rows = x[i:i + 64, :]
        power = tile.mean(rows * rows, axis=1, keepdims=True)
        y[i:i + 64, :] = rows * tile.rsqrt(power + EPSILON) * gain


def numpy_reference(x: npt.NDArray[np.floating], gain: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The same on whole arrays, in the precision of the arguments."""
    power = np.mean(x * x, axis=1, keepdims=True)
    return x / np.sqrt(power + EPSILON) * gain


def main() -> None:
    """Runs the program as ordinary Python on 100 rows: the last tile holds 36."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 33)).astype(np.float32)
    gain = rng.standard_normal(33).astype(np.float32)
    y = np.empty_like(x)
    rmsnorm(x, gain, y)
    error = np.abs(y - numpy_reference(x.astype(np.float64), gain.astype(np.float64))).max()
    print(f"rmsnorm of {x.shape[0]} x {x.shape[1]}: largest error {error:.1e}")


if __name__ == "__main__":
    main()
