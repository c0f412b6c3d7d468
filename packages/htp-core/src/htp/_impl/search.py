"""Forward search over states, guided by relaxed plans.

Knows states and actions; does not know how a result or a failure is told to anyone.

Greedy best-first search that estimates a state only when its turn comes, and tries the actions of the relaxed plan
first: M. Helmert, "The Fast Downward Planning System", JAIR 26 (2006). Every state that may still lead to the goal is
visited before the search fails, so failure is a proof. A plan that was found is then shortened and, where that takes
little effort, replaced by a cheapest one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from htp._impl.relaxed import Relaxation

if TYPE_CHECKING:
    from htp._impl.encoding import Action, Space

EXPANSION_LIMIT = 20_000
"""States a search looks at before it gives up, for up to a hundred passes; fewer for more."""
CHEAPEST_LIMIT = 600
"""Actions tried for a cheaper plan."""

_Parents = dict[int, "tuple[int, Action] | None"]


class ExhaustedError(Exception):
    """The effort limit was reached."""

    def __init__(self, expanded: int) -> None:
        super().__init__(expanded)
        self.expanded = expanded


def search(space: Space) -> list[Action] | None:
    """A plan from the start to the goal, or `None` when there is none; equal spaces give equal plans.

    Raises:
        ExhaustedError: the effort limit was reached first.
    """
    path = first_plan(space, EXPANSION_LIMIT)
    if path is None:
        return None
    found = _shortened(space, path)
    return _cheaper(space, sum(each.cost for each in found)) or found


def first_plan(space: Space, limit: int) -> list[Action] | None:
    """Some plan, which may have needless steps, or `None` when there is none.

    Raises:
        ExhaustedError: the effort limit was reached first.
    """
    limit = min(limit, 100 * limit // max(1, len(space.actions)))
    relaxation = Relaxation(space)
    goals = [want.mask for want in space.goal]
    parents: _Parents = {space.start: None}
    # Estimate of the parent, 1 for an action outside its relaxed plan, serial number, parent, action. No action
    # stands for all those outside the relaxed plan, which are listed only when nothing better is left.
    queue: list[tuple[int, int, int, int, Action | None]] = []
    outside: dict[int, frozenset[int]] = {}
    serial = expanded = 0
    state: int | None = space.start
    while True:
        if state is not None:
            if all(state & mask for mask in goals):
                return _path(parents, state)
            expanded += 1
            if expanded > limit:
                raise ExhaustedError(limit)
            if (estimate := relaxation.estimate(state)) is not None:
                distance, preferred = estimate
                outside[state] = preferred
                for index in sorted(preferred):
                    if space.actions[index].applicable(state):
                        serial += 1
                        heappush(queue, (distance, 0, serial, state, space.actions[index]))
                serial += 1
                heappush(queue, (distance, 1, serial, state, None))
        if not queue:
            return None
        distance, _, _, parent, action = heappop(queue)
        state = None
        if action is None:
            preferred = outside.pop(parent)
            for index, each in enumerate(space.actions):
                if index not in preferred and each.applicable(parent) and each.result(parent) not in parents:
                    serial += 1
                    heappush(queue, (distance, 1, serial, parent, each))
        elif (after := action.result(parent)) not in parents:
            parents[after] = (parent, action)
            state = after


def _cheaper(space: Space, bound: int) -> list[Action] | None:
    """A cheapest plan below `bound`, by uniform-cost search; `None` if there is none within a small effort."""
    goals = [want.mask for want in space.goal]
    least = min((each.cost for each in space.actions), default=0)
    best: dict[int, int] = {space.start: 0}
    parents: _Parents = {space.start: None}
    queue: list[tuple[int, int, int]] = [(0, 0, space.start)]
    serial = tried = 0
    while queue and tried < CHEAPEST_LIMIT:
        cost, _, state = heappop(queue)
        if cost > best[state]:
            continue
        if all(state & mask for mask in goals):
            return _path(parents, state)
        tried += len(space.actions)
        for action in space.actions:
            total = cost + action.cost
            if total >= bound or not action.applicable(state):
                continue
            after = action.result(state)
            if total >= best.get(after, bound):
                continue
            if total + least < bound or all(after & mask for mask in goals):
                serial += 1
                best[after], parents[after] = total, (state, action)
                heappush(queue, (total, serial, after))
    return None


def _path(parents: _Parents, state: int) -> list[Action]:
    path: list[Action] = []
    while (step := parents[state]) is not None:
        state = step[0]
        path.append(step[1])
    return path[::-1]


def _shortened(space: Space, path: list[Action]) -> list[Action]:
    """Leaves out every step without which the plan still works, the most expensive and latest first."""
    kept = list(enumerate(path))
    for step in sorted(kept, key=lambda each: (-each[1].cost, -each[0])):
        trial = [each for each in kept if each is not step]
        if _works(space, trial):
            kept = trial
    return [action for _, action in kept]


def _works(space: Space, path: list[tuple[int, Action]]) -> bool:
    state = space.start
    for _, action in path:
        if not action.applicable(state):
            return False
        state = action.result(state)
    return all(state & want.mask for want in space.goal)
