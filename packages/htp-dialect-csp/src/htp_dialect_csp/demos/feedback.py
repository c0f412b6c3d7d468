"""A filter with feedback: what goes round starts with one token, without which both processes would wait forever.

Knows the network and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, f32, tile, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 0.0
MAKESPAN = 20
"""Cycles for four numbers: five for every round."""


@process
def mix(x: In[Tensor[f32, "N"]], back: Recv[f32], forth: Send[f32]) -> None:
    """Adds half of the last result to every number."""
    for i in range(x.shape[0]):
        last = back.recv()
        work(2)
        forth.send(tile.item(x[i]) + 0.5 * last)


@process
def keep(forth: Recv[f32], back: Send[f32], y: Out[Tensor[f32, "N"]]) -> None:
    """Stores every result and sends it back."""
    for i in range(y.shape[0]):
        value = forth.recv()
        work(3)
        y[i] = value
        back.send(value)


@network
def smooth(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """`y[i] = x[i] + y[i - 1] / 2`, with 0 before the first."""
    forth = Channel[f32](capacity=1)
    back = Channel[f32](capacity=1, initial=(0.0,))
    mix(x, back, forth)
    keep(forth, back, y)


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float32]]:
    """Four whole numbers, whose halves and quarters are exact."""
    return (np.random.default_rng(seed).integers(-99, 99, 4).astype(np.float32),)


def golden(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The same number by number in float64."""
    y = np.zeros(len(x) + 1)
    for i, each in enumerate(x):
        y[i + 1] = each + y[i] / 2
    return y[1:]


def main() -> None:
    """Runs the network as ordinary Python, and says how long it takes in cycles."""
    (x,) = inputs()
    y = np.full_like(x, np.nan)
    times = simulate(smooth, x, y)
    print(f"feedback: largest error {np.abs(y - golden(x)).max():.1e}, {times.makespan} cycles")


if __name__ == "__main__":
    main()
