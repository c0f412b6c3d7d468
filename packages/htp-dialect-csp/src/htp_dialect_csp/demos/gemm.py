"""A matrix product of streams: loaders send tiles of both operands, one process multiplies, one stores.

Every tile of the result takes as many tiles of the operands as the sum has steps: the rates of the channels differ.
Knows the network and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, Out, Scalar, Tensor, Tile, f16, f32, i32, tile, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate

TOLERANCE = 5e-5
MAKESPAN = 265
"""Cycles for 2 x 2 tiles of the result with four steps each: a step takes 16 cycles, and the pipeline starts with 8."""

Operand = Tile[f16, 64, 64]
Result = Tile[f32, 64, 64]


@process
def load_rows(a: In[Tensor[f16, "M", "K"]], columns: Scalar[i32], out: Send[Operand]) -> None:
    """Sends the tiles of a row of `a` once for every column of the result."""
    M, K = a.shape
    assert M % 64 == 0
    assert K % 64 == 0
    for i in range(0, M, 64):
        for _ in range(columns):
            for k in range(0, K, 64):
                work(8)
                out.send(a[i:i + 64, k:k + 64])


@process
def load_columns(b: In[Tensor[f16, "K", "N"]], rows: Scalar[i32], out: Send[Operand]) -> None:
    """Sends all of `b`, column by column, once for every row of the result."""
    K, N = b.shape
    assert K % 64 == 0
    assert N % 64 == 0
    for _ in range(rows):
        for j in range(0, N, 64):
            for k in range(0, K, 64):
                work(8)
                out.send(b[k:k + 64, j:j + 64])


@process
def multiply(a: Recv[Operand], b: Recv[Operand], tiles: Scalar[i32], steps: Scalar[i32], out: Send[Result]) -> None:
    """Adds up the products of `steps` pairs of tiles for every tile of the result."""
    for _ in range(tiles):
        total = tile.zeros((64, 64), f32)
        for _ in range(steps):
            left = a.recv()
            right = b.recv()
            work(16)
            total = tile.dot(left, right, acc=total)
        out.send(total)


@process
def store(inp: Recv[Result], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Writes the tiles of the result row by row."""
    M, N = c.shape
    assert M % 64 == 0
    assert N % 64 == 0
    for i in range(0, M, 64):
        for j in range(0, N, 64):
            t = inp.recv()
            work(1)
            c[i:i + 64, j:j + 64] = t


@network
def gemm(a: In[Tensor[f16, "M", "K"]], b: In[Tensor[f16, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """`c = a @ b`; all sizes are multiples of 64."""
    rows = (a.shape[0] + 63) // 64  # as the loaders count: they refuse other sizes when they run
    columns = (b.shape[1] + 63) // 64
    steps = (a.shape[1] + 63) // 64
    left = Channel[Operand](capacity=2)
    right = Channel[Operand](capacity=2)
    sums = Channel[Result](capacity=2)
    load_rows(a, columns, left)
    load_columns(b, rows, right)
    multiply(left, right, rows * columns, steps, sums)
    store(sums, c)


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """Normally distributed matrices of 128 x 256 and 256 x 128."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((128, 256)).astype(np.float16), rng.standard_normal((256, 128)).astype(np.float16)


def golden(a: npt.NDArray[np.float16], b: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """The same on whole matrices in float64."""
    return a.astype(np.float64) @ b.astype(np.float64)


def main() -> None:
    """Runs the network as ordinary Python, and says how long it takes in cycles."""
    a, b = inputs()
    c = np.full((128, 128), np.nan, np.float32)
    times = simulate(gemm, a, b, c)
    print(f"product of streams: largest error {np.abs(c - golden(a, b)).max():.1e}, {times.makespan} cycles")


if __name__ == "__main__":
    main()
