"""Coded diagnostics: spans, messages, and how they are drawn for a person.

Knows nothing of who reports; every part of HTP that refuses something does it with `Refused`.
"""

from __future__ import annotations

import linecache
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]

LINES = 15
"""How many lines a diagnostic takes at most, unless everything was asked for."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a user's file; lines and columns count from 1, the end column is exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    @property
    def place(self) -> str:
        """`file:line:column`, as editors read it."""
        return f"{self.file}:{self.line}:{self.column}"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A further place that explains a diagnostic."""

    span: Span
    text: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a causal chain, and who says so: a distribution with its version, or a pass."""

    text: str
    by: str = ""


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: a public code, one sentence, the place, why it is so, and how to mend it.

    `label` is said under the carets of `span`; `chain` leads from what is wanted to what is missing.
    """

    code: str
    message: str
    severity: Severity = "error"
    span: Span | None = None
    label: str = ""
    chain: tuple[Reason, ...] = ()
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()


class Refused(Exception):
    """The user's program, arrays, package or environment cannot be accepted; carries one or more diagnostics."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        span: Span | None = None,
        label: str = "",
        labels: tuple[Label, ...] = (),
        chain: tuple[Reason, ...] = (),
        notes: tuple[str, ...] = (),
        help: tuple[str, ...] | str = (),
    ) -> None:
        hints = (help,) if isinstance(help, str) else help
        self.diagnostics = (
            Diagnostic(
                code=code, message=message, span=span, label=label, labels=labels, chain=chain, notes=notes, help=hints
            ),
        )
        super().__init__(code, message)

    @classmethod
    def of(cls, *diagnostics: Diagnostic) -> Refused:
        """One refusal out of several independent findings, in the order given."""
        refusal = cls(diagnostics[0].code, diagnostics[0].message)
        refusal.diagnostics = diagnostics
        return refusal

    @property
    def diagnostic(self) -> Diagnostic:
        """The first finding."""
        return self.diagnostics[0]

    @property
    def code(self) -> str:
        """The code of the first diagnostic."""
        return self.diagnostic.code

    def at(self, span: Span | None) -> Refused:
        """The same refusal at `span`, if it has no place of its own yet."""
        if span is None or self.diagnostic.span is not None:
            return self
        return Refused.of(msgspec.structs.replace(self.diagnostic, span=span), *self.diagnostics[1:])

    def __str__(self) -> str:
        return "\n".join(render(each) for each in self.diagnostics)


class Bug(Exception):
    """HTP broke one of its own rules; never the user's fault."""


def render(diagnostic: Diagnostic, *, width: int = 100, limit: int | None = LINES) -> str:
    """Draws a diagnostic as text: code and message, the user's lines with carets, why it is so, help.

    Beyond `limit` lines the middle of the reasons is left out; `None` draws everything.
    """
    head = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"]
    head += _source_lines(diagnostic, width)
    help = [f"help: {hint}" for hint in diagnostic.help]
    reasons = _reasons(diagnostic)
    if limit is not None:
        reasons = _without_middle(reasons, max(3, limit - len(head) - len(help)), diagnostic.code)
    return "\n".join((*head, *(f"   = {each}" for each in reasons), *help))


def _reasons(diagnostic: Diagnostic) -> list[str]:
    """The chain, its authors in one column unless that makes long lines longer, then the notes."""
    column = max((len(each.text) for each in diagnostic.chain if each.by), default=0)
    column = column if column <= 80 else 0
    chain = [f"{each.text.ljust(column)}  ({each.by})" if each.by else each.text for each in diagnostic.chain]
    return [*chain, *diagnostic.notes]


def _without_middle(lines: list[str], room: int, code: str) -> list[str]:
    if len(lines) <= room:
        return lines
    command = "`htp plan … --why`" if code.startswith("plan.") else "`--format json`"
    first, last = room // 2, (room - 1) // 2
    return [*lines[:first], f"… {len(lines) - first - last} more; {command} prints all", *lines[len(lines) - last :]]


def first_column(file: str, line: int) -> int:
    """Where the text of a line of a file begins, behind its indentation; 1 if there is no such line."""
    source = linecache.getline(file, line)
    return len(source) - len(source.lstrip()) + 1 if source.strip() else 1


def _drawn_column(place: Span) -> int:
    """Where a place begins; one without an end is a whole line, to which its indentation does not belong."""
    return place.column if place.end_line else max(place.column, first_column(place.file, place.line))


def _source_lines(diagnostic: Diagnostic, width: int) -> list[str]:
    span, labels = diagnostic.span, diagnostic.labels
    if span is None:
        return []
    nearby = ((each.span, each.text, "-") for each in labels if each.span.file == span.file)
    marks = sorted(
        ((span, diagnostic.label, "^"), *nearby),
        key=lambda mark: (mark[0].line, mark[0].column),
    )
    gutter = max(2, len(str(max(mark[0].line for mark in marks))))
    begin = msgspec.structs.replace(span, column=_drawn_column(span))
    drawn = [f"{' ' * gutter}--> {begin.place}", f"{' ' * gutter} |"]
    previous = 0
    for place, text, sign in marks:
        source = linecache.getline(span.file, place.line).rstrip("\n")
        if not source:
            continue
        if place.line != previous:
            drawn.append(f"{place.line:>{gutter}} | {source[:width]}")
        previous = place.line
        last = place.end_column if place.end_line == place.line else len(source) + 1
        column = min(_drawn_column(place), width)
        carets = sign * max(1, min(last, len(source) + 1, width + 1) - column)
        drawn.append(f"{' ' * gutter} | {' ' * (column - 1)}{carets} {text}".rstrip())
    drawn += [f"{' ' * gutter}--> {each.span.place}: {each.text}" for each in labels if each.span.file != span.file]
    return drawn if len(drawn) > 2 else drawn[:1]
