"""What a kernel may do, one event after the other: its statements with loops run through and branches taken.

Knows control; does not judge. Loops run once, twice or three times whatever their bounds, and branches go either way or
in turn, so that every pair of neighbouring iterations and every pair of neighbouring branches is met.
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


def traces(body: Sequence[ast.stmt]) -> Iterator[list[Event]]:
    """The event lists to look at; kernels without loops and branches have one."""
    kinds = {type(node) for statement in body for node in ast.walk(statement)}
    runs = (1, 2, 3) if kinds & {ast.For, ast.While} else (1,)
    branches: tuple[Branches, ...] = ("taken", "other", "alternating") if ast.If in kinds else ("taken",)
    for count, branch in product(runs, branches):
        yield _Walk(count, branch).of(body)


class _Walk:
    def __init__(self, count: int, branches: Branches) -> None:
        self.count = count
        self.branches = branches
        self.turn = False
        self.events: list[Event] = []

    def of(self, body: Sequence[ast.stmt]) -> list[Event]:
        for statement in body:
            self._one(statement)
        return self.events

    def _one(self, statement: ast.stmt) -> None:
        match statement:
            case ast.For(body=body) | ast.While(body=body):
                for _ in range(self.count):
                    self.of(body)
            case ast.If(body=body, orelse=orelse):
                self.turn = not self.turn
                takes = self.turn if self.branches == "alternating" else self.branches == "taken"
                self.of(body if takes else orelse)
            case _:
                self._event(statement)

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
