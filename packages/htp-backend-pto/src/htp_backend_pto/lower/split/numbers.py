"""Numbers that kernels change on their way and that others read afterwards: the routine computes them again.

A kernel gives no numbers back. Knows which statements numbers come from; does not know tiles.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["computing", "read_by"]

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
