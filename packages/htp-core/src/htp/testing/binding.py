"""The laws of bindings: modes that say why they do not work, calls that refuse what does not fit, packages left alone.

Knows packages and calls; does not know any toolchain.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast, get_args

import htp
from htp.artifact import publish_package
from htp.artifact.manifest import Contract, Manifest
from htp.artifact.paths import is_sealed
from htp.bindings import RunReport, bind_package
from htp.declarations import Mode
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.session import current_session
from htp.testing.corpus import KERNELS
from htp.testing.law import Conformance, broken, law, said, shared, undeclared
from htp.testing.programs import difference, outcome, samples
from htp.testing.running import emitted, native_outcome, values_of
from htp.tools.inputs import fingerprint, make_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from htp.artifact import Package
    from htp.declarations import Binding, Executable
    from htp.testing.programs import AnyDefinition, Sample, Samples
    from htp.tools.inputs import Vector

__all__ = ["BindingConformance"]


@dataclass(frozen=True)
class Bench:
    """A program that can be run here: its package, in a folder that goes with it, and the mode."""

    sample: Sample
    package: Package
    mode: Mode
    folder: tempfile.TemporaryDirectory[str]

    def bind(self) -> Executable:
        """A fresh executable of the package."""
        return bind_package(current_session(), self.package, self.mode)

    def arrays(self) -> dict[str, Vector]:
        """Arguments that the program accepts."""
        return make_inputs(self.sample.program.params, self.sample.cases()[0])


class BindingConformance(Conformance[str]):
    """What every binding owes to those who run packages with it.

    `subject` is its name. The first of `programs` and core's corpus that an installed backend compiles is what is run.
    """

    kind: ClassVar[str] = "binding"
    programs: ClassVar[Samples] = ()

    @property
    def binding(self) -> Binding:
        """The declaration."""
        found = current_session().bindings.get(self.tested)
        if found is None:
            broken(f"no installed plugin contributes the binding `{self.tested}`", "see `htp plugins`")
        return found

    @shared
    def bench(self) -> Bench | str:
        """A program to run, or why none can be."""
        mode = self._mode()
        session = current_session()
        contracts = {name: session.backends[name.partition(":")[0]].contract for name in session.targets}
        names = [name for name, contract in contracts.items() if contract == self.binding.contract]
        if not names:
            return f"no installed backend emits `{self.binding.contract}`"
        if not mode:
            return "; ".join(self._reasons())
        for sample in (*samples(self.programs), *samples(KERNELS)):
            if emitted(sample.program, Environment.of(names[0], session), sample.dims).emission is None:
                continue
            folder = tempfile.TemporaryDirectory(prefix="htp-conform-")
            place = Path(folder.name) / "package"
            package = htp.compile_program(sample.program, target=names[0], out=place, dims=sample.dims)
            return Bench(sample, package, mode, folder)
        return f"`{names[0]}` accepts no program of the corpus; give kernels in `programs`"

    def _mode(self) -> Mode | None:
        running: tuple[Mode, ...] = ("device", "sim")
        for each in running:
            if each in self.binding.modes and self._why(each) is None:
                return each
        return None

    def _why(self, mode: str) -> str | None:
        try:
            return self.binding.unavailable(mode)
        except Refused as refused:
            return said(refused)

    def _reasons(self) -> Iterator[str]:
        running = [each for each in self.binding.modes if each != "emit"]
        yield from (f"mode `{each}`: {self._why(each)}" for each in running)
        if not running:
            yield f"binding `{self.binding.name}` declares no mode that runs"

    def _bench(self) -> Bench:
        if isinstance(self.bench, str):
            undeclared("Binding.modes", self.bench)
        return self.bench

    @law
    def test_declares_what_it_loads(self) -> None:
        """A binding has at least one mode, each once, and a contract with a major version: `cpu.package/1`."""
        modes = self.binding.modes
        if not modes or len(set(modes)) != len(modes) or not set(modes) <= set(get_args(Mode)):
            broken(f"modes are {modes!r}", f"name some of {', '.join(get_args(Mode))}, each once")
        if not re.fullmatch(r"[a-z][\w.-]*/[1-9][0-9]*", self.binding.contract):
            broken(f"contract is {self.binding.contract!r}", "write NAME/MAJOR, as in cpu.package/1")

    @law
    def test_says_why_a_mode_is_unavailable(self) -> None:
        """`unavailable` returns a reason or None for every mode, or refuses with a code; it raises nothing else."""
        for mode in (*get_args(Mode), "no-such-mode"):
            try:
                reason = self.binding.unavailable(mode)
            except Refused:
                continue
            except Exception as error:
                broken(f"unavailable({mode!r}) raised {said(error)}", "return the reason as text")
            if mode not in self.binding.modes and reason is None:
                broken(f"mode {mode!r} is not declared and available", "declare it, or say why it is not there")
            if reason is not None and (type(reason) is not str or not reason.strip()):
                broken(f"unavailable({mode!r}) is {reason!r}", "return a reason a person can act on, or None")

    @law
    def test_refuses_other_contracts(self) -> None:
        """Packages of another major version, and packages without the files of their contract, are refused."""
        name, _, version = self.binding.contract.partition("/")
        mode, session = self._mode(), current_session()
        with tempfile.TemporaryDirectory(prefix="htp-conform-") as folder:
            for major in (int(version) + 1, int(version)):
                contract = Contract(name=name, version=major)
                manifest = Manifest(entry="f", target="", contract=contract)
                package = publish_package(Path(folder) / str(major), {"notes.txt": b"nothing to run"}, manifest)
                if major == int(version) and mode is None:
                    continue
                _refuses(lambda package=package: bind_package(session, package), f"an empty package of {contract}")

    @law
    def test_refuses_arguments_that_do_not_fit(self) -> None:
        """Arguments of another dtype or rank, too few or too many, and read-only outputs are refused with a code.

        Nothing is written then.
        """
        bench = self._bench()
        executable = bench.bind()
        for what, args, kwargs in _misfits(bench.sample.program, bench.arrays()):
            arrays = [cast("Vector", each) for each in (*args, *kwargs.values()) if hasattr(each, "dtype")]
            before = [fingerprint(each) for each in arrays]
            _refuses(lambda args=args, kwargs=kwargs: executable(*args, **kwargs), what)
            if [fingerprint(each) for each in arrays] != before:
                broken(f"{what} is refused after something was written", "check all arguments before the call")

    @law
    def test_reports_a_run(self) -> None:
        """`run` returns a report of the entry and mode; times that were not measured are None."""
        bench = self._bench()
        report = bench.bind().run(*values_of(bench.sample.program, bench.arrays()))
        if not isinstance(report, RunReport):
            broken(f"run returned {report!r}", "return an htp.RunReport")
        if (report.entry, report.mode) != (bench.sample.name, bench.mode):
            broken(f"the report is of `{report.entry}` in mode {report.mode}", "say what was run, and how")
        if report.wall_seconds is not None and report.wall_seconds <= 0:
            broken(f"wall_seconds is {report.wall_seconds}", "measure it, or leave it None")

    @law
    def test_leaves_the_package_alone(self) -> None:
        """Building and running change no sealed file and leave nothing beside them."""
        bench = self._bench()
        before = _contents(bench.package.path)
        bench.bind()(*values_of(bench.sample.program, bench.arrays()))
        after = _contents(bench.package.path)
        if changed := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
            broken(f"{changed[0]} is not what it was", "build in the cache (`htp.cache`), never in the package")

    @law
    def test_executables_are_independent(self) -> None:
        """Two executables of one package do not meet: each computes its own call, whatever the other did."""
        bench = self._bench()
        one, two = bench.bind(), bench.bind()
        if one is two:
            broken("binding twice gives one executable", "make a new one for each load")
        for executable, case in ((one, 0), (two, 1), (one, 1), (two, 0)):
            cases = bench.sample.cases()
            chosen = cases[min(case, len(cases) - 1)]
            found = {chosen.name: native_outcome(executable, bench.sample, chosen)}
            if told := difference({chosen.name: outcome(bench.sample.program, chosen)}, found):
                broken(f"`{bench.sample.name}`: {told}", "keep nothing between calls or executables")


Call = tuple[str, list[object], dict[str, object]]


def _misfits(definition: AnyDefinition, arrays: dict[str, Vector]) -> Iterator[Call]:
    """Calls that do not fit, each with one thing wrong."""
    import numpy as np

    def copies() -> dict[str, Vector]:
        return {name: array.copy() for name, array in arrays.items()}

    first = next(each.name for each in definition.params if each.direction != "scalar")
    out = next(each.name for each in definition.params if each.direction in ("out", "inout"))
    given = copies()
    other = np.dtype(np.int16) if given[first].dtype != np.int16 else np.dtype(np.int32)
    yield "an array of another dtype", values_of(definition, given | {first: np.zeros(given[first].shape, other)}), {}
    given = copies()
    yield "an array of another rank", values_of(definition, given | {first: given[first][None]}), {}
    yield "too few arguments", values_of(definition, copies())[:-1], {}
    yield "an argument of an unknown name", values_of(definition, copies()), {"no_such_name": 1}
    given = copies()
    given[out].flags.writeable = False
    yield "a read-only output", values_of(definition, given), {}


def _refuses(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except Refused:
        return
    except Exception as error:
        broken(f"{what} raises {said(error)}", "raise `Refused` with a code (`htp.arguments.check_arguments`)")
    broken(f"{what} is accepted", "raise `Refused` with a code (`htp.arguments.check_arguments`)")


def _contents(folder: Path) -> dict[str, str]:
    files = {str(each.relative_to(folder)): each for each in folder.rglob("*") if each.is_file()}
    return {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in files.items() if is_sealed(name)}
