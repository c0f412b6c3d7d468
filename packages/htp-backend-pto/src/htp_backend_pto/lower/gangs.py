"""Gangs in programs: routines whose network runs as one task, and the kernels that are its processes.

Knows how they are written; does not know how a network becomes one.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.program import origin_of
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from htp.program import Function, Program

__all__ = ["channels_of", "gangs_of", "is_gang", "is_member", "members_of", "no_gang_within"]


def is_gang(function: Function) -> bool:
    """Whether a function is the network of one task."""
    return function.kind == "routine" and any(_opens(each) for each in function.body)


def no_gang_within(function: Function) -> None:
    """Holds an entry against having a gang of its own: only those that `pto.cluster` has made are known to work.

    Raises:
        Refused: `pto.no-cluster`.
    """
    for each in walk(function.body):
        if _opens(each):
            raise Refused(
                "pto.no-cluster",
                "networks of one task are made by the pass `pto.cluster`, and this one is written so",
                span=origin_of(each),
                help='write `open_network()`, and compile with `pins=["pto.cluster"]`',
            )


def is_member(function: Function) -> bool:
    """Whether a function is a process."""
    return any(each.is_end for each in function.params)


def gangs_of(program: Program) -> list[Function]:
    """The gangs of a program."""
    return [each for each in program.functions if is_gang(each)]


def members_of(program: Program, gang: Function) -> list[tuple[Function, dict[str, ast.expr]]]:
    """The processes of a gang, each with what it is given for its parameters."""
    kernels = {each.name: each for each in program.functions if is_member(each)}
    found: list[tuple[Function, dict[str, ast.expr]]] = []
    for statement in gang.body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args)) if name in kernels:
                params = (each.name for each in kernels[name].params)
                found.append((kernels[name], dict(zip(params, args, strict=True))))
            case _:
                pass
    return found


def channels_of(gang: Function) -> dict[str, ast.Call]:
    """The channels of a gang by name, as they are made."""
    found: dict[str, ast.Call] = {}
    for statement in gang.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if called(made) == "channel":
                found[name] = made
            case _:
                pass
    return found


def _opens(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return called(value) == "open_network" and isinstance(value, ast.Call) and bool(value.keywords)
