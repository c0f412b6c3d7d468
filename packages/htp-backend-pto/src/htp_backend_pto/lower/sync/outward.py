"""Events that the turns of an inner loop hand on, raised once before the loop around it, and not in each of its turns.

Knows where flags are written, not why; the checker says whether what they order is still ordered. The last turn of an
inner loop is then not waited for before its next run begins.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_pto.checker import unordered
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.steps import word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["raised_outside"]

Loop = ast.For | ast.While
Event = tuple[str, ...]
"""The pipes and the number of a flag, as they are written."""
Chosen = frozenset[tuple[int, Event]]
"""Loops, by identity, and events that are raised once before and lowered once behind them."""


def raised_outside(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements with every event raised as far out as it can be."""
    left = [(id(loop), event) for loop in _around(body) for event in sorted(_inside(loop.body))]
    everything = _written(body, frozenset(left))
    if not left or not unordered(everything):
        return everything
    chosen: Chosen = frozenset()
    for each in left:
        if not unordered(_written(body, chosen | {each})):
            chosen |= {each}
    return _written(body, chosen)


def _around(body: Sequence[ast.stmt]) -> Iterator[Loop]:
    """The loops with loops in them, inner ones first."""
    for each in body:
        if isinstance(each, ast.For | ast.While | ast.If):
            yield from _around([*each.body, *each.orelse])
        if isinstance(each, ast.For | ast.While) and _loops_in(each.body):
            yield each


def _loops_in(body: Sequence[ast.stmt]) -> list[Loop]:
    nodes = (node for each in body for node in ast.walk(each))
    return [node for node in nodes if isinstance(node, ast.For | ast.While)]


def _inside(body: Sequence[ast.stmt]) -> frozenset[Event]:
    """The events of loops in a loop, however deep."""
    return frozenset[Event]().union(*(_handed_on(each) for each in [body, *(loop.body for loop in _loops_in(body))]))


def _handed_on(body: Sequence[ast.stmt]) -> dict[Event, tuple[ast.stmt, ast.stmt]]:
    """The events that are raised directly before a loop of the block, or of a branch in it, and lowered behind it."""
    found: dict[Event, tuple[ast.stmt, ast.stmt]] = {}
    for index, each in enumerate(body):
        if isinstance(each, ast.If):
            found |= {**_handed_on(each.body), **_handed_on(each.orelse)}
        elif isinstance(each, ast.For | ast.While):
            raised, lowered = _group(reversed(body[:index]), "set_flag"), _group(body[index + 1 :], "wait_flag")
            found |= {event: (raised[event], lowered[event]) for event in raised.keys() & lowered.keys()}
    return found


def _group(statements: Iterable[ast.stmt], word: str) -> Mapping[Event, ast.stmt]:
    """The flags with which the statements begin."""
    found: dict[Event, ast.stmt] = {}
    for each in statements:
        event = _event(each, word)
        if event is None:
            break
        found[event] = each
    return found


def _event(statement: ast.stmt, *words: str) -> Event | None:
    found = word_of(statement)
    return tuple(map(str, found[1])) if found is not None and found[0] in words else None


def _written(body: Sequence[ast.stmt], chosen: Chosen) -> list[ast.stmt]:
    """The statements with the chosen events raised once and lowered once."""
    made: list[ast.stmt] = []
    for each in body:
        if isinstance(each, ast.If):
            made.append(with_blocks(each, _written(each.body, chosen), _written(each.orelse, chosen)))
        elif isinstance(each, ast.For | ast.While):
            inner = _written(each.body, chosen)
            handed = _handed_on(inner)
            flags = {event: handed[event] for event in sorted(handed) if (id(each), event) in chosen}
            made += [raised for raised, _ in flags.values()]
            made.append(with_blocks(each, _without(inner, flags.keys())))
            made += [lowered for _, lowered in flags.values()]
        else:
            made.append(each)
    return made


def _without(body: Sequence[ast.stmt], events: AbstractSet[Event]) -> list[ast.stmt]:
    """The block, and branches in it, without flags of these events; loops keep theirs."""
    made: list[ast.stmt] = []
    for each in body:
        if isinstance(each, ast.If):
            made.append(with_blocks(each, _without(each.body, events), _without(each.orelse, events)))
        elif _event(each, "set_flag", "wait_flag") not in events:
            made.append(each)
    return made
