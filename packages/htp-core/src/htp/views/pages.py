"""A package as one HTML page: the program, its plan, its directives, networks and stages, and one run.

Knows what is told of a package and of a run; does not know how a run is made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from htp.deadlocks import Deadlock
from htp.diagnostics import render
from htp.views.declared import networks_of
from htp.views.differences import lines_of, rows_of, said, side_by_side
from htp.views.flowcharts import mermaid
from htp.views.graphs import graph_svg
from htp.views.markup import (
    Markup,
    code,
    document,
    drawing,
    folded,
    joined,
    listing,
    paragraph,
    section,
    shown,
    table,
    tag,
)
from htp.views.network_pages import declared_networks, network_that_is_stuck, networks_that_ran
from htp.views.pictures import KINDS, reduced_edges
from htp.views.timelines import timeline_svg
from htp.views.times import said as time_said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.artifact.manifest import DirectiveOutcome
    from htp.artifact.read import Package
    from htp.diagnostics import Refused
    from htp.runs import Figure, RunReport, TaskGraph, TaskRun
    from htp.views.declared import DeclaredNetwork

NOT_MEASURED = "not measured"
_OPEN = 40
"""A step that changed more lines than this is folded away at first."""
_COUNTED = 20_000
"""In graphs of more tasks the edges that follow from others are not counted."""


@dataclass(frozen=True)
class Ran:
    """One run of the package: on which inputs, what it wrote, how that compares with stage 00, and its report."""

    inputs: str
    outputs: tuple[str, ...]
    comparisons: tuple[tuple[str, bool, str], ...]
    """Name of the output, whether it agrees with stage 00, and how it was compared."""
    report: RunReport


def package_page(
    package: Package, run: Ran | Refused, *, seconds: Mapping[str, float], figures: Sequence[Figure] = ()
) -> str:
    """The page; `run` is what a run on this machine gave or why there is none, `seconds` what each step took.

    `figures` is what the package's backend says of it.
    """
    manifest = package.manifest
    title = f"{manifest.entry} for {manifest.target}"
    networks = networks_of(package)
    sections = [
        ("program", "Program", _program(package)),
        ("plan", "Plan", _plan(package, seconds)),
        ("directives", "Directives", _directives(package)),
        *([("networks", "Networks", declared_networks(networks))] if networks else []),
        ("stages", "Stages", _stages(package)),
        *([("figures", "Figures", joined(map(_figure, figures)))] if figures else []),
        ("run", "Run", _run(run, networks)),
    ]
    links = joined(Markup(f'<a href="#{name}">{heading}</a>') for name, heading, _ in sections)
    return document(
        title,
        Markup(f"<h1>{code(manifest.entry)} for {code(manifest.target)}</h1>\n"),
        _facts(package),
        Markup(f"<nav>{links}</nav>\n"),
        *(section(name, heading, body) for name, heading, body in sections),
    )


def _facts(package: Package) -> Markup:
    manifest = package.manifest
    dims = ", ".join(f"{name} = {size}" for name, size in manifest.dims.items())
    rows = [
        ("manifest", manifest.digest),
        ("sources", ", ".join(each.path for each in manifest.sources)),
        ("sizes fixed when compiling", dims or "none"),
        ("dialects", ", ".join(manifest.dialects)),
        ("packages", ", ".join(f"{each.name} {each.version}" for each in manifest.packages)),
    ]
    return table((), [(name, value) for name, value in rows if value])


def _program(package: Package) -> Markup:
    """The program as it was captured, and the parameters of its entry."""
    found = [each for entry in package.manifest.entries for each in entry.parameters]
    parameters = [(code(each.name), each.direction, code(each.type)) for each in found]
    first = package.stages[0]
    return joined(
        (
            table(("parameter", "direction", "type"), parameters) if parameters else "",
            listing(package.stage_text(first.id)),
            paragraph(Markup(f"This is stage {code(first.id)}, {code(first.program)}."), "quiet"),
        )
    )


def _plan(package: Package, seconds: Mapping[str, float]) -> Markup:
    plan = package.plan
    changed = {line.step: line for line in package.trace}
    rows: list[tuple[str, ...]] = []
    for step in plan.steps:
        line = changed.get(step.id)
        rewrites = len(line.matches) if line is not None else 0
        did = f"{rewrites} rewrite{'s' if rewrites > 1 else ''}" if rewrites else "changed the program" if line else ""
        did = "changed nothing" if line is not None and not line.changed else did
        took = f"{1e3 * seconds[step.id]:.1f} ms" if step.id in seconds else NOT_MEASURED
        because = ", ".join(step.because) or "it was asked for"
        rows.append((step.id.partition("-")[0], code(step.pass_), because, step.provider, did, took))
    goal = ", ".join(plan.goal) or "nothing"
    parts = [
        paragraph(f"The target wants: {goal}."),
        table(("step", "pass", "so that", "brought by", "what it did", "took"), rows),
    ]
    if plan.rejected:
        parts.append(table(("not chosen", "why not"), [(code(each.pass_), each.reason) for each in plan.rejected]))
    return joined(parts)


def _directives(package: Package) -> Markup:
    found = package.manifest.directives
    if not found:
        return paragraph("The program has no directives.", "quiet")
    rows = [
        (code(each.directive), tag(each.outcome, each.outcome), each.by, each.reason, _place(each))
        for each in found
    ]
    counts = Counter(each.outcome for each in found)
    summary = ", ".join(f"{counts[each]} {each}" for each in sorted(counts))
    return joined((paragraph(f"{summary}."), table(("directive", "outcome", "by", "why", "where"), rows)))


def _place(directive: DirectiveOutcome) -> str:
    return directive.span.place if directive.span is not None else ""


def _stages(package: Package) -> Markup:
    """Every stage beside the one before it."""
    lines = {stage.id: lines_of(package.stage_text(stage.id)) for stage in package.stages}
    parts: list[Markup] = []
    for before, after in pairwise(package.stages):
        rows = rows_of(lines[before.id], lines[after.id])
        title = joined((code(f"{before.id} → {after.id}"), f": {said(rows)}"))
        changes = sum(1 for row in rows if row.sort != "same")
        parts.append(folded(title, side_by_side(rows), open_=0 < changes <= _OPEN))
    empty = paragraph("No step changed the program.", "quiet")
    hint = paragraph(Markup(f"Every stage runs: {code(f'htp replay {package.path.name} --stage 00')}."), "quiet")
    return joined([*(parts or [empty]), hint])


def _figure(figure: Figure) -> Markup:
    heading = Markup(f"<h3>{shown(figure.title)}</h3>\n")
    return joined((heading, table(figure.columns, figure.rows), *(paragraph(each, "quiet") for each in figure.notes)))


def _run(run: Ran | Refused, networks: Sequence[DeclaredNetwork]) -> Markup:
    if isinstance(run, Deadlock):
        return network_that_is_stuck(networks, run)
    if not isinstance(run, Ran):
        head = paragraph(joined((tag("not run", "bad"), " The package could not be run here; nothing was measured.")))
        return joined((head, *(listing(render(each)) for each in run.diagnostics)))
    rows = [
        (code(name), tag("agrees" if equal else "differs", "good" if equal else "bad"), text)
        for name, equal, text in run.comparisons
    ]
    parts = [
        paragraph(f"One call on {run.inputs}."),
        table(("output", "with stage 00", "how"), rows) if rows else paragraph("Not compared with stage 00."),
        folded("Outputs", listing("\n".join(run.outputs))) if run.outputs else "",
    ]
    return joined([*parts, *_report(run.report, networks)])


def _report(report: RunReport, networks: Sequence[DeclaredNetwork]) -> Iterator[Markup]:
    yield Markup("<h3>Statistics</h3>\n")
    yield table(("", "real", "simulated"), _statistics(report))
    if report.simulated is not None:
        yield from networks_that_ran(networks, report.simulated)
    if report.graph is None and _makes_tasks(report):
        yield Markup("<h3>Task graph</h3>\n")
        yield paragraph("None was recorded: the program makes no tasks, or the target does not record them.", "quiet")
    elif report.graph is not None:
        yield Markup("<h3>Task graph</h3>\n")
        yield drawing(graph_svg(report.graph))
        yield folded("The same as Mermaid", listing(mermaid(report.graph)))
    yield Markup("<h3>Timeline</h3>\n")
    yield drawing(timeline_svg(report))
    if report.tasks is not None and report.tasks.left_out:
        yield paragraph(f"Not counted: {report.tasks.left_out}.", "quiet")
    for each in report.diagnostics:
        yield listing(render(each))


def _statistics(report: RunReport) -> Iterator[tuple[str, str, str]]:
    """What was counted in real and in simulated time; what was not says so."""
    tasks, simulated = report.tasks, report.simulated
    wall = None if report.wall_seconds is None else time_said(1e9 * report.wall_seconds, "ns")
    yield _row("time", wall, None if simulated is None else time_said(simulated.makespan, "cycles"))
    real, other = tasks.runs if tasks is not None else (), simulated.tasks if simulated is not None else ()
    if not _makes_tasks(report):
        return
    yield _row("tasks", tasks and tasks.tasks, len(other) or None)
    workers = (each.worker + 1 for run in other for each in run.places)
    yield _row("workers", tasks and tasks.workers, max(workers, default=None))
    yield _row("time in tasks", _share(real), _share(other))
    high, stalls = (simulated.window_high_water, simulated.window_stalls) if simulated is not None else (None, None)
    yield _row("window high water", tasks and tasks.window_high_water, high)
    yield _row("window stalls", tasks and tasks.window_stalls, stalls)
    yield from _edges(report.graph)


def _makes_tasks(report: RunReport) -> bool:
    """Whether tasks are to be expected: not of a run of which processes are known and nothing else."""
    only_processes = report.simulated is not None and report.simulated.processes and not report.simulated.tasks
    return not only_processes or report.graph is not None or report.tasks is not None


def _row(name: str, real: object, simulated: object) -> tuple[str, str, str]:
    first, second = (NOT_MEASURED if each is None else str(each) for each in (real, simulated))
    return name, first, second


def _share(runs: Sequence[TaskRun]) -> str | None:
    """How much of the workers' time, from the first submission to the last end, went into tasks."""
    if not runs:
        return None
    span = max(run.end for run in runs) - min(run.submit for run in runs)
    places = [each for run in runs for each in run.places]
    workers = max(each.worker for each in places) + 1
    return f"{sum(each.end - each.start for each in places) / (span * workers):.0%}" if span else None


def _edges(graph: TaskGraph | None) -> Iterator[tuple[str, str, str]]:
    """Edges are the same in both times."""
    if graph is None:
        yield _row("edges", None, None)
        return
    kinds = Counter(kind for edge in graph.edges for kind in edge.kind.split("+"))
    parts = [f"{kinds[kind]} {kind}" for kind in sorted(kinds, key=lambda kind: (kind not in KINDS, kind))]
    edges = f"{len(graph.edges)} ({', '.join(parts)})" if parts else "0"
    yield _row("edges", edges, edges)
    if len(graph.tasks) <= _COUNTED:
        left = str(len(reduced_edges(graph)))
        yield _row("edges that follow from no others", left, left)
    chain = str(_longest(graph))
    yield _row("tasks of the longest chain", chain, chain)


def _longest(graph: TaskGraph) -> int:
    depth = [1] * len(graph.tasks)
    for edge in sorted(graph.edges, key=lambda edge: edge.target):
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    return max(depth, default=0)
