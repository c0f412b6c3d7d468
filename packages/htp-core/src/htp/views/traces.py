"""Timelines in the Chrome trace event format, which Perfetto and `chrome://tracing` open.

The format is fixed in https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAJPU. Knows events;
does not know how a run was measured.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from htp.views.drawing import clean
from htp.views.pictures import reduced_edges
from htp.views.times import clocks_of, filling, names_of, occupancy, on_one_clock, operations_of, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.runs import KernelRun, NetworkRun, ProcessRun, RunReport, Simulated, TaskEdge, TaskGraph
    from htp.views.times import Clock, Span, Steps

Value = str | int | float
REAL, SIMULATED, COMPILED = 1, 2, 3
INSIDE = 4
"""The first of the processes that show kernels from inside."""
_ARROWS = 20_000
"""How many dependences and how many tokens are drawn: with many more, viewers stand still."""
_SPANS = 50_000
"""How many times at which processes do something are drawn, the first ones."""
_Lane: TypeAlias = "tuple[int, tuple[Span, ...]]"
_Lanes: TypeAlias = "dict[str, _Lane]"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event: `X` a span, `C` a count, `s` and `f` the ends of an arrow, `M` a name. Times are in microseconds."""

    ph: Literal["X", "C", "s", "f", "M"]
    name: str
    pid: int
    tid: int
    ts: float
    dur: float | None = None
    cat: str = ""
    id: int | None = None
    bp: str = ""
    args: dict[str, Value] = {}


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace file."""

    traceEvents: tuple[Event, ...]  # noqa: N815 - the format's name
    displayTimeUnit: Literal["ns"] = "ns"  # noqa: N815
    otherData: dict[str, str] = {}  # noqa: N815


def chrome_trace(report: RunReport, *, passes: Mapping[str, float] | None = None) -> bytes:
    """The run as a JSON file of trace events.

    The real run is one process with a lane for each worker, the simulated one another, in which one cycle is shown as
    1 us, with a lane for each process of a network too; `passes`, the seconds of each step of compilation, are a third,
    and kernels from inside, with a lane for each unit of a core, are one each.
    Dependences between tasks and tokens from sender to receiver are arrows, window and channels are counts. What was
    not measured is left out, and so is what would be too much to look at: `otherData` says how much.
    """
    events = [*_real(report), *_simulated(report), *_compiled(passes or {})]
    about = {"entry": report.entry, "target": report.target, "mode": report.mode}
    if report.simulated is not None:
        about["simulated"] = "1 cycle is shown as 1 us"
    about |= left_out(report)
    trace = Trace(traceEvents=tuple(events), otherData={name: clean(value) for name, value in about.items()})
    return msgspec.json.encode(trace) + b"\n"


def left_out(report: RunReport) -> dict[str, str]:
    """What is not drawn of a run because it would be too much to look at."""
    found: dict[str, str] = {}
    if (more := len(_dependences(report.graph)) - _ARROWS) > 0:
        found["dependences"] = f"{more} are not drawn"
    if report.simulated is not None:
        networks = _networks(report.simulated)
        until = _until(networks)
        if until is not None:
            found["processes"] = f"what they do from cycle {until} on is not drawn"
        if (more := sum(each.receives for one in networks for each in one.channels.values()) - _ARROWS) > 0:
            found["tokens"] = f"at least {more} are not drawn"
    return found


def _real(report: RunReport) -> Iterator[Event]:
    clock = next((each for each in clocks_of(report) if each.unit == "ns"), None)
    if clock is not None:
        yield from _process(REAL, f"{report.entry} on {report.target}", _workers(clock))
        yield from _tasks(REAL, clock, report.graph, 1e-3)
    elif report.wall_seconds is not None:
        yield from _process(REAL, f"{report.entry} on {report.target}")
        took = _us(report.wall_seconds * 1e6)
        yield Event(ph="X", name=clean(report.entry), pid=REAL, tid=0, ts=0, dur=took, cat="run")


def _simulated(report: RunReport) -> Iterator[Event]:
    found = report.simulated
    if found is None:
        return
    clock = next((each for each in clocks_of(report) if each.unit == "cycles"), None)
    workers = clock.workers if clock is not None else 0
    yield from _process(SIMULATED, f"{report.entry}, simulated (1 cycle = 1 us)", _workers(clock))
    if clock is not None:
        yield from _tasks(SIMULATED, clock, report.graph, 1.0)
    networks = _networks(found)
    until = _until(networks)
    yield from _processes(networks, workers, until)
    for name, channel in ((name, each) for one in networks for name, each in one.channels.items()):
        steps = tuple(each for each in filling(channel) if until is None or each[0] < until)
        yield from _counts(SIMULATED, f"channel {name}", "items", steps, 1.0)
    for pid, kernel in enumerate(found.kernels, start=INSIDE):
        yield from _inside(pid, kernel, found.tasks[kernel.task].start if found.tasks else 0)


def _inside(pid: int, kernel: KernelRun, begin: int) -> Iterator[Event]:
    """The units of one task's cores, at the times at which the task ran."""
    yield from _process(pid, f"inside {kernel.kernel}, task {kernel.task}", [each.unit for each in kernel.units])
    for tid, unit in enumerate(kernel.units, start=1):
        for work in unit.works[:_SPANS]:
            yield Event(
                ph="X", name=clean(work.name), pid=pid, tid=tid, ts=begin + work.start, dur=work.end - work.start,
                cat="unit",
            )  # fmt: skip


def _networks(found: Simulated) -> tuple[NetworkRun, ...]:
    """All networks that ran, on the clock of the run."""
    return tuple(on_one_clock(each) for each in found.network_runs)


def _compiled(passes: Mapping[str, float]) -> Iterator[Event]:
    """The steps of compilation one after the other: only how long each took is recorded."""
    if passes:
        yield from _process(COMPILED, "compilation")
    at = 0.0
    for name, seconds in passes.items():
        took = _us(seconds * 1e6)
        yield Event(ph="X", name=clean(name), pid=COMPILED, tid=0, ts=_us(at), dur=took, cat="pass")
        at += took


def _workers(clock: Clock | None) -> list[str]:
    return [clock.worker(each) for each in range(clock.workers)] if clock is not None else []


def _process(pid: int, name: str, lanes: Sequence[str] = ()) -> Iterator[Event]:
    yield _named("process_name", pid, 0, {"name": clean(name)})
    yield _named("process_sort_index", pid, 0, {"sort_index": pid})
    for tid, each in enumerate(lanes, start=1):
        yield _named("thread_name", pid, tid, {"name": clean(each)})
        yield _named("thread_sort_index", pid, tid, {"sort_index": tid})


def _named(what: str, pid: int, tid: int, args: dict[str, Value]) -> Event:
    return Event(ph="M", name=what, pid=pid, tid=tid, ts=0, args=args)


def _tasks(pid: int, clock: Clock, graph: TaskGraph | None, scale: float) -> Iterator[Event]:
    """A span for each task, arrows between them, and the occupancy of the window."""
    names = names_of(graph, len(clock.runs))
    places = [task.place for task in graph.tasks] if graph is not None and names and names[0][0] else []
    for index, (run, (kernel, at)) in enumerate(zip(clock.runs, names, strict=True)):
        args: dict[str, Value] = {"task": index, "submitted": _us(run.submit * scale)}
        args |= {"place": clean(places[index])} if places and places[index] else {}
        for block, part in enumerate(run.places):
            yield Event(
                ph="X", name=clean(f"{kernel} {at}".strip()), pid=pid, tid=part.worker + 1, ts=_us(part.start * scale),
                dur=_us((part.end - part.start) * scale), cat="task",
                args=args | ({"block": block} if run.blocks else {}),
            )  # fmt: skip
    if graph is not None and places:
        yield from _arrows(pid, clock, graph, scale)
    yield from _counts(pid, "window", "tasks", occupancy(clock.runs), scale)


def _arrows(pid: int, clock: Clock, graph: TaskGraph, scale: float) -> Iterator[Event]:
    """From just before the end of a task, where the viewer still finds it, to the start of one that waited for it."""
    for identifier, edge in enumerate(_dependences(graph)[:_ARROWS]):
        source, target = clock.runs[edge.source], clock.runs[edge.target]
        name, number = clean(edge.kind), pid * _ARROWS + identifier
        leaves = _us(max(source.start, source.end - 1) * scale)
        yield Event(ph="s", name=name, pid=pid, tid=source.worker + 1, ts=leaves, cat="dependence", id=number)
        yield Event(
            ph="f", name=name, pid=pid, tid=target.worker + 1, ts=_us(target.start * scale), cat="dependence",
            id=number, bp="e",
        )  # fmt: skip


def _dependences(graph: TaskGraph | None) -> tuple[TaskEdge, ...]:
    """The edges that follow from no others; of a very large graph, all."""
    if graph is None or len(graph.tasks) > _ARROWS:
        return graph.edges if graph is not None else ()
    return reduced_edges(graph)


def _processes(networks: Sequence[NetworkRun], workers: int, until: int | None) -> Iterator[Event]:
    """A lane for each name of a process with when those of it worked and waited, and an arrow for each token."""
    names = dict.fromkeys(name for each in networks for name in each.processes)
    numbers = {name: tid for tid, name in enumerate(names, start=workers + 1)}
    for name, tid in numbers.items():
        yield _named("thread_name", SIMULATED, tid, {"name": clean(f"process {name}")})
        yield _named("thread_sort_index", SIMULATED, tid, {"sort_index": tid})
    drawn: list[_Lanes] = []
    for each in networks:
        operations, lanes = operations_of(each), dict[str, "_Lane"]()
        drawn.append(lanes)
        for name, run in each.processes.items():
            tid, spans = numbers[name], spans_of(run, operations[name], until)
            if spans:
                lanes[name] = tid, spans
                yield from (_span(name, tid, span) for span in spans)
            elif run.waits is None or run.end == each.start:
                yield _lifetime(name, tid, run, each.start)
    yield from _tokens(networks, drawn, until)


def _span(name: str, tid: int, span: Span) -> Event:
    """What a process did, with its own name for work."""
    said, cat = (span.said, "wait") if span.channel else (name, "process")
    return Event(
        ph="X", name=clean(said), pid=SIMULATED, tid=tid, ts=span.start, dur=span.end - span.start, cat=cat
    )


def _lifetime(name: str, tid: int, run: ProcessRun, start: int) -> Event:
    """A span as long as a process lived: when in it it waited is not known, only how long in all."""
    waits: dict[str, Value] = {"busy": run.busy, "stall_in": run.stall_in, "stall_out": run.stall_out}
    dur = run.end - start
    return Event(ph="X", name=clean(name), pid=SIMULATED, tid=tid, ts=start, dur=dur, cat="process", args=waits)


def _tokens(networks: Sequence[NetworkRun], lanes: Sequence[_Lanes], until: int | None) -> Iterator[Event]:
    """From where a token was accepted to where it was taken, the first ones."""
    drawn: list[tuple[int, int, str, _Lane, _Lane]] = []
    for network, known in zip(networks, lanes, strict=True):
        for name, channel in network.channels.items():
            ends = known.get(channel.sender), known.get(channel.receiver)
            if ends[0] is not None and ends[1] is not None:
                last = channel.initial + _ARROWS
                times = list(zip(channel.accepts[:last], channel.dequeues[:last], strict=False))[channel.initial :]
                drawn += ((taken, accepted, name, ends[0], ends[1]) for accepted, taken in times)
    drawn.sort(key=lambda each: each[:3])
    for identifier, (taken, accepted, name, sender, receiver) in enumerate(drawn[:_ARROWS], start=COMPILED * _ARROWS):
        if until is not None and taken >= until:
            return
        (source, before), (target, behind) = sender, receiver
        leaves = _leaves(before, accepted)
        arrives = max(leaves, _arrives(behind, taken))
        said, cat = clean(name), "token"
        yield Event(ph="s", name=said, pid=SIMULATED, tid=source, ts=leaves, cat=cat, id=identifier)
        yield Event(ph="f", name=said, pid=SIMULATED, tid=target, ts=arrives, cat=cat, id=identifier, bp="e")


def _leaves(spans: Sequence[Span], time: int) -> int:
    """Just before a time, within what went on before it, where the viewer still finds it."""
    before = bisect_left(spans, time, key=lambda each: each.start)
    return max(spans[max(before - 1, 0)].start, time - 1)


def _arrives(spans: Sequence[Span], time: int) -> int:
    """A time, or just before it where nothing goes on from then on."""
    span = spans[max(bisect_right(spans, time, key=lambda each: each.start) - 1, 0)]
    return time if time < span.end else max(span.start, time - 1)


def _until(networks: Iterable[NetworkRun]) -> int | None:
    """From when on processes are not drawn, so that there are not too many events; None when all is drawn."""
    times: list[int] = []
    for network in networks:
        times += [time for each in operations_of(network).values() for time in each]
        times += [each.end for run in network.processes.values() for each in run.waits or ()]
    return sorted(times)[_SPANS] if len(times) > _SPANS else None


def _counts(pid: int, name: str, what: str, steps: Steps, scale: float) -> Iterator[Event]:
    for time, level in steps:
        yield Event(ph="C", name=clean(name), pid=pid, tid=0, ts=_us(time * scale), args={what: level})


def _us(time: float) -> float:
    """Microseconds with at most a nanosecond's digits; a whole number is written as one."""
    rounded = round(time, 3)
    return int(rounded) if rounded == int(rounded) else rounded
