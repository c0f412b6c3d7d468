"""What a bound call costs above a call that does nothing, on arrays too small for the work to matter.

    python benchmarks/call_overhead.py

The empty call is `operator.is_`, a C function that compares two pointers: the least that a call from Python into C
costs. Both are timed in bursts that alternate; the figure is the difference of the medians. The bar is 2 microseconds.
"""

from __future__ import annotations

import operator
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import htp
from htp import In, Out, Tensor, f32, kernel

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 2000
ROUNDS = 101


@kernel
def add(
    x: In[Tensor[f32, "N"]],
    y: In[Tensor[f32, "N"]],
    z: Out[Tensor[f32, "N"]],
) -> None:
    """`z = x + y`."""
    z[:] = x[:] + y[:]


def burst(call: Callable[..., object], *arguments: object) -> float:
    """Nanoseconds of one call, averaged over a burst."""
    repeats = range(BURST)
    start = time.perf_counter_ns()
    for _ in repeats:
        call(*arguments)
    return (time.perf_counter_ns() - start) / BURST


def main() -> int:
    """Prints both medians and their difference."""
    x, y, z = (np.ones(16, np.float32) for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        run = htp.bind(htp.compile_program(add, target="cpu", out=Path(folder) / "add"))
        run(x, y, z)
        bound: list[float] = []
        empty: list[float] = []
        for _ in range(ROUNDS):
            bound.append(burst(run, x, y, z))
            empty.append(burst(operator.is_, x, y))
    bound_ns, empty_ns = statistics.median(bound), statistics.median(empty)
    print(f"bound call {bound_ns:.0f} ns, empty C call {empty_ns:.0f} ns, difference {bound_ns - empty_ns:.0f} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
