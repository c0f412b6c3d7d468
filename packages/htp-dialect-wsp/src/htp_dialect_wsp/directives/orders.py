"""Whether another order of statements keeps the order of tasks that depend on each other, and how far data are carried.

Knows how to ask and how to say the answer; `legality`, `races` and `enumeration` know dependences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_dialect_wsp import legality, races
from htp_dialect_wsp.dependences import derive
from htp_dialect_wsp.enumeration import tasks_of
from htp_dialect_wsp.samples import sample_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.diagnostics import Span
    from htp.program import Program
    from htp_dialect_wsp.directives.nests import Loop
    from htp_dialect_wsp.directives.site import Site
    from htp_dialect_wsp.enumeration import Task

__all__ = ["carried", "check_races", "order_kept", "require_order"]

LOOKED_AT = 300
"""Tasks in which data that are carried are looked for; the first iterations of a loop are like the others."""


def check_races(program: Program, said: Span | None = None) -> bool:
    """Refuses parallel loops of which two iterations touch the same data; says whether there provably are none.

    `said` is the line of the directive that has made a loop parallel, where it has.

    Raises:
        Refused: `wsp.parallel-race`.
    """
    return not any(each.code == "wsp.parallel-unproven" for each in races.check(program, said))


def order_kept(site: Site, after: Program) -> bool:
    """Whether tasks that depend on each other provably keep their order from the site's program to another one."""
    return legality.order_kept(site.program, after) is None


def require_order(site: Site, after: Program, what: str, code: str, help: str) -> None:
    """Refuses another order of the site's program that lets two dependent tasks change places, or may do so.

    Raises:
        Refused: `code`, with the tasks and how far apart they are.
    """
    found = legality.order_kept(site.program, after)
    if found is not None:
        possible = "may not be possible" if found.undecided else "is not possible"
        raise site.refused(code, f"{what} {possible}: {found.message}", help, found.notes)


def carried(site: Site, loop: Loop, ignored: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Data that one iteration of a loop hands to a later one: who writes, who reads, and how many iterations later.

    What is handed on in the buffers `ignored` does not count. Seen at the sizes of `sample_sizes`.
    """
    found: set[tuple[str, str, int]] = set()
    for sizes in sample_sizes(site.main):
        scalars = {each.name: sizes[each.name] for each in site.main.params if each.name in sizes}
        listed = tasks_of(site.program, site.main, sizes, scalars, limit=LOOKED_AT)
        tasks = listed.tasks if listed is not None else ()
        touched = [
            [access for access in task.accesses if access.tensor.partition("#")[0] not in ignored] for task in tasks
        ]
        for edge in derive(touched):
            source, target = tasks[edge.source], tasks[edge.target]
            apart = _distance(source, target, loop.name)
            if "RAW" in edge.kind and apart > 0:
                found.add((source.kernel, target.kernel, apart))
    yield from sorted(found)


def _distance(source: Task, target: Task, name: str) -> int:
    """How many iterations of a loop lie between two tasks, 0 where another loop around it is in another iteration."""
    for one, other in zip(source.loops, target.loops, strict=False):
        if one.name == name and one.instance == other.instance:
            return other.number - one.number
        if (one.instance, one.number) != (other.instance, other.number):
            return 0
    return 0
