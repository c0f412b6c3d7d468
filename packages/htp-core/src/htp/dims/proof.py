"""Proofs about expressions: whether `e >= 0` for several e at once is impossible, and what bounds an expression.

Knows what quotients and minima mean as inequalities over fresh variables, and tries a minimum's operands case by case.
Nothing proved is false; much that is true is not proved (there is no induction and hardly any non-linear reasoning).
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims.atoms import Atom, Least, Monomial, Quotient, Symbol, without
from htp.dims.expr import Expr, collect, const, hidden, of_atom
from htp.dims.forms import minimum
from htp.dims.linear import Bounds, solved

if TYPE_CHECKING:
    from collections.abc import Iterable

CASE_LIMIT = 3
"""Minima that are tried case by case, one within the other."""

PRODUCT_LIMIT = 30
"""Inequalities gained by multiplying two others."""

_BOUNDED = hidden("bounded'")


@lru_cache(maxsize=1 << 15)
def refuted(facts: tuple[Expr, ...], goals: tuple[Expr, ...], cases: int = CASE_LIMIT) -> bool:
    """Whether the facts and the goals, each saying `e >= 0`, are shown to exclude each other."""
    return _explored(facts, (*goals, *_envelopes(facts, goals)), None, cases) is None


@lru_cache(maxsize=1 << 13)
def bounds(facts: tuple[Expr, ...], value: Expr) -> Bounds:
    """The least and the greatest value known of an expression, None where there is no bound."""
    goals = (value - _BOUNDED, _BOUNDED - value, *_envelopes(facts, (value,)))
    found = _explored(facts, goals, _BOUNDED, CASE_LIMIT)
    return (None, None) if found is None else found


def _envelopes(facts: tuple[Expr, ...], values: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Inequalities about products of two atoms, or of two sums, from the bounds of both (McCormick, 1976)."""
    rows: dict[Expr, None] = {}
    for value in values:
        for monomial in (each for each, _ in value.terms if len(each) == 2):
            left, right = monomial[:1], monomial[1:]
            for pair in ((of_atom(left[0]), of_atom(right[0])), (value.cofactor(right), value.cofactor(left))):
                one, other = (_margins(facts, each) for each in pair)
                rows.update(dict.fromkeys(above * below for above in one for below in other))
    return tuple(rows)


@lru_cache(maxsize=1024)
def _margins(facts: tuple[Expr, ...], value: Expr) -> tuple[Expr, ...]:
    """How far an expression is above its least and below its greatest value, where there are such."""
    found = _explored(facts, (value - _BOUNDED, _BOUNDED - value), _BOUNDED, 1)
    low, high = (None, None) if found is None else found
    return (*(() if low is None else (value - low,)), *(() if high is None else (high - value,)))


def _explored(facts: tuple[Expr, ...], goals: tuple[Expr, ...], kept: Expr | None, cases: int) -> Bounds | None:
    """Bounds of the kept symbol, None when there is no solution."""
    rows = _gathered(facts, goals)
    found = _numbered(rows, kept)
    if found is None or cases == 0:
        return found
    atom = next((each for row in (*goals, *rows) for each in _minima(row)), None)
    if atom is None:
        return found
    results: list[Bounds] = []
    for chosen in (const(0), *atom.others):
        order = (-chosen, *(each - chosen for each in atom.others))
        try:
            case = tuple(_replaced(row, atom, chosen) for row in rows)
        except Refused:  # something divides by zero in this case
            continue
        result = _explored((), (*case, *order), kept, cases - 1)
        if result is not None:
            results.append(result)
            if kept is None:
                return result
    return _hull(results, found) if results else None


def _hull(results: list[Bounds], known: Bounds) -> Bounds:
    lows = [low for low, _ in results if low is not None]
    highs = [high for _, high in results if high is not None]
    low = min(lows) if len(lows) == len(results) else known[0]
    high = max(highs) if len(highs) == len(results) else known[1]
    return low, high


def _gathered(facts: tuple[Expr, ...], goals: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The goals, the meanings of atoms and the facts that have to do with them."""
    rows = dict.fromkeys(goals)
    seen: dict[Atom, None] = {}
    waiting = list(facts)
    positive = frozenset(atom for row in (*facts, *goals) if (atom := _bounded_atom(row)) is not None)
    fresh = [atom for row in goals for atom in _atoms(row)]
    while fresh:
        for atom in fresh:
            if atom not in seen:
                seen[atom] = None
                rows.update(dict.fromkeys(_meaning(atom, positive)))
        near = [row for row in waiting if not row.terms or not seen.keys().isdisjoint(_atoms(row))]
        waiting = [row for row in waiting if row not in near]
        rows.update(dict.fromkeys(near))
        fresh = [atom for row in rows for atom in _atoms(row) if atom not in seen]
    rows.update(dict.fromkeys(_products(tuple(rows), positive)))
    return tuple(rows)


@lru_cache(maxsize=8192)
def _atoms(value: Expr) -> tuple[Atom, ...]:
    return tuple(dict.fromkeys(atom for monomial, _ in value.terms for atom in monomial))


def _bounded_atom(row: Expr) -> Atom | None:
    """The atom that the inequality says to be at least 0."""
    if len(row.terms) == 1 and row.offset <= 0:
        monomial, times = row.terms[0]
        return monomial[0] if times > 0 and len(monomial) == 1 else None
    return None


def _meaning(atom: Atom, positive: frozenset[Atom]) -> tuple[Expr, ...]:
    if isinstance(atom, Least):
        least = of_atom(atom)
        return (-least, *(each - least for each in atom.others))
    if isinstance(atom, Quotient):
        divisor = atom.denominator
        if divisor.constant is None and not _nonnegative_form(divisor, positive):
            return ()
        left = atom.numerator - divisor * of_atom(atom)
        rows = (left, divisor - 1 - left)
        if divisor.constant is None and _nonnegative_form(atom.numerator, positive):
            rows = (*rows, of_atom(atom), atom.numerator - of_atom(atom))
        return rows
    return ()


def _nonnegative_form(value: Expr, positive: frozenset[Atom]) -> bool:
    return value.offset >= 0 and all(times > 0 and positive.issuperset(monomial) for monomial, times in value.terms)


def _products(rows: tuple[Expr, ...], positive: frozenset[Atom]) -> list[Expr]:
    """Inequalities times an atom that is not negative, where a product among the rows asks for them."""
    asked: dict[tuple[Monomial, Atom], None] = {}
    for row in rows:
        for monomial, _ in row.terms:
            if len(monomial) > 1:
                for atom in dict.fromkeys(monomial):
                    rest = without(monomial, (atom,))
                    if rest and atom in positive:
                        asked[rest, atom] = None
    found: dict[Expr, None] = {}
    for rest, atom in asked:
        for row in rows:
            if any(monomial == rest for monomial, _ in row.terms):
                found[row * of_atom(atom)] = None
                if len(found) >= PRODUCT_LIMIT:
                    return list(found)
    return list(found)


def _numbered(rows: Iterable[Expr], kept: Expr | None) -> Bounds | None:
    numbers: dict[Monomial, int] = {}
    if kept is not None:
        numbers[kept.terms[0][0]] = 0
    return solved(
        [
            ({numbers.setdefault(monomial, len(numbers)): times for monomial, times in row.terms}, row.offset)
            for row in rows
        ],
        None if kept is None else 0,
    )


@lru_cache(maxsize=8192)
def _minima(value: Expr) -> tuple[Least, ...]:
    """The minima in an expression, the inner ones first."""
    found: dict[Least, None] = {}
    for atom in _atoms(value):
        if isinstance(atom, Quotient):
            found.update(dict.fromkeys((*_minima(atom.numerator), *_minima(atom.denominator))))
        elif isinstance(atom, Least):
            for each in atom.others:
                found.update(dict.fromkeys(_minima(each)))
            found[atom] = None
    return tuple(found)


def _replaced(value: Expr, old: Least, new: Expr) -> Expr:
    """The expression with a minimum replaced wherever it occurs."""

    def replaced(atom: Atom) -> Expr | None:
        if atom == old:
            return new
        if isinstance(atom, Symbol) or not any(old in _minima(each) for each in _parts(atom)):
            return None
        parts = [_replaced(each, old, new) for each in _parts(atom)]
        return parts[0] // parts[1] if isinstance(atom, Quotient) else minimum(0, *parts)

    return value.rebuilt(replaced)


def _parts(atom: Quotient | Least) -> tuple[Expr, ...]:
    return (atom.numerator, atom.denominator) if isinstance(atom, Quotient) else atom.others


@lru_cache(maxsize=8192)
def tightened(row: Expr) -> Expr:
    """The same inequality `row >= 0` over integers with the common factor of its coefficients taken out.

    >>> from htp.dims import sym
    >>> print(tightened(64 * sym("m") - 1))
    m - 1
    """
    shared = gcd(*(times for _, times in row.terms))
    return row if shared < 2 else collect({each: times // shared for each, times in row.terms}, row.offset // shared)
