"""The way through: a definition becomes a program, a plan, steps, an emission and a sealed package.

Knows the order of things; each of them is done elsewhere.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from htp._impl.inscribing import check_program, inscribed, late
from htp._impl.obtaining import obtaining
from htp._impl.written_plans import PLANNED, check_made_for, passes_of, read_plan
from htp.artifact.manifest import MatchRecord, StepContract, TraceLine
from htp.artifact.publish import check_replaceable
from htp.bindings import bind_package
from htp.capabilities import Captured
from htp.capture import capture
from htp.diagnostics import Diagnostic, Refused
from htp.environment import Environment
from htp.passes import run_step
from htp.pins import idle_pins, kept_pins
from htp.planner import Plan, find_plan, follow, problem_for
from htp.resuming import resume
from htp.sealing import CompiledPackage, seal
from htp.session import Session, current_session
from htp.stages import Stage, contract_record, facts_of, portable
from htp.uses import with_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.artifact import Package
    from htp.declarations import Executable, Mode
    from htp.language import Definition
    from htp.passes import Pass
    from htp.planner import Problem
    from htp.plugins import Plugin
    from htp.program import Program
    from htp.rewriting import Match
    from htp.targets import Target
    from htp.types import Array, Slot


@dataclass
class Steps:
    """What running a plan leaves: the stages, the trace, and how long each step took."""

    program: Program
    stages: list[Stage]
    trace: list[TraceLine] = field(default_factory=list[TraceLine])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])


def compile_program(
    program: Definition[..., object] | Path | str,
    *,
    target: str = "cpu",
    out: Path | str | None = None,
    dims: Mapping[str, int] | None = None,
    schedule: object = None,
    mesh: object = None,
    strict: bool = False,
    start_at: str | None = None,
    pins: Sequence[str] = (),
    forbids: Sequence[str] = (),
    plan: Path | str | None = None,
) -> CompiledPackage:
    """Compiles `program` for `target` and publishes the package in the folder `out` (default `build/<name>`).

    `dims` fixes sizes of the signature by name. `schedule` says how the program is to be run, in directives that become
    part of it. With `start_at`, `program` is the path of a stage's `program.py`, which may have been edited, and
    compilation goes on from there, with the pins of the package that it lies in. `strict` refuses what is otherwise a
    warning, kept in the package's `diagnostics`. Passes named in `pins` must run, those in `forbids` must not; `plan`
    is a `plan.json`, or a package with one, whose steps are run instead of planned ones.

    Raises:
        Refused: every reason why the program cannot be compiled for the target, each with the user's place.
    """
    session = current_session()
    if mesh is not None:
        raise _no_mesh(session)
    goal = session.target(target)
    if isinstance(program, Path | str):
        if Path(program).name != "program.py" and not Path(program).exists():
            check_program(program)
        resumed = resume(Path(program), start_at, session)
        started = resumed.program
        kept = kept_pins(Path(program), resumed.number, goal.name)
        if schedule is not None:
            raise late(resumed.stage)
    else:
        resumed, started, kept = None, captured(program, session, dims or {}, schedule), ()
    place = Path(out) if out is not None else Path("build") / started.entry
    check_replaceable(place)
    pinned = (*pins, *(each for each in kept if each not in forbids))
    chosen = choose_plan(started, goal, session, pins=pinned, forbids=forbids, written=plan, strict=strict)
    first = resumed.number if resumed is not None else 0
    steps = run_steps(
        started, chosen, session, first=first, name=resumed.stage if resumed is not None else "00-capture"
    )
    noted = [*steps.diagnostics, *idle_pins(pins, chosen, steps.trace, started)]
    chosen = _warned(chosen, noted, strict=strict)
    session.require(goal.backend, chosen.passes)
    if left := Environment(goal, session.backends[goal.backend], session).check_left(steps.program):
        raise Refused.of(*left)
    package = seal(
        place, steps.program, goal, session, chosen, steps.stages, steps.trace, steps.seconds, dims or {}, resumed
    )
    session.emit_event("htp_artifact_sealed", session=session, package=package)
    return package


def plan(
    program: Definition[..., object],
    *,
    target: str = "cpu",
    dims: Mapping[str, int] | None = None,
    schedule: object = None,
    strict: bool = False,
    pins: Sequence[str] = (),
    forbids: Sequence[str] = (),
    plan: Path | str | None = None,
) -> Plan:
    """The steps that would compile `program` for `target`; types and composition are checked, nothing is emitted.

    The other parameters are those of `compile_program`; warnings are in the plan's `diagnostics`.

    Raises:
        Refused: every reason why there are none.
    """
    session = current_session()
    goal = session.target(target)
    started = captured(program, session, dims or {}, schedule)
    chosen = choose_plan(started, goal, session, pins=pins, forbids=forbids, written=plan, strict=strict)
    return _warned(chosen, check(started, chosen), strict=strict)


def bind(package: Package | Path | str, mode: Mode | None = None, toolchain: str | None = None) -> Executable:
    """Builds and loads a package, with one of its binding's toolchains if named; the result is called with arrays.

    Raises:
        Refused: `bind.*`, `artifact.*`, or a code of the binding, such as `cpu.no-compiler`.
    """
    executable = bind_package(current_session(), package, mode, toolchain)
    if isinstance(package, CompiledPackage) and package.slots:
        attach: Callable[[Mapping[str, Slot[Array]]], None] | None = getattr(executable, "attach", None)
        if attach is not None:
            attach(dict(package.slots))
    return executable


def captured(
    definition: Definition[..., object], session: Session, dims: Mapping[str, int], schedule: object = None
) -> Program:
    """The program as the user wrote it, with the directives of its schedule, and with sizes fixed by `dims`.

    Raises:
        Refused: `capture.*`, `plan.not-a-program`, `plan.not-a-schedule`, and what the schedule itself refuses.
    """
    check_program(definition)
    if definition.kind == "func":
        raise Refused(
            "capture.not-an-entry",
            f"`{definition.name}` is a helper: it is compiled as part of the kernels that call it",
            span=definition.place,
            help="compile a @kernel or a @routine",
        )
    if end := next((each for each in definition.params if each.is_end), None):
        raise Refused(
            "capture.not-an-entry",
            f"`{definition.name}` is a process, whose `{end.name}` is an end of a channel",
            span=definition.place,
            help="compile the network that calls it",
        )
    program = capture(definition)
    if schedule is not None:
        program = inscribed(program, schedule, session)
    program = with_uses(program).with_facts([Captured()])
    if dims:
        from htp.specialize import specialized

        program = specialized(program, dims)
    session.emit_event("htp_program_captured", session=session, program=program)
    return program


def _warned(chosen: Plan, found: Sequence[Diagnostic], *, strict: bool) -> Plan:
    """The plan with what its passes warn of; with `strict` a warning is an error."""
    warnings = [each for each in found if each.severity == "warning"]
    if strict and warnings:
        raise Refused.of(*(replace(each, severity="error") for each in warnings))
    return dataclasses.replace(chosen, diagnostics=(*chosen.diagnostics, *found)) if found else chosen


def check(program: Program, chosen: Plan) -> list[Diagnostic]:
    """Checks shapes, dtypes and directions of every function, behind the steps that bring it into core's language.

    Returns what those steps warn of.

    Raises:
        Refused: `type.*`.
    """
    from htp.lowering.annotate import Annotate, checked
    from htp.lowering.inline import InlineHelpers

    understood = Annotate().contract.understands_use
    found: list[Diagnostic] = []
    for step in chosen.passes:
        if all(map(understood, program.uses)):
            break
        result = run_step(step, program)
        found += result.diagnostics
        program = result.program
    inlined = InlineHelpers().apply(program)
    for function in inlined.functions:
        checked(inlined, function)
    return found


def choose_plan(
    program: Program,
    target: Target,
    session: Session,
    *,
    pins: Sequence[str] = (),
    forbids: Sequence[str] = (),
    written: Path | str | None = None,
    strict: bool = False,
) -> Plan:
    """The written plan, else the one found, or the one a plugin prefers to that; with warnings.

    Raises:
        Refused: `plan.*`; with `strict` also what is otherwise a warning.
    """
    session.require(target.backend)
    environment = Environment(target, session.backends[target.backend], session)
    chosen = _chosen(program, environment, pins, forbids, written)
    warnings = environment.ignored(program, chosen.passes, strict=strict)
    if strict and warnings:
        raise Refused.of(*warnings)
    return dataclasses.replace(chosen, diagnostics=warnings) if warnings else chosen


def _chosen(
    program: Program,
    environment: Environment,
    pins: Sequence[str],
    forbids: Sequence[str],
    written: Path | str | None,
) -> Plan:
    session = environment.session
    if lacking := environment.check(program):
        raise Refused.of(*lacking)
    problem = problem_for(program, environment, pins=tuple(pins), forbids=frozenset(forbids))
    if written is not None:
        record = read_plan(written)
        check_made_for(record, problem)
        return _followed(problem, passes_of(record, problem.passes), help=PLANNED)
    found = find_plan(problem)
    answer = session.ask("htp_choose_plan", session=session, program=program, target=environment.target, plan=found)
    return found if answer is None else _preferred(problem, session, *answer)


def _preferred(problem: Problem, session: Session, plugin: Plugin, answer: object) -> Plan:
    """The plan a plugin prefers, which must lead to the goal like any other."""
    help = f"HTP_DISABLE_PLUGINS={plugin.name}"
    if not isinstance(answer, Plan):
        said = f"{plugin.found} answered `htp_choose_plan` with a {type(answer).__name__}, not a `Plan`"
        raise Refused("plugin.bad-item", said, help=help)
    if foreign := [each.name for each in answer.passes if each.name not in session.pass_owners]:
        said = f"{plugin.found} chose the pass `{foreign[0]}`, which no installed plugin contributes"
        raise Refused("plan.unknown-pass", said, help=help)
    return _followed(problem, answer.passes, f"this order was chosen by {plugin.found}", help=help)


def _followed(problem: Problem, passes: tuple[Pass, ...], *notes: str, help: str) -> Plan:
    """A sequence of passes from elsewhere as a plan; a refusal also says where they are from and how to do without."""
    try:
        return follow(problem, passes)
    except Refused as refusal:
        raise Refused.of(
            *(replace(each, notes=(*each.notes, *notes), help=(*each.help, help)) for each in refusal.diagnostics)
        ) from refusal


def run_steps(program: Program, chosen: Plan, session: Session, *, first: int, name: str) -> Steps:
    """Runs the passes; a step that changes neither text nor facts leaves no stage."""
    steps = Steps(program, [Stage(name, name.partition("-")[2], program, StepContract())])
    for index, step in enumerate(chosen.passes, start=first + 1):
        session.emit_event("htp_step_started", session=session, index=index, step=step, program=steps.program)
        began = time.perf_counter()
        result = run_step(step, steps.program)
        identifier = f"{index:02}-{step.name.replace('.', '-')}"
        steps.seconds[identifier] = time.perf_counter() - began
        steps.diagnostics += result.diagnostics
        session.emit_event("htp_step_finished", session=session, index=index, step=step, result=result)
        steps.trace.append(_trace(identifier, step, steps.program, result.program, result.matches, result.changed))
        if result.changed or result.program.facts != steps.program.facts:
            steps.stages.append(Stage(identifier, str(step), result.program, contract_record(step.contract)))
        steps.program = result.program
    return steps


def _trace(
    identifier: str, step: Pass, before: Program, after: Program, matches: tuple[Match, ...], changed: bool
) -> TraceLine:
    return TraceLine(
        step=identifier,
        pass_=str(step),
        contract=contract_record(step.contract),
        matches=tuple(
            MatchRecord(id=number, rule=each.rule, span=portable(each.span)) for number, each in enumerate(matches)
        ),
        facts_before=facts_of(before),
        facts_after=facts_of(after),
        changed=changed,
    )


def _no_mesh(session: Session) -> Refused:
    found = obtaining("facet", "axe", session.plugins)
    return Refused(
        "plan.no-provider",
        "a mesh was given, and no installed plugin understands one",
        chain=found.reasons if found is not None else (),
        help=found.text if found is not None else "leave the mesh out",
    )
