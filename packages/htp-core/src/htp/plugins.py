"""Finding and loading plugins: one gate after the other, and quarantine for those that fail one.

Knows entry points, versions, hooks and the types of contributions; does not know what contributions are for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from htp._version import __version__
from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.metadata import EntryPoint

    import pluggy

__all__ = ["BUILTIN", "CORE", "GROUP", "Found", "Plugin", "discover", "load_plugins"]

GROUP = "htp.plugins"
CORE = "htp-core"
BUILTIN = {"tile": "htp.builtin.tile_plugin", "host": "htp.builtin.host_plugin"}

State = Literal["active", "quarantined", "disabled"]


@dataclass(frozen=True)
class Found:
    """A plugin as its entry point announces it, before anything of it is imported."""

    name: str
    value: str
    distribution: str = ""
    version: str = ""
    requires: tuple[str, ...] = ()

    @property
    def builtin(self) -> bool:
        """Whether core itself brings the plugin."""
        return self.distribution == CORE


@dataclass(frozen=True)
class Plugin:
    """What became of a plugin: its state, why it is quarantined, and what it contributes by hook."""

    found: Found
    state: State
    problem: Diagnostic | None = None
    contributions: tuple[tuple[str, tuple[object, ...]], ...] = ()
    module: object = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.found.name

    def of(self, hook: str) -> tuple[object, ...]:
        """What the plugin contributes through one hook."""
        return dict(self.contributions).get(hook, ())


def discover(group: str = GROUP) -> tuple[Found, ...]:
    """Every announced plugin: core's own first, then by name; nothing is imported."""
    from importlib.metadata import entry_points

    found: dict[tuple[str, str], Found] = {}
    for point in entry_points(group=group):
        each = _announced(point)
        found.setdefault((each.name, each.value), each)
    for name, value in BUILTIN.items():
        found.setdefault((name, value), Found(name, value, CORE, __version__))
    return tuple(sorted(found.values(), key=lambda each: (not each.builtin, each.name, each.distribution, each.value)))


def load_plugins(manager: pluggy.PluginManager, found: Sequence[Found]) -> tuple[Plugin, ...]:
    """Takes every plugin through the gates and registers those that pass with `manager`.

    A plugin that fails is quarantined and never stops another. `HTP_DISABLE_PLUGINS` names plugins or distributions
    to leave out, separated by commas; `*` leaves out all but core's own.
    """
    from htp._impl.gates import merge, through_gates

    disabled = {each.strip() for each in os.environ.get("HTP_DISABLE_PLUGINS", "").split(",") if each.strip()}
    plugins: list[Plugin] = []
    for each in found:
        if {each.name, each.distribution} & disabled or ("*" in disabled and not each.builtin):
            plugins.append(Plugin(each, "disabled"))
            continue
        try:
            plugins.append(through_gates(manager, each))
        except Refused as refusal:
            plugins.append(Plugin(each, "quarantined", refusal.diagnostic))
    conflicts = merge(plugins)
    for index, plugin in enumerate(plugins):
        if problem := conflicts.get(index):
            manager.unregister(plugin.module)
            plugins[index] = replace(plugin, state="quarantined", problem=problem, contributions=())
    return tuple(plugins)


def _announced(point: EntryPoint) -> Found:
    distribution = point.dist
    if distribution is None:
        return Found(point.name, point.value)
    requires: Iterable[str] = distribution.requires or ()
    name = distribution.name.lower().replace("_", "-").replace(".", "-")
    return Found(point.name, point.value, name, distribution.version, tuple(requires))
