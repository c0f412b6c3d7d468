"""`reduce`: iterations that add to one accumulator add to partial ones instead, which are combined in a fixed tree.

The number of partial accumulators and the order in each of them never depend on who runs what, so results are the same
on every run; they may differ from those of the unscheduled program by rounding, which is what the directive declares.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Refused
from htp.dims import sym
from htp.fresh_names import unused
from htp.program import Function, origin_of, stamp
from htp.rewriting import Rewriter
from htp.types import Param, ScalarType, TensorType
from htp_dialect_wsp.accumulation import accumulation, uses
from htp_dialect_wsp.directives.loops import reorder
from htp_dialect_wsp.directives.nests import Range, made_loop, passed, root_of, with_kernel
from htp_dialect_wsp.directives.trees import assigned_names, built, load, names_in, replaced, store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Program
    from htp.types import DType
    from htp_dialect_wsp.directives.nests import Loop, Task
    from htp_dialect_wsp.directives.site import Site

__all__ = ["LANES", "OPERATORS", "reduce"]

LANES = 8
"""Partial accumulators: a constant, so that the order of additions is one and the same on every machine."""

OPERATORS = MappingProxyType({"+": "add", "*": "multiply", "min": "minimum", "max": "maximum"})
"""Associative operators by how directives spell them, and the operation that combines two accumulators."""

FORMS = MappingProxyType({
    "+": "{0}[:] + e",
    "*": "{0}[:] * e",
    "min": "tile.minimum({0}[:], e)",
    "max": "tile.maximum({0}[:], e)",
})  # fmt: skip
"""What a kernel writes to combine something into a parameter."""


def reduce(site: Site, axis: str, operator: str) -> Program:
    """Iterations of a loop accumulate into partial buffers in turn, which are combined behind the loop.

    Raises:
        Refused: `wsp.reduce`.
    """
    if operator not in OPERATORS:
        raise site.refused(
            "wsp.reduce",
            f"`{operator}` is no operator that iterations can be combined with",
            f"use one of {', '.join(OPERATORS)}",
        )
    loop = site.loop(axis)
    over = site.range(loop)
    found = _accumulators(site, loop, operator)
    length = site.integer(over.length)
    lanes = LANES if length is None else min(LANES, length)
    if lanes <= 1:
        return site.program
    program = site.program
    before: list[ast.stmt] = []
    behind: list[ast.stmt] = []
    regions: dict[str, ast.expr] = {}
    lane = built("(k - a) // s % n", k=load(axis), a=over.start, s=over.step, n=lanes)
    taken = set(site.names)
    for each in found:
        parts = unused(f"{each.tensor}_parts", taken)
        walk = unused(f"{axis}_{each.tensor}", taken | {parts})
        taken |= {parts, walk}
        regions[ast.unparse(each.region)] = _at(parts, lane)
        program, fill = _kernel(program, _start(operator, each))
        program, combine = _kernel(program, _combine(operator, each))
        before.append(_partial(each, parts, lanes))
        first = [_at(parts, load(walk))] if operator in ("+", "*") else [each.region, _at(parts, load(walk))]
        before.append(made_loop(walk, "P", Range(ast.Constant(0), ast.Constant(lanes), 1), [_call(fill, *first)],
                                loop.node))  # fmt: skip
        behind += [_call(combine, _at(parts, a), _at(parts, b)) for a, b in _tree(lanes)]
        behind.append(_call(combine, _at(parts, 0), each.region))
    body = _Regions(regions).statements(loop.body)
    kind = "range" if loop.kind == "range" else "seq"
    new = [*before, made_loop(axis, kind, over, body, loop.node), *behind]
    placed = [stamp(each, site.span) for each in new]
    return replace(site, program=program).with_body(replaced(site.main.body, loop.node, placed))


@dataclass(frozen=True)
class _Accumulator:
    """A region that every iteration of a loop adds to."""

    tensor: str
    region: ast.expr
    dtype: DType
    rank: int
    origin: Span


def _accumulators(site: Site, loop: Loop, operator: str) -> list[_Accumulator]:
    """The regions that tasks of the loop add to and that stay the same for all of its iterations."""
    inside = [each for each in site.tasks if loop.node in each.path]
    within = assigned_names(*loop.body)
    found: dict[str, _Accumulator] = {}
    for task, param, node in _passed(site, inside):
        if param.direction != "inout" or loop.name in names_in(node) or not isinstance(param.type, TensorType):
            continue
        tensor = root_of(node)
        if moving := sorted(names_in(node) & within):
            raise site.refused(
                "wsp.reduce",
                f"'{task.name}' adds to `{ast.unparse(node)}`, which moves with '{moving[0]}' inside of '{loop.name}'",
                _way_out(site, loop, moving[0], tensor),
            )
        _check_kernel(site, task, param, operator)
        if tensor is not None and param.type.dims:
            found[ast.unparse(node)] = _Accumulator(
                tensor, node, param.type.dtype, len(param.type.dims), origin_of(task.statement) or site.main.origin
            )
    if not found:
        raise site.refused(
            "wsp.reduce",
            f"no task of the loop '{loop.name}' adds to one region in all iterations",
            "name the loop over which a kernel accumulates into an InOut parameter",
        )
    _check_alone(site, loop, inside, found)
    return list(found.values())


def _way_out(site: Site, loop: Loop, moving: str, tensor: str | None) -> str:
    """What to do about a region that moves with a loop inside: another order of the loops, where that is legal."""
    try:
        reorder(site, moving, loop.name)
    except Refused:
        return f"leave the directive out, or accumulate into a region of `{tensor}` that does not move in '{loop.name}'"
    return f"say reorder('{moving}', '{loop.name}') first, so that '{loop.name}' is inside of '{moving}'"


def _check_kernel(site: Site, task: Task, param: Param, operator: str) -> None:
    """Refuses an accumulator that the kernel does something else with than to combine into it with the operator."""
    found = accumulation(site.program, task.name, param.name)
    if found.operator == operator:
        return
    if found.operator is not None:
        raise site.refused(
            "wsp.reduce",
            f"'{task.name}' updates `{param.name}` with `{found.operator}`, and the directive says `{operator}`",
            f"write '{found.operator}'",
        )
    form = f"`{param.name}[:] = {FORMS[operator].format(param.name)}`, where `e` does not read `{param.name}`"
    raise site.refused(
        "wsp.reduce",
        f"'{task.name}' does something else with `{param.name}` than to update it with `{operator}`: {found.otherwise}",
        f"write every use of `{param.name}` as {form}; or leave the directive out",
    )


def _check_alone(site: Site, loop: Loop, inside: Sequence[Task], found: Mapping[str, _Accumulator]) -> None:
    """Refuses accumulators of whose arrays the loop takes anything else, or that it takes in another way."""
    updated = dict.fromkeys((each.tensor for each in found.values()), 0)
    for task, param, node in _passed(site, inside):
        text, tensor = ast.unparse(node), root_of(node)
        shared = next((key for key, each in found.items() if each.tensor == tensor), None)
        if shared is None or tensor is None:
            continue
        if text not in found:
            raise _beside(site, f"'{task.name}' takes `{text}` beside the accumulator `{shared}`")
        if param.direction != "inout":
            raise _beside(site, f"'{task.name}' takes the accumulator `{text}`, which has parts of the result only")
        updated[tensor] += 1
    for tensor, count in updated.items():
        if sum(uses(each, tensor) for each in loop.body) != count:
            raise _beside(site, f"the loop '{loop.name}' reads `{tensor}`, which has parts of the result only")


def _beside(site: Site, message: str) -> Refused:
    return site.refused("wsp.reduce", message, "accumulate into an array that nothing else of the loop touches")


def _passed(site: Site, tasks: Sequence[Task]) -> Iterator[tuple[Task, Param, ast.expr]]:
    for task in tasks:
        for param, node in passed(task, site.program.function(task.name)):
            if not isinstance(param.type, ScalarType):
                yield task, param, node


def _tree(lanes: int) -> Iterator[tuple[int, int]]:
    """Which partial accumulator is combined into which: `(4, 0), (5, 1), (6, 2), (7, 3), (2, 0), (3, 1), (1, 0)`."""
    while lanes > 1:
        half = (lanes + 1) // 2
        yield from ((each + half, each) for each in range(lanes - half))
        lanes = half


def _partial(each: _Accumulator, name: str, lanes: int) -> ast.stmt:
    """The buffer of partial accumulators, of the shape that the region has after clipping."""
    shape = ast.Attribute(each.region, "shape", ast.Load())
    sizes = [ast.Subscript(shape, ast.Constant(axis), ast.Load()) for axis in range(each.rank)]
    dims = ast.Tuple([ast.Constant(lanes), *sizes], ast.Load())
    return ast.Assign([store(name)], ast.Call(load("empty"), [dims, load(each.dtype.name)], []), lineno=0)


def _at(name: str, index: ast.expr | int) -> ast.expr:
    place = ast.Constant(index) if isinstance(index, int) else index
    return ast.Subscript(load(name), place, ast.Load())


def _call(kernel: str, *arguments: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(load(kernel), list(arguments), []))


class _Regions(Rewriter):
    """Puts partial accumulators in place of the accumulators, in calls."""

    def __init__(self, regions: dict[str, ast.expr]) -> None:
        self.regions = regions

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802 - named after the node
        found = [self.regions.get(ast.unparse(each)) for each in node.args]
        named = [ast.keyword(each.arg, self.regions.get(ast.unparse(each.value), each.value)) for each in node.keywords]
        return ast.Call(node.func, [new or old for new, old in zip(found, node.args, strict=True)], named)


# generated kernels ---------------------------------------------------------------------------------------------------


def _kernel(program: Program, kernel: Function) -> tuple[Program, str]:
    """The program with the kernel, and its name; one that is there already is used again."""
    for each in program.functions:
        if replace(each, name=kernel.name).canonical == kernel.canonical:
            return program, each.name
    name = unused(kernel.name, {each.name for each in program.functions})
    return with_kernel(program, replace(kernel, name=name)), name


def _start(operator: str, each: _Accumulator) -> Function:
    """The kernel that gives a partial accumulator what changes nothing: 0, 1, or the accumulator itself."""
    dtype = each.dtype.name
    to = _param(each, "to", "out")
    if operator in ("+", "*"):
        made = "zeros" if operator == "+" else "ones"
        return _generated(each, made, (to,), f"to[:] = tile.{made}(to.shape, {dtype})", f"Fills with {made}.")
    return _generated(each, "copy", (_param(each, "x", "in"), to), "to[:] = x[:]", "Copies.")


def _combine(operator: str, each: _Accumulator) -> Function:
    """The kernel that adds one accumulator to another."""
    params = (_param(each, "x", "in"), _param(each, "to", "inout"))
    statement = f"to[:] = tile.{OPERATORS[operator]}(to[:], x[:])"
    return _generated(each, OPERATORS[operator], params, statement, "Combines two partial results.")


def _param(each: _Accumulator, name: str, direction: Literal["in", "out", "inout"]) -> Param:
    return Param(name, direction, TensorType(each.dtype, tuple(sym(f"d{axis}") for axis in range(each.rank))))


def _generated(each: _Accumulator, name: str, params: tuple[Param, ...], statement: str, doc: str) -> Function:
    body = tuple(stamp(node, each.origin) for node in ast.parse(statement).body)
    return Function(f"{name}_{each.dtype.name}_{each.rank}", "kernel", params, body, each.origin, doc)
