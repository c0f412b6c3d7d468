"""What is wrong with a use of channels, in one wording for Python, compilation and native runs.

Knows names and places; does not know channels or processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.diagnostics import Span
    from htp.links import Side

__all__ = ["already_closed", "end_shared", "not_selected", "selected_badly"]


def already_closed(operation: Literal["send", "close"], name: str, closed_at: int, here: Span | None) -> Refused:
    """The refusal of a send on a channel that was closed at a line (0: unknown), or of another close."""
    line = f" at line {closed_at}" if closed_at else ""
    where = f" (line {here.line})" if here is not None else ""
    if operation == "send":
        return Refused(
            "csp.send-after-close",
            f"send on '{name}'{where}, which was closed{line}",
            span=here,
            help="close a channel behind its last send; a process closes its channels when it returns",
        )
    return Refused(
        "csp.double-close",
        f"'{name}' is closed again{where}; it was closed{line}",
        span=here,
        help="close it once, or not at all: a process closes its channels when it returns",
    )


def end_shared(
    channel: str, side: Side, names: tuple[str, str], places: tuple[Span | None, Span | None]
) -> Refused:
    """The refusal of an end of a channel of that name that two processes have."""
    plural, other = ("senders", "receive from both") if side == "send" else ("receivers", "send to both")
    lines = [f" (line {place.line})" if place is not None else "" for place in places]
    first, second = (f"'{name}'{line}" for name, line in zip(names, lines, strict=True))
    return Refused(
        "csp.endpoint-shared",
        f"channel '{channel}' has two {plural}: {first} and {second}; a FIFO has exactly one. "
        f"Use two channels and {other}, or merge the processes",
        span=places[1],
        help="give each end of a channel to one process",
    )


def not_selected(given: str, place: Span | None) -> Refused:
    """The refusal of a select between something else than ends of channels."""
    return Refused(
        "csp.not-an-end",
        f"`select` takes a list of channels, and is given {given}",
        span=place,
        help="list the channels that it waits for: `select([a, b])`",
    )


def selected_badly(names: Sequence[str], channels: Sequence[object], place: Span | None) -> Refused | None:
    """The refusal of a select between channels of these names, of which there are none or one is listed twice."""
    if not names:
        return Refused(
            "type.bad-arguments",
            "`select` needs at least one channel",
            span=place,
            help="list the channels that it waits for: `select([a, b])`",
        )
    twice = next((name for k, name in enumerate(names) if channels[k] in channels[:k]), None)
    if twice is None:
        return None
    return Refused(
        "type.bad-arguments",
        f"`select` lists '{twice}' twice",
        span=place,
        help="list each channel once: the first one listed that has a token is taken",
    )
