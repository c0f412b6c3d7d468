"""Whether a kernel's flags order what its pipes touch: one clock for each pipe, run over everything the kernel may do.

Does not ask who put the flags there. A pipe's clock says how far it knows each pipe to be: an instruction is wrong if
it touches bytes that an earlier one of another pipe touches, one of them writing, whose end it does not know.
Vector clocks: Mattern, "Virtual Time and Global States of Distributed Systems", 1989.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from htp.program import origin_of
from htp_backend_pto.accesses import IN_ORDER, accesses_of, bytes_of, rooms_in
from htp_backend_pto.isa import in_place
from htp_backend_pto.steps import Step, word_of
from htp_backend_pto.traces import Declared, Ordering, traces
from htp_backend_pto.words import PIPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.types import TileType
    from htp_backend_pto.accesses import Access

__all__ = ["redundant", "unordered", "unplaced"]

Finding = tuple[str, "Span | None"]


def unordered(body: Sequence[ast.stmt]) -> list[Finding]:
    """Every instruction that may run too early, and every flag without its partner, each once."""
    found: dict[Finding, None] = {}
    for trace in _timed(body):
        found.update(dict.fromkeys(_findings(trace)))
    return list(found)


def unplaced(body: Sequence[ast.stmt]) -> list[Finding]:
    """Every operand whose bytes another tile has overwritten since it was made, each once."""
    types = rooms_in(body)
    found: dict[Finding, None] = {}
    for trace in traces(body):
        owners: list[Access] = []
        for event in trace:
            if isinstance(event, Declared):
                _write(bytes_of(event.name, types, "S", writes=True), owners)
            elif isinstance(event, Step):
                found.update(dict.fromkeys(_lost(event, owners, types)))
    return list(found)


def _lost(step: Step, owners: list[Access], types: Mapping[str, TileType]) -> Iterator[Finding]:
    """What an instruction reads that is no longer there; then notes what it writes."""
    touched = accesses_of(step, types)
    on_chip = [each for each in touched if not each.memory.startswith("gm.")]
    reads = [each for each in on_chip if not each.writes or each.name == step.shared]
    for read in reads:
        if not any(each.name == read.name and each.memory == read.memory for each in owners):
            yield f"`{read.name}` is overwritten before `{ast.unparse(step.statement)}` reads it", step.span
    writes = [each for each in on_chip if each.writes]
    for read, write in product(reads, writes):
        if read.name != step.shared and write.overlaps(read) and not _in_place(step, read, write):
            yield f"`{write.name}` lies on `{read.name}`, which `{ast.unparse(step.statement)}` reads", step.span
    for write in sorted(writes, key=lambda each: each.name == step.result):  # the result is what is there afterwards
        _write(write, owners)
    if not step.moves and step.result is not None:
        owners += [replace(each, name=step.result) for each in owners if each.name == step.shared]


def _in_place(step: Step, read: Access, write: Access) -> bool:
    """Whether an instruction writes each element where it has read it."""
    return in_place(step.instruction) and (read.start, read.end) == (write.start, write.end)


def _write(access: Access, owners: list[Access]) -> None:
    owners[:] = [each for each in owners if not each.overlaps(access)]
    owners.append(access)


def redundant(body: Sequence[ast.stmt]) -> list[str]:
    """The flags and barriers without any of which the kernel would still be ordered, one by one.

    A flag is what is raised together with what waits for it: a loop may hand one event on from turn to turn, so that
    several statements belong together.
    """
    runs = _timed(body)
    if any(True for trace in runs for _ in _findings(trace)):
        return []
    groups = [*_flags(body), *([each] for each in _words(body) if _is_barrier(each))]
    return [ast.unparse(group[0]) for group in groups if not _is_needed(group, runs)]


def _is_needed(group: Sequence[ast.stmt], runs: Sequence[Sequence[_Timed]]) -> bool:
    """Whether something may run too early in some trace without these words."""
    gone = {id(each) for each in group}
    for trace in runs:
        left = [each for each in trace if not (isinstance(each, Ordering) and id(each.statement) in gone)]
        if len(left) < len(trace) and next(_findings(left), None) is not None:
            return True
    return False


def _words(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    nodes = (node for statement in body for node in ast.walk(statement))
    return [node for node in nodes if isinstance(node, ast.stmt) and word_of(node) is not None]


def _is_barrier(statement: ast.stmt) -> bool:
    word = word_of(statement)
    return word is not None and word[0] == "pipe_barrier"


def _flags(body: Sequence[ast.stmt]) -> list[list[ast.stmt]]:
    """The statements of each flag: in some run one of them waits for what another one raised."""
    groups: dict[int, list[ast.stmt]] = {id(each): [each] for each in _words(body) if not _is_barrier(each)}
    for trace in traces(body, idle=True):
        raised: dict[tuple[str, str, object], ast.stmt] = {}
        for event in trace:
            if not isinstance(event, Ordering) or event.word == "pipe_barrier":
                continue
            key = event.src, event.dst, _number(event.event)
            if event.word == "set_flag":
                raised[key] = event.statement
            elif key in raised:
                one, other = groups[id(raised.pop(key))], groups[id(event.statement)]
                if one is not other:
                    one += other
                    groups.update({id(each): one for each in other})
    return [*{id(each): each for each in groups.values()}.values()]


@dataclass(frozen=True)
class _Doing:
    """An instruction and what it touches."""

    step: Step
    touched: Sequence[Access]


_Timed = Ordering | _Doing


def _timed(body: Sequence[ast.stmt]) -> list[list[_Timed]]:
    """The traces of a body without what takes no time."""
    types = rooms_in(body)
    known: dict[int, _Doing] = {}
    found: list[list[_Timed]] = []
    for trace in traces(body, idle=True):
        events: list[_Timed] = []
        for each in trace:
            if isinstance(each, Ordering):
                events.append(each)
            elif isinstance(each, Step):
                there = known.get(id(each.statement))
                if there is None:
                    there = known[id(each.statement)] = _Doing(each, accesses_of(each, types))
                events += [there] if there.touched else []
        found.append(events)
    return found


def _findings(trace: Iterable[_Timed]) -> Iterator[Finding]:
    """What is wrong with one trace, as it comes up."""
    clocks = _Clocks()
    for event in trace:
        yield from clocks.order(event) if isinstance(event, Ordering) else clocks.run(event)
    yield from clocks.end()


class _Clocks:
    """The clocks of all pipes at one moment of a trace, and what has been touched so far."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, int]] = {pipe: {} for pipe in PIPES}
        self.count: dict[str, int] = dict.fromkeys(PIPES, 0)
        self.raised: dict[tuple[str, str, object], tuple[dict[str, int], ast.stmt]] = {}
        self.past: list[tuple[Access, int, ast.stmt]] = []

    def run(self, doing: _Doing) -> Iterator[Finding]:
        """One instruction: everything it meets must be known to be done."""
        statement, touched = doing.step.statement, doing.touched
        pipe = touched[0].pipe
        number = self.count[pipe] = self.count[pipe] + 1
        for access in touched:
            for earlier, when, other in self.past:
                if earlier.overlaps(access) and not self._knows(pipe, earlier.pipe, when):
                    what = f"`{ast.unparse(statement)}` on {pipe} does not wait for `{ast.unparse(other)}`"
                    yield f"{what} on {earlier.pipe}, which touches the same bytes", doing.step.span
        self.past = [each for each in self.past if not self._hidden(each, touched, pipe)]
        self.past += [(access, number, statement) for access in touched]

    def order(self, event: Ordering) -> Iterator[Finding]:
        """A flag or a barrier."""
        key = event.src, event.dst, _number(event.event)
        if event.word == "pipe_barrier":
            self._barrier(event.src)
        elif event.word == "set_flag":
            if key in self.raised:
                yield _about(event.statement, "`{}` raises an event that nobody has waited for yet")
            self.raised[key] = ({**self.known[event.src], event.src: self.count[event.src]}, event.statement)
        elif key not in self.raised:
            yield _about(event.statement, "`{}` waits for an event that nobody raised")
        else:
            learnt, _ = self.raised.pop(key)
            mine = self.known[event.dst]
            mine.update({each: max(mine.get(each, 0), number) for each, number in learnt.items()})

    def end(self) -> Iterator[Finding]:
        """Behind the last statement every event has been waited for."""
        for _, statement in self.raised.values():
            yield _about(statement, "nobody waits for `{}`")

    def _barrier(self, pipe: str) -> None:
        if pipe != "ALL":
            self.known[pipe][pipe] = self.count[pipe]
            return
        for each in PIPES:
            self.known[each] = dict(self.count)

    def _knows(self, pipe: str, other: str, when: int) -> bool:
        if pipe == other and pipe in IN_ORDER:
            return True
        return self.known[pipe].get(other, 0) >= when

    def _hidden(self, earlier: tuple[Access, int, ast.stmt], touched: Sequence[Access], pipe: str) -> bool:
        """Whether whoever waits for the new access has waited for the earlier one: it is written over, in order."""
        access, when, _ = earlier
        covered = any(
            each.writes and each.memory == access.memory and each.start <= access.start and access.end <= each.end
            for each in touched
        )
        return covered and self._knows(pipe, access.pipe, when)


def _number(event: object) -> object:
    return ast.unparse(event) if isinstance(event, ast.AST) else event


def _about(statement: ast.stmt, text: str) -> Finding:
    return text.format(ast.unparse(statement)), origin_of(statement)
