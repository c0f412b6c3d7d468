"""The C++ compiler at hand: which one is used, and what identifies it.

Knows commands and versions; does not know what is compiled.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from htp.diagnostics import Refused

__all__ = ["Compiler", "find_compiler"]

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
        Refused: `pto.no-compiler`.
    """
    return _find(os.environ.get("HTP_CXX", ""), os.environ.get("PATH", ""))


@functools.cache
def _find(chosen: str, path: str) -> Compiler:
    for text in (chosen,) if chosen else CANDIDATES:
        first, *options = shlex.split(text)
        found = shutil.which(first, path=path)
        version = _version((found, *options)) if found else None
        if found is not None and version is not None:
            return Compiler((found, *options), version)
    wheel = (sys.executable, "-m", "ziglang", "c++")
    if not chosen and find_spec("ziglang") is not None and (version := _version(wheel)) is not None:
        return Compiler(wheel, version)
    none = "there is no C++ compiler to build the package with"
    raise Refused(
        "pto.no-compiler",
        f"HTP_CXX is `{chosen}`, which cannot be run" if chosen else none,
        notes=(f"looked for {chosen or ', '.join(CANDIDATES)} on the path",),
        help="install g++ or `pip install ziglang`, or set HTP_CXX to a C++17 compiler",
    )


def _version(command: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run((*command, "--version"), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.split("\n", 1)[0].strip() if done.returncode == 0 else None
