"""The zero-cost run of a network at given sizes: does it end, and if not, who waits for what.

Every run of such a network, whatever its times, ends in the same state, so one order of its operations is enough
(Kahn, 1974). It is not run token by token: a process takes as many whole turns of a loop at once as the tokens allow,
and when the network is in a state in which it was before, up to the counters of its loops, what happened in between
is repeated at once as often as these counters allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from htp_dialect_csp.machine_code import BACK, CLOSE, ENTER, FOREVER, LOOP, READ, RECV, SEND, WAIT, code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_dialect_csp.concrete import Net
    from htp_dialect_csp.machine_code import Instruction

__all__ = ["Outcome", "Waiting", "run"]

PATIENCE = 64
"""Turns of loops that a process takes one by one before the others have theirs and the state is looked at."""
CALM = 4
"""Rounds, at first and whenever turns were skipped, in which a process takes one turn of its outermost loop.

Where all processes take turns equally often, the network is in the same state again behind one such round.
"""


@dataclass(frozen=True)
class Waiting:
    """A process that cannot go on; `place` is a position in its list of places."""

    process: int
    operation: Literal["send", "recv"]
    channel: int
    place: int


@dataclass(frozen=True)
class Outcome:
    """How a run ended; the counts are by position of the channel.

    `held` are the tokens that are left in the channels, `high_water` the most that were in one at once in this run.
    An `endless` run goes on forever.
    """

    waiting: tuple[Waiting, ...]
    endless: bool
    sends: tuple[int, ...]
    receives: tuple[int, ...]
    held: tuple[int, ...]
    high_water: tuple[int, ...]
    closed: tuple[bool, ...]
    rounds: int

    @property
    def ended(self) -> bool:
        """Whether every process has ended."""
        return not self.waiting and not self.endless


def run(net: Net, capacities: Mapping[str, int] | None = None) -> Outcome:
    """Runs the network, with other capacities where some are given."""
    machine = _Machine(net.with_capacities(capacities) if capacities else net)
    machine.run()
    return machine.outcome()


class _Machine:
    """The state of a run; `pending` are the processes that may be able to go on."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.turns: list[int] = []
        codes = [code_of(net, k, self.turns) for k in range(len(net.processes))]
        self.codes = codes
        self.instructions = [each.instructions for each in codes]
        self.at = [0] * len(codes)
        self.counters = [0] * len(self.turns)
        self.capacities = [each.capacity or 1 for each in net.channels]
        self.senders = [each.sender for each in net.channels]
        self.receivers = [each.receiver for each in net.channels]
        self.outputs: list[list[int]] = [[] for _ in codes]
        for k, each in enumerate(net.channels):
            self.outputs[each.sender].append(k)
        self.held = [each.initial for each in net.channels]
        self.high_water = list(self.held)
        self.sends = [0] * len(net.channels)
        self.closed = [False] * len(net.channels)
        self.pending = [True] * len(codes)
        self.ended = [False] * len(codes)
        self.endless = False
        self.rounds = 0
        self.calm = True

    def run(self) -> None:
        """Lets processes run until none can go on, or until it is known that this never happens."""
        # The first memory begins anew whenever turns were skipped, so that it finds the rhythm of inner loops; the
        # second one never does, so that it finds that of outer loops.
        near, far, calm = _Memory(self), _Memory(self), CALM
        pending, positions = self.pending, _order(self.net)
        while not self.endless and True in pending:
            self.rounds += 1
            self.calm = calm > 0
            calm -= 1
            for each in positions:
                if pending[each]:
                    pending[each] = False
                    self.visit(each)
            if near.skip(self) or far.skip(self):
                near, calm = _Memory(self), CALM
                continue
            near = near.renewed(self)
            far = far.renewed(self)

    def visit(self, process: int) -> None:
        """Runs one process until it has to wait, has ended or has taken many turns."""
        code, pc = self.instructions[process], self.at[process]
        held, capacities, closed, counters = self.held, self.capacities, self.closed, self.counters
        pending, senders, receivers, high, sends = (
            self.pending, self.senders, self.receivers, self.high_water, self.sends
        )  # fmt: skip
        patience, calm = PATIENCE, self.calm
        while True:
            instruction = code[pc]
            kind = instruction.kind
            if kind == SEND:
                channel = instruction.channel
                number = held[channel]
                if number >= capacities[channel]:
                    break
                held[channel] = number = number + 1
                sends[channel] += 1
                if number > high[channel]:
                    high[channel] = number
                pending[receivers[channel]] = True
            elif kind == RECV:
                channel = instruction.channel
                if held[channel]:
                    held[channel] -= 1
                    pending[senders[channel]] = True
                elif not closed[channel]:
                    break
            elif kind == LOOP:
                slot, turns = instruction.slot, instruction.turns
                done = counters[slot]
                if instruction.whole and done < turns and not (calm and instruction.outermost):
                    taken = self.whole_turns(turns - done, instruction)
                    if taken == turns - done and turns == FOREVER:
                        self.endless = True
                        break
                    done += taken
                if done >= turns:
                    counters[slot] = done
                    pc = instruction.target
                    continue
                counters[slot] = done + 1
            elif kind == BACK:
                pc = instruction.target
                patience -= 1
                if not patience or (calm and instruction.outermost):
                    pending[process] = True
                    break
                continue
            elif kind == READ:
                channel = instruction.channel
                there = held[channel] // instruction.own if instruction.whole else 0
                if there and not (calm and instruction.outermost) and (taken := self.whole_turns(there, instruction)):
                    counters[instruction.slot] += taken
                    held[channel] -= taken * instruction.own
                    pending[senders[channel]] = True
                if held[channel]:
                    held[channel] -= 1
                    pending[senders[channel]] = True
                    counters[instruction.slot] += 1
                elif closed[channel]:
                    pc = instruction.target
                    continue
                else:
                    break
            elif kind == ENTER:
                counters[instruction.slot] = 0
            elif kind == WAIT:
                if held[instruction.channel]:
                    break
            elif kind == CLOSE:
                closed[instruction.channel] = True
                pending[receivers[instruction.channel]] = True
            else:
                if not self.ended[process]:
                    self._end(process)
                break
            pc += 1
        self.at[process] = pc

    def whole_turns(self, most: int, loop: Instruction) -> int:
        """Takes whole turns of a loop, at most as many, and returns how many; an ended stream needs no tokens."""
        held, capacities = self.held, self.capacities
        for channel, number in loop.needs:
            there = held[channel]
            if there < most * number and (there or not self.closed[channel]):
                most = there // number
        for channel, number in loop.gives:
            room = capacities[channel] - held[channel]
            if room < most * number:
                most = room // number
        if most:
            for channel, number in loop.needs:
                if held[channel]:
                    held[channel] -= most * number
                    self.pending[self.senders[channel]] = True
            for channel, number in loop.gives:
                held[channel] = there = held[channel] + most * number
                self.sends[channel] += most * number
                if there > self.high_water[channel]:
                    self.high_water[channel] = there
                self.pending[self.receivers[channel]] = True
        return most

    def _end(self, process: int) -> None:
        """A return closes what the process sends on."""
        self.ended[process] = True
        for channel in self.outputs[process]:
            self.closed[channel] = True
            self.pending[self.receivers[channel]] = True

    def outcome(self) -> Outcome:
        """What is left when nothing can go on."""
        waiting: list[Waiting] = []
        for k, (code, pc) in enumerate(zip(self.codes, self.at, strict=True)):
            if not self.ended[k] and not self.endless:
                found = code.instructions[pc]
                operation = "send" if found.kind in (SEND, WAIT) else "recv"
                waiting.append(Waiting(k, operation, found.channel, code.places[pc]))
        channels = self.net.channels
        moved = zip(channels, self.sends, self.held, self.high_water, strict=True)
        counted = [(each.initial + sent - held, high if each.capacity else 0) for each, sent, held, high in moved]
        return Outcome(
            waiting=tuple(waiting),
            endless=self.endless,
            sends=tuple(self.sends),
            receives=tuple(received for received, _ in counted),
            held=tuple(self.held),
            high_water=tuple(high for _, high in counted),
            closed=tuple(self.closed),
            rounds=self.rounds,
        )


def _order(net: Net) -> list[int]:
    """The processes, senders before receivers as far as there are no circles: so tokens go far in one round."""
    targets: list[list[int]] = [[] for _ in net.processes]
    for each in net.channels:
        targets[each.sender].append(each.receiver)
    found: list[int] = []
    seen: set[int] = set()
    for start in range(len(targets)):
        walks = [(start, iter(targets[start]))] if start not in seen else []
        seen.add(start)
        while walks:
            process, rest = walks[-1]
            step = next((each for each in rest if each not in seen), None)
            if step is None:
                found.append(process)
                walks.pop()
            else:
                seen.add(step)
                walks.append((step, iter(targets[step])))
    return found[::-1]


class _Memory:
    """A state of a run, kept for twice as many rounds as the one before it (Brent, 1980)."""

    def __init__(self, machine: _Machine, life: int = 1) -> None:
        self.life = self.left = life
        self.at = list(machine.at)
        self.held = list(machine.held)
        self.closed = list(machine.closed)
        self.counters = list(machine.counters)
        self.sends = list(machine.sends)

    def renewed(self, machine: _Machine) -> _Memory:
        """This memory while it lives, then one of the state now."""
        self.left -= 1
        return self if self.left else _Memory(machine, 2 * self.life)

    def skip(self, machine: _Machine) -> bool:
        """Repeats what happened since then, as often as it is certain to happen; whether it does at all.

        It happens again if each process is where it was, its innermost loops are in the turn in which they were, and
        one loop around them has more turns left than it took.
        """
        if self.held != machine.held or self.at != machine.at or self.closed != machine.closed:
            return False
        times, moved = FOREVER, list[tuple[int, int]]()
        for code, pc in zip(machine.codes, machine.at, strict=True):
            slots = code.slots[pc]
            for position, slot in enumerate(slots):
                taken = machine.counters[slot] - self.counters[slot]
                if taken:
                    if any(machine.counters[each] != self.counters[each] for each in slots[position + 1 :]):
                        return False
                    if machine.turns[slot] < FOREVER:
                        times = min(times, (machine.turns[slot] - machine.counters[slot]) // taken)
                    moved.append((slot, taken))
                    break
        if moved and times == FOREVER:
            machine.endless = True
        elif moved and times:
            for slot, taken in moved:
                machine.counters[slot] += times * taken
            for channel, before in enumerate(self.sends):
                machine.sends[channel] += times * (machine.sends[channel] - before)
            return True
        return False
