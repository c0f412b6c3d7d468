"""What the parts of the engine need of each other.

Knows only signatures; the parts are in `operations.py`, `calls.py`, `expressions.py` and `engine.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

    from htp.diagnostics import Refused
    from htp.dims import Expr, Facts
    from htp.infer.shapes import Mismatch
    from htp.infer.state import Inference
    from htp.infer.values import Box, Known, Region, Value
    from htp.program import Function, Node, Program
    from htp.types import DType


class Core:
    """State and services of the engine."""

    program: Program
    function: Function
    result: Inference
    environment: dict[str, Known]
    facts: Facts
    found: dict[int, Known]
    lost: dict[str, str]
    clip_symbols: dict[tuple[Expr, Expr], str]
    clip_indices: dict[Expr, list[tuple[Expr, Expr]]]
    items: dict[tuple[str, Box], str]
    sizes_given: frozenset[str]
    naming: tuple[int, str] | None
    loops: tuple[str, ...]
    conditional: bool

    def expression(self, node: ast.expr) -> Known:
        """What is known of `node`."""
        raise NotImplementedError

    def index(self, node: ast.expr) -> Expr:
        """The value of an integer expression."""
        raise NotImplementedError

    def tile(self, node: ast.expr) -> Value:
        """The tile an expression gives."""
        raise NotImplementedError

    def as_tile(self, node: ast.expr, known: Known) -> Value:
        """The tile of what is known of `node`."""
        raise NotImplementedError

    def assume(self, test: ast.expr, facts: Facts, *, holds: bool = True) -> Facts:
        """The facts plus what a condition being true (or false) says of sizes."""
        raise NotImplementedError

    def access(self, region: Region, node: ast.AST, *, writes: bool) -> None:
        """Records a read or write of memory."""
        raise NotImplementedError

    def scalar_of(self, dtype: DType, name: str) -> Known:
        """A run-time scalar as Python sees it."""
        raise NotImplementedError

    def fresh(self, name: str, node: ast.expr | None = None) -> str:
        """A symbol for an integer that is no expression of others, called as the variable `node` is assigned to."""
        raise NotImplementedError

    def refused(self, node: ast.AST, code: str, message: str, help: str = "") -> Refused:
        """The refusal at the place of `node`."""
        raise NotImplementedError

    def mismatched(self, node: ast.AST, mismatch: Mismatch) -> Refused:
        """The refusal of sizes that do not fit."""
        raise NotImplementedError

    def compared(self, node: ast.AST, mismatch: Mismatch) -> bool:
        """Whether it is sizes of tokens that could not be proved equal: they are compared when the program runs."""
        raise NotImplementedError

    def made(self, old: ast.AST, new: Node) -> Node:
        """`new` at the place of `old`."""
        new.origin = getattr(old, "origin", None)  # type: ignore[attr-defined]
        return new
