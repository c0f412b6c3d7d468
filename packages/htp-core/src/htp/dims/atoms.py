"""What expressions are made of: symbols, floor quotients and minima.

Knows identity and order of atoms; which atom stands for an operation is decided in `forms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from htp.dims.expr import Expr


class Symbol:
    """A named integer."""

    __slots__ = ("_hash", "key", "name")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.key: Final[tuple[object, ...]] = (2, name)
        self._hash = hash(name)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Symbol) and self.name == other.name)


class Quotient:
    """`numerator // denominator`, reduced; an integer denominator is at least 2."""

    __slots__ = ("_hash", "denominator", "key", "numerator")

    def __init__(self, numerator: Expr, denominator: Expr) -> None:
        self.numerator: Final = numerator
        self.denominator: Final = denominator
        self.key: Final[tuple[object, ...]] = (1, numerator.key, denominator.key)
        self._hash = hash((1, numerator, denominator))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Quotient)
            and self._hash == other._hash
            and self.numerator == other.numerator
            and self.denominator == other.denominator
        )


class Least:
    """`min(0, *others)`; the others are sorted, distinct and share no factor."""

    __slots__ = ("_hash", "key", "others")

    def __init__(self, others: tuple[Expr, ...]) -> None:
        self.others: Final = others
        self.key: Final[tuple[object, ...]] = (0, tuple(each.key for each in others))
        self._hash = hash((0, others))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Least) and self._hash == other._hash and self.others == other.others)


Atom: TypeAlias = Symbol | Quotient | Least
Monomial: TypeAlias = tuple[Atom, ...]


def atom_key(atom: Atom) -> tuple[object, ...]:
    """An order on atoms that is the same in every process."""
    return atom.key


def monomial_key(monomial: Monomial) -> tuple[object, ...]:
    """An order on products that is the same in every process; minima come first, plain symbols last."""
    return tuple(atom.key for atom in monomial)


def atom_symbols(atom: Atom) -> frozenset[str]:
    """The names the atom mentions."""
    if isinstance(atom, Symbol):
        return frozenset((atom.name,))
    if isinstance(atom, Quotient):
        return atom.numerator.symbols | atom.denominator.symbols
    return frozenset(name for each in atom.others for name in each.symbols)


def without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    """The product with the factors of another taken out, None when they are not all in it."""
    left = list(monomial)
    for atom in factor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)
