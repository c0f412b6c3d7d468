"""The turns of a loop in stretches: its branches on the number of the turn go the same way all through one.

Knows comparisons that are linear in the number of the turn, as of a first or a last turn; others stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp_dialect_csp.steps import Branch, Compare, Drain, Loop, holds, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.dims import Expr
    from htp_dialect_csp.steps import Step, Steps, Test

__all__ = ["stretches"]


def stretches(loop: Loop, count: int, values: Mapping[str, int]) -> Iterator[tuple[range, Steps]]:
    """The turns of each stretch, and the body in them; `values` are what other symbols are."""
    tests = [each.test for each in walk(loop.body) if isinstance(each, Branch) and each.test is not None]
    lines = [_line(leaf.value, loop.variable, values) for test in tests for leaf in _leaves(test)]
    turns = {turn for line in lines if line is not None for turn in _changes(*line) if 0 < turn < count}
    for first, last in pairwise((0, *sorted(turns), count)):
        yield range(first, last), _decided(loop.body, loop.variable, {**values, loop.variable: first})


def _line(value: Expr, variable: str, values: Mapping[str, int]) -> tuple[int, int] | None:
    """The value in turn 0 and what each turn adds to it; None where it is no line, or not known."""
    if not value.symbols <= {*values, variable}:
        return None
    known = value.substitute({name: const(values[name]) for name in value.symbols if name != variable})
    start, second = (known.substitute({variable: const(turn)}).constant for turn in (0, 1))
    if start is None or second is None or known != const(start) + sym(variable) * (second - start):
        return None
    return start, second - start


def _changes(start: int, slope: int) -> tuple[int, ...]:
    """The turns in which a line is at zero first, and beyond it first."""
    if slope < 0:
        start, slope = -start, -slope
    return (-(start // slope), -start // slope + 1) if slope else ()


def _leaves(test: Test) -> Iterator[Compare]:
    if isinstance(test, Compare):
        yield test
    else:
        for each in test.tests:
            yield from _leaves(each)


def _decided(steps: Steps, variable: str, values: Mapping[str, int]) -> Steps:
    return tuple(new for each in steps for new in _step(each, variable, values))


def _step(step: Step, variable: str, values: Mapping[str, int]) -> Steps:
    if isinstance(step, Loop | Drain):
        return (replace(step, body=_decided(step.body, variable, values)),)
    if not isinstance(step, Branch):
        return (step,)
    leaves = list(_leaves(step.test)) if step.test is not None else []
    if step.test is not None and all(_line(each.value, variable, values) is not None for each in leaves):
        return _decided(step.then if holds(step.test, values) else step.other, variable, values)
    return (replace(step, then=_decided(step.then, variable, values), other=_decided(step.other, variable, values)),)
