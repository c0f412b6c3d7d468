"""The body of a process in process form.

Knows statements; `expressions` knows what stands in them. Every statement is built anew, so that the same one may be
written several times.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from htp_dialect_csp.lower.ends import Chosen, End, Picked, Seen, joined, meaning_of, number_of
from htp_dialect_csp.lower.receiving import by_number
from htp_dialect_csp.lower.starting import Starting, makes
from htp_dialect_csp.lower.trees import assign, assigned, call, effect, load, not_compiled, placed, used, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from htp.program import Function
    from htp_dialect_csp.lower.ends import Meaning, Scope
    from htp_dialect_csp.lower.expressions import Narrow
    from htp_dialect_csp.lower.starting import Starts

__all__ = ["process_body"]

UNROLLED = 64
"""Turns of a loop over channels at most."""


def process_body(
    process: Function, ends: Mapping[str, Meaning], taken: Iterable[str], starts: Starts
) -> tuple[ast.stmt, ...]:
    """The statements of a process whose parameters are ends as `ends` says; `taken` are names not to be used.

    Raises:
        Refused: `csp.not-compiled`.
    """
    return tuple(_Process(process, dict(ends), {*taken, *words_of(process.body)}, starts).block(process.body))


class _Process(Starting):
    """Writes the statements of one process."""

    # statements -------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """Statements in process form."""
        return [new for each in statements for new in self.lowered(each)]

    def lowered(self, statement: ast.stmt) -> list[ast.stmt]:
        outer, self.before = self.before, []
        found = self.statement(statement)
        made, self.before = [*self.before, *found], outer
        return placed(made, statement)

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.For():
                return self.loop(statement)
            case ast.While():
                return self.repetition(statement)
            case ast.If():
                return self.branch(statement)
            case ast.Assign(targets=[target], value=value) if (made := makes(value)) is not None:
                return self.channels(target, made)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self.assignment(name, value, statement)
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=end), ast.Name(id=token)])], value=value) if (
                self.selected(value)
            ):
                return self.unpacked(end, token, value)
            case ast.Expr(value=ast.Call(func=ast.Name(id="spawn")) as value):
                return self.spawn(value)
            case ast.Expr(value=ast.Call() as value):
                return self.effect(value)
            case _:
                new = self.rebuilt(statement)
                self.forget((statement,))
                return [new]

    def assignment(self, name: str, value: ast.expr, statement: ast.stmt) -> list[ast.stmt]:
        if (found := self.receive(value)) is not None:
            self.received(name, *found, value)
            return []
        meaning = meaning_of(value, self.scope)
        if isinstance(meaning, End | Chosen | Picked) or (isinstance(meaning, tuple) and any(meaning)):
            self.scope[name] = meaning
            return []
        made = self.chosen(value, name)
        new = made if made is not None else self.rebuilt(statement)
        self.scope[name] = None
        return [new]

    def effect(self, node: ast.Call) -> list[ast.stmt]:
        """A call for its effect."""
        if (found := self.receive(node)) is not None:
            self.received(self.unnamed("received"), *found, node)
            return []
        made = self.chosen(node)
        return [made if made is not None else effect(self.expression(node))]

    def chosen(self, node: ast.expr, name: str = "") -> ast.stmt | None:
        """An operation of an end that is chosen when the process runs, whose result is called `name`."""
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr=("send" | "close" | "try_send" | "full") as method)):
                end = meaning_of(base, self.scope)
            case _:
                return None
        if not isinstance(end, Chosen | Picked):
            return None
        arguments = [self.expression(each) for each in node.args]
        which = end.state if isinstance(end, Picked) else self.position(end.index)
        words = [call(method, load(each.name), *copy.deepcopy(arguments)) for each in end.ends]
        return by_number(which, [[assign(name, each) if name else effect(each)] for each in words])

    def position(self, node: ast.expr) -> str:
        """A variable that holds an integer expression."""
        if isinstance(node, ast.Name) and self.scope.get(node.id) is None:
            return node.id
        name = self.unnamed("at")
        self.before.append(assign(name, self.expression(node)))
        return name

    def rebuilt(self, statement: ast.stmt) -> ast.stmt:
        """A statement with its expressions in process form."""
        new = copy.copy(statement)
        for name, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr) and name != "annotation":
                setattr(new, name, self.expression(value))
            elif isinstance(value, list):
                items = cast("list[object]", value)
                setattr(new, name, [self.expression(each) if isinstance(each, ast.expr) else each for each in items])
        return new

    def forget(self, nodes: Iterable[ast.AST]) -> None:
        self.scope.update(dict.fromkeys(assigned(nodes)))

    # loops and branches -----------------------------------------------------------------------------------------

    def branch(self, branch: ast.If) -> list[ast.stmt]:
        test, holds, fails = self.condition(branch.test)
        if isinstance(test, ast.Constant):
            taken, narrow = (branch.body, holds) if test.value else (branch.orelse, fails)
            return [*self.narrowed(narrow, taken), *self.block(taken)]
        scope, hands = dict(self.scope), dict(self.hands)
        body = [*self.narrowed(holds, branch.body), *self.block(branch.body)]
        first = self.scope, self.hands
        self.scope, self.hands = scope, hands
        orelse = [*self.narrowed(fails, branch.orelse), *self.block(branch.orelse)]
        self.meet(*first)
        if not body and not orelse:
            return []
        return [ast.If(test, body, orelse)] if body else [ast.If(ast.UnaryOp(ast.Not(), test), orelse, [])]

    def narrowed(self, narrow: Narrow, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Applies what a condition says of received values; tokens that the body uses are looked at first."""
        outer, self.before = self.before, []
        names = used(body)
        for name, possible in narrow.items():
            known = self.scope.get(name)
            if isinstance(known, Seen):
                self.scope[name] = known = replace(known, possible=known.possible & possible)
                if known.certain and known.form != "advance_any" and name in names:
                    self.value(known, body[0])
        made, self.before = self.before, outer
        return made

    def meet(self, scope: Scope, hands: Mapping[str, str]) -> None:
        """Goes on where the way that has come here meets another one."""
        self.scope = joined(self.scope, scope)
        names = {*self.hands, *hands}
        self.hands = {each: self.hands[each] for each in names if self.hands.get(each) == hands.get(each)}

    def turns(self, turn: Callable[[], list[ast.stmt]]) -> list[ast.stmt]:
        """The statements of one turn of a loop, which holds for every turn."""
        number = self.number
        while True:
            self.number = number
            scope, hands = dict(self.scope), dict(self.hands)
            made = turn()
            self.meet(scope, hands)
            if self.scope == scope and self.hands == hands:
                return made

    def repetition(self, loop: ast.While) -> list[ast.stmt]:
        tests: list[ast.expr] = []

        def turn() -> list[ast.stmt]:
            outer, self.before = self.before, []
            test, holds, fails = self.condition(loop.test)
            asked, self.before = self.before, outer
            scope, hands = dict(self.scope), dict(self.hands)
            body = [*self.narrowed(holds, loop.body), *self.block(loop.body)]
            tests[:] = [test]
            heads[:] = asked
            left[:] = [(scope, hands, fails)]
            return body

        heads: list[ast.stmt] = []
        left: list[tuple[Scope, dict[str, str], Narrow]] = []
        body = self.turns(turn)
        scope, hands, fails = left[0]
        self.scope, self.hands = scope, hands
        self.narrowed(fails, ())
        tail = placed([copy.deepcopy(each) for each in heads], loop)
        self.before += heads
        return [ast.While(tests[0], [*body, *tail], [])]

    def loop(self, loop: ast.For) -> list[ast.stmt]:
        over = meaning_of(loop.iter, self.scope)
        if isinstance(over, End) and isinstance(loop.target, ast.Name):
            return self.drain(over, loop.target.id, loop)
        if isinstance(over, Chosen | Picked):
            raise not_compiled(
                loop, "a loop over a channel that is chosen when the process runs", "write one loop for each"
            )
        items = self.items(loop)
        if items is not None:
            return [new for each in items for new in self.unrolled(loop.target, each, loop.body)]
        iterator = self.expression(loop.iter)

        def turn() -> list[ast.stmt]:
            self.forget((loop.target,))
            return self.block(loop.body)

        return [ast.For(loop.target, iterator, self.turns(turn), [], lineno=0)]

    def drain(self, end: End, name: str, loop: ast.For) -> list[ast.stmt]:
        """`for token in end`."""
        asked = name in used(loop.body)

        def turn() -> list[ast.stmt]:
            self.scope[name], self.hands[end.name] = None, name
            head = [assign(name, call("token", load(end.name)))] if asked else []
            return [*placed(head, loop), *self.block(loop.body)]

        return [ast.While(call("advance", load(end.name)), self.turns(turn), [])]

    def unrolled(self, target: ast.expr, item: Meaning, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        self.give(target, item)
        return self.block(copy.deepcopy(list(body)))

    def give(self, target: ast.expr, item: Meaning) -> None:
        if isinstance(target, ast.Name):
            self.scope[target.id] = item
        elif isinstance(target, ast.Tuple) and isinstance(item, tuple) and len(item) == len(target.elts):
            for each, one in zip(target.elts, item, strict=True):
                self.give(each, one)

    def items(self, loop: ast.For) -> tuple[Meaning, ...] | None:
        """What a loop over several channels goes over, one by one; None for a loop that stays one."""
        found = self.listed(loop.iter)
        if found is None or len(found) > UNROLLED:
            return None
        if isinstance(loop.target, ast.Name) and all(isinstance(each, ast.Constant) for each in found):
            name = loop.target.id
            inner = [node for each in loop.body for node in ast.walk(each)]
            if name in assigned(loop.body) or not any(self.picks(node, name) for node in inner):
                return None
        return found

    def picks(self, node: ast.AST, name: str) -> bool:
        """Whether a node is one of several ends, by a number that has to do with `name`."""
        if not isinstance(node, ast.Subscript) or name not in used((node.slice,)):
            return False
        several = meaning_of(node.value, self.scope)
        return isinstance(several, tuple) and any(isinstance(each, End) for each in several)

    def listed(self, node: ast.expr) -> tuple[Meaning, ...] | None:
        match node:
            case ast.Call(func=ast.Name(id="range"), args=args):
                bounds = [number_of(each, self.scope) for each in args]
                known = [each for each in bounds if each is not None]
                return tuple(ast.Constant(each) for each in range(*known)) if len(known) == len(bounds) else None
            case ast.Call(func=ast.Name(id="enumerate"), args=[argument]):
                inner = self.listed(argument)
                return tuple((ast.Constant(k), each) for k, each in enumerate(inner)) if inner is not None else None
            case ast.Call(func=ast.Name(id="zip"), args=args):
                lists = [self.listed(each) for each in args]
                known = [each for each in lists if each is not None]
                return tuple(zip(*known, strict=False)) if known and len(known) == len(lists) else None
            case _:
                several = meaning_of(node, self.scope)
                return several if isinstance(several, tuple) else None
