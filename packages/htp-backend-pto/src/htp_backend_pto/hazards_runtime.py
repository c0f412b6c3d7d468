"""The order between tasks that the runtime finds by itself, from the tags and the places of their arguments.

Knows the runtime's rule, exactly: hw-native-sys/simpler@6ebaf77, src/a2a3/runtime/*/runtime/pto_dep_compute.h and
pto_tensormap.h, `check_overlap`. The stand-in has the same rule in C++, from the same source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_backend_pto.contract import Tag

__all__ = ["Argument", "Found", "TensorMap", "View", "dense"]

Found = Literal["creator", "tensormap"]
Overlap = Literal["none", "covered", "other"]


@dataclass(frozen=True)
class View:
    """A tensor of the runtime: part of a buffer of `storage` elements, and the task that allocated the buffer."""

    buffer: int
    storage: int
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    owner: int | None = None

    @property
    def extent(self) -> int:
        """Elements from the first to the last one, both counted."""
        if 0 in self.sizes:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.sizes, self.strides, strict=True))


@dataclass(frozen=True)
class Argument:
    """A tensor argument of a task; one that the task allocates has no view."""

    tag: Tag
    view: View | None


@dataclass
class TensorMap:
    """Who wrote which part of which buffer, as far as the runtime remembers."""

    entries: dict[int, list[tuple[int, View]]] = field(default_factory=dict[int, "list[tuple[int, View]]"])

    def submit(self, task: int, arguments: Sequence[Argument]) -> tuple[tuple[int, Found], ...]:
        """The tasks that the runtime makes a new one wait for, each with how it finds it."""
        found: dict[tuple[int, Found], None] = {}
        for each in arguments:
            if each.tag == "OUTPUT" or each.view is None:
                continue
            if each.view.owner is not None:
                found[each.view.owner, "creator"] = None
            if each.tag in ("INPUT", "INOUT"):
                for producer in self._look_up(each.view, forget=each.tag == "INOUT"):
                    found[producer, "tensormap"] = None
        for each in arguments:
            if each.tag in ("INOUT", "OUTPUT_EXISTING") and each.view is not None:
                self.entries.setdefault(each.view.buffer, []).append((task, each.view))
        return tuple(sorted(found))

    def _look_up(self, view: View, *, forget: bool) -> list[int]:
        """The writers of parts that overlap; those whose part is covered may be forgotten."""
        kept: list[tuple[int, View]] = []
        producers: list[int] = []
        for producer, earlier in self.entries.get(view.buffer, ()):
            overlap = _overlap(view, earlier)
            producers += [producer] if overlap != "none" else []
            if not (forget and overlap == "covered"):
                kept.append((producer, earlier))
        self.entries[view.buffer] = kept
        return producers


def dense(sizes: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous tensor, row after row."""
    return tuple(math.prod(sizes[axis + 1 :]) for axis in range(len(sizes)))


def _overlap(now: View, earlier: View) -> Overlap:
    """What the runtime thinks of two parts of one buffer: `other` when it cannot tell."""
    if now.offset >= earlier.offset + earlier.extent or earlier.offset >= now.offset + now.extent:
        return "none"
    strides = now.strides
    if strides != earlier.strides or strides[-1] != 1 or now.storage % strides[0]:
        return "other"
    if any(outer % inner for outer, inner in pairwise(strides)):
        return "other"
    limits = (now.storage // strides[0], *(outer // inner for outer, inner in pairwise(strides)))
    here, there = _box(now, limits), _box(earlier, limits)
    if here is None or there is None:
        return "other"
    if any(a >= d or c >= b for (a, b), (c, d) in zip(here, there, strict=True)):
        return "none"
    return "covered" if all(a <= c and d <= b for (a, b), (c, d) in zip(here, there, strict=True)) else "other"


def _box(view: View, limits: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """The part as a box of an array of those extents; None where it is none."""
    box: list[tuple[int, int]] = []
    rest = view.offset
    for size, stride, limit in zip(view.sizes, view.strides, limits, strict=True):
        low, rest = divmod(rest, stride)
        if low + size > limit:
            return None
        box.append((low, low + size))
    return box if rest == 0 else None
