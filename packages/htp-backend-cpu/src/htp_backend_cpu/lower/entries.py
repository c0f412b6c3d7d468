"""Which values of a run are kept, and in which order they are computed.

Knows costs and uses; does not know loops (`groups.py`) or text (`writing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.dims import Expr, const, sym
from htp.effects import has_effect
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.elements import Looking, at_region, broadcast_index, computed, element
from htp_backend_cpu.lower.graph import Node, Store

if TYPE_CHECKING:
    from htp_backend_cpu.lower.elements import Index

# An expression cheaper than this many vector instructions is computed again where it is used again.
CHEAP = 5
ZERO = const(0)
# Values that loops of their own compute, or a handler: always in memory.
KEPT = (graph.Reduced, graph.Product, graph.Joined, graph.Walked, graph.Second, graph.Intrinsic)

Kind = Literal["row", "vector", "reduce", "alone"]


@dataclass(eq=False)
class Entry:
    """One thing that is computed: a kept value or a store; `reads` and `memory` are at the symbolic loop indices."""

    item: Node | Store
    kind: Kind
    outer: tuple[Expr, ...]
    extent: Expr
    index: Index
    reads: list[tuple[Node, Index]] = field(default_factory=list[tuple[Node, "Index"]])
    memory: list[tuple[str, Index]] = field(default_factory=list[tuple[str, "Index"]])
    written: tuple[str, Index] | None = None

    @property
    def node(self) -> Node | None:
        """The kept value; None for a store."""
        return self.item if isinstance(self.item, Node) else None


def row_symbol(number: int) -> Expr:
    """The index along outer dimension `number`."""
    return sym(f"row__{number}")


COLUMN = sym("column__")


def entries_of(order: list[Node | Store], finals: dict[int, str]) -> list[Entry]:
    """The entries of a run, in program order; `finals` are the values that live on, with their variables."""
    wanted = _reachable(order, finals)
    kept = _kept(order, wanted, finals)
    return [entry_of(item, kept, finals) for item in order if isinstance(item, Store) or id(item) in kept]


def _reachable(order: list[Node | Store], finals: dict[int, str]) -> set[int]:
    """Values that something needs."""
    open_ = [each for each in order if isinstance(each, Node) and (id(each) in finals or _has_effect(each))]
    open_ += [each.value for each in order if isinstance(each, Store) and isinstance(each.value, Node)]
    found: set[int] = set()
    while open_:
        node = open_.pop()
        if id(node) not in found:
            found.add(id(node))
            open_ += node.inputs
            if isinstance(node, graph.Walked) and node.also is not None:
                found.add(id(node.also))
    return found


def _has_effect(node: Node) -> bool:
    return isinstance(node, graph.Intrinsic) and has_effect(node.form)


def _kept(order: list[Node | Store], wanted: set[int], finals: dict[int, str]) -> set[int]:
    nodes = [each for each in order if isinstance(each, Node) and id(each) in wanted]
    uses: dict[int, int] = {}
    kept = {id(each) for each in nodes if id(each) in finals or isinstance(each, KEPT)}
    users = [*nodes, *(each for each in order if isinstance(each, Store))]
    for user in users:
        for source in _sources(user):
            uses[id(source)] = uses.get(id(source), 0) + 1
            if not isinstance(source, graph.Held) and (_needs_buffer(user, source) or _smaller(source, user)):
                kept.add(id(source))
    costs: dict[int, int] = {}
    for node in nodes:
        own = (
            node.cost if isinstance(node, graph.Pointwise) else 1 if isinstance(node, graph.Mask | graph.Picked) else 0
        )
        costs[id(node)] = own + sum(costs.get(id(each), 0) for each in node.inputs if id(each) not in kept)
        if uses.get(id(node), 0) > 1 and costs[id(node)] > CHEAP:
            kept.add(id(node))
        if id(node) in kept:
            costs[id(node)] = 0
    return kept | _disturbed(order, kept, wanted)


def _sources(user: Node | Store) -> tuple[Node, ...]:
    if isinstance(user, Store):
        return (user.value,) if isinstance(user.value, Node) else ()
    return user.inputs


def _needs_buffer(user: Node | Store, source: Node) -> bool:
    if isinstance(user, graph.Walked):
        return True
    if isinstance(user, graph.Intrinsic):
        return not isinstance(source, graph.Load)
    if isinstance(user, graph.Product):
        return source is user.acc or (source is user.a and not rows_in_memory(source))
    # Picking reads its source at random: computing it again for every pick could cost more than keeping it.
    return isinstance(user, graph.Picked) and source is user.source and isinstance(source, graph.Pointwise)


def rows_in_memory(node: Node) -> bool:
    """Whether a matrix can be read from memory as it is, row by row, as the left factor of a product."""
    if isinstance(node, graph.Held):
        return node.dtype.bits >= 32
    return isinstance(node, graph.Load) and node.dtype.bits >= 32 and all(node.kept[-2:])


def _smaller(source: Node, user: Node | Store) -> bool:
    """Whether `user` would compute elements of `source` over and over because it broadcasts."""
    if isinstance(source, graph.Full | graph.Count) or (
        isinstance(user, graph.Moved | graph.Picked) and not _repeats(user)
    ):
        return False
    dims = user.dims if not isinstance(user, graph.Reduced) else user.source.dims
    if isinstance(user, graph.Product | graph.Walked | graph.OneHot | graph.Intrinsic):
        return False
    if isinstance(source, graph.Moved):
        return False
    aligned = dims[len(dims) - len(source.dims) :] if source.dims else ()
    repeated = any(a.constant == 1 and b.constant != 1 for a, b in zip(source.dims, aligned, strict=False))
    if isinstance(source, graph.Load):
        return repeated and source.dims[-1].constant == 1
    return repeated or (len(source.dims) < len(dims) and any(size.constant != 1 for size in dims))


def _repeats(user: Node | Store) -> bool:
    return isinstance(user, graph.Moved) and isinstance(user.how, graph.Broadcast)


def _disturbed(order: list[Node | Store], kept: set[int], wanted: set[int]) -> set[int]:
    """Reads of memory that must happen before a later store changes it: they are copied where they stand."""
    position = {id(each): number for number, each in enumerate(order)}
    stores = [(number, each) for number, each in enumerate(order) if isinstance(each, Store)]
    found: set[int] = set()
    for load in order:
        if not isinstance(load, graph.Load) or id(load) not in wanted or id(load) in kept:
            continue
        later = [(number, store) for number, store in stores if store.root == load.root and number > position[id(load)]]
        if later and any(
            user > later[0][0] or _reads_elsewhere(load, later[0][1], kept) for user in _users(load, order, kept)
        ):
            found.add(id(load))
    return found


def _users(node: Node, order: list[Node | Store], kept: set[int]) -> list[int]:
    """Positions of the entries that compute `node` in place."""
    result: list[int] = []
    for number, each in enumerate(order):
        if node in _sources(each):
            if isinstance(each, Store) or id(each) in kept:
                result.append(number)
            else:
                result += _users(each, order, kept)
    return result


def _reads_elsewhere(load: graph.Load, store: Store, kept: set[int]) -> bool:
    """Whether the store's value reads its own target at another place than the one it writes."""
    entry = entry_of(store, kept, {})
    return entry.written is not None and any(
        root == store.root and index != entry.written[1] for root, index in entry.memory
    )


def entry_of(item: Node | Store, kept: set[int], finals: dict[int, str]) -> Entry:
    """The entry that computes `item`, with what it reads."""
    dims, kind = _domain(item)
    outer = dims[:-1] if dims else ()
    extent = dims[-1] if dims else const(1)
    rows = tuple(ZERO if size.constant == 1 else row_symbol(number) for number, size in enumerate(outer))
    index: Index = (*rows, ZERO if extent.constant == 1 else COLUMN) if dims else ()
    if kind == "vector" and extent.constant == 1:
        kind = "row"
    entry = Entry(item, kind, outer, extent, index)
    looking = Looking(kept, skip=item if isinstance(item, Node) else None)
    if isinstance(item, Store):
        if isinstance(item.value, Node):
            element(item.value, broadcast_index(item.value.dims, index), looking)
        entry.written = (item.root, at_region(item.starts, item.kept, index))
    elif kind == "alone":
        for source in item.inputs:
            element(source, tuple(sym(f"any__{number}") for number in range(len(source.dims))), looking)
    elif isinstance(item, graph.Reduced):
        element(item.source, index, looking)
    else:
        computed(item, index, looking)
    entry.reads, entry.memory = looking.values, looking.memory
    if isinstance(item, Node) and id(item) in finals:
        entry.written = (finals[id(item)], index)
    return entry


def _domain(item: Node | Store) -> tuple[tuple[Expr, ...], Kind]:
    if isinstance(item, graph.Reduced):
        last = item.axis == len(item.dims) - 1
        return item.source.dims, "reduce" if last else "alone"
    if isinstance(item, KEPT):
        return item.dims, "alone"
    return item.dims, "vector"
