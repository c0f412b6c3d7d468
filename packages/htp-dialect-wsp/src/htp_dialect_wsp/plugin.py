"""What the package contributes: the dialect and its passes, policies and codes. Knows names; loads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.declarations import CodeFile, Demo, Dialect, Lazy
from htp.hooks import hookimpl
from htp_dialect_wsp.capabilities import Checked, Nested, Scheduled
from htp_dialect_wsp.declarations import PolicyDeclaration

if TYPE_CHECKING:
    from htp.capabilities import Capability, Use
    from htp.passes import Pass

__all__ = [
    "HTP_API", "htp_capabilities", "htp_demos", "htp_diagnostics", "htp_dialects", "htp_passes", "htp_policies",
]  # fmt: skip

HTP_API = 1

HOME = "htp_dialect_wsp"
WORDS = (
    "P", "Dense", "DenseDyn", "Ragged", "Sparse", "combine", "sequential", "scheduled",
    "immediate", "batched", "interleaved", "rate_limit", "fifo", "priority", "by_exec_unit",
)  # fmt: skip
POLICIES = (
    PolicyDeclaration("round_robin", HOME, "the workers one after the other"),
    PolicyDeclaration("affinity", HOME, "one worker for all tasks of a key, new keys in turn"),
    PolicyDeclaration("hash", HOME, "the worker that the hash of the key says"),
    PolicyDeclaration("work_steal", HOME, "in turn, and idle workers take tasks of others"),
    PolicyDeclaration("custom", HOME, "the worker that a helper of the user gives"),
)
PASSES = ("compose:Compose", "races:Check", "scheduling:ApplySchedule", "lower.task_form:Lower")
"""Classes of this package, in the order in which they run."""


@hookimpl
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """What is true of a workload behind each of the passes."""
    return (Nested, Checked, Scheduled)


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Workloads and schedules."""
    return (Dialect("wsp", "workloads, schedules and task graphs", (HOME,), WORDS, ("workload",), "scheduled"),)


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """From workloads to routines in task form."""
    return tuple(Lazy["type[Pass]"](f"{HOME}.{name}") for name in PASSES)


@hookimpl
def htp_policies() -> tuple[PolicyDeclaration, ...]:
    """The policies that every schedule may name."""
    return POLICIES


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `wsp.`."""
    return (CodeFile("wsp", HOME, "codes/wsp.md"),)


@hookimpl
def htp_demos() -> tuple[Demo, ...]:
    """Six workloads beside NumPy."""
    return (
        Demo(
            name="wsp",
            summary="six workloads with schedules: compiled, run as tasks, checked, timed beside NumPy",
            run=Lazy("htp_dialect_wsp.demo:run"),
        ),
    )
