"""Places of the user: where a call comes from, and how a program spells a place. Knows frames and spans."""

from __future__ import annotations

import inspect
from pathlib import PurePath

from htp.diagnostics import Span

__all__ = ["place_text", "user_place"]

OWN = ("htp", "htp_dialect_wsp")
DEMOS = "htp_dialect_wsp.demos"


def user_place() -> Span | None:
    """The innermost line that runs now and is not of HTP or of this package, nor makes a value such as a policy."""
    frame = inspect.currentframe()
    while frame is not None and (
        _own(frame.f_globals.get("__name__", "")) or frame.f_code.co_name in ("__init__", "__post_init__")
    ):
        frame = frame.f_back
    return None if frame is None else Span(file=frame.f_code.co_filename, line=frame.f_lineno)


def place_text(span: Span | None) -> str:
    """A place as checks in a program spell it: the file's name and the line."""
    return f"{PurePath(span.file).name}:{span.line}" if span is not None else ""


def _own(module: str) -> bool:
    return module.partition(".")[0] in OWN and not module.startswith(DEMOS)
