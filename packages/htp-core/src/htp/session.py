"""The session: which plugins are in force and what they contribute, by kind and name.

Knows contributions as typed tables; does not know how plugins are loaded or what the contributions do.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from htp.capabilities import Capability, Use
from htp.diagnostics import Bug, Diagnostic, Refused
from htp.plugins import Found, Plugin, discover, load_plugins, quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    import pluggy

    from htp.declarations import Backend, Binding, CodeFile, Conversion, Dialect, Named, Variant
    from htp.foreign import Foreign
    from htp.layout import LayoutFacet
    from htp.passes import Pass
    from htp.targets import Target

__all__ = ["Code", "Session", "current_session", "use_session"]

T = TypeVar("T")

_COMPILING = frozenset((
    "htp_program_captured", "htp_choose_plan", "htp_step_started", "htp_step_finished", "htp_artifact_sealed",
))  # fmt: skip
"""Events of a compilation, which a plugin may refuse."""


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
        from htp.hooks import new_manager

        manager = new_manager()
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
        """Every pass, by name; lazily named ones are loaded now, and a plugin whose passes cannot be is quarantined."""
        from htp._impl.claims import conflicts
        from htp._impl.passes_loaded import load_passes

        manager, plugins = self._loaded
        loaded, problems = load_passes(plugins)
        settled = quarantine(manager, loaded, problems)
        self._replace(quarantine(manager, settled, conflicts(settled)))
        passes = cast("tuple[Pass, ...]", self._items("htp_passes"))
        return tuple(sorted(passes, key=lambda each: each.name))

    @cached_property
    def pass_owners(self) -> Mapping[str, str]:
        """The distribution, with version, that each pass comes from."""
        return MappingProxyType({each.name: self.provider("htp_passes", each) for each in self.passes})

    def provider(self, hook: str, item: object) -> str:
        """The distribution, with version, that contributes `item` through `hook`; empty when none does."""
        owners = (_distribution(plugin) for plugin, each in self.contributions(hook) if each is item)
        return next(owners, "")

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
    def foreign(self) -> Mapping[str, Foreign]:
        """The names that plugins lend to programs: sets of intrinsics, words and kinds of function of dialects."""
        from htp.foreign import foreign_names

        return foreign_names(self)

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
        further = (each for each in self._further if each.backend in self.backends)
        found |= {_target_name(each.backend, each.name): each for each in further}
        return MappingProxyType(dict(sorted(found.items())))

    @property
    def _further(self) -> tuple[Variant, ...]:
        return cast("tuple[Variant, ...]", self._items("htp_targets"))

    def target(self, text: str) -> Target:
        """The target that `backend[:variant]` names; raises `Refused` `plan.unknown-target`."""
        from htp.targets import parse_target

        _ = self.passes  # a plugin that is found to be broken here must not be compiled for
        return parse_target(text, self.backends, self._further, self.plugins)

    @cached_property
    def codes(self) -> Mapping[str, Code]:
        """Every diagnostic code with its page; of a file only the codes of its owner count."""
        found: dict[str, Code] = {}
        for plugin, file, text in self.code_files():
            for name, page in _sections(text):
                if name.startswith(f"{file.owner}."):
                    found[name] = Code(name, page.strip().split("\n", 1)[0], page, plugin.name)
        return MappingProxyType(dict(sorted(found.items())))

    def code_files(self) -> tuple[tuple[Plugin, CodeFile, str], ...]:
        """Every file of code pages with its text; a plugin with a file that cannot be read is quarantined."""
        found: list[tuple[Plugin, CodeFile, str]] = []
        for plugin, item in self.contributions("htp_diagnostics"):
            file = cast("CodeFile", item)
            try:
                found.append((plugin, file, file.text()))
            except (OSError, ImportError, ValueError, TypeError) as error:
                message = f"{plugin.found}: the pages of `{file.owner}` cannot be read: {type(error).__name__}: {error}"
                help = f"HTP_DISABLE_PLUGINS={plugin.name}"
                self._quarantine(plugin, Diagnostic(code="plugin.bad-item", message=message, help=(help,)))
        return tuple(found)

    def start(self) -> Session:
        """Loads the plugins and tells each that the session has started; one that fails is quarantined."""
        self.emit_event("htp_session_started", session=self)
        return self

    def require(self, backend: str, passes: Iterable[Pass] = ()) -> None:
        """Refuses to go on with a compilation when what it is made of has gone into quarantine meanwhile.

        Raises:
            Refused: what the plugins in quarantine failed with.
        """
        if backend not in self.backends or any(each.name not in self.pass_owners for each in passes):
            raise Refused.of(*(each.problem for each in self.quarantined if each.problem is not None))

    def emit_event(self, event: str, **arguments: object) -> None:
        """Tells every plugin about an event; one that fails is quarantined, with a warning, and the others are told.

        Raises:
            Refused: what a plugin refuses, if the event belongs to a compilation.
            Bug: the same; HTP or a plugin broke one of HTP's own rules, and going on would hide it.
        """
        for plugin, call in self._listeners(event, arguments):
            self._told(plugin, event, call)

    def ask(self, event: str, **arguments: object) -> tuple[Plugin, object] | None:
        """The first answer to a question, and the plugin that gave it; `None` when nobody answers.

        Raises:
            Refused: what a plugin refuses, or `plugin.raised` for one that fails: nobody knows what it would have
                answered. It is quarantined.
            Bug: as for `emit_event`.
        """
        for plugin, call in self._listeners(event, arguments):
            answer = self._told(plugin, event, call, needed=True)
            if answer is not None:
                return plugin, answer
        return None

    def _listeners(self, event: str, arguments: Mapping[str, object]) -> list[tuple[Plugin, Callable[[], object]]]:
        """Who implements an event: core's plugins first, then by name, before both those that ask to be first."""
        manager, plugins = self._loaded
        order = {id(each.module): (index, each) for index, each in enumerate(plugins) if each.state == "active"}
        implementations: list[pluggy.HookImpl] = getattr(manager.hook, event).get_hookimpls()
        implementations.sort(key=lambda each: (each.trylast - each.tryfirst, order[id(each.plugin)][0]))
        return [(order[id(each.plugin)][1], _call(each, arguments)) for each in implementations]

    def _told(self, plugin: Plugin, event: str, call: Callable[[], object], *, needed: bool = False) -> object:
        from htp._impl.failures import failed

        try:
            return call()
        except Refused as refusal:
            if event in _COMPILING:
                raise Refused.of(*(_decided(plugin, each) for each in refusal.diagnostics)) from refusal
            self._quarantine(plugin, refusal.diagnostic)
        except Bug as bug:
            if event in _COMPILING:
                raise
            self._quarantine(plugin, failed(plugin.found, f"in `{event}`", bug).diagnostic)
        except (Exception, SystemExit) as error:
            refusal = failed(plugin.found, f"in `{event}`", error)
            self._quarantine(plugin, refusal.diagnostic)
            if needed:
                raise refusal from error
            if event in _COMPILING:
                said = "; ".join((refusal.diagnostic.message, *refusal.diagnostic.notes))
                warnings.warn(f"{said}; it is left out from now on", RuntimeWarning, stacklevel=4)
        return None

    def _quarantine(self, plugin: Plugin, problem: Diagnostic) -> None:
        manager, plugins = self._loaded
        self._replace(quarantine(manager, plugins, {plugin.found: problem}))

    def _replace(self, plugins: tuple[Plugin, ...]) -> None:
        """Puts the plugins in force and forgets all that was derived from the former ones."""
        manager, former = self._loaded
        if len(plugins) == len(former) and all(new is old for new, old in zip(plugins, former, strict=True)):
            return
        for name in [each for each in vars(self) if isinstance(getattr(Session, each, None), cached_property)]:
            del self.__dict__[name]
        self.__dict__["_loaded"] = (manager, plugins)


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


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, object]) -> Callable[[], object]:
    """The implementation with those of the arguments that it names."""
    function = cast("Callable[..., object]", implementation.function)
    return lambda: function(*(arguments[name] for name in implementation.argnames))


def _decided(plugin: Plugin, diagnostic: Diagnostic) -> Diagnostic:
    import msgspec

    return msgspec.structs.replace(diagnostic, notes=(*diagnostic.notes, f"refused by {plugin.found}"))


def _distribution(plugin: Plugin) -> str:
    return f"{plugin.found.distribution or plugin.name} {plugin.found.version}".strip()


def _target_name(backend: str, variant: str) -> str:
    return f"{backend}:{variant}" if variant else backend


def _sections(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^## +(\S+) *$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))
