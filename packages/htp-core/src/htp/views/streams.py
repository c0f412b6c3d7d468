"""What is drawn of a network: its processes, and its channels with what is declared, measured or stuck about each.

Knows what is said of a process and of a channel, and how many are grouped; does not know any format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from htp.deadlocks import BlockedChannel, DeadlockReport
from htp.runs import Simulated
from htp.views.declared import DeclaredChannel
from htp.views.pictures import ARROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from htp.runs import ChannelRun
    from htp.views.declared import DeclaredNetwork

PROCESSES = 40
"""How many processes are drawn one by one; of more, one box stands for all that run a kernel."""
Kind = Literal["channel", "empty", "full", "blocked"]
KINDS: tuple[Kind, ...] = ("channel", "empty", "full", "blocked")
"""How a channel is drawn, the most remarkable last."""
MEANINGS: Mapping[Kind, str] = {
    "channel": "nobody waited", "empty": "its receiver waited longer", "full": "its sender waited longer",
    "blocked": "blocked",
}  # fmt: skip
Run: TypeAlias = Simulated | DeadlockReport


@dataclass(frozen=True)
class Process:
    """A box: a process, what its colour is after, the line below its name, and all that is known of it."""

    name: str
    kernel: str
    detail: str
    said: str
    stuck: bool = False


@dataclass(frozen=True)
class Channel:
    """A line between two boxes, of which either may be unknown, with its label, of several lines."""

    name: str
    source: int | None
    target: int | None
    lines: tuple[str, ...]
    kind: Kind = "channel"


@dataclass(frozen=True)
class StreamPicture:
    """Boxes and lines in the order of their declaration, and what the reader must be told."""

    processes: tuple[Process, ...]
    channels: tuple[Channel, ...]
    notes: tuple[str, ...] = ()


def stream_picture(network: DeclaredNetwork | None, run: Run | None, *, limit: int) -> StreamPicture:
    """The network as it is declared, as it ran, or both."""
    kernels = {each.name: each.kernel for each in network.processes} if network is not None else {}
    processes = _processes(network, run)
    numbers = {each.name: number for number, each in enumerate(processes)}
    channels = [_channel(each, run, numbers) for each in _channels(network, run)]
    notes = _notes(run)
    if len(processes) <= limit and len(channels) <= ARROWS:
        return StreamPicture(tuple(processes), tuple(channels), notes)
    groups = [kernels.get(each.name) or each.name.rstrip("0123456789_") for each in processes]
    channels_too = f"{len(channels)} channels are more than {ARROWS}"
    many = f"{len(processes)} processes are more than {limit}" if len(processes) > limit else channels_too
    return replace(_grouped(processes, channels, groups), notes=(f"{many}: grouped by kernel", *notes))


def fits(network: DeclaredNetwork, run: Run) -> bool:
    """Whether the run is one of this network: it has the same processes and channels."""
    named = [each.name for each in run.processes] if isinstance(run, DeadlockReport) else list(run.processes)
    return [each.name for each in network.processes] == named


# processes ------------------------------------------------------------------------------------------------------------


def _processes(network: DeclaredNetwork | None, run: Run | None) -> list[Process]:
    declared = {each.name: each for each in network.processes} if network is not None else {}
    found: list[Process] = []
    for name, (detail, said, stuck) in _states(run).items() if run is not None else ():
        known = declared.get(name)
        where = f" ({known.place})" if known is not None and known.place else ""
        found.append(Process(name, known.kernel if known else name, detail, f"{name}{where}: {said}", stuck))
    if run is not None:
        return found
    for each in declared.values():
        kernel = f"runs {each.kernel}" if each.kernel != each.name else ""
        said = ", ".join(part for part in (kernel, each.place) if part)
        found.append(Process(each.name, each.kernel, kernel or each.place, f"{each.name}: {said}"))
    return found


def _states(run: Run | None) -> dict[str, tuple[str, str, bool]]:
    """The line below the name, all that is known, and whether it is stuck."""
    if isinstance(run, Simulated):
        return {
            name: (
                f"busy {each.busy} of {each.end} cycles",
                f"ended at {each.end} cycles, busy {each.busy}, waited {each.stall_in} for tokens, "
                f"{each.stall_out} for room",
                False,
            )
            for name, each in run.processes.items()
        }
    blocked = {each.process: each for each in run.blocked} if run is not None else {}
    found: dict[str, tuple[str, str, bool]] = {}
    for each in run.processes if run is not None else ():
        waits = blocked.get(each.name)
        line = f", line {each.line}" if each.line else ""
        if waits is None:
            found[each.name] = (f"ended at {each.clock} cycles", f"ended at {each.clock} cycles", False)
        else:
            found[each.name] = (f"{waits.operation} at {each.clock} cycles{line}", str(waits).strip(), True)
    return found


# channels -------------------------------------------------------------------------------------------------------------


def _channels(network: DeclaredNetwork | None, run: Run | None) -> list[DeclaredChannel]:
    """Every channel as it is declared; of one that is not, what the run says of it."""
    declared = {each.name: each for each in network.channels} if network is not None else {}
    if run is None:
        return list(declared.values())
    return [declared.get(name) or _told(name, each) for name, each in _ran(run).items()]


def _told(name: str, channel: ChannelRun | BlockedChannel) -> DeclaredChannel:
    found = DeclaredChannel(
        name, "", capacity=str(channel.capacity), sender=channel.sender, receiver=channel.receiver
    )
    if isinstance(channel, BlockedChannel):
        return found
    latency, response = str(channel.latency), str(channel.response)
    return replace(found, latency=latency, response=response, initial=channel.initial)


def _ran(run: Run) -> Mapping[str, ChannelRun | BlockedChannel]:
    return run.channels if isinstance(run, Simulated) else {each.name: each for each in run.channels}


def _channel(channel: DeclaredChannel, run: Run | None, numbers: Mapping[str, int]) -> Channel:
    found = _ran(run).get(channel.name) if run is not None else None
    lines = [f"{channel.name}: {channel.payload}".removesuffix(": "), settings(channel)]
    if found is not None:
        of = f" of {found.capacity}" if found.capacity else ""
        lines.append(f"{_count(found.sends, 'token')}, high water {found.high_water}{of}")
        waits = {"sender": found.stall_full, "receiver": found.stall_empty}
        waited = ", ".join(f"{who} {cycles}" for who, cycles in waits.items() if cycles)
        lines += [f"waited: {waited}"] if waited else []
    kind = _waited(found)
    if isinstance(run, DeadlockReport):
        kind = "blocked" if any(channel.name in each.channels for each in run.blocked) else kind
        lines += [
            f"{'full' if each.operation == 'send' else 'empty'} {held}/{capacity}: {each.process} waits"
            for each in run.blocked
            for name, held, capacity in zip(each.channels, each.held, each.capacities, strict=True)
            if name == channel.name
        ]
    ends = (numbers.get(channel.sender), numbers.get(channel.receiver))
    return Channel(channel.name, *ends, tuple(lines), kind)


def _waited(channel: ChannelRun | BlockedChannel | None) -> Kind:
    """Who waited longer because of it."""
    if channel is None or not (channel.stall_full or channel.stall_empty):
        return "channel"
    return "full" if channel.stall_full >= channel.stall_empty else "empty"


def settings(channel: DeclaredChannel) -> str:
    """What a channel is made with, less what is 0, and the least capacity where it is known and another one.

    >>> settings(DeclaredChannel("a", "", capacity="2", latency="3", initial=1, least="1"))
    'capacity 2 (least 1), latency 3, 1 initial'
    """
    parts = ["rendezvous" if channel.capacity == "0" else f"capacity {channel.capacity}"]
    if channel.least not in ("", channel.capacity):
        parts[0] += f" (least {channel.least})"
    numbers = {"latency": channel.latency, "response": channel.response}
    parts += [f"{name} {value}" for name, value in numbers.items() if value != "0"]
    parts += [f"{channel.initial} initial"] if channel.initial else []
    return ", ".join(parts)


# what is told besides -------------------------------------------------------------------------------------------------


def _notes(run: Run | None) -> tuple[str, ...]:
    if isinstance(run, Simulated):
        return (f"the last of {run.networks} networks that ran",) if run.networks > 1 else ()
    if run is None:
        return ()
    cycle = (f"cycle: {' → '.join((*run.cycle, run.cycle[0]))}",) if run.cycle else ()
    return (f"deadlock ({run.kind}) at {run.time} cycles, {len(run.blocked)} blocked", *cycle, f"hint: {run.hint}")


def _grouped(processes: Sequence[Process], channels: Sequence[Channel], groups: Sequence[str]) -> StreamPicture:
    """A box for each group of processes, and a line for all channels from one group to another."""
    names = dict.fromkeys(groups)
    numbers = {name: number for number, name in enumerate(names)}
    sizes = Counter(groups)
    stuck = Counter(group for group, each in zip(groups, processes, strict=True) if each.stuck)
    boxes: list[Process] = []
    for name in names:
        detail = _count(sizes[name], "process", "processes") + (f", {stuck[name]} stuck" if stuck[name] else "")
        boxes.append(Process(name, name, detail, f"{name}: {detail}", bool(stuck[name])))
    between: dict[tuple[int | None, int | None], list[Channel]] = {}
    for each in channels:
        ends = (_group(each.source, groups, numbers), _group(each.target, groups, numbers))
        between.setdefault(ends, []).append(each)
    lines = [
        Channel(_count(len(found), "channel"), *ends, _lines(found), _kind(found)) for ends, found in between.items()
    ]
    return StreamPicture(tuple(boxes), tuple(lines))


def _group(process: int | None, groups: Sequence[str], numbers: Mapping[str, int]) -> int | None:
    return None if process is None else numbers[groups[process]]


def _lines(channels: Sequence[Channel]) -> tuple[str, ...]:
    """Their number and what is written of all of them alike."""
    kinds = Counter(each.kind for each in channels)
    said: Mapping[Kind, str] = {"empty": "receivers waited longer at", "full": "senders waited longer at"}
    found = [f"{what} {kinds[kind]}" for kind, what in said.items() if kinds[kind]]
    found += [f"{kinds['blocked']} blocked"] if kinds["blocked"] else []
    alike = {each.lines[1] for each in channels}
    return (_count(len(channels), "channel"), *(alike if len(alike) == 1 else ()), *found)


def _kind(channels: Iterable[Channel]) -> Kind:
    return KINDS[max(KINDS.index(each.kind) for each in channels)]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
