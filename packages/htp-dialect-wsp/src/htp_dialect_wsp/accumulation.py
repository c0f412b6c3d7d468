"""What a kernel does with a parameter that it updates: `y[s] = y[s] OP e` and nothing else, or something other.

Knows the bodies of kernels; does not know loops of workloads, nor what is made of the answer.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from htp_dialect_wsp.directives.nests import Task, passed, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.program import Program

__all__ = ["Accumulation", "accumulation", "uses"]

SYMBOLS: MappingProxyType[type[ast.operator], str] = MappingProxyType({ast.Add: "+", ast.Sub: "+", ast.Mult: "*"})
"""Operators and what they combine with: to subtract something is to add its opposite."""

WORDS = MappingProxyType({"add": "+", "subtract": "+", "multiply": "*", "minimum": "min", "maximum": "max"})
"""The same for operations of tiles."""


@dataclass(frozen=True)
class Accumulation:
    """The operator that every update of a parameter combines with, or the first statement that is no such update."""

    operator: str | None = None
    otherwise: str | None = None


def accumulation(program: Program, kernel: str, parameter: str) -> Accumulation:
    """What a kernel, with the kernels that it calls, does with a parameter.

    An update reads of the parameter what it writes, once, and what it combines with that does not depend on the
    parameter, so that updates commute whichever elements they are of.
    """
    operator: str | None = None
    for found in _updates(program, kernel, parameter, ()):
        if found.operator is None or operator not in (None, found.operator):
            return Accumulation(otherwise=found.otherwise)
        operator = found.operator
    return Accumulation(operator, None if operator is not None else f"nothing in `{kernel}` updates it")


def _updates(program: Program, kernel: str, parameter: str, inside: tuple[str, ...]) -> Iterator[Accumulation]:
    function = next((each for each in program.functions if each.name == kernel), None)
    if function is None or kernel in inside:
        yield Accumulation(otherwise=f"`{kernel}` takes it, and what that does is not known")
        return
    for node in _simple(function.body):
        if not uses(node, parameter):
            continue
        match node:
            case ast.Expr(ast.Call(func=ast.Name(callee)) as call) if (given := _handed(program, call, parameter)):
                yield from _updates(program, callee, given, (*inside, kernel))
            case _:
                text = f"`{kernel}` has `{ast.unparse(node).splitlines()[0]}`"
                yield Accumulation(_operator(node, parameter), text)


def _simple(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Statements without blocks, and what those with blocks go over or ask for."""
    for each in statements:
        match each:
            case ast.For(body=body, orelse=orelse):
                yield each.target
                yield each.iter
            case ast.While(body=body, orelse=orelse) | ast.If(body=body, orelse=orelse):
                yield each.test
            case ast.With(body=body):
                orelse: list[ast.stmt] = []
                yield from (item.context_expr for item in each.items)
            case _:
                yield each
                continue
        yield from _simple([*body, *orelse])


def uses(node: ast.AST, name: str) -> int:
    """How often the elements of an array are named; asking for its shape does not count."""
    match node:
        case ast.Name(other):
            return int(other == name)
        case ast.Attribute(ast.Name(), "shape"):
            return 0
        case _:
            return sum(uses(each, name) for each in ast.iter_child_nodes(node))


def _handed(program: Program, call: ast.Call, parameter: str) -> str | None:
    """The parameter of a called kernel that a part of this one is passed for, and nothing else has to do with it."""
    callee = next((each for each in program.functions if each.name == ast.unparse(call.func)), None)
    if callee is None or callee.kind != "kernel" or uses(call, parameter) != 1:
        return None
    task = Task(callee.name, ast.Expr(call), call, ())
    given = (param.name for param, node in passed(task, callee) if root_of(node) == parameter)
    return next(given, None)


def _operator(node: ast.AST, parameter: str) -> str | None:
    """What `y[s] = y[s] OP e` combines with; None for any other statement."""
    match node:
        case ast.AugAssign(ast.Subscript(ast.Name()) as target, operator, _) if uses(node, parameter) == 1:
            return SYMBOLS.get(type(operator)) if root_of(target) == parameter else None
        case ast.Assign([ast.Subscript(ast.Name(name), place)], value) if name == parameter and not uses(
            place, parameter
        ):
            read = ast.unparse(ast.Subscript(ast.Name(parameter), place))
            return _combines(value, parameter, read) if uses(value, parameter) == 1 else None
        case _:
            return None


def _combines(value: ast.expr, parameter: str, read: str) -> str | None:
    """The one operator between what is read of the parameter and the rest of an expression."""
    match value:
        case ast.Call(ast.Attribute(ast.Name("tile"), "dot"), [_, _], [ast.keyword("acc", start)]):
            word, parts, swaps = "+", (start, ast.Constant(0)), True
        case ast.BinOp(left, operator, right):
            word, parts, swaps = SYMBOLS.get(type(operator)), (left, right), not isinstance(operator, ast.Sub)
        case ast.Call(ast.Attribute(ast.Name("tile"), name), [left, right], []):
            word, parts, swaps = WORDS.get(name), (left, right), name != "subtract"
        case _:
            return None
    own = 0 if uses(parts[0], parameter) else 1
    if word is None or (own == 1 and (not swaps or not uses(parts[1], parameter))):
        return None
    if ast.unparse(parts[own]) == read:
        return word
    return word if _combines(parts[own], parameter, read) == word else None
