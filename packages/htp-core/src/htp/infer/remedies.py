"""What a person can state so that sizes are known to fit, in names that stand in the program.

Knows which assertions are worth trying; does not know where sizes come from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp.infer.values import Index, Region, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from htp.dims import Expr, Facts
    from htp.infer.values import Known

    Environment = Mapping[str, Known]

NAME = re.compile(r"[^\W\d]\w*")
NUMBER = re.compile(r"\d+")
TRIED = 64


def remedy(
    facts: Facts,
    sizes: tuple[Expr, Expr],
    names: AbstractSet[str],
    clips: Sequence[tuple[Expr, Expr]],
    environment: Environment,
) -> str:
    """The help for two sizes that may differ; `clips` are the slice bounds of unknown sign that they depend on."""
    if clips:
        bounds = [(written(bound, environment), written(size, environment)) for bound, size in clips]
        if any(None in each for each in bounds):
            return "say that the slice lies inside: give its bounds names, and compare those in an `assert`"
        inside = " and ".join(dict.fromkeys(f"0 <= {bound} <= {size}" for bound, size in bounds))
        return f"say that the slice lies inside: `assert {inside}`"
    if (enough := _enough(facts, *sizes, names, environment)) is not None:
        return f"say that there is enough: `assert {enough}`"
    a, b = (written(each, environment) for each in sizes)
    if a is None or b is None:
        return "give both sizes names, and compare those in an `assert`"
    equal = f"say that they are equal: `assert {a} == {b}`"
    return f"use one name for both sizes, or {equal}" if all(str(each) in each.symbols for each in sizes) else equal


def divided(size: Expr, by: Expr, environment: Environment) -> str:
    """The help for a size that has to be a multiple; only of constants an assertion that says so is used."""
    said = written(size, environment) if by.constant else None
    return f"say so: `assert {_whole(said)} % {by} == 0`" if said else "use a size that is known to be a multiple"


def written(value: Expr, environment: Environment) -> str | None:
    """`value` in names of the program; None where it is made of what has none.

    The name of a size in a signature is no variable: it is written as the axis of a tensor that has it.
    """
    names = {symbol: _name(symbol, environment) for symbol in value.symbols}
    if all(names.values()):
        return NAME.sub(lambda found: names.get(found[0]) or found[0], str(value))
    for name, known in environment.items():
        if isinstance(known, Index) and (value - known.value).constant is not None:
            return str(sym(name) + (value - known.value))
    return None


def _name(symbol: str, environment: Environment) -> str | None:
    """The variable that is `symbol`, or the axis that has as many elements."""
    wanted = sym(symbol)
    variables = [name for name, known in environment.items() if isinstance(known, Index) and known.value == wanted]
    if symbol in variables:
        return symbol
    axes = (
        f"{name}.shape[{axis}]"
        for name, known in environment.items()
        if isinstance(known, Region | Value)
        for axis, size in enumerate(known.dims)
        if size == wanted
    )
    return next(axes, variables[0] if variables else None)


def _whole(text: str) -> str:
    """An operand of `%`, in brackets where it is a sum."""
    return f"({text})" if " + " in text or " - " in text else text


def _enough(facts: Facts, a: Expr, b: Expr, names: AbstractSet[str], environment: Environment) -> str | None:
    """A lower bound of one size under which the two are equal: slices then clip nothing."""
    numbers = sorted({int(each) for each in NUMBER.findall(f"{a} {b}")})
    symbols = sorted(a.symbols | b.symbols)
    least = [const(number) for number in numbers]
    least += [sym(each) + number for each in symbols for number in (0, *numbers)]
    tried = [(bound, name) for bound in least for name in symbols if name in names and name not in bound.symbols]
    for bound, name in tried[:TRIED]:
        if facts.with_nonnegative(sym(name) - bound).equal(a, b):
            said, least_said = written(sym(name), environment), written(bound, environment)
            if said and least_said:
                return f"{said} >= {least_said}"
    return None
