"""Writing a schedule into a captured program: its directives become statements, which count like the user's own.

Knows what a schedule is and which names its statements may not collide with; does not know any directive.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from htp._impl.obtaining import obtaining
from htp.declarations import Inscriber
from htp.diagnostics import Refused
from htp.language import Definition
from htp.program import origin_of

if TYPE_CHECKING:
    from htp.program import Program
    from htp.session import Session


def inscribed(program: Program, schedule: object, session: Session) -> Program:
    """The program with the directives of a schedule in it.

    Raises:
        Refused: `plan.not-a-schedule`, `capture.name-taken`, and what the schedule itself refuses.
    """
    if not isinstance(schedule, Inscriber):
        raise _no_schedule(program, schedule, session)
    made = schedule.inscribe(program)
    _refuse_hidden(program, made, session)
    return made


def check_program(given: object) -> None:
    """Refuses what cannot be compiled because it is no decorated function.

    Raises:
        Refused: `plan.not-a-program`.
    """
    if isinstance(given, Definition):
        return
    if isinstance(given, str | Path):
        raise Refused(
            "plan.not-a-program",
            f"`{given}` is a text, and no program",
            help="give the decorated function itself, or the path of a stage's program.py to go on from",
        )
    schedule = isinstance(given, Inscriber)
    raise Refused(
        "plan.not-a-program",
        f"{_named(given)} is {'a schedule' if schedule else f'a {type(given).__name__}'}, and no program",
        help="compile the program that it is a schedule of, and give this one as `schedule=`"
        if schedule
        else "give a function that is decorated with @kernel, @routine or a dialect's word, such as @workload",
    )


def _named(given: object) -> str:
    name = getattr(given, "__name__", None)
    return f"`{name}`" if isinstance(name, str) else "what was given"


def late(stage: str) -> Refused:
    """The refusal of a schedule for a stage."""
    return Refused(
        "plan.late-schedule",
        f"a schedule was given to stage {stage}, and stages have their directives already",
        help="compile the program itself with the schedule, or edit the directives in the stage's text",
    )


def _no_schedule(program: Program, schedule: object, session: Session) -> Refused:
    found = obtaining("dialect", "wsp", session.plugins)
    return Refused(
        "plan.not-a-schedule",
        f"a {type(schedule).__name__} was given as the schedule of `{program.entry}`",
        chain=found.reasons if found is not None else (),
        help=(
            f"decorate a function with `@schedule({program.entry})` and give that",
            *([found.text] if found is not None else []),
        ),
    )


def _refuse_hidden(before: Program, made: Program, session: Session) -> None:
    """A word that is also a name of the program's own would be read as that, and the directive be lost in silence."""
    known = {id(each) for each in before.main.body}
    new = [node for each in made.main.body if id(each) not in known for node in ast.walk(each)]
    nodes = [node for each in made.main.body for node in ast.walk(each) if isinstance(node, ast.Name)]
    own = {each.id for each in nodes if isinstance(each.ctx, ast.Store)} | {each.name for each in made.main.params}
    own |= {each.name for each in made.functions} | {name for name, _ in (*made.constants, *made.slots)}
    for node in new:
        if isinstance(node, ast.Name) and node.id in own and node.id in session.foreign:
            raise Refused(
                "capture.name-taken",
                f"`{node.id}` of the schedule is also a name of `{made.entry}` itself",
                span=origin_of(node),
                help=f"call the program's own `{node.id}` something else",
            )
