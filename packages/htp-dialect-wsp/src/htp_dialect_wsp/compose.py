"""The pass `wsp.compose`: every workload becomes one nest of plain loops, branches and calls of kernels.

Knows the words of the dialect; does not know which tasks may run at the same time.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Captured, OpUse
from htp.diagnostics import Refused
from htp.fresh_names import fresh
from htp.passes import Pass
from htp.program import origin_of
from htp.rewriting import with_origin
from htp.types import ScalarType
from htp_dialect_wsp.axis_forms import Coordinate, axis_made, coordinates, refuse_written_axes, root_of
from htp_dialect_wsp.capabilities import Nested
from htp_dialect_wsp.dense_sizes import before_loops, dense_axis, may_be_negative
from htp_dialect_wsp.directives.trees import assigned_names, load, names_in, store, substituted
from htp_dialect_wsp.outsiders import refuse_outsiders
from htp_dialect_wsp.scopes import Scope, Sizes
from htp_dialect_wsp.selections import Branches, bad_selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.program import Function, Program

__all__ = ["Compose"]


@dataclass(frozen=True)
class Compose(Pass):
    """Workloads become nests: workloads they call, axes, selections and names of regions are replaced by what they are.

    Nested form: directives first; every loop has one name, which no other loop has, and goes over `P(one)`,
    `P.seq(one)` or `range(…)`, where `one` is a `range` or an int; selections are `if … elif … else`; regions stand
    where they are passed, one subscript behind the other where a region of a region is taken; calls are of kernels.
    `P(ragged)` is a loop over rows and one over `tile.item(lengths[r])`; `P(sparse)` and `P.sel(sparse[r])` go over
    positions, whose index is assigned first. Ragged and sparse axes stay as assignments, since making one checks its
    data; so do dense ones whose size may be below 0, before the loops that the size does not depend on.
    `axis.start(r)` stays for ragged ones. `barrier()` stands between the parts of `sequential(…)`.
    """

    name = "wsp.compose"
    requires = (Captured(),)
    provides = (Nested(),)
    may_introduce = (OpUse("tile.item"),)

    def apply(self, program: Program) -> Program:
        """The program with every workload that is not called by another one in nested form.

        Raises:
            Refused: `wsp.*` for a loop, axis, selection or region that cannot be understood.
        """
        refuse_outsiders(program)
        workloads = {each.name: _Composer(program, each) for each in program.functions if each.kind == "workload"}
        nested = (workloads[each.name].function() if each.name in workloads else each for each in program.functions)
        return _reachable(replace(program, functions=tuple(nested)))


class _Composer:
    """Composes one workload; `taken` are all names that it uses, `loops` those of loops so far."""

    def __init__(self, program: Program, function: Function) -> None:
        self.main = function
        self.workloads = {each.name: each for each in program.functions if each.kind == "workload"}
        self.kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
        self.taken = {each.name for each in program.functions} | {name for name, _ in program.constants}
        self.taken |= {name for name, _ in program.slots} | {each.name for each in function.params}
        self.taken |= names_in(*function.body)
        self.loops: set[str] = set()
        self.aliases: set[str] = set()
        self.stored: Counter[str] = Counter()

    def function(self) -> Function:
        """The workload in nested form."""
        tensors = {each.name for each in self.main.params if not isinstance(each.type, ScalarType)}
        self._count(self.main.body)
        body = self.block(Branches().block(list(self.main.body)), Scope(self.main.params, tensors))
        refuse_written_axes(body, self.kernels)
        return replace(self.main, body=tuple(before_loops(body)))

    def _count(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self.stored[node.id] += 1

    # statements -----------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt], scope: Scope) -> list[ast.stmt]:
        """The statements in nested form."""
        return [with_origin(new, each) for each in statements for new in self._statement(each, scope)]

    def _statement(self, statement: ast.stmt, scope: Scope) -> list[ast.stmt]:
        match statement:
            case ast.Expr(ast.Call() as call):
                return self._called(call, statement, scope)
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values) and not (
                assigned_names(*targets) & names_in(*values)
            ):
                pairs = zip(targets, values, strict=True)
                singles = [with_origin(ast.Assign([one], value, lineno=0), statement) for one, value in pairs]
                return self.block(singles, scope)
            case ast.Assign([ast.Name(name)], value):
                return self._assigned(name, value, statement, scope)
            case ast.For():
                return self._loop(statement, scope)
            case ast.If(test, body, orelse):
                made = ast.If(
                    self._value(test, scope), self.block(body, scope.inner()), self.block(orelse, scope.inner())
                )
                return [made]
            case ast.While(test, body):
                return [ast.While(self._value(test, scope), self.block(body, scope.inner()), [])]
            case ast.With():
                raise bad_selection(statement)
            case ast.Assign([ast.Subscript() as target]) | ast.AugAssign(ast.Subscript() as target):
                raise Refused(
                    "wsp.store",
                    f"a workload stores into `{ast.unparse(target)}`",
                    span=origin_of(statement),
                    help="store in a kernel, and call it: only tasks write data",
                )
            case _:
                return [self._resolved(statement, scope)]

    def _called(self, call: ast.Call, statement: ast.Expr, scope: Scope) -> list[ast.stmt]:
        match call.func:
            case ast.Name("combine" | "sequential" as word):
                return self._parts(word, call, scope)
            case ast.Name(name) if name in self.workloads:
                return self._inlined(call, self.workloads[name], scope)
            case _:
                return [self._resolved(statement, scope)]

    def _parts(self, word: str, call: ast.Call, scope: Scope) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for each in call.args:
            known = {*self.workloads, *self.kernels, "combine", "sequential"}
            if not (isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in known):
                raise Refused(
                    "wsp.bad-part",
                    f"`{word}` is given `{ast.unparse(each)}`, which is no call of a workload or kernel",
                    span=origin_of(each) or origin_of(call),
                    help=f"write the calls themselves: `{word}(first(a, b), second(b, c))`",
                )
            if result and word == "sequential":
                result.append(with_origin(ast.Expr(ast.Call(load("barrier"), [], [])), call))
            result += self.block([with_origin(ast.Expr(each), each)], scope)
        return result

    def _assigned(self, name: str, value: ast.expr, statement: ast.stmt, scope: Scope) -> list[ast.stmt]:
        new = self._value(value, scope)
        if isinstance(new, ast.Name) and new.id in scope.axes:
            scope.axes[name] = scope.axes[new.id]
            return []
        if isinstance(new, ast.Call) and (axis := axis_made(new)) is not None:
            scope.axes[name] = axis
            return [ast.Assign([store(name)], new, lineno=0)]
        if root_of(new) in scope.tensors:
            self._alias(name, new, statement, scope)
            return []
        target = scope.names.get(name)
        final = target.id if isinstance(target, ast.Name) else name
        if isinstance(new, ast.Call) and isinstance(new.func, ast.Name) and new.func.id == "empty":
            scope.tensors.add(final)
        return [*self._made(value, scope), ast.Assign([store(final)], new, lineno=0)]

    def _alias(self, name: str, region: ast.expr, statement: ast.stmt, scope: Scope) -> None:
        """Takes note of a second name of a region, which stands in its place from here on."""
        moving = sorted(each for each in names_in(region) if self.stored[each] > 1 and each not in self.loops)
        if moving or name in scope.outer:
            why = f"`{moving[0]}` is assigned more than once" if moving else "it is another one outside of this block"
            raise Refused(
                "wsp.moving-region",
                f"which region `{name}` is cannot be told: {why}",
                span=origin_of(statement),
                help=f"write `{ast.unparse(region)}` where the region is passed",
            )
        self.aliases.add(name)
        scope.names[name] = region

    # loops ----------------------------------------------------------------------------------------------------------

    def _loop(self, statement: ast.For, scope: Scope) -> list[ast.stmt]:
        targets = list(statement.target.elts) if isinstance(statement.target, ast.Tuple) else [statement.target]
        word, arguments = _walked(statement)
        before: list[ast.stmt] = []
        found: list[Coordinate] = []
        for each in arguments:
            axis = self._axis(each, scope, before, hoist=bool(found))
            found += coordinates(axis, scope.axes, selected=word == "sel")
        named = [each for each in found if not each.hidden]
        if len(named) != len(targets):
            raise Refused(
                "wsp.coordinates",
                f"`{ast.unparse(statement.iter)}` has {_several(len(named), 'coordinate')}, and"
                f" {_several(len(targets), 'name')} for them",
                span=origin_of(statement),
                help="write one name for each coordinate: axes one after the other, a ragged axis has two, a sparse"
                " one three",
            )
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        inner = scope.inner()
        return [*before, *self._nest(statement, word, found, names, inner)]

    def _axis(self, argument: ast.expr, scope: Scope, before: list[ast.stmt], *, hoist: bool) -> ast.expr:
        """What an argument of a walk is, after the statements that make it."""
        axis = self._value(argument, scope)
        before += self._made(argument, scope)
        if isinstance(axis, ast.Call) and (form := axis_made(axis)) is not None:
            name = self._fresh("axis")
            before.append(ast.Assign([store(name)], axis, lineno=0))
            scope.axes[name] = form
            return load(name)
        if hoist and any(isinstance(each, ast.Attribute) and each.attr == "item" for each in ast.walk(axis)):
            name = self._fresh("size")
            before.append(ast.Assign([store(name)], axis, lineno=0))
            return load(name)
        return axis

    def _made(self, node: ast.expr, scope: Scope) -> list[ast.stmt]:
        """The statements that make the dense axes in an expression, since making one checks its size."""
        sizes = Sizes(scope)
        sizes.expression(node)
        unsure = [substituted(each, scope.names) for each in sizes.found if may_be_negative(each)]
        return [dense_axis(self._fresh("axis"), each) for each in unsure]

    def _nest(
        self, loop: ast.For, word: str, found: Sequence[Coordinate], names: list[str], scope: Scope
    ) -> list[ast.stmt]:
        """One loop for each coordinate, the last one innermost."""
        walked: list[ast.expr] = []
        levels: list[tuple[str, ast.expr, bool]] = []
        left = list(names)
        for each in found:
            wanted = f"{left[0]}_k" if each.hidden else left.pop(0)
            name = self._loop_name(wanted) if not each.bound else wanted
            scope.names.pop(wanted, None)
            if name != wanted:
                scope.names[wanted] = load(name)
            levels.append((name, each.over(walked), each.bound))
            walked.append(load(name))
        body: list[ast.stmt] = self.block(loop.body, scope)
        for name, over, bound in reversed(levels):
            if bound:
                body = [ast.Assign([store(name)], copy.deepcopy(over), lineno=0), *body]
                continue
            walk = over if word == "range" else ast.Call(_word(word), [copy.deepcopy(over)], [])
            made: ast.stmt = ast.For(store(name), walk, body, [], lineno=0)
            body = [with_origin(made, loop)]
        return body

    def _loop_name(self, wanted: str) -> str:
        name = wanted if wanted not in self.loops and wanted in self.taken else self._fresh(wanted)
        self.loops.add(name)
        self.taken.add(name)
        return name

    # workloads in workloads -------------------------------------------------------------------------------------------

    def _inlined(self, call: ast.Call, callee: Function, scope: Scope) -> list[ast.stmt]:
        names = [each.name for each in callee.params]
        given = dict(zip(names, call.args, strict=False)) | {each.arg or "": each.value for each in call.keywords}
        if len(call.args) > len(names) or set(given) != set(names):
            raise Refused(
                "type.bad-arguments", f"`{callee.name}` takes ({', '.join(names)})", span=origin_of(call),
                help="pass one argument for each parameter",
            )  # fmt: skip
        stored = assigned_names(*callee.body)
        inner = Scope(callee.params, scope.tensors)
        before: list[ast.stmt] = []
        for each in callee.params:
            value = self._value(given[each.name], scope)
            simple = isinstance(value, ast.Name | ast.Constant) and each.name not in stored
            if isinstance(each.type, ScalarType) and not simple:
                local = self._fresh(each.name)
                before.append(ast.Assign([store(local)], value, lineno=0))
                value = load(local)
            inner.names[each.name] = value
        renamed: dict[str, ast.expr] = {}
        for name in sorted(stored - set(names)):
            local = self._fresh(name)
            renamed[name] = load(local)
        body = [substituted(each, renamed) for each in Branches().block(list(callee.body))]
        self._count(body)
        return [*before, *self.block(body, inner)]

    # expressions ------------------------------------------------------------------------------------------------------

    def _value(self, node: ast.expr, scope: Scope) -> ast.expr:
        new = Sizes(scope).expression(node)
        hidden = sorted(names_in(new) & self.aliases - set(scope.names))
        if hidden:
            raise Refused(
                "wsp.moving-region",
                f"which region `{hidden[0]}` is cannot be told: it is named in a block that may not run",
                span=origin_of(node),
                help="write the region where it is passed",
            )
        return substituted(new, scope.names)

    def _resolved(self, statement: ast.stmt, scope: Scope) -> ast.stmt:
        """A statement without blocks, with names replaced."""
        changed = copy.copy(statement)
        for name, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr):
                setattr(changed, name, self._value(value, scope))
        return changed

    def _fresh(self, name: str) -> str:
        return fresh(name, self.taken)


def _walked(loop: ast.For) -> tuple[str, list[ast.expr]]:
    """The word that a loop goes over, and its axes."""
    match loop.iter:
        case ast.Call(func=ast.Name("P"), args=arguments, keywords=[]) if arguments:
            return "P", arguments
        case ast.Call(func=ast.Attribute(ast.Name("P"), "seq" | "sel" as word), args=given, keywords=[]) if given:
            return word, given
        case ast.Call(func=ast.Name("range")):
            return "range", [loop.iter]
        case other:
            raise Refused(
                "wsp.bad-loop",
                f"a workload cannot loop over `{ast.unparse(other)}`",
                span=origin_of(loop),
                help="write `P(…)`, `P.seq(…)`, `P.sel(…)` or `range(…)`",
            )


def _word(word: str) -> ast.expr:
    # What `P.sel` selects is assigned in the loop, which goes over positions as `P` does.
    return load("P") if word in ("P", "sel") else ast.Attribute(load("P"), word, ast.Load())


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _reachable(program: Program) -> Program:
    """The program without functions that nothing calls any more."""
    names = {each.name for each in program.functions}
    wanted, open_ = {program.entry}, [program.entry]
    while open_:
        called = names_in(*program.function(open_.pop()).body) & names
        open_ += sorted(called - wanted)
        wanted |= called
    return replace(program, functions=tuple(each for each in program.functions if each.name in wanted))
