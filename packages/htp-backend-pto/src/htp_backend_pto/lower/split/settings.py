"""Slots that kernels read: numbers of the entry from its beginning, which it hands on as any other number.

Knows slots, functions and their calls.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.infer.values import slot_symbol
from htp.lowering.build import annotated
from htp.program import stamp
from htp.rewriting import Rewriter
from htp.types import Param, ScalarType
from htp_backend_pto.lower.gangs import is_gang, is_member
from htp_backend_pto.lower.units import called

if TYPE_CHECKING:
    from collections.abc import Set

    from htp.program import Function, Program

__all__ = ["with_settings"]


def with_settings(program: Program) -> Program:
    """The program whose entry alone reads slots, once and before everything else; others take them as parameters."""
    functions = {each.name: each for each in program.functions if not (is_gang(each) or is_member(each))}
    slots = dict(program.slots)
    read = {name: _reads(each, slots.keys()) for name, each in functions.items()}
    calls = {name: _called(each) & functions.keys() for name, each in functions.items()}
    while (more := {name: read[name].union(*(read[each] for each in calls[name])) for name in read}) != read:
        read = more
    return program.replace(*(_changed(program, each, read) for name, each in functions.items() if read[name]))


def _changed(program: Program, function: Function, read: dict[str, set[str]]) -> Function:
    """The function with names in place of its slots, and of those that it hands on."""
    slots = dict(program.slots)
    own = sorted(read[function.name])
    body = tuple(_Settings(read).statements(function.body))
    if function.name != program.entry:
        params = (Param(slot_symbol(each), "scalar", ScalarType(slots[each].dtype)) for each in own)
        return replace(function, params=(*function.params, *params), body=body)
    head = (stamp(annotated(slot_symbol(each), _kind(slots[each].dtype.kind), _value(each)), function.origin)
            for each in own)  # fmt: skip
    return replace(function, body=(*head, *body))


def _value(name: str) -> ast.expr:
    return ast.Attribute(ast.Name(name, ast.Load()), "value", ast.Load())


def _kind(dtype: str) -> str:
    return {"float": "f64", "bool": "bool_"}.get(dtype, "i64")


def _slot(node: ast.AST) -> str:
    """The name of the slot that an expression may read."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr="value"):
            return name
        case _:
            return ""


def _reads(function: Function, slots: Set[str]) -> set[str]:
    return {_slot(node) for each in function.body for node in ast.walk(each)} & slots


def _called(function: Function) -> set[str]:
    return {called(node) for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call)}


class _Settings(Rewriter):
    """Slots by the names of their values, which calls pass on."""

    def __init__(self, read: dict[str, set[str]]) -> None:
        self.read = read
        self.slots = {each for names in read.values() for each in names}

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:  # noqa: N802
        """A variable; what normal form calls a slot's integer is there already."""
        made = self.generic_visit(node)
        match made:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Name(id=other)) if name == other:
                return None
            case _:
                return made

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802
        """A slot's value, or what else an attribute is."""
        name = _slot(node)
        return ast.Name(slot_symbol(name), ast.Load()) if name in self.slots else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """A call, with the numbers that what it calls has read."""
        made = self.generic_visit(node)
        more = sorted(self.read.get(called(node), ()))
        if not more:
            return made
        names: list[ast.expr] = [ast.Name(slot_symbol(each), ast.Load()) for each in more]
        return ast.Call(made.func, [*made.args, *names], made.keywords)
