"""The figures of a package as tables, for people: what each kernel does, its memory, its bytes, and its tasks.

Knows the records of a package and of a run; counts nothing itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from htp.runs import Figure
from htp_backend_pto.contract import Graph
from htp_backend_pto.figures.records import Figures
from htp_backend_pto.isa.cost import CLOCK_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp.artifact.read import Package
    from htp.runs import KernelRun, RunReport
    from htp_backend_pto.figures.records import KernelFigures, MemoryUse, Term

__all__ = ["figures"]

PIPES = ("S", "MTE2", "MTE1", "V", "M", "FIX", "MTE3")
SHOWN = 6
ALLOCATIONS = "a buffer that no task writes first is allocated by a task of its own, which calls no kernel"
SOURCES = {
    "creator": "the runtime, by who allocates",
    "tensormap": "the runtime, by regions",
    "explicit": "the package",
}


def figures(package: Package, report: RunReport | None) -> tuple[Figure, ...]:
    """What is known of a package, and of a run of it."""
    found = package.record("contract/figures.json", Figures)
    graph = package.record("contract/graph.json", Graph)
    tables = [_instructions(found.kernels), _bytes(found.kernels), _memory(found.kernels), _tasks(graph, report)]
    if report is not None and report.simulated is not None and report.simulated.kernels:
        tables.append(_time(report))
    return tuple(tables)


def _instructions(kernels: Sequence[KernelFigures]) -> Figure:
    rows = tuple(
        (
            each.kernel,
            each.core,
            *(str(sum(each.instructions.get(pipe, {}).values()) or "") for pipe in PIPES),
            str(each.flags),
            str(each.barriers),
        )
        for each in kernels
    )
    columns = ("kernel", "core", *PIPES, "flags", "barriers")
    notes = tuple(f"`{each.kernel}`: {each.note}" for each in kernels if each.note)
    return Figure(title="Instructions as written", columns=columns, rows=rows, notes=notes)


def _bytes(kernels: Iterable[KernelFigures]) -> Figure:
    rows = tuple(
        (kernel.kernel, each.direction, each.array, " + ".join(map(formula, each.terms)))
        for kernel in kernels
        for each in kernel.traffic
    )
    note = "sizes are those of the kernel's own tensors: the part that one call is given"
    return Figure(title="Bytes of global memory, each call", columns=("kernel", "", "array", "bytes"), rows=rows,
                  notes=(note,))  # fmt: skip


def formula(term: Term) -> str:
    """A term as one reads it.

    >>> from htp_backend_pto.figures.records import LoopText, Term
    >>> formula(Term(amount="4*k*n", loops=(LoopText(variable="k", start="0", stop="K", step="8"),), when=("n > 1",)))
    'sum(4*k*n for k in range(0, K, 8)) if n > 1'
    """
    text = term.amount
    if term.loops:
        loops = (f" for {each.variable} in range({each.start}, {each.stop}, {each.step})" for each in term.loops)
        text = f"sum({text}{''.join(loops)})"
    conditions = [each for each in term.when if each != "while"]
    text += " each turn" if "while" in term.when else ""
    return f"{text} if {' and '.join(conditions)}" if conditions else text


def _memory(kernels: Iterable[KernelFigures]) -> Figure:
    rows = tuple(
        (kernel.kernel, each.space.upper(), _of(each.used, each.capacity), _of(each.live, each.capacity), each.place,
         _tiles(each))
        for kernel in kernels
        for each in kernel.memory
    )  # fmt: skip
    columns = ("kernel", "memory", "used", "most in use at once", "at", "tiles then")
    return Figure(title="Memory of a core, bytes of what may be used", columns=columns, rows=rows)


def _of(used: int, capacity: int) -> str:
    return f"{used} of {capacity} ({used / capacity:.0%})" if capacity else str(used)


def _tiles(use: MemoryUse) -> str:
    largest = sorted(use.tiles, key=lambda each: -each.bytes)
    shown = [f"{each.tile} {each.bytes}" for each in largest[:SHOWN]]
    return ", ".join([*shown, *([f"{len(largest) - SHOWN} more"] if len(largest) > SHOWN else [])])


def _tasks(graph: Graph, report: RunReport | None) -> Figure:
    """Of the run where there is one, else those predicted; without either, the calls."""
    if report is not None and report.graph is not None:
        kinds = Counter(kind for edge in report.graph.edges for kind in edge.kind.split("+"))
        tasks, edges, who = len(report.graph.tasks), len(report.graph.edges), "of the run"
    elif graph.exact:
        kinds = Counter(str(edge.found) for edge in graph.edges)
        tasks, edges, who = len(graph.tasks), len({(e.source, e.target) for e in graph.edges}), "of every run"
    else:
        rows = (("calls of kernels", str(len(graph.calls))),)
        return Figure(title="Tasks", columns=("", ""), rows=rows, notes=(graph.note,) if graph.note else ())
    rows = (("tasks", str(tasks)), ("edges", str(edges)), *_found_by(kinds))
    made = (each.kernel for each in (graph.tasks if report is None or report.graph is None else report.graph.tasks))
    without = any(each in ("(alloc)", "(none)") for each in made)
    return Figure(title="Tasks", columns=("", who), rows=rows, notes=(ALLOCATIONS,) if without else ())


def _found_by(kinds: Counter[str]) -> Iterator[tuple[str, str]]:
    for kind, who in SOURCES.items():
        yield f"  told by {who}", str(kinds[kind])


def _time(report: RunReport) -> Figure:
    """What the run moved and how long that takes, by the model of time."""
    simulated = report.simulated
    kernels: Sequence[KernelRun] = simulated.kernels if simulated is not None else ()
    rows: list[tuple[str, ...]] = [
        (
            each.kernel, str(each.counts.get("tasks", "")), str(each.counts.get("loaded", "")),
            str(each.counts.get("stored", "")), str(each.counts.get("instructions", "")), str(each.cycles),
            _microseconds(each.cycles), _assumed(each),
        )
        for each in kernels
    ]  # fmt: skip
    makespan = simulated.makespan if simulated is not None else 0
    total = [
        sum(each.counts.get(name, 0) for each in kernels) for name in ("tasks", "loaded", "stored", "instructions")
    ]
    rows.append(("all", *map(str, total), str(makespan), _microseconds(makespan), ""))
    columns = ("kernel", "tasks", "bytes in", "bytes out", "instructions", "cycles", "time", "assumed")
    cores = len(simulated.workers) if simulated is not None else 0
    notes = (
        f"cycles of the longest task of each kernel, and of all tasks together; cores that had work: {cores}",
        f"a model at {CLOCK_HZ / 1e9:.2f} GHz, in which starting a task takes no time",
    )
    return Figure(title="One run, in simulated time", columns=columns, rows=tuple(rows), notes=notes)


def _assumed(kernel: KernelRun) -> str:
    busy = sum(work.end - work.start for unit in kernel.units for work in unit.works)
    return f"{kernel.assumed / busy:.0%}" if busy else ""


def _microseconds(cycles: int) -> str:
    return f"{cycles / CLOCK_HZ * 1e6:.2f} us"
