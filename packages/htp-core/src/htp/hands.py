"""The words with which a process takes tokens into its hand, one of each channel, and looks at what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from htp.channels import EOS, Receiver, Signal, select
from htp.diagnostics import Refused
from htp.places import user_line
from htp.values import Array

if TYPE_CHECKING:
    from typing import SupportsIndex

    from htp.diagnostics import Span

__all__ = ["advance", "advance_any", "no_token", "one_of", "peek", "token", "token_size", "try_advance"]

T = TypeVar("T")
NOTHING, TOKEN, ENDED = 0, 1, 2
"""What a look at a channel finds."""


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


def token(inp: Receiver[T], *sizes: SupportsIndex) -> T:
    """The token in the hand: a tile or a number; of a channel of regions the buffer, which now is this process's.

    `sizes`, where they are given, are those of the tile.

    Raises:
        Refused: `type.bad-network` when no token has been taken, `type.shape-mismatch` for one of other sizes.
    """
    found: object = inp.link.hand
    if found is None:
        raise no_token(inp.link.name, user_line())
    shape, wanted = _shape(found), tuple(int(each) for each in sizes)
    if wanted and shape != wanted:
        raise Refused(
            "type.shape-mismatch",
            f"a token of {shape} has been taken from '{inp.link.name}', and one of {wanted} is expected",
            span=user_line(),
            help="send tiles of that shape, or look at the sizes of the token: `token_size(inp, 0)`",
        )
    return cast("T", found)


def token_size(inp: Receiver[T], axis: int) -> int:
    """A size of the token in the hand, by its axis.

    Raises:
        Refused: as `token`.
    """
    found = token(inp)
    return found.shape[axis] if isinstance(found, Array) else 0


def no_token(channel: str, span: Span | None) -> Refused:
    """The refusal of a look into a hand that has taken nothing from a channel of that name."""
    help = "take one before: `advance(inp)`"
    return Refused("type.bad-network", f"no token of '{channel}' has been taken", span=span, help=help)


def _looked(inp: Receiver[T], found: object) -> int:
    if isinstance(found, Signal):
        return ENDED if found is EOS else NOTHING
    inp.link.hand = found
    return TOKEN


def _shape(value: object) -> tuple[int, ...]:
    return value.shape if isinstance(value, Array) else ()
