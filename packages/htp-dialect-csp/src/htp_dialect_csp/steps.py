"""Token programs: what a process does with its channels, without the values that go through them.

Knows the steps and how they nest; does not know how they are found (`token_program`) or what follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp_dialect_csp.symbols import Value

__all__ = [
    "Branch", "Call", "Choice", "Compare", "Drain", "End", "Given", "Junction", "Loop", "Operation", "Step", "Steps",
    "Test", "Unclear", "Work", "channels_of", "holds", "substituted", "symbols_of", "walk",
]  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """The channel at position `index` of several."""

    channels: tuple[str, ...]
    index: Expr


End: TypeAlias = "str | Choice"
"""A channel, by name, as one process uses it."""


@dataclass(frozen=True)
class Operation:
    """One send, receive or close."""

    kind: Literal["send", "recv", "close"]
    end: End
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Work:
    """Declared work; `cycles` is None where it depends on data."""

    cycles: Expr | None


@dataclass(frozen=True)
class Call:
    """A call of a workload, with what stands for its arguments."""

    function: str
    arguments: tuple[Value, ...]
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Loop:
    """`body` `count` times; `variable` is the symbol for the number of the turn, from 0.

    `count` is None where it depends on data; an `endless` loop has no end.
    """

    variable: str
    count: Expr | None
    body: Steps
    endless: bool = False
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Drain:
    """`for x in end`: a receive and then `body`, until the stream has ended."""

    end: End
    body: Steps
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Branch:
    """`then` or `other`; `test` is None where it depends on data, and `text` is how it is written.

    A `timed` one asks what there is now or whether a stream has ended, which no count can follow.
    """

    test: Test | None
    text: str
    then: Steps
    other: Steps
    timed: bool = False
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Unclear:
    """Something whose sends and receives on `channels` are not known before the run; `what` says why."""

    what: str
    channels: tuple[str, ...]
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Given:
    """An `assert`: behind it `test` holds."""

    test: Test


Step: TypeAlias = "Operation | Work | Call | Loop | Drain | Branch | Unclear | Given"
Steps: TypeAlias = "tuple[Step, ...]"


@dataclass(frozen=True)
class Compare:
    """Whether an expression is less than, equal to, … zero."""

    value: Expr
    sign: Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True)
class Junction:
    """Whether all, any or none of some tests hold."""

    kind: Literal["and", "or", "not"]
    tests: tuple[Test, ...]


Test: TypeAlias = "Compare | Junction"


def holds(test: Test, values: Mapping[str, int]) -> bool:
    """Whether a test holds for these values of its symbols."""
    if isinstance(test, Junction):
        found = [holds(each, values) for each in test.tests]
        return all(found) if test.kind == "and" else any(found) if test.kind == "or" else not any(found)
    value = test.value.evaluate(values)
    match test.sign:
        case "<":
            return value < 0
        case "<=":
            return value <= 0
        case ">":
            return value > 0
        case ">=":
            return value >= 0
        case "==":
            return value == 0
        case "!=":
            return value != 0


def walk(steps: Iterable[Step]) -> Iterator[Step]:
    """All steps, outer ones first."""
    for each in steps:
        yield each
        if isinstance(each, Loop | Drain):
            yield from walk(each.body)
        elif isinstance(each, Branch):
            yield from walk((*each.then, *each.other))


def channels_of(end: End) -> tuple[str, ...]:
    """The channels that an end may be one of."""
    return (end,) if isinstance(end, str) else end.channels


def symbols_of(steps: Iterable[Step]) -> frozenset[str]:
    """The symbols that decide what the steps do."""
    found: set[str] = set()
    for each in walk(steps):
        if isinstance(each, Operation | Drain) and isinstance(each.end, Choice):
            found |= each.end.index.symbols
        elif isinstance(each, Loop) and each.count is not None:
            found |= each.count.symbols
        elif isinstance(each, Branch) and each.test is not None:
            found |= _tested(each.test)
    return frozenset(found)


def substituted(steps: Steps, values: Mapping[str, Expr]) -> Steps:
    """The steps with some symbols replaced in what `symbols_of` looks at."""
    return tuple(_substituted(each, values) for each in steps)


def _substituted(step: Step, values: Mapping[str, Expr]) -> Step:
    if isinstance(step, Operation):
        return replace(step, end=_end(step.end, values))
    if isinstance(step, Drain):
        return replace(step, end=_end(step.end, values), body=substituted(step.body, values))
    if isinstance(step, Loop):
        count = step.count.substitute(values) if step.count is not None else None
        return replace(step, count=count, body=substituted(step.body, values))
    if isinstance(step, Branch):
        test = _test(step.test, values) if step.test is not None else None
        return replace(step, test=test, then=substituted(step.then, values), other=substituted(step.other, values))
    return step


def _end(end: End, values: Mapping[str, Expr]) -> End:
    return end if isinstance(end, str) else Choice(end.channels, end.index.substitute(values))


def _test(test: Test, values: Mapping[str, Expr]) -> Test:
    if isinstance(test, Compare):
        return Compare(test.value.substitute(values), test.sign)
    return Junction(test.kind, tuple(_test(each, values) for each in test.tests))


def _tested(test: Test) -> frozenset[str]:
    if isinstance(test, Compare):
        return test.value.symbols
    return frozenset(name for each in test.tests for name in _tested(each))
