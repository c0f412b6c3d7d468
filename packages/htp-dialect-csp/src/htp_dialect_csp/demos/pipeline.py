"""Load, square, store: three processes that work at the same time on different blocks of one array.

Knows the network, its NumPy form and its times; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Tensor, Tile, f32, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 0.0
MAKESPAN = 23
"""Cycles for four blocks: the slowest process, squares at 5 cycles a block, and what comes before and behind it."""

Block = Tile[f32, 16, 64]


@process
def load(x: In[Tensor[f32, "N", 64]], out: Send[Block]) -> None:
    """Sends blocks of 16 rows, the last one perhaps smaller."""
    for i in range(0, x.shape[0], 16):
        work(2)
        out.send(x[i:i + 16, :])


@process
def square(inp: Recv[Block], out: Send[Block]) -> None:
    """Squares every element."""
    for t in inp:
        work(5)
        out.send(t * t)


@process
def store(inp: Recv[Block], y: Out[Tensor[f32, "N", 64]]) -> None:
    """Puts the blocks one below the other."""
    i = 0
    for t in inp:
        work(1)
        y[i:i + 16, :] = t
        i += 16


@network
def squares(x: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    """`y = x * x`."""
    a = Channel[Block](capacity=2)
    b = Channel[Block](capacity=2)
    load(x, a)
    square(a, b)
    store(b, y)


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float32]]:
    """Four blocks of 16 x 64."""
    return (np.random.default_rng(seed).standard_normal((64, 64)).astype(np.float32),)


def golden(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The same on the whole array; a square of an f32 is rounded once."""
    return (x * x).astype(np.float64)


def main() -> None:
    """Runs the network as ordinary Python, and says how long it takes in cycles."""
    (x,) = inputs()
    y = np.full_like(x, np.nan)
    times = simulate(squares, x, y)
    print(f"squares of {x.shape}: largest error {np.abs(y - golden(x)).max():.1e}, {times.makespan} cycles")


if __name__ == "__main__":
    main()
