"""Directions against what the body does: nothing is stored through `In`, and every element of `Out` is written.

Knows accesses and boxes; does not know how they were found.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic, Label, Span
from htp.dims import Expr, Facts, sym
from htp.infer.values import Index
from htp.program import origin_of
from htp.types import ScalarType

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.infer.values import Access
    from htp.program import Function
    from htp.types import Param


def check_directions(function: Function, known: Inference) -> tuple[Diagnostic, ...]:
    """What contradicts the directions of the signature; warnings where coverage cannot be decided."""
    found: list[Diagnostic] = []
    for param in function.params:
        if param.type is None or isinstance(param.type, ScalarType) or param.is_end:
            continue
        accesses = [each for each in known.accesses if each.root == param.name]
        if param.direction == "in":
            found += [_written_input(param, each) for each in accesses if each.writes][:1]
        elif param.direction == "out":
            found += _output(function, param, accesses, known)
    params = {each.name for each in function.params}
    for root in sorted(set(known.roots) - params - known.received):
        accesses = [each for each in known.accesses if each.root == root]
        if accesses and not accesses[0].writes and not _in_later_turn(function, accesses):
            found.append(_unwritten_buffer(root, accesses[0]))
    return tuple(found)


def _unwritten_buffer(root: str, access: Access) -> Diagnostic:
    return Diagnostic(
        code="type.read-unwritten",
        message=f"the buffer `{root}` is read before it is written",
        span=_span(access),
        help=(f"store into it first: `{root}[:] = …`, or pass it to a kernel that writes it",),
    )


def _in_later_turn(function: Function, accesses: list[Access]) -> bool:
    """Whether the first access lies under a condition in a loop that writes behind it: not in its first turn, maybe."""
    first, *others = accesses
    loops = (node for each in function.body for node in ast.walk(each) if isinstance(node, ast.For | ast.While))
    for loop in loops:
        inside = {id(node) for node in ast.walk(loop)}
        branches = (node for node in ast.walk(loop) if isinstance(node, ast.If))
        if any(each.writes and id(each.node) in inside for each in others) and any(
            inner is first.node for branch in branches for inner in ast.walk(branch)
        ):
            return True
    return False


def _written_input(param: Param, access: Access) -> Diagnostic:
    return Diagnostic(
        code="type.store-into-input",
        message=f"`{param.name}` is declared In, and this stores into it",
        span=_span(access),
        help=(f"declare it `{param.name}: InOut[{param.type}]`, or Out when it is only written",),
    )


def _output(function: Function, param: Param, accesses: list[Access], known: Inference) -> list[Diagnostic]:
    writes = [each for each in accesses if each.writes]
    if not writes:
        return [
            Diagnostic(
                code="type.out-unwritten",
                message=f"`{param.name}` is declared Out and never written",
                span=function.origin,
                help=(f"store into it (`{param.name}[:] = …`), or declare it In",),
            )
        ]
    if accesses[0] is not writes[0]:
        return [
            Diagnostic(
                code="type.read-unwritten",
                message=f"`{param.name}` is declared Out and is read before it is written",
                span=_span(accesses[0]),
                help=(f"declare it `{param.name}: InOut[{param.type}]`",),
            )
        ]
    missing = [_missing(each, known, function) for each in writes]
    if None in missing or (len(writes) > 1 and not all(missing)):
        return []
    if len(writes) == 1 and missing[0] and not _in_branch(function, writes[0]):
        axis, why = missing[0]
        return [
            Diagnostic(
                code="type.out-partly-written",
                message=f"`{param.name}` is declared Out, and dimension {axis} is not fully written: {why}",
                span=_span(writes[0]),
                labels=(Label(span=function.origin, text=f"`{param.name}: Out[{param.type}]`"),),
                help=(f"store every element, or declare it `{param.name}: InOut[{param.type}]`",),
            )
        ]
    return []


def _missing(access: Access, known: Inference, function: Function) -> tuple[int, str] | None:
    """The first dimension of which the access provably leaves elements out, and why; None when it may cover all."""
    sizes = known.roots[access.root]
    for axis, size in enumerate(sizes):
        start, extent = access.box.start[axis], access.box.extent[axis]
        facts = access.facts.with_nonnegative(size - 1)  # an empty array has nothing to leave out
        loops = [each for each in _loops(function) if _symbol(each, known) & (start.symbols | extent.symbols)]
        if not loops:
            if facts.nonnegative(start - 1):
                return axis, f"the slice starts at {facts.simplify(start)}"
            if facts.nonnegative(size - start - extent - 1):
                return axis, f"the slice ends at {facts.simplify(start + extent)} of {size}"
        elif len(loops) == 1 and (gap := _gap(loops[0], start, extent, size, known, access.facts)) is not None:
            return axis, gap
    return None


def _gap(loop: ast.For, start: Expr, extent: Expr, size: Expr, known: Inference, facts: Facts) -> str | None:
    """Elements that a store under one loop jumps over, or does not reach."""
    call = loop.iter
    if not isinstance(call, ast.Call):
        return None
    bounds = [known.of(each) for each in call.args]
    values = [each.value for each in bounds if isinstance(each, Index)]
    if len(values) != len(bounds):
        return None
    first, stop = (sym("_zero") - sym("_zero"), values[0]) if len(values) == 1 else (values[0], values[1])
    step = values[2].constant if len(values) == 3 else 1
    (name,) = _symbol(loop, known)
    slope = (start.substitute({name: sym(name) + 1}) - start).constant
    widest = facts.upper_bound(extent)
    if step is None or step <= 0 or slope is None or slope <= 0 or widest is None:
        return None
    outer = known.facts_at(loop)
    trips = outer.simplify((stop - first + (step - 1)) // step)
    if widest < slope * step and outer.nonnegative(trips - 2):
        return f"steps of {slope * step} with slices of {widest}"
    if widest < slope * step and trips.constant is None:
        return f"steps of {slope * step} with slices of {widest}"
    begin = start.substitute({name: first})
    if outer.nonnegative(begin - 1):
        return f"the first slice starts at {begin}"
    reached = start.substitute({name: stop - 1}) + widest
    if outer.nonnegative(size - reached - 1):
        return f"the last slice ends before {size}"
    if stop.constant is not None and size.constant is not None:
        last = first + ((stop - first - 1) // step) * step
        end = (start.substitute({name: last})).constant
        if end is not None and end + widest < size.constant:
            return f"the last slice ends at {end + widest} of {size}"
    return None


def _in_branch(function: Function, access: Access) -> bool:
    """Whether the access lies under a condition; a loop that does not run leaves nothing to write."""
    branches = (node for each in function.body for node in ast.walk(each) if isinstance(node, ast.If | ast.While))
    return any(inner is access.node for branch in branches for inner in ast.walk(branch))


def _loops(function: Function) -> list[ast.For]:
    return [node for each in function.body for node in ast.walk(each) if isinstance(node, ast.For)]


def _symbol(loop: ast.For, known: Inference) -> frozenset[str]:
    variable = known.types.get(id(loop.target))
    return variable.value.symbols if isinstance(variable, Index) else frozenset()


def _span(access: Access) -> Span | None:
    return origin_of(access.node) if isinstance(access.node, ast.AST) else None
