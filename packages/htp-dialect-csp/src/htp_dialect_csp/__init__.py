"""Processes, channels and networks: programs whose values, simulated times and deadlocks are the same in every run.

The public face; everything is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.channels import EOS, NONE, select
    from htp.deadlocks import Deadlock
    from htp.processes import stop
    from htp_dialect_csp.channels import Channel, Recv, Send
    from htp_dialect_csp.processes import broadcast, network, process, replicate, simulate, spawn

_HOMES = {
    "htp.channels": ("EOS", "NONE", "select"),
    "htp.deadlocks": ("Deadlock",),
    "htp.processes": ("stop",),
    "htp_dialect_csp.channels": ("Channel", "Recv", "Send"),
    "htp_dialect_csp.processes": ("broadcast", "network", "process", "replicate", "simulate", "spawn"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "EOS",
    "NONE",
    "Channel",
    "Deadlock",
    "Recv",
    "Send",
    "broadcast",
    "network",
    "process",
    "replicate",
    "select",
    "simulate",
    "spawn",
    "stop",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'htp_dialect_csp' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
