"""Wide tiles are computed where they are used, when only narrow ones have to be handed on for that.

Knows runs and sizes of tiles; does not know kernels.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp_backend_pto.lower.split.order import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.infer.values import Value

__all__ = ["sink"]


def sink(items: Sequence[object], types: Mapping[str, Value], readers: Mapping[str, Sequence[ast.stmt]]) -> None:
    """Moves statements from their run to the later one of the block that alone reads what they make."""
    for number, item in enumerate(items):
        if not isinstance(item, Run):
            continue
        for statement in [each for each in reversed(item.statements) if isinstance(each, ast.AnnAssign)]:
            target = _target(items, number, statement, readers)
            if target is not None and _pays(item, statement, types) and _keeps(items, number, target, statement):
                item.statements.remove(statement)
                items[target].statements.insert(0, statement)  # type: ignore[attr-defined]


def _target(
    items: Sequence[object], number: int, statement: ast.AnnAssign, readers: Mapping[str, Sequence[ast.stmt]]
) -> int | None:
    """The one later run of the same unit that holds every reader of what a statement makes."""
    (name,) = writes(statement) or {""}
    wanted = {id(each) for each in readers.get(name, ())}
    here = items[number]
    for index, item in enumerate(items):
        if index <= number or not isinstance(item, Run) or not isinstance(here, Run):
            continue
        if item.unit == here.unit and item.site is here.site and wanted:
            inside = {id(node) for each in item.statements for node in ast.walk(each)}
            if wanted <= inside:
                return index
    return None


def _pays(run: Run, statement: ast.AnnAssign, types: Mapping[str, Value]) -> bool:
    """Whether a wide tile need not be handed on, and all that is instead is narrow or is handed on anyway."""
    made = {name for each in run.statements for name in writes(each) if each is not statement}
    name = min(writes(statement), default="")
    fresh = [each for each in loads(statement) if each in types and each in made]
    return name in types and not _narrow(types[name]) and bool(fresh) and all(_narrow(types[each]) for each in fresh)


def _narrow(value: Value) -> bool:
    return len(value.dims) < 2 or any(each.constant == 1 for each in value.dims)


def _keeps(items: Sequence[object], number: int, target: int, statement: ast.AnnAssign) -> bool:
    """Whether nothing on the way changes what the statement reads."""
    first = items[number]
    behind = first.statements[first.statements.index(statement) + 1 :] if isinstance(first, Run) else []
    passed: list[ast.stmt] = [*behind]
    for item in items[number + 1 : target]:
        nested = getattr(item, "statement", None)
        passed += item.statements if isinstance(item, Run) else [nested if isinstance(nested, ast.stmt) else item]  # type: ignore[list-item]
    changed = {name for each in passed for name in writes(each)}
    return not changed & (loads(statement) | writes(statement))
