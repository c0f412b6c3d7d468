"""Groups of entries as loops: what each inner loop computes, keeps and stores.

Knows text of loops; `entries.py` and `groups.py` decided what is computed where.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const, sym
from htp.lowering.build import assigned, call, expression, loop, stored, subscript
from htp.program import stamp
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.buffers import Buffer, Memory, Placed, Variable, place_of
from htp_backend_cpu.lower.combining import combined, finished, initial
from htp_backend_cpu.lower.elements import (
    ZERO,
    Index,
    Writing,
    at_region,
    broadcast_index,
    computed,
    element,
    typed_scalar,
)
from htp_backend_cpu.lower.entries import COLUMN, row_symbol

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp_backend_cpu.lower.entries import Entry
    from htp_backend_cpu.lower.graph import Node
    from htp_backend_cpu.lower.groups import Group, Segment


class GroupWriter:
    """Writes one group; `outside` are the values that other groups or later runs read."""

    def __init__(self, memory: Memory, group: Group, outside: set[int], *, parallel: bool) -> None:
        self.memory = memory
        self.group = group
        self.outside = outside
        self.parallel = parallel
        self.places: dict[str, Expr] = {}
        self.rows: list[tuple[str, Expr]] = []
        self.before: list[ast.stmt] = []
        self.behind_row: list[ast.stmt] = []
        # Values that are in a variable inside the group and in a buffer for everybody else.
        self.in_variables: list[tuple[Node, Buffer]] = []

    def write(self) -> list[ast.stmt]:
        """The statements of the group."""
        for number, size in enumerate(self.group.outer):
            if size.constant != 1:
                name = self.memory.fresh("r")
                self.places[str(row_symbol(number))] = sym(name)
                self.rows.append((name, size))
        body: list[ast.stmt] = []
        for segment in self.group.segments:
            self.settle(segment, body)
        for segment in self.group.segments:
            self.segment(segment, body)
        body += self.behind_row
        for node, home in self.in_variables:
            self.memory.homes[id(node)] = home
        return [*self.before, *self.loops(body)]

    def loops(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The body under its outer loops; the outermost runs in parallel where that was decided."""
        for number, (name, size) in reversed(list(enumerate(self.rows))):
            statement = loop(name, size, body=body)
            if number == 0 and self.parallel:
                statement.iter = call("parallel", statement.iter)
            body = [statement]
        return body

    def settle(self, segment: Segment, body: list[ast.stmt]) -> None:
        """Gives every value of a segment its home."""
        for entry in segment.entries:
            node = entry.node
            if node is None or id(node) in self.memory.homes:
                continue
            if id(node) in self.outside:
                if self.rows or entry.kind == "vector":
                    name = self.memory.fresh(node.name or "t")
                    self.before.append(self.placed(self.memory.allocate(name, node.dtype, node.dims), node.origin))
                    self.memory.homes[id(node)] = Buffer(name)
                continue
            if entry.kind == "vector" and self.read_later(entry, segment):
                target = self.overwritten_later(entry, node)
                if target is not None:
                    self.memory.homes[id(node)] = target
                    continue
                name = self.memory.fresh(node.name or "t")
                body.append(self.placed(self.memory.allocate(name, node.dtype, (entry.extent,)), node.origin))
                self.memory.homes[id(node)] = Buffer(name, row=True)

    def overwritten_later(self, entry: Entry, node: Node) -> Placed | None:
        """A row of memory that can hold the value until a store of the same shape overwrites it, last of its readers.

        It saves a row buffer, and with it a third of the cache that a row needs.
        """
        readers = [each for each in self.group.entries if any(read is node for read, _ in each.reads)]
        last = readers[-1]
        store = last.item
        if not isinstance(store, graph.Store) or store.dims != node.dims or store.dtype is not node.dtype:
            return None
        if any(index != entry.index for read, index in last.reads if read is node):
            return None
        touching = [
            each
            for each in self.group.entries
            if any(root == store.root for root, _ in each.memory)
            or (each is not last and each.written is not None and each.written[0] == store.root)
        ]
        behind = self.group.entries.index(last) > max(
            self.group.entries.index(each) for each in readers[:-1] or [entry]
        )
        return Placed(store.root, store.starts, store.kept) if not touching and behind else None

    def read_later(self, entry: Entry, segment: Segment) -> bool:
        """Whether another segment of the group reads the value."""
        others = (each for other in self.group.segments if other is not segment for each in other.entries)
        return any(node is entry.node for each in others for node, _ in each.reads)

    # segments ---------------------------------------------------------------------------------------------------

    def segment(self, segment: Segment, body: list[ast.stmt]) -> None:
        """The inner loop of a segment, or its row statements."""
        if segment.extent is None:
            for entry in segment.entries:
                self.row_entry(entry, body)
            return
        column = self.memory.fresh("c")
        self.places[str(COLUMN)] = sym(column) if segment.extent.constant != 1 else ZERO
        inner: list[ast.stmt] = []
        writing = Writing(self.memory, inner)
        after: list[ast.stmt] = []
        for entry in segment.entries:
            if entry.kind == "reduce":
                self.reduction(entry, segment.extent, body, writing, after)
            else:
                self.vector_entry(entry, segment, writing)
        body += [loop(column, segment.extent, body=inner)] if segment.extent.constant != 1 else inner
        body += after

    def vector_entry(self, entry: Entry, segment: Segment, writing: Writing) -> None:
        """One element of a kept value or of a store."""
        index = self.at(entry.index)
        if isinstance(entry.item, graph.Store):
            self.store(entry.item, index, writing)
            return
        node = entry.item
        value = computed(node, index, writing)
        again = sum(1 for each in segment.entries for read, _ in each.reads if read is node)
        home = self.memory.homes.get(id(node))
        if home is None or again:
            name = self.memory.fresh(f"{node.name or 't'}_value" if home is not None else node.name or "t")
            writing.out.append(self.placed(self.memory.scalar(name, node.dtype, value), node.origin))
            writing.local[(id(node), index)] = name
            value = ast.Name(name, ast.Load())
        if isinstance(home, Buffer | Placed):
            where = subscript(home.name, [expression(each) for each in place_of(home, index)], store=True)
            writing.out.append(self.placed(stored(where, value), node.origin))

    def store(self, item: graph.Store, index: Index, writing: Writing) -> None:
        """One element stored to memory."""
        if isinstance(item.value, graph.Node):
            value = element(item.value, broadcast_index(item.value.dims, index), writing)
        else:
            value = typed_scalar(item.dtype, item.value)
        where = [expression(each) for each in at_region(item.starts, item.kept, index)] or [ast.Constant(...)]
        writing.out.append(self.placed(stored(subscript(item.root, where, store=True), value), item.origin))

    def row_entry(self, entry: Entry, body: list[ast.stmt]) -> None:
        """A value of one element per row, or a store of one."""
        index = self.at(entry.index)
        writing = Writing(self.memory, body)
        if isinstance(entry.item, graph.Store):
            self.store(entry.item, index, writing)
            return
        self.row_value(entry.item, computed(entry.item, index, writing), index, body)

    def row_value(self, node: Node, value: ast.expr, index: Index, body: list[ast.stmt]) -> None:
        """Names a row's value; its buffer is written at the end of the row, when nobody reads the old value."""
        home = self.memory.homes.get(id(node))
        if isinstance(home, Variable) and not (isinstance(value, ast.Name) and value.id == home.name):
            body.append(self.placed(assigned(home.name, value), node.origin))
            return
        if isinstance(home, Variable):
            return
        if isinstance(value, ast.Name):
            name = value.id
        else:
            name = self.memory.fresh(f"{node.name or 't'}_value" if home is not None else node.name or "t")
            body.append(self.placed(self.memory.scalar(name, node.dtype, value), node.origin))
        self.memory.homes[id(node)] = Variable(name)
        if isinstance(home, Buffer):
            where = subscript(home.name, [expression(each) for each in index], store=True)
            self.behind_row.append(self.placed(stored(where, ast.Name(name, ast.Load())), node.origin))
            self.in_variables.append((node, home))

    def reduction(
        self, entry: Entry, extent: Expr, body: list[ast.stmt], writing: Writing, after: list[ast.stmt]
    ) -> None:
        """A running combination over the inner loop, finished behind it."""
        node = entry.item
        if not isinstance(node, graph.Reduced):
            return
        total = self.memory.fresh(f"{node.name}_{node.how}" if node.how == "mean" or not node.name else node.name)
        body.append(self.placed(self.memory.scalar(total, node.dtype, initial(node.how, node.dtype)), node.origin))
        source = element(node.source, self.at(entry.index), writing)
        step = combined(node.how, total, source, node.source.dtype)
        writing.out.append(self.placed(assigned(total, step), node.origin))
        index = (*self.at(entry.index)[:-1], ZERO)
        self.row_value(node, finished(node.how, total, node.dtype, extent), index, after)

    # small things -----------------------------------------------------------------------------------------------

    def at(self, index: Index) -> Index:
        """An index with the loop names in place of the symbols."""
        return tuple(each.substitute(self.places) for each in index)

    def placed(self, statement: ast.stmt, origin: Span | None) -> ast.stmt:
        """The statement with its origin."""
        return stamp(statement, origin)


def nest(memory: Memory, dims: tuple[Expr, ...], base: str = "r") -> tuple[Index, list[tuple[str, Expr]]]:
    """Fresh indices over `dims`, and the loops that run them; sizes of 1 need none."""
    from htp.dims import sym

    index: list[Expr] = []
    loops: list[tuple[str, Expr]] = []
    for number, size in enumerate(dims):
        if size.constant == 1:
            index.append(const(0))
            continue
        name = memory.fresh("c" if number == len(dims) - 1 else base)
        index.append(sym(name))
        loops.append((name, size))
    return tuple(index), loops


def under(loops: list[tuple[str, Expr]], body: list[ast.stmt]) -> list[ast.stmt]:
    """The body under the loops, first outermost."""
    for name, size in reversed(loops):
        body = [loop(name, size, body=body)]
    return body
