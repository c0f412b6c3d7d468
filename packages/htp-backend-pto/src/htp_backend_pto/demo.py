"""What `htp demo pto` shows: three programs compiled for Ascend, run on the host stand-in, checked against NumPy.

Knows sizes, references and the order of the show; the programs are in `demos` and are compiled like any others. Shows
no times: a stand-in's say nothing about a device.
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

import htp
from htp_backend_pto.contract import Package
from htp_backend_pto.demos import gemm, rmsnorm, softmax
from htp_backend_pto.model import a2a3sim

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from htp.artifact.read import Package as PackageFiles
    from htp.language import Definition
    from htp_backend_pto.binding.reports import Report
    from htp_backend_pto.binding.standin import Standin

__all__ = ["Shown", "programs", "run"]

TOLERANCE = 1e-5
"""Largest accepted error as a part of the largest value; f32 sums over 512 elements stay well below it."""
TARGET = "pto:a2a3sim"


@dataclass(frozen=True, eq=False)
class Shown:
    """A program, the sizes it is compiled for, its inputs, and the same computation on whole NumPy arrays."""

    name: str
    size: str
    entry: Definition[..., None]
    reference: Callable[..., npt.NDArray[np.floating]]
    inputs: tuple[npt.NDArray[np.float32], ...]
    dims: dict[str, int] = field(default_factory=dict[str, int])


def programs(seed: int = 0) -> list[Shown]:
    """The three programs at the sizes in their `size`, with normally distributed inputs."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal(prod(shape), np.float32).reshape(shape)

    wide, rows = normal(1000, 256), normal(1000, 128)
    weights = normal(512, 512) / np.float32(np.sqrt(512))
    return [
        Shown("softmax", "1000 x 256", softmax.softmax, softmax.numpy_reference, (wide,), {"N": 256}),
        Shown("rmsnorm", "1000 x 128", rmsnorm.rmsnorm, rmsnorm.numpy_reference, (rows, normal(128)), {"N": 128}),
        Shown(
            "gemm bias gelu", "500 x 512 x 512", gemm.gemm, gemm.numpy_reference,
            (normal(500, 512), weights, normal(512)),
        ),
    ]  # fmt: skip


def run(folder: Path | str = "build/demo-pto") -> str:
    """Compiles, runs and checks every program; packages go to `folder`, progress to standard error.

    Returns:
        What was found, as lines of text.

    Raises:
        Bug: a result lies further from float64 NumPy than `TOLERANCE`.
    """
    parts = [_show(each, Path(folder) / each.name.replace(" ", "-")) for each in programs()]
    return "\n".join([*parts, "All agree with NumPy in float64, and the stand-in found nothing wrong."])


def _show(shown: Shown, place: Path) -> str:
    """One program from source to checked result."""
    sys.stderr.write(f"{shown.name}: compiling, building, running\n")
    sys.stderr.flush()
    package = htp.compile_program(shown.entry, target=TARGET, dims=shown.dims, out=place)
    call = cast("Standin", htp.bind(package, mode="sim"))
    expected = shown.reference(*(each.astype(np.float64) for each in shown.inputs))
    out = np.full(expected.shape, np.nan, np.float32)
    report = call.report(*shown.inputs, out)
    if report.status != "ok":
        raise htp.Bug(f"{shown.name}: the stand-in finds {report.diagnostics[0].message}: {place}")
    error = float(np.abs(out - expected).max() / np.abs(expected).max())
    if not error <= TOLERANCE:  # true for NaN as well
        raise htp.Bug(f"{shown.name}: the error is {error:.1e} of the largest value, above {TOLERANCE:.0e}: {place}")
    stages = textwrap.fill(" → ".join(each.pass_ for each in package.stages), 108, subsequent_indent=" " * 12)
    return "\n".join(
        [
            f"{shown.name}, {shown.size}",
            f"  stages    {stages}",
            f"  tasks     {_tasks(report, package)}",
            f"  memory    {_memory(report)}",
            f"  error     {error:.1e} of the largest value, against NumPy in float64",
            f"  package   {place}",
            "",
        ]
    )


def _tasks(report: Report, package: PackageFiles) -> str:
    """How many tasks there were, of which kernels and cores, and who found their edges."""
    kernels = package.record("contract/pto.json", Package).kernels
    counted = ", ".join(
        f"{sum(each.name in task.kernels for task in report.tasks)} {each.name} ({each.core})" for each in kernels
    )
    told = sum(each.source == "explicit" for each in report.edges)
    return f"{len(report.tasks)}: {counted}; {len(report.edges)} edges, {told} of them told to the runtime"


def _memory(report: Report) -> str:
    """The most that any task had in each memory, beside what there is."""
    room = {each.name: each.usable or each.capacity or 0 for each in a2a3sim().spaces}
    most: dict[str, int] = {}
    for task in report.tasks:
        for space, nbytes in task.high_water.items():
            most[space.lower()] = max(nbytes, most.get(space.lower(), 0))
    return ", ".join(f"{space} {nbytes >> 10} of {room[space] >> 10} KiB" for space, nbytes in most.items() if nbytes)
