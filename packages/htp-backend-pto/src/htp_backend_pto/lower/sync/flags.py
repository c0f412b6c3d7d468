"""Where one pipe must wait for another in a block of statements: pairs of a statement and a later one, fewest first.

Knows order and overlap; does not know event numbers or how flags are written. A pipe that waits for another knows all
that the other had waited for, so that a flag which follows from others is left out.
"""

from __future__ import annotations

from collections import defaultdict
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
    """What a statement touches, and what pipes know of each other because of it, as pairs: the first of the second.

    `knows`: behind the statement, all that the second did in it. `passes`: behind it, all that the second did before,
    whichever branch is taken and however many turns. `enters`: the same wherever the first does something in it, since
    a loop raises the events that its turns hand on for the first turn too.
    """

    accesses: Sequence[Access]
    knows: frozenset[tuple[str, str]] = frozenset()
    passes: frozenset[tuple[str, str]] = frozenset()
    enters: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Order:
    """What orders the statements of one block: flags, and the statements with a barrier of the vector pipe before.

    `knows`, `passes` and `enters` are what the whole block is as a `Piece`.
    """

    flags: list[Flag] = field(default_factory=list[Flag])
    barriers: set[int] = field(default_factory=set[int])
    knows: frozenset[tuple[str, str]] = frozenset()
    passes: frozenset[tuple[str, str]] = frozenset()
    enters: frozenset[tuple[str, str]] = frozenset()


def order_of(block: Sequence[Piece], *, repeats: bool) -> Order:
    """The order that statements need, which are given by what they touch; `repeats` says that the block is a loop's."""
    order = Order()
    known = _Known()
    for index in range(len(block)):
        _wait(order, known, block, index, range(index), base=0, carried=False)
    order.knows, order.passes = known.all_of(block), known.before()
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
        # A loop may take no turn: only what it hands on is raised before and waited for behind it in any case.
        order.passes = frozenset((each.dst, each.src) for each in order.flags if each.carried)
        order.enters = _entered(order, block)
    return order


def _lowered(order: Order, block: Sequence[Piece]) -> frozenset[tuple[str, str]]:
    """What is known behind a loop since the events of its last turn are waited for there."""
    last = {access.pipe: index for index, piece in enumerate(block) for access in piece.accesses}
    return frozenset((each.dst, each.src) for each in order.flags if each.carried and each.after >= last[each.src])


def _entered(order: Order, block: Sequence[Piece]) -> frozenset[tuple[str, str]]:
    """What is known of all before a loop in its first turn: events that are carried are raised in front of it too."""
    known = _Known()
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for index, piece in enumerate(block):
        for flag in (each for each in order.flags if each.before == index):
            if flag.carried:
                known.start(flag.dst, flag.src)
            else:
                known.wait(flag.dst, flag.src, flag.after)
        if index in order.barriers:
            known.barrier(index - 1)
        for pipe in {access.pipe for access in piece.accesses}:
            here = {each for each in known.before() | piece.enters if each[0] == pipe}
            found[pipe] = found.get(pipe, frozenset(here)) & here
        known.close(piece, index)
    return frozenset[tuple[str, str]]().union(*found.values())


class _Known:
    """For each pipe, which statements it knows every pipe to be done with, as bits.

    The lowest bit is for all before the block; statements of a second run count on.
    """

    def __init__(self) -> None:
        self.now: dict[str, dict[str, int]] = defaultdict(dict)
        self.then: list[dict[str, dict[str, int]]] = []

    def done(self, pipe: str, other: str, statement: int) -> bool:
        return bool(self.now[pipe].get(other, 0) & _bit(statement))

    def wait(self, pipe: str, other: str, statement: int) -> None:
        """`pipe` waits until `other` is done with a statement, and knows what was known there."""
        for each, bits in self.then[statement].get(other, {}).items():
            self._learn(pipe, each, bits)
        self._learn(pipe, other, _up_to(statement))

    def start(self, pipe: str, other: str) -> None:
        """`pipe` knows all that `other` did before the block."""
        self._learn(pipe, other, _up_to(-1))

    def barrier(self, statement: int) -> None:
        self._learn("V", "V", _up_to(statement))

    def close(self, piece: Piece, statement: int) -> None:
        """The statement ends; what is known now is what a flag behind it hands on."""
        for pipe, other in piece.knows:
            self._learn(pipe, other, _bit(statement))
        for pipe, other in piece.passes:
            self._learn(pipe, other, _up_to(statement - 1))
        self.then.append({pipe: dict(others) for pipe, others in self.now.items()})

    def all_of(self, block: Sequence[Piece]) -> frozenset[tuple[str, str]]:
        """The pairs of pipes of which the first knows all that the second did in the block."""
        touched: dict[str, int] = defaultdict(int)
        for index, piece in enumerate(block):
            for access in piece.accesses:
                touched[access.pipe] |= _bit(index)
        return frozenset(
            (pipe, other) for pipe, others in self.now.items() for other, bits in touched.items()
            if others.get(other, 0) & bits == bits
        )  # fmt: skip

    def before(self) -> frozenset[tuple[str, str]]:
        """The pairs of pipes of which the first knows all that the second did before the block."""
        return frozenset(
            (pipe, other) for pipe, others in self.now.items() for other, bits in others.items() if bits & 1
        )  # fmt: skip

    def _learn(self, pipe: str, other: str, bits: int) -> None:
        self.now[pipe][other] = self.now[pipe].get(other, 0) | bits


def _bit(statement: int) -> int:
    return 2 << statement


def _up_to(statement: int) -> int:
    return (2 << statement + 1) - 1


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
    piece = block[index]
    if base + index:
        for dst, src in sorted(piece.enters & piece.passes):
            known.wait(dst, src, base + index - 1)
    for other in reversed(earlier):
        for src, dst in sorted(clash(block[other].accesses, piece.accesses)):
            if known.done(dst, src, other) or (dst, src) in piece.enters:
                continue
            if src == dst:
                order.barriers.add(index)
                known.barrier(base + index - 1)
            else:
                order.flags.append(Flag(src, dst, other, index, carried))
                known.wait(dst, src, other)
    known.close(piece, base + index)
