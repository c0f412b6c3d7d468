"""Axes: what a loop of a workload goes over, as Python walks it.

Knows sizes and index data and checks them; does not know what is done at a coordinate.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, SupportsIndex, cast

from htp.diagnostics import Refused
from htp.loops import out_of_range
from htp.values import Array, numpy_of
from htp_dialect_wsp.places import user_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    Numbers = Array | np.ndarray | Sequence[int]

__all__ = ["Dense", "DenseDyn", "Extent", "Ragged", "RaggedRow", "Sparse", "SparseRow", "bad_data", "extent_of"]


class Dense:
    """The coordinates `0 … size - 1`."""

    def __init__(self, size: SupportsIndex) -> None:
        self.size = _count(size)

    def points(self) -> Iterator[tuple[int]]:
        """Every coordinate, in order."""
        return ((each,) for each in range(self.size))


class DenseDyn:
    """The coordinates `0 … n - 1`, where n is the scalar parameter or the size in the signature called `name`.

    The second argument is filled in by `@workload`, which knows the parameters.
    """

    def __init__(self, name: str, size: SupportsIndex | None = None) -> None:
        self.name = name
        if size is None:
            raise Refused(
                "wsp.no-source",
                f'`DenseDyn("{name}")` stands outside of a workload, or in one whose source cannot be read',
                span=user_place(),
                help="write it in the body of a function that stands in a file and is decorated with @workload",
            )
        self.size = _count(size)

    def points(self) -> Iterator[tuple[int]]:
        """Every coordinate, in order."""
        return ((each,) for each in range(self.size))


@dataclass(frozen=True)
class RaggedRow:
    """One row of a `Ragged` axis: the coordinates `0 … length - 1`."""

    length: int

    def points(self) -> Iterator[tuple[int]]:
        """Every coordinate, in order."""
        return ((each,) for each in range(self.length))


class Ragged:
    """Rows of different lengths: the coordinates (r, i) with i below `lengths[r]`, for every r of `outer`."""

    def __init__(self, outer: Extent, lengths: Numbers) -> None:
        self.rows = _rows(outer)
        self.lengths = _numbers(lengths, "lengths")
        if len(self.lengths) != self.rows:
            raise bad_data(f"an axis of {self.rows} rows has {len(self.lengths)} lengths", "give one length a row")
        for row, length in enumerate(self.lengths):
            if length < 0:
                raise bad_data(f"lengths[{row}] is {length}", "a length is 0 or more")
        self._starts = (0, *accumulate(self.lengths))

    def start(self, row: int) -> int:
        """How many coordinates the rows before `row` have, so that `start(r) + i` counts all of them."""
        return self._starts[_row(row, self.rows + 1)]

    def row(self, position: int) -> int:
        """The row of a position: of the coordinates, counted through all rows, the one of this number."""
        return bisect_right(self._starts, _row(position, self._starts[-1])) - 1

    def points(self) -> Iterator[tuple[int, int]]:
        """Every coordinate, in order."""
        return ((row, each) for row in range(self.rows) for each in range(self.lengths[row]))

    def __getitem__(self, row: int) -> RaggedRow:
        return RaggedRow(self.lengths[_row(row, self.rows)])


@dataclass(frozen=True)
class SparseRow:
    """One row of a `Sparse` axis: the coordinates (k, e), where e = `indices[k]`."""

    first: int
    selected: tuple[int, ...]

    def points(self) -> Iterator[tuple[int, int]]:
        """Every coordinate, in order."""
        return ((self.first + offset, each) for offset, each in enumerate(self.selected))


class Sparse:
    """Selected indices by row: the coordinates (r, k, e) with k from `indptr[r]` to `indptr[r + 1]`, e = `indices[k]`.

    With `columns` every index must lie below it.
    """

    def __init__(self, indptr: Numbers, indices: Numbers, *, columns: int | None = None) -> None:
        self.indptr = _numbers(indptr, "indptr")
        self.indices = _numbers(indices, "indices")
        if not self.indptr:
            raise bad_data("indptr is empty", "indptr has one element more than there are rows, the first is 0")
        if self.indptr[0] != 0:
            raise bad_data(f"indptr[0] is {self.indptr[0]}", "indptr begins with 0")
        for row, (first, last) in enumerate(pairwise(self.indptr)):
            if last < first:
                raise bad_data(f"indptr[{row + 1}] is {last}, below indptr[{row}], which is {first}", "indptr ascends")
        if self.indptr[-1] > len(self.indices):
            raise bad_data(
                f"indptr ends with {self.indptr[-1]}, and there are {len(self.indices)} indices",
                "the last element of indptr is the number of indices that are used",
            )
        for position, index in enumerate(self.indices[: self.indptr[-1]]):
            if index < 0 or (columns is not None and index >= columns):
                bound = "" if columns is None else f" and below {columns}"
                raise bad_data(f"indices[{position}] is {index}", f"an index is 0 or more{bound}")

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.indptr) - 1

    def start(self, row: int) -> int:
        """The first k of `row`."""
        return self.indptr[_row(row, self.rows + 1)]

    def points(self) -> Iterator[tuple[int, int, int]]:
        """Every coordinate, in order."""
        return ((row, *point) for row in range(self.rows) for point in self[row].points())

    def __getitem__(self, row: int) -> SparseRow:
        first = self.start(_row(row, self.rows))
        return SparseRow(first, self.indices[first : self.indptr[row + 1]])


Extent = SupportsIndex | range | Dense | DenseDyn | RaggedRow
"""What has one coordinate."""


def extent_of(axis: object) -> range | None:
    """A range, or the range that an int stands for; `None` for anything else."""
    if isinstance(axis, range):
        return axis
    if isinstance(axis, SupportsIndex) and not isinstance(axis, bool):
        return range(operator.index(axis))
    return None


def bad_data(message: str, help: str) -> Refused:
    """The refusal of index data that describe no axis."""
    return Refused("wsp.axis-data", message, span=user_place(), help=help)


def _rows(outer: object) -> int:
    if isinstance(outer, Dense | DenseDyn):
        return outer.size
    found = extent_of(outer)
    if found is not None and found == range(len(found)):
        return len(found)
    raise Refused(
        "wsp.bad-axis",
        f"the rows of a ragged axis cannot be `{outer!r}`",
        span=user_place(),
        help="give their number, or a Dense axis",
    )


def _count(size: SupportsIndex) -> int:
    try:
        found = operator.index(size)
    except TypeError:
        raise Refused(
            "wsp.bad-axis", f"the size of an axis cannot be {size!r}", span=user_place(), help="give an int"
        ) from None
    if found < 0:
        raise bad_data(f"the size of an axis is {found}", "a size is 0 or more")
    return found


def _row(row: int, rows: int) -> int:
    """A row, or another number below `rows`."""
    if not 0 <= row < rows:
        place = user_place()
        raise out_of_range(row, rows, f"{place.file}:{place.line}" if place is not None else "")
    return row


def _numbers(data: Numbers, name: str) -> tuple[int, ...]:
    """One-dimensional whole numbers as Python has them."""
    import numpy as np

    array = np.asarray(numpy_of(data) if isinstance(data, Array) else data)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise Refused(
            "wsp.bad-axis",
            f"`{name}` is an array of {array.ndim} dimensions and dtype {array.dtype}",
            span=user_place(),
            help="give a one-dimensional array of whole numbers",
        )
    return tuple(cast("list[int]", array.tolist()))
