"""A batched matrix product in which every step of a tile's sum is a task of its own.

Knows the product, its schedules and its NumPy form; not how it is compiled.
"""

import numpy as np
import numpy.typing as npt

from htp import In, InOut, Out, Tensor, f16, f32, kernel, tile
from htp_dialect_wsp import P, Schedule, affinity, round_robin, schedule, workload

TOLERANCE = 5e-5


@kernel
def clear(c: Out[Tensor[f32, "m", "n"]]) -> None:
    """`c = 0`."""
    c[:] = 0.0


@kernel
def accumulate(a: In[Tensor[f16, "m", "k"]], b: In[Tensor[f16, "k", "n"]], c: InOut[Tensor[f32, "m", "n"]]) -> None:
    """`c += a @ b`."""
    c[:] = tile.dot(a[:], b[:], acc=c[:])


@workload
def bgemm(
    a: In[Tensor[f16, "B", "M", "K"]], b: In[Tensor[f16, "B", "K", "N"]], c: Out[Tensor[f32, "B", "M", "N"]]
) -> None:
    """`c[n] = a[n] @ b[n]` in tiles of 32 x 32 x 32: tiles are independent, the steps of one keep their order."""
    B, M, N = c.shape
    K = a.shape[2]
    for n, i, j in P(B, range(0, M, 32), range(0, N, 32)):
        clear(c[n, i:i + 32, j:j + 32])
        for k in P.seq(range(0, K, 32)):
            accumulate(a[n, i:i + 32, k:k + 32], b[n, k:k + 32, j:j + 32], c[n, i:i + 32, j:j + 32])


@schedule(bgemm)
def in_turn(s: Schedule) -> None:
    """Four workers get one task after the other; no more than 16 tasks are under way."""
    s.dispatch(round_robin(workers=4))
    s.task_window(16, unit="tasks", mode="stall")


@schedule(bgemm)
def by_rows(s: Schedule) -> None:
    """All tiles in one row of `c` go to one worker, which finds its rows of `a` in its cache."""
    s.dispatch(affinity(s.loop("i"), workers=4))


@schedule(bgemm)
def by_columns(s: Schedule) -> None:
    """Columns of tiles are outside of rows, and go in pairs."""
    n, i, j = s.loop("n"), s.loop("i"), s.loop("j")
    s.reorder(n, j, i)
    s.tile(j, 2, tail="mask")


@schedule(bgemm)
def split_k(s: Schedule) -> None:
    """The steps of one tile run at the same time; their partial sums are added in a fixed order."""
    s.reduce("k", "+")


def inputs(seed: int = 0) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """Normally distributed matrices: 4 of 128 x 128."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, 128, 128)).astype(np.float16), rng.standard_normal((4, 128, 128)).astype(np.float16)


def golden(a: npt.NDArray[np.float16], b: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """The same on whole arrays in float64."""
    return a.astype(np.float64) @ b.astype(np.float64)


def main() -> None:
    """Runs the workload as ordinary Python: one task after the other."""
    a, b = inputs()
    c = np.full((4, 128, 128), np.nan, np.float32)
    bgemm(a, b, c)
    print(f"bgemm of 4 x 128 x 128 x 128: largest error {np.abs(c - golden(a, b)).max():.1e}")


if __name__ == "__main__":
    main()
