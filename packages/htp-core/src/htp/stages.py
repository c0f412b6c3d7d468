"""Stages: what the program was after each step, as files, and back again.

Knows `program.py`, `stage.json` and `state.json`; does not know packages or plans.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from htp.artifact.manifest import NodeRecord, StageFile, StageRecord, StateFile, StepContract, UseRecord
from htp.artifact.seal import canonical
from htp.capabilities import parse_fact, parse_use
from htp.capture import parse_program
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from htp.diagnostics import Span
    from htp.passes import Contract
    from htp.program import Program
    from htp.session import Session

FOLDER = "ir/stages"


@dataclass(frozen=True)
class Stage:
    """The program after one step."""

    id: str
    pass_: str
    program: Program
    contract: StepContract

    @property
    def folder(self) -> str:
        """The stage's folder in the package."""
        return f"{FOLDER}/{self.id}"

    @property
    def text(self) -> str:
        """`program.py`."""
        return f"# {self.id} of `{self.program.entry}`: python program.py --seed 1\n\n{self.program.text()}"

    def record(self) -> StageRecord:
        """The stage's row in the manifest."""
        return StageRecord(
            id=self.id, pass_=self.pass_, folder=self.folder,
            program=f"{self.folder}/program.py", state=f"{self.folder}/state.json",
        )  # fmt: skip

    def files(self) -> dict[str, bytes]:
        """The stage's files."""
        program = self.program
        stage = StageFile(
            id=self.id, pass_=self.pass_, entry=program.entry,
            functions=tuple(each.name for each in program.functions), contract=self.contract,
        )  # fmt: skip
        text = self.text
        return {
            f"{self.folder}/program.py": text.encode(),
            f"{self.folder}/stage.json": canonical(stage),
            f"{self.folder}/state.json": canonical(state_of(program, text)),
        }


def contract_record(contract: Contract) -> StepContract:
    """A pass's contract as texts."""
    return StepContract(
        requires=tuple(map(str, contract.requires)),
        provides=tuple(map(str, contract.provides)),
        invalidates=tuple(map(str, contract.invalidates)),
        eliminates=tuple(map(str, contract.eliminates)),
        introduces=tuple(map(str, contract.introduces)),
        may_introduce=tuple(map(str, contract.may_introduce)),
    )


def facts_of(program: Program) -> tuple[str, ...]:
    """The program's facts as sorted texts."""
    return tuple(sorted(map(str, program.facts)))


def state_of(program: Program, text: str) -> StateFile:
    """The index over a stage's text: facts, uses, and the user's place of every statement."""
    lines = [statement.lineno for statement in _statements(_functions(ast.parse(text)))]
    own = list(_statements([each.body for each in program.functions]))
    nodes = tuple(
        NodeRecord(id=number, line=line, origin=portable(origin_of(statement)))
        for number, (line, statement) in enumerate(zip(lines, own, strict=True))
    )
    uses = tuple(
        UseRecord(use=str(each), spans=tuple(place for span in each.spans if (place := portable(span)) is not None))
        for each in program.uses
    )
    return StateFile(facts=facts_of(program), uses=uses, nodes=nodes)


def load_stage(text: str, file: str, state: StateFile, session: Session) -> Program:
    """The program that a stage's text and state stand for; nothing of the text is executed.

    Raises:
        Refused: `capture.*` when the text is not a stage.
    """
    program = parse_program(text, file)
    for record, statement in zip(state.nodes, _statements([each.body for each in program.functions]), strict=False):
        if record.origin is not None:
            statement.origin = record.origin  # type: ignore[attr-defined]
    facts = frozenset(parse_fact(each, session.capabilities.values()) for each in state.facts)
    uses = tuple(parse_use(each.use, session.use_kinds.values(), each.spans) for each in state.uses)
    return replace(program, facts=facts, uses=uses)


def portable(span: Span | None) -> Span | None:
    """The place without the folder of its file: packages hold no paths of the machine that made them."""
    return None if span is None else msgspec.structs.replace(span, file=PurePath(span.file).name)


def _functions(module: ast.Module) -> list[list[ast.stmt]]:
    bodies: list[list[ast.stmt]] = []
    for each in module.body:
        if isinstance(each, ast.FunctionDef):
            documented = ast.get_docstring(each) is not None
            bodies.append(each.body[1:] if documented else each.body)
    return bodies


def _statements(bodies: Iterable[Iterable[ast.stmt]]) -> Iterator[ast.stmt]:
    for body in bodies:
        for statement in body:
            yield from _below(statement)


def _below(statement: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(statement, ast.Pass):
        return
    yield statement
    for name in ("body", "orelse"):
        for inner in getattr(statement, name, ()):
            yield from _below(inner)
