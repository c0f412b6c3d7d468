"""Editable installations: where their project lies, and whether it has changed its entry points since.

Entry points are recorded when a project is installed; editing them in `pyproject.toml` changes nothing until it is
installed again. Knows metadata and `pyproject.toml`; does not know plugins.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

import msgspec

from htp.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import Distribution


class _Directory(msgspec.Struct, frozen=True, kw_only=True):
    editable: bool = False


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    """https://packaging.python.org/specifications/direct-url/, as far as it is about folders."""

    url: str
    dir_info: _Directory = _Directory()


def project_of(distribution: str) -> Path | None:
    """The project folder of an editable installation, `None` for any other; by the canonical name."""
    from htp.plugins import canonical

    found = (project for each, project in _editable(sys.path) if canonical(each.name) == distribution)
    return next(found, None)


def stale_entry_points(group: str, path: Sequence[str]) -> tuple[Diagnostic, ...]:
    """One finding for every editable installation whose recorded entry points are not those of its project today."""
    findings = {each.name: _finding(each, project, group) for each, project in reversed(list(_editable(path)))}
    return tuple(found for _, found in sorted(findings.items()) if found is not None)


def _editable(path: Sequence[str]) -> Iterator[tuple[Distribution, Path]]:
    """Editable installations and their projects, those that come first on the path first."""
    for each in distributions(path=list(path)):
        text = each.read_text("direct_url.json")
        project = _project(text) if text else None
        if project is not None:
            yield each, project


def _finding(distribution: Distribution, project: Path, group: str) -> Diagnostic | None:
    declared = _declared(project, group)
    if declared is None:
        return None
    recorded = {each.name: each.value for each in distribution.entry_points if each.group == group}
    differences = tuple(_differences(recorded, declared))
    if not differences:
        return None
    return Diagnostic(
        code="plugin.stale-entry-points",
        severity="warning",
        message=f"{distribution.name} was installed from {project} before its entry points changed",
        notes=differences,
        help=(f"pip install -e {project}", "in a hatch workspace: hatch env prune"),
    )


def _differences(recorded: Mapping[str, str], declared: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*recorded, *declared}):
        before, today = recorded.get(name), declared.get(name)
        if before == today:
            continue
        if before is None:
            yield f"plugin `{name}` (`{today}`) is declared and not installed"
        elif today is None:
            yield f"plugin `{name}` (`{before}`) is installed and no longer declared"
        else:
            yield f"plugin `{name}` is `{today}` by now, and `{before}` is installed"


def _project(direct_url: str) -> Path | None:
    try:
        origin = msgspec.json.decode(direct_url, type=_Origin)
    except msgspec.DecodeError:
        return None
    parts = urlsplit(origin.url)
    return Path(unquote(parts.path)) if origin.dir_info.editable and parts.scheme == "file" else None


def _declared(project: Path, group: str) -> Mapping[str, str] | None:
    """The entry points a project declares; `None` when that cannot be told from its `pyproject.toml`."""
    import tomllib

    try:
        data = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    table: object = data.get("project")
    if not isinstance(table, dict):
        return None
    fields = cast("dict[str, object]", table)
    dynamic, groups = fields.get("dynamic", ()), fields.get("entry-points", {})
    if not isinstance(groups, dict) or (isinstance(dynamic, list) and "entry-points" in dynamic):
        return None
    points = cast("dict[str, object]", groups).get(group, {})
    return {str(name): str(value) for name, value in cast("dict[str, object]", points).items()}
