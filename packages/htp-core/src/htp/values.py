"""Arrays as HTP programs see them: typed, immutable values and the regions of memory they are read from and stored to.

Knows operators, slices and stores under NumPy meaning; does not know shapes that are still symbolic, nor any target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from htp._impl import numeric
from htp._impl.keys import numpy_key, select
from htp._impl.lazy import LazyModule
from htp._impl.operands import apply, compare, constant, not_a_tile, number, only, operand, require_broadcast
from htp._impl.storage import (
    Kind,
    Number,
    Shape,
    Storage,
    give_up,
    is_buffer,
    is_region,
    live,
    make,
    numpy_of,
    region_of,
    snapshot,
    writable_of,
)
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import EllipsisType
    from typing import Self, TypeAlias

    import numpy as np

    from htp._impl.numeric import Elements
    from htp.diagnostics import Span
    from htp.dtypes import bool_
    from htp.types import ScalarType, TensorType, TileType

    Part: TypeAlias = "int | slice[object, object, object] | EllipsisType | Array | None"
    Index: TypeAlias = Part | tuple[Part, ...]
else:
    np = LazyModule("numpy")

__all__ = [
    "Array",
    "Kind",
    "Number",
    "Shape",
    "give_up",
    "is_buffer",
    "is_region",
    "live",
    "moved",
    "numpy_of",
    "overlap",
    "region_of",
    "snapshot",
    "wrap_argument",
    "writable_of",
]

B = TypeVar("B", bound="Array")


def overlap(one: Storage, two: Storage) -> bool:
    """Whether two arrays have an element of memory in common."""
    return bool(np.shares_memory(numpy_of(one), numpy_of(two)))


class Array(Storage):
    """An immutable array value of one dtype, or a region of memory that holds such values.

    The dtype is the class (`f32`, `i8`, ...). Operators work element by element with NumPy's broadcasting, never
    change an operand and never mix dtypes; Python numbers take the array's dtype. Slicing a region reads it; only a
    region can be stored to.
    """

    __slots__ = ()
    __array_ufunc__ = None
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, value: Number) -> None:
        """The constant `value` as an array of rank 0."""
        dtype = type(self)
        self._data = constant(dtype, number(value, dtype))
        self._base = None
        self._writable = False

    @property
    def T(self) -> Self:  # noqa: N802
        """The value with its axes in reverse order: `(m, n) -> (n, m)`."""
        return make(type(self), snapshot(self).T)

    def astype(self, dtype: type[B]) -> B:
        """Every element converted to `dtype`; see `htp.tile.cast`."""
        return make(dtype, numeric.convert(snapshot(self), numeric.numpy_dtype(dtype.name)))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Array]:
            """NumPy's methods: `x.sum(axis=1)` is `tile.sum(x, axis=1)`."""
            from htp import tile
            from htp.names import METHODS

            if name in ("_data", "_base"):
                place = self._gone
                raise moved(0 if place is None else place.line)
            if name not in METHODS:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

            def method(*args: object, **kwargs: object) -> Array:
                sizes = (args,) if name in ("reshape", "transpose") and len(args) > 1 else args
                return getattr(tile, name)(self, *sizes, **kwargs)

            return method

    def __getitem__(self, key: Index) -> Self:
        """The elements selected by ints, slices (which clip), `None`, `...` and integer arrays.

        Raises:
            Refused: `run.index-out-of-range`, `type.bad-index` or `type.not-an-integer`.
        """
        parts, gathers = numpy_key(key, self._data.shape)
        found = select(self._data, parts)
        if gathers or self._base is None:
            return make(type(self), found)
        if self._base is self._data:
            return make(type(self), found.copy(), found, self._writable)
        return make(type(self), found, self._base[parts], self._writable)

    def __setitem__(self, key: Index, value: Self | Number) -> None:
        """Stores `value` (broadcast) into the selected elements of a region.

        Raises:
            Refused: `type.store-into-value`, `type.store-into-input`, `type.dtype-mismatch`, `type.shape-mismatch`,
                `type.bad-index` or `run.index-out-of-range`.
        """
        memory = writable_of(self if is_region(self) else make(type(self), self._data))
        parts, _ = numpy_key(key, self._data.shape)
        target = select(memory, parts)
        source = operand(value, type(self), "a store")
        if require_broadcast("a store", source.shape, target.shape) != target.shape:
            raise Refused("type.shape-mismatch", f"a value of shape {source.shape} does not fit {target.shape}")
        memory[parts] = source

    def __len__(self) -> int:
        """Size of the first axis."""
        if not self._data.ndim:
            raise Refused("type.bad-axis", "an array of rank 0 has no first axis")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Self]:
        raise Refused(
            "type.not-iterable", "an array cannot be iterated over", help="loop over range(x.shape[0]) and slice"
        )

    def __bool__(self) -> bool:
        """Truth of an array of rank 0."""
        return bool(only(self, "a condition", "type.bad-condition"))

    def __float__(self) -> float:
        """The element of an array of rank 0."""
        return float(only(self, "float()"))

    def __int__(self) -> int:
        """The element of an array of rank 0, truncated."""
        return int(only(self, "int()"))

    def __index__(self) -> int:
        """The element of an integer array of rank 0, as range() and slices want it."""
        if type(self).kind not in ("int", "uint"):
            raise Refused("type.not-an-integer", f"an index or a bound must be an integer, not {type(self).name}")
        return int(only(self, "an index or a bound"))

    def __array__(self, dtype: np.dtype[np.generic] | None = None, copy: bool | None = None) -> Elements:
        """The elements as a NumPy array that cannot be written through."""
        found = np.array(self._data, dtype=dtype) if copy or dtype is not None else self._data.view()
        found.flags.writeable = False
        return found

    def __repr__(self) -> str:
        text = numeric.shown(self._data, f"{type(self).name}(")
        return f"{type(self).name}({text})"

    def __pos__(self) -> Self:
        return make(type(self), snapshot(self))

    def __neg__(self) -> Self:
        return apply("neg", self)

    def __abs__(self) -> Self:
        return apply("abs", self)

    def __invert__(self) -> Self:
        return apply("invert", self)

    def __add__(self, other: Self | Number) -> Self:
        return apply("add", self, other)

    def __radd__(self, other: Number) -> Self:
        return apply("add", self, other, reflected=True)

    def __sub__(self, other: Self | Number) -> Self:
        return apply("subtract", self, other)

    def __rsub__(self, other: Number) -> Self:
        return apply("subtract", self, other, reflected=True)

    def __mul__(self, other: Self | Number) -> Self:
        return apply("multiply", self, other)

    def __rmul__(self, other: Number) -> Self:
        return apply("multiply", self, other, reflected=True)

    def __truediv__(self, other: Self | Number) -> Self:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Number) -> Self:
        return apply("divide", self, other, reflected=True)

    def __floordiv__(self, other: Self | Number) -> Self:
        return apply("floor_divide", self, other)

    def __rfloordiv__(self, other: Number) -> Self:
        return apply("floor_divide", self, other, reflected=True)

    def __mod__(self, other: Self | Number) -> Self:
        return apply("mod", self, other)

    def __rmod__(self, other: Number) -> Self:
        return apply("mod", self, other, reflected=True)

    def __pow__(self, other: Self | Number) -> Self:
        return apply("power", self, other)

    def __rpow__(self, other: Number) -> Self:
        return apply("power", self, other, reflected=True)

    def __and__(self, other: Self | Number) -> Self:
        return apply("bitwise_and", self, other)

    def __rand__(self, other: Number) -> Self:
        return apply("bitwise_and", self, other, reflected=True)

    def __or__(self, other: Self | Number) -> Self:
        return apply("bitwise_or", self, other)

    def __ror__(self, other: Number) -> Self:
        return apply("bitwise_or", self, other, reflected=True)

    def __xor__(self, other: Self | Number) -> Self:
        return apply("bitwise_xor", self, other)

    def __rxor__(self, other: Number) -> Self:
        return apply("bitwise_xor", self, other, reflected=True)

    def __lshift__(self, other: Self | Number) -> Self:
        return apply("left_shift", self, other)

    def __rlshift__(self, other: Number) -> Self:
        return apply("left_shift", self, other, reflected=True)

    def __rshift__(self, other: Self | Number) -> Self:
        return apply("right_shift", self, other)

    def __rrshift__(self, other: Number) -> Self:
        return apply("right_shift", self, other, reflected=True)

    def __matmul__(self, other: Self) -> Array:
        from htp._impl.matmul import product

        return product(self, other)

    def __rmatmul__(self, other: object) -> Array:
        raise not_a_tile(other, "@")

    def __eq__(self, other: object) -> bool_:  # pyright: ignore[reportIncompatibleMethodOverride]
        return compare("equal", self, other)

    def __ne__(self, other: object) -> bool_:  # pyright: ignore[reportIncompatibleMethodOverride]
        return compare("not_equal", self, other)

    def __lt__(self, other: Self | Number) -> bool_:
        return compare("less", self, other)

    def __le__(self, other: Self | Number) -> bool_:
        return compare("less_equal", self, other)

    def __gt__(self, other: Self | Number) -> bool_:
        return compare("greater", self, other)

    def __ge__(self, other: Self | Number) -> bool_:
        return compare("greater_equal", self, other)


def moved(line: int, span: Span | None = None) -> Refused:
    """The refusal of a use of a region that was sent at that line, 0 where it is not known."""
    return Refused(
        "csp.moved",
        f"the region was sent{f' at line {line}' if line else ''} and belongs to the receiver now",
        span=span,
        help="make a new buffer with htp.empty for each send, or send a tile, which is a value",
    )


def _augmented(sign: str, plain: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    def operator(self: Array, other: Array) -> Array:
        if is_region(self) and self._writable:  # pyright: ignore[reportPrivateUsage]
            raise Refused(
                "type.parameter-rebound",
                f"`{sign}=` on an Out or InOut parameter would only rebind its name",
                help=f"store into its elements: `x[:] {sign}= ...`",
            )
        return plain(self, other)

    return operator


_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "and": "&",
    "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "matmul": "@",
}  # fmt: skip
for _name, _sign in _SIGNS.items():
    setattr(Array, f"__i{_name}__", _augmented(_sign, getattr(Array, f"__{_name}__")))


def wrap_argument(value: object, type: TensorType | TileType | ScalarType, writable: bool) -> Array:
    """`value` as the array that a parameter of `type` is inside the function.

    Arrays keep their memory: NumPy arrays, DLPack exporters and buffers on the host are never copied. What is passed to
    be written must be memory: a NumPy array, a region, or a slice of a region.

    Raises:
        Refused: `run.dtype-mismatch`, `run.shape-mismatch`, `run.read-only`, `run.not-an-array`, `run.wrong-device`,
            `type.store-into-value` or `type.store-into-input`.
    """
    from htp.types import ScalarType

    if isinstance(type, ScalarType):
        return _scalar(value, type)
    memory = _memory(value, writable)
    found = numeric.name_of(memory.dtype)
    if found != type.dtype.name:
        raise Refused(
            "run.dtype-mismatch",
            f"an argument has dtype {found or memory.dtype}, the parameter is {type}",
            help=f"convert it to {type.dtype.name} first, or declare another dtype",
        )
    if memory.ndim != len(type.dims) or any(
        not _fits(size, dim.constant, type) for size, dim in zip(memory.shape, type.dims, strict=True)
    ):
        raise Refused(
            "run.shape-mismatch",
            f"an argument has shape {memory.shape}, the parameter is {type}",
            help="pass an array of the declared sizes, or declare other ones",
        )
    return region_of(memory.view(), type.dtype, writable=writable)


def _scalar(value: object, type: ScalarType) -> Array:
    if isinstance(value, Array) and value.shape != ():
        raise Refused(
            "run.shape-mismatch", f"an argument has shape {value.shape}, the parameter is {type}", help="use tile.item"
        )
    return make(type.dtype, operand(value, type.dtype, "a scalar argument"))


def _memory(value: object, writable: bool) -> Elements:
    from htp.arguments import as_array

    if isinstance(value, Array):
        return writable_of(value) if writable else numpy_of(value)
    memory = as_array("an argument", value)
    if writable and not memory.flags.writeable:
        raise Refused(
            "run.read-only", "an array that is written is read-only", help="pass a writable array, such as x.copy()"
        )
    return memory


def _fits(size: int, dim: int | None, type: TensorType | TileType) -> bool:
    from htp.types import TensorType

    return dim is None or size == dim or (not isinstance(type, TensorType) and size < dim)
