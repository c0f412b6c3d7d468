"""The Python meaning of the register form: buffers, strips, parallel loops, register blocks and row primitives.

A program in register form is still a tile program; these functions are all it needs beside `htp.tile`. How a target
prints or runs them is the backend's business.
"""

from __future__ import annotations

import os
import random
from itertools import product
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from htp import tile
from htp.diagnostics import Refused, Span, first_column
from htp.values import numpy_of, region_of, writable_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import SupportsIndex

    from htp.types import Array, Numeric, i64

    Value = TypeVar("Value", bound=Array)
    Number = TypeVar("Number", bound=Numeric)

__all__ = [
    "Space",
    "alloc",
    "argmax_row",
    "argmin_row",
    "argsort_row",
    "checked",
    "clip_index",
    "empty",
    "iota",
    "mma",
    "out_of_range",
    "parallel",
    "print_tile",
    "require",
    "sort_row",
    "span_of",
    "strips",
    "topk_row",
    "transpose_block",
]

Space = Literal["stack", "scratch", "register", "heap"]


def alloc(shape: Sequence[SupportsIndex], dtype: type[Value], *, space: Space = "scratch") -> Value:
    """A new buffer of `shape`, filled with poison: NaN for floats, 0xA5 bytes for integers, True for bools.

    `space` says where a native target puts it: `register` (one vector), `stack` (constant size), `scratch` (the
    thread's arena, given back at the end of the block) or `heap` (a routine's buffer). Its Python meaning is the same
    for all four, so a read of an element that was never written shows.
    """
    import numpy as np

    from htp.types import numpy_dtype

    storage = np.empty(tuple(shape), numpy_dtype(dtype))
    if dtype.kind == "float":
        storage.fill(float("nan"))
    elif dtype.kind == "bool":
        storage.fill(True)
    else:
        storage.view(np.uint8).fill(0xA5) if storage.size else None
    return region_of(storage, dtype)


def empty(shape: Sequence[SupportsIndex], dtype: type[Value]) -> Value:
    """A routine's buffer of `shape`, poisoned like every other buffer until it is written."""
    return alloc(shape, dtype, space="heap")


@overload
def strips(extent: int, width: int, /) -> Iterator[tuple[int, int]]: ...
@overload
def strips(start: int, stop: int, width: int, /) -> Iterator[tuple[int, int]]: ...
def strips(first: int, second: int, third: int | None = None, /) -> Iterator[tuple[int, int]]:
    """Walks `[start, stop)` in strips of at most `width` lanes; yields the first index and the lane count of each.

    >>> list(strips(20, 16))
    [(0, 16), (16, 4)]
    >>> list(strips(4, 12, 8))
    [(4, 8)]
    """
    start, stop, width = (0, first, second) if third is None else (first, second, third)
    for index in range(start, stop, width):
        yield index, min(width, stop - index)


@overload
def parallel(extent: range, /) -> Iterator[int]: ...
@overload
def parallel(first: range, second: range, /) -> Iterator[tuple[int, int]]: ...
@overload
def parallel(first: range, second: range, third: range, /, *more: range) -> Iterator[tuple[int, ...]]: ...
def parallel(*extents: range) -> Iterator[int] | Iterator[tuple[int, ...]]:
    """Iterations in any order, or at the same time: no iteration may read what another one writes.

    The environment variable `HTP_PARALLEL_ORDER` set to `reverse` or `shuffle` changes the order in which Python runs
    them, so that a program that depends on the order shows it.
    """
    points = _ordered(extents)
    return (point[0] for point in points) if len(extents) == 1 else iter(points)


def _ordered(extents: tuple[range, ...]) -> list[tuple[int, ...]]:
    points = list(product(*extents))
    match os.environ.get("HTP_PARALLEL_ORDER", ""):
        case "" | "forward":
            pass
        case "reverse":
            points.reverse()
        case "shuffle":
            random.Random(len(points)).shuffle(points)
        case other:
            raise Refused(
                "run.parallel-order",
                f"HTP_PARALLEL_ORDER is `{other}`; it can be `forward`, `reverse` or `shuffle`",
                help="unset HTP_PARALLEL_ORDER",
            )
    return points


def mma(acc: Array, a: Array, b: Array, *, zero: bool = False) -> None:
    """`acc += a @ b` in the dtype of `acc`, for one register block `(m, n) += (m, k) @ (k, n)`; `zero` overwrites."""
    target = writable_of(acc)
    block = numpy_of(a).astype(target.dtype) @ numpy_of(b).astype(target.dtype)
    if not zero:
        block += target
    target[...] = block


def clip_index(index: int, extent: int) -> int:
    """Where the bound `index` of a slice falls on an axis of `extent` elements: wrapped when negative, then clipped.

    >>> clip_index(9, 4), clip_index(-1, 4), clip_index(-9, 4)
    (4, 3, 0)
    """
    return max(0, min(index + extent if index < 0 else index, extent))


def iota(start: int, lanes: int, dtype: type[Number]) -> Number:
    """The vector `start, start + 1, …` of `lanes` elements."""
    return tile.arange(start, start + lanes, dtype=dtype)


@overload
def checked(index: int, extent: int, place: str) -> int: ...
@overload
def checked(index: Array, extent: int, place: str) -> int | i64: ...
def checked(index: int | Array, extent: int, place: str) -> int | i64:
    """`index`, counted from the end when negative, of an axis of `extent` elements; `place` is the user's line.

    A vector of indices is checked lane by lane and gives a vector of i64.

    Raises:
        Refused: `run.index-out-of-range` when an index does not lie in `[-extent, extent)`.
    """
    from htp.types import Array, i64

    if not isinstance(index, Array) or index.shape == ():
        number = int(index)
        if not -extent <= number < extent:
            raise out_of_range(number, extent, place)
        return number + extent if number < 0 else number
    lanes = numpy_of(index).astype("int64")
    bad = (lanes < -extent) | (lanes >= extent)
    if bad.any():
        raise out_of_range(int(lanes[bad][0]), extent, place)
    lanes[lanes < 0] += extent
    return region_of(lanes, i64, writable=False)


def out_of_range(index: int, extent: int, place: str) -> Refused:
    """The refusal of an index that misses an axis, for every backend; `place` is the user's line."""
    return Refused(
        "run.index-out-of-range",
        f"index {index} is out of range for an axis of {extent} elements",
        span=span_of(place),
    )


def require(condition: object, text: str, place: str, code: str = "run.assertion-failed", help: str = "") -> None:
    """Goes on when `condition` holds; `place` is the user's line.

    Raises:
        Refused: `code` with `text`, and `help` where there is some, when it does not.
    """
    if not bool(condition):
        raise Refused(code, text, span=span_of(place), help=help or ())


def span_of(place: str) -> Span | None:
    """The span that `file.py:12` or `file.py:12:5` names, or None when `place` has no line number.

    Without a column it is that of the line's first character behind the indentation, if the file is there.

    >>> span_of("user.py:12").place
    'user.py:12:1'
    """
    file, *numbers = place.split(":")
    if not numbers or not all(number.isdigit() for number in numbers):
        return None
    line, *columns = map(int, numbers)
    return Span(file=file, line=line, column=columns[0] if columns else first_column(file, line))


def print_tile(text: str, *values: Array | float) -> None:
    """Prints `text` and the values on one line of standard output, as Python and NumPy print them."""
    from htp.types import Array

    shown = (str(numpy_of(each)) if isinstance(each, Array) else str(each) for each in values)
    print(text, *shown, flush=True)  # noqa: T201 - printing is what it is for


def sort_row(row: Array, descending: bool = False) -> None:
    """Sorts a one-dimensional slice in place."""
    writable_of(row)[...] = numpy_of(tile.sort(row, descending=descending))


def argsort_row(indices: Array, row: Array, descending: bool = False) -> None:
    """Stores the indices that sort `row`; equal elements keep their order."""
    writable_of(indices)[...] = numpy_of(tile.argsort(row, descending=descending))


def topk_row(values: Array, indices: Array, row: Array) -> None:
    """Stores the largest elements of `row`, largest first, and where they stand; as many as `values` has room for."""
    largest, places = tile.topk(row, writable_of(values).shape[0])
    writable_of(values)[...] = numpy_of(largest)
    writable_of(indices)[...] = numpy_of(places)


def argmax_row(row: Numeric) -> i64:
    """The index of the first largest element of a one-dimensional slice; the first NaN, if there is one."""
    return tile.argmax(row)


def argmin_row(row: Numeric) -> i64:
    """The index of the first smallest element of a one-dimensional slice; the first NaN, if there is one."""
    return tile.argmin(row)


def transpose_block(target: Array, source: Array) -> None:
    """Copies a block into the transposed block of another buffer: `target[j, i] = source[i, j]`."""
    writable_of(target)[...] = numpy_of(source).T
