"""The contract of a package, held against the runtime that is to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp_backend_pto.contract import Package
from htp_backend_pto.profile import profile_named

if TYPE_CHECKING:
    from htp.artifact.read import Package as PackageFiles
    from htp_backend_pto.profile import Runtime

__all__ = ["contract_of"]


def contract_of(package: PackageFiles, runtime: Runtime) -> Package:
    """The contract of a package that is to run on a runtime.

    Raises:
        Refused: `pto.toolchain-mismatch`, `pto.runtime-lacks`.
    """
    contract = package.record("contract/pto.json", Package)
    profile_named(contract.versions.profile)
    if runtime not in contract.runtimes:
        raise Refused(
            "pto.runtime-lacks",
            f"`{contract.entry}` cannot run on {runtime}: {contract.why}",
            help=f"run it on {contract.runtimes[0]}, the usual runtime",
        )
    return contract
