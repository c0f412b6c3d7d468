"""The session: which plugins are in force and what they contribute, by kind and name.

Knows contributions as typed tables; does not know how plugins are loaded or what the contributions do.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from htp.capabilities import Capability, Use
from htp.diagnostics import Bug, Refused
from htp.plugins import Found, Plugin, discover, load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    import pluggy

    from htp.declarations import Backend, Binding, CodeFile, Conversion, Dialect, Named, Variant
    from htp.layout import LayoutFacet
    from htp.passes import Pass
    from htp.targets import Target

__all__ = ["Code", "Session", "current_session", "use_session"]

T = TypeVar("T")


@dataclass(frozen=True)
class Code:
    """A diagnostic code: one line that says what it means, and its page."""

    name: str
    summary: str
    page: str
    plugin: str


class Session:
    """A view of the installed plugins, loaded when first asked for and fixed from then on."""

    def __init__(self, found: Iterable[Found] | None = None) -> None:
        """Takes the announced plugins, by default those that are installed."""
        self._found = None if found is None else tuple(found)

    @cached_property
    def _loaded(self) -> tuple[pluggy.PluginManager, tuple[Plugin, ...]]:
        import pluggy

        from htp import hooks

        manager = pluggy.PluginManager("htp")
        manager.add_hookspecs(hooks)
        plugins = load_plugins(manager, discover() if self._found is None else self._found)
        return manager, plugins

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every announced plugin, active or not."""
        return self._loaded[1]

    @property
    def quarantined(self) -> tuple[Plugin, ...]:
        """The plugins that failed a gate."""
        return tuple(each for each in self.plugins if each.state == "quarantined")

    def contributions(self, hook: str) -> tuple[tuple[Plugin, object], ...]:
        """Everything that came through one contribution hook, with the plugin it came from."""
        return tuple((plugin, item) for plugin in self.plugins for item in plugin.of(hook))

    def _items(self, hook: str) -> tuple[object, ...]:
        return tuple(item for _, item in self.contributions(hook))

    def _named(self, hook: str) -> Mapping[str, Named]:
        items = cast("tuple[Named, ...]", self._items(hook))
        return MappingProxyType({each.name: each for each in items})

    @cached_property
    def capabilities(self) -> Mapping[str, type[Capability]]:
        """The classes of facts by printed name."""
        classes = [each for each in self._items("htp_capabilities") if isinstance(each, type)]
        return MappingProxyType({each.tag: each for each in classes if issubclass(each, Capability)})

    @cached_property
    def use_kinds(self) -> Mapping[str, type[Use]]:
        """The classes of uses by name."""
        classes = [each for each in self._items("htp_capabilities") if isinstance(each, type)]
        return MappingProxyType({each.__name__: each for each in classes if issubclass(each, Use)})

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """Every pass, by name; lazily named ones are loaded now.

        Raises:
            Refused: `plugin.bad-item` when a name leads to something else than a pass, `plugin.duplicate-id` when two
                passes have one name, `plugin.import-failed` when it cannot be loaded.
        """
        found: dict[str, tuple[Plugin, Pass]] = {}
        for plugin, item in self.contributions("htp_passes"):
            each = _pass(plugin, item)
            if each.name in found:
                raise Refused(
                    "plugin.duplicate-id",
                    f"plugins `{found[each.name][0].name}` and `{plugin.name}` both have a pass `{each.name}`",
                    help=f"HTP_DISABLE_PLUGINS={plugin.name}",
                )
            found[each.name] = (plugin, each)
        self._pass_owners = {name: _distribution(plugin) for name, (plugin, _) in found.items()}
        return tuple(found[name][1] for name in sorted(found))

    @property
    def pass_owners(self) -> Mapping[str, str]:
        """The distribution, with version, that each pass comes from."""
        _ = self.passes
        return MappingProxyType(self._pass_owners)

    @cached_property
    def dialects(self) -> Mapping[str, Dialect]:
        """Dialects by name."""
        return cast("Mapping[str, Dialect]", self._named("htp_dialects"))

    @cached_property
    def backends(self) -> Mapping[str, Backend]:
        """Backends by name."""
        return cast("Mapping[str, Backend]", self._named("htp_backends"))

    @cached_property
    def bindings(self) -> Mapping[str, Binding]:
        """Bindings by name."""
        return cast("Mapping[str, Binding]", self._named("htp_bindings"))

    @cached_property
    def intrinsics(self) -> Mapping[str, Named]:
        """Intrinsics by name."""
        return self._named("htp_intrinsics")

    @cached_property
    def handlers(self) -> Mapping[str, Named]:
        """Intrinsic handlers by name."""
        return self._named("htp_handlers")

    @cached_property
    def policies(self) -> Mapping[str, Named]:
        """Dispatch policies by name."""
        return self._named("htp_policies")

    @cached_property
    def demos(self) -> Mapping[str, Named]:
        """Demonstration programs by name."""
        return self._named("htp_demos")

    @cached_property
    def facets(self) -> Mapping[str, type[LayoutFacet]]:
        """Layout facet kinds by name."""
        kinds = cast("tuple[type[LayoutFacet], ...]", self._items("htp_layouts"))
        return MappingProxyType({each.KIND: each for each in kinds})

    @cached_property
    def conversions(self) -> tuple[Conversion, ...]:
        """Conversions between facet kinds."""
        return cast("tuple[Conversion, ...]", self._items("htp_layout_conversions"))

    @cached_property
    def targets(self) -> Mapping[str, Variant]:
        """Every target that can be named, by its name; models are not loaded."""
        found = {
            _target_name(backend.name, each.name): each
            for backend in self.backends.values()
            for each in backend.targets
        }
        found |= {_target_name(each.backend, each.name): each for each in self._further}
        return MappingProxyType(dict(sorted(found.items())))

    @property
    def _further(self) -> tuple[Variant, ...]:
        return cast("tuple[Variant, ...]", self._items("htp_targets"))

    def target(self, text: str) -> Target:
        """The target that `backend[:variant]` names; raises `Refused` `plan.unknown-target`."""
        from htp.targets import parse_target

        return parse_target(text, self.backends, self._further)

    @cached_property
    def codes(self) -> Mapping[str, Code]:
        """Every diagnostic code with its page."""
        found: dict[str, Code] = {}
        for plugin, item in self.contributions("htp_diagnostics"):
            file = cast("CodeFile", item)
            for name, page in _sections(file.text()):
                found[name] = Code(name, page.strip().split("\n", 1)[0], page, plugin.name)
        return MappingProxyType(dict(sorted(found.items())))

    def start(self) -> Session:
        """Loads the plugins and tells each that the session has started; one that fails is quarantined."""
        for plugin in self.plugins:
            try:
                self._tell(plugin, "htp_session_started", {"session": self})
            except Refused as refusal:
                manager, plugins = self._loaded
                manager.unregister(plugin.module)
                out = replace(plugin, state="quarantined", problem=refusal.diagnostic, contributions=())
                kept = tuple(out if each is plugin else each for each in plugins)
                for name in [each for each in vars(self) if isinstance(getattr(Session, each, None), cached_property)]:
                    del self.__dict__[name]
                self.__dict__["_loaded"] = (manager, kept)
        return self

    def emit_event(self, event: str, **arguments: object) -> object:
        """Tells every plugin about an event; for hooks that ask for one answer, returns the first.

        Raises:
            Refused: what a plugin refuses, or `plugin.raised` naming the plugin that failed otherwise.
        """
        for plugin in self.plugins:
            answer = self._tell(plugin, event, arguments)
            if answer is not None and not isinstance(answer, list):
                return answer
        return None

    def _tell(self, plugin: Plugin, event: str, arguments: Mapping[str, object]) -> object:
        if plugin.state != "active":
            return None
        manager, plugins = self._loaded
        others = [each.module for each in plugins if each.state == "active" and each is not plugin]
        caller = cast("Callable[..., object]", manager.subset_hook_caller(event, others))
        try:
            return caller(**arguments)
        except (Refused, Bug):
            raise
        except Exception as error:
            raise Refused(
                "plugin.raised",
                f"plugin `{plugin.name}` failed in `{event}`: {type(error).__name__}: {error}",
                help=f"HTP_DISABLE_PLUGINS={plugin.name}",
            ) from error


_CURRENT: ContextVar[Session | None] = ContextVar("htp_session", default=None)


def current_session() -> Session:
    """The session in force: the one `use_session` set, else one over everything installed."""
    return _CURRENT.get() or _installed()


@contextmanager
def use_session(session: Session) -> Generator[Session]:
    """Makes `session` the current one inside the `with` block."""
    token = _CURRENT.set(session)
    try:
        yield session
    finally:
        _CURRENT.reset(token)


@cache
def _installed() -> Session:
    return Session().start()


def _pass(plugin: Plugin, item: object) -> Pass:
    from htp.declarations import Lazy
    from htp.passes import Pass

    loaded = cast("Lazy[object]", item).load() if isinstance(item, Lazy) else item
    if isinstance(loaded, type) and issubclass(loaded, Pass):
        try:
            loaded = loaded()
        except TypeError as error:
            raise Refused("plugin.bad-item", f"plugin `{plugin.name}`: {item!r} needs options: {error}") from error
    if not isinstance(loaded, Pass):
        raise Refused("plugin.bad-item", f"plugin `{plugin.name}`: {item!r} is no pass")
    return loaded


def _distribution(plugin: Plugin) -> str:
    return f"{plugin.found.distribution or plugin.name} {plugin.found.version}".strip()


def _target_name(backend: str, variant: str) -> str:
    return f"{backend}:{variant}" if variant else backend


def _sections(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^## +(\S+) *$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))
