"""Passes that a person pins: those that had nothing to do, and those that a package was compiled with.

Knows plans and what their steps did; how pins bear on planning is in `htp.planner`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.written_plans import read_plan
from htp.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from htp.artifact.manifest import TraceLine
    from htp.planner import Plan
    from htp.program import Program


def idle_pins(pins: Sequence[str], chosen: Plan, trace: Sequence[TraceLine], program: Program) -> list[Diagnostic]:
    """A note for every pinned pass that changed nothing in any of its steps."""
    steps = zip(chosen.passes, trace, strict=True)
    busy = {step.name for step, line in steps if line.changed}
    return [
        Diagnostic(
            code="plan.idle-pin",
            severity="note",
            message=f"pinned pass `{name}` found nothing to change in `{program.entry}`",
            span=program.main.origin,
            help=(f"leave out the pin of `{name}`, or write the program in the form that the pass is for",),
        )
        for name in dict.fromkeys(pins)
        if name not in busy
    ]


def kept_pins(stage: Path, number: int, target: str) -> tuple[str, ...]:
    """Passes pinned behind a stage by the plan of the package it lies in, if that was made for the same target.

    The package may be edited, so that its seal is not asked for.

    Raises:
        Refused: `plan.unreadable` for a damaged plan.
    """
    written = stage.resolve().parents[3] / "plan.json" if len(stage.resolve().parents) > 3 else None
    if written is None or not written.is_file():
        return ()
    plan = read_plan(written)
    later = [each for each in plan.steps if int(each.id.partition("-")[0]) > number and "pinned" in each.because]
    return tuple(each.pass_.partition("(")[0] for each in later) if plan.target == target else ()
