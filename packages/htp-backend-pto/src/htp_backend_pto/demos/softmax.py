"""Row softmax, 64 rows at a time.

Knows what softmax is and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, f32, kernel, tile


@kernel
def softmax(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Every row of `y` is positive and sums to one."""
    for i in range(0, x.shape[0], 64):
        rows = x[i:i + 64, :]
        powers = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
        y[i:i + 64, :] = powers / tile.sum(powers, axis=1, keepdims=True)


def numpy_reference(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The same on whole arrays, in the precision of the argument."""
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main() -> None:
    """Runs the program as ordinary Python on 100 rows: the last tile holds 36."""
    x = np.random.default_rng(0).standard_normal((100, 33)).astype(np.float32)
    y = np.empty_like(x)
    softmax(x, y)
    error = np.abs(y - numpy_reference(x.astype(np.float64))).max()
    print(f"softmax of {x.shape[0]} x {x.shape[1]}: largest error {error:.1e}")


if __name__ == "__main__":
    main()
