"""Which distribution brings what: the names HTP's own packages are known by, for help lines only.

Knows names; imports none of the packages and does not look at what is installed.
"""

from __future__ import annotations

__all__ = ["CATALOGUE", "distribution_of", "distribution_of_module", "install_hint"]

CATALOGUE: dict[tuple[str, str], str] = {
    ("dialect", "wsp"): "htp-dialect-wsp",
    ("dialect", "csp"): "htp-dialect-csp",
    ("facet", "axe"): "htp-layout-axe",
    ("facet", "arknife"): "htp-layout-arknife",
    ("backend", "cpu"): "htp-backend-cpu",
    ("backend", "pto"): "htp-backend-pto",
    ("backend", "aie"): "htp-backend-aie",
    ("backend", "nvgpu"): "htp-backend-nvgpu",
    ("intrinsic", "pto"): "htp-backend-pto",
    ("intrinsic", "aie"): "htp-backend-aie",
}
"""Distributions by the kind of thing and its name; intrinsics go by their set."""


def distribution_of(kind: str, name: str) -> str | None:
    """The distribution that brings a dialect, facet, backend or intrinsic; a fact goes by its namespace.

    >>> distribution_of("intrinsic", "pto.add"), distribution_of("fact", "csp.ChannelsBounded")
    ('htp-backend-pto', 'htp-dialect-csp')
    """
    owner = name.partition(".")[0]
    if kind == "fact":
        return next((found for (_, known), found in CATALOGUE.items() if known == owner != name), None)
    return CATALOGUE.get((kind, owner))


def distribution_of_module(module: str) -> str | None:
    """The distribution that a module is imported from.

    >>> distribution_of_module("htp_dialect_csp.channels")
    'htp-dialect-csp'
    """
    name = module.partition(".")[0].replace("_", "-")
    return name if name in CATALOGUE.values() else None


def install_hint(distribution: str) -> str:
    """The command that installs a distribution."""
    return f"pip install {distribution}"
