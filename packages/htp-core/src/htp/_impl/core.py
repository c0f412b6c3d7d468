"""The smallest part of a problem that still has no plan.

Knows how parts are left out one at a time; does not know how it is told to anyone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from htp._impl.encoding import Space, covered
from htp._impl.search import ExhaustedError, first_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.planner import Problem

_T = TypeVar("_T")

TRIAL_LIMIT = 2_000
"""States looked at to see whether a part can be left out; a part stays where that is not enough to tell."""


def minimal_core(problem: Problem) -> Problem:
    """The problem without every goal, milestone, pin, forbid and use that it is unsolvable without.

    What is left has no plan, and has one as soon as any one of its parts is left out.
    """
    core, tried = problem, 0
    while True:
        trials = list(_without_one(core))
        if tried >= len(trials):
            return core
        if _has_no_plan(trials[tried]):
            core = trials[tried]
        else:
            tried += 1


def _without_one(problem: Problem) -> Iterator[Problem]:
    """The problem without each of its parts in turn; parts that were kept stay in front."""
    for index in range(len(problem.goal)):
        yield replace(problem, goal=_dropped(problem.goal, index))
    for index in range(len(problem.milestones)):
        yield replace(problem, milestones=_dropped(problem.milestones, index))
    for index in range(len(problem.pins)):
        yield replace(problem, pins=_dropped(problem.pins, index))
    for name in sorted(problem.forbids):
        yield replace(problem, forbids=problem.forbids - {name})
    for use in sorted(problem.uses, key=str):
        if not covered(use, problem.accepts):
            yield replace(problem, accepts=(*problem.accepts, use))


def _dropped(items: tuple[_T, ...], index: int) -> tuple[_T, ...]:
    return (*items[:index], *items[index + 1 :])


def _has_no_plan(problem: Problem) -> bool:
    space = Space.of(problem)
    if space.unreachable():
        return True
    try:
        return first_plan(space, TRIAL_LIMIT) is None
    except ExhaustedError:
        return False
