"""One loop body from elements to lanes: which expressions vary along the loop, and how they are spelled as slices.

Knows one body; `vectorize.py` knows loops.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import Expr, parse, sym
from htp.foreign import intrinsic_called
from htp.lowering.build import annotated, call, expression, stored, subscript
from htp.names import DTYPES
from htp.program import origin_of, stamp
from htp.types import dtype_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp.types import DType

# Calls that take a whole row and give one scalar.
ROWS = ("argmax_row", "argmin_row")
MAXIMUM = {"maximum": "max", "minimum": "min"}
JOINING: dict[type[ast.operator], str] = {ast.Add: "sum", ast.Mult: "prod", ast.BitOr: "any", ast.BitAnd: "all"}


class Scalar(Exception):
    """The body does not fit lanes; the loop stays as it is."""


class Lanes:
    """Rewrites the statements of one loop over `column` for `width` lanes, of which `lanes` are in use."""

    def __init__(
        self, column: str, lanes: str, width: int, fresh: Callable[[str], str], scalars: Mapping[str, DType]
    ) -> None:
        self.scalars = scalars
        self.column = column
        self.lanes = lanes
        self.width = width
        self.fresh = fresh
        self.varying: set[str] = set()
        self.totals: list[tuple[str, str, DType]] = []
        self.lanes_of: dict[str, str] = {}
        self.loaded: list[tuple[str, tuple[Expr | str, ...]]] = []
        self.written: list[tuple[str, tuple[Expr | str, ...]]] = []
        self.read_names: set[str] = set()

    def fits(self) -> bool:
        """Whether running whole strips keeps every dependence, and there is something to run in lanes."""
        for root, index in self.written:
            if any(other == root and at != index for other, at in (*self.loaded, *self.written)):
                return False
        if any(name in self.read_names for name, _, _ in self.totals):
            return False
        return bool(self.written or self.totals)

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statement in lanes."""
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value is not None
        ):
            new = self.local(statement, statement.target.id, statement.value)
        elif isinstance(statement, ast.Assign) and intrinsic_called(statement.value) is not None:
            raise Scalar  # a handler takes and gives whole slices
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
            new = self.store(statement.targets[0], statement.value)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            new = self.total(statement.targets[0].id, statement.value)
        else:
            raise Scalar
        return [stamp(new, origin_of(statement))]

    def local(self, statement: ast.AnnAssign, name: str, value: ast.expr) -> ast.stmt:
        """A new scalar: a vector of lanes where it varies."""
        new, varies = self.expression(value)
        if not varies:
            return ast.AnnAssign(statement.target, statement.annotation, new, 1)
        dtype = _scalar_dtype(statement.annotation)
        self.varying.add(name)
        return annotated(name, f"Tile[{dtype}, {self.width}]", new)

    def store(self, target: ast.Subscript, value: ast.expr) -> ast.stmt:
        """A store of one element: a store of a strip."""
        where, varies, index = self.place(target)
        if not varies or any(isinstance(each, str) for each in index):
            raise Scalar
        self.written.append((ast.unparse(target.value), index))
        new, _ = self.expression(value)
        return stored(subscript(ast.unparse(target.value), where, store=True), new)

    def total(self, name: str, value: ast.expr) -> ast.stmt:
        """A reduction: `name = name + e` and its relatives."""
        how, element = _update(name, value)
        new, varies = self.expression(element)
        dtype = self.scalars.get(name)
        if not varies or dtype is None or name in self.lanes_of:
            raise Scalar
        register = self.fresh(f"{name}_lanes")
        self.totals.append((name, how, dtype))
        self.lanes_of[name] = register
        part = subscript(register, [ast.Slice(None, ast.Name(self.lanes, ast.Load()))])
        combined = _joined(value, part, new)
        return stored(subscript(register, [ast.Slice(None, ast.Name(self.lanes, ast.Load()))], store=True), combined)

    # expressions ------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> tuple[ast.expr, bool]:
        """The expression in lanes, and whether it varies along the loop."""
        if isinstance(node, ast.Constant):
            return node, False
        if isinstance(node, ast.Name):
            if node.id == self.column:
                raise Scalar
            self.read_names.add(node.id)
            return node, node.id in self.varying
        if isinstance(node, ast.Subscript):
            return self.load(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.BinOp):
            (left, a), (right, b) = self.expression(node.left), self.expression(node.right)
            return ast.BinOp(left, node.op, right), a or b
        if isinstance(node, ast.UnaryOp):
            operand, varies = self.expression(node.operand)
            return ast.UnaryOp(node.op, operand), varies
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            (left, a), (right, b) = self.expression(node.left), self.expression(node.comparators[0])
            return ast.Compare(left, node.ops, [right]), a or b
        if self.column in {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
            raise Scalar
        return node, False

    def call(self, node: ast.Call) -> tuple[ast.expr, bool]:
        """A call in lanes."""
        if isinstance(node.func, ast.Name) and node.func.id in DTYPES:
            return self.constant(node, node.func.id)
        if isinstance(node.func, ast.Name) and node.func.id in ROWS:
            raise Scalar
        arguments = [self.expression(each) for each in node.args]
        varies = any(each for _, each in arguments)
        return ast.Call(node.func, [each for each, _ in arguments], node.keywords), varies

    def constant(self, node: ast.Call, dtype: str) -> tuple[ast.expr, bool]:
        """`f32(0.5)`, or a position as a value: `i32(c + 4)` is `iota(c + 4, n, i32)`."""
        slope, at = self.slope(node.args[0])
        if slope == 0:
            return node, False
        if slope != 1 or at is None:
            raise Scalar
        return call("iota", at, self.lanes, dtype), True

    def load(self, node: ast.Subscript) -> tuple[ast.expr, bool]:
        """A load of one element: a load of a strip, or of positions."""
        where, varies, index = self.place(node)
        self.loaded.append((ast.unparse(node.value), index))
        return subscript(ast.unparse(node.value), where), varies

    def place(self, node: ast.Subscript) -> tuple[list[ast.expr], bool, tuple[Expr | str, ...]]:
        """The index in lanes: one part that advances by one is a slice, or one part is a vector of positions."""
        parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        where: list[ast.expr] = []
        index: list[Expr | str] = []
        moving = 0
        for part in parts:
            if isinstance(part, ast.Name) and part.id in self.varying:
                moving += 1
                where.append(part)
                index.append(part.id)
                continue
            slope, at = self.slope(part)
            if slope not in (0, 1):
                raise Scalar
            moving += slope
            index.append(at if at is not None else ast.unparse(part))
            where.append(self.strip(at) if slope and at is not None else part)
        if moving > 1:
            raise Scalar
        return where, moving == 1, tuple(index)

    def strip(self, at: Expr) -> ast.Slice:
        """`at:at + n`."""
        return ast.Slice(expression(at), ast.BinOp(expression(at), ast.Add(), ast.Name(self.lanes, ast.Load())))

    def slope(self, node: ast.expr) -> tuple[int, Expr | None]:
        """By how much an integer expression grows with the column; the expression itself where it is one."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if self.column not in names:
            if names & self.varying:
                raise Scalar
            try:
                return 0, parse(ast.unparse(node))
            except Refused:
                return 0, None
        try:
            at = parse(ast.unparse(node))
        except Refused:
            raise Scalar from None
        grown = (at.substitute({self.column: sym(self.column) + 1}) - at).constant
        if grown is None:
            raise Scalar
        return grown, at


def _joined(value: ast.expr, part: ast.expr, element: ast.expr) -> ast.expr:
    """The update `total + e` or `tile.maximum(total, e)` with the lanes of both."""
    if isinstance(value, ast.BinOp):
        return ast.BinOp(part, value.op, element)
    if isinstance(value, ast.Call):
        return ast.Call(value.func, [part, element], [])
    raise Scalar


def _update(name: str, value: ast.expr) -> tuple[str, ast.expr]:
    """The kind of reduction and the element that joins; anything else cannot run in lanes."""
    if isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name) and value.left.id == name:
        how = JOINING.get(type(value.op))
        if how is not None:
            return how, value.right
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and len(value.args) == 2:
        how = MAXIMUM.get(value.func.attr)
        if how is not None and isinstance(value.args[0], ast.Name) and value.args[0].id == name:
            return how, value.args[1]
    raise Scalar


def _scalar_dtype(annotation: ast.expr) -> str:
    if (
        isinstance(annotation, ast.Subscript)
        and isinstance(annotation.slice, ast.Name)
        and dtype_named(annotation.slice.id)
    ):
        return annotation.slice.id
    raise Scalar
