"""Whether a workload that was rewritten still keeps every order that its data ask for.

Knows two nested forms of one workload with the same tasks; does not know which directive made the second of the first.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp_dialect_wsp.dependences import derive
from htp_dialect_wsp.enumeration import tasks_of
from htp_dialect_wsp.independence import proven
from htp_dialect_wsp.samples import sample_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.program import Function, Program
    from htp_dialect_wsp.enumeration import Task, TaskList
    from htp_dialect_wsp.independence import Independence

__all__ = ["Violation", "order_kept"]

LOOKED_AT = 4000
SAMPLED = 400
Key = tuple[object, ...]


@dataclass(frozen=True)
class Violation:
    """What speaks against an order: two tasks that change places, or why it cannot be told whether there are such.

    `target` depends on `source` and would run before it, at `sizes`; `kind` is that of the dependence, and `distance`
    how many turns of each loop around both lie between them, the outermost loop first. Where `undecided` says why
    nothing can be told, there are no tasks.
    """

    source: Task | None = None
    target: Task | None = None
    kind: str = ""
    distance: tuple[tuple[str, int], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    undecided: str = ""

    @property
    def vector(self) -> tuple[int, ...]:
        """The distance as a vector."""
        return tuple(each for _, each in self.distance)

    @property
    def message(self) -> str:
        """The pair and its distance vector, or why nothing can be told."""
        if self.source is None or self.target is None:
            return self.undecided
        vector = f"({', '.join(map(str, self.vector))}) in ({', '.join(name for name, _ in self.distance)})"
        return (
            f"{_told(self.target)} would run before {_told(self.source)}, on which it depends ({self.kind}, {vector})"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The sizes at which the pair is seen, where these are not constant."""
        if not self.sizes:
            return ()
        return (f"seen with {', '.join(f'{name} = {size}' for name, size in self.sizes)}",)

    @property
    def help(self) -> str:
        """What may be done instead."""
        if self.undecided:
            return "leave the order as it is, or fix sizes with `dims=` so that every task can be looked at"
        return "leave the order as it is"


OTHERS = Violation(undecided="the tasks are not the same")


def order_kept(before: Program, after: Program) -> Violation | None:
    """What speaks against `after` in place of `before`, the nested forms of one workload; None where nothing does.

    Where all sizes are constant every task is looked at. Else a violation is looked for at some sizes, and where there
    is none the order must be proven for all.
    """
    old, new = before.main, after.main
    known, renewed = proven(before, old), proven(after, new)
    samples = sample_sizes(old, known, renewed)
    whole = samples == ({},)
    undecided: Violation | None = None
    for number, sizes in enumerate(samples):
        scalars = {each.name: sizes[each.name] for each in old.params if each.name in sizes}
        limit = LOOKED_AT if whole else SAMPLED
        first = tasks_of(before, old, sizes, scalars, limit=limit)
        second = tasks_of(after, new, sizes, scalars, limit=limit)
        found = _compared(first, second) if first is not None and second is not None else None
        if found is not None and found.source is not None:
            return replace(found, sizes=tuple(sizes.items()))
        if found == OTHERS:
            return found
        undecided = undecided or found
        if whole and found is None:
            return None
        if number == 0 and known is not None and _proven(known, before, old, new):
            return None
    return undecided or Violation(
        undecided="it is not proven for all sizes that tasks which share data keep their order"
    )


# at given sizes -----------------------------------------------------------------------------------------------------


def _compared(before: TaskList, after: TaskList) -> Violation | None:
    """The first dependence that is turned around; an undecided answer where the lists cannot be compared."""
    if before.cut or after.cut:
        return Violation(undecided="there are too many tasks to look at all of them")
    places = _places(before.tasks, after.tasks)
    if places is None:
        return OTHERS
    exact = [[access for access in task.accesses if access.exact] for task in before.tasks]
    for edge in derive(exact):
        if places[edge.source] > places[edge.target]:
            source, target = before.tasks[edge.source], before.tasks[edge.target]
            return Violation(source, target, edge.kind, tuple(_distance(source, target)))
    # Taking hulls for what is touched keeps every order that may matter, and hides what the order to a hull implies.
    hulls = [[replace(access, exact=True) for access in task.accesses] for task in before.tasks]
    turned = (each for each in derive(hulls) if places[each.source] > places[each.target])
    if next(turned, None) is not None:
        return Violation(undecided="which data tasks touch depends on other data")
    return Violation(undecided="which tasks there are depends on data") if before.open or after.open else None


def _places(before: Sequence[Task], after: Sequence[Task]) -> list[int] | None:
    """Where each task comes afterwards; tasks that are alike keep their order. None where the tasks are others."""
    positions: dict[Key, list[int]] = defaultdict(list)
    for place, task in reversed(list(enumerate(after))):
        positions[_key(task)].append(place)
    found = [positions[key].pop() if positions[key := _key(task)] else None for task in before]
    places = [each for each in found if each is not None]
    return places if len(places) == len(before) == len(after) else None


def _key(task: Task) -> Key:
    """What tells a task from others: the kernel and its arguments; buffers are numbered anew in another order."""
    accesses = tuple((each.tensor.partition("#")[0], each.box, each.mode, each.exact) for each in task.accesses)
    return task.kernel, accesses, task.scalars


def _distance(source: Task, target: Task) -> Iterator[tuple[str, int]]:
    """Turns between the tasks for the loops that both lie in."""
    for one, other in zip(source.loops, target.loops, strict=False):
        if one.name != other.name:
            return
        yield one.name, other.number - one.number


def _told(task: Task) -> str:
    turns = (f"{each.name}={each.number if each.value is None else each.value}" for each in task.loops)
    return f"`{task.kernel}` of ({', '.join(turns)})"


# for all sizes ------------------------------------------------------------------------------------------------------


def _proven(known: Independence, program: Program, before: Function, after: Function) -> bool:
    """Whether the order of tasks that share data is decided as it was, whatever the sizes.

    Two tasks that share data lie in the same turn of every loop that gives its iterations parts of their own. Which
    comes first is decided by the other loops around both, from the outermost in, and then by the text. So nothing
    changes if the calls stand in the text as they did, in the same loops, those other loops in the same order.
    """
    callees = {each.name for each in program.functions}
    old, new = list(_calls(before.body, callees)), list(_calls(after.body, callees))
    if [ast.unparse(call) for call, _ in old] != [ast.unparse(call) for call, _ in new]:
        return False
    if any(_ranges(one) != _ranges(other) for (_, one), (_, other) in zip(old, new, strict=True)):
        return False
    if len({id(each) for _, around in new for each in around}) != len(
        {id(each) for _, around in old for each in around}
    ):
        return False  # a loop was taken apart
    loops = [each[-1] for each in known.loops if isinstance(each[-1], ast.For)]
    for array, uses in known.uses.items():
        if not any(each.access.writes for each in uses):
            continue
        if any(each.place.call is None for each in uses):
            return False  # the submitting program reads what tasks write
        own = {ast.unparse(each.target) for each in known.always_owned(array, loops)}
        for (call, one), (_, other) in zip(old, new, strict=True):
            if array in _named(call) and _rest(one, own) != _rest(other, own):
                return False
    return True


def _calls(
    body: Sequence[ast.stmt], callees: set[str], loops: tuple[ast.stmt, ...] = ()
) -> Iterator[tuple[ast.Call, tuple[ast.stmt, ...]]]:
    """Calls of kernels with the loops and branches around them, in the order of the text."""
    for statement in body:
        match statement:
            case ast.Expr(ast.Call(ast.Name(name)) as call) if name in callees:
                yield call, loops
            case ast.For() | ast.While() | ast.If():
                yield from _calls(statement.body, callees, (*loops, statement))
                yield from _calls(statement.orelse, callees, (*loops, statement))
            case _:
                pass


def _ranges(loops: Sequence[ast.stmt]) -> Mapping[str, str]:
    """What loops go over, and the conditions of branches."""
    found: dict[str, str] = {}
    for each in loops:
        if isinstance(each, ast.For):
            found[ast.unparse(each.target)] = ast.unparse(each.iter)
        elif isinstance(each, ast.If | ast.While):
            found[f"{type(each).__name__} {ast.unparse(each.test)}"] = ""
    return found


def _rest(loops: Sequence[ast.stmt], own: set[str]) -> list[str]:
    """The loops that decide which of two tasks that share an array comes first."""
    names = [ast.unparse(each.target) if isinstance(each, ast.For) else "" for each in loops]
    return [name for name, each in zip(names, loops, strict=True) if name not in own and not isinstance(each, ast.If)]


def _named(call: ast.Call) -> set[str]:
    return {each.id for each in ast.walk(call) if isinstance(each, ast.Name)}
