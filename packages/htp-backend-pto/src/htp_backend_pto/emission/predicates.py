"""Branches on one element that a task writes, as predicates of the tasks in them: the runtime decides when they start.

Knows statements of a routine: `x = tile.item(a[i])`, then `if x > 2:` with nothing but calls of kernels in it. Says
nothing of how such calls are printed.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.types import ScalarType
from htp_backend_pto.emission.regions import root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.program import Function, Program

__all__ = ["Choice", "Predicate", "choices_in", "predicates_in"]

Op = Literal["EQ", "NE", "GT", "GE", "LT", "LE"]
OPS: dict[type[ast.cmpop], Op] = {
    ast.Eq: "EQ", ast.NotEq: "NE", ast.Gt: "GT", ast.GtE: "GE", ast.Lt: "LT", ast.LtE: "LE",
}  # fmt: skip
MIRRORED: dict[Op, Op] = {"EQ": "EQ", "NE": "NE", "GT": "LT", "GE": "LE", "LT": "GT", "LE": "GE"}
NEGATED: dict[Op, Op] = {"EQ": "NE", "NE": "EQ", "GT": "LE", "GE": "LT", "LT": "GE", "LE": "GT"}
SIGNS: dict[Op, str] = {"EQ": "==", "NE": "!=", "GT": ">", "GE": ">=", "LT": "<", "LE": "<="}
INTEGERS = frozenset(("i8", "i16", "i32", "i64", "bool_"))
"""Dtypes of elements that the runtime compares rightly: it takes every element as a signed integer of its size.

hw-native-sys/simpler@6ebaf77, src/a2a3/runtime/*/runtime/pto_submit_types.h, `DispatchPredicate`.
"""


@dataclass(frozen=True)
class Predicate:
    """A task runs if the element compares so with the target, when all tasks before it have run."""

    element: ast.Subscript
    op: Op
    target: ast.expr

    @property
    def text(self) -> str:
        """The condition in Python."""
        return f"{ast.unparse(self.element)} {SIGNS[self.op]} {ast.unparse(self.target)}"

    def negated(self) -> Predicate:
        """What holds where it does not."""
        return Predicate(self.element, NEGATED[self.op], self.target)

    def both(self, other: Predicate) -> Predicate | None:
        """The predicate that holds where both do; `None` if no single comparison says that."""
        one, two = _span(self), _span(other)
        if one is None or two is None:
            return None
        for span, hole in ((one, two), (two, one)):
            if isinstance(span, int) and isinstance(hole, int):
                return self if span == hole else None
            if isinstance(hole, int) and not isinstance(span, int):
                return _said(self.element, _without(span, hole))
        if isinstance(one, int) or isinstance(two, int):
            return None
        lows = [each for each in (one[0], two[0]) if each is not None]
        highs = [each for each in (one[1], two[1]) if each is not None]
        return _said(self.element, (max(lows, default=None), min(highs, default=None)))


Span = tuple[int | None, int | None]
"""The first and the last integer for which something holds; without bounds where None."""


def _span(predicate: Predicate) -> Span | int | None:
    """For which integers it holds; the one for which it does not, where it is one; `None` if it is not known."""
    value = _integer(predicate.target)
    if value is None:
        return None
    spans: dict[Op, Span | int] = {
        "EQ": (value, value), "NE": value, "GT": (value + 1, None), "GE": (value, None),
        "LT": (None, value - 1), "LE": (None, value),
    }  # fmt: skip
    return spans[predicate.op]


def _without(span: Span, hole: int) -> Span | None:
    low, high = span
    if (low is not None and hole < low) or (high is not None and hole > high):
        return span
    if low == hole:
        return hole + 1, high
    return (low, hole - 1) if high == hole else None


def _said(element: ast.Subscript, span: Span | None) -> Predicate | None:
    match span:
        case (int(low), None):
            return Predicate(element, "GE", ast.Constant(low))
        case (None, int(high)):
            return Predicate(element, "LE", ast.Constant(high))
        case (int(low), int(high)) if low == high:
            return Predicate(element, "EQ", ast.Constant(low))
        case _:
            return None


def _integer(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as value):
            return int(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -int(value)
        case _:
            return None


@dataclass
class Choice:
    """A branch whose tasks the runtime chooses: its statements, and the predicate of every call in it.

    `reads` are the statements that take the element out, which the routine then has no need of.
    """

    reads: list[ast.stmt] = field(default_factory=list[ast.stmt])
    branches: list[ast.If] = field(default_factory=list[ast.If])
    calls: list[tuple[ast.stmt, Predicate]] = field(default_factory=list["tuple[ast.stmt, Predicate]"])


def choices_in(program: Program, function: Function, dtypes: Mapping[str, str]) -> list[Choice]:
    """The branches of a routine that the runtime can decide on; `dtypes` are those of its arrays."""
    kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
    written = _written(function.body, kernels)
    integers = {each.name for each in function.params if isinstance(each.type, ScalarType) and _whole(each.type)}
    integers |= {name for name, value in program.constants if isinstance(value, int)}
    finder = _Finder(kernels, {name: dtypes[name] for name in written if name in dtypes}, frozenset(integers))
    loaded = Counter(_loads(function.body))
    return [each for each in _choices(function.body, finder) if _nowhere_else(each, loaded)]


def predicates_in(program: Program, function: Function, dtypes: Mapping[str, str]) -> list[Choice]:
    """The branches that the runtime decides on: every call in them is given the element, so that its task waits for it.

    `lower.split.predicates` writes such calls.
    """
    return [
        each
        for each in choices_in(program, function, dtypes)
        if all(_is_given(call, predicate.element) for call, predicate in each.calls)
    ]


def _is_given(statement: ast.stmt, element: ast.Subscript) -> bool:
    """Whether the last argument of a call is the part of an array that is the element alone."""
    match statement:
        case ast.Expr(value=ast.Call(args=[*_, ast.Subscript() as part])) if root_of(part) == root_of(element):
            given, wanted = _indices(part), _indices(element)
        case _:
            return False
    starts = [each.lower if isinstance(each, ast.Slice) else each for each in given]
    texts = ["0" if each is None else ast.unparse(each) for each in starts]
    one = all(isinstance(each, ast.Slice) for each in given)
    return one and isinstance(part.value, ast.Name) and texts == [ast.unparse(each) for each in wanted]


def _indices(node: ast.Subscript) -> list[ast.expr]:
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _written(body: Sequence[ast.stmt], kernels: Mapping[str, Function]) -> frozenset[str]:
    """The arrays that calls in the statements write."""
    found: set[str] = set()
    for node in (node for each in body for node in ast.walk(each)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kernels:
            params = kernels[node.func.id].params
            given = [*zip((each.name for each in params), node.args, strict=False)]
            given += [(each.arg or "", each.value) for each in node.keywords]
            writes = {each.name for each in params if each.direction in ("out", "inout")}
            found |= {root for name, value in given if name in writes and (root := root_of(value)) is not None}
    return frozenset(found)


def _choices(body: Sequence[ast.stmt], finder: _Finder) -> Iterator[Choice]:
    for number, each in enumerate(body):
        if not isinstance(each, ast.For | ast.While | ast.If):
            continue
        choice = Choice()
        read = finder.read_of(body, number)
        if isinstance(each, ast.If) and read is not None and finder.branch(read, each, None, choice) and choice.calls:
            yield choice
            continue
        yield from _choices(each.body, finder)
        if isinstance(each, ast.If):
            yield from _choices(each.orelse, finder)


def _nowhere_else(choice: Choice, loaded: Counter[str]) -> bool:
    """Whether the numbers that are taken out are used by the tests alone."""
    tested = Counter(_loads([ast.Expr(each.test) for each in choice.branches]))
    return all(loaded[name] == tested[name] for name, _ in map(_item, choice.reads))


class _Finder:
    """Says whether a branch can be left to the runtime.

    `dtypes` are those of arrays that tasks write, `integers` scalars that hold one number all the time.
    """

    def __init__(self, kernels: Mapping[str, Function], dtypes: Mapping[str, str], integers: frozenset[str]) -> None:
        self.kernels, self.dtypes, self.integers = kernels, dtypes, integers

    def branch(self, read: ast.stmt, branch: ast.If, under: Predicate | None, choice: Choice) -> bool:
        """Adds what `branch` selects, where `under` holds; `read` takes out the element that it looks at."""
        name, element = _item(read)
        if element is None or self.dtypes.get(root_of(element) or "") not in INTEGERS:
            return False
        test = self.compared(branch.test, name, element)
        if test is None or (under is not None and ast.unparse(under.element) != ast.unparse(element)):
            return False
        choice.reads.append(read)
        choice.branches.append(branch)
        for body, own in ((branch.body, test), (branch.orelse, test.negated())):
            holds = own if under is None else under.both(own)
            if body and (holds is None or not self.block(body, holds, choice)):
                return False
        return True

    def block(self, body: Sequence[ast.stmt], holds: Predicate, choice: Choice) -> bool:
        """Adds the calls of statements that run where `holds`; says whether they are nothing else."""
        return all(self.statement(body, number, holds, choice) for number in range(len(body)))

    def read_of(self, body: Sequence[ast.stmt], number: int) -> ast.stmt | None:
        """The statement that takes out what a branch looks at, if nothing between the two changes it."""
        branch = body[number]
        names = set(_loads([ast.Expr(branch.test)])) if isinstance(branch, ast.If) else set[str]()
        for at in reversed(range(number)):
            name, element = _item(body[at])
            between = body[at + 1 : number]
            if name not in names or element is None:
                continue
            same = root_of(element) not in _written(between, self.kernels)
            return body[at] if same and not set(_loads([ast.Expr(element)])) & _stored(between) else None
        return None

    def statement(self, body: Sequence[ast.stmt], number: int, holds: Predicate, choice: Choice) -> bool:
        """The same for one statement of a block."""
        each = body[number]
        match each:
            case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Expr(value=ast.Call(func=ast.Name(id="task"))):
                return True
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), keywords=[])) if name in self.kernels:
                choice.calls.append((each, holds))
                return root_of(holds.element) not in _written([each], self.kernels)
            case ast.Assign(value=ast.Call(func=ast.Name(id="empty"))):
                return True
            case ast.For(target=ast.Name(id=name), body=inner):
                return name not in _loads([ast.Expr(holds.element)]) and self.block(inner, holds, choice)
            case ast.If():
                read = self.read_of(body, number)
                return read is not None and self.branch(read, each, holds, choice)
            case _:
                later = [self.read_of(body, at) for at in range(number + 1, len(body))]
                return any(read is each for read in later)

    def compared(self, test: ast.expr, name: str, element: ast.Subscript) -> Predicate | None:
        """A test on the name as a comparison of the element with something else."""
        match test:
            case ast.Name(id=own) if own == name:
                return Predicate(element, "NE", ast.Constant(0))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                found = self.compared(inner, name, element)
                return found.negated() if found is not None else None
            case ast.Compare(left=ast.Name(id=own), ops=[op], comparators=[other]) if own == name:
                known = type(op) in OPS and self.known(other)
                return Predicate(element, OPS[type(op)], other) if known else None
            case ast.Compare(left=other, ops=[op], comparators=[ast.Name(id=own)]) if own == name:
                known = type(op) in OPS and self.known(other)
                return Predicate(element, MIRRORED[OPS[type(op)]], other) if known else None
            case _:
                return None

    def known(self, node: ast.expr) -> bool:
        """Whether it is an integer that the routine has when it submits."""
        return _integer(node) is not None or (isinstance(node, ast.Name) and node.id in self.integers)


def _item(statement: ast.stmt) -> tuple[str, ast.Subscript | None]:
    """The name that a statement gives to an element, and the element."""
    match statement:
        case (
            ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=ast.Attribute(attr="item"), args=[element]))
            | ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(attr="item"), args=[element]))
        ) if isinstance(element, ast.Subscript):
            return name, element
        case _:
            return "", None


def _stored(body: Sequence[ast.stmt]) -> set[str]:
    names = (node for each in body for node in ast.walk(each) if isinstance(node, ast.Name))
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}


def _whole(type_: ScalarType) -> bool:
    return type_.dtype.name.startswith(("i", "u"))


def _loads(body: Sequence[ast.stmt]) -> list[str]:
    names = (node for each in body for node in ast.walk(each) if isinstance(node, ast.Name))
    return [each.id for each in names if isinstance(each.ctx, ast.Load)]
