"""Facts in the form proofs want: symbols solved for, and a list of inequalities.

Knows how loops, divisibility and equations are solved; it draws no conclusions. A user's symbol has an *image* over
proof symbols: `i` of `range(0, M, 64)` with 64 dividing M is `64 * t`, and M is `64 * m`.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims.atoms import Symbol, atom_symbols
from htp.dims.expr import Expr, collect, const, hidden
from htp.dims.proof import tightened

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEVER = const(-1)
"""Said to be at least 0 when facts contradict each other."""


class Known:
    """An immutable set of hypotheses; every `with_` method gives a larger one."""

    __slots__ = ("_aliases", "_count", "_images", "_order", "_rows")

    def __init__(self) -> None:
        self._count = 0
        self._images: dict[str, Expr] = {}
        self._aliases: dict[str, Expr] = {}
        self._order: dict[str, int] = {}
        self._rows: tuple[Expr, ...] = ()

    @property
    def rows(self) -> tuple[Expr, ...]:
        """Expressions over proof symbols that are at least 0."""
        return self._rows

    @property
    def aliases(self) -> Mapping[str, Expr]:
        """Users' symbols that are known to be a constant or an earlier symbol, perhaps shifted."""
        return self._aliases

    def image(self, value: Expr) -> Expr | None:
        """A user's expression in proof symbols, None when the facts make it divide by zero."""
        return _substituted(value, self._images)

    def with_range(self, name: str, start: Expr, stop: Expr, step: int, *, once: bool) -> Known:
        """Adds a loop variable; `once` says that its loop has one turn."""
        more = self._copy()
        low, high = self.image(start), self.image(stop)
        for each, value in self._aliases.items():
            if each == name or name in value.symbols:
                del more._aliases[each]
        more._order.pop(name, None)
        more._meet(start, stop)
        turn = const(0) if once else more._fresh(name)
        more._meet(hidden(name))
        if low is None or high is None:
            more._images[name] = turn
            more._add(_NEVER)
            return more
        value = low + turn.scaled(step)
        more._images[name] = value
        more._add(high - 1 - value if step > 0 else value - 1 - high)
        more._add(turn)
        if once and name not in start.symbols:
            more._alias(hidden(name) - start)
        return more

    def with_nonnegative(self, value: Expr) -> Known:
        """Adds `value >= 0`."""
        more = self._copy()
        more._meet(value)
        known = self.image(value)
        more._add(_NEVER if known is None else known)
        return more

    def with_divides(self, divisor: int, value: Expr) -> Known:
        """Adds that a positive integer divides an expression."""
        more = self._copy()
        more._meet(value)
        known = self.image(value)
        if known is None:
            more._add(_NEVER)
            return more
        shared = gcd(divisor, known.content())
        divisor, known = divisor // shared, known.divided(shared)
        if divisor == 1:
            return more
        multiple = more._fresh("multiple").scaled(divisor)
        for name, times in _alone(known):
            if gcd(times, divisor) == 1:  # times * name + rest == 0 modulo divisor
                inverse = pow(times, -1, divisor)
                rest = known - hidden(name).scaled(times)
                reduced = {each: _nearest(-inverse * count, divisor) for each, count in rest.terms}
                more._solve(name, multiple + collect(reduced, _nearest(-inverse * rest.offset, divisor)))
                return more
        more._add(known - multiple)
        more._add(multiple - known)
        return more

    def with_zero(self, value: Expr) -> Known:
        """Adds `value == 0`."""
        more = self._copy()
        more._meet(value)
        more._alias(value)
        image = self.image(value)
        if image is None:
            more._add(_NEVER)
            return more
        known = _primitive(image)
        for name, times in reversed(_alone(known)):
            if abs(times) == 1:
                more._solve(name, (hidden(name).scaled(times) - known).scaled(times))
                return more
        more._add(known)
        more._add(-known)
        return more

    def _copy(self) -> Known:
        more = Known()
        more._count = self._count
        more._images = dict(self._images)
        more._aliases = dict(self._aliases)
        more._order = dict(self._order)
        more._rows = self._rows
        return more

    def _fresh(self, name: str) -> Expr:
        self._count += 1
        return hidden(f"{name}'{self._count}")

    def _meet(self, *values: Expr) -> None:
        """Notes which symbols are older than others."""
        for value in values:
            for name in sorted(value.symbols):
                self._order.setdefault(name, len(self._order) + self._count)

    def _add(self, row: Expr) -> None:
        row = tightened(row)
        if (row.terms or row.offset < 0) and row not in self._rows:
            self._rows = (*self._rows, row)

    def _solve(self, name: str, value: Expr) -> None:
        """Replaces a proof symbol by its solution everywhere."""
        solution = {name: value}
        rows, self._rows = self._rows, ()
        for row in rows:
            self._add(_substituted(row, solution) or _NEVER)
        for each, image in self._images.items():
            replaced = _substituted(image, solution)
            self._images[each] = image if replaced is None else replaced
        self._images.setdefault(name, value)

    def _alias(self, value: Expr) -> None:
        """Notes from `value == 0` that the youngest symbol is a constant or one other symbol, shifted."""
        value = _primitive(value)
        alone = [(name, times) for name, times in _alone(value) if abs(times) == 1]
        if not alone or len(value.terms) > 2:
            return
        name, times = max(alone, key=lambda each: self._order.get(each[0], 0))
        other = (hidden(name).scaled(times) - value).scaled(times)
        if all(len(monomial) == 1 and isinstance(monomial[0], Symbol) for monomial, _ in other.terms):
            renamed = {each: alias.substitute({name: other}) for each, alias in self._aliases.items()}
            self._aliases = {**renamed, name: other}


def _substituted(value: Expr, values: Mapping[str, Expr]) -> Expr | None:
    """The expression with symbols replaced, None when it then divides by zero."""
    try:
        return value.substitute(values)
    except Refused:
        return None


def _primitive(value: Expr) -> Expr:
    """The expression with the integer that divides all of it taken out."""
    return value.divided(max(1, value.content()))


def _nearest(value: int, divisor: int) -> int:
    """The integer nearest to 0 that differs by a multiple of the divisor."""
    rest = value % divisor
    return rest - divisor if 2 * rest > divisor else rest


def _alone(value: Expr) -> list[tuple[str, int]]:
    """The symbols that occur in one term only and there alone, with their coefficients."""
    counts: dict[str, int] = {}
    for monomial, _ in value.terms:
        for atom in monomial:
            for name in atom_symbols(atom):
                counts[name] = counts.get(name, 0) + 1
    return [
        (atom.name, times)
        for (atom, *more), times in value.terms
        if not more and isinstance(atom, Symbol) and counts[atom.name] == 1
    ]
