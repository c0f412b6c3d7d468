"""Which arrays need to be followed while the graph is built, and which task makes a buffer.

Knows when tasks touch different parts of an array for sure; everything else is followed, which is never wrong.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.dims import Facts, sym
from htp_backend_pto.emission.regions import as_dim

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp_backend_pto.contract import Tag
    from htp_backend_pto.emission.regions import Axis, Region
    from htp_backend_pto.emission.sites import Argument, Buffer, Loop, Site, Sites

__all__ = ["Decisions", "decide", "facts_in", "names_stored"]


@dataclass(frozen=True)
class Decisions:
    """What is decided about a routine's arrays.

    `followed` are those whose accesses the orchestration keeps. Of the others, `openers` are the calls that write a
    part first; the runtime sees the order behind one when every later writer of the part is said to read it too.
    `makers` says for a buffer which call allocates it as its output, those without one are allocated ahead; `own` are
    numbers that no kernel sees.
    """

    followed: frozenset[str]
    openers: dict[str, Site]
    makers: dict[str, Site]
    own: frozenset[str]

    def tag(self, argument: Argument, site: Site) -> Tag:
        """How the task of a call names an argument to the runtime.

        A task that may overwrite its part without a look at who touched it before says so; others read it, too, so
        that the runtime makes them wait for the writers before.
        """
        array, direction = argument.region.array, argument.param.direction
        if self.makers.get(array) is site:
            return "OUTPUT"
        if direction == "in":
            return "INPUT"
        alone = array not in self.followed and (self.openers.get(array) is site or array in site.independent)
        return "OUTPUT_EXISTING" if direction == "out" and alone else "INOUT"


def decide(sites: Sites, facts: Facts) -> Decisions:
    """The decisions about all arrays, given what is known of the sizes."""
    followed = {name for name, each in sites.buffers.items() if _needs_following(each, sites.on(name), facts)}
    if followed:  # what follows from what is known only when nothing is left out
        followed |= {name for name in sites.buffers if _connects(name, sites.on(name))}
    makers: dict[str, Site] = {}
    own: set[str] = set()
    for name, each in sites.buffers.items():
        on = sites.on(name)
        if each.direction == "scratch" and not on:
            own.add(name)
        if each.direction == "scratch" and on and _makes(each, on[0]):
            makers[name] = on[0]
    openers = {name: on[0] for name in sites.buffers if (on := sites.on(name))}
    return Decisions(frozenset(followed), openers, makers, frozenset(own))


def _makes(buffer: Buffer, first: Site) -> bool:
    """Whether the first call in the text writes all of the buffer, whenever there is one."""
    uses = first.uses(buffer.name)
    whole = len(uses) == 1 and uses[0].param.direction == "out" and uses[0].region.whole
    return whole and first.block == buffer.block


def _needs_following(buffer: Buffer, on: Sequence[Site], facts: Facts) -> bool:
    """Whether two tasks may need an order that the runtime does not see, or more predecessors than it takes."""
    writers = [each for each in on if any(use.param.direction != "in" for use in each.uses(buffer.name))]
    if not writers or _independent(buffer.name, on):
        return False
    if any(len(each.uses(buffer.name)) > 1 for each in on):
        return True
    if len(writers) == 1 and on[0] is writers[0] and len(writers[0].loops) == len(buffer.loops):
        return False  # one task writes, before all others
    return not _takes_turns(buffer, on, facts)


def _takes_turns(buffer: Buffer, on: Sequence[Site], facts: Facts) -> bool:
    """Whether all calls in a turn of the loops around all of them use the same part, which no other turn touches.

    Then each writer follows the one before, and nobody who only reads comes before a writer.
    """
    around = _common([each.loops for each in on])[len(buffer.loops) :]
    regions = [each.uses(buffer.name)[0].region for each in on]
    inside = facts_in(on[0].loops[: len(buffer.loops) + len(around)], facts)
    if len({_said(each) for each in regions}) > 1 or not all(_apart(loop, regions[0], inside) for loop in around):
        return False
    below = [each.loops[len(buffer.loops) + len(around) :] for each in on]
    changed = names_stored(each for loops in below for each in loops)
    if any(name.id in changed for name in _names(regions[0])):
        return False
    reads = [each.uses(buffer.name)[0].param.direction == "in" for each in on]
    first = reads.index(True) if True in reads else len(on)
    mixed = {loop for loops in below[:first] for loop in loops} & {loop for loops in below[first:] for loop in loops}
    return all(reads[first:]) and not mixed and not below[0] if len(on) > 1 else not below[0]


def _common(paths: Sequence[tuple[Loop, ...]]) -> tuple[Loop, ...]:
    """The loops around all calls."""
    found = paths[0]
    for each in paths[1:]:
        same = [one is other for one, other in zip(found, each, strict=False)]
        found = found[: same.index(False) if False in same else len(same)]
    return found


def _said(region: Region) -> str:
    return " ".join(f"{ast.unparse(each.start)}:{ast.unparse(each.stop)}" for each in region.axes)


def _names(region: Region) -> Iterable[ast.Name]:
    nodes = (node for each in region.axes for part in (each.start, each.stop) for node in ast.walk(part))
    return (each for each in nodes if isinstance(each, ast.Name))


def _connects(name: str, on: Sequence[Site]) -> bool:
    """Whether tasks depend on others because of an array."""
    written = any(use.param.direction != "in" for each in on for use in each.uses(name))
    return written and len(on) > 1 and not _independent(name, on)


def _independent(name: str, on: Sequence[Site]) -> bool:
    """Whether the one task region that touches an array says that no tasks need an order for its sake."""
    return len({each.region for each in on}) == 1 and all(name in each.independent for each in on)


def _apart(loop: Loop, region: Region, facts: Facts) -> bool:
    """Whether two turns of the loop name parts without a common element."""
    match loop:
        case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=bounds)):
            step = as_dim(bounds[2]) if len(bounds) == 3 else None
            by = 1 if len(bounds) < 3 else step.constant if step is not None else None
        case _:
            return False
    if by is None or by < 1:
        return False
    changed = names_stored(loop.body)
    return name not in changed and any(_steps_over(each, name, by, changed, facts) for each in region.axes)


def _steps_over(axis: Axis, name: str, by: int, changed: frozenset[str], facts: Facts) -> bool:
    """Whether the part begins behind its end when the loop's name grows by a step, and never goes back."""
    start, stop = as_dim(axis.start), as_dim(axis.stop)
    if start is None or stop is None or (start.symbols | stop.symbols) & changed:
        return False
    later = start.substitute({name: sym(name) + by})
    return facts.nonnegative(later - stop) and facts.nonnegative(later - start)


def names_stored(body: Iterable[ast.stmt]) -> frozenset[str]:
    """The names that statements give values to."""
    nodes = (node for statement in body for node in ast.walk(statement))
    return frozenset(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))


def facts_in(loops: Iterable[Loop], facts: Facts) -> Facts:
    """What is known inside of loops."""
    for loop in loops:
        match loop:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=bounds)):
                dims = [as_dim(each) for each in bounds]
                known = [each for each in dims if each is not None]
                step = known[2].constant if len(known) == 3 else 1
                if len(known) == len(bounds) and step and name not in names_stored(loop.body):
                    first, stop = (0, known[0]) if len(known) == 1 else (known[0], known[1])
                    facts = facts.with_range(name, first, stop, step)
            case _:
                pass
    return facts
