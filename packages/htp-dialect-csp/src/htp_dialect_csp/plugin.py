"""What the package contributes: the dialect with its passes, codes and demo. Knows names; loads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.declarations import CodeFile, Demo, Dialect, Lazy
from htp.hooks import hookimpl
from htp_dialect_csp.capabilities import Checked

if TYPE_CHECKING:
    from htp.capabilities import Capability, Use
    from htp.passes import Pass

__all__ = ["HTP_API", "htp_capabilities", "htp_demos", "htp_diagnostics", "htp_dialects", "htp_passes"]

HTP_API = 1

HOME = "htp_dialect_csp"
KINDS = ("process", "network")
WORDS = ("Channel", "EOS", "NONE", "broadcast", "replicate", "select", "spawn", "stop")
PASSES = ("checking:Check", "lower.process_form:Lower", "lower.task_form:Tasks")
"""Classes of this package, in the order in which they run."""
CONSTRUCTS = ("For", "Is", "NamedExpr", "Starred")


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Processes, channels and networks."""
    return (
        Dialect(
            "csp",
            "processes, channels and networks",
            (HOME,),
            WORDS,
            KINDS,
            constructs=CONSTRUCTS,
            recursive=("process",),
        ),
    )


@hookimpl
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """What is true of a network behind the checks."""
    return (Checked,)


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """From networks to routines in process form."""
    return tuple(Lazy["type[Pass]"](f"{HOME}.{name}") for name in PASSES)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `csp.`."""
    return (CodeFile("csp", "htp_dialect_csp", "codes/csp.md"),)


@hookimpl
def htp_demos() -> tuple[Demo, ...]:
    """Six networks, drawn with their times."""
    return (
        Demo(
            name="csp",
            summary="six networks of processes: compiled, run, checked, timed, drawn",
            run=Lazy("htp_dialect_csp.demo:run"),
        ),
    )
