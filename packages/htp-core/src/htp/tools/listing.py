"""What is installed and what works here: targets, plugins and demos as plain records.

Knows the session; does not know how a listing is printed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Refused
from htp.session import current_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.declarations import Backend, Binding, Demo
    from htp.diagnostics import Diagnostic
    from htp.plugins import Plugin
    from htp.session import Session


@dataclass(frozen=True)
class TargetListing:
    """A target; `status` is the furthest thing that can be done here: `run`, `simulate` or `emit only`."""

    name: str
    backend: str
    status: str
    why: str


@dataclass(frozen=True)
class PluginListing:
    """A plugin; `provides` counts its contributions, or says why there are none, and `help` how to mend that.

    `contributes` has their names by kind, when the plugin was asked for by name.
    """

    name: str
    distribution: str
    version: str
    status: str
    provides: str
    code: str = ""
    help: tuple[str, ...] = ()
    contributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def list_targets() -> tuple[TargetListing, ...]:
    """Every target of every installed backend, by name."""
    session = current_session()
    found: list[TargetListing] = []
    for name in session.targets:
        backend = session.backends[name.partition(":")[0]]
        owner = _owner(session, "htp_backends", backend)
        status, why = _status(session, backend)
        found.append(TargetListing(name, owner, status, why))
    return tuple(found)


def _status(session: Session, backend: Backend) -> tuple[str, str]:
    """The furthest mode that works, or every reason why none does."""
    reasons: list[str] = []
    bindings = [each for each in session.bindings.values() if each.contract == backend.contract]
    for mode, status in (("device", "run"), ("sim", "simulate")):
        for binding in bindings:
            if mode not in binding.modes:
                continue
            why = _unavailable(binding, mode)
            if why is None:
                return status, "; ".join(reasons)
            reasons.append(why)
    return "emit only", "; ".join(reasons) or f"no installed binding loads {backend.contract}"


def _unavailable(binding: Binding, mode: str) -> str | None:
    try:
        return binding.unavailable(mode)
    except Refused as refused:
        return "; ".join((refused.diagnostic.message, *refused.diagnostic.help))
    except Exception as error:
        return f"the probe of {binding.name} failed: {type(error).__name__}: {error}"


def _owner(session: Session, hook: str, item: object) -> str:
    for plugin, each in session.contributions(hook):
        if each is item:
            return plugin.found.distribution or plugin.name
    return ""


def list_plugins(name: str | None = None) -> tuple[PluginListing, ...]:
    """Every announced plugin, core's own first, then by name; or the one of that name, or those of a distribution.

    Raises:
        Refused: `cli.unknown-plugin`.
    """
    if name is None:
        return tuple(_plugin(each) for each in current_session().plugins)
    from htp.testing.run import find_plugins

    return tuple(
        replace(_plugin(each), contributes=_contributes(each)) for each in find_plugins(name, current_session())
    )


def _contributes(plugin: Plugin) -> dict[str, tuple[str, ...]]:
    """The names of contributions by kind, as text; a pass that could not be loaded goes by its path."""
    from htp._impl.contributions import identity

    return {_kind(hook): tuple(identity(hook, each) for each in items) for hook, items in plugin.contributions if items}


def _kind(hook: str) -> str:
    return hook.removeprefix("htp_").replace("_", " ")


def _plugin(plugin: Plugin) -> PluginListing:
    found, problem = plugin.found, plugin.problem
    if problem is not None:
        said = "; ".join((problem.message, *problem.notes))
        return PluginListing(
            plugin.name, found.distribution, found.version, plugin.state, said, problem.code, problem.help
        )
    counts = [(_kind(hook), len(items)) for hook, items in plugin.contributions]
    said = ", ".join(f"{kind} {number}" for kind, number in counts if number)
    return PluginListing(plugin.name, found.distribution, found.version, plugin.state, said)


def list_stale(path: Sequence[str] | None = None) -> tuple[Diagnostic, ...]:
    """The editable installations on `path` (`sys.path`) whose plugins are not those their project declares today."""
    from htp._impl.editable import stale_entry_points
    from htp.plugins import GROUP

    return stale_entry_points(GROUP, sys.path if path is None else path)


def list_demos() -> tuple[Demo, ...]:
    """Every demo, by name."""
    demos = [cast("Demo", item) for _, item in current_session().contributions("htp_demos")]
    return tuple(sorted(demos, key=lambda each: each.name))
