"""Integer linear inequalities: what a conjunction of `sum(c * x) + k >= 0` says about one variable, if anything.

Knows Fourier-Motzkin elimination with integer tightening (H. P. Williams, "Fourier-Motzkin elimination extension to
integer programming problems", 1976, without its case splits). It forgets inequalities rather than grow without end,
so a contradiction it finds is one and a bound it gives holds, but it does not find all.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Coefficients: TypeAlias = tuple[tuple[int, int], ...]
"""Sorted pairs of a variable and its coefficient."""

Bounds: TypeAlias = tuple[int | None, int | None]

ROW_LIMIT = 64
"""An elimination that would leave more inequalities than this drops the variable's inequalities instead."""


class Contradiction(Exception):
    """The inequalities have no integer solution."""


class Table:
    """A conjunction of inequalities, each reduced by the common factor of its coefficients."""

    def __init__(self) -> None:
        self._rows: dict[Coefficients, int] = {}

    def add(self, coefficients: Mapping[int, int], constant: int) -> None:
        """Adds `sum(coefficients) + constant >= 0`.

        Raises:
            Contradiction: when it contradicts what is there on its own or with one other inequality.
        """
        present = {variable: times for variable, times in coefficients.items() if times}
        if not present:
            if constant < 0:
                raise Contradiction
            return
        shared = gcd(*present.values())
        key = tuple(sorted((variable, times // shared) for variable, times in present.items()))
        constant //= shared
        known = self._rows.get(key)
        if known is not None and known <= constant:
            return
        self._rows[key] = constant
        opposite = self._rows.get(_negated(key))
        if opposite is not None and constant + opposite < 0:
            raise Contradiction

    def bounds(self, kept: int | None) -> Bounds:
        """The least and greatest value known of a variable, after all others are eliminated.

        Raises:
            Contradiction: when the elimination shows that there is no solution.
        """
        while self._use_equation(kept) or self._eliminate(kept):
            pass
        low: int | None = None
        high: int | None = None
        for ((_, times),), constant in self._rows.items():
            if times > 0:
                low = -constant
            else:
                high = constant
        return low, high

    def _use_equation(self, kept: int | None) -> bool:
        """Replaces one variable that an equation gives as an integer combination of others."""
        for key, constant in self._rows.items():
            if self._rows.get(_negated(key)) == -constant:
                for variable, times in key:
                    if variable != kept and abs(times) == 1:
                        self._replace(variable, key, constant)
                        return True
        return False

    def _replace(self, variable: int, equation: Coefficients, constant: int) -> None:
        rows, self._rows = self._rows, {}
        sign = dict(equation)[variable]
        for key, each in rows.items():
            times = dict(key).get(variable, 0)
            if times:
                self._combine(key, each, 1, equation, constant, -times * sign)
            else:
                self.add(dict(key), each)

    def _combine(
        self, left: Coefficients, constant: int, times: int, right: Coefficients, other: int, again: int
    ) -> None:
        total = {variable: each * times for variable, each in left}
        for variable, each in right:
            total[variable] = total.get(variable, 0) + each * again
        self.add(total, constant * times + other * again)

    def _eliminate(self, kept: int | None) -> bool:
        """Eliminates the variable that leaves the fewest inequalities; False when none is left."""
        counts: dict[int, list[int]] = {}
        for key in self._rows:
            for variable, times in key:
                if variable != kept:
                    counts.setdefault(variable, [0, 0])[times > 0] += 1
        if not counts:
            return False
        variable = min(counts, key=lambda each: (counts[each][0] * counts[each][1] - sum(counts[each]), each))
        rows, self._rows = self._rows, {}
        above: list[tuple[Coefficients, int, int]] = []
        below: list[tuple[Coefficients, int, int]] = []
        for key, constant in rows.items():
            times = dict(key).get(variable, 0)
            if times:
                (above if times > 0 else below).append((key, constant, abs(times)))
            else:
                self._rows[key] = constant
        if len(self._rows) + len(above) * len(below) <= ROW_LIMIT:
            for left, constant, times in above:
                for right, other, again in below:
                    self._combine(left, constant, again, right, other, times)
        return True


def _negated(key: Coefficients) -> Coefficients:
    return tuple((variable, -times) for variable, times in key)


def contradictory(rows: Iterable[tuple[Mapping[int, int], int]]) -> bool:
    """Whether the inequalities are shown to have no solution."""
    return solved(rows, None) is None


def solved(rows: Iterable[tuple[Mapping[int, int], int]], kept: int | None) -> Bounds | None:
    """Bounds of a variable under inequalities, None when they are shown to have no solution."""
    table = Table()
    try:
        for coefficients, constant in rows:
            table.add(coefficients, constant)
        return table.bounds(kept)
    except Contradiction:
        return None
