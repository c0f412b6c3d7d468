"""Two rates: a process that sends two numbers at a time, and one that adds up three.

A channel of two plus three less their greatest common divisor, four, is the smallest with which neither gets stuck
when each waits for room for all that it sends. Knows the network and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, f32, tile, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 0.0
MAKESPAN = 23
"""Cycles for twelve numbers: the last pair is there after 18, and the last sum takes 4 more behind one that waits."""


@process
def pairs(x: In[Tensor[f32, "N"]], out: Send[f32]) -> None:
    """Sends two numbers every three cycles."""
    for i in range(0, x.shape[0], 2):
        work(3)
        out.send(tile.item(x[i]))
        out.send(tile.item(x[i + 1]))


@process
def triples(inp: Recv[f32], y: Out[Tensor[f32, "M"]]) -> None:
    """Adds up three numbers at a time, which takes four cycles."""
    for k in range(y.shape[0]):
        a = inp.recv()
        b = inp.recv()
        c = inp.recv()
        work(4)
        y[k] = a + b + c


@network
def sums(x: In[Tensor[f32, 12]], y: Out[Tensor[f32, 4]]) -> None:
    """`y[k] = x[3 * k] + x[3 * k + 1] + x[3 * k + 2]`; other sizes would leave tokens over, and are not accepted."""
    m = Channel[f32](capacity=4)
    pairs(x, m)
    triples(m, y)


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float32]]:
    """Twelve small whole numbers, whose sums are exact."""
    return (np.random.default_rng(seed).integers(-99, 99, 12).astype(np.float32),)


def golden(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The same on the whole array."""
    return x.astype(np.float64).reshape(-1, 3).sum(axis=1)


def main() -> None:
    """Runs the network as ordinary Python, and says how long it takes in cycles."""
    (x,) = inputs()
    y = np.full(4, np.nan, np.float32)
    times = simulate(sums, x, y)
    print(f"sums of three: largest error {np.abs(y - golden(x)).max():.1e}, {times.makespan} cycles")


if __name__ == "__main__":
    main()
