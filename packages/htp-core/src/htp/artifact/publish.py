"""Publishing a package: everything is written beside its place and arrives there by one rename.

Knows folders, renames and what a kill may leave behind; does not know what the files say.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from htp.artifact.manifest import MANIFEST, UNSEALED, Manifest
from htp.artifact.paths import is_sealed, problem_of
from htp.artifact.read import Package
from htp.artifact.seal import DECODE_ERRORS, canonical, sealed
from htp.artifact.temporary import claim, sweep
from htp.diagnostics import Bug, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXCHANGE = 2  # RENAME_EXCHANGE, linux/fs.h
_AT_FDCWD = -100  # fcntl.h on Linux


def publish_package(out: Path | str, files: Mapping[str, bytes], manifest: Manifest) -> Package:
    """Writes a whole package to the folder `out`, replacing the package that is there.

    `manifest` comes without files and digest; both are filled in, as are the digests of its stages. Files below
    `build/` and `logs/` are written but not sealed. A kill at any moment leaves what was there before or the whole new
    package; what a killed run wrote stays hidden beside `out` and is removed by the next publication.

    Raises:
        Refused: `artifact.not-a-package`, `artifact.foreign-file`, `artifact.cannot-write`.
    """
    _check(files, manifest)
    place = Path(os.path.abspath(out))  # resolving would follow a link that must be refused
    final = sealed(manifest, {path: data for path, data in files.items() if is_sealed(path)})
    prefix = f".{place.name}.htp-"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep(place.parent, prefix)
        check_replaceable(place)
        with claim(place.parent, prefix) as temporary:
            _write(temporary.path, {**files, MANIFEST: canonical(final)})
            _swap(temporary.path, place)
    except OSError as error:
        raise Refused(
            "artifact.cannot-write",
            f"the package cannot be written to {out}: {error.strerror or error}",
            help="name another folder, or make this one writable and give it room",
        ) from error
    return Package(path=place, manifest=final)


def check_replaceable(out: Path) -> None:
    """Refuses `out` unless nothing, an empty folder or a package without anything foreign is there.

    Raises:
        Refused: `artifact.not-a-package`, `artifact.foreign-file`.
    """
    if not out.is_symlink() and not out.exists():
        return
    if out.is_symlink() or not out.is_dir():
        raise _not_a_package(out, "it is not a folder")
    names = sorted(os.listdir(out))
    if not names:
        return
    known = _listed(out / MANIFEST)
    if known is None:
        raise _not_a_package(out, f"it holds {names[0]!r} but no manifest of a package")
    foreign = [path for path in _present(out) if path not in known]
    if foreign:
        raise Refused(
            "artifact.foreign-file",
            f"{foreign[0]} in {out.name}/ was not written by HTP, and replacing the package would delete it",
            notes=(f"{len(foreign)} files are not listed in its manifest",) if len(foreign) > 1 else (),
            help="move it elsewhere, or name another folder with -o",
        )


def _not_a_package(out: Path, why: str) -> Refused:
    return Refused(
        "artifact.not-a-package",
        f"{out.name}/ will not be replaced: {why}",
        help="name a new folder with -o, or remove this one yourself",
    )


def _listed(manifest: Path) -> set[str] | None:
    """The files the manifest there claims, or `None` if it is no manifest of any version."""
    if manifest.is_symlink() or not manifest.is_file():
        return None
    try:
        tree: object = msgspec.json.decode(manifest.read_bytes())
    except DECODE_ERRORS:
        return None
    fields = cast("dict[str, object]", tree) if isinstance(tree, dict) else {}
    if not str(fields.get("schema", "")).startswith("htp.manifest/"):
        return None
    records = fields.get("files")
    items = cast("list[object]", records) if isinstance(records, list) else []
    paths = [cast("dict[str, object]", item).get("path") for item in items if isinstance(item, dict)]
    return {MANIFEST, *(path for path in paths if isinstance(path, str))}


def _present(root: Path) -> list[str]:
    """Files that could be somebody's work: all but `build/`, `logs/` and Python's own caches."""
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root).as_posix()
        folders[:] = sorted(
            name for name in folders if name != "__pycache__" and not (here == "." and name in UNSEALED)
        )
        found += [name if here == "." else f"{here}/{name}" for name in sorted(names)]
    return found


def _check(files: Mapping[str, bytes], manifest: Manifest) -> None:
    """What a compile hands over must be a package already; anything else is HTP's own mistake."""
    for path in files:
        problem = problem_of(path)
        if problem is None and path == MANIFEST:
            problem = "the manifest is written by the publication itself"
        if problem is not None:
            raise Bug(f"{path!r} cannot be a file of a package: {problem}")
    parents = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    for path in sorted(parents.intersection(files)):
        raise Bug(f"{path!r} is both a file and a folder of the package")
    for stage in manifest.stages:
        for path in (stage.program, stage.state):
            if path not in files:
                raise Bug(f"stage {stage.id} names {path!r}, which is not among the files")


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    """Writes and flushes every file; folders are flushed last, so that the rename cannot overtake its content."""
    folders = {root}
    for path, data in sorted(files.items()):
        place = root / path
        if place.parent not in folders:
            place.parent.mkdir(parents=True, exist_ok=True)
            folders.update(parent for parent in place.parents if root in parent.parents)
        with place.open("wb") as stream:
            stream.write(data)
            stream.flush()
            if is_sealed(path) or path == MANIFEST:
                os.fsync(stream.fileno())
    for folder in sorted(folders, reverse=True):
        _flush(folder)


def _swap(new: Path, place: Path) -> None:
    """Puts the folder `new` at `place`; what was there, if anything, ends at `new`."""
    if not place.exists():
        try:
            new.rename(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return _flush(place.parent)
    check_replaceable(place)
    if not _exchange(new, place):
        aside = new.with_name(new.name + "-old")
        place.rename(aside)
        new.rename(place)
        with contextlib.suppress(OSError):
            aside.rename(new)
    return _flush(place.parent)


@functools.cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The system's call that swaps two names at once, where there is one (Linux 3.15, glibc 2.28)."""
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        call.restype = ctypes.c_int
    return call


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two folders in one step; false where the system or file system cannot."""
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _flush(folder: Path) -> None:
    """Makes renames inside `folder` durable, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
