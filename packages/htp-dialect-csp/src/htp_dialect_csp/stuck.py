"""The refusal of a network that gets stuck in its zero-cost run: the same report that a run of the network gives.

Knows how the end of a zero-cost run is told to `htp.deadlocks`, which finds the cycle, the kind and the hint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from htp.channel_time import ChannelTime
from htp.deadlocks import BlockedChannel, Deadlock, deadlock
from htp.diagnostics import Label
from htp.links import Link, Receiving, Sending
from htp.networks import Network
from htp.types import ScalarType, i32

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp_dialect_csp.concrete import Net
    from htp_dialect_csp.zero_cost import Outcome

__all__ = ["explained"]


def explained(net: Net, outcome: Outcome, name: str = "network") -> Deadlock:
    """Who waits for whom, and what would help; all clocks are 0, since nothing costs anything."""
    network = Network(name)
    for each in net.processes:
        network.add(each.name, _nothing)
    waiting = {each.process: each for each in outcome.waiting}
    for k, channel in enumerate(net.channels):
        time = ChannelTime(channel.capacity, initial=channel.initial)
        sends, receives = outcome.sends[k], outcome.receives[k]
        offered = channel.capacity == 0 and outcome.held[k] > 0
        time.accepts += [0] * (sends - offered)
        time.dequeues += [0] * receives
        time.closed = 0 if outcome.closed[k] else None
        time.offered = 0 if offered else None
        link = Link(ScalarType(i32), time, channel.name, named=True)
        link.claim("send", network.processes[channel.sender], None)
        link.claim("recv", network.processes[channel.receiver], None)
        network.links.append(link)
    for k, process in enumerate(network.processes):
        process.ended = k not in waiting
        if not process.ended:
            link = network.links[waiting[k].channel]
            process.pending = Sending(link, 0) if waiting[k].operation == "send" else Receiving((link,), 0)
    return _placed(net, outcome, deadlock(network))


def _placed(net: Net, outcome: Outcome, found: Deadlock) -> Deadlock:
    """The report with the lines of the program and what the channels held at most."""
    spans: dict[str, Span | None] = {}
    for each in outcome.waiting:
        process = net.processes[each.process]
        spans[process.name] = process.places[each.place] if each.place < len(process.places) else None
    replace = msgspec.structs.replace
    report = replace(
        found.report,
        blocked=tuple(replace(each, span=spans[each.process]) for each in found.report.blocked),
        processes=tuple(
            replace(each, line=span.line if (span := spans.get(each.name)) is not None else 0)
            for each in found.report.processes
        ),
        channels=tuple(_channel(each, outcome, k) for k, each in enumerate(found.report.channels)),
    )
    marked = [Label(span=each.span, text=f"`{each.process}` waits") for each in report.blocked if each.span is not None]
    return Deadlock(report, marked[0].span if marked else None, tuple(marked[1:]))


def _channel(channel: BlockedChannel, outcome: Outcome, position: int) -> BlockedChannel:
    return msgspec.structs.replace(channel, high_water=outcome.high_water[position])


def _nothing() -> None:
    """The body of a process that is never run."""
