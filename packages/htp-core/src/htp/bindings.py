"""Packages made callable: which binding loads a package, in which mode, and what a run reports.

Knows contracts and modes; does not know any toolchain, nor how a package was made.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from htp.declarations import Executable, Mode
from htp.diagnostics import Refused
from htp.runs import RunReport

if TYPE_CHECKING:
    from htp.artifact.read import Package
    from htp.declarations import Binding
    from htp.session import Session

__all__ = [
    "Executable",
    "RunReport",
    "bind_package",
    "choose_mode",
]


def bind_package(
    session: Session, package: Package | str | Path, mode: Mode | None = None, toolchain: str | None = None
) -> Executable:
    """Builds and loads `package` with the binding of its contract; without a mode the best one that works is taken.

    Raises:
        Refused: `bind.no-contract`, `bind.no-binding`, `bind.contract-version`, `bind.mode-unavailable`,
            `bind.no-toolchain`, an `artifact.*` code of a damaged package, or a code of the binding.
    """
    opened = _opened(package)
    binding = _with_toolchain(_binding(session, opened), toolchain)
    return binding.load.load()(opened, choose_mode(binding, mode))


def choose_mode(binding: Binding, wanted: Mode | None) -> Mode:
    """The mode to use: the wanted one, else the first of device and sim that works here.

    Raises:
        Refused: `bind.mode-unavailable`, with the reason of every mode that was considered; the binding's own code
            when there is only one and its probe refuses it.
    """
    usual: tuple[Mode, ...] = ("device", "sim")
    considered: tuple[Mode, ...] = tuple(each for each in usual if each in binding.modes)
    if wanted is not None:
        considered = (wanted,)
    reasons: list[str] = []
    helps: dict[str, None] = {}
    for mode in considered:
        try:
            reason = binding.unavailable(mode)
        except Refused as refused:
            if len(considered) == 1:
                raise
            reason = refused.diagnostic.message
            helps |= dict.fromkeys(refused.diagnostic.help)
        if reason is None:
            return mode
        reasons.append(f"{mode}: {reason}")
    usable = [each for each in binding.modes if each != wanted and _works(binding, each)]
    raise Refused(
        "bind.mode-unavailable",
        f"binding `{binding.name}` cannot run packages in mode `{wanted}` here"
        if wanted is not None
        else f"binding `{binding.name}` cannot run packages here",
        notes=tuple(reasons),
        help=(*(f'bind with mode="{each}"' for each in usable), *helps),
    )


def _with_toolchain(binding: Binding, name: str | None) -> Binding:
    """The binding with another of its toolchains in place of the usual one."""
    if name is None:
        return binding
    for each in binding.toolchains:
        if each.name == name:
            return replace(binding, load=each.load, probe=each.probe)
    known = tuple(each.name for each in binding.toolchains)
    others = f"it has {', '.join(known)}, and the usual one without a name" if known else "it has one, without a name"
    raise Refused(
        "bind.no-toolchain",
        f"binding `{binding.name}` has no toolchain `{name}`",
        notes=(others,),
        help=tuple(f'bind with toolchain="{each}"' for each in known) or ("bind without toolchain=",),
    )


def _works(binding: Binding, mode: Mode) -> bool:
    try:
        return binding.unavailable(mode) is None
    except Refused:
        return False


def _opened(package: Package | str | Path) -> Package:
    if isinstance(package, str | Path):
        from htp.artifact import open_package

        return open_package(Path(package))
    return package


def _binding(session: Session, package: Package) -> Binding:
    contract = package.manifest.contract
    if contract is None:
        raise Refused("bind.no-contract", f"{package.path.name}/ has nothing to run: it was compiled without a backend")
    name = f"{contract.name}/{contract.version}"
    known = list(session.bindings.values())
    for each in known:
        if each.contract == name:
            return each
    offered = ", ".join(f"{each.name} ({each.contract})" for each in known) or "none"
    for each in known:
        if each.contract.rsplit("/", 1)[0] == contract.name:
            raise Refused(
                "bind.contract-version",
                f"the package has contract `{name}`, binding `{each.name}` loads `{each.contract}`",
                help="compile the program again with the installed packages",
            )
    from htp._impl.obtaining import obtaining

    found = obtaining("backend", contract.name.partition(".")[0], session.plugins)
    raise Refused(
        "bind.no-binding",
        f"no installed binding loads contract `{name}`",
        chain=found.reasons if found is not None else (),
        notes=(f"installed bindings: {offered}",),
        help=found.text if found is not None else "`htp targets` lists what can be built and run here",
    )
