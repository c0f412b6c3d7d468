"""Processes of constant rates: how often each runs so that channels stay as full as they are, and with how much room.

Knows synchronous data flow (Lee and Messerschmitt, 1987, https://doi.org/10.1109/PROC.1987.13876): a firing takes
`consumed` tokens from each input and puts `produced` on each output, whose room it holds from its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from math import gcd, lcm
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp_dialect_csp.steps import Call, Drain, Given, Loop, Operation, Work
from htp_dialect_csp.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp_dialect_csp.graph import Graph, ProcessNode

__all__ = [
    "Edge", "check_rates", "edges_of", "minimal_capacities", "minimal_capacity", "repetition", "turn_capacities",
]  # fmt: skip


TRIES = 1000
"""Sets of capacities that are looked at before the search is given up."""


@dataclass(frozen=True)
class Edge:
    """A channel between two processes of constant rates, in tokens per firing."""

    channel: str
    source: str
    target: str
    produced: int
    consumed: int
    initial: int = 0


def repetition(edges: Sequence[Edge]) -> dict[str, int]:
    """The least numbers of firings, in the order of the edges, after which every channel is as full as before.

    Raises:
        Refused: `csp.rate` when there are none.
    """
    rates: dict[str, Fraction] = {}
    for start in edges:
        if start.source in rates:
            continue
        rates[start.source] = Fraction(1)
        part = {start.source}
        changed = True
        while changed:
            changed = False
            for each in edges:
                known, new, factor = each.source, each.target, Fraction(each.produced, each.consumed)
                if new in part:
                    known, new, factor = new, known, 1 / factor
                if known in part and new not in part:
                    rates[new] = rates[known] * factor
                    part.add(new)
                    changed = True
        scale = lcm(*(rates[each].denominator for each in part))
        shared = gcd(*(int(rates[each] * scale) for each in part))
        rates |= {each: rates[each] * scale / shared for each in part}
    found = {name: int(rate) for name, rate in rates.items()}
    for each in edges:
        if found[each.source] * each.produced != found[each.target] * each.consumed:
            raise _unbalanced(each, found)
    return found


def _unbalanced(edge: Edge, runs: dict[str, int]) -> Refused:
    others = ", ".join(f"{name} {number}" for name, number in runs.items())
    sent, received = runs[edge.source] * edge.produced, runs[edge.target] * edge.consumed
    return Refused(
        "csp.rate",
        f"'{edge.source}' produces {edge.produced} per run, '{edge.target}' consumes {edge.consumed} on "
        f"'{edge.channel}': the other channels ask for the runs {others}, which make {sent} and {received}; "
        "no balanced schedule",
        help=f"let '{edge.source}' send or '{edge.target}' receive another number of tokens on '{edge.channel}'",
    )


def minimal_capacity(produced: int, consumed: int, initial: int = 0) -> int:
    """The least capacity with which one channel between two processes never gets stuck.

    >>> minimal_capacity(2, 3), minimal_capacity(2, 3, 9)
    (4, 9)
    """
    shared = gcd(produced, consumed)
    least = produced + consumed - shared
    return least + initial % shared if initial <= least else initial


def _stuck(edges: Sequence[Edge], capacities: dict[str, int], runs: dict[str, int]) -> frozenset[str]:
    """The channels that are too full for a process to fire when no process can; empty where all fire as they should."""
    tokens = {each.channel: each.initial for each in edges}
    left = dict(runs)
    inputs = {name: [each for each in edges if each.target == name] for name in runs}
    outputs = {name: [each for each in edges if each.source == name] for name in runs}
    fired = True
    while fired:
        fired = False
        for name in left:
            while left[name] and _fires(inputs[name], outputs[name], tokens, capacities):
                for each in inputs[name]:
                    tokens[each.channel] -= each.consumed
                for each in outputs[name]:
                    tokens[each.channel] += each.produced
                left[name] -= 1
                fired = True
    if not any(left.values()):
        return frozenset()
    full = frozenset(each.channel for each in edges if left[each.source] and _full(each, tokens, capacities))
    return full or frozenset(("",))


def _fires(inputs: Sequence[Edge], outputs: Sequence[Edge], tokens: dict[str, int], capacities: dict[str, int]) -> bool:
    enough = all(tokens[each.channel] >= each.consumed for each in inputs)
    return enough and not any(_full(each, tokens, capacities) for each in outputs)


def _full(edge: Edge, tokens: dict[str, int], capacities: dict[str, int]) -> bool:
    return tokens[edge.channel] + edge.produced > capacities[edge.channel]


def minimal_capacities(edges: Sequence[Edge]) -> dict[str, int] | None:
    """Capacities of the least sum with which the graph can run forever; None where none are enough, or found in time.

    Only a channel that is full when nothing can fire is worth more room, so that is all that is tried.

    Raises:
        Refused: `csp.rate`.
    """
    runs = repetition(edges)
    names = [each.channel for each in edges]
    ample = {each.channel: each.initial + each.produced * runs[each.source] for each in edges}
    if _stuck(edges, ample, runs):
        return None
    first = tuple(minimal_capacity(each.produced, each.consumed, each.initial) for each in edges)
    waiting, seen = [(sum(first), first)], {first}
    while waiting and len(seen) < TRIES:
        _, sizes = heappop(waiting)
        full = _stuck(edges, dict(zip(names, sizes, strict=True)), runs)
        if not full:
            return dict(zip(names, sizes, strict=True))
        for at, name in enumerate(names):
            larger = (*sizes[:at], sizes[at] + 1, *sizes[at + 1 :])
            if name in full and larger not in seen:
                seen.add(larger)
                heappush(waiting, (sum(larger), larger))
    return None


# networks -------------------------------------------------------------------------------------------------------------


def edges_of(graph: Graph) -> tuple[Edge, ...]:
    """The channels of a network between processes that do the same number of sends and receives in every turn."""
    tallies = Tallies(graph)
    return tuple(_edges(graph, tallies))


def turn_capacities(graph: Graph) -> dict[str, int]:
    """Capacities with which processes do whole turns of their loops, at all sizes; none where turns are not alike."""
    edges = edges_of(graph)
    if not graph.complete or len(edges) != len(graph.channels) or not all(_turns(each) for each in graph.processes):
        return {}
    return minimal_capacities(edges) or {}


def _turns(process: ProcessNode) -> bool:
    """Whether all that a process sends and receives is in the turns of one loop."""
    rest = [each for each in process.steps if not isinstance(each, Loop | Drain)]
    quiet = all(isinstance(each, Work | Call | Given | Operation) for each in rest)
    moves = any(isinstance(each, Operation) and each.kind != "close" for each in rest)
    return quiet and not moves and len(rest) == len(process.steps) - 1


def _edges(graph: Graph, tallies: Tallies) -> Iterator[Edge]:
    for channel in graph.channels:
        senders, receivers = graph.at(channel.name, "send"), graph.at(channel.name, "recv")
        if len(senders) == len(receivers) == 1:
            produced = _rate(tallies, senders[0], channel.name, "send")
            consumed = _rate(tallies, receivers[0], channel.name, "recv")
            if produced and consumed and channel.initial is not None:
                yield Edge(channel.name, senders[0].name, receivers[0].name, produced, consumed, channel.initial)


def _rate(tallies: Tallies, process: ProcessNode, channel: str, side: str) -> int | None:
    """Tokens per turn of the one loop that a process consists of."""
    loops = [each for each in process.steps if isinstance(each, Loop | Drain)]
    if len(loops) != 1:
        return None
    own = 1 if side == "recv" and isinstance(loops[0], Drain) and loops[0].end == channel else 0
    found = tallies.steps(process, loops[0].body, channel, "send" if side == "send" else "recv")
    return found.constant + own if found is not None and found.constant is not None else None


def check_rates(graph: Graph) -> None:
    """Processes that never end and have constant rates are balanced.

    Raises:
        Refused: `csp.rate`.
    """
    endless = {each.name for each in graph.processes if any(isinstance(s, Loop) and s.endless for s in each.steps)}
    edges = [each for each in edges_of(graph) if each.source in endless and each.target in endless]
    try:
        repetition(edges)
    except Refused as refusal:
        named = refusal.diagnostic.message
        source = next((each.place for each in graph.processes if f"'{each.name}' produces" in named), None)
        raise refusal.at(source) from None
