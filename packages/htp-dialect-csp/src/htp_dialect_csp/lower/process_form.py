"""The pass `csp.lower`: networks become routines in process form, and their processes kernels.

Knows which functions are lowered; what they become is written by `networks`, `instances` and `processes`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Inlined
from htp.passes import Pass
from htp_dialect_csp.capabilities import Checked
from htp_dialect_csp.lower.instances import Instances
from htp_dialect_csp.lower.networks import NetworkBody
from htp_dialect_csp.lower.tails import with_tails

if TYPE_CHECKING:
    from htp.program import Function, Program

__all__ = ["Lower"]


@dataclass(frozen=True)
class Lower(Pass):
    """Networks become routines in process form: channels, and calls of kernels that are processes."""

    name = "csp.lower"
    requires = (Checked(), Inlined())
    invalidates = (Checked(),)
    eliminates = (DialectUse("csp"),)
    introduces = (DialectUse("streams"), DialectUse("host"), DialectUse("tile"))

    def apply(self, program: Program) -> Program:
        """The program without processes and networks.

        Raises:
            Refused: `csp.not-compiled` for what runs in Python only.
        """
        outer = [each for each in program.functions if each.kind == "network" and _called_outside(program, each)]
        if not any(each.kind in ("process", "network") for each in program.functions):
            return program
        instances = Instances(program)
        routines = {each.name: NetworkBody(program, each, instances).routine() for each in outer}
        made = tuple(instances.kernels.values())
        functions: list[Function] = []
        for each in program.functions:
            if each.name in routines:
                ready = {kernel.name for kernel in functions}
                functions += [kernel for kernel in made if kernel.name not in ready]
                functions.append(routines[each.name])
            elif each.kind not in ("process", "network"):
                functions.append(each)
        return with_tails(replace(program, functions=tuple(functions)))


def _called_outside(program: Program, network: Function) -> bool:
    """Whether something else than a network runs the network."""
    if program.entry == network.name:
        return True
    callers = (each for each in program.functions if each.kind != "network")
    return any(
        isinstance(node, ast.Name) and node.id == network.name
        for each in callers
        for statement in each.body
        for node in ast.walk(statement)
    )
