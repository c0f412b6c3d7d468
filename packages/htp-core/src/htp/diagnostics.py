"""Coded diagnostics: spans, messages, and how they are drawn for a person.

Knows nothing of who reports; every part of HTP that refuses something does it with `Refused`.
"""

from __future__ import annotations

import linecache
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]


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


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: a public code, one sentence, the place, and how to mend it."""

    code: str
    message: str
    severity: Severity = "error"
    span: Span | None = None
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
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: tuple[str, ...] | str = (),
        others: tuple[Diagnostic, ...] = (),
    ) -> None:
        hints = (help,) if isinstance(help, str) else help
        self.diagnostic = Diagnostic(
            code=code, message=message, span=span, labels=labels, notes=notes, help=hints
        )
        self.diagnostics = (self.diagnostic, *others)
        super().__init__(code, message)

    @classmethod
    def of(cls, *diagnostics: Diagnostic) -> Refused:
        """One refusal out of several independent findings, in the order given."""
        first, *rest = diagnostics
        return cls(
            first.code,
            first.message,
            span=first.span,
            labels=first.labels,
            notes=first.notes,
            help=first.help,
            others=tuple(rest),
        )

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


def render(diagnostic: Diagnostic, *, width: int = 100) -> str:
    """Draws a diagnostic as text: code and message, the user's lines with carets, notes, help."""
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"]
    if diagnostic.span is not None:
        lines += _source_lines(diagnostic.span, diagnostic.labels, width)
    lines += [f"   = {note}" for note in diagnostic.notes]
    lines += [f"help: {hint}" for hint in diagnostic.help]
    return "\n".join(lines)


def _source_lines(span: Span, labels: tuple[Label, ...], width: int) -> list[str]:
    marks = sorted(
        [(span, "", "^"), *((each.span, each.text, "-") for each in labels if each.span.file == span.file)],
        key=lambda mark: (mark[0].line, mark[0].column),
    )
    gutter = max(2, len(str(max(mark[0].line for mark in marks))))
    drawn = [f"{' ' * gutter}--> {span.place}", f"{' ' * gutter} |"]
    previous = 0
    for place, text, sign in marks:
        source = linecache.getline(span.file, place.line).rstrip("\n")
        if not source:
            continue
        if place.line != previous:
            drawn.append(f"{place.line:>{gutter}} | {source[:width]}")
        previous = place.line
        last = place.end_column if place.end_line == place.line else len(source) + 1
        # A place without an end is a whole line: its indentation is not underlined.
        column = place.column if place.end_line else max(place.column, len(source) - len(source.lstrip()) + 1)
        carets = sign * max(1, min(last, len(source) + 1) - column)
        drawn.append(f"{' ' * gutter} | {' ' * (column - 1)}{carets} {text}".rstrip())
    drawn += [f"{' ' * gutter}--> {each.span.place}: {each.text}" for each in labels if each.span.file != span.file]
    return drawn if len(drawn) > 2 else drawn[:1]
