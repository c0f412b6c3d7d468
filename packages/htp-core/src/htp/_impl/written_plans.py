"""Plans as files: reading `plan.json` back into passes with their options.

Knows how a pass is written down; does not know whether a plan leads anywhere.
"""

from __future__ import annotations

import ast
import difflib
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast, get_type_hints

import msgspec

from htp.artifact.manifest import MANIFEST, PlanFile
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.passes import Pass
    from htp.planner import Problem

PLANNED = "leave out the written plan, and HTP finds one"


def read_plan(path: Path | str) -> PlanFile:
    """A written plan: a `plan.json`, or the package that holds one, whose seal is checked.

    Raises:
        Refused: `plan.unreadable`, or an `artifact.*` code of a damaged package.
    """
    file = Path(path)
    if (file / MANIFEST).is_file():
        from htp.artifact.read import open_package

        return open_package(file).plan
    if not file.exists():
        raise _unreadable(f"there is no plan `{path}`")
    if file.is_dir() and not (file / "plan.json").is_file():
        raise _unreadable(f"the folder `{path}` holds no plan.json")
    try:
        return msgspec.json.decode((file / "plan.json" if file.is_dir() else file).read_bytes(), type=PlanFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise _unreadable(f"`{path}` is no plan: {error}") from None


def check_made_for(record: PlanFile, problem: Problem) -> None:
    """A written plan is of use only for what it was made for; one that names no goal leaves it to the target.

    Raises:
        Refused: `plan.made-for-another` when its target or goal is not that of the problem.
    """
    if record.target != problem.target:
        raise Refused(
            "plan.made-for-another",
            f"the plan was made for target `{record.target}`, and the program is compiled for `{problem.target}`",
            help=(f"pass --target {record.target}, or give a plan for `{problem.target}`", PLANNED),
        )
    wanted = sorted(map(str, problem.goal))
    if record.goal and sorted(record.goal) != wanted:
        raise Refused(
            "plan.made-for-another",
            f"the plan was made for another goal than that of `{problem.target}`",
            notes=(f"the plan: {', '.join(sorted(record.goal))}", f"`{problem.target}`: {', '.join(wanted)}"),
            help=PLANNED,
        )


def passes_of(record: PlanFile, installed: Iterable[Pass]) -> tuple[Pass, ...]:
    """The passes that a written plan names, with the options written there.

    Raises:
        Refused: `plan.unreadable` for a step that is not written like `vectorize(width=16)`, or has an option its
            pass does not take; `plan.bad-option` for a value that is not of the option's type or that the pass
            refuses; `plan.unknown-pass` for a pass that is not installed.
    """
    known = {each.name: each for each in installed}
    return tuple(_pass(step.pass_, known) for step in record.steps)


def _pass(text: str, known: dict[str, Pass]) -> Pass:
    name, bracket, rest = text.partition("(")
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=3)
        raise Refused(
            "plan.unknown-pass",
            f"the plan runs pass `{name}`, which no installed plugin has",
            help=tuple(f"did you mean `{each}`?" for each in near),
        )
    step = known[name]
    options = _options(f"f({rest}", text) if bracket else {}
    taken = [each.name for each in fields(step)]
    for option in options:
        if option not in taken:
            listed = ", ".join(f"`{each}`" for each in taken) or "none"
            raise _unreadable(f"pass `{name}` has no option `{option}`", f"its options: {listed}")
    try:
        return replace(step, **{option: _fitting(step, option, value) for option, value in options.items()})
    except (TypeError, ValueError) as error:
        raise _unreadable(f"`{text}` does not fit pass `{name}`: {error}") from None


def _fitting(step: Pass, option: str, value: object) -> object:
    """The value as its field takes it; a bool is no int, and only an int stands for a float."""
    annotation = _annotation(step, option)
    try:
        fitting: object = msgspec.convert(value, annotation)
        fits = type(fitting) is type(value) or type(value) is int
    except msgspec.ValidationError:
        fitting, fits = None, False
    if not fits:
        name = annotation.__name__ if isinstance(annotation, type) else annotation
        raise Refused(
            "plan.bad-option",
            f"option `{option}` of pass `{step.name}` cannot be {value!r}",
            help=f"write a value of type {name}, such as `{option}={getattr(step, option)!r}`",
        )
    return fitting


def _annotation(step: Pass, option: str) -> object:
    """The type of an option; where its text cannot be resolved here, that of the value the pass has."""
    owner = next(each for each in type(step).__mro__ if option in vars(each).get("__annotations__", {}))
    field = SimpleNamespace(__annotations__={option: vars(owner)["__annotations__"][option]})
    try:
        return get_type_hints(field, vars(sys.modules[owner.__module__]))[option]
    except NameError:
        return type(cast("object", getattr(step, option)))


def _options(call: str, text: str) -> dict[str, object]:
    try:
        found = ast.parse(call, mode="eval").body
        if not isinstance(found, ast.Call) or found.args:
            raise ValueError
        return {each.arg or "**": cast("object", ast.literal_eval(each.value)) for each in found.keywords}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(f"`{text}` is not written like `vectorize(width=16)`") from None


def _unreadable(message: str, *notes: str) -> Refused:
    help = "give a plan.json, or a package: `htp compile` writes a plan.json into every package"
    return Refused("plan.unreadable", message, notes=notes, help=help)
