"""`pto.sync`: flags between pipes and barriers within one, where instructions touch the same bytes.

Knows how flags are written and numbered; which are needed is found in `flags`. A flag that one iteration of a loop
leaves for the next is raised once before the loop and lowered once behind it; `outward` moves that further out.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import LOWERED, DialectUse, Typed
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp_backend_pto.accesses import accesses_under, rooms_in
from htp_backend_pto.forms import Placed, Selected, Synchronized
from htp_backend_pto.lower.sync.flags import Flag, Order, Piece, order_of
from htp_backend_pto.lower.sync.outward import raised_outside
from htp_backend_pto.words import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function, Program
    from htp.types import TileType
    from htp_backend_pto.accesses import Access

__all__ = ["Synchronize"]


class Synchronize(Pass):
    """Orders the pipes of a core by as few flags and barriers as the bytes they touch need."""

    name = "pto.sync"
    requires = (Selected(isa="pto"), Placed())
    provides = (Synchronized(),)
    invalidates = (Typed(), *LOWERED)
    may_introduce = (DialectUse("pto"),)

    def apply(self, program: Program) -> Program:
        """Every kernel by itself."""
        kernels = [each for each in program.functions if each.kind == "kernel"]
        return program.replace(*(_ordered(each) for each in kernels))


def _ordered(kernel: Function) -> Function:
    body, _ = _written(_block(kernel.body, rooms_in(kernel.body), repeats=False), frozenset())
    return replace(kernel, body=tuple(raised_outside(body)))


@dataclass(frozen=True)
class _Event:
    """A flag with its number; `None` when all are taken, and everything waits for everything instead."""

    flag: Flag
    number: int | None

    def statement(self, word: str) -> ast.stmt:
        arguments = [ast.Constant(self.flag.src), ast.Constant(self.flag.dst), ast.Constant(self.number)]
        return ast.Expr(ast.Call(ast.Name(word, ast.Load()), list[ast.expr](arguments), []))


Taken = frozenset[tuple[str, str, int]]


@dataclass(frozen=True)
class _Block:
    """The statements of a block with what orders them, and the blocks within each."""

    body: Sequence[ast.stmt]
    order: Order
    pipes: frozenset[str]
    inner: Sequence[Sequence[_Block]]


def _block(body: Sequence[ast.stmt], types: Mapping[str, TileType], *, repeats: bool) -> _Block:
    """Inner blocks first, since what they order among themselves need not be ordered again outside."""
    inner: list[list[_Block]] = []
    for each in body:
        loop = isinstance(each, (ast.For, ast.While))
        parts = [each.body, each.orelse] if isinstance(each, ast.If) else [each.body] if loop else []
        inner.append([_block(part, types, repeats=loop) for part in parts])
    pieces = [_piece(accesses_under(each, types), blocks) for each, blocks in zip(body, inner, strict=True)]
    pipes = frozenset(access.pipe for piece in pieces for access in piece.accesses)
    return _Block(body, order_of(pieces, repeats=repeats), pipes, inner)


def _piece(accesses: Sequence[Access], blocks: Sequence[_Block]) -> Piece:
    """A statement with these blocks in it, of which one runs; a pipe that does nothing in a block is known there."""
    pairs = frozenset[tuple[str, str]]().union(*(each.order.knows for each in blocks))
    knows = (each for each in pairs if all(each in x.order.knows or each[1] not in x.pipes for x in blocks))
    return Piece(
        accesses, frozenset(knows),
        _common([each.order.passes for each in blocks]), _common([each.order.enters for each in blocks]),
    )  # fmt: skip


def _common(pairs: Sequence[frozenset[tuple[str, str]]]) -> frozenset[tuple[str, str]]:
    return pairs[0].intersection(*pairs[1:]) if pairs else frozenset()


def _written(block: _Block, taken: Taken) -> tuple[list[ast.stmt], list[_Event]]:
    """The block with its flags, and those that are carried, for around the loop; `taken` are under way outside."""
    events = _numbered(block.order.flags, taken)
    made: list[ast.stmt] = []
    for index, statement in enumerate(block.body):
        before: list[ast.stmt] = [_barrier("V")] if index in block.order.barriers else []
        for each in (event for event in events if event.flag.before == index):
            before += [_barrier("ALL") if each.number is None else each.statement("wait_flag")]
        after = [each.statement("set_flag") for each in events if each.flag.after == index and each.number is not None]
        around = taken | {_key(each) for each in events if each.number is not None and _covers(each.flag, index)}
        made += [*_once(before, statement), *_inside(statement, block.inner[index], around), *_once(after, statement)]
    return made, [each for each in events if each.flag.carried]


def _inside(statement: ast.stmt, inner: Sequence[_Block], taken: Taken) -> list[ast.stmt]:
    written = [_written(each, taken) for each in inner]
    carried: list[_Event] = []
    match statement:
        case ast.For(target, iterator, _, orelse):
            ((body, carried),) = written
            made = ast.For(target, iterator, body, orelse, lineno=getattr(statement, "lineno", 0))
        case ast.While(test, _, orelse):
            ((body, carried),) = written
            made = ast.While(test, body, orelse)
        case ast.If(test):
            made = ast.If(test, written[0][0], written[1][0])
        case _:
            return [statement]
    raised = [each.statement("set_flag") for each in carried if each.number is not None]
    lowered = [_barrier("ALL") if each.number is None else each.statement("wait_flag") for each in carried]
    return [*_once(raised, statement), stamp(made, origin_of(statement)), *_once(lowered, statement)]


def _numbered(flags: Sequence[Flag], taken: Taken) -> list[_Event]:
    """Every flag with the lowest number that no flag of the same pipes has at the same time."""
    found: list[_Event] = []
    for flag in sorted(flags, key=lambda each: (not each.carried, each.before, each.after)):
        busy = {number for src, dst, number in taken if (src, dst) == (flag.src, flag.dst)}
        busy |= {each.number for each in found if each.number is not None and _together(each.flag, flag)}
        number = next((each for each in range(EVENTS) if each not in busy), None)
        found.append(_Event(flag, number))
    return found


def _together(one: Flag, other: Flag) -> bool:
    same = (one.src, one.dst) == (other.src, other.dst)
    return same and (one.carried or other.carried or (one.after < other.before and other.after < one.before))


def _covers(flag: Flag, index: int) -> bool:
    """Whether the flag may be raised while statement `index` runs."""
    return flag.carried or flag.after < index < flag.before


def _key(event: _Event) -> tuple[str, str, int]:
    return event.flag.src, event.flag.dst, event.number or 0


def _barrier(pipe: str) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Name("pipe_barrier", ast.Load()), [ast.Constant(pipe)], []))


def _once(statements: Sequence[ast.stmt], place: ast.stmt) -> list[ast.stmt]:
    """Each text once, with the place of what it stands before."""
    texts = dict[str, ast.stmt]()
    for each in statements:
        texts.setdefault(ast.unparse(each), each)
    return [stamp(each, origin_of(place)) for each in texts.values()]
