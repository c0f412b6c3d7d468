"""Workloads and schedules: what is computed, and, apart from it, in which order, where and with what resources.

The public face; everything is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp_dialect_wsp.axes import Dense, DenseDyn, Ragged, Sparse
    from htp_dialect_wsp.policies import Policy, affinity, custom, hash, round_robin, work_steal
    from htp_dialect_wsp.schedules import Schedule, schedule
    from htp_dialect_wsp.settings import batched, by_exec_unit, fifo, immediate, interleaved, priority, rate_limit
    from htp_dialect_wsp.walks import P
    from htp_dialect_wsp.workloads import combine, scheduled, sequential, workload

_HOMES = {
    "htp_dialect_wsp.axes": ("Dense", "DenseDyn", "Ragged", "Sparse"),
    "htp_dialect_wsp.policies": ("Policy", "affinity", "custom", "hash", "round_robin", "work_steal"),
    "htp_dialect_wsp.schedules": ("Schedule", "schedule"),
    "htp_dialect_wsp.settings": (
        "batched", "by_exec_unit", "fifo", "immediate", "interleaved", "priority", "rate_limit",
    ),
    "htp_dialect_wsp.walks": ("P",),
    "htp_dialect_wsp.workloads": ("combine", "scheduled", "sequential", "workload"),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Dense",
    "DenseDyn",
    "P",
    "Policy",
    "Ragged",
    "Schedule",
    "Sparse",
    "affinity",
    "batched",
    "by_exec_unit",
    "combine",
    "custom",
    "fifo",
    "hash",
    "immediate",
    "interleaved",
    "priority",
    "rate_limit",
    "round_robin",
    "schedule",
    "scheduled",
    "sequential",
    "work_steal",
    "workload",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'htp_dialect_wsp' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
