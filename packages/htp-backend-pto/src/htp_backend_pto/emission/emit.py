"""Emission: a program whose kernels have addresses and flags as the package that pto-runtime builds and runs.

Knows files; kernels, orchestration and the graph are printed by the modules of these names.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from itertools import accumulate
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from htp.artifact.seal import canonical
from htp.declarations import Emission
from htp.diagnostics import Bug
from htp.types import ScalarType
from htp_backend_pto.contract import (
    CONTRACT,
    CheckRecord,
    KernelRecord,
    KernelScalar,
    KernelTensor,
    MappedFile,
    MappedLine,
    Memory,
    Package,
    SlotRecord,
    SourceMap,
    Versions,
    abi_file,
    parameters,
)
from htp_backend_pto.emission.kernels import kernel_source
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.emission.mix_source import mix_source
from htp_backend_pto.emission.mixes import joined
from htp_backend_pto.emission.orchestration import orchestration_source
from htp_backend_pto.emission.orchestration_tasks import KernelNumber
from htp_backend_pto.emission.window import window_of
from htp_backend_pto.figures.count import figures_of
from htp_backend_pto.prediction import graph_of
from htp_backend_pto.profile import CURRENT
from htp_backend_pto.steps import tile_names
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.artifact.manifest import Record
    from htp.program import Function, Program
    from htp.targets import Target
    from htp.types import Param
    from htp_backend_pto.emission.kernels import KernelSource
    from htp_backend_pto.emission.mixes import Mix
    from htp_backend_pto.emission.orchestration import Orchestration
    from htp_backend_pto.profile import Core, Profile, Runtime

__all__ = ["emit", "package_files"]

FOLDER = "codegen/pto"
READS = "the orchestration reads what tasks wrote, which host_build_graph cannot: there it ends before the first task"


def emit(program: Program, target: Target) -> Emission:
    """Prints `program`; the target's variants differ only in how they are built.

    Raises:
        Refused: what the runtime cannot hold or say: `pto.no-orchestration`, `pto.too-many-arguments`, `pto.window`,
            and the other `pto.` codes of orchestration and kernels.
    """
    program, mixes = joined(program)
    functions = [each for each in program.functions if each.name != program.entry and each.kind == "kernel"]
    sources = [
        mix_source(mixes[each.name], program, CURRENT) if each.name in mixes else kernel_source(each, program, CURRENT)
        for each in functions
    ]
    return package_files(program, sources, target.variant, CURRENT, mixes)


def package_files(
    program: Program,
    kernels: Sequence[KernelSource],
    variant: str,
    profile: Profile,
    mixes: Mapping[str, Mix] = MappingProxyType({}),
) -> Emission:
    """The package of a program whose kernels are printed already; `mixes` are those for both units."""
    first = accumulate((2 if each.core == "mix" else 1 for each in kernels), initial=0)
    numbers = [KernelNumber(each.name, each.core, number) for each, number in zip(kernels, first, strict=False)]
    parts = [(each, *part) for each in kernels for part in _parts(program, each, mixes)]
    printed = orchestration_source(program, numbers, profile)
    package = _package(program, kernels, numbers, printed, variant, profile)
    package = msgspec.structs.replace(
        package, memory=tuple(row for source, function, _ in parts for row in _memory(function, source))
    )
    notes = {each.vector[0].name: each.note for each in mixes.values()}
    figures = figures_of(((function, replace(source, core=core)) for source, function, core in parts), notes)
    mapped = SourceMap(files=(_mapped_orchestration(package, printed), *map(_mapped_kernel, kernels)))
    records: dict[str, Record] = {
        "contract/abi.json": abi_file(package, program),
        "contract/figures.json": figures,
        "contract/graph.json": graph_of(program, profile),
        "contract/pto.json": package,
        "contract/source_map.json": mapped,
    }
    own = files("htp_backend_pto").joinpath("native/orchestration")
    folder = PurePath(package.orchestration).parent.as_posix()
    written = {package.orchestration: printed.text.encode(), f"{FOLDER}/run.py": _run_script()}
    written.update({f"{folder}/{each}": own.joinpath(each).read_bytes() for each in printed.headers})
    written.update({_file(each): each.text.encode() for each in kernels})
    return Emission(
        files=tuple(sorted(written.items())),
        contract=CONTRACT,
        contract_files=tuple((path, canonical(record)) for path, record in sorted(records.items())),
    )


def _package(
    program: Program,
    kernels: Sequence[KernelSource],
    numbers: Sequence[KernelNumber],
    printed: Orchestration,
    variant: str,
    profile: Profile,
) -> Package:
    runtimes: tuple[Runtime, ...] = profile.runtimes
    if printed.reads_results:
        runtimes = tuple(each for each in runtimes if each != "host_build_graph")
    params = parameters(program.main.params)
    dims = {dim: None for each in params for dim in each.dims if isinstance(dim, str) and dim.isidentifier()}
    return Package(
        entry=program.entry,
        variant=variant,
        versions=Versions(profile=profile.name, runtime=profile.runtime_commit, isa=profile.isa_commit),
        orchestration=f"{FOLDER}/orchestration/{program.entry}.cpp",
        entry_symbol=f"{program.entry}_entry",
        config_symbol=f"{program.entry}_config",
        kernels=tuple(
            _kernel(program.function(each.name), each, number.number, profile)
            for each, number in zip(kernels, numbers, strict=True)
        ),
        parameters=params,
        dims=tuple(dims),
        slots=tuple(SlotRecord(name=name, dtype=s.dtype.name, value=s.initial) for name, s in program.slots),
        checks=tuple(
            CheckRecord(what=c.what, text=c.text, place=c.place, code=c.code, help=c.help) for c in printed.checks
        ),
        runtimes=runtimes,
        why=READS if printed.reads_results else "",
        window=window_of(program, printed.fullest, profile),
        scope=printed.fullest.tasks,
    )


def _parts(program: Program, kernel: KernelSource, mixes: Mapping[str, Mix]) -> list[tuple[Function, Core]]:
    """The functions whose statements a kernel has, each with its core."""
    mix = mixes.get(kernel.name)
    if mix is None:
        return [(program.function(kernel.name), kernel.core)]
    return [(mix.cube[0], "aic"), (mix.vector[0], "aiv")]


def _kernel(function: Function, source: KernelSource, number: int, profile: Profile) -> KernelRecord:
    params = {each.name: each for each in function.params}
    tensors = tuple(_tensor(params[name]) for name in source.tensors)
    scalars = tuple(
        KernelScalar(name=name, dtype=_dtype(params[name]), bits_of=profile.scalar_of(_dtype(params[name])))
        for name in source.scalars
    )
    return KernelRecord(
        number=number,
        name=source.name,
        core=source.core,
        file=_file(source),
        symbol=profile.kernel_symbol,
        tensors=tensors,
        scalars=scalars,
    )


def _tensor(param: Param) -> KernelTensor:
    if param.type is None or isinstance(param.type, ScalarType):
        raise Bug(f"`{param.name}` is no array")
    dims = tuple(str(each) if each.constant is None else each.constant for each in param.type.dims)
    direction: Literal["in", "out", "inout"] = param.direction if param.direction in ("in", "out") else "inout"
    return KernelTensor(name=param.name, direction=direction, dtype=param.type.dtype.name, dims=dims)


def _dtype(param: Param) -> str:
    if param.type is None:
        raise Bug(f"parameter {param.name} has no type")
    return param.type.dtype.name


def _memory(function: Function, source: KernelSource) -> Iterator[Memory]:
    """The bytes of every tile of a kernel, from the room that is written behind its name."""
    lines = source.text.splitlines()
    for name, type_ in tile_names(function.body).items():
        room = room_of(type_)
        if room is None or room.at is None:
            continue
        named = [number for number, line in enumerate(lines, start=1) if re.search(rf"\b{name}\b", line)]
        yield Memory(
            kernel=source.name,
            tile=name,
            space=room.space,
            address=room.at,
            bytes=room.nbytes(type_.dtype.bits),
            first=min(named, default=0),
            last=max(named, default=0),
        )


def _file(source: KernelSource) -> str:
    return f"{FOLDER}/kernels/{source.core}/{source.name}.cpp"


def _mapped_kernel(source: KernelSource) -> MappedFile:
    rows = [
        MappedLine(line=number, place=f"{PurePath(origin.file).name}:{origin.line}")
        for number, origin in enumerate(source.origins, start=1)
        if origin is not None
    ]
    return MappedFile(file=_file(source), lines=tuple(rows))


def _mapped_orchestration(package: Package, printed: Orchestration) -> MappedFile:
    places = ((number, place_of(line.statement)) for number, line in enumerate(printed.lines, start=1))
    rows = tuple(MappedLine(line=number, place=place) for number, place in places if place)
    return MappedFile(file=package.orchestration, lines=rows)


def _run_script() -> bytes:
    return files("htp_backend_pto").joinpath("templates/run.txt").read_bytes()
