"""The pipes of the cores of one task, side by side: when each instruction starts and ends.

Knows flags, barriers and FIFOs; does not know tasks. The rules, all of them assumptions but that pipes run side by side
and in order (hw-native-sys/pto-isa@cd4a3d3f, docs/coding/Event.md):

* a pipe takes its next instruction when the last one no longer keeps it, and waits for results only at a barrier;
* flags, barriers and the issue of an instruction take no time; `set_flag` is done when all results before it are there;
* memories have room for every copy at its full bandwidth, whatever other cores do;
* a slot of a FIFO is given back when its core is done with all that stands before.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp_backend_pto.timing.costs import cost_of
from htp_backend_pto.timing.events import Await, Barrier, Free, Meet, Pop, Push, Raise, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_backend_pto.timing.events import Event

__all__ = ["CoreTime", "Work", "run_cores"]


@dataclass(frozen=True)
class Work:
    """An instruction on its pipe, from when it starts until its pipe is free again; cycles since the task began."""

    pipe: str
    name: str
    start: int
    end: int


@dataclass
class CoreTime:
    """What one core did, when it was done, and how many of its busy cycles rest on assumed figures."""

    works: list[Work] = field(default_factory=list[Work])
    end: int = 0
    busy: int = 0
    assumed: int = 0


def run_cores(traces: Sequence[Sequence[Event]]) -> list[CoreTime]:
    """The times of the cores of a task, which begin together."""
    between = _Between(traces)
    cores = [_Core(number, trace, between) for number, trace in enumerate(traces)]
    while any(not each.ended for each in cores):
        moved = [each.advance() for each in cores]
        if not any(moved) and not between.met(cores):
            raise Bug("the cores of a task wait for each other for ever")
    return [each.time for each in cores]


class _Between:
    """FIFOs of a cluster: when the slots were filled by each producer and given back by each consumer."""

    def __init__(self, traces: Sequence[Sequence[Event]]) -> None:
        self.filled: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(dict)
        self.freed: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(dict)
        for core, trace in enumerate(traces):
            for each in trace:
                if isinstance(each, Push):
                    self.filled[each.fifo, each.direction].setdefault(core, [])
                elif isinstance(each, Pop):
                    self.freed[each.fifo, each.direction].setdefault(core, [])

    def room(self, push: Push, number: int) -> int | None:
        """When the slot of a push is free; `None`: not known yet."""
        if number < push.slots:
            return 0
        return _all_of(self.freed[push.fifo, push.direction], number - push.slots)

    def there(self, pop: Pop, number: int) -> int | None:
        """When a slot is full."""
        return _all_of(self.filled[pop.fifo, pop.direction], number)

    def met(self, cores: Sequence[_Core]) -> bool:
        """Lets cores go on that all wait for each other."""
        waiting = [each for each in cores if each.meets]
        if not waiting:
            return False
        together = max(each.done_with_all() for each in waiting)
        for each in waiting:
            each.go_on(together)
        return True


def _all_of(times: dict[int, list[int]], number: int) -> int | None:
    if any(len(each) <= number for each in times.values()):
        return None
    return max((each[number] for each in times.values()), default=0)


class _Core:
    """One core on its way through its trace."""

    def __init__(self, number: int, trace: Sequence[Event], between: _Between) -> None:
        self.number, self.trace, self.between = number, trace, between
        self.time = CoreTime()
        self.at = 0
        self.free: dict[str, int] = defaultdict(int)
        self.done: dict[str, int] = defaultdict(int)
        self.flags: dict[tuple[str, str, int], deque[int]] = defaultdict(deque)
        self.counts: dict[tuple[str, int, int], int] = defaultdict(int)
        self.not_before = 0
        self.fills: tuple[int, int] | None = None

    @property
    def ended(self) -> bool:
        """Whether its trace is at the end."""
        return self.at == len(self.trace)

    @property
    def meets(self) -> bool:
        """Whether it waits for all other cores."""
        return not self.ended and isinstance(self.trace[self.at], Meet)

    def done_with_all(self) -> int:
        """When everything it has begun is there."""
        return max((*self.free.values(), *self.done.values()), default=0)

    def go_on(self, time: int) -> None:
        """Every pipe goes on at a time, behind the event at which it stands."""
        self._everywhere(time)
        self.at += 1

    def advance(self) -> bool:
        """Goes as far as it can; whether that is any further."""
        before = self.at
        while not self.ended and self._one(self.trace[self.at]):
            self.at += 1
        self.time.end = self.done_with_all()
        return self.at > before

    def _one(self, event: Event) -> bool:
        match event:
            case Run():
                self._run(event)
            case Raise(src, dst, number):
                self.flags[src, dst, number].append(max(self.free[src], self.done[src]))
            case Await(src, dst, number):
                raised = self.flags[src, dst, number]
                self.free[dst] = max(self.free[dst], raised.popleft() if raised else 0)
            case Barrier("ALL"):
                self._everywhere(self.done_with_all())
            case Barrier(pipe):
                self.free[pipe] = max(self.free[pipe], self.done[pipe])
            case Push():
                return self._push(event)
            case Pop():
                return self._pop(event)
            case Free(fifo, direction):
                self.between.freed[fifo, direction].setdefault(self.number, []).append(self.done_with_all())
            case Meet():
                return False
        return True

    def _run(self, run: Run) -> None:
        cost = cost_of(run)
        start = max(self.free[run.pipe], self.free["S"], self.not_before)
        self.free[run.pipe] = start + cost.busy
        self.done[run.pipe] = max(self.done[run.pipe], start + cost.busy + cost.tail)
        self.time.works.append(Work(run.pipe, run.name, start, start + cost.busy))
        self.time.busy += cost.busy
        self.time.assumed += cost.busy if cost.assumed else 0
        if self.fills is not None:
            self.between.filled[self.fills][self.number].append(self.done[run.pipe])
        self.not_before, self.fills = 0, None

    def _push(self, push: Push) -> bool:
        count = self.counts["push", push.fifo, push.direction]
        room = self.between.room(push, count)
        if room is None:
            return False
        self.counts["push", push.fifo, push.direction] += 1
        self.not_before, self.fills = room, (push.fifo, push.direction)
        return True

    def _pop(self, pop: Pop) -> bool:
        count = self.counts["pop", pop.fifo, pop.direction]
        there = self.between.there(pop, count)
        if there is None:
            return False
        self.counts["pop", pop.fifo, pop.direction] += 1
        self.not_before = there
        return True

    def _everywhere(self, time: int) -> None:
        for pipe in ("S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX"):
            self.free[pipe] = max(self.free[pipe], time)
