"""Temporary folders that say whether their maker still lives.

A maker holds a lock on the folder itself; the system drops it when the maker dies, however it dies. So leftovers of
killed processes can be told from folders in use without clocks or process numbers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@dataclass(frozen=True)
class Claimed:
    """A new, empty folder that belongs to this process."""

    path: Path


@contextlib.contextmanager
def claim(parent: Path, prefix: str) -> Generator[Claimed]:
    """A new folder `parent/<prefix><random>`, removed at the end if it still bears that name.

    Raises:
        OSError: the folder cannot be made.
    """
    while True:
        path = parent / f"{prefix}{secrets.token_hex(8)}"
        path.mkdir()
        handle = _lock(path, certain=False)
        if handle is not None and _is(handle, path):
            break
        _close(handle)
    try:
        yield Claimed(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _close(handle)


def sweep(parent: Path, prefix: str) -> int:
    """Removes folders `parent/<prefix>*` whose makers are gone; returns how many."""
    removed = 0
    try:
        names = sorted(name for name in os.listdir(parent) if name.startswith(prefix))
    except OSError:
        return 0
    for name in names:
        path = parent / name
        if path.is_symlink() or not path.is_dir():
            continue
        handle = _lock(path, certain=True)
        if handle is None:
            continue
        shutil.rmtree(path, ignore_errors=True)
        _close(handle)
        removed += not path.exists()
    return removed


if sys.platform == "win32":

    def _lock(path: Path, *, certain: bool) -> int | None:
        """Folders cannot be locked here, so only the maker gets its folder and nothing is swept."""
        return None if certain else -1

    def _is(handle: int, path: Path) -> bool:
        return handle == -1 and path.is_dir()

    def _close(handle: int | None) -> None:
        return

else:
    import fcntl

    def _lock(path: Path, *, certain: bool) -> int | None:
        """A locked handle on the folder, or `None` when another process has it (or, if `certain`, may have it)."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:  # a file system without locks
            if not certain:
                return handle
            os.close(handle)
            return None
        return handle

    def _is(handle: int, path: Path) -> bool:
        """Whether `path` still names the folder behind `handle` (a sweep may have come first)."""
        try:
            here, there = os.fstat(handle), os.lstat(path)
        except OSError:
            return False
        return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)

    def _close(handle: int | None) -> None:
        if handle is not None:
            os.close(handle)
