"""The kernel that every block runs: the loop that is spread, with the body of what it calls in it.

Knows one loop and one call; does not know how many cores there are.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import const, sym
from htp.infer.engine import infer
from htp.infer.values import Box
from htp.lowering.build import binary, call, expression
from htp.program import origin_of, stamp
from htp.types import Param, ScalarType, i64
from htp_backend_pto.block_tasks import MOST_BLOCKS
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.split.calls import with_bodies
from htp_backend_pto.lower.split.order import Run
from htp_backend_pto.lower.split.outline import Outline
from htp_backend_pto.lower.split.regions import Part
from htp_backend_pto.lower.spread.places import bounds_of, no_blocks, variable
from htp_backend_pto.lower.translate import integer, spelled_symbols
from htp_backend_pto.lower.units import Units, called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp_backend_pto.lower.spread.places import Place
    from htp_backend_pto.lower.units import Unit

__all__ = ["BlockKernel", "replaced"]


class BlockKernel:
    """What the blocks of one task run; `block` is what the number of a block is called.

    Raises:
        Refused: `pto.no-blocks` where both units have work in a turn.
    """

    def __init__(self, program: Program, place: Place, loop: ast.stmt, block: str, turn: str) -> None:
        if not isinstance(loop, ast.For):
            raise no_blocks(place, "no loop is around them")
        self.place, self.block = place, block
        # Another loop of the routine may count with the same name: what is inferred tells them apart, texts do not.
        names = {name: f"{turn}_{name}" for name in _repeated(program.main.body, place.loops[place.level], loop)}
        renamed = _Replaced({name: expression(sym(other)) for name, other in names.items()})
        own: ast.For = renamed.visit(copy.deepcopy(loop))
        self.loop, count = _from_zero(own, f"{turn}_{variable(place.loops[place.level])}_0")
        self.worker: ast.expr = count.visit(renamed.visit(copy.deepcopy(place.worker)))
        self.own = replace(program.function(place.kernel), name=turn)
        functions = [each for each in program.functions if each.name != turn]
        self.source = replace(program, functions=(self.own, *functions))
        self.whole, inner = self._inlined(self.loop)
        found = Units(self.whole.main, infer(self.whole, self.whole.main)).units(inner)
        if len(found) == 2:
            parts = f"divide `{place.kernel}` into a kernel of products and one of vector work: each gets blocks"
            raise no_blocks(place, "a turn has products and vector work", parts)
        if len(found) != 1:
            raise no_blocks(place, "a turn has no work for a core")
        if any(isinstance(node, ast.Assert) for node in ast.walk(inner)):
            fix = "move the assertion into the workload, before the call"
            raise no_blocks(place, f"`{place.kernel}` checks something, which a core cannot", fix)
        (unit,) = found
        self.unit: Unit = unit

    def kernel(self, name: str, blocks: int, *, named: bool) -> tuple[Function, list[ast.expr]]:
        """The kernel of `blocks` blocks, and the arguments of its calls; `named` if every worker is one of them."""
        whole, inner = self.whole, self._loop_in(self.whole)
        if not self.place.stride:
            whole, inner = self._inlined(self._chosen(blocks, named=named))
        made, arguments = self._outlined(whole, inner, _Outline)
        if not _inferred(whole, made):
            made, arguments = self._outlined(whole, inner, _WholeArrays)
        given = [(p, a) for p, a in zip(made.params, arguments, strict=True) if p.name != self.block]
        # A block writes its own part, so that to each of them what the others write is there already.
        params = [replace(each, direction="inout") if each.direction == "out" else each for each, _ in given]
        number = Param(self.block, "scalar", ScalarType(i64))
        body = tuple(self._strided(each, blocks) for each in made.body) if self.place.stride else made.body
        own = [*(argument for _, argument in given), ast.Name(self.block, ast.Load())]
        return replace(made, name=name, params=(*params, number), body=body), own

    def _outlined(self, whole: Program, inner: ast.For, form: type[_Outline]) -> tuple[Function, list[ast.expr]]:
        main = whole.main
        known = infer(whole, main)
        outline = form(
            known, spelled_symbols(main.body, known), Run(self.unit, [inner]), [],
            constants=frozenset(each for each, _ in whole.constants),
            directions={each.name: each.direction for each in main.params},
            scalars={each.name: each for each in main.params if each.direction == "scalar"},
            crossing=[],
        )  # fmt: skip
        return outline.kernel(self._doc())

    def _inlined(self, loop: ast.For) -> tuple[Program, ast.For]:
        """The program in which the loop stands, with the body of what it calls, in a loop over blocks."""
        renamed = _Replaced({self.place.kernel: expression(self.own.name)}).visit(copy.deepcopy(loop))
        iterator = call("range", 0, MOST_BLOCKS)
        blocks = ast.For(ast.Name(self.block, ast.Store()), iterator, [renamed], [], lineno=0)
        body = replaced(self.source.main.body, self.place.loops[self.place.level], [stamp(blocks, origin_of(loop))])
        program = self.source.replace(replace(self.source.main, body=tuple(body)))
        program = with_bodies(program, {self.own.name: self.own})
        return program, self._loop_in(program)

    def _loop_in(self, program: Program) -> ast.For:
        for node in (node for each in program.main.body for node in ast.walk(each)):
            if isinstance(node, ast.For) and variable(node) == self.block:
                inner = node.body[-1]
                if isinstance(inner, ast.For):
                    return inner
        raise no_blocks(self.place, "nothing is left of its loop")

    def _chosen(self, blocks: int, *, named: bool) -> ast.For:
        """The loop whose turns are taken by the block that the worker's number gives."""
        worker = self.worker if named else binary(self.worker, ast.Mod(), blocks)
        mine: ast.expr = ast.Compare(worker, [ast.Eq()], [ast.Name(self.block, ast.Load())])
        if named and not self._among(blocks):
            # What the routine has checked is said again: the body may have been simplified by it.
            among = ast.Compare(ast.Constant(0), [ast.LtE(), ast.Lt()], [self.worker, ast.Constant(blocks)])
            mine = ast.BoolOp(ast.And(), [among, mine])

        def guarded(body: Sequence[ast.stmt]) -> list[ast.stmt]:
            result: list[ast.stmt] = []
            for each in body:
                if isinstance(each, ast.For | ast.If):
                    orelse = guarded(each.orelse) if isinstance(each, ast.If) else []
                    result.append(with_blocks(each, guarded(each.body), orelse))
                elif isinstance(each, ast.Expr) and called(each.value) == self.place.kernel:
                    result.append(stamp(ast.If(copy.deepcopy(mine), [each], []), origin_of(each)))
                else:
                    result.append(each)
            return result

        (found,) = guarded([self.loop])
        return found if isinstance(found, ast.For) else self.loop

    def _among(self, blocks: int) -> bool:
        """Whether it follows from the bounds of loops alone that every worker is one of the blocks."""
        facts = infer(self.whole, self.whole.main).facts_at(self._loop_in(self.whole).body[0])
        worker = integer(self.worker)
        return worker is not None and facts.nonnegative(worker) and facts.nonnegative(const(blocks - 1) - worker)

    def _strided(self, statement: ast.stmt, blocks: int) -> ast.stmt:
        """The loop in which a block begins with the turn of its number, and leaves out those of the others."""
        if not isinstance(statement, ast.For) or variable(statement) != variable(self.loop):
            return statement
        start, _, step = bounds_of(statement)
        stop = statement.iter.args[min(1, len(statement.iter.args) - 1)] if isinstance(statement.iter, ast.Call) else 0
        if start is None or start.constant is None:
            raise no_blocks(self.place, "its first turn is computed", "let the loop begin with 0")
        first = call("max", start, start + sym(self.block) * step)
        made = ast.For(statement.target, call("range", first, stop, step * blocks), statement.body, [], lineno=0)
        return stamp(made, origin_of(statement))

    def _doc(self) -> str:
        origin = origin_of(self.loop)
        where = f", line {origin.line}" if origin is not None else ""
        name = variable(self.place.loops[self.place.level])
        return f"The turns of `{name}` with `{self.place.kernel}` that are a block's{where}."


def replaced(body: Sequence[ast.stmt], old: ast.stmt, new: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements with others in place of one of them, at any depth."""
    result: list[ast.stmt] = []
    for each in body:
        if each is old:
            result += new
        elif isinstance(each, ast.For | ast.While | ast.If):
            orelse = replaced(each.orelse, old, new) if isinstance(each, ast.If) else []
            result.append(with_blocks(each, replaced(each.body, old, new), orelse))
        else:
            result.append(each)
    return result


def _repeated(body: Sequence[ast.stmt], spread: ast.For, loop: ast.For) -> set[str]:
    """The names with which both a loop, or one in it, and another loop than the one that is spread count."""
    own = {variable(each) for each in ast.walk(loop) if isinstance(each, ast.For)}
    inside = {id(each) for each in ast.walk(spread)}
    others = (each for statement in body for each in ast.walk(statement) if isinstance(each, ast.For))
    return own & {variable(each) for each in others if id(each) not in inside}


def _from_zero(loop: ast.For, name: str) -> tuple[ast.For, _Replaced]:
    """The loop, counted up from zero where its first turn is not a constant or it counts down; what its variable is."""
    start, stop, step = bounds_of(loop)
    if start is None or stop is None or (step > 0 and start.constant is not None and start.constant >= 0):
        return loop, _Replaced({})
    count = _Replaced({variable(loop): expression(start + sym(name) if step > 0 else start - sym(name))})
    turns = call("range", 0, stop - start, step) if step > 0 else call("range", 0, start - stop, -step)
    body = [count.visit(copy.deepcopy(each)) for each in loop.body]
    return stamp(ast.For(ast.Name(name, ast.Store()), turns, body, [], lineno=0), origin_of(loop)), count


class _Outline(Outline):
    """A kernel that is given whole axes where only tests could say which part of them its turns touch."""

    def part(self, root: str, found: Part) -> Part:
        """The part with sums of sizes for its starts and extents."""
        axes = zip(found.box.start, found.box.extent, self.known.roots[root], strict=True)
        plain = [self._axis(self.facts.simplify(start), extent, size) for start, extent, size in axes]
        box = Box(tuple(start for start, _ in plain), tuple(extent for _, extent in plain), found.box.kept)
        return Part(box, found.covered)

    def _axis(self, start: Expr, extent: Expr, size: Expr) -> tuple[Expr, Expr]:
        tests = any(word in f"{start} {extent}" for word in ("min(", "max(", "//", "%"))
        return (const(0), size) if tests else (start, extent)


class _WholeArrays(_Outline):
    """A kernel that is given whole arrays, since what was checked speaks of their sizes."""

    def _axis(self, start: Expr, extent: Expr, size: Expr) -> tuple[Expr, Expr]:
        return const(0), size


def _inferred(program: Program, kernel: Function) -> bool:
    """Whether the sizes in a kernel fit for all that is known in it."""
    try:
        infer(program, kernel)
    except Refused:
        return False
    return True


class _Replaced(ast.NodeTransformer):
    """Other expressions in place of names."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        made = copy.deepcopy(self.values.get(node.id, node))
        return ast.Name(made.id, node.ctx) if isinstance(made, ast.Name) else made
