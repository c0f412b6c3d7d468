"""One run of tile statements into loops: homes for its values, groups, and their text in order.

Knows hazards between old and new values of a variable; the walk over a function is in `loops.py`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.program import stamp
from htp_backend_cpu.lower import graph, intrinsics
from htp_backend_cpu.lower.buffers import Buffer, Memory, Placed, Variable
from htp_backend_cpu.lower.elements import Looking, element
from htp_backend_cpu.lower.entries import Entry, entries_of
from htp_backend_cpu.lower.groups import Group, groups_of
from htp_backend_cpu.lower.products import ProductWriter
from htp_backend_cpu.lower.walks import copied, joined, outer_reduction, walked
from htp_backend_cpu.lower.writing import GroupWriter

if TYPE_CHECKING:
    from htp_backend_cpu.lower.graph import Node
    from htp_backend_cpu.lower.reading import Run

# Below so many elements a loop at the top of a kernel is not worth waking other threads.
PARALLEL_FROM = 32768


class RunWriter:
    """Writes one run; `finals` are the values that live on, with the variables they are kept in."""

    def __init__(self, memory: Memory, run: Run, finals: dict[str, Node], *, parallel: bool) -> None:
        self.memory = memory
        self.run = run
        self.finals = finals
        self.parallel = parallel
        self.out: list[ast.stmt] = []
        self.behind: list[ast.stmt] = []
        # Values that are copied into their variables at the end of the run.
        self.later: list[tuple[Node, str, Buffer | Variable]] = []

    def write(self) -> list[ast.stmt]:
        """The statements of the run; variables have their buffers already."""
        self.memory.homes = {}
        for held in self.run.held:
            self.memory.homes[id(held)] = self.variable(held.variable, held)
        written = {id(node): name for name, node in self.finals.items()}
        for product in [each for each in self.run.order if isinstance(each, graph.Product)]:
            if (addend := self.shared(product)) is not None and id(product) in written:
                written[id(addend)] = written[id(product)]
        entries = entries_of(self.run.order, written)
        groups = groups_of(entries)
        groups = self.forwarded(groups)
        self.settle(entries, groups, written)
        for group in groups:
            self.group(group, groups)
        return self.out + self.behind

    def variable(self, name: str, node: Node) -> Buffer | Variable:
        """The home of a tile variable: a buffer, or a scalar when it has rank 0."""
        return Buffer(name) if node.dims else Variable(name)

    def shared(self, product: graph.Product) -> Node | None:
        """The addend of a product that can be computed in the product's own buffer: nobody else reads it."""
        addend = product.acc
        if addend is None or isinstance(addend, graph.Held | graph.Product) or addend.dims != product.dims:
            return None
        users = [each for each in self.run.order if isinstance(each, graph.Node) and addend in each.inputs]
        stores = [each for each in self.run.order if isinstance(each, graph.Store) and each.value is addend]
        return addend if users == [product] and not stores and addend not in self.finals.values() else None

    def forwarded(self, groups: list[Group]) -> list[Group]:
        """Large products and results of handlers that are only stored are computed where they are stored: no copy."""
        stores = [each for each in self.run.order if isinstance(each, graph.Store)]
        entries = [each for group in groups for each in group.entries]
        gone: set[int] = set()
        for value in (each for each in self.run.order if isinstance(each, graph.Product | graph.Intrinsic)):
            targets = [each for each in stores if each.value is value]
            users = [each for each in self.run.order if isinstance(each, graph.Node) and value in each.inputs]
            if len(targets) != 1 or users or value in self.finals.values() or self.is_short(value):
                continue
            store = targets[0]
            touched = [
                each
                for each in entries
                if any(root == store.root for root, _ in each.memory)
                or (each.item is not store and each.written is not None and each.written[0] == store.root)
            ]
            if touched or store.dims != value.dims or store.dtype is not value.dtype:
                continue
            self.memory.homes[id(value)] = Placed(store.root, store.starts, store.kept)
            gone.add(id(store))
        for group in groups:
            group.entries[:] = [each for each in group.entries if id(each.item) not in gone]
            for segment in group.segments:
                segment.entries[:] = [each for each in segment.entries if id(each.item) not in gone]
        return [each for each in groups if each.entries]

    def is_short(self, value: graph.Product | graph.Intrinsic) -> bool:
        """Whether the value is a product that starts from an addend or fits a buffer of known size."""
        if isinstance(value, graph.Intrinsic):
            return False
        return value.acc is not None or self.memory.facts.upper_bound(value.dims[-1] * value.dims[-2]) is not None

    # homes ------------------------------------------------------------------------------------------------------

    def settle(self, entries: list[Entry], groups: list[Group], written: dict[int, str]) -> None:
        """Final values go straight into their variables, unless the old value is still read behind them."""
        order = _order(groups)
        for name, node in self.finals.items():
            chain = [each for each in entries if each.node is not None and written.get(id(each.node)) == name]
            if self.disturbed(name, chain, entries, order):
                temporary = self.memory.fresh(f"{name}_new")
                self.out.append(stamp(self.memory.allocate(temporary, node.dtype, node.dims), node.origin))
                home: Buffer | Variable = Buffer(temporary) if node.dims else Variable(temporary)
                for entry in chain:
                    entry.written = None
                self.later.append((node, name, home))
            else:
                home = self.variable(name, node)
            for entry in chain:
                self.memory.homes[id(entry.item)] = home
        for entry in entries:
            node = entry.node
            if node is not None and entry.kind == "alone" and id(node) not in self.memory.homes:
                self.give_buffer(node)
            if isinstance(node, graph.Product) and (addend := self.shared(node)) is not None:
                self.memory.homes.setdefault(id(addend), self.memory.homes[id(node)])
        self.settle_operands(entries)

    def settle_operands(self, entries: list[Entry]) -> None:
        """Computed operands of handlers and row primitives get buffers, however few elements they have."""
        computed = {id(each.node) for each in entries if each.node is not None}
        for entry in entries:
            if isinstance(entry.item, graph.Intrinsic | graph.Walked):
                for operand in entry.item.inputs:
                    if id(operand) in computed and operand.dims and id(operand) not in self.memory.homes:
                        self.give_buffer(operand)

    def give_buffer(self, node: Node) -> None:
        """A new buffer as the home of a value."""
        name = self.memory.fresh(node.name or "t")
        self.out.append(stamp(self.memory.allocate(name, node.dtype, node.dims), node.origin))
        self.memory.homes[id(node)] = Buffer(name) if node.dims else Variable(name)

    def disturbed(
        self, name: str, chain: list[Entry], entries: list[Entry], order: dict[int, tuple[int, int, int]]
    ) -> bool:
        """Whether some entry reads the old value of the variable when the new one is already being written."""
        first = min(order[id(each)] for each in chain)
        for entry in entries:
            if not any(root == name for root, _ in self.reads(entry)):
                continue
            if (entry in chain and entry.kind == "alone") or (entry not in chain and order[id(entry)] >= first):
                return True
            if entry in chain and order[id(entry)] > first:
                return True
            index = entry.written[1] if entry.written is not None else None
            if entry in chain and any(root == name and at != index for root, at in self.reads(entry)):
                return True
        return False

    def reads(self, entry: Entry) -> list[tuple[str, tuple[object, ...]]]:
        """Memory that an entry reads; a product's addend is updated in place and does not count."""
        node = entry.node
        if isinstance(node, graph.Product) and isinstance(node.acc, graph.Held):
            looking = Looking(set())
            for source in (node.a, node.b):
                element(source, tuple(size for size in source.dims), _Roots(looking))
            return [*looking.memory]
        return [*entry.memory]

    # groups -----------------------------------------------------------------------------------------------------

    def group(self, group: Group, groups: list[Group]) -> None:
        """Writes one group."""
        parallel = self.parallel and self.large(group)
        if not group.alone:
            outside = self.outside(group, groups)
            self.out += GroupWriter(self.memory, group, outside, parallel=parallel).write()
        else:
            self.alone(group.entries[0], parallel=self.parallel)
        for node, name, home in [each for each in self.later if any(entry.item is each[0] for entry in group.entries)]:
            self.copy_back(node, name, home)

    def copy_back(self, node: Node, name: str, home: Buffer | Variable) -> None:
        """Copies a value into its variable at the end of the run."""
        self.memory.homes[id(node)] = home
        if isinstance(home, Variable):
            self.behind.append(ast.Assign([ast.Name(name, ast.Store())], ast.Name(home.name, ast.Load()), lineno=0))
        else:
            self.behind += copied(self.memory, node, Buffer(name))
        for each in self.behind:
            stamp(each, node.origin)

    def outside(self, group: Group, groups: list[Group]) -> set[int]:
        """Values of the group that other groups read, or that live on in their variables."""
        inside = {id(each.item) for each in group.entries}
        read = {id(node) for other in groups if other is not group for each in other.entries for node, _ in each.reads}
        read |= {id(source) for other in groups if other.alone for source in other.entries[0].item.inputs}  # type: ignore[union-attr]
        return inside & (read | {id(node) for node in self.finals.values()})

    def large(self, group: Group) -> bool:
        """Whether the group is worth waking other threads."""
        total = 1
        for size in (*group.outer, group.entries[0].extent):
            bound = self.memory.facts.upper_bound(size)
            if bound is None:
                return True
            total *= bound
        return total >= PARALLEL_FROM

    def alone(self, entry: Entry, *, parallel: bool) -> None:
        """An entry with loops of its own."""
        node = entry.item
        home = self.memory.homes.get(id(node))
        if isinstance(node, graph.Product) and isinstance(home, Buffer | Placed):
            self.out += [stamp(each, node.origin) for each in self.product(node, home, parallel=parallel)]
            return
        if isinstance(node, graph.Intrinsic) and home is not None:
            self.out.append(stamp(intrinsics.written(self.memory, node, home), node.origin))
            return
        if not isinstance(home, Buffer):
            return
        if isinstance(node, graph.Joined):
            written = joined(self.memory, node, home)
        elif isinstance(node, graph.Reduced):
            written = outer_reduction(self.memory, node, home)
        elif isinstance(node, graph.Walked):
            second = self.memory.homes.get(id(node.also)) if node.also is not None else None
            if node.also is not None and second is None:
                self.give_buffer(node.also)
                second = self.memory.homes[id(node.also)]
            written = walked(self.memory, node, home, second if isinstance(second, Buffer) else None)
        else:
            return
        self.out += [stamp(each, node.origin) for each in written]

    def product(self, node: graph.Product, home: Buffer | Placed, *, parallel: bool) -> list[ast.stmt]:
        """The product, behind its addend where that is not computed in place."""
        before: list[ast.stmt] = []
        if node.acc is not None and isinstance(home, Buffer) and self.memory.homes.get(id(node.acc)) != home:
            before = copied(self.memory, node.acc, home)
        return [*before, *ProductWriter(self.memory, node, home, parallel=parallel).write()]


class _Roots(Looking):
    """A dry run that passes what it finds to another."""

    def __init__(self, target: Looking) -> None:
        super().__init__(set())
        self.values, self.memory = target.values, target.memory


def _order(groups: list[Group]) -> dict[int, tuple[int, int, int]]:
    """When each entry is computed: group, segment, place; what a row commits at its end counts as last in its group."""
    order: dict[int, tuple[int, int, int]] = {}
    for number, group in enumerate(groups):
        for place, entry in enumerate(group.entries):
            order[id(entry)] = (number, 0, place)
        for part, segment in enumerate(group.segments):
            for place, entry in enumerate(segment.entries):
                late = entry.kind in ("row", "reduce") and entry.written is not None and entry.node is not None
                order[id(entry)] = (number, len(group.segments) if late else part, place)
    return order
