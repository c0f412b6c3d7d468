"""The C++ compiler at hand: which one is used, and what identifies it and the machine.

Knows commands and versions; does not know what is compiled.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from htp.diagnostics import Refused

CANDIDATES = ("c++", "g++", "clang++")


@dataclass(frozen=True)
class Compiler:
    """A command that compiles C++, and the first line that it says about its version."""

    command: tuple[str, ...]
    version: str

    @property
    def name(self) -> str:
        """How a person calls it."""
        return " ".join((Path(self.command[0]).name, *self.command[1:]))


def find_compiler() -> Compiler:
    """The compiler of `$HTP_CXX`, else c++, g++ or clang++ of the path, else the one of the `ziglang` wheel.

    Raises:
        Refused: `cpu.no-compiler`.
    """
    return _find(os.environ.get("HTP_CXX", ""), os.environ.get("PATH", ""))


@functools.cache
def _find(chosen: str, path: str) -> Compiler:
    if chosen:
        command = tuple(shlex.split(chosen))
        found = shutil.which(command[0], path=path)
        version = _version((found, *command[1:])) if found else None
        if found is None or version is None:
            raise Refused(
                "cpu.no-compiler",
                f"HTP_CXX is `{chosen}`, which cannot be run",
                help="set HTP_CXX to a C++17 compiler, or unset it",
            )
        return Compiler((found, *command[1:]), version)
    for name in CANDIDATES:
        found = shutil.which(name, path=path)
        version = _version((found,)) if found else None
        if found is not None and version is not None:
            return Compiler((found,), version)
    if importlib.util.find_spec("ziglang") is not None:
        command = (sys.executable, "-m", "ziglang", "c++")
        version = _version(command)
        if version is not None:
            return Compiler(command, version)
    raise Refused(
        "cpu.no-compiler",
        "there is no C++ compiler to build the package with",
        notes=(f"looked for HTP_CXX, then {', '.join(CANDIDATES)} on the path, then the ziglang wheel",),
        help="pip install htp-backend-cpu[toolchain]",
    )


def _version(command: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run((*command, "--version"), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.split("\n", 1)[0].strip() if done.returncode == 0 else None


@functools.cache
def machine() -> str:
    """What `-march=native` depends on: the processor and its features."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("flags", "Features", "model name", "cpu family", "model", "CPU part")
    found = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines if ":" in line}
    return f"{platform.machine()} " + " ".join(found[each] for each in wanted if each in found)
