"""How facts, uses and lists are worded in what users read.

Knows words; does not know who says them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.encoding import Ran, Reached, Without
from htp.capabilities import FacetUse, PendingUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.capabilities import Capability, Use

_NOUNS = {"op": "operation", "facet": "layout facet", "pending": "pending reduction"}


def noun(use: Use) -> str:
    """What kind of thing a use is of, such as `dialect` or `operation`."""
    return _NOUNS.get(use.kind, use.kind)


def used(use: Use) -> str:
    r"""A use in words.

    >>> from htp.capabilities import OpUse
    >>> used(OpUse("tile.exp"))
    'operation `tile.exp`'
    """
    more = ""
    if isinstance(use, FacetUse) and use.role:
        more = f" for {use.role}"
    if isinstance(use, PendingUse) and use.axis:
        more = f" over axis `{use.axis}`"
    return f"{noun(use)} `{use.name}`{more}"


def wish(fact: Capability) -> str:
    """A wanted fact in words, whether a pass provides it or the planner made it up."""
    if isinstance(fact, Without):
        return f"no {used(fact.use)}" if fact.use is not None else "nothing left over"
    if isinstance(fact, Ran):
        return f"pinned pass `{fact.name}`"
    if isinstance(fact, Reached):
        return "the milestones in their order"
    return f"`{fact}`"


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names in a row.

    >>> listed(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    quoted = [f"`{each}`" for each in names]
    return f" {word} ".join(part for part in (", ".join(quoted[:-1]), quoted[-1] if quoted else "") if part)
