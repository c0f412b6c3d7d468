"""What an array is made of: its elements, and the memory it denotes if it denotes any.

Knows values from regions; does not know operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, TypeVar

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from typing import Self

    from htp._impl.numeric import Elements
    from htp.diagnostics import Span

Kind = Literal["float", "int", "uint", "bool"]
Number: TypeAlias = int | float | bool
Shape: TypeAlias = tuple[int, ...]


class Storage:
    """Elements of one dtype, which is the class; the base of every array.

    A *value* has elements that nobody changes. A *region* has elements that are memory somebody else may write. A slice
    of a region is a value that remembers the memory it was read from, so that it can be passed on to be written.
    """

    __slots__ = ("_base", "_data", "_gone", "_writable")

    name: ClassVar[str]
    bits: ClassVar[int]
    kind: ClassVar[Kind]

    _data: Elements
    _base: Elements | None
    _writable: bool
    _gone: Span | None

    @property
    def dtype(self) -> type[Self]:
        """The dtype class."""
        return type(self)

    @property
    def shape(self) -> Shape:
        """Sizes of all axes."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._data.size


S = TypeVar("S", bound=Storage)


def make(dtype: type[S], data: Elements, base: Elements | None = None, writable: bool = False) -> S:
    """An array around `data`, which nobody may change unless it is `base`, the memory the array denotes."""
    found = object.__new__(dtype)
    found._data = data  # pyright: ignore[reportPrivateUsage]
    found._base = base  # pyright: ignore[reportPrivateUsage]
    found._writable = writable  # pyright: ignore[reportPrivateUsage]
    return found


def numpy_of(array: Storage) -> Elements:
    """The elements, live memory when `array` is a region; not to be written through."""
    return array._data  # pyright: ignore[reportPrivateUsage]


def snapshot(array: Storage) -> Elements:
    """The elements as they are now, for good."""
    data = array._data  # pyright: ignore[reportPrivateUsage]
    return data.copy() if is_region(array) else data


def is_region(array: Storage) -> bool:
    """Whether `array` denotes memory (a parameter or a buffer) and not a value."""
    return array._base is array._data  # pyright: ignore[reportPrivateUsage]


def is_buffer(array: Storage) -> bool:
    """Whether `array` denotes memory of its own; a parameter is a view of somebody else's."""
    return is_region(array) and bool(array._data.flags.owndata)  # pyright: ignore[reportPrivateUsage]


def region_of(memory: Elements, dtype: type[S], *, writable: bool = True) -> S:
    """The region of `dtype` that `memory` holds; stores to it write `memory`."""
    return make(dtype, memory, memory, writable)


def live(array: S) -> S:
    """The memory that a slice of a region was read from, as a region; any other array as it is."""
    base = array._base  # pyright: ignore[reportPrivateUsage]
    if base is None or is_region(array):
        return array
    return region_of(base, type(array), writable=array._writable)  # pyright: ignore[reportPrivateUsage]


def give_up(array: Storage, place: Span | None) -> None:
    """Ends the use of a region whose memory is somebody else's from `place` on: it has no elements any more."""
    array._gone = place  # pyright: ignore[reportPrivateUsage]
    del array._data  # pyright: ignore[reportPrivateUsage]
    del array._base  # pyright: ignore[reportPrivateUsage]


def writable_of(array: Storage) -> Elements:
    """The memory that `array`, a region or a slice of one, denotes, to be written.

    Raises:
        Refused: `type.store-into-value` or `type.store-into-input`.
    """
    base = array._base  # pyright: ignore[reportPrivateUsage]
    if base is None:
        raise Refused(
            "type.store-into-value",
            "a tile is a value and cannot be stored to",
            help="store into an Out or InOut parameter or a slice of one; tile.where and tile.concat build new values",
        )
    if not array._writable:  # pyright: ignore[reportPrivateUsage]
        raise Refused(
            "type.store-into-input",
            "an In parameter cannot be stored to",
            help="declare the parameter InOut[...] or Out[...]",
        )
    return base
