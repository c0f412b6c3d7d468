"""What a channel carries: which values fit its type, and what becomes of a value that is sent.

Tiles and numbers are values: the receiver gets what they were when they were sent. A region moves: the receiver gets
its memory, and the sender's name for it can no longer be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.places import user_line
from htp.reference import python_number
from htp.signals import Signal, no_token
from htp.types import ScalarType, TensorType
from htp.values import Array, give_up, is_buffer, is_region, region_of, snapshot, wrap_argument, writable_of

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.types import TileType

    Carried = TensorType | TileType | ScalarType

__all__ = ["check_payload", "handed_over", "too_large"]

WHOLE = "send a buffer made by htp.empty, or one that was received"
BOUNDED = "a tile may be smaller than its bound, as at an edge, never larger or of another rank"


def check_payload(channel: str, carried: Carried, value: object) -> None:
    """Nothing when `value` fits a channel of that name and type: its dtype, its rank, and sizes up to the bounds.

    Raises:
        Refused: `csp.payload`; `csp.no-token` for what a receive gives when there is no token.
    """
    if isinstance(value, Signal):
        raise no_token(value)
    if isinstance(carried, ScalarType):
        if isinstance(value, Array) and value.shape:
            raise _unfit(channel, carried, _shown(value), "send one number: tile.item(t)")
        return
    if not isinstance(value, Array):
        raise _unfit(channel, carried, _shown(value), "send a tile of that type")
    if value.dtype is not carried.dtype:
        raise _unfit(channel, carried, _shown(value), f"cast on one side with .astype({carried.dtype.name})")
    exact = isinstance(carried, TensorType)
    bounds = [each.constant for each in carried.dims]
    fits = len(bounds) == len(value.shape) and all(
        bound is None or (size == bound if exact else size <= bound)
        for size, bound in zip(value.shape, bounds, strict=True)
    )
    if not fits:
        raise _unfit(channel, carried, _shown(value), "the sizes of a region are exact" if exact else BOUNDED)
    if exact and not is_region(value):
        raise _unfit(channel, carried, "a tile, a value,", WHOLE)
    if exact and not is_buffer(value):
        raise _unfit(channel, carried, "a parameter, whose memory is the caller's,", WHOLE)


def too_large(channel: str, size: int, most: int, span: Span | None) -> Refused:
    """The refusal of a tile that has more elements along an axis than a channel of that name carries."""
    return Refused(
        "csp.payload",
        f"channel '{channel}' carries tiles of up to {most} along an axis, and one of {size} is sent",
        span=span,
        help=BOUNDED,
    )


def handed_over(carried: Carried, value: object) -> object:
    """What a receiver gets for a value that fits; a region is no longer the sender's."""
    if isinstance(carried, ScalarType):
        return python_number(wrap_argument(value, carried, writable=False))
    array = value if isinstance(value, Array) else Array(0)
    if isinstance(carried, TensorType):
        region = region_of(writable_of(array), array.dtype)
        give_up(array, user_line())
        return region
    return make(array.dtype, snapshot(array))


def _unfit(channel: str, carried: Carried, found: str, help: str) -> Refused:
    return Refused("csp.payload", f"channel '{channel}' carries {carried}, and {found} is sent", help=help)


def _shown(value: object) -> str:
    if not isinstance(value, Array):
        return f"{type(value).__name__} {value!r}" if isinstance(value, int | float | str) else type(value).__name__
    form = "Tensor" if is_region(value) else "Tile"
    return f"{form}[{', '.join([value.dtype.name, *map(str, value.shape)])}]"
