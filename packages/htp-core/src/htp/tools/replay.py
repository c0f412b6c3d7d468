"""Running stages of a package as ordinary Python, each in a process of its own.

Knows packages and processes; does not know what the programs mean.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from htp.catalogue import distribution_of_module, install_hint
from htp.diagnostics import Diagnostic, Refused
from htp.tools.inputs import load_arrays, parse_dims
from htp.tools.stage import OutputRecord, StageResults, read_results
from htp.types import dtype_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.artifact.read import Package
    from htp.tools.inputs import Vector
    from htp.types import DType

TIMEOUT_SECONDS = 300.0
ABOUT_INPUTS = frozenset(
    (
        "cli.bad-dims", "replay.bad-arrays", "replay.missing-input", "replay.no-usable-inputs",
        "run.assertion-failed", "run.dim-mismatch", "run.out-of-memory",
    )
)  # fmt: skip
"""Codes that speak of what a stage is given, not of what it does."""
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


@dataclass(frozen=True)
class Replay:
    """What one stage computed."""

    stage: str
    pass_name: str
    outputs: tuple[OutputRecord, ...]
    printed: str = ""


@dataclass(frozen=True)
class Cases:
    """A folder of inputs, and what some program made of each of them."""

    folder: Path
    outputs: Path
    results: StageResults
    dtypes: Mapping[str, DType] = field(default_factory=dict[str, "DType"])

    def inputs_of(self, case: str) -> dict[str, Vector]:
        """The arrays a case starts from."""
        return load_arrays(self.folder / f"{case}.in.npz", self.dtypes)

    def outputs_of(self, case: str) -> dict[str, Vector]:
        """The arrays the program wrote."""
        return load_arrays(self.outputs / f"{case}.out.npz", self.dtypes)


def replay(
    package: Package,
    stage: str,
    *,
    seed: int = 1,
    dims: str = "",
    inputs: Path | None = None,
    outputs: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Replay:
    """Runs one stage on seeded or given inputs and returns the digests of its outputs.

    Raises:
        Refused: what the stage itself was refused with, `replay.stage-failed`, `replay.timeout`, `artifact.*`.
    """
    record = package.stage(stage)
    with tempfile.TemporaryDirectory(prefix="htp-replay-") as folder:
        program = _copy(package, stage, Path(folder))
        options = [f"--seed={seed}", f"--dims={open_sizes(package, dims)}"]
        options += [f"--inputs={inputs.absolute()}"] if inputs else []
        options += [f"--outputs={outputs.absolute()}"] if outputs else []
        printed = _run_stage(program, options, what=f"stage {record.folder}", timeout=timeout)
    lines = printed.splitlines()
    parsed = [(line, _parse(line)) for line in lines]
    found = tuple(output for _, output in parsed if output is not None)
    rest = "".join(f"{line}\n" for line, output in parsed if output is None)
    return Replay(record.id, record.pass_, found, rest)


def make_cases(package: Package, folder: Path, *, seeds: Sequence[int], dims: str = "", edges: bool = False) -> Cases:
    """Inputs made and run by the capture stage, which is the reference.

    Raises:
        Refused: as `replay`.
    """
    first = package.stages[0].id
    options = [f"--make={','.join(str(seed) for seed in seeds)}", f"--dims={open_sizes(package, dims)}"]
    return run_cases(package, first, folder, [*options, "--edges"] if edges else options)


def run_cases(package: Package, stage: str, folder: Path, options: Sequence[str] = ()) -> Cases:
    """Runs a stage on every case of a folder.

    Raises:
        Refused: as `replay`.
    """
    record = package.stage(stage)
    folder.mkdir(parents=True, exist_ok=True)
    outputs = folder / f"out-{record.number}"
    program = _copy(package, stage, folder)
    arguments = [f"--cases={folder}", f"--outputs={outputs}", *options]
    _run_stage(program, arguments, what=f"stage {record.folder}")
    return collect(folder, outputs, f"stage {record.folder}")


def _run_stage(program: Path, options: Sequence[str], *, what: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """As `run_python`; what a stage refuses is refused as it says it."""
    told = program.with_suffix(".refusal.json")
    try:
        return run_python([str(program), *options, f"--refusal={told}"], what=what, timeout=timeout)
    except Refused:
        found = msgspec.json.decode(told.read_bytes(), type=tuple[Diagnostic, ...]) if told.exists() else ()
        if found:
            raise Refused.of(*found) from None
        raise


def open_sizes(package: Package, dims: str) -> str:
    """The sizes as a stage takes them: without those that the package was compiled for.

    Raises:
        Refused: `run.dim-mismatch` for another size than such a one, `cli.bad-dims`.
    """
    given, fixed = parse_dims(dims), package.manifest.dims
    for name, size in given.items():
        if fixed.get(name, size) != size:
            raise Refused(
                "run.dim-mismatch",
                f"{name} is fixed at {fixed[name]} in {package.path.name}/, and not {size}",
                help=f"leave {name} out, or compile with --dims {name}={size}",
            )
    return ",".join(f"{name}={size}" for name, size in given.items() if name not in fixed)


def collect(folder: Path, outputs: Path, what: str) -> Cases:
    """What a run over a folder of cases left."""
    try:
        results = read_results(outputs)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused("replay.stage-failed", f"{what} left no results: {error}") from error
    dtypes = {name: dtype for name, text in results.dtypes.items() if (dtype := dtype_named(text)) is not None}
    return Cases(folder, outputs, results, dtypes)


def run_python(arguments: Sequence[str], *, what: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Runs this Python on a program without touching its folder; returns what it printed.

    Raises:
        Refused: `replay.missing-package` for one that it imports and that is not installed, `replay.stage-failed` with
            the end of its error output, `replay.timeout`.
    """
    command = [sys.executable, "-B", "-P", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused("replay.timeout", f"{what} ran longer than {timeout:g} seconds and was stopped") from None
    if done.returncode == 0:
        return done.stdout
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    if missing := _MISSING.fullmatch(lines[-1]) if lines else None:
        package = missing[1].partition(".")[0]
        distribution = distribution_of_module(package)
        raise Refused(
            "replay.missing-package",
            f"{what} cannot run: it imports `{missing[1]}`, which is not installed",
            help=install_hint(distribution) if distribution else f"install the package that `{package}` is part of",
        )
    ended = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
    raise Refused(
        "replay.stage-failed",
        f"{what} {ended}" + (f": {lines[0]}" if done.returncode == 3 and lines else ""),
        notes=tuple(lines[1:8] if done.returncode == 3 else lines[-8:]),
    )


def _copy(package: Package, stage: str, folder: Path) -> Path:
    """The sealed text of a stage in a file of its own: what runs is what was checked."""
    record = package.stage(stage)
    program = folder / f"stage_{record.number}.py"
    program.write_bytes(package.read(record.program))
    return program


def _parse(line: str) -> OutputRecord | None:
    head, separator, digest = line.rpartition(" sha256:")
    words = head.split(" ", 2)
    if not separator or len(words) != 3 or not (words[2].startswith("(") and words[2].endswith(")")):
        return None
    sizes = [size.strip() for size in words[2][1:-1].split(",") if size.strip()]
    if not all(size.isdecimal() for size in sizes):
        return None
    return OutputRecord(name=words[0], dtype=words[1], shape=tuple(int(size) for size in sizes), sha256=digest)
