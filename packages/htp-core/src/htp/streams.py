"""The Python meaning of the process form: while a network is open every call of a kernel declares a process.

A kernel that is a process has ends of channels as parameters. It takes tokens into its hand, one of each channel, and
looks at what it holds; it may make channels and start processes itself. Values and times are those of `networks`; what
stands here is how lowered programs say it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from htp.arguments import bind_dims
from htp.channel_time import ChannelTime
from htp.channels import EOS, Channel, End, Receiver, Sender, Signal, select
from htp.diagnostics import Refused
from htp.links import Link
from htp.networks import Network
from htp.payloads import check_payload, handed_over
from htp.places import user_frame, user_line
from htp.processes import DECLARING, RUNNING, running, stop
from htp.reference import DECLARE, prepared, run_prepared
from htp.tasks import work
from htp.types import ScalarType, TensorType, TileType
from htp.values import Array

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from typing import NoReturn, SupportsIndex

    from htp.diagnostics import Span
    from htp.language import Definition
    from htp.links import Side
    from htp.processes import Process
    from htp.types import DType, Param
    from htp.values import Number

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
NOTHING, TOKEN, ENDED = 0, 1, 2
"""What a look at a channel finds."""

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


def open_network() -> None:
    """From here to `close_network` channels are made, and every call of a kernel declares a process.

    Raises:
        Refused: `type.bad-network` inside of another network.
    """
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
    `least` and `whole_turns` are capacities that were found to do, for readers: nothing is done
    with them.

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


def advance(inp: Receiver[T]) -> bool:
    """Waits for the next token and takes it into the hand; False at the end of the stream.

    Raises:
        Refused: as `htp.channels.Receiver.recv`, which also holds for the other words that look or wait for a token.
    """
    found: object = inp.recv()
    if found is EOS:
        return False
    inp.link.hand = found
    return True


def try_advance(inp: Receiver[T]) -> int:
    """Takes the next token into the hand if it is there now: 0 there is none, 1 there was, 2 the stream has ended."""
    return _looked(inp, inp.try_recv())


def peek(inp: Receiver[T]) -> int:
    """What `try_advance` would say; the token is in the hand and stays in the channel too."""
    return _looked(inp, inp.peek())


def advance_any(*ins: Receiver[T]) -> int:
    """Waits for a token on any of the channels and takes it into the hand: which one, -1 when all streams have ended.

    Of the channels that have a token at the earliest possible time the first one is taken.
    """
    found = select(ins)
    if isinstance(found, Signal):
        return -1
    end, taken = found
    end.link.hand = taken
    return next(index for index, each in enumerate(ins) if each is end)


def one_of(at: int, *ins: Receiver[T]) -> Receiver[T]:
    """The channel that a number chooses, as `advance_any` has counted them.

    Raises:
        Refused: as `token` when the number counts none of them.
    """
    if not 0 <= at < len(ins):
        raise no_token(ins[0].link.name, user_line())
    return ins[at]


def token(inp: Receiver[T]) -> T:
    """The token in the hand: a tile or a number; of a channel of regions the buffer, which now is this process's.

    Raises:
        Refused: `type.bad-network` when no token has been taken.
    """
    if inp.link.hand is None:
        raise no_token(inp.link.name, user_line())
    return cast("T", inp.link.hand)


def token_size(inp: Receiver[T], axis: int) -> int:
    """A size of the token in the hand, by its axis.

    Raises:
        Refused: as `token`.
    """
    found = token(inp)
    return found.shape[axis] if isinstance(found, Array) else 0


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
    _start(parent.network, name or definition.name, definition, args, {}, parent)


def stop_process() -> NoReturn:
    """Ends the process at once, as if its machine had failed: the channels it sends on stay open."""
    stop()


# parts ----------------------------------------------------------------------------------------------------------------


def _looked(inp: Receiver[T], found: object) -> int:
    if isinstance(found, Signal):
        return ENDED if found is EOS else NOTHING
    inp.link.hand = found
    return TOKEN


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
    _start(network, name, definition, args, kwargs)
    _NAMED.set("")


def _start(
    network: Network,
    name: str,
    definition: AnyDefinition,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    parent: Process | None = None,
) -> None:
    """Adds a process to a network: one that it declares, or one that its process `parent` starts now."""
    place = user_line()
    network.name_channels(user_frame())
    values = prepared(definition, args, kwargs, later=True)
    sized = [(each, value) for each, value in zip(definition.params, values, strict=True) if not each.is_end]
    sizes = bind_dims([each for each, _ in sized], [_shape(value) for _, value in sized])
    made = network.add(name, partial(_run, definition, values), place, parent.clock if parent is not None else 0)
    for index, param in enumerate(definition.params):
        if param.is_end:
            side: Side = "send" if param.direction == "send" else "recv"
            link = _link(definition, param, values[index], sizes, place)
            if parent is not None:
                link.hand_over(side, parent)
            link.claim(side, made, place)
            values[index] = Sender[object](link) if side == "send" else Receiver[object](link)


def _run(definition: AnyDefinition, values: list[object]) -> None:
    """The body of a process, which calls kernels as any other."""
    DECLARE.set(None)
    run_prepared(definition, values)


def _link(definition: AnyDefinition, param: Param, value: object, sizes: Mapping[str, int], place: Span | None) -> Link:
    """The channel that an argument is, checked against the parameter."""
    if not isinstance(value, End):
        raise Refused(
            "csp.not-an-end",
            f"`{definition.name}` wants a channel for `{param.name}`, and is given {type(value).__name__}",
            span=place,
            help="pass a channel of the network that is open",
        )
    carried, declared = value.link.carried, param.type
    if declared is None or type(carried) is not type(declared) or not _fits(carried, declared, sizes):
        raise Refused(
            "csp.payload",
            f"channel '{value.link.name}' carries {carried}, and `{param.name}` of `{definition.name}` is {declared}",
            span=place,
            help="declare one type at both ends",
        )
    return value.link


def _fits(carried: Carried, declared: Carried, sizes: Mapping[str, int]) -> bool:
    """Whether the sizes that are known are those of the channel; the others differ from token to token."""
    if carried.dtype is not declared.dtype:
        return False
    if isinstance(carried, ScalarType) or isinstance(declared, ScalarType):
        return True
    return len(carried.dims) == len(declared.dims) and all(
        not want.symbols <= set(sizes) or want.evaluate(dict(sizes)) == bound.constant
        for bound, want in zip(carried.dims, declared.dims, strict=True)
    )


def _shape(value: object) -> tuple[int, ...]:
    return value.shape if isinstance(value, Array) else ()


def _open(word: str) -> Network:
    network = DECLARING.get()
    if network is None:
        raise _misplaced(f"`{word}` stands outside of a network", "open one before: `open_network()`")
    return network


def no_token(channel: str, span: Span | None) -> Refused:
    """The refusal of a look into a hand that has taken nothing from a channel of that name."""
    help = "take one before: `advance(inp)`"
    return Refused("type.bad-network", f"no token of '{channel}' has been taken", span=span, help=help)


def _misplaced(message: str, help: str) -> Refused:
    return Refused("type.bad-network", message, span=user_line(), help=help)
