"""Normal form: one tile operation a statement, every local with its type, sizes in terms of the signature's names.

Knows how statements are taken apart; `operands.py` knows expressions.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Inlined, Normalized, OpUse, Typed
from htp.dims.expr import const, sym
from htp.infer.engine import infer
from htp.infer.values import End, Group, Index, Number, Region, Text, Value
from htp.lowering.build import annotated, asserted, assigned, call, expression, stored
from htp.lowering.passing import Passing
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.infer.values import Known
    from htp.program import Function, Program

WORDS = ("cast", "dot", "full", "maximum", "minimum", "reshape", "transpose", "where")
"""Operations that normal form spells out where the source has a conversion, a method, an option or a default."""


@dataclass(frozen=True)
class Normalize(Pass):
    """Brings kernels and routines into typed three-address form."""

    name = "normalize"
    requires = (Inlined(), Typed())
    provides = (Normalized(),)
    may_introduce = tuple(OpUse(f"tile.{each}") for each in WORDS)
    understands = tuple(DialectUse(each) for each in ("tile", "host", "tasks", "streams", "gangs"))

    def apply(self, program: Program) -> Program:
        """The program in normal form."""
        return program.replace(*(_Normalizer(program, each).function_in_normal_form() for each in program.functions))


class _Normalizer(Passing):
    def __init__(self, program: Program, function: Function) -> None:
        super().__init__(function, infer(program, function))
        self.mutable = {
            name for table in (self.known.entries, self.known.exits) for each in table.values() for name in each
        }
        self.kinds: dict[str, str] = {}

    def function_in_normal_form(self) -> Function:
        for param in self.source.params:
            self.taken.add(param.name)
        self.sizes()
        self.changing_params()
        self.block(self.source.body)
        return replace(self.source, body=tuple(self.out))

    def sizes(self) -> None:
        """`M, N = a.shape`: every size of the signature under its own name; `W = p.shape[0] - 1` where it is W + 1."""
        bound = {each.name for each in self.source.params if each.direction == "scalar"}
        places = [
            (size, ast.parse(f"{param.name}.shape[{axis}]", mode="eval").body)
            for param in self.source.params
            if param.type is not None and not isinstance(param.type, ScalarType) and not param.is_end
            for axis, size in enumerate(param.type.dims)
        ]
        plain = [each for each in places if each[0].symbols == frozenset([str(each[0])])]
        self.taken.update(str(size) for size, _ in plain)
        for size, shape in (*plain, *places):
            unknown = size.symbols - bound
            value = _solved(size, min(unknown), shape) if len(unknown) == 1 else None
            if value is not None:
                (name,) = unknown
                bound.add(name)
                new = assigned(name, value) if value is shape else annotated(name, "i64", value)
                self.emit(new, self.source.origin)

    def changing_params(self) -> None:
        """Scalar parameters that the body assigns to become variables of their own."""
        assigned_to = {
            node.id for each in self.source.body for node in ast.walk(each)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }  # fmt: skip
        for param in self.source.params:
            if isinstance(param.type, ScalarType) and param.name in assigned_to:
                self.variables[param.name] = self.fresh(param.name)
                kind = {"float": "f64", "bool": "bool_"}.get(param.type.dtype.kind, "i64")
                if kind != "i64" or param.name in self.mutable:
                    self.define_number(param.name, ast.Name(param.name, ast.Load()), kind)

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.place, self.facts = origin_of(statement), self.known.facts_at(statement)
            getattr(self, f"_do_{type(statement).__name__.lower()}")(statement)

    def nested(self, statements: Iterable[ast.stmt], entries: dict[str, str]) -> list[ast.stmt]:
        """The normal form of a compound statement's body."""
        outer, self.out = self.out, []
        identifiers = dict(self.identifiers)
        for name, symbol in entries.items():
            self.snapshot(name, symbol)
        self.block(statements)
        inner, self.out = self.out, outer
        self.identifiers = identifiers
        return inner

    def snapshot(self, name: str, symbol: str) -> None:
        """The value an integer variable has here, under a name of its own."""
        self.emit(annotated(self.named(symbol), "i64", expression(self.variable(name))))

    # statements -------------------------------------------------------------------------------------------------

    def _do_assign(self, node: ast.Assign) -> None:
        self.assign(node.targets[0], node.value)

    def _do_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, node.value)

    def _do_augassign(self, node: ast.AugAssign) -> None:
        # The engine typed the combined expression; it is rebuilt here and found again by its operands' types.
        combined = self.known.combined[id(node)]
        self.assign(node.target, combined)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Subscript):
            self.store(target, value)
        elif isinstance(target, ast.Tuple):
            self.unpack(target, value)
        elif isinstance(target, ast.Name):
            self.assign_name(target, value)

    def unpack(self, target: ast.Tuple, value: ast.expr) -> None:
        known = self.known.of(value)
        items = self.several(value)
        if not isinstance(known, Group):
            return
        names = {each.id for each in target.elts if isinstance(each, ast.Name)}
        items = [self.kept(each, what, names) for each, what in zip(items, known.items, strict=True)]
        parts = value.elts if isinstance(value, ast.Tuple) else [None] * len(items)
        # All the values are taken before the first name changes: `a, b = b, a` swaps.
        for name, item, what, part in zip(target.elts, items, known.items, parts, strict=True):
            if not isinstance(name, ast.Name):
                continue
            if part is not None and self.is_buffer(part):
                self.assign_name(name, part)
            elif isinstance(what, Value | Region) and item is not None:
                self.define(name.id, what.value if isinstance(what, Region) else what, item)
            elif isinstance(what, Index):
                self.define_integer(name.id, what)
            elif item is not None:
                self.define_number(
                    name.id, item, "f64" if isinstance(what, Number) and what.kind == "float" else "bool_"
                )

    def kept(self, item: ast.expr | None, what: Known, targets: set[str]) -> ast.expr | None:
        """The item under a temporary name when one of the targets is about to change it."""
        changing = {self.tiles.get(each, each) for each in targets} | {self.variable(each) for each in targets}
        if item is None or not any(isinstance(each, ast.Name) and each.id in changing for each in ast.walk(item)):
            return item
        annotation = (
            self.type_text(what.value if isinstance(what, Region) else what)
            if isinstance(what, Value | Region)
            else "f64"
        )
        name = self.fresh()
        self.emit(annotated(name, annotation, item))
        return ast.Name(name, ast.Load())

    def assign_name(self, target: ast.Name, value: ast.expr) -> None:
        known = self.known.of(value)
        if isinstance(known, End) and isinstance(value, ast.Call):
            self.emit(assigned(self.variable(target.id), self.declared_channel(value, target.id)))
        elif isinstance(known, Region) and target.id in self.known.received and isinstance(value, ast.Call):
            self.emit(assigned(self.variable(target.id), self.word(value)))
        elif isinstance(known, Region) and self.is_buffer(value):
            self.settle(value)
            dims = ast.Tuple([expression(self.size(each)) for each in known.dims], ast.Load())
            self.emit(assigned(self.variable(target.id), call("empty", dims, known.dtype.name)))
        elif isinstance(known, Value | Region):
            tile = known.value if isinstance(known, Region) else known
            self.define(target.id, tile, self.tile(value, wanted=self.tile_name(target.id, tile)))
        elif isinstance(known, Index):
            self.settle(value)
            self.define_integer(target.id, known)
        elif isinstance(known, Number):
            kind = "f64" if known.kind == "float" else "bool_"
            self.define_number(target.id, self.scalar(value), kind)

    def define(self, name: str, tile: Value, value: ast.expr) -> None:
        """Gives a tile the variable's name, unless it already has it."""
        wanted = self.tile_name(name, tile)
        if not (isinstance(value, ast.Name) and value.id == wanted):
            self.emit(annotated(wanted, self.type_text(tile), value))
        self.tiles[name] = wanted

    def define_integer(self, name: str, known: Index) -> None:
        """Integer variables vanish into size expressions, but for those that change in loops and branches."""
        if name in self.mutable:
            self.define_number(name, expression(self.size(known.value)), "i64")

    def define_number(self, name: str, value: ast.expr, annotation: str) -> None:
        """Assigns to a scalar variable; a variable that becomes another kind of number gets another name."""
        kind = self.kinds.setdefault(name, annotation)
        if kind != annotation or self.variable(name) in self.tiles.values():
            self.kinds[name] = annotation
            self.variables[name] = self.fresh(name)
        variable = self.variable(name)
        if variable in self.declared:
            self.emit(assigned(variable, value))
        else:
            self.declared.add(variable)
            self.emit(annotated(variable, annotation, value))

    def store(self, target: ast.Subscript, value: ast.expr) -> None:
        region = self.known.of(target)
        known = self.known.of(value)
        item = self.tile(value) if isinstance(known, Value | Region) else self.number(self.scalar(value), known)
        if isinstance(region, Region):
            self.settle(target)
            self.compare_sizes(target)
            self.emit(stored(self.region(region, store=True), item))

    def number(self, item: ast.expr, known: Known) -> ast.expr:
        """A number that is stored, under a name of its own where it is read from a tile."""
        if not any(isinstance(node, ast.Attribute) and node.attr == "item" for node in ast.walk(item)):
            return item
        name = self.fresh()
        kinds = {"float": "f64", "bool": "bool_"}
        self.emit(annotated(name, kinds.get(known.kind, "i64") if isinstance(known, Number) else "i64", item))
        return ast.Name(name, ast.Load())

    def _do_expr(self, node: ast.Expr) -> None:
        call_node = node.value
        if isinstance(call_node, ast.Call):
            effect = self.effect(call_node)
            for check in self.checks(call_node, effect):
                self.emit(ast.Expr(check))
            self.emit(ast.Expr(effect))
            if waited := self.borrowed(call_node):
                self.emit(ast.Expr(call("wait_for", *waited)))

    def _do_assert(self, node: ast.Assert) -> None:
        test, said = self.scalar(node.test), asserted(node)
        self.emit(ast.Assert(test, None if ast.unparse(test) in (said, "True") else ast.Constant(said)))

    def _do_for(self, node: ast.For) -> None:
        if not isinstance(node.iter, ast.Call) or not isinstance(node.target, ast.Name):
            return
        bounds = [self.scalar(each) for each in node.iter.args]
        variable = self.known.of(node.target)
        symbol = str(variable.value) if isinstance(variable, Index) else node.target.id
        name = self.named(symbol)
        outer_declared = set(self.declared)
        body = self.nested(node.body, self.known.entries.get(id(node), {}))
        if node.target.id in self.mutable:
            body.insert(0, stamp(assigned(self.variable(node.target.id), name), self.place))
        self.declared = outer_declared
        self.place = origin_of(node)
        self.emit(ast.For(ast.Name(name, ast.Store()), call("range", *bounds), body or [ast.Pass()], [], lineno=0))
        self.behind(node)

    def _do_while(self, node: ast.While) -> None:
        entries = self.known.entries.get(id(node), {})
        first, test = self.condition(node.test, entries)
        flag = self.fresh("more") if first else ""
        if first:
            # The condition needs statements: they run before the loop and again at the end of every turn.
            self.out += first
            self.emit(annotated(flag, "bool_", test))
            test = ast.Name(flag, ast.Load())
        outer_declared = set(self.declared)
        body = self.nested(node.body, entries)
        self.place = origin_of(node)
        if first:
            again, value = self.condition(node.test, entries)
            body += [*again, stamp(assigned(flag, value), self.place)]
        self.declared = outer_declared
        self.emit(ast.While(test, body or [ast.Pass()], []))
        self.behind(node)

    def _do_if(self, node: ast.If) -> None:
        test = self.scalar(node.test)
        self.declare_before(node)
        tiles, declared = dict(self.tiles), set(self.declared)
        body = self.nested(node.body, {})
        after_body, self.tiles, self.declared = self.tiles, dict(tiles), set(declared)
        orelse = self.nested(node.orelse, {})
        self.tiles.update({name: after_body[name] for name in after_body if name in self.tiles or name not in tiles})
        self.declared = declared
        self.place = origin_of(node)
        self.emit(ast.If(test, body or [ast.Pass()], orelse))
        self.behind(node)

    def declare_before(self, node: ast.If) -> None:
        """Declares the scalars that are first assigned in both branches."""
        for name in self.known.exits.get(id(node), {}):
            if self.variable(name) not in self.declared:
                self.define_number(name, ast.Constant(0), "i64")
        both = _numbers(node.body, self.known).items() & _numbers(node.orelse, self.known).items()
        for name, kind in sorted(both):
            if self.variable(name) not in self.declared:
                zero = ast.Constant(0.0 if kind == "float" else False)
                self.define_number(name, zero, "f64" if kind == "float" else "bool_")

    def behind(self, node: ast.stmt) -> None:
        """Names the values that integer variables have behind a compound statement."""
        for name, symbol in self.known.exits.get(id(node), {}).items():
            self.snapshot(name, symbol)

    def _do_pass(self, node: ast.Pass) -> None:
        return

    def is_buffer(self, node: ast.expr) -> bool:
        """Whether the expression makes a routine's buffer."""
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "empty"

    def several(self, node: ast.expr) -> list[ast.expr | None]:
        """The parts of a tuple-valued expression; None for integers, which are known, and buffers, made later."""
        if isinstance(node, ast.Tuple):
            result: list[ast.expr | None] = []
            for each in node.elts:
                known = self.known.of(each)
                if self.is_buffer(each):
                    result.append(None)
                elif isinstance(known, Value | Region):
                    result.append(self.tile(each))
                elif isinstance(known, Index):
                    self.settle(each)
                    result.append(None)
                else:
                    result.append(self.scalar(each))
            return result
        known = self.known.of(node)
        if isinstance(known, Group) and all(isinstance(each, Index | Text) for each in known.items):
            return [None] * len(known.items)
        return list(self.results(node))


def _numbers(statements: Iterable[ast.stmt], known: Inference) -> dict[str, str]:
    """Float and bool variables that statements assign to, with their kind at the end."""
    found: dict[str, str] = {}
    for node in (node for each in statements for node in ast.walk(each)):
        what = known.types.get(id(node))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and isinstance(what, Number):
            found[node.id] = what.kind
    return found


def _solved(size: Expr, name: str, shape: ast.expr) -> ast.expr | None:
    """What the symbol `name` is where `shape` is `size`; None unless `size` is linear in it."""
    rest = size.substitute({name: const(0)})
    slope = (size.substitute({name: const(1)}) - rest).constant
    if not slope or sym(name).scaled(slope) + rest != size:
        return None
    value = shape if rest.constant == 0 else ast.BinOp(shape, ast.Sub(), expression(rest))
    return value if slope == 1 else ast.BinOp(value, ast.FloorDiv(), expression(slope))
