"""The cache of built things: content-addressed folders that never change once published.

Knows keys, folders and their lifetime; does not know what is built or how a key is made up.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from htp.artifact.manifest import FileRecord, Record
from htp.artifact.seal import DECODE_ERRORS, canonical, sha256
from htp.artifact.temporary import claim, sweep
from htp.diagnostics import Bug

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TAG = "CACHEDIR.TAG"
# https://bford.info/cachedir/ fixes the first line.
TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder belongs to HTP; everything in it can be made again.\n"
)
INVENTORY = ".htp-entry.json"
LARGEST = 2 << 30
IN_USE_SECONDS = 3600.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_UNUSABLE = (*_FULL, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)
_KEY = re.compile(r"[0-9a-z][0-9a-z-]{7,199}")


class Inventory(Record, frozen=True, kw_only=True):
    """What an entry consists of, written before it is published."""

    schema: str = "htp.cache-entry/1"
    key: str
    files: tuple[FileRecord, ...] = ()


class _MakerError(Exception):
    """The maker of an entry failed by itself; the cache is not to blame."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Entry:
    """A published folder; `used` is when it was last asked for, in seconds since the epoch."""

    key: str
    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Cache:
    """A folder of entries; `private` caches live as long as this process."""

    root: Path
    private: bool = False
    largest: int = LARGEST

    @classmethod
    def open(cls, environment: Mapping[str, str] | None = None) -> Cache:
        """The cache the environment asks for.

        `HTP_CACHE_DIR`, else `XDG_CACHE_HOME/htp`, else the system's place; `HTP_CACHE=off` gives a private one, and so
        does a place that cannot be written, with one warning. `HTP_CACHE_BYTES` caps its size (2 GiB).
        """
        values = os.environ if environment is None else environment
        size = values.get("HTP_CACHE_BYTES", "")
        largest = int(size) if size.isdecimal() else LARGEST
        if values.get("HTP_CACHE") == "off":
            return cls(_private_root(), private=True, largest=largest)
        root = cache_root(values)
        try:
            _prepare(root)
        except OSError as error:
            return _fallback(root, error, largest)
        return cls(root, largest=largest)

    def path(self, key: str) -> Path:
        """Where the entry of a key lies, whether or not it is there."""
        if not _KEY.fullmatch(key):
            raise Bug(f"{key!r} is not a cache key")
        return self.root / "v1" / key[:2] / key

    def get(self, key: str) -> Path | None:
        """The entry of a key if it is there and whole, marked as used now."""
        place = self.path(key)
        if _damage(place, key, deep=False) is not None:
            return None
        with contextlib.suppress(OSError):
            os.utime(place / INVENTORY)
        return place

    def get_or_make(self, key: str, make: Callable[[Path], None]) -> Path:
        """The entry of a key; if it is not there, `make` fills a new folder that is then published by one rename.

        When two processes make the same entry the first to publish wins and the other's work is dropped. When the cache
        cannot be written the entry is made in a private one, with one warning.
        """
        found = self.get(key)
        if found is not None:
            return found
        try:
            return self._make(key, make)
        except _MakerError as failed:
            raise failed.error from None
        except OSError as error:
            if self.private or error.errno not in _UNUSABLE:
                raise
            return _fallback(self.root, error, self.largest).get_or_make(key, make)

    def _make(self, key: str, make: Callable[[Path], None]) -> Path:
        place = self.path(key)
        _prepare(self.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        with claim(self.root / "tmp", "make-") as temporary:
            content = temporary.path / key
            content.mkdir()
            try:
                make(content)
            except OSError as error:
                if error.errno in _FULL:
                    raise
                raise _MakerError(error) from error
            (content / INVENTORY).write_bytes(canonical(_inventory(content, key)))
            if place.exists() and _damage(place, key, deep=False) is not None:
                self._discard(place, temporary.path / "damaged")
            try:
                content.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        self._tidy()
        return place

    @staticmethod
    def _discard(place: Path, aside: Path) -> None:
        """Takes an entry out of the way by one rename; somebody else may have done so."""
        with contextlib.suppress(FileNotFoundError):
            place.rename(aside)

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, least recently used first."""
        found: list[Entry] = []
        for inventory in self.root.glob(f"v1/??/*/{INVENTORY}"):
            with contextlib.suppress(OSError, *DECODE_ERRORS):
                files = msgspec.json.decode(inventory.read_bytes(), type=Inventory).files
                size = sum(record.size for record in files)
                found.append(Entry(inventory.parent.name, inventory.parent, size, inventory.stat().st_mtime))
        return tuple(sorted(found, key=lambda entry: (entry.used, entry.key)))

    def prune(self, largest: int | None = None, *, spare_seconds: float = IN_USE_SECONDS) -> tuple[str, ...]:
        """Removes the least recently used entries until the rest fits; returns their keys.

        Entries used within `spare_seconds` stay, since somebody may be loading them. Leftovers of killed makers go too.
        """
        limit = self.largest if largest is None else largest
        sweep(self.root / "tmp", "make-")
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        oldest_in_use = time.time() - spare_seconds
        removed: list[str] = []
        for entry in entries:
            if total <= limit or entry.used > oldest_in_use:
                break
            self._remove(entry.path)
            removed.append(entry.key)
            total -= entry.size
        return tuple(removed)

    def verify(self) -> tuple[tuple[str, str], ...]:
        """Every damaged entry with what is wrong; damaged entries are removed so that they are made again."""
        damaged: list[tuple[str, str]] = []
        for place in sorted(self.root.glob("v1/??/*")):
            problem = _damage(place, place.name, deep=True)
            if problem is not None:
                damaged.append((place.name, problem))
                self._remove(place)
        return tuple(damaged)

    def _remove(self, place: Path) -> None:
        with contextlib.suppress(OSError), claim(self.root / "tmp", "drop-") as temporary:
            self._discard(place, temporary.path / "entry")

    def _tidy(self) -> None:
        """Prunes now and then: at most once an hour over all processes that use this cache."""
        mark = self.root / "tmp" / "pruned"
        with contextlib.suppress(OSError):
            if mark.exists() and time.time() - mark.stat().st_mtime < 3600:
                return
            mark.touch()
            sweep(self.root / "tmp", "drop-")
            self.prune()


def cache_root(environment: Mapping[str, str]) -> Path:
    """The folder the environment names, whether or not it can be used."""
    if environment.get("HTP_CACHE_DIR"):
        return Path(environment["HTP_CACHE_DIR"]).expanduser().absolute()
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]).absolute() / "htp"
    home = Path(environment["HOME"]) if environment.get("HOME") else Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "htp"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", home)) / "htp" / "cache"
    return home / ".cache" / "htp"


def _prepare(root: Path) -> None:
    """Makes the folder and its tag, and finds out whether it can be written."""
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    tag = root / TAG
    if not tag.exists():
        with claim(root / "tmp", "tag-") as temporary:
            (temporary.path / TAG).write_text(TAG_TEXT, encoding="utf-8", newline="\n")
            (temporary.path / TAG).replace(tag)


@functools.cache
def _private_holder() -> tempfile.TemporaryDirectory[str]:
    """One folder per process, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="htp-cache-", ignore_cleanup_errors=True)


def _private_root() -> Path:
    root = Path(_private_holder().name)
    _prepare(root)
    return root


@functools.cache
def _warn_once(root: Path, reason: str) -> None:
    warnings.warn(
        f"the HTP cache {root} cannot be used ({reason}); a private one is used until this process ends. "
        "Set HTP_CACHE_DIR to a folder that can be written.",
        RuntimeWarning,
        stacklevel=5,
    )


def _fallback(root: Path, error: OSError, largest: int) -> Cache:
    _warn_once(root, error.strerror or str(error))
    return Cache(_private_root(), private=True, largest=largest)


def _inventory(content: Path, key: str) -> Inventory:
    files = sorted(path for path in content.rglob("*") if path.is_file())
    records: list[FileRecord] = []
    for path in files:
        data = path.read_bytes()
        records.append(FileRecord(path=path.relative_to(content).as_posix(), size=len(data), sha256=sha256(data)))
    return Inventory(key=key, files=tuple(records))


def _damage(place: Path, key: str, *, deep: bool) -> str | None:
    """Why an entry cannot be used: files missing or of another size, and with `deep` of another content."""
    try:
        inventory = msgspec.json.decode((place / INVENTORY).read_bytes(), type=Inventory)
        if inventory.key != key:
            return "it is filed under another key"
        for record in inventory.files:
            path = place / record.path
            if path.stat().st_size != record.size or (deep and sha256(path.read_bytes()) != record.sha256):
                return f"{record.path} was altered"
    except OSError as error:
        return f"{error.strerror or error}"
    except DECODE_ERRORS:
        return "its inventory cannot be read"
    return None
