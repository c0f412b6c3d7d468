"""What the package contributes: the dialect and its passes and codes. Knows names; loads nothing."""

from __future__ import annotations

from htp.declarations import CodeFile, Dialect
from htp.hooks import hookimpl

__all__ = ["HTP_API", "htp_diagnostics", "htp_dialects"]

HTP_API = 1


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Processes, channels and networks."""
    return (Dialect("csp", "processes, channels and networks", ("htp_dialect_csp",), (), ("process", "network")),)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `csp.`."""
    return (CodeFile("csp", "htp_dialect_csp", "codes/csp.md"),)
