"""The graph of a program's tasks before it is run: the calls of kernels, and where sizes are known what orders them.

Knows how the runtime's rule (`hazards_runtime`) and what the package tells it (`hazards`) come together.
"""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING

from htp_backend_pto.contract import CallSite, Edge, Graph, SiteArray, Task
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.emission.orchestration_names import Names
from htp_backend_pto.emission.sites import sites_of
from htp_backend_pto.emission.tracking import decide
from htp_backend_pto.enumeration import Unknown, events_of
from htp_backend_pto.hazards import Array, Order
from htp_backend_pto.hazards_runtime import Argument as Given
from htp_backend_pto.hazards_runtime import TensorMap, View, dense

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Program
    from htp_backend_pto.contract import Tag
    from htp_backend_pto.emission.sites import Argument, Site, Sites
    from htp_backend_pto.emission.tracking import Decisions
    from htp_backend_pto.enumeration import Box, Event
    from htp_backend_pto.hazards import Use
    from htp_backend_pto.profile import Profile

__all__ = ["graph_of", "predict"]

USES: dict[str, Use] = {"in": "reads", "out": "writes"}
PADDED = 1024
"""What a buffer's bytes are a multiple of: hw-native-sys/simpler@6ebaf77, PTO2_PACKED_OUTPUT_ALIGN."""


def graph_of(program: Program, profile: Profile) -> Graph:
    """The calls of the program's entry, and its tasks where all sizes are constants."""
    return predict(program, profile, {}, {})


def predict(program: Program, profile: Profile, sizes: Mapping[str, int], scalars: Mapping[str, int | float]) -> Graph:
    """The calls, and the tasks and edges of a run in which parameters have those sizes and scalars those values."""
    sites = sites_of(program, program.main)
    names = Names(program, program.main, sites, profile)
    decisions = decide(sites, names.facts())
    calls = tuple(_call(number, each, decisions) for number, each in enumerate(sites.calls))
    try:
        events = events_of(program, program.main, sites, decisions.own, sizes, scalars)
    except Unknown as why:
        return Graph(entry=program.entry, exact=False, calls=calls, note=str(why))
    graph = _Builder(sites, decisions, profile, sizes)
    for each in events:
        graph.add(each)
    note = "some tasks have so many predecessors that tasks which do nothing join them" if graph.joined else ""
    return Graph(
        entry=program.entry,
        exact=not graph.joined,
        calls=calls,
        tasks=tuple(graph.tasks),
        edges=tuple(graph.edges),
        note=note,
    )


class _Builder:
    """The graph under construction, as `native/orchestration/htp_tasks.hpp` builds it."""

    def __init__(self, sites: Sites, decisions: Decisions, profile: Profile, sizes: Mapping[str, int]) -> None:
        self.sites, self.decisions = sites, decisions
        self.tasks: list[Task] = []
        self.edges: list[Edge] = []
        self.joined = False
        self.map = TensorMap()
        self.order = Order(profile.limits.fanin)
        self.numbers: list[int] = []
        """The task behind each number that the order gave."""
        self.arrays: dict[str, tuple[View, Array]] = {}
        self.tags: list[tuple[int, int]] = []
        self.streams: dict[int, int] = {}
        self.fence: int | None = None
        self.buffers = 0
        for name, each in sites.buffers.items():
            if each.direction != "scratch":
                extents = tuple(dim.evaluate(sizes) for dim in each.dims if dim.symbols <= sizes.keys())
                self.arrays[name] = (self._buffer(extents, math.prod(extents), None), Array(name))

    def add(self, event: Event) -> None:
        """One thing that happens."""
        match event.what:
            case "buffer":
                self._allocate(event)
            case "task" if event.site is not None:
                self._task(event, event.site)
            case "barrier":
                self._barrier()
            case _:
                self.tags, self.streams = [], {}

    def _buffer(self, sizes: tuple[int, ...], storage: int, owner: int | None) -> View:
        self.buffers += 1
        return View(self.buffers, storage, 0, sizes or (1,), dense(sizes) or (1,), owner)

    def _made(self, array: str, sizes: tuple[int, ...], owner: int) -> None:
        bits = _bits(self.sites.buffers[array].dtype)
        storage = -(-math.prod(sizes) * bits // 8 // PADDED) * PADDED * 8 // bits
        self.arrays[array] = (self._buffer(sizes, storage, owner), Array(array))

    def _allocate(self, event: Event) -> None:
        if event.array not in self.decisions.makers and 0 not in event.sizes:
            self._made(event.array, event.sizes, self._submitted("(alloc)", -1, ()))
        else:
            self._made(event.array, event.sizes, -1)

    def _submitted(self, kernel: str, call: int, at: tuple[int, ...], when: str = "", blocks: int = 1) -> int:
        self.tasks.append(Task(number=len(self.tasks), kernel=kernel, call=call, at=at, when=when, blocks=blocks))
        return len(self.tasks) - 1

    def _task(self, event: Event, site: Site) -> None:
        call = self.sites.calls.index(site)
        when = site.predicate.text if site.predicate is not None else ""
        task = self._submitted(site.kernel.name, call, event.at, when, event.blocks)
        made = [each.region.array for each in site.arrays if self.decisions.makers.get(each.region.array) is site]
        told = self._ordered(event, site, made)
        given = [
            Given(self._tag(each, site), None if each.region.array in made else self._view(each, box))
            for each, box in zip(site.arrays, event.boxes, strict=True)
        ]
        found = self.map.submit(task, given)
        self._join(task, found, told)
        for array in made:
            sizes = self.arrays[array][0].sizes
            self._made(array, sizes, task)
            if array in self.decisions.followed and self.numbers and self.numbers[-1] == task:
                self.order.owns(self.arrays[array][1], tuple((0, size) for size in sizes))

    def _tag(self, argument: Argument, site: Site) -> Tag:
        by_hand = argument.region.array in self.decisions.followed and self.arrays[argument.region.array][1].by_hand
        return "NO_DEP" if by_hand else self.decisions.tag(argument, site)

    def _ordered(self, event: Event, site: Site, made: list[str]) -> dict[int, str]:
        """What the package tells the runtime of a task: its predecessors, each with why."""
        touches = any(each.region.array in self.decisions.followed for each in site.arrays)
        if not touches and not event.attributes and self.fence is None:
            return {}
        for each, box in zip(site.arrays, event.boxes, strict=True):
            array = each.region.array
            if array in self.decisions.followed and array not in made:
                self.order.touch(self.arrays[array][1], USES.get(each.param.direction, "updates"), box)
        given = dict(event.attributes)
        for tag in given.get("after", ()):
            for task in (number for key, number in self.tags if key == tag):
                self.order.after(task)
        stream = given.get("stream", (-1,))[0]
        if stream in self.streams:
            self.order.after(self.streams[stream])
        if self.fence is not None:
            self.order.after(self.fence)
        number = self.order.tasks
        told = self._done(len(self.tasks) - 1)
        if stream >= 0:
            self.streams[stream] = number
        self.tags += [(tag, number) for tag in given.get("tag", ())]
        return told

    def _done(self, task: int) -> dict[int, str]:
        target = self.order.tasks
        waits = self.order.done()
        self.joined = self.joined or len(waits) > 48
        self.numbers.append(task)
        edges = {each.source: each for each in self.order.edges[-200:] if each.target == target}
        why = {each: " ".join(("+".join(edges[each].kinds), ", ".join(edges[each].arrays))).strip() for each in waits}
        return {self.numbers[each]: text for each, text in why.items()}

    def _barrier(self) -> None:
        if self.order.tasks:
            self.order.after_all()
            task = self._submitted("(barrier)", -1, ())
            self._join(task, (), self._done(task))
            self.fence = self.order.tasks - 1

    def _join(self, task: int, found: tuple[tuple[int, str], ...], told: Mapping[int, str]) -> None:
        how: dict[tuple[int, str], str] = {}
        for source, way in found:
            if source >= 0:
                how[source, way] = "allocates" if way == "creator" else "writes"
        for source, why in told.items():
            how[source, "explicit"] = why
        for (source, way), why in sorted(how.items()):
            self.edges.append(Edge(source=source, target=task, found=way, why=why))  # pyright: ignore[reportArgumentType]

    def _view(self, argument: Argument, box: Box) -> View:
        """The runtime's view of an argument: axes of which one index is taken are joined with the next kept one."""
        base, region = self.arrays[argument.region.array][0], argument.region
        if region.whole:
            return base
        extents, lows, sizes = [1], [0], list[int]()
        for axis, (low, high), extent in zip(region.axes, box, base.sizes, strict=True):
            lows[-1] = lows[-1] * extent + low
            extents[-1] *= extent
            if not axis.dropped:
                sizes.append(high - low)
                extents.append(1)
                lows.append(0)
        extents, lows = (extents[:-1], lows[:-1]) if sizes else (extents, lows)
        strides = dense(extents)
        offset = base.offset + sum(low * stride for low, stride in zip(lows, strides, strict=True))
        return View(base.buffer, base.storage, offset, tuple(sizes) or (1,), strides, base.owner)


def _bits(dtype: str) -> int:
    return 8 if dtype == "bool_" else int("".join(each for each in dtype if each.isdigit()))


def _call(number: int, site: Site, decisions: Decisions) -> CallSite:
    arrays = tuple(
        SiteArray(
            parameter=each.param.name,
            array=each.region.array,
            part=ast.unparse(each.node),
            tag=decisions.tag(each, site),
            order="package" if each.region.array in decisions.followed else "runtime",
        )
        for each in site.arrays
    )
    text = ast.unparse(site.call)
    return CallSite(number=number, kernel=site.kernel.name, place=place_of(site.statement), text=text, arrays=arrays)
