"""What a run reports: the tasks, what ordered them, and what the stand-in found wrong, each at the user's line.

Knows the stand-in's report (`native/standin/abi.h`) and HTP's; does not run anything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.loops import out_of_range, span_of
from htp.runs import TaskEdge, TaskGraph, TaskNode
from htp_backend_pto.timing.events import Event  # noqa: TC001 - the record below is read with it

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from htp_backend_pto.contract import CheckRecord, Graph, Package, SourceMap

__all__ = [
    "Finding",
    "Places",
    "Report",
    "RunEdge",
    "RunTask",
    "all_places",
    "diagnostic_of",
    "failed_check",
    "graph_of_run",
    "places_of",
    "refused_run",
]

INSTRUCTION = re.compile(r"\b([A-Z][A-Z0-9_]+)[(<]")
"""An instruction in the text of a kernel."""
BUFFER = re.compile(r"\bbuffer (\d+)")
"""A buffer as the stand-in says it."""
LINE = re.compile(r", line (\d+)$")
"""The line of a kernel's file as the stand-in says it."""
CHECK = re.compile(r"htp check (\d+): (-?\d+) of (-?\d+)")
"""What `htp::fail` of `native/orchestration/htp_host.hpp` says."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the stand-in found wrong, or thinks odd."""

    code: str
    severity: str
    message: str
    task: int | None = None
    kernel: str | None = None
    core: str | None = None
    block: int | None = None
    instruction: str | None = None
    index: int | None = None
    tile: str | None = None
    bytes: int | None = None


class RunTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was submitted, and what it did."""

    id: int
    kind: str
    kernels: tuple[str, ...] = ()
    func_ids: tuple[int, ...] = ()
    blocks: int = 1
    ring: int = 0
    scope: int = 0
    instructions: dict[str, int] = {}
    loaded: int = 0
    stored: int = 0
    high_water: dict[str, int] = {}
    cores: tuple[tuple[str, int, int], ...] = ()
    """What each core did: its name, its block, and the number of its trace."""


class RunEdge(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A task waited for another one."""

    from_: int
    to: int
    source: str
    arg: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    runtime: str
    status: str
    fatal: int = 0
    diagnostics: tuple[Finding, ...] = ()
    dropped: int = 0
    tasks: tuple[RunTask, ...] = ()
    edges: tuple[RunEdge, ...] = ()
    traces: tuple[tuple[Event, ...], ...] = ()
    order: tuple[int, ...] = ()


def failed_check(text: str, checks: Sequence[CheckRecord]) -> Refused | None:
    """The program's own check that a message of the runtime tells of."""
    found = CHECK.search(text)
    if found is None or int(found[1]) >= len(checks):
        return None
    check = checks[int(found[1])]
    if check.what == "index":
        return out_of_range(int(found[2]), int(found[3]), check.place)
    place = span_of(check.place) if check.place else None
    return Refused(check.code, check.text, span=place, help=check.help or ())


def refused_run(report: Report, contract: Package, places: Places) -> Refused:
    """Why a run failed: a check of the program, or what the stand-in found."""
    for each in report.diagnostics:
        failed = failed_check(each.message, contract.checks)
        if failed is not None:
            return failed
    errors = [each for each in report.diagnostics if each.severity == "error"]
    return Refused.of(*(diagnostic_of(each, places) for each in errors[:10]))


def diagnostic_of(finding: Finding, places: Places) -> Diagnostic:
    """A finding as HTP says it, at its instruction's line, or else that of its kernel's call, where there is one."""
    where = [f"kernel `{finding.kernel}`" if finding.kernel else "", finding.instruction or "", finding.tile or ""]
    notes = [", ".join(each for each in where if each)] if any(where) else []
    kernel = finding.kernel or ""
    said = LINE.search(finding.message)
    place = places.lines.get((kernel, int(said[1])), "") if said else ""
    place = place or places.instructions.get((kernel, finding.instruction or ""), "") or places.calls.get(kernel, "")
    wrong = finding.severity == "error"
    message = BUFFER.sub(lambda found: places.array(int(found[1])) or found[0], LINE.sub("", finding.message))
    return Diagnostic(
        code="pto.simulator",
        severity="error" if wrong else "warning",
        message=f"the run is {'wrong' if wrong else 'odd'} ({finding.code}): {message}",
        span=span_of(place) if place else None,
        notes=tuple(notes),
    )


def places_of(graph: Graph) -> dict[str, str]:
    """The user's line of every kernel that is called in one place."""
    found: dict[str, str] = {}
    for call in graph.calls:
        found[call.kernel] = "" if call.kernel in found and found[call.kernel] != call.place else call.place
    return found


class Places(NamedTuple):
    """The user's lines: of kernels' calls, and of what an instruction of a kernel was printed from, if that is one.

    `lines` are those of the kernels' files. `arrays` are the parameters of the entry that are arrays, in order: the
    first buffers of a run.
    """

    calls: Mapping[str, str]
    instructions: Mapping[tuple[str, str], str]
    arrays: tuple[str, ...]
    lines: Mapping[tuple[str, int], str] = MappingProxyType({})

    def array(self, number: int) -> str:
        """A buffer by its name, empty for one that the program makes."""
        return f"`{self.arrays[number]}`" if number < len(self.arrays) else ""


def all_places(folder: Path, contract: Package, graph: Graph, mapped: SourceMap) -> Places:
    """The places of a package's kernels and their instructions."""
    lines = {each.file: {line.line: line.place for line in each.lines} for each in mapped.files}
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kernel in contract.kernels:
        text = (folder / kernel.file).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            for name in INSTRUCTION.findall(line):
                found[kernel.name, name].add(lines.get(kernel.file, {}).get(number, ""))
    arrays = tuple(each.name for each in contract.parameters if each.direction != "scalar")
    alone = {each: places.pop() for each, places in found.items() if len(places) == 1}
    by_line = {
        (kernel.name, line): place for kernel in contract.kernels for line, place in lines.get(kernel.file, {}).items()
    }
    return Places(places_of(graph), alone, arrays, by_line)


def graph_of_run(report: Report, places: Mapping[str, str]) -> TaskGraph:
    """The tasks of a run and what ordered them, in the order of submission."""
    index = {each.id: number for number, each in enumerate(report.tasks)}
    nodes = tuple(
        TaskNode(kernel=_name(each), place=places.get(each.kernels[0], "") if each.kernels else "")
        for each in report.tasks
    )
    kinds: dict[tuple[int, int], dict[str, None]] = {}
    for each in report.edges:
        kinds.setdefault((index[each.from_], index[each.to]), {})[each.source] = None
    edges = (TaskEdge(source=source, target=target, kind="+".join(how)) for (source, target), how in kinds.items())
    return TaskGraph(tasks=nodes, edges=tuple(edges))


def _name(task: RunTask) -> str:
    return task.kernels[0] if task.kernels else f"({task.kind})"
