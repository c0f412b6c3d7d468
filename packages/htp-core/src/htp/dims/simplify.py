"""Simplification under facts: minima, maxima, quotients and remainders that have one possible outcome take it.

Knows which questions to ask of the facts; proving is theirs.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from htp.dims.atoms import Atom, Least, Monomial, Quotient, Symbol
from htp.dims.expr import Expr, collect, const, of_atom
from htp.dims.forms import minimum

if TYPE_CHECKING:
    from htp.dims.facts import Facts

ROUNDS = 4
"""Simplifications of one expression, each of the result of the one before."""


def simplified(facts: Facts, value: Expr) -> Expr:
    """An equal expression under the facts, without what they decide."""
    for _ in range(ROUNDS):
        before = value
        value = _exact(facts, value.rebuilt(lambda atom: _decided(facts, atom)))
        if value == before:
            break
    only = facts.candidate(value) if value.terms else None
    return const(only) if only is not None and _is(facts, value, const(only)) else value


def _is(facts: Facts, value: Expr, other: Expr) -> bool:
    return facts.nonnegative(value - other) and facts.nonnegative(other - value)


def _decided(facts: Facts, atom: Atom) -> Expr | None:
    if isinstance(atom, Symbol):
        return None
    if isinstance(atom, Least):
        return _least(facts, atom)
    numerator, denominator = facts.simplify(atom.numerator), facts.simplify(atom.denominator)
    if (numerator, denominator) != (atom.numerator, atom.denominator):
        return numerator // denominator
    return _outcome(facts, atom)


def _least(facts: Facts, atom: Least) -> Expr | None:
    """The minimum without the operands that another one never exceeds."""
    operands = [const(0), *(facts.simplify(each) for each in atom.others)]
    left = list(operands)
    for each in operands:
        if any(other is not each and facts.nonnegative(each - other) for other in left):
            left.remove(each)
    if len(left) == len(operands) and tuple(operands[1:]) == atom.others:
        return None
    return minimum(*left)


def _outcome(facts: Facts, atom: Quotient) -> Expr | None:
    """The quotient as `p // n + c` where n divides p and c is the one possible quotient of the rest."""
    divisor = atom.denominator.constant
    whole = const(0)
    if divisor is not None:
        for monomial, times in atom.numerator.terms:
            term = collect({monomial: times}, 0)
            if facts.divides(divisor, term):
                whole = whole + term
    elif not facts.nonnegative(atom.denominator):
        return None
    rest = atom.numerator - whole
    only = facts.candidate(rest // atom.denominator)
    if only is None:
        return None
    left = rest - atom.denominator.scaled(only)
    if facts.nonnegative(left) and facts.nonnegative(atom.denominator - 1 - left):
        outcome = whole // atom.denominator + only
        return None if outcome == of_atom(atom) else outcome
    return None


def _exact(facts: Facts, value: Expr) -> Expr:
    """`c * (e // n)` as `c / g * (e // (n / g))`, g = gcd(c, n), wherever n divides e."""
    total = const(0)
    kept: dict[Monomial, int] = {}
    for monomial, times in value.terms:
        for position, atom in enumerate(monomial):
            if not isinstance(atom, Quotient) or (divisor := atom.denominator.constant) is None:
                continue
            shared = gcd(times, divisor)
            if shared > 1 and facts.divides(divisor, atom.numerator):
                others = monomial[:position] + monomial[position + 1 :]
                exact = (atom.numerator // (divisor // shared)).scaled(times // shared)
                total = total + (exact * collect({others: 1}, 0) if others else exact)
                break
        else:
            kept[monomial] = times
    return value if not total.terms and len(kept) == len(value.terms) else total + collect(kept, value.offset)
