"""Signatures of intrinsics: what each parameter takes, and what the result is in terms of them.

Knows types and sizes; does not know syntax, sessions or how an intrinsic is run.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast, get_args, get_origin

from htp.diagnostics import Refused
from htp.dims import const
from htp.types import DTYPES, Array, DType, DTypeForm, ScalarForm, ScalarType, TileForm, TileType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr

Attribute: TypeAlias = int | float | bool | str | DType


Plain: TypeAlias = type[int] | type[float] | type[bool] | type[str]
Form: TypeAlias = TileType | TileForm | ScalarType | ScalarForm | DTypeForm | Plain

ATTRIBUTES: tuple[object, ...] = (int, float, bool, str)

V = TypeVar("V")


class Unbound(Exception):
    """Arguments that do not fit the parameters, with the reason, and the parameter that gets none."""

    def __init__(self, reason: str, missing: str = "") -> None:
        super().__init__(reason)
        self.missing = missing


@dataclass(frozen=True)
class Formal:
    """One parameter: a tile, a number known when the program runs, or an attribute known when it is compiled."""

    name: str
    type: Form
    default: Attribute | None = None

    @property
    def is_attribute(self) -> bool:
        """Whether its value is known when the program is compiled."""
        return isinstance(self.type, type | DTypeForm)

    def __str__(self) -> str:
        shown = self.type.__name__ if isinstance(self.type, type) else str(self.type)
        return f"{self.name}: {shown}" + ("" if self.default is None else f" = {attribute_text(self.default)}")


@dataclass(frozen=True)
class Choice:
    """What one call makes of a signature: the dtypes that variables are, and the attributes."""

    dtypes: dict[TypeVar, DType]
    attributes: dict[str, Attribute]

    def dtype(self, form: TileType | TileForm | ScalarType | ScalarForm) -> DType:
        """The dtype that a parameter or the result has in this call."""
        return self.dtypes[form.dtype] if isinstance(form, TileForm | ScalarForm) else form.dtype

    def told(self, signature: Signature) -> dict[TypeVar, DType]:
        """The dtypes that are attributes."""
        forms = ((each.type, self.attributes[each.name]) for each in signature.attributes)
        return {form.dtype: dtype for form, dtype in forms if isinstance(form, DTypeForm) and isinstance(dtype, type)}

    @property
    def sizes(self) -> dict[str, Expr]:
        """Integer attributes, which sizes may be made of."""
        whole = ((name, each) for name, each in self.attributes.items() if type(each) is int)
        return {name: const(each) for name, each in whole}


@dataclass(frozen=True)
class Signature:
    """The parameters of an intrinsic, tiles and numbers before attributes, and the type of its result."""

    name: str
    formals: tuple[Formal, ...]
    result: TileType | TileForm

    @property
    def operands(self) -> tuple[Formal, ...]:
        """The parameters that have a value when the program runs."""
        return tuple(each for each in self.formals if not each.is_attribute)

    @property
    def attributes(self) -> tuple[Formal, ...]:
        """The parameters that are known when the program is compiled."""
        return tuple(each for each in self.formals if each.is_attribute)

    def bind(self, positional: Sequence[V], named: Mapping[str, V]) -> dict[str, V]:
        """Arguments by parameter, in order of declaration; attributes with a default may be left out.

        Raises:
            Unbound: too many arguments, one that no parameter takes or that is given twice, or one too few.
        """
        names = [each.name for each in self.operands]
        if len(positional) > len(names):
            raise Unbound(f"`{self.name}` takes {len(names)} arguments by position, not {len(positional)}")
        given = dict(zip(names, positional, strict=False))
        for name, value in named.items():
            if name in given:
                raise Unbound(f"`{name}` of `{self.name}` is given twice")
            if name not in {each.name for each in self.formals}:
                raise Unbound(f"`{self.name}` has no parameter `{name}`")
            given[name] = value
        for each in self.formals:
            if each.name not in given and each.default is None:
                raise Unbound(f"`{self.name}` needs `{each.name}`", each.name)
        return {each.name: given[each.name] for each in self.formals if each.name in given}

    def __str__(self) -> str:
        operands = [str(each) for each in self.operands]
        attributes = [str(each) for each in self.attributes]
        listed = [*operands, *(["*", *attributes] if attributes else [])]
        return f"{self.name}({', '.join(listed)}) -> {self.result}"


def is_size(formal: Formal) -> bool:
    """Whether a number that is known when the program runs may tell a size: an integer."""
    return isinstance(formal.type, ScalarType) and formal.type.dtype.kind in ("int", "uint")


def choices(dtype: DType | TypeVar) -> tuple[DType, ...]:
    """The dtypes that a dtype or a variable may be: its constraints, the subclasses of its bound, or all."""
    if not isinstance(dtype, TypeVar):
        return (dtype,)
    if dtype.__constraints__:
        return cast("tuple[DType, ...]", dtype.__constraints__)
    bound: object = dtype.__bound__
    return tuple(each for each in DTYPES if not isinstance(bound, type) or issubclass(each, bound))


def attribute_text(value: Attribute) -> str:
    """An attribute as programs spell it."""
    return value.name if isinstance(value, type) else repr(value)


def converted(formal: Formal, value: object) -> Attribute | None:
    """The value as the attribute's type, or `None` when it is none of these."""
    if isinstance(formal.type, DTypeForm):
        dtype = value if isinstance(value, type) and issubclass(value, Array) else None
        return dtype if dtype in choices(formal.type.dtype) else None
    if formal.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return cast("Attribute", value) if type(value) is formal.type else None


def signature_of(python: Callable[..., object], name: str, annotations: Mapping[str, object], place: Span) -> Signature:
    """Reads a signature.

    Raises:
        Refused: `intrinsic.bad-signature`.
    """

    def bad(problem: str, help: str) -> Refused:
        return Refused("intrinsic.bad-signature", f"`{name}`: {problem}", span=place, help=help)

    formals: list[Formal] = []
    for parameter in inspect.signature(python).parameters.values():
        found = annotations.get(parameter.name)
        if get_origin(found) is type and isinstance(variable := get_args(found)[0], TypeVar):
            found = DTypeForm(variable)
        problem = _problem(parameter, found)
        if problem is not None:
            raise bad(*problem)
        default: object = None if parameter.default is parameter.empty else parameter.default
        formal = Formal(parameter.name, cast("Form", found))
        if default is not None:
            kept = converted(formal, default)
            if kept is None:
                raise bad(f"the default of `{formal.name}` is {default!r}", f"give a constant of type {formal}")
            formal = Formal(formal.name, formal.type, kept)
        formals.append(formal)
    result = annotations.get("return")
    if not isinstance(result, TileType | TileForm) or result.facets:
        raise bad("the result is no tile", 'annotate it: `-> Tile[T, "M", 1]`')
    signature = Signature(name, tuple(formals), result)
    if unknown := _unknown(signature):
        raise bad(*unknown)
    return signature


def _problem(parameter: inspect.Parameter, found: object) -> tuple[str, str] | None:
    name = parameter.name
    if parameter.kind is parameter.KEYWORD_ONLY:
        if found in ATTRIBUTES or isinstance(found, DTypeForm):
            return None
        return (
            f"`{name}` is keyword-only, and no int, float, bool, str or `type[T]`",
            "tiles and numbers stand before the `*`",
        )
    if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
        return f"`{name}` takes a variable number of arguments", "name every parameter"
    if found in ATTRIBUTES or isinstance(found, DTypeForm):
        return f"`{name}` is an attribute that may be given by position", f"put it behind a `*`: `*, {name}: int`"
    if not isinstance(found, TileType | TileForm | ScalarType | ScalarForm):
        return f"`{name}` has no type that an intrinsic takes", f'write `{name}: Tile[T, "M", "N"]` or `Scalar[f32]`'
    if isinstance(found, TileType | TileForm) and found.facets:
        return f"`{name}` has a layout facet", "declare dtype and dims only"
    if parameter.default is not parameter.empty:
        return f"`{name}` has a default value", "only attributes, behind a `*`, have defaults"
    return None


def _unknown(signature: Signature) -> tuple[str, str] | None:
    """A size or dtype that no argument tells."""
    tiles = [each.type for each in signature.formals if isinstance(each.type, TileType | TileForm)]
    told = {str(size) for each in tiles for size in each.dims if str(size) in size.symbols}
    told |= {each.name for each in signature.attributes if each.type is int}
    told |= {each.name for each in signature.operands if is_size(each)}
    for each in (*tiles, signature.result):
        for size in each.dims:
            if missing := sorted(size.symbols - told):
                return f"no argument tells the size `{missing[0]}`", f"give one parameter a dim `{missing[0]}` alone"
    variables = {each.type.dtype for each in signature.formals if isinstance(each.type, TileForm | DTypeForm)}
    for each in (*(each.type for each in signature.operands), signature.result):
        if isinstance(each, TileForm | ScalarForm) and each.dtype not in variables:
            problem = f"no tile tells the dtype `{each.dtype.__name__}`"
            return problem, "use it in the type of a tile that is taken, or take `dtype: type[…]`"
    return None
