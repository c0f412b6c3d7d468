"""Planning: which passes, in which order, make a program meet a goal; and the reason when none do.

Knows contracts only; does not know what passes do, nor what is emitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp._impl.encoding import Space, by_class, covered, relevant
from htp._impl.search import ExhaustedError, search
from htp.capabilities import holds
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.artifact.manifest import PlanFile
    from htp.capabilities import Capability, Use
    from htp.diagnostics import Diagnostic
    from htp.environment import Environment
    from htp.passes import Pass
    from htp.program import Program

__all__ = ["Plan", "Problem", "Rejected", "Step", "find_plan", "follow", "problem_for"]


@dataclass(frozen=True)
class Problem:
    """What is known, what is wanted, and what may be used to get there.

    `pins` are names of passes that must occur, `forbids` of passes that must not; `milestones` are facts that must
    hold in this order on the way. `subject`, `target`, `owners` (pass name to distribution), `environment` and `notes`
    only serve messages.
    """

    facts: frozenset[Capability]
    goal: tuple[Capability, ...]
    passes: tuple[Pass, ...]
    uses: tuple[Use, ...] = ()
    accepts: tuple[Use, ...] = ()
    pins: tuple[str, ...] = ()
    forbids: frozenset[str] = frozenset()
    milestones: tuple[Capability, ...] = ()
    subject: str = "the program"
    target: str = "the target"
    owners: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Environment | None = None
    notes: tuple[str, ...] = ()


def problem_for(
    program: Program,
    environment: Environment,
    *,
    pins: tuple[str, ...] = (),
    forbids: frozenset[str] = frozenset(),
) -> Problem:
    """The problem of compiling a program for a target with everything that is installed.

    Plugins in quarantine are named in the notes of a refusal, since what is missing may be theirs.
    """
    backend, session = environment.backend, environment.session
    return Problem(
        facts=program.facts,
        goal=backend.goal,
        passes=tuple(each.for_target(environment) for each in session.passes),
        uses=program.uses,
        accepts=environment.accepts,
        pins=tuple(dict.fromkeys((*(each for each in backend.passes if each not in forbids), *pins))),
        forbids=forbids,
        milestones=backend.milestones,
        subject=program.entry,
        target=environment.target.name,
        owners=session.pass_owners,
        environment=environment,
        notes=tuple(
            f"in quarantine: {each.problem.message} ({each.problem.code})"
            for each in session.quarantined
            if each.problem is not None
        ),
    )


@dataclass(frozen=True)
class Step:
    """One pass of a plan, and the facts it is there for."""

    pass_: Pass
    because: tuple[str, ...]


@dataclass(frozen=True)
class Rejected:
    """A pass that could have helped and was left out."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The passes to run, in order; `diagnostics` are warnings about the program on this target."""

    goal: tuple[Capability, ...]
    steps: tuple[Step, ...]
    rejected: tuple[Rejected, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes to run."""
        return tuple(each.pass_ for each in self.steps)

    def record(self, target: str, owners: Mapping[str, str] | None = None) -> PlanFile:
        """The plan as it is written to `plan.json`; `owners` names the distribution of each pass."""
        from htp.artifact.manifest import Alternative, PlanFile, PlanStep

        return PlanFile(
            target=target,
            goal=tuple(map(str, self.goal)),
            steps=tuple(
                PlanStep(
                    id=f"{index:02}-{each.pass_.name.replace('.', '-')}",
                    pass_=str(each.pass_),
                    because=each.because,
                    provider=(owners or {}).get(each.pass_.name, ""),
                )
                for index, each in enumerate(self.steps, start=1)
            ),
            rejected=tuple(Alternative(pass_=each.name, reason=each.reason) for each in self.rejected),
        )

    def __str__(self) -> str:
        return " → ".join(each.pass_.name for each in self.steps) or "nothing to do"


def find_plan(problem: Problem) -> Plan:
    """A plan from the program's facts to the goal without needless steps; equal problems give equal plans.

    The search is complete: a plan is found if and only if there is one, unless the effort limit is reached.

    Raises:
        Refused: `plan.no-provider` when a fact that is needed cannot come from any pass (all such facts at once),
            `plan.no-order` when every route destroys something that nothing restores, `plan.gave-up` at the limit,
            `plan.unknown-pass` for a pin or forbid that names no pass, `plan.pinned-and-forbidden` for a pass in both.
    """
    from htp._impl import plan_refusals
    from htp._impl.core import minimal_core

    _refuse_names(problem)
    space = Space.of(problem)
    if missing := space.unreachable():
        raise plan_refusals.no_provider(problem, space, missing)
    try:
        found = search(space)
    except ExhaustedError as limit:
        raise Refused(
            "plan.gave-up",
            f"no plan for `{problem.target}` was found within {limit.expanded} attempts; there may be one",
            help="pin the passes you expect, or forbid those you do not want",
        ) from None
    if found is None:
        raise plan_refusals.no_order(problem, minimal_core(problem))
    return _explained(problem, [space.passes[action.index] for action in found if action.index is not None])


def follow(problem: Problem, passes: tuple[Pass, ...]) -> Plan:
    """A given sequence of passes as a plan, checked against the problem.

    Raises:
        Refused: `plan.missing-fact` where a pass comes too early, `plan.goal-missed` when the end is not the goal, a
            pinned pass or a milestone is left out, or a forbidden pass is run; `plan.unknown-pass` for a pin or forbid
            that names no pass, `plan.pinned-and-forbidden` for a pass in both.
    """
    from htp._impl import follow_refusals

    _refuse_names(problem)
    facts, uses = problem.facts, frozenset(problem.uses)
    passed = _milestones_passed(problem, facts, 0)
    for number, step in enumerate(passes, start=1):
        contract = step.contract
        if missing := contract.missing(facts):
            raise follow_refusals.too_early(problem, passes, number, missing[0])
        for use in sorted(uses, key=str):
            if not contract.understands_use(use):
                raise follow_refusals.not_understood(problem, passes, number, use)
        facts, uses = contract.facts_after(facts), contract.uses_after(uses)
        passed = _milestones_passed(problem, facts, passed)
    run = {each.name for each in passes}
    lost = [f"missing: `{want}`" for want in problem.goal if not holds(want, facts)]
    lost += [f"missing on the way: `{each}`" for each in problem.milestones[passed:]]
    lost += [f"missing: pinned pass `{name}`" for name in problem.pins if name not in run]
    lost += [f"forbidden: pass `{name}`" for name in sorted(problem.forbids & run)]
    lost += [f"left over: `{use}`" for use in sorted(uses, key=str) if not covered(use, problem.accepts)]
    if lost:
        raise follow_refusals.goal_missed(problem, lost)
    return _explained(problem, list(passes))


def _milestones_passed(problem: Problem, facts: frozenset[Capability], passed: int) -> int:
    while passed < len(problem.milestones) and holds(problem.milestones[passed], facts):
        passed += 1
    return passed


def _refuse_names(problem: Problem) -> None:
    names = {each.name for each in problem.passes}
    for name in (*problem.pins, *sorted(problem.forbids)):
        if name not in names:
            from htp._impl.fixes import respelled, verified

            raise Refused(
                "plan.unknown-pass",
                f"no installed plugin has a pass `{name}`",
                help=verified(problem, respelled(problem, name)) or "`htp plugins NAME` lists the passes of a plugin",
            )
    for name in problem.pins:
        if name in problem.forbids:
            raise Refused(
                "plan.pinned-and-forbidden",
                f"pass `{name}` is both pinned and forbidden",
                help=f"leave out the pin or the forbid of `{name}`",
            )


def _explained(problem: Problem, passes: list[Pass]) -> Plan:
    steps = tuple(Step(each, _because(problem, passes, index)) for index, each in enumerate(passes))
    return Plan(problem.goal, steps, tuple(_rejected(problem, passes)))


def _because(problem: Problem, passes: list[Pass], index: int) -> tuple[str, ...]:
    """The facts (and uses removed) of one step that later steps or the goal rely on."""
    contract = passes[index].contract
    live: list[Capability] = list(contract.provides)
    wanted: dict[str, None] = {}
    for later in passes[index + 1 :]:
        for fact in live:
            if any(fact.satisfies(want) for want in later.contract.requires):
                wanted[str(fact)] = None
        live = [fact for fact in live if fact in later.contract.facts_after(frozenset(live))]
    for fact in live:
        if any(fact.satisfies(want) for want in (*problem.goal, *problem.milestones)):
            wanted[str(fact)] = None
    refused = [use for use in problem.uses if not any(use.covered_by(each) for each in problem.accepts)]
    removed = [f"no {use}" for use in refused if any(use.covered_by(gone) for gone in contract.eliminates)]
    pinned = ["pinned"] if passes[index].name in problem.pins else []
    return (*wanted, *sorted(set(removed)), *pinned)


def _rejected(problem: Problem, passes: list[Pass]) -> list[Rejected]:
    used = {each.name for each in passes}
    offers = by_class((fact, step.name) for step in passes for fact in step.contract.provides)
    found: list[Rejected] = []
    for each in sorted(relevant(problem, forbidden_too=True), key=lambda each: each.name):
        if each.name in used:
            continue
        if each.name in problem.forbids:
            found.append(Rejected(each.name, "forbidden"))
            continue
        rivals = (
            f"`{fact}` comes from `{name}`"
            for fact in each.contract.provides
            for offer, name in offers.get(type(fact), ())
            if fact.satisfies(offer) or offer.satisfies(fact)
        )
        found.append(Rejected(each.name, next(rivals, "what it provides is not needed")))
    return found
