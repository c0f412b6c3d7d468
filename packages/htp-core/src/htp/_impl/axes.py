"""Axes and shapes as arguments: checked, and counted from the front.

Knows ranks and sizes; does not know dtypes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from htp._impl.operands import refuse_argument
from htp._impl.storage import Shape, Storage, numpy_of
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence


def axis_of(what: str, axis: object, rank: int) -> int:
    """`axis` of an array of `rank`, counted from the front.

    Raises:
        Refused: `type.bad-axis`.
    """
    number = integer_of(axis)
    if number is None:
        raise Refused("type.bad-axis", f"{what}: an axis is an int, not {axis!r}")
    if not -rank <= number < rank:
        raise Refused("type.bad-axis", f"{what}: an array of rank {rank} has no axis {number}")
    return number % rank


def axes_of(what: str, axes: object, rank: int) -> tuple[int, ...]:
    """`axes` (an int, a tuple of ints, or None for all) of an array of `rank`, counted from the front.

    Raises:
        Refused: `type.bad-axis`.
    """
    if axes is None:
        return tuple(range(rank))
    found = tuple(axis_of(what, each, rank) for each in items(axes))
    if len(set(found)) != len(found):
        raise Refused("type.bad-axis", f"{what}: an axis is named twice in {axes!r}")
    return found


def shape_of(what: str, shape: object, *, unknown: bool = False) -> Shape:
    """`shape` (an int or a sequence of ints) as a tuple; one size may be -1 if `unknown`.

    Raises:
        Refused: `type.bad-dimension`.
    """
    sizes: list[int] = []
    for each in items(shape):
        size = integer_of(each)
        if size is None or size < (-1 if unknown else 0):
            raise Refused("type.bad-dimension", f"{what}: {each!r} is no size of an axis")
        sizes.append(size)
    if sizes.count(-1) > 1:
        raise Refused("type.bad-dimension", f"{what}: only one size of {tuple(sizes)} may be -1")
    return tuple(sizes)


def count_of(what: str, name: str, value: object, least: int = 0) -> int:
    """The argument `name` as an int that is not below `least`.

    Raises:
        Refused: `type.bad-arguments`.
    """
    number = integer_of(value)
    if number is None or number < least:
        raise refuse_argument(what, name, value, f"an int from {least}")
    return number


def integer_of(value: object) -> int | None:
    """`value` as a Python int if it is one, or an integer array of rank 0."""
    if isinstance(value, Storage):
        whole = value.kind in ("int", "uint") and value.shape == ()
        return int(numpy_of(value)) if whole else None
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    return int(value)  # type: ignore[call-overload, no-any-return]


def items(value: object) -> tuple[object, ...]:
    """The items of a tuple or a list, or `value` alone."""
    return tuple(cast("Sequence[object]", value)) if isinstance(value, tuple | list) else (value,)
