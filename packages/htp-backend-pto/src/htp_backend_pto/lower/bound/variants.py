"""A kernel for every set of bounds: calls whose sizes no other call exceeds in all of them have a kernel of their own.

Knows calls and the sizes that tiles are made of; does not know rooms. A kernel has room for the largest sizes of some
call, and never for the rows of one together with the columns of another.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.fresh_names import numbered
from htp.infer.engine import infer
from htp.infer.values import Index, Region
from htp.program import origin_of, stamp
from htp.types import ScalarType
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.bounds import arguments_of, calls_of
from htp_backend_pto.tiles import declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr, Facts
    from htp.infer.state import Inference
    from htp.program import Function, Program
    from htp.types import Param

__all__ = ["with_variants"]

Bounds = dict[str, float]
"""The most that each size can be; infinite where nothing says."""


def with_variants(program: Program) -> Program:
    """The program in which no kernel is called with bounds that are largest in different sizes."""
    kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
    known = infer(program, program.main)
    calls: dict[str, list[tuple[ast.stmt, Bounds]]] = {name: [] for name in kernels}
    for statement, call, name in calls_of(program.main, set(kernels)):
        calls[name].append((statement, _bounds(kernels[name], call, known, known.facts_at(statement))))
    taken = {each.name for each in program.functions}
    made: dict[str, list[Function]] = {}
    renamed: dict[int, str] = {}
    for name, found in calls.items():
        largest = _largest([bounds for _, bounds in found])
        names = [name, *(numbered(name, taken, 2) for _ in largest[1:])]
        made[name] = [replace(kernels[name], name=each) for each in names]
        for statement, bounds in found:
            renamed[id(statement)] = next(n for n, most in zip(names, largest, strict=True) if _within(bounds, most))
    if all(len(each) < 2 for each in made.values()):
        return program
    main = replace(program.main, body=tuple(changed(program.main.body, lambda each: [_renamed(each, renamed)])))
    others = (new for each in program.functions if each.name != main.name for new in made.get(each.name) or [each])
    return replace(program, functions=(*others, main))


def _bounds(kernel: Function, call: ast.Call, known: Inference, facts: Facts) -> Bounds:
    """What a call gives to the sizes that the kernel's tiles are made of."""
    sizes = {symbol for _, _, type_ in declared(kernel.body) for dim in type_.dims for symbol in dim.symbols}
    found: Bounds = {}
    for param, argument in arguments_of(kernel, call):
        for name, value in _given(param, known.types.get(id(argument))):
            if name in sizes:
                most = facts.upper_bound(value)
                found[name] = max(found.get(name, 0), float("inf") if most is None else most)
    return found


def _given(param: Param, value: object) -> list[tuple[str, Expr]]:
    if isinstance(value, Index) and isinstance(param.type, ScalarType):
        return [(param.name, value.value)]
    if isinstance(value, Region) and param.type is not None and not isinstance(param.type, ScalarType):
        pairs = zip(param.type.dims, value.dims, strict=True)
        return [(str(dim), extent) for dim, extent in pairs if str(dim) in dim.symbols]
    return []


def _largest(bounds: Sequence[Bounds]) -> list[Bounds]:
    """The sets that lie within no other one, each once, in the order of the calls; at least one."""
    found: list[Bounds] = []
    for each in bounds:
        if any(_within(each, other) for other in found):
            continue
        found = [other for other in found if not _within(other, each)] + [each]
    return found or [{}]


def _within(one: Bounds, other: Bounds) -> bool:
    return all(size <= other.get(name, 0) for name, size in one.items())


def _renamed(statement: ast.stmt, names: dict[int, str]) -> ast.stmt:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if names.get(id(statement), name) != name:
            func = ast.copy_location(ast.Name(names[id(statement)], ast.Load()), call.func)
            return stamp(ast.Expr(ast.Call(func, call.args, call.keywords)), origin_of(statement))
        case _:
            return statement
