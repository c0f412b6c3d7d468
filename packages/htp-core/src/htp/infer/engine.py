"""Inference by abstract execution: shapes, dtypes and effects of every expression of one function.

Knows statements, scopes and joins; `expressions.py` knows expressions, `operations.py` the operation table.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from htp.analyses import Analysis
from htp.diagnostics import Bug, Refused, Span
from htp.dims import Expr, Facts, const, sym
from htp.infer.binding import Binding
from htp.infer.intrinsics import refuse_foreign
from htp.infer.state import Inference
from htp.infer.streams import given_sizes
from htp.infer.values import Box, End, Group, Index, Known, Number, Region, Value, slot_symbol
from htp.program import CORE_KINDS, Function, origin_of
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.program import Program

Environment = dict[str, Known]
INFERRED = Analysis("inferred", lambda _: dict[Function, Inference]())
"""What was inferred of each function so far; a function is inferred when its types are first needed."""

NOTHING = Facts()
"""What is known before anything is; what is proved of larger sets is shared by all who know as much."""


def infer(program: Program, function: Function) -> Inference:
    """Types of every expression in `function`, whose helpers are already inlined.

    Raises:
        Refused: `type.*` at the first expression that does not fit.
    """
    if function.kind not in CORE_KINDS:
        refuse_foreign(function.kind, function.origin)
        raise Bug(f"`{function.name}` is of a kind that nobody knows: {function.kind}")
    known = program.analysis(INFERRED)
    if function not in known:
        engine = Engine(program, function)
        engine.block(function.body)
        engine.finish()
        engine.result.last = engine.facts
        known[function] = engine.result
    return known[function]


class Engine(Binding):
    """Walks a function's statements with an environment and the facts in force."""

    def __init__(self, program: Program, function: Function) -> None:
        self.program = program
        self.function = function
        self.result = Inference()
        self.environment: Environment = {}
        self.facts = NOTHING
        self.lost: dict[str, str] = {}
        self.loops: tuple[str, ...] = ()
        self.conditional = False
        stores = (node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name))
        self.assignments = Counter(node.id for node in stores if isinstance(node.ctx, ast.Store))
        self.fresh_names: Counter[str] = Counter()
        self.naming: tuple[int, str] | None = None
        self.found: dict[int, Known] = {}
        self.clip_symbols: dict[tuple[Expr, Expr], str] = {}
        self.clip_indices: dict[Expr, list[tuple[Expr, Expr]]] = {}
        self.items: dict[tuple[str, Box], str] = {}
        self.reserved = {each.name for each in function.params} | {name for name, _ in program.constants}
        self.reserved |= {each for name, _ in program.slots for each in (name, slot_symbol(name))}
        self.hands, self.among, self.given, self.buffers, self.sent = {}, {}, {}, {}, {}
        self.sizes_given = given_sizes(function)
        self._constants()
        self._params()

    def _constants(self) -> None:
        for name, value in self.program.constants:
            self.environment[name] = _constant_of(value)
        for name, slot in self.program.slots:
            self.environment[name] = self.scalar_of(slot.dtype, slot_symbol(name))

    def _params(self) -> None:
        for param in self.function.params:
            if param.type is None or isinstance(param.type, ScalarType):
                continue
            for size in param.type.dims:
                for name in sorted(size.symbols):
                    self.reserved.add(name)
                    if not param.is_end:
                        self.facts = self.facts.with_dim(name)
        for param in self.function.params:
            if param.is_end:
                self.environment[param.name] = self.end_of(param)
                continue
            if param.type is None:
                raise Bug(f"`{param.name}` of `{self.function.name}` has no type")
            if isinstance(param.type, ScalarType):
                self.environment[param.name] = self.scalar_of(param.type.dtype, param.name)
                continue
            dims = param.type.dims
            box = Box(tuple(const(0) for _ in dims), dims, tuple(True for _ in dims))
            self.environment[param.name] = Region(param.type.dtype, dims, param.name, box)
            self.result.roots[param.name] = dims
            for size in dims:
                if size.constant is None and not self.facts.nonnegative(size):
                    self.facts = self.facts.with_nonnegative(size)

    # statements -------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt]) -> None:
        """Infers statements in order."""
        self.hands = {}
        for statement in statements:
            self.result.facts[id(statement)] = self.facts
            self.found, self.items = {}, {}
            self.result.keep.append(statement)
            try:
                getattr(self, f"_do_{type(statement).__name__.lower()}")(statement)
            except Refused as refusal:
                raise refusal.at(origin_of(statement)) from None
            if isinstance(statement, ast.If | ast.While | ast.For):
                self.hands = {}

    def _do_assign(self, node: ast.Assign) -> None:
        self._assign(node.targets[0], node.value)

    def _do_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        self.naming = (id(value), target.id) if isinstance(target, ast.Name) else None
        self.bind(target, self.expression(value), value)

    def _do_augassign(self, node: ast.AugAssign) -> None:
        target = node.target
        read = ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target
        combined = ast.BinOp(read, node.op, node.value)
        for each in (read, combined):
            if origin_of(each) is None:
                each.origin = origin_of(node)  # type: ignore[attr-defined]
        self.result.combined[id(node)] = combined
        self.bind(target, self.expression(combined))

    def _do_pass(self, node: ast.Pass) -> None:
        return

    def _do_expr(self, node: ast.Expr) -> None:
        self.expression(node.value)

    def _do_return(self, node: ast.Return) -> None:
        self.result.result = self.expression(node.value) if node.value is not None else None

    def _do_assert(self, node: ast.Assert) -> None:
        known = self.expression(node.test)
        if not isinstance(known, Number) or known.kind != "bool":
            raise self.refused(
                node.test,
                "type.bad-condition",
                "an assertion needs a condition on sizes or scalars",
                "compare sizes: `assert x.shape[0] % 64 == 0`",
            )
        if known.constant is False:
            raise self.refused(
                node,
                "type.false-assertion",
                f"`{ast.unparse(node.test)}` is false for every input",
                "mend the condition",
            )
        self.facts = self.assume(node.test, self.facts)

    def _do_if(self, node: ast.If) -> None:
        self._condition(node.test)
        before, facts, conditional = dict(self.environment), self.facts, self.conditional
        self.conditional = True
        self.branching = True
        within, without = self.assume(node.test, facts), self.assume(node.test, facts, holds=False)
        self.branching, self.facts = False, within
        self.block(node.body)
        after_body = self._as_before(before)
        self.environment, self.facts = dict(before), without
        self.block(node.orelse)
        after_else, self.facts, self.conditional = self._as_before(before), facts, conditional
        self.environment = self._join(before, after_body, after_else, node)

    def _do_while(self, node: ast.While) -> None:
        before = self._enter_loop(node)
        self._condition(node.test)
        facts, loops, conditional = self.facts, self.loops, self.conditional
        self.conditional, self.loops = True, (*loops, "while")
        self.facts = self.assume(node.test, facts)
        self.block(node.body)
        self._leave_loop(node, before)
        self.facts, self.loops, self.conditional = facts, loops, conditional

    def _do_for(self, node: ast.For) -> None:
        ranges, variables = self._headers(node)
        facts, loops, conditional = self.facts, self.loops, self.conditional
        bounds = [self._range(each) for each in ranges]
        before = self._enter_loop(node)
        for variable, (start, stop, step) in zip(variables, bounds, strict=True):
            symbol = sym(self.fresh(variable.id))
            runs = step > 0 and self.facts.nonnegative(stop - start - 1)
            self.conditional = self.conditional or not runs
            self.facts = self._loop_facts(symbol, start, stop, step)
            self.environment[variable.id] = Index(symbol)
            self.result.types[id(variable)] = Index(symbol)
            self.loops += (str(symbol),)
        self.block(node.body)
        self._leave_loop(node, before)
        self.facts, self.loops, self.conditional = facts, loops, conditional

    def _headers(self, node: ast.For) -> tuple[list[ast.Call], list[ast.Name]]:
        """The ranges of a loop and the names they give; `parallel` has one or several."""
        iterator = node.iter
        calls = list(iterator.args) if _calls(iterator, "parallel") and isinstance(iterator, ast.Call) else [iterator]
        names = list(node.target.elts) if isinstance(node.target, ast.Tuple) else [node.target]
        ranges = [each for each in calls if isinstance(each, ast.Call) and _calls(each, "range")]
        variables = [each for each in names if isinstance(each, ast.Name)]
        self.refuse_words(iterator)
        if len(ranges) != len(calls) or len(variables) != len(ranges):
            raise self.refused(
                node, "type.bad-loop", "this loop form belongs to lowered stages", "write `for i in range(…):`"
            )
        return ranges, variables

    def _do_with(self, node: ast.With) -> None:
        for each in node.items:
            self.refuse_words(each.context_expr)
        raise Bug("a `with` that belongs to no dialect")

    def _range(self, call: ast.Call) -> tuple[Expr, Expr, int]:
        bounds = [self.index(each) for each in call.args]
        if not 1 <= len(bounds) <= 3 or call.keywords:
            raise self.refused(
                call, "type.bad-loop", "range takes one to three integers", "write `range(start, stop, step)`"
            )
        start, stop = (const(0), bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        step = bounds[2].constant if len(bounds) == 3 else 1
        if step is None or step == 0:
            raise self.refused(
                call.args[2], "type.bad-loop", "the step of a range is a non-zero constant", "use a literal step"
            )
        return start, stop, step

    def _loop_facts(self, symbol: Expr, start: Expr, stop: Expr, step: int) -> Facts:
        (name,) = symbol.symbols
        if step > 0:
            return self.facts.with_range(name, start, stop, step)
        return self.facts.with_nonnegative(start - symbol).with_nonnegative(symbol - stop - 1)

    def _enter_loop(self, node: ast.For | ast.While) -> Environment:
        """Forgets what the body changes: integers get a new unknown value, constants of floats are dropped."""
        before = dict(self.environment)
        entries = self.result.entries.setdefault(id(node), {})
        for name in _assigned(node.body):
            known = self.environment.get(name)
            if isinstance(known, Index):
                entries[name] = self.fresh(name)
                self.environment[name] = Index(sym(entries[name]))
            elif isinstance(known, Number):
                self.environment[name] = Number(known.kind)
        return before

    def _leave_loop(self, node: ast.For | ast.While, before: Environment) -> None:
        after, self.environment = self.environment, before
        targets = (
            {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
            if isinstance(node, ast.For)
            else set[str]()
        )
        self.keeps_buffers(node, before, after)
        self.keeps_ends(before, after)
        for name in sorted({*_assigned(node.body), *targets}):
            old, new = before.get(name), after.get(name)
            if old is None:
                self.lost[name] = f"`{name}` is assigned only inside the loop, which may not run"
                continue
            if isinstance(old, Index) and isinstance(new, Index):
                before[name] = self._behind(node, name)
            elif new is not None and not self._fits(old, new):
                span = _assignment_span(node.body, name)
                raise Refused(
                    "type.loop-carried",
                    f"`{name}` changes its type in the loop: {old} before, {new} after one turn",
                    span=span or origin_of(node),
                    help=f"start with `{name} = {old.value}.0`"
                    if isinstance(old, Index) and old.value.constant is not None
                    else f"give `{name}` the same shape and dtype before the loop",
                )
            elif isinstance(old, Number):
                before[name] = Number(old.kind)

    def _as_before(self, before: Environment) -> Environment:
        """The environment at the end of a branch, with sizes spelled as before it where the branch's facts say so."""
        return {
            name: old
            if (old := before.get(name)) is not None and isinstance(known, Value) and self._fits(old, known)
            else known
            for name, known in self.environment.items()
        }

    def _join(self, before: Environment, body: Environment, other: Environment, node: ast.If) -> Environment:
        joined: Environment = {}
        for name in {**body, **other}:
            one, two = body.get(name), other.get(name)
            if one is None or two is None:
                if name not in before:  # else it was sent in one branch, which `lost` tells already
                    self.lost[name] = f"`{name}` is assigned in only one branch of the `if`"
            elif one == two:
                joined[name] = one
            elif isinstance(one, Index) and isinstance(two, Index):
                joined[name] = self._behind(node, name)
            elif isinstance(one, Number) and isinstance(two, Number) and one.kind == two.kind:
                joined[name] = Number(one.kind)
            elif isinstance(one, End) and isinstance(two, End) and (left := self.in_both(one, two)) is not None:
                joined[name] = left
            elif self._fits(one, two):
                joined[name] = one.value if isinstance(one, Region) else one
            elif name in before:
                place = next((found for found in ast.walk(node) if _stores(found, name)), node)
                raise self.refused(
                    place,
                    "type.branches-differ",
                    f"`{name}` is {one} in one branch and {two} in the other",
                    f"give `{name}` one shape and dtype in both branches",
                )
            else:
                self.lost[name] = f"`{name}` is {one} in one branch and {two} in the other"
        return joined

    def _behind(self, node: ast.stmt, name: str) -> Index:
        symbol = self.fresh(name)
        self.result.exits.setdefault(id(node), {})[name] = symbol
        return Index(sym(symbol))

    def _fits(self, old: Known, new: Known) -> bool:
        if isinstance(old, Value | Region) and isinstance(new, Value | Region):
            alike = old.dtype is new.dtype and len(old.dims) == len(new.dims)
            return alike and all(self.facts.equal(a, b) is True for a, b in zip(old.dims, new.dims, strict=True))
        if isinstance(old, Number) and isinstance(new, Number):
            return old.kind == new.kind
        return (type(old) is type(new) and not isinstance(old, Group | End)) or old == new

    def _condition(self, node: ast.expr) -> None:
        known = self.expression(node)
        if isinstance(known, Value | Region):
            raise self.refused(
                node,
                "type.bad-condition",
                f"a condition needs a scalar, not {known}",
                _element_help(node),
            )
        if not isinstance(known, Number | Index):
            raise self.refused(
                node, "type.bad-condition", f"a condition needs a scalar, not {known}", "compare numbers"
            )


def _element_help(node: ast.expr) -> str:
    """What to write for a condition on tiles: for a comparison of an element, that comparison."""
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Subscript) and not _has_slice(node.left):
        right = ast.unparse(node)[len(ast.unparse(node.left)) :]
        return f"take the number out of its array: `tile.item({ast.unparse(node.left)}){right}`"
    return "use `tile.where` for elements, or `tile.item(t)` for one element"


def _has_slice(node: ast.Subscript) -> bool:
    return any(isinstance(each, ast.Slice) for each in ast.walk(node.slice))


def _constant_of(value: float) -> Known:
    if isinstance(value, bool):
        return Number("bool", value)
    return Index(const(value)) if isinstance(value, int) else Number("float", value)


def _calls(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _assigned(body: Iterable[ast.stmt]) -> list[str]:
    names = {
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return sorted(names)


def _assignment_span(body: Iterable[ast.stmt], name: str) -> Span | None:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                return origin_of(node)
    return None
