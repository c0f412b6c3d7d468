"""The canonical forms of minima, maxima and floor quotients of expressions.

Knows which identities hold for all integers; it uses no facts about symbols.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims.atoms import Least, Monomial, Quotient, without
from htp.dims.expr import Expr, coerce, collect, const, of_atom

if TYPE_CHECKING:
    from collections.abc import Iterable

FLATTEN_LIMIT = 12
"""Most operands a nested minimum is flattened to."""


def minimum(*operands: Expr | int) -> Expr:
    """The least of the operands, nested minima flattened and common addends outside."""
    distinct = _flattened(_tightest(coerce(each) for each in operands))
    base = distinct[0]
    for each in distinct[1:]:
        if (each - base).terms[0][1] > 0:
            base = each
    others = [each - base for each in distinct if each is not base]
    if not others:
        return base
    shared = gcd(*(each.content() for each in others))
    atom = Least(tuple(sorted((each.divided(shared) for each in others), key=lambda each: each.key)))
    return base + of_atom(atom).scaled(shared)


def maximum(*operands: Expr | int) -> Expr:
    """The greatest of the operands."""
    return -minimum(*(-coerce(each) for each in operands))


def _tightest(operands: Iterable[Expr]) -> list[Expr]:
    """One operand of those that differ by an integer only."""
    least: dict[tuple[tuple[Monomial, int], ...], Expr] = {}
    for each in operands:
        known = least.get(each.terms)
        if known is None or each.offset < known.offset:
            least[each.terms] = each
    return list(least.values())


def _flattened(operands: list[Expr]) -> list[Expr]:
    """The operands with `r + c * min(0, d)`, c > 0, opened to `r` and `r + c * d`, unless all share that minimum.

    An operand that also subtracts a minimum stays: opening it would depend on what the operands were shifted by.
    """
    for position, each in enumerate(operands):
        if any(isinstance(monomial[0], Least) and times < 0 for monomial, times in each.terms):
            continue
        for monomial, times in each.terms:
            atom = monomial[0]
            if not isinstance(atom, Least):
                break
            if len(monomial) > 1 or len(operands) + len(atom.others) > FLATTEN_LIMIT:
                continue
            if len(operands) == 1 or all(dict(other.terms).get(monomial, 0) > 0 for other in operands):
                continue
            rest = each - of_atom(atom).scaled(times)
            opened = (rest, *(rest + other.scaled(times) for other in atom.others))
            return _flattened(_tightest((*operands[:position], *opened, *operands[position + 1 :])))
    return operands


def floordiv(numerator: Expr, denominator: Expr) -> Expr:
    """The floor of the quotient, as Python's `//`.

    Raises:
        Refused: `type.bad-dimension` when the denominator is zero.
    """
    if denominator.terms:
        return _by_symbols(numerator, denominator)
    divisor = denominator.offset
    if divisor == 0:
        raise Refused("type.bad-dimension", f"`{numerator}` is divided by zero")
    return _by_integer(numerator, divisor) if divisor > 0 else _by_integer(-numerator, -divisor)


def _by_integer(numerator: Expr, divisor: int) -> Expr:
    whole, rest = _split(numerator, divisor)
    if not rest.terms:
        return whole
    if rest.terms[0][1] > 0:
        return whole + _reduced(rest, divisor)
    shift, rest = _split(-rest + (divisor - 1), divisor)  # (-e) // n == -((e + n - 1) // n)
    return whole - shift - _reduced(rest, divisor)


def _split(numerator: Expr, divisor: int) -> tuple[Expr, Expr]:
    """`(q, r)` with numerator == q * divisor + r, r's coefficients the nearest to 0 and its offset in [0, divisor)."""
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, times in numerator.terms:
        left = times % divisor
        left = left - divisor if 2 * left > divisor else left
        rest[monomial] = left
        whole[monomial] = (times - left) // divisor
    return collect(whole, numerator.offset // divisor), collect(rest, numerator.offset % divisor)


def _reduced(rest: Expr, divisor: int) -> Expr:
    shared = gcd(divisor, *(times for _, times in rest.terms))
    rest, divisor = rest.divided(shared), divisor // shared
    nested = [atom for (atom, *more), times in rest.terms if times == 1 and not more and isinstance(atom, Quotient)]
    if len(nested) == 1 and (inner := nested[0].denominator.constant) is not None:  # (x // a + r) // b
        return _by_integer(nested[0].numerator + (rest - of_atom(nested[0])).scaled(inner), inner * divisor)
    if divisor == 2 and rest.offset == 1:  # all coefficients are 1, and e // 2 + (e + 1) // 2 == e
        return (rest - 1) - of_atom(Quotient(rest - 1, const(2)))
    return of_atom(Quotient(rest, const(divisor)))


def _by_symbols(numerator: Expr, denominator: Expr) -> Expr:
    if denominator.terms[0][1] < 0:
        numerator, denominator = -numerator, -denominator
    shared = gcd(numerator.content(), denominator.content())
    if shared == 0:
        return const(0)
    numerator, denominator = numerator.divided(shared), denominator.divided(shared)
    lead, times = denominator.terms[0]
    multiple = dict(numerator.terms).get(lead, 0)
    if multiple % times == 0 and (left := numerator - denominator.scaled(multiple // times)).constant == 0:
        return const(multiple // times)
    whole = const(0)
    if len(denominator.terms) == 1 and denominator.offset == 0:
        for monomial, each in numerator.terms:
            cofactor = without(monomial, lead)
            if cofactor is not None and each % times == 0:
                whole = whole + (collect({cofactor: each // times}, 0) if cofactor else each // times)
    left = numerator - whole * denominator
    return whole if left.constant == 0 else whole + of_atom(Quotient(left, denominator))
