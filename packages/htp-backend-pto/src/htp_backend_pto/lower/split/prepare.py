"""What is done to a function before it is divided: slices of loaded tiles become loads, sums leave the cube unit.

Knows statements in normal form; does not know kernels.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.fresh_names import numbered
from htp.infer.engine import infer
from htp.infer.values import Box, Index, Number, Region, Value
from htp.liveness import loads, writes
from htp.lowering.build import annotated, binary, expression, tuple_of
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.split.tree import Tree
from htp_backend_pto.lower.translate import box_text, spelled_symbols
from htp_backend_pto.lower.units import Units, accumulated, called, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.program import Function, Program

__all__ = ["forwarded", "prepared"]


def prepared(program: Program) -> Program:
    """The program with its entry ready to be divided."""
    program = program.replace(_with_elements(program.main))
    program = program.replace(_Hoisting(program, program.main).function())
    program = program.replace(forwarded(program, program.main))
    while (changed := _demoted(program)) is not None:
        program = changed
    return program


# numbers --------------------------------------------------------------------------------------------------------------


def _with_elements(function: Function) -> Function:
    """The function in which elements that are loaded only for the tests of branches are numbers from the beginning."""
    nodes = [node for each in function.body for node in ast.walk(each)]
    tests = [node for each in nodes if isinstance(each, ast.If | ast.While) for node in ast.walk(each.test)]
    loaded = Counter(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    taken = Counter(name for each in tests if (name := _taken(each)))
    names = {name for each in nodes if (name := _element(each)) and loaded[name] == taken[name] > 0}
    return replace(function, body=tuple(_Elements(frozenset(names)).statements(function.body))) if names else function


def _taken(node: ast.AST) -> str:
    """The name of the tile that a number is taken out of."""
    match node:
        case ast.Call(args=[ast.Name(id=name)]) if called(node) == "tile.item":
            return name
        case _:
            return ""


def _element(node: ast.AST) -> str:
    """The name that a statement gives to an element of an array."""
    match node:
        case ast.AnnAssign(
            target=ast.Name(id=name), annotation=ast.Subscript(value=ast.Name(id="Scalar")), value=ast.Subscript()
        ):
            return name
        case _:
            return ""


def _kind(node: ast.AnnAssign) -> str:
    """What a scalar that holds an element is."""
    dtype = ast.unparse(node.annotation.slice) if isinstance(node.annotation, ast.Subscript) else ""
    return "bool_" if dtype == "bool_" else "i64" if dtype.startswith(("i", "u")) else "f64"


class _Elements(Rewriter):
    """`t1: Scalar[f32] = a[i]` and `tile.item(t1)` become `t1: f64 = tile.item(a[i])` and `t1`."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:  # noqa: N802
        """A load, or a number."""
        if _element(node) not in self.names or node.value is None:
            return self.generic_visit(node)
        item = ast.Call(ast.Attribute(ast.Name("tile", ast.Load()), "item", ast.Load()), [node.value], [])
        return marked(stamp(annotated(_element(node), _kind(node), item), origin_of(node)), site_of(node))

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """A call, or the number."""
        return ast.Name(_taken(node), ast.Load()) if _taken(node) in self.names else self.generic_visit(node)


class _Hoisting:
    """Numbers that a tile is computed with are read before, in a statement of their own."""

    def __init__(self, program: Program, function: Function) -> None:
        self.source = function
        self.known = infer(program, function)
        self.taken = {name for each in walk(function.body) for name in (*loads(each), *writes(each))}

    def function(self) -> Function:
        return replace(self.source, body=tuple(changed(self.source.body, self.statement)))

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        value = statement.value if isinstance(statement, ast.AnnAssign | ast.Assign) else None
        inner = [each for each in ast.walk(value) if each is not value] if value is not None else []
        items = [each for each in inner if isinstance(each, ast.Call) and called(each) == "tile.item"]
        if not items:
            return [statement]
        names: dict[int, str] = {}
        result: list[ast.stmt] = []
        for each in items:
            names[id(each)] = name = numbered("item", self.taken)
            known = self.known.types.get(id(each))
            kind = "i64" if isinstance(known, Index) else "bool_" if known == Number("bool") else "f64"
            result.append(marked(stamp(annotated(name, kind, each), origin_of(statement)), site_of(statement)))
        (new,) = _Named(names).statements([statement])
        return [*result, marked(stamp(new, origin_of(statement)), site_of(statement))]


class _Named(Rewriter):
    """Calls by the names that their values have now."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """A call, or the name of its value."""
        name = self.names.get(id(node))
        return ast.Name(name, ast.Load()) if name is not None else self.generic_visit(node)


# loads ----------------------------------------------------------------------------------------------------------------


def forwarded(program: Program, function: Function) -> Function:
    """The function in which a slice of a tile that is itself a slice of an array is a slice of the array."""
    return _Forwarding(program, function).function()


class _Forwarding:
    """A slice of a tile that is itself a slice of an array is a slice of the array."""

    def __init__(self, program: Program, function: Function) -> None:
        self.source = function
        self.known = infer(program, function)
        self.units = Units(function, self.known)
        self.spelled = spelled_symbols(function.body, self.known)

    def function(self) -> Function:
        body = changed(self.source.body, self.statement)
        read = {name for each in walk(body) for name in loads(each)}
        return replace(self.source, body=tuple(_without(body, self.units, read)))

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.AnnAssign | ast.Assign) and called(statement.value) == "tile.item":
            return [self.item(statement)]
        if not isinstance(statement, ast.AnnAssign):
            return [statement]
        if not isinstance(statement.value, ast.Subscript):
            return [statement]
        region = self.region(statement.value)
        value = self.filled(statement.value)
        if region is not None and not isinstance(self.known.types.get(id(statement.value)), Region):
            value = box_text(region.root, self.outer(region.box), self.known.roots[region.root], store=False)
        if value is None:
            return [statement]
        new = ast.AnnAssign(statement.target, statement.annotation, value, 1)
        return [marked(stamp(new, origin_of(statement)), site_of(statement))]

    def filled(self, node: ast.Subscript) -> ast.expr | None:
        """A part of a tile that is full of one number: another such tile."""
        known = self.known.types.get(id(node))
        definitions = self.units.definitions[node.value.id] if isinstance(node.value, ast.Name) else []
        full = getattr(definitions[0], "value", None) if len(definitions) == 1 else None
        if not isinstance(full, ast.Call) or called(full) != "tile.full" or not isinstance(known, Value):
            return None
        dims = tuple_of([expression(self.named(each)) for each in known.dims])
        return ast.Call(full.func, [dims, *full.args[1:]], full.keywords)

    def named(self, value: Expr) -> Expr:
        """An integer in the names of variables."""
        return value.substitute({symbol: sym(name) for symbol, name in self.spelled.items()})

    def item(self, statement: ast.AnnAssign | ast.Assign) -> ast.stmt:
        """An element that is read from memory where the number is wanted, not loaded before."""
        call = statement.value
        source = call.args[0] if isinstance(call, ast.Call) else None
        definitions = self.units.definitions[source.id] if isinstance(source, ast.Name) else []
        definition = definitions[0] if len(definitions) == 1 else None
        if not isinstance(definition, ast.AnnAssign) or not self.units.anew(definition):
            return statement
        value = definition.value
        if not isinstance(self.known.types.get(id(value)), Region) or value is None:
            return statement
        read = ast.Call(ast.Attribute(ast.Name("tile", ast.Load()), "item", ast.Load()), [value], [])
        if isinstance(statement, ast.AnnAssign):
            new: ast.stmt = ast.AnnAssign(statement.target, statement.annotation, read, 1)
        else:
            new = ast.Assign(statement.targets, read, lineno=0)
        return marked(stamp(new, origin_of(statement)), site_of(statement))

    def region(self, node: ast.expr) -> Region | None:
        """The part of an array that an expression is, as long as nobody has changed it."""
        known = self.known.types.get(id(node))
        if isinstance(known, Region):
            return known if known.root in self.units.inputs or known.root not in self.units.stored else None
        if isinstance(node, ast.Name) and len(self.units.definitions[node.id]) == 1:
            definition = self.units.definitions[node.id][0]
            value = definition.value if isinstance(definition, ast.AnnAssign) else None
            return self.region(value) if isinstance(value, ast.Subscript) else None
        if isinstance(node, ast.Subscript) and isinstance(known, Value) and id(node) in self.known.slices:
            base = self.region(node.value)
            return _sliced(base, *self.known.slices[id(node)]) if base is not None else None
        return None

    def outer(self, box: Box) -> Box:
        names = {symbol: sym(name) for symbol, name in self.spelled.items()}
        return Box(
            tuple(each.substitute(names) for each in box.start), tuple(each.substitute(names) for each in box.extent),
            box.kept,
        )  # fmt: skip


def _sliced(
    base: Region, starts: Sequence[Expr], extents: Sequence[Expr], kept: Sequence[bool], dims: tuple[Expr, ...]
) -> Region | None:
    if len(dims) != sum(kept):
        return None  # a new axis, which no slice of the array has
    inner = iter(zip(starts, extents, kept, strict=True))
    start, extent, keep = list(base.box.start), list(base.box.extent), list(base.box.kept)
    for axis, old in enumerate(base.box.kept):
        if old:
            offset, length, keep[axis] = next(inner)
            start[axis], extent[axis] = start[axis] + offset, length
    return Region(base.dtype, dims, base.root, Box(tuple(start), tuple(extent), tuple(keep)))


def _without(body: Sequence[ast.stmt], units: Units, read: set[str]) -> list[ast.stmt]:
    """The statements without loads that nobody reads any more."""

    def kept(statement: ast.stmt) -> list[ast.stmt]:
        unread = units.anew(statement) and not writes(statement) & read
        return [] if unread else [statement]

    return changed(body, kept)


# sums -----------------------------------------------------------------------------------------------------------------


def _demoted(program: Program) -> Program | None:
    """The program with a product that is added on the vector unit, where its sum does not stay in the accumulator."""
    known = infer(program, program.main)
    tree = Tree(program, program.main, known)
    homes = {id(each): id(run) for run in tree.runs() for each in walk(run.statements)}
    taken = {name for each in walk(program.main.body) for name in (*loads(each), *writes(each))}
    for statement in walk(program.main.body):
        if not isinstance(statement, ast.AnnAssign) or called(statement.value) != "tile.dot":
            continue
        acc = accumulated(statement.value)
        if tree.units.adds_in_memory(statement):
            continue
        if isinstance(acc, ast.Name) and not _resident(statement, acc.id, tree, homes):
            return program.replace(_replaced(program.main, statement, _apart(statement, acc, taken)))
    return None


def _replaced(function: Function, old: ast.stmt, new: list[ast.stmt]) -> Function:
    body = changed(function.body, lambda each: new if each is old else [each])
    return replace(function, body=tuple(body))


def _resident(statement: ast.AnnAssign, acc: str, tree: Tree, homes: dict[int, int]) -> bool:
    """Whether the sum is in the accumulator already: every value of it comes from the same run of products."""
    if acc not in tree.units.accumulators:
        definitions = tree.units.definitions[acc]
        alone = len(definitions) == 1 and called(getattr(definitions[0], "value", None)) == "tile.dot"
        if not alone or len(tree.units.readers[acc]) != 1:
            return False
    elif not isinstance(statement.target, ast.Name) or statement.target.id != acc:
        return False
    home = homes.get(id(statement))
    return all(homes.get(id(each)) == home for each in tree.units.definitions[acc])


def _apart(statement: ast.AnnAssign, acc: ast.Name, taken: set[str]) -> list[ast.stmt]:
    """The product, and a sum of it on its own."""
    call = statement.value
    if not isinstance(call, ast.Call) or not isinstance(statement.target, ast.Name):
        return [statement]
    name = numbered("product", taken)
    keywords = [each for each in call.keywords if each.arg != "acc"]
    product = ast.Call(call.func, call.args, keywords)
    first = ast.AnnAssign(ast.Name(name, ast.Store()), statement.annotation, product, 1)
    second = ast.AnnAssign(statement.target, statement.annotation, binary(acc, ast.Add(), name), 1)
    return [marked(stamp(each, origin_of(statement)), site_of(statement)) for each in (first, second)]
