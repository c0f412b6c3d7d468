"""The host language as a plugin: routines that call kernels, and their task form."""

from __future__ import annotations

from htp._version import HTP_API
from htp.declarations import Dialect
from htp.hooks import hookimpl

__all__ = ["HTP_API", "htp_dialects"]


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Routines, buffers and slots; and the form of a routine whose calls of kernels are tasks."""
    return (
        Dialect("host", "routines: loops, buffers and calls of kernels, compiled into the artifact"),
        Dialect("tasks", "the task form of routines: calls of kernels that may run at the same time", ("htp.tasks",)),
    )
