"""Operands brought together: which dtypes and shapes may meet, and what Python numbers become.

Knows the rules of the operation table; does not compute elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from htp._impl import numeric
from htp._impl.lazy import LazyModule
from htp._impl.storage import Number, S, Shape, Storage, make, numpy_of
from htp.diagnostics import Refused
from htp.ops import op
from htp.signals import Signal, no_token

if TYPE_CHECKING:
    from typing import TypeGuard

    import numpy as np

    from htp._impl.numeric import Elements
    from htp.dtypes import bool_
else:
    np = LazyModule("numpy")


def apply(name: str, x: S, *others: object, reflected: bool = False) -> S:
    """The elementwise operation `name` on `x` and the others, whose dtype is that of `x` too.

    Raises:
        Refused: `type.bad-dtype`, `type.dtype-mismatch`, `type.shape-mismatch` and what `operand` raises.
    """
    return make(type(x), _computed(name, x, others, reflected))


def compare(name: str, x: Storage, *others: object, reflected: bool = False) -> bool_:
    """Like `apply`, for operations that yield truth values."""
    from htp.dtypes import bool_

    return make(bool_, _computed(name, x, others, reflected))


def _computed(name: str, x: Storage, others: tuple[object, ...], reflected: bool) -> Elements:
    entry = "gelu" if name == "gelu_tanh" else name
    require_kind(entry, type(x))
    given = [numpy_of(x), *(operand(each, type(x), spelled(entry)) for each in others)]
    if reflected:
        given.reverse()
    require_broadcast(spelled(entry), *(each.shape for each in given))
    if name == "power" and type(x).kind != "float" and np.any(given[-1] < 0):
        raise Refused(
            "type.negative-power", "an integer cannot be raised to a negative power", help="cast to a float dtype first"
        )
    return numeric.compute(name, *given)


def operand(value: object, dtype: type[Storage], what: str) -> Elements:
    """The elements of `value`, an array of `dtype` or a number that `dtype` can hold.

    Raises:
        Refused: `type.dtype-mismatch`, `type.constant-out-of-range` or `type.not-a-tile`.
    """
    if isinstance(value, int | float):
        return constant(dtype, value)
    if isinstance(value, Storage):
        if type(value) is not dtype:
            raise Refused(
                "type.dtype-mismatch",
                f"{what} mixes {dtype.name} and {type(value).name}",
                help=f"convert one side: `.astype({dtype.name})` or `.astype({type(value).name})`",
            )
        return numpy_of(value)
    if isinstance(value, np.generic):
        number: Elements = np.asarray(cast("object", value))
        if numeric.name_of(number.dtype) == dtype.name:
            return number
        raise Refused("type.dtype-mismatch", f"{what} mixes {dtype.name} and the NumPy scalar {value!r}")
    raise not_a_tile(value, what)


def constant(dtype: type[Storage], value: Number) -> Elements:
    """`value` as an element of `dtype`; a float rounds, an integer must fit.

    Raises:
        Refused: `type.dtype-mismatch` or `type.constant-out-of-range`.
    """
    stored = numeric.numpy_dtype(dtype.name)
    fits = dtype.kind == "float" or isinstance(value, bool) or (isinstance(value, int) and dtype.kind != "bool")
    if not fits:
        raise Refused(
            "type.dtype-mismatch",
            f"the Python {type(value).__name__} {value!r} cannot become {dtype.name}",
            help="cast the array to a float dtype first" if isinstance(value, float) else "compare with != 0 first",
        )
    with np.errstate(all="ignore"):
        try:
            return np.asarray(float(value) if dtype.kind == "float" else value, stored)
        except OverflowError:
            raise Refused("type.constant-out-of-range", f"{value} does not fit {dtype.name}") from None


def require_kind(name: str, dtype: type[Storage]) -> None:
    """Refuses a dtype that the operation does not take, with `type.bad-dtype` or `type.integer-division`."""
    if dtype.kind in op(name).dtypes:
        return
    if name == "divide" and dtype.kind in ("int", "uint"):
        raise Refused(
            "type.integer-division",
            f"`/` has no {dtype.name} result",
            help="write `//` for the quotient rounded down, or cast both sides to a float dtype",
        )
    kinds = {"float": "floats", "int": "signed integers", "uint": "unsigned integers", "bool": "bool_"}
    taken = " and ".join(text for kind, text in kinds.items() if kind in op(name).dtypes)
    raise Refused(
        "type.bad-dtype",
        f"{spelled(name)} takes {taken}, not {dtype.name}",
        help="cast the operand with .astype first",
    )


def require_broadcast(what: str, *shapes: Shape) -> Shape:
    """The common shape under NumPy's broadcasting, or `type.shape-mismatch`."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise Refused("type.shape-mismatch", f"{what}: shapes {listed} do not broadcast") from None


def spelled(name: str) -> str:
    """How the user writes the operation: its sign or its name."""
    return f"`{op(name).operator or f'tile.{name}'}`"


def number(value: object, dtype: type[Storage]) -> Number:
    """`value` as a Python number, of which `dtype(...)` makes a constant.

    Raises:
        Refused: `type.dtype-mismatch`.
    """
    if isinstance(value, int | float):
        return value
    found = f"an array of {value.name}" if isinstance(value, Storage) else f"{type(value).__name__} {value!r}"
    raise Refused(
        "type.dtype-mismatch",
        f"{dtype.name}(...) takes a Python number, not {found}",
        help=f"write `.astype({dtype.name})` to convert an array",
    )


def not_a_tile(value: object, what: str) -> Refused:
    """The refusal of an operand that is neither an array of htp nor a number."""
    if isinstance(value, Signal):
        return no_token(value)
    hint = "pass NumPy arrays as parameters of a kernel" if isinstance(value, np.ndarray) else ()
    shown = "a NumPy array" if isinstance(value, np.ndarray) else f"{type(value).__name__}"
    return Refused("type.not-a-tile", f"{what} takes tiles and numbers, not {shown}", help=hint)


def require_tile(value: object, what: str) -> None:
    """Refuses what is no array with `type.not-a-tile`."""
    if not isinstance(value, Storage):
        raise not_a_tile(value, what)


def only(array: Storage, what: str, code: str = "type.not-one-element") -> int | float | bool:
    """The element of an array of rank 0 as a Python number; `code` for any other rank."""
    data = numpy_of(array)
    if data.ndim:
        raise Refused(
            code,
            f"{what} takes one number, not an array of shape {data.shape}",
            help="reduce it with tile.any, tile.all, tile.sum, ..., or read the only element with tile.item",
        )
    return numeric.python_number(data)


def both(what: str, a: S | Number, b: S | Number) -> tuple[S, S | Number, bool]:
    """An array among a and b, the other one, and whether they were swapped.

    Raises:
        Refused: `type.not-a-tile` when neither is an array.
    """
    if isinstance(a, Storage):
        return a, b, False
    if isinstance(b, Storage):
        return b, a, True
    numeric_operand(a, what)
    numeric_operand(b, what)
    raise Refused(
        "type.not-a-tile", f"{what} of two Python numbers has no dtype", help="give one of them a dtype, as in f32(1.0)"
    )


def numeric_operand(value: object, what: str) -> Number:
    """`value` as a Python number, or `type.not-a-tile`."""
    if not isinstance(value, int | float):
        raise not_a_tile(value, what)
    return value


def require_dtype(what: str, dtype: object) -> None:
    """Refuses what is no dtype of htp with `type.bad-arguments`."""
    if not is_dtype(dtype):
        raise refuse_argument(what, "dtype", dtype, "a dtype of htp, such as f32")


def is_dtype(value: object) -> TypeGuard[type[Storage]]:
    """Whether `value` is one of the dtypes, and not one of their bases."""
    return isinstance(value, type) and issubclass(value, Storage) and hasattr(value, "bits")


def refuse_argument(what: str, name: str, value: object, wanted: str) -> Refused:
    """The refusal of an argument that is neither tile nor number but a parameter of the operation."""
    return Refused("type.bad-arguments", f"{name} of {what} is {value!r}; it has to be {wanted}")
