"""The hooks a plugin may implement.

Contribution hooks take no arguments, are pure and return tuples of immutable declarations. Event hooks take keyword
arguments, of which an implementation names those it wants. Knows the signatures; plugins.py knows who implements them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import argparse

    from htp.artifact.read import Package
    from htp.capabilities import Capability, Use
    from htp.declarations import (
        Backend,
        Binding,
        CodeFile,
        Conversion,
        Demo,
        Dialect,
        HandlerSet,
        IntrinsicSet,
        Lazy,
        Named,
        Variant,
    )
    from htp.layout import LayoutFacet
    from htp.passes import Pass, StepResult
    from htp.planner import Plan
    from htp.program import Program
    from htp.session import Session
    from htp.targets import Target

__all__ = ["CONTRIBUTIONS", "EVENTS", "hookimpl", "hookspec", "new_manager"]

hookspec = pluggy.HookspecMarker("htp")
hookimpl = pluggy.HookimplMarker("htp")


@hookspec
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """Classes of facts and uses the plugin declares."""
    return ()


@hookspec
def htp_dialects() -> tuple[Dialect, ...]:
    """Languages a program may be written in."""
    return ()


@hookspec
def htp_intrinsics() -> tuple[IntrinsicSet, ...]:
    """Sets of intrinsics: functions whose body is their meaning."""
    return ()


@hookspec
def htp_handlers() -> tuple[HandlerSet, ...]:
    """Ways of emitting intrinsics for a backend; the plugin owns the one or the other, or is named as their bridge."""
    return ()


@hookspec
def htp_layouts() -> tuple[type[LayoutFacet], ...]:
    """Layout facet kinds."""
    return ()


@hookspec
def htp_layout_conversions() -> tuple[Conversion, ...]:
    """Ways from one facet kind to another."""
    return ()


@hookspec
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """Passes, or the names of pass classes to be loaded when a program is first compiled."""
    return ()


@hookspec
def htp_targets() -> tuple[Variant, ...]:
    """Further variants of backends, each naming the backend it belongs to."""
    return ()


@hookspec
def htp_backends() -> tuple[Backend, ...]:
    """Backends."""
    return ()


@hookspec
def htp_bindings() -> tuple[Binding, ...]:
    """Bindings that build, load and run packages."""
    return ()


@hookspec
def htp_policies() -> tuple[Named, ...]:
    """Dispatch policies a schedule may name."""
    return ()


@hookspec
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the diagnostic codes the plugin owns."""
    return ()


@hookspec
def htp_demos() -> tuple[Demo, ...]:
    """Small programs that show what the plugin does."""
    return ()


@hookspec
def htp_session_started(session: Session) -> None:
    """A session has loaded its plugins."""


@hookspec
def htp_program_captured(session: Session, program: Program) -> None:
    """A program has been read from source."""


@hookspec(firstresult=True)
def htp_choose_plan(session: Session, program: Program, target: Target, plan: Plan) -> Plan | None:
    """May return another plan than the one found; the first answer that is not `None` counts and is checked."""


@hookspec
def htp_step_started(session: Session, index: int, step: Pass, program: Program) -> None:
    """A pass is about to run."""


@hookspec
def htp_step_finished(session: Session, index: int, step: Pass, result: StepResult) -> None:
    """A pass has run and kept its contract."""


@hookspec
def htp_artifact_sealed(session: Session, package: Package) -> None:
    """A package has been written and sealed."""


@hookspec
def htp_cli(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    """The command line is being set up; a plugin may add verbs."""


class _Manager(pluggy.PluginManager):
    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """As in pluggy, which looks closely at every name of a module; here only at those that are marked."""
        marked = hasattr(getattr(plugin, name, None), "htp_impl")
        return super().parse_hookimpl_opts(plugin, name) if marked else None


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks of this module and no plugin."""
    manager = _Manager("htp")
    manager.add_hookspecs(sys.modules[__name__])
    return manager


CONTRIBUTIONS = (
    "htp_capabilities", "htp_dialects", "htp_intrinsics", "htp_handlers", "htp_layouts", "htp_layout_conversions",
    "htp_passes", "htp_targets", "htp_backends", "htp_bindings", "htp_policies", "htp_diagnostics", "htp_demos",
)  # fmt: skip
EVENTS = (
    "htp_session_started", "htp_program_captured", "htp_choose_plan", "htp_step_started", "htp_step_finished",
    "htp_artifact_sealed", "htp_cli",
)  # fmt: skip
