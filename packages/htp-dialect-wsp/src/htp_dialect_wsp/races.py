"""The pass `wsp.check`: iterations of a parallel loop must not touch the same data, unless all of them only read it.

Knows how a race is found and told; what is proven for all sizes is `independence`'s business. A workload that can
neither be proven nor be shown to race stays right, since dependences of tasks are derived again when it runs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic, Refused
from htp.passes import Pass
from htp.program import origin_of
from htp.rewriting import warn
from htp_dialect_wsp.accumulation import accumulation
from htp_dialect_wsp.capabilities import Checked, Nested
from htp_dialect_wsp.dependences import Box, TaskAccess, derive, empty, overlap
from htp_dialect_wsp.enumeration import tasks_of
from htp_dialect_wsp.independence import proven
from htp_dialect_wsp.quoting import header_of
from htp_dialect_wsp.samples import sample_sizes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp_dialect_wsp.enumeration import Task, TaskList, Turn
    from htp_dialect_wsp.independence import Independence

__all__ = ["Check", "Race", "check", "race_among"]

LOOKED_AT = 4000
"""Tasks that are compared at most where all sizes are constant."""
SAMPLED = 400
"""Tasks that are compared at most at each of several sizes."""


@dataclass(frozen=True)
class Check(Pass):
    """Parallel loops of workloads are independent: an iteration that touches what another one writes is refused."""

    name = "wsp.check"
    requires = (Nested(),)
    provides = (Checked(),)

    def apply(self, program: Program) -> Program:
        """The same program.

        Raises:
            Refused: `wsp.parallel-race`.
        """
        warn(*check(program))
        return program


def check(program: Program, said: Span | None = None) -> tuple[Diagnostic, ...]:
    """Warnings and notes on what could not be proven of the workloads of a program, which are in nested form.

    `said` is the schedule's line that has just made a loop parallel, where one has.

    Raises:
        Refused: `wsp.parallel-race` for the first two iterations that touch the same data.
    """
    return tuple(
        each for function in program.functions if function.kind == "workload" for each in _of(program, function, said)
    )


def _of(program: Program, function: Function, said: Span | None) -> Iterator[Diagnostic]:
    summed = frozenset(_summed(function))
    known = proven(program, function)
    unproven = _unproven(known, summed)
    if unproven == []:
        return
    samples = sample_sizes(function, known)
    whole = samples == ({},)
    lists: list[TaskList] = []
    for sizes in samples:
        scalars = {each.name: sizes[each.name] for each in function.params if each.name in sizes}
        tasks = tasks_of(program, function, sizes, scalars, limit=LOOKED_AT if whole else SAMPLED)
        if tasks is not None:
            lists.append(tasks)
            if (race := race_among(tasks.tasks, summed)) is not None:
                raise race.refused_directive(sizes, said) if said else race.refusal(sizes, _summing(program, race))
    if whole and lists and all(each.known for each in lists):
        return
    yield from _unknown_regions(lists)
    for loop in unproven or _parallel_loops(function):
        yield _unproven_note(loop)


def race_among(tasks: Sequence[Task], summed: frozenset[str] = frozenset()) -> Race | None:
    """The first two tasks of different iterations of a parallel loop that touch the same data for certain.

    Iterations of the loops `summed` may share what they update through `InOut` parameters.
    """
    exact = [[access for access in task.accesses if access.exact] for task in tasks]
    for edge in derive(exact):
        first, second = tasks[edge.source], tasks[edge.target]
        at = _parted(first, second)
        if at is None or not first.loops[at].parallel or not _run_together(first, second):
            continue
        for one, other in _shared(first, second):
            if not (first.loops[at].name in summed and one.mode == other.mode == "inout"):
                return Race(first, second, one, other, at)
    return None


@dataclass(frozen=True)
class Race:
    """Two tasks of different iterations of a parallel loop, which is their `at`-th, and what both of them access."""

    first: Task
    second: Task
    one: TaskAccess
    other: TaskAccess
    at: int

    @property
    def box(self) -> Box:
        """What both access."""
        return tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(self.one.box, self.other.box, strict=True))

    def refusal(self, sizes: Mapping[str, int], summing: str | None = None) -> Refused:
        """The refusal, with the sizes at which the race is seen where these are not constant.

        `summing` is the operator that both tasks combine into the same region with.
        """
        loops = _nest(self.first.loops, self.at)
        header = _header(loops)
        way_out = "Use P.seq or give each iteration its own output"
        if summing is not None:
            way_out = f'Use P.seq, give each iteration its own output, or declare reduce("{summing}")'
        return Refused(
            "wsp.parallel-race",
            f"{self._told(loops, header)}. {way_out}",
            span=origin_of(loops[0].loop),
            notes=_seen(sizes),
            help=f"keep the order: `{_in_order(header, [each.name for each in self.first.loops])}`",
        )

    def refused_directive(self, sizes: Mapping[str, int], said: Span) -> Refused:
        """The refusal of a directive that says of a loop in order that its iterations are independent."""
        loops = _nest(self.first.loops, self.at)
        return Refused(
            "wsp.parallel-race",
            self._told(loops, _header(loops)),
            span=said,
            notes=_seen(sizes),
            help="leave the directive out: these iterations depend on each other",
        )

    def _told(self, loops: Sequence[Turn], header: str) -> str:
        return (
            f"iterations {_iteration(self.first, loops)} and {_iteration(self.second, loops)} of '{header}' "
            f"{self._doing()} {_region(self.one.tensor, self.box)} ({self._lines()})"
        )

    def _doing(self) -> str:
        if self.one.writes and self.other.writes:
            return "both write"
        return "write and read" if self.one.writes else "read and write"

    def _lines(self) -> str:
        spoken = [f"{task.kernel}, line {task.place.line}" if task.place else task.kernel for task in self._tasks()]
        return "; ".join(dict.fromkeys(spoken))

    def _tasks(self) -> tuple[Task, Task]:
        return self.first, self.second


def _seen(sizes: Mapping[str, int]) -> tuple[str, ...]:
    return (f"seen with {', '.join(f'{name} = {size}' for name, size in sizes.items())}",) if sizes else ()


# pairs of tasks -----------------------------------------------------------------------------------------------------


def _parted(first: Task, second: Task) -> int | None:
    """The outermost loop of which the tasks lie in different turns; None where none runs around both."""
    for at, (one, other) in enumerate(zip(first.loops, second.loops, strict=False)):
        if one.instance != other.instance:
            return None
        if one.number != other.number:
            return at
    return None


def _run_together(first: Task, second: Task) -> bool:
    """Whether one of the tasks runs whenever the other does, as far as conditions on data go."""
    return set(first.guards) == set(second.guards)


def _shared(first: Task, second: Task) -> Iterator[tuple[TaskAccess, TaskAccess]]:
    """Accesses of the same elements, one of which writes; those that both write come first."""
    pairs = [
        (one, other)
        for one in first.accesses
        for other in second.accesses
        if one.tensor == other.tensor and (one.writes or other.writes) and one.exact and other.exact
        if not empty(one.box) and not empty(other.box) and overlap(one.box, other.box)
    ]
    return iter(sorted(pairs, key=lambda pair: not (pair[0].writes and pair[1].writes)))


def _summing(program: Program, race: Race) -> str | None:
    """The operator that a reduction could be declared with; None where the tasks do not combine into one region."""
    if race.one.box != race.other.box or not race.one.mode == race.other.mode == "inout":
        return None
    kernels = {race.first.kernel, race.second.kernel}
    found = {
        accumulation(program, function.name, param.name).operator
        for function in program.functions
        for param in function.params
        if function.name in kernels and param.direction == "inout"
    }
    return found.pop() if len(found) == 1 else None


# how loops are told -------------------------------------------------------------------------------------------------


def _nest(turns: Sequence[Turn], at: int) -> Sequence[Turn]:
    """The loops that stand in one line of the user with the one at `at`."""
    line = origin_of(turns[at].loop)
    first = last = at
    while first > 0 and line is not None and origin_of(turns[first - 1].loop) == line:
        first -= 1
    while last + 1 < len(turns) and line is not None and origin_of(turns[last + 1].loop) == line:
        last += 1
    return turns[first : last + 1]


def _header(turns: Sequence[Turn]) -> str:
    """The loop as the user wrote it, where there is such a text, else as it is now."""
    if (written := header_of(turns[0].loop)) is not None:
        return written
    names = [each.name for each in turns]
    made: list[ast.expr] = []
    for each in dict.fromkeys(id(turn.loop) for turn in turns):
        loop = next(turn.loop for turn in turns if id(turn.loop) == each)
        made += loop.iter.args if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) else []
    return f"for {', '.join(names)} in P({', '.join(map(ast.unparse, made))})"


def _in_order(header: str, taken: Collection[str]) -> str:
    """The loop that runs in order; in order a sparse row has two coordinates, places beside indices."""
    head, _, rest = header.partition(" in P.sel(")
    if rest:
        place = "k" if "k" not in taken else f"{head.removeprefix('for ')}_k"
        return f"for {place}, {head.removeprefix('for ')} in P.seq({rest}"
    head, _, rest = header.partition(" in P(")
    return f"{head} in P.seq({rest}" if rest else header


def _iteration(task: Task, nest: Sequence[Turn]) -> str:
    instances = {each.name for each in nest}
    turns = [each for each in task.loops if each.name in instances]
    shown = (f"{each.name}={each.number if each.value is None else each.value}" for each in turns)
    return f"({', '.join(shown)})"


def _region(tensor: str, box: Box) -> str:
    name = tensor.partition("#")[0]
    return f"{name}[{','.join(f'{start}:{end}' for start, end in box)}]" if box else name


# what is not proven -------------------------------------------------------------------------------------------------


def _summed(function: Function) -> Iterator[str]:
    """Names of loops that a directive lets sum up what all their iterations update.

    A directive may name a loop that an earlier one is going to make of those that are there.
    """
    made: dict[str, tuple[str, ...]] = {}
    for statement in function.body:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name("scheduled"), directive), args=arguments)):
                names = [str(each.value) for each in arguments if isinstance(each, ast.Constant)]
                there = tuple(old for name in names for old in made.get(name, (name,)))
            case _:
                continue
        match directive, names:
            case "tile" | "split", [name, *_]:
                made[f"{name}_o"] = made[f"{name}_i"] = made.get(name, (name,))
            case "fuse_loops", [_, _]:
                made["_".join(names)] = there
            case "reduce", [name, *_]:
                yield from made.get(name, (name,))
            case _:
                pass


def _unproven(known: Independence | None, summed: frozenset[str]) -> list[ast.For] | None:
    """The parallel loops that are not proven independent; None where nothing is known."""
    if known is None:
        return None
    return [
        loop
        for loop in _parallel_loops(known.source)
        if not all(
            known.owned(array, plain, ignoring=("inout",) if plain.target.id in summed else ())
            for plain in known.made_of(loop)
            for array in known.uses
            if isinstance(plain.target, ast.Name)
        )
    ]


def _parallel_loops(function: Function) -> list[ast.For]:
    loops = (node for each in function.body for node in ast.walk(each) if isinstance(node, ast.For))
    return [each for each in loops if ast.unparse(each.iter).startswith(("P(", "P.sel("))]


def _unproven_note(loop: ast.For) -> Diagnostic:
    header = header_of(loop) or f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"
    return Diagnostic(
        code="wsp.parallel-unproven",
        message=f"it is not proven that the iterations of '{header}' are independent",
        severity="warning",
        span=origin_of(loop),
        notes=("the order of its tasks is found when the program runs, so results are right",),
        help=("write regions whose bounds are sums of multiples of loop variables and sizes",),
    )


def _unknown_regions(lists: Sequence[TaskList]) -> Iterator[Diagnostic]:
    """One note on all arrays that tasks write and of which the parts depend on data, at the first such task."""
    accesses = [(task, each) for found in lists for task in found.tasks for each in task.accesses]
    written = {each.tensor for _, each in accesses if each.writes}
    unknown = [(task, each.tensor) for task, each in accesses if not each.exact and each.tensor in written]
    if unknown:
        names = dict.fromkeys(f"`{tensor.partition('#')[0]}`" for _, tensor in unknown)
        yield Diagnostic(
            code="wsp.region-unknown",
            message=f"which parts of {', '.join(names)} tasks touch depends on data",
            severity="note",
            span=unknown[0][0].place,
            help=("nothing is wrong: where a target cannot read the data, such a task waits for all of it",),
        )
