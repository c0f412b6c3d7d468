"""The pass that divides a program between the orchestration and the two kinds of core.

Knows which loops stay in the routine and where tiles are handed on; `outline` writes the kernels.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Inlined, Normalized, OpUse, Simplified, Typed
from htp.diagnostics import Refused
from htp.fresh_names import numbered
from htp.infer.engine import infer
from htp.liveness import loads, writes
from htp.lowering.build import assigned, call, expression, tuple_of
from htp.lowering.simplify import Simplify
from htp.passes import Pass
from htp.program import Function, origin_of, stamp
from htp.types import TensorType
from htp_backend_pto.forms import Divided, Legal
from htp_backend_pto.lower.blocks import exposed, with_blocks
from htp_backend_pto.lower.cluster.settled import settled
from htp_backend_pto.lower.gangs import gangs_of, is_member, no_gang_within
from htp_backend_pto.lower.split.calls import flattened
from htp_backend_pto.lower.split.empty_sums import with_zeros
from htp_backend_pto.lower.split.formulas import WRITTEN, written_out
from htp_backend_pto.lower.split.nothing import with_nothing
from htp_backend_pto.lower.split.order import Run
from htp_backend_pto.lower.split.outline import Crossing, Outline, Way
from htp_backend_pto.lower.split.predicates import with_predicates
from htp_backend_pto.lower.split.prepare import prepared
from htp_backend_pto.lower.split.settings import with_settings
from htp_backend_pto.lower.split.tree import Nest, Tree, runs_of
from htp_backend_pto.lower.split.turns import with_turns
from htp_backend_pto.lower.split.unused import without_unused
from htp_backend_pto.lower.spread.spread import spread
from htp_backend_pto.lower.translate import spelled_symbols
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.infer.values import Value
    from htp.program import Program
    from htp_backend_pto.lower.split.tree import Item

__all__ = ["Split"]

UNIT_TEXT = {"cube": "products", "vector": "vector work"}


@dataclass(frozen=True)
class Split(Pass):
    """The entry becomes a routine that calls kernels of one unit each; tiles go from one to the next through memory."""

    name = "pto.split"
    requires = (Legal(), Inlined(), Typed(), Normalized(), Simplified())
    provides = (Divided(),)
    introduces = ()
    may_introduce = (DialectUse("host"), DialectUse("tile"), *(OpUse(f"tile.{each}") for each in (*WRITTEN, "full")))
    understands = tuple(DialectUse(each) for each in ("tile", "host", "tasks", "gangs"))

    def apply(self, program: Program) -> Program:
        """The divided program; it is simplified again, since a kernel may not need all that it was given.

        Raises:
            Refused: `pto.no-cluster`.
        """
        no_gang_within(program.main)
        program = prepared(flattened(spread(written_out(with_settings(settled(program))))))
        divided = _Division(program).program()
        return with_predicates(without_unused(with_turns(with_nothing(with_zeros(Simplify().apply(divided))))))


class _Division:
    """Divides the entry of one program, whose other kernels are of one unit each."""

    def __init__(self, program: Program) -> None:
        self.source = program
        self.main = program.main
        self.known = infer(program, self.main)
        self.tree = Tree(program, self.main, self.known)
        self.spelled = spelled_symbols(self.main.body, self.known)
        self.runs = list(runs_of(self.tree.items))
        self.kernels: list[Function] = []
        self.behind: dict[int, frozenset[str]] = {}
        self._live(self.tree.items, frozenset())
        self.crossing = self._crossing()
        self.taken = {each.name for each in program.functions} | {
            node.id for each in self.main.body for node in ast.walk(each) if isinstance(node, ast.Name)
        }

    def program(self) -> Program:
        """The routine, its own kernels, and those that it called before."""
        body = self._block(self.tree.items, frozenset(self.crossing))
        routine = replace(self.main, kind="routine", body=tuple(body))
        others = tuple(each for each in self.source.functions if each.name != self.main.name and each.kind == "kernel")
        called = {node.id for each in body for node in ast.walk(each) if isinstance(node, ast.Name)}
        kept = tuple(each for each in others if each.name in called or is_member(each))
        return replace(self.source, functions=(*kept, *self.kernels, *gangs_of(self.source), routine))

    # tiles that are handed on ---------------------------------------------------------------------------------------

    def _crossing(self) -> dict[str, Value]:
        """The tiles that some run reads and another one, or an earlier turn of it, has made."""
        wanted = {name for run in self.runs for name in exposed(run.statements)}
        wanted |= {name for each in walk(self.main.body) if self.tree.is_call(each) for name in loads(each)}
        wanted -= self.tree.made.keys()
        return {name: value for name, value in self.tree.types.items() if name in wanted}

    def _live(self, items: Sequence[Item], live: frozenset[str]) -> frozenset[str]:
        """The names that are read before they are made anew, in front of the items; `live` are those behind them."""
        for item in reversed(items):
            if isinstance(item, Run):
                self.behind[id(item)] = self.behind.get(id(item), frozenset()) | live
                live = (live - _made(item)) | exposed(item.statements)
            elif isinstance(item, Nest) and isinstance(item.statement, ast.If):
                live = self._live(item.body, live) | self._live(item.orelse, live)
            elif isinstance(item, ast.stmt):
                live |= loads(item) & self.tree.types.keys()
            else:
                once = self._live(item.body, live)
                live |= self._live(item.body, live | once)
        return live

    def _way(self, run: Run, name: str) -> Crossing | None:
        reads = name in exposed(run.statements)
        makes = name in self.behind[id(run)] and any(name in writes(each) for each in run.statements)
        if not reads and not makes:
            return None
        way: Way = "in" if not makes else "out" if not reads and name in _made(run) else "inout"
        return Crossing(name, self.crossing[name], way)

    # the routine ----------------------------------------------------------------------------------------------------

    def _block(self, items: Iterable[Item], pending: frozenset[str]) -> list[ast.stmt]:
        """A block of the routine; `pending` are the buffers that it, or a block in it, has to allocate."""
        items = list(items)
        result: list[ast.stmt] = []
        for item in items:
            for name in sorted(pending & _touched(item), key=self._order):
                others = [each for each in items if each is not item and name in _touched(each)]
                if isinstance(item, Run) or others:
                    result.append(self._buffer(name, item))
                    pending -= {name}
            result += self._item(item, pending)
        return result

    def _item(self, item: Item, pending: frozenset[str]) -> list[ast.stmt]:
        if isinstance(item, Run):
            return self._kernel(item)
        if isinstance(item, Nest):
            self._refuse_tiles(_head(item.statement), item.statement)
            return [with_blocks(item.statement, self._block(item.body, pending), self._block(item.orelse, pending))]
        self._refuse_tiles(item, item)
        told = self.tree.tasks.get(id(item))
        return [item] if told is None else [told, item]

    def _refuse_tiles(self, node: ast.stmt | ast.expr, statement: ast.stmt) -> None:
        """Refuses numbers that a statement, or what stands at its head, takes out of tiles which only kernels have."""
        passed = self.crossing.keys() if self.tree.is_call(statement) else frozenset[str]()
        if (loads(node) & self.tree.types.keys()) - passed:
            raise Refused(
                "pto.scalar-from-tile",
                "a number is taken out of a tile that a core computes, and the orchestration has no tiles",
                span=origin_of(statement),
                help="store the tile to an array of one element, as with the parameter `s: Out[Tensor[f32, 1, 1]]` and "
                "`s[:, :] = …`, and take the number from there: `tile.item(s[0, 0])`",
            )

    def _order(self, name: str) -> int:
        return list(self.crossing).index(name)

    def _buffer(self, name: str, item: Item) -> ast.stmt:
        value = self.crossing[name]
        dims = tuple_of([expression(self.tree.outer(each)) for each in value.dims])
        made = assigned(name, call("empty", dims, value.dtype.name))
        place = item.statements[0] if isinstance(item, Run) else item.statement if isinstance(item, Nest) else item
        return stamp(made, origin_of(place))

    def _kernel(self, run: Run) -> list[ast.stmt]:
        """The call of the run's kernel, which is made unless one just like it is there."""
        function = run.site.function if run.site is not None else self.main.name
        crossing = [each for name in self.crossing if (each := self._way(run, name)) is not None]
        directions = {each.name: each.direction for each in self.main.params}
        outline = Outline(
            self.known, self.spelled, run, self.tree.needed(run),
            constants=frozenset(each for each, _ in self.source.constants),
            directions=directions | dict.fromkeys(self.tree.buffers, "out"),
            scalars={each.name: each for each in self.main.params if each.direction == "scalar"},
            crossing=crossing,
        )  # fmt: skip
        kernel, arguments = outline.kernel(_doc(function, run))
        same = next((each for each in self.kernels if _alike(each, kernel)), None)
        if same is None:
            same = replace(kernel, name=numbered(function, self.taken, 0))
            self.kernels.append(same)
        made = stamp(ast.Expr(ast.Call(ast.Name(same.name, ast.Load()), arguments, [])), kernel.origin)
        task = run.site.task if run.site is not None else None
        return [*([] if task is None else [task]), made, *self.tree.numbers(run)]


def _head(statement: ast.stmt) -> ast.stmt | ast.expr:
    """What a loop or branch decides by."""
    match statement:
        case ast.For(iter=head) | ast.While(test=head) | ast.If(test=head):
            return head
        case _:
            return statement


def _alike(one: Function, other: Function) -> bool:
    """Whether two kernels do the same to parameters in the same order, whatever things are called."""
    return _unnamed(one) == _unnamed(other)


def _unnamed(kernel: Function) -> str:
    """The kernel's syntax with a number for each of its names."""
    tensors = (each.type for each in kernel.params if isinstance(each.type, TensorType))
    own = {str(symbol) for type_ in tensors for dim in type_.dims for symbol in dim.symbols}
    own |= {each.name for each in kernel.params} | {name for each in kernel.body for name in writes(each)}
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"%{len(numbers)}") if found[0] in own else found[0]

    return re.sub(r"[^\W\d]\w*", number, replace(kernel, name="", doc="").canonical)


def _doc(name: str, run: Run) -> str:
    lines = sorted({place.line for each in walk(run.statements) if (place := origin_of(each)) is not None})
    where = f"line {lines[0]}" if lines[0] == lines[-1] else f"lines {lines[0]} to {lines[-1]}"
    return f"The {UNIT_TEXT[run.unit]} of `{name}`, {where}."


def _made(run: Run) -> frozenset[str]:
    """The names that a run certainly gives a value."""
    simple = (each for each in run.statements if not isinstance(each, ast.For | ast.While | ast.If))
    return frozenset(name for each in simple for name in writes(each))


def _touched(item: Item) -> frozenset[str]:
    """Names of tiles that runs in an item read from elsewhere or make."""
    if isinstance(item, ast.stmt):
        return loads(item)
    runs = [item] if isinstance(item, Run) else list(runs_of([item]))
    found = (exposed(each.statements) | frozenset(n for s in each.statements for n in writes(s)) for each in runs)
    return frozenset(name for each in found for name in each)
