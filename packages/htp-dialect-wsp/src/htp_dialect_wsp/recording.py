"""`s`, what a schedule's function is given: its methods take down directives, each with the line it stands on.

Knows names, arguments and conflicts; whether a directive is legal is found out when it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, NoReturn, cast

import msgspec

from htp.diagnostics import Label, Refused
from htp.language import Definition
from htp_dialect_wsp.cursors import Cursor, Expression, expression_text
from htp_dialect_wsp.places import user_place
from htp_dialect_wsp.policies import Policy
from htp_dialect_wsp.settings import batched, by_exec_unit, fifo, immediate, interleaved, priority, rate_limit
from htp_dialect_wsp.values import Value, at_least, bad_argument
from htp_dialect_wsp.workloads import DIRECTIVES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from htp.diagnostics import Span
    from htp_dialect_wsp.values import AnyDefinition

    Loop = Cursor | str
    Task = AnyDefinition | str
    Key = Expression | str | int

__all__ = ["Directive", "Preferences", "Schedule"]

LEVELS = ("worker",)
"""The levels of a machine that iterations can be spread over."""

Argument = int | str | bool | float | Value | tuple[str, ...]


@dataclass(frozen=True)
class Directive:
    """One directive: arguments by position and by name, the line, and what of which thing it settles.

    `takes` and `gives` are the loops that are gone and new behind it.
    """

    name: str
    arguments: tuple[Argument, ...]
    named: tuple[tuple[str, Argument], ...] = ()
    span: Span | None = None
    settles: tuple[tuple[str, str], ...] = ()
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()

    def text(self, spelled: Callable[[AnyDefinition], str]) -> str:
        """The statement that stands for it in a stage."""
        shown = [_text(each, spelled) for each in self.arguments]
        shown += [f"{name}={_text(value, spelled)}" for name, value in self.named]
        return f"scheduled.{self.name}({', '.join(shown)})"


class Schedule:
    """Takes down the directives of one schedule, over the loops and tasks of its workload.

    A loop is named by its variable, a task by its kernel. Of two directives that settle the same thing the later one
    says `override=True`, and the earlier one does not count.
    """

    def __init__(self, workload: str, loops: Iterable[str], tasks: Iterable[str]) -> None:
        self._workload = workload
        self._first = tuple(loops)
        self._tasks = tuple(tasks)
        self._directives: list[Directive] = []

    @property
    def directives(self) -> tuple[Directive, ...]:
        """What was taken down, in order."""
        return tuple(self._directives)

    @property
    def loops(self) -> tuple[str, ...]:
        """The loops there are now, by name."""
        there = list(self._first)
        for each in self._directives:
            there = [name for name in there if name not in each.takes] + list(each.gives)
        return tuple(there)

    def loop(self, name: str) -> Cursor:
        """The loop whose variable is `name`.

        Raises:
            Refused: `wsp.unknown-loop`.
        """
        return Cursor(self._loop(name))

    # rewriting ----------------------------------------------------------------------------------------------------

    def tile(
        self, loop: Loop, factor: int, *, tail: Literal["error", "pad", "mask"] = "error", override: bool = False
    ) -> tuple[Cursor, Cursor]:
        """Strips of `factor` iterations: a loop over the strips, and one inside."""
        return self._split("tile", loop, at_least(1, factor, "tile", "factor"), tail, override)

    def split(self, loop: Loop, parts: int, *, override: bool = False) -> tuple[Cursor, Cursor]:
        """`parts` strips of equal length, the last ones shorter: a loop over the strips, and one inside."""
        return self._split("split", loop, at_least(1, parts, "split", "parts"), "error", override)

    def fuse_loops(self, outer: Loop, inner: Loop, *, override: bool = False) -> Cursor:
        """One loop in place of two, of which the second is all that the first one repeats."""
        names = self._loop(outer), self._loop(inner)
        fused = "_".join(names)
        settles = tuple((f"loop `{each}`", "extent") for each in names)
        self._take("fuse_loops", names, settles=settles, override=override, takes=names, gives=(fused,))
        return Cursor(fused)

    def reorder(self, *loops: Loop, override: bool = False) -> None:
        """The loops in this order, the outermost first; another `reorder` may go on from there with other loops."""
        names = tuple(self._loop(each) for each in loops)
        if len(names) < 2 or len(set(names)) < len(names):
            raise bad_argument(f"`reorder` was given ({', '.join(names)})", "name two or more different loops")
        about = f"loops {', '.join(f'`{each}`' for each in sorted(names))}"
        self._take("reorder", names, settles=((about, "order"),), override=override)

    def fuse(self, first: Task, second: Task, *, at: Loop | None = None, override: bool = False) -> None:
        """One kernel in place of two tasks that follow each other in the loop `at`."""
        names = self._task(first), self._task(second)
        named = () if at is None else (("at", self._loop(at)),)
        settles = ((f"tasks `{names[0]}` and `{names[1]}`", "fusion"),)
        self._take("fuse", names, named, settles=settles, override=override)

    def pipeline(self, loop: Loop, depth: int, *, stages: Sequence[Task] = (), override: bool = False) -> None:
        """Overlaps up to `depth` iterations of the loop, of which `stages` are the tasks in order."""
        name = self._loop(loop)
        named = (("stages", tuple(self._task(each) for each in stages)),) if stages else ()
        arguments = (name, at_least(1, depth, "pipeline", "depth"))
        self._take("pipeline", arguments, named, settles=((f"loop `{name}`", "overlap"),), override=override)

    def buffer(self, array: str, space: str, *, slots: int = 1, override: bool = False) -> None:
        """Keeps what tasks use of `array` in a memory space, in `slots` copies in turn."""
        named = (("slots", at_least(1, slots, "buffer", "slots")),) if slots != 1 else ()
        arguments = (_name(array, "buffer"), _name(space, "buffer"))
        self._take("buffer", arguments, named, settles=((f"array `{array}`", "place"),), override=override)

    def parallel(self, loop: Loop, *, override: bool = False) -> None:
        """Says that the iterations of a loop that is written in order are independent, which is checked."""
        self._of_loop("parallel", loop, (), override)

    def vectorize(self, loop: Loop, width: int, *, override: bool = False) -> None:
        """Runs `width` iterations at a time."""
        self._of_loop("vectorize", loop, (at_least(1, width, "vectorize", "width"),), override)

    def unroll(self, loop: Loop, factor: int, *, override: bool = False) -> None:
        """Writes the body out `factor` times."""
        self._of_loop("unroll", loop, (at_least(1, factor, "unroll", "factor"),), override)

    def reduce(self, loop: Loop, operator: str, *, override: bool = False) -> None:
        """Lets the iterations add up their results in another order; `operator` is `+`, `*`, `min` or `max`."""
        self._of_loop("reduce", loop, (_name(operator, "reduce"),), override)

    def after(self, task: Task, *earlier: Task) -> None:
        """Lets a task begin after the earlier ones, whether or not data say so."""
        if not earlier:
            raise bad_argument("`after` names one task", "name the tasks that it runs after, too")
        self._take("after", (self._task(task), *(self._task(each) for each in earlier)))

    # placing and running ------------------------------------------------------------------------------------------

    def bind(self, loop: Loop, level: str, *, override: bool = False) -> None:
        """Spreads the iterations of a loop over a level of the machine, such as `worker`."""
        self._of_loop("bind", loop, (_among(level, *LEVELS, of="level", directive="bind"),), override)

    def map(self, task: Task, place: Key, *, override: bool = False) -> None:
        """Runs a task at the place that an expression over loops gives."""
        name = self._task(task)
        self._take("map", (name, expression_text(place)), settles=((f"task `{name}`", "place"),), override=override)

    def dispatch(self, policy: Policy, *, override: bool = False) -> None:
        """Lets a policy choose the worker of every task."""
        if not _is_policy(policy):
            raise bad_argument(f"`dispatch` was given {policy!r}", "give a policy such as `round_robin(workers=4)`")
        self._whole("dispatch", (policy,), override)

    def task_window(
        self,
        size: int,
        unit: Literal["tasks", "bytes"] = "tasks",
        mode: Literal["stall", "abort"] = "stall",
        *,
        override: bool = False,
    ) -> None:
        """Bounds the tasks, or the bytes of their outputs, that are submitted and not yet retired."""
        if not _is_int(size) or size < 1:
            what = f"of {size} {unit} lets no task through" if _is_int(size) else f"cannot be {size!r}"
            raise Refused("wsp.window", f"a window {what}", span=user_place(), help="give an int, 1 or more")
        named = (
            ("unit", _among(unit, "tasks", "bytes", of="unit", directive="task_window")),
            ("mode", _among(mode, "stall", "abort", of="mode", directive="task_window")),
        )
        self._whole("task_window", (size,), override, named)

    def streams(self, number: int, *, override: bool = False) -> None:
        """Deals tasks to streams in turn; the tasks of a stream run in order."""
        self._whole("streams", (at_least(1, number, "streams", "number"),), override)

    def stream_by(self, key: Key, *, override: bool = False) -> None:
        """Tasks of one key are in one stream; the tasks of a stream run in order."""
        self._whole("stream_by", (expression_text(key),), override)

    def timing(self, release: immediate | batched | interleaved | rate_limit, *, override: bool = False) -> None:
        """When submitted tasks are released to the workers."""
        self._of_kind("timing", release, (immediate, batched, interleaved, rate_limit), override)

    def ready(self, order: fifo | priority, *, override: bool = False) -> None:
        """Which of the ready tasks of a worker is first."""
        self._of_kind("ready", order, (fifo, priority), override)

    def pools(self, division: by_exec_unit, *, override: bool = False) -> None:
        """Which tasks have workers of their own."""
        self._of_kind("pools", division, (by_exec_unit,), override)

    @property
    def prefer(self) -> Preferences:
        """`s.prefer.anything(…)` is a wish, which a target may leave unfulfilled."""
        return Preferences(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        near = get_close_matches(name, DIRECTIVES, 1, 0.5)
        hint = f"did you mean `s.{near[0]}`?" if near else f"the directives are {', '.join(DIRECTIVES)}"
        if name in ("task", "tasks", "kernel"):
            hint = 'give directives the name of the kernel that the tasks call: `s.map("NAME", expression)`'
        raise Refused(
            "wsp.unknown-directive",
            f"there is no directive `{name}`",
            span=user_place(),
            help=hint,
        )

    # what all of them do ------------------------------------------------------------------------------------------

    def preferred(self, name: str, arguments: tuple[object, ...], override: bool) -> None:
        """Takes down a wish; the first argument is what it is about."""
        given = tuple(self._argument(each, name) for each in arguments)
        about = f"`{given[0]}`" if given else "the workload"
        self._take(f"prefer.{name}", given, settles=((about, f"prefer.{name}"),), override=override)

    def _split(self, name: str, loop: Loop, number: int, tail: str, override: bool) -> tuple[Cursor, Cursor]:
        whole = self._loop(loop)
        outer, inner = f"{whole}_o", f"{whole}_i"
        named = (("tail", _among(tail, "error", "pad", "mask", of="tail", directive=name)),) if tail != "error" else ()
        settles = ((f"loop `{whole}`", "extent"),)
        self._take(name, (whole, number), named, settles, override, takes=(whole,), gives=(outer, inner))
        return Cursor(outer), Cursor(inner)

    def _of_loop(self, name: str, loop: Loop, rest: tuple[Argument, ...], override: bool) -> None:
        whole = self._loop(loop)
        self._take(name, (whole, *rest), settles=((f"loop `{whole}`", name),), override=override)

    def _whole(
        self, name: str, arguments: tuple[Argument, ...], override: bool, named: tuple[tuple[str, Argument], ...] = ()
    ) -> None:
        self._take(name, arguments, named, (("the workload", name),), override)

    def _of_kind(self, name: str, value: Value, kinds: tuple[type[Value], ...], override: bool) -> None:
        if not isinstance(value, kinds):
            known = ", ".join(f"{each.__name__}(…)" for each in kinds)
            raise bad_argument(f"`{name}` was given {value!r}", f"give one of {known}")
        self._whole(name, (value,), override)

    def _take(
        self,
        name: str,
        arguments: tuple[Argument, ...],
        named: tuple[tuple[str, Argument], ...] = (),
        settles: tuple[tuple[str, str], ...] = (),
        override: bool = False,
        *,
        takes: tuple[str, ...] = (),
        gives: tuple[str, ...] = (),
    ) -> None:
        new = Directive(name, arguments, named, user_place(), settles, takes, gives)
        for old in [each for each in self._directives if set(each.settles) & set(settles)]:
            if not override:
                raise _conflict(old, new)
            self._directives.remove(old)
        self._directives.append(new)

    def _loop(self, loop: object) -> str:
        name = loop.name if isinstance(loop, Cursor) else loop
        if not isinstance(name, str):
            raise bad_argument(f"{loop!r} is no loop", "write `s.loop(…)`, with the name of the loop's variable")
        there = self.loops
        settled = [each for each in self._directives if name in each.takes]
        if name in there or settled:  # a loop that is settled twice is a conflict, found when it is settled
            return name
        raise self._unknown("loop", name, there)

    def _task(self, task: object) -> str:
        name = cast("AnyDefinition", task).name if isinstance(task, Definition) else task
        if not isinstance(name, str):
            raise bad_argument(f"{task!r} is no task", "give the kernel, or its name")
        if name not in self._tasks:
            raise self._unknown("task", name, self._tasks)
        return name

    def _unknown(self, what: str, name: str, known: Sequence[str]) -> Refused:
        near = get_close_matches(name, known, 1, 0.5)
        return Refused(
            f"wsp.unknown-{what}",
            f"`{self._workload}` has no {what} `{name}`",
            span=user_place(),
            notes=(f"{what}s: {', '.join(dict.fromkeys(known)) or 'none'}",),
            help=f"did you mean `{near[0]}`?" if near else f"name one of its {what}s",
        )

    def _argument(self, value: object, name: str) -> Argument:
        if isinstance(value, Cursor):
            return self._loop(value)
        if isinstance(value, Definition):
            return self._task(cast("AnyDefinition", value))
        if isinstance(value, Expression):
            return str(value)
        if isinstance(value, int | float | str | Value):
            return value
        raise bad_argument(f"`prefer.{name}` was given {value!r}", "give loops, tasks, numbers and texts")

    def checked(self) -> tuple[Directive, ...]:
        """The directives, none of which names a loop that an overridden one would have made.

        Raises:
            Refused: `wsp.unknown-loop`.
        """
        there = list(self._first)
        for each in self._directives:
            gone = [name for name in each.takes if name not in there]
            if gone:
                raise _placed(self._unknown("loop", gone[0], there), each)
            there = [name for name in there if name not in each.takes] + list(each.gives)
        return self.directives


class Preferences:
    """`s.prefer`: every name is a wish."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)

        def wish(*arguments: object, override: bool = False) -> None:
            self._schedule.preferred(name, arguments, override)

        return wish


def _placed(refusal: Refused, directive: Directive) -> Refused:
    """The refusal at the directive's line."""
    return Refused.of(msgspec.structs.replace(refusal.diagnostic, span=directive.span))


def _conflict(old: Directive, new: Directive) -> Refused:
    what, _ = next(each for each in new.settles if each in old.settles)
    lines = [each.span.line if each.span is not None else 0 for each in (old, new)]
    same = old.name == new.name
    message = (
        f"`{new.name}` is said of {what} twice, in lines {lines[0]} and {lines[1]}"
        if same
        else f"`{old.name}` in line {lines[0]} and `{new.name}` in line {lines[1]} both settle {what}"
    )
    labels = (Label(span=old.span, text="settled here"),) if old.span is not None else ()
    return Refused(
        "wsp.conflict", message, span=new.span, labels=labels,
        help="take one of them out, or give the later one `override=True`",
    )  # fmt: skip


def _text(value: Argument, spelled: Callable[[AnyDefinition], str]) -> str:
    return value.text(spelled) if isinstance(value, Value) else repr(value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_policy(value: object) -> bool:
    return isinstance(value, Policy)


def _name(value: object, directive: str) -> str:
    if not isinstance(value, str):
        raise bad_argument(f"`{directive}` was given {value!r}", "give a name, as text")
    return value


def _among(value: object, *choices: str, of: str, directive: str) -> str:
    if value not in choices:
        said = f"`{directive}` was given {value!r} as its `{of}`"
        raise bad_argument(said, f"give {'one of ' * (len(choices) > 1)}{', '.join(map(repr, choices))}")
    return str(value)
