"""Whether a policy's helper gives an integer: core's inference is asked. Knows helpers; does not know tasks."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.infer.engine import infer
from htp.lowering.inline import InlineHelpers
from htp.program import Function, stamp
from htp.types import Param, ScalarType, i64

if TYPE_CHECKING:
    from htp.program import Program
    from htp_dialect_wsp.lower.directed import Chosen

__all__ = ["check_integer"]

TASK = """
open_tasks()
task(worker=helper({given}))
close_tasks()
"""


def check_integer(program: Program, helper: str, policy: Chosen) -> None:
    """Refuses a helper that gives something else than an integer, at the line that chooses the policy.

    Raises:
        Refused: `wsp.bad-policy`.
    """
    given = ", ".join(str(policy.numbers.get(each, each)) for each in policy.parameters)
    tree = ast.parse(TASK.replace("helper", helper).format(given=given))
    asked = [each for each in policy.parameters if each not in policy.numbers]
    params = tuple(Param(each, "scalar", ScalarType(i64)) for each in asked)
    name = "_placing"
    body = tuple(stamp(each, policy.span) for each in tree.body)
    trial = Function(name, "routine", params, body, policy.span or program.main.origin, "")
    found = InlineHelpers().apply(replace(program, functions=(*program.functions, trial), entry=name))
    try:
        infer(found, found.function(name))
    except Refused as refused:
        if refused.code != "type.bad-arguments":
            return  # of the helper itself, and told there
        raise Refused(
            "wsp.bad-policy",
            f"`{helper}` of `{policy.name}` gives a worker that is no integer",
            span=policy.span,
            help="let it give an integer, for instance with `//` in place of `/`",
        ) from None
