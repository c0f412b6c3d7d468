"""A feed-forward block as a routine: host code that is compiled together with the kernels it calls.

The rows go through in batches of 256, so that the hidden activations of one batch stay in cache between the two
products.
"""

from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, empty, f32, kernel, routine, tile


@kernel
def expand(
    x: In[Tensor[f32, "M", "K"]],
    w: In[Tensor[f32, "K", "N"]],
    bias: In[Tensor[f32, "N"]],
    y: Out[Tensor[f32, "M", "N"]],
) -> None:
    """`y = gelu(x @ w + bias)`."""
    for i in range(0, x.shape[0], 64):
        for j in range(0, w.shape[1], 256):
            z = x[i:i + 64, :] @ w[:, j:j + 256] + bias[j:j + 256]
            y[i:i + 64, j:j + 256] = tile.gelu(z, approximate="tanh")


@kernel
def contract(
    hidden: In[Tensor[f32, "M", "K"]],
    w: In[Tensor[f32, "K", "N"]],
    bias: In[Tensor[f32, "N"]],
    x: In[Tensor[f32, "M", "N"]],
    y: Out[Tensor[f32, "M", "N"]],
) -> None:
    """`y = x + hidden @ w + bias`: the way back, with the residual."""
    for i in range(0, x.shape[0], 64):
        for j in range(0, w.shape[1], 256):
            product = hidden[i:i + 64, :] @ w[:, j:j + 256]
            y[i:i + 64, j:j + 256] = x[i:i + 64, j:j + 256] + product + bias[j:j + 256]


@routine
def mlp(
    x: In[Tensor[f32, "M", "D"]],
    w_up: In[Tensor[f32, "D", "F"]],
    b_up: In[Tensor[f32, "F"]],
    w_down: In[Tensor[f32, "F", "D"]],
    b_down: In[Tensor[f32, "D"]],
    y: Out[Tensor[f32, "M", "D"]],
) -> None:
    """`y = x + gelu(x @ w_up + b_up) @ w_down + b_down`."""
    M = x.shape[0]
    F = w_up.shape[1]
    for i in range(0, M, 256):
        rows = min(256, M - i)
        hidden = empty((rows, F), f32)
        expand(x[i:i + 256, :], w_up, b_up, hidden)
        contract(hidden, w_down, b_down, x[i:i + 256, :], y[i:i + 256, :])


def numpy_reference(
    x: npt.NDArray[np.floating],
    w_up: npt.NDArray[np.floating],
    b_up: npt.NDArray[np.floating],
    w_down: npt.NDArray[np.floating],
    b_down: npt.NDArray[np.floating],
) -> npt.NDArray[np.floating]:
    """The same on whole arrays, in the precision of the arguments; gelu in its tanh form."""
    z = x @ w_up + b_up
    hidden = 0.5 * z * (1.0 + np.tanh(sqrt(2.0 / pi) * (z + 0.044715 * z * z * z)))
    return x + hidden @ w_down + b_down


def main() -> None:
    """Runs the routine as ordinary Python on 300 rows: the last batch holds 44."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 48)).astype(np.float32)
    w_up = rng.standard_normal((48, 96)).astype(np.float32) / np.float32(sqrt(48))
    b_up = rng.standard_normal(96).astype(np.float32)
    w_down = rng.standard_normal((96, 48)).astype(np.float32) / np.float32(sqrt(96))
    b_down = rng.standard_normal(48).astype(np.float32)
    y = np.empty_like(x)
    mlp(x, w_up, b_up, w_down, b_down, y)
    expected = numpy_reference(*(each.astype(np.float64) for each in (x, w_up, b_up, w_down, b_down)))
    print(f"mlp of 300 x 48: largest error {np.abs(y - expected).max():.1e}")


if __name__ == "__main__":
    main()
