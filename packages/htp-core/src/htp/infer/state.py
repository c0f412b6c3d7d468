"""What inference has learnt: a type for every expression, the accesses, and the facts in force at each statement.

Knows results only; `engine.py` finds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.dims import Facts

if TYPE_CHECKING:
    import ast

    from htp._impl.signatures import Choice
    from htp.dims import Expr
    from htp.infer.values import Access, Known

    Operation = tuple[str, dict[str, ast.expr]]
    Sliced = tuple[list[Expr], list[Expr], list[bool], tuple[Expr, ...]]


# Separates a variable from the number of the unknown value it has; no user name may contain it.
VERSION = "__v"


@dataclass
class Inference:
    """The result of inferring one function.

    `entries` and `exits` name, per compound statement, the symbol that stands for an integer variable's value at the
    head of its body and behind it, where the value is no expression of what was known before. `combined` holds what
    an augmented assignment computes; `clips` the bound and the size behind a slice bound whose sign is not known;
    `divisors` divisions by what may be zero; `slices` starts, extents and keptness of slices of tiles; `operations`
    name and arguments of calls of `htp.tile` and of intrinsics; `intrinsics` what the call of an intrinsic chooses;
    `axes` the axes an operation works along, by its tile operand; `roots` the sizes of every tensor in
    memory; `token_sizes` the axis of the token whose size a symbol is; `received` the buffers that were received;
    `checks` sizes, per expression, that are equal or else the run ends, with what is said then.
    """

    types: dict[int, Known] = field(default_factory=dict[int, "Known"])
    facts: dict[int, Facts] = field(default_factory=dict[int, "Facts"])
    accesses: list[Access] = field(default_factory=list["Access"])
    calls: dict[int, str] = field(default_factory=dict[int, str])
    entries: dict[int, dict[str, str]] = field(default_factory=dict[int, dict[str, str]])
    exits: dict[int, dict[str, str]] = field(default_factory=dict[int, dict[str, str]])
    combined: dict[int, ast.expr] = field(default_factory=dict[int, "ast.expr"])
    clips: dict[str, tuple[Expr, Expr]] = field(default_factory=dict[str, "tuple[Expr, Expr]"])
    divisors: set[int] = field(default_factory=set[int])
    slices: dict[int, Sliced] = field(default_factory=dict[int, "Sliced"])
    operations: dict[int, tuple[str, dict[str, ast.expr]]] = field(
        default_factory=dict[int, "tuple[str, dict[str, ast.expr]]"]
    )
    intrinsics: dict[int, Choice] = field(default_factory=dict[int, "Choice"])
    axes: dict[int, tuple[int, ...]] = field(default_factory=dict[int, "tuple[int, ...]"])
    roots: dict[str, tuple[Expr, ...]] = field(default_factory=dict[str, "tuple[Expr, ...]"])
    token_sizes: dict[str, int] = field(default_factory=dict[str, int])
    received: set[str] = field(default_factory=set[str])
    checks: dict[int, list[tuple[Expr, Expr, str]]] = field(default_factory=dict[int, "list[tuple[Expr, Expr, str]]"])
    last: Facts = field(default_factory=Facts)
    keep: list[object] = field(default_factory=list[object])
    result: Known | None = None

    def of(self, node: ast.AST) -> Known:
        """What is known of an expression of the inferred function."""
        return self.types[id(node)]

    def facts_at(self, statement: ast.AST) -> Facts:
        """The facts in force before a statement."""
        return self.facts[id(statement)]
