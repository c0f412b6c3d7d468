"""Passes: what one promises, how one is run, and how its promises are checked.

Knows nothing of how passes are chosen (`planner`) or what is emitted afterwards.
"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from htp.capabilities import Capability, Use, holds
from htp.diagnostics import Bug, Refused
from htp.rewriting import Match, Rewriter, recording
from htp.rules import Rule, apply_rules

if TYPE_CHECKING:
    from htp.program import Function, Program

__all__ = ["Contract", "Option", "Pass", "StepResult", "VisitorPass", "run_step"]

Option = bool | int | float | str | None | tuple["Option", ...]


@dataclass(frozen=True)
class Contract:
    """The row type of a pass; what it does not mention survives."""

    requires: tuple[Capability, ...] = ()
    provides: tuple[Capability, ...] = ()
    invalidates: tuple[Capability, ...] = ()
    eliminates: tuple[Use, ...] = ()
    introduces: tuple[Use, ...] = ()

    def missing(self, facts: frozenset[Capability]) -> tuple[Capability, ...]:
        """The required facts that do not hold in `facts`, in declared order."""
        return tuple(each for each in self.requires if not holds(each, facts))

    def facts_after(self, facts: frozenset[Capability]) -> frozenset[Capability]:
        """The facts that hold behind the pass when `facts` held before it."""
        kept = (fact for fact in facts if not any(fact.satisfies(gone) for gone in self.invalidates))
        return frozenset((*kept, *self.provides))

    def uses_after(self, uses: frozenset[Use]) -> frozenset[Use]:
        """The uses left behind the pass when the program made `uses` before it."""
        kept = (use for use in uses if not any(use.covered_by(gone) for gone in self.eliminates))
        return frozenset((*kept, *self.introduces))


@dataclass(frozen=True)
class Pass:
    """A named `Program -> Program` transformation with a contract; options are its dataclass fields.

    A subclass either defines `apply` or holds `@rewrite` rules, which are then applied bottom-up until nothing
    matches. A pass whose promises depend on its options overrides `contract`.
    """

    name: ClassVar[str] = ""
    requires: ClassVar[tuple[Capability, ...]] = ()
    provides: ClassVar[tuple[Capability, ...]] = ()
    invalidates: ClassVar[tuple[Capability, ...]] = ()
    eliminates: ClassVar[tuple[Use, ...]] = ()
    introduces: ClassVar[tuple[Use, ...]] = ()
    cost: ClassVar[int] = 1
    rules: ClassVar[tuple[Rule, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Collects the rules of the class body and derives a missing name from the class name."""
        super().__init_subclass__()
        own = {each.name: each for each in vars(cls).values() if isinstance(each, Rule)}
        cls.rules = (*(each for each in cls.rules if each.name not in own), *own.values())
        if not vars(cls).get("name"):
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @property
    def contract(self) -> Contract:
        """What this pass, with these options, requires and promises."""
        return Contract(self.requires, self.provides, self.invalidates, self.eliminates, self.introduces)

    @property
    def options(self) -> dict[str, Option]:
        """The options by name, as they go into a plan."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @property
    def summary(self) -> str:
        """First line of the class's docstring."""
        doc = type(self).__dict__.get("__doc__") or ""
        return "" if doc.startswith(f"{type(self).__name__}(") else doc.strip().split("\n", 1)[0]

    def apply(self, program: Program) -> Program:
        """Returns the transformed program; the given one is left as it is."""
        if not self.rules:
            raise Bug(f"pass {self.name} has neither rules nor an apply method")
        for function in program.functions:
            body = apply_rules(self.rules, function.body)
            if body is not function.body:
                program = program.replace(replace(function, body=body))
        return program

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.name}({shown})" if shown else self.name


@dataclass(frozen=True)
class VisitorPass(Pass, Rewriter):
    """A pass written as `visit_<Node>` methods; trees are rebuilt, never changed in place."""

    def apply(self, program: Program) -> Program:
        """Visits every statement of every function."""
        for function in program.functions:
            changed = self.visit_function(function)
            if changed is not function:
                program = program.replace(changed)
        return program

    def visit_function(self, function: Function) -> Function:
        """Rewrites the body of one function; override to see the function itself."""
        body = tuple(self.statements(function.body))
        same = len(body) == len(function.body) and all(a is b for a, b in zip(body, function.body, strict=True))
        return function if same else replace(function, body=body)


@dataclass(frozen=True)
class StepResult:
    """What one step did: the new program, its rewrite matches, and the facts that came and went."""

    program: Program
    matches: tuple[Match, ...]
    added: frozenset[Capability]
    dropped: frozenset[Capability]
    changed: bool


def run_step(step: Pass, program: Program, *, verify: bool | None = None, match_limit: int | None = None) -> StepResult:
    """Runs one pass and holds it to its contract.

    With `verify` (by default when the environment says `HTP_VERIFY=all`) every fact the pass provides and every fact
    it claims to keep is checked against the resulting program. `match_limit` applies only that many rewrites.

    Raises:
        Refused: `plan.missing-fact` when a required fact does not hold, `plan.broken-promise` when the result does
            not keep the contract, and whatever the pass itself refuses.
        Bug: the pass failed in another way.
    """
    contract = step.contract
    if missing := contract.missing(program.facts):
        held = ", ".join(sorted(map(str, program.facts))) or "nothing"
        raise Refused(
            "plan.missing-fact",
            f"pass `{step.name}` requires `{missing[0]}`, which does not hold here",
            notes=(f"known about the program: {held}",),
            help="run a pass that provides it first, or let `htp plan` choose the order",
        )
    with recording(match_limit) as recorder:
        try:
            result = step.apply(program)
        except (Refused, Bug):
            raise
        except Exception as error:
            raise Bug(f"pass {step.name} failed with {type(error).__name__}: {error}") from error
    facts = contract.facts_after(program.facts)
    result = result.with_facts(add=facts - result.facts, drop=result.facts - facts)
    left = tuple(use for use in result.uses if not any(use.covered_by(gone) for gone in contract.eliminates))
    if len(left) != len(result.uses):
        result = replace(result, uses=left)
    if verify if verify is not None else os.environ.get("HTP_VERIFY") == "all":
        _check_promises(step, result)
    return StepResult(
        program=result,
        matches=tuple(recorder.matches),
        added=facts - program.facts,
        dropped=program.facts - facts,
        changed=result is not program and result.canonical != program.canonical,
    )


def _check_promises(step: Pass, result: Program) -> None:
    provided = set(step.contract.provides)
    for fact in sorted(result.facts, key=str):
        try:
            fact.verify(result)
        except Refused as refusal:
            verb = "provide" if fact in provided else "keep"
            found = refusal.diagnostic
            raise Refused(
                "plan.broken-promise",
                f"pass `{step.name}` promises to {verb} `{fact}` and does not",
                span=found.span,
                notes=(found.message, *found.notes),
                help=f"declare `{fact}` in `invalidates` of the pass, or mend the pass",
            ) from refusal
