"""Numbers that kernels change on their way. Where others read them afterwards, the routine computes them again.

A kernel gives no numbers back. Knows which statements numbers come from; does not know tiles.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.infer.values import Index, Number
from htp.liveness import loads, writes
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.infer.state import Inference

__all__ = ["assigned_within", "computing", "read_by"]

Compound = ast.For | ast.While | ast.If


def computing(wanted: Iterable[str], body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements of `body`, without all others, that the values of these numbers behind it come from."""
    needed = frozenset(wanted)
    while True:
        kept = _only(needed, body)
        more = needed.union(*(read_by(each) for each in walk(kept)))
        if more == needed:
            return kept
        needed = more


def assigned_within(body: Sequence[ast.stmt], known: Inference) -> dict[str, tuple[str, ast.expr]]:
    """The numbers that statements assign without saying what they are, by kind, each with a value of that kind."""
    stores = [each for each in walk(body) if isinstance(each, ast.Assign | ast.AnnAssign)]
    declared = {name for each in stores if isinstance(each, ast.AnnAssign) for name in writes(each)}
    found: dict[str, tuple[str, ast.expr]] = {}
    for target in (each.targets[0] for each in stores if isinstance(each, ast.Assign)):
        value = known.types.get(id(target))
        if not isinstance(target, ast.Name) or target.id in declared:
            continue
        if isinstance(value, Index):
            found[target.id] = ("i64", ast.Constant(0))
        elif isinstance(value, Number):
            found[target.id] = ("bool_", ast.Constant(False)) if value.kind == "bool" else ("f64", ast.Constant(0.0))
    return found


def read_by(statement: ast.stmt) -> frozenset[str]:
    """What a statement reads; what a loop or branch does at its head."""
    match statement:
        case ast.For(iter=head) | ast.While(test=head) | ast.If(test=head):
            return loads(head)
        case _:
            return loads(statement)


def _only(names: frozenset[str], body: Sequence[ast.stmt]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for each in body:
        if isinstance(each, Compound):
            inner = _only(names, each.body)
            orelse = [] if isinstance(each, ast.While) else _only(names, each.orelse)
            if inner or orelse:
                kept.append(with_blocks(each, inner, orelse))
        elif writes(each) & names:
            kept.append(each)
    return kept
