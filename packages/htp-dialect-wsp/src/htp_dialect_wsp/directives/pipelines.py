"""`pipeline`: iterations of a loop overlap, because each of the next ones has buffers of its own.

Knows which buffers an iteration fills anew, and over how many iterations data are carried.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter, record_match, warn
from htp_dialect_wsp.directives.nests import made_loop, passed
from htp_dialect_wsp.directives.orders import carried
from htp_dialect_wsp.directives.trees import assigned_names, built, load, names_in, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.program import Program
    from htp_dialect_wsp.directives.nests import Loop
    from htp_dialect_wsp.directives.site import Site

__all__ = ["pipeline"]


def pipeline(site: Site, axis: str, depth: int, *, stages: Sequence[str] = ()) -> Program:
    """The `empty` buffers that every iteration of a loop fills anew get `depth` slots, used in turn.

    Iterations then overlap until a slot is used again. Where later stages hand data to earlier ones of a later
    iteration, no more iterations can overlap than the data are carried over; `depth` is lowered to that. A note says
    so, and which buffers keep one place.

    Raises:
        Refused: `wsp.pipeline-dep` when iterations cannot overlap.
    """
    loop = site.loop(axis)
    over = site.range(loop)
    order = _stages(site, loop, stages)
    buffers = [each for each in _buffers(site) if _filled_anew(site, loop, each)]
    names = tuple(each.name for each in buffers)
    if depth == 1:
        return site.program
    depth = _effective(site, axis, depth, order, names)
    _tell_kept(site, loop, names)
    if not buffers:
        return site.program
    slot = built("(k - a) // s % d", k=load(axis), a=over.start, s=over.step, d=depth)
    body = _Slots(buffers, slot).statements(loop.body)
    hoisted = [_with_slots(each, depth) for each in buffers if _inside(loop, each.statement)]
    kind = "seq" if loop.kind == "P" else loop.kind
    new = ast.For(loop.node.target, loop.node.iter, body, [])
    if kind != loop.kind:
        new = made_loop(axis, kind, over, body, loop.node)
    stamp(ast.copy_location(new, loop.node), loop.origin)
    result = replaced(site.main.body, loop.node, [*hoisted, new])
    for each in buffers:
        if not _inside(loop, each.statement):
            result = replaced(result, each.statement, [_with_slots(each, depth)])
    return site.with_body(result)


def _effective(site: Site, axis: str, asked: int, order: Sequence[str], names: Sequence[str]) -> int:
    """How many iterations can overlap, of those that are asked for."""
    depth, why = asked, ""
    for source, target, distance in carried(site, site.loop(axis), ignored=names):
        between = order.index(source) - order.index(target) + 1
        if distance < between and distance < depth:
            depth, why = distance, f"'{target}' reads what '{source}' wrote {distance} iterations before"
            if depth == 1:
                raise _refused(site, axis, source, target)
    if depth < asked:
        record_match(f"wsp.{site.name}", site.statement, built(f"scheduled.pipeline({axis!r}, {depth})"))
        _tell(site, f"of the {asked} iterations of '{axis}' that are to overlap, {depth} can: {why}",
              f"ask for a depth of {depth}, or hand data on over more iterations")  # fmt: skip
    return depth


def _tell_kept(site: Site, loop: Loop, names: Sequence[str]) -> None:
    """A note on what has one place in all iterations, or on there being no buffer at all."""
    kept = [f"`{each.name}`" for each in _buffers(site) if each.name not in names and each.name in names_in(loop.node)]
    if kept:
        _tell(site, f"{', '.join(kept)} of the loop '{loop.name}' keeps one place, which iterations use one at a time",
              "let every iteration begin by writing all of a buffer that nothing else uses")  # fmt: skip
    elif not names:
        _tell(site, f"iterations of '{loop.name}' fill no buffer, so `pipeline` changes nothing",
              "leave it out: iterations overlap as far as data allow without it")  # fmt: skip


def _tell(site: Site, message: str, help: str) -> None:
    warn(Diagnostic(code="wsp.pipeline-depth", message=message, severity="note", span=site.span, help=(help,)))


def _refused(site: Site, axis: str, source: str, target: str) -> Exception:
    return site.refused(
        "wsp.pipeline-dep",
        f"iterations of '{axis}' cannot overlap: '{target}' of every iteration reads what '{source}' of the iteration"
        " before it wrote",
        "leave out this directive, or let the stages hand data on in the order in which they stand",
    )


def _stages(site: Site, loop: Loop, stages: Sequence[str]) -> list[str]:
    """The tasks of the loop, in the order in which an iteration goes through them."""
    inside = list(dict.fromkeys(each.name for each in site.tasks if loop.node in each.path))
    for each in stages:
        site.calls(each)
        if each not in inside:
            raise site.refused(
                "wsp.pipeline-dep",
                f"the stage '{each}' is no task of the loop '{loop.name}'",
                f"name tasks of the loop: {', '.join(inside)}",
            )
    if list(stages) != [each for each in inside if each in stages]:
        raise site.refused(
            "wsp.pipeline-dep",
            f"the stages {', '.join(stages)} stand in another order in the loop '{loop.name}'",
            f"name them in the order {', '.join(each for each in inside if each in stages)}",
        )
    return [*stages, *(each for each in inside if each not in stages)] if stages else inside


@dataclass(frozen=True)
class _Buffer:
    """`name = empty(shape, dtype)` with its shape written out."""

    name: str
    statement: ast.Assign
    shape: tuple[ast.expr, ...]
    dtype: ast.expr


def _buffers(site: Site) -> Iterator[_Buffer]:
    for statement in site.main.body:
        for node in ast.walk(statement):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(func=ast.Name(id="empty"), args=[ast.Tuple(elts=shape), dtype]),
                ):
                    yield _Buffer(name, node, tuple(shape), dtype)
                case _:
                    pass


def _inside(loop: Loop, statement: ast.stmt) -> bool:
    return any(each is statement for each in ast.walk(loop.node))


def _filled_anew(site: Site, loop: Loop, buffer: _Buffer) -> bool:
    """Whether only this loop uses the buffer, and every iteration begins by writing all of it."""
    uses = [each for each in site.main.body for each in ast.walk(each) if _names(each, buffer.name)]
    within = [each for each in ast.walk(loop.node) if _names(each, buffer.name)]
    stored = 1 if not _inside(loop, buffer.statement) else 0
    if len(uses) - stored != len(within) or names_in(*buffer.shape) & assigned_names(loop.node):
        return False
    for statement in loop.body:
        if buffer.name not in names_in(statement) or statement is buffer.statement:
            continue
        return _writes_all(site, statement, buffer.name)
    return False


def _names(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _writes_all(site: Site, statement: ast.stmt, name: str) -> bool:
    task = next((each for each in site.tasks if each.statement is statement), None)
    if task is None:
        return False
    given = passed(task, site.program.function(task.name))
    touching = [(param.direction, ast.unparse(node)) for param, node in given if name in names_in(node)]
    return all(direction == "out" and text in (name, f"{name}[:]") for direction, text in touching)


def _with_slots(buffer: _Buffer, depth: int) -> ast.stmt:
    shape = ast.Tuple([ast.Constant(depth), *buffer.shape], ast.Load())
    call = ast.Call(load("empty"), [shape, buffer.dtype], [])
    new = ast.Assign(buffer.statement.targets, call, lineno=buffer.statement.lineno)
    return stamp(ast.copy_location(new, buffer.statement), origin_of(buffer.statement))


class _Slots(Rewriter):
    """Puts the slot in front of the indices of buffers, and leaves out where they were made."""

    def __init__(self, buffers: Sequence[_Buffer], slot: ast.expr) -> None:
        self.names = {each.name for each in buffers}
        self.slot = slot
        self.made = {id(each.statement) for each in buffers}

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:  # noqa: N802 - named after the node
        return None if id(node) in self.made else self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # noqa: N802
        if not isinstance(node.value, ast.Name) or node.value.id not in self.names:
            return self.generic_visit(node)
        inner = self.visit(node.slice)
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        indices = [self.slot, *(each for each in parts if isinstance(each, ast.expr))]
        return ast.Subscript(node.value, ast.Tuple(indices, ast.Load()), node.ctx)

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        return ast.Subscript(node, self.slot, ast.Load()) if node.id in self.names else node
