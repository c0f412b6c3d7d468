"""Directives that change loops: `tile split fuse_loops reorder unroll parallel`.

Every one keeps the tasks and what they access; `reorder` and `parallel` ask whether the order may change.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

from htp_dialect_wsp.directives.nests import Loop, Range, loops_of, made_loop
from htp_dialect_wsp.directives.orders import check_races, require_order
from htp_dialect_wsp.directives.ragged import flat_axis, flattened
from htp_dialect_wsp.directives.trees import built, load, names_in, replaced, store, substituted
from htp_dialect_wsp.places import place_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Program
    from htp_dialect_wsp.directives.site import Site

__all__ = ["fuse_loops", "parallel", "peeled", "reorder", "split", "tile", "unroll"]

TAILS = ("error", "mask", "pad")

COPIES = 64
"""The most copies of a body that `unroll` makes."""


def _with(body: Sequence[ast.stmt], names: Mapping[str, ast.expr]) -> list[ast.stmt]:
    return [substituted(each, names) for each in body]


# tile and split ------------------------------------------------------------------------------------------------------


def tile(site: Site, axis: str, factor: int, *, tail: str = "error") -> Program:
    """`i` becomes `i_o`, in steps of `factor` iterations, and `i_i` inside of it; `tail` says what of the last step.

    Raises:
        Refused: `wsp.tile-tail`.
    """
    if tail not in TAILS:
        raise site.refused("wsp.bad-argument", f"`tail` of `tile` is '{tail}'", f"say {', '.join(TAILS)}")
    loop = site.loop(axis)
    over = site.range(loop)
    length = site.integer(over.length)
    divides = length is not None and max(0, length) % factor == 0
    outer, inner = load(site.unused(f"{axis}_o")), load(site.unused(f"{axis}_i"))
    width = factor * over.step
    checks: list[ast.stmt] = []
    if tail == "error" and not divides:
        checks.append(_tail_check(site, loop, over, factor, length))
    at = built("o + i", o=outer, i=inner)
    body = _with(loop.body, {axis: at})
    if tail == "pad" and not divides:
        body = [ast.If(built("x < b", x=at, b=over.stop), body, [])]
    end: ast.expr = ast.Constant(width)
    if tail == "mask" and not divides:
        end = built("min(w, b - o)", w=width, b=over.stop, o=outer)
    within = made_loop(inner.id, loop.kind, Range(ast.Constant(0), end, over.step), body, loop.node)
    new = made_loop(outer.id, loop.kind, Range(over.start, over.stop, width), [within], loop.node)
    result = site.replaced(loop.node, [new], before=checks, loop=loop)
    return site.with_body(site.with_keys(result, {axis: at}, outer.id))


def _tail_check(site: Site, loop: Loop, over: Range, factor: int, length: int | None) -> ast.stmt:
    """The run-time check that `factor` divides a number of iterations that is not known now."""
    fix = 'say tail="mask" for a shorter last tile, or tail="pad" for one that leaves iterations out'
    if length is not None:
        raise site.refused(
            "wsp.tile-tail",
            f"the loop '{loop.name}' has {length} iterations, of which tiles of {factor} leave {length % factor} over",
            fix,
        )
    if not site.fixed_before(loop, over.start, over.stop):
        raise site.refused(
            "wsp.tile-tail",
            f"the loop '{loop.name}' runs more or less often with a loop around it, so tiles of {factor} may not fit",
            fix,
            (f"it goes over `{loop.walk}`",),
        )
    text = f"tiles of {factor} leave iterations of the loop '{loop.name}' over"
    said = [ast.Constant(each) for each in (text, place_text(site.span), "wsp.tile-tail", fix)]
    return ast.Expr(ast.Call(load("require"), [built("n % f == 0", n=site.trips(over), f=factor), *said], []))


def split(site: Site, axis: str, parts: int) -> Program:
    """`i` becomes `i_o`, `parts` iterations, and `i_i`, an equal share of the iterations of `i`; the last are shorter.

    Raises:
        Refused: `wsp.split` when the share depends on a loop around.
    """
    loop = site.loop(axis)
    over = site.range(loop)
    length = site.integer(over.length)
    outer, inner = load(site.unused(f"{axis}_o")), load(site.unused(f"{axis}_i"))
    before: list[ast.stmt] = []
    if length is not None:
        share: ast.expr = ast.Constant(-(-max(0, length) // parts) * over.step)
    elif site.fixed_before(loop, over.start, over.stop):
        share = load(site.unused(f"{axis}_share"))
        value = built("(n + r) // p * s", n=site.trips(over), r=parts - 1, p=parts, s=over.step)
        before.append(ast.Assign([store(share.id)], value, lineno=0))
    else:
        raise site.refused(
            "wsp.split",
            f"how often the loop '{axis}' runs depends on a loop around it, so it has no {parts} equal parts",
            "split the loop around it, or tile this one",
            (f"it goes over `{loop.walk}`",),
        )
    begin = built("o * w", o=outer, w=share)
    even = length is not None and length % parts == 0
    end = share if even else built("min(w, b - a - x)", w=share, b=over.stop, a=over.start, x=begin)
    at = built("a + x + i", a=over.start, x=begin, i=inner)
    within = made_loop(
        inner.id, loop.kind, Range(ast.Constant(0), end, over.step), _with(loop.body, {axis: at}), loop.node
    )
    new = made_loop(outer.id, loop.kind, Range(ast.Constant(0), ast.Constant(parts), 1), [within], loop.node)
    body = site.replaced(loop.node, [new], before=before, loop=loop)
    return site.with_body(site.with_keys(body, {axis: at}, outer.id))


# fuse_loops ----------------------------------------------------------------------------------------------------------


def fuse_loops(site: Site, first: str, second: str) -> Program:
    """`i` and `j` directly inside of it become one loop `i_j`; over the positions of a ragged axis if that is theirs.

    Raises:
        Refused: `wsp.fuse-loops`.
    """
    outer, inner = site.loop(first), site.loop(second)
    if len(outer.body) != 1 or outer.body[0] is not inner.node:
        raise site.refused(
            "wsp.fuse-loops",
            f"the loops '{first}' and '{second}' are no perfect nest",
            f"'{second}' has to be all that '{first}' repeats; move other statements out of '{first}'",
        )
    one, two = site.range(outer), site.range(inner)
    if (axis := flat_axis(site, outer, inner)) is not None:
        return flattened(site, outer, inner, axis)
    if first in names_in(two.start, two.stop):
        raise site.refused(
            "wsp.fuse-loops",
            f"how often '{second}' runs depends on '{first}': it goes over `{inner.walk}`",
            f"fuse loops whose sizes are fixed, let the two go over all of a `Ragged` axis, or tile '{second}' instead",
        )
    name = load(site.unused(f"{first}_{second}"))
    before: list[ast.stmt] = []
    count = site.integer(two.length)
    width: ast.expr = ast.Constant(max(0, count)) if count is not None else site.trips(two)
    if not isinstance(width, ast.Constant | ast.Name) and site.fixed_before(outer, width):
        width = load(site.unused(f"{second}_count"))
        before.append(ast.Assign([store(width.id)], site.trips(two), lineno=0))
    names = {
        first: built("a + f // n * s", a=one.start, f=name, n=width, s=one.step),
        second: built("a + f % n * s", a=two.start, f=name, n=width, s=two.step),
    }
    kind = outer.kind if outer.kind == inner.kind else "seq"
    total = built("m * n", m=site.trips(one), n=width)
    new = made_loop(name.id, kind, Range(ast.Constant(0), total, 1), _with(inner.body, names), outer.node)
    body = site.replaced(outer.node, [new], before=before, loop=outer)
    return site.with_body(site.with_keys(body, names, name.id))


# reorder -------------------------------------------------------------------------------------------------------------


def reorder(site: Site, *axes: str) -> Program:
    """The named loops of one perfect nest, from outermost to innermost in the order given.

    Raises:
        Refused: `wsp.reorder`.
    """
    named = [site.loop(each) for each in axes]
    if len(set(axes)) < 2 or len(set(axes)) != len(axes):
        raise site.refused("wsp.reorder", f"`reorder` names {', '.join(axes)}", "name two loops or more, each once")
    nest = _nest(site, named)
    wanted = iter(named)
    after = [next(wanted) if each in named else each for each in nest]
    _check_ranges(site, nest, after)
    body = nest[-1].body
    for place in reversed(after):
        body = [_around(place, body)]
    program = site.with_body(replaced(site.main.body, nest[0].node, body))
    if not all(each.parallel for each in nest):
        order = ", ".join(each.name for each in after)
        help = f"keep the order {', '.join(each.name for each in nest)}, or reorder loops over `P(…)` only"
        require_order(site, program, f"the order {order}", "wsp.reorder", help)
    return program


def _nest(site: Site, named: Sequence[Loop]) -> list[Loop]:
    """The loops from the outermost to the innermost of the named ones."""
    inmost = max(named, key=lambda each: len(each.path))
    chain = [each for each in site.loops if each.node in (*inmost.outer, inmost.node)]
    missing = [each for each in named if each not in chain]
    first = min((chain.index(each) for each in named if each in chain), default=0)
    nest = chain[first:]
    broken = next((a for a, b in pairwise(nest) if len(a.body) != 1 or a.body[0] is not b.node), None)
    if missing or broken is not None:
        about = f"'{missing[0].name}' is not around '{inmost.name}'" if missing else ""
        about = about or f"'{broken.name if broken else ''}' repeats more than one loop"
        raise site.refused(
            "wsp.reorder",
            f"the loops {', '.join(each.name for each in named)} are no perfect nest: {about}",
            "reorder loops of which each is all that the one around it repeats",
        )
    return nest


def _check_ranges(site: Site, before: Sequence[Loop], after: Sequence[Loop]) -> None:
    """A loop whose range depends on another one stays inside of it."""
    for index, loop in enumerate(after):
        needs = names_in(loop.node.iter) & {each.name for each in before}
        if missing := needs - {each.name for each in after[:index]}:
            parent = sorted(missing)[0]
            raise site.refused(
                "wsp.reorder",
                f"'{loop.name}' cannot leave '{parent}', on which its range depends: `{loop.walk}`",
                f"keep '{loop.name}' inside '{parent}'",
            )


def _around(loop: Loop, body: list[ast.stmt]) -> ast.stmt:
    new = ast.For(loop.node.target, loop.node.iter, body, [])
    new.origin = loop.origin  # type: ignore[attr-defined]
    return ast.copy_location(new, loop.node)


# unroll and parallel -------------------------------------------------------------------------------------------------


def unroll(site: Site, axis: str, factor: int) -> Program:
    """`factor` copies of what the loop repeats; a loop `i_t` of what is left over follows where it does not divide.

    Raises:
        Refused: `wsp.unroll`.
    """
    loop = site.loop(axis)
    if factor == 1:
        return site.program
    inside = next(loops_of(loop.body), None)
    if inside is not None:
        raise site.refused(
            "wsp.unroll",
            f"'{axis}' repeats the loop '{inside.name}', which would be there {factor} times",
            f"unroll '{inside.name}', or reorder the two loops first",
        )
    if factor > COPIES:
        raise site.refused(
            "wsp.unroll", f"{factor} copies of '{axis}' are more than {COPIES}", f"unroll by {COPIES} at most"
        )
    over = site.range(loop)
    length = site.integer(over.length)
    width = factor * over.step
    copies = [
        each
        for number in range(factor)
        for each in _with(loop.body, {axis: built("x + d", x=load(axis), d=number * over.step)})
    ]
    if length is not None and length % factor == 0:
        new: list[ast.stmt] = [made_loop(axis, loop.kind, Range(over.start, over.stop, width), copies, loop.node)]
    else:
        new = peeled(site, loop, over, width, copies)
    return site.with_body(site.replaced(loop.node, new))


def peeled(site: Site, loop: Loop, over: Range, width: int, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """`body` for every whole step of `width`, and the loop's own body, under a new variable, for what is left."""
    rest = load(site.unused(f"{loop.name}_t"))
    factor = width // over.step
    whole = built("a + n // f * w", a=over.start, n=site.trips(over), f=factor, w=width)
    known = site.integer(whole)
    end = whole if known is None else ast.Constant(known)
    main = made_loop(loop.name, loop.kind, Range(over.start, end, width), body, loop.node)
    tail = _with(loop.body, {loop.name: rest})
    if loop.name in site.keyed:
        tail = [ast.Assign([store(loop.name)], rest, lineno=0), *tail]
    return [main, made_loop(rest.id, loop.kind, Range(end, over.stop, over.step), tail, loop.node)]


def parallel(site: Site, axis: str) -> Program:
    """The iterations of a loop run in parallel.

    Raises:
        Refused: `wsp.parallel-race` when two iterations touch the same data and one of them writes it.
    """
    loop = site.loop(axis)
    if loop.parallel:
        return site.program
    walk = loop.node.iter
    call = ast.Call(load("P"), walk.args if loop.kind == "seq" and isinstance(walk, ast.Call) else [walk], [])
    new = ast.For(loop.node.target, call, loop.body, [])
    new.origin = loop.origin  # type: ignore[attr-defined]
    program = site.with_body(site.replaced(loop.node, [ast.copy_location(new, loop.node)]))
    check_races(program, site.span)
    return program
