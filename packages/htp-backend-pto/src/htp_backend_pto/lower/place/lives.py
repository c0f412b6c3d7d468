"""From where to where each tile of a kernel is in use.

Knows names and loops; does not know sizes or memories. A name stands for one place, so that its values count as one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp_backend_pto.steps import step_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Life", "Streams", "lives"]

Streams = Literal["nowhere", "loops", "everywhere"]

MOVES = ("load", "mov", "extract", "pop")
"""How the instructions begin that bring a tile to where it is worked on."""
IN_PLACE = frozenset(
    ("add", "sub", "mul", "div", "max", "min", "adds", "subs", "muls", "maxs", "mins", "abs", "neg", "exp", "relu")
)
"""Instructions that write each element where they have read it. Not all do: TRSQRT and TRECIP must not lie on their
operand (hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TUnaryOp.hpp), and of others nothing is said."""


@dataclass(frozen=True)
class Life:
    """The tiles that share a place, and the first and last statement, in the order of the text, that needs it."""

    names: tuple[str, ...]
    first: int
    last: int
    statement: ast.stmt
    """The one that makes it first."""

    def meets(self, other: Life) -> bool:
        """Whether some statement needs both."""
        return self.first <= other.last and other.first <= self.last


def lives(
    body: Sequence[ast.stmt], sizes: Mapping[str, int], *, streams: Streams = "nowhere", reuses: bool = False
) -> list[Life]:
    """How long each place is in use, in the order of the text; `sizes` are those of the tiles, by name.

    What is loaded and stored may have its place to itself, so that the next load need not wait for anything else: in
    all of its loop where `streams` is `loops`, in all of the kernel where it is `everywhere`. With `reuses` a result
    lies where an operand lay that nobody needs any more.

    A tile that an instruction changes and the tile it becomes share a place; a value that a loop takes along, or that
    enters or leaves it, is in use in all of it.
    """
    walk = _Walk(frozenset(sizes), streams)
    walk.block(body)
    if reuses:
        _reuse(walk, sizes)
    groups: dict[str, list[str]] = {}
    for name in walk.spans:
        groups.setdefault(walk.shared.root(name), []).append(name)
    found = [Life(tuple(group), *walk.reach(group[0]), walk.makers[group[0]]) for group in groups.values()]
    return sorted(found, key=lambda each: (each.first, each.names))


def _reuse(walk: _Walk, sizes: Mapping[str, int]) -> None:
    """Gives results the place of an operand of their size that is used for the last time where they are made."""
    for operand, result, position in walk.passed_on:
        same = sizes.get(operand) == sizes.get(result) and walk.shared.root(operand) != walk.shared.root(result)
        if same and walk.reach(operand)[1] == position == walk.reach(result)[0]:
            walk.shared.join(operand, result)


@dataclass
class _Span:
    first: int
    last: int

    def reach(self, first: int, last: int) -> None:
        self.first, self.last = min(self.first, first), max(self.last, last)


@dataclass
class _Shared:
    """Names that must lie in one place."""

    parents: dict[str, str] = field(default_factory=dict[str, str])

    def root(self, name: str) -> str:
        parent = self.parents.get(name, name)
        return name if parent == name else self.root(parent)

    def join(self, one: str, other: str) -> None:
        self.parents[self.root(other)] = self.root(one)


@dataclass
class _Loop:
    """What one loop makes and what it uses; `exposed` is used before the loop's own text makes it."""

    first: int
    made: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    exposed: set[str] = field(default_factory=set[str])
    streamed: set[str] = field(default_factory=set[str])


class _Walk:
    """One pass over the text; positions count statements."""

    def __init__(self, names: frozenset[str], streams: Streams) -> None:
        self.names = names
        self.streams = streams
        self.position = 0
        self.spans: dict[str, _Span] = {}
        self.makers: dict[str, ast.stmt] = {}
        self.shared = _Shared()
        self.closed: list[tuple[_Loop, int]] = []
        self.passed_on: list[tuple[str, str, int]] = []
        """Operands and results that could lie in one place, and where."""

    def reach(self, name: str) -> tuple[int, int]:
        """The first and last position of the place that a tile lies in."""
        root = self.shared.root(name)
        spans = [span for each, span in self.spans.items() if self.shared.root(each) == root]
        return min(each.first for each in spans), max(each.last for each in spans)

    def block(self, body: Iterable[ast.stmt]) -> None:
        whole = _Loop(0)
        self._run(body, [whole] if self.streams == "everywhere" else [], set())
        for loop, last in reversed([*self.closed, (whole, self.position)]):
            for name in (loop.made | loop.used) & set(self.spans):
                span = self.spans[name]
                outside = span.first < loop.first or span.last > last
                if outside or name in loop.exposed | loop.streamed:
                    span.reach(loop.first, last)

    def _run(self, body: Iterable[ast.stmt], loops: list[_Loop], made: set[str]) -> set[str]:
        for statement in body:
            self.position += 1
            match statement:
                case ast.For() | ast.While():
                    self._uses(statement.iter if isinstance(statement, ast.For) else statement.test, loops, made)
                    loop = _Loop(self.position)
                    self._run(statement.body, [*loops, loop], set())
                    self.position += 1
                    self.closed.append((loop, self.position))
                case ast.If():
                    self._uses(statement.test, loops, made)
                    taken = self._run(statement.body, loops, set(made))
                    made |= taken & self._run(statement.orelse, loops, set(made))
                case _:
                    self._statement(statement, loops, made)
        return made

    def _statement(self, statement: ast.stmt, loops: list[_Loop], made: set[str]) -> None:
        value = getattr(statement, "value", None)
        if isinstance(value, ast.expr):
            self._uses(value, loops, made)
        step = step_of(statement)
        if step is not None and self.streams != "nowhere" and loops:
            leaves = step.stored is not None or step.instruction.name == "push"
            name = step.tile("x") if leaves else step.result
            moves = leaves or step.instruction.name.startswith(MOVES)
            around = loops[0 if self.streams == "everywhere" else -1]
            around.streamed |= {name} if moves and name is not None else set()
        match statement:
            case ast.AnnAssign(target=ast.Name(name)) if name in self.names:
                self._makes(name, statement, loops)
                made.add(name)
                shared = step.shared if step is not None else None
                if shared is not None and shared in self.names:
                    self.shared.join(shared, name)
                elif step is not None and step.instruction.name in IN_PLACE:
                    operands = (step.tile(each.name) for each in step.instruction.tiles if each.role == "src")
                    self.passed_on += [(each, name, self.position) for each in operands if each in self.names and each]
            case _:
                pass

    def _makes(self, name: str, statement: ast.stmt, loops: list[_Loop]) -> None:
        self.makers.setdefault(name, statement)
        self._touch(name)
        for loop in loops:
            loop.made.add(name)

    def _uses(self, node: ast.expr, loops: list[_Loop], made: set[str]) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id in self.names:
                self._touch(each.id)
                for loop in loops:
                    loop.used.add(each.id)
                    if each.id not in made:
                        loop.exposed.add(each.id)

    def _touch(self, name: str) -> None:
        self.spans.setdefault(name, _Span(self.position, self.position)).reach(self.position, self.position)
