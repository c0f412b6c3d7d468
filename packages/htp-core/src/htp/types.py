"""The types of programs: dtypes, tensors and tiles with their dims, parameter directions, scalars and slots.

Knows annotations as values; does not know syntax, nor how anything is computed.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

from htp._impl import numeric
from htp.diagnostics import Bug, Refused, Span
from htp.dtypes import (
    Floating,
    Integral,
    Numeric,
    bf16,
    bool_,
    f8e4m3,
    f8e5m2,
    f16,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
)
from htp.slots import Slot
from htp.values import Array

if TYPE_CHECKING:
    from typing import Annotated
    from typing import Annotated as Tensor
    from typing import Annotated as Tile

    import numpy as np

    from htp.channels import Receiver as Recv
    from htp.channels import Sender as Send
    from htp.dims import Expr

__all__ = [
    "DTYPES",
    "Array",
    "DType",
    "DTypeForm",
    "Directed",
    "Direction",
    "Floating",
    "In",
    "InOut",
    "Integral",
    "Numeric",
    "Out",
    "Param",
    "Recv",
    "Scalar",
    "ScalarForm",
    "ScalarType",
    "Send",
    "Slot",
    "Tensor",
    "TensorType",
    "Tile",
    "TileForm",
    "TileType",
    "bf16",
    "bool_",
    "dtype_named",
    "f8e4m3",
    "f8e5m2",
    "f16",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "numpy_dtype",
    "param_of",
    "u8",
    "u16",
    "u32",
    "u64",
]

DType: TypeAlias = type[Array]
Direction = Literal["in", "out", "inout", "send", "recv"]
D = TypeVar("D", bound=Array)

DTYPES: tuple[DType, ...] = (f64, f32, f16, bf16, f8e4m3, f8e5m2, i64, i32, i16, i8, u64, u32, u16, u8, bool_)


def numpy_dtype(dtype: DType) -> np.dtype[np.generic]:
    """The NumPy (or `ml_dtypes`) dtype that stores `dtype`."""
    return numeric.numpy_dtype(dtype.name)


def dtype_named(name: str) -> DType | None:
    """The dtype called `name` in source text, or None.

    >>> dtype_named("bf16").bits
    16
    """
    return next((each for each in DTYPES if each.name == name), None)


@dataclass(frozen=True)
class TensorType:
    """An array in global memory: dtype, dims, and the layout facets behind the dims."""

    dtype: DType
    dims: tuple[Expr, ...]
    facets: tuple[object, ...] = ()

    def __str__(self) -> str:
        return _text("Tensor", self)


@dataclass(frozen=True)
class TileType:
    """An on-chip value; its dims are upper bounds, a tail has a smaller shape."""

    dtype: DType
    dims: tuple[Expr, ...]
    facets: tuple[object, ...] = ()

    def __str__(self) -> str:
        return _text("Tile", self)


@dataclass(frozen=True)
class ScalarType:
    """A number known when the program runs."""

    dtype: DType

    def __str__(self) -> str:
        return f"Scalar[{self.dtype.name}]"


@dataclass(frozen=True)
class TileForm:
    """A tile whose dtype is a variable: what an intrinsic takes or gives."""

    dtype: TypeVar
    dims: tuple[Expr, ...]
    facets: tuple[object, ...] = ()

    def __str__(self) -> str:
        return f"Tile[{', '.join([self.dtype.__name__, *_dims_text(self.dims)])}]"


@dataclass(frozen=True)
class ScalarForm:
    """A number whose dtype is a variable."""

    dtype: TypeVar

    def __str__(self) -> str:
        return f"Scalar[{self.dtype.__name__}]"


@dataclass(frozen=True)
class DTypeForm:
    """An attribute that is a dtype, which a variable stands for: `dtype: type[T]`."""

    dtype: TypeVar

    def __str__(self) -> str:
        return f"type[{self.dtype.__name__}]"


@dataclass(frozen=True)
class Directed:
    """A tensor or tile parameter with its direction; an end of a channel with what the channel carries."""

    direction: Direction
    type: TensorType | TileType | ScalarType

    def __str__(self) -> str:
        return f"{_FORMS[self.direction]}[{self.type}]"


@dataclass(frozen=True)
class Param:
    """One parameter of a decorated function and where it is written; a helper's parameters have no type.

    With direction `send` or `recv` it is an end of a channel that carries `type`, or `several` such ends.
    """

    name: str
    direction: Literal["in", "out", "inout", "scalar", "send", "recv"]
    type: TensorType | TileType | ScalarType | None
    origin: Span | None = field(default=None, compare=False)
    several: bool = False

    @property
    def is_end(self) -> bool:
        """Whether it is an end of a channel, or several."""
        return self.direction in ("send", "recv")

    @property
    def passing(self) -> Literal["in", "out", "inout", "scalar"]:
        """The direction of a parameter that is passed from outside of a network, where there are no channels."""
        if self.direction == "send" or self.direction == "recv":
            raise Bug(f"parameter {self.name!r} is an end of a channel, so it cannot be at the boundary")
        return self.direction


def param_of(name: str, annotation: object) -> Param | None:
    """The parameter that an annotation makes; None when it gives no type with a direction."""
    if isinstance(annotation, Directed):
        return Param(name, annotation.direction, annotation.type)
    if isinstance(annotation, ScalarType):
        return Param(name, "scalar", annotation)
    if get_origin(annotation) is tuple:
        each, *rest = get_args(annotation)
        if isinstance(each, Directed) and each.direction in ("send", "recv") and rest == [...]:
            return Param(name, each.direction, each.type, several=True)
    return None


_FORMS = {"in": "In", "out": "Out", "inout": "InOut", "send": "Send", "recv": "Recv"}


def _text(form: str, type_: TensorType | TileType) -> str:
    facets = (repr(facet) for facet in type_.facets)
    return f"{form}[{', '.join([type_.dtype.name, *_dims_text(type_.dims), *facets])}]"


def _dims_text(dims: tuple[Expr, ...]) -> list[str]:
    return [str(dim) if dim.constant is not None else f'"{dim}"' for dim in dims]


def _items(form: str, items: object) -> tuple[DType, tuple[Expr, ...], tuple[object, ...]]:
    first, *rest = cast("tuple[object, ...]", items) if isinstance(items, tuple) else (items,)
    return _dtype(form, first), *_sizes(form, rest)


def _sizes(form: str, rest: list[object]) -> tuple[tuple[Expr, ...], tuple[object, ...]]:
    """Dims and facets."""
    from htp.dims import Expr, const, parse

    dims: list[Expr] = []
    while rest and isinstance(rest[0], str | int | Expr) and not isinstance(rest[0], bool):
        item = rest.pop(0)
        dim = item if isinstance(item, Expr) else parse(item) if isinstance(item, str) else const(cast("int", item))
        if dim.constant is not None and dim.constant < 0:
            raise Refused("type.bad-annotation", f"a dim of {form}[...] is negative: {dim}", span=_caller())
        dims.append(dim)
    for item in rest:
        if isinstance(item, str | int | float) or item is None:
            raise Refused(
                "type.bad-annotation",
                f"{form}[...] has the item {item!r} where a layout facet was expected",
                span=_caller(),
                help=f'write the dtype, then the dims, then the facets: {form}[f32, "M", 128, facet]',
            )
    return tuple(dims), tuple(rest)


def _caller() -> Span | None:
    """The user's line that writes a type; None while annotations are evaluated from text."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "htp":
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<") or frame.f_globals.get("__name__") == "inspect":
        return None
    return Span(file=frame.f_code.co_filename, line=frame.f_lineno)


def _dtype(form: str, item: object) -> DType:
    for dtype in DTYPES:
        if item is dtype:
            return dtype
    shown = cast("type[object]", item).__name__ if isinstance(item, type) else repr(item)
    example = "Scalar[i32]" if form == "Scalar" else f'{form}[f32, "M", 128]'
    raise Refused(
        "type.bad-annotation",
        f"{form}[...] begins with a dtype of htp, not {shown}",
        span=_caller(),
        help=f"write for instance {example}",
    )


if TYPE_CHECKING:
    Scalar: TypeAlias = Annotated[D, "scalar"]
    In: TypeAlias = Annotated[D, "in"]
    Out: TypeAlias = Annotated[D, "out"]
    InOut: TypeAlias = Annotated[D, "inout"]
else:

    class Tensor:
        """`Tensor[f32, "M", 128]`: an array in global memory; dims are ints, names or expressions over names."""

        def __class_getitem__(cls, items: object) -> TensorType:
            return TensorType(*_items("Tensor", items))

    class Tile:
        """`Tile[f16, 64, 64]`: an on-chip value with static upper bounds of its sizes."""

        def __class_getitem__(cls, items: object) -> TileType | TileForm:
            first, *rest = items if isinstance(items, tuple) else (items,)
            if isinstance(first, TypeVar):
                return TileForm(first, *_sizes("Tile", rest))
            return TileType(*_items("Tile", items))

    class Scalar:
        """`Scalar[i32]`: a number known when the program runs."""

        def __class_getitem__(cls, item: object) -> ScalarType | ScalarForm:
            return ScalarForm(item) if isinstance(item, TypeVar) else ScalarType(_dtype("Scalar", item))

    def _directed(direction: Direction, type_: object) -> Directed:
        if not isinstance(type_, TensorType | TileType):
            raise Refused(
                "type.bad-annotation",
                f"{_FORMS[direction]}[...] takes a Tensor[...] or Tile[...], not {type_!r}",
                span=_caller(),
                help=f'write {_FORMS[direction]}[Tensor[f32, "M", 128]]; scalars are written Scalar[i32]',
            )
        return Directed(direction, type_)

    class In:
        """`In[Tensor[...]]`: a parameter that is only read."""

        def __class_getitem__(cls, type_: object) -> Directed:
            return _directed("in", type_)

    class Out:
        """`Out[Tensor[...]]`: a parameter every element of which is overwritten and never read before."""

        def __class_getitem__(cls, type_: object) -> Directed:
            return _directed("out", type_)

    class InOut:
        """`InOut[Tensor[...]]`: a parameter that is read and stored to."""

        def __class_getitem__(cls, type_: object) -> Directed:
            return _directed("inout", type_)

    def _end(direction: Direction, item: object) -> Directed:
        carried = ScalarType(item) if any(item is each for each in DTYPES) else item
        if not isinstance(carried, TensorType | TileType | ScalarType):
            form = _FORMS[direction]
            raise Refused(
                "type.bad-annotation",
                f"{form}[...] takes a type that a channel can carry, not {item!r}",
                span=_caller(),
                help=f"write {form}[Tile[f32, 16, 64]], {form}[Scalar[i32]] or {form}[Tensor[f32, 16]]",
            )
        return Directed(direction, carried)

    class Send:
        """`out: Send[T]`: the sending end of a channel that carries T; `tuple[Send[T], ...]` is several."""

        def __class_getitem__(cls, carried: object) -> Directed:
            return _end("send", carried)

    class Recv:
        """`inp: Recv[T]`: the receiving end of a channel that carries T; `tuple[Recv[T], ...]` is several."""

        def __class_getitem__(cls, carried: object) -> Directed:
            return _end("recv", carried)
