"""`vectorize`: consecutive iterations of a loop as one task, which goes over its lanes.

Knows how regions of neighbouring iterations join; does not know how a target runs lanes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.dims import const, parse, sym
from htp.fresh_names import unused
from htp.program import Function, stamp
from htp.rewriting import with_origin
from htp.types import Param, ScalarType
from htp_dialect_wsp.directives.loops import peeled
from htp_dialect_wsp.directives.nests import Range, made_loop, passed, root_of, tasks_of, with_kernel
from htp_dialect_wsp.directives.trees import built, load, names_in, store, substituted
from htp_dialect_wsp.outlining import aliased, outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.program import Program
    from htp.types import TensorType, TileType
    from htp_dialect_wsp.directives.nests import Loop, Task
    from htp_dialect_wsp.directives.site import Site

__all__ = ["vectorize"]


def vectorize(site: Site, axis: str, width: int) -> Program:
    """`width` consecutive iterations of a loop are one task; iterations that are left over stay tasks of their own.

    Raises:
        Refused: `wsp.vector-stride`.
    """
    loop = site.loop(axis)
    over = site.range(loop)
    _check_body(site, loop)
    program, one = _one_task(site, loop)
    callee = program.function(one.name)
    lanes = _Lanes(site, axis, over.step, width, {each.name for each in callee.params})
    arguments = [lanes.argument(param, node) for param, node in passed(one, callee)]
    lanes.check_sizes(callee)
    name = unused(f"{callee.name}_x{width}", {each.name for each in program.functions} | site.names)
    program = with_kernel(program, _kernel(name, callee, arguments, lanes.name, width))
    task = stamp(ast.Expr(ast.Call(load(name), [each.argument for each in arguments], [])), loop.origin)
    length = site.integer(over.length)
    step = width * over.step
    if length is not None and length % width == 0:
        new: list[ast.stmt] = [made_loop(axis, "P", Range(over.start, over.stop, step), [task], loop.node)]
    else:
        new = peeled(site, loop, over, step, [task])
    return replace(site, program=program).with_body(site.replaced(loop.node, new))


def _check_body(site: Site, loop: Loop) -> None:
    if loop.kind != "P":
        raise site.refused(
            "wsp.vector-stride",
            f"the iterations of '{loop.name}' run in order: it goes over `{loop.walk}`",
            f"only a loop over `P(…)` has lanes; if its iterations are independent, say parallel('{loop.name}') first",
        )
    tasks = [each.statement for each in site.tasks]
    other = next((each for each in loop.body if each not in tasks), None)
    if other is not None:
        raise site.refused(
            "wsp.vector-stride",
            f"'{loop.name}' repeats `{ast.unparse(other).splitlines()[0]}`, and lanes are made of kernel calls only",
            "vectorize the innermost loop, of which every statement calls a kernel",
        )


def _one_task(site: Site, loop: Loop) -> tuple[Program, Task]:
    """The program, and the one call that does what an iteration does."""
    inside = [each for each in site.tasks if each.statement in loop.body]
    if len(inside) == 1:
        return site.program, inside[0]
    if (tensor := aliased(site.program, loop.body)) is not None:
        raise site.refused(
            "wsp.vector-stride",
            f"the tasks of '{loop.name}' take different regions of '{tensor}', one of which is written",
            "let them take the same region, or vectorize another loop",
        )
    kernel, call = outline(site.program, loop.body, "_".join(dict.fromkeys(each.name for each in inside)))
    program = with_kernel(site.program, kernel)
    (task,) = tasks_of(program, [with_origin(ast.Expr(call), call)])
    return program, task


@dataclass(frozen=True)
class _Passed:
    """One parameter of the kernel over lanes: what the task passes, and what a lane passes on."""

    param: Param
    argument: ast.expr
    inner: ast.expr


class _Lanes:
    """What each argument of an iteration becomes when `width` iterations are one task."""

    def __init__(self, site: Site, axis: str, step: int, width: int, taken: set[str]) -> None:
        self.site = site
        self.axis = axis
        self.step = step
        self.width = width
        self.name = unused("lane", taken)
        self.along: dict[str, Expr] = {}
        self.beside: set[str] = set()

    def argument(self, param: Param, node: ast.expr) -> _Passed:
        """The argument of all lanes, and the lane's part of it."""
        if isinstance(param.type, ScalarType):
            return self._scalar(param, node)
        if param.type is None:
            raise Bug(f"parameter {param.name} has no type")
        if self.axis not in names_in(node):
            if param.direction != "in":
                raise self._refused(
                    f"every iteration of '{self.axis}' writes the same `{ast.unparse(node)}`",
                    f"vectorize a loop of which every iteration writes its own part of `{root_of(node)}`",
                )
            self.beside |= {str(each) for each in param.type.dims}
            return _Passed(param, node, load(param.name))
        return self._region(param, param.type, node)

    def check_sizes(self, callee: Function) -> None:
        """Refuses kernels in which a size that grows with the lanes is also the size of something that does not."""
        both = sorted(set(self.along) & {each for each in self.beside if not each.isdigit()})
        if both:
            raise self._refused(
                f"`{callee.name}` wants '{both[0]}' to be one size, and only some of its arguments grow with the lanes",
                "vectorize another loop",
            )

    def _scalar(self, param: Param, node: ast.expr) -> _Passed:
        if self.axis not in names_in(node):
            return _Passed(param, node, load(param.name))
        slope = _difference(self._later(node, 1), node)
        if slope is None or slope.constant is None:
            raise self._refused(
                f"`{ast.unparse(node)}` does not grow evenly with '{self.axis}'",
                "pass the loop variable itself and compute the rest in the kernel",
            )
        inner = built("x + l * d", x=load(param.name), l=load(self.name), d=slope.constant)
        return _Passed(param, node, inner)

    def _region(self, param: Param, type_: TensorType | TileType, node: ast.expr) -> _Passed:
        parts = _parts(node)
        moving = [index for index, each in enumerate(parts) if self.axis in names_in(each)]
        if not isinstance(node, ast.Subscript) or len(moving) != 1:
            raise self._refused(
                f"`{ast.unparse(node)}` moves along {len(moving)} axes with '{self.axis}'",
                "vectorize a loop along which every region moves in one direction",
            )
        (place,) = moving
        dim = sum(isinstance(each, ast.Slice) for each in parts[:place])
        outer, inner, dims = self._moved(node, parts[place], type_.dims, dim)
        before = [ast.Slice() for each in parts[:place] if isinstance(each, ast.Slice)]
        whole = _subscript(node.value, [*parts[:place], outer, *parts[place + 1 :]])
        changed = replace(param, type=replace(type_, dims=dims))
        return _Passed(changed, whole, _subscript(load(param.name), [*before, inner]))

    def _moved(
        self, node: ast.Subscript, part: ast.expr, dims: tuple[Expr, ...], dim: int
    ) -> tuple[ast.expr, ast.expr, tuple[Expr, ...]]:
        """The slice or index of all lanes, the one of a lane within it, and the sizes of the whole."""
        if not isinstance(part, ast.Slice):
            step = _difference(self._later(part, 1), part)
            if step is None or step.constant != 1:
                raise self._apart(node, "indices that are not next to each other")
            outer = ast.Slice(part, built("x + w", x=part, w=self.width), None)
            return outer, load(self.name), (*dims[:dim], const(self.width), *dims[dim:])
        if part.lower is None or part.upper is None or part.step is not None:
            raise self._apart(node, "a slice without both bounds")
        size = _difference(part.upper, part.lower)
        step = _difference(self._later(part.lower, 1), part.lower)
        if size is None or step is None or size.constant is None or step.constant != size.constant:
            raise self._apart(node, f"slices of {size} elements in steps of {step}")
        count = size.constant
        outer = ast.Slice(part.lower, self._later(part.upper, self.width - 1), None)
        start = built("l * n", l=load(self.name), n=count)
        inner = ast.Slice(start, built("x + n", x=start, n=count), None)
        whole = self._whole(dims[dim])
        return outer, inner, (*dims[:dim], whole, *dims[dim + 1 :])

    def _whole(self, size: Expr) -> Expr:
        """The size of all lanes together, where one lane has `size`."""
        if size.constant is not None:
            return const(size.constant * self.width)
        return self.along.setdefault(str(size), sym(f"{'_'.join(sorted(size.symbols))}_lanes"))

    def _later(self, node: ast.expr, iterations: int) -> ast.expr:
        """The expression as it is some iterations later."""
        return substituted(node, {self.axis: built("x + d", x=load(self.axis), d=iterations * self.step)})

    def _apart(self, node: ast.expr, what: str) -> Refused:
        return self._refused(
            f"consecutive iterations of '{self.axis}' take parts of `{root_of(node)}` that are not next to each other:"
            f" `{ast.unparse(node)}` is {what}",
            "vectorize a loop whose step is the size of the slices",
        )

    def _refused(self, message: str, help: str) -> Refused:
        return self.site.refused("wsp.vector-stride", message, help)


def _kernel(name: str, callee: Function, passed: Sequence[_Passed], lane: str, width: int) -> Function:
    """The kernel that does what `callee` does for every lane."""
    call = ast.Expr(ast.Call(load(callee.name), [each.inner for each in passed], []))
    loop = ast.For(store(lane), built("range(0, w)", w=width), [call], [])
    return Function(
        name=name,
        kind="kernel",
        params=tuple(each.param for each in passed),
        body=(stamp(loop, callee.origin),),
        origin=callee.origin,
        doc=f"`{callee.name}` for {width} consecutive iterations.",
    )


def _parts(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _subscript(value: ast.expr, parts: Sequence[ast.expr]) -> ast.Subscript:
    return ast.Subscript(value, parts[0] if len(parts) == 1 else ast.Tuple(list(parts), ast.Load()), ast.Load())


def _difference(one: ast.expr, other: ast.expr) -> Expr | None:
    """`one - other`, where both are expressions that sizes can be."""
    try:
        return parse(ast.unparse(one)) - parse(ast.unparse(other))
    except Refused:
        return None
