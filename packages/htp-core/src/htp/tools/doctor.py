"""A look at the installation: what is there, what is missing, and what to do about it.

Knows what HTP needs; does not mend anything.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import platform
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp._version import __version__
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from htp.diagnostics import Diagnostic

_LIBRARIES = ("numpy", "ml_dtypes", "msgspec", "pluggy", "packaging")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `needed` tells whether HTP works at all without it, `code` which page says more."""

    subject: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = True
    code: str = ""


def examine() -> tuple[Check, ...]:
    """Everything that was looked at; a check that breaks is itself a finding."""
    checks: list[Check] = []
    for look in _LOOKS:
        try:
            checks += look()
        except Exception as error:
            said = error.diagnostic.message if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
            checks.append(Check(look.__name__.strip("_"), False, said, "htp explain internal.bug"))
    return tuple(checks)


def _python() -> Iterator[Check]:
    version = platform.python_version()
    yield Check("Python", sys.version_info >= (3, 11), f"{version}, {platform.system()} {platform.machine()}", "")


def _libraries() -> Iterator[Check]:
    yield Check("htp-core", True, __version__)
    for name in _LIBRARIES:
        try:
            yield Check(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, False, "not installed", f"pip install {name}")


def _plugins() -> Iterator[Check]:
    from htp.session import current_session

    session = current_session()
    _ = session.passes, session.codes  # loads what is named lazily, so that what cannot be loaded is found
    for plugin in session.plugins:
        version = plugin.found.version
        if plugin.state == "active":
            yield Check(f"plugin {plugin.name}", True, version or "version unknown")
        elif plugin.problem is None:
            yield Check(f"plugin {plugin.name}", True, "disabled by HTP_DISABLE_PLUGINS")
        else:
            yield _problem(f"plugin {plugin.name}", plugin.problem)


def _problem(subject: str, problem: Diagnostic) -> Check:
    found = "; ".join((problem.message, *problem.notes))
    fix = next(iter(problem.help), f"htp explain {problem.code}")
    return Check(subject, False, found, fix, needed=False, code=problem.code)


def _imports() -> Iterator[Check]:
    from htp.session import current_session
    from htp.tools.import_cost import heavy_imports

    active = [each.found for each in current_session().plugins if each.state == "active" and not each.found.builtin]
    for found, problem in heavy_imports(active):
        yield _problem(f"import of plugin {found.name}", problem)


def _entry_points() -> Iterator[Check]:
    from htp.tools.listing import list_stale

    for problem in list_stale():
        yield _problem("entry points", problem)


def _disabled() -> Iterator[Check]:
    from htp.plugins import unmatched
    from htp.session import current_session

    found = [each.found for each in current_session().plugins]
    known = sorted({name for each in found for name in (each.name, each.distribution) if name})
    for name in unmatched(found):
        near = difflib.get_close_matches(name, known, n=1) or ["one that `htp plugins` lists"]
        said = f"names `{name}`, which is no plugin and no distribution"
        yield Check("HTP_DISABLE_PLUGINS", False, said, f"write {near[0]}", needed=False)


def _targets() -> Iterator[Check]:
    from htp.tools.listing import list_targets

    targets = list_targets()
    if not targets:
        from htp._impl.obtaining import obtaining
        from htp.session import current_session

        found = obtaining("backend", "cpu", current_session().plugins)
        left_out = found is not None and bool(found.reasons)
        said = "no installed backend is in force" if left_out else "no backend is installed"
        yield Check("targets", False, said, found.text if found is not None else "see `htp plugins`")
    for target in targets:
        runs = target.status != "emit only"
        said = target.status if not target.why else f"{target.status} ({target.why})"
        yield Check(f"target {target.name}", runs, said, "" if runs else "see `htp targets`", needed=False)


def _cache() -> Iterator[Check]:
    from htp.cache import Cache

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cache = Cache.open()
    if cache.private:
        why = str(said[0].message) if said else "a private cache is in use"
        yield Check("cache", False, why, "set HTP_CACHE_DIR to a folder that can be written", needed=False)
    else:
        yield Check("cache", True, str(cache.root))


_LOOKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python, _libraries, _plugins, _disabled, _entry_points, _imports, _targets, _cache,
)  # fmt: skip
