"""The gates a plugin passes before its contributions count.

Knows each check and its refusal; `plugins` decides what happens to a plugin that fails, `claims` what happens when two
plugins want the same.
"""

from __future__ import annotations

import difflib
import functools
import re
from typing import TYPE_CHECKING, cast

from htp._impl.contributions import item_problem
from htp._impl.failures import failed, first_line
from htp._version import HTP_API, __version__
from htp.diagnostics import Refused
from htp.plugins import CORE, GROUP, Found, Plugin, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pluggy

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_PLAIN_VERSION = re.compile(r"\d+(\.\d+)*")
_PLAIN = re.compile(
    r"[\w.-]+\s*(<(?P<below>\d+(\.\d+)*),\s*)?>=(?P<least>\d+(\.\d+)*)(,\s*<(?P<other_below>\d+(\.\d+)*))?"
)


def through_gates(manager: pluggy.PluginManager, found: Found) -> Plugin:
    """The loaded and registered plugin.

    Raises:
        Refused: a `plugin.*` code of the first gate it fails, or what a contribution hook of its own refuses; it is
            not registered then.
    """
    if not found.builtin:
        _check_requirement(found)
    plugin = _import(found)
    _check_api(found, plugin)
    _register(manager, found, plugin)
    try:
        return Plugin(found, "active", None, tuple(_contributions(manager, found, plugin)), plugin)
    except Refused:
        manager.unregister(plugin)
        raise


def _check_requirement(found: Found) -> None:
    asked = [text for text in found.requires if (name := _NAME.match(text)) and canonical(name[1]) == CORE]
    verdicts = [(text, _verdict(text)) for text in asked]
    for text, verdict in verdicts:
        if verdict == "unreadable":
            raise Refused(
                "plugin.needs-core",
                f"{found} has the unreadable requirement `{text}`",
                help=f"pip install --upgrade {found.owner}",
            )
        if verdict == "unmet":
            raise Refused(
                "plugin.needs-core",
                f"{found} needs `{text}`, and {CORE} {__version__} is installed",
                help=f"pip install --upgrade {CORE} {found.owner}",
            )
    if all(verdict == "elsewhere" for _, verdict in verdicts):
        raise Refused(
            "plugin.needs-core",
            f"{found} does not say which {CORE} it needs",
            help=f'its author adds `"{CORE}>={__version__.rsplit(".", 1)[0]},<1"` to its dependencies',
        )


@functools.cache
def _verdict(text: str) -> str:
    """What a requirement of core says: `met`, `unmet`, `unreadable`, or `elsewhere` when it is for other machines."""
    if (plain := _PLAIN.fullmatch(text)) and (version := _PLAIN_VERSION.fullmatch(__version__)):
        # The form nearly every plugin uses; `packaging` would cost more than all else on the way to `htp plugins`.
        here, least = _release(version[0]), _release(plain["least"])
        above = [_release(plain[name]) for name in ("below", "other_below") if plain[name]]
        return "met" if least <= here and all(here < each for each in above) else "unmet"
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return "unreadable"
    if requirement.marker is not None and not requirement.marker.evaluate():
        return "elsewhere"
    return "met" if requirement.specifier.contains(__version__, prereleases=True) else "unmet"


def _release(text: str) -> tuple[int, ...]:
    """A release's numbers without zeros at the end, so that `1` and `1.0` are one."""
    return tuple(map(int, re.sub(r"(\.0+)+$", "", text).split(".")))


def _import(found: Found) -> object:
    from importlib.metadata import EntryPoint

    point = EntryPoint(found.name, found.value, GROUP)
    try:
        return cast("object", point.load())
    except ModuleNotFoundError as error:
        if error.name and f"{point.module}.".startswith(f"{error.name}."):
            raise _gone(found, point.module) from error
        problem: BaseException = error
    except (Exception, SystemExit) as error:
        problem = error
    text = str(found.value).partition(":")[0].strip()
    raise Refused(
        "plugin.import-failed", f"{found} cannot be imported: {first_line(problem)}", help=f'python -c "import {text}"'
    ) from problem


def _gone(found: Found, module: str) -> Refused:
    """The refusal of an entry point that leads to no module: a stale installation, or a package built without it."""
    from htp._impl.editable import project_of

    project = project_of(found.distribution)
    return Refused(
        "plugin.import-failed",
        f"{found} cannot be imported: its entry point names the module `{module}`, which does not exist",
        help=f"pip install -e {project}" if project else f"pip install --force-reinstall {found.owner}",
    )


def _check_api(found: Found, plugin: object) -> None:
    api = getattr(plugin, "HTP_API", None)
    if api == HTP_API and type(api) is int:
        return
    said = "does not define `HTP_API`" if api is None else f"is built for plugin API {api!r}"
    raise Refused(
        "plugin.wrong-api",
        f"{found} {said}, and {CORE} {__version__} has plugin API {HTP_API}",
        help=f"pip install --upgrade {found.owner} {CORE}",
    )


def _register(manager: pluggy.PluginManager, found: Found, plugin: object) -> None:
    import pluggy

    try:
        manager.register(plugin, name=f"{found.distribution}:{found.name}:{found.value}")
        _check_hooks(manager, found, plugin)
    except (pluggy.PluginValidationError, Refused) as error:
        if manager.get_name(plugin) is not None:  # before pluggy 1.7 a plugin that is refused stays half registered
            manager.unregister(plugin)
        raise (error if isinstance(error, Refused) else _bad_hook(found, " ".join(str(error).split()))) from error
    except ValueError as error:
        raise Refused(
            "plugin.duplicate-id",
            f"{found} leads to the same object as another plugin, `{found.value}`",
            help=_out(found),
        ) from error
    except Exception as error:  # attributes of a plugin may be properties
        raise failed(found, "while its hooks were looked for", error) from error


def _check_hooks(manager: pluggy.PluginManager, found: Found, plugin: object) -> None:
    """Refuses hooks that nobody calls, and wrappers: a plugin answers for itself only."""
    from htp.hooks import CONTRIBUTIONS, EVENTS

    known = (*CONTRIBUTIONS, *EVENTS)
    for caller in manager.get_hookcallers(plugin) or ():
        if caller.name not in known:
            near = difflib.get_close_matches(caller.name, known, n=1)
            said = f"there is no hook `{caller.name}`" + (f"; did you mean `{near[0]}`?" if near else "")
            raise _bad_hook(found, said)
        own = [each for each in caller.get_hookimpls() if each.plugin is plugin]
        if any(each.wrapper or each.hookwrapper for each in own):
            raise _bad_hook(found, f"`{caller.name}` must not wrap what other plugins do")
    for name in [each for each in dir(plugin) if each.startswith("htp_")]:
        function: object = getattr(plugin, name, None)
        if callable(function) and not hasattr(function, "htp_impl"):
            raise _bad_hook(found, f"`{name}` is not marked `@hookimpl`")


def _contributions(
    manager: pluggy.PluginManager, found: Found, plugin: object
) -> Iterator[tuple[str, tuple[object, ...]]]:
    from htp.hooks import CONTRIBUTIONS

    callers = {each.name: each for each in manager.get_hookcallers(plugin) or ()}
    for hook in CONTRIBUTIONS:
        if hook in callers:
            own = [each for each in callers[hook].get_hookimpls() if each.plugin is plugin]
            yield hook, tuple(item for each in own for item in _returned(found, hook, each.function))


def _returned(found: Found, hook: str, function: Callable[[], object]) -> tuple[object, ...]:
    try:
        return _items(found, hook, function())
    except Refused:
        raise
    except (Exception, SystemExit) as error:
        raise failed(found, f"in `{hook}`", error) from error


def _items(found: Found, hook: str, returned: object) -> tuple[object, ...]:
    if not isinstance(returned, tuple):
        raise _bad_item(found, hook, f"returned a {type(returned).__name__}, not a tuple")
    items = cast("tuple[object, ...]", returned)
    for item in items:
        if problem := item_problem(hook, item):
            raise _bad_item(found, hook, problem)
    return items


def _bad_hook(found: Found, problem: str) -> Refused:
    return Refused("plugin.bad-hook", f"{found}: {problem}", help=("the hooks are listed in `htp.hooks`", _out(found)))


def _bad_item(found: Found, hook: str, problem: str) -> Refused:
    return Refused("plugin.bad-item", f"{found}: `{hook}` {problem}", help=_out(found))


def _out(found: Found) -> str:
    return f"HTP_DISABLE_PLUGINS={found.name}"
