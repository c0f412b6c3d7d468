"""Calls that the runtime chooses by an element of an array: each is given that element, so that its task waits for it.

Knows calls and their kernels; which branches are such choices is found by `emission.predicates`.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import const
from htp.fresh_names import fresh
from htp.infer.engine import infer
from htp.infer.values import Box, Index, Region
from htp.program import origin_of, stamp
from htp.types import Param, ScalarType, TensorType
from htp_backend_pto.emission.predicates import choices_in
from htp_backend_pto.emission.regions import as_dim, root_of
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.translate import box_text

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.program import Function, Program

__all__ = ["with_predicates"]

MOST = 31
"""Arrays that a task may have beside the element."""


def with_predicates(program: Program) -> Program:
    """The program in which every call that the runtime can choose has the element as its last argument."""
    return _Giving(program).program()


class _Giving:
    """Gives elements to calls; a kernel that gets one is another kernel, `made` by its name and the element's type."""

    def __init__(self, program: Program) -> None:
        self.source = program
        self.known = infer(program, program.main)
        self.made: dict[tuple[str, str], Function] = {}
        self.taken = {each.name for each in program.functions}
        self.calls: dict[int, ast.stmt] = {}
        for each in choices_in(program, program.main, _dtypes(program, self.known)):
            given = {id(call): self.given(call, predicate.element) for call, predicate in each.calls}
            if all(each is not None for each in given.values()):
                self.calls |= {key: new for key, new in given.items() if new is not None}

    def program(self) -> Program:
        if not self.calls:
            return self.source
        main = self.source.main
        body = changed(main.body, lambda each: [self.calls.get(id(each), each)])
        called = {node.id for each in body for node in ast.walk(each) if isinstance(node, ast.Name)}
        others = [each for each in self.source.functions if each.name != main.name]
        kept = (*others, *self.made.values())
        functions = (*(each for each in kept if each.name in called), replace(main, body=tuple(body)))
        return replace(self.source, functions=functions)

    def given(self, statement: ast.stmt, element: ast.Subscript) -> ast.stmt | None:
        """The call with the element behind its arguments; `None` where it has no room for it."""
        part, array = self.part(element), self.known.of(element.value)
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args)):
                kernel = self.source.function(name)
            case _:
                return None
        arrays = [each for each in kernel.params if not isinstance(each.type, ScalarType)]
        if part is None or not isinstance(array, Region) or len(arrays) > MOST:
            return None
        type_ = TensorType(array.dtype, tuple(const(1) for _ in array.dims))
        made = self.kernel(kernel, type_)
        call = ast.Expr(ast.Call(ast.Name(made.name, ast.Load()), [*args, part], []))
        return marked(stamp(call, origin_of(statement)), site_of(statement))

    def part(self, element: ast.Subscript) -> ast.Subscript | None:
        """The part of its array that is the element alone."""
        root = root_of(element) or ""
        indices = element.slice.elts if isinstance(element.slice, ast.Tuple) else [element.slice]
        found = [self.known.of(each) for each in indices]
        starts = [as_dim(each) for each, known in zip(indices, found, strict=True) if isinstance(known, Index)]
        known = [each for each in starts if each is not None]
        sizes = self.known.roots.get(root, ())
        if not isinstance(element.value, ast.Name) or len(known) < len(indices) or len(known) != len(sizes):
            return None
        one = tuple(const(1) for _ in known)
        return box_text(root, Box(tuple(known), one, tuple(True for _ in known)), (const(0),) * len(known), store=False)

    def kernel(self, kernel: Function, type_: TensorType) -> Function:
        """The kernel with one more parameter, which it does not look at."""
        found = self.made.get((kernel.name, str(type_)))
        if found is None:
            name = fresh(f"{kernel.name}_when", self.taken)
            own = fresh("chosen", {each.name for each in kernel.params} | _names(kernel))
            found = replace(kernel, name=name, params=(*kernel.params, Param(own, "in", type_)))
            self.made[kernel.name, str(type_)] = found
        return found


def _dtypes(program: Program, known: Inference) -> dict[str, str]:
    """The dtypes of the arrays of a routine."""
    found = {each.name: each.type.dtype.name for each in program.main.params if isinstance(each.type, TensorType)}
    for node in (node for each in program.main.body for node in ast.walk(each)):
        if isinstance(node, ast.Name) and isinstance(value := known.types.get(id(node)), Region):
            found.setdefault(node.id, value.dtype.name)
    return found


def _names(kernel: Function) -> set[str]:
    return {node.id for each in kernel.body for node in ast.walk(each) if isinstance(node, ast.Name)}
