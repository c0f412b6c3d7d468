"""What a kernel may do, one event after the other: its statements with loops run through and branches taken.

Knows control; does not judge. Loops take one, two or three turns whatever their bounds, and branches go either way or
in turn, so that every pair of neighbouring iterations and every pair of neighbouring branches is met. Loops may also
take no turn, all of them or innermost ones every other time.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

from htp_backend_pto.steps import Step, step_of, word_of
from htp_backend_pto.tiles import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Declared", "Event", "Ordering", "traces"]


@dataclass(frozen=True)
class Ordering:
    """A flag or a barrier: the word, its pipes, and the number of its event."""

    word: str
    src: str
    dst: str
    event: object
    statement: ast.stmt


@dataclass(frozen=True)
class Declared:
    """A tile that has a place from here on, and no value yet."""

    name: str


Event = Step | Ordering | Declared
Branches = Literal["taken", "other", "alternating"]
Turns = int | Literal["alternating"]


def traces(body: Sequence[ast.stmt], *, idle: bool = False) -> Iterator[list[Event]]:
    """The event lists to look at; kernels without loops and branches have one. `idle`: also where loops do nothing."""
    kinds = {type(node) for statement in body for node in ast.walk(statement)}
    turns: tuple[Turns, ...] = (1, 2, 3, 0, "alternating") if idle else (1, 2, 3)
    branches: tuple[Branches, ...] = ("taken", "other", "alternating") if ast.If in kinds else ("taken",)
    for count, branch in product(turns if kinds & {ast.For, ast.While} else turns[:1], branches):
        yield _Walk(count, branch).of(body)


class _Walk:
    def __init__(self, turns: Turns, branches: Branches) -> None:
        self.turns = turns
        self.branches = branches
        self.turn = False
        self.idle: dict[int, bool] = {}
        self.events: list[Event] = []

    def of(self, body: Sequence[ast.stmt]) -> list[Event]:
        for statement in body:
            self._one(statement)
        return self.events

    def _one(self, statement: ast.stmt) -> None:
        match statement:
            case ast.For(body=body) | ast.While(body=body):
                for _ in range(self._count(statement)):
                    self.of(body)
            case ast.If(body=body, orelse=orelse):
                self.turn = not self.turn
                takes = self.turn if self.branches == "alternating" else self.branches == "taken"
                self.of(body if takes else orelse)
            case _:
                self._event(statement)

    def _count(self, loop: ast.stmt) -> int:
        if isinstance(self.turns, int):
            return self.turns
        if any(isinstance(each, ast.For | ast.While) for each in ast.walk(loop) if each is not loop):
            return 3
        self.idle[id(loop)] = not self.idle.get(id(loop), False)
        return 0 if self.idle[id(loop)] else 2

    def _event(self, statement: ast.stmt) -> None:
        word = word_of(statement)
        if word is not None:
            name, arguments = word
            src, dst = (str(each) for each in (arguments * 2)[:2])
            self.events.append(Ordering(name, src, dst, arguments[2] if name != "pipe_barrier" else None, statement))
            return
        step = step_of(statement)
        if step is not None:
            self.events.append(step)
        else:
            self.events += [Declared(name) for _, name, _ in declared([statement])]
