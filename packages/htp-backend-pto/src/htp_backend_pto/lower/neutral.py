"""What nothing reduces to: the number that each reduction begins with, as in NumPy.

Knows dtypes; does not know statements or instructions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.types import DType

__all__ = ["neutral"]


def neutral(how: str, dtype: DType) -> float:
    """The result of `sum`, `prod`, `max`, `min`, `any` or `all` of no elements."""
    if dtype.kind == "bool":
        return how in ("all", "min", "prod")
    if how in ("sum", "prod"):
        return (0.0 if how == "sum" else 1.0) if dtype.kind == "float" else int(how == "prod")
    if dtype.kind == "float":
        return -math.inf if how == "max" else math.inf
    half = 1 << dtype.bits - 1
    least, most = (0, 2 * half - 1) if dtype.kind == "uint" else (-half, half - 1)
    return least if how == "max" else most
