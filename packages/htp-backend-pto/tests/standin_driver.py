"""Builds the hand-written sources of the stand-in's tests, each once, whichever process of a test run asks first."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from htp.cache import Cache
from htp_backend_pto.binding.build import executor_library
from htp_backend_pto.binding.compilers import find_compiler

if TYPE_CHECKING:
    from standin_session import Core

HERE = Path(__file__).parent / "standin"
STANDIN = Path(str(files("htp_backend_pto"))) / "native" / "standin"
FLAGS = ("-std=c++17", "-ffp-contract=off", "-pthread", f"-I{STANDIN / 'include'}")
MACROS = {"aic": "-D__DAV_CUBE__", "aiv": "-D__DAV_VEC__"}


def _compile(source: Path, *flags: str) -> None:
    command = [*find_compiler().command, *FLAGS, *flags, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[:4000]}")


def _build(name: str, *flags: str) -> Path:
    source = HERE / f"{name}.cpp"
    sources = [source.read_bytes(), *(each.read_bytes() for each in sorted(STANDIN.rglob("*.h*")))]
    key = hashlib.sha256(b"\0".join([" ".join((*find_compiler().command, *flags)).encode(), *sources])).hexdigest()
    made = Cache.open().get_or_make(
        f"standin-{key}",
        lambda folder: _compile(source, "-O1", "-fPIC", "-shared", *flags, "-o", str(folder / "library.so"), "-ldl"),
    )
    return made / "library.so"


def executor() -> Path:
    """The executor, the one that packages are run with."""
    return executor_library()


@functools.cache
def kernel(name: str, core: Core = "aiv", *defines: str) -> Path:
    """The kernel `standin/NAME.cpp`, compiled for a core and with macros."""
    return _build(name, "-D__CPU_SIM", MACROS[core], *(f"-D{each}" for each in defines))


def accept(name: str, core: Core) -> None:
    """Raises unless the kernel `standin/NAME.cpp` compiles for a core; every template is used as in a build."""
    _compile(HERE / f"{name}.cpp", "-fsyntax-only", "-D__CPU_SIM", MACROS[core])


@functools.cache
def orchestration(name: str) -> Path:
    """The orchestration `standin/NAME.cpp`."""
    return _build(name)
