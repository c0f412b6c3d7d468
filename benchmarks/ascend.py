"""What HTP emits for Ascend beside hand-written code: counted and simulated by the same stand-in and model of time.

    HTP_PTO_RUNTIME_ROOT=checkout python benchmarks/ascend.py                # the table
    HTP_PTO_RUNTIME_ROOT=checkout python benchmarks/ascend.py --only gemm

The hand-written kernels are read from a checkout of pto-runtime and compiled as they are; `pypto` are kernels that the
compiler PyPTO made. Without a checkout the figures of HTP are printed alone. Both sides get the same arrays.
Instructions are those that were run, by pipe; flags are waits. `in` and `out` are bytes of global memory; `ub` and `l1`
is what the largest task has in use. Cycles are the end of the last task in simulated time (docs/reference/ascend.md
says what that is), and the ratio is below 1 where HTP is faster. The error is the largest difference between the two,
relative to the largest number. Below the table stands what the stand-in found in either.

Knows how to run a peer as a package; the pairs are in `ascend_pairs.py`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ascend_pairs import pairs

import htp
from htp_backend_pto.binding.build import Built, CompilerRefused, Unit, executor_library, library
from htp_backend_pto.binding.reports import Places
from htp_backend_pto.binding.runtime import ROOT
from htp_backend_pto.binding.standin import CLUSTERS, Standin
from htp_backend_pto.contract import Package, Parameter, Versions
from htp_backend_pto.profile import CURRENT
from htp_backend_pto.timing.events import Await, Barrier, Run
from htp_backend_pto.timing.runs import simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_pairs import Arrays, Kernel, Pair

    from htp_backend_pto.binding.reports import Report

PIPES = ("MTE2", "MTE1", "V", "M", "FIX", "MTE3")
MARKS = {">": "out", "=": "inout"}
WRAPPED = """\
#include <pto/pto-inst.hpp>
#include "tensor.h"
#include "pipe_sync.h"
#include "intrinsic.h"
static thread_local int64_t* own_arguments;
static inline int get_block_idx() { return get_block_idx(own_arguments); }
static inline int get_block_num() { return get_block_num(own_arguments); }
static inline uint8_t* bytes(int64_t tensor) { return reinterpret_cast<ChipTensor*>(tensor)->data_as<uint8_t>(); }
#define __COSTMODEL
#define __CCE_AICORE__ 220
#define block_idx get_block_idx()
#include "peer.cpp"
extern "C" void kernel_entry(int64_t* args) {
    own_arguments = args;
    CALL;
    pipe_sync();
}
"""
"""A task that calls a kernel of pto-isa, which has no arguments of pto-runtime and asks without them for its block."""
OPERATOR = """\
#pragma once
typedef uint8_t* GM_ADDR;
namespace AscendC {
static inline int GetBlockNum() { return get_block_num(); }
}
"""
"""What kernels of pto-isa take from `kernel_operator.h`, a header of CANN."""
LAUNCH = """\
#include "pto_orchestration_api.h"
extern "C" PTO2OrchestrationConfig peer_config(const ChipTaskArgs&) { return {COUNT}; }
extern "C" void peer_entry(const ChipTaskArgs& args) {
    CoreTaskArgs task;
    TAKEN
    task.launch_spec.set_block_num(BLOCKS);
    rt_submit_CORE_task(0, task);
}
"""
"""An orchestration of one task."""


@dataclass(frozen=True)
class Side:
    """What one of the two did, and what it wrote."""

    tasks: int
    edges: int
    instructions: Counter[str]
    flags: int
    barriers: int
    read: int
    written: int
    ub: int
    l1: int
    cycles: int
    results: Arrays
    findings: tuple[str, ...]


def side(report: Report, results: Arrays) -> Side:
    """The figures of a run."""
    counts: Counter[str] = Counter()
    for each in report.tasks:
        for _, _, trace in each.cores:
            for event in report.traces[trace]:
                name = event.pipe if isinstance(event, Run) else type(event).__name__
                counts[name] += 1
    return Side(
        tasks=len(report.tasks),
        edges=len({(each.from_, each.to) for each in report.edges}),
        instructions=counts,
        flags=counts[Await.__name__],
        barriers=counts[Barrier.__name__],
        read=sum(each.loaded for each in report.tasks),
        written=sum(each.stored for each in report.tasks),
        ub=max((each.high_water.get("ub", 0) for each in report.tasks), default=0),
        l1=max((each.high_water.get("l1", 0) for each in report.tasks), default=0),
        cycles=simulated(report, CLUSTERS, None).makespan,
        results=results,
        findings=tuple(f"{each.kernel} {each.instruction}: {each.code}: {each.message}" for each in report.diagnostics),
    )


def ours(pair: Pair, arrays: Arrays, folder: Path) -> Side:
    """The program, compiled and run."""
    run = htp.bind(htp.compile_program(pair.ours, target="pto:a2a3sim", out=folder / pair.name.replace(" ", "-")))
    assert isinstance(run, Standin)
    given = {**arrays, **{name: value for name, _, value in pair.scalars}}
    return side(run.report(trace=True, **{each.name: given[each.name] for each in run.face.params}), arrays)


def theirs(pair: Pair, arrays: Arrays, root: Path) -> Side:
    """The peer, as a package whose files are in the checkout."""
    names = [(each.lstrip(">="), MARKS.get(each[0], "in")) for each in pair.order.split()]
    given = {name: arrays[name].reshape(-1) if pair.flat else arrays[name] for name, _ in names}
    parameters = [
        Parameter(name=name, direction=how, dtype=dtype_of(given[name]), dims=given[name].shape)  # type: ignore
        for name, how in names
    ]
    parameters += [Parameter(name=name, direction="scalar", dtype=dtype) for name, dtype, _ in pair.scalars]
    prefix = "aicpu_orchestration" if pair.orchestration else "peer"
    contract = Package(
        entry=pair.name, variant="a2a3sim", versions=Versions(profile=CURRENT.name, runtime="", isa=""),
        orchestration="", entry_symbol=f"{prefix}_entry", config_symbol=f"{prefix}_config",
        parameters=tuple(parameters),
    )  # fmt: skip
    run = Standin(contract, Places({}, {}, ()), built(pair, parameters, root), "", CURRENT.runtimes[0])
    scalars = {name: value for name, _, value in pair.scalars}
    return side(run.report(trace=True, **given, **scalars), arrays)


def dtype_of(array: np.ndarray) -> str:
    """Its name in HTP."""
    return {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int32": "i32", "int64": "i64"}[array.dtype.name]


def built(pair: Pair, parameters: Sequence[Parameter], root: Path) -> Built:
    """The libraries of a peer."""
    kernels = tuple(
        (number, Path(each.path).stem, each.core, library(unit(each, root))) for number, each in enumerate(pair.kernels)
    )
    text = launch(pair, parameters)
    if pair.orchestration:
        text = (root / pair.orchestration).read_bytes()
    path = library(Unit("orchestration", "peer.cpp", {"peer.cpp": text}, CURRENT.standin_flags))
    return Built(executor_library(), path, kernels)


def unit(kernel: Kernel, root: Path) -> Unit:
    """A kernel's file, as it is, or a task that calls what it defines."""
    sources = {"peer.cpp": (root / kernel.path).read_bytes()}
    macro = CURRENT.core_macros[kernel.core]  # type: ignore
    flags = (*CURRENT.standin_flags, f"-D{macro}")
    if not kernel.call:
        return Unit(kernel.path, "peer.cpp", sources, flags)
    sources |= {"task.cpp": WRAPPED.replace("CALL", kernel.call).encode(), "kernel_operator.h": OPERATOR.encode()}
    return Unit(kernel.path, "task.cpp", sources, (*flags, f"-D{macro.replace('DAV_', 'DAV_C220_')}"))


def launch(pair: Pair, parameters: Sequence[Parameter]) -> bytes:
    """An orchestration that submits one task with all arguments."""
    ways = {"in": "input", "out": "output", "inout": "inout"}
    taken = [
        f"task.add_{ways[each.direction]}(args.tensor({number}).ref());"
        for number, each in enumerate(parameters) if each.direction != "scalar"
    ]  # fmt: skip
    taken += [f"task.add_scalar(args.scalar({number}));" for number in range(len(pair.scalars))]
    text = LAUNCH.replace("COUNT", str(len(parameters))).replace("TAKEN", "\n    ".join(taken))
    return text.replace("BLOCKS", str(pair.blocks)).replace("CORE", pair.kernels[0].core).encode()


def error(pair: Pair, one: Arrays, other: Arrays) -> float:
    """The largest difference between what the two wrote."""
    worst = 0.0
    for each in pair.order.split():
        if each[0] in MARKS:
            a, b = (of[each[1:]].astype(np.float64) for of in (one, other))
            worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    return worst


HEAD = f"{'program':<18}{'by':<6}{'tasks':>6}{'edges':>6}{''.join(f'{each:>6}' for each in PIPES)}"
COUNTS = f"{'flags':>7}{'barr.':>6}{'in':>10}{'out':>10}{'ub':>8}{'l1':>8}{'cycles':>9}{'ratio':>7}{'error':>9}"


def line(name: str, who: str, found: Side, more: str = "") -> str:
    """A row of the table."""
    counts = "".join(f"{found.instructions[each]:>6}" for each in PIPES)
    start = f"{name:<18}{who:<6}{found.tasks:>6}{found.edges:>6}{counts}{found.flags:>7}{found.barriers:>6}"
    return f"{start}{found.read:>10}{found.written:>10}{found.ub:>8}{found.l1:>8}{found.cycles:>9}{more}"


def show(pair: Pair, root: Path | None, folder: Path) -> list[str]:
    """Prints the rows of a pair; what was found wrong in it."""
    arrays = {who: pair.arrays(np.random.default_rng(0)) for who in ("ours", "theirs")}
    own = ours(pair, arrays["ours"], folder)
    said = [f"{pair.name}, htp: {each}" for each in own.findings]
    if root is None:
        print(line(pair.name, "htp", own), flush=True)
        return said
    try:
        hand = theirs(pair, arrays["theirs"], root)
    except CompilerRefused as refused:
        print(line(pair.name, "htp", own), flush=True)
        first = next((each for each in refused.said.splitlines() if "error" in each), "")
        return [*said, f"{pair.name}: the peer does not compile against the stand-in: {first}"]
    more = f"{own.cycles / max(hand.cycles, 1):>7.2f}{error(pair, own.results, hand.results):>9.1e}"
    print(line(pair.name, "htp", own, more), flush=True)
    print(line("", pair.by, hand), flush=True)
    return said + [f"{pair.name}, {pair.by}: {each}" for each in hand.findings]


def checkout() -> Path | None:
    """The checkout; None when there is none, or it is not that of pto-runtime."""
    root = Path(os.environ.get(ROOT, ""))
    if not os.environ.get(ROOT) or not (root / "pto_isa.pin").is_file():
        print(f"{ROOT} names no checkout of pto-runtime (hw-native-sys/simpler): HTP's figures alone", file=sys.stderr)
        return None
    for name, folder in (("pto-runtime", root), ("pto-isa", root / "build/pto-isa")):
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        print(name, subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    return root


def main() -> int:
    """Prints the table, and below it what the stand-in found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    options = parser.parse_args()
    root = checkout()
    print(HEAD + COUNTS)
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for each in pairs():
            if options.only in each.name:
                said += show(each, root, Path(folder))
    print(*said, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
