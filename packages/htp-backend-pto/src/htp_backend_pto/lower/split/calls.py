"""Calls of kernels that are work for both units, and of routines: their bodies take the place of the call.

Knows calls and bodies; does not know how a body is divided.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import sym
from htp.fresh_names import fresh
from htp.infer.engine import infer
from htp.infer.values import Box, Index, Region, Value
from htp.liveness import loads, writes
from htp.names import RESERVED
from htp.program import origin_of
from htp.types import ScalarType
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.bounds import arguments_of
from htp_backend_pto.lower.gangs import is_gang, is_member
from htp_backend_pto.lower.sites import Site, marked, site_of
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.translate import Translation, box_text, integer, spelled_symbols, written_box
from htp_backend_pto.lower.units import Units, called, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Function, Program

__all__ = ["flattened", "with_bodies"]


def flattened(program: Program) -> Program:
    """The program whose entry calls kernels of one unit only."""
    while True:
        made = _once(program, {each.name: each for each in program.functions if _is_divided(program, each)})
        if made is program:
            return program
        program = made


def with_bodies(program: Program, whole: dict[str, Function]) -> Program:
    """The program whose entry has the bodies of some functions, and of what these call, in place of their calls."""
    while (made := _once(program, whole)) is not program:
        program = made
    return program


def _once(program: Program, whole: dict[str, Function]) -> Program:
    body = _Flattening(program, whole).block(program.main.body)
    if all(one is other for one, other in zip(body, program.main.body, strict=False)):
        return program
    body = with_sizes(program.main, body)
    return program.replace(replace(program.main, kind="routine", body=tuple(body)))


def _is_divided(program: Program, function: Function) -> bool:
    """Whether calls of a function give way to its body: it calls others itself, checks something, or is for both units.

    What is checked is for the orchestration, which can say what is wrong; a core cannot.
    """
    if function.name == program.entry or function.kind not in ("kernel", "routine"):
        return False
    if is_gang(function) or is_member(function):
        return False
    names = {each.name for each in program.functions}
    nodes = [node for each in function.body for node in ast.walk(each)]
    if function.kind == "routine" or any(isinstance(each, ast.Assert) or _calls(each, names) for each in nodes):
        return True
    units = Units(function, infer(program, function))
    return len({unit for each in function.body for unit in units.units(each)}) > 1


def _calls(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


class _Flattening:
    """Puts bodies in place of calls in the entry."""

    def __init__(self, program: Program, whole: dict[str, Function]) -> None:
        self.program = program
        self.whole = whole
        self.known = infer(program, program.main)
        self.kernels = {each.name for each in program.functions if each.kind == "kernel"}
        self.loaded = _loaded(program.main, self.known)
        self.taken = {name for each in walk(program.main.body) for name in (*loads(each), *writes(each))}
        self.taken |= {each.name for each in program.functions} | set(RESERVED)
        self.taken |= {each.name for each in program.main.params} | {name for name, _ in program.constants}

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements with the bodies of calls; the same ones where there are none."""
        result: list[ast.stmt] = []
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if self.gives_way(statement, name, call):
                    task = self.task_of(result)
                    outer = site_of(statement)
                    told = task if task is not None else outer.task if outer is not None else None
                    joined = outer is not None and outer.joined
                    site = outer if outer is not None and joined else Site(name, told, self.joins(name))
                    result += [marked(each, site) for each in self.body(self.program.function(name), call)]
                case ast.For() | ast.While() | ast.If():
                    result.append(self.compound(statement))
                case _:
                    result.append(statement)
        return result

    def gives_way(self, statement: ast.stmt, name: str, call: ast.Call) -> bool:
        """Whether the body takes the place of a call: it is divided, is part of one task, or is given a loaded tile."""
        site = site_of(statement)
        if name in self.whole or (name in self.kernels and site is not None and site.joined):
            return True
        return name in self.kernels and any(self.is_loaded(each) for each in call.args)

    def joins(self, name: str) -> bool:
        """Whether what a function calls belongs to its task: it is a kernel that looks at no numbers of arrays."""
        function = self.program.function(name)
        names = (called(node) for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call))
        return function.kind == "kernel" and "tile.item" not in names

    def is_loaded(self, argument: ast.expr) -> bool:
        """Whether an argument is a tile that is nothing but a part of an array."""
        return isinstance(argument, ast.Name) and argument.id in self.loaded

    def task_of(self, before: list[ast.stmt]) -> ast.stmt | None:
        """What is told of the task that comes next, taken out of the statements before it."""
        for number in reversed(range(len(before))):
            if _is_task(before[number]):
                return before.pop(number)
            if isinstance(before[number], ast.For | ast.While | ast.If) or site_of(before[number]) is not None:
                return None
        return None

    def compound(self, statement: ast.For | ast.While | ast.If) -> ast.stmt:
        inner = self.block(statement.body)
        orelse = self.block(statement.orelse) if isinstance(statement, ast.If) else []
        same = len(inner) == len(statement.body) and all(a is b for a, b in zip(inner, statement.body, strict=True))
        if same and (not isinstance(statement, ast.If) or orelse == statement.orelse):
            return statement
        return with_blocks(statement, inner, orelse)

    def body(self, function: Function, call: ast.Call) -> list[ast.stmt]:
        """The function's statements with the arguments of a call in place."""
        return _Inlined(self, function, call).statements()

    def fresh(self, name: str) -> str:
        """A name that nothing in the entry has."""
        return fresh(name, self.taken)


class _Inlined(Translation):
    """Writes a function's body in the names of its caller."""

    def __init__(self, caller: _Flattening, function: Function, call: ast.Call) -> None:
        known = infer(caller.program, function)
        super().__init__(known, spelled_symbols(function.body, known))
        self.caller = caller
        self.function = function
        self.views: dict[str, tuple[str, Box]] = {}
        self.tiles: dict[str, tuple[str, tuple[Expr, ...]]] = {}
        self.values: dict[str, Expr] = {}
        self.numbers: dict[str, ast.expr] = {}
        self.locals: dict[str, str] = {}
        for param, argument in arguments_of(function, call):
            self.bind(param.name, param.type, argument)

    def bind(self, name: str, type_: object, argument: ast.expr) -> None:
        """Takes note of an argument: a view of an array, an integer or another number."""
        known = self.caller.known.of(argument)
        if isinstance(type_, ScalarType):
            value = integer(argument) if isinstance(known, Index) else None
            if value is not None:
                self.values[name] = value
            else:
                self.numbers[name] = argument
            return
        if isinstance(known, Value) and isinstance(argument, ast.Name) and self.caller.is_loaded(argument):
            self.tiles[name] = (argument.id, known.dims)
            self.sizes(type_, known.dims)
            return
        if not isinstance(known, Region):
            raise Refused(
                "pto.tile-argument",
                f"`{ast.unparse(argument)}` is a tile, and `{self.function.name}` is divided between both units",
                span=origin_of(argument),
                help="pass a slice of an array, or store the tile to a buffer first",
            )
        roots = self.caller.known.roots[known.root]
        box = written_box(argument, known, roots)
        self.views[name] = (known.root, box)
        extents = [each for each, kept in zip(box.extent, box.kept, strict=True) if kept]
        self.sizes(type_, extents)

    def sizes(self, type_: object, extents: Sequence[Expr]) -> None:
        """Takes note of the sizes that an argument gives to the names in its parameter's type."""
        for dim, extent in zip(getattr(type_, "dims", ()), extents, strict=True):
            if str(dim) in dim.symbols:
                self.values.setdefault(str(dim), extent)

    def statements(self) -> list[ast.stmt]:
        """The body without the lines that only name sizes."""
        kept = [each for each in self.function.body if not (writes(each) & self.values.keys() and _is_size(each))]
        return self.block(kept)

    def size(self, value: Expr) -> Expr:
        """An integer in the caller's names."""
        values = {each: self.values.get(each, sym(self.local(each))) for each in value.symbols if self.is_own(each)}
        return value.substitute(values)

    def is_own(self, name: str) -> bool:
        """Whether a name is the function's and not the program's."""
        return all(name != each for each, _ in (*self.caller.program.constants, *self.caller.program.slots))

    def region(self, root: str, box: Box, *, store: bool) -> ast.expr:
        """A slice of what the caller passed; a buffer of the function keeps its slice."""
        starts, extents = (tuple(map(self.size, each)) for each in (box.start, box.extent))
        if root in self.tiles:
            tile, sizes = self.tiles[root]
            return box_text(tile, Box(starts, extents, box.kept), sizes, store=False)
        if root not in self.views:
            sizes = tuple(map(self.size, self.known.roots[root]))
            return box_text(self.local(root), Box(starts, extents, box.kept), sizes, store=store)
        outer, view = self.views[root]
        inner = iter(zip(starts, extents, box.kept, strict=True))
        start, extent, kept = list(view.start), list(view.extent), list(view.kept)
        for axis, keeps in enumerate(view.kept):
            if keeps:
                offset, length, kept[axis] = next(inner)
                start[axis], extent[axis] = start[axis] + offset, length
        return box_text(
            outer, Box(tuple(start), tuple(extent), tuple(kept)), self.caller.known.roots[outer], store=store
        )

    def number(self, name: str) -> ast.expr:
        """A number that was passed, or one of the function's own."""
        if name in self.numbers:
            return self.numbers[name]
        return ast.Name(self.local(name) if self.is_own(name) else name, ast.Load())

    def local(self, name: str) -> str:
        """A name of the function that nothing in the caller has."""
        if name not in self.locals:
            names = {each for one in walk(self.function.body) for each in writes(one)}
            self.locals[name] = self.caller.fresh(name) if name in names else name
        return self.locals[name]


def _loaded(function: Function, known: Inference) -> frozenset[str]:
    """The tiles that a function makes in one place, as a part of an array."""
    stored: Counter[str] = Counter()
    parts: set[str] = set()
    for each in walk(function.body):
        stored.update(frozenset() if isinstance(each, ast.For | ast.While | ast.If) else writes(each))
        match each:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Subscript() as value):
                parts |= {name} if isinstance(known.of(value), Region) else set()
            case _:
                pass
    return frozenset(name for name in parts if stored[name] == 1)


def _is_task(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="task"))):
            return True
        case _:
            return False


def _is_size(statement: ast.stmt) -> bool:
    """Whether it is `M = a.shape[0]`."""
    match statement:
        case ast.Assign(value=ast.Subscript(value=ast.Attribute(attr="shape"))):
            return True
        case _:
            return False


