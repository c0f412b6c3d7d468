"""Schedules: what `@schedule` makes of a function, and how its directives get into a captured program.

Knows when the function runs and where statements go; `recording.py` knows directives.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from htp.capture import capture, extended
from htp.diagnostics import Refused, Span
from htp.language import Definition
from htp.program import stamp
from htp_dialect_wsp.recording import Schedule
from htp_dialect_wsp.values import Value, bad_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from htp.program import Function, Program
    from htp_dialect_wsp.values import AnyDefinition

__all__ = ["Schedule", "ScheduleDefinition", "schedule"]


class ScheduleDefinition:
    """A schedule of one workload: a function that runs when the workload is compiled with it."""

    def __init__(self, python: Callable[[Schedule], None], workload: AnyDefinition) -> None:
        self.python = python
        self.workload = workload
        self.name = python.__name__
        self.__name__ = python.__name__
        self.__doc__ = python.__doc__
        self.__module__ = python.__module__
        self.__wrapped__ = python

    def __repr__(self) -> str:
        return f"<schedule {self.name} of {self.workload.name}>"

    @property
    def place(self) -> Span:
        """Where the function is defined."""
        code = self.python.__code__
        return Span(file=code.co_filename, line=code.co_firstlineno)

    def inscribe(self, program: Program) -> Program:
        """The captured program with the directives at the head of the workload, each at its line of the schedule.

        Raises:
            Refused: `wsp.other-workload` when the program is another one, and what the schedule is refused with.
        """
        from htp_dialect_wsp.compose import Compose
        from htp_dialect_wsp.directives.nests import loops_of, tasks_of

        workload = self._workload_in(program)
        nested = Compose().apply(replace(program, entry=workload.name))
        loops = [each.name for each in loops_of(nested.main.body)]
        tasks = [each.name for each in tasks_of(nested, nested.main.body)]
        recorded = Schedule(workload.name, loops, tasks)
        self._run(recorded)
        statements: list[ast.stmt] = []
        for each in recorded.checked():
            names: dict[int, str] = {}
            for value in each.arguments:
                for definition in _definitions(value):
                    program, names[id(definition)] = extended(program, definition)
            text = each.text(lambda definition, names=names: names[id(definition)])
            statements.append(stamp(ast.parse(text).body[0], each.span))
        return program.replace(replace(workload, body=(*statements, *workload.body)))

    def _workload_in(self, program: Program) -> Function:
        """The workload of the schedule: the entry, or one that a routine or a process calls."""
        from htp_dialect_wsp.directives.trees import names_in

        origin = capture(self.workload).main.origin
        others = [each for each in program.functions if each.kind == "workload" and each.origin != origin]
        within = names_in(*(statement for each in others for statement in each.body))
        for each in program.functions:
            if each.origin == origin and (each.name == program.entry or each.name not in within):
                return each
        raise Refused(
            "wsp.other-workload",
            f"`{self.name}` is a schedule of `{self.workload.name}`, and `{program.entry}` is compiled",
            span=self.place,
            help=f"compile `{self.workload.name}` with it, or a routine or network that calls it; "
            "what one workload calls of another is scheduled as part of it",
        )

    def _run(self, recorded: Schedule) -> None:
        try:
            self.python(recorded)
        except TypeError as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is None:
                raise
            # Arguments that do not fit parameters fail in the line that calls, not inside.
            place = Span(file=trace.tb_frame.f_code.co_filename, line=trace.tb_lineno)
            said = str(error).removeprefix("Schedule.")
            if said != str(error) and trace.tb_frame.f_code is self.python.__code__:
                raise Refused("wsp.bad-argument", said, span=place, help="see the directive's parameters") from None
            if (refusal := _unfit(str(error), place)) is not None:
                raise refusal from None
            raise


def _unfit(said: str, place: Span) -> Refused | None:
    """The refusal of arguments that do not fit a policy or another value of a directive; None for another mistake."""
    name, _, what = said.partition(".__init__() ")
    made = next((each for each in _kinds(Value) if each.__name__ == name or each.__qualname__ == name), None)
    if not what or made is None:
        return None
    known = [each.name for each in sorted(fields(made), key=lambda one: one.name == "workers")]
    unknown = re.search(r"unexpected keyword argument '(\w+)'", what)
    near = get_close_matches(unknown[1], known, 1, 0.5) if unknown is not None else []
    return Refused(
        "wsp.bad-argument",
        f"`{made.__name__}` {what}",
        span=place,
        help=f"did you mean `{near[0]}`?" if near else f"its parameters are {', '.join(known)}",
    )


def _kinds(kind: type[Value]) -> Iterator[type[Value]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def schedule(workload: AnyDefinition) -> Callable[[Callable[[Schedule], None]], ScheduleDefinition]:
    """Makes a function a schedule of `workload`; it runs over cursors when the workload is compiled with it.

    Raises:
        Refused: `wsp.bad-argument` when `workload` is no workload.
    """
    if not _is_workload(workload):
        raise bad_argument(f"`@schedule` is given {workload!r}", "give a function that is decorated with @workload")

    def decorate(python: Callable[[Schedule], None]) -> ScheduleDefinition:
        return ScheduleDefinition(python, workload)

    return decorate


def _is_workload(value: object) -> bool:
    return isinstance(value, Definition) and cast("AnyDefinition", value).kind == "workload"


def _definitions(value: object) -> list[AnyDefinition]:
    return [each for each in getattr(value, "__dict__", {}).values() if isinstance(each, Definition)]
