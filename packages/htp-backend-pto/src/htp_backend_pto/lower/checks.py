"""What is wrong with a program that is said to be divided, bounded or selected.

Knows the forms by what they mean; shares nothing with the passes that make them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Span
    from htp.program import Program

Finding = tuple[str, "Span | None"]


def undivided(program: Program) -> Iterator[Finding]:
    """Later."""
    yield from ()


def unbounded(program: Program) -> Iterator[Finding]:
    """Later."""
    yield from ()


def unselected(program: Program) -> Iterator[Finding]:
    """Later."""
    yield from ()
