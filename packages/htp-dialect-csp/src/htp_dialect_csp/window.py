"""Processes that issue tasks into a window of limited size: it is one more channel, and can be the one that is full.

Between two of its sends and receives a process issues tasks without letting others go on. If all processes together
can do so with more tasks than the window holds, a network that is right can get stuck in the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic, Refused
from htp_dialect_csp.steps import Branch, Drain, Loop, Operation, Task, Unclear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_dialect_csp.graph import Graph
    from htp_dialect_csp.steps import Step, Steps

__all__ = ["check_window", "most_tasks"]


def check_window(graph: Graph, window: int, sizes: Mapping[str, int] | None = None) -> tuple[Diagnostic, ...]:
    """A warning `csp.window-risk` where the tasks of a process cannot be counted, and several share the window.

    Raises:
        Refused: `csp.window` when the processes together may issue more tasks at a stretch than the window holds.
    """
    found = {each.name: most_tasks(each.steps, sizes or {}) for each in graph.processes}
    issuing = {name: most for name, most in found.items() if most != 0}
    unknown = [name for name, most in issuing.items() if most is None]
    total = sum(most for most in issuing.values() if most is not None)
    counted = ", ".join(f"'{name}' {most}" for name, most in issuing.items() if most is not None)
    if total > window:
        raise Refused(
            "csp.window",
            f"the task window holds {window} tasks, and the processes of `{graph.name}` issue up to {total} between "
            f"two of their channel operations ({counted})",
            span=graph.place,
            help=f"use task_window({total}) or more, or send and receive more often",
        )
    if unknown and len(graph.processes) > 1:
        names = ", ".join(f"'{each}'" for each in unknown)
        return (
            Diagnostic(
                code="csp.window-risk",
                message=f"how many tasks {names} may issue between two channel operations depends on data; "
                f"a window of {window} tasks can be full while every process waits",
                severity="warning",
                span=next(each.place for each in graph.processes if each.name == unknown[0]),
                help=("make the window large enough, or send and receive between fewer tasks",),
            ),
        )
    return ()


@dataclass(frozen=True)
class _Stretch:
    """Tasks without a channel operation: at most `first` before the first, `most` at a stretch, `last` behind the last.

    Without an operation at all the three are the same, and `whole` is set.
    """

    first: int
    most: int
    last: int
    whole: bool = True

    def then(self, other: _Stretch) -> _Stretch:
        """This, then the other."""
        joined = self.last + other.first
        return _Stretch(
            self.first + other.first if self.whole else self.first,
            max(self.most, other.most, joined),
            self.last + other.last if other.whole else other.last,
            self.whole and other.whole,
        )


_NOTHING = _Stretch(0, 0, 0)
_OPERATION = _Stretch(0, 0, 0, whole=False)


class _Unknown(Exception):
    """How many tasks there are depends on data."""


def most_tasks(steps: Steps, sizes: Mapping[str, int]) -> int | None:
    """The most tasks that a process issues between two of its channel operations; None where it depends on data."""
    try:
        return _of(steps, sizes).most
    except _Unknown:
        return None


def _of(steps: Steps, sizes: Mapping[str, int]) -> _Stretch:
    found = _NOTHING
    for each in steps:
        found = found.then(_step(each, sizes))
    return found


def _step(step: Step, sizes: Mapping[str, int]) -> _Stretch:
    if isinstance(step, Task):
        if step.many:
            raise _Unknown
        return _Stretch(1, 1, 1)
    if isinstance(step, Operation):
        return _OPERATION
    if isinstance(step, Unclear):
        return _OPERATION if step.channels else _NOTHING
    if isinstance(step, Branch):
        return _either(_of(step.then, sizes), _of(step.other, sizes))
    if isinstance(step, Drain):
        turn = _OPERATION.then(_of(step.body, sizes))
        return _either(_OPERATION, turn.then(turn))
    if isinstance(step, Loop):
        return _loop(step, sizes)
    return _NOTHING


def _loop(step: Loop, sizes: Mapping[str, int]) -> _Stretch:
    turn = _of(step.body, sizes)
    if not turn.whole:
        # Two turns show all that can happen at the seam, and none may happen at all.
        return _either(_NOTHING, turn.then(turn))
    if turn.most == 0:
        return turn
    if step.count is None or not step.count.symbols <= set(sizes):
        raise _Unknown
    tasks = turn.most * max(0, step.count.evaluate(sizes))
    return _Stretch(tasks, tasks, tasks)


def _either(one: _Stretch, other: _Stretch) -> _Stretch:
    """At most what either does; where only one has an operation, tasks may run on past it."""
    return _Stretch(
        max(one.first, other.first), max(one.most, other.most), max(one.last, other.last), one.whole or other.whole
    )
