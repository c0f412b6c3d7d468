"""Passes: what one promises, how one is run, and how its promises are checked.

Knows nothing of how passes are chosen (`planner`) or what is emitted afterwards.
"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from htp.analyses import hand_on
from htp.capabilities import Capability, Use, holds
from htp.diagnostics import Bug, Refused
from htp.rewriting import Match, Rewriter, recording
from htp.rules import Rule, apply_rules
from htp.uses import WRITTEN, written_uses

if TYPE_CHECKING:
    from htp.analyses import Analysis
    from htp.diagnostics import Diagnostic
    from htp.environment import Environment
    from htp.program import Function, Program

__all__ = ["Contract", "Option", "Pass", "StepResult", "VisitorPass", "run_step"]

Option = bool | int | float | str | None | tuple["Option", ...]


@dataclass(frozen=True)
class Contract:
    """The row type of a pass; what it does not mention survives, except analyses.

    `eliminates` and `introduces` speak of uses. What a pass brings into some programs only stands in `may_introduce`:
    the planner does not count on it, and what is left of it at the end is held against the target. For each class of
    use that `understands` lists, the pass works only on programs whose uses of that class are all covered there; an
    empty tuple lists no class, so that it says no more than `None`.
    `preserves` lists the analyses that stay true although the program changes.
    """

    requires: tuple[Capability, ...] = ()
    provides: tuple[Capability, ...] = ()
    invalidates: tuple[Capability, ...] = ()
    eliminates: tuple[Use, ...] = ()
    introduces: tuple[Use, ...] = ()
    may_introduce: tuple[Use, ...] = ()
    understands: tuple[Use, ...] | None = None
    preserves: tuple[Analysis[object], ...] = ()

    def understands_use(self, use: Use) -> bool:
        """Whether the pass can work on a program that makes `use`; a pass that lists no use of a class takes all."""
        listed = [each for each in self.understands or () if type(each) is type(use)]
        return not listed or any(use.covered_by(each) for each in listed)

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
    matches. A pass whose promises depend on its options overrides `contract`; one that cannot take every value of an
    option's type refuses the others in `__post_init__`, with the code `plan.bad-option`.
    """

    name: ClassVar[str] = ""
    requires: ClassVar[tuple[Capability, ...]] = ()
    provides: ClassVar[tuple[Capability, ...]] = ()
    invalidates: ClassVar[tuple[Capability, ...]] = ()
    eliminates: ClassVar[tuple[Use, ...]] = ()
    introduces: ClassVar[tuple[Use, ...]] = ()
    may_introduce: ClassVar[tuple[Use, ...]] = ()
    understands: ClassVar[tuple[Use, ...] | None] = None
    preserves: ClassVar[tuple[Analysis[object], ...]] = ()
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
        return Contract(
            self.requires, self.provides, self.invalidates, self.eliminates, self.introduces, self.may_introduce,
            self.understands, self.preserves,
        )  # fmt: skip

    def for_target(self, environment: Environment) -> Pass:
        """This pass with the options that suit a target; the planner asks every pass before it plans."""
        return self

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
    """What one step did: the new program, its rewrite matches, the facts that came and went, and its warnings."""

    program: Program
    matches: tuple[Match, ...]
    added: frozenset[Capability]
    dropped: frozenset[Capability]
    changed: bool
    diagnostics: tuple[Diagnostic, ...] = ()


def run_step(step: Pass, program: Program, *, verify: bool | None = None, match_limit: int | None = None) -> StepResult:
    """Runs one pass and holds it to its contract.

    The uses of the result are read from its text again; uses that are not written in the text follow the contract.
    Unless only a part of the rewrites is applied, none may be left that the pass eliminates. With `verify` (by default
    when the environment says `HTP_VERIFY=all`) everything else that the pass promises is checked against the resulting
    program too. `match_limit` applies only that many rewrites.

    Raises:
        Refused: `plan.missing-fact` when a required fact does not hold or the program makes a use the pass does not
            understand, `plan.broken-promise` when the result does not keep the contract, and whatever the pass itself
            refuses.
        Bug: the pass failed in another way.
    """
    from htp._impl.promises import check_eliminated, check_promises, snapshot

    _check_applicable(step, program)
    verify = verify if verify is not None else os.environ.get("HTP_VERIFY") == "all"
    before = snapshot(program) if verify else ()
    with recording(match_limit) as recorder:
        try:
            made = step.apply(program)
            result = _settled(step, program, made)
        except (Refused, Bug):
            raise
        except Exception as error:
            raise Bug(f"pass {step.name} failed with {type(error).__name__}: {error}") from error
    if match_limit is None:
        check_eliminated(step, result)
    if verify:
        check_promises(step, program, result, before)
    return StepResult(
        program=result,
        matches=tuple(recorder.matches),
        added=result.facts - program.facts,
        dropped=program.facts - result.facts,
        changed=made is not program and result.canonical != program.canonical,
        diagnostics=tuple(recorder.warnings),
    )


def _check_applicable(step: Pass, program: Program) -> None:
    contract = step.contract
    if missing := contract.missing(program.facts):
        held = ", ".join(sorted(map(str, program.facts))) or "nothing"
        raise Refused(
            "plan.missing-fact",
            f"pass `{step.name}` requires `{missing[0]}`, which does not hold here",
            notes=(f"known about the program: {held}",),
            help="run a pass that provides it first, or let `htp plan` choose the order",
        )
    for use in program.uses:
        if not contract.understands_use(use):
            raise Refused(
                "plan.missing-fact",
                f"pass `{step.name}` does not understand `{use}`, which the program makes here",
                span=use.spans[0] if use.spans else None,
                help="run a pass that removes it first, or let `htp plan` choose the order",
            )


def _settled(step: Pass, before: Program, made: Program) -> Program:
    """What the pass made, with the facts, uses and analyses that hold now."""
    contract = step.contract
    hand_on(before, made, contract.preserves)
    left = (use for use in made.uses if not any(use.covered_by(gone) for gone in contract.eliminates))
    stated = (use for use in (*left, *contract.introduces) if not isinstance(use, WRITTEN))
    uses = tuple(dict.fromkeys((*written_uses(made), *stated)))
    result = replace(made, facts=contract.facts_after(before.facts), uses=uses)
    hand_on(made, result, ())
    return result
