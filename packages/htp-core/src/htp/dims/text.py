"""The Python text of an expression: of the spellings that mean the same, the one with the fewest words.

Knows how to undo what the canonical form did (`M - 8 * (M // 8)` was `M % 8`); it decides nothing about equality.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

from htp.dims.atoms import Least, Monomial, Quotient, Symbol
from htp.dims.expr import Expr, collect, const, of_atom
from htp.dims.forms import maximum, minimum

if TYPE_CHECKING:
    from collections.abc import Iterator

SEARCH_LIMIT = 3
"""Up to this many composite terms every order of folding is tried, beyond it the first order only."""

FOLD_LIMIT = 6
"""With more composite terms than this nothing is folded."""

_WORDS = re.compile(r"\w+|(?:^|(?<=\()|(?<=, )|(?<=\+ ))-")


class _Piece(NamedTuple):
    """One summand: an integer times a body; `divides` says that the body's outermost operator is `//` or `%`."""

    times: int
    body: str
    composite: bool = False
    divides: bool = False

    def spelled(self, *, leading: bool = False) -> str:
        times = abs(self.times)
        minus = "-" if leading and self.times < 0 else ""
        if not self.body:
            return f"{minus}{times}"
        guarded = f"({self.body})" if self.divides and (times != 1 or minus) else self.body
        return f"{minus}{guarded}" if times == 1 else f"{minus}{times} * {guarded}"


@lru_cache(maxsize=8192)
def text(value: Expr) -> str:
    """Python text that parses back to an equal expression."""
    return _joined(_best(value))


def _joined(pieces: tuple[_Piece, ...]) -> str:
    if not pieces:
        return "0"
    ordered = sorted(pieces, key=_order)
    if ordered[0].times < 0 and not ordered[-1].body and ordered[-1].times > 0:
        ordered.insert(0, ordered.pop())
    spelled = [ordered[0].spelled(leading=True)]
    spelled += [f"{'-' if each.times < 0 else '+'} {each.spelled()}" for each in ordered[1:]]
    return " ".join(spelled)


def _order(piece: _Piece) -> tuple[bool, bool, bool, str]:
    return not piece.body, piece.times < 0, piece.composite, piece.body


@lru_cache(maxsize=8192)
def _best(value: Expr) -> tuple[_Piece, ...]:
    """The summands of the spelling with the fewest words, the first found of equals."""
    best: tuple[_Piece, ...] | None = None
    least = 0
    for each in _spellings(value):
        words = len(_WORDS.findall(_joined(each)))
        if best is None or words < least:
            best, least = each, words
    return best or ()


def _spellings(value: Expr) -> Iterator[tuple[_Piece, ...]]:
    composite = [(each, times) for each, times in value.terms if not isinstance(each[0], Symbol)]
    composite.sort(key=lambda term: -len(term[0]))
    if not composite or len(composite) > FOLD_LIMIT:
        if composite and len(composite[0][0]) > 1:
            monomial, times = composite[0]
            for piece, left in _multiplied(monomial, times, value - collect({monomial: times}, 0)):
                yield (piece, *_best(left))
        yield (*(_plain(each, times) for each, times in value.terms), *_integer(value.offset))
        return
    for monomial, times in composite if len(composite) <= SEARCH_LIMIT else composite[:1]:
        rest = value - collect({monomial: times}, 0)
        for piece, left in _folded(monomial, times, rest):
            yield (piece, *_best(left))


def _integer(value: int) -> tuple[_Piece, ...]:
    return (_Piece(value, ""),) if value else ()


def _plain(monomial: Monomial, times: int) -> _Piece:
    """The summand as it is stored."""
    if len(monomial) == 1 and isinstance(monomial[0], Quotient):
        return _quotient(times, monomial[0].numerator, "//", monomial[0].denominator)
    ordered = [each for each in monomial if isinstance(each, Symbol)]
    body = [each.name for each in ordered]
    body += [_guarded(of_atom(each)) for each in monomial if not isinstance(each, Symbol)]
    return _Piece(times, " * ".join(body), composite=len(ordered) < len(monomial))


def _guarded(value: Expr) -> str:
    """The text as an operand of any operator."""
    pieces = _best(value)
    if len(pieces) == 1 and pieces[0].times == 1 and not pieces[0].divides and " * " not in pieces[0].body:
        return pieces[0].body
    if len(pieces) == 1 and not pieces[0].body and pieces[0].times > 0:
        return text(value)
    return f"({text(value)})"


def _quotient(times: int, numerator: Expr, operator: str, denominator: Expr) -> _Piece:
    left = text(numerator) if len(_best(numerator)) < 2 else f"({text(numerator)})"
    return _Piece(times, f"{left} {operator} {_guarded(denominator)}", composite=True, divides=True)


def _folded(monomial: Monomial, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """Spellings of `times * monomial` with a part of the rest folded in, each with what is left of the rest."""
    atom = monomial[0]
    if len(monomial) > 1:
        yield _plain(monomial, times), rest
        yield from _factored(monomial, times, rest)
        if isinstance(atom, Quotient) and atom.denominator == of_atom(monomial[1]) and len(monomial) == 2:
            yield from _remainder(atom.numerator, atom.denominator, -times, rest, rest + collect({monomial: times}, 0))
    elif isinstance(atom, Least):
        yield from _extremes(atom, times, rest)
    elif isinstance(atom, Quotient):
        yield from _half(atom, times, rest)
        yield _plain(monomial, times), rest
        yield from _quotients(atom, times, rest)


def _factored(monomial: Monomial, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """`a * x + a * y` as `a * (x + y)`, x composite, and products of several such sums."""
    whole = rest + collect({monomial: times}, 0)
    others = monomial[1:]
    cofactor = whole.cofactor(others)
    if len(cofactor.terms) + bool(cofactor.offset) > 1:
        plain = _plain(others, 1)
        body = f"({plain.body})" if plain.divides else plain.body
        left = whole - cofactor * collect({others: 1}, 0)
        yield _Piece(1, f"{body} * {_guarded(cofactor)}", composite=True), left
    if not isinstance(others[0], Symbol):
        yield from _multiplied(monomial, times, rest)


def _multiplied(monomial: Monomial, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """A product of sums, recovered from what multiplies all but one of the atoms of its leading product."""
    whole = rest + collect({monomial: times}, 0)
    factors = [whole.cofactor(monomial[:position] + monomial[position + 1 :]) for position in range(len(monomial))]
    factors = [each.divided(each.content()) for each in factors]
    product = prod(factors, start=const(1))
    unit = dict(product.terms).get(monomial, 0)
    if unit == 0 or times % unit:
        return
    scale = times // unit
    left = whole - product.scaled(scale)
    if len(left.terms) < len(rest.terms):
        body = " * ".join(_guarded(each) for each in sorted(factors, key=_plainness))
        yield _Piece(scale, body, composite=True), left


def _plainness(value: Expr) -> tuple[bool, str]:
    return any(not isinstance(atom, Symbol) for monomial, _ in value.terms for atom in monomial), text(value)


def _extremes(atom: Least, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """`s + c * min(0, d)` as `min(s, s + c * d)`, or as a maximum when c < 0."""
    extreme = minimum if times > 0 else maximum
    scaled = [each.scaled(times) for each in atom.others]
    shifts = [_cancelling(rest, each) for each in scaled]
    shifts += [const(_opposite(rest.offset, each.offset)) for each in scaled]
    for shift in dict.fromkeys((*shifts, rest, const(0))):
        operands = [shift, *(shift + each for each in scaled)]
        left = rest - shift
        if shift != 0 and extreme(*operands) != of_atom(atom).scaled(times) + shift:
            continue  # equal, but in another canonical form
        for shared in dict.fromkeys((1, gcd(*(each.content() for each in operands)))):
            inner = [each.divided(shared) for each in operands]
            yield _call("min" if times > 0 else "max", shared, inner), left
            if times < 0:
                yield _call("min", -shared, [-each for each in inner]), left


def _call(name: str, times: int, operands: list[Expr]) -> _Piece:
    ordered = sorted((each.constant is None, text(each)) for each in operands)
    return _Piece(times, f"{name}({', '.join(spelled for _, spelled in ordered)})", composite=True)


def _opposite(value: int, other: int) -> int:
    """The part of an integer that another of opposite sign cancels."""
    if value * other >= 0:
        return 0
    return min(value, -other) if value > 0 else max(value, -other)


def _cancelling(rest: Expr, other: Expr) -> Expr:
    """The part of the rest that cancels against the other."""
    against = dict(other.terms)
    parts = {each: _opposite(times, against.get(each, 0)) for each, times in rest.terms}
    return collect(parts, _opposite(rest.offset, other.offset))


def _half(atom: Quotient, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """`c * e - c * (e // 2)` as `c * ((e + 1) // 2)`."""
    left = rest + atom.numerator.scaled(times)
    if times < 0 and atom.denominator.constant == 2 and len(left.terms) < len(rest.terms):
        yield _quotient(-times, atom.numerator + 1, "//", atom.denominator), left


def _quotients(atom: Quotient, times: int, rest: Expr) -> Iterator[tuple[_Piece, Expr]]:
    """`c * (e // n) + c * s` as `c * ((e + n * s) // n)`, `e - n * (e // n)` as `e % n`, and both for -e."""
    divisor = atom.denominator.constant
    if divisor is None:
        return
    whole = of_atom(atom).scaled(times) + rest
    mirrored = -atom.numerator + (divisor - 1)  # -(e // n) == (n - 1 - e) // n
    for count, numerator in ((times, atom.numerator), (-times, mirrored)):
        if count > 0 or numerator is atom.numerator:
            for shift in dict.fromkeys((const(0), const(rest.offset), rest)):
                if shift.content() % count == 0:
                    shifted = numerator + shift.divided(count).scaled(divisor)
                    if (shifted // divisor).scaled(count) + (rest - shift) == whole:
                        yield _quotient(count, shifted, "//", atom.denominator), rest - shift
        if times % divisor == 0:
            yield from _remainder(numerator, atom.denominator, -count // divisor, rest, whole)


def _remainder(
    numerator: Expr, denominator: Expr, times: int, rest: Expr, whole: Expr
) -> Iterator[tuple[_Piece, Expr]]:
    """`times * (e % n)` and what it leaves of the rest, when taking `times * e` off makes the rest no longer."""
    left = rest - numerator.scaled(times)
    if len(left.terms) <= len(rest.terms) and (numerator % denominator).scaled(times) + left == whole:
        yield _quotient(times, numerator, "%", denominator), left
