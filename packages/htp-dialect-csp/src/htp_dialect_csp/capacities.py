"""The least capacities with which a network at given sizes does not get stuck, found by zero-cost runs.

More capacity never hurts, so a capacity is found by halving, and a full channel in a circle of processes that wait for
each other is the only one worth more (Parks, 1995).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_dialect_csp.stuck import explained
from htp_dialect_csp.zero_cost import run

if TYPE_CHECKING:
    from htp_dialect_csp.concrete import Net

__all__ = ["least_capacities", "least_capacity", "working_capacities"]

AMPLE = 1 << 40
"""More tokens than any channel holds."""


def least_capacities(net: Net) -> dict[str, int] | None:
    """Capacities with which the network does not get stuck, of which none can be smaller; None where none do."""
    least = {each.name: each.initial for each in net.channels}
    more = working_capacities(net.with_capacities(least))
    return {**least, **more} if more is not None else None


def least_capacity(net: Net, channel: str) -> int | None:
    """The least capacity of one channel, the others as they are; None where none is enough."""
    position = next(k for k, each in enumerate(net.channels) if each.name == channel)
    ample = run(net, {channel: AMPLE})
    if ample.waiting:
        return None
    # What the channel held at most in this run is enough: the run itself shows it.
    low, high = net.channels[position].initial, max(1, ample.high_water[position])
    while low < high:
        middle = (low + high) // 2
        if run(net, {channel: middle}).waiting:
            low = middle + 1
        else:
            high = middle
    return low


def working_capacities(net: Net) -> dict[str, int] | None:
    """Capacities with which a stuck network goes on, none of which can be smaller; None where none are enough."""
    raised: dict[str, int] = {}
    while True:
        outcome = run(net, raised)
        if not outcome.waiting:
            break
        channel = explained(net.with_capacities(raised), outcome).report.raise_channel
        if not channel or channel in raised:
            return None
        raised[channel] = AMPLE
    for each in raised:
        found = least_capacity(net.with_capacities(raised), each)
        if found is not None:
            raised[each] = found
    known = {each.name: each.capacity for each in net.channels}
    return {name: size for name, size in raised.items() if size > known[name]}
