"""Processes of a network in a timeline: a lane for each with when it worked and waited, and how full channels were.

Knows what a process looks like over time; the times are read by `htp.views.times`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from htp.views.drawing import box, number, path, text_at
from htp.views.lanes import AREA, BAR, LANE, MARGIN, Scale, area, axis, lane
from htp.views.times import begin_of, filling, operations_of, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.runs import ChannelRun, NetworkRun, ProcessRun, Simulated
    from htp.views.times import Span

THINGS = 2000
"""How many things that processes did are drawn one by one; of more, what each did most of the time."""
WAITS = (
    ("busy", "v-k2"), ("waiting for input", "v-k1"), ("waiting for room", "v-k3"),
    ("waiting for the end of a stream", "v-plain"),
)  # fmt: skip
_ROLES: dict[str, str] = dict(zip(("work", "empty", "full", "end"), (role for _, role in WAITS), strict=True))
_WITH_ARROWS = 36.0
NETWORKS = 20
"""How many networks of a run are drawn."""
TOKENS = 100
"""How many tokens are drawn from process to process; more would hide each other."""


def network_lanes(found: Simulated, left: float, top: float) -> tuple[str, float]:
    """The networks of a run one below the other, each with its own times."""
    runs = found.network_runs
    parts: list[str] = []
    for at, each in enumerate(runs[:NETWORKS], start=1):
        where = f", network {at} of {len(runs)}, from cycle {each.start} on" if len(runs) > 1 else ""
        drawn, top = process_lanes(each, left, top, where)
        parts.append(drawn)
    if len(runs) > NETWORKS:
        parts.append(text_at(MARGIN, top + 14, f"{len(runs) - NETWORKS} further networks are not drawn", role="quiet"))
        top += 24
    return "".join(parts), top


def process_lanes(found: NetworkRun, left: float, top: float, where: str = "") -> tuple[str, float]:
    """Processes with what each did when, and channels with what was in them over time."""
    scale = Scale(left, max((each.end for each in found.processes.values()), default=found.makespan))
    known = all(each.waits is not None for each in found.processes.values())
    operations = operations_of(found)
    few = sum(len(operations[name]) + len(run.waits or ()) for name, run in found.processes.items()) <= THINGS
    arrows = known and sum(each.receives for each in found.channels.values()) <= TOKENS
    height = _WITH_ARROWS if arrows else LANE
    parts = [text_at(MARGIN, top + 14, _title(found, scale.end, where, known=known, few=few))]
    top += 24
    bottom = top + len(found.processes) * height + len(found.channels) * (AREA + 8)
    parts.append(axis(scale, "cycles", top, bottom))
    tops: dict[str, float] = {}
    for name, run in found.processes.items():
        tops[name] = top + (height - BAR) / 2
        parts.append(lane(name, scale, top, height))
        if not known:
            parts.append(_in_all(name, run, scale, tops[name]))
        elif few:
            parts.append(_spans(name, spans_of(run, operations[name]), scale, tops[name]))
        else:
            parts.append(_mostly(run, scale, tops[name]))
        top += height
    if arrows:
        parts.append(_tokens(found, scale, tops))
    for name, channel in found.channels.items():
        parts.append(area(name, filling(channel), scale, top + 4, high_water(channel)))
        top += AREA + 8
    return "".join(parts), bottom + 34


def high_water(channel: ChannelRun) -> str:
    """What is told of a channel beside its name."""
    return f"high water {channel.high_water}"


def _title(found: NetworkRun, end: int, where: str, *, known: bool, few: bool) -> str:
    if not known:
        return f"processes{where}: how long each was busy and waited in all, not when"
    count = f"{len(found.processes)} processes" if len(found.processes) > 1 else "1 process"
    return f"simulated time{where}: {count} in {end} cycles" + ("" if few else "; what each did most of the time")


def _spans(name: str, spans: Iterable[Span], scale: Scale, top: float) -> str:
    """What a process did, one thing after the other."""
    parts: list[str] = []
    for each in spans:
        x = scale(each.start)
        width = max(scale(each.end) - x, 1)
        said = f"{name}: {each.said}, from {each.start} to {each.end} cycles"
        parts.append(box(min(x, scale.left + scale.width - width), top, width, BAR, _ROLES[each.doing], said=said))
    return "".join(parts)


def _mostly(run: ProcessRun, scale: Scale, top: float) -> str:
    """What a process did for most of each pixel, as few boxes as possible."""
    begin, last = (scale(time) - scale.left for time in (begin_of(run), run.end))
    pixels: list[dict[str, float]] = [{} for _ in range(int(scale.width))]
    for pixel in range(int(begin), min(math.ceil(last), len(pixels))):
        pixels[pixel]["work"] = min(last, pixel + 1) - max(begin, pixel)
    for each in run.waits or ():
        first, last = (scale(time) - scale.left for time in (each.start, each.end))
        for pixel in range(int(first), min(math.ceil(last), len(pixels))):
            took = min(last, pixel + 1) - max(first, pixel)
            pixels[pixel][each.why] = pixels[pixel].get(each.why, 0) + took
            pixels[pixel]["work"] -= took
    roles = [_ROLES[max(each, key=each.__getitem__)] if each else "" for each in pixels]
    parts: list[str] = []
    at = 0
    for role, those in itertools.groupby(roles):
        width = len(list(those))
        parts += [box(scale.left + at, top, width, BAR, role)] if role else []
        at += width
    return "".join(parts)


def _in_all(name: str, run: ProcessRun, scale: Scale, top: float) -> str:
    """How long a process was busy and waited, where it is not known when."""
    parts: list[str] = []
    at = 0
    for (what, role), took in zip(WAITS, (run.busy, run.stall_in, run.stall_out), strict=False):
        if took:
            x, end = scale(at), scale(at + took)
            parts.append(box(x, top, end - x, BAR, role, said=f"{name}: {what} {took} cycles"))
        at += took
    return "".join(parts)


def _tokens(found: NetworkRun, scale: Scale, tops: Mapping[str, float]) -> str:
    """A line for every token, from the lane of its sender to that of its receiver."""
    parts: list[str] = []
    for name, channel in found.channels.items():
        if channel.sender not in tops or channel.receiver not in tops or channel.sender == channel.receiver:
            continue
        times = list(zip(channel.accepts, channel.dequeues, strict=False))
        for token, (accepted, taken) in list(enumerate(times))[channel.initial :]:
            source, target = tops[channel.sender], tops[channel.receiver]
            down = target > source
            start, end = (source + BAR, target) if down else (source, target + BAR)
            points = f"M{number(scale(accepted))} {number(start)}L{number(scale(taken))} {number(end)}"
            said = f"{name}: token {token}, accepted at {accepted} and taken at {taken} cycles"
            parts.append(path(points, "v-channel", said=said))
            head = f"M{number(scale(taken))} {number(end)}l-3 {-5 if down else 5}h6z"
            parts.append(path(head, "v-head-channel"))
    return "".join(parts)
