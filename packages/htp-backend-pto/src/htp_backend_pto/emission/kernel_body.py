"""The statements of a kernel as C++, one instruction a line.

Knows scopes of tiles, calls of instructions, flags and control; does not know files (`kernels`).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.liveness import loads, writes
from htp.program import origin_of
from htp.types import dtype_named
from htp_backend_pto.emission.aliases import Aliases
from htp_backend_pto.emission.global_text import view_of
from htp_backend_pto.emission.lines import INDENT, folded
from htp_backend_pto.emission.ranges import range_bounds, range_head
from htp_backend_pto.emission.scalars import CPP, Text, cpp_name, dim_node, scalar_text, unprintable
from htp_backend_pto.emission.second_names import second_names
from htp_backend_pto.emission.tile_text import LEFT_ALONE, handle_of
from htp_backend_pto.isa.spelling import pad_value, spelled
from htp_backend_pto.lower.blocks import exposed
from htp_backend_pto.steps import root_name, step_of, word_of
from htp_backend_pto.tiles import declared, room_of, tile_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.program import Constant
    from htp.types import DType, TileType
    from htp_backend_pto.emission.global_text import Order
    from htp_backend_pto.emission.scalars import Kind
    from htp_backend_pto.emission.tile_text import Handle
    from htp_backend_pto.profile import Profile
    from htp_backend_pto.steps import Step

__all__ = ["Arrays", "Body"]

ORDERS: dict[str, Order] = {
    "load_t": "transposed", "store_t": "transposed", "load_row": "row", "store_row": "row", "load_col": "column",
    "store_col": "column", "load_rows": "matrices", "store_rows": "matrices",
}  # fmt: skip
PLACES = ("extract", "insert", "subview", "tri", "random", "img2col", "within")
"""Instructions whose numbers are places or words, and so stay integers."""


@dataclass(frozen=True)
class Arrays:
    """A kernel's arrays by name: extents and dtypes."""

    extents: Mapping[str, tuple[Expr, ...]]
    dtypes: Mapping[str, str]


@dataclass
class _Scope:
    """Names of one block: tiles as handles, numbers by kind."""

    tiles: dict[str, tuple[str, Handle]] = field(default_factory=dict[str, "tuple[str, Handle]"])
    types: dict[str, TileType] = field(default_factory=dict[str, "TileType"])
    numbers: dict[str, Kind] = field(default_factory=dict[str, "Kind"])

    def inner(self) -> _Scope:
        return _Scope(dict(self.tiles), dict(self.types), dict(self.numbers))


class Body:
    """Prints a kernel's statements; `lines` are the texts with the user's places."""

    def __init__(
        self, arrays: Arrays, constants: Mapping[str, Constant], numbers: Mapping[str, Kind], profile: Profile
    ) -> None:
        self.arrays = arrays
        self.constants = constants
        self.profile = profile
        self.scope = _Scope(numbers=dict(numbers))
        self.lines: list[tuple[str, Span | None]] = []
        self.taken: set[str] = set()
        self.aliases = Aliases(self.taken)

    # names --------------------------------------------------------------------------------------------------------

    def name(self, node: ast.Name) -> Text:
        """A number of the kernel, or a constant of the program."""
        kind = self.scope.numbers.get(node.id)
        if kind is not None:
            return Text(cpp_name(node.id), kind)
        if node.id in self.constants:
            return scalar_text(ast.Constant(self.constants[node.id]), self)
        raise Bug(f"`{node.id}` is no number in this kernel")

    def element(self, node: ast.Subscript) -> Text:
        """Elements are not read one by one in kernels."""
        raise unprintable(node, "a kernel reads tiles")

    def size(self, array: str, axis: int, node: ast.expr) -> Text:
        """The extent of an array."""
        del node
        extent = self.arrays.extents[array][axis]
        return scalar_text(dim_node(extent), self)

    def slot(self, name: str, node: ast.expr) -> Text:
        """Slots are given to kernels as numbers."""
        raise unprintable(node, f"slot `{name}` reaches a kernel as a parameter")

    # statements ---------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], depth: int) -> None:
        """All statements, at a depth of blocks."""
        for index, statement in enumerate(body):
            self._one(statement, body[index + 1 :], depth)

    def _one(self, statement: ast.stmt, rest: Sequence[ast.stmt], depth: int) -> None:
        word = word_of(statement)
        step = step_of(statement)
        if word is not None:
            self._line(_ordering(*word), statement, depth)
        elif step is not None:
            self._step(step, depth)
        elif isinstance(statement, (ast.For, ast.While, ast.If)):
            self._hoist(statement, rest, depth)
            self._control(statement, depth)
        else:
            self._plain(statement, depth)

    def _plain(self, statement: ast.stmt, depth: int) -> None:
        match statement:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation) if tile_type(annotation) is not None:
                self._define(name, statement, LEFT_ALONE, depth)  # scratch
            case ast.Assign(targets=[ast.Name(name)], value=value) | ast.AnnAssign(target=ast.Name(name), value=value):
                self._number(name, value, statement, depth)
            case ast.Pass():
                pass
            case _:
                raise Bug(f"not a statement of a kernel for Ascend: `{ast.unparse(statement)}`")

    def _number(self, name: str, value: ast.expr | None, statement: ast.stmt, depth: int) -> None:
        if value is None or (name in self.scope.numbers and _is_size(value)):  # the signature names it
            return
        text = scalar_text(value, self)
        if name in self.scope.numbers:
            self._line(f"{cpp_name(name)} = {text.cpp};", statement, depth)
            return
        self.scope.numbers[name] = text.kind
        self._line(f"{CPP[text.kind]} {cpp_name(name)} = {text.cpp};", statement, depth)

    def _control(self, statement: ast.For | ast.While | ast.If, depth: int) -> None:
        before = self.scope
        match statement:
            case ast.For(target=ast.Name(name), iter=ast.Call(func=ast.Name("range"), args=bounds)):
                start, stop, step = range_bounds([scalar_text(each, self) for each in bounds])
                if any(loads(each) & _changed(statement.body) for each in bounds):
                    stop = self._fixed(stop, statement, depth)
                head = range_head(cpp_name(name), start, stop, step)
                self.scope = before.inner()
                self.scope.numbers[name] = "int"
            case ast.While(test=test) | ast.If(test=test):
                word = "while" if isinstance(statement, ast.While) else "if"
                head = f"{word} ({scalar_text(test, self).cpp}) {{"
                self.scope = before.inner()
            case _:
                raise Bug(f"not a loop of a kernel for Ascend: `{ast.unparse(statement)}`")
        self._line(head, statement, depth)
        self.block(statement.body, depth + 1)
        self.scope = before
        if isinstance(statement, ast.If) and statement.orelse:
            self._line("} else {", statement, depth)
            self.scope = before.inner()
            self.block(statement.orelse, depth + 1)
            self.scope = before
        self._line("}", statement, depth)

    def _fixed(self, stop: Text, statement: ast.stmt, depth: int) -> Text:
        """The end of a range, which Python computes once, where the loop changes what it is computed of."""
        name = self._fresh("stop")
        self._line(f"const int64_t {name} = {stop.cpp};", statement, depth)
        return Text(name, stop.kind)

    def _hoist(self, statement: ast.stmt, rest: Sequence[ast.stmt], depth: int) -> None:
        """Tiles that a block makes and that are used behind it need their name outside of it."""
        later = exposed(rest)
        for made, name, _ in declared([statement]):
            if name in later and name not in self.scope.tiles:
                self._define(name, made, LEFT_ALONE, depth)

    # instructions -------------------------------------------------------------------------------------------------

    def _step(self, step: Step, depth: int) -> None:
        pad = _pad(step)
        names = dict[str, str]()
        for operand in step.instruction.operands:
            if operand.role != "dst":
                names |= self._operand(step, operand.name, depth)
        if step.result is not None:
            names["dst"] = self._define(step.result, step.statement, pad, depth)
            names["dst_dtype"] = self._element(step.result)
        elif step.stored is not None:
            names["dst"] = self._view(step, step.stored, depth)
        for operand, (suffix, type_) in second_names(step, self.scope.types).items():
            names[operand] = self._second(f"{names[operand]}_{suffix}", type_, step.statement, depth)
        for name in [each for each in names if not each.endswith(("_at", "type"))]:
            names[f"{name}_type"] = f"decltype({names[name]})"
        if step.instruction.cpp:
            self._line(f"{step.instruction.text(names)};", step.statement, depth)

    def _operand(self, step: Step, name: str, depth: int) -> dict[str, str]:
        operand = step.instruction.operand(name)
        node = step.operands.get(name)
        if operand.role == "attribute":
            return _attribute(name, node, step)
        if node is None:
            raise Bug(f"`{ast.unparse(step.statement)}` has no `{name}`")
        if operand.role == "scalar":
            return {name: self._scalar(node, step)}
        if isinstance(node, ast.Name) and node.id in self.scope.tiles:
            chosen, handle = self.scope.tiles[node.id]
            return {name: chosen, f"{name}_at": f"{handle.at:#x}"}
        # What an atomic store adds to is what it stores to.
        return {name: ""} if operand.role == "inout" else {name: self._view(step, node, depth)}

    def _scalar(self, node: ast.expr, step: Step) -> str:
        text = scalar_text(node, self)
        dtype = self._dtype(step)
        return text.cpp if text.kind == "int" and dtype is None else f"{dtype or 'float'}({text.cpp})"

    def _dtype(self, step: Step) -> str | None:
        """The element that numbers of an instruction are turned into; places in tiles stay integers."""
        if step.instruction.name in PLACES:
            return None
        tiles = [each for each in (step.tile("x"), step.tile("a"), step.result) if each is not None]
        types = [self.scope.types[each] for each in tiles if each in self.scope.types]
        made = tile_type(step.statement.annotation) if isinstance(step.statement, ast.AnnAssign) else None
        found = types[0] if types else made
        return self.profile.element_of(found.dtype.name) if found is not None else None

    def _element(self, tile: str) -> str:
        return self.profile.element_of(self.scope.types[tile].dtype.name)

    def _view(self, step: Step, node: ast.expr, depth: int) -> str:
        root = root_name(node)
        order = ORDERS.get(step.instruction.name.removesuffix("_flags"), "matrix")
        tile = step.result if step.stored is None else step.tile("x")
        made = tile_type(step.statement.annotation) if isinstance(step.statement, ast.AnnAssign) else None
        type_ = made if step.stored is None else self.scope.types.get(tile or "")
        room = room_of(type_) if type_ is not None else None
        if order == "matrix" and room is not None and room.form == "dn":
            order = "upright"
        element = self.profile.element_of(self.arrays.dtypes[root])
        view = view_of(node, self.arrays.extents, element, self, order)
        name = self._fresh(f"{cpp_name(root)}_part")
        type_, arguments = self.aliases.view(view.type, view.arguments)
        self._line(f"{type_} {name}({', '.join(arguments)});", step.statement, depth)
        return name

    def _define(self, name: str, statement: ast.stmt, pad: str, depth: int) -> str:
        """The C++ name of a tile that is made, declared here unless an object of its type and size is there."""
        ((_, _, type_),) = declared([statement])
        sizes = tuple(scalar_text(dim_node(each), self).cpp for each in type_.dims)
        handle = handle_of(type_, (sizes[0], sizes[1]), self.profile, pad)
        there = self.scope.tiles.get(name)
        self.scope.types[name] = type_
        if there is not None and there[1] == handle:
            return there[0]
        chosen = self._fresh(cpp_name(name))
        self.scope.tiles[name] = (chosen, handle)
        self._line(handle.declared(chosen, self.aliases.tile(handle.type)), statement, depth)
        return chosen

    def _second(self, name: str, type_: TileType, statement: ast.stmt, depth: int) -> str:
        """A tile that is there, declared again as one of another type."""
        sizes = tuple(scalar_text(dim_node(each), self).cpp for each in type_.dims)
        handle = handle_of(type_, (sizes[0], sizes[1]), self.profile)
        chosen = self._fresh(name)
        self._line(handle.declared(chosen, self.aliases.tile(handle.type)), statement, depth)
        return chosen

    def _fresh(self, name: str) -> str:
        chosen, number = name, 1
        while chosen in self.taken or chosen in self.scope.numbers:
            number += 1
            chosen = f"{name}_{number}"
        self.taken.add(chosen)
        return chosen

    def _line(self, text: str, statement: ast.stmt, depth: int) -> None:
        self.lines += [(each, origin_of(statement)) for each in folded(f"{INDENT * depth}{text}")]


def _changed(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(name for each in body for name in writes(each))


def _is_size(value: ast.expr) -> bool:
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute) and value.value.attr == "shape"


def _ordering(word: str, arguments: Sequence[object]) -> str:
    if word == "pipe_barrier":
        return f"pipe_barrier(PIPE_{arguments[0]});"
    src, dst, event = arguments
    return f"{word}(PIPE_{src}, PIPE_{dst}, EVENT_ID{event});"


def _attribute(name: str, node: ast.expr | None, step: Step) -> dict[str, str]:
    value = ast.literal_eval(node) if isinstance(node, (ast.Constant, ast.UnaryOp)) else None
    match step.instruction.name, name:
        case "cvt", "mode":
            return {"mode": spelled("cvt", {"mode": str(value or "none"), "dtype": _dtype_of(step)})["mode"]}
        case _, "mode":
            return {"mode": str(value).upper()}
        case "gather_mask" | "scatter_mask", "start":
            return {}
        case "gather_mask" | "scatter_mask", "step":
            start = ast.literal_eval(step.operands["start"])
            bits = ["0"] * 4
            for place in range(4):
                bits[3 - place] = "1" if place % int(value or 1) == start else "0"
            return {"pattern": f"P{''.join(bits)}"}
        case _:
            return {name: str(int(value or 0)) if isinstance(value, bool) or value is None else str(value)}


def _dtype_of(step: Step) -> DType:
    """The dtype that a call names."""
    node = step.operands["dtype"]
    found = dtype_named(node.id) if isinstance(node, ast.Name) else None
    if found is None:
        raise Bug(f"no dtype: `{ast.unparse(step.statement)}`")
    return found


def _pad(step: Step) -> str:
    if step.instruction.name not in ("fillpad", "fillpad_expand", "fillpad_inplace"):
        return LEFT_ALONE
    made = tile_type(step.statement.annotation) if isinstance(step.statement, ast.AnnAssign) else None
    if made is None:
        raise Bug(f"no tile to pad: `{ast.unparse(step.statement)}`")
    text = re.sub(r"float\('(-?inf)'\)", r"\1", ast.unparse(step.operands["value"])).replace("--", "")
    return pad_value(float(text), made.dtype)
