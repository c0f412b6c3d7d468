"""Why a target does not take a program as it stands: each use that it does not accept and that no pass removes.

Knows how such a use is told, by its kind; does not know the order of passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp._impl.encoding import Without, covered
from htp._impl.fixes import Fix, assume, exchanged, obtain, other_targets, provided, renamed, verified
from htp._impl.wording import listed, noun, used
from htp.capabilities import DialectUse, DirectiveUse, DTypeUse, FacetUse, IntrinsicUse, OpUse
from htp.declarations import HandlerSet
from htp.diagnostics import Diagnostic, Reason
from htp.environment import PREFERENCES
from htp.planner import problem_for
from htp.types import dtype_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from htp.capabilities import Use
    from htp.environment import Environment
    from htp.planner import Problem
    from htp.program import Program

SHOWN = 8
"""How many accepted names a reason lists at most."""


def findings(environment: Environment, program: Program) -> tuple[Diagnostic, ...]:
    """One finding for each use that is neither accepted nor removed; what follows from another is left out."""
    problem = problem_for(program, environment)
    lost = lacking(problem)
    return tuple(_finding(environment, problem, use, lost) for use in lost)


def ignored(environment: Environment, program: Program, use: DirectiveUse, *, strict: bool) -> Diagnostic:
    """What is said of a directive that has no effect."""
    ways = ("compile without `strict`", f"leave `{use.name}` out") if strict else (f"leave `{use.name}` out",)
    return Diagnostic(
        code="plan.directive-ignored",
        severity="error" if strict else "warning",
        message=f"`{use.name}` has no effect on `{program.entry}` for `{environment.target}`",
        span=use.spans[0] if use.spans else None,
        label=f"ignored by backend `{environment.backend.name}`",
        help=ways,
    )


def leftovers(environment: Environment, program: Program) -> tuple[Diagnostic, ...]:
    """One finding for each use that is not accepted, of a program behind its last pass."""
    problem = problem_for(program, environment)
    left = environment.refused(program.uses)
    return tuple(_finding(environment, problem, use, left) for use in left)


def lacking(problem: Problem) -> tuple[Use, ...]:
    """The uses that are rejected, or neither accepted nor removed; operations of a dialect among them do not count."""
    removed = [gone for each in problem.passes for gone in each.contract.eliminates]
    here = problem.environment
    lost = [
        use for use in problem.uses
        if (here is not None and here.rejects(use))
        or (not covered(use, problem.accepts) and not covered(use, removed))
    ]  # fmt: skip
    dialects = {use.name for use in lost if isinstance(use, DialectUse)}
    return tuple(use for use in lost if not (isinstance(use, OpUse) and use.name.partition(".")[0] in dialects))


def _finding(environment: Environment, problem: Problem, use: Use, lost: Iterable[Use]) -> Diagnostic:
    code, lack = lack_of(environment, use)
    wanted = Without(use)
    found = obtain(problem, wanted)
    one = assume(problem, [Without(each) for each in lost if each is not use])
    fixes = [*provided(problem, wanted), *_replacements(environment, use)]
    return Diagnostic(
        code=code,
        message=f"`{problem.subject}` cannot be compiled for `{problem.target}`: {lack}",
        span=use.spans[0] if use.spans else None,
        label=_label(use),
        chain=(*_chain(environment, use), *(found.reasons if found is not None else ())),
        notes=problem.notes if found is None else (),
        help=(*verified(one, fixes), *other_targets(problem)),
    )


def lack_of(environment: Environment, use: Use) -> tuple[str, str]:
    """The code of a use that is lacking, and what is missing, in a few words that stand alone."""
    if isinstance(use, IntrinsicUse):
        return "plan.no-handler", f"{used(use)} has no handler there"
    if isinstance(use, DTypeUse):
        return "plan.no-dtype", f"the target has no {used(use)}"
    if isinstance(use, DirectiveUse):
        if environment.rejects(use):
            return "plan.directive-rejected", f"{used(use)} is rejected there"
        return "plan.unknown-directive", f"nothing says what becomes of {used(use)} there"
    return "plan.no-provider", f"nothing installed understands {used(use)} there"


def _label(use: Use) -> str:
    places = len(use.spans) - 1
    more = f" (and {places} more {'place' if places == 1 else 'places'})" if places > 0 else ""
    return f"needs {used(use)}{more}"


def _chain(environment: Environment, use: Use) -> Iterator[Reason]:
    """What the target accepts of this kind, and that no pass helps."""
    if isinstance(use, IntrinsicUse):
        for each in environment.session.handlers.values():
            if isinstance(each, HandlerSet) and use.name in each.intrinsics:
                owner = environment.session.provider("htp_handlers", each)
                yield Reason(text=f"backend `{each.backend}` has a handler of `{use.name}`", by=owner)
        yield Reason(text=f"no installed pass expands `{use.name}` into operations that `{environment.target}` has")
        return
    yield _accepted(environment, use)
    if not isinstance(use, DTypeUse):
        yield Reason(text=f"no installed pass removes {used(use)}")


def _accepted(environment: Environment, use: Use) -> Reason:
    by = environment.provider
    if environment.rejects(use):
        return Reason(text=f"`{environment.target}` rejects `{use.name}`", by=by)
    names = [each.name for each in environment.accepts if type(each) is type(use) and each != PREFERENCES]
    if not names:
        return Reason(text=f"`{environment.target}` accepts no {noun(use)}", by=by)
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    said = listed(names) if not rest else ", ".join(f"`{each}`" for each in names[:SHOWN]) + rest
    return Reason(text=f"`{environment.target}` accepts {noun(use)}{'s' if len(names) > 1 else ''} {said}", by=by)


def _replacements(environment: Environment, use: Use) -> Iterator[Fix]:
    """Edits of the program: a name that is spelled alike, another dtype, no directive or layout facet."""
    accepted = [each.name for each in environment.accepts if type(each) is type(use) and "*" not in each.name]
    if isinstance(use, DTypeUse):
        yield from _dtypes(use, accepted)
        return
    if not isinstance(use, OpUse):  # capture has found the operation, so it is what was meant
        yield from renamed(use, accepted)
    if isinstance(use, (DirectiveUse, FacetUse)):
        yield Fix(f"leave `{use.name}` out", lambda now: exchanged(now, use))


def _dtypes(use: DTypeUse, accepted: list[str]) -> Iterator[Fix]:
    """The accepted dtype of the same kind that is nearest in size."""
    mine = dtype_named(use.name)
    known = [each for each in map(dtype_named, accepted) if each is not None]
    alike = [each for each in known if mine is not None and each.kind == mine.kind]
    if mine is not None and alike:
        near = min(alike, key=lambda each: (abs(each.bits - mine.bits), -each.bits, each.name))
        yield Fix(f"use `{near.name}` instead of `{use.name}`", lambda now: exchanged(now, use, DTypeUse(near.name)))
