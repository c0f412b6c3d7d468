"""Which unit each statement of a function is for: products belong to the cube cores, other tiles to the vector cores.

Knows statements in normal form; does not know where kernels begin and end.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from htp.infer.values import Region, Value
from htp.liveness import loads, writes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp.infer.state import Inference
    from htp.program import Function

__all__ = ["PATCHES", "SCALED", "Unit", "Units", "accumulated", "called", "is_copy", "is_plain_call", "walk"]

Unit = Literal["cube", "vector"]

MADE = ("tile.full", "tile.iota")
"""Tiles made of nothing: every kernel makes its own."""
SCALED = ("pto.store_fp", "pto.mov_fp", "pto.extract_fp", "pto.insert_fp")
"""Instructions of the cube unit that scale the columns of a sum."""
PATCHES = "pto.img2col"
"""The instruction of the cube unit that gives it patches of an image; the others there are products and moves."""
NARROW = ("f16", "bf16")
"""Dtypes to which the cube unit rounds what it stores."""


class Units:
    """The units of one function's statements."""

    def __init__(self, function: Function, known: Inference) -> None:
        self.known = known
        self.inputs = {each.name for each in function.params if each.direction == "in"}
        self.stored = {each.root for each in known.accesses if each.writes}
        self.definitions: dict[str, list[ast.stmt]] = defaultdict(list)
        self.readers: dict[str, list[ast.stmt]] = defaultdict(list)
        for statement in walk(function.body):
            if isinstance(statement, ast.For | ast.While | ast.If):
                continue
            for name in writes(statement):
                self.definitions[name].append(statement)
            for name in loads(statement):
                self.readers[name].append(statement)
        self.written = _Written(function.body, known)
        self.accumulators = frozenset(name for name in self.definitions if self._accumulates(name))

    def unit(self, statement: ast.stmt) -> Unit | None:
        """Where a simple statement is computed; `None` for numbers, calls, and tiles that every kernel has anew."""
        if not self.is_tile(statement) or self.anew(statement):
            return None
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if value is None:
            return None
        if called(value) in ("tile.dot", PATCHES, *SCALED):
            return "cube"
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            return "cube" if statement.target.id in self.accumulators or self._narrowed(statement) else "vector"
        stores_product = isinstance(value, ast.Name) and self._from_cube(value.id)
        return "cube" if stores_product else "vector"

    def units(self, statement: ast.stmt) -> frozenset[Unit]:
        """The units that a statement, with all that is in it, keeps busy."""
        found: set[Unit] = set()
        for each in walk([statement]):
            unit = self.unit(each)
            if unit is not None:
                found.add(unit)
            if unit == "cube" and self.adds_outside(each):
                found.add("vector")
        return frozenset(found)

    def adds_outside(self, statement: ast.stmt) -> bool:
        """Whether a product is added to a tile that no product made, and that it is not stored upon."""
        value = statement.value if isinstance(statement, ast.AnnAssign) else None
        acc = accumulated(value)
        if not isinstance(acc, ast.Name) or acc.id in self.accumulators:
            return False
        return not all(map(self._product, self.definitions[acc.id])) and not self.adds_in_memory(statement)

    def adds_in_memory(self, statement: ast.stmt) -> bool:
        """Whether a product is added to a slice of an array and goes back there, which the store does by itself."""
        value = statement.value if isinstance(statement, ast.AnnAssign) else None
        acc, target = accumulated(value), getattr(statement, "target", None)
        if not isinstance(acc, ast.Name) or not isinstance(target, ast.Name):
            return False
        sources = [each.value for each in self.definitions[acc.id] if isinstance(each, ast.AnnAssign)]
        stores = self.readers[target.id]
        if len(sources) != 1 or len(stores) != 1 or len(self.readers[acc.id]) != 1:
            return False
        places = [each.targets[0] for each in stores if isinstance(each, ast.Assign)]
        return len(places) == 1 and sources[0] is not None and ast.unparse(places[0]) == ast.unparse(sources[0])

    def is_tile(self, statement: ast.stmt) -> bool:
        """Whether a simple statement makes, moves or stores a tile."""
        match statement:
            case ast.AnnAssign(value=ast.expr() as value):
                return isinstance(self.known.types.get(id(value)), Value | Region)
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                return not self.is_element(target) or isinstance(self.known.types.get(id(value)), Value)
            case ast.Assign(targets=[ast.Tuple()], value=ast.Call()):
                return True
            case _:
                return False

    def is_element(self, target: ast.expr) -> bool:
        """Whether it is one element of an array, which the orchestration sets by itself."""
        known = self.known.types.get(id(target))
        return isinstance(known, Region) and not known.dims

    def anew(self, statement: ast.stmt) -> bool:
        """Whether a tile is nothing but elements of an array that nobody changes, or made of nothing."""
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            return False
        if any(len(self.definitions[each]) > 1 for each in (statement.target.id, *loads(statement))):
            return False  # what it is made of may have changed where it is read
        return statement.value is not None and self._anew(statement, statement.value)

    def _anew(self, statement: ast.stmt, value: ast.expr) -> bool:
        known = self.known.types.get(id(value))
        if isinstance(known, Region):
            if known.root in self.inputs or known.root not in self.stored:
                return True
            name = min(writes(statement), default="")
            return not self.written.between(statement, self.readers[name], known.root)
        if called(value) in MADE:
            return True
        if called(value) == "tile.transpose" and isinstance(value, ast.Call) and isinstance(value.args[0], ast.Name):
            return len(self.definitions[value.args[0].id]) == 1 and self.anew(self.definitions[value.args[0].id][0])
        return False

    def _from_cube(self, name: str) -> bool:
        """Whether every value of a tile leaves the cube unit, so that a store of it does too."""
        if name in self.accumulators:
            return True
        known = [self._product(each) or self._scaled(each) or self._narrowed(each) for each in self.definitions[name]]
        return bool(known) and all(known)

    def _product(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.AnnAssign) and called(statement.value) == "tile.dot"

    def _scaled(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.AnnAssign) and called(statement.value) in SCALED

    def _narrowed(self, statement: ast.stmt) -> bool:
        """Whether it rounds a product to what the cube unit can store, and nothing else is done with that."""
        if not isinstance(statement, ast.AnnAssign) or called(statement.value) != "tile.cast":
            return False
        call = statement.value
        if not isinstance(call, ast.Call) or not isinstance(call.args[0], ast.Name):
            return False
        name = call.args[0].id
        product = name in self.accumulators or all(map(self._product, self.definitions[name]))
        target = statement.target.id if isinstance(statement.target, ast.Name) else ""
        stored = all(isinstance(each, ast.Assign) for each in self.readers[target])
        return product and stored and ast.unparse(call.args[1]) in NARROW

    def _accumulates(self, name: str) -> bool:
        """Whether a name holds a sum that products are added to and that starts at zero."""
        values = [each.value for each in self.definitions[name] if isinstance(each, ast.AnnAssign)]
        if len(values) < len(self.definitions[name]):
            return False
        sums = [each for each in values if _adds_to(each, name)]
        starts = [each for each in values if not _adds_to(each, name)]
        return bool(sums) and all(is_plain_call(each) or _is_zero(each) for each in starts)


class _Written:
    """Which arrays are written between statements of one block."""

    def __init__(self, body: Sequence[ast.stmt], known: Inference) -> None:
        self.stores = [(id(each.node), each.root) for each in known.accesses if each.writes]
        self.blocks: dict[int, tuple[Sequence[ast.stmt], int]] = {}
        self._blocks(body)

    def _blocks(self, body: Sequence[ast.stmt]) -> None:
        for number, statement in enumerate(body):
            self.blocks[id(statement)] = (body, number)
            for inner in (getattr(statement, "body", ()), getattr(statement, "orelse", ())):
                self._blocks(inner)

    def between(self, first: ast.stmt, readers: Sequence[ast.stmt], root: str) -> bool:
        """Whether the array may be written behind `first` and before, or in a loop or branch around, a reader of it."""
        block, number = self.blocks[id(first)]
        left = {id(each) for each in readers}
        for statement in block[number + 1 :]:
            if not left:
                return False
            inside = {id(each) for each in ast.walk(statement)}
            left -= inside
            written = any(node in inside and one == root for node, one in self.stores)
            if written and (left or isinstance(statement, ast.For | ast.While | ast.If)):
                return True
        return bool(left)


def walk(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement, outer ones first."""
    for statement in body:
        yield statement
        for inner in (getattr(statement, "body", ()), getattr(statement, "orelse", ())):
            yield from walk(inner)


def called(node: ast.expr | None) -> str:
    """The dotted name that an expression calls; empty for anything else."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def is_plain_call(value: ast.expr | None) -> bool:
    """Whether it is a product that starts from nothing."""
    return called(value) == "tile.dot" and accumulated(value) is None


def is_copy(statement: ast.stmt) -> bool:
    """Whether it gives a tile one more name."""
    return isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Name)


def accumulated(value: ast.expr | None) -> ast.expr | None:
    """What a product is added to."""
    keywords = value.keywords if isinstance(value, ast.Call) and called(value) == "tile.dot" else []
    return next((each.value for each in keywords if each.arg == "acc"), None)


def _adds_to(value: ast.expr | None, name: str) -> bool:
    acc = accumulated(value)
    return isinstance(acc, ast.Name) and acc.id == name


def _is_zero(value: ast.expr | None) -> bool:
    if called(value) != "tile.full" or not isinstance(value, ast.Call):
        return False
    number: Sequence[ast.expr] = value.args[1:2]
    return bool(number) and isinstance(number[0], ast.Constant) and number[0].value == 0
