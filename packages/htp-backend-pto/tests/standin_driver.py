"""Builds the stand-in and hand-written sources for the tests, each once a test run."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

from htp_backend_pto import standin

HERE = Path(__file__).parent / "standin"
CXX = (os.environ.get("HTP_CXX", "g++"),)


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="standin-"))


def _build(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[:4000]}")


@functools.cache
def executor() -> Path:
    """The executor."""
    output = _folder() / "executor.so"
    _build(standin.executor_command(CXX, output))
    return output


@functools.cache
def kernel(name: str, core: standin.Core = "aiv", *defines: str) -> Path:
    """The kernel `standin/NAME.cpp`, compiled with macros."""
    output = _folder() / f"{name}-{core}-{'-'.join(defines)}.so"
    _build((*standin.kernel_command((*CXX, "-O0"), HERE / f"{name}.cpp", core, output), *(f"-D{each}" for each in defines)))
    return output


@functools.cache
def orchestration(name: str, *defines: str) -> Path:
    """The orchestration `standin/NAME.cpp`, compiled with macros."""
    output = _folder() / f"{name}-{'-'.join(defines)}.so"
    _build((*standin.orchestration_command(CXX, HERE / f"{name}.cpp", output), *(f"-D{each}" for each in defines)))
    return output
