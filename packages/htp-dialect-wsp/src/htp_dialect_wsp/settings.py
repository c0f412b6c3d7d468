"""Values that directives take: when tasks are released, which ready task is first, what makes a pool.

Knows their texts; does not know what a target makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from htp_dialect_wsp.cursors import Expression, expression_text
from htp_dialect_wsp.values import Value, at_least

__all__ = ["batched", "by_exec_unit", "fifo", "immediate", "interleaved", "priority", "rate_limit"]


@dataclass(frozen=True)
class immediate(Value):  # noqa: N801 - the word that programs use
    """Every task is released when it is submitted."""


@dataclass(frozen=True)
class batched(Value):  # noqa: N801
    """Tasks are released `tasks` at a time; the last ones together, however few."""

    tasks: int

    def __post_init__(self) -> None:
        """Checks the numbers."""
        at_least(1, self.tasks, "batched", "tasks")


@dataclass(frozen=True)
class interleaved(Value):  # noqa: N801
    """A worker takes ready tasks from the streams in turn."""


@dataclass(frozen=True)
class rate_limit(Value):  # noqa: N801
    """At most `tasks` tasks are released in `cycles` simulated cycles."""

    tasks: int
    cycles: int

    def __post_init__(self) -> None:
        """Checks the numbers."""
        at_least(1, self.tasks, "rate_limit", "tasks")
        at_least(1, self.cycles, "rate_limit", "cycles")


@dataclass(frozen=True)
class fifo(Value):  # noqa: N801
    """Of the ready tasks of a worker the one submitted first runs first."""


@dataclass(frozen=True)
class priority(Value):  # noqa: N801
    """Of the ready tasks of a worker the one of highest priority runs first: an expression over loop variables."""

    key: str | int | Expression

    def __post_init__(self) -> None:
        """Makes text of the expression."""
        object.__setattr__(self, "key", expression_text(self.key))


@dataclass(frozen=True)
class by_exec_unit(Value):  # noqa: N801
    """Kernels with a matrix product have one pool of workers, the others another."""
