"""`P`: what the loops of a workload go over, and the selection of tasks.

Knows the order in which Python runs; `P` and `P.seq` differ only in what they promise, which a target makes use of.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NoReturn, overload

from htp.diagnostics import Refused
from htp_dialect_wsp.axes import Dense, DenseDyn, Extent, Ragged, RaggedRow, Sparse, SparseRow, extent_of
from htp_dialect_wsp.places import user_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["P", "Selected", "Walk"]

Walked = Extent | Ragged | Sparse | SparseRow


class Walk:
    """Goes over axes, the last one fastest; every axis adds its coordinates."""

    def __init__(self, name: str, doc: str) -> None:
        self.__name__ = name
        self.__doc__ = doc

    @overload
    def __call__(self, axis: Extent, /) -> Iterator[int]: ...
    @overload
    def __call__(self, first: Extent, second: Extent, /) -> Iterator[tuple[int, int]]: ...
    @overload
    def __call__(self, first: Extent, second: Extent, third: Extent, /) -> Iterator[tuple[int, int, int]]: ...
    @overload
    def __call__(self, axis: Ragged | SparseRow, /) -> Iterator[tuple[int, int]]: ...
    @overload
    def __call__(self, axis: Sparse, /) -> Iterator[tuple[int, int, int]]: ...
    @overload
    def __call__(self, first: Walked, second: Walked, /, *more: Walked) -> Iterator[tuple[int, ...]]: ...
    def __call__(self, *axes: Walked) -> Iterator[int] | Iterator[tuple[int, ...]]:
        """The coordinates, one after the other: a number where there is one, a tuple where there are several."""
        if not axes:
            name = self.__name__
            raise Refused("wsp.bad-axis", f"`{name}()` goes over nothing", span=user_place(), help="give an axis")
        points = [_points(each) for each in axes]
        single = len(axes) == 1 and not isinstance(axes[0], Ragged | Sparse | SparseRow)
        if single:
            return (point[0] for point in points[0])
        return (sum(each, ()) for each in product(*points))


class Selected:
    """Whether a selection takes its block; a `with` of it alone cannot leave a block out."""

    def __init__(self, taken: bool) -> None:
        self.taken = taken

    def __bool__(self) -> bool:
        return self.taken

    def __enter__(self) -> NoReturn:
        raise Refused(
            "wsp.no-source",
            "`with P.when(…)` runs outside of a workload, or in one whose source cannot be read",
            span=user_place(),
            help="write it in a function that stands in a file and is decorated with @workload",
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Parallel(Walk):
    """`P(axes…)` goes over axes in parallel: no two iterations may write what the other reads or writes.

    `P.seq` keeps the order, `P.sel` goes over the selected indices of a sparse row. `with P.when(condition):` selects
    tasks, `with P.otherwise():` behind it the others, `with P.case(number, {0, 1}):` by a number: of the cases that
    follow each other the first one that fits.
    """

    seq = Walk("seq", "Goes over axes one coordinate after the other.")

    @staticmethod
    def sel(row: SparseRow) -> Iterator[int]:
        """The selected indices of a row of a `Sparse` axis, in parallel."""
        if not _is_sparse_row(row):
            raise Refused(
                "wsp.bad-axis",
                "`P.sel` goes over one row of a sparse axis",
                span=user_place(),
                help="write `P.sel(axis[r])`, where axis is Sparse(indptr, indices)",
            )
        return iter(row.selected)

    @staticmethod
    def when(condition: object) -> Selected:
        """Selects the tasks of the block where `condition` holds."""
        return Selected(bool(condition))

    @staticmethod
    def otherwise() -> Selected:
        """Selects the tasks of the block where the selection before it does not hold."""
        return Selected(True)

    @staticmethod
    def case(number: int, choices: int | set[int] | frozenset[int]) -> Selected:
        """Selects the tasks of the block where `number` is one of `choices`."""
        return Selected(number in ({choices} if isinstance(choices, int) else choices))


def _is_sparse_row(row: object) -> bool:
    return isinstance(row, SparseRow)


def _points(axis: Walked) -> Iterator[tuple[int, ...]]:
    if isinstance(axis, Dense | DenseDyn | Ragged | RaggedRow | Sparse | SparseRow):
        return axis.points()
    found = extent_of(axis)
    if found is None:
        raise Refused(
            "wsp.bad-axis",
            f"a loop of a workload cannot go over {axis!r}",
            span=user_place(),
            help="give an int, a range, or an axis: Dense, DenseDyn, Ragged, Sparse",
        )
    return ((each,) for each in found)


P = Parallel("P", Parallel.__doc__ or "")
