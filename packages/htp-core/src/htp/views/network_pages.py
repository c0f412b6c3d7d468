"""Networks on the page of a package: as they are declared, as they ran, and what is stuck.

Knows what is told of a network; does not know how it is drawn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from htp.diagnostics import render
from htp.runs import Simulated
from htp.views.flowcharts import stream_mermaid
from htp.views.markup import Markup, code, drawing, folded, joined, listing, paragraph, table, tag
from htp.views.stream_graphs import stream_svg
from htp.views.streams import fits, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.deadlocks import Deadlock
    from htp.runs import NetworkRun, ProcessRun
    from htp.views.declared import DeclaredNetwork
    from htp.views.streams import Run

_ROOM = (
    "With the least capacities nobody waits for ever, at the sizes that were looked at; 0 is a rendezvous. With those "
    "for whole turns there is room for all that a turn of a loop sends before it begins, at all sizes. Not known is "
    "what depends on data, and of whole turns what is not alike in every turn."
)
_STATES = {"full": "full", "empty": "empty", "end": "at its end"}


def declared_networks(networks: Sequence[DeclaredNetwork]) -> Markup:
    """Every network before a run."""
    parts: list[str] = []
    for each in networks:
        parts.append(Markup(f"<h3>{code(each.name)}</h3>\n"))
        parts.append(_graph(each, None))
        rows = [
            (
                *(code(channel.name), code(channel.payload), settings(channel), channel.sender, channel.receiver),
                *(channel.least or "not known", channel.whole_turns or "not known"),
            )
            for channel in each.channels
        ]
        heads = ("channel", "carries", "made with", "from", "to", "least capacity", "for whole turns")
        parts.append(table(heads, rows))
    parts.append(paragraph(_ROOM) if networks else Markup(""))
    return joined(parts)


def networks_that_ran(networks: Sequence[DeclaredNetwork], found: Simulated) -> Iterator[Markup]:
    """Every network as it ran the last time; nothing where none ran."""
    runs: dict[str, list[NetworkRun]] = {}
    for each in found.network_runs:
        declared = _declared(networks, _alone(each))
        runs.setdefault("" if declared is None else declared.name, []).append(each)
    for name, those in runs.items():
        times = f", the last of {len(those)} runs" if len(those) > 1 else ""
        yield Markup(f"<h3>{joined(('Network ', code(name), times)) if name else f'Network{times}'}</h3>\n")
        yield from _ran(next((each for each in networks if each.name == name), None), _alone(those[-1]))


def _alone(run: NetworkRun) -> Simulated:
    """A network as if nothing else had run."""
    return Simulated(makespan=run.makespan, processes=run.processes, channels=run.channels)


def _ran(declared: DeclaredNetwork | None, found: Simulated) -> Iterator[Markup]:
    """The graph of a network, its processes and its channels."""
    yield _graph(declared, found)
    yield table(
        ("process", "steps", "ended at", "busy", "waited for tokens", "for room", "because of"),
        _processes(found),
    )
    yield table(
        ("channel", "carries", "made with", "tokens", "high water", "sender waited", "receiver waited"),
        _channels(declared, found),
    )


def network_that_is_stuck(networks: Sequence[DeclaredNetwork], refused: Deadlock) -> Markup:
    """A deadlock: its graph with what is blocked, and the report as text and as JSON."""
    report = refused.report
    said = f" The run ended in a deadlock ({report.kind}): nobody could go on, and nothing was computed."
    return joined(
        (
            paragraph(joined((tag("stuck", "bad"), said))),
            _graph(_declared(networks, report), report),
            *(listing(render(each, limit=None)) for each in refused.diagnostics),
            folded("The same as JSON", listing(msgspec.json.format(msgspec.json.encode(report)).decode())),
        )
    )


def _declared(networks: Sequence[DeclaredNetwork], run: Run) -> DeclaredNetwork | None:
    return next((each for each in networks if fits(each, run)), None)


def _graph(network: DeclaredNetwork | None, run: Run | None) -> Markup:
    mermaid = folded("The same as Mermaid", listing(stream_mermaid(network, run)))
    return joined((drawing(stream_svg(network, run)), mermaid))


def _processes(found: Simulated) -> Iterator[tuple[str, ...]]:
    steps: Counter[str] = Counter()
    for each in found.channels.values():
        steps[each.sender] += each.sends - each.initial
        steps[each.receiver] += each.receives
    for name, run in found.processes.items():
        busy = f"{run.busy} ({run.busy / run.end:.0%})" if run.end else "0"
        numbers = (str(each) for each in (run.stall_in, run.stall_out))
        took_part = str(steps[name]) if all(each.sender for each in found.channels.values()) else "not measured"
        yield code(name), took_part, f"{run.end} cycles", busy, *numbers, _waits(run)


def _waits(run: ProcessRun) -> str:
    """For what a process waited, how often and how long in all."""
    if run.waits is None:
        return "once" if run.stalls == 1 else f"{run.stalls} times"
    times: Counter[tuple[str, str]] = Counter()
    cycles: Counter[tuple[str, str]] = Counter()
    for each in run.waits:
        times[each.why, each.channel] += 1
        cycles[each.why, each.channel] += each.end - each.start
    reasons = (f"{each[1]} {_STATES[each[0]]} {_stalls(count, cycles[each])}" for each, count in times.items())
    return "; ".join(reasons) or "none"


def _channels(declared: DeclaredNetwork | None, found: Simulated) -> Iterator[tuple[str, ...]]:
    known = {each.name: each for each in declared.channels} if declared is not None else {}
    for name, run in found.channels.items():
        made = known.get(name)
        yield (
            code(name),
            code(made.payload) if made is not None else "",
            settings(made) if made is not None else f"capacity {run.capacity}",
            str(run.sends),
            f"{run.high_water} of {run.capacity}",
            _stalls(run.stalls_full, run.stall_full),
            _stalls(run.stalls_empty, run.stall_empty),
        )


def _stalls(times: int, cycles: int) -> str:
    return f"{times} times, {cycles} cycles" if times > 1 else f"once, {cycles} cycles" if times else "never"
