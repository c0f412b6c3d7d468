"""An HTP dialect: loops over blocks. What stands here is what programs may use, and what it does in Python."""

from __future__ import annotations

__all__ = ["blocks"]


def blocks(extent: int, size: int) -> range:
    """Where the blocks of an axis begin; the last block may be shorter.

    >>> list(blocks(10, 4))
    [0, 4, 8]
    """
    return range(0, extent, size)
