"""Calls that are made for their effect: kernels and what is passed to them, words of the task form, printing.

Knows which arguments are passed as they lie in memory and which as values; `calls.py` knows operations.
"""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.dims import const
from htp.infer.values import Group, Index, Region, Text, Value
from htp.lowering.build import call, tuple_of
from htp.lowering.streaming import Streaming
from htp.names import STREAMS, TASKS
from htp.tasks import MOST_WORK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr, Facts
    from htp.infer.values import Access


class Passing(Streaming):
    """Writes statements for what a call is given."""

    def effect(self, node: ast.Call) -> ast.expr:
        """A call made for its effect: a kernel, a word of the task form, or printing."""
        if isinstance(node.func, ast.Name) and node.func.id in (*TASKS, "require"):
            positional = [self._word_argument(each) for each in node.args]
            named = [ast.keyword(each.arg, self._word_argument(each.value)) for each in node.keywords]
            return ast.Call(node.func, positional, named)
        if isinstance(node.func, ast.Name) and node.func.id == "spawn_process":
            started = [ast.Name(ast.unparse(node.args[0]), ast.Load()), *(self._argument(e, ()) for e in node.args[1:])]
            self.compare_sizes(node)
            return ast.Call(node.func, started, [ast.keyword(e.arg, e.value) for e in node.keywords])
        if isinstance(node.func, ast.Name) and node.func.id in STREAMS:
            return self.word(node)
        if isinstance(node.func, ast.Name):
            # A process sees what others write meanwhile, as two that share memory do.
            written = () if self.network else self._written(node)
            positional = [self._argument(each, written) for each in node.args]
            named = [ast.keyword(each.arg, self._argument(each.value, written)) for each in node.keywords]
            self.compare_sizes(node)
            return ast.Call(node.func, positional, named)
        name, _ = self.arguments(node)
        if name == "print":
            printed = [
                self.tile(each)
                if isinstance(self.known.of(each), Value | Region)
                else self._option(each, self.known.of(each))
                for each in node.args
            ]
            return call("tile.print", *printed)
        value = self.tile(node)
        return call("tile.cast", value, self.value_of(node).dtype.name)

    def checks(self, node: ast.Call, effect: ast.expr) -> list[ast.expr]:
        """What must be checked when the program runs, before an effect: that declared work is a possible cost."""
        match effect:
            case ast.Call(func=ast.Name("work"), args=[cycles]):
                known = self.known.of(node.args[0])
            case _:
                return []
        if isinstance(known, Index) and self.facts.nonnegative(known.value):
            return []  # a sum of sizes, or a constant; what comes from data is unknown in both directions
        least = ast.Compare(cycles, [ast.GtE()], [ast.Constant(0)])
        most = ast.Compare(cycles, [ast.LtE()], [ast.Constant(MOST_WORK)])
        test = ast.BoolOp(ast.And(), [least, most])
        origin = self.place
        place = f"{PurePath(origin.file).name}:{origin.line}" if origin is not None else ""
        text = f"`{ast.unparse(node)}` declares no cost from 0 to {MOST_WORK} cycles"
        return [call("require", test, *map(ast.Constant, (text, place, "run.bad-work")))]

    def borrowed(self, node: ast.Call) -> list[ast.expr]:
        """What a task writes that reads a value of the routine: the value is gone once the routine goes on."""
        arguments = [*node.args, *(each.value for each in node.keywords)]
        written = self._written(node)
        values = (
            isinstance(known, Value) or (isinstance(known, Region) and _is_overwritten(each, known, written))
            for each, known in ((each, self.known.of(each)) for each in arguments)
        )
        if not self.tasks or not written or not any(values):
            return []
        regions = (self.known.of(each) for each in arguments if any(one.node is each for one in written))
        return [self.region(each) for each in regions if isinstance(each, Region)]

    def _written(self, node: ast.Call) -> list[Access]:
        """The accesses by which a call writes its arguments."""
        given = {id(each) for each in (*node.args, *(each.value for each in node.keywords))}
        return [each for each in self.known.accesses if each.writes and id(each.node) in given]

    def _word_argument(self, node: ast.expr) -> ast.expr:
        """An argument of the task form, of `work` or of `require`."""
        known = self.known.of(node)
        if isinstance(known, Text):
            return ast.Constant(known.text)
        if isinstance(known, Group) and isinstance(node, ast.Tuple):
            return tuple_of([self._word_argument(each) for each in node.elts])
        if isinstance(known, Group):
            return self._option(node, known)
        return self._argument(node, ())

    def _argument(self, node: ast.expr, written: Sequence[Access]) -> ast.expr:
        known = self.known.of(node)
        if isinstance(known, Region) and _is_overwritten(node, known, written):
            # What the kernel reads is a value: it must not change while the kernel writes beside it.
            if self.tasks:
                self.settle(node)
                self.emit(ast.Expr(call("wait_for", self.region(known))))
            return self.tile(node)
        if isinstance(known, Region):
            self.settle(node)
            whole = all(each == const(0) for each in known.box.start) and all(known.box.kept)
            return (
                ast.Name(self.variable(known.root), ast.Load())
                if whole and isinstance(node, ast.Name)
                else self.region(known)
            )
        return self.tile(node) if isinstance(known, Value) else self.scalar(node)


def _is_overwritten(node: ast.expr, region: Region, written: Sequence[Access]) -> bool:
    """Whether the call may write elements of a region that it only reads."""
    if any(each.node is node for each in written):
        return False
    return any(each.root == region.root and not _apart(each, region) for each in written)


def _apart(access: Access, region: Region) -> bool:
    """Whether along some axis one slice provably ends before the other starts."""
    return any(
        _before(access.facts, here, size, there) or _before(access.facts, there, other, here)
        for here, size, there, other in zip(
            access.box.start, access.box.extent, region.box.start, region.box.extent, strict=True
        )
    )


def _before(facts: Facts, start: Expr, extent: Expr, next_start: Expr) -> bool:
    # A position that may be negative counts from the end.
    return facts.nonnegative(start) and facts.nonnegative(next_start - start - extent)
