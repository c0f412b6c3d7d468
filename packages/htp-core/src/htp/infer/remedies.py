"""What a person can state so that two sizes are known to be equal.

Knows which assertions are worth trying; does not know where sizes come from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from htp.dims import sym

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from htp.dims import Expr, Facts

NUMBER = re.compile(r"\d+")
TRIED = 64


def remedy(facts: Facts, a: Expr, b: Expr, sizes: AbstractSet[str], clips: Sequence[tuple[Expr, Expr]]) -> str:
    """The help for `a` and `b`, which may differ; `clips` are the slice bounds of unknown sign that they depend on."""
    if clips:
        inside = " and ".join(dict.fromkeys(f"0 <= {bound} <= {size}" for bound, size in clips))
        return f"say that the slice lies inside: `assert {inside}`"
    if (enough := _enough(facts, a, b, sizes)) is not None:
        return f"say that there is enough: `assert {enough}`"
    return f"use one name for both sizes, or say that they are equal: `assert {a} == {b}`"


def _enough(facts: Facts, a: Expr, b: Expr, sizes: AbstractSet[str]) -> str | None:
    """A lower bound of one size under which the two are equal: slices then clip nothing."""
    numbers = sorted({int(each) for each in NUMBER.findall(f"{a} {b}")})
    names = sorted((a.symbols | b.symbols) & sizes)
    for least, name in [(least, name) for least in numbers for name in names][:TRIED]:
        if facts.with_nonnegative(sym(name) - least).equal(a, b):
            return f"{name} >= {least}"
    return None
