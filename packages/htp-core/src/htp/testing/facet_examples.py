"""Facets to try a kind on when its author gives none, made from the types of its fields.

Knows fields and small values; `facet` knows what they are tried for.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec
from msgspec import inspect as fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from htp.layout import LayoutFacet

__all__ = ["BITS", "SHAPES", "Example", "made_for", "sound"]

SHAPES = ((4, 8), (8, 3), (6, 4), (7,), (16,), (1, 1), (2, 3, 4), (0, 4), (), (16, 16))
BITS = 32
MOST = 24
TRIED = 4000


class Example(NamedTuple):
    """A facet on an array it fits: shape, and bits of an element."""

    facet: LayoutFacet
    shape: tuple[int, ...]
    bits: int = BITS


def made_for(kind: type[LayoutFacet]) -> tuple[Example, ...]:
    """Examples of a kind, evenly taken from what small values of its fields give; none where that cannot be told."""
    try:
        known = fields.type_info(kind)
    except Exception:  # annotations that do not exist at run time, or types msgspec does not read
        return ()
    if not isinstance(known, fields.DataclassType | fields.StructType):
        return ()
    choices = [_choices(each) for each in known.fields]
    if not all(choices):
        return ()
    names = [each.name for each in known.fields]
    made: list[LayoutFacet] = []
    for values in islice(product(*choices), TRIED):
        facet = _made(cast("Callable[..., LayoutFacet]", kind), dict(zip(names, values, strict=True)))
        if facet is not None and any(sound(facet, shape, BITS) for shape in SHAPES):
            made.append(facet)
    step = max(1, len(made) // MOST)
    return tuple(_placed(made[::step][:MOST]))


def sound(facet: LayoutFacet, shape: tuple[int, ...], bits: int) -> bool:
    """Whether the facet finds nothing wrong with an array."""
    try:
        return facet.check(shape, bits) == ()
    except Exception:
        return False


def _placed(made: Iterable[LayoutFacet]) -> Iterator[Example]:
    for facet in made:
        fitting = [shape for shape in SHAPES if sound(facet, shape, BITS)]
        yield from (Example(facet, shape) for shape in fitting[:3])


def _made(kind: Callable[..., LayoutFacet], values: dict[str, object]) -> LayoutFacet | None:
    try:
        return kind(**values)
    except Exception:
        return None


def _choices(field: fields.Field) -> list[object]:
    values = list(_values(field.type))
    if field.default is not msgspec.NODEFAULT:
        values = [field.default, *(each for each in values if each != field.default)]
    return values


def _values(known: fields.Type) -> Iterator[object]:
    """A few values of a type; none for a type nobody can guess values of."""
    match known:
        case fields.BoolType():
            yield from (False, True)
        case fields.IntType():
            least = known.ge if known.ge is not None else known.gt + 1 if known.gt is not None else 0
            yield from (each for each in (1, 2, 4, 8, 0) if each >= least and (known.le is None or each <= known.le))
        case fields.NoneType():
            yield None
        case fields.LiteralType():
            yield from known.values
        case fields.UnionType():
            for each in known.types:
                yield from _values(each)
        case fields.VarTupleType():
            inner = list(_values(known.item_type))
            for length in (1, 2):
                yield from product(inner, repeat=length)
        case fields.TupleType():
            yield from product(*(list(_values(each)) for each in known.item_types))
        case _:
            return
