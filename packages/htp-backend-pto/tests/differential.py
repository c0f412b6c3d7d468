"""Compares the stand-in with pto-runtime's own simulator, in both runtimes: results, tasks, edges.

    HTP_PTO_RUNTIME_ROOT=CHECKOUT python packages/htp-backend-pto/tests/differential.py [NAME…] [--out FOLDER]
    HTP_PTO_RUNTIME_ROOT=CHECKOUT python packages/htp-backend-pto/tests/differential.py --random 200

Every program is compiled once, and the same package run four times. A row of the table says for one runtime how far
both simulators are from NumPy in float64, relative to the largest result, by how much they differ, and the tasks and
edges of both: those of pto-runtime are what it writes to deps.json. Needs a checkout that is built, see
`htp explain pto.no-toolchain`.

Knows bindings and their reports; the programs are in `differential_programs` and `random_programs`.
"""

from __future__ import annotations

import argparse
import collections
import functools
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import random_programs
from differential_programs import CASES, SINGLE, case
from routines import published
from test_random_routines import random_routine

import htp
from htp import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNTIMES = {
    "tensormap_and_ringbuffer": (None, "pto-runtime"),
    "host_build_graph": ("host-graph", "pto-runtime-host-graph"),
}
"""The toolchains of every runtime: of the stand-in, of pto-runtime."""

BATCH = 10
"""Random kernels that are built and run together."""

SMALL = 0.1
"""Errors are relative to at least this much: random programs may end in the difference of two equal numbers."""

HEAD = (
    f"{'program':24} {'runtime':24} {'stand-in':>9} {'real':>9} {'differ by':>9} {'tasks':>9} {'edges':>9}  {'':6} note"
)


@dataclass(frozen=True)
class Side:
    """What one simulator made of a program."""

    results: tuple[np.ndarray, ...]
    tasks: tuple[str, ...]
    edges: frozenset[tuple[int, int, str]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """Both simulators on one program in one runtime."""

    name: str
    runtime: str
    standin: Side
    real: Side
    expected: tuple[np.ndarray, ...]
    tolerance: float

    @property
    def errors(self) -> tuple[float, float, float]:
        """Of the stand-in, of the real simulator, and between them."""
        pairs = (
            (self.standin.results, self.expected),
            (self.real.results, self.expected),
            (self.real.results, self.standin.results),
        )
        return tuple(max(error(*both) for both in zip(*each, strict=True)) for each in pairs)  # pyright: ignore[reportReturnType]

    @property
    def problems(self) -> list[str]:
        """In what the two are not alike."""
        found = [
            f"{what} is off by {how:.1e}"
            for what, how in zip(("the stand-in", "the simulator", "the difference"), self.errors, strict=True)
            if not how <= self.tolerance
        ]
        found += ["other tasks"] if self.standin.tasks != self.real.tasks else []
        if self.standin.edges != self.real.edges:
            ours, theirs = self.standin.edges - self.real.edges, self.real.edges - self.standin.edges
            found.append(f"edges of the stand-in only: {sorted(ours)[:4]}, of the simulator only: {sorted(theirs)[:4]}")
        return found

    def __str__(self) -> str:
        counts = ((self.standin.tasks, self.real.tasks), (self.standin.edges, self.real.edges))
        figures = [f"{each:9.1e}" for each in self.errors] + [f"{f'{len(a)}/{len(b)}':>9}" for a, b in counts]
        notes = "; ".join([*self.problems, *self.real.notes])
        head = f"{self.name:24} {self.runtime:24} {' '.join(figures)}"
        return f"{head}  {'DIFFER' if self.problems else 'same':6} {notes}".rstrip()


@dataclass(frozen=True)
class NotRun:
    """A program that is refused, in one runtime or, where none is named, in both."""

    name: str
    runtime: str
    refused: Refused

    @property
    def problems(self) -> list[str]:
        """Nothing where the runtime cannot run such a program at all."""
        return [] if self.refused.code == "pto.runtime-lacks" else [self.refused.code]

    def __str__(self) -> str:
        return f"{self.name:24} {self.runtime:24} {self.refused.code}: {self.refused.diagnostic.message}"


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest number that is expected."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if not expected.size:
        return 0.0
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    largest = np.abs(np.where(np.isfinite(expected), expected, 0.0)).max()
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(found - expected)).max() / max(largest, SMALL))


def ran(
    package: htp.Package, toolchain: str | None, arguments: tuple[object, ...], outputs: tuple[np.ndarray, ...]
) -> Side:
    """Runs a package on copies of the arrays that it writes."""
    written = tuple(each.copy() for each in outputs)
    exe = htp.bind(package, mode="sim", toolchain=toolchain)
    report = exe.run(*arguments, *written, trace=True)  # pyright: ignore[reportAttributeAccessIssue]
    # pto-runtime keeps the tasks that only make room out of deps.json, and their edges
    shown = [number for number, each in enumerate(report.graph.tasks) if each.kernel != "(alloc)"]
    index = {number: place for place, number in enumerate(shown)}
    edges = frozenset(
        (index[each.source], index[each.target], each.kind)
        for each in report.graph.edges
        if each.source in index and each.target in index
    )
    names = tuple(_name(report.graph.tasks[number].kernel) for number in shown)
    return Side(written, names, edges, tuple(each.message for each in report.diagnostics))


def _name(kernel: str) -> str:
    """A task of no kernel has no name with pto-runtime."""
    return "(none)" if kernel.startswith("(") else kernel


def rows(name: str, package: htp.Package, arguments: tuple[object, ...], expected: tuple[np.ndarray, ...],
         outputs: tuple[np.ndarray, ...], tolerance: float) -> list[Row | NotRun]:  # fmt: skip
    """A row for each runtime, or why there is none."""
    found: list[Row | NotRun] = []
    for runtime, (ours, theirs) in RUNTIMES.items():
        try:
            standin = ran(package, ours, arguments, outputs)
            real = ran(package, theirs, arguments, outputs)
        except Refused as refused:
            found.append(NotRun(name, runtime, refused))
            continue
        found.append(Row(name, runtime, standin, real, expected, tolerance))
    return found


def compared(name: str, folder: Path) -> list[Row | NotRun]:
    """A program of the list, compiled and run."""
    own = case(name)
    try:
        package = htp.compile_program(
            own.definition, target="pto:a2a3sim", dims=own.dims, schedule=own.schedule,
            out=folder / name.replace(":", "-"), pins=own.pins,
        )  # fmt: skip
    except Refused as refused:
        return [NotRun(name, "", refused)]
    return rows(name, package, own.inputs, own.expected, own.outputs, own.tolerance)


def random_batches(count: int, seed: int) -> Iterator[tuple[str, int, Callable[[Path], list[Row | NotRun]]]]:
    """Names, sizes and runs of random programs: six of ten are kernels, three routines, one is a workload."""
    kernels, routines = count * 6 // 10, count * 3 // 10
    for number, done in enumerate(range(0, kernels, BATCH), seed):
        made = random_programs.batch(number, min(BATCH, kernels - done))
        yield made.name, made.programs, functools.partial(_random, made)
    for number in range(seed, seed + routines):
        yield f"routine {number}", 1, functools.partial(_routine, number)
    for number in range(seed, seed + count - kernels - routines):
        made = random_programs.stages(number)
        yield made.name, 1, functools.partial(_random, made)


def _random(made: random_programs.Random, folder: Path) -> list[Row | NotRun]:
    try:
        package = htp.compile_program(made.definition, target="pto:a2a3sim", out=folder / made.name.replace(" ", "-"))
    except Refused as refused:
        return [NotRun(made.name, "", refused)]
    return rows(made.name, package, made.inputs, made.expected, made.outputs, SINGLE)


def _routine(seed: int, folder: Path) -> list[Row | NotRun]:
    """Three kernels over parts of arrays that overlap, in loops; results are whole numbers and exact."""
    text, a, b, expected = random_routine(seed)
    package = published(text, str(folder), f"routine-{seed}")[1]
    outputs = (b, np.full_like(a, np.nan))
    return rows(f"routine {seed}", package, (a,), (expected["b"], expected["c"]), outputs, 0.0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"programs: {', '.join(CASES)}")
    parser.add_argument("--random", type=int, default=0, metavar="COUNT", help="as many random programs instead")
    parser.add_argument("--seed", type=int, default=0, help="of the first random program")
    parser.add_argument("--out", type=Path, help="where packages are kept")
    given = parser.parse_args()
    runs = [(name, 1, functools.partial(compared, name)) for name in given.names or CASES]
    totals = collections.Counter[str]()
    with tempfile.TemporaryDirectory(prefix="htp-differential-") as folder:
        print(HEAD)
        for name, programs, run in random_batches(given.random, given.seed) if given.random else runs:
            start = time.perf_counter()
            found = run(given.out or Path(folder))
            print(*found, f"# {name}: {time.perf_counter() - start:.0f} s", sep="\n", flush=True)
            totals["not the same" if any(each.problems for each in found) else "the same"] += programs
    print(", ".join(f"{number} programs {how}" for how, number in totals.items()))
    sys.exit(1 if totals["not the same"] else 0)


if __name__ == "__main__":
    main()
