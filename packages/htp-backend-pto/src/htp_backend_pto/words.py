"""What kernels say to order the pipes of a core; in Python, where one instruction follows the other, they do nothing.

Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/type.hpp (pipes, events), docs/coding/Event.md.
"""

from __future__ import annotations

from typing import Literal, SupportsIndex, get_args

__all__ = ["EVENTS", "PIPES", "PipeName", "pipe_barrier", "set_flag", "wait_flag"]

PipeName = Literal["S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX"]
PIPES: tuple[str, ...] = get_args(PipeName)
EVENTS = 8
"""Events for each ordered pair of pipes."""


def set_flag(src: PipeName, dst: PipeName, event: SupportsIndex) -> None:
    """Raises an event for `dst` when `src` has done everything that stands before this line."""
    del src, dst, event


def wait_flag(src: PipeName, dst: PipeName, event: SupportsIndex) -> None:
    """Holds what stands behind this line on `dst` until the event was raised on `src`, and lowers it."""
    del src, dst, event


def pipe_barrier(pipe: PipeName | Literal["ALL"]) -> None:
    """Holds what stands behind this line on `pipe` until everything before it has been done there, or on every pipe."""
    del pipe
