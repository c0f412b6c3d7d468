"""Which distribution provides what: the names HTP's own packages are known by, for help lines only.

Knows names; imports none of the packages.
"""

from __future__ import annotations

__all__ = ["BACKENDS", "DIALECTS", "FACETS", "install_hint"]

BACKENDS = {"cpu": "htp-backend-cpu", "pto": "htp-backend-pto", "aie": "htp-backend-aie", "nvgpu": "htp-backend-nvgpu"}
DIALECTS = {"wsp": "htp-dialect-wsp", "csp": "htp-dialect-csp"}
FACETS = {"axe": "htp-layout-axe", "arknife": "htp-layout-arknife"}


def install_hint(distribution: str) -> str:
    """The command that installs a distribution."""
    return f"pip install {distribution}"
