"""The package of a finished compilation: every file and the manifest, published in one rename.

Knows what goes into a package; does not know how it is written or verified.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from htp.artifact import Package, publish_package
from htp.artifact.manifest import (
    ConstantRecord,
    Contract,
    EntryRecord,
    Manifest,
    PackageRecord,
    ParameterRecord,
    SourceRecord,
)
from htp.artifact.seal import canonical, canonical_line
from htp.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.artifact.manifest import TraceLine
    from htp.diagnostics import Diagnostic
    from htp.planner import Plan
    from htp.program import Function, Program
    from htp.resuming import Resumed
    from htp.session import Session
    from htp.stages import Stage
    from htp.targets import Target
    from htp.types import Array, Slot


@dataclass(frozen=True)
class CompiledPackage(Package):
    """A package in the process that compiled it: the program's slots are still connected, and warnings are known."""

    slots: tuple[tuple[str, Slot[Array]], ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def seal(
    out: Path,
    program: Program,
    target: Target,
    session: Session,
    plan: Plan,
    stages: Sequence[Stage],
    trace: Sequence[TraceLine],
    seconds: Mapping[str, float],
    dims: Mapping[str, int],
    resumed: Resumed | None,
) -> CompiledPackage:
    """Emits the last program, collects every file, and publishes the package."""
    backend = session.backends[target.backend]
    emission = backend.emit.load()(program, target)
    files: dict[str, bytes] = dict(emission.files) | dict(emission.contract_files)
    for stage in stages:
        files |= stage.files()
    files["plan.json"] = canonical(plan.record(target.name, session.pass_owners))
    files["ir/pass_trace.jsonl"] = b"".join(canonical_line(each) for each in trace)
    files["logs/timings.json"] = msgspec.json.format(msgspec.json.encode(dict(seconds)), indent=2) + b"\n"
    name, _, version = emission.contract.partition("/")
    manifest = Manifest(
        entry=program.entry,
        target=target.name,
        entries=(_entry(program.main),),
        architecture=target.model.name,
        contract=Contract(name=name, version=int(version or 1)),
        sources=_sources(stages[0].program),
        constants=tuple(ConstantRecord(name=each, value=repr(value)) for each, value in program.constants),
        dims=dict(sorted(dims.items())),
        dialects=tuple(sorted({each.name for each in stages[0].program.uses if each.kind == "dialect"})),
        intrinsics=tuple(sorted({each.name for each in stages[0].program.uses if each.kind == "intrinsic"})),
        facets=tuple(sorted({each.name for each in stages[0].program.uses if each.kind == "facet"})),
        packages=_packages(session),
        directives=Environment(target, backend, session).directives(stages[0].program, plan.passes),
        stages=tuple(each.record() for each in stages),
        edit=resumed.edit if resumed is not None else None,
    )
    package = publish_package(out, files, manifest)
    return CompiledPackage(
        path=package.path, manifest=package.manifest, slots=stages[0].program.slots, diagnostics=plan.diagnostics
    )


def _entry(function: Function) -> EntryRecord:
    parameters = tuple(
        ParameterRecord(name=each.name, direction=each.passing, type=str(each.type)) for each in function.params
    )
    return EntryRecord(name=function.name, kind=function.kind, parameters=parameters)


def _sources(program: Program) -> tuple[SourceRecord, ...]:
    files = sorted({each.origin.file for each in program.functions})
    found: dict[str, str] = {}
    for file in files:
        try:
            data = Path(file).read_bytes()
        except OSError:
            continue
        found[PurePath(file).name] = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return tuple(SourceRecord(path=path, digest=digest) for path, digest in sorted(found.items()))


def _packages(session: Session) -> tuple[PackageRecord, ...]:
    names = {each.found.distribution for each in session.plugins if each.state == "active" and each.found.distribution}
    return tuple(_package(name) for name in sorted(names))


@cache
def _package(name: str) -> PackageRecord:
    """A distribution with one digest over its Python and data files, wherever they are installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return PackageRecord(name=name, version="unknown")
    total = hashlib.sha256()
    for path in _installed_files(name.replace("-", "_") if name != "htp-core" else "htp"):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return PackageRecord(name=name, version=found.version, digest=f"sha256:{total.hexdigest()}")


def _installed_files(module: str) -> list[Path]:
    from importlib.util import find_spec

    spec = find_spec(module)
    roots = list(spec.submodule_search_locations or ()) if spec is not None else []
    files = [path for root in roots for path in sorted(Path(root).rglob("*")) if path.is_file()]
    return [path for path in files if "__pycache__" not in path.parts]
