"""Facts about workloads on their way to task form. Knows forms; does not know the passes that bring them about."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from htp.capabilities import Capability, untrue
from htp.program import Function, Program, origin_of

__all__ = ["Checked", "Nested", "Scheduled"]


@dataclass(frozen=True)
class Nested(Capability, owner="wsp"):
    """The workload is one function: plain loops of one name each, branches, kernel calls; see `wsp.compose`."""

    def verify(self, program: Program) -> None:
        """Every loop has one name that no other loop has, and selections are branches."""
        for function in program.functions:
            if function.kind == "workload":
                self._verify(function)

    def _verify(self, function: Function) -> None:
        names: set[str] = set()
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if isinstance(node, ast.With):
                raise untrue(self, f"`{ast.unparse(node.items[0])}` is no branch", origin_of(node))
            if not isinstance(node, ast.For):
                continue
            if not isinstance(node.target, ast.Name) or node.target.id in names:
                raise untrue(self, f"the loop `{ast.unparse(node.target)}` is not the only one", origin_of(node))
            names.add(node.target.id)


@dataclass(frozen=True)
class Checked(Capability, owner="wsp"):
    """No two iterations of a parallel loop touch the same data, unless both only read it."""


@dataclass(frozen=True)
class Scheduled(Capability, owner="wsp"):
    """Directives that rewrite the workload have been carried out; those for the run are left."""
