"""Expressions and conditions of a process in process form.

Knows what may be received where; `receiving` knows how. What a condition says of received values is kept for the
statements behind it.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, cast

from htp.diagnostics import Bug
from htp_dialect_csp.lower.ends import EOS, NONE, TOKEN, Chosen, End, Lost, Picked, Seen, meaning_of
from htp_dialect_csp.lower.receiving import IN_ADVANCE, Receiving, lost
from htp_dialect_csp.lower.trees import assign, call, load, not_compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_dialect_csp.lower.ends import Meaning, Scope

__all__ = ["Expressions", "Narrow", "negated"]

GIVEN = "assign what it gives in a statement of its own, before this one"
Narrow: TypeAlias = "dict[str, frozenset[str]]"
"""What can still have been received, by variable."""


class Expressions(Receiving):
    """Writes expressions; what has to run before one goes to `before`."""

    def selected(self, value: ast.expr) -> bool:
        """Whether an expression is what a select gave."""
        known = self.scope.get(value.id) if isinstance(value, ast.Name) else None
        is_call = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "select"
        return is_call or (isinstance(known, Seen) and known.form == "advance_any")

    def unpacked(self, end: str, token: str, value: ast.expr) -> list[ast.stmt]:
        """`end, token = found`."""
        seen = self.seen(value)
        if seen is None:
            raise Bug(f"not a selection: `{ast.unparse(value)}`")
        if not seen.certain:
            self.before.append(self._checked(seen, value))
        if any(self.hands.get(each.name) != seen.name for each in seen.ends):
            self.value(replace(seen, bound=False), value)
        self.scope[end], self.scope[token] = Picked(seen.ends, seen.which), None
        return self.token(seen, token) if token in self.used else []

    # conditions -------------------------------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> tuple[ast.expr, Narrow, Narrow]:
        """A condition, and what it says of received values where it holds and where it does not."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                test, holds, fails = self.condition(operand)
                return negated(test), fails, holds
            case ast.BoolOp(op=operator, values=[first, *rest]):
                return self.junction(operator, first, rest)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Name(id=what)]) if (
                what in (EOS, NONE)
            ):
                test, holds, fails = self.signalled(left, what)
                return (test, holds, fails) if isinstance(operator, ast.Is) else (negated(test), fails, holds)
            case _:
                return self.expression(node), {}, {}

    def junction(
        self, operator: ast.boolop, first: ast.expr, rest: Sequence[ast.expr]
    ) -> tuple[ast.expr, Narrow, Narrow]:
        """`and` or `or`, whose later parts are evaluated under what the earlier ones say."""
        both = isinstance(operator, ast.And)
        test, holds, fails = self.condition(first)
        tests, known = [test], dict(holds if both else fails)
        for each in rest:
            scope: Scope = dict(self.scope)
            for name, possible in known.items():
                seen = self.scope.get(name)
                if isinstance(seen, Seen):
                    self.scope[name] = replace(seen, possible=seen.possible & possible)
            asked = len(self.before)
            test, holds, fails = self.condition(each)
            if len(self.before) > asked:
                raise not_compiled(each, "a receive that depends on a condition beside it", IN_ADVANCE)
            self.scope.update((name, scope[name]) for name in known if name in scope)
            tests.append(test)
            known |= holds if both else fails
        made = ast.BoolOp(operator, tests)
        return (made, known, {}) if both else (made, {}, known)

    def signalled(self, left: ast.expr, what: str) -> tuple[ast.expr, Narrow, Narrow]:
        """Whether something received is `EOS` or `NONE`."""
        inline = self.inline(left)
        if inline is not None and what == EOS:
            seen, test = inline
        else:
            found = self.seen(left)
            if found is None:
                raise not_compiled(
                    left, f"a comparison of `{ast.unparse(left)}` with {what}", "compare what was received"
                )
            if not found.state and what in found.possible and len(found.possible) > 1:
                raise not_compiled(left, f"a second look at `{found.name}`", IN_ADVANCE)
            seen, test = found, found.is_signal(what)
        return test, {seen.name: frozenset({what})}, {seen.name: seen.possible - {what}}

    def inline(self, node: ast.expr) -> tuple[Seen, ast.expr] | None:
        """A blocking receive that is asked for the end of the stream just here, as a condition of its own."""
        match node:
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if self.tests[name] == 1:
                found = self.receive(value)
            case ast.Call():
                name, found = "", self.receive(node)
            case _:
                return None
        if found is None:
            return None
        form, ends = found
        if form != "advance" or isinstance(ends, Chosen):
            return None
        name = name or self.unnamed("received")
        seen = Seen(name, form, ends, "", "", frozenset({TOKEN, EOS}))
        self.scope[name] = seen
        self.hands.update({each.name: name for each in ends})
        return seen, negated(call(form, load(ends[0].name)))

    # expressions ------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> ast.expr:
        """An expression in process form."""
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                return self.name(node, name)
            case ast.Call():
                return self.call(node)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                if self.seen(node) is None and self.receive(value) is None:
                    self.before.append(assign(name, self.expression(value)))
                    self.scope[name] = None
                return self.expression(load(name))
            case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                return self.identity(node)
            case ast.BoolOp():
                return self.condition(node)[0]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return ast.IfExp(self.expression(test), self.here(body), self.here(orelse))
            case ast.Subscript(value=ast.Name() as base, slice=ast.Constant(value=1)) if self.selected(base):
                return self.picked_token(base)
            case _:
                return self.children(node)

    def children(self, node: ast.expr) -> ast.expr:
        """A node with what is under it in process form."""
        new = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(new, name, self.expression(value))
            elif isinstance(value, list):
                setattr(new, name, [self.child(each) for each in cast("list[object]", value)])
        return new

    def child(self, item: object) -> object:
        """What a list in a node holds, in process form."""
        if isinstance(item, ast.keyword):
            return ast.keyword(item.arg, self.expression(item.value))
        return self.expression(item) if isinstance(item, ast.expr) else item

    def here(self, node: ast.expr) -> ast.expr:
        """An expression that may not be evaluated, which therefore receives nothing."""
        asked = len(self.before)
        new = self.expression(node)
        if len(self.before) > asked:
            raise not_compiled(node, "a receive in a conditional expression", IN_ADVANCE)
        return new

    def name(self, node: ast.Name, name: str) -> ast.expr:
        """What a name stands for, as a value."""
        known = self.scope.get(name)
        if isinstance(known, ast.Constant):
            return ast.Constant(known.value)
        if isinstance(known, Seen):
            return self.value(known, node)
        if isinstance(known, Lost):
            raise lost(node)
        if known is not None:
            raise not_compiled(node, f"the channel `{name}` as a value", "send, receive, or pass it to a process")
        if name in (EOS, NONE):
            raise not_compiled(node, f"{name} as a value", f"compare what was received: `x is {name}`")
        return node

    def call(self, node: ast.Call) -> ast.expr:
        """A call: an operation of an end, a word of the dialect, or any other."""
        if (found := self.receive(node)) is not None:
            if found[0] != "advance":
                raise not_compiled(node, f"`{ast.unparse(node)}` in an expression", IN_ADVANCE)
            name = self.unnamed("received")
            self.used |= {name}
            self.received(name, *found, node)
            return load(name)
        match node.func:
            case ast.Attribute(value=base, attr=method) if isinstance(
                end := meaning_of(base, self.scope), End | Chosen | Picked
            ):
                if not isinstance(end, End):
                    raise not_compiled(node, f"`{ast.unparse(node)}` in an expression", GIVEN)
                if method not in ("send", "try_send", "close", "full"):
                    raise not_compiled(node, f"`.{method}` of a channel", "send, receive, close, peek or full")
                return call(method, load(end.name), *(self.expression(each) for each in node.args))
            case ast.Name(id="len") if len(node.args) == 1:
                several = meaning_of(node.args[0], self.scope)
                if isinstance(several, End):
                    return call("occupancy", load(several.name))
                if isinstance(several, tuple):
                    return ast.Constant(len(several))
            case ast.Name(id="stop"):
                return call("stop_process")
            case ast.Name(id=("broadcast" | "replicate") as word):
                raise not_compiled(node, f"`{word}` in a process", "declare it in the network, or use `spawn`")
            case ast.Name(id="spawn"):
                raise not_compiled(node, "`spawn` in an expression", "write it in a statement of its own")
            case ast.Subscript(value=ast.Name(id="Channel")) | ast.Attribute(
                value=ast.Subscript(value=ast.Name(id="Channel"))
            ):
                raise not_compiled(node, "a channel without a name", "assign it to a variable first")
            case _:
                pass
        return self.children(node)

    def identity(self, node: ast.Compare) -> ast.expr:
        """`x is EOS`, or whether the end that a select gave is a certain one."""
        right = node.comparators[0]
        if isinstance(right, ast.Name) and right.id in (EOS, NONE):
            return self.condition(node)[0]
        one, two = self.end(node.left), self.end(right)
        if isinstance(two, Picked):
            one, two = two, one
        if isinstance(one, Picked) and isinstance(two, End):
            at = one.ends.index(two) if two in one.ends else -1
            test: ast.expr = ast.Compare(load(one.state), [ast.Eq()], [ast.Constant(at)])
        elif isinstance(one, End) and isinstance(two, End):
            test = ast.Constant(one == two)
        else:
            raise not_compiled(
                node, f"`{ast.unparse(node)}`", "compare values with ==; `is` is for EOS, NONE and channels"
            )
        return test if isinstance(node.ops[0], ast.Is) else negated(test)

    def end(self, node: ast.expr) -> Meaning:
        """The end that an expression is, that of a select included."""
        match node:
            case ast.Subscript(value=ast.Name(id=name) as base, slice=ast.Constant(value=0)) if self.selected(base):
                seen = self.scope.get(name)
                return Picked(seen.ends, seen.which) if isinstance(seen, Seen) else None
            case _:
                return meaning_of(node, self.scope)

    def picked_token(self, base: ast.Name) -> ast.expr:
        """`found[1]`."""
        name = self.variable(base.id, "token")
        self.used |= {name}
        self.before += self.unpacked(self.variable(base.id, "end"), name, base)
        return load(name)


def negated(test: ast.expr) -> ast.expr:
    """Where a condition does not hold."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Constant(value=bool(value)):
            return ast.Constant(not value)
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return ast.Compare(left, [ast.NotEq()], [right])
        case ast.Compare(left=left, ops=[ast.Lt()], comparators=[right]):
            return ast.Compare(left, [ast.GtE()], [right])
        case _:
            return ast.UnaryOp(ast.Not(), test)
