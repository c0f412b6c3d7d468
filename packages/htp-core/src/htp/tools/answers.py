"""What a verb found out, before it is said: lines for people, a result for programs, diagnostics, the next command.

Knows the envelope; does not know any verb.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from htp._version import __version__
from htp.artifact.manifest import MANIFEST
from htp.deadlocks import Deadlock
from htp.report import Exit, InputFile, NextStep, OutputFile, Report, Versions, exit_for, result, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.diagnostics import Diagnostic, Refused
    from htp.report import Format


@dataclass(frozen=True)
class Answer:
    """The outcome of a command; with `everything`, diagnostics are not cut to their most lines."""

    lines: tuple[str, ...] = ()
    result: object = None
    exit: Exit = Exit.YES
    diagnostics: tuple[Diagnostic, ...] = ()
    files: tuple[OutputFile, ...] = ()
    inputs: tuple[str, ...] = ()
    next: tuple[NextStep, ...] = ()
    everything: bool = False


def refusal(refused: Refused, *, inputs: tuple[str, ...] = ()) -> Answer:
    """The answer to a command that was refused: every finding, and how to learn more; the report of a deadlock too."""
    explain = NextStep(why="what the code means and how to mend it", argv=("htp", "explain", refused.code))
    found = {"deadlock": refused.report} if isinstance(refused, Deadlock) else None
    return Answer(
        exit=exit_for(refused.code), result=found, diagnostics=refused.diagnostics, inputs=inputs, next=(explain,)
    )


def deliver(answer: Answer, verb: str, argv: Sequence[str], *, format: Format, colour: bool) -> int:
    """Says the answer and returns the exit code."""
    report = Report(
        command=verb,
        argv=tuple(argv),
        ok=answer.exit is Exit.YES,
        exit=int(answer.exit),
        htp=Versions(core=__version__, plugins=_plugins()),
        inputs=tuple(each for path in answer.inputs for each in _input(path)),
        result=result({} if answer.result is None else answer.result),
        diagnostics=answer.diagnostics,
        files=answer.files,
        next=answer.next,
    )
    write_report(report, answer.lines, format=format, colour=colour, everything=answer.everything)
    if format == "text":
        for step in answer.next if answer.exit is Exit.YES or answer.diagnostics else ():
            sys.stderr.write(f"  {step.why}: {shlex.join(step.argv)}\n")
    return int(answer.exit)


def _plugins() -> dict[str, str]:
    """Versions of the distributions whose plugins this process has loaded; none are loaded for a report."""
    if "htp.session" not in sys.modules:
        return {}
    from htp.session import current_session

    active = [each.found for each in current_session().plugins if each.state == "active" and not each.found.builtin]
    return {each.distribution or each.name: each.version for each in active}


def _input(path: str) -> list[InputFile]:
    """A file's digest; a package is known by its manifest."""
    place = Path(path)
    place = place / MANIFEST if place.is_dir() else place
    try:
        return [InputFile(path=path, sha256=hashlib.sha256(place.read_bytes()).hexdigest())]
    except OSError:
        return []


def count(number: int, one: str, many: str = "") -> str:
    """A number of things.

    >>> count(1, "stage"), count(2, "stage"), count(0, "entry", "entries")
    ('1 stage', '2 stages', '0 entries')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def table(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Rows as lines with aligned columns.

    >>> table([("A", "B"), ("long", "x")])
    ('A     B', 'long  x')
    """
    if not rows:
        return ()
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return tuple("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
