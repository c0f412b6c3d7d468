"""Why a goal cannot be met: the chain to a fact nobody provides, and who destroys what.

Knows states and actions; does not know how a refusal is worded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp._impl.encoding import Action, Space, Want
    from htp.capabilities import Capability


@dataclass(frozen=True)
class Link:
    """A wanted fact and the pass that wants it; the goal's own wishes name none."""

    fact: Capability
    wanted_by: str = ""


@dataclass(frozen=True)
class Blame:
    """A pass no plan can avoid that destroys a fact for good, and the pass that needs it; the goal has no name."""

    destroyer: str
    fact: Capability
    sufferer: str = ""


def shortest_chain(space: Space, want: Want) -> tuple[Link, ...]:
    """From a goal that cannot be met to a fact without provider, goal first."""
    reached = space.closure(space.start)
    queue: list[tuple[Link, ...]] = [(Link(want.fact),)]
    masks = {want.fact: want.mask}
    longest = queue[0]
    for chain in queue:
        makers = [action for action in space.actions if action.add & masks[chain[-1].fact]]
        if not makers:
            return chain
        longest = chain
        for action in makers:
            for need in action.needs:
                if not need.mask & reached and need.fact not in masks:
                    masks[need.fact] = need.mask
                    queue.append((*chain, Link(need.fact, action.name)))
    return longest


def blamed(space: Space) -> tuple[Blame, ...]:
    """Every proven destroyer of a goal or, if there is none, of what another unavoidable pass needs."""
    goals, everything = space.goal, space.closure(space.start)
    needed = [action for action in space.actions if _needed(space, action, goals)]
    found = {
        Blame(action.name, want.fact)
        for action in needed
        for want in goals
        if _lost_for_good(space, everything, action, want)
    }
    found = found or {
        Blame(action.name, want.fact, other.name)
        for action in needed
        for other in needed
        for want in other.needs
        if other is not action and _lost_for_good(space, everything, action, want)
    }
    return tuple(sorted(found, key=lambda each: (each.destroyer, str(each.fact), each.sufferer)))


def _needed(space: Space, action: Action, goals: tuple[Want, ...]) -> bool:
    reached = space.closure(space.start, without=action)
    return not all(reached & want.mask for want in goals)


def _lost_for_good(space: Space, everything: int, action: Action, want: Want) -> bool:
    if not want.mask & action.delete:
        return False
    return not space.closure(everything & ~want.mask | action.add) & want.mask
