"""Rebuilding Python trees without changing them in place, and keeping the record of what was rewritten.

Knows nothing of rules or passes; both are written on top of it.
"""

from __future__ import annotations

import ast
import copy
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from htp.diagnostics import Bug, Diagnostic, Span
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Match", "Recorder", "Rewriter", "record_match", "recording", "warn", "with_origin"]

_Node = TypeVar("_Node", bound=ast.AST)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One application of one rule: where, and the text before and after."""

    rule: str
    span: Span | None = None
    before: str = ""
    after: str = ""


class Recorder:
    """Collects the matches and warnings of one step; `limit` stops applying after that many matches.

    The limit serves to find a wrong rewrite.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.matches: list[Match] = []
        self.warnings: list[Diagnostic] = []

    def record(self, match: Match) -> bool:
        """Notes the match and says whether it may be applied."""
        if self.limit is not None and len(self.matches) >= self.limit:
            return False
        self.matches.append(match)
        return True


_RECORDER: ContextVar[Recorder | None] = ContextVar("htp_recorder", default=None)


@contextmanager
def recording(limit: int | None = None) -> Generator[Recorder]:
    """Collects every match recorded inside the `with` block."""
    recorder = Recorder(limit)
    token = _RECORDER.set(recorder)
    try:
        yield recorder
    finally:
        _RECORDER.reset(token)


def record_match(rule: str, node: ast.AST, replacement: ast.AST | None = None) -> bool:
    """Records that `rule` is about to replace `node`; says whether it may.

    A pass that rewrites without `@rewrite` rules calls this for each change it makes, so that the trace shows the
    change and bisection can stop before it.
    """
    recorder = _RECORDER.get()
    if recorder is None:
        return True
    after = "" if replacement is None else ast.unparse(replacement)
    return recorder.record(Match(rule=rule, span=origin_of(node), before=ast.unparse(node), after=after))


def warn(*diagnostics: Diagnostic) -> None:
    """Adds warnings and notes of the running pass to what the compilation says; strict compilations refuse warnings."""
    recorder = _RECORDER.get()
    if recorder is not None:
        recorder.warnings.extend(diagnostics)


def with_origin(node: _Node, source: ast.AST) -> _Node:
    """Gives `node`, and every new node under it, the place of `source` where it has none of its own; returns it."""
    origin = origin_of(source)
    for each in ast.walk(node):
        if origin is not None and origin_of(each) is None:
            each.origin = origin  # pyright: ignore[reportAttributeAccessIssue]
        if "lineno" in each._attributes and getattr(each, "lineno", None) is None:
            ast.copy_location(each, source)
    return node


class Rewriter:
    """A tree visitor in the manner of `ast.NodeTransformer` that never changes a node it was given.

    Subclasses define `visit_BinOp(self, node)` and so on, returning the node, another node, a list of statements, or
    `None` to remove a statement. `generic_visit` rebuilds a node only when something under it changed, so unchanged
    trees keep their identity. New nodes inherit the origin of the node they replace.
    """

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt] | None:
        """Rewrites one node by the method named after its class."""
        method = getattr(self, f"visit_{type(node).__name__}", self.generic_visit)
        result: object = method(node)
        if result is node or result is None:
            return node if result is node else None
        if isinstance(result, ast.AST):
            return with_origin(result, node)
        if isinstance(result, list):
            return [with_origin(_statement(each), node) for each in cast("list[object]", result)]
        raise Bug(f"{type(self).__name__}.visit_{type(node).__name__} returned {result!r}")

    def generic_visit(self, node: _Node) -> _Node:
        """Rewrites what lies under `node`."""
        changed: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                new = self.visit(value)
                if isinstance(new, list):
                    raise Bug(f"a list of statements cannot stand in {type(node).__name__}.{name}")
                if new is not value:
                    changed[name] = new
            elif isinstance(value, list):
                old = cast("list[object]", value)
                items = self._items(old)
                if len(items) != len(old) or any(a is not b for a, b in zip(items, old, strict=True)):
                    changed[name] = items
        if not changed:
            return node
        rebuilt = copy.copy(node)
        for name, value in changed.items():
            setattr(rebuilt, name, value)
        return rebuilt

    def expression(self, node: ast.expr) -> ast.expr:
        """Rewrites an expression into another one."""
        new = self.visit(node)
        if not isinstance(new, ast.expr):
            raise Bug(f"an expression must stay one: `{ast.unparse(node)}` became {new!r}")
        return new

    def statements(self, body: tuple[ast.stmt, ...] | list[ast.stmt]) -> list[ast.stmt]:
        """Rewrites a body of statements."""
        return [_statement(each) for each in self._items(list(body))]

    def _items(self, old: list[object] | list[ast.stmt]) -> list[object]:
        items: list[object] = []
        for each in old:
            new = self.visit(each) if isinstance(each, ast.AST) else each
            if isinstance(new, list):
                items.extend(cast("list[object]", new))
            elif new is not None or each is None:
                items.append(new)
        return items


def _statement(node: object) -> ast.stmt:
    if not isinstance(node, ast.stmt):
        raise Bug(f"a body must hold statements, not {node!r}")
    return node
