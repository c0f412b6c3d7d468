"""How many tokens a process sends and receives, as polynomials in sizes and whole-number parameters.

Knows sums over loops; a count that depends on data or on other processes in a circle is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from htp.dims import Expr, const, sym
from htp_dialect_csp.steps import Branch, Compare, Drain, Loop, Operation, Unclear, channels_of, holds, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp_dialect_csp.graph import Graph, ProcessNode
    from htp_dialect_csp.steps import Step, Steps, Test

__all__ = ["Tallies", "drains", "summed"]

Side = Literal["send", "recv"]


class Tallies:
    """The counts of one network; asking again costs nothing."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[tuple[str, Side], Expr | None] = {}
        self.open: set[tuple[str, Side]] = set()

    def total(self, channel: str, side: Side) -> Expr | None:
        """How often one run sends on a channel, or receives from it other than by `for x in channel`."""
        asked = (channel, side)
        if asked in self.open:
            return None
        if asked not in self.known:
            holders = self.graph.at(channel, side)
            self.open.add(asked)
            self.known[asked] = self.of(holders[0], channel, side) if len(holders) == 1 else None
            self.open.discard(asked)
        return self.known[asked]

    def of(self, process: ProcessNode, channel: str, side: Side) -> Expr | None:
        """The same of one process."""
        found = self.steps(process, process.steps, channel, side)
        return self.graph.facts.simplify(found) if found is not None else None

    def steps(self, process: ProcessNode, steps: Steps, channel: str, side: Side) -> Expr | None:
        """The same of some steps of it."""
        total = const(0)
        for each in steps:
            found = self._step(process, each, channel, side)
            if found is None:
                return None
            total = total + found
        return total

    def _step(self, process: ProcessNode, step: Step, channel: str, side: Side) -> Expr | None:
        if isinstance(step, Operation):
            if step.kind != side:
                return const(0)
            return const(1) if step.end == channel else const(0) if channel not in channels_of(step.end) else None
        if isinstance(step, Unclear):
            return None if channel in step.channels else const(0)
        if isinstance(step, Loop):
            inner = self.steps(process, step.body, channel, side)
            if inner is None or inner.constant == 0:
                return inner
            return summed(inner, step.variable, step.count) if step.count is not None else None
        if isinstance(step, Drain):
            inner = self.steps(process, step.body, channel, side)
            if inner is None or inner.constant == 0:
                return inner
            turns = self.turns(process, step)
            return inner * turns if turns is not None else None
        if isinstance(step, Branch):
            return self._branch(process, step, channel, side)
        return const(0)

    def _branch(self, process: ProcessNode, branch: Branch, channel: str, side: Side) -> Expr | None:
        arms = [self.steps(process, arm, channel, side) for arm in (branch.then, branch.other)]
        if arms[0] is not None and arms[0] == arms[1]:
            return arms[0]
        taken = _decided(branch.test)
        return None if taken is None else arms[not taken]

    def turns(self, process: ProcessNode, drain: Drain) -> Expr | None:
        """How many tokens a `for x in channel` goes over: all that are not received before it."""
        if not isinstance(drain.end, str) or drain not in process.steps:
            return None  # one of several channels, or a loop that is entered more than once
        sent, node = self.total(drain.end, "send"), self.graph.channel(drain.end)
        before = process.steps[: process.steps.index(drain)]
        taken = self.steps(process, before, drain.end, "recv")
        more = self.steps(process, drain.body, drain.end, "recv")
        drained = any(isinstance(each, Drain) and drain.end in channels_of(each.end) for each in before)
        if sent is None or taken is None or more is None or node.initial is None or drained or more.constant is None:
            return None
        left, each = self.graph.facts.simplify(sent + node.initial - taken), 1 + more.constant
        return left // each if self.graph.facts.divides(each, left) else None


def _decided(test: Test | None) -> bool | None:
    return holds(test, {}) if isinstance(test, Compare) and test.value.constant is not None else None


def summed(value: Expr, variable: str, turns: Expr) -> Expr | None:
    """The sum of an expression over `variable` in `range(turns)`; None where it is not linear in the variable."""
    if variable not in value.symbols:
        return value * turns
    at = [value.substitute({variable: const(each)}) for each in (0, 1, 2)]
    slope = at[1] - at[0]
    if at[2] - at[1] != slope or at[0] + slope * sym(variable) != value:
        return None
    return at[0] * turns + slope * ((turns * (turns - 1)) // 2)


def drains(steps: Iterable[Step], channel: str) -> bool:
    """Whether some of the steps read a channel until it is closed."""
    return any(isinstance(each, Drain) and channel in channels_of(each.end) for each in walk(steps))
