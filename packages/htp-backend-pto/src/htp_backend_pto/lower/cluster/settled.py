"""What is asked of processes before their task runs: nothing is left to compare while it does.

Knows comparisons as normal form writes them; does not know networks.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.gangs import gangs_of
from htp_backend_pto.lower.units import called

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["settled"]


def settled(program: Program) -> Program:
    """The program whose processes compare no sizes while they run, also where one runs by itself.

    Raises:
        Refused: `pto.no-cluster` for sizes that may differ.
    """
    if not gangs_of(program):
        return program
    kernels = (each for each in program.functions if each.kind == "kernel")
    return program.replace(*(replace(each, body=tuple(changed(each.body, _settled))) for each in kernels))


def _settled(statement: ast.stmt) -> list[ast.stmt]:
    value = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(value, ast.Call) or called(value) != "require":
        return [statement]
    test, *said = value.args
    if isinstance(test, ast.Constant) and test.value is True:
        return []
    text = said[0].value if said and isinstance(said[0], ast.Constant) else ""
    raise no_cluster(
        statement, f"comparing `{ast.unparse(test)}` while the processes run ({text})",
        "write the same loops around the send and the receive, over sizes of one name; or compile without the pin of "
        "`pto.cluster`",
    )  # fmt: skip
