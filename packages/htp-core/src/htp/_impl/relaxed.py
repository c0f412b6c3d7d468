"""How far a state is from the goal if nothing were ever destroyed.

Knows conditions and the actions that meet them; does not know where the estimate is used.

The relaxed plan of J. Hoffmann and B. Nebel, "The FF Planning System", JAIR 14 (2001), with the cheapest supporter of
each condition by the sum of its costs (h_add), found by Dijkstra's algorithm over counters as in M. Helmert, "The Fast
Downward Planning System", JAIR 26 (2006).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp._impl.encoding import Space

UNKNOWN = 1 << 60


class Relaxation:
    """A space prepared for estimates; a condition is what one or more needs or goals ask for."""

    def __init__(self, space: Space) -> None:
        needs = [dict.fromkeys(want.mask for want in action.needs) for action in space.actions]
        wanted = dict.fromkeys(want.mask for want in space.goal)
        self.masks = list(dict.fromkeys((*wanted, *(mask for each in needs for mask in each))))
        number = {mask: index for index, mask in enumerate(self.masks)}
        self.goal = [number[mask] for mask in wanted]
        self.needs = [[number[mask] for mask in each] for each in needs]
        makers = _by_bit(self.masks)
        self.meets = [_conditions(action.add, makers) for action in space.actions]
        self.costs = [action.cost for action in space.actions]
        self.counts = [len(each) for each in self.needs]
        self.ready = [index for index, count in enumerate(self.counts) if not count]
        self.waiting: list[list[int]] = [[] for _ in self.masks]
        for action, conditions in enumerate(self.needs):
            for condition in conditions:
                self.waiting[condition].append(action)

    def estimate(self, state: int) -> tuple[int, frozenset[int]] | None:
        """Cost of a relaxed plan and the actions in it; `None` when even without destruction there is none."""
        makers = self._makers(state)
        if makers is None:
            return None
        chosen: set[int] = set()
        pending = list(self.goal)
        while pending:
            action = makers[pending.pop()]
            if action >= 0 and action not in chosen:
                chosen.add(action)
                pending += self.needs[action]
        return sum(self.costs[each] for each in chosen), frozenset(chosen)

    def _makers(self, state: int) -> list[int] | None:
        """For each condition the action that meets it most cheaply, -1 where it holds; `None` for a goal unmet."""
        cost = [0 if state & mask else UNKNOWN for mask in self.masks]
        makers = [-1] * len(cost)
        counts, totals = self.counts[:], self.costs[:]
        queue = [(0, condition) for condition, known in enumerate(cost) if not known]
        waiting, meets = self.waiting, self.meets
        for action in self.ready:
            for condition in meets[action]:
                if totals[action] < cost[condition]:
                    cost[condition], makers[condition] = totals[action], action
                    heappush(queue, (totals[action], condition))
        open_goals = set(self.goal)
        while queue:
            known, condition = heappop(queue)
            if known > cost[condition]:
                continue
            open_goals.discard(condition)
            if not open_goals:
                return makers
            for action in waiting[condition]:
                counts[action] -= 1
                totals[action] += known
                if not counts[action]:
                    total = totals[action]
                    for met in meets[action]:
                        if total < cost[met]:
                            cost[met], makers[met] = total, action
                            heappush(queue, (total, met))
        return None if open_goals else makers


def _by_bit(masks: list[int]) -> dict[int, list[int]]:
    """For each bit the conditions it meets."""
    found: dict[int, list[int]] = {}
    for index, mask in enumerate(masks):
        while mask:
            bit = mask & -mask
            found.setdefault(bit, []).append(index)
            mask ^= bit
    return found


def _conditions(bits: int, by_bit: dict[int, list[int]]) -> list[int]:
    found: dict[int, None] = {}
    while bits:
        bit = bits & -bits
        found.update(dict.fromkeys(by_bit.get(bit, ())))
        bits ^= bit
    return list(found)
