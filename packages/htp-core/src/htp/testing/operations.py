"""Small kernels for each operation of `htp.tile` and the dtypes it takes: what a backend must compile or refuse.

Knows how a call of an operation is written; does not know who accepts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import htp
from htp import tile
from htp.ops import OPS
from htp.testing.programs import defined
from htp.types import DTYPES
from htp.values import Array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.ops import Op, Parameter
    from htp.testing.programs import AnyDefinition
    from htp.types import DType

__all__ = ["operation_kernel", "operations"]

ARGUMENTS = {
    "tile": "{a}[:, :]", "operand": "{b}[:, :]", "tiles": "({a}[:, :], {b}[:, :])", "index": "k[:]", "axis": "0",
    "axes": "0", "shape": "(4, 4)", "count": "2", "number": "4", "dtype": "{dtype}",
}  # fmt: skip
"""What stands for a parameter of each kind."""
SPECIAL = {
    ("where", "cond"): "{a}[:, :] == {b}[:, :]", ("select", "cond"): "{a}[:, :] == {b}[:, :]", ("dot", "acc"): "",
    ("dot", "out_dtype"): "",
    ("reshape", "shape"): "(2, 8)", ("squeeze", "x"): "{a}[0:1, :]",
    ("full", "value"): "{one}", ("gather", "indices"): "tile.iota((4, 4), 1)", ("transpose", "axes"): "",
    ("scatter", "indices"): "tile.iota((4, 4), 1)",
}  # fmt: skip
"""What stands for single parameters; nothing where it is left out."""
LEFT_OUT = ("item", "print")
"""Operations whose result is no tile."""


def operations() -> Iterator[tuple[Op, tuple[DType, ...]]]:
    """Every operation that gives tiles, with the dtypes it takes."""
    for op in OPS:
        if op.name not in LEFT_OUT:
            yield op, tuple(each for each in DTYPES if each.kind in op.dtypes)


def operation_kernel(op: Op, dtypes: tuple[DType, ...]) -> AnyDefinition:
    """A kernel that calls an operation once for each dtype; it takes only the arrays that the calls name."""
    params: list[str] = []
    body: list[str] = []
    for dtype in dtypes:
        own = {name: f"{name}_{dtype.name}" for name in "abpr"}
        one = "True" if dtype.kind == "bool" else "1"
        arguments = [f"{each.name}={text}" for each in op.params if (text := _argument(op, each))]
        call = f"tile.{op.name}({', '.join(arguments)})".format(dtype=dtype.name, one=one, **own)
        results = _results(call, dtype)
        params += [f"{own[name]}: In[Tensor[{dtype.name}, 4, 4]]" for name in "ab" if own[name] in call]
        names = [f"{own['p']}{at}" for at in range(len(results))]
        body.append(f"{', '.join(names)} = {call}")
        for at, (result, dims) in enumerate(results):
            params.append(f"{own['r']}{at}: Out[Tensor[{result}, {', '.join(map(str, dims))}]]")
            body.append(f"{own['r']}{at}[{', '.join(':' * len(dims))}] = {names[at]}")
    if any("k[:]" in each for each in body):
        params.insert(0, "k: In[Tensor[i64, 4]]")
    lines = ["@kernel", f"def operation({', '.join(params)}) -> None:", *(f"    {line}" for line in body)]
    return defined("\n".join(lines), "operation", f"<{op.name} {' '.join(each.name for each in dtypes)}>")


def _argument(op: Op, parameter: Parameter) -> str:
    if (op.name, parameter.name) in SPECIAL:
        return SPECIAL[op.name, parameter.name]
    written = parameter.required or parameter.kind in ("axis", "axes", "dtype")
    return ARGUMENTS.get(parameter.kind, "") if written else ""


def _results(call: str, dtype: DType) -> list[tuple[str, tuple[int, ...]]]:
    """Dtype and shape of every result, found by computing it."""
    full = tile.full((4, 4), 1, dtype)
    own = {f"{name}_{dtype.name}": full for name in "ab"}
    scope = {"tile": tile, **own, "k": tile.zeros((4,), htp.i64), **{each.name: each for each in DTYPES}}
    found: object = eval(call, scope)
    every = cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found,)
    return [(type(each).name, each.shape) for each in every if isinstance(each, Array)]
