"""How large the sizes of kernels can become, from what every call gives them.

Knows calls and facts about sizes; does not know tiles.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp.infer.engine import infer
from htp.infer.values import Index, Region
from htp.types import ScalarType, TensorType
from htp_backend_pto.lower.gangs import gangs_of
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.diagnostics import Span
    from htp.dims import Expr, Facts
    from htp.program import Function, Program
    from htp.types import Param

__all__ = ["Sizes", "arguments_of", "calls_of", "sizes_of"]


@dataclass
class Sizes:
    """What is known of the integers that a kernel is given: bounds over all calls, and what stands in the calls.

    `given` are the sizes of arguments behind each size of the kernel, with the place of the call.
    """

    least: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    most: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    given: dict[str, list[tuple[Expr, Span | None]]] = field(
        default_factory=dict[str, "list[tuple[Expr, Span | None]]"]
    )

    def add(self, name: str, value: Expr, facts: Facts, place: Span | None) -> None:
        """One more call, which gives `value`."""
        low, high = facts.lower_bound(value), facts.upper_bound(value)
        known = name in self.given
        before, above = self.least.get(name), self.most.get(name)
        self.least[name] = low if not known or low is None or before is None else min(low, before)
        self.most[name] = high if not known or high is None or above is None else max(high, above)
        if known and before is None:
            self.least[name] = None
        if known and above is None:
            self.most[name] = None
        self.given.setdefault(name, []).append((value, place))

    def within(self, facts: Facts) -> Facts:
        """Facts of the kernel with these bounds."""
        for name, low in self.least.items():
            if low is not None:
                facts = facts.with_nonnegative(sym(name) - low)
        for name, high in self.most.items():
            if high is not None:
                facts = facts.with_nonnegative(const(high) - sym(name))
        return facts


def sizes_of(program: Program) -> dict[str, Sizes]:
    """The sizes of every kernel that the entry calls, or that a gang does which it calls."""
    found: dict[str, Sizes] = {}
    gangs = gangs_of(program)
    called = {each.name: each for each in program.functions if each.kind == "kernel" or each in gangs}
    for caller in (program.main, *gangs):
        _add(found, program, caller, called)
    return found


def _add(found: dict[str, Sizes], program: Program, caller: Function, functions: Mapping[str, Function]) -> None:
    """Adds what the calls of one function say; what is known of its own sizes stands in `found`."""
    known, own = infer(program, caller), found.get(caller.name, Sizes())
    for statement, call, name in calls_of(caller, set(functions)):
        sizes = found.setdefault(name, Sizes())
        facts = own.within(known.facts_at(statement))
        for param, argument in arguments_of(functions[name], call):
            value = known.types.get(id(argument))
            if isinstance(param.type, TensorType) and isinstance(value, Region):
                for dim, extent in zip(param.type.dims, value.dims, strict=True):
                    if str(dim) in dim.symbols:
                        sizes.add(str(dim), extent, facts, getattr(argument, "origin", None))
            elif isinstance(param.type, ScalarType) and isinstance(value, Index):
                sizes.add(param.name, value.value, facts, getattr(argument, "origin", None))


def calls_of(function: Function, kernels: set[str]) -> Iterator[tuple[ast.stmt, ast.Call, str]]:
    """Every statement that calls one of the kernels, the call, and the kernel's name."""
    for statement in walk(function.body):
        value = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in kernels:
            yield statement, value, value.func.id


def arguments_of(kernel: Function, call: ast.Call) -> list[tuple[Param, ast.expr]]:
    """Each parameter with its argument."""
    named = {each.arg: each.value for each in call.keywords}
    return [
        (param, call.args[number] if number < len(call.args) else named[param.name])
        for number, param in enumerate(kernel.params)
    ]
