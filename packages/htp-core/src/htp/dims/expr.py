"""Symbolic integer expressions in one canonical form: polynomials over symbols, floor quotients and minima.

Knows Python's integer arithmetic exactly; it does not know which symbols are sizes or loop variables (`facts` does).

Three atoms are enough. A remainder is `a - b * (a // b)`, a maximum is a negated minimum of negations, and every
minimum is stored as `base + g * min(0, d1, d2, ...)`, so that shifting a minimum never changes its atom.
"""

from __future__ import annotations

from functools import lru_cache
from keyword import iskeyword
from math import gcd
from typing import TYPE_CHECKING, Final

from htp.diagnostics import Refused
from htp.dims.atoms import Atom, Monomial, Quotient, Symbol, atom_key, atom_symbols, monomial_key, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Expr:
    """An integer expression: a sum of integer multiples of products of atoms, plus an integer.

    Two expressions are equal when their canonical forms are; an integer equals the constant expression.

    >>> from htp.dims import minimum, sym
    >>> M, i = sym("M"), sym("i")
    >>> print(minimum(i + 64, M) - i)
    min(64, M - i)
    """

    __slots__ = ("_hash", "_key", "_symbols", "_text", "offset", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...], offset: int) -> None:
        """Takes canonical parts as they are; build expressions with `sym`, `const` and operators."""
        self.terms: Final = terms
        self.offset: Final = offset
        self._hash = hash((terms, offset)) if terms else hash(offset)
        self._key: tuple[object, ...] | None = None
        self._symbols: frozenset[str] | None = None
        self._text: str | None = None

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Expr):
            return self._hash == other._hash and self.offset == other.offset and self.terms == other.terms
        return isinstance(other, int) and not self.terms and self.offset == other

    def __reduce__(self) -> tuple[Callable[[str], Expr], tuple[str]]:
        from htp.dims.parse import parse

        return parse, (str(self),)

    @property
    def key(self) -> tuple[object, ...]:
        """An order on expressions that is the same in every process."""
        if self._key is None:
            self._key = (tuple((monomial_key(each), times) for each, times in self.terms), self.offset)
        return self._key

    @property
    def constant(self) -> int | None:
        """The value, if it depends on nothing."""
        return None if self.terms else self.offset

    @property
    def symbols(self) -> frozenset[str]:
        """The names the expression mentions."""
        if self._symbols is None:
            found: set[str] = set()
            for monomial, _ in self.terms:
                for atom in monomial:
                    found.update(atom_symbols(atom))
            self._symbols = frozenset(found)
        return self._symbols

    def __str__(self) -> str:
        if self._text is None:
            from htp.dims.text import text

            self._text = text(self)
        return self._text

    def __repr__(self) -> str:
        return f"Expr({str(self)!r})"

    def __add__(self, other: Expr | int) -> Expr:
        if isinstance(other, int):
            return Expr(self.terms, self.offset + other)
        if not other.terms:
            return Expr(self.terms, self.offset + other.offset)
        if not self.terms:
            return Expr(other.terms, self.offset + other.offset)
        sums = dict(self.terms)
        for monomial, times in other.terms:
            sums[monomial] = sums.get(monomial, 0) + times
        return collect(sums, self.offset + other.offset)

    def __neg__(self) -> Expr:
        return self.scaled(-1)

    def __sub__(self, other: Expr | int) -> Expr:
        return self + (-other)

    def __mul__(self, other: Expr | int) -> Expr:
        if isinstance(other, int):
            return self.scaled(other)
        if not other.terms:
            return self.scaled(other.offset)
        if not self.terms:
            return other.scaled(self.offset)
        sums: dict[Monomial, int] = {}
        ones: Monomial = ()
        for left, times in (*self.terms, (ones, self.offset)):
            for right, again in (*other.terms, (ones, other.offset)):
                product = tuple(sorted(left + right, key=atom_key)) if left and right else left or right
                sums[product] = sums.get(product, 0) + times * again
        return collect(sums, sums.pop(ones, 0))

    def __floordiv__(self, other: Expr | int) -> Expr:
        from htp.dims.forms import floordiv

        return floordiv(self, coerce(other))

    def __mod__(self, other: Expr | int) -> Expr:
        return self - (self // other) * other

    def __radd__(self, other: int) -> Expr:
        return self + other

    def __rsub__(self, other: int) -> Expr:
        return -self + other

    def __rmul__(self, other: int) -> Expr:
        return self.scaled(other)

    def __rfloordiv__(self, other: int) -> Expr:
        return const(other) // self

    def __rmod__(self, other: int) -> Expr:
        return const(other) % self

    def scaled(self, factor: int) -> Expr:
        """The expression times an integer."""
        if factor == 1:
            return self
        if factor == 0:
            return const(0)
        return Expr(tuple((each, times * factor) for each, times in self.terms), self.offset * factor)

    def divided(self, divisor: int) -> Expr:
        """The expression over an integer that divides every coefficient."""
        return Expr(tuple((each, times // divisor) for each, times in self.terms), self.offset // divisor)

    def content(self) -> int:
        """The greatest integer that divides every coefficient, 0 for the expression 0."""
        return gcd(self.offset, *(times for _, times in self.terms))

    def cofactor(self, factor: Monomial) -> Expr:
        """What multiplies a product in the terms that have it."""
        found: dict[Monomial, int] = {}
        for monomial, times in self.terms:
            rest = without(monomial, factor)
            if rest is not None:
                found[rest] = times
        return collect(found, found.pop((), 0))

    def substitute(self, values: Mapping[str, Expr]) -> Expr:
        """The expression with some symbols replaced, all at once."""
        if self.symbols.isdisjoint(values):
            return self
        from htp.dims.forms import minimum

        def replaced(atom: Atom) -> Expr | None:
            if isinstance(atom, Symbol):
                return values.get(atom.name)
            if atom_symbols(atom).isdisjoint(values):
                return None
            if isinstance(atom, Quotient):
                return atom.numerator.substitute(values) // atom.denominator.substitute(values)
            return minimum(0, *(each.substitute(values) for each in atom.others))

        return self.rebuilt(replaced)

    def rebuilt(self, replaced: Callable[[Atom], Expr | None]) -> Expr:
        """The expression with each top-level atom replaced by what the function gives, None to keep it."""
        total = const(self.offset)
        kept: dict[Monomial, int] = {}
        for monomial, times in self.terms:
            values = [replaced(atom) for atom in monomial]
            if all(value is None for value in values):
                kept[monomial] = times
                continue
            product = const(times)
            for atom, value in zip(monomial, values, strict=True):
                product = product * (of_atom(atom) if value is None else value)
            total = total + product
        return total + collect(kept, 0)

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The integer the expression stands for.

        Raises:
            Refused: `type.bad-dimension` when a symbol has no value or a divisor is zero.
        """
        total = self.offset
        for monomial, times in self.terms:
            for atom in monomial:
                times *= _atom_value(atom, values)
            total += times
        return total


def _atom_value(atom: Atom, values: Mapping[str, int]) -> int:
    if isinstance(atom, Symbol):
        try:
            return values[atom.name]
        except KeyError:
            raise Refused("type.bad-dimension", f"dimension `{atom.name}` has no value") from None
    if isinstance(atom, Quotient):
        divisor = atom.denominator.evaluate(values)
        if divisor == 0:
            raise Refused("type.bad-dimension", f"`{of_atom(atom)}` divides by zero")
        return atom.numerator.evaluate(values) // divisor
    return min(0, *(each.evaluate(values) for each in atom.others))


def collect(sums: Mapping[Monomial, int], offset: int) -> Expr:
    """The expression with these coefficients; zero coefficients are dropped."""
    terms = [(each, times) for each, times in sums.items() if times]
    if len(terms) > 1:
        terms.sort(key=lambda term: monomial_key(term[0]))
    return Expr(tuple(terms), offset)


@lru_cache(maxsize=1024)
def const(value: int) -> Expr:
    """The expression that is this integer."""
    return Expr((), int(value))


def of_atom(atom: Atom) -> Expr:
    """The expression that is this atom."""
    return Expr((((atom,), 1),), 0)


@lru_cache(maxsize=4096)
def hidden(name: str) -> Expr:
    """A symbol of any spelling, for proofs; users' symbols come from `sym`."""
    return of_atom(Symbol(name))


@lru_cache(maxsize=4096)
def sym(name: str) -> Expr:
    """The symbol of this name.

    Raises:
        Refused: `type.bad-dimension` when the name is no identifier, a keyword, or `min` or `max`.
    """
    if not name.isidentifier() or iskeyword(name) or name in {"min", "max"}:
        raise Refused("type.bad-dimension", f"`{name}` cannot name a dimension")
    return hidden(name)


def coerce(value: Expr | int) -> Expr:
    """An integer as an expression."""
    return value if isinstance(value, Expr) else const(value)
