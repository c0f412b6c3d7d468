"""Outlining: statements of a workload become a kernel of their own, so that they are one task.

Knows calls of kernels, branches, scalars and element reads in nested form; does not know why they are outlined.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import Expr, const, sym
from htp.fresh_names import unused
from htp.program import Function, origin_of
from htp.rewriting import Rewriter, with_origin
from htp.types import Param, ScalarType, TensorType, i64
from htp_dialect_wsp.axis_forms import root_of
from htp_dialect_wsp.directives.trees import assigned_names, load, names_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.program import Program
    from htp.types import Direction, TileType

__all__ = ["aliased", "outline"]


def outline(program: Program, statements: Sequence[ast.stmt], name: str) -> tuple[Function, ast.Call]:
    """A kernel that does what the statements do, and the call that stands for them.

    Every region that is passed to a kernel, or of which an element is read, becomes a parameter, one for each
    expression; a region that depends on what the statements assign becomes its whole tensor. What is read and written
    is `InOut` unless it is overwritten first; what is written under a condition is `InOut`. Other names become scalar
    parameters. The kernel is not added to the program; its name is `name`, or with a number behind it.
    """
    taken = {each.name for each in program.functions} | {each for each, _ in (*program.constants, *program.slots)}
    made = _Outlined(program, frozenset(assigned_names(*statements)))
    body = tuple(made.statements(list(statements)))
    made.direct()
    used = made.used(body)
    params = tuple(each.param(made.dims) for each in used)
    chosen = unused(name, taken | names_in(*program.main.body))
    origin = origin_of(statements[0]) or program.main.origin
    function = Function(chosen, "kernel", params, body, origin, "Generated: the statements of one task.")
    call = ast.Call(load(chosen), [copy.copy(each.argument) for each in used], [])
    return function, with_origin(call, statements[0])


def aliased(program: Program, statements: Sequence[ast.stmt]) -> str | None:
    """A tensor of which the statements use two different regions and write one, so that outlining is not sound."""
    made = _Outlined(program, frozenset(assigned_names(*statements)))
    made.statements(list(statements))
    made.direct()
    for each in made.regions.values():
        others = [other for other in made.regions.values() if other.root == each.root and other is not each]
        if others and each.written:
            return each.root
    return None


@dataclass(eq=False)
class _Region:
    """A parameter for a region: the argument, and how the statements use it."""

    name: str
    argument: ast.expr
    root: str
    declared: TensorType | TileType | None = None
    direction: Direction | None = None
    whole: bool = False
    rank: int = 0

    @property
    def written(self) -> bool:
        return self.direction in ("out", "inout")

    def use(self, direction: Direction) -> None:
        """One more access, in order."""
        if self.direction is None:
            self.direction = direction
        elif self.direction == "in" and direction != "in":
            self.direction = "inout"

    def param(self, dims: _Dims) -> Param:
        """The parameter, its sizes named after it where nothing else is known."""
        if self.declared is None:
            raise Bug(f"the type of region {self.name} is not known")
        sizes = tuple(dims.size(self.name, axis) for axis in range(self.rank))
        type_ = TensorType(self.declared.dtype, sizes, self.declared.facets)
        return Param(self.name, self.direction or "in", type_)


_Used = tuple[_Region, "Direction"]
"""A region, and what a statement does with it."""


@dataclass
class _Number:
    """A parameter for a scalar."""

    name: str
    argument: ast.expr
    type: ScalarType

    def param(self, dims: _Dims) -> Param:
        """The parameter."""
        del dims
        return Param(self.name, "scalar", self.type)


@dataclass
class _Dims:
    """Which sizes of parameters are equal: a place is a parameter and an axis."""

    parents: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict[tuple[str, int], tuple[str, int]])
    known: dict[tuple[str, int], Expr] = field(default_factory=dict[tuple[str, int], Expr])

    def root(self, place: tuple[str, int]) -> tuple[str, int]:
        """The place that stands for all that are equal to this one."""
        while (parent := self.parents.get(place, place)) != place:
            place = parent
        return place

    def join(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Two places have one size."""
        a, b = self.root(one), self.root(other)
        if a != b:
            self.parents[b] = a
            if b in self.known:
                self.known.setdefault(a, self.known[b])

    def size(self, name: str, axis: int) -> Expr:
        """The size of a parameter along an axis."""
        place = self.root((name, axis))
        return self.known.get(place, sym(f"{place[0]}_{place[1]}"))

    def call(self, places: Sequence[tuple[str, TensorType | TileType]]) -> None:
        """Sizes of arguments are those of the parameters they are given for."""
        first: dict[str, tuple[str, int]] = {}
        for name, type_ in places:
            for axis, dim in enumerate(type_.dims):
                if dim.constant is not None:
                    self.known[self.root((name, axis))] = dim
                elif str(dim) in dim.symbols:
                    self.join(first.setdefault(str(dim), (name, axis)), (name, axis))
        for name, type_ in places:
            for axis, dim in enumerate(type_.dims):
                if dim.constant is None and str(dim) not in dim.symbols and set(dim.symbols) <= set(first):
                    sizes = {each: self.size(*first[each]) for each in dim.symbols}
                    self.known.setdefault(self.root((name, axis)), dim.substitute(sizes))


class _Outlined(Rewriter):
    """The body of the kernel, and its parameters by the text of their arguments."""

    def __init__(self, program: Program, inner: frozenset[str]) -> None:
        self.program = program
        self.kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
        self.inner = inner
        self.regions: dict[str, _Region] = {}
        self.numbers: dict[str, _Number] = {}
        self.dims = _Dims()
        self.names: set[str] = {*inner, *(each.name for each in program.functions)}
        self.uses: list[_Used] = []

    def direct(self) -> None:
        """Gives every region its direction, once all statements are known."""
        for region, direction in self.uses:
            region.use(direction)

    def used(self, body: Iterable[ast.stmt]) -> list[_Region | _Number]:
        """The parameters that the body names."""
        names = names_in(*body)
        # Whole tensors have the sizes that the workload's signature gives them.
        declared = {each.name: each.type for each in self.program.main.params}
        whole = [(each.name, declared.get(each.root)) for each in self.regions.values() if _is_name(each.argument)]
        self.dims.call([(name, type_) for name, type_ in whole if isinstance(type_, TensorType)])
        every: list[_Region | _Number] = [*self.regions.values(), *self.numbers.values()]
        return [each for each in every if each.name in names]

    # statements -----------------------------------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> ast.stmt:  # noqa: N802
        test = self.expression(node.test)
        before = self.uses
        taken: list[_Used] = []
        other: list[_Used] = []
        self.uses = taken
        body = self.statements(node.body)
        self.uses = other
        orelse = self.statements(node.orelse)
        self.uses = [*before, *_either(taken, other)]
        return ast.If(test, body, orelse)

    def visit_For(self, node: ast.For) -> ast.stmt:  # noqa: N802
        iterator = self.expression(node.iter)
        before, self.uses = self.uses, []
        body = self.statements(node.body)
        self.uses = [*before, *_either(self.uses, [])]  # a loop may have no iteration
        return ast.For(node.target, _plain(iterator), body, [], lineno=getattr(node, "lineno", 0))

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in self.kernels:
                return self._kernel(node, self.kernels[name])
            case ast.Call(func=ast.Attribute(ast.Name("tile"), "item"), args=[ast.Subscript() as element]):
                return ast.Call(node.func, [self._element(element)], [])
            case _:
                return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        if isinstance(node.ctx, ast.Store) or node.id in self.inner or self._global(node.id):
            return node
        return self._number(node, node.id, None)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: N802
        return node  # `tile.item`, and the like: names of operations

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # noqa: N802
        match node:
            case ast.Subscript(value=ast.Attribute(ast.Name(id=name), "shape"), slice=ast.Constant(axis)):
                return self._number(node, f"{name}_{axis}", None)
            case _:
                return self.generic_visit(node)

    # parameters -----------------------------------------------------------------------------------------------------

    def _global(self, name: str) -> bool:
        values = (*self.program.constants, *self.program.slots)
        return name in {each for each, _ in values} or name in {each.name for each in self.program.functions} or (
            name in ("tile", "range", "min", "max", "abs", "len", "int", "float", "bool", "P")
        )

    def _number(self, argument: ast.expr, name: str, wanted: ScalarType | None) -> ast.expr:
        key = ast.unparse(argument)
        found = self.numbers.get(key)
        if found is None:
            declared = next((each.type for each in self.program.main.params if each.name == key), wanted)
            type_ = declared if isinstance(declared, ScalarType) else ScalarType(i64)
            found = self.numbers[key] = _Number(self._name(name), argument, type_)
        return load(found.name)

    def _kernel(self, call: ast.Call, callee: Function) -> ast.expr:
        names = [each.name for each in callee.params]
        given = dict(zip(names, call.args, strict=False)) | {each.arg or "": each.value for each in call.keywords}
        arguments: list[ast.expr] = []
        places: list[tuple[str, TensorType | TileType]] = []
        for param in callee.params:
            argument = given[param.name]
            if param.type is None or isinstance(param.type, ScalarType):
                bare = argument.id if isinstance(argument, ast.Name) else ""
                known = not bare or bare in self.inner or self._global(bare)
                arguments.append(self.expression(argument) if known else self._number(argument, bare, param.type))
                continue
            region = self._region(argument, param.type)
            direction: Direction = "in" if param.direction == "scalar" else param.direction
            self.uses.append((region, "inout" if direction == "out" and region.whole else direction))
            arguments.append(self._inside(argument, region))
            if not region.whole:
                places.append((region.name, param.type))
        self.dims.call(places)
        return ast.Call(call.func, arguments, [])

    def _region(self, argument: ast.expr, type_: TensorType | TileType) -> _Region:
        """The parameter for a region, or for its whole tensor where the statements decide which region it is."""
        root = root_of(argument) or ast.unparse(argument)
        if not names_in(argument) & self.inner:
            found = self._parameter(argument, root)
            found.declared = found.declared or type_
            found.rank = len(type_.dims)
            return found
        found = self._parameter(load(root), root)
        found.whole = True
        found.declared = found.declared or TensorType(type_.dtype, ())
        found.rank = self._rank(root)
        return found

    def _element(self, element: ast.Subscript) -> ast.expr:
        """An element read through a parameter of one element, or of the whole tensor."""
        root = root_of(element) or ast.unparse(element)
        dtype = self._dtype(root)
        if names_in(element) & self.inner or not isinstance(element.value, ast.Name):
            region = self._parameter(load(root), root)
            region.whole, region.rank = True, self._rank(root)
            region.declared = region.declared or TensorType(dtype, ())
            self.uses.append((region, "in"))
            return self._inside(element, region)
        indices = element.slice.elts if isinstance(element.slice, ast.Tuple) else [element.slice]
        one: list[ast.expr] = [_only(each) for each in indices]
        key: ast.expr = one[0] if len(one) == 1 else ast.Tuple(one, ast.Load())
        region = self._parameter(ast.Subscript(element.value, key, ast.Load()), root)
        region.declared = region.declared or TensorType(dtype, tuple(const(1) for _ in one))
        region.rank = len(one)
        self.uses.append((region, "in"))
        for axis in range(len(one)):
            self.dims.known[self.dims.root((region.name, axis))] = const(1)
        zeros: list[ast.expr] = [ast.Constant(0) for _ in one]
        index: ast.expr = zeros[0] if len(zeros) == 1 else ast.Tuple(zeros, ast.Load())
        return ast.Subscript(load(region.name), index, ast.Load())

    def _parameter(self, argument: ast.expr, root: str) -> _Region:
        key = ast.unparse(argument)
        if key not in self.regions:
            self.regions[key] = _Region(self._name(root), argument, root)
        return self.regions[key]

    def _inside(self, argument: ast.expr, region: _Region) -> ast.expr:
        """The argument as the kernel's body writes it."""
        if not region.whole or isinstance(argument, ast.Name):
            return load(region.name)
        if not isinstance(argument, ast.Subscript):
            raise Bug(f"not a region: `{ast.unparse(argument)}`")
        index = self.expression(argument.slice)
        return ast.Subscript(self._inside(argument.value, region), index, ast.Load())

    def _name(self, wanted: str) -> str:
        name = unused(wanted, self.names)
        self.names.add(name)
        return name

    def _dtype(self, root: str) -> type:
        from htp.types import dtype_named

        for each in self.program.main.params:
            if each.name == root and each.type is not None:
                return each.type.dtype
        buffer = _buffer(self.program.main, root)
        found = dtype_named(ast.unparse(buffer.args[1])) if buffer is not None else None
        return found or i64

    def _rank(self, root: str) -> int:
        for each in self.program.main.params:
            if each.name == root and each.type is not None and not isinstance(each.type, ScalarType):
                return len(each.type.dims)
        buffer = _buffer(self.program.main, root)
        return len(buffer.args[0].elts) if buffer is not None and isinstance(buffer.args[0], ast.Tuple) else 1


def _either(taken: Sequence[_Used], other: Sequence[_Used]) -> list[_Used]:
    """The uses of a branch: what both sides overwrite before all else is overwritten, otherwise it may be kept."""
    result: list[_Used] = []
    for region in dict.fromkeys(each for each, _ in (*taken, *other)):
        sides = [[direction for each, direction in side if each is region] for side in (taken, other)]
        if all(side and side[0] == "out" for side in sides):
            result.append((region, "out"))
        else:
            result.append((region, "in" if all(each == "in" for side in sides for each in side) else "inout"))
    return result


def _buffer(function: Function, name: str) -> ast.Call | None:
    """The call of `empty` that makes a local buffer."""
    for statement in function.body:
        for node in ast.walk(statement):
            match node:
                case ast.Assign(targets=[ast.Name(id=found)], value=ast.Call(func=ast.Name(id="empty")) as call) if (
                    found == name
                ):
                    return call
                case _:
                    pass
    return None


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def _only(index: ast.expr) -> ast.Slice:
    """The slice that holds one element."""
    if isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value < 0:
        return ast.Slice(index, ast.Constant(index.value + 1) if index.value < -1 else None)
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return ast.Slice(index, ast.Constant(index.value + 1))
    return ast.Slice(index, ast.BinOp(index, ast.Add(), ast.Constant(1)))


def _plain(iterator: ast.expr) -> ast.expr:
    """What a loop of a kernel goes over: `range` in place of `P`."""
    match iterator:
        case ast.Call(func=ast.Name("P") | ast.Attribute(ast.Name("P"), "seq"), args=[ast.Call() as inner]):
            return inner
        case ast.Call(func=ast.Name("P") | ast.Attribute(ast.Name("P"), "seq"), args=[size]):
            return ast.Call(load("range"), [size], [])
        case _:
            return iterator
