"""Forward search over sets of facts, encoded as bits, guided by relaxed plans.

Knows conditions and effects; does not know how a result or a failure is told to anyone.

Greedy best-first search with the relaxed-plan heuristic: J. Hoffmann and B. Nebel, "The FF Planning System", JAIR 14
(2001). Every reachable state is visited before the search fails, so failure is a proof. A plan that was found is then
shortened and, where that takes little effort, replaced by a cheapest one.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Capability, Use

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.passes import Pass
    from htp.planner import Problem

EXPANSION_LIMIT = 20_000
CHEAPEST_LIMIT = 400


@dataclass(frozen=True)
class Ran(Capability):
    """A pinned pass has run."""

    name: str = ""


@dataclass(frozen=True)
class Reached(Capability):
    """The first `count` milestones were passed in order."""

    count: int = 0


@dataclass(frozen=True)
class Without(Capability):
    """The program makes no use `use`."""

    use: Use | None = None


@dataclass(frozen=True)
class Want:
    """A wanted fact and the bits of the facts that satisfy it."""

    fact: Capability
    mask: int


@dataclass(frozen=True)
class Action:
    """A pass, or a milestone (no index), over bits; `needs` are alternatives of which one bit each must be set."""

    name: str
    index: int | None
    cost: int
    needs: tuple[Want, ...]
    add: int
    delete: int

    def applicable(self, state: int) -> bool:
        """Whether every need is met."""
        return all(state & want.mask for want in self.needs)

    def result(self, state: int) -> int:
        """The state behind the action."""
        return (state & ~self.delete) | self.add


class ExhaustedError(Exception):
    """The effort limit was reached."""

    def __init__(self, expanded: int) -> None:
        super().__init__(expanded)
        self.expanded = expanded


@dataclass(frozen=True)
class Space:
    """A problem as bits: start, goal and actions, sorted by name."""

    passes: tuple[Pass, ...]
    facts: tuple[Capability, ...]
    start: int
    goal: tuple[Want, ...]
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, problem: Problem) -> Space:
        """Encodes a problem, keeping only what can matter for its goal."""
        passes = tuple(sorted(relevant(problem), key=lambda each: each.name))
        bad = _refused_uses(problem, passes)
        pins = dict.fromkeys(problem.pins)
        facts: dict[Capability, int] = {}
        for fact in (
            *sorted(problem.facts, key=str),
            *(fact for each in passes for fact in each.contract.provides),
            *(Ran(name) for name in pins),
            *(Reached(count) for count in range(1, len(problem.milestones) + 1)),
            *(Without(use) for use in bad),
        ):
            facts.setdefault(fact, 1 << len(facts))

        def want(fact: Capability) -> Want:
            return Want(fact, sum(bit for offer, bit in facts.items() if offer.satisfies(fact)))

        actions: list[Action] = []
        for index, each in enumerate(passes):
            contract = each.contract
            brought = {Without(use) for use in bad if _covered(use, contract.introduces)}
            gains = {*contract.provides, *(Without(use) for use in bad if _covered(use, contract.eliminates))} - brought
            gains |= {Ran(each.name)} if each.name in pins else set()
            losses = {fact for fact in facts if any(fact.satisfies(gone) for gone in contract.invalidates)} | brought
            needs = tuple(map(want, contract.requires))
            add, delete = sum(facts[fact] for fact in gains), sum(facts[fact] for fact in losses)
            actions.append(Action(each.name, index, max(1, each.cost), needs, add, delete))
        for count, milestone in enumerate(problem.milestones, start=1):
            before = (want(Reached(count - 1)),) if count > 1 else ()
            bit = facts[Reached(count)]
            actions.append(Action(f"milestone {count}", None, 0, (want(milestone), *before), bit, 0))
        absent = (Without(use) for use in bad if use not in problem.uses)
        goal = tuple(
            want(fact)
            for fact in (
                *problem.goal,
                *(Ran(name) for name in pins),
                *((Reached(len(problem.milestones)),) if problem.milestones else ()),
                *(Without(use) for use in bad),
            )
        )
        useful = 0
        for wish in (*goal, *(need for action in actions for need in action.needs)):
            useful |= wish.mask
        return cls(
            passes=passes,
            facts=tuple(facts),
            start=sum(facts[fact] for fact in (*problem.facts, *absent)) & useful,
            goal=goal,
            actions=tuple(replace(each, add=each.add & useful, delete=each.delete & useful) for each in actions),
        )

    def closure(self, start: int, without: Action | None = None) -> int:
        """Every fact reachable from `start` if nothing were ever destroyed, not using one action."""
        reached, before = start, -1
        while reached != before:
            before = reached
            for action in self.actions:
                if action is not without and action.applicable(reached):
                    reached |= action.add
        return reached

    def unreachable(self) -> tuple[Want, ...]:
        """The goals that could not be met even if nothing were ever destroyed."""
        reached = self.closure(self.start)
        return tuple(want for want in self.goal if not reached & want.mask)


def relevant(problem: Problem, *, forbidden_too: bool = False) -> list[Pass]:
    """The passes that provide or remove something the goal may need, directly or through other passes."""
    wanted: list[Capability] = [*problem.goal, *problem.milestones]
    chosen: dict[str, Pass] = {}
    usable = [each for each in problem.passes if forbidden_too or each.name not in problem.forbids]
    while True:
        bad = _refused_uses(problem, chosen.values())
        new = [
            each
            for each in usable
            if each.name not in chosen
            and (
                each.name in problem.pins
                or any(fact.satisfies(want) for fact in each.contract.provides for want in wanted)
                or any(_covered(use, each.contract.eliminates) for use in bad)
            )
        ]
        if not new:
            return list(chosen.values())
        for each in new:
            chosen[each.name] = each
            wanted.extend(each.contract.requires)


def search(space: Space, goal: tuple[Want, ...] | None = None) -> list[Action] | None:
    """A plan from the start to the goal, or `None` when there is none.

    Raises:
        ExhaustedError: the effort limit was reached first.
    """
    wants = space.goal if goal is None else goal
    first = _relaxed(space, space.start, wants)
    if first is None:
        return None
    parents: dict[int, tuple[int, Action] | None] = {space.start: None}
    queue: list[tuple[int, int, int, int, frozenset[str]]] = [(first[0], 0, 0, space.start, first[1])]
    serial = expanded = 0
    while queue:
        _, _, _, state, preferred = heapq.heappop(queue)
        if all(state & want.mask for want in wants):
            found = _shortened(space.start, wants, _path(parents, state))
            return _cheaper(space, wants, sum(each.cost for each in found)) or found
        expanded += 1
        if expanded > EXPANSION_LIMIT:
            raise ExhaustedError(EXPANSION_LIMIT)
        for action in sorted(space.actions, key=lambda each: each.name not in preferred):
            if not action.applicable(state):
                continue
            after = action.result(state)
            if after in parents:
                continue
            estimate = _relaxed(space, after, wants)
            if estimate is None:
                continue
            parents[after] = (state, action)
            serial += 1
            rank = 0 if action.name in preferred else 1
            heapq.heappush(queue, (estimate[0], rank, serial, after, estimate[1]))
    return None


def _relaxed(space: Space, state: int, wants: tuple[Want, ...]) -> tuple[int, frozenset[str]] | None:
    """Cost of a plan in which nothing is destroyed and the names of its passes; `None` when even that fails."""
    costs: dict[int, int] = {}
    makers: dict[int, Action | None] = {}
    remaining = state
    while remaining:
        bit = remaining & -remaining
        costs[bit], makers[bit] = 0, None
        remaining ^= bit
    changed = True
    while changed:
        changed = False
        for action in space.actions:
            total = action.cost
            for want in action.needs:
                cheapest = _cheapest(want.mask, costs)
                if cheapest is None:
                    break
                total += costs[cheapest]
            else:
                bits = action.add
                while bits:
                    bit = bits & -bits
                    bits ^= bit
                    if costs.get(bit, total + 1) > total:
                        costs[bit], makers[bit] = total, action
                        changed = True
    chosen: dict[str, Action] = {}
    pending = [want.mask for want in wants]
    while pending:
        bit = _cheapest(pending.pop(), costs)
        if bit is None:
            return None
        maker = makers[bit]
        if maker is not None and maker.name not in chosen:
            chosen[maker.name] = maker
            pending.extend(want.mask for want in maker.needs)
    return sum(each.cost for each in chosen.values()), frozenset(chosen)


def _cheapest(mask: int, costs: dict[int, int]) -> int | None:
    best: int | None = None
    while mask:
        bit = mask & -mask
        mask ^= bit
        if bit in costs and (best is None or costs[bit] < costs[best]):
            best = bit
    return best


def _cheaper(space: Space, wants: tuple[Want, ...], bound: int) -> list[Action] | None:
    """A cheapest plan below `bound`, by uniform-cost search; `None` if there is none within a small effort."""
    best: dict[int, int] = {space.start: 0}
    parents: dict[int, tuple[int, Action] | None] = {space.start: None}
    queue: list[tuple[int, int, int]] = [(0, 0, space.start)]
    serial = expanded = 0
    while queue and expanded < CHEAPEST_LIMIT:
        cost, _, state = heapq.heappop(queue)
        if cost > best[state]:
            continue
        if all(state & want.mask for want in wants):
            return _path(parents, state)
        expanded += 1
        for action in space.actions:
            total, after = cost + action.cost, action.result(state)
            if total < bound and action.applicable(state) and total < best.get(after, bound):
                serial += 1
                best[after], parents[after] = total, (state, action)
                heapq.heappush(queue, (total, serial, after))
    return None


def _path(parents: dict[int, tuple[int, Action] | None], state: int) -> list[Action]:
    path: list[Action] = []
    while (step := parents[state]) is not None:
        state = step[0]
        path.append(step[1])
    return path[::-1]


def _shortened(start: int, wants: tuple[Want, ...], path: list[Action]) -> list[Action]:
    """Leaves out every step without which the plan still works, the most expensive and latest first."""
    order = sorted(range(len(path)), key=lambda index: (-path[index].cost, -index))
    kept = set(order)
    for index in order:
        trial = [path[each] for each in sorted(kept - {index})]
        if _works(start, wants, trial):
            kept.discard(index)
    return [path[each] for each in sorted(kept)]


def _works(start: int, wants: tuple[Want, ...], path: list[Action]) -> bool:
    state = start
    for action in path:
        if not action.applicable(state):
            return False
        state = action.result(state)
    return all(state & want.mask for want in wants)


def _refused_uses(problem: Problem, passes: Iterable[Pass]) -> list[Use]:
    uses = dict.fromkeys((*problem.uses, *(use for each in passes for use in each.contract.introduces)))
    return [use for use in sorted(uses, key=str) if not _covered(use, problem.accepts)]


def _covered(use: Use, patterns: Iterable[Use]) -> bool:
    return any(use.covered_by(pattern) for pattern in patterns)
