"""A planning problem as bits: facts, what is wanted of them, and what each pass does to them.

Knows contracts; does not know how a plan is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from htp.capabilities import Capability, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.passes import Contract, Pass
    from htp.planner import Problem

_T = TypeVar("_T")
_Key = tuple[type[Capability], Capability]


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


@dataclass(frozen=True, eq=False)
class Action:
    """A pass, or a milestone (no index), over bits; of each need one bit must be set."""

    name: str
    index: int | None
    cost: int
    needs: tuple[Want, ...]
    add: int
    delete: int

    @cached_property
    def _required(self) -> int:
        """The bits of the needs that one fact alone satisfies."""
        return sum({want.mask for want in self.needs if want.mask.bit_count() == 1})

    @cached_property
    def _alternatives(self) -> tuple[int, ...]:
        return tuple(want.mask for want in self.needs if want.mask.bit_count() != 1)

    def applicable(self, state: int) -> bool:
        """Whether every need is met."""
        if state & self._required != self._required:
            return False
        return not self._alternatives or all(state & mask for mask in self._alternatives)

    def result(self, state: int) -> int:
        """The state behind the action."""
        return (state & ~self.delete) | self.add


@dataclass(frozen=True, eq=False)
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
        return _Encoder(problem).space()

    def closure(self, start: int, without: Action | None = None) -> int:
        """Every fact reachable from `start` if nothing were ever destroyed, not using one action."""
        reached, waiting = start, [each for each in self.actions if each is not without]
        while True:
            left: list[Action] = []
            for action in waiting:
                if action.applicable(reached):
                    reached |= action.add
                else:
                    left.append(action)
            if len(left) == len(waiting):
                return reached
            waiting = left

    def unreachable(self) -> tuple[Want, ...]:
        """The goals that could not be met even if nothing were ever destroyed."""
        reached = self.closure(self.start)
        return tuple(want for want in self.goal if not reached & want.mask)


class _Encoder:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.passes = tuple(sorted(relevant(problem), key=lambda each: each.name))
        self.contracts = [each.contract for each in self.passes]
        self.pins = dict.fromkeys(problem.pins)
        self.refused, self.tracked = _uses(problem, self.contracts)
        self.facts: dict[_Key, Capability] = {}
        for fact in (
            *sorted(problem.facts, key=str),
            *(fact for each in self.contracts for fact in each.provides),
            *map(Ran, self.pins),
            *(Reached(count) for count in range(1, len(problem.milestones) + 1)),
            *map(Without, self.tracked),
        ):
            self.facts.setdefault(key(fact), fact)
        self.bits = {each: 1 << index for index, each in enumerate(self.facts)}
        self.offers = by_class((fact, self.bits[each]) for each, fact in self.facts.items())
        self.masks: dict[_Key, int] = {}

    def mask(self, wanted: Capability) -> int:
        """The bits of the facts that satisfy `wanted`."""
        if (known := self.masks.get(key(wanted))) is None:
            offers = self.offers.get(type(wanted), ())
            known = self.masks[key(wanted)] = sum(bit for fact, bit in offers if fact.satisfies(wanted))
        return known

    def bit(self, fact: Capability) -> int:
        return self.bits[key(fact)]

    def want(self, fact: Capability) -> Want:
        return Want(fact, self.mask(fact))

    def space(self) -> Space:
        problem = self.problem
        contracts = enumerate(zip(self.passes, self.contracts, strict=True))
        actions = [self.action(index, step, contract) for index, (step, contract) in contracts]
        actions += [self.milestone(count) for count in range(1, len(problem.milestones) + 1)]
        goal = tuple(map(self.want, self.goals()))
        useful = 0
        for wish in (*goal, *(need for action in actions for need in action.needs)):
            useful |= wish.mask
        absent = (Without(use) for use in self.tracked if use not in problem.uses)
        return Space(
            passes=self.passes,
            facts=tuple(self.facts.values()),
            start=sum(self.bit(fact) for fact in (*problem.facts, *absent)) & useful,
            goal=goal,
            actions=tuple(
                Action(each.name, each.index, each.cost, each.needs, each.add & useful, each.delete & useful)
                for each in actions
            ),
        )

    def goals(self) -> Iterable[Capability]:
        yield from self.problem.goal
        yield from map(Ran, self.pins)
        if self.problem.milestones:
            yield Reached(len(self.problem.milestones))
        yield from map(Without, self.refused)

    def action(self, index: int, step: Pass, contract: Contract) -> Action:
        needs = [self.want(fact) for fact in contract.requires]
        add = lost = brought = 0
        for fact in contract.provides:
            add |= self.bit(fact)
        for gone in contract.invalidates:
            lost |= self.mask(gone)
        for use in self.tracked:
            bit = self.bit(Without(use))
            if covered(use, contract.introduces):
                brought |= bit
            elif covered(use, contract.eliminates):
                add |= bit
            if not contract.understands_use(use):
                needs.append(self.want(Without(use)))
        if step.name in self.pins:
            add |= self.bit(Ran(step.name))
        return Action(step.name, index, max(1, step.cost), tuple(needs), add, lost | brought)

    def milestone(self, count: int) -> Action:
        needs = [self.want(self.problem.milestones[count - 1])]
        if count > 1:
            needs.append(self.want(Reached(count - 1)))
        return Action(f"milestone {count}", None, 0, tuple(needs), self.bit(Reached(count)), 0)


def relevant(problem: Problem, *, forbidden_too: bool = False) -> list[Pass]:
    """The passes that provide or remove something the goal may need, directly or through other passes."""
    usable = {each.name: each for each in problem.passes if forbidden_too or each.name not in problem.forbids}
    contracts = {name: each.contract for name, each in usable.items()}
    makers = by_class((fact, name) for name, contract in contracts.items() for fact in contract.provides)
    removers = [(name, contract.eliminates) for name, contract in contracts.items() if contract.eliminates]
    chosen: dict[str, None] = {}
    seen: set[_Key] = set()

    def add(names: Iterable[str]) -> None:
        """Chooses passes, and those that provide what the chosen ones require."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in chosen:
                chosen[name] = None
                waiting += providers(contracts[name].requires)

    def providers(wanted: Iterable[Capability]) -> Iterable[str]:
        for want in wanted:
            if key(want) not in seen:
                seen.add(key(want))
                yield from (name for fact, name in makers.get(type(want), ()) if fact.satisfies(want))

    add(name for name in problem.pins if name in usable)
    add(providers((*problem.goal, *problem.milestones)))
    before = -1
    while removers and len(chosen) != before:
        before = len(chosen)
        _, tracked = _uses(problem, [contracts[name] for name in chosen])
        add([name for name, gone in removers if any(covered(use, gone) for use in tracked)])
    return [usable[name] for name in chosen]


def key(fact: Capability) -> _Key:
    """The fact as the key of a table: facts without fields have one hash whatever their class."""
    return type(fact), fact


def by_class(offers: Iterable[tuple[Capability, _T]]) -> Mapping[type[Capability], list[tuple[Capability, _T]]]:
    """Facts and what belongs to them by class: only facts of one class can satisfy each other."""
    found: dict[type[Capability], list[tuple[Capability, _T]]] = {}
    for offer in offers:
        found.setdefault(type(offer[0]), []).append(offer)
    return found


def covered(use: Use, patterns: Iterable[Use]) -> bool:
    """Whether one of the patterns speaks of the use."""
    return any(use.covered_by(pattern) for pattern in patterns)


def _uses(problem: Problem, contracts: Iterable[Contract]) -> tuple[list[Use], list[Use]]:
    """Of the uses that may occur: those the target does not accept, and these with those some pass cannot handle."""
    contracts = list(contracts)
    every = sorted(dict.fromkeys((*problem.uses, *(use for each in contracts for use in each.introduces))), key=str)
    limited = [each for each in contracts if each.understands is not None]
    refused = [use for use in every if not covered(use, problem.accepts)]
    tracked = [use for use in every if use in refused or any(not each.understands_use(use) for each in limited)]
    return refused, tracked
