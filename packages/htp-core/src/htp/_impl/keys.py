"""What stands between the brackets of `x[...]`: checked and turned into what NumPy takes.

Knows which indices HTP accepts; does not know arrays' contents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from htp._impl import numeric
from htp._impl.lazy import LazyModule
from htp._impl.storage import Storage, numpy_of
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from types import EllipsisType

    import numpy as np

    from htp._impl.numeric import Elements

    NumpyPart: TypeAlias = "int | slice[int | None, int | None, int | None] | EllipsisType | Elements | None"
else:
    np = LazyModule("numpy")


def numpy_key(key: object, shape: tuple[int, ...]) -> tuple[tuple[NumpyPart, ...], bool]:
    """The NumPy key for `key` on an array of `shape`, and whether it gathers (its result is no view).

    Raises:
        Refused: `type.bad-index` or `type.not-an-integer` for a key HTP has no meaning for.
    """
    given = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
    parts = [_part(each) for each in given]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    ellipses = sum(part is Ellipsis for part in parts)
    if used > len(shape):
        raise Refused("type.bad-index", f"{used} indices for an array of rank {len(shape)}")
    if ellipses > 1:
        raise Refused("type.bad-index", "an index has more than one `...`")
    if not ellipses:
        parts.append(Ellipsis)
    arrays = [part.shape for part in parts if isinstance(part, np.ndarray)]
    try:
        np.broadcast_shapes(*arrays)
    except ValueError:
        raise Refused("type.shape-mismatch", f"index arrays of shapes {_listed(arrays)} do not broadcast") from None
    return tuple(parts), bool(arrays)


def select(data: Elements, parts: tuple[NumpyPart, ...]) -> Elements:
    """The selected elements; a view unless the key gathers.

    Raises:
        Refused: `run.index-out-of-range`.
    """
    try:
        return data[parts]
    except IndexError as error:
        raise Refused("run.index-out-of-range", f"{error}, the shape being {data.shape}") from None


def _part(part: object) -> NumpyPart:
    if part is None:
        return None
    if part is Ellipsis:
        return ...
    if isinstance(part, slice):
        bounds = cast("slice[object, object, object]", part)
        start, stop, step = _bound(bounds.start), _bound(bounds.stop), _bound(bounds.step)
        if step == 0:
            raise Refused("type.bad-index", "the step of a slice is 0")
        return slice(start, stop, step)
    if isinstance(part, Storage):
        if part.kind not in ("int", "uint"):
            raise Refused(
                "type.not-an-integer",
                f"an index must be an integer, not {part.name}",
                help="select elements by a condition with tile.where"
                if part.kind == "bool"
                else "cast it to i32 or i64",
            )
        return int(numpy_of(part)) if part.shape == () else numeric.convert(numpy_of(part), np.dtype(np.int64))
    return _integer(part)


def _bound(bound: object) -> int | None:
    return None if bound is None else _integer(bound)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise Refused("type.not-an-integer", f"an index or a bound must be an integer, not {value!r}")
    return value.__index__()  # type: ignore[no-any-return, attr-defined]


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))
