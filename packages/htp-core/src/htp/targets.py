"""Targets and the architecture model behind them: levels, spaces, routes, units, synchronisation and limits as data.

Knows the vocabulary; does not know any one machine. A figure that nobody measured or published is `None`, and every
figure stands beside the `source` it was taken from.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

import msgspec

from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.declarations import Backend, Variant
    from htp.plugins import Plugin

__all__ = ["Level", "Limit", "Model", "Route", "Space", "Sync", "Target", "Unit", "find_variant", "parse_target"]


class _Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the model; `source` says where its figures come from."""

    source: str


class Level(_Figure, frozen=True, kw_only=True):
    """A level of the machine: how many units one instance of the parent has.

    A `virtual` level gets its extent at launch; `axis` is the name layouts give to it.
    """

    name: str
    units: int | None = None
    parent: str | None = None
    axis: str = ""
    virtual: bool = False


class Space(_Figure, frozen=True, kw_only=True):
    """A memory owned by each unit of `level`; sizes in bytes.

    `usable` is what a program may occupy of `capacity`; `align` is the alignment of every buffer and row in it and
    `granule` the unit of transfer. A `managed` space is a cache: its capacity is a cost, never an error.
    """

    name: str
    level: str
    capacity: int | None = None
    usable: int | None = None
    align: int = 1
    granule: int = 1
    managed: bool = False
    forms: tuple[str, ...] = ()
    banks: tuple[int, int] | None = None

    @property
    def limit(self) -> int | None:
        """Bytes a program may occupy, `None` when unknown or managed."""
        return None if self.managed else self.usable if self.usable is not None else self.capacity


class Route(_Figure, frozen=True, kw_only=True):
    """A datapath between two spaces; `reform` lists (source form, destination form) changes it makes for free."""

    name: str
    src: str
    dst: str
    engine: str = ""
    asynchronous: bool = False
    max_dims: int | None = None
    min_bytes: int = 1
    align: int = 1
    inflight: int = 1
    reform: tuple[tuple[str, str], ...] = ()


class Unit(_Figure, frozen=True, kw_only=True):
    """An engine of each unit of `level`: what kind of work it does, on which dtypes, how many bytes wide."""

    name: str
    level: str
    kind: Literal["scalar", "vector", "matrix", "copy"]
    dtypes: tuple[str, ...] = ()
    width: int | None = None
    features: tuple[str, ...] = ()

    def lanes(self, bits: int) -> int | None:
        """How many elements of `bits` bits one register holds; `None` when the width is unknown."""
        return None if self.width is None else max(1, self.width * 8 // bits)


class Sync(_Figure, frozen=True, kw_only=True):
    """A means of synchronisation and how many of its ids exist in one unit of `scope`."""

    name: str
    scope: str
    kind: Literal["barrier", "flag", "mbarrier", "lock", "credit"]
    count: int | None = None


class Limit(_Figure, frozen=True, kw_only=True):
    """Any other bound, such as `core.dma_in` or `registers.vector`."""

    subject: str
    value: int | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An architecture: what a target machine consists of."""

    name: str
    levels: tuple[Level, ...] = ()
    spaces: tuple[Space, ...] = ()
    routes: tuple[Route, ...] = ()
    units: tuple[Unit, ...] = ()
    syncs: tuple[Sync, ...] = ()
    limits: tuple[Limit, ...] = ()

    def level(self, name: str) -> Level | None:
        """The level called `name`."""
        return next((each for each in self.levels if each.name == name), None)

    def space(self, name: str) -> Space | None:
        """The space called `name`."""
        return next((each for each in self.spaces if each.name == name), None)

    def unit(self, kind: str) -> Unit | None:
        """The first unit of a kind."""
        return next((each for each in self.units if each.kind == kind), None)

    def limit(self, subject: str) -> int | None:
        """The bound on `subject`; `None` when there is none or nobody knows it."""
        return next((each.value for each in self.limits if each.subject == subject), None)

    def path(self, src: str, dst: str) -> tuple[Route, ...] | None:
        """The shortest chain of routes from one space to another, `None` if there is none; first declared wins."""
        paths: dict[str, tuple[Route, ...]] = {src: ()}
        queue = [src]
        for here in queue:
            if here == dst:
                return paths[here]
            for route in self.routes:
                if route.src == here and route.dst not in paths:
                    paths[route.dst] = (*paths[here], route)
                    queue.append(route.dst)
        return None

    def check(self) -> tuple[Diagnostic, ...]:
        """Every inconsistency: a name used twice or never declared, a figure below zero, a usable part too large."""
        levels, spaces = {each.name for each in self.levels}, {each.name for each in self.spaces}
        found = [
            *_repeated("level", (each.name for each in self.levels)),
            *_repeated("space", (each.name for each in self.spaces)),
            *_repeated("route", (each.name for each in self.routes)),
            *(
                f"level `{x.name}` has an unknown parent `{x.parent}`"
                for x in self.levels
                if x.parent not in levels | {None}
            ),
            *(f"space `{x.name}` is on an unknown level `{x.level}`" for x in self.spaces if x.level not in levels),
            *(f"unit `{x.name}` is on an unknown level `{x.level}`" for x in self.units if x.level not in levels),
            *(f"sync `{x.name}` has an unknown scope `{x.scope}`" for x in self.syncs if x.scope not in levels),
            *(f"route `{x.name}` ends in an unknown space" for x in self.routes if not {x.src, x.dst} <= spaces),
            *(f"space `{x.name}`: align and granule count from 1" for x in self.spaces if min(x.align, x.granule) < 1),
            *(
                f"space `{x.name}`: usable {x.usable} of capacity {x.capacity}"
                for x in self.spaces
                if x.usable is not None and x.capacity is not None and x.usable > x.capacity
            ),
            *(f"limit `{x.subject}` is negative" for x in self.limits if x.value is not None and x.value < 0),
        ]
        return tuple(Diagnostic(code="plan.bad-model", message=f"model `{self.name}`: {each}") for each in found)

    def to_json(self) -> bytes:
        """The model as deterministic JSON."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes) -> Model:
        """Reads what `to_json` wrote.

        Raises:
            Refused: `plan.bad-model` for data of another form, or a model that contradicts itself.
        """
        try:
            model = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("plan.bad-model", f"the architecture model cannot be read: {error}") from error
        if problems := model.check():
            raise Refused.of(*problems)
        return model


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One machine to compile for: a backend, its variant, and the architecture model."""

    backend: str
    variant: str
    model: Model

    @property
    def name(self) -> str:
        """`backend` or `backend:variant`."""
        return f"{self.backend}:{self.variant}" if self.variant else self.backend

    def __str__(self) -> str:
        return self.name


def find_variant(
    text: str, backends: Mapping[str, Backend], further: Iterable[Variant] = (), plugins: Iterable[Plugin] = ()
) -> tuple[Backend, Variant]:
    """The backend and variant that `backend[:variant]` names; the model is not loaded.

    A bare backend name means its unnamed variant, or its only one.

    Raises:
        Refused: `plan.unknown-target` with the nearest names and, for a known package, how to get it; `plugins` are
            looked through for one that is installed and not in force.
    """
    from htp._impl.obtaining import obtaining

    name, _, variant = text.strip().partition(":")
    known = {
        (each.name, offered.name): offered
        for each in backends.values()
        for offered in (*each.targets, *(extra for extra in further if extra.backend == each.name))
    }
    own = [offered for owner, offered in known if owner == name]
    if (name, variant) in known:
        return backends[name], known[name, variant]
    if name in backends and not variant and len(own) == 1:
        return backends[name], known[name, own[0]]
    names = sorted(f"{owner}:{offered}" if offered else owner for owner, offered in known)
    if name in backends:
        problem = f"backend `{name}` has no variant `{variant}`" if variant else f"backend `{name}` needs a variant"
        near = sorted(each for each in names if each.split(":")[0] == name)
    else:
        problem = f"no installed backend is called `{name}`"
        near = difflib.get_close_matches(text.lower(), names, n=3, cutoff=0.5)
    help = (f"write {' or '.join(f'`{each}`' for each in near)}",) if near else ()
    found = obtaining("backend", name, plugins) if name not in backends else None
    raise Refused(
        "plan.unknown-target",
        f"cannot compile for `{text}`: {problem}",
        chain=found.reasons if found is not None else (),
        notes=(f"installed targets: {', '.join(names) or 'none'}",),
        help=help if found is None else found.text,
    )


def parse_target(
    text: str, backends: Mapping[str, Backend], further: Iterable[Variant] = (), plugins: Iterable[Plugin] = ()
) -> Target:
    """The target that `backend[:variant]` names, with its model.

    Raises:
        Refused: `plan.unknown-target` for a name nobody offers, `plan.bad-model` for an inconsistent model.
    """
    backend, variant = find_variant(text, backends, further, plugins)
    model = variant.model.load()()
    if problems := model.check():
        raise Refused.of(*problems)
    return Target(backend=backend.name, variant=variant.name, model=model)


def _repeated(noun: str, names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    found: list[str] = []
    for name in names:
        if name in seen:
            found.append(f"{noun} `{name}` is declared twice")
        seen.add(name)
    return found
