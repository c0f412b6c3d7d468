"""JSON Schema of every file HTP writes, those of backends too, generated from the records themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from htp.artifact.manifest import AbiFile, Manifest, PlanFile, Record, StageFile, StateFile, TraceLine
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from htp.declarations import PackageRecord

_RECORDS: dict[str, type[Record]] = {
    "manifest": Manifest,
    "plan": PlanFile,
    "trace": TraceLine,
    "stage": StageFile,
    "state": StateFile,
    "abi": AbiFile,
}


def schema_names() -> tuple[str, ...]:
    """The names `json_schema` knows: core's, and those of the contract files of backends.

    >>> {"abi", "manifest", "plan", "report", "stage", "state", "trace"} <= set(schema_names())
    True
    """
    return tuple(sorted((*_RECORDS, "report", *_contributed())))


def json_schema(name: str) -> dict[str, object]:
    """The JSON Schema (2020-12) of a kind of file.

    Raises:
        Refused: `cli.unknown-schema`.
    """
    record = _record(name)
    schema = cast("dict[str, object]", msgspec.json.schema(record))
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    if record is Manifest:
        _open_extensions(schema)
    return schema


def _record(name: str) -> type[Record]:
    if name == "report":
        from htp.report import Report

        return Report
    if name in _RECORDS:
        return _RECORDS[name]
    contributed = _contributed()
    if name not in contributed:
        raise Refused("cli.unknown-schema", f"there is no schema {name!r}", help=f"one of {', '.join(schema_names())}")
    return contributed[name].record.load()


def _contributed() -> dict[str, PackageRecord]:
    from htp.session import current_session

    return {each.name: each for backend in current_session().backends.values() for each in backend.records}


def _open_extensions(schema: dict[str, object]) -> None:
    """Extensions are written as top-level `x_<plugin>` objects instead of below one field."""
    definitions = cast("dict[str, dict[str, dict[str, object]]]", schema["$defs"])
    manifest = definitions["Manifest"]
    manifest["properties"].pop("extensions", None)
    manifest["patternProperties"] = {"^x_[a-z][a-z0-9_]*$": {"type": "object"}}
