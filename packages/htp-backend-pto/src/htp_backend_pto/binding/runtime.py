"""Packages run by pto-runtime: the package's own `run.py` in a process of its own, with a limit of time.

Knows the script's options and what it leaves; does not know pto-runtime's interface.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.runs import RunReport, TaskEdge, TaskGraph, TaskNode
from htp_backend_pto.binding.accepted import contract_of
from htp_backend_pto.binding.calls import Face
from htp_backend_pto.binding.reports import failed_check, places_of
from htp_backend_pto.contract import Graph, Package
from htp_backend_pto.profile import profile_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.artifact.read import Package as PackageFiles
    from htp.declarations import Mode
    from htp.types import Array, Slot
    from htp_backend_pto.binding.calls import Call
    from htp_backend_pto.profile import Runtime

__all__ = ["ROOT", "Dependences", "RuntimeProgram", "checkout", "load_on"]

ROOT = "HTP_PTO_RUNTIME_ROOT"
PYTHON = "HTP_PTO_RUNTIME_PYTHON"
SECONDS = "HTP_PTO_TIMEOUT"
LIMIT = 600.0
"""Seconds for one run, building included; more than ten times what the longest example takes."""
TRIES = 5
"""The simulator dies now and then, on a busy machine half of the time, of a count that is not one: hw-native-sys/
simpler@6ebaf77, src/a2a3/runtime/host_build_graph/runtime/scheduler/pto_scheduler.h, `AsyncWaitList`."""
SHOWN = 30


class DependenceEdge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge of the graph that was run."""

    pred: str
    succ: str
    source: str


class DependenceTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task of the graph that was run; -1 stands for a unit without a kernel."""

    task_id: str
    kernel_ids: tuple[int, ...] = ()


class Dependences(msgspec.Struct, frozen=True, kw_only=True):
    """`deps.json`, as far as it is looked at."""

    tasks: tuple[DependenceTask, ...] = ()
    edges: tuple[DependenceEdge, ...] = ()


class _Died(Exception):
    """The process was ended by a signal; what is said of it if that is all."""

    def __init__(self, refused: Refused) -> None:
        super().__init__()
        self.refused = refused


class RuntimeProgram:
    """A package that pto-runtime builds and runs; calling it runs the entry on arrays, by position or by name."""

    def __init__(
        self, package: PackageFiles, contract: Package, root: Path, runtime: Runtime, mode: Literal["sim", "device"]
    ) -> None:
        self.package, self.contract, self.root, self.runtime = package, contract, root, runtime
        self.mode: Mode = mode
        self.face = Face(contract)
        self.places = places_of(package.record("contract/graph.json", Graph))
        self.dependences: Dependences | None = None
        """The graph of the last run that was traced."""

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Runs the entry; Out and InOut arrays are written.

        Raises:
            Refused: a `run.*` code, the code of a check in the program, `pto.timeout`, or `pto.runtime-failed`.
        """
        self._run(self.face.call(args, kwargs), trace=False)

    def run(self, *args: object, trace: bool = False, **kwargs: object) -> RunReport:
        """Runs the entry and reports its wall time; with `trace` also every task and what ordered them.

        Raises:
            Refused: as calling.
        """
        return self._run(self.face.call(args, kwargs), trace=trace)

    def _run(self, call: Call, *, trace: bool) -> RunReport:
        with tempfile.TemporaryDirectory(prefix="htp-pto-") as folder:
            seconds, odd = self._tried(call, Path(folder), trace=trace)
            self.dependences = _read(Path(folder)) if trace else None
        return RunReport(
            entry=self.contract.entry,
            target=self.package.manifest.target,
            mode=self.mode,
            wall_seconds=seconds,
            graph=_graph(self.dependences, self.contract, self.places) if self.dependences else None,
            diagnostics=odd,
        )

    def attach(self, slots: Mapping[str, Slot[Array]]) -> None:
        """Reads these slots of a live program from now on, instead of the values stored in the package."""
        self.face.attach(slots)

    def _tried(self, call: Call, folder: Path, *, trace: bool, number: int = 1) -> tuple[float, tuple[Diagnostic, ...]]:
        """Runs until the process does not die; each time that it did is reported, the last time raised."""
        try:
            seconds, notes = self._once(call, folder, trace=trace)
        except _Died as died:
            if number == TRIES:
                raise died.refused from None
            seconds, later = self._tried(call, folder, trace=trace, number=number + 1)
            note = f"try {number} of {TRIES} failed, a later one is reported: {died.refused.diagnostic.message}"
            return seconds, (Diagnostic(code=died.refused.code, severity="warning", message=note), *later)
        return seconds, tuple(Diagnostic(code="pto.simulator", severity="warning", message=each) for each in notes)

    def _once(self, call: Call, folder: Path, *, trace: bool) -> tuple[float, list[str]]:
        import numpy as np

        inputs, outputs = folder / "inputs.npz", folder / "outputs.npz"
        given = {parameter.name: _plain(array) for parameter, array in call.arrays}
        given.update({name: _number(bits, dtype) for name, dtype, bits in self._scalars(call)})
        np.savez(inputs, **given)  # pyright: ignore[reportArgumentType]
        python = os.environ.get(PYTHON, "") or sys.executable
        command = [python, str(self.package.path / "codegen/pto/run.py"), f"--root={self.root}"]
        command += [f"--runtime={self.runtime}", f"--inputs={inputs}", f"--outputs={outputs}"]
        command += [f"--platform={'a2a3' if self.mode == 'device' else 'a2a3sim'}", f"--cache={self._cache(folder)}"]
        command += [f"--dependences={folder}"] if trace else []
        said = self._child(command)
        with np.load(outputs) as found:
            for parameter, array in call.arrays:
                if parameter.direction != "in":
                    array.view(found[parameter.name].dtype)[...] = found[parameter.name]
        # What kernels print may come behind it.
        ended = json.loads(next(each for each in reversed(said.splitlines()) if each.startswith('{"')))
        return float(ended["run_seconds"]), ended["notes"]

    def _scalars(self, call: Call) -> list[tuple[str, str, int]]:
        dtypes = {each.name: each.dtype for each in (*self.contract.parameters, *self.contract.slots)}
        return [(name, dtypes[name], bits) for name, bits in call.scalars]

    def _cache(self, folder: Path) -> Path:
        """Where built objects are kept: in the package, or nowhere when that cannot be written."""
        place = self.package.path / "build" / "pto-runtime"
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            return folder / "build"
        return place

    def _child(self, command: list[str]) -> str:
        limit = float(os.environ.get(SECONDS, "") or LIMIT)
        start = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            raise Refused(
                "pto.timeout",
                f"pto-runtime did not finish `{self.contract.entry}` within {limit:.0f} seconds",
                help=f"run it again, or allow more seconds with {SECONDS}",
            ) from None
        text = done.stdout + done.stderr
        self._log(text, time.perf_counter() - start)
        if done.returncode == 0:
            return done.stdout
        failed = failed_check(text, self.contract.checks)
        if failed is not None:
            raise failed
        if done.returncode == 4:
            raise Refused("pto.no-toolchain", done.stderr.strip().splitlines()[-1], help=_how_to_get())
        refused = Refused(
            "pto.runtime-failed",
            f"pto-runtime failed on `{self.contract.entry}` (exit status {done.returncode})",
            notes=tuple(text.splitlines()[-SHOWN:]),
            help="the whole text is in logs/pto-runtime.txt of the package",
        )
        raise _Died(refused) if done.returncode < 0 else refused

    def _log(self, text: str, seconds: float) -> None:
        logs = self.package.path / "logs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
            (logs / "pto-runtime.txt").write_text(f"# {self.runtime}, {seconds:.1f} s\n{text}", encoding="utf-8")
        except OSError:
            return


def load_on(
    package: PackageFiles, mode: Literal["sim", "device"], runtime: Runtime = "tensormap_and_ringbuffer"
) -> RuntimeProgram:
    """A package that pto-runtime runs.

    Raises:
        Refused: `pto.no-toolchain`, `pto.toolchain-mismatch`, `pto.runtime-lacks`.
    """
    contract = contract_of(package, runtime)
    root = checkout()
    profile = profile_named(contract.versions.profile)
    profile.expect("runtime", _commit(root))
    pin = root / "pto_isa.pin"
    profile.expect("isa", pin.read_text(encoding="utf-8").strip() if pin.is_file() else "")
    return RuntimeProgram(package, contract, root, runtime, mode)


def checkout() -> Path:
    """Where pto-runtime lies.

    Raises:
        Refused: `pto.no-toolchain`.
    """
    text = os.environ.get(ROOT, "")
    root = Path(text)
    if text and (root / "simpler_setup").is_dir():
        return root
    problem = f"{ROOT} is `{text}`, where there is no pto-runtime" if text else f"{ROOT} is not set"
    raise Refused("pto.no-toolchain", f"there is no pto-runtime here: {problem}", help=_how_to_get())


def _how_to_get() -> tuple[str, ...]:
    return (
        f"clone https://github.com/hw-native-sys/simpler, build it, set {ROOT} to it and {PYTHON} to its Python",
        "bind without toolchain= to run the same sources on the host stand-in",
    )


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _plain(array: object) -> object:
    """An array that `.npz` files can hold: 16-bit floats as their bits."""
    import numpy as np

    own = np.asarray(array)
    return own.view(np.uint16) if own.dtype.itemsize == 2 and own.dtype.kind not in "iu" else own


def _number(bits: int, dtype: str) -> object:
    """The scalar that 64 bits stand for."""
    import numpy as np

    from htp_backend_pto.binding.calls import FORMATS
    from htp_backend_pto.profile import SCALARS

    form = np.dtype(FORMATS[SCALARS[dtype]])
    return np.frombuffer(bits.to_bytes(8, "little"), form)[0]


def _read(folder: Path) -> Dependences | None:
    found = sorted(folder.rglob("deps.json"))
    return msgspec.json.decode(found[0].read_bytes(), type=Dependences) if found else None


def _graph(found: Dependences, contract: Package, places: Mapping[str, str]) -> TaskGraph:
    names = {number: each.name for each in contract.kernels for number, _ in each.parts}
    index = {each.task_id: number for number, each in enumerate(found.tasks)}
    nodes: list[TaskNode] = []
    for each in found.tasks:
        kernel = next((names[number] for number in each.kernel_ids if number in names), "(none)")
        nodes.append(TaskNode(kernel=kernel, place=places.get(kernel, "")))
    kinds: dict[tuple[int, int], dict[str, None]] = {}
    for each in found.edges:
        if each.pred in index and each.succ in index:
            kinds.setdefault((index[each.pred], index[each.succ]), {})[each.source] = None
    edges = tuple(TaskEdge(source=source, target=target, kind="+".join(k)) for (source, target), k in kinds.items())
    return TaskGraph(tasks=tuple(nodes), edges=edges)
