"""The user's line that something runs at. Knows frames; does not know what was called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from htp.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import FrameType

__all__ = ["user_frame", "user_line"]


def user_frame(frame: FrameType | None = None, *, own: Collection[str] = ("htp",)) -> FrameType | None:
    """The innermost frame, from `frame` or this one outwards, whose code is of no package or module of `own`."""
    inside = tuple(f"{each}." for each in own)
    frame = frame or inspect.currentframe()
    while frame is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(inside):
        frame = frame.f_back
    return frame


def user_line(frame: FrameType | None = None, *, own: Collection[str] = ("htp",)) -> Span | None:
    """The place of `user_frame`."""
    found = user_frame(frame, own=own)
    return None if found is None else Span(file=found.f_code.co_filename, line=found.f_lineno)
