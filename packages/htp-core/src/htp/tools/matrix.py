"""What goes together: every installed unit against every target, read off the contracts; nothing is compiled.

Knows how a unit is asked about; does not know how the answer is argued, which `htp plan` does.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp._impl.environment_refusals import lack_of, lacking
from htp.artifact.manifest import Record
from htp.capabilities import Captured, DialectUse, DirectiveUse, DTypeUse, FacetUse, IntrinsicUse, OpUse
from htp.declarations import IntrinsicSet
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.names import DTYPES
from htp.ops import OPS
from htp.planner import find_plan, problem_for
from htp.program import Program
from htp.session import current_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp.capabilities import Use
    from htp.session import Session

OK = "ok"


class Unit(Record, frozen=True, kw_only=True):
    """Something installed, by kind and name, and for each target `ok` or the code that refuses it."""

    kind: str
    name: str
    outcomes: tuple[str, ...]


class Matrix(Record, frozen=True, kw_only=True):
    """Units against targets."""

    targets: tuple[str, ...]
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Row:
    """Units of one kind that fare alike."""

    kind: str
    names: tuple[str, ...]
    outcomes: tuple[str, ...]


def matrix(targets: Sequence[str] = ()) -> Matrix:
    """Every unit against these targets, by default all that are installed.

    Raises:
        Refused: `plan.unknown-target`.
    """
    session = current_session()
    here = [Environment.of(name, session) for name in targets or session.targets]
    units = [
        Unit(kind=use.kind, name=use.name, outcomes=tuple(_outcome(each, (use,)) for each in here))
        for use in _uses(session)
    ]
    units += [
        Unit(kind="pass", name=each.name, outcomes=tuple(_outcome(env, pins=(each.name,)) for env in here))
        for each in session.passes
    ]
    return Matrix(targets=tuple(each.target.name for each in here), units=tuple(units))


def _uses(session: Session) -> Iterator[Use]:
    """One use for everything a program can be made of."""
    yield from map(DialectUse, session.dialects)
    for each in session.intrinsics.values():
        if isinstance(each, IntrinsicSet):
            yield from map(IntrinsicUse, each.qualified)
    yield from map(FacetUse, session.facets)
    yield from map(DTypeUse, DTYPES)
    names = {name for backend in session.backends.values() for name, _ in backend.directives}
    yield from map(DirectiveUse, sorted(names))
    yield from (OpUse(f"tile.{op.name}") for op in OPS)


def _outcome(environment: Environment, uses: Iterable[Use] = (), pins: tuple[str, ...] = ()) -> str:
    """Whether a program that makes these uses, and nothing else, can be compiled with these passes."""
    program = Program("a program", (), facts=frozenset({Captured()}), uses=tuple(uses))
    problem = problem_for(program, environment, pins=pins)
    for use in lacking(problem):
        return lack_of(environment, use)[0]
    try:
        find_plan(problem)
    except Refused as refused:
        return refused.code
    return OK


def rows(found: Matrix) -> tuple[Row, ...]:
    """The units of each kind, those together that fare alike on every target."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for unit in found.units:
        together.setdefault((unit.kind, unit.outcomes), []).append(unit.name)
    return tuple(Row(kind, tuple(names), outcomes) for (kind, outcomes), names in together.items())


def markdown(found: Matrix) -> Iterator[str]:
    """The matrix as a Markdown table."""
    yield f"| kind | units | {' | '.join(found.targets)} |"
    yield f"|---|---|{'---|' * len(found.targets)}"
    for row in rows(found):
        yield f"| {row.kind} | {', '.join(f'`{name}`' for name in row.names)} | {' | '.join(row.outcomes)} |"


def page(found: Matrix) -> Iterator[str]:
    """The matrix as an HTML table."""
    yield "<table>"
    yield f"<tr><th>kind</th><th>units</th>{''.join(f'<th>{html.escape(name)}</th>' for name in found.targets)}</tr>"
    for row in rows(found):
        names = ", ".join(f"<code>{html.escape(name)}</code>" for name in row.names)
        cells = "".join(f'<td class="{"ok" if each == OK else "refused"}">{each}</td>' for each in row.outcomes)
        yield f"<tr><td>{row.kind}</td><td>{names}</td>{cells}</tr>"
    yield "</table>"


def cells(found: Matrix) -> Iterator[tuple[str, ...]]:
    """The matrix as rows of a text table, long lists of names cut."""
    yield ("KIND", "UNITS", *found.targets)
    for row in rows(found):
        shown = ", ".join(row.names[:4]) + (f" … {len(row.names)} in all" if len(row.names) > 4 else "")
        yield (row.kind, shown, *row.outcomes)
