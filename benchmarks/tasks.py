"""What a task costs when it does next to nothing: submitted, dispatched, run and retired.

    python benchmarks/tasks.py

A task adds 1 to one element. Without dependences the array is named as independent; with derived ones every task is
ordered behind the last one on its element. Beside it `#pragma omp task`, also without and with `depend`, in a library
called from this process, and `ThreadPoolExecutor.submit` of a function that does nothing. All are timed in turns;
figures are medians, in nanoseconds per task. The bar is 300 nanoseconds without dependences.
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import htp
from htp import InOut, Scalar, Tensor, i64, kernel, routine
from htp.tasks import close_tasks, open_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 100_000
ELEMENTS = 4096
FUTURES = 2000
ROUNDS = 15
BAR = 300

OPENMP = """
extern "C" void plain(long long *y, long long tasks, long long n) {
#pragma omp parallel
#pragma omp single
    for (long long t = 0; t < tasks; t++) {
        long long *at = y + t % n;
#pragma omp task firstprivate(at)
        *at += 1;
    }
}
extern "C" void ordered(long long *y, long long tasks, long long n) {
#pragma omp parallel
#pragma omp single
    for (long long t = 0; t < tasks; t++) {
        long long *at = y + t % n;
#pragma omp task firstprivate(at) depend(inout: *at)
        *at += 1;
    }
}
"""


@kernel
def bump(y: InOut[Tensor[i64, 1]]) -> None:
    """One element more."""
    y[0] = y[0] + 1


@routine
def independent(y: InOut[Tensor[i64, "N"]], tasks: Scalar[i64]) -> None:
    """Tasks that need no order, as is known before."""
    open_tasks(independent=("y",))
    for t in range(tasks):
        bump(y[t % y.shape[0] : t % y.shape[0] + 1])
    close_tasks()


@routine
def ordered(y: InOut[Tensor[i64, "N"]], tasks: Scalar[i64]) -> None:
    """The same tasks, whose order is derived from what they touch."""
    open_tasks()
    for t in range(tasks):
        bump(y[t % y.shape[0] : t % y.shape[0] + 1])
    close_tasks()


def openmp(folder: Path) -> dict[str, Callable[[], None]]:
    """The same in OpenMP, where a compiler has it."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return {}
    (folder / "peer.cpp").write_text(OPENMP)
    command = [compiler, "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "peer.cpp", "-o", "peer.so"]
    if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
        return {}
    peer = ctypes.CDLL(str(folder / "peer.so"))
    y = np.zeros(ELEMENTS, np.int64)

    def call(function: Callable[..., object]) -> Callable[[], None]:
        def run() -> None:
            function(ctypes.c_void_p(y.ctypes.data), ctypes.c_longlong(TASKS), ctypes.c_longlong(ELEMENTS))

        return run

    return {"omp task": call(peer.plain), "omp task depend": call(peer.ordered)}


def futures() -> None:
    """Python's own: a pool of threads of the usual size."""
    with ThreadPoolExecutor() as pool:
        for each in [pool.submit(int) for _ in range(FUTURES)]:
            each.result()


def main() -> int:
    """Prints medians per task; fails when the bar is missed."""
    y = np.zeros(ELEMENTS, np.int64)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs: dict[str, Callable[[], None]] = {}
        for each in (independent, ordered):
            call = htp.bind(htp.compile_program(each, target="cpu", out=folder / each.__name__))
            runs[f"htp {each.__name__}"] = lambda call=call: call(y, TASKS)
        runs |= openmp(folder)
        runs["ThreadPoolExecutor"] = futures
        times: dict[str, list[float]] = {each: [] for each in runs}
        for _ in range(ROUNDS):
            for each, run in runs.items():
                start = time.perf_counter_ns()
                run()
                count = FUTURES if run is futures else TASKS
                times[each].append((time.perf_counter_ns() - start) / count)
    for each, found in times.items():
        sys.stdout.write(f"{each:24} {statistics.median(found):9.0f} ns a task\n")
    return statistics.median(times["htp independent"]) > BAR


if __name__ == "__main__":
    sys.exit(main())
