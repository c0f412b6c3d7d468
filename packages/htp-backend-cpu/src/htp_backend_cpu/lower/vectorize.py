"""The pass that turns innermost loops over elements into strips of whole vectors.

Knows which accesses are contiguous and which updates are reductions; does not know instructions.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Loops, OpUse, Vectorized
from htp.diagnostics import Refused
from htp.independence import is_range
from htp.lowering.build import annotated, assigned, call, stored, subscript
from htp.names import RESERVED
from htp.passes import Contract, Pass
from htp.program import origin_of, stamp
from htp.types import dtype_named
from htp_backend_cpu.lower.combining import initial
from htp_backend_cpu.lower.lanes import Lanes, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program
    from htp.types import DType

WIDTHS = (4, 8, 16, 32, 64)
"""Lane counts the native runtime has vectors for: powers of two, at most 64 as in `lane_mask`."""

# Loops of known, smaller extent stay scalar: a strip would be mostly empty.
SHORTEST = 4


@dataclass(frozen=True)
class Vectorize(Pass):
    """Innermost loops run over strips of `width` lanes."""

    width: int = 16

    name = "cpu.vectorize"

    def __post_init__(self) -> None:
        """Refuses a width there are no vectors for."""
        if self.width not in WIDTHS:
            raise Refused(
                "plan.bad-option",
                f"option `width` of pass `{self.name}` cannot be {self.width}",
                help=f"write one of {', '.join(map(str, WIDTHS))}",
            )

    @property
    def contract(self) -> Contract:
        """Loops stay loops; the width is part of the promise, and lanes are brought together by `tile` operations."""
        return Contract(
            requires=(Loops(),), provides=(Vectorized(width=self.width),), may_introduce=(OpUse("tile.*"),)
        )

    def apply(self, program: Program) -> Program:
        """The program in strips."""
        return program.replace(*(_Vectorizer(each, self.width).function() for each in program.functions))


class _Vectorizer:
    def __init__(self, function: Function, width: int) -> None:
        self.source = function
        self.width = width
        self.taken = {node.id for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)}
        self.scalars = _scalars(function)
        self.taken |= set(RESERVED) | {each.name for each in function.params}

    def function(self) -> Function:
        return replace(self.source, body=tuple(self.block(self.source.body)))

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [new for each in statements for new in self.statement(each)]

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.For):
            strips = self.strips(statement) if is_range(statement) and _is_innermost(statement) else None
            if strips is not None:
                return strips
            new: ast.stmt = ast.For(statement.target, statement.iter, self.block(statement.body), [], lineno=0)
        elif isinstance(statement, ast.While):
            new = ast.While(statement.test, self.block(statement.body), [])
        elif isinstance(statement, ast.If):
            new = ast.If(statement.test, self.block(statement.body), self.block(statement.orelse))
        else:
            return [statement]
        return [stamp(new, origin_of(statement))]

    def fresh(self, base: str) -> str:
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}{number}"
        self.taken.add(name)
        return name

    def strips(self, loop: ast.For) -> list[ast.stmt] | None:
        """The loop over strips, or None where its body does not fit lanes."""
        header = loop.iter.args if isinstance(loop.iter, ast.Call) else []
        if len(header) > 2 or not isinstance(loop.target, ast.Name) or _short(header):
            return None
        lanes = self.fresh("n")
        body = Lanes(loop.target.id, lanes, self.width, self.fresh, self.scalars)
        try:
            inner = [new for each in loop.body for new in body.statement(each)]
        except Scalar:
            self.taken.discard(lanes)
            return None
        if not body.fits():
            return None
        place = origin_of(loop)
        target = ast.Tuple([ast.Name(loop.target.id, ast.Store()), ast.Name(lanes, ast.Store())], ast.Store())
        strips = ast.For(target, call("strips", *header, self.width), inner, [], lineno=0)
        before = [new for name, how, dtype in body.totals for new in self.opened(body.lanes_of[name], how, dtype)]
        behind = [_closed(name, body.lanes_of[name], how) for name, how, _ in body.totals]
        return [stamp(each, place) for each in (*before, strips, *behind)]

    def opened(self, register: str, how: str, dtype: DType) -> list[ast.stmt]:
        """A register that starts at the neutral element in every lane."""
        alloc = call(
            "alloc", ast.Tuple([ast.Constant(self.width)], ast.Load()), dtype.name, space=ast.Constant("register")
        )
        return [
            annotated(register, f"Tile[{dtype.name}, {self.width}]", alloc),
            stored(subscript(register, [ast.Slice()], store=True), initial(how, dtype)),
        ]


def _scalars(function: Function) -> dict[str, DType]:
    """Typed scalar variables with their dtypes."""
    found: dict[str, DType] = {}
    for node in (node for each in function.body for node in ast.walk(each)):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.annotation, ast.Subscript)
        ):
            dtype = dtype_named(ast.unparse(node.annotation.slice))
            if dtype is not None and ast.unparse(node.annotation.value) == "Scalar":
                found[node.target.id] = dtype
    return found


def _closed(name: str, register: str, how: str) -> ast.stmt:
    """The running total joined with what the lanes gathered."""
    across = call(f"tile.{how}", register)
    if how in ("max", "min"):
        return assigned(name, call(f"tile.{how}imum", name, across))
    operator = {"sum": ast.Add(), "prod": ast.Mult(), "any": ast.BitOr(), "all": ast.BitAnd()}[how]
    return assigned(name, ast.BinOp(ast.Name(name, ast.Load()), operator, across))


def _is_innermost(loop: ast.For) -> bool:
    return all(isinstance(each, ast.AnnAssign | ast.Assign) for each in loop.body)


def _short(header: list[ast.expr]) -> bool:
    return len(header) == 1 and isinstance(header[0], ast.Constant) and header[0].value < SHORTEST  # type: ignore[operator]
