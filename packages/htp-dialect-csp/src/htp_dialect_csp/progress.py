"""Networks that get stuck at some size are refused before they run, with the capacities that would do.

Knows at which sizes to look; what is found at these sizes is no proof for others.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.dims import const
from htp_dialect_csp.capacities import working_capacities
from htp_dialect_csp.concrete import Undecided, net_of
from htp_dialect_csp.counts import counts_differ
from htp_dialect_csp.given import MOST, alike, allowed
from htp_dialect_csp.rates import turn_capacities
from htp_dialect_csp.stuck import explained
from htp_dialect_csp.zero_cost import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.deadlocks import Deadlock
    from htp_dialect_csp.concrete import Net
    from htp_dialect_csp.graph import Graph
    from htp_dialect_csp.zero_cost import Outcome

__all__ = ["check_progress", "sample_sizes"]

SIZES = (256, 1024, 64)
"""Sizes that most programs take: they are whole numbers of tiles."""


def check_progress(graph: Graph, samples: tuple[Mapping[str, int], ...] = ({},)) -> tuple[Diagnostic, ...]:
    """A note where what processes do depends on data; otherwise the network goes through at all these sizes.

    Raises:
        Refused: `csp.deadlock`; `csp.count` for tokens that nobody receives.
    """
    if not samples:
        return (_note(graph, f"no sizes below {MOST} are what it asserts"),)
    for sizes in samples:
        try:
            net = net_of(graph, sizes)
        except Undecided as reason:
            return (_note(graph, str(reason)),)
        outcome = run(net)
        if outcome.waiting:
            raise _with_capacities(graph, net, explained(net, outcome, graph.name), sizes)
        if not outcome.endless:
            _check_left(graph, net, outcome, sizes)
    return ()


def sample_sizes(graph: Graph) -> tuple[dict[str, int], ...]:
    """Sizes for the names in the signature of a network that its asserts allow; one empty set where it has none."""
    if not graph.names:
        return ({},)
    mixed = {name: 64 << k % 4 for k, name in enumerate(graph.names)}
    found = tuple(allowed([*(dict.fromkeys(graph.names, size) for size in SIZES), mixed], graph.given))
    return found or tuple(islice(allowed(alike(graph.names), graph.given), len(SIZES)))


def _check_left(graph: Graph, net: Net, outcome: Outcome, sizes: Mapping[str, int]) -> None:
    """Nothing is left in the channels, unless it is as much as there was at first."""
    for each, held, sent, received in zip(net.channels, outcome.held, outcome.sends, outcome.receives, strict=True):
        if held not in (0, each.initial):
            sender, receiver = graph.processes[each.sender], graph.processes[each.receiver]
            refusal = counts_differ(each.name, sender, receiver, const(sent), const(received), sizes)
            raise Refused.of(_noted(refusal.diagnostic, sizes))


def _noted(diagnostic: Diagnostic, sizes: Mapping[str, int]) -> Diagnostic:
    """The finding with the sizes at which it was made."""
    seen = (f"seen with {', '.join(f'{name} = {size}' for name, size in sizes.items())}",) if sizes else ()
    return msgspec.structs.replace(diagnostic, notes=(*diagnostic.notes, *seen))


def _with_capacities(graph: Graph, net: Net, found: Deadlock, sizes: Mapping[str, int]) -> Deadlock:
    """The refusal with the capacities that are needed, where more capacity helps; its times would all be 0."""
    working = working_capacities(net) if found.report.kind == "artificial" else None
    channels = {each.name: each for each in net.channels}
    notes = [
        f"capacity of '{name}' is {channels[name].capacity}, {size} is needed for "
        f"'{net.processes[channels[name].receiver].name}' to make progress"
        for name, size in (working or {}).items()
    ]
    turns = turn_capacities(graph) if working else {}
    if turns:
        enough = ", ".join(f"{size} of '{name}'" for name, size in turns.items())
        notes.append(f"capacities that are enough at all sizes: {enough}")
    help = tuple(f"give `{name}` capacity={size} or more" for name, size in (working or {}).items())
    diagnostic = msgspec.structs.replace(
        found.diagnostic, message=found.report.text, notes=tuple(notes), help=help or found.diagnostic.help
    )
    found.diagnostics = (_noted(diagnostic, sizes),)
    return found


def _note(graph: Graph, reason: str) -> Diagnostic:
    return Diagnostic(
        code="csp.dynamic-rate",
        message=f"whether `{graph.name}` can get stuck is not known before it runs: {reason}",
        severity="note",
        span=graph.place,
        help=("nothing is wrong: a run that gets stuck ends with a report of who waits for whom",),
    )
