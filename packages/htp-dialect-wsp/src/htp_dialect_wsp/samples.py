"""Sizes at which a workload is looked at when its sizes are not constant: whole iterations of its loops, and a tail.

Knows which sizes bound which steps; what is found at these sizes is no proof for others.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.infer.values import Index
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.dims import Expr
    from htp.program import Function
    from htp_dialect_wsp.independence import Independence

__all__ = ["sample_sizes"]


def sample_sizes(function: Function, *known: Independence | None) -> tuple[dict[str, int], ...]:
    """Values for the names of sizes and whole-number scalars of the signature; one empty set where it has none.

    `known` are what was inferred of the functions to be looked at, which tells what the names bound.
    """
    names = _names(function)
    if not names:
        return ({},)
    steps = dict.fromkeys(names, 1)
    bounding: set[str] = set()
    for each in known:
        for name, step in _steps(each) if each is not None else ():
            if name in steps:
                bounding.add(name)
                steps[name] = max(steps[name], step)
    largest = max((each for each in _numbers(function) if each < 1 << 16), default=1)
    samples = [
        {name: 2 * step + step // 2 + 1 for name, step in steps.items()},
        {name: 3 * step for name, step in steps.items()},
        {name: 5 * step + 1 for name, step in steps.items()},
        {name: 12 * step if name in bounding else 2 for name, step in steps.items()},
        dict.fromkeys(names, 2 * largest + largest // 2 + 1),
        dict.fromkeys(names, 3 * largest),
    ]
    return tuple(each for at, each in enumerate(samples) if each not in samples[:at])


def _names(function: Function) -> list[str]:
    found: dict[str, None] = {}
    for param in function.params:
        if isinstance(param.type, ScalarType):
            if param.type.dtype.kind in ("int", "uint"):
                found[param.name] = None
        elif param.type is not None:
            found.update(dict.fromkeys(name for dim in param.type.dims for name in sorted(dim.symbols)))
    return list(found)


def _steps(known: Independence) -> Iterable[tuple[str, int]]:
    """Names in the ends of ranges, each with the step of the range."""
    for loops in known.loops:
        loop = loops[-1]
        arguments = loop.iter.args if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) else []
        found = [known.known.types.get(id(each)) for each in arguments]
        values = [each.value for each in found if isinstance(each, Index)]
        if len(values) == len(arguments) and values:
            stop, step = values[min(1, len(values) - 1)], values[2].constant if len(values) == 3 else 1
            yield from ((name, abs(step or 1)) for name in stop.symbols if _grows(stop, name))


def _grows(stop: Expr, name: str) -> bool:
    """Whether a range becomes longer with a size."""
    small = dict.fromkeys(stop.symbols, 4)
    try:
        return stop.evaluate({**small, name: 64}) > stop.evaluate(small)
    except Refused:  # it divides by a size that is 0 there
        return False


def _numbers(function: Function) -> Iterable[int]:
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value > 1:
                yield node.value
