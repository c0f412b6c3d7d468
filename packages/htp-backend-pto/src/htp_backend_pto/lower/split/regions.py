"""The part of each array that a run of statements touches, as a box that does not depend on what runs inside.

Knows boxes and sizes; does not know syntax beyond loops.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.dims import Expr, const, minimum
from htp.infer.values import Box, Index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Facts
    from htp.infer.state import Inference
    from htp.infer.values import Access

__all__ = ["Part", "Range", "guarded_nodes", "inner_ranges", "part_of", "with_rows"]


@dataclass(frozen=True)
class Range:
    """A loop variable inside a run, and what it goes through."""

    symbol: str
    start: Expr
    stop: Expr
    step: int

    @property
    def last(self) -> Expr:
        """What the variable is at most in any turn: what it is in the last one, where that is plain to see."""
        turns = (self.stop - self.start).constant
        if self.step == 1:
            return self.stop - 1
        if turns is not None and turns > 0:
            return self.start + (turns - 1) // self.step * self.step
        return self.stop


@dataclass(frozen=True)
class Part:
    """A box of an array as a kernel gets it, and whether the run overwrites every element of it."""

    box: Box
    covered: bool


def inner_ranges(statements: Sequence[ast.stmt], known: Inference) -> tuple[Range, ...]:
    """The loops of a run, outer ones first."""
    found: list[Range] = []
    for node in (each for one in statements for each in ast.walk(one)):
        if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Call):
            continue
        variable = known.of(node.target)
        values = [known.of(each) for each in node.iter.args]
        bounds = [each.value for each in values if isinstance(each, Index)]
        if not isinstance(variable, Index):
            continue
        start, stop = (const(0), bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        step = (bounds[2].constant or 1) if len(bounds) == 3 else 1
        found.append(Range(str(variable.value), start, stop, step))
    return tuple(found)


def guarded_nodes(statements: Sequence[ast.stmt]) -> frozenset[int]:
    """Whatever stands in a branch or a `while`, by identity."""
    branches = (node for each in statements for node in ast.walk(each) if isinstance(node, ast.If | ast.While))
    return frozenset(id(node) for each in branches for node in ast.walk(each))


def part_of(
    accesses: Sequence[Access], sizes: Sequence[Expr], ranges: Sequence[Range], inner: frozenset[str],
    guarded: frozenset[int], facts: Facts,
) -> Part:  # fmt: skip
    """The smallest box of the array that is known to hold every access.

    `inner` are symbols that the run makes, `guarded` the nodes that it may leave out.
    """
    starts: list[Expr] = []
    extents: list[Expr] = []
    kept: list[bool] = []
    for axis, size in enumerate(sizes):
        low = _least([each.box.start[axis] for each in accesses], accesses, ranges, inner)
        ends = [each.box.start[axis] + each.box.extent[axis] for each in accesses]
        high = _greatest(ends, size, accesses, ranges, inner)
        begins = [each.box.start[axis].symbols for each in accesses]
        if any(each & inner and each & size.symbols for each in begins):  # a turn that begins past the end needs that
            low, high = const(0), size
        same = all(each.box.start[axis] == low for each in accesses)
        starts.append(low)
        extents.append(facts.simplify(high - low))
        kept.append(any(each.box.kept[axis] for each in accesses) or not same)
    kept[-1:] = [kept[-1] or not any(kept)]  # a kernel gets no array without dimensions
    box = Box(tuple(starts), tuple(extents), tuple(kept))
    writes = [each for each in accesses if each.writes]
    covered = len(writes) == 1 and id(writes[0].node) not in guarded and all(
        _covers(writes[0], axis, box, ranges, facts) for axis in range(len(sizes))
    )  # fmt: skip
    return Part(box, covered)


def with_rows(part: Part, sizes: Sequence[Expr]) -> Part:
    """A column that is read, with the rows it is a part of: what a task is given has a last axis without gaps."""
    box, width = part.box, sizes[-1].constant
    rows = any(kept and each.constant != 1 for each, kept in zip(box.extent[:-1], box.kept[:-1], strict=True))
    if not rows or width is None or width < 2 or (box.kept[-1] and box.extent[-1].constant != 1):
        return part
    whole = Box((*box.start[:-1], const(0)), (*box.extent[:-1], const(width)), (*box.kept[:-1], True))
    return replace(part, box=whole)


def _least(values: Sequence[Expr], accesses: Sequence[Access], ranges: Sequence[Range], inner: frozenset[str]) -> Expr:
    firsts = {each.symbol: each.start for each in ranges if each.step > 0}
    candidates = [_replaced(each, firsts, ranges) for each in values]
    for candidate in candidates:
        if not candidate.symbols & inner and all(
            access.facts.nonnegative(value - candidate) for value, access in zip(values, accesses, strict=True)
        ):
            return candidate
    return const(0)


def _greatest(
    values: Sequence[Expr], size: Expr, accesses: Sequence[Access], ranges: Sequence[Range], inner: frozenset[str]
) -> Expr:
    lasts = {each.symbol: each.last for each in ranges if each.step > 0}
    candidates = [_replaced(each, lasts, ranges) for each in values]
    if any(each.symbols & inner for each in values):
        candidates = [size, *(minimum(size, each) for each in candidates)] if len(values) > 1 else [
            minimum(size, candidates[0]), size
        ]  # fmt: skip
    for candidate in candidates:
        if not candidate.symbols & inner and all(
            access.facts.nonnegative(candidate - value) for value, access in zip(values, accesses, strict=True)
        ):
            return candidate
    return size


def _replaced(value: Expr, ends: dict[str, Expr], ranges: Sequence[Range]) -> Expr:
    """The value at one end of every loop; inner loops may end where outer ones are."""
    for _ in ranges:
        value = value.substitute({name: end for name, end in ends.items() if name in value.symbols})
    return value


def _covers(access: Access, axis: int, box: Box, ranges: Sequence[Range], facts: Facts) -> bool:
    """Whether the writes of all turns together fill the box along an axis."""
    start, extent = access.box.start[axis], access.box.extent[axis]
    if start == box.start[axis] and facts.equal(extent, box.extent[axis]) is True:
        return True
    end = box.start[axis] + box.extent[axis]
    for each in ranges:
        walks = each.step > 0 and str(start) == each.symbol and each.start == box.start[axis]
        walks = walks and facts.equal(each.stop, end) is True
        if walks and access.facts.equal(extent, minimum(const(each.step), end - start)) is True:
            return True
    return False
