"""Arguments of tile operations: bound by name, and read as tiles, dtypes, shapes, axes, flags and texts.

Knows what kinds of argument there are; does not know what an operation does with them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.infer import shapes
from htp.infer.operators import Operators
from htp.infer.values import Group, Index, Number, Region, Text, Type, Value
from htp.types import bool_, i64

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.ops import Op
    from htp.types import DType


class Arguments(Operators):
    """The part of the engine that reads the arguments of operations."""

    def bind_arguments(self, node: ast.Call, op: Op, first: ast.expr | None) -> dict[str, ast.expr]:
        """Argument expressions by parameter name."""
        positional = [*([first] if first is not None else []), *node.args]
        names = [each.name for each in op.params]
        variadic = op.name in ("reshape", "transpose") and len(positional) > len(names)
        if op.params[-1].kind == "values":
            return dict(zip(names, positional, strict=False))
        if len(positional) > len(names) and not variadic:
            raise self.refused(
                node, "type.bad-arguments", f"`tile.{op.name}` takes {len(names)} arguments, not {len(positional)}"
            )
        bound = dict(zip(names, positional, strict=False))
        if variadic:
            bound[names[-1]] = self.made(node, ast.Tuple(positional[len(names) - 1 :], ast.Load()))
        for keyword in node.keywords:
            name = keyword.arg or ""
            if name not in names or name in bound:
                raise self.refused(
                    node,
                    "type.bad-arguments",
                    f"`tile.{op.name}` has no parameter `{name}`",
                    f"it takes {', '.join(names)}",
                )
            bound[name] = keyword.value
        for param in op.params:
            if param.required and param.name not in bound:
                raise self.refused(
                    node, "type.bad-arguments", f"`tile.{op.name}` needs `{param.name}`", f"it takes {', '.join(names)}"
                )
        return bound

    def tile_of(self, node: ast.expr, op: Op) -> Value:
        """The tile an operation takes, of a dtype it accepts."""
        known = self.expression(node)
        if not isinstance(known, Value | Region):
            raise self.refused(node, "type.not-a-tile", f"`tile.{op.name}` takes a tile, not {known}")
        value = self.as_tile(node, known)
        if value.dtype.kind not in op.dtypes:
            kinds = " or ".join(sorted(op.dtypes))
            raise self.refused(
                node,
                "type.bad-dtype",
                f"`tile.{op.name}` takes {kinds} tiles, not {value.dtype.name}",
                "cast first: `.astype(…)`",
            )
        return value

    def result_dtype(self, op: Op, dtype: DType) -> DType:
        """The dtype an operation gives for an operand of `dtype`."""
        named = {"bool": bool_, "i64": i64}.get(op.result)
        if named is not None:
            return named
        return i64 if op.name in ("sum", "prod", "cumsum") and dtype is bool_ else dtype

    def along(self, given: dict[str, ast.expr], value: Value, default: int = 0) -> int:
        """The one axis an operation works along, also kept in the result."""
        axis = self.axis(given.get("axis"), len(value.dims), default)
        self.result.axes[id(given["x"])] = (axis,)
        return axis

    def dtype(self, node: ast.expr) -> DType:
        """The dtype an argument names."""
        known = self.expression(node)
        if not isinstance(known, Type):
            raise self.refused(
                node, "type.bad-arguments", f"a dtype is needed here, not {known}", "use f32, i32, bool_, …"
            )
        return known.dtype

    def shape(self, node: ast.expr) -> tuple[Expr, ...]:
        """The shape an argument gives: a tuple of integers, or one integer."""
        known = self.expression(node)
        items = known.items if isinstance(known, Group) else (known,)
        sizes: list[Expr] = []
        for each in items:
            if not isinstance(each, Index):
                raise self.refused(
                    node,
                    "type.bad-arguments",
                    f"a shape is a tuple of integers, not {known}",
                    "write `(rows, columns)`",
                )
            sizes.append(each.value)
        return tuple(sizes)

    def axis(self, node: ast.expr | None, rank: int, default: int = 0) -> int:
        """One constant axis."""
        if node is None:
            return shapes.axis_of(rank, default)
        value = self.index(node).constant
        if value is None:
            raise self.refused(node, "type.bad-axis", "an axis is a constant", "write a number")
        return shapes.axis_of(rank, value)

    def axes(self, node: ast.expr | None, rank: int) -> tuple[int, ...] | None:
        """Constant axes; None means all."""
        if node is None or self.is_none(node):
            return None
        known = self.expression(node)
        items = known.items if isinstance(known, Group) else (known,)
        result: list[int] = []
        for each in items:
            value = each.value.constant if isinstance(each, Index) else None
            if value is None:
                raise self.refused(node, "type.bad-axis", "an axis is a constant", "write a number")
            result.append(shapes.axis_of(rank, value))
        if len(set(result)) != len(result):
            raise self.refused(node, "type.bad-axis", "an axis is named twice", "name each axis once")
        return tuple(result)

    def flag(self, node: ast.expr | None) -> bool:
        """A constant truth value; absent is False."""
        if node is None:
            return False
        known = self.expression(node)
        if isinstance(known, Number) and isinstance(known.constant, bool):
            return known.constant
        raise self.refused(node, "type.bad-arguments", "this argument is True or False", "write the literal")

    def text(self, node: ast.expr | None) -> str | None:
        """A string literal."""
        if node is None:
            return None
        known = self.expression(node)
        return known.text if isinstance(known, Text) else None

    def is_none(self, node: ast.expr) -> bool:
        """Whether an argument is the literal None."""
        return isinstance(node, ast.Constant) and node.value is None
