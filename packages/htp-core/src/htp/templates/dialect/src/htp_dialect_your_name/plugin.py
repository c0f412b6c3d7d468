"""What the package contributes: the dialect, and the pass that lowers it to core's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.declarations import Dialect, Lazy
from htp.hooks import hookimpl

if TYPE_CHECKING:
    from htp.passes import Pass

HTP_API = 1


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Loops over blocks."""
    return (Dialect("your-name", "loops over blocks", ("htp_dialect_your_name",), ("blocks",)),)


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The lowering; it runs whenever a program uses the dialect."""
    return (Lazy["type[Pass]"]("htp_dialect_your_name.lower:LowerBlocks"),)
