"""What the package contributes: one pass, loaded when a program is first compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.declarations import Lazy
from htp.hooks import hookimpl

if TYPE_CHECKING:
    from htp.passes import Pass

HTP_API = 1


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The pass; no target asks for it, so that it runs where it is pinned."""
    return (Lazy["type[Pass]"]("htp_pass_your_name.logistic:Logistic"),)
