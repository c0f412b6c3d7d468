"""Building: C++ sources become shared libraries, each only once for the same sources, flags, compiler and machine.

Knows flags, keys and what a failed build leaves; does not know what the sources say.
"""

from __future__ import annotations

import functools
import hashlib
import subprocess
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from htp.cache import Cache
from htp.diagnostics import Bug
from htp_backend_cpu.compilers import Compiler, find_compiler, machine

if TYPE_CHECKING:
    from collections.abc import Mapping

# -ffast-math is never passed: with it gcc's shared libraries switch subnormal numbers off for the whole thread when
# they are loaded. Integers wrap (-fwrapv) as they do in NumPy.
FLAGS = (
    "-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
    "-fPIC", "-shared",
)  # fmt: skip
LIBRARY = "library.so"
BUILD_SECONDS = 600.0


class CompilerRefused(Bug):
    """The compiler refuses the emitted program; carries what it said."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(f"the C++ compiler refuses the emitted program (exit status {code}):\n{_head(said)}")
        self.said = said


def build(sources: Mapping[str, bytes], *, flags: tuple[str, ...] = (), logs: Path | None = None) -> Path:
    """The shared library made from all `.cpp` files among `sources`; their headers are the other files.

    Args:
        sources: Contents by file name.
        flags: Compiler flags behind the usual ones.
        logs: A folder that gets `build.txt` when the compiler fails.

    Returns:
        The library's path in the cache.

    Raises:
        Refused: `cpu.no-compiler`.
        CompilerRefused: the compiler refuses the sources; carries what it said.
    """
    compiler = find_compiler()
    every = (*FLAGS, *flags)

    def make(folder: Path) -> None:
        names: list[str] = []
        for name, content in sorted(sources.items()):
            (folder / name).write_bytes(content)
            names += [name] if name.endswith(".cpp") else []
        _compile(compiler, every, names, folder, logs)
        for name in sources:
            (folder / name).unlink()

    return Cache.open().get_or_make(_key(compiler, every, sources), make) / LIBRARY


def sources_of(emitted: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files under `codegen/cpu/` by their names."""
    return {PurePosixPath(path).name: data for path, data in emitted.items() if path.startswith("codegen/cpu/")}


@functools.cache
def runtime_library() -> Path:
    """The shared library of threads, memory, printing and tasks that all packages in a process use."""
    prelude = files("htp_backend_cpu").joinpath("native")
    own = prelude.joinpath("runtime")
    every = (each for folder in (prelude, own) for each in folder.iterdir() if each.name.endswith((".hpp", ".cpp")))
    return build({each.name: each.read_bytes() for each in every}, flags=("-pthread",))


def _key(compiler: Compiler, flags: tuple[str, ...], sources: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    parts = [each.encode() for each in (*compiler.command, compiler.version, machine(), *flags)]
    for name, content in sorted(sources.items()):
        parts += [name.encode(), content]
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f"cpu-{digest.hexdigest()}"


def _compile(compiler: Compiler, flags: tuple[str, ...], names: list[str], folder: Path, logs: Path | None) -> None:
    command = [*compiler.command, *flags, *names, "-o", LIBRARY]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False, errors="replace"
        )
        code, said = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        code, said = -1, f"no answer within {BUILD_SECONDS:.0f} seconds"
    if code == 0:
        return
    text = f"$ {compiler.name} {' '.join([*flags, *names])}\n{said}"
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "build.txt").write_text(text, encoding="utf-8")
    raise CompilerRefused(text, code)


def _head(text: str, lines: int = 40) -> str:
    every = text.splitlines()
    rest = [f"… {len(every) - lines} more lines"] if len(every) > lines else []
    return "\n".join(every[:lines] + rest)
