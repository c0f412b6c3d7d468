"""Canonical text and digests: the same records always give the same bytes.

Knows encoding and hashing; does not know files or folders.
"""

from __future__ import annotations

import hashlib
from typing import cast

import msgspec

from htp.artifact.manifest import FileRecord, Manifest, Record

DECODE_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError)


def sha256(data: bytes) -> str:
    """SHA-256 of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest of `data`."""
    return f"sha256:{sha256(data)}"


def canonical(record: Record) -> bytes:
    """The one text of a record: UTF-8, sorted keys, two spaces of indent, a final line feed."""
    return _pretty(msgspec.json.encode(_flat(record), order="sorted"))


def canonical_line(record: Record) -> bytes:
    """The one-line text of a record, for `.jsonl` files."""
    return msgspec.json.encode(_flat(record), order="sorted") + b"\n"


def manifest_digest(manifest: Manifest) -> str:
    """The digest a manifest must carry: over its own canonical text with an empty `digest`."""
    return digest(canonical(msgspec.structs.replace(manifest, digest="")))


def sealed(manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """The manifest with every file listed, every stage's digest, and its own digest."""
    records = tuple(FileRecord(path=path, size=len(data), sha256=sha256(data)) for path, data in sorted(files.items()))
    stages = tuple(
        msgspec.structs.replace(stage, digest=digest(files[stage.program])) if stage.program in files else stage
        for stage in manifest.stages
    )
    listed = msgspec.structs.replace(manifest, files=records, stages=stages, digest="")
    return msgspec.structs.replace(listed, digest=manifest_digest(listed))


def parse_manifest(tree: dict[str, object]) -> Manifest:
    """The manifest a decoded JSON object says; raises `msgspec.ValidationError` for anything else."""
    plain = {key: value for key, value in tree.items() if not key.startswith("x_") and key != "extensions"}
    if "extensions" in tree:
        raise msgspec.ValidationError("Object contains unknown field `extensions`")
    added = {key: value for key, value in tree.items() if key.startswith("x_")}
    for key, value in added.items():
        if not isinstance(value, dict):
            raise msgspec.ValidationError(f"Expected `object`, got `{type(value).__name__}` - at `$.{key}`")
    manifest = msgspec.convert(plain, Manifest)
    extensions = {
        key: {name: msgspec.Raw(msgspec.json.encode(item, order="sorted")) for name, item in value.items()}
        for key, value in cast("dict[str, dict[str, object]]", added).items()
    }
    return msgspec.structs.replace(manifest, extensions=extensions) if extensions else manifest


def _flat(record: Record) -> object:
    """Extensions sit beside the other fields of a manifest, not below one of them."""
    if not isinstance(record, Manifest):
        return record
    tree = cast("dict[str, object]", msgspec.to_builtins(msgspec.structs.replace(record, extensions={})))
    del tree["extensions"]
    for key, value in record.extensions.items():
        tree[key] = {name: msgspec.json.decode(bytes(item)) for name, item in value.items()}
    return tree


def _pretty(text: bytes) -> bytes:
    return msgspec.json.format(text, indent=2) + b"\n"
