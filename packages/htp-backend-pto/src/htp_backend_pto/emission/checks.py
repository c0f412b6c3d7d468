"""What is checked while a graph is built.

Knows the record; where checks are printed is the business of orchestration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """Something that is checked: its code, what it says, the user's place, and what helps."""

    what: Literal["index", "assertion"]
    text: str
    place: str
    code: str
    help: str = ""
