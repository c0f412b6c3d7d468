"""How many slots a pipe between the cores of a cluster needs so that it holds as many tokens as its channel.

A producer learns of free slots in batches of half the ring, so that a ring of 2 n slots may only hold n + 1; one of
three learns of each, one of two does not hold two, and an odd one from five on does not wait where it should.
Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TPush.hpp (`SyncPeriod`, `shouldWaitFree`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.program import origin_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from htp_backend_pto.lower.cluster.reading import Stream

__all__ = ["FLAGS", "LARGEST", "checked", "slots_for"]

LARGEST = 9
"""The largest capacity that a ring of 16 slots holds for sure."""
FLAGS = 16
"""Flags of a cluster; a pipe takes two."""


def slots_for(capacity: int) -> int:
    """The least ring that holds `capacity` tokens for sure.

    >>> [slots_for(each) for each in (1, 2, 3, 4, 5, 6, 7, 9)]
    [1, 3, 3, 6, 8, 10, 12, 16]
    """
    return 1 if capacity == 1 else 3 if capacity <= 3 else 2 * (capacity - 1)


def checked(streams: Sequence[Stream]) -> None:
    """Refuses channels that no pipes can be.

    Raises:
        Refused: `pto.tpipe-slots`.
    """
    for each in streams:
        if each.capacity < 1:
            raise _refused(each.statement, f"channel '{each.name}' is a rendezvous, and a pipe has room", 1)
        if each.capacity > LARGEST:
            said = f"channel '{each.name}' has room for {each.capacity} tokens, and a pipe for at most {LARGEST}"
            raise _refused(each.statement, said, LARGEST)
    if 2 * len(streams) > FLAGS:
        said = f"{len(streams)} channels need {2 * len(streams)} flags, and a cluster has {FLAGS}"
        last = streams[-1].statement
        raise Refused("pto.tpipe-slots", said, span=origin_of(last), help="send through fewer channels")


def _refused(statement: ast.stmt, said: str, instead: int) -> Refused:
    help = f"write `capacity={instead}`, or compile without the pin of `pto.cluster`"
    return Refused("pto.tpipe-slots", said, span=origin_of(statement), help=help)
