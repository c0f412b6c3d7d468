"""What every command answers: one envelope, one table of exit codes, drawn as text or JSON.

Knows how an answer is said; does not know any command.
"""

import enum
import re
import sys
from typing import Literal, TextIO

import msgspec

from htp.artifact.manifest import Record, Sha256
from htp.artifact.seal import canonical
from htp.diagnostics import Diagnostic, render


class Exit(enum.IntEnum):
    """The exit codes of every `htp` command."""

    YES = 0
    """Done, or checked and the answer is yes."""
    NO = 1
    """Checked and the answer is no."""
    USAGE = 2
    """The command was called in a way it does not understand."""
    PROGRAM = 3
    """The user's program, or the arrays given to it, has errors."""
    UNAVAILABLE = 4
    """The target, its toolchain or its device is not available here."""
    INTERNAL = 5
    """HTP has a bug; the path of a reproducer is printed."""
    TIMEOUT = 6
    """A limit of time was reached."""
    INTERRUPTED = 130
    """The user stopped it."""


class InputFile(Record, frozen=True, kw_only=True):
    """A file or package that was read."""

    path: str
    sha256: Sha256


class OutputFile(Record, frozen=True, kw_only=True):
    """A file that was written, and what it is: `package`, `report`, `arrays`, `reproducer`."""

    path: str
    kind: str


class NextStep(Record, frozen=True, kw_only=True):
    """A command worth running now, and the reason."""

    why: str
    argv: tuple[str, ...]


class Versions(Record, frozen=True, kw_only=True):
    """Who answered."""

    core: str
    plugins: dict[str, str] = msgspec.field(default_factory=dict[str, str])


class Report(Record, frozen=True, kw_only=True):
    """The answer of a command; without clocks, so that asking twice gives the same bytes."""

    schema: Literal["htp.report/1"] = "htp.report/1"
    command: str
    argv: tuple[str, ...] = ()
    ok: bool = True
    exit: int = 0
    htp: Versions | None = None
    inputs: tuple[InputFile, ...] = ()
    result: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    diagnostics: tuple[Diagnostic, ...] = ()
    files: tuple[OutputFile, ...] = ()
    next: tuple[NextStep, ...] = ()


def result(value: object) -> msgspec.Raw:
    """A record or plain value as the `result` of a report."""
    return msgspec.Raw(msgspec.json.encode(value, order="sorted"))


_UNAVAILABLE = re.compile(
    r"toolchain-\w+|mode-unavailable|unknown-target|no-(compiler|device|toolchain)|\w+-missing-toolchain"
)
_USAGE = {"artifact.missing", "artifact.no-such-stage", "artifact.not-a-package", "artifact.foreign-file"}


def exit_for(code: str) -> Exit:
    """The exit code of a command that ends with this diagnostic.

    >>> exit_for("type.shape-mismatch"), exit_for("cpu.toolchain-missing")
    (<Exit.PROGRAM: 3>, <Exit.UNAVAILABLE: 4>)
    """
    owner, _, problem = code.partition(".")
    if owner == "internal":
        return Exit.INTERNAL
    if owner == "bind" or _UNAVAILABLE.fullmatch(problem):
        return Exit.UNAVAILABLE
    if problem == "timeout":
        return Exit.TIMEOUT
    if owner == "cli" or code in _USAGE:
        return Exit.USAGE
    return Exit.NO if owner in ("artifact", "verify", "cache") else Exit.PROGRAM


_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;36", "help": "1;32"}


def coloured(text: str, *, colour: bool) -> str:
    """The text with severities and `help` marked for a terminal, if wanted."""
    if not colour:
        return text
    return re.sub(
        r"^(error|warning|note|help)(?=[\[:])",
        lambda m: f"\x1b[{_COLOURS[m[1]]}m{m[1]}\x1b[0m",
        text,
        flags=re.MULTILINE,
    )


def write_report(
    report: Report, lines: tuple[str, ...], *, format: Literal["text", "json"], colour: bool, out: TextIO | None = None
) -> None:
    """Writes the answer on standard output as JSON, or its `lines` there and its diagnostics on standard error."""
    stream = out or sys.stdout
    if format == "json":
        stream.write(canonical(report).decode())
        return
    for line in lines:
        stream.write(f"{line}\n")
    for each in report.diagnostics:
        sys.stderr.write(coloured(render(each), colour=colour) + "\n")
