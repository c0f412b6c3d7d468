"""Passes that plugins only name: loading them, and what is wrong with those that cannot be used.

Knows how a name becomes a pass; does not know which passes are needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from htp._impl.contributions import item_problem
from htp._impl.failures import failed
from htp.diagnostics import Diagnostic, Refused
from htp.passes import Pass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.declarations import Lazy
    from htp.plugins import Found, Plugin


def load_passes(plugins: Iterable[Plugin]) -> tuple[tuple[Plugin, ...], dict[Found, Diagnostic]]:
    """The plugins with every lazily named pass in place of its name, and why some have a pass that is none."""
    loaded: list[Plugin] = []
    problems: dict[Found, Diagnostic] = {}
    for plugin in plugins:
        try:
            passes = tuple(_loaded(plugin.found, each) for each in plugin.of("htp_passes"))
        except Refused as refusal:
            problems[plugin.found] = refusal.diagnostic
            loaded.append(plugin)
            continue
        contributions = {**dict(plugin.contributions), "htp_passes": passes} if passes else {}
        loaded.append(replace(plugin, contributions=tuple(contributions.items())) if passes else plugin)
    return tuple(loaded), problems


def _loaded(found: Found, item: object) -> Pass:
    if isinstance(item, Pass):
        return item
    lazy = cast("Lazy[object]", item)
    help = f"HTP_DISABLE_PLUGINS={found.name}"
    try:
        made = _made(lazy.load())
        problem = item_problem("htp_passes", made) if isinstance(made, Pass) else f"leads to {made!r}, which is no pass"
    except Refused as refusal:
        raise Refused(refusal.code, f"{found}: {refusal.diagnostic.message}", help=help) from refusal
    except Exception as error:
        raise failed(found, f"in `{lazy.path}`", error) from error
    if problem is not None or not isinstance(made, Pass):
        raise Refused("plugin.bad-item", f"{found}: `{lazy.path}` {problem}", help=help)
    return made


def _made(loaded: object) -> object:
    """An instance of a class of passes, with every option as it is by default."""
    if isinstance(loaded, type) and issubclass(loaded, Pass):
        try:
            return loaded()
        except TypeError as error:
            raise Refused("plugin.bad-item", f"`{loaded.__name__}` needs options: {error}") from error
    return cast("object", loaded)
