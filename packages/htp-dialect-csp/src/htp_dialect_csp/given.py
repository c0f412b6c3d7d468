"""What is certain of the sizes of a network, out of its asserts and of what is passed where.

Knows tests, the facts that they are and sizes for which they hold; does not know who asserts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import Expr, Facts, sym
from htp.types import ScalarType, TensorType, TileType
from htp_dialect_csp.steps import Compare, Junction, holds
from htp_dialect_csp.symbols import ArrayValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.types import Param
    from htp_dialect_csp.steps import Test
    from htp_dialect_csp.symbols import Value

__all__ = ["MOST", "agreed", "alike", "allowed", "facts_of", "names_of"]

MOST = 512
"""What small sizes are below."""


def names_of(params: Iterable[Param]) -> tuple[str, ...]:
    """The sizes and whole numbers that a signature speaks of."""
    names: dict[str, None] = {}
    for param in params:
        if isinstance(param.type, ScalarType):
            if param.type.dtype.kind in ("int", "uint") and not param.is_end:
                names[param.name] = None
        elif param.type is not None:
            names.update(dict.fromkeys(name for dim in param.type.dims for name in sorted(dim.symbols)))
    return tuple(names)


def agreed(params: Iterable[Param], values: Mapping[str, Value]) -> Iterator[Test]:
    """What a call says of sizes: an array has those of its parameter, and a name is one size."""
    named: dict[Expr, Expr] = {}
    for param in params:
        value = values.get(param.name)
        if not isinstance(value, ArrayValue) or not isinstance(param.type, TensorType | TileType):
            continue
        for size, dim in zip(value.dims, param.type.dims, strict=False):
            if size is None:
                continue
            wanted = dim if dim.constant is not None else named.setdefault(dim, size)
            if (size - wanted).constant is None:
                yield Compare(size - wanted, "==")


def facts_of(names: Iterable[str], tests: Iterable[Test]) -> Facts:
    """Sizes and numbers are at least 0, and the tests hold."""
    facts = Facts()
    for name in names:
        facts = facts.with_dim(name)
    for each in tests:
        facts = _with(facts, each)
    return facts


def _with(facts: Facts, test: Test) -> Facts:
    if isinstance(test, Junction):
        for each in test.tests if test.kind == "and" else ():
            facts = _with(facts, each)
        return facts
    value = test.value
    match test.sign:
        case "==":
            return facts.with_equal(value, 0)
        case "<":
            return facts.with_nonnegative(-value - 1)
        case "<=":
            return facts.with_nonnegative(-value)
        case ">":
            return facts.with_nonnegative(value - 1)
        case ">=":
            return facts.with_nonnegative(value)
        case "!=":
            return facts


def alike(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Small sizes, one for all names at a time."""
    return (dict.fromkeys(names, size) for size in range(1, MOST))


def allowed(candidates: Iterable[Mapping[str, int]], tests: Sequence[Test]) -> Iterator[dict[str, int]]:
    """The candidates for which the tests hold, some of their sizes set to what equations among the tests say."""
    seen: list[dict[str, int]] = []
    for each in candidates:
        sizes = dict(each)
        for test in tests:
            _solve(test, sizes)
        if sizes not in seen and all(_holds(test, sizes) for test in tests):
            seen.append(sizes)
            yield sizes


def _solve(test: Test, sizes: dict[str, int]) -> None:
    """Sets a size so that an equation holds."""
    if isinstance(test, Junction):
        for each in test.tests if test.kind == "and" else ():
            _solve(each, sizes)
    elif test.sign == "==" and not _holds(test, sizes):
        for name in sorted(test.value.symbols & set(sizes)):
            slope = (test.value.substitute({name: sym(name) + 1}) - test.value).constant
            if slope in (1, -1):
                sizes[name] -= slope * test.value.evaluate(sizes)
                return


def _holds(test: Test, sizes: Mapping[str, int]) -> bool:
    try:
        return min(sizes.values(), default=0) >= 0 and holds(test, sizes)
    except Refused:  # it divides by a size that is 0 there, or speaks of what is not given
        return False
