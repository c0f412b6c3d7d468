"""The pass `your-name.logistic`: activations that are written out become the operations they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp import tile
from htp.capabilities import LOWERED, Inlined, OpUse, Typed
from htp.passes import Pass
from htp.rules import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator


@rewrite
def as_sigmoid(x: float) -> Iterator[object]:
    """One operation in place of four."""
    yield 1.0 / (1.0 + tile.exp(-x))
    yield tile.sigmoid(x)


@rewrite
def as_silu(x: float) -> Iterator[object]:
    """Both factors hold the same expression; a rule matches only where they do."""
    yield x * tile.sigmoid(x)
    yield tile.silu(x)


@dataclass(frozen=True)
class Logistic(Pass):
    """`1 / (1 + exp(-x))` becomes `tile.sigmoid(x)`, and `x * sigmoid(x)` becomes `tile.silu(x)`."""

    name = "your-name.logistic"
    requires = (Inlined(),)
    # The rules write new tile expressions. Types inferred before are outdated, and no lowered form is left; without
    # that a pinned pass could also stand behind the lowering, where no expression is whole and nothing matches.
    invalidates = (Typed(), *LOWERED)
    introduces = (OpUse("tile.sigmoid"), OpUse("tile.silu"))
    rules = (as_sigmoid, as_silu)
