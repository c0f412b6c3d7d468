"""Names that nothing has yet, for passes and printers that need one more.

Knows strings only.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["fresh", "numbered", "unused"]


def unused(name: str, taken: Container[str]) -> str:
    """`name`, or `name_2`, `name_3` and so on where it is taken.

    >>> unused("x", {"x", "x_2"})
    'x_3'
    """
    return name if name not in taken else next(each for k in count(2) if (each := f"{name}_{k}") not in taken)


def fresh(name: str, taken: set[str]) -> str:
    """`unused(name, taken)`, which is taken from then on."""
    taken.add(chosen := unused(name, taken))
    return chosen


def numbered(base: str, taken: set[str], first: int = 1) -> str:
    """`base` with the lowest number from `first` on that is not taken, which it is from then on.

    >>> numbered("t", {"t_1"})
    't_2'
    """
    chosen = next(each for k in count(first) if (each := f"{base}_{k}") not in taken)
    taken.add(chosen)
    return chosen
