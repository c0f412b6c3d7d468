"""Holding an installed plugin against the laws of `htp.testing`: its classes, one after the other, and what came out.

Knows which classes apply and how outcomes are counted; the laws stand in `htp.testing`.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from htp.session import current_session
from htp.testing.run import LawResult, check, find_plugins, units_of
from htp.tools.load import load_module, programs_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["conform", "summary"]


def conform(name: str, programs: Path | None = None) -> Iterator[tuple[LawResult, ...]]:
    """The outcomes of every law, one unit after the other: the plugin first, then each of its contributions.

    The programs of a file are tried beside core's corpus.

    Raises:
        Refused: `cli.unknown-plugin`, and as `load_module`.
    """
    extra = tuple(programs_of(load_module(programs)).values()) if programs is not None else ()
    for plugin in find_plugins(name, current_session()):
        for unit in units_of(plugin, extra):
            sys.stderr.write(f"  {unit.unit()}\n")
            yield tuple(check(unit))


def summary(results: tuple[LawResult, ...]) -> Iterator[str]:
    """What became of one unit: counts, every failure in full, skips by reason, and what was measured."""
    counts = Counter(each.outcome for each in results)
    told = ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped") if counts[word])
    seconds = sum(each.seconds for each in results)
    verdict = "NO " if counts["failed"] else "ok "
    yield f"{verdict} {results[0].unit}: {told} ({seconds:.1f} s)"
    for each in results:
        if each.outcome == "failed":
            yield f"    {each.law}"
            yield from (f"      {line}" for line in each.reason.splitlines()[1:])
        elif each.note:
            yield f"    {each.law}: {each.note}"
    skipped = Counter(each.reason for each in results if each.outcome == "skipped")
    yield from (f"    skipped {number}: {reason}" for reason, number in skipped.items())
