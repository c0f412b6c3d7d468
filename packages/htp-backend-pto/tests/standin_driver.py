"""Builds the stand-in and the hand-written sources of its tests, each once a test run."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standin_session import Core

HERE = Path(__file__).parent / "standin"
STANDIN = Path(str(files("htp_backend_pto"))) / "native" / "standin"
CXX = os.environ.get("HTP_CXX", "g++").split()
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-pthread", f"-I{STANDIN / 'include'}")


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="standin-"))


def _build(source: Path, output: Path, *flags: str) -> Path:
    command = [*CXX, *FLAGS, *flags, str(source), "-o", str(output), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[:4000]}")
    return output


@functools.cache
def executor() -> Path:
    """The executor."""
    return _build(STANDIN / "executor" / "executor.cpp", _folder() / "executor.so")


@functools.cache
def kernel(name: str, core: Core = "aiv", *defines: str) -> Path:
    """The kernel `standin/NAME.cpp`, compiled for a core and with macros."""
    unit = "__DAV_CUBE__" if core == "aic" else "__DAV_VEC__"
    output = _folder() / f"{name}-{core}-{'-'.join(defines)}.so"
    return _build(HERE / f"{name}.cpp", output, "-D__CPU_SIM", *(f"-D{each}" for each in (unit, *defines)))


@functools.cache
def orchestration(name: str) -> Path:
    """The orchestration `standin/NAME.cpp`."""
    return _build(HERE / f"{name}.cpp", _folder() / f"{name}.so")
