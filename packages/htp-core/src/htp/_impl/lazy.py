"""Modules that are imported when first used, so that `import htp` stays quick. Knows nothing of what they hold."""

from __future__ import annotations

import importlib


class LazyModule:
    """Stands for the module `name` and imports it when an attribute is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        found: object = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found
