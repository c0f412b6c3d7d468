"""The tasks of a routine at given sizes, in order: which call, in which turns of its loops, on which parts of arrays.

Knows the scalar language between kernels; it walks the text and never runs the user's code. What only data can tell
ends the walk.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from htp_backend_pto.block_tasks import block_task
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.emission.regions import region_of, root_of
from htp_backend_pto.emission.sites import called, stored_root, task_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp_backend_pto.emission.regions import Region
    from htp_backend_pto.emission.sites import Site, Sites

__all__ = ["LIMIT", "Event", "Unknown", "events_of"]

LIMIT = 2000
"""Tasks that are walked at most."""
STEPS = 200_000

Number = int | float | bool
Box = tuple[tuple[int, int], ...]
Element = tuple[str, tuple[int, ...]]
OPERATORS: dict[type[ast.AST], Callable[[Number, Number], Number]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Div: lambda a, b: a / b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
FUNCTIONS: dict[str, Callable[[list[Number]], Number]] = {
    "min": min,
    "max": max,
    "abs": lambda given: abs(given[0]),
    "int": lambda given: int(given[0]),
    "float": lambda given: float(given[0]),
    "clip_index": lambda given: max(0, min(given[0] + given[1] if given[0] < 0 else given[0], given[1])),
}


class Unknown(Exception):
    """Only data can tell how it goes on; carries where."""


@dataclass(frozen=True)
class Event:
    """Something that happens while a graph is built: a call of a kernel, a buffer, or a word of the task form.

    `boxes` are the parts of the call's arrays, in its order; `sizes` the extents of a buffer. `attributes` order the
    next task, and `blocks` says how many it has.
    """

    what: str
    site: Site | None = None
    at: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()
    array: str = ""
    sizes: tuple[int, ...] = ()
    attributes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    blocks: int = 1


@dataclass
class _Walk:
    sites: Sites
    own: frozenset[str]
    names: dict[str, Number]
    extents: dict[str, tuple[Expr, ...]]
    found: list[Event] = field(default_factory=list[Event])
    turns: list[int] = field(default_factory=list[int])
    elements: dict[Element, Number] = field(default_factory=dict["Element", "Number"])
    attributes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    steps: int = 0

    def block(self, body: Sequence[ast.stmt]) -> None:
        for each in body:
            self.steps += 1
            if self.steps > STEPS or len(self.found) > LIMIT:
                raise Unknown(f"it has more than {LIMIT} tasks")
            self.statement(each)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case _ if self.sites.is_chosen(node):  # submitted all the same
                self.block([*node.body, *node.orelse] if isinstance(node, ast.If) else [])
            case ast.For() if (several := block_task(node)) is not None:
                count = int(self.value(several.count))
                if count > 0:
                    self.tell(several.task)
                    self.call(several.call, several.statement, count)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=bounds)):
                for value in range(*(int(self.value(each)) for each in bounds)):
                    self.names[name] = value
                    self.turns.append(value)
                    self.block(node.body)
                    self.turns.pop()
            case ast.While(test=test):
                while self.value(test):
                    self.block(node.body)
            case ast.If(test=test):
                self.block(node.body if self.value(test) else node.orelse)
            case _ if (array := stored_root(node)) is not None:
                self.store(array, node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if called(value) == "empty":
                self.buffer(name)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                self.assign(name, value)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.assign(name, ast.BinOp(ast.Name(name, ast.Load()), op, value))
            case ast.Expr(value=ast.Call() as call):
                self.call(call, node)
            case _:
                pass

    def buffer(self, name: str) -> None:
        buffer = self.sites.buffers[name]
        self.names.update({symbol: self.value(extent) for symbol, extent in buffer.frozen})
        if name not in self.own:
            self.found.append(Event("buffer", array=name, sizes=tuple(map(self.dim, buffer.dims))))

    def assign(self, name: str, value: ast.expr) -> None:
        """A value that is not known is missed only by who needs it."""
        try:
            self.names[name] = self.value(value)
        except Unknown:
            self.names.pop(name, None)

    def tell(self, word: ast.Call) -> None:
        """What is said of the next task."""
        given = {each.arg: each.value for each in word.keywords}
        wanted = [(name, given[name]) for name in ("after", "stream", "tag") if name in given]
        self.attributes = tuple((name, self.numbers(value)) for name, value in wanted)

    def call(self, call: ast.Call, node: ast.stmt, blocks: int = 1) -> None:
        word = task_word(node)
        if word == "task":
            self.tell(call)
        elif word in ("barrier", "open_tasks"):
            self.found.append(Event(word))
        elif not word and called(call) != "require":
            site = self.sites.of(node)
            boxes = tuple(self.box(each.region) for each in site.arrays)
            written = [box for each, box in zip(site.arrays, boxes, strict=True) if each.param.direction != "in"]
            if any(all(low < high for low, high in box) for box in written):
                at = tuple(self.turns)
                self.found.append(Event("task", site, at, boxes, attributes=self.attributes, blocks=blocks))
            self.attributes = ()

    def box(self, region: Region) -> Box:
        return tuple((int(self.value(each.start)), int(self.value(each.stop))) for each in region.axes)

    def numbers(self, node: ast.expr) -> tuple[int, ...]:
        parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
        return tuple(int(self.value(each)) for each in parts)

    def store(self, array: str, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                place = self.place(target)
            case _:
                self.unknown(node)
        try:
            self.elements[array, place] = self.value(value)
        except Unknown:
            self.elements.pop((array, place), None)

    def place(self, node: ast.expr) -> tuple[int, ...]:
        return tuple(int(self.value(each.start)) for each in region_of(node, self.extents).axes)

    def dim(self, dim: Expr) -> int:
        return max(0, int(self.value(ast.parse(str(dim), mode="eval").body)))

    def value(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=ast.Constant(value=int() as axis)
            ):
                return self.dim(self.sites.buffers[name].dims[axis])
            case ast.Subscript() if root_of(node) in self.own:
                found = self.elements.get((root_of(node) or "", self.place(node)))
                return found if found is not None else self.unknown(node)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](self.value(left), self.value(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self.value(each) for each in (left, *others)]
                pairs = zip(ops, values, values[1:], strict=False)
                return all(OPERATORS[type(op)](one, other) for op, one, other in pairs)
            case ast.BoolOp(op=op, values=values):
                both = isinstance(op, ast.And)
                return all(map(self.value, values)) if both else any(map(self.value, values))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self.value(inner)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return not self.value(inner)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.value(body if self.value(test) else other)
            case ast.Call(func=ast.Name(id=name), args=args) if name in FUNCTIONS:
                return FUNCTIONS[name](list(map(self.value, args)))
            case ast.Call(func=ast.Attribute(attr="item"), args=[inner]):
                return self.value(inner)
            case _:
                return self.unknown(node)

    def unknown(self, node: ast.AST) -> NoReturn:
        raise Unknown(f"it depends on `{ast.unparse(node)}`{f' ({place})' if (place := place_of(node)) else ''}")


def events_of(
    program: Program,
    function: Function,
    sites: Sites,
    own: frozenset[str],
    sizes: Mapping[str, int],
    scalars: Mapping[str, Number],
) -> list[Event]:
    """What happens while the graph is built, where the parameters have those sizes.

    Raises:
        Unknown: only data can tell.
    """
    names: dict[str, Number] = {**dict(program.constants), **sizes, **scalars}
    extents = {name: each.dims for name, each in sites.buffers.items()}
    walk = _Walk(sites, own, names, extents)
    walk.block(function.body)
    return walk.found
