"""Opening a package: nothing in it is believed until the seal has been checked, and nothing in it is run.

Knows what makes a package acceptable; does not know what its files are for.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from htp.artifact.manifest import (
    MANIFEST,
    SCHEMA,
    UNSEALED,
    AbiFile,
    FileRecord,
    Manifest,
    PlanFile,
    Record,
    StageFile,
    StageRecord,
    StateFile,
    TraceLine,
)
from htp.artifact.paths import is_sealed, problem_of
from htp.artifact.seal import DECODE_ERRORS, canonical, manifest_digest, parse_manifest, sha256
from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Validator = Callable[[Mapping[str, msgspec.Raw]], None]

R = TypeVar("R", bound=Record)
LARGEST_MANIFEST = 64 << 20
_AGAIN = "compile the program again; to go on from an edited stage use `htp compile STAGE --from NN`"


@dataclass(frozen=True)
class Package:
    """A package whose seal held when it was opened."""

    path: Path
    manifest: Manifest

    @property
    def stages(self) -> tuple[StageRecord, ...]:
        """The stages in order; the first is the capture."""
        return self.manifest.stages

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Every sealed file but the manifest."""
        return self.manifest.files

    @property
    def plan(self) -> PlanFile:
        """The plan that was followed."""
        return self.record(self.manifest.plan, PlanFile)

    @property
    def abi(self) -> AbiFile:
        """How the built artifact is called."""
        return self.record("contract/abi.json", AbiFile)

    @property
    def trace(self) -> tuple[TraceLine, ...]:
        """What every step did, in order."""
        lines = self.read("ir/pass_trace.jsonl").splitlines()
        return tuple(_decode(line, TraceLine, "ir/pass_trace.jsonl") for line in lines)

    def stage(self, which: str) -> StageRecord:
        """The stage with this id, folder name or pass name.

        Raises:
            Refused: `artifact.no-such-stage`.
        """
        for stage in self.stages:
            names = (
                stage.id,
                stage.number,
                stage.number.lstrip("0") or "0",
                stage.folder.rsplit("/", 1)[-1],
                stage.pass_,
                stage.pass_.partition("(")[0],
            )
            if which in names:
                return stage
        known = ", ".join(f"{each.number} {each.pass_}" for each in self.stages) or "none"
        raise Refused("artifact.no-such-stage", f"{self.path.name}/ has no stage {which!r}", notes=(f"it has {known}",))

    def stage_text(self, which: str) -> str:
        """The program text of a stage."""
        return self.text(self.stage(which).program)

    def stage_path(self, which: str) -> Path:
        """Where the program of a stage lies."""
        return self.path / self.stage(which).program

    def state(self, which: str) -> StateFile:
        """The index over the program of a stage."""
        return self.record(self.stage(which).state, StateFile)

    def stage_file(self, which: str) -> StageFile:
        """What is recorded about the step that made a stage."""
        return self.record(f"{self.stage(which).folder}/stage.json", StageFile)

    def read(self, path: str) -> bytes:
        """The bytes of a sealed file, checked against the seal again.

        Raises:
            Refused: `artifact.missing-file`, `artifact.altered-file`, `artifact.link`.
        """
        for record in self.files:
            if record.path == path:
                data, problem = _sealed_bytes(self.path, record)
                if problem is not None:
                    raise Refused.of(problem)
                return data
        raise Refused("artifact.missing-file", f"{self.path.name}/ has no sealed file {path!r}")

    def text(self, path: str) -> str:
        """The text of a sealed file.

        Raises:
            Refused: as `read`, and `artifact.bad-record` for bytes that are not UTF-8.
        """
        data = self.read(path)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Refused("artifact.bad-record", f"{path} is not UTF-8: {error.reason}") from error

    def record(self, path: str, kind: type[R]) -> R:
        """A sealed JSON file as a record.

        Raises:
            Refused: as `read`, and `artifact.bad-record` when it does not fit.
        """
        return _decode(self.read(path), kind, path)


def open_package(path: Path | str, *, validators: Mapping[str, Validator] | None = None) -> Package:
    """Opens a package and checks its seal; reads files and runs none of them.

    `validators` maps a top-level `x_<plugin>` to the check of the plugin that owns it; an extension without a check is
    covered by the seal but not interpreted.

    Raises:
        Refused: an `artifact.*` code; every independent finding is among its diagnostics.
    """
    root = Path(os.path.abspath(path))  # the name shown stays the one the user gave
    manifest = _manifest(root)
    problems = [*_record_problems(manifest), *_file_problems(root, manifest)]
    if problems:
        raise Refused.of(*problems)
    for name, validate in (validators or {}).items():
        if name in manifest.extensions:
            validate(manifest.extensions[name])
    return Package(path=root, manifest=manifest)


def _manifest(root: Path) -> Manifest:
    """The manifest, once its version, its fields, its text and its own digest are right."""
    place = root / MANIFEST
    try:
        if not stat.S_ISREG(os.lstat(place).st_mode):
            raise Refused("artifact.link", f"{MANIFEST} of {root.name}/ is not a regular file", help=_AGAIN)
        data = _bytes(place, LARGEST_MANIFEST)
    except OSError as error:
        raise Refused(
            "artifact.missing",
            f"{root.name}/ is not a package: {MANIFEST} cannot be read ({error.strerror})",
            help="give the folder that `htp compile … -o FOLDER` wrote",
        ) from error
    if len(data) > LARGEST_MANIFEST:
        raise Refused("artifact.bad-manifest", f"{MANIFEST} is larger than {LARGEST_MANIFEST >> 20} MiB", help=_AGAIN)
    tree = _tree(data)
    _check_version(tree.get("schema"))
    try:
        manifest = parse_manifest(tree)
        text = canonical(manifest)
    except DECODE_ERRORS as error:
        code = "artifact.unknown-field" if "unknown field" in str(error) else "artifact.bad-manifest"
        raise Refused(code, f"{MANIFEST}: {_reason(error)}", help=_AGAIN) from error
    if manifest.digest != manifest_digest(manifest):
        raise Refused("artifact.broken-seal", f"{MANIFEST} was altered: its digest does not match", help=_AGAIN)
    if data != text:
        raise Refused("artifact.not-canonical", f"{MANIFEST} was rewritten: its text is not canonical", help=_AGAIN)
    return manifest


def _tree(data: bytes) -> dict[str, object]:
    try:
        tree: object = msgspec.json.decode(data)
    except DECODE_ERRORS as error:
        raise Refused("artifact.bad-manifest", f"{MANIFEST} is not JSON: {_reason(error)}", help=_AGAIN) from error
    if not isinstance(tree, dict):
        raise Refused("artifact.bad-manifest", f"{MANIFEST} does not hold an object", help=_AGAIN)
    return cast("dict[str, object]", tree)


def _check_version(schema: object) -> None:
    if schema == SCHEMA:
        return
    match = re.fullmatch(r"htp\.manifest/([0-9]{1,9})", schema) if isinstance(schema, str) else None
    if match is None:
        raise Refused("artifact.bad-manifest", f"{MANIFEST} does not say `schema`: {SCHEMA!r}", help=_AGAIN)
    raise Refused(
        "artifact.unknown-version",
        f"the package has version {match[1]} of the manifest, this HTP reads version {SCHEMA.rsplit('/', 1)[1]}",
        help=("install the HTP that made it", "or compile the program again with this one"),
    )


def _record_problems(manifest: Manifest) -> Iterator[Diagnostic]:
    """What the manifest says about itself must fit together."""
    seen: set[str] = set()
    for record in manifest.files:
        problem = problem_of(record.path)
        if problem is not None:
            yield _finding("artifact.escaping-path", f"the manifest lists {record.path!r}: {problem}")
        elif not is_sealed(record.path) or record.path in seen:
            yield _finding("artifact.bad-manifest", f"the manifest may not list {record.path} (again)")
        seen.add(record.path)
    hashes = {record.path: f"sha256:{record.sha256}" for record in manifest.files}
    ids = [stage.id for stage in manifest.stages]
    if len(set(ids)) != len(ids):
        yield _finding("artifact.bad-manifest", "the manifest lists a stage twice")
    for stage in manifest.stages:
        for path in (stage.program, stage.state):
            if path not in hashes or not path.startswith(f"{stage.folder}/"):
                yield _finding("artifact.bad-manifest", f"stage {stage.id} names {path!r}, which is not sealed there")
        if hashes.get(stage.program, stage.digest) != stage.digest:
            yield _finding("artifact.bad-manifest", f"stage {stage.id} has another digest than its program")
    if manifest.plan not in hashes:
        yield _finding("artifact.missing-file", f"{manifest.plan} is not in the package")


def _file_problems(root: Path, manifest: Manifest) -> Iterator[Diagnostic]:
    """What lies in the folder must be exactly what the manifest lists."""
    listed = {record.path: record for record in manifest.files if problem_of(record.path) is None}
    present: set[str] = set()
    for path, mode in _walk(root, ""):
        if path == MANIFEST:
            continue
        if stat.S_ISLNK(mode):
            yield _finding("artifact.link", f"{path} is a link; a package holds only files of its own")
        elif path in listed and stat.S_ISREG(mode):
            present.add(path)
            continue
        else:
            yield _finding("artifact.extra-file", f"{path} is in the folder but not in the manifest")
        present.add(path)
    for path, record in sorted(listed.items()):
        if path not in present:
            yield _finding("artifact.missing-file", f"{path} is in the manifest but not in the folder")
            continue
        problem = _sealed_bytes(root, record)[1]
        if problem is not None and problem.code != "artifact.link":
            yield problem


def _walk(root: Path, below: str) -> Iterator[tuple[str, int]]:
    """Every entry that is not a folder, with its mode; links are not followed, `build/` and `logs/` not entered."""
    try:
        with os.scandir(root / below) as entries:
            found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries)
    except OSError:
        return  # whatever should be here is reported as missing
    for name, mode in found:
        path = f"{below}/{name}" if below else name
        if not stat.S_ISDIR(mode):
            yield path, mode
        elif path not in UNSEALED:
            yield from _walk(root, path)


def _sealed_bytes(root: Path, record: FileRecord) -> tuple[bytes, Diagnostic | None]:
    """The bytes of a listed file and what is wrong with them."""
    place = root
    for part in record.path.split("/"):
        place = place / part
        if place.is_symlink():
            return b"", _finding("artifact.link", f"{record.path} is reached through a link")
    try:
        if not stat.S_ISREG(os.lstat(place).st_mode):
            return b"", _finding("artifact.altered-file", f"{record.path} is not a regular file")
        data = _bytes(place, record.size)
    except OSError as error:
        return b"", _finding("artifact.missing-file", f"{record.path} cannot be read: {error.strerror}")
    if len(data) != record.size or sha256(data) != record.sha256:
        return b"", _finding("artifact.altered-file", f"{record.path} was altered: it is not what the manifest sealed")
    return data, None


def _bytes(place: Path, most: int) -> bytes:
    """At most `most` + 1 bytes of a file; never waits on a pipe and never follows a link."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(place, flags), "rb") as stream:
        size = min(os.fstat(stream.fileno()).st_size, most)
        return stream.read(size + 1)


def _decode(data: bytes, kind: type[R], path: str) -> R:
    try:
        return msgspec.json.decode(data, type=kind)
    except DECODE_ERRORS as error:
        raise Refused("artifact.bad-record", f"{path}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The message of a decoder on one line, bounded."""
    text = " ".join(str(error).split()).encode("utf-8", "replace").decode()
    return text if len(text) <= 200 else f"{text[:200]}…"


def _finding(code: str, message: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, help=(_AGAIN,))
