"""What the package contributes: a facet kind, the way from it to plain strides, and the pages of its codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.declarations import CodeFile, Conversion, Lazy
from htp.hooks import hookimpl
from htp_layout_your_name.panels import Panels

if TYPE_CHECKING:
    from htp.layout import LayoutFacet

HTP_API = 1


@hookimpl
def htp_layouts() -> tuple[type[LayoutFacet], ...]:
    """Panels of rows."""
    return (Panels,)


@hookimpl
def htp_layout_conversions() -> tuple[Conversion, ...]:
    """Panels of one row are a plain matrix; the others are not, and say so."""
    return (Conversion("your-name", "strided", Lazy("htp_layout_your_name.panels:to_strided"), "checked"),)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `your-name.`."""
    return (CodeFile("your-name", "htp_layout_your_name", "codes.md"),)
