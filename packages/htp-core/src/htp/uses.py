"""The uses of a captured program: the dialects it is written in and the operations it calls, with their places.

Knows syntax; does not know who understands what.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.analyses import Analysis
from htp.capabilities import DialectUse, DirectiveUse, DTypeUse, FacetUse, IntrinsicUse, OpUse, Use
from htp.diagnostics import Refused
from htp.foreign import dialect_of, directive_called, foreign_name, intrinsic_called, outside
from htp.names import DTYPES
from htp.program import CORE_KINDS, origin_of
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp.types import Param

METHODS = {"astype": "cast"} | {
    name: name
    for name in ("reshape", "transpose", "sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin")
}
"""The operation that each method of a tile stands for."""
OPERATORS: dict[type[ast.operator], str] = {ast.MatMult: "tile.dot"}

WRITTEN = (DialectUse, FacetUse, IntrinsicUse, OpUse)
"""Classes of uses that the text of every stage shows; the others are known from the user's text and from contracts."""


def with_uses(program: Program) -> Program:
    """The program with its uses filled in, in order of kind and name."""
    found, gangs = _Found(), _ganged(program)
    for function in program.functions:
        found.add(DialectUse, dialect_of(function.kind) or function.kind, function.origin)
        for param in function.params:
            found.param(param, function.origin)
            if param.is_end and function.kind in CORE_KINDS:
                form = "gangs" if function.name in gangs else "streams"
                found.add(DialectUse, form, param.origin or function.origin)
        lent = found.foreign(program, function)
        for statement in function.body:
            found.statement(statement, lent)
    return replace(program, uses=found.uses())


class _Found:
    """Places by class and name of use."""

    def __init__(self) -> None:
        self.places: dict[tuple[type[Use], str], list[Span]] = {}

    def add(self, use: type[Use], name: str, place: Span | None) -> None:
        if place is not None:
            self.places.setdefault((use, name), []).append(place)

    def uses(self) -> tuple[Use, ...]:
        ordered = sorted(self.places.items(), key=lambda each: (each[0][0].kind, each[0][1]))
        return tuple(use(name, spans=tuple(places)) for (use, name), places in ordered)

    def param(self, param: Param, function: Span) -> None:
        if param.type is None:
            return
        place = param.origin or function
        self.add(DTypeUse, param.type.dtype.name, place)
        if not isinstance(param.type, ScalarType):
            for facet in param.type.facets:
                self.add(FacetUse, _facet_kind(param, facet, place), place)

    def statement(self, statement: ast.stmt, lent: set[int]) -> None:
        for node in _values(statement):
            if isinstance(node, ast.Name) and node.id in DTYPES:
                self.add(DTypeUse, node.id, origin_of(node))
            elif isinstance(node, ast.Name) and node.id == "open_tasks":
                self.add(DialectUse, "tasks", origin_of(node))
            elif isinstance(node, ast.Call) and (form := _network_opened(node)) is not None:
                self.add(DialectUse, form, origin_of(node))
            elif id(node) not in lent and (name := _operation(node)) is not None:
                self.add(OpUse, name, origin_of(node))

    def foreign(self, program: Program, function: Function) -> set[int]:
        """Intrinsics and words of dialects, each at the call it stands in; returns these calls."""
        lent: set[int] = set()
        names = {id(each): each for each in outside(program, function)}
        calls = [node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call)]
        for call in calls:
            root: ast.AST = call.func
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            known = foreign_name(root.id) if isinstance(root, ast.Name) and id(root) in names else None
            if known is None:
                continue
            lent.add(id(call))
            if known.what == "word":
                self.add(DialectUse, known.owner, origin_of(call))
                if (directive := directive_called(call)) is not None:
                    self.add(DirectiveUse, directive, origin_of(call))
            elif (name := intrinsic_called(call)) is not None:
                self.add(IntrinsicUse, name, origin_of(call))
        return lent


def written_uses(program: Program) -> tuple[Use, ...]:
    """The uses that the program's text shows now, whatever is recorded with it."""
    return program.analysis(_WRITTEN_USES)


def written_directives(program: Program) -> tuple[Use, ...]:
    """The directives that the program's text shows now."""
    return tuple(each for each in with_uses(program).uses if isinstance(each, DirectiveUse))


_WRITTEN_USES = Analysis(
    "uses", lambda program: tuple(each for each in with_uses(program).uses if isinstance(each, WRITTEN))
)


def _network_opened(node: ast.Call) -> str | None:
    """The process form that a call opens a network of."""
    if not isinstance(node.func, ast.Name) or node.func.id != "open_network":
        return None
    told = {each.arg: each.value for each in node.keywords}.get("together")
    return "gangs" if isinstance(told, ast.Constant) and told.value is True else "streams"


def _ganged(program: Program) -> frozenset[str]:
    """The names that stand in functions which open gangs, and so those of their processes."""
    nodes = [[node for each in one.body for node in ast.walk(each)] for one in program.functions]
    gangs = [each for each in nodes if any(isinstance(n, ast.Call) and _network_opened(n) == "gangs" for n in each)]
    return frozenset(node.id for each in gangs for node in each if isinstance(node, ast.Name))


def _operation(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "tile":
            return f"tile.{node.func.attr}"
        method = METHODS.get(node.func.attr)
        return f"tile.{method}" if method is not None else None
    return OPERATORS.get(type(node.op)) if isinstance(node, ast.BinOp) else None


def _values(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without annotations, which passes write and no target has to understand."""
    yield statement
    annotation = statement.annotation if isinstance(statement, ast.AnnAssign) else None
    for each in ast.iter_child_nodes(statement):
        if each is not annotation:
            yield from _values(each)


def _facet_kind(param: Param, facet: object, place: Span) -> str:
    kind = getattr(facet, "KIND", None)
    if not isinstance(kind, str):
        raise Refused(
            "layout.not-a-facet",
            f"`{type(facet).__name__}` behind the dims of `{param.name}` is no layout facet",
            span=place,
            help="write a layout facet such as `strided(...)` there, or leave it out",
        )
    return kind
