"""Parameters that a kernel does not look at: neither it nor its calls have them.

Knows calls; does not know what kernels compute.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.liveness import loads
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from htp.program import Function, Program

__all__ = ["without_unused"]


def without_unused(program: Program) -> Program:
    """The program whose kernels have no inputs and numbers that they do not use."""
    idle = {each.name: _idle(each) for each in program.functions if each.kind == "kernel"}
    if not any(idle.values()):
        return program

    def given(statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name) as function) as call) if idle.get(name):
                gone = {each.name for number, each in enumerate(program.function(name).params) if number in idle[name]}
                args = [each for number, each in enumerate(call.args) if number not in idle[name]]
                keywords = [each for each in call.keywords if each.arg not in gone]
                new = stamp(ast.Expr(ast.Call(function, args, keywords)), origin_of(statement))
                return [marked(new, site_of(statement))]
            case _:
                return [statement]

    functions = (
        replace(each, body=tuple(changed(each.body, given)))
        if each.kind != "kernel"
        else replace(each, params=tuple(p for number, p in enumerate(each.params) if number not in idle[each.name]))
        for each in program.functions
    )
    return replace(program, functions=tuple(functions))


def _idle(kernel: Function) -> frozenset[int]:
    used = {name for each in walk(kernel.body) for name in loads(each)}
    types = [ast.unparse(each.annotation) for each in walk(kernel.body) if isinstance(each, ast.AnnAssign)]
    used |= {name for each in types for name in re.findall(r"\w+", each)}  # sizes are text
    return frozenset(
        number
        for number, each in enumerate(kernel.params)
        if each.direction in ("in", "scalar") and each.name not in used
    )
