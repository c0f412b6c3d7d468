"""What is proven of the data that tasks share, for all sizes: which loops give each of their iterations its own part.

Knows core's inference of symbolic boxes; does not enumerate anything. Where it is silent nothing is known.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import const
from htp.infer.engine import infer
from htp.infer.values import Index, Region
from htp.program import origin_of
from htp.types import ScalarType
from htp_dialect_wsp.plain import POSITION, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.dims import Expr, Facts
    from htp.infer.state import Inference
    from htp.infer.values import Access
    from htp.program import Function, Program

__all__ = ["Independence", "independent_arrays", "proven"]

Loop = ast.For | ast.While


def independent_arrays(program: Program, function: Function) -> tuple[str, ...]:
    """Names of arrays that tasks write and that need no order: no two tasks share an element of one.

    Such an array is accessed in one call of a kernel only, and every loop around that call gives each of its
    iterations a part of the array of its own. Arrays that `wait_for` names are left out, since it asks who writes them.
    """
    known = proven(program, function)
    return known.independent() if known is not None else ()


def proven(program: Program, function: Function) -> Independence | None:
    """What can be proven of a workload or a routine; None where its types cannot be inferred."""
    routine = plain(function)
    try:
        return Independence(program, function, routine, infer(program, routine))
    except Refused:
        return None


@dataclass(frozen=True)
class Place:
    """Where an access stands: the loops around it, the outermost first, and the call that it is an argument of.

    `call` is None outside of calls of kernels and workloads.
    """

    loops: tuple[Loop, ...]
    call: ast.Call | None = None
    direction: str = ""


@dataclass(frozen=True)
class Use:
    """An access and its place."""

    access: Access
    place: Place


class Independence:
    """The accesses of a routine by array, and the questions that can be asked about them."""

    def __init__(self, program: Program, source: Function, function: Function, known: Inference) -> None:
        self.known = known
        self.source = source
        self.function = function
        self.callees = {each.name: each for each in program.functions}
        self.loops: list[tuple[Loop, ...]] = []
        self.made: dict[str, tuple[Loop, ...]] = {}
        self.awaited: set[str] = set()
        self.uses: dict[str, list[Use]] = {}
        self.places: dict[int, Place] = {}
        self.parts: dict[int, _Part] = {}
        self._walk(function.body, ())
        for each in known.accesses:
            self.uses.setdefault(each.root, []).append(Use(each, self.places[id(each.node)]))

    # the shape of the routine -----------------------------------------------------------------------------------

    def _walk(self, statements: Iterable[ast.stmt], loops: tuple[Loop, ...]) -> None:
        for each in statements:
            self.places.update((id(node), Place(loops)) for node in ast.walk(each))
            if isinstance(each, ast.For | ast.While):
                self.loops.append((*loops, each))
                self._walk(each.body, (*loops, each))
            elif isinstance(each, ast.If):
                self._walk((*each.body, *each.orelse), loops)
            else:
                self._statement(each, loops)

    def _statement(self, statement: ast.stmt, loops: tuple[Loop, ...]) -> None:
        match statement:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("empty"))):
                self.made[name] = loops
            case ast.Expr(ast.Call(ast.Name("wait_for"), args=regions)):
                known = [self.known.types.get(id(each)) for each in regions]
                self.awaited |= {each.root for each in known if isinstance(each, Region)}
            case ast.Expr(ast.Call(ast.Name(name)) as call) if name in self.callees:
                params = self.callees[name].params
                given = dict(zip((each.name for each in params), call.args, strict=False))
                given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
                for param in params:
                    for node in ast.walk(given[param.name]) if param.name in given else ():
                        self.places[id(node)] = Place(loops, call, param.direction)
            case _:
                pass

    def made_of(self, loop: ast.For) -> list[ast.For]:
        """The loops of the routine that stand for a loop of the source: one for each of its coordinates."""
        names = {
            ast.unparse(each) for each in (loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target])
        }
        last = [each[-1] for each in self.loops]
        return [
            each
            for each in last
            if isinstance(each, ast.For) and origin_of(each) == origin_of(loop)
            if ast.unparse(each.target).removesuffix(POSITION) in names
        ]

    # questions --------------------------------------------------------------------------------------------------

    def independent(self) -> tuple[str, ...]:
        """The arrays that `independent_arrays` names, in the order of their first access."""
        return tuple(
            array
            for array, uses in self.uses.items()
            if any(each.access.writes for each in uses) and array not in self.awaited and self._untracked(array, uses)
        )

    def _untracked(self, array: str, uses: Sequence[Use]) -> bool:
        calls = {id(each.place.call) for each in uses}
        if len(calls) != 1 or uses[0].place.call is None:
            return False
        outside = len(self.made.get(array, ()))
        return all(self.owned(array, loop) for loop in uses[0].place.loops[outside:])

    def owned(self, array: str, loop: Loop, *, ignoring: Sequence[str] = ()) -> bool:
        """Whether, each time the loop runs, no two of its iterations share an element of the array, if one writes it.

        Accesses as parameters of the directions `ignoring` do not count.
        """
        inside = [
            each.access
            for each in self.uses.get(array, ())
            if loop in each.place.loops and each.place.direction not in ignoring
        ]
        if not any(each.writes for each in inside) or loop in self.made.get(array, ()):
            return True
        return isinstance(loop, ast.For) and self._own_parts(inside, loop, self._fixed(loop))

    def always_owned(self, array: str, loops: Sequence[ast.For]) -> frozenset[ast.For]:
        """Those of the loops of which two iterations never share an element, whatever turns the other loops are in.

        Such a loop has distance 0 in every dependence that the array makes.
        """
        found: set[ast.For] = set()
        uses = self.uses.get(array, ())
        while True:
            fixed = self._sizes().union(*(self._symbols(each) for each in found))
            more = {
                loop
                for loop in loops
                if loop not in found
                and all(loop in each.place.loops for each in uses)
                and self._start_fixed(loop, fixed)
                and self._own_parts([each.access for each in uses], loop, fixed)
            }
            if not more:
                return frozenset(found)
            found |= more

    # symbols ----------------------------------------------------------------------------------------------------

    def _sizes(self) -> frozenset[str]:
        """Symbols of the signature and of slots, which have one value throughout a run."""
        found: set[str] = set()
        for each in self.function.params:
            if isinstance(each.type, ScalarType):
                found.add(each.name)
            elif each.type is not None:
                found.update(*(dim.symbols for dim in each.type.dims))
        return frozenset(found)

    def _symbols(self, loop: ast.For) -> frozenset[str]:
        known = self.known.types.get(id(loop.target))
        return known.value.symbols if isinstance(known, Index) else frozenset()

    def _fixed(self, loop: ast.For) -> frozenset[str]:
        """Symbols that keep their value while the loop runs: those bound around it."""
        inside = {id(node) for node in ast.walk(loop)}
        found = set(self._sizes())
        for statement in self.function.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inside:
                    known = self.known.types.get(id(node))
                    found |= known.value.symbols if isinstance(known, Index) else frozenset()
        around = next(each for each in self.loops if each[-1] is loop)[:-1]
        for each in around:
            found.update(self.known.entries.get(id(each), {}).values())
        return frozenset(found)

    def _start_fixed(self, loop: ast.For, fixed: frozenset[str]) -> bool:
        arguments = loop.iter.args if isinstance(loop.iter, ast.Call) else []
        start = self.known.types.get(id(arguments[0])) if len(arguments) > 1 else Index(const(0))
        return isinstance(start, Index) and start.value.symbols <= fixed

    # intervals --------------------------------------------------------------------------------------------------

    def _own_parts(self, accesses: Sequence[Access], loop: ast.For, fixed: frozenset[str]) -> bool:
        """Whether along some axis every iteration keeps to an interval of its own, which only `fixed` symbols shift."""
        variable, step = self.known.types.get(id(loop.target)), self._step(loop)
        if not isinstance(variable, Index) or len(variable.value.symbols) != 1 or step <= 0:
            return False
        parts = [self._part(each) for each in accesses]
        written = [each for access in accesses for each in self._bounds(access)]
        return any(
            all(each.within(axis, low + variable.value * factor, factor * step) for each in parts)
            for axis in range(len(parts[0].start))
            for factor, low in _intervals([*(each.start[axis] for each in parts), *written], variable.value, fixed)
        )

    def _bounds(self, access: Access) -> Iterable[Expr]:
        """Where the slices of an access begin as they are written, before they are clipped."""
        for node in ast.walk(access.node) if isinstance(access.node, ast.AST) else ():
            known = self.known.types.get(id(node.lower)) if isinstance(node, ast.Slice) else None
            if isinstance(known, Index):
                yield known.value

    def _step(self, loop: ast.For) -> int:
        arguments = loop.iter.args if isinstance(loop.iter, ast.Call) else []
        step = self.known.types.get(id(arguments[2])) if len(arguments) == 3 else Index(const(1))
        return (step.value.constant or 0) if isinstance(step, Index) else 0

    def _part(self, access: Access) -> _Part:
        if id(access) not in self.parts:
            self.parts[id(access)] = _part_of(access)
        return self.parts[id(access)]


@dataclass(frozen=True)
class _Part:
    """The elements of an access, and the facts in force where there are any."""

    start: tuple[Expr, ...]
    end: tuple[Expr, ...]
    kept: tuple[bool, ...]
    facts: Facts

    def within(self, axis: int, low: Expr, width: Expr) -> bool:
        """Whether they keep to `width` elements from `low` along an axis."""
        start, end = self.start[axis], self.end[axis]
        if not self.kept[axis] and not self.facts.nonnegative(start):
            return False  # a negative position counts from the end: another iteration may mean the same place
        return self.facts.nonnegative(start - low) and self.facts.nonnegative(low + width - end)


def _part_of(access: Access) -> _Part:
    # A box without elements shares none, so whatever follows from its having some may be used: a slice that clips
    # starts inside its array.
    box, facts = access.box, access.facts
    for extent in box.extent:
        facts = facts.with_nonnegative(extent - 1)
    end = tuple(low + extent for low, extent in zip(box.start, box.extent, strict=True))
    return _Part(box.start, end, box.kept, facts)


def _intervals(starts: Iterable[Expr], variable: Expr, fixed: frozenset[str]) -> Iterable[tuple[Expr, Expr]]:
    """Factors of the loop's variable and offsets that the intervals may have, each once.

    Where a factor is not above 0 the intervals have no elements, and nothing but empty boxes keeps to them.
    """
    (name,) = variable.symbols
    found: dict[tuple[Expr, Expr], None] = {}
    for start in starts:
        factor = start.substitute({name: variable + 1}) - start
        if not factor.symbols <= fixed - {name} or (factor.constant is not None and factor.constant <= 0):
            continue
        for low in (start - variable * factor, const(0)):
            if low.symbols <= fixed - {name}:
                found[factor, low] = None
    return found
