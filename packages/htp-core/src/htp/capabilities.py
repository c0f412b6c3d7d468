"""Capabilities: typed facts about a program, the uses it makes, and when one fact is as good as another.

Knows nothing of the passes that establish facts or of the planner that chooses among them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from htp.diagnostics import Refused, Span
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from htp.program import Program

__all__ = [
    "CORE_CAPABILITIES",
    "CORE_USES",
    "LOWERED",
    "Capability",
    "Captured",
    "DTypeUse",
    "DialectUse",
    "DirectiveUse",
    "FacetUse",
    "Inlined",
    "IntrinsicUse",
    "Loops",
    "Normalized",
    "OpUse",
    "Parallel",
    "PendingUse",
    "Simplified",
    "Typed",
    "Use",
    "Vectorized",
    "holds",
    "parse_fact",
    "parse_use",
    "untrue",
]


@dataclass(frozen=True)
class Capability:
    """An immutable typed record that can be true of a program: a class and its fields.

    A plugin subclasses it as a frozen dataclass and passes its namespace, which becomes part of the printed name:
    `class Checked(Capability, owner="axe")` prints as `axe.Checked()`. A field left `None` says nothing.
    """

    tag: ClassVar[str] = "Capability"

    def __init_subclass__(cls, *, owner: str = "") -> None:
        """Names the fact; `owner` is the namespace of the plugin that declares it."""
        super().__init_subclass__()
        cls.tag = f"{owner}.{cls.__name__}" if owner else cls.__name__

    def satisfies(self, wanted: Capability) -> bool:
        """Whether this fact is at least as strong as `wanted` (record width subtyping).

        Both are of one class and every field set in `wanted` equals, or is a set or range that holds, this fact's
        field; where that is a set or range too, all of it lies in the wanted one.

        >>> Vectorized(width=16).satisfies(Vectorized()), Vectorized(width=16).satisfies(Vectorized(width=8))
        (True, False)
        """
        return type(self) is type(wanted) and _fields_satisfy(self, wanted)

    def verify(self, program: Program) -> None:
        """Checks the fact against the program itself; raises `Refused` where it does not hold."""

    def __str__(self) -> str:
        return _text(self, self.tag)


@dataclass(frozen=True)
class Captured(Capability):
    """The program was read from Python source and lies in the accepted subset."""

    def verify(self, program: Program) -> None:
        """The entry is one of the functions and no name is defined twice."""
        names = [each.name for each in program.functions]
        if program.entry not in names:
            raise untrue(self, f"the entry `{program.entry}` is not among the functions {', '.join(names)}")
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise untrue(self, f"`{repeated[0]}` is defined more than once")


@dataclass(frozen=True)
class Typed(Capability):
    """Every expression has a known type and shape."""

    def verify(self, program: Program) -> None:
        """Inference succeeds, and every tile variable is annotated with its dtype and rank."""
        from htp._impl.forms import untyped

        _none(self, untyped(program))


@dataclass(frozen=True)
class Inlined(Capability):
    """No `@htp.func` helper is left: every call to one was replaced by its body."""

    def verify(self, program: Program) -> None:
        """No function of kind `func` is left."""
        for each in program.functions:
            if each.kind == "func":
                raise untrue(self, f"the helper `{each.name}` is still there", each.origin)


@dataclass(frozen=True)
class Normalized(Capability):
    """Three-address tile form: every tile operation has names, constants or slices as operands."""

    def verify(self, program: Program) -> None:
        """No tile operation is an operand of another one, no operation is a method of an expression."""
        from htp._impl.forms import not_normal

        _none(self, not_normal(program))


@dataclass(frozen=True)
class Simplified(Capability):
    """Constants are folded, dimensions reduced by what is known about them, and unused values removed."""

    def verify(self, program: Program) -> None:
        """Core's simplification finds nothing to do."""
        from htp._impl.forms import not_simple

        _none(self, not_simple(program))


@dataclass(frozen=True)
class Loops(Capability):
    """Register form: explicit scalar loops and buffers, no tile larger than one row of lanes."""

    def verify(self, program: Program) -> None:
        """No matrix product is left as an operator."""
        for function, node in _nodes(program):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
                raise untrue(self, f"`{function}` still contains `{ast.unparse(node)}`", origin_of(node))


@dataclass(frozen=True)
class Parallel(Capability):
    """Independent iterations are marked `parallel`."""

    def verify(self, program: Program) -> None:
        """In no marked loop do all iterations assign one variable or write one place.

        Whether different positions overlap, and whether more loops could be marked, is not checked.
        """
        from htp._impl.forms import not_parallel

        _none(self, not_parallel(program))


@dataclass(frozen=True)
class Vectorized(Capability):
    """Innermost loops run over rows of `width` lanes."""

    width: int | None = None

    def verify(self, program: Program) -> None:
        """Every `strips` loop has the promised width."""
        for function, node in _nodes(program):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "strips"):
                continue
            width = node.args[-1] if node.args else None
            if self.width is not None and not (isinstance(width, ast.Constant) and width.value == self.width):
                raise untrue(self, f"`{function}` has `{ast.unparse(node)}`", origin_of(node))


@dataclass(frozen=True)
class Use:
    """A construct in a program that some pass or backend must understand, with the places that introduced it.

    Two uses are equal when class and fields are; the places are carried along and do not count.
    """

    kind: ClassVar[str] = "use"

    name: str
    spans: tuple[Span, ...] = field(default=(), compare=False, kw_only=True)

    def covered_by(self, pattern: Use) -> bool:
        """Whether `pattern` speaks of this use: same class, a name or glob that fits, and no contrary field.

        >>> OpUse("tile.exp").covered_by(OpUse("tile.*"))
        True
        """
        return (
            type(self) is type(pattern)
            and fnmatchcase(self.name, pattern.name)
            and _fields_satisfy(self, pattern, skip=("name", "spans"))
        )

    def __str__(self) -> str:
        return _text(self, type(self).__name__, skip=("spans",))


@dataclass(frozen=True)
class DialectUse(Use):
    """A dialect the program is written in, such as `tile`, `host` or `csp`."""

    kind: ClassVar[str] = "dialect"


@dataclass(frozen=True)
class OpUse(Use):
    """An operation called by the program, such as `tile.exp`."""

    kind: ClassVar[str] = "op"


@dataclass(frozen=True)
class IntrinsicUse(Use):
    """An intrinsic called by the program, such as `pto.add`."""

    kind: ClassVar[str] = "intrinsic"


@dataclass(frozen=True)
class DTypeUse(Use):
    """A dtype named by a parameter or in a body, such as `f64`."""

    kind: ClassVar[str] = "dtype"


@dataclass(frozen=True)
class FacetUse(Use):
    """A layout facet kind attached to a value, such as `axe`, in one of its roles."""

    kind: ClassVar[str] = "facet"

    role: str | None = None


@dataclass(frozen=True)
class PendingUse(Use):
    """A reduction still owed over a mesh axis, such as `+` over `tp`."""

    kind: ClassVar[str] = "pending"

    axis: str | None = None


@dataclass(frozen=True)
class DirectiveUse(Use):
    """A schedule directive the target must honour, such as `task_window`."""

    kind: ClassVar[str] = "directive"


CORE_CAPABILITIES: tuple[type[Capability], ...] = (
    Captured,
    Typed,
    Inlined,
    Normalized,
    Simplified,
    Loops,
    Parallel,
    Vectorized,
)
CORE_USES: tuple[type[Use], ...] = (DialectUse, OpUse, IntrinsicUse, DTypeUse, FacetUse, PendingUse, DirectiveUse)
LOWERED: tuple[Capability, ...] = (Normalized(), Simplified(), Loops(), Parallel(), Vectorized())
"""Every form below the one that programs are written in. A pass that writes new tile expressions destroys them all."""


def holds(wanted: Capability, facts: Iterable[Capability]) -> bool:
    """Whether some fact in `facts` satisfies `wanted`."""
    return any(fact.satisfies(wanted) for fact in facts)


def untrue(fact: Capability, reason: str, span: Span | None = None) -> Refused:
    """The refusal a `verify` raises when `fact` does not hold of the program."""
    return Refused(
        "plan.broken-promise",
        f"`{fact}` does not hold: {reason}",
        span=span,
        help=f"mend the text so that it holds, or go on from a stage before `{fact}` is promised",
    )


def _none(fact: Capability, findings: Iterable[tuple[str, Span | None]]) -> None:
    for reason, span in findings:
        raise untrue(fact, reason, span)


def parse_fact(text: str, classes: Iterable[type[Capability]] = CORE_CAPABILITIES) -> Capability:
    """Reads back what `str(fact)` printed, through the given classes.

    Raises:
        Refused: `plan.bad-fact` for text that is no fact of these classes.
    """
    return _parse(text, {each.tag: each for each in classes}, "fact")


def parse_use(text: str, classes: Iterable[type[Use]] = CORE_USES, spans: tuple[Span, ...] = ()) -> Use:
    """Reads back what `str(use)` printed; the places are given apart.

    Raises:
        Refused: `plan.bad-fact` for text that is no use of these classes.
    """
    use = _parse(text, {each.__name__: each for each in classes}, "use")
    return replace(use, spans=spans) if spans else use


def _fields_satisfy(offered: Capability | Use, wanted: Capability | Use, skip: tuple[str, ...] = ()) -> bool:
    for each in fields(wanted):
        if each.name in skip:
            continue
        want: object = getattr(wanted, each.name)
        have: object = getattr(offered, each.name)
        if want is not None and want != have and not _lies_in(have, want):
            return False
    return True


def _lies_in(have: object, want: object) -> bool:
    """Whether a value, or every value of a set or range that is not empty, is among those wanted."""
    if not isinstance(want, (frozenset, range)):
        return False
    among = cast("frozenset[object] | range", want)
    if not isinstance(have, (frozenset, range)):
        return have in among
    if isinstance(have, range) and isinstance(among, range):
        ends = len(have) > 0 and have[0] in among and have[-1] in among
        return ends and (len(have) == 1 or have.step % among.step == 0)
    some = cast("frozenset[object] | range", have)
    return 0 < len(some) <= len(among) and all(each in among for each in some)


def _text(record: Capability | Use, tag: str, skip: tuple[str, ...] = ()) -> str:
    shown = ((each.name, getattr(record, each.name)) for each in fields(record) if each.name not in skip)
    return f"{tag}({', '.join(f'{name}={_value_text(value)}' for name, value in shown if value is not None)})"


def _value_text(value: object) -> str:
    items = cast("frozenset[object]", value) if isinstance(value, frozenset) else None
    return "{" + ", ".join(sorted(map(repr, items))) + "}" if items else repr(cast("object", value))


_Record = TypeVar("_Record", Capability, Use)


def _parse(text: str, classes: Mapping[str, type[_Record]], noun: str) -> _Record:
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        call = None
    if not isinstance(call, ast.Call) or call.args:
        raise Refused("plan.bad-fact", f"`{text}` is not a {noun}; write it like `Vectorized(width=16)`")
    tag = ast.unparse(call.func)
    if tag not in classes:
        known = ", ".join(sorted(classes))
        raise Refused("plan.bad-fact", f"no installed plugin declares the {noun} `{tag}`", notes=(f"known: {known}",))
    allowed = [each.name for each in fields(classes[tag]) if each.name != "spans"]
    values: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg not in allowed:
            raise Refused("plan.bad-fact", f"`{tag}` has no field `{keyword.arg}`", notes=(f"fields: {allowed}",))
        values[keyword.arg] = _value(keyword.value, text)
    try:
        return cast("Callable[..., _Record]", classes[tag])(**values)
    except TypeError as error:
        raise Refused("plan.bad-fact", f"`{text}` is not complete: {error}") from error


def _value(node: ast.expr, text: str) -> object:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("range", "frozenset"):
        arguments = [_value(each, text) for each in node.args]
        if node.func.id == "frozenset" and not arguments:
            return frozenset[object]()
        if node.func.id == "range" and all(isinstance(each, int) for each in arguments):
            return range(*(each for each in arguments if isinstance(each, int)))
    try:
        value: object = ast.literal_eval(node)
    except ValueError as error:
        raise Refused("plan.bad-fact", f"`{text}` has a value that is not a literal: `{ast.unparse(node)}`") from error
    return frozenset(cast("set[object]", value)) if isinstance(value, set) else value


def _nodes(program: Program) -> Iterable[tuple[str, ast.AST]]:
    for function in program.functions:
        for statement in function.body:
            for node in ast.walk(statement):
                yield function.name, node
