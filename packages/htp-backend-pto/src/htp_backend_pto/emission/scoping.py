"""Where the scalars of a routine are declared in C++: at their first statement, or ahead of everything.

Knows blocks and the order of the text; does not know what scalars hold beyond integers, floats and truth values.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.types import dtype_named
from htp_backend_pto.emission.scalars import kind_of
from htp_backend_pto.emission.sites import called, changing_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_backend_pto.emission.scalars import Kind

__all__ = ["Placement", "placement_of"]

Path = tuple[int, ...]
"""The blocks around a statement, from the outermost in."""
Occurrence = tuple[Path, "ast.stmt | None"]


@dataclass(frozen=True)
class Placement:
    """Scalars that are declared `here`, by the statement that gives them their first value, and those `ahead`.

    `constant` ones get one value; `changing` ones may get several; `outlived` are names that count loops and are used
    behind them. `kinds` are what annotations say.
    """

    here: dict[str, ast.stmt]
    ahead: dict[str, Kind]
    constant: frozenset[str]
    changing: frozenset[str]
    outlived: frozenset[str]
    kinds: dict[str, Kind]


@dataclass
class _Walk:
    """Every occurrence of a name: the blocks around it, and the statement if it gives a value."""

    found: dict[str, list[Occurrence]] = field(default_factory=dict[str, "list[Occurrence]"])
    counted: dict[str, list[Path]] = field(default_factory=dict[str, "list[Path]"])
    kinds: dict[str, Kind] = field(default_factory=dict[str, "Kind"])
    guessed: dict[str, Kind] = field(default_factory=dict[str, "Kind"])
    blocks: int = 0

    def block(self, body: Sequence[ast.stmt], path: Path) -> Path:
        self.blocks += 1
        own = (*path, self.blocks)
        for each in body:
            self.statement(each, own)
        return own

    def statement(self, node: ast.stmt, path: Path) -> None:
        match node:
            case ast.For(target=ast.Name(id=name)):
                self.loads(node.iter, path)
                self.counted.setdefault(name, []).append(self.block(node.body, path))
            case ast.While() | ast.If():
                self.loads(node.test, path)
                self.block(node.body, path)
                if node.orelse:
                    self.block(node.orelse, path)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if called(value) != "empty":
                self.stored(name, value, node, path)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value, annotation=annotation):
                kind = _annotated(annotation)
                if kind is not None:
                    self.kinds.setdefault(name, kind)
                self.stored(name, value, node, path)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                self.found.setdefault(name, []).append((path, None))
                self.stored(name, value, node, path)
            case _:
                self.loads(node, path)

    def stored(self, name: str, value: ast.expr, node: ast.stmt, path: Path) -> None:
        self.loads(value, path)
        self.found.setdefault(name, []).append((path, node))
        self.guessed.setdefault(name, _guessed(value))

    def loads(self, node: ast.AST, path: Path) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                self.found.setdefault(each.id, []).append((path, None))


def placement_of(body: Sequence[ast.stmt]) -> Placement:
    """Where each scalar of a routine's statements is declared."""
    walk = _Walk()
    walk.block(body, ())
    here: dict[str, ast.stmt] = {}
    ahead: dict[str, Kind] = {}
    constant: set[str] = set()
    for name, occurrences in walk.found.items():
        stores = [statement for _, statement in occurrences if statement is not None]
        if not stores:
            continue
        path, first = occurrences[0]
        if first is not None and all(other[: len(path)] == path for other, _ in occurrences):
            here[name] = first
            if len(stores) == 1:
                constant.add(name)
        else:
            ahead[name] = walk.kinds.get(name) or walk.guessed[name]
    outlived = {name for name, blocks in walk.counted.items() if name not in here and _outlives(walk, name, blocks)}
    return Placement(here, ahead, frozenset(constant), changing_names(body), frozenset(outlived), walk.kinds)


def _outlives(walk: _Walk, name: str, blocks: list[Path]) -> bool:
    return any(not any(path[: len(block)] == block for block in blocks) for path, _ in walk.found.get(name, ()))


def _annotated(annotation: ast.expr) -> Kind | None:
    match annotation:
        case ast.Name(id=dtype) | ast.Subscript(value=ast.Name(id="Scalar"), slice=ast.Name(id=dtype)):
            return kind_of(dtype) if dtype_named(dtype) is not None else None
        case _:
            return None


def _guessed(value: ast.expr) -> Kind:
    """What an expression without an annotation holds: sizes are integers, and what is divided is not."""
    if isinstance(value, ast.Compare | ast.BoolOp) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    ):
        return "bool"
    nodes = list(ast.walk(value))
    floats = any(isinstance(each, ast.Constant) and isinstance(each.value, float) for each in nodes)
    return "float" if floats or any(isinstance(each, ast.Div) for each in nodes) else "int"
