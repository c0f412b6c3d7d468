"""Analyses: what is computed from a program when somebody asks for it, and kept for as long as it is true.

Knows how results are kept and handed on; does not know what is analysed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from htp.program import Program

__all__ = ["Analysis", "hand_on"]

Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True, eq=False)
class Analysis(Generic[Result]):
    """Something that can be computed from a program's functions, constants and slots.

    `program.analysis(A)` computes it once for each program. A pass that changes the program drops the result, unless
    it lists `A` in `preserves`. The result is compared with `==` where that promise is checked.

    >>> from htp.program import Program
    >>> size = Analysis("size", lambda program: len(program.functions))
    >>> Program("main", ()).analysis(size)
    0
    """

    name: str
    compute: Callable[[Program], Result]


def hand_on(before: Program, after: Program, preserved: Iterable[Analysis[object]]) -> None:
    """Gives `after` the results of `before` that are still true: all if it is the same program, else the preserved."""
    same = (
        len(before.functions) == len(after.functions)
        and all(a is b for a, b in zip(before.functions, after.functions, strict=True))
        and (before.constants, before.slots) == (after.constants, after.slots)
    )
    for analysis in list(before.results) if same else preserved:
        if analysis in before.results:
            after.results.setdefault(analysis, before.results[analysis])
