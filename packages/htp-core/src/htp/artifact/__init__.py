"""Packages: what every compile leaves, how it is sealed, published and opened.

Each name is loaded when it is first used: every command reads a record or two, and few publish.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.artifact.manifest import Manifest
    from htp.artifact.publish import publish_package
    from htp.artifact.read import Package, open_package

__all__ = ["Manifest", "Package", "open_package", "publish_package"]

_HOME = {"Manifest": "manifest", "Package": "read", "open_package": "read", "publish_package": "publish"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'htp.artifact' has no attribute {name!r}")
    value = getattr(import_module(f"htp.artifact.{_HOME[name]}"), name)
    globals()[name] = value
    return value
