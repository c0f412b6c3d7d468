"""The verbs that show a package: `htp report` writes a page, `htp trace` a timeline; both run it once.

Knows files and what is answered; what is drawn is in `htp.views`.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from htp.deadlocks import Deadlock
from htp.diagnostics import Refused
from htp.report import Exit, NextStep, OutputFile, exit_for
from htp.session import current_session
from htp.tools.answers import Answer, count, refusal, table

if TYPE_CHECKING:
    import argparse

    from htp.artifact.read import Package
    from htp.declarations import Mode
    from htp.runs import Figure, RunReport
    from htp.tools.calling import Call

_ELSEWHERE = "choose another file with -o"
VIEWERS = "https://ui.perfetto.dev or chrome://tracing"


def report(options: argparse.Namespace) -> Answer:
    """Writes the page of a package: without a run where it cannot run here, of a deadlock with its report."""
    from htp.artifact import open_package
    from htp.tools.timings import step_seconds
    from htp.views.pages import Ran, package_page

    package = open_package(options.package)
    called: Call | None = None
    try:
        called = _call(package, options, check=True)
        inputs = f"the inputs of {options.inputs}" if options.inputs else f"inputs of seed {options.seed}"
        run = Ran(
            inputs, tuple(map(str, called.outputs)),
            tuple((name, found.equal, str(found)) for name, found in called.comparisons), called.report,
        )  # fmt: skip
    except Refused as refused:
        if options.inputs and not isinstance(refused, Deadlock) and exit_for(refused.code) is not Exit.UNAVAILABLE:
            raise
        run = refused
    figures = _figures(package, called.report if called is not None else None)
    page = package_page(package, run, seconds=step_seconds(package), figures=figures)
    out = write_view(package, options.out, ".html", page.encode())
    if isinstance(run, Deadlock):
        line = f"{out}: {package.manifest.entry} for {package.manifest.target}, its run is stuck"
        found = {"page": out, "ran": True, "refused": run.code, "deadlock": run.report, "figures": figures}
        files = (OutputFile(path=out, kind="report"),)
        return replace(refusal(run, inputs=(options.package,)), lines=(line,), result=found, files=files)
    ok = called is None or called.ok
    said = f"not run: {run.code}" if isinstance(run, Refused) else "one run" if ok else "its run differs from stage 00"
    trace = NextStep(why="its timeline", argv=("htp", "trace", options.package))
    verify = NextStep(why="find the stage", argv=("htp", "verify", options.package))
    return Answer(
        lines=(
            *(line for each in figures for line in (each.title, *_indented(each), "")),
            f"{out}: {package.manifest.entry} for {package.manifest.target}, {said}",
        ),
        result={
            "page": out, "ran": called is not None, "refused": run.code if isinstance(run, Refused) else None,
            "figures": figures,
        },
        exit=Exit.YES if ok else Exit.NO,
        diagnostics=called.report.diagnostics if called is not None else (),
        files=(OutputFile(path=out, kind="report"),),
        inputs=(options.package,),
        next=(verify,) if not ok else (trace,) if called is not None else (),
    )


def _figures(package: Package, report: RunReport | None) -> tuple[Figure, ...]:
    """What the package's backend says of it, if that is installed and says anything."""
    backend = current_session().backends.get(package.manifest.target.partition(":")[0])
    return backend.figures.load()(package, report) if backend is not None and backend.figures is not None else ()


def _indented(figure: Figure) -> tuple[str, ...]:
    return tuple(f"  {line}" for line in (*table((figure.columns, *figure.rows)), *figure.notes))


def trace(options: argparse.Namespace) -> Answer:
    """Runs the package and writes its timeline as trace events."""
    from htp.artifact import open_package
    from htp.tools.timings import step_seconds
    from htp.views.traces import chrome_trace, left_out

    package = open_package(options.package)
    found = _call(package, options, check=False).report
    written = chrome_trace(found, passes=step_seconds(package))
    out = write_view(package, options.out, ".trace.json", written)
    real = len(found.tasks.runs) if found.tasks is not None else 0
    simulated = len(found.simulated.tasks) if found.simulated is not None else 0
    processes = len(found.simulated.processes) if found.simulated is not None else 0
    times = ((real, "in real time"), (simulated, "in simulated time"))
    said = [f"{count(many, 'task', 'tasks')} {which}" for many, which in times if many]
    said += [f"{count(processes, 'process', 'processes')} in simulated time"] if processes else []
    less = left_out(found)
    return Answer(
        lines=(
            f"{out}: {', '.join(said) or 'no task was measured'}; open it in {VIEWERS}",
            *(f"  {what}: {how}" for what, how in less.items()),
        ),
        result={
            "trace": out, "tasks": real, "simulated_tasks": simulated, "processes": processes, "left_out": less
        },
        diagnostics=found.diagnostics,
        files=(OutputFile(path=out, kind="trace"),),
        inputs=(options.package,),
        next=(NextStep(why="the whole page", argv=("htp", "report", options.package)),),
    )


def _call(package: Package, options: argparse.Namespace, *, check: bool) -> Call:
    from htp.tools.calling import call

    with tempfile.TemporaryDirectory(prefix="htp-view-") as folder:
        return call(
            package, Path(folder), seed=options.seed, dims=options.dims, mode=cast("Mode | None", options.mode or None),
            inputs=Path(options.inputs) if options.inputs else None, check=check, trace=True,
        )  # fmt: skip


def write_view(package: Package, out: str | None, ending: str, data: bytes) -> str:
    """Writes the file, by default beside the package, and returns its path.

    Raises:
        Refused: `cli.cannot-write`.
    """
    name = out or os.path.relpath(f"{package.path}{ending}")
    place = Path(name).resolve()
    if place.is_relative_to(package.path.resolve()):
        raise Refused("cli.cannot-write", f"{name} would lie in the sealed package", help=_ELSEWHERE)
    try:
        place.write_bytes(data)
    except OSError as error:
        raise Refused("cli.cannot-write", f"{name} cannot be written: {error.strerror}", help=_ELSEWHERE) from error
    return name
