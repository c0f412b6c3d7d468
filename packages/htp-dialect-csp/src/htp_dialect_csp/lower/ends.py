"""What names stand for while a process is lowered: ends of channels, and what was received. Knows no statements."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from htp_dialect_csp.lower.trees import load

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "EOS", "NONE", "ONLY_TOKEN", "TOKEN", "Chosen", "End", "Lost", "Meaning", "Picked", "Scope", "Seen", "joined",
    "meaning_of", "number_of",
]  # fmt: skip

TOKEN, EOS, NONE = "token", "EOS", "NONE"
"""What a receive can give."""
ONLY_TOKEN = frozenset((TOKEN,))


@dataclass(frozen=True)
class End:
    """One end of a channel: a parameter of the lowered kernel."""

    name: str


@dataclass(frozen=True)
class Chosen:
    """One of several ends, by a number that is known when the process runs."""

    ends: tuple[End, ...]
    index: ast.expr


@dataclass(frozen=True)
class Picked:
    """The end that a select has given; `state` is the variable that holds its position."""

    ends: tuple[End, ...]
    state: str


@dataclass(frozen=True)
class Seen:
    """What a receive has given to the variable `name`: which of `possible`, which `state` tells when the process runs.

    `form` is the word that was called; of several ends `which` is the variable that holds the position of the one that
    the token is from. `bound` says that the variable holds the token already.
    """

    name: str
    form: str
    ends: tuple[End, ...]
    state: str
    which: str
    possible: frozenset[str]
    bound: bool = False

    @property
    def certain(self) -> bool:
        """Whether it is a token on every way that leads here."""
        return self.possible == ONLY_TOKEN

    def is_signal(self, what: str) -> ast.expr:
        """Whether it is the end of the stream, or nothing."""
        if what not in self.possible:
            return ast.Constant(False)
        if len(self.possible) == 1:
            return ast.Constant(True)
        if self.form == "advance":
            return ast.UnaryOp(ast.Not(), load(self.state))
        if self.form == "advance_any":
            return ast.Compare(load(self.state), [ast.Lt()], [ast.Constant(0)])
        return ast.Compare(load(self.state), [ast.Eq()], [ast.Constant(2 if what == EOS else 0)])

    def is_token(self) -> ast.expr:
        """Whether it is a token."""
        if self.form == "advance":
            return load(self.state)
        operator, number = (ast.GtE(), 0) if self.form == "advance_any" else (ast.Eq(), 1)
        return ast.Compare(load(self.state), [operator], [ast.Constant(number)])


@dataclass(frozen=True)
class Lost:
    """A variable that holds a received value on some ways only."""


Meaning: TypeAlias = "End | Chosen | Picked | Seen | Lost | ast.Constant | tuple[Meaning, ...] | None"
"""What a name stands for; None is a variable like any other."""
Scope: TypeAlias = "dict[str, Meaning]"


def number_of(node: ast.expr, scope: Mapping[str, Meaning]) -> int | None:
    """The integer that an expression is, when it is known here."""
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            known = scope.get(name)
            return number_of(known, {}) if isinstance(known, ast.Constant) else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = number_of(operand, scope)
            return -number if number is not None else None
        case ast.Call(func=ast.Name(id="len"), args=[ends], keywords=[]):
            several = meaning_of(ends, scope)
            return len(several) if isinstance(several, tuple) else None
        case ast.BinOp(left=left, op=operator, right=right):
            one, two = number_of(left, scope), number_of(right, scope)
            return _combined(operator, one, two) if one is not None and two is not None else None
        case _:
            return None


def _combined(operator: ast.operator, one: int, two: int) -> int | None:
    match operator:
        case ast.Add():
            return one + two
        case ast.Sub():
            return one - two
        case ast.Mult():
            return one * two
        case ast.FloorDiv() if two:
            return one // two
        case ast.Mod() if two:
            return one % two
        case _:
            return None


def meaning_of(node: ast.expr, scope: Mapping[str, Meaning]) -> Meaning:
    """What an expression stands for: an end, several, or none of these."""
    match node:
        case ast.Name(id=name):
            return scope.get(name)
        case ast.Tuple(elts=items):
            return tuple(one for each in items for one in _spread(each, scope))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, two = meaning_of(left, scope), meaning_of(right, scope)
            return (*one, *two) if isinstance(one, tuple) and isinstance(two, tuple) else None
        case ast.Subscript(value=base, slice=index):
            several = meaning_of(base, scope)
            return _item(several, index, scope) if isinstance(several, tuple) else None
        case _:
            return None


def _spread(node: ast.expr, scope: Mapping[str, Meaning]) -> tuple[Meaning, ...]:
    if not isinstance(node, ast.Starred):
        return (meaning_of(node, scope),)
    several = meaning_of(node.value, scope)
    return several if isinstance(several, tuple) else (None,)


def _item(several: tuple[Meaning, ...], index: ast.expr, scope: Mapping[str, Meaning]) -> Meaning:
    if isinstance(index, ast.Slice):
        ends = [number_of(each, scope) if each is not None else None for each in (index.lower, index.upper)]
        known = all(n is not None for n, e in zip(ends, (index.lower, index.upper), strict=True) if e is not None)
        return several[ends[0] : ends[1]] if known and index.step is None else None
    number = number_of(index, scope)
    if number is not None:
        return several[number] if -len(several) <= number < len(several) else None
    ends = tuple(each for each in several if isinstance(each, End))
    return Chosen(ends, index) if ends and len(ends) == len(several) else None


def joined(one: Mapping[str, Meaning], two: Mapping[str, Meaning]) -> Scope:
    """What names stand for where two ways meet."""
    return {name: _both(one.get(name), two.get(name)) for name in {**one, **two}}


def _both(one: Meaning, two: Meaning) -> Meaning:
    if one == two:
        return one
    if isinstance(one, Seen) and isinstance(two, Seen):
        alike = replace(one, possible=two.possible, bound=two.bound) == two
        if alike:
            return replace(one, possible=one.possible | two.possible, bound=one.bound and two.bound)
    plain = all(each is None or (isinstance(each, Seen) and each.bound) for each in (one, two))
    return None if plain else Lost()
