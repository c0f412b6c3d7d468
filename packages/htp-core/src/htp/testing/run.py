"""Running conformance classes outside of any test framework, and which classes apply to an installed plugin.

Knows how laws are run and counted; `tools.conform` says what came out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, cast
from unittest import SkipTest

from htp.artifact.manifest import Record
from htp.declarations import IntrinsicSet
from htp.diagnostics import Refused
from htp.testing.law import Undeclared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.declarations import Backend, Binding, Dialect
    from htp.layout import LayoutFacet
    from htp.passes import Pass
    from htp.plugins import Plugin
    from htp.session import Session
    from htp.testing.law import Conformance
    from htp.testing.programs import Samples

__all__ = ["LawResult", "check", "find_plugins", "units_of"]

HOOKS = {"htp_passes", "htp_dialects", "htp_intrinsics", "htp_layouts", "htp_backends", "htp_bindings"}
"""The contributions that have a class of their own; the others are covered by the laws of plugins."""


class LawResult(Record, frozen=True, kw_only=True):
    """What became of one law; `reason` says why it failed or was skipped, `note` what was measured on the way."""

    unit: str
    law: str
    outcome: Literal["passed", "failed", "skipped"]
    reason: str = ""
    note: str = ""
    seconds: float


def check(unit: type[Conformance[object]]) -> Iterator[LawResult]:
    """Runs every law of a class, each on an instance of its own as test frameworks do."""
    for name in unit.laws():
        started = time.perf_counter()
        outcome, reason = _run(unit, name)
        yield LawResult(
            unit=unit.unit(), law=name.removeprefix("test_"), outcome=outcome, reason=reason,
            note=unit().notes.get(name, ""), seconds=time.perf_counter() - started,
        )  # fmt: skip


def _run(unit: type[Conformance[object]], name: str) -> tuple[Literal["passed", "failed", "skipped"], str]:
    try:
        getattr(unit(), name)()
    except Undeclared as skipped:
        return "skipped", str(skipped)
    except SkipTest as skipped:
        return "failed", f"skipped without naming a capability: {skipped}"
    except AssertionError as failure:
        return "failed", str(failure)
    return "passed", ""


def find_plugins(name: str, session: Session) -> tuple[Plugin, ...]:
    """The plugin of that name, or every plugin of the distribution of that name.

    Raises:
        Refused: `cli.unknown-plugin`.
    """
    from htp.plugins import canonical

    _ = session.passes
    found = tuple(each for each in session.plugins if each.name == name)
    found = found or tuple(each for each in session.plugins if each.found.distribution == canonical(name))
    if not found:
        known = ", ".join(each.name for each in session.plugins)
        raise Refused(
            "cli.unknown-plugin",
            f"there is no plugin or distribution {name!r}",
            notes=(f"installed: {known}",),
            help="install it first, as in pip install -e FOLDER",
        )
    return found


def units_of(plugin: Plugin, programs: Samples = ()) -> Iterator[type[Conformance[object]]]:
    """A class for the plugin itself, and one for each contribution that has laws of its own."""
    from htp.testing.plugins import PluginConformance

    yield _unit(PluginConformance, plugin.name)
    for hook, items in plugin.contributions:
        for item in items if hook in HOOKS else ():
            yield from _units(hook, item, programs)


def _units(hook: str, item: object, programs: Samples) -> Iterator[type[Conformance[object]]]:
    from htp import testing

    match hook:
        case "htp_passes":
            yield _unit(testing.PassConformance, cast("Pass", item), programs=programs)
        case "htp_dialects":
            yield _unit(testing.DialectConformance, cast("Dialect", item), programs=programs)
        case "htp_layouts":
            yield _unit(testing.FacetConformance, cast("type[LayoutFacet]", item))
        case "htp_backends":
            yield _unit(testing.BackendConformance, cast("Backend", item).name, programs=programs)
        case "htp_bindings":
            yield _unit(testing.BindingConformance, cast("Binding", item).name)
        case _:
            if isinstance(item, IntrinsicSet):
                for name in item.qualified:
                    yield _unit(testing.IntrinsicConformance, name)


def _unit(base: type[Conformance[object]], subject: object, **fields: object) -> type[Conformance[object]]:
    return type(base.__name__, (base,), {"subject": subject, **fields})
