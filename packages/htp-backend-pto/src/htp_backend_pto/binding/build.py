"""Building for the host stand-in: kernels, orchestration and executor become shared libraries, each only once.

Knows commands, keys and what a failed build leaves; does not know what the sources say.
"""

from __future__ import annotations

import functools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from htp.cache import Cache
from htp.diagnostics import Bug
from htp_backend_pto.binding.compilers import find_compiler
from htp_backend_pto.binding.headers import STANDIN, digest_of, headers_digest, including, with_precompiled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from htp.artifact.read import Package as PackageFiles
    from htp_backend_pto.contract import Package
    from htp_backend_pto.profile import Profile

__all__ = ["Built", "CompilerRefused", "Unit", "build", "executor_library", "library"]

LIBRARY = "library.so"
BUILD_SECONDS = 600.0
SHOWN = 40


class CompilerRefused(Bug):
    """The compiler refuses an emitted file; carries what it said."""

    def __init__(self, name: str, said: str, code: int) -> None:
        every = said.splitlines()
        rest = [f"… {len(every) - SHOWN} more lines"] if len(every) > SHOWN else []
        text = "\n".join([*every[:SHOWN], *rest])
        super().__init__(f"the C++ compiler refuses the emitted {name} (exit status {code}):\n{text}")
        self.said = said


@dataclass(frozen=True)
class Built:
    """The libraries of a package: of the executor, of the orchestration, and of each kernel number with its core."""

    executor: Path
    orchestration: Path
    kernels: tuple[tuple[int, str, str, Path], ...]


@dataclass(frozen=True)
class Unit:
    """One library: its files, of which the one called `main` is compiled; `included` is what it includes first."""

    name: str
    main: str
    sources: Mapping[str, bytes]
    flags: tuple[str, ...]
    included: tuple[str, ...] = ()


def build(package: PackageFiles, contract: Package, profile: Profile) -> Built:
    """The libraries of a package, from the cache or built side by side.

    Raises:
        Refused: `pto.no-compiler`.
        CompilerRefused: what it said is in `logs/build.txt` of the package.
    """
    flags = profile.standin_flags
    units = [_orchestration(package, contract, flags)]
    parts = [(each, *part) for each in contract.kernels for part in each.parts]
    for each, _, core in parts:
        main = PurePosixPath(each.file).name
        own = (*flags, f"-D{profile.core_macros[core]}")
        units.append(Unit(each.file, main, {main: package.read(each.file)}, own, profile.kernel_headers))
    logs = package.path / "logs"
    with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        executor = pool.submit(executor_library)
        found = list(pool.map(functools.partial(library, logs=logs), units))
    paths = zip(parts, found[1:], strict=True)
    kernels = tuple((number, each.name, core, path) for (each, number, core), path in paths)
    return Built(executor.result(), found[0], kernels)


def _orchestration(package: PackageFiles, contract: Package, flags: tuple[str, ...]) -> Unit:
    folder = str(PurePosixPath(contract.orchestration).parent)
    paths = [each.path for each in package.files if each.path.startswith(f"{folder}/")]
    main = PurePosixPath(contract.orchestration).name
    return Unit(contract.orchestration, main, {PurePosixPath(each).name: package.read(each) for each in paths}, flags)


@functools.cache
def executor_library() -> Path:
    """The executor of the stand-in, which all packages share.

    Raises:
        Refused: `pto.no-compiler`.
    """
    found = (STANDIN / "executor").iterdir()
    sources = {each.name: each.read_bytes() for each in found if each.suffix in (".hpp", ".cpp")}
    return library(Unit("executor", "executor.cpp", sources, ("-std=c++17", "-O2", "-fPIC", "-shared", "-pthread")))


def library(unit: Unit, *, logs: Path | None = None) -> Path:
    """A library from the cache, or built against the stand-in's headers; what a failed build says goes to `logs` too.

    Raises:
        Refused: `pto.no-compiler`.
        CompilerRefused: the compiler refuses the source.
    """
    compiler = find_compiler()

    def make(folder: Path) -> None:
        own = folder / "executor"  # beside `../abi.h`, as in the package
        own.mkdir()
        for name, content in sorted(unit.sources.items()):
            (own / name).write_bytes(content)
        (folder / "abi.h").write_bytes((STANDIN / "abi.h").read_bytes())
        flags = with_precompiled(unit.flags, unit.included) if unit.included else unit.flags
        command = [*compiler.command, *flags, including(), unit.main, "-o", f"../{LIBRARY}", "-ldl"]
        _compile(command, own, unit.name, logs)
        for each in [*own.iterdir(), folder / "abi.h"]:
            each.unlink()
        own.rmdir()

    said = (*compiler.command, compiler.version, unit.main, *unit.flags, headers_digest())
    parts = [each.encode() for each in said]
    for name, content in sorted(unit.sources.items()):
        parts += [name.encode(), content]
    return Cache.open().get_or_make(f"pto-{digest_of(parts)}", make) / LIBRARY


def _compile(command: Sequence[str], folder: Path, name: str, logs: Path | None) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False, errors="replace"
        )
        code, said = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        code, said = -1, f"no answer within {BUILD_SECONDS:.0f} seconds"
    if code == 0:
        return
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "build.txt").open("a", encoding="utf-8") as log:
            log.write(f"# {name}\n{said}\n")
    raise CompilerRefused(name, said, code)
