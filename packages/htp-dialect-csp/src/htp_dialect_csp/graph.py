"""The graph that a network declares: its channels, its processes and who holds which end.

Knows what there is; how it is read from the body of a network is known by `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from htp_dialect_csp.given import facts_of

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.dims import Facts
    from htp_dialect_csp.carried import Carried
    from htp_dialect_csp.steps import Steps, Test
    from htp_dialect_csp.symbols import Memory

__all__ = ["ChannelNode", "Graph", "Held", "ProcessNode", "Used"]


@dataclass(frozen=True)
class ChannelNode:
    """A channel; numbers that depend on data are None, and so is a type that is not read."""

    name: str
    capacity: int | None
    latency: int | None = 0
    response: int | None = 0
    initial: int | None = 0
    carried: Carried | None = None
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Held:
    """An end of a channel that a process was given, the type that its parameter declares, and what it calls it."""

    channel: str
    side: Literal["send", "recv"]
    declared: Carried | None = None
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class Used:
    """An array that a process was given for a parameter; None is memory that is not known."""

    param: str
    writes: bool
    memory: Memory | None


@dataclass(frozen=True)
class ProcessNode:
    """A process: what it does, what it holds, and where it is declared."""

    name: str
    steps: Steps
    ends: tuple[Held, ...]
    function: str = ""
    place: Span | None = field(default=None, compare=False)
    arrays: tuple[Used, ...] = ()

    def holds(self, channel: str, side: Literal["send", "recv"]) -> bool:
        """Whether the process was given that end."""
        return any(each.channel == channel and each.side == side for each in self.ends)


@dataclass(frozen=True)
class Graph:
    """Channels and processes in the order of their declaration; `unread` are lines that are not understood.

    `names` are the sizes and whole numbers of its signature, for which the tests in `given` hold in every run, and
    `inputs` its arrays that are only read.
    """

    name: str
    channels: tuple[ChannelNode, ...]
    processes: tuple[ProcessNode, ...]
    unread: tuple[Span | None, ...] = ()
    names: tuple[str, ...] = ()
    given: tuple[Test, ...] = ()
    place: Span | None = field(default=None, compare=False)
    inputs: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that the network declares is in the graph."""
        return not self.unread

    @cached_property
    def facts(self) -> Facts:
        """What is certain of the sizes."""
        return facts_of(self.names, self.given)

    def channel(self, name: str) -> ChannelNode:
        """The channel of that name."""
        return next(each for each in self.channels if each.name == name)

    def at(self, channel: str, side: Literal["send", "recv"]) -> tuple[ProcessNode, ...]:
        """The processes that hold an end of a channel: one, unless the network is wrong."""
        return tuple(each for each in self.processes if each.holds(channel, side))
