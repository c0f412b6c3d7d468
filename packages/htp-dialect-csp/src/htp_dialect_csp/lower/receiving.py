"""How receives and what they gave are written in process form: take a token, ask what there was, look at the token.

Knows one process: what its names stand for, and whose token each channel's hand holds. Does not know statements.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.channel_refusals import not_selected, selected_badly
from htp.program import origin_of
from htp_dialect_csp.lower.ends import EOS, NONE, ONLY_TOKEN, TOKEN, Chosen, End, Lost, Picked, Seen, meaning_of
from htp_dialect_csp.lower.trees import assign, call, effect, integer, load, not_compiled, used

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function
    from htp_dialect_csp.lower.ends import Scope

__all__ = ["Receiving"]

FORMS = {"recv": "advance", "try_recv": "try_advance", "peek": "peek"}
STATES = {"advance": "got", "try_advance": "seen", "peek": "seen", "advance_any": "at"}
ASK = "ask before: `if x is not EOS:`, or receive with `for x in channel`"
IN_ADVANCE = "assign what is received in a statement of its own, before this one"


class Receiving:
    """Writes receives; what has to run before the expression that is written goes to `before`."""

    def __init__(self, process: Function, scope: Scope, taken: set[str]) -> None:
        body = process.body
        self.process = process
        self.scope = scope
        self.hands: dict[str, str] = {}
        self.before: list[ast.stmt] = []
        self.taken = taken
        self.made: dict[tuple[str, str], str] = {}
        self.number = 0
        self.used = used(body)
        self.tests = Counter(_tested(body))

    def variable(self, name: str, role: str) -> str:
        """A variable of that role beside `name`: the same one whenever it is asked for."""
        if (name, role) not in self.made:
            chosen, number = f"{name}_{role}", 1
            while chosen in self.taken:
                number += 1
                chosen = f"{name}_{role}_{number}"
            self.taken.add(chosen)
            self.made[name, role] = chosen
        return self.made[name, role]

    def unnamed(self, role: str) -> str:
        """A variable for something that has no name in the program."""
        self.number += 1
        return self.variable(role, str(self.number))

    def receive(self, node: ast.expr) -> tuple[str, tuple[End, ...] | Chosen] | None:
        """The word and the ends of a receive; None where an expression is none."""
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr=method), args=[]) if method in FORMS:
                end = meaning_of(base, self.scope)
                if isinstance(end, Picked):
                    return FORMS[method], Chosen(end.ends, load(end.state))
                if isinstance(end, End):
                    return FORMS[method], (end,)
                return (FORMS[method], end) if isinstance(end, Chosen) else None
            case ast.Call(func=ast.Name(id="select"), args=[argument]):
                several = meaning_of(argument, self.scope)
                if isinstance(several, End | Chosen | Picked):
                    raise not_selected(f"'{ast.unparse(argument)}'", origin_of(node))
                ends = tuple(each for each in several if isinstance(each, End)) if isinstance(several, tuple) else ()
                if not isinstance(several, tuple) or len(ends) != len(several):
                    raise not_compiled(
                        node, "a select between channels that differ from turn to turn", "list them: `select([a, b])`"
                    )
                names = [each.name for each in ends]
                if (bad := selected_badly(names, names, origin_of(node))) is not None:
                    raise bad
                return "advance_any", ends
            case _:
                return None

    def received(self, name: str, form: str, ends: tuple[End, ...] | Chosen, node: ast.AST) -> Seen | None:
        """Receives into the variable `name`; None when nothing of it is asked for later."""
        tested = form != "advance" or self.tests[name] > 0
        if not tested and name not in self.used:
            self._take(form, ends, name)
            self.scope[name] = None
            return None
        which = ""
        state = self.variable(name, STATES[form])
        if isinstance(ends, Chosen):
            which = self.variable(name, "from")
        elif form == "advance_any":
            which = state
        taken = self._take(form, ends, name, state)
        possible = (TOKEN, EOS, NONE) if form in ("try_advance", "peek") else (TOKEN, EOS)
        seen = Seen(name, form, taken, state, which, frozenset(possible))
        self.scope[name] = seen
        self.hands.update({each.name: name for each in taken})
        if not tested:
            self.value(seen, self.use(name, node))
        return seen

    def use(self, name: str, receive: ast.AST) -> ast.AST:
        """Where what is received is used first, which is where Python refuses what is no token."""
        nodes = (node for each in self.process.body for node in ast.walk(each))
        loads = [each for each in nodes if isinstance(each, ast.Name) and each.id == name and _behind(each, receive)]
        return min((each for each in loads if isinstance(each.ctx, ast.Load)), key=_position, default=receive)

    def _take(self, form: str, ends: tuple[End, ...] | Chosen, name: str, state: str = "") -> tuple[End, ...]:
        """Takes a token; the end that a number chooses is taken from by branches."""
        if not isinstance(ends, Chosen):
            word = call(form, *(load(each.name) for each in ends))
            self.before.append(assign(state, word) if state else effect(word))
            return ends
        which = self.variable(name, "from")
        self.before.append(assign(which, self.expression(ends.index)))
        words = [call(form, load(each.name)) for each in ends.ends]
        self.before.append(by_number(which, [[assign(state, each) if state else effect(each)] for each in words]))
        return ends.ends

    def expression(self, node: ast.expr) -> ast.expr:
        """An expression in process form."""
        raise NotImplementedError

    def value(self, seen: Seen, node: ast.AST) -> ast.expr:
        """The token that was received, in its variable."""
        if not seen.bound:
            if any(self.hands.get(each.name) != seen.name for each in seen.ends):
                raise not_compiled(
                    node, f"`{seen.name}`, which is used behind another receive from the same channel,",
                    f"use `{seen.name}` before, or assign it to another name there",
                )  # fmt: skip
            if not seen.certain:
                self.before.append(self._checked(seen, node))
            self.before += self.token(seen, seen.name)
            self.scope[seen.name] = replace(seen, bound=True, possible=ONLY_TOKEN)
        return load(seen.name)

    def token(self, seen: Seen, name: str) -> list[ast.stmt]:
        """The token in the hand of a channel, or of the one that was chosen."""
        ends = [load(each.name) for each in seen.ends]
        end = ends[0] if len(ends) == 1 else call("one_of", load(seen.which), *ends)
        return [assign(name, call("token", end))]

    def _checked(self, seen: Seen, node: ast.AST) -> ast.stmt:
        place = origin_of(node)
        where = f"{place.file.rpartition('/')[2]}:{place.line}" if place is not None else ""
        names = " or ".join(f"'{each.name}'" for each in seen.ends)
        text = f"`{seen.name}` in '{self.process.name}' is used as a token of {names}, and there was none"
        arguments = [ast.Constant(each) for each in (text, where, "csp.no-token", ASK)]
        return effect(call("require", seen.is_token(), *arguments))

    def seen(self, node: ast.expr) -> Seen | None:
        """What an expression says was received, which it receives itself where it is a receive."""
        name = ""
        match node:
            case ast.Name(id=name):
                known = self.scope.get(name)
                if isinstance(known, Lost):
                    raise lost(node)
                return known if isinstance(known, Seen) else None
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                found = self.receive(value)
            case _:
                found = self.receive(node)
        if found is None:
            return None
        if not name:
            name = self.unnamed("received")
            self.tests[name] += 1
        return self.received(name, *found, node)


def by_number(name: str, ways: Sequence[list[ast.stmt]]) -> ast.stmt:
    """A branch for each number that a variable can be."""
    first, *rest = ways
    if not rest:
        return ast.If(ast.Constant(True), first, [])
    test = ast.Compare(load(name), [ast.Eq()], [integer(0)])
    return _branches(name, test, first, rest, 1)


def _branches(name: str, test: ast.expr, first: list[ast.stmt], rest: list[list[ast.stmt]], number: int) -> ast.stmt:
    if len(rest) == 1:
        return ast.If(test, first, rest[0])
    following = ast.Compare(load(name), [ast.Eq()], [integer(number)])
    return ast.If(test, first, [_branches(name, following, rest[0], rest[1:], number + 1)])


def lost(node: ast.Name) -> Exception:
    """The refusal of a variable that is a received value on some ways only."""
    return not_compiled(
        node, f"`{node.id}`, which is something received on some ways only,", f"receive into `{node.id}` on all of them"
    )


def _position(node: ast.AST) -> tuple[str, int, int]:
    place = origin_of(node)
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)


def _behind(node: ast.AST, other: ast.AST) -> bool:
    """Whether a node stands behind another in the same file."""
    one, two = _position(node), _position(other)
    return one[0] == two[0] and one > two


def _tested(body: Sequence[ast.stmt]) -> list[str]:
    """The names that are compared with EOS or NONE, as often as they are."""
    found: list[str] = []
    for node in (node for each in body for node in ast.walk(each)):
        match node:
            case ast.Compare(
                left=ast.Name(id=name) | ast.NamedExpr(target=ast.Name(id=name)), ops=[ast.Is() | ast.IsNot()]
            ):
                found.append(name)
            case _:
                pass
    return found
