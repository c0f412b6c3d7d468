"""Why there is no plan, said in the shortest causal chain.

Knows how a failed search is explained; does not search for plans itself, except to find the smallest conflict.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from htp._impl.search import Action, ExhaustedError, Ran, Reached, Space, Want, Without, search
from htp.catalogue import DIALECTS, FACETS, install_hint
from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from htp.capabilities import Capability, Use
    from htp.planner import Problem


def no_provider(problem: Problem, space: Space, missing: tuple[Want, ...]) -> Refused:
    """One finding for each fact that nothing provides, with the chain of those who want it."""
    reached = space.closure(space.start)
    found: dict[str, Diagnostic] = {}
    for want in missing:
        chain = _chain(space, want, reached)
        leaf, _ = chain[-1]
        use = leaf.use if isinstance(leaf, Without) else None
        found.setdefault(
            str(leaf),
            Diagnostic(
                code="plan.no-provider",
                message=f"`{problem.subject}` cannot be compiled for `{problem.target}`: {_lack(space, leaf)}",
                span=use.spans[0] if use is not None and use.spans else None,
                notes=(*_wishes(problem, chain), *problem.notes),
                help=_help(use),
            ),
        )
    return Refused.of(*found.values())


def no_order(problem: Problem, space: Space) -> Refused:
    """Names a smallest set of goals that exclude each other and, where it can be proved, the pass that is to blame."""
    goals = _core(space)
    texts = " and ".join(f"`{_text(want.fact)}`" for want in goals)
    if len(goals) > 1:
        message = f"no order of passes makes {texts} hold together"
    else:
        message = f"no order of passes leads to {texts}"
    notes = [*_culprits(space, goals), *problem.notes]
    pinned = [want.fact.name for want in goals if isinstance(want.fact, Ran)]
    return Refused(
        "plan.no-order",
        f"`{problem.subject}` cannot be compiled for `{problem.target}`: {message}",
        notes=tuple(notes),
        help=tuple(f"do not pin `{name}`" for name in pinned),
    )


def _chain(space: Space, want: Want, reached: int) -> list[tuple[Capability, str]]:
    """From a missing goal to a fact without provider: (fact, the pass that wants it), goal first, shortest chain."""
    queue: list[list[tuple[Capability, str]]] = [[(want.fact, "")]]
    seen = {want.fact}
    masks = {want.fact: want.mask}
    longest = queue[0]
    for chain in queue:
        fact = chain[-1][0]
        makers = [action for action in space.actions if action.add & masks[fact]]
        if not makers:
            return chain
        longest = chain
        for action in makers:
            for need in action.needs:
                if not need.mask & reached and need.fact not in seen:
                    seen.add(need.fact)
                    masks[need.fact] = need.mask
                    queue.append([*chain, (need.fact, action.name)])
    return longest


def _lack(space: Space, leaf: Capability) -> str:
    if isinstance(leaf, Without):
        return f"it uses `{leaf.use}`, which nothing installed accepts or removes there"
    if any(fact.satisfies(leaf) for fact in space.facts):
        return f"`{_text(leaf)}` is provided only by passes that need it themselves"
    return f"no installed pass provides `{_text(leaf)}`"


def _wishes(problem: Problem, chain: list[tuple[Capability, str]]) -> list[str]:
    notes = [f"`{problem.target}` wants {_wish(chain[0][0])}"]
    for (wanted, _), (fact, action) in pairwise(chain):
        owner = f" ({problem.owners[action]})" if action in problem.owners else ""
        notes.append(f"{_wish(wanted)} comes from pass `{action}`{owner}, which wants {_wish(fact)}")
    return notes


def _wish(fact: Capability) -> str:
    return f"no `{fact.use}`" if isinstance(fact, Without) else f"`{_text(fact)}`"


def _text(fact: Capability) -> str:
    if isinstance(fact, Ran):
        return f"pinned pass {fact.name}"
    if isinstance(fact, Reached):
        return "the milestones in their order"
    return str(fact)


def _help(use: Use | None) -> tuple[str, ...]:
    if use is None:
        return ()
    known = {"dialect": DIALECTS, "facet": FACETS}.get(use.kind, {})
    return (install_hint(known[use.name]),) if use.name in known else ()


def _core(space: Space) -> tuple[Want, ...]:
    """A smallest set of goals that still cannot be met: each is dropped in turn and kept only if that helps."""
    goals = space.goal
    for want in space.goal:
        fewer = tuple(each for each in goals if each is not want)
        try:
            if fewer and search(space, fewer) is None:
                goals = fewer
        except ExhaustedError:
            continue
    return goals


def _culprits(space: Space, goals: tuple[Want, ...]) -> list[str]:
    """Passes no plan can avoid that destroy a wanted fact for good."""
    everything = space.closure(space.start)
    needed = [action for action in space.actions if _needed(space, action, goals)]
    found = {
        f"every route runs pass `{action.name}`, which destroys `{_text(want.fact)}`; no pass after it restores that"
        for action in needed
        for want in goals
        if _lost_for_good(space, everything, action, want)
    }
    found = found or {
        f"pass `{action.name}` destroys `{_text(want.fact)}` for good, which pass `{other.name}` needs"
        for action in needed
        for other in needed
        for want in other.needs
        if other is not action and _lost_for_good(space, everything, action, want)
    }
    return sorted(found)


def _needed(space: Space, action: Action, goals: tuple[Want, ...]) -> bool:
    reached = space.closure(space.start, without=action)
    return not all(reached & want.mask for want in goals)


def _lost_for_good(space: Space, everything: int, action: Action, want: Want) -> bool:
    if not want.mask & action.delete:
        return False
    return not space.closure(everything & ~want.mask | action.add) & want.mask
