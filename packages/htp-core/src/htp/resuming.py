"""Going on from an edited stage: its text, its state, and where it stands in the old package.

Knows the layout of a stage's folder; does not know how the rest is planned.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from htp.artifact.manifest import EditRecord, StateFile
from htp.capabilities import DirectiveUse
from htp.diagnostics import Refused
from htp.program import CORE_KINDS
from htp.stages import load_stage
from htp.uses import WRITTEN, written_directives, written_uses

if TYPE_CHECKING:
    from pathlib import Path

    from htp.program import Program
    from htp.session import Session

STAGE = re.compile(r"(\d{2,3})-[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Resumed:
    """A stage that compilation goes on from."""

    program: Program
    stage: str
    number: int
    edit: EditRecord


def resume(path: Path, wanted: str | None, session: Session) -> Resumed:
    """The program of a stage's `program.py`, with the facts its `state.json` says hold there.

    Raises:
        Refused: `artifact.no-such-stage`, `capture.*` for what the edit made of the text, or `plan.broken-promise`
            for a fact that the edited text no longer keeps.
    """
    found = STAGE.fullmatch(path.parent.name)
    state = path.parent / "state.json"
    if path.name != "program.py" or found is None or not path.is_file() or not state.is_file():
        raise _no_stage(f"{path.name} is not the program.py of a stage with its state.json beside it")
    if wanted is not None and wanted not in (found[1], found[0]):
        raise _no_stage(f"{path.name} belongs to stage {found[0]}, not {wanted}")
    try:
        text = path.read_text(encoding="utf-8")
        record = msgspec.json.decode(state.read_bytes(), type=StateFile)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise _no_stage(f"the stage cannot be read: {error}") from None
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    program = load_stage(text, str(path), record, session)
    # The text may have been edited: what is written in it counts, not what was written when it was stored.
    stay = tuple(each for each in program.uses if not isinstance(each, WRITTEN))
    if any(each.kind not in CORE_KINDS for each in program.functions):  # directives are still in the text then
        stay = (*(each for each in stay if not isinstance(each, DirectiveUse)), *written_directives(program))
    program = replace(program, uses=(*written_uses(program), *stay))
    for fact in sorted(program.facts, key=str):
        fact.verify(program)
    return Resumed(program, found[0], int(found[1]), EditRecord(from_=found[0], digest=digest))


def _no_stage(message: str) -> Refused:
    return Refused("artifact.no-such-stage", message, help="give PACKAGE/ir/stages/NN-name/program.py and `--from NN`")
