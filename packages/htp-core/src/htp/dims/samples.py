"""Small assignments that satisfy facts, to see quickly that something cannot be proved.

Knows nothing that counts as a proof: samples only spare proofs that must fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.dims.expr import Expr

KEPT = 8
"""Samples kept of those found."""

_VALUES = (0, 1, 2, 3, 1, 5, 8, 2, 13, 64, 7, 100, 4, 0, 37, 6)
_SEEDS = tuple(range(24))


class Sample(dict[str, int]):
    """An assignment; a symbol without a value gets one that its name and the seed decide."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def __missing__(self, name: str) -> int:
        value = _VALUES[(crc32(name.encode()) + self.seed * (5 + 2 * (self.seed // len(_VALUES)))) % len(_VALUES)]
        self[name] = value
        return value

    def varied(self, names: Iterable[str], seed: int) -> Sample:
        """The assignment with other values for some symbols."""
        other = Sample(self.seed)
        other.update(self)
        drawn = Sample(seed)
        for name in names:
            other[name] = drawn[name]
        return other


def satisfies(sample: Sample, rows: Iterable[Expr]) -> bool:
    """Whether every expression is defined and at least 0 under the assignment."""
    try:
        return all(row.evaluate(sample) >= 0 for row in rows)
    except Refused:
        return False


def found(parents: tuple[Sample, ...], rows: tuple[Expr, ...], latest: tuple[Expr, ...]) -> tuple[Sample, ...]:
    """Samples that satisfy the rows, made from samples that satisfied all but the latest."""
    names = sorted({name for row in latest for name in row.symbols})
    kept: dict[tuple[tuple[str, int], ...], Sample] = {}

    def keep(sample: Sample) -> None:
        if satisfies(sample, rows):
            kept[tuple(sorted(sample.items()))] = sample

    for sample in parents:
        keep(sample)
    for seed in _SEEDS:
        for sample in parents or (Sample(seed),):
            if len(kept) >= KEPT:
                return tuple(kept.values())
            keep(sample.varied(names, seed))
    return tuple(kept.values())


def first() -> tuple[Sample, ...]:
    """Samples of no facts."""
    return tuple(Sample(seed) for seed in range(KEPT))
