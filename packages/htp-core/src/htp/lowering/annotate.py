"""Types written into the program: every expression is checked and every tile variable gets its annotation.

Knows the checks that refuse a program; what is inferred is `htp.infer`'s business.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Inlined, Typed
from htp.diagnostics import Refused
from htp.infer.directions import check_directions
from htp.infer.engine import infer
from htp.infer.state import VERSION
from htp.infer.values import Value
from htp.passes import Pass
from htp.program import origin_of, stamp

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.program import Function, Program


@dataclass(frozen=True)
class Annotate(Pass):
    """Checks shapes, dtypes and directions, and writes the type of every tile variable beside it."""

    name = "annotate"
    requires = (Inlined(),)
    provides = (Typed(),)
    understands = tuple(DialectUse(each) for each in ("tile", "host", "tasks", "streams", "gangs"))

    def apply(self, program: Program) -> Program:
        """The same program with annotations."""
        return program.replace(*(_annotated(each, checked(program, each)) for each in program.functions))


def checked(program: Program, function: Function) -> Inference:
    """The inferred types of a function that fits its signature.

    Raises:
        Refused: `type.*` for the first expression that does not fit, or for every contradicted direction.
    """
    known = infer(program, function)
    errors = [each for each in check_directions(function, known) if each.severity == "error"]
    if errors:
        raise Refused.of(*errors)
    return known


def _annotated(function: Function, known: Inference) -> Function:
    return replace(function, body=tuple(_statement(each, known) for each in function.body))


def _statement(statement: ast.stmt, known: Inference) -> ast.stmt:
    if isinstance(statement, ast.For):
        new: ast.stmt = ast.For(statement.target, statement.iter, _block(statement.body, known), [], lineno=0)
    elif isinstance(statement, ast.While):
        new = ast.While(statement.test, _block(statement.body, known), [])
    elif isinstance(statement, ast.If):
        new = ast.If(statement.test, _block(statement.body, known), _block(statement.orelse, known))
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        value = known.types.get(id(statement.targets[0]))
        if not isinstance(value, Value) or VERSION in str(value):
            return statement
        annotation = ast.parse(str(value.type), mode="eval").body
        new = ast.AnnAssign(statement.targets[0], annotation, statement.value, 1)
    else:
        return statement
    return stamp(new, origin_of(statement))


def _block(statements: list[ast.stmt], known: Inference) -> list[ast.stmt]:
    return [_statement(each, known) for each in statements]
