"""Statements of a block put in the order in which each unit has the longest runs of work.

Knows which statements must stay in order; does not know kernels.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.effects import has_effect
from htp.liveness import loads, writes
from htp_backend_pto.lower.sites import Site, site_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.infer.state import Inference
    from htp_backend_pto.lower.units import Unit

__all__ = ["Node", "Run", "grouped", "node_of"]


@dataclass(frozen=True)
class Node:
    """A statement of a block: its unit if it becomes part of a kernel, and all that it reads and writes."""

    statement: ast.stmt
    unit: Unit | None
    reads: frozenset[str]
    writes: frozenset[str]
    arrays_read: frozenset[str]
    arrays_written: frozenset[str]
    effect: bool = False

    @property
    def works(self) -> bool:
        """Whether it is, or may hold, work for a unit."""
        return self.unit is not None or isinstance(self.statement, ast.For | ast.While | ast.If)

    def before(self, other: Node) -> bool:
        """Whether `other`, which stands behind this statement, must stay there."""
        return bool(
            self.writes & (other.reads | other.writes)
            or self.reads & other.writes
            or self.arrays_written & (other.arrays_read | other.arrays_written)
            or self.arrays_read & other.arrays_written
            or (self.effect and (other.effect or other.works))
            or (self.works and other.effect)
        )


@dataclass
class Run:
    """Statements of one unit that become one kernel."""

    unit: Unit
    statements: list[ast.stmt] = field(default_factory=list[ast.stmt])
    site: Site | None = None


def node_of(
    statement: ast.stmt, unit: Unit | None, known: Inference, loaded: frozenset[str] = frozenset()
) -> Node:
    """What a statement touches, with all that is in it; `loaded` are arrays that tiles are loaded from for it."""
    inside = {id(each) for each in ast.walk(statement)}
    accesses = [each for each in known.accesses if id(each.node) in inside]
    kernel_work = unit is not None or isinstance(statement, ast.Assign | ast.AnnAssign)
    return Node(
        statement,
        unit,
        loads(statement),
        writes(statement),
        frozenset(each.root for each in accesses if not each.writes) | loaded,
        frozenset(each.root for each in accesses if each.writes),
        not kernel_work and has_effect(statement),
    )


def grouped(nodes: Iterable[Node]) -> list[Run | ast.stmt]:
    """The statements in an order that keeps every dependence, with those of one unit together as long as possible."""
    left = list(nodes)
    result: list[Run | ast.stmt] = []
    while left:
        last = result[-1] if result else None
        unit, site = (last.unit, last.site) if isinstance(last, Run) else (None, None)
        ready = [each for number, each in enumerate(left) if not any(one.before(each) for one in left[:number])]
        plain = [each for each in ready if each.unit is None and not _is_compound(each.statement)]
        same = [
            each for each in ready if each.unit is not None and each.unit == unit and site_of(each.statement) is site
        ]
        chosen = (plain or same or ready)[0]
        left.remove(chosen)
        if chosen.unit is None:
            if isinstance(last, Run) and not _is_compound(chosen.statement):
                _put(result, last, chosen)
            else:
                result.append(chosen.statement)
        elif isinstance(last, Run) and chosen in same:
            last.statements.append(chosen.statement)
        else:
            result.append(Run(chosen.unit, [chosen.statement], site_of(chosen.statement)))
    return result


def _put(result: list[Run | ast.stmt], run: Run, node: Node) -> None:
    """Numbers that a run needs are before it, those that it takes part in in it; the routine's own are behind it."""
    names = frozenset(name for each in run.statements for name in writes(each))
    used = frozenset(name for each in run.statements for name in loads(each))
    parts = ast.walk(node.statement)
    if node.effect or node.arrays_read:
        result.append(node.statement)
    elif not names & (node.reads | node.writes) and not used & node.writes:
        result.insert(len(result) - 1, node.statement)
    elif site_of(node.statement) is run.site and not any(isinstance(each, ast.Attribute) for each in parts):
        run.statements.append(node.statement)  # the routine computes it again if it needs it too
    else:
        result.append(node.statement)


def _is_compound(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.For | ast.While | ast.If)
