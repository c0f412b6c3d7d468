"""The Python meaning of the process form: while a network is open every call of a kernel declares a process.

A kernel that is a process has ends of channels as parameters. It takes tokens into its hand, one of each channel, and
looks at what it holds; it may make channels and start processes itself. Values and times are those of `networks`; what
stands here is how lowered programs say it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from htp.channel_time import ChannelTime
from htp.channels import Channel, End, Sender
from htp.diagnostics import Refused
from htp.hands import advance, advance_any, no_token, one_of, peek, token, token_size, try_advance
from htp.links import Link
from htp.networks import Network
from htp.payloads import check_payload, handed_over
from htp.places import user_frame, user_line
from htp.process_calls import start_process
from htp.processes import DECLARING, RUNNING, running, stop
from htp.reference import DECLARE
from htp.tasks import work
from htp.types import ScalarType, TensorType, TileType

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from typing import NoReturn, SupportsIndex

    from htp.language import Definition
    from htp.types import DType
    from htp.values import Array, Number

    AnyDefinition = Definition[..., object]
    Carried = TensorType | TileType | ScalarType

__all__ = [
    "advance",
    "advance_any",
    "channel",
    "close",
    "close_network",
    "full",
    "no_token",
    "observed",
    "occupancy",
    "one_of",
    "open_network",
    "peek",
    "process_name",
    "send",
    "spawn_process",
    "stop_process",
    "token",
    "token_size",
    "try_advance",
    "try_send",
]

T = TypeVar("T")
RAN: ContextVar[list[Network] | None] = ContextVar("RAN", default=None)
_NAMED: ContextVar[str] = ContextVar("_NAMED", default="")
"""The networks that were closed, where somebody asks; the name that the next process is given."""


@contextmanager
def observed() -> Generator[list[Network]]:
    """The networks that are closed inside, in order, with their times."""
    found: list[Network] = []
    token = RAN.set(found)
    try:
        yield found
    finally:
        RAN.reset(token)


# what a routine says --------------------------------------------------------------------------------------------------


def open_network(*, together: bool = False) -> None:
    """From here to `close_network` channels are made, and every call of a kernel declares a process.

    With `together` all processes run at once, each on a core of its own: a gang, which is one task. Values and times
    are the same.

    Raises:
        Refused: `type.bad-network` inside of another network.
    """
    del together
    if DECLARING.get() is not None:
        raise _misplaced("a network is opened inside of another", "close the first one before: `close_network()`")
    DECLARING.set(Network(sys._getframe(1).f_code.co_name))  # pyright: ignore[reportPrivateUsage]
    DECLARE.set(_declare)
    _NAMED.set("")


def channel(
    dtype: DType,
    shape: Sequence[SupportsIndex],
    *,
    capacity: int = 1,
    latency: int = 0,
    response: int = 0,
    initial: Sequence[object] = (),
    region: bool = False,
    name: str = "",
    least: int | None = None,
    whole_turns: int | None = None,
) -> Channel[Array]:
    """A channel of tiles of up to `shape`, which is () for numbers; with `region` of buffers of exactly that shape.

    Up to `capacity` tokens are in it (0: a rendezvous). A token is visible `latency` cycles after it was accepted, and
    its slot is free `response` cycles after it was taken. `initial` tokens are in it at time 0. It is called `name`, or
    after its variable. One that a process makes is its own until it gives the ends to processes that it starts.
    `least` and `whole_turns` are capacities that were found to do, for readers: nothing is done with them.

    Raises:
        Refused: `csp.bad-channel`, `csp.payload`; `type.bad-network` outside of a network.
    """
    maker = RUNNING.get() if DECLARING.get() is None else None
    network = maker.network if maker is not None else _open("channel")
    for what, value in (("capacity", capacity), ("latency", latency), ("response", response)):
        if value < 0:
            raise Refused("csp.bad-channel", f"{what} is {value}", span=user_line(), help="write 0 or more")
    if len(initial) > capacity:
        raise Refused(
            "csp.bad-channel",
            f"{len(initial)} initial tokens do not fit into a channel of capacity {capacity}",
            span=user_line(),
            help=f"write capacity={len(initial)} or more",
        )
    link = Link(_carried(dtype, shape, region), ChannelTime(capacity, latency, response, len(initial)), maker=maker)
    link.name = f"#{len(network.links)}"
    if maker is not None:
        link.wanted = name
        maker.held.append(link)
    elif name:
        network.name_channel(link, name)
    for each in initial:
        check_payload(link.name, link.carried, each)
        link.tokens.append(handed_over(link.carried, each))
    network.links.append(link)
    return Channel(link)


def process_name(name: str) -> None:
    """What the next process is called in reports; else it is called after its kernel.

    Raises:
        Refused: `type.bad-network` outside of a network.
    """
    _open("process_name")
    _NAMED.set(name)


def close_network() -> None:
    """Runs all processes to their end; to a process that runs this line, that is work of their makespan.

    Raises:
        Refused: `csp.deadlock`, `csp.unconnected`, and what a process is refused with; `type.bad-network` when no
            network is open.
    """
    network = _open("close_network")
    DECLARING.set(None)
    DECLARE.set(None)
    network.name_channels(user_frame())
    network.check_ends(user_line())
    network.run()
    if (ran := RAN.get()) is not None:
        ran.append(network)
    work(network.makespan)


# what a process says --------------------------------------------------------------------------------------------------


def send(out: Sender[T], value: T | Number) -> None:
    """Waits while the channel is full, then puts `value` into it; a buffer becomes the receiver's.

    Raises:
        Refused: as `htp.channels.Sender.send`.
    """
    out.send(value)


def try_send(out: Sender[T], value: T | Number) -> bool:
    """Puts `value` into the channel if there is room now, and says whether it did.

    Raises:
        Refused: as `send`.
    """
    return out.try_send(value)


def close(out: Sender[T]) -> None:
    """Ends the stream; a process ends those that are left when it returns.

    Raises:
        Refused: `csp.double-close`, `csp.endpoint-shared`, `csp.no-network`.
    """
    out.close()


def occupancy(end: End) -> int:
    """How many tokens are in the channel now."""
    return len(end)


def full(end: End) -> bool:
    """Whether `try_send` would fail now."""
    return end.full()


def spawn_process(definition: AnyDefinition, *args: object, name: str = "") -> None:
    """Starts a process at the time of the one that runs; the ends that it is given are its own from then on.

    Raises:
        Refused: `csp.no-network` outside of a process, and what a call of a kernel in a network is refused with.
    """
    parent = running(f"spawn_process of `{definition.name}`", user_line())
    parent.pause()
    start_process(parent.network, name or definition.name, definition, args, {}, parent)


def stop_process() -> NoReturn:
    """Ends the process at once, as if its machine had failed: the channels it sends on stay open."""
    stop()


# parts ----------------------------------------------------------------------------------------------------------------


def _carried(dtype: DType, shape: Sequence[SupportsIndex], region: bool) -> Carried:
    from htp.dims import const

    dims = tuple(const(int(each)) for each in shape)
    if region:
        return TensorType(dtype, dims)
    return TileType(dtype, dims) if dims else ScalarType(dtype)


def _declare(definition: AnyDefinition, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """What a call of a kernel does while a network is open.

    Raises:
        Refused: `csp.not-an-end`, `csp.payload`, `csp.endpoint-shared`, and `run.*`.
    """
    network, name = _open(definition.name), _NAMED.get() or definition.name
    start_process(network, name, definition, args, kwargs)
    _NAMED.set("")


def _open(word: str) -> Network:
    network = DECLARING.get()
    if network is None:
        raise _misplaced(f"`{word}` stands outside of a network", "open one before: `open_network()`")
    return network


def _misplaced(message: str, help: str) -> Refused:
    return Refused("type.bad-network", message, span=user_line(), help=help)
