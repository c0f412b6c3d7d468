"""Whether a step kept its word: everything its contract says, held against the program it made.

Knows contracts and programs; does not know how a pass works.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from htp.analyses import Analysis
from htp.capabilities import Capability, DirectiveUse
from htp.diagnostics import Refused
from htp.program import origin_of
from htp.types import TensorType, TileType
from htp.uses import written_directives, written_uses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.capabilities import Use
    from htp.diagnostics import Span
    from htp.passes import Pass
    from htp.program import Function, Program


_VERIFIED = Analysis("verified", lambda _: set[Capability]())
"""The facts that were found to hold: a step that changes nothing does not make them be checked again."""


def snapshot(program: Program) -> tuple[str, ...]:
    """The program's functions as text."""
    return tuple(each.canonical for each in program.functions)


def check_promises(step: Pass, before: Program, after: Program, text: tuple[str, ...]) -> None:
    """Checks one step; `text` is the snapshot of the program it was given.

    Raises:
        Refused: `plan.broken-promise` for the first promise that was not kept.
    """
    _left_alone(step, before, text)
    _entry_kept(step, before, after)
    _uses_declared(step, before, after)
    _facts_hold(step, after)
    _analyses_preserved(step, before, after)


def _left_alone(step: Pass, before: Program, text: tuple[str, ...]) -> None:
    for function, old in zip(before.functions, text, strict=True):
        new = replace(function).canonical
        if new != old:
            raise _broken(
                step,
                "leave the program it is given as it is",
                _first_change(function, old, new),
                (f"`{function.name}` was changed in place",),
                "build new statements, as `htp.rewriting.Rewriter` does, or change a copy",
            )


def _first_change(function: Function, old: str, new: str) -> Span | None:
    """The place of the first statement that differs; the canonical text has one line for each behind its head."""
    lines = zip_longest(old.split("\n")[1:], new.split("\n")[1:])
    places = [index for index, (one, two) in enumerate(lines) if one != two]
    if not places or places[0] >= len(function.body):
        return function.origin
    return origin_of(function.body[places[0]]) or function.origin


def _entry_kept(step: Pass, before: Program, after: Program) -> None:
    names = {each.name for each in after.functions}
    found = f"`{after.entry}`" if after.entry in names else f"no function `{after.entry}`"
    if after.entry == before.entry and after.entry in names:
        old, new = _signature(before.main), _signature(after.main)
        if old == new:
            return
        found = f"`{new}` instead of `{old}`"
    elif after.entry in names:
        found = f"`{after.entry}` instead of `{before.entry}`"
    raise _broken(
        step,
        f"keep the entry `{before.entry}` and its parameters",
        before.main.origin,
        (f"the result has {found}",),
        "callers rely on names, order, directions and sizes: put what changes behind the signature",
    )


def _signature(function: Function) -> str:
    """Name and parameters as callers see them; layout facets and the dialect's word for the kind may change."""
    shown = (
        f"{each.name}: {each.direction} "
        + str(replace(each.type, facets=()) if isinstance(each.type, TensorType | TileType) else each.type)
        for each in function.params
    )
    return f"{function.name}({', '.join(shown)})"


def check_eliminated(step: Pass, after: Program) -> None:
    """Checks that no use is left that the step eliminates, directives in the text included.

    Raises:
        Refused: `plan.broken-promise` for the first one, where it stands in the user's program.
    """
    contract = step.contract
    if not contract.eliminates:
        return
    asked = any(isinstance(each, DirectiveUse) for each in contract.eliminates)
    for use in (*after.uses, *(written_directives(after) if asked else ())):
        if _covered(use, contract.eliminates) and not _covered(use, (*contract.introduces, *contract.may_introduce)):
            place = use.spans[0] if use.spans else None
            raise _broken(step, f"eliminate `{use}`", place, (), "mend the pass, or eliminate less")


def _uses_declared(step: Pass, before: Program, after: Program) -> None:
    declared = (*step.contract.introduces, *step.contract.may_introduce)
    had = set(written_uses(before))
    for use in written_uses(after):
        if use not in had and not _covered(use, declared):
            place = use.spans[0] if use.spans else None
            help_ = f"declare `{use}` in `introduces` or `may_introduce` of the pass, or mend it"
            raise _broken(step, f"introduce no `{use}`", place, (), help_)


def _covered(use: Use, patterns: Iterable[Use]) -> bool:
    return any(use.covered_by(pattern) for pattern in patterns)


def _facts_hold(step: Pass, after: Program) -> None:
    provided = set(step.contract.provides)
    true = after.analysis(_VERIFIED)
    for fact in sorted(after.facts - true, key=str):
        try:
            fact.verify(after)
            true.add(fact)
        except Refused as refusal:
            found = refusal.diagnostic
            raise _broken(
                step,
                f"{'provide' if fact in provided else 'keep'} `{fact}`",
                found.span or after.main.origin,
                (found.message, *found.notes),
                f"declare `{fact}` in `invalidates` of the pass, or mend the pass",
            ) from refusal


def _analyses_preserved(step: Pass, before: Program, after: Program) -> None:
    for analysis in step.contract.preserves:
        old, new = before.analysis(analysis), analysis.compute(after)
        if old != new:
            raise _broken(
                step,
                f"preserve analysis `{analysis.name}`",
                after.main.origin,
                (f"it was {_short(old)} and is {_short(new)}",),
                f"take `{analysis.name}` out of `preserves` of the pass, or mend the pass",
            )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _broken(step: Pass, promise: str, span: Span | None, notes: tuple[str, ...], help_: str) -> Refused:
    return Refused(
        "plan.broken-promise",
        f"pass `{step.name}` promises to {promise} and does not",
        span=span,
        notes=notes,
        help=help_,
    )
