"""An array that a process writes is its own: no other process of the network is given the same memory.

Natively processes run at the same time, and tokens order what they say, not who comes first to an array. Knows who is
given which memory; does not look at what a process does with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from htp.diagnostics import Label, Refused
from htp.types import ScalarType
from htp.values import Array, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr, Facts
    from htp.networks import Network
    from htp.processes import Process
    from htp.types import Param
    from htp_dialect_csp.graph import Graph
    from htp_dialect_csp.symbols import Memory

__all__ = ["check_arrays", "check_given"]


@dataclass(frozen=True)
class _Use:
    """A parameter of a process for which it was given an array."""

    process: str
    param: str
    writes: bool
    place: Span | None = field(compare=False)


def check_given(network: Network, process: Process, params: Sequence[Param], values: Sequence[object]) -> None:
    """Notes the arrays that a process is given; nothing it writes is memory that another one was given, or will be.

    Raises:
        Refused: `csp.shared-array`.
    """
    given = [
        (each, value)
        for each, value in zip(params, values, strict=True)
        if isinstance(value, Array) and not isinstance(each.type, ScalarType)
    ]
    for param, array in given:
        for other, known, memory in network.arrays:
            if not (param.direction == known.direction == "in") and overlap(array, memory):
                raise _shared(_use(other, known), _use(process, param))
    network.arrays += [(process, *each) for each in given]


def check_arrays(graph: Graph) -> None:
    """No process of a network writes memory that another one is given, for all sizes.

    Processes that write what the network only reads are not looked at: that is refused when types are checked.

    Raises:
        Refused: `csp.shared-array`, also where it is not known that two regions are apart.
    """
    for one, two in combinations([each for each in graph.processes if each.arrays], 2):
        for first in one.arrays:
            for second in two.arrays:
                if not (first.writes or second.writes) or _apart(first.memory, second.memory, graph.facts):
                    continue
                if second.memory is None or second.memory.array not in graph.inputs:
                    raise _shared(
                        _Use(one.name, first.param, first.writes, one.place),
                        _Use(two.name, second.param, second.writes, two.place),
                    )


def _use(process: Process, param: Param) -> _Use:
    return _Use(process.name, param.name, param.direction != "in", process.place)


def _apart(one: Memory | None, two: Memory | None, facts: Facts) -> bool:
    """Whether two regions certainly have no element in common."""
    if one is None or two is None:
        return False
    if one.array != two.array:
        return True
    pairs = zip(one.bounds, two.bounds, strict=True)
    return any(_before(a[1], b[0], facts) or _before(b[1], a[0], facts) for a, b in pairs)


def _before(stop: Expr | None, start: Expr | None, facts: Facts) -> bool:
    return stop is not None and start is not None and facts.nonnegative(start - stop)


def _shared(first: _Use, second: _Use) -> Refused:
    does, does_too = ("writes" if each.writes else "reads" for each in (first, second))
    elsewhere = first.place if first.place != second.place else None
    return Refused(
        "csp.shared-array",
        f"'{first.process}' {does} `{first.param}`{_line(first.place)}, and '{second.process}' {does_too} "
        f"`{second.param}`{_line(second.place)} in the same array; processes run at the same time, "
        "so what one of them writes is given to no other",
        span=second.place,
        labels=(Label(span=elsewhere, text=f"'{first.process}' has it"),) if elsewhere is not None else (),
        help="let one process have the array and send the others tiles of it, or buffers of htp.empty, which move; "
        "or give each a slice of its own, as y[0:64] and y[64:128]",
    )


def _line(place: Span | None) -> str:
    return f" (line {place.line})" if place is not None else ""
