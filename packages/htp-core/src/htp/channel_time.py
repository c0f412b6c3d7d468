"""The times of one channel: when its tokens are accepted, become visible and are taken, in simulated cycles.

Knows the recurrences of bounded channels; does not know values, processes or who acts first.

Token k of a channel of capacity N, latency L and response R is accepted from a sender that offers it at t at
`A[k] = max(t, D[k - N] + R)`, is visible at `A[k] + L`, and is taken by a receiver that asks at t at
`D[k] = max(t, A[k] + L)`. Initial tokens are accepted and visible at 0. A channel of capacity 0 is a rendezvous: a
token is accepted when it is offered, and its sender goes on at `D[k] + R`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

__all__ = ["ChannelTime"]


@dataclass
class ChannelTime:
    """Accepts, dequeues and the close of one channel so far; `offered` is when a rendezvous was offered."""

    capacity: int
    latency: int = 0
    response: int = 0
    initial: int = 0
    accepts: list[int] = field(default_factory=list[int])
    dequeues: list[int] = field(default_factory=list[int])
    closed: int | None = None
    offered: int | None = None
    stall_full: int = 0
    stall_empty: int = 0
    stalls_full: int = 0
    stalls_empty: int = 0

    def __post_init__(self) -> None:
        self.accepts += [0] * self.initial

    @property
    def sends(self) -> int:
        """How many tokens were accepted, initial ones included."""
        return len(self.accepts)

    @property
    def receives(self) -> int:
        """How many tokens were taken."""
        return len(self.dequeues)

    @property
    def held(self) -> int:
        """How many tokens were accepted and not yet taken."""
        return self.sends - self.receives

    @property
    def drained(self) -> bool:
        """Whether the stream has ended: closed, and nothing left to take."""
        return self.closed is not None and not self.held

    def accept_time(self, now: int) -> int | None:
        """When a token offered at `now` is accepted; `None` while its slot is taken."""
        freed = len(self.accepts) - self.capacity
        if freed < 0:
            return now
        return max(now, self.dequeues[freed] + self.response) if freed < len(self.dequeues) else None

    def visible_time(self) -> int | None:
        """When the next token to take becomes visible; `None` when there is none."""
        next_one = len(self.dequeues)
        if next_one < self.initial:
            return 0
        if next_one < len(self.accepts):
            return self.accepts[next_one] + self.latency
        return self.offered + self.latency if self.offered is not None else None

    def end_time(self) -> int | None:
        """When a receiver learns that the stream has ended; `None` while it has not."""
        return self.closed + self.latency if self.closed is not None and not self.held else None

    def accept(self, offered: int, accepted: int) -> None:
        """A token that was offered at one time was accepted at another."""
        self.accepts.append(accepted)
        self._stalled_full(accepted - offered)

    def offer(self, now: int) -> None:
        """A sender waits at a rendezvous from now on."""
        self.offered = now

    def take(self, asked: int, taken: int) -> None:
        """The next token was asked for at one time and taken at another."""
        if self.offered is not None and not self.held:
            self.accepts.append(self.offered)
            self._stalled_full(taken + self.response - self.offered)
            self.offered = None
        self.dequeues.append(taken)
        self.stall_empty += taken - asked
        self.stalls_empty += taken > asked

    def resume_time(self) -> int:
        """When the sender of the last rendezvous goes on."""
        return self.dequeues[-1] + self.response

    def occupancy(self, now: int) -> int:
        """How many tokens are in the channel at `now`: accepted, and not yet taken."""
        return bisect_right(self.accepts, now) - bisect_right(self.dequeues, now)

    def full(self, now: int) -> bool:
        """Whether no slot is free at `now`; a slot is free again a response after its token was taken."""
        return bisect_right(self.accepts, now) - bisect_right(self.dequeues, now - self.response) >= self.capacity

    @property
    def high_water(self) -> int:
        """The largest occupancy right after an accept; 0 for a rendezvous."""
        if not self.capacity:
            return 0
        taken = self.dequeues
        after = (k + 1 - bisect_right(taken, at, 0, min(k, len(taken))) for k, at in enumerate(self.accepts))
        return max(after, default=0)

    def _stalled_full(self, cycles: int) -> None:
        self.stall_full += cycles
        self.stalls_full += cycles > 0
