"""Why a given sequence of passes is no plan, and which pass to move or add.

Knows how the refusals of `follow` are worded; does not know how a sequence is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.wording import used
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.capabilities import Capability, Use
    from htp.passes import Pass
    from htp.planner import Problem


def too_early(problem: Problem, passes: Sequence[Pass], number: int, missing: Capability) -> Refused:
    """The pass of a step requires a fact that does not hold there."""
    return Refused(
        "plan.missing-fact",
        f"step {number}, pass `{passes[number - 1].name}`, requires `{missing}`, which does not hold there",
        help=_before(problem, passes, number, lambda each: _provides(each, missing)),
    )


def not_understood(problem: Problem, passes: Sequence[Pass], number: int, use: Use) -> Refused:
    """The pass of a step does not understand a use that the program still makes there."""
    return Refused(
        "plan.missing-fact",
        f"step {number}, pass `{passes[number - 1].name}`, does not understand {used(use)}, which is still there",
        span=use.spans[0] if use.spans else None,
        help=_before(problem, passes, number, lambda each: _removes(each, use)),
    )


def goal_missed(problem: Problem, lost: Sequence[str]) -> Refused:
    """The steps end elsewhere than at the goal; `lost` says what is missing or too much."""
    return Refused(
        "plan.goal-missed",
        f"the given passes do not lead to what `{problem.target}` wants",
        notes=tuple(lost),
        help="add steps for what is missing, and take out forbidden ones",
    )


def _before(problem: Problem, passes: Sequence[Pass], number: int, brings: Callable[[Pass], bool]) -> tuple[str, ...]:
    """The later step to move up, else the passes to add."""
    for later, each in enumerate(passes[number:], start=number + 1):
        if brings(each):
            return (f"move step {later}, pass `{each.name}`, before step {number}",)
    names = sorted(each.name for each in problem.passes if brings(each) and each.name not in problem.forbids)
    return tuple(f"add pass `{name}` before step {number}" for name in names[:1])


def _provides(step: Pass, wanted: Capability) -> bool:
    return any(fact.satisfies(wanted) for fact in step.contract.provides)


def _removes(step: Pass, use: Use) -> bool:
    return any(use.covered_by(gone) for gone in step.contract.eliminates)
