"""Which relative paths may name a file inside a package."""

from __future__ import annotations

from htp.artifact.manifest import MANIFEST, UNSEALED


def problem_of(path: str) -> str | None:
    """Why `path` may not name a file of a package, or `None` if it may.

    >>> problem_of("ir/stages/00-capture/program.py")
    >>> problem_of("../secret")
    'it leaves the package'
    """
    parts = path.split("/")
    if not path or len(path) > 1000:
        return "its length is not between 1 and 1000"
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        return "it is absolute"
    if ".." in parts:
        return "it leaves the package"
    if "\\" in path or not path.isprintable():
        return "it holds a backslash or an unprintable character"
    if any(part in ("", ".") or len(part.encode()) > 255 for part in parts):
        return "one of its parts is empty, `.` or longer than 255 bytes"
    return None


def is_sealed(path: str) -> bool:
    """Whether a file at `path` belongs to the seal: everything but the manifest, `build/` and `logs/`."""
    return path != MANIFEST and path.split("/", 1)[0] not in UNSEALED
