"""Wide tiles are computed where they are used, when only narrow ones have to be handed on for that, or none at all.

Knows runs and sizes of tiles; does not know kernels.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp_backend_pto.lower.split.order import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.values import Value
    from htp_backend_pto.lower.split.tree import Item, Tree

__all__ = ["sink"]


def sink(items: list[Item], tree: Tree) -> None:
    """Moves statements from their run to the later one of the block that alone reads what they make."""
    for number, item in enumerate(items):
        if not isinstance(item, Run):
            continue
        for statement in [each for each in reversed(item.statements) if isinstance(each, ast.AnnAssign)]:
            target = _target(items, number, statement, tree)
            if target is not None and _pays(item, statement, tree) and _keeps(items, number, target, statement, tree):
                item.statements.remove(statement)
                items[target].statements.insert(0, statement)  # type: ignore[union-attr]
    items[:] = [each for each in items if not isinstance(each, Run) or each.statements]


def _target(items: Sequence[Item], number: int, statement: ast.AnnAssign, tree: Tree) -> int | None:
    """The one later run of the same unit that holds every reader of what a statement makes."""
    (name,) = writes(statement) or {""}
    wanted = {id(each) for each in tree.units.readers.get(name, ())}
    here = items[number]
    for index, item in enumerate(items):
        if index <= number or not isinstance(item, Run) or not isinstance(here, Run):
            continue
        if item.unit == here.unit and item.site is here.site and wanted:
            inside = {id(node) for each in item.statements for node in ast.walk(each)}
            if wanted <= inside:
                return index
    return None


def _pays(run: Run, statement: ast.AnnAssign, tree: Tree) -> bool:
    """Whether a wide tile need not be handed on, and all that is instead is narrow or is handed on anyway.

    Where nothing is handed on instead, no more than one wide tile is loaded for it.
    """
    made = {name for each in run.statements for name in writes(each) if each is not statement}
    name = min(writes(statement), default="")
    read = [each for each in sorted(loads(statement)) if each in tree.types]
    fresh = [each for each in read if each in made]
    loaded = [each for each in read if each in tree.made and not _narrow(tree.types[each])]
    wide = name in tree.types and not _narrow(tree.types[name])
    alone = len(loaded) == 1 and tree.made.keys() >= {*read}
    return wide and (alone or bool(fresh)) and all(_narrow(tree.types[each]) for each in fresh)


def _narrow(value: Value) -> bool:
    return len(value.dims) < 2 or any(each.constant == 1 for each in value.dims)


def _keeps(items: Sequence[Item], number: int, target: int, statement: ast.AnnAssign, tree: Tree) -> bool:
    """Whether nothing on the way changes what the statement reads."""
    first = items[number]
    passed = [*first.statements[first.statements.index(statement) + 1 :]] if isinstance(first, Run) else []
    for item in items[number + 1 : target]:
        passed += item.statements if isinstance(item, Run) else [item if isinstance(item, ast.stmt) else item.statement]
    names = {name for each in passed for name in writes(each)}
    arrays = {name for each in passed for name in tree.stored(each)}
    return not names & (loads(statement) | writes(statement)) and not arrays & tree.loaded(statement)
