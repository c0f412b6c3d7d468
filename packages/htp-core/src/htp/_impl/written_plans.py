"""Plans as files: reading `plan.json` back into passes with their options.

Knows how a pass is written down; does not know whether a plan leads anywhere.
"""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from htp.artifact.manifest import PlanFile
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.passes import Pass


def read_plan(path: Path | str) -> PlanFile:
    """A written plan: a `plan.json`, or the package that holds one.

    Raises:
        Refused: `plan.unreadable`.
    """
    file = Path(path)
    file = file / "plan.json" if file.is_dir() else file
    try:
        return msgspec.json.decode(file.read_bytes(), type=PlanFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise _unreadable(f"`{path}` is no plan: {error}") from None


def passes_of(record: PlanFile, installed: Iterable[Pass]) -> tuple[Pass, ...]:
    """The passes that a written plan names, with the options written there.

    Raises:
        Refused: `plan.unreadable` for a step that is not written like `vectorize(width=16)`, or has an option its
            pass does not take; `plan.unknown-pass` for a pass that is not installed.
    """
    known = {each.name: each for each in installed}
    return tuple(_pass(step.pass_, known) for step in record.steps)


def _pass(text: str, known: dict[str, Pass]) -> Pass:
    name, bracket, rest = text.partition("(")
    if name not in known:
        raise Refused("plan.unknown-pass", f"the plan runs pass `{name}`, which no installed plugin has")
    step = known[name]
    options = _options(f"f({rest}", text) if bracket else {}
    taken = [each.name for each in fields(step)]
    for option in options:
        if option not in taken:
            listed = ", ".join(f"`{each}`" for each in taken) or "none"
            raise _unreadable(f"pass `{name}` has no option `{option}`", f"its options: {listed}")
    try:
        return replace(step, **options)
    except (TypeError, ValueError) as error:
        raise _unreadable(f"`{text}` does not fit pass `{name}`: {error}") from None


def _options(call: str, text: str) -> dict[str, object]:
    try:
        found = ast.parse(call, mode="eval").body
        if not isinstance(found, ast.Call) or found.args:
            raise ValueError
        return {each.arg or "**": cast("object", ast.literal_eval(each.value)) for each in found.keywords}
    except (SyntaxError, ValueError):
        raise _unreadable(f"`{text}` is not written like `vectorize(width=16)`") from None


def _unreadable(message: str, *notes: str) -> Refused:
    return Refused("plan.unreadable", message, notes=notes, help="`htp compile` writes a plan.json into every package")
