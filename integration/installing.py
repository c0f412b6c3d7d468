"""Packages installed beside the environment's own, without network: a folder that Python looks into first."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A folder with installed packages, and how Python is run with it."""

    folder: Path

    def install(self, packages: Iterable[Path]) -> None:
        """Builds each package with its own build backend and installs it; nothing is downloaded."""
        options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
        code, said = self.python("-m", "pip", "install", *options, "--target", str(self.folder), *map(str, packages))
        assert code == 0, said

    def python(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        """Exit status of `python WORDS` with the packages of this folder, and what a terminal would show."""
        inherited = os.environ.get("PYTHONPATH", "")
        path = os.pathsep.join(each for each in (str(self.folder), inherited) if each)
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        environment |= {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "100"}
        done = subprocess.run(
            [sys.executable, *words], cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=300,
        )  # fmt: skip
        return done.returncode, done.stdout
