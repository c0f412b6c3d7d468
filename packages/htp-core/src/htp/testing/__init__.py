"""The conformance kit: one class for each kind of extension, which an author subclasses and names a subject.

`class TestMine(PassConformance): subject = MyPass()` is a whole test file. Each `test_*` method checks one law and
says, where it is broken, what offends it and how to mend it. Runs under pytest and as `htp conform NAME`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.testing.backend import BackendConformance
    from htp.testing.binding import BindingConformance
    from htp.testing.dialect import DialectConformance
    from htp.testing.facet import FacetConformance
    from htp.testing.intrinsic import IntrinsicConformance
    from htp.testing.law import Broken, Conformance, Undeclared
    from htp.testing.passes import PassConformance
    from htp.testing.plugins import PluginConformance
    from htp.testing.programs import Sample

__all__ = [
    "BackendConformance",
    "BindingConformance",
    "Broken",
    "Conformance",
    "DialectConformance",
    "FacetConformance",
    "IntrinsicConformance",
    "PassConformance",
    "PluginConformance",
    "Sample",
    "Undeclared",
]

_HOMES = {
    "BackendConformance": "backend",
    "BindingConformance": "binding",
    "Broken": "law",
    "Conformance": "law",
    "DialectConformance": "dialect",
    "FacetConformance": "facet",
    "IntrinsicConformance": "intrinsic",
    "PassConformance": "passes",
    "PluginConformance": "plugins",
    "Sample": "programs",
    "Undeclared": "law",
}


def __getattr__(name: str) -> object:
    """Loads a class when it is first asked for: pytest imports this package at every start."""
    if name not in _HOMES:
        raise AttributeError(f"module 'htp.testing' has no attribute {name!r}")
    value: object = getattr(import_module(f"htp.testing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
