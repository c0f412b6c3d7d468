"""How programs write channels: `Channel[T](…)` in a network; their ends are core's `Send[T]` and `Recv[T]`.

Knows the forms and their checks; what can be done with an end is `htp.channels`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from htp.channel_time import ChannelTime
from htp.channels import Channel as Both
from htp.diagnostics import Refused
from htp.links import Link
from htp.networks import current
from htp.payloads import check_payload, handed_over
from htp.places import user_frame, user_line
from htp.types import DTYPES, Recv, ScalarType, Send, TensorType, TileType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Self

    from htp.diagnostics import Span
    from htp.values import Number

__all__ = [
    "Channel", "ChannelForm", "Recv", "Send", "bad_number", "network_frame", "network_line", "too_many_tokens",
    "unknown_option",
]  # fmt: skip

OPTIONS = ("capacity", "latency", "response", "initial")
OWN = ("htp", "htp_dialect_csp.channels", "htp_dialect_csp.processes")
T = TypeVar("T")
Carried = TensorType | TileType | ScalarType


@dataclass(frozen=True)
class ChannelForm:
    """`Channel[T]`, which makes a channel when it is called, and several with `array`."""

    carried: Carried

    def __call__(
        self,
        *others: object,
        capacity: int = 1,
        latency: int = 0,
        response: int = 0,
        initial: Sequence[object] = (),
        **options: object,
    ) -> Both[object]:
        """A channel of the network whose body runs, or of the process that runs; times in cycles.

        Raises:
            Refused: `csp.bad-channel`, `csp.payload` for an initial token that does not fit, `csp.no-network`.
        """
        if others or options:
            said = ", ".join((*map(repr, others), *(f"{name}={value!r}" for name, value in options.items())))
            raise unknown_option(f"Channel[{self.carried}]({said})", network_line())
        for name, value in (("capacity", capacity), ("latency", latency), ("response", response)):
            _whole(name, value, 0)
        if len(initial) > capacity:
            raise too_many_tokens(len(initial), capacity, network_line())
        network, maker = current("Channel[…](…)", network_line())
        link = Link(self.carried, ChannelTime(capacity, latency, response, len(initial)), maker=maker)
        link.name = f"#{len(network.links)}"
        if maker is not None:
            maker.held.append(link)
        for each in initial:
            check_payload(link.name, self.carried, each)
            link.tokens.append(handed_over(self.carried, each))
        network.links.append(link)
        return Both(link)

    def array(self, count: int, *others: object, **options: int | Sequence[object]) -> tuple[Both[object], ...]:
        """So many channels that are alike.

        Raises:
            Refused: as a call.
        """
        _whole("the number of channels", count, 1)
        make = cast("Callable[..., Both[object]]", self)
        return tuple(make(*others, **options) for _ in range(count))


if TYPE_CHECKING:

    class Channel(Both[T]):
        """A channel: `Channel[T](capacity=2)`; the static face of what stands below."""

        def __init__(
            self, *, capacity: int = 1, latency: int = 0, response: int = 0, initial: Sequence[T | Number] = ()
        ) -> None: ...

        @classmethod
        def array(
            cls,
            count: int,
            *,
            capacity: int = 1,
            latency: int = 0,
            response: int = 0,
            initial: Sequence[T | Number] = (),
        ) -> tuple[Self, ...]:
            """So many channels that are alike."""
            ...

else:

    class Channel:
        """`Channel[T](capacity=1, latency=0, response=0, initial=())`: carries T, a Tile, a Scalar or a Tensor.

        Up to `capacity` tokens are in it (0: a rendezvous). A token is visible `latency` cycles after it was accepted,
        and its slot is free `response` cycles after it was taken. `initial` tokens are in it at time 0. A Tensor is a
        region, whose memory moves to the receiver. `Channel[T].array(n, …)` is a tuple of n channels that are alike.
        A channel is called after its variable, one of an array with its number behind it. Latency and response are in
        cycles. What cannot be is refused with `csp.bad-channel`.
        """

        def __init__(self, **named: object) -> None:
            raise _bad("a channel does not say what it carries", "write Channel[Tile[f32, 16, 64]](capacity=2)")

        def __class_getitem__(cls, carried: object) -> ChannelForm:
            return ChannelForm(_carried("Channel", carried))


def network_line() -> Span | None:
    """The user's line that runs now, outside of HTP and of this package."""
    return user_line(own=OWN)


def network_frame() -> FrameType | None:
    """The frame of `network_line`."""
    return user_frame(own=OWN)


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise bad_number(name, value, least, network_line())


def bad_number(name: str, value: object, least: int, place: Span | None) -> Refused:
    """The refusal of a number that no channel can have."""
    return Refused("csp.bad-channel", f"{name} is {value!r}", span=place, help=f"write an integer, {least} or more")


def unknown_option(call: str, place: Span | None) -> Refused:
    """The refusal of a channel that says more than its numbers and initial tokens, or says them without a name."""
    return Refused(
        "csp.bad-channel",
        f"`{call}` says something that a channel does not have",
        span=place,
        help=f"a channel has {', '.join(OPTIONS)}, each by name: Channel[f32](capacity=2)",
    )


def too_many_tokens(count: int, capacity: int, place: Span | None) -> Refused:
    """The refusal of initial tokens for which there is no room."""
    return Refused(
        "csp.bad-channel",
        f"{count} initial tokens do not fit into a channel of capacity {capacity}",
        span=place,
        help=f"write capacity={count} or more",
    )


def _carried(form: str, item: object) -> Carried:
    if isinstance(item, TensorType | TileType | ScalarType):
        return item
    for dtype in DTYPES:
        if item is dtype:
            return ScalarType(dtype)
    raise _bad(f"{form}[…] takes a type that can be carried, not {item!r}", f"write {form}[Tile[f32, 16, 64]]")


def _bad(message: str, help: str) -> Refused:
    return Refused("csp.bad-channel", message, span=network_line(), help=help)
