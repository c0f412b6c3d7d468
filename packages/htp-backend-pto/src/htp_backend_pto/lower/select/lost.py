"""What is known of the rows of tiles and arrays where extremes do not tell what a NaN gives.

Two runs of a program are compared: NumPy's, and one in which some extremes give anything for a NaN. The rows in which
the runs may differ are lost; a tile that is NaN in all of its lost rows, in both runs, is the same in both again.
Knows rows; does not know statements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MIXED", "NEW", "Known", "Lost", "Rows", "Since"]

Since = Literal["old", "new"]
NEW: frozenset[Since] = frozenset(("new",))
"""The rows that were lost by the last extreme; all others were lost before."""
OLD: frozenset[Since] = frozenset(("old",))
BOTH: frozenset[Since] = frozenset(("old", "new"))


class Lost(Exception):
    """A result, or which way a program takes, may depend on what an extreme gives for a NaN."""


@dataclass(frozen=True)
class Known:
    """What is known of one tile or array in both runs."""

    differs: bool = False
    """Whether its lost rows may differ; all other rows are the same."""
    nan: frozenset[Since] = frozenset()
    """In which lost rows it is nothing but NaN in both runs."""
    some: bool = False
    """Whether each row that was lost last has a NaN in both runs."""
    number: bool = False
    """Whether there is no NaN outside of lost rows."""
    mixed: bool = False
    """Whether rows were mixed, so that all may differ."""

    @property
    def same(self) -> bool:
        """Whether both runs have the same."""
        return not self.mixed and (not self.differs or self.nan == BOTH)

    def or_(self, other: Known) -> Known:
        """What is known where it is one or the other."""
        return Known(
            self.differs or other.differs, self.nan & other.nan, self.some and other.some,
            self.number and other.number, self.mixed or other.mixed,
        )  # fmt: skip


MIXED = Known(mixed=True)


@dataclass(frozen=True)
class Rows:
    """What is known of all tiles and arrays at one place of a program, and which lost rows there may be."""

    known: Mapping[str, Known]
    lost: frozenset[Since] = frozenset()

    def of(self, name: str) -> Known:
        """What is known of one; of what was never said anything, that it is the same."""
        found = self.known.get(name, Known())
        return replace(found, nan=found.nan | (BOTH - self.lost))

    def having(self, name: str, known: Known) -> Rows:
        """With another value of one."""
        return replace(self, known={**self.known, name: known})

    def losing(self) -> Rows:
        """Behind an extreme by which further rows are lost: those lost so far are old."""
        found: dict[str, Known] = {}
        for name in self.known:
            each = self.of(name)
            gone = each.nan == BOTH
            nan: frozenset[Since] = OLD if gone else frozenset()
            found[name] = Known(each.differs and not gone, nan, number=each.number, mixed=each.mixed)
        return Rows(found, BOTH if self.lost else NEW)

    def without(self, names: Iterable[str]) -> Rows:
        """Without what nobody reads any more; where all the rest is the same in both runs, no row is lost."""
        gone = set(names)
        kept = {name: each for name, each in self.known.items() if name not in gone}
        if not all(self.of(each).same for each in kept):
            return replace(self, known=kept)
        return Rows({name: Known(number=each.number and not each.differs) for name, each in kept.items()})

    def or_(self, other: Rows) -> Rows:
        """What is known where two ways meet."""
        names = sorted({*self.known, *other.known})
        return Rows({each: self.of(each).or_(other.of(each)) for each in names}, self.lost | other.lost)
