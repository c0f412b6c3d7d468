"""Sizes fixed before compiling: `dims={"N": 4096}` puts numbers in place of names in the entry's signature.

Knows signatures; bodies follow by inference.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import Expr, const
from htp.types import ScalarType, TensorType, TileType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Program
    from htp.types import Param


def specialized(program: Program, dims: Mapping[str, int]) -> Program:
    """The program with `dims` in the signature of its entry.

    Raises:
        Refused: `type.unknown-dimension`, `type.bad-dimension`.
    """
    main = program.main
    known = {
        name for each in main.params if isinstance(each.type, TensorType | TileType)
        for size in each.type.dims for name in size.symbols
    }  # fmt: skip
    for name, value in dims.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise Refused(
                "type.unknown-dimension",
                f"`{main.name}` has no dimension `{name}`",
                span=main.origin,
                help=f"did you mean `{near[0]}`?" if near else f"it has {', '.join(sorted(known)) or 'none'}",
            )
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Refused("type.bad-dimension", f"the size of `{name}` is {value!r}, not a count", span=main.origin)
    values: dict[str, Expr] = {name: const(value) for name, value in dims.items()}
    return program.replace(replace(main, params=tuple(_fixed(each, values) for each in main.params)))


def _fixed(param: Param, values: Mapping[str, Expr]) -> Param:
    if param.type is None or isinstance(param.type, ScalarType):
        return param
    dims = tuple(each.substitute(values) for each in param.type.dims)
    return replace(param, type=replace(param.type, dims=dims))
