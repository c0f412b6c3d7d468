"""Verifying a package, level by level: its seal, its stages, their agreement, and what is built from it.

Knows what must agree with what; does not know how stages or built artifacts run.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from htp.artifact.read import open_package
from htp.diagnostics import Diagnostic, Refused
from htp.session import current_session
from htp.tools.compare import compare, tolerance
from htp.tools.replay import ABOUT_INPUTS, Cases, collect, make_cases, run_cases, run_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.artifact.read import Package
    from htp.tools.stage import CaseResult

LEVELS = (
    "schema, seal and files",
    "every stage runs",
    "every stage equals stage 00",
    "what is built equals stage 00",
)

NOT_WRITTEN = "write all of it, or declare it InOut, which keeps what was there"


@dataclass(frozen=True)
class Level:
    """The evidence of one level: how many comparisons were made and what failed."""

    number: int
    checks: int
    findings: tuple[Diagnostic, ...] = ()
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.findings

    @property
    def title(self) -> str:
        """What the level establishes."""
        return LEVELS[self.number]


def verify(
    path: Path | str, *, level: int = 2, seeds: Sequence[int] = (1, 2), dims: str = "", mode: str = ""
) -> tuple[Level, ...]:
    """Checks a package up to `level` and stops behind the first level that fails.

    Levels 1 and 2 run the stages, level 3 also builds and runs the artifact; each in a process of its own.

    Raises:
        Refused: the target cannot be built here, or no inputs can be found for the program.
    """
    try:
        package = open_package(path)
    except Refused as refused:
        return (Level(0, 1, refused.diagnostics),)
    done = [_contract_level(package)]
    if level >= 1 and done[0].ok:
        with tempfile.TemporaryDirectory(prefix="htp-verify-") as folder:
            for each in _run_levels(package, Path(folder), level, seeds, dims, mode):
                done.append(each)
                if not each.ok:
                    break
    return tuple(done)


def _contract_level(package: Package) -> Level:
    """Seal and files are whole when a package opens; here those of the contract are read as what they are."""
    backend = current_session().backends.get(package.manifest.target.partition(":")[0])
    there = {each.path for each in package.files}
    records = [each for each in backend.records if each.path in there] if backend is not None else []
    findings: list[Diagnostic] = []
    for each in records:
        try:
            package.record(each.path, each.record.load())
        except Refused as refused:
            findings += refused.diagnostics
    return Level(0, len(package.files) + 1 + len(records), tuple(findings))


def _run_levels(
    package: Package, folder: Path, level: int, seeds: Sequence[int], dims: str, mode: str
) -> Iterator[Level]:
    try:
        reference = make_cases(package, folder, seeds=seeds, dims=dims, edges=level >= 2)
    except Refused as refused:
        if refused.code in ABOUT_INPUTS:
            raise
        yield Level(1, 1, refused.diagnostics)
        return
    stages: list[tuple[str, Cases]] = []
    failures: list[Diagnostic] = []
    for stage in package.stages[1:]:
        try:
            stages.append((f"stage {stage.folder.rsplit('/', 1)[-1]}", run_cases(package, stage.id, folder)))
        except Refused as refused:
            failures += refused.diagnostics
    yield Level(1, len(package.stages), tuple(failures))
    if level >= 2:
        findings = [
            each for name, cases in stages for each in differences(reference, cases, name, "verify.stage-differs")
        ]
        yield Level(
            2, len(stages) * len(reference.results.cases), (*_altered(reference), *dict.fromkeys(findings)),
            _skipped(reference),
        )
    if level >= 3:
        yield _built(package, folder, reference, mode)


def _built(package: Package, folder: Path, reference: Cases, mode: str) -> Level:
    """Level 3: the artifact, built and run in another process, against stage 00."""
    try:
        first = str(reference.outputs)
        run_python(["-m", "htp.tools.built", str(package.path), str(folder), first, mode], what="the built artifact")
        cases = collect(folder, folder / "out-built", "the built artifact")
    except Refused as refused:
        if refused.code == "replay.timeout":
            raise
        code, why = _cause(refused)
        if code is not None:
            raise Refused(code, why, notes=("the package cannot be bound here, so level 3 was not checked",)) from None
        found = Diagnostic(
            code="verify.built-failed", message=refused.diagnostic.message, notes=refused.diagnostic.notes
        )
        return Level(3, 1, (found,))
    findings = tuple(differences(reference, cases, "the built artifact", "verify.built-differs"))
    return Level(3, len(reference.results.cases), findings, _skipped(reference))


def _cause(refused: Refused) -> tuple[str | None, str]:
    """The code and message with which binding was refused in the other process, if it was."""
    _, separator, code = refused.diagnostic.message.partition(" ended with 3: ")
    if not separator or "." not in code:
        return None, ""
    first = next(iter(refused.diagnostic.notes), "")
    return code.strip(), first.partition(": ")[2] or first


def differences(reference: Cases, found: Cases, what: str, code: str) -> Iterator[Diagnostic]:
    """Every case in which `found` does not do what the reference did."""
    for case, expected in reference.results.cases.items():
        actual = found.results.cases.get(case)
        if actual is None:
            yield Diagnostic(code=code, message=f"{what} left no result for {case}")
            continue
        if actual.changed:
            yield Diagnostic(
                code="verify.input-changed", message=f"{what} altered its input {actual.changed[0]} in {case}"
            )
        if expected.refused or actual.refused:
            yield from _refusals(case, expected, actual, what, code)
            continue
        yield from _arrays(reference, found, case, what, code)


def _refusals(case: str, expected: CaseResult, actual: CaseResult, what: str, code: str) -> Iterator[Diagnostic]:
    """One refused and the other not; a lowered form may say with another code why it refuses."""
    if expected.refused and actual.refused:
        return
    yield Diagnostic(
        code=code,
        message=f"{what} {_end(actual)} in {case}, stage 00 {_end(expected)}",
        notes=tuple(message for message in (actual.message, expected.message) if message),
    )


def _end(result: CaseResult) -> str:
    return f"is refused with {result.refused}" if result.refused else "runs"


def _arrays(reference: Cases, found: Cases, case: str, what: str, code: str) -> Iterator[Diagnostic]:
    inputs = reference.inputs_of(case)
    expected, actual = reference.outputs_of(case), found.outputs_of(case)
    everything = [*inputs.values(), *expected.values()]
    length = max((size for array in everything for size in array.shape), default=1)
    allowed = tolerance([array.dtype for array in everything], length)
    for name, array in expected.items():
        if name not in actual:
            yield Diagnostic(code=code, message=f"{what} does not write {name} in {case}")
            continue
        result = compare(array, actual[name], allowed=allowed)
        if result.unwritten:
            yield Diagnostic(code="verify.not-written", message=f"of {name} in {case}, {result}", help=(NOT_WRITTEN,))
        elif not result.equal:
            yield Diagnostic(code=code, message=f"{what} differs from stage 00 in {name} of {case}: {result}")


def _altered(reference: Cases) -> Iterator[Diagnostic]:
    for case, result in reference.results.cases.items():
        for name in result.changed:
            yield Diagnostic(code="verify.input-changed", message=f"stage 00 altered its input {name} in {case}")


def _skipped(reference: Cases) -> str:
    """Cases that the program itself refuses establish only that everything else refuses them too."""
    refused = sorted(case for case, result in reference.results.cases.items() if result.refused)
    return f"{len(refused)} cases are refused by the program itself: {', '.join(refused)}" if refused else ""
