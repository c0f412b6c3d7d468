"""The gates a plugin passes before its contributions count.

Knows each check and its refusal; `plugins` decides what happens to a plugin that fails.
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, cast

from htp._impl.contributions import identity, item_problem
from htp._version import HTP_API, __version__
from htp.diagnostics import Diagnostic, Refused
from htp.plugins import CORE, Found, Plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pluggy


def through_gates(manager: pluggy.PluginManager, found: Found) -> Plugin:
    """The loaded and registered plugin.

    Raises:
        Refused: a `plugin.*` code of the first gate it fails; it is not registered then.
    """
    if not found.builtin:
        _check_requirement(found)
    plugin = _import(found)
    _check_api(found, plugin)
    _register(manager, found, plugin)
    try:
        contributions = tuple(_contributions(manager, found, plugin))
    except Refused:
        manager.unregister(plugin)
        raise
    return Plugin(found, "active", None, contributions, plugin)


def merge(plugins: Sequence[Plugin]) -> dict[int, Diagnostic]:
    """The plugins that claim a name which another claims too, by index.

    Core's own plugins keep their names; of others that collide, none wins, since nothing says who is right.
    """
    owners: dict[tuple[str, str], list[int]] = {}
    for index, plugin in enumerate(plugins):
        if plugin.state != "active":
            continue
        owners.setdefault(("plugin", plugin.name), []).append(index)
        for hook, items in plugin.contributions:
            for item in items:
                owners.setdefault((hook, identity(hook, item)), []).append(index)
    problems: dict[int, Diagnostic] = {}
    for (hook, name), claimants in owners.items():
        for index in claimants if len(claimants) > 1 else ():
            if plugins[index].found.builtin:
                continue
            noun = hook.removeprefix("htp_").replace("_", " ").removesuffix("s")
            rivals = sorted({_who(plugins[each].found) for each in claimants if each != index})
            other = rivals[0] if rivals else "itself, a second time"
            problems.setdefault(
                index,
                Diagnostic(
                    code="plugin.duplicate-id",
                    message=f"{_who(plugins[index].found)} claims the {noun} `{name}`, and so does {other}",
                    help=(f"HTP_DISABLE_PLUGINS={plugins[index].name}", "or uninstall one of them"),
                ),
            )
    return problems


def _check_requirement(found: Found) -> None:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    asked = False
    for text in found.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise Refused("plugin.needs-core", f"{_who(found)} has the unreadable requirement `{text}`") from error
        if canonicalize_name(requirement.name) != CORE or (requirement.marker and not requirement.marker.evaluate()):
            continue
        asked = True
        if not requirement.specifier.contains(__version__, prereleases=True):
            raise Refused(
                "plugin.needs-core",
                f"{_who(found)} needs `{requirement}`, and {CORE} {__version__} is installed",
                help=f"pip install --upgrade {CORE} {found.distribution}",
            )
    if not asked:
        raise Refused(
            "plugin.needs-core",
            f"{_who(found)} does not say which {CORE} it needs",
            help=f'its author adds `"{CORE}>={__version__.rsplit(".", 1)[0]},<1"` to its dependencies',
        )


def _import(found: Found) -> object:
    module, _, attribute = found.value.partition(":")
    try:
        plugin: object = importlib.import_module(module.strip())
        for part in attribute.strip().split(".") if attribute else ():
            plugin = getattr(plugin, part)
    except (Exception, SystemExit) as error:
        text = str(error).splitlines()[0] if str(error) else ""
        raise Refused(
            "plugin.import-failed",
            f"{_who(found)} cannot be imported: {type(error).__name__}: {text}".removesuffix(": "),
            help=f'python -c "import {module}"',
        ) from error
    return plugin


def _check_api(found: Found, plugin: object) -> None:
    api = getattr(plugin, "HTP_API", None)
    if api == HTP_API and type(api) is int:
        return
    said = "does not define `HTP_API`" if api is None else f"is built for plugin API {api!r}"
    raise Refused(
        "plugin.wrong-api",
        f"{_who(found)} {said}, and {CORE} {__version__} has plugin API {HTP_API}",
        help=f"pip install --upgrade {found.distribution or found.name} {CORE}",
    )


def _register(manager: pluggy.PluginManager, found: Found, plugin: object) -> None:
    import pluggy

    from htp.hooks import CONTRIBUTIONS, EVENTS

    for name in dir(plugin):
        if not name.startswith("htp_"):
            continue
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            if callable(getattr(plugin, name, None)):
                raise _bad_hook(found, f"`{name}` is not marked `@hookimpl`")
            continue
        if name not in (*CONTRIBUTIONS, *EVENTS):
            near = difflib.get_close_matches(name, (*CONTRIBUTIONS, *EVENTS), n=1)
            raise _bad_hook(found, f"there is no hook `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        if name in CONTRIBUTIONS and (options.get("wrapper") or options.get("hookwrapper")):
            raise _bad_hook(found, f"`{name}` must not wrap what other plugins contribute")
    try:
        manager.register(plugin, name=f"{found.distribution}:{found.name}")
    except pluggy.PluginValidationError as error:
        if manager.get_name(plugin) is not None:  # before pluggy 1.7 a plugin that is refused stays half registered
            manager.unregister(plugin)
        raise _bad_hook(found, " ".join(str(error).split())) from error
    except ValueError as error:
        raise Refused("plugin.duplicate-id", f"{_who(found)} is registered twice as `{found.value}`") from error


def _contributions(
    manager: pluggy.PluginManager, found: Found, plugin: object
) -> Iterator[tuple[str, tuple[object, ...]]]:
    from htp.hooks import CONTRIBUTIONS

    for hook in CONTRIBUTIONS:
        implementations = [each for each in getattr(manager.hook, hook).get_hookimpls() if each.plugin is plugin]
        for each in implementations:
            try:
                items = cast("Callable[[], object]", each.function)()
            except Exception as error:
                raise Refused(
                    "plugin.raised", f"{_who(found)} failed in `{hook}`: {type(error).__name__}: {error}"
                ) from error
            if not isinstance(items, tuple):
                raise _bad_item(found, hook, f"returned a {type(items).__name__}, not a tuple")
            known = cast("tuple[object, ...]", items)
            for item in known:
                if problem := item_problem(hook, item):
                    raise _bad_item(found, hook, problem)
            yield hook, known


def _bad_hook(found: Found, problem: str) -> Refused:
    return Refused("plugin.bad-hook", f"{_who(found)}: {problem}", help="the hooks are listed in `htp.hooks`")


def _bad_item(found: Found, hook: str, problem: str) -> Refused:
    return Refused("plugin.bad-item", f"{_who(found)}: `{hook}` {problem}")


def _who(found: Found) -> str:
    distribution = f" of {found.distribution} {found.version}" if found.distribution else ""
    return f"plugin `{found.name}`{distribution}"
