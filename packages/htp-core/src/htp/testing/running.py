"""Compiling programs for a backend and calling what a binding makes of them.

Knows the way from a definition to an executable; `backend` and `binding` know what has to come out.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING

import htp
from htp.compilation import captured, choose_plan, run_steps
from htp.diagnostics import Refused
from htp.testing.law import said
from htp.testing.programs import Outcome, allowed_error
from htp.tools.inputs import fingerprint, make_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.artifact import Package
    from htp.declarations import Binding, Emission, Executable, Mode
    from htp.environment import Environment
    from htp.session import Session
    from htp.testing.programs import AnyDefinition, Sample
    from htp.tools.inputs import Case, Vector

__all__ = ["Emitted", "bind_all", "emitted", "native_outcome", "values_of", "working_mode"]


@dataclass(frozen=True)
class Emitted:
    """What a backend made of a program: an emission, the refusal of an earlier step, or a failure."""

    emission: Emission | None = None
    refused: Refused | None = None
    failure: str = ""


def emitted(definition: AnyDefinition, environment: Environment, dims: Mapping[str, int]) -> Emitted:
    """Plans, lowers and emits a program; nothing is published."""
    session, target = environment.session, environment.target
    try:
        program = captured(definition, session, dims)
        plan = choose_plan(program, target, session)
        lowered = run_steps(program, plan, session, first=0, name="00-capture").program
    except Refused as refused:
        if refused.code == "plan.broken-promise":
            return Emitted(failure=f"is not lowered: {said(refused)}")
        return Emitted(refused=refused)
    except Exception as error:
        return Emitted(failure=f"fails before emission with {said(error)}")
    try:
        return Emitted(environment.backend.emit.load()(lowered, target))
    except Refused as refused:
        return Emitted(failure=f"is refused only while it is emitted, with {said(refused)}")
    except Exception as error:
        return Emitted(failure=f"fails while it is emitted with {said(error)}")


def working_mode(session: Session, contract: str) -> tuple[Binding, Mode] | str:
    """The binding and mode in which packages of a contract run here, or why there is none."""
    reasons: list[str] = []
    for binding in (each for each in session.bindings.values() if each.contract == contract):
        for mode in binding.modes:
            if mode == "emit":
                continue
            try:
                reason = binding.unavailable(mode)
            except Refused as refused:
                reason = said(refused)
            if reason is None:
                return binding, mode
            reasons.append(f"`{binding.name}` cannot run `{mode}`: {reason}")
    return "; ".join(reasons) or f"no installed binding declares a mode that runs `{contract}`"


def bind_all(packages: Sequence[Package], mode: Mode) -> list[Executable]:
    """Builds and loads packages, as many at once as there are processors, all in the session in force."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        built = [pool.submit(copy_context().run, htp.bind, each, mode) for each in packages]
        return [each.result() for each in built]


def values_of(definition: AnyDefinition, arrays: Mapping[str, Vector]) -> list[object]:
    """Arguments in order: arrays, and numbers for scalars."""
    scalars = {each.name for each in definition.params if each.direction == "scalar"}
    return [array.item() if name in scalars else array for name, array in arrays.items()]


def native_outcome(executable: Executable, sample: Sample, case: Case) -> Outcome:
    """What the built program makes of a case; whatever it raises is part of the outcome."""
    definition = sample.program
    arrays = make_inputs(definition.params, case)
    read = {each.name for each in definition.params if each.direction == "in"}
    before = {name: fingerprint(arrays[name]) for name in read}
    try:
        executable(*values_of(definition, arrays))
    except Refused as refused:
        return Outcome({}, refused=refused.code)
    except Exception as error:
        return Outcome({}, crashed=said(error))
    if changed := sorted(name for name in read if fingerprint(arrays[name]) != before[name]):
        return Outcome({}, crashed=f"it altered its input `{changed[0]}`")
    written = {each.name for each in definition.params if each.direction in ("out", "inout")}
    return Outcome({name: arrays[name] for name in arrays if name in written}, allowed=allowed_error(arrays, case))
