"""Which way a package is loaded: on the stand-in, on the real simulator, on a device; and why one does not work here.

Knows modes and toolchains; each way is a module of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.binding.accepted import contract_of
from htp_backend_pto.binding.build import build
from htp_backend_pto.binding.compilers import find_compiler
from htp_backend_pto.binding.reports import all_places
from htp_backend_pto.binding.standin import Standin
from htp_backend_pto.contract import Graph, SourceMap
from htp_backend_pto.profile import profile_named

if TYPE_CHECKING:
    from htp.artifact.read import Package as PackageFiles
    from htp.declarations import Executable
    from htp_backend_pto.profile import Runtime

__all__ = [
    "load",
    "load_host_graph",
    "load_runtime",
    "load_runtime_host_graph",
    "probe",
    "probe_runtime",
]


def load(package: PackageFiles, mode: str) -> Executable:
    """Builds the package for the host stand-in, or for a device, and loads it.

    Raises:
        Refused: `pto.no-compiler`, `pto.toolchain-mismatch`, `pto.no-device`.
        Bug: the compiler refuses an emitted file; what it said is in `logs/build.txt` of the package.
    """
    if mode == "device":
        from htp_backend_pto.binding.device import load_device

        return load_device(package)
    return _standin(package, "tensormap_and_ringbuffer")


def load_host_graph(package: PackageFiles, mode: str) -> Executable:
    """The same with the runtime that builds the whole graph on the host first.

    Raises:
        Refused: `pto.runtime-lacks`, and what `load` raises.
    """
    del mode
    return _standin(package, "host_build_graph")


def load_runtime(package: PackageFiles, mode: str) -> Executable:
    """A package that pto-runtime's own simulator runs.

    Raises:
        Refused: `pto.no-toolchain`, `pto.toolchain-mismatch`, `pto.no-device`.
    """
    return _runtime(package, mode, "tensormap_and_ringbuffer")


def load_runtime_host_graph(package: PackageFiles, mode: str) -> Executable:
    """The same with the runtime that builds the whole graph on the host first.

    Raises:
        Refused: `pto.runtime-lacks`, and what `load_runtime` raises.
    """
    return _runtime(package, mode, "host_build_graph")


def probe_runtime(mode: str) -> str | None:
    """Why pto-runtime cannot run packages here, or None when it can.

    Raises:
        Refused: `pto.no-toolchain`, `pto.no-device`.
    """
    from htp_backend_pto.binding.runtime import checkout

    checkout()
    return probe(mode) if mode == "device" else None


def probe(mode: str) -> str | None:
    """Why packages cannot be run in a mode here, or None when they can.

    Raises:
        Refused: `pto.no-compiler`, `pto.no-device`.
    """
    if mode == "device":
        from htp_backend_pto.binding.device import missing

        return missing()
    find_compiler()
    return None


def _runtime(package: PackageFiles, mode: str, runtime: Runtime) -> Executable:
    from htp_backend_pto.binding.runtime import load_on

    return load_on(package, "device" if mode == "device" else "sim", runtime)


def _standin(package: PackageFiles, runtime: Runtime) -> Standin:
    contract = contract_of(package, runtime)
    built = build(package, contract, profile_named(contract.versions.profile))
    graph = package.record("contract/graph.json", Graph)
    places = all_places(package.path, contract, graph, package.record("contract/source_map.json", SourceMap))
    return Standin(contract, places, built, package.manifest.target, runtime)
