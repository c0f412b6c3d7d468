"""Why a plan is as it is, or why there is none: every step, fact and use with who says so.

Knows plans and proofs; does not know how an answer is printed, except for its lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.core import minimal_core
from htp._impl.encoding import Space, Without
from htp._impl.wording import listed, wish
from htp.artifact.manifest import Alternative, DirectiveOutcome, Record
from htp.compilation import captured, check, choose_plan
from htp.environment import Environment
from htp.planner import problem_for
from htp.session import current_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from htp.capabilities import Capability, Use
    from htp.language import Definition
    from htp.planner import Plan, Problem

SOURCE = "the source"
PROVEN = ("plan.no-provider", "plan.no-order", "plan.no-handler", "plan.no-dtype", "plan.directive-rejected",
          "plan.unknown-directive")  # fmt: skip
"""The codes of refusals that `proof` says more about."""


class Origin(Record, frozen=True, kw_only=True):
    """A fact and the step it comes from; no step when nothing brings it."""

    fact: str
    comes_from: str = ""


class ReasonedStep(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A step: what it is there for, what it needs and where that comes from, and what it changes."""

    number: str
    pass_: str
    provider: str
    because: tuple[str, ...]
    requires: tuple[Origin, ...] = ()
    provides: tuple[str, ...] = ()
    invalidates: tuple[str, ...] = ()
    eliminates: tuple[str, ...] = ()


class ReasonedUse(Record, frozen=True, kw_only=True):
    """A use the program makes, and the step that removes it or the target that accepts it."""

    use: str
    taken_by: str


class Why(Record, frozen=True, kw_only=True):
    """A plan with all its reasons."""

    entry: str
    target: str
    provider: str
    goal: tuple[Origin, ...]
    steps: tuple[ReasonedStep, ...]
    uses: tuple[ReasonedUse, ...]
    directives: tuple[DirectiveOutcome, ...] = ()
    rejected: tuple[Alternative, ...] = ()


class Maker(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A pass that would provide a fact, and what of its needs cannot be had, or that it is forbidden."""

    pass_: str
    provider: str
    lacks: tuple[str, ...] = ()
    forbidden: bool = False


class Unmet(Record, frozen=True, kw_only=True):
    """A fact that cannot be had, and everything that could bring it."""

    fact: str
    makers: tuple[Maker, ...] = ()


class Proof(Record, frozen=True, kw_only=True):
    """Why there is no plan: all facts out of reach, or the smallest set of wishes that exclude each other."""

    entry: str
    target: str
    unmet: tuple[Unmet, ...] = ()
    conflict: tuple[str, ...] = ()


def problem_of(
    definition: Definition[..., object],
    target: str,
    *,
    pins: Sequence[str] = (),
    forbids: Sequence[str] = (),
    schedule: object = None,
) -> Problem:
    """The problem of compiling a program for a target, with everything that is installed."""
    session = current_session()
    program, environment = captured(definition, session, {}, schedule), Environment.of(target, session)
    return problem_for(program, environment, pins=tuple(pins), forbids=frozenset(forbids))


def why(
    definition: Definition[..., object],
    target: str,
    *,
    pins: Sequence[str] = (),
    forbids: Sequence[str] = (),
    plan: Path | str | None = None,
    schedule: object = None,
) -> Why:
    """The plan of a program with all its reasons; the other parameters are those of `htp.plan`.

    Raises:
        Refused: as `htp.plan`.
    """
    session = current_session()
    environment = Environment.of(target, session)
    program = captured(definition, session, {}, schedule)
    chosen = choose_plan(program, environment.target, session, pins=pins, forbids=forbids, written=plan)
    check(program, chosen)
    record = chosen.record(target, session.pass_owners)
    facts = dict.fromkeys(sorted(program.facts, key=str), SOURCE)
    steps: list[ReasonedStep] = []
    for step, said in zip(chosen.steps, record.steps, strict=True):
        contract, number = step.pass_.contract, said.id.partition("-")[0]
        needs = tuple(_origin(fact, facts) for fact in contract.requires)
        left = contract.facts_after(frozenset(facts))
        facts = {fact: facts.get(fact, "") for fact in sorted(left, key=str)}
        facts |= dict.fromkeys(contract.provides, f"step {number}")
        steps.append(
            ReasonedStep(
                number=number, pass_=said.pass_, provider=said.provider, because=said.because, requires=needs,
                provides=tuple(map(str, contract.provides)), invalidates=tuple(map(str, contract.invalidates)),
                eliminates=tuple(map(str, contract.eliminates)),
            )
        )  # fmt: skip
    return Why(
        entry=program.entry,
        target=environment.target.name,
        provider=environment.provider,
        goal=tuple(_origin(fact, facts) for fact in chosen.goal),
        steps=tuple(steps),
        uses=tuple(ReasonedUse(use=str(use), taken_by=_taken(use, environment, chosen)) for use in program.uses),
        directives=environment.directives(program, chosen.passes),
        rejected=record.rejected,
    )


def proof(problem: Problem) -> Proof:
    """Every wanted fact out of reach with all that could bring it; with none out of reach, the smallest conflict."""
    space = Space.of(problem)
    reached = space.closure(space.start)
    waiting = [want for want in space.goal if not want.mask & reached]
    seen: dict[Capability, Unmet] = {}
    for want in waiting:
        if want.fact in seen:
            continue
        makers = list(_forbidden(problem, want.fact))
        for action in space.actions:
            if action.add & want.mask:
                lacks = [need for need in action.needs if not need.mask & reached]
                waiting += lacks
                owner = problem.owners.get(action.name, "")
                makers.append(Maker(pass_=action.name, provider=owner, lacks=tuple(wish(need.fact) for need in lacks)))
        seen[want.fact] = Unmet(fact=wish(want.fact), makers=tuple(makers))
    conflict = () if seen else tuple(wish(want.fact) for want in Space.of(minimal_core(problem)).goal)
    return Proof(entry=problem.subject, target=problem.target, unmet=tuple(seen.values()), conflict=conflict)


def _forbidden(problem: Problem, wanted: Capability) -> Iterator[Maker]:
    """The passes that would bring a wanted fact, or remove a use, and must not run."""
    for each in problem.passes:
        contract = each.contract
        if isinstance(wanted, Without) and wanted.use is not None:
            brings = any(wanted.use.covered_by(gone) for gone in contract.eliminates)
        else:
            brings = any(fact.satisfies(wanted) for fact in contract.provides)
        if brings and each.name in problem.forbids:
            yield Maker(pass_=each.name, provider=problem.owners.get(each.name, ""), forbidden=True)


def plan_lines(found: Why) -> Iterator[str]:
    """A plan with its reasons as text."""
    yield f"{found.entry} for {found.target} ({found.provider})"
    for each in found.goal:
        yield f"  wants {each.fact}, from {each.comes_from}"
    for step in found.steps:
        yield f"{step.number} {step.pass_} ({step.provider})"
        yield f"     so that     {', '.join(step.because) or 'nothing; it was asked for'}"
        for need in step.requires:
            yield f"     requires    {need.fact}, from {need.comes_from}"
        for word in ("provides", "invalidates", "eliminates"):
            if texts := getattr(step, word):
                yield f"     {word:<11} {', '.join(texts)}"
    for use in found.uses:
        yield f"use {use.use}: {use.taken_by}"
    for each in found.directives:
        yield f"directive {each.directive}: {each.outcome} by {each.by}"
    for each in found.rejected:
        yield f"not {each.pass_}: {each.reason}"


def proof_lines(found: Proof) -> Iterator[str]:
    """A proof as text."""
    for each in found.unmet:
        if not each.makers:
            yield f"wanted {each.fact}: nothing installed brings it"
        for maker in each.makers:
            by = f" ({maker.provider})" if maker.provider else ""
            but = "is forbidden" if maker.forbidden else f"lacks {' and '.join(maker.lacks)}"
            yield f"wanted {each.fact}: pass {maker.pass_}{by} would, and {but}"
    if found.conflict:
        yield f"each can be had, all together cannot: {' and '.join(found.conflict)}"


def _origin(wanted: Capability, facts: dict[Capability, str]) -> Origin:
    """The fact that satisfies a wish, and where it comes from."""
    origins = (come for fact, come in facts.items() if fact.satisfies(wanted))
    return Origin(fact=str(wanted), comes_from=next(origins, ""))


def _taken(use: Use, environment: Environment, plan: Plan) -> str:
    if not environment.refused((use,)):
        return f"accepted by {environment.target}"
    takers = [step.pass_.name for step in plan.steps if any(use.covered_by(g) for g in step.pass_.contract.eliminates)]
    return f"removed by {listed(takers)}"
