"""The table of tile operations: parameters, accepted dtypes, result dtype, and one line of documentation each.

Knows what every operation is called and takes; does not know how it is computed (`tile.py`) or typed (`infer`).
"""

from __future__ import annotations

from functools import cache

from htp._impl.operation import REQUIRED, Family, Op, Parameter, ParameterKind, Required, Result
from htp._impl.table_arrays import ARRAYS
from htp._impl.table_elementwise import ELEMENTWISE
from htp.diagnostics import Bug

__all__ = ["OPS", "REQUIRED", "Family", "Op", "Parameter", "ParameterKind", "Required", "Result", "op"]

OPS: tuple[Op, ...] = (*ELEMENTWISE, *ARRAYS)


def op(name: str) -> Op:
    """The operation called `name`."""
    found = _by_name().get(name)
    if found is None:
        raise Bug(f"there is no operation {name}")
    return found


@cache
def _by_name() -> dict[str, Op]:
    return {each.name: each for each in OPS}
