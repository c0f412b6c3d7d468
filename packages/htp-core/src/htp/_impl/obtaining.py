"""How to get what is missing: install it, mend it where it is in quarantine, or stop leaving it out.

Knows the states of plugins and the catalogue; does not know what needs the missing thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.catalogue import distribution_of, install_hint
from htp.diagnostics import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.plugins import Plugin


@dataclass(frozen=True)
class Obtaining:
    """Where the missing thing is, if that is known, and the command or edit that brings it."""

    text: str
    reasons: tuple[Reason, ...] = ()


def obtaining(kind: str, name: str, plugins: Iterable[Plugin] = ()) -> Obtaining | None:
    """How to get the dialect, facet, backend, intrinsic or fact `name`; `None` when nobody knows, or it is there.

    A plugin counts as its provider when the catalogue names its distribution, or when it is called like the thing or
    its namespace; facts without a namespace are those of core's own plugins.
    """
    distribution = distribution_of(kind, name)
    own = [each for each in plugins if each.found.distribution == distribution]
    own = own or [each for each in plugins if each.name in (name, name.partition(".")[0]) and not each.found.builtin]
    own = own or [each for each in plugins if kind == "fact" and "." not in name and each.found.builtin]
    for plugin in own:
        if plugin.state == "disabled":
            who = f"{plugin.found.distribution} {plugin.found.version}".strip()
            left_out = Reason(text=f"plugin `{plugin.name}` is installed and left out by HTP_DISABLE_PLUGINS", by=who)
            return Obtaining(f"unset HTP_DISABLE_PLUGINS, or take `{plugin.name}` out of it", (left_out,))
        if plugin.problem is not None:
            broken = Reason(text=f"in quarantine: {plugin.problem.message} ({plugin.problem.code})")
            help = next(iter(plugin.problem.help), f"htp explain {plugin.problem.code}")
            return Obtaining(help, (broken,))
    return Obtaining(install_hint(distribution)) if distribution is not None and not own else None
