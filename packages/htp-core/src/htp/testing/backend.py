"""The laws of backends: what is declared can be had, what is accepted compiles, and what runs computes the meaning.

Knows declarations, emissions and outcomes; does not know any target.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast, get_args

import htp
from htp.artifact import open_package
from htp.artifact.paths import problem_of
from htp.capabilities import Capability, DialectUse, DirectiveUse, FacetUse, IntrinsicUse, PendingUse
from htp.declarations import Outcome
from htp.environment import Environment
from htp.plugins import discover
from htp.session import current_session
from htp.testing.corpus import KERNELS
from htp.testing.law import Conformance, broken, law, shared, undeclared
from htp.testing.operations import operation_kernel, operations
from htp.testing.programs import difference, outcomes, samples
from htp.testing.running import Emitted, bind_all, emitted, native_outcome, working_mode
from htp.tools.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import msgspec

    from htp.declarations import Backend, Emission
    from htp.targets import Model
    from htp.testing.programs import Sample, Samples

__all__ = ["BackendConformance"]

UNKNOWN = "no-such-name"
AGAIN = """
import sys
from htp.testing.backend import digests
for line in digests(sys.argv[1]):
    print(line)
"""


@dataclass(frozen=True)
class Kept:
    """A folder that goes with the class that asked for it."""

    folder: tempfile.TemporaryDirectory[str]

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder.name)


class BackendConformance(Conformance[str]):
    """What every backend owes to those who compile for it.

    `subject` is its name. `programs` are compiled and run beside core's corpus; `target` chooses among several variants
    the one they are compiled for. `operations` names those of `htp.tile` that are tried, where all would take too long.
    """

    kind: ClassVar[str] = "backend"
    programs: ClassVar[Samples] = ()
    target: ClassVar[str] = ""
    operations: ClassVar[tuple[str, ...]] = ()

    @shared
    def environment(self) -> Environment:
        """The target that programs are compiled for."""
        session = current_session()
        names = [each for each in session.targets if each.partition(":")[0] == self.tested]
        if not names:
            broken(f"no installed plugin contributes `{self.tested}` with a target", "see `htp plugins`")
        return Environment.of(self.target or names[0], session)

    @shared
    def made(self) -> tuple[tuple[Sample, Emitted], ...]:
        """What becomes of every program."""
        every = (*samples(self.programs), *samples(KERNELS))
        return tuple((each, emitted(each.program, self.environment, each.dims)) for each in every)

    @shared
    def folder(self) -> Kept:
        """Where packages are published."""
        return Kept(tempfile.TemporaryDirectory(prefix="htp-conform-"))

    @property
    def backend(self) -> Backend:
        """The declaration."""
        return self.environment.backend

    def _emissions(self) -> Iterator[tuple[Sample, Emission]]:
        if all(each.emission is None for _, each in self.made):
            undeclared("Backend.accepts", "no program of the corpus is accepted; give kernels in `programs`")
        yield from ((sample, each.emission) for sample, each in self.made if each.emission is not None)

    @law
    def test_goal_can_be_checked(self) -> None:
        """Every fact of the goal and of the milestones can be verified on a program."""
        for fact in (*self.backend.goal, *self.backend.milestones):
            if type(fact).verify is Capability.verify:
                broken(f"`{fact}` has no `verify`", "write one that refuses a program of which it is not true")

    @law
    def test_goal_can_be_reached(self) -> None:
        """Every fact of the goal and of the milestones is provided by some installed pass."""
        passes = [each.for_target(self.environment) for each in current_session().passes]
        for fact in (*self.backend.goal, *self.backend.milestones):
            offers = [offer for each in passes for offer in each.contract.provides]
            if not any(offer.satisfies(fact) for offer in offers) and str(fact) != "Captured()":
                broken(f"no installed pass provides `{fact}`", "contribute a pass that does")

    @law
    def test_models_are_sound(self) -> None:
        """The model of every target loads, contradicts itself nowhere, and every figure says where it comes from."""
        for variant in self.backend.targets:
            model = variant.model.load()()
            if problems := model.check():
                broken(problems[0].message, "mend the model")
            for name, source in _figures(model):
                if not source.strip():
                    broken(f"`{name}` of model `{model.name}` has no source", "say which page or measurement it is")

    @law
    def test_directives_are_answered(self) -> None:
        """The directive table says once what becomes of each directive that an installed pass brings in or works on."""
        table = [name for name, _ in self.backend.directives]
        spoken = {
            use.name
            for each in current_session().passes
            for use in (*each.contract.introduces, *(each.contract.understands or ()))
            if isinstance(use, DirectiveUse) and "*" not in use.name
        }
        if not table and not spoken:
            undeclared("Backend.directives", "no installed pass speaks of a directive")
        for name, outcome in self.backend.directives:
            if outcome not in get_args(Outcome) or table.count(name) > 1:
                broken(f"`{name}` is {outcome!r}", f"list it once, as one of {', '.join(get_args(Outcome))}")
        if missing := sorted(spoken - set(table)):
            broken(f"`{missing[0]}` is not in the table", "say what becomes of it, if only `rejected`")

    @law
    def test_accepts_nothing_unknown(self) -> None:
        """A construct that nobody knows is not accepted: `accepts` names what the backend understands."""
        strange = (DialectUse(UNKNOWN), IntrinsicUse(f"{UNKNOWN}.f"), FacetUse(UNKNOWN), PendingUse(UNKNOWN))
        accepted = set(strange) - set(self.environment.refused(strange))
        if accepted:
            broken(f"it accepts `{min(map(str, accepted))}`", "name what it understands instead of `*`")

    @law
    def test_programs_compile_or_are_refused(self) -> None:
        """Every program of the corpus is emitted, or refused with a code before anything is emitted."""
        for sample, each in self.made:
            if each.failure:
                broken(f"`{sample.name}` {each.failure}", "refuse it in a pass, or declare less")
        refused = sum(1 for _, each in self.made if each.refused is not None)
        self.notes["test_programs_compile_or_are_refused"] = f"{len(self.made) - refused} emitted, {refused} refused"

    @law
    def test_operations_compile_or_are_refused(self) -> None:
        """So is every operation of `htp.tile` on every dtype it takes."""
        count = refused = 0
        for op, dtypes in operations():
            if self.operations and op.name not in self.operations:
                continue
            count += len(dtypes)
            if emitted(operation_kernel(op, dtypes), self.environment, {}).emission is not None:
                continue
            for dtype in dtypes:
                each = emitted(operation_kernel(op, (dtype,)), self.environment, {})
                refused += each.refused is not None
                if each.failure:
                    mend = "refuse it in a pass, or declare less"
                    broken(f"`tile.{op.name}` on {dtype.name} {each.failure}", mend)
        if refused == count:
            undeclared("Backend.accepts", f"none of {count} calls is accepted; give kernels in `programs`")
        self.notes["test_operations_compile_or_are_refused"] = f"{count - refused} emitted, {refused} refused"

    @law
    def test_emission_is_deterministic(self) -> None:
        """Equal programs give equal bytes, in another process and with another order of sets too."""
        emissions = tuple(self._emissions())
        again = [(sample, emitted(sample.program, self.environment, sample.dims).emission) for sample, _ in emissions]
        corpus = [(sample, each.emission) for sample, each in self.made[-len(samples(KERNELS)) :]]
        elsewhere = _elsewhere(self.environment.target.name)
        for first, second in ((_digests(emissions), _digests(again)), (_digests(corpus), elsewhere)):
            if different := sorted(set(first) ^ set(second)):
                mend = "sort what comes out of sets; leave out times, paths and counters"
                broken(f"`{different[0].partition(' ')[0]}` is emitted differently the second time", mend)

    @law
    def test_files_belong_to_the_package(self) -> None:
        """Emitted files have relative paths, and say nothing of this machine's folders or of the day."""
        told = {os.getcwd(), str(Path.home()), tempfile.gettempdir(), sys.prefix} - {"/", ""}
        told.add(time.strftime("%Y-%m-%d"))
        for sample, emission in self._emissions():
            for path, data in (*emission.files, *emission.contract_files):
                if problem := problem_of(path):
                    broken(f"`{sample.name}` writes {path!r}: {problem}", "name files relative to the package")
                if found := [text for text in sorted(told) if re.search(rf"{re.escape(text)}\b".encode(), data)]:
                    broken(f"{path} of `{sample.name}` holds {found[0]!r}", "write what the program and target say")

    @law
    def test_packages_verify(self) -> None:
        """A published package opens, has the declared contract, and all its stages agree."""
        sample, _ = next(self._emissions())
        package = htp.compile_program(
            sample.program, target=self.environment.target.name, out=self.folder.path / "verified", dims=sample.dims
        )
        contract = open_package(package.path).manifest.contract
        if contract is None or f"{contract.name}/{contract.version}" != self.backend.contract:
            broken(f"the package of `{sample.name}` has contract {contract}", f"emit `{self.backend.contract}`")
        for level in verify(package.path, level=2, seeds=(1,)):
            if not level.ok:
                broken(f"`{sample.name}`: {level.findings[0].message}", "see `htp verify`")

    @law
    def test_what_runs_computes_the_meaning(self) -> None:
        """Built and called, every accepted program computes what it means in Python.

        Tried on random inputs, sizes around a block, empty arrays, NaN, infinities and the largest numbers.
        """
        found = working_mode(current_session(), self.backend.contract)
        if isinstance(found, str):
            undeclared("Binding.modes", found)
        accepted = [sample for sample, _ in self._emissions()]
        target, out = self.environment.target.name, self.folder.path
        packages = [
            htp.compile_program(each.program, target=target, out=out / f"run-{at}", dims=each.dims)
            for at, each in enumerate(accepted)
        ]
        tried = 0
        for sample, executable in zip(accepted, bind_all(packages, found[1]), strict=True):
            cases = sample.cases()
            tried += len(cases)
            native = {each.name: native_outcome(executable, sample, each) for each in cases}
            if told := difference(outcomes(sample.program, cases), native):
                broken(f"`{sample.name}`: {told}", "what is emitted must compute what the program means in Python")
        self.notes["test_what_runs_computes_the_meaning"] = f"{len(accepted)} programs, {tried} inputs"


def digests(target: str) -> list[str]:
    """Name and digest of what is emitted for every program of the corpus; asked for in another process."""
    environment = Environment.of(target, current_session())
    return _digests([(each, emitted(each.program, environment, each.dims).emission) for each in samples(KERNELS)])


def _digests(emissions: Iterable[tuple[Sample, Emission | None]]) -> list[str]:
    return [f"{sample.name} {_digest(emission)}" for sample, emission in emissions if emission is not None]


def _elsewhere(target: str) -> list[str]:
    """What `digests` gives in another process, in which the same plugins are active."""
    active = {each.found for each in current_session().plugins if each.state == "active"}
    idle = {each.name for each in discover() if each not in active}
    path = os.pathsep.join(each for each in sys.path if each)
    named = {"PYTHONPATH": path, "PYTHONHASHSEED": "7", "HTP_DISABLE_PLUGINS": ",".join(sorted(idle))}
    command = [sys.executable, "-P", "-c", AGAIN, target]
    done = subprocess.run(command, env={**os.environ, **named}, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _digest(emission: Emission) -> str:
    total = hashlib.sha256()
    for path, data in (*emission.files, *emission.contract_files):
        total.update(path.encode() + b"\0" + data + b"\0")
    return total.hexdigest()


def _figures(model: Model) -> Iterator[tuple[str, str]]:
    """What a figure is called, and its source."""
    for group in ("levels", "spaces", "routes", "units", "syncs", "limits"):
        for each in cast("Iterable[msgspec.Struct]", getattr(model, group)):
            name: object = getattr(each, "name", None) or getattr(each, "subject", "")
            yield f"{group[:-1]} {name}", str(getattr(each, "source", ""))
