"""What every command answers: one envelope, one table of exit codes, drawn as text, JSON, JSON lines or SARIF.

Knows how an answer is said; does not know any command.
"""

import enum
import re
import sys
from typing import Literal

import msgspec

from htp.artifact.manifest import Record, Sha256
from htp.artifact.seal import canonical, canonical_line
from htp.diagnostics import LINES, Diagnostic, render

Format = Literal["text", "json", "jsonl", "sarif"]


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
    """A file that was written, and what it is: `package`, `report`, `arrays`, `reproducer`, `source`,
    `trace`.
    """

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
    report: Report, lines: tuple[str, ...], *, format: Format, colour: bool, everything: bool = False
) -> None:
    """Writes the answer on standard output, or its `lines` there and its diagnostics on standard error.

    JSON lines are one diagnostic each, and the whole report last. As text a diagnostic is cut to its most lines unless
    `everything` is wanted.
    """
    out = sys.stdout
    if format == "json":
        out.write(canonical(report).decode())
    elif format == "jsonl":
        for each in report.diagnostics:
            out.write(msgspec.json.encode(each, order="sorted").decode() + "\n")
        out.write(canonical_line(report).decode())
    elif format == "sarif":
        from htp.sarif import sarif_log
        from htp.tools.codes import all_pages

        out.write(sarif_log(report, {page.code: page for page in all_pages()}).decode())
    else:
        for line in lines:
            out.write(f"{line}\n")
        for each in report.diagnostics:
            text = render(each, limit=None if everything else LINES)
            sys.stderr.write(coloured(text, colour=colour) + "\n")
