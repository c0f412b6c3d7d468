"""Channels can be made, and their ends are linear: one sender, one receiver, nothing is sent behind a close.

Knows who holds an end and in which order a process uses it; does not count (`counts` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Label, Refused
from htp.networks import unconnected
from htp_dialect_csp.channels import bad_number, too_many_tokens
from htp_dialect_csp.matching import check_carried
from htp_dialect_csp.steps import Branch, Drain, Loop, Operation, Unclear, channels_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.diagnostics import Diagnostic, Span
    from htp_dialect_csp.graph import Graph, ProcessNode
    from htp_dialect_csp.steps import Step

__all__ = ["check_channels", "check_closes", "check_ends", "check_payloads", "check_uses"]

Side = Literal["send", "recv"]
SIDES: tuple[Side, ...] = ("send", "recv")
NEEDED: Mapping[str, Side] = {"peek": "recv", "select": "recv", "try_recv": "recv", "try_send": "send"}
"""The ends that words need of which it is not known before the run what they do."""


def check_channels(graph: Graph) -> None:
    """No number of a channel is below 0, and its initial tokens fit into it.

    Raises:
        Refused: `csp.bad-channel`.
    """
    for channel in graph.channels:
        for name in ("capacity", "latency", "response"):
            number: int | None = getattr(channel, name)
            if number is not None and number < 0:
                raise bad_number(name, number, 0, channel.place)
        if channel.initial is not None and channel.capacity is not None and channel.initial > channel.capacity:
            raise too_many_tokens(channel.initial, channel.capacity, channel.place)


def check_ends(graph: Graph) -> None:
    """Every channel has one sender and one receiver.

    Raises:
        Refused: `csp.endpoint-shared`; `csp.unconnected` where everything that the network declares is known.
    """
    alone: list[Diagnostic] = []
    for channel in graph.channels:
        for side in SIDES:
            holders = _holders(graph, channel.name, side)
            if len(holders) > 1:
                raise _shared(channel.name, side, holders[0], holders[1])
            if not holders and graph.complete:
                alone += unconnected(channel.name, side, graph.name, channel.place).diagnostics
    if alone:
        raise Refused.of(*alone)


def check_payloads(graph: Graph) -> None:
    """Both ends of every channel are declared as what the channel carries.

    Raises:
        Refused: `csp.payload`.
    """
    for process in graph.processes:
        dims: dict[str, str] = {}
        for end in process.ends:
            carried = next((each.carried for each in graph.channels if each.name == end.channel), None)
            if carried is not None and end.declared is not None:
                check_carried(end.channel, carried, end.declared, process.name, end.side, dims, process.place)


def check_uses(graph: Graph) -> None:
    """Every process sends where it has the sending end, and receives where it has the receiving one.

    Raises:
        Refused: `csp.wrong-end`.
    """
    for process in graph.processes:
        for each in walk(process.steps):
            side, channels = _use(each)
            for name in channels:
                if side is not None and not process.holds(name, side):
                    raise _wrong(process, name, side, each)


def _use(step: Step) -> tuple[Side | None, tuple[str, ...]]:
    """The end of which channels a step needs; None where it needs neither."""
    if isinstance(step, Operation):
        return "recv" if step.kind == "recv" else "send", channels_of(step.end)
    if isinstance(step, Drain):
        return "recv", channels_of(step.end)
    return (NEEDED.get(step.what), step.channels) if isinstance(step, Unclear) else (None, ())


def _wrong(process: ProcessNode, name: str, side: Side, step: Step) -> Refused:
    does, has, form = ("sends on", "receiving", "Send") if side == "send" else ("receives from", "sending", "Recv")
    return Refused(
        "csp.wrong-end",
        f"'{process.name}' {does} '{name}', of which it has the {has} end",
        span=step.place if isinstance(step, Operation | Drain | Unclear) else None,
        help=f"declare the parameter as {form}[…], and give that end to no other process",
    )


def check_closes(graph: Graph) -> None:
    """No process sends on a channel that it has closed, or closes it again.

    Raises:
        Refused: `csp.send-after-close`, `csp.double-close`.
    """
    for process in graph.processes:
        _follow(process.steps, {})


def _follow(steps: Iterable[Step], closed: dict[str, Span | None]) -> dict[str, Span | None]:
    """The channels that are certainly closed behind the steps, each with the place of the close."""
    for each in steps:
        if isinstance(each, Operation) and isinstance(each.end, str):
            _operation(each, each.end, closed)
        elif isinstance(each, Branch):
            then, other = (_follow(arm, dict(closed)) for arm in (each.then, each.other))
            closed |= {name: place for name, place in then.items() if name in other}
        elif isinstance(each, Drain) or (isinstance(each, Loop) and not _repeats(each)):
            _follow(each.body, dict(closed))
        elif isinstance(each, Loop):
            # What the first turn closes is closed in the second one.
            closed |= _follow(each.body, _follow(each.body, closed))
    return closed


def _operation(step: Operation, name: str, closed: dict[str, Span | None]) -> None:
    if step.kind == "close":
        if name in closed:
            raise Refused(
                "csp.double-close",
                f"'{name}' is closed again{_line(step.place)}; it was closed{_at(closed[name])}",
                span=step.place,
                labels=_label(closed[name], "closed here"),
                help="close it once, or not at all: a process closes its channels when it returns",
            )
        closed[name] = step.place
    elif step.kind == "send" and name in closed:
        raise Refused(
            "csp.send-after-close",
            f"send on '{name}'{_line(step.place)}, which was closed{_at(closed[name])}",
            span=step.place,
            labels=_label(closed[name], "closed here"),
            help="close a channel behind its last send; a process closes its channels when it returns",
        )


def _repeats(loop: Loop) -> bool:
    """Whether a loop certainly has a second turn."""
    return loop.endless or (loop.count is not None and (loop.count.constant or 0) > 1)


def _holders(graph: Graph, channel: str, side: Side) -> list[ProcessNode]:
    """A process for each time that an end of a channel was given."""
    return [
        process for process in graph.processes for each in process.ends if each.channel == channel and each.side == side
    ]


def _shared(channel: str, side: Side, first: ProcessNode, second: ProcessNode) -> Refused:
    plural, other = ("senders", "receive from both") if side == "send" else ("receivers", "send to both")
    return Refused(
        "csp.endpoint-shared",
        f"channel '{channel}' has two {plural}: '{first.name}'{_line(first.place)} and "
        f"'{second.name}'{_line(second.place)}; a FIFO has exactly one. "
        f"Use two channels and {other}, or merge the processes",
        span=second.place,
        labels=_label(first.place, f"'{first.name}' has it"),
        help="give each end of a channel to one process",
    )


def _line(place: Span | None) -> str:
    return f" (line {place.line})" if place is not None else ""


def _at(place: Span | None) -> str:
    return f" at line {place.line}" if place is not None else ""


def _label(place: Span | None, text: str) -> tuple[Label, ...]:
    return (Label(span=place, text=text),) if place is not None else ()
