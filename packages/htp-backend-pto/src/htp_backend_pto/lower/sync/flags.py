"""Where one pipe must wait for another in a block of statements: pairs of a statement and a later one, fewest first.

Knows order and overlap; does not know event numbers or how flags are written. A pipe that waits for another knows all
that the other had waited for, so that a flag which follows from others is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp_backend_pto.accesses import Access, clash

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Flag", "Order", "Piece", "order_of"]


@dataclass(frozen=True)
class Flag:
    """`dst` waits before statement `before` until `src` is done with statement `after`.

    A `carried` one is of the iteration before.
    """

    src: str
    dst: str
    after: int
    before: int
    carried: bool = False


@dataclass(frozen=True)
class Piece:
    """What a statement touches, and the pairs of pipes of which, behind it, the first knows all that the second did.

    `enters` are the pairs of which the first waits, before it does anything in the statement, for all that the second
    did before: a loop raises the events that its turns hand on for the first turn too.
    """

    accesses: Sequence[Access]
    knows: frozenset[tuple[str, str]] = frozenset()
    enters: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Order:
    """What orders the statements of one block: flags, and the statements with a barrier of the vector pipe before.

    `knows` is what the whole block is as a `Piece`.
    """

    flags: list[Flag] = field(default_factory=list[Flag])
    barriers: set[int] = field(default_factory=set[int])
    knows: frozenset[tuple[str, str]] = frozenset()


def order_of(block: Sequence[Piece], *, repeats: bool) -> Order:
    """The order that statements need, which are given by what they touch; `repeats` says that the block is a loop's."""
    order = Order()
    known = _Known()
    for index in range(len(block)):
        _wait(order, known, block, index, range(index), base=0, carried=False)
    order.knows = known.all_of(block)
    if repeats:
        # The block once more behind itself: what still is not known there must be carried from one to the next.
        size = len(block)
        for index in range(size):
            for flag in (each for each in order.flags if each.before == index and not each.carried):
                known.wait(flag.dst, flag.src, size + flag.after)
            if index in order.barriers:
                known.barrier(size + index - 1)
            _wait(order, known, block, index, range(index, size), base=size, carried=True)
        order.knows |= _lowered(order, block)
    return order


def _lowered(order: Order, block: Sequence[Piece]) -> frozenset[tuple[str, str]]:
    """What is known behind a loop since the events of its last turn are waited for there."""
    last = {access.pipe: index for index, piece in enumerate(block) for access in piece.accesses}
    return frozenset((each.dst, each.src) for each in order.flags if each.carried and each.after >= last[each.src])


class _Known:
    """For each pipe, up to which statement it knows every pipe to be done; statements of a second run count on."""

    def __init__(self) -> None:
        self.now: dict[str, dict[str, int]] = {}
        self.then: list[dict[str, dict[str, int]]] = []

    def done(self, pipe: str, other: str) -> int:
        return self.now.get(pipe, {}).get(other, -1)

    def wait(self, pipe: str, other: str, statement: int) -> None:
        """`pipe` waits until `other` is done with a statement, and knows what was known there."""
        learnt = {**self.then[statement].get(other, {}), other: statement}
        mine = self.now.setdefault(pipe, {})
        for each, number in learnt.items():
            mine[each] = max(mine.get(each, -1), number)

    def barrier(self, statement: int) -> None:
        self.now.setdefault("V", {})["V"] = statement

    def close(self, knows: frozenset[tuple[str, str]], statement: int) -> None:
        """The statement ends; what is known now is what a flag behind it hands on."""
        for pipe, other in knows:
            self.now.setdefault(pipe, {})[other] = statement
        self.then.append({pipe: dict(others) for pipe, others in self.now.items()})

    def all_of(self, block: Sequence[Piece]) -> frozenset[tuple[str, str]]:
        """The pairs of pipes of which the first knows the last that the second did in the block."""
        last = {access.pipe: index for index, piece in enumerate(block) for access in piece.accesses}
        pairs = ((pipe, other) for pipe in self.now for other in last)
        return frozenset((pipe, other) for pipe, other in pairs if self.done(pipe, other) >= last[other])


def _wait(
    order: Order,
    known: _Known,
    block: Sequence[Piece],
    index: int,
    earlier: range,
    *,
    base: int,
    carried: bool,
) -> None:
    """Adds what statement `index` must wait for among the `earlier` ones, the latest first."""
    if base + index:
        for dst, src in sorted(block[index].enters):
            known.wait(dst, src, base + index - 1)
    for other in reversed(earlier):
        for src, dst in sorted(clash(block[other].accesses, block[index].accesses)):
            if known.done(dst, src) >= other:
                continue
            if src == dst:
                order.barriers.add(index)
                known.barrier(base + index - 1)
            else:
                order.flags.append(Flag(src, dst, other, index, carried))
                known.wait(dst, src, other)
    known.close(block[index].knows, base + index)
