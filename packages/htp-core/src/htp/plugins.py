"""Finding and loading plugins: one gate after the other, and quarantine for those that fail one.

Knows entry points, versions, hooks and the types of contributions; does not know what contributions are for.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from htp._version import __version__
from htp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import Distribution, EntryPoint

    import pluggy

__all__ = ["BUILTIN", "CORE", "GROUP", "Found", "Plugin", "canonical", "discover", "load_plugins", "unmatched"]

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

    @property
    def owner(self) -> str:
        """Who owns what the plugin contributes: its distribution, or itself where that is unknown."""
        return self.distribution or self.name

    def __str__(self) -> str:
        origin = f" of {self.distribution} {self.version}".rstrip() if self.distribution else ""
        return f"plugin `{self.name}`{origin}"


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


def canonical(distribution: str) -> str:
    """A distribution's name as all its spellings agree on (https://peps.python.org/pep-0503/#normalized-names).

    >>> canonical("HTP_Backend.cpu")
    'htp-backend-cpu'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def discover(group: str = GROUP) -> tuple[Found, ...]:
    """Every announced plugin: core's own first, then by name; nothing is imported.

    Core's own are those of the code that runs, whatever the metadata of its installation says.
    """
    from importlib.metadata import entry_points

    found = {Found(name, value, CORE, __version__) for name, value in BUILTIN.items()}
    found |= {each for each in map(_announced, entry_points(group=group)) if not each.builtin}
    return tuple(sorted(found, key=lambda each: (not each.builtin, each.name, each.distribution, each.value)))


def load_plugins(manager: pluggy.PluginManager, found: Sequence[Found]) -> tuple[Plugin, ...]:
    """Takes every plugin through the gates and registers those that pass with `manager`.

    A plugin that fails is quarantined and never stops another. `HTP_DISABLE_PLUGINS` names plugins or distributions
    to leave out, separated by commas; `*` leaves out all but core's own.
    """
    from htp._impl.claims import announced_twice, conflicts
    from htp._impl.gates import through_gates

    disabled = _disabled()
    unwanted = {each for each in found if any(_names(text, each) for text in disabled)}
    twice = announced_twice([each for each in found if each not in unwanted])
    plugins: list[Plugin] = []
    for each in found:
        if each in unwanted:
            plugins.append(Plugin(each, "disabled"))
        elif each in twice:
            plugins.append(Plugin(each, "quarantined", twice[each]))
        else:
            try:
                with redirect_stdout(sys.stderr):  # standard output is for answers
                    plugins.append(through_gates(manager, each))
            except Refused as refusal:
                plugins.append(Plugin(each, "quarantined", refusal.diagnostic))
    return quarantine(manager, plugins, conflicts(plugins))


def quarantine(
    manager: pluggy.PluginManager, plugins: Sequence[Plugin], problems: Mapping[Found, Diagnostic]
) -> tuple[Plugin, ...]:
    """The plugins, of which those with a problem no longer count and are no longer called."""
    settled: list[Plugin] = []
    for plugin in plugins:
        problem = problems.get(plugin.found) if plugin.state == "active" else None
        if problem is None:
            settled.append(plugin)
            continue
        manager.unregister(plugin.module)
        settled.append(replace(plugin, state="quarantined", problem=problem, contributions=()))
    return tuple(settled)


def unmatched(found: Sequence[Found]) -> tuple[str, ...]:
    """The names in `HTP_DISABLE_PLUGINS` that are no plugin and no distribution."""
    return tuple(text for text in _disabled() if text != "*" and not any(_names(text, each) for each in found))


def _disabled() -> tuple[str, ...]:
    texts = (each.strip() for each in os.environ.get("HTP_DISABLE_PLUGINS", "").split(","))
    return tuple(Counter(each for each in texts if each))


def _names(text: str, found: Found) -> bool:
    """Whether a name in `HTP_DISABLE_PLUGINS` means this plugin."""
    return text == found.name or canonical(text) == found.distribution or (text == "*" and not found.builtin)


def _announced(point: EntryPoint) -> Found:
    distribution = point.dist
    if distribution is None:
        return Found(point.name, point.value)
    try:
        name, version, requires = _metadata(distribution)
    except (OSError, ValueError):  # unreadable, or not text: the plugin fails the gate of requirements
        return Found(point.name, point.value)
    return Found(point.name, point.value, canonical(name), version, requires)


def _metadata(distribution: Distribution) -> tuple[str, str, tuple[str, ...]]:
    """Name, version and requirements: single lines of the headers; the description behind them is not parsed."""
    text = distribution.read_text("METADATA")
    if text is None:  # an egg, whose requirements are in another file
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        return name or "", version or "", tuple(distribution.requires or ())
    headers: dict[str, list[str]] = {}
    for line in text.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        headers.setdefault(key.lower(), []).append(value.strip())
    name, version = (next(iter(headers.get(key, ())), "") for key in ("name", "version"))
    return name, version, tuple(headers.get("requires-dist", ()))
