"""What `htp demo wsp` shows: six workloads compiled for this machine, run as tasks, checked and timed beside NumPy.

Knows the order of the show; the programs are in `demos`, and they are compiled through the public face like any others.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

import htp
from htp.types import TensorType, numpy_dtype
from htp_dialect_wsp.demos import bgemm, flash_attention, llama_block, moe, paged_decode, softmax_vocab

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from htp.language import Definition
    from htp.runs import RunReport
    from htp_dialect_wsp.schedules import ScheduleDefinition

ROUNDS = 7


@dataclass(frozen=True, eq=False)
class Shown:
    """A workload with its schedule, inputs, float64 reference and the largest error it may have."""

    name: str
    size: str
    entry: Definition[..., None]
    schedule: ScheduleDefinition
    inputs: tuple[object, ...]
    reference: Callable[..., npt.NDArray[np.float64]]
    tolerance: float


def programs() -> list[Shown]:
    """The six programs at the sizes in their `size`."""
    return [
        Shown(
            "batched gemm", "4 x 128 x 128 x 128 f16", bgemm.bgemm, bgemm.by_rows, bgemm.inputs(), bgemm.golden,
            bgemm.TOLERANCE,
        ),
        Shown(
            "vocabulary softmax", "32 x 2048 f32", softmax_vocab.softmax_vocab, softmax_vocab.by_rows,
            softmax_vocab.inputs(), softmax_vocab.golden, softmax_vocab.TOLERANCE,
        ),
        Shown(
            "causal attention", "B1 H4 S512 D64 f16", flash_attention.causal_attention, flash_attention.longest_first,
            flash_attention.inputs(), flash_attention.causal_golden, flash_attention.CAUSAL_TOLERANCE,
        ),
        Shown(
            "paged decode", "8 requests, 1212 tokens, H8 of 2", paged_decode.paged_decode, paged_decode.stolen,
            paged_decode.inputs(), paged_decode.golden, paged_decode.TOLERANCE,
        ),
        Shown(
            "mixture of experts", "T64 E8 H256 F512, two experts a token", moe.moe, moe.stolen, moe.inputs(),
            moe.golden, moe.TOLERANCE,
        ),
        Shown(
            "llama block", "S128 D256 H8 of 4 F512 f16", llama_block.llama_block, llama_block.stolen,
            llama_block.inputs(), llama_block.golden, llama_block.TOLERANCE,
        ),
    ]  # fmt: skip


def run(folder: Path | str = "build/demo-wsp") -> str:
    """Compiles, runs, checks and times every program; packages go to `folder`, progress to standard error.

    Returns:
        What was found, as lines of text.

    Raises:
        Bug: a result lies further from float64 NumPy than the program's tolerance.
    """
    parts = [_show(each, Path(folder) / each.name.replace(" ", "-")) for each in programs()]
    return "\n".join([*parts, "All agree with NumPy in float64."])


def _show(shown: Shown, place: Path) -> str:
    """One program from source to timed result."""
    sys.stderr.write(f"{shown.name}: compiling, building, running\n")
    sys.stderr.flush()
    package = htp.compile_program(shown.entry, target="cpu", schedule=shown.schedule, out=place)
    call = htp.bind(package)
    expected = shown.reference(*shown.inputs)
    dtype = numpy_dtype(cast("TensorType", shown.entry.params[-1].type).dtype)
    out = cast("npt.NDArray[np.floating]", np.full(expected.shape, np.nan, dtype))
    report = cast("RunReport", call.run(*shown.inputs, out, trace=True))
    error = float(np.abs(out - expected).max())
    if not error <= shown.tolerance:  # true for NaN as well
        raise htp.Bug(f"{shown.name}: the error is {error:.1e}, above {shown.tolerance:.0e}: {place}")
    native = _median(lambda: call(*shown.inputs, out))
    numpy = _median(lambda: shown.reference(*shown.inputs))
    return "\n".join(
        [
            f"{shown.name}, {shown.size}, schedule {shown.schedule.name}",
            f"  tasks     {_tasks(report)}",
            f"  error     {error:.1e}, at most {shown.tolerance:.1e}, against NumPy in float64",
            f"  time      {1e3 * native:.2f} ms, the NumPy reference {1e3 * numpy:.2f} ms",
            f"  package   {place}",
            "",
        ]
    )


def _tasks(report: RunReport) -> str:
    """How many tasks of each kernel ran, and how many dependences were derived between them."""
    if report.graph is None or report.tasks is None:
        return "not recorded"
    kernels = Counter(each.kernel for each in report.graph.tasks)
    counted = ", ".join(f"{count} {name}" for name, count in kernels.items())
    edges, workers = len(report.graph.edges), report.tasks.workers
    return f"{report.tasks.tasks} on {workers} workers, {edges} dependences: {counted}"


def _median(call: Callable[[], object]) -> float:
    """Median seconds of a few calls, after one that is not timed."""
    call()
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
