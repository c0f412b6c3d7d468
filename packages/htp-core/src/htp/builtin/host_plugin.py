"""The host language as a plugin: routines that call kernels, their task form and their process form."""

from __future__ import annotations

from htp._version import HTP_API
from htp.declarations import Dialect
from htp.hooks import hookimpl

__all__ = ["HTP_API", "htp_dialects"]


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Routines, buffers and slots; the forms of a routine whose calls of kernels are tasks or processes."""
    return (
        Dialect("host", "routines: loops, buffers and calls of kernels, compiled into the artifact"),
        Dialect("tasks", "the task form of routines: calls of kernels that may run at the same time", ("htp.tasks",)),
        Dialect("streams", "the process form: kernels that run beside each other and send tokens", ("htp.streams",)),
        Dialect("gangs", "the process form whose processes all run at once, as one task", ("htp.streams",)),
    )
