"""How long one instruction keeps its pipe, and when its result is there.

Knows operands and the figures of `isa.cost`; does not know what else runs. Where there is no figure, one is assumed,
and the cost says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from htp_backend_pto.isa.cost import (
    ASSUMED_BANDWIDTH,
    REDUCTIONS,
    SCALAR,
    USUAL,
    VECTOR,
    moved_cycles,
    product_cycles,
    reduction_cycles,
    repeats_of,
    vector_cycles,
)

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Space
    from htp_backend_pto.timing.events import Operand, Run

__all__ = ["Cost", "cost_of"]

COPIES = ("MTE1", "MTE2", "MTE3", "FIX")
SPELLED = {"not": "not_", "and": "and_", "or": "or_"}


@dataclass(frozen=True)
class Cost:
    """Cycles: `busy` before the pipe takes its next instruction, `tail` more until the result is there."""

    busy: int
    tail: int = 0
    assumed: bool = False


@lru_cache(maxsize=65536)
def cost_of(run: Run) -> Cost:
    """What an instruction takes.

    >>> from htp_backend_pto.timing.events import Operand, Run
    >>> tile = Operand("ub", "r", 16, 64, 4)
    >>> cost_of(Run("TADD", "V", (tile, tile, tile)))
    Cost(busy=42, tail=14, assumed=False)
    """
    if run.pipe in COPIES:
        return _copy(run)
    if run.pipe == "M":
        return _product(run)
    return _vector(run) if run.pipe == "V" and run.operands else Cost(SCALAR, assumed=True)


def _copy(run: Run) -> Cost:
    """Bytes by the bandwidth between the memories; the other end of a FIFO is in global memory."""
    source = next((each for each in run.operands if each.mode == "r"), None)
    target = next((each for each in run.operands if each.mode in "wa"), None)
    moved = source or target
    if moved is None:
        return Cost(SCALAR, assumed=True)
    ends = cast("tuple[Space, Space]", (source.space if source else "gm", target.space if target else "gm"))
    cycles = moved_cycles(moved.nbytes, *ends)
    if cycles is None:
        return Cost(math.ceil(moved.nbytes / ASSUMED_BANDWIDTH), assumed=True)
    return Cost(math.ceil(cycles))


def _product(run: Run) -> Cost:
    left = next(each for each in run.operands if each.space == "l0a")
    right = next(each for each in run.operands if each.space == "l0b")
    return Cost(math.ceil(product_cycles(left.rows, left.columns, right.columns, 8 * left.size)))


def _vector(run: Run) -> Cost:
    name = run.name.removeprefix("T").lower()
    name = SPELLED.get(name, name)
    widest = max(run.operands, key=_volume)
    rows, row_bytes = widest.rows, widest.columns * widest.size
    reduced = reduction_cycles(name, rows, math.ceil(row_bytes / 4))
    if reduced is not None:
        return Cost(math.ceil(reduced), assumed=widest.size != 4 or name not in REDUCTIONS)
    cycles = vector_cycles(name, rows, row_bytes)
    if cycles is None:
        return Cost(USUAL.head + USUAL.repeat * repeats_of(rows, row_bytes), USUAL.tail, assumed=True)
    figures = VECTOR[name]
    return Cost(math.ceil(cycles) - figures.tail, figures.tail, figures.assumed)


def _volume(operand: Operand) -> int:
    return operand.nbytes if operand.mode != "s" else 0
