"""What `htp demo` shows: four programs compiled for this machine, run on real sizes, checked and timed beside NumPy.

Knows the order of the show; the programs are in `demos`, and they are compiled through the public face like any others.
"""

from __future__ import annotations

import os
import statistics
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import htp
from htp.cache import Cache
from htp_backend_cpu.demos.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

TOLERANCE = 1e-5
"""Largest accepted error as a part of the largest value; f32 sums over 4096 elements stay well below it."""
ROUNDS = 7
PAUSE = 0.1  # seconds


def run(folder: Path | str = "build/demo") -> str:
    """Compiles, runs, checks and times every program; packages go to `folder`, progress to standard error.

    Returns:
        What was found, as lines of text.

    Raises:
        Bug: a result lies further from float64 NumPy than `TOLERANCE`.
    """
    parts = [_show(each, Path(folder) / each.name.replace(" ", "-")) for each in workloads()]
    first = Path(folder) / "softmax"
    prefix = "hatch run " if os.environ.get("HATCH_ENV_ACTIVE") else ""  # where a newcomer's own shell has no `htp`
    return "\n".join(
        [
            *parts,
            "All agree with NumPy in float64. Look further:",
            f"  {prefix}htp verify {first} --level 3    every stage and the built code against the first stage",
            f"  ls {first / 'ir' / 'stages'}    the program after each step; every program.py runs by itself",
        ]
    )


def _show(workload: Workload, place: Path) -> str:
    """One program from source to timed result."""
    with _progress(f"{workload.name}: compiling") as compiled:
        package = htp.compile_program(workload.entry, target="cpu", out=place)
    with _progress(f"{workload.name}: building, {len(package.stages)} stages") as built:
        before = {each.key for each in Cache.open().entries()}
        call = htp.bind(package)
        fresh = any(each.key not in before for each in Cache.open().entries())
    with _progress(f"{workload.name}: running {workload.size}, checking, timing"):
        out = np.full(workload.out_shape, np.nan, np.float32)
        call(*workload.arguments(out))
        error = workload.error(out, workload.expected())
        native, numpy = _medians(
            lambda: call(*workload.arguments(out)),
            lambda: workload.reference(*workload.inputs),
        )
    if not error <= TOLERANCE:  # true for NaN as well
        raise htp.Bug(f"{workload.name}: the error is {error:.1e} of the largest value, above {TOLERANCE:.0e}: {place}")
    origin = "built" if fresh else "found built in the cache"
    stages = textwrap.fill(
        " → ".join(each.pass_ for each in package.stages), 108, subsequent_indent=" " * 12
    )
    return "\n".join(
        [
            f"{workload.name}, {workload.size}",
            f"  stages    {stages}",
            f"  compiled  in {compiled():.2f} s, {origin} in {built():.2f} s",
            f"  error     {error:.1e} of the largest value, against NumPy in float64",
            f"  time      {1e3 * native:.2f} ms, NumPy {1e3 * numpy:.2f} ms: {numpy / native:.1f} times as fast",
            f"  package   {place}",
            "",
        ]
    )


def _medians(*calls: Callable[[], object]) -> Sequence[float]:
    """Median seconds of each call over rounds in which they take turns.

    A pause lets the other side's threads fall asleep (OpenBLAS's keep a processor busy after a call), and an untimed
    call wakes the caller's own.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            time.sleep(PAUSE)
            call()
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(each) for each in times]


@contextmanager
def _progress(what: str) -> Generator[Callable[[], float]]:
    """Says on standard error what is going on, on a terminal only while it lasts; yields the clock of the block."""
    start = time.perf_counter()
    end = start

    def seconds() -> float:
        return end - start

    terminal = sys.stderr.isatty()
    sys.stderr.write(f"{what} …" if terminal else f"{what}\n")
    sys.stderr.flush()
    try:
        yield seconds
    finally:
        end = time.perf_counter()
        if terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

