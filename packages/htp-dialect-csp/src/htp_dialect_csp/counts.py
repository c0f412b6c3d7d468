"""Sends equal receives: on every channel, for all sizes, whichever way branches go.

Knows what is told to the user; how tokens are counted is `tallies`, and what cannot be counted is left to the run.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Diagnostic, Refused
from htp.dims import const
from htp_dialect_csp.given import alike, allowed
from htp_dialect_csp.steps import Branch, Drain, Loop, Operation, Unclear, channels_of, walk
from htp_dialect_csp.tallies import Tallies, drains

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp_dialect_csp.graph import ChannelNode, Graph, ProcessNode
    from htp_dialect_csp.steps import Steps

__all__ = ["check_counts", "counts_differ"]

Side = Literal["send", "recv"]
SIZES = (64, 1000, 5, 3, 2, 1)


def check_counts(graph: Graph) -> tuple[Diagnostic, ...]:
    """Notes on the channels whose tokens cannot be counted before the run.

    Raises:
        Refused: `csp.no-close`, `csp.branch`, `csp.count`.
    """
    tallies = Tallies(graph)
    found: list[Diagnostic] = []
    for channel in graph.channels:
        senders, receivers = graph.at(channel.name, "send"), graph.at(channel.name, "recv")
        if len(senders) == len(receivers) == 1:
            found += _checked(tallies, channel, senders[0], receivers[0])
    return tuple(found)


def _checked(
    tallies: Tallies, channel: ChannelNode, sender: ProcessNode, receiver: ProcessNode
) -> Iterator[Diagnostic]:
    name = channel.name
    if drains(receiver.steps, name):
        _check_close(name, sender, receiver)
        return
    sent, received = tallies.total(name, "send"), tallies.total(name, "recv")
    if sent is None or received is None:
        ends: tuple[tuple[ProcessNode, Side, Expr | None], ...]
        ends = ((sender, "send", received), (receiver, "recv", sent))
        for process, side, other in ends:
            branch = _uneven(tallies, process, process.steps, name, side)
            # Where the other side cannot be counted either, both may depend on the same data.
            if branch is not None and other is not None:
                raise _branches(branch, name, side, receiver if side == "send" else sender, other)
        if not (_forever(sender) and _forever(receiver)):
            yield _note(name, sender if sent is None else receiver)
        return
    initial = channel.initial or 0
    facts = tallies.graph.facts
    if facts.equal(sent, received) is not True and facts.equal(sent + initial, received) is not True:
        witness = _witness(tallies.graph, sent, received, initial)
        if witness is None:
            yield _note(name, receiver)
        else:
            raise counts_differ(name, sender, receiver, sent, received, witness)


# end of stream --------------------------------------------------------------------------------------------------------


def _check_close(name: str, sender: ProcessNode, receiver: ProcessNode) -> None:
    closes = any(
        (isinstance(each, Operation) and each.kind == "close" and name in channels_of(each.end))
        or (isinstance(each, Unclear) and each.what == "spawn" and name in each.channels)
        for each in walk(sender.steps)
    )
    if not closes and _forever(sender):
        drain = next(each for each in walk(receiver.steps) if isinstance(each, Drain) and name in channels_of(each.end))
        raise Refused(
            "csp.no-close",
            f"'{receiver.name}' reads '{name}' until it is closed, but its sender '{sender.name}' never returns "
            f"and never calls {name}.close()",
            span=drain.place,
            help=f"let '{sender.name}' return, or call close() behind its last send",
        )


def _forever(process: ProcessNode) -> bool:
    return any(isinstance(each, Loop) and each.endless for each in process.steps)


# branches -------------------------------------------------------------------------------------------------------------


def _uneven(tallies: Tallies, process: ProcessNode, steps: Steps, channel: str, side: Side) -> Branch | None:
    """The first branch on data of which one side uses the channel more often than the other.

    A loop whose turns depend on data may make up for it, and a branch on the time cannot be judged before the run.
    """
    for each in steps:
        inner: Steps = ()
        if isinstance(each, Branch) and not each.timed:
            inner = (*each.then, *each.other)
            then, other = (tallies.steps(process, arm, channel, side) for arm in (each.then, each.other))
            equal = then is None or other is None or tallies.graph.facts.equal(then, other)
            if each.test is None and not equal:
                return each
        elif isinstance(each, Drain) or (isinstance(each, Loop) and (each.endless or each.count is not None)):
            inner = each.body
        if (found := _uneven(tallies, process, inner, channel, side)) is not None:
            return found
    return None


def _branches(branch: Branch, channel: str, side: Side, peer: ProcessNode, expected: Expr) -> Refused:
    holds = any(
        isinstance(each, Operation) and each.kind == side and channel in channels_of(each.end)
        for each in walk(branch.then)
    )
    does = "the receiver expects" if side == "send" else "the sender sends"
    turn = "iteration" if _once_a_turn(peer, channel, "recv" if side == "send" else "send") else "run"
    tokens = "one token" if turn == "iteration" else _tokens(expected)
    line = f" (line {branch.place.line})" if branch.place is not None else ""
    return Refused(
        "csp.branch",
        f"{side} on '{channel}' happens only when '{branch.text}' {'holds' if holds else 'does not hold'}{line}, "
        f"but {does} {tokens} per {turn}",
        span=branch.place,
        help=f"{side} in both cases" + (f", or let '{peer.name}' read with `for x in …`" if side == "send" else ""),
    )


def _once_a_turn(process: ProcessNode, channel: str, side: Side) -> bool:
    return any(
        isinstance(inner, Operation) and inner.kind == side and inner.end == channel
        for each in walk(process.steps)
        if isinstance(each, Loop | Drain)
        for inner in each.body
    )


# counts ---------------------------------------------------------------------------------------------------------------


def _witness(graph: Graph, sent: Expr, received: Expr, initial: int) -> dict[str, int] | None:
    """Sizes at which the counts differ."""
    names = sorted({*graph.names, *sent.symbols, *received.symbols})
    samples = [dict.fromkeys(names, size) for size in SIZES]
    samples += [{name: size + 7 * k for k, name in enumerate(names)} for size in SIZES]
    for each in allowed(chain(samples, alike(names)), graph.given):
        try:
            left = sent.evaluate(each) - received.evaluate(each)
        except Refused:  # it divides by a size that is 0 there
            continue
        if left not in (0, -initial):
            return {name: size for name, size in each.items() if name in sent.symbols | received.symbols}
    return None


def counts_differ(
    name: str, sender: ProcessNode, receiver: ProcessNode, sent: Expr, received: Expr, sizes: Mapping[str, int]
) -> Refused:
    """The refusal of a channel whose counts differ at these sizes."""
    left, at = sent - received, (sent - received).evaluate(sizes)
    more = at > 0
    left = left if left.constant is not None else const(at)
    over = f"{_tokens(left if more else -left)} would be {'left over' if more else 'missing'}"
    seen = ", ".join(f"{name} = {size}" for name, size in sizes.items())
    end = next((each.name for each in receiver.ends if each.channel == name and each.name), name)
    return Refused(
        "csp.count",
        f"channel '{name}': '{sender.name}' sends {_tokens(sent, 'no')}, '{receiver.name}' receives "
        f"{_shown(received)} per run; {over}. Make the counts equal or receive with 'for x in {end}'",
        span=_first(receiver, name, "recv") or receiver.place,
        notes=(f"seen with {seen}",) if seen and (sent - received).constant is None else (),
        help=(
            f"read until the stream ends: `for x in {end}`, or send as many as are received",
            *((_promise(sent, received),) if sent.symbols != received.symbols else ()),
        ),
    )


def _promise(sent: Expr, received: Expr) -> str:
    return f"or, where they always are equal, `assert` in the network that {_shown(sent)} is {_shown(received)}"


def _tokens(count: Expr, none: str = "0") -> str:
    number = count.constant
    if number in (0, 1):
        return "one token" if number else f"{none} tokens"
    return f"{_shown(count)} tokens"


def _shown(count: Expr) -> str:
    """A count as it is written in a range, which is empty where this is negative."""
    inner = re.fullmatch(r"max\(0, ([^,]*)\)", str(count))
    return (inner[1] if inner else str(count)).replace(" ", "")


def _first(process: ProcessNode, channel: str, side: Side) -> Span | None:
    return next(
        (
            each.place
            for each in walk(process.steps)
            if isinstance(each, Operation) and each.kind == side and channel in channels_of(each.end)
        ),
        None,
    )


def _note(channel: str, process: ProcessNode) -> Diagnostic:
    reason = next((each for each in walk(process.steps) if _obscure(each, channel)), None)
    return Diagnostic(
        code="csp.dynamic-rate",
        message=f"how many tokens '{process.name}' moves on '{channel}' depends on data",
        severity="note",
        span=reason.place if isinstance(reason, Loop | Branch | Unclear | Drain) else process.place,
        help=("nothing is wrong: if counts differ in a run, the run ends with a report of who waits for whom",),
    )


def _obscure(step: object, channel: str) -> bool:
    """Whether a step is why the operations on a channel cannot be counted."""
    if isinstance(step, Unclear):
        return channel in step.channels
    if (isinstance(step, Loop) and step.count is None) or isinstance(step, Branch | Drain):
        inner = (*step.then, *step.other) if isinstance(step, Branch) else step.body
        return any(isinstance(each, Operation) and channel in channels_of(each.end) for each in walk(inner))
    return False
