"""Types of calls: operations and methods, dtype constructors, scalar builtins, routine buffers, and other kernels.

Knows what may be called; the rule of each operation is in `operations.py`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const, maximum, minimum, sym
from htp.infer import shapes
from htp.infer.ends import is_process
from htp.infer.streams import Streams
from htp.infer.values import Box, Group, Index, Known, Number, Region, Text, Value
from htp.names import DTYPES, METHODS
from htp.program import origin_of
from htp.types import ScalarType, bool_

if TYPE_CHECKING:
    from htp.ops import Op
    from htp.program import Function
    from htp.types import DType, Param


class Calls(Streams):
    """The part of the engine that types calls."""

    def _type_call(self, node: ast.Call) -> Known:
        callee = node.func
        if isinstance(callee, ast.Attribute):
            if isinstance(callee.value, ast.Name) and callee.value.id == "tile":
                return self.operation(node, self._op(node, callee.attr))
            if (intrinsic := self.intrinsic_of(node)) is not None:
                return self.intrinsic(node, intrinsic)
            self.refuse_words(node)
            return self._method(node, callee)
        if not isinstance(callee, ast.Name):
            raise self.refused(node, "capture.unsupported-call", f"`{ast.unparse(callee)}` cannot be called")
        if (dtype := self.dtype_named(callee.id)) is not None:
            return self._typed_constant(node, dtype)
        if callee.id == "empty":
            return self._buffer(node)
        handler = getattr(self, f"_call_{callee.id}", None)
        if handler is not None:
            return handler(node)
        for function in self.program.functions:
            if function.name == callee.id:
                return self._kernel_call(node, function)
        self.refuse_words(node)
        raise self.refused(node, "capture.unsupported-call", f"`{callee.id}` cannot be called here")

    def _op(self, node: ast.AST, name: str) -> Op:
        from htp.ops import OPS

        for each in OPS:
            if each.name == name:
                return each
        raise self.refused(node, "capture.undefined-name", f"`tile` has no `{name}`")

    def _method(self, node: ast.Call, callee: ast.Attribute) -> Known:
        known = self.expression(callee.value)
        if not isinstance(known, Value | Region):
            raise self.refused(node, "type.bad-attribute", f"{known} has no method `{callee.attr}`")
        if callee.attr not in METHODS:
            hint = f"write `tile.{callee.attr}({ast.unparse(callee.value)}, …)`"
            raise self.refused(node, "type.bad-attribute", f"tiles have no method `{callee.attr}`", hint)
        name = "cast" if callee.attr == "astype" else callee.attr
        return self.operation(node, self._op(node, name), first=callee.value)

    def dtype_named(self, name: str) -> DType | None:
        """The dtype called `name`."""
        import htp.types

        return getattr(htp.types, name) if name in DTYPES else None

    def _typed_constant(self, node: ast.Call, dtype: DType) -> Known:
        if len(node.args) != 1 or node.keywords:
            raise self.refused(node, "type.bad-arguments", f"`{dtype.name}` takes one number")
        known = self.expression(node.args[0])
        if isinstance(known, Value | Region):
            raise self.refused(
                node, "type.dtype-mismatch", f"`{dtype.name}(…)` takes a Python number", f"use `.astype({dtype.name})`"
            )
        self.adapt_scalar(node.args[0], known, dtype)
        return Value(dtype, ())

    # scalars ----------------------------------------------------------------------------------------------------

    def _call_min(self, node: ast.Call) -> Known:
        return self._extreme(node, largest=False)

    def _call_max(self, node: ast.Call) -> Known:
        return self._extreme(node, largest=True)

    def _extreme(self, node: ast.Call, *, largest: bool) -> Known:
        known = [self.expression(each) for each in node.args]
        name = "max" if largest else "min"
        if len(known) < 2 or node.keywords:
            raise self.refused(
                node, "type.bad-arguments", f"`{name}` takes two or more scalars", f"use `tile.{name}` on tiles"
            )
        values = [each.value for each in known if isinstance(each, Index)]
        if len(values) == len(known):
            combined = maximum(*values) if largest else minimum(*values)
            return Index(self.facts.simplify(combined))
        for each, what in zip(node.args, known, strict=True):
            if not isinstance(what, Index | Number):
                raise self.refused(
                    each, "type.bad-operands", f"`{name}` takes scalars, not {what}", f"use `tile.{name}imum` on tiles"
                )
        return Number("float")

    def _call_abs(self, node: ast.Call) -> Known:
        known = self._one_scalar(node)
        return Index(maximum(known.value, -known.value)) if isinstance(known, Index) else Number("float")

    def _call_int(self, node: ast.Call) -> Known:
        known = self._one_scalar(node)
        return known if isinstance(known, Index) else Index(sym(self.fresh("n", node)))

    def _call_float(self, node: ast.Call) -> Known:
        if len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            if node.args[0].value.lstrip("+-").lower() not in ("inf", "infinity", "nan"):
                raise self.refused(node, "type.bad-arguments", f"{node.args[0].value!r} is not a number")
            return Number("float", float(node.args[0].value))
        self._one_scalar(node)
        return Number("float")

    def _call_bool(self, node: ast.Call) -> Known:
        self._one_scalar(node)
        return Number("bool")

    def _call_len(self, node: ast.Call) -> Known:
        if len(node.args) != 1:
            raise self.refused(node, "type.bad-arguments", "`len` takes one argument")
        known = self.expression(node.args[0])
        if isinstance(known, Group):
            return Index(const(len(known.items)))
        if isinstance(known, Value | Region) and known.dims:
            return Index(known.dims[0])
        raise self.refused(node, "type.bad-arguments", f"{known} has no length")

    def _call_clip_index(self, node: ast.Call) -> Known:
        if len(node.args) != 2:
            raise self.refused(node, "type.bad-arguments", "`clip_index` takes an index and an extent")
        bound, size = self.index(node.args[0]), self.index(node.args[1])
        symbol = sym(self.fresh("index", node))
        self.facts = self.facts.with_nonnegative(symbol).with_nonnegative(size - symbol)
        others = self.clip_indices.setdefault(size, [])
        for other in others:
            for low, high in ((other, (bound, symbol)), ((bound, symbol), other)):
                self.facts = shapes.clipped_width(self.facts, low, high)
        others.append((bound, symbol))
        return Index(symbol)

    def _one_scalar(self, node: ast.Call) -> Known:
        name = ast.unparse(node.func)
        if len(node.args) != 1 or node.keywords:
            raise self.refused(node, "type.bad-arguments", f"`{name}` takes one scalar")
        known = self.expression(node.args[0])
        if isinstance(known, Index | Number):
            return known
        hint = "use `tile.item(t)` first" if isinstance(known, Value | Region) else ""
        raise self.refused(node, "type.bad-operands", f"`{name}` takes a scalar, not {known}", hint)

    # memory and kernels -----------------------------------------------------------------------------------------

    def _buffer(self, node: ast.Call) -> Known:
        if self.function.kind != "routine" and not is_process(self.function):
            raise self.refused(
                node, "type.buffer-in-kernel", "`htp.empty` makes buffers of routines", "use `tile.zeros` in a kernel"
            )
        if len(node.args) != 2 or node.keywords:
            raise self.refused(node, "type.bad-arguments", "`htp.empty` takes a shape and a dtype")
        dims = self.shape(node.args[0])
        box = Box(tuple(const(0) for _ in dims), dims, tuple(True for _ in dims))
        return Region(self.dtype(node.args[1]), dims, "", box)

    def _kernel_call(self, node: ast.Call, function: Function) -> Known:
        self.declares(node, function)
        given = self._call_arguments(node, function)
        sizes: dict[str, Expr] = {}
        known = {param.name: self.expression(given[param.name]) for param in function.params}
        for param in function.params:
            self._bind_sizes(param, known[param.name], sizes)
        for param in function.params:
            self._pass(given[param.name], function, param, known[param.name], sizes)
        return Text(None)

    def _call_arguments(self, node: ast.Call, function: Function) -> dict[str, ast.expr]:
        names = [each.name for each in function.params]
        given = dict(zip(names, node.args, strict=False))
        for keyword in node.keywords:
            given[keyword.arg or ""] = keyword.value
        if len(node.args) > len(names) or set(given) != set(names) or len(node.args) + len(node.keywords) != len(names):
            raise self.refused(
                node,
                "type.bad-arguments",
                f"`{function.name}` takes ({', '.join(names)})",
                "pass one argument for each parameter",
            )
        return given

    def _bind_sizes(self, param: Param, known: Known, sizes: dict[str, Expr]) -> None:
        if param.type is None or (isinstance(param.type, ScalarType) and not param.is_end):
            if isinstance(known, Index):
                sizes.setdefault(param.name, known.value)
            return
        if isinstance(known, Value | Region) and not isinstance(param.type, ScalarType):
            for size, have in zip(param.type.dims, known.dims, strict=False):
                if size.constant is None and str(size) in size.symbols:
                    sizes.setdefault(str(size), have)

    def _pass(self, node: ast.expr, function: Function, param: Param, known: Known, sizes: dict[str, Expr]) -> None:
        if param.is_end:
            self.pass_end(node, function, param, known, sizes)
            return
        if param.type is None or isinstance(param.type, ScalarType):
            self._pass_scalar(node, function, param, known)
            return
        if self.opened is not None and isinstance(known, Value):
            raise self.refused(
                node, "type.bad-network", f"`{function.name}` is a process, and {known} is a value",
                "store it into a buffer made by `empty`, and pass that",
            )  # fmt: skip
        if not isinstance(known, Value | Region):
            raise self.refused(
                node, "type.not-a-tile", f"`{function.name}` wants {param.type} for `{param.name}`, not {known}"
            )
        if known.dtype is not param.type.dtype:
            raise self.refused(
                node,
                "type.dtype-mismatch",
                f"`{param.name}` of `{function.name}` is {param.type.dtype.name}, not {known.dtype.name}",
                f"cast it: `.astype({param.type.dtype.name})`",
            )  # fmt: skip
        if len(known.dims) != len(param.type.dims):
            raise shapes.Mismatch(
                f"`{param.name}` of `{function.name}` has {len(param.type.dims)} dimensions, not {len(known.dims)}",
                f"it is {param.type}",
            )
        made_of_this = function.origin == origin_of(node)
        said = f"`{param.name}`" if made_of_this else f"`{param.name}` of `{function.name}`"
        for want, have in zip(param.type.dims, known.dims, strict=True):
            if want.symbols <= set(sizes):
                shapes.same(
                    self.facts,
                    have,
                    want.substitute(sizes),
                    f"{said} has another size here",
                    f"`{function.name}` declares {param.type}",
                )
        if param.direction == "in":
            self.as_tile(node, known)
            return
        if not isinstance(known, Region):
            raise self.refused(
                node, "type.store-into-value", f"`{function.name}` writes `{param.name}`, and {known} is a value",
                "pass a slice of a tensor parameter or of an `htp.empty` buffer",
            )  # fmt: skip
        if param.direction == "inout":
            self.access(known, node, writes=False)
        self.access(known, node, writes=True)

    def _pass_scalar(self, node: ast.expr, function: Function, param: Param, known: Known) -> None:
        dtype = param.type.dtype if isinstance(param.type, ScalarType) else bool_
        fits = isinstance(known, Number) or (isinstance(known, Index) and dtype is not bool_)
        if isinstance(known, Number) and known.kind == "float" and dtype.kind != "float":
            fits = False
        if not fits:
            raise self.refused(
                node,
                "type.dtype-mismatch",
                f"`{param.name}` of `{function.name}` is a {dtype.name} scalar, not {known}",
            )
