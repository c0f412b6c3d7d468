"""The tile language as a plugin: its dialect, its facts and uses, the plain layout, and the pages of core's codes."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from htp._version import HTP_API
from htp.capabilities import CORE_CAPABILITIES, CORE_USES, Capability, Use
from htp.declarations import CodeFile, Dialect, Lazy
from htp.hooks import hookimpl
from htp.strides import Strided

if TYPE_CHECKING:
    from htp.layout import LayoutFacet
    from htp.passes import Pass

__all__ = ["HTP_API", "htp_capabilities", "htp_diagnostics", "htp_dialects", "htp_layouts", "htp_passes"]


@hookimpl
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """Core's facts and uses."""
    return (*CORE_CAPABILITIES, *CORE_USES)


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Kernels over tiles."""
    return (Dialect("tile", "kernels: operations on tiles, loops, loads and stores", ("htp.tile", "htp.loops")),)


@hookimpl
def htp_layouts() -> tuple[type[LayoutFacet], ...]:
    """The plain memory facet."""
    return (Strided,)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """One page file for each owner of codes in core."""
    names = sorted(each.name for each in files("htp").joinpath("codes").iterdir() if each.name.endswith(".md"))
    return tuple(CodeFile(name.removesuffix(".md"), "htp", f"codes/{name}") for name in names)


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The way from captured source to normal form, which every target shares."""
    return (
        Lazy[type["Pass"]]("htp.lowering.inline:InlineHelpers"),
        Lazy[type["Pass"]]("htp.lowering.annotate:Annotate"),
        Lazy[type["Pass"]]("htp.lowering.expand:ExpandIntrinsics"),
        Lazy[type["Pass"]]("htp.lowering.serialize:Serialize"),
        Lazy[type["Pass"]]("htp.lowering.normalize:Normalize"),
        Lazy[type["Pass"]]("htp.lowering.simplify:Simplify"),
    )
