"""Pass `wsp.schedule`: the directives of a schedule are carried out, one after the other.

Knows their order; what each one does is in `directives`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from htp.capabilities import DirectiveUse, OpUse
from htp.loops import Space
from htp.passes import Pass
from htp.rewriting import record_match
from htp_dialect_wsp.capabilities import Checked, Nested, Scheduled
from htp_dialect_wsp.directives.reductions import OPERATORS
from htp_dialect_wsp.directives.runtime import RUNTIME, check, of_tasks
from htp_dialect_wsp.directives.site import Site, directive_name
from htp_dialect_wsp.directives.table import REWRITES, STAYS, applied

if TYPE_CHECKING:
    from htp.environment import Environment
    from htp.program import Program

__all__ = ["ApplySchedule"]


@dataclass(frozen=True)
class ApplySchedule(Pass):
    """Directives that rewrite the workload are carried out in order; those for the run are checked and left."""

    name = "wsp.schedule"
    requires = (Nested(), Checked())
    provides = (Scheduled(),)
    eliminates = tuple(DirectiveUse(each) for each in REWRITES if each not in STAYS)

    may_introduce = tuple(OpUse(f"tile.{each}") for each in (*OPERATORS.values(), "zeros", "ones"))

    spaces: tuple[str, ...] = ()
    """The memory spaces that may be named: those of routines and the target's; empty when no target is known."""

    def for_target(self, environment: Environment) -> Pass:
        """The pass that knows the target's memory spaces."""
        own = (each.name for each in environment.target.model.spaces)
        return replace(self, spaces=(*get_args(Space), *own))

    def apply(self, program: Program) -> Program:
        """The program without rewriting directives.

        Raises:
            Refused: `wsp.*`, at the directive's line of the schedule.
        """
        for each in [each.name for each in program.functions if each.kind == "workload"]:
            # Directives speak of the workload at whose head they stand, wherever it is called.
            program = replace(self._carried_out(replace(program, entry=each)), entry=program.entry)
        return program

    def _carried_out(self, program: Program) -> Program:
        """The program without the rewriting directives of its entry."""
        written = frozenset(each.name for each in program.functions)
        index = 0
        while (statement := _directive(program, index)) is not None:
            name = directive_name(statement)
            if name not in REWRITES:
                index += 1
                continue
            if not record_match(f"wsp.{name}", statement):
                return program
            if name in STAYS:
                applied(Site(program, statement, written, index))
                index += 1
                continue
            main = program.main
            without = program.replace(replace(main, body=(*main.body[:index], *main.body[index + 1 :])))
            program = applied(Site(without, statement, written, index), self.spaces)
        return _checked(program, written, index)


def _checked(program: Program, written: frozenset[str], index: int) -> Program:
    """The program with directives for the run that can be carried out, of the tasks that there are now."""
    left = [each for each in program.main.body[:index] if isinstance(each, ast.Expr)]
    settled: list[ast.stmt] = []
    for each in left:
        site = Site(program, each, written)
        if directive_name(each) in RUNTIME:
            check(site, left)
        settled += of_tasks(site)
    return program.replace(replace(program.main, body=(*settled, *program.main.body[index:])))


def _directive(program: Program, index: int) -> ast.Expr | None:
    """The directive at a place of the workload's head."""
    if index >= len(program.main.body):
        return None
    statement = program.main.body[index]
    return statement if isinstance(statement, ast.Expr) and directive_name(statement) is not None else None
