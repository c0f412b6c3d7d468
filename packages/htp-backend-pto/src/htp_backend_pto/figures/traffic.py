"""Bytes that a kernel moves from and to global memory, as formulas over its sizes.

Knows loads, stores and the loops around them; does not know which bytes lie where. A sum over a loop is written out
where that is exact: of what does not change, and of pieces that together make up the whole range.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import Expr, const, minimum, parse, sym
from htp_backend_pto.figures.records import LoopText, Term, Traffic
from htp_backend_pto.steps import root_name, step_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.types import Param, TileType

__all__ = ["moved", "traffic_of"]


@dataclass(frozen=True)
class _Loop:
    """A loop over a range, or one of unknown turns."""

    variable: str
    start: Expr
    stop: Expr
    step: Expr


@dataclass(frozen=True)
class _Amount:
    """A product, summed up over loops, where conditions hold."""

    factors: tuple[Expr, ...]
    loops: tuple[_Loop, ...]
    when: tuple[str, ...]


def traffic_of(body: Sequence[ast.stmt], params: Iterable[Param], types: Mapping[str, TileType]) -> tuple[Traffic, ...]:
    """What a kernel moves for each of its arrays, what it reads first."""
    bits = {each.name: each.type.dtype.bits for each in params if each.type is not None}
    found: dict[tuple[str, str], list[_Amount]] = {}
    for direction, array, factors, loops, when in _moves(body, types, (), ()):
        byte = const(max(1, bits.get(array, 8) // 8))
        found.setdefault((direction, array), []).append(_Amount((byte, *factors), loops, when))
    return tuple(
        Traffic(array=array, direction="in" if direction == "in" else "out", terms=tuple(map(_term, _joined(amounts))))
        for (direction, array), amounts in sorted(found.items())
    )


def moved(terms: Iterable[Term], sizes: Mapping[str, int]) -> int | None:
    """The bytes for given sizes; `None` where they depend on more.

    >>> loop = LoopText(variable="k", start="0", stop="K", step="8")
    >>> moved([Term(amount="4 * min(8, K - k)", loops=(loop,))], {"K": 9})
    36
    """
    total = 0
    for each in terms:
        if each.when:
            return None
        try:
            total += _sum(parse(each.amount), each.loops, dict(sizes))
        except Refused:
            return None
    return total


def _sum(amount: Expr, loops: Sequence[LoopText], values: dict[str, int]) -> int:
    if not loops:
        return amount.evaluate(values)
    loop, *inner = loops
    start, stop, step = (parse(text).evaluate(values) for text in (loop.start, loop.stop, loop.step))
    return sum(_sum(amount, inner, {**values, loop.variable: turn}) for turn in range(start, stop, step))


def _moves(
    body: Iterable[ast.stmt], types: Mapping[str, TileType], loops: tuple[_Loop, ...], when: tuple[str, ...]
) -> Iterator[tuple[str, str, tuple[Expr, ...], tuple[_Loop, ...], tuple[str, ...]]]:
    for statement in body:
        match statement:
            case ast.For(target=ast.Name(name), body=inner):
                loop = _loop(name, statement.iter)
                more = (*loops, loop) if loop is not None else loops
                yield from _moves(inner, types, more, when if loop is not None else (*when, "while"))
            case ast.For(body=inner) | ast.While(body=inner):
                yield from _moves(inner, types, loops, (*when, "while"))
            case ast.If(test=test, body=inner, orelse=orelse):
                yield from _moves(inner, types, loops, (*when, ast.unparse(test)))
                yield from _moves(orelse, types, loops, (*when, f"not ({ast.unparse(test)})"))
            case _:
                for direction, array, dims in _touched(statement, types):
                    yield direction, array, dims, loops, when


def _touched(statement: ast.stmt, types: Mapping[str, TileType]) -> Iterator[tuple[str, str, tuple[Expr, ...]]]:
    """The arrays that an instruction reads or writes, and how many elements, as the tile at the other end has them."""
    step = step_of(statement)
    if step is None:
        return
    for operand in step.instruction.tiles:
        region = step.region(operand.name)
        if region is None:
            continue
        others = (step.tile(each.name) for each in step.instruction.tiles if each.name != operand.name)
        tile = next((types[each] for each in others if each in types and each is not None), None)
        if tile is not None:
            yield ("out" if operand.role == "dst" else "in"), root_name(region), tile.dims


def _loop(name: str, iterator: ast.expr) -> _Loop | None:
    match iterator:
        case ast.Call(func=ast.Name("range"), args=arguments):
            pass
        case _:
            return None
    try:
        given = [parse(ast.unparse(each)) for each in arguments]
    except Refused:
        return None
    start, stop, step = (const(0), given[0], const(1)) if len(given) == 1 else (*given, const(1))[:3]
    return _Loop(name, start, stop, step)


def _joined(amounts: Sequence[_Amount]) -> Iterator[_Amount]:
    """Two turns of a loop that are written one behind the other, the second if it is there, are those of one loop."""
    left = [*amounts]
    while left:
        first = left.pop(0)
        other = next((each for each in left if _second_turn(first, each)), None)
        if other is not None:
            left.remove(other)
            loop = first.loops[-1]
            half = _Loop(loop.variable, loop.start, loop.stop, loop.step // 2)
            first = _Amount(first.factors, (*first.loops[:-1], half), first.when)
        yield _simple(first)


def _second_turn(first: _Amount, second: _Amount) -> bool:
    if not first.loops or first.loops != second.loops or second.when[:-1] != first.when or len(second.when) < 1:
        return False
    loop = first.loops[-1]
    turn = sym(loop.variable) + loop.step // 2
    ahead = tuple(each.substitute({loop.variable: turn}) for each in first.factors)
    sign = "<" if (loop.step.constant or 1) > 0 else ">"
    return second.when[-1] == f"{turn} {sign} {loop.stop}" and second.factors == ahead


def _simple(amount: _Amount) -> _Amount:
    """With as few loops as can be said exactly."""
    factors, loops = [*amount.factors], [*amount.loops]
    kept: list[_Loop] = []
    while loops:
        loop = loops.pop()
        using = [number for number, each in enumerate(factors) if loop.variable in each.symbols]
        inner = any(loop.variable in (each.start.symbols | each.stop.symbols | each.step.symbols) for each in kept)
        piece = minimum(loop.step, loop.stop - sym(loop.variable))
        down = (loop.step.constant or 1) < 0
        if inner or len(using) > 1 or (using and (down or factors[using[0]] != piece)):
            kept.insert(0, loop)
        elif using:
            factors[using[0]] = loop.stop - loop.start
        else:
            factors.append((loop.stop - loop.start + loop.step - (-1 if down else 1)) // loop.step)
    return _Amount(tuple(factors), tuple(kept), amount.when)


def _term(amount: _Amount) -> Term:
    product = const(1)
    for each in amount.factors:
        product *= each
    loops = tuple(
        LoopText(variable=each.variable, start=str(each.start), stop=str(each.stop), step=str(each.step))
        for each in amount.loops
    )
    return Term(amount=str(product), loops=loops, when=amount.when)
