"""What the source files of a package import. Knows syntax; does not know who may import what."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["foreign_imports", "private_imports", "sources"]

CLOSED = ("htp.builtin", "htp.cli")
"""Modules of core that are for core alone, beside those whose name begins with `_`."""


def sources(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file of a package with its syntax."""
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(folder.parent)), ast.parse(path.read_bytes())


def private_imports(tree: ast.Module) -> Iterator[str]:
    """The modules and names of core that a file imports though they are not public."""
    for each in _imported(tree):
        parts = each.split(".")
        if parts[0] != "htp":
            continue
        private = any(part.startswith("_") and not part.startswith("__") for part in parts)
        if private or any(each == closed or each.startswith(f"{closed}.") for closed in CLOSED):
            yield each


def foreign_imports(tree: ast.Module, lent: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The modules of other plugins that a file imports though they are not `lent`."""
    for each in _modules(tree):
        package = each.partition(".")[0]
        if package in lent and each not in lent[package]:
            yield each


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every module, and every name imported from one, with dots."""
    yield from _modules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{each.name}" for each in node.names)
