"""Layout facets: the protocol by which core speaks of layouts, joining them, and ways from one kind to another.

Knows the three roles; what a facet contains is the business of its kind (`strided` is the plain one).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, runtime_checkable

import msgspec

from htp.catalogue import distribution_of, install_hint
from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.declarations import Conversion

__all__ = [
    "ROLES",
    "Coord",
    "Envelope",
    "LayoutFacet",
    "LayoutType",
    "Requirement",
    "Role",
    "conversion_path",
    "join_facets",
    "open_envelope",
]

Role = Literal["distribution", "memory", "hardware"]
ROLES: tuple[Role, ...] = ("distribution", "memory", "hardware")
Coord = tuple[tuple[str, int], ...]
"""A place: a value for each axis, sorted by axis name; an axis that is missing is 0. Axis `m` counts elements."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """Something a layout needs of the target, such as `Requirement(kind="form", subject="l1", value="nz")`."""

    kind: Literal["space", "capacity", "align", "form", "axis", "route", "instruction"]
    subject: str
    value: str | int | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A facet on the wire: who reads it, and its data, which only that kind understands."""

    kind: str
    version: int
    role: Role
    data: dict[str, msgspec.Raw]


@runtime_checkable
class LayoutFacet(Protocol):
    """One facet of a layout. Answers are values or a `Diagnostic`; no method raises for a user's mistake.

    Programs spell it as `repr` does: a call of its class, or of a function beside the class that `MAKERS` lists, a
    tuple of names that a class may have.
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int]
    ROLES: ClassVar[frozenset[Role]]

    def check(self, shape: tuple[int, ...], bits: int) -> tuple[Diagnostic, ...]:
        """What is wrong with this facet on a tensor of this shape and element size in bits."""
        ...

    def coords(self, index: tuple[int, ...], shape: tuple[int, ...]) -> frozenset[Coord]:
        """All the places that hold the element at `index`; the ground truth of the facet."""
        ...

    def canonical(self) -> Self:
        """The same layout in its one canonical form."""
        ...

    def equivalent(self, other: LayoutFacet) -> bool | None:
        """Whether both place every element alike; `None` when that cannot be told."""
        ...

    def join(self, other: LayoutFacet) -> LayoutFacet | Diagnostic:
        """The layout of an elementwise result of operands laid out like this and like `other`."""
        ...

    def requirements(self, shape: tuple[int, ...], bits: int) -> tuple[Requirement, ...]:
        """What the layout needs of a target."""
        ...

    def to_data(self) -> dict[str, object]:
        """The facet as JSON data."""
        ...

    @classmethod
    def from_data(cls, data: dict[str, object]) -> Self:
        """Reads what `to_data` wrote; raises `msgspec.ValidationError` for other data."""
        ...


@dataclass(frozen=True)
class LayoutType:
    """Up to three facets of one value, one for each role."""

    distribution: LayoutFacet | None = None
    memory: LayoutFacet | None = None
    hardware: LayoutFacet | None = None

    @classmethod
    def of(cls, facets: Iterable[object]) -> LayoutType | Diagnostic:
        """Gives each facet every role it can serve; two facets for one role, or no facet at all, is a diagnostic."""
        layout = cls()
        for facet in facets:
            if not isinstance(facet, LayoutFacet):
                return Diagnostic(code="layout.not-a-facet", message=f"`{facet!r}` behind the dims is no layout facet")
            for role in ROLES:
                if role not in facet.ROLES:
                    continue
                taken: LayoutFacet | None = getattr(layout, role)
                if taken is not None:
                    return Diagnostic(
                        code="layout.role-taken",
                        message=f"both `{taken}` and `{facet}` describe the {role} of one tensor",
                        help=("keep one of them",),
                    )
                layout = replace(layout, **{role: facet})
        return layout

    def join(self, other: LayoutType) -> LayoutType | Diagnostic:
        """The layout of an elementwise result, role by role."""
        joined: dict[str, LayoutFacet | None] = {}
        for role in ROLES:
            result = join_facets(getattr(self, role), getattr(other, role))
            if isinstance(result, Diagnostic):
                return result
            joined[role] = result
        return LayoutType(**joined)


def join_facets(left: LayoutFacet | None, right: LayoutFacet | None) -> LayoutFacet | Diagnostic | None:
    """Joins two facets of one role; an absent facet says nothing and gives way to the other."""
    if left is None or right is None:
        return right if left is None else left
    if left.KIND != right.KIND:
        return Diagnostic(
            code="layout.no-join",
            message=f"operands are laid out as `{left}` and `{right}`, which are of different kinds",
            help=(f"convert one of them: {left.KIND} and {right.KIND} have no common form",),
        )
    return left.join(right)


def conversion_path(
    source: str, target: str, conversions: Iterable[Conversion], *, lossy: bool = False
) -> tuple[Conversion, ...] | None:
    """The shortest chain of conversions between two facet kinds, ties by name; only exact ones unless `lossy`."""
    usable = sorted((each for each in conversions if lossy or each.exactness == "exact"), key=lambda each: each.name)
    paths: dict[str, tuple[Conversion, ...]] = {source: ()}
    queue = [source]
    for here in queue:
        if here == target:
            return paths[here]
        for each in usable:
            if each.source == here and each.target not in paths:
                paths[each.target] = (*paths[here], each)
                queue.append(each.target)
    return None


def open_envelope(envelope: Envelope, kinds: Mapping[str, type[LayoutFacet]]) -> LayoutFacet:
    """The facet inside an envelope.

    Raises:
        Refused: `layout.unknown-facet` for a kind nobody installed, `layout.bad-data` for data its kind rejects.
    """
    kind = kinds.get(envelope.kind)
    if kind is None:
        distribution = distribution_of("facet", envelope.kind)
        hint = install_hint(distribution) if distribution else "install the package that provides it"
        installed = ", ".join(sorted(kinds)) or "none"
        raise Refused(
            "layout.unknown-facet", f"unknown layout facet `{envelope.kind}` (installed: {installed})", help=hint
        )
    if envelope.version != kind.VERSION:
        raise Refused(
            "layout.bad-data",
            f"facet `{envelope.kind}` has version {envelope.version}, the installed kind reads {kind.VERSION}",
        )
    try:
        return kind.from_data({name: msgspec.json.decode(raw) for name, raw in envelope.data.items()})
    except msgspec.MsgspecError as error:
        raise Refused("layout.bad-data", f"facet `{envelope.kind}`: {error}") from error
