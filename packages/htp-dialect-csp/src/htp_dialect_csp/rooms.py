"""What is known of the room that the channels of a network need, before it runs.

Knows which of two numbers is asked for: room with which nobody gets stuck, and room for whole turns of loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp_dialect_csp.capacities import least_capacities
from htp_dialect_csp.concrete import Undecided, net_of
from htp_dialect_csp.progress import sample_sizes
from htp_dialect_csp.rates import turn_capacities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_dialect_csp.graph import Graph

__all__ = ["Room", "rooms"]


@dataclass(frozen=True)
class Room:
    """Capacities of one channel, the others being at theirs; None where it is not known.

    With `least` the network does not get stuck at the sizes that were looked at. With `whole_turns` every process has
    room for all that a turn of its loop sends before the turn begins, at all sizes.
    """

    least: int | None = None
    whole_turns: int | None = None


def rooms(graph: Graph) -> Mapping[str, Room]:
    """The room that every channel needs; nothing is known of networks in which data decides."""
    least, turns = _least(graph), turn_capacities(graph)
    return {each.name: Room(least.get(each.name), turns.get(each.name)) for each in graph.channels}


def _least(graph: Graph) -> dict[str, int]:
    """The least capacities at several sizes, of which the largest is taken."""
    found: dict[str, int] = {}
    for sizes in sample_sizes(graph):
        try:
            least = least_capacities(net_of(graph, sizes))
        except Undecided:
            return {}
        if least is None:
            return {}
        found = {name: max(size, found.get(name, 0)) for name, size in least.items()}
    return found
