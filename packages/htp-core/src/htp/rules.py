"""Two-sided rewrite rules: what is matched and what replaces it, both written as ordinary Python.

Knows expressions, holes and guards; does not know which rules exist or what operations mean.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass, replace
from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Bug, Refused, Span
from htp.effects import has_effect
from htp.program import origin_of
from htp.rewriting import Rewriter, record_match, with_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Alternative", "Matched", "Rule", "apply_rules", "rewrite"]

APPLICATION_LIMIT = 10_000
DEPTH_LIMIT = 100


@dataclass(frozen=True)
class Matched:
    """What a hole stands for in one match, as guards see it."""

    node: ast.expr

    @property
    def text(self) -> str:
        """The expression as Python text."""
        return ast.unparse(self.node)

    @property
    def constant(self) -> bool | int | float | str | None:
        """The value of a literal (with its sign), else `None`."""
        try:
            value: object = ast.literal_eval(self.node)
        except (ValueError, TypeError, MemoryError):
            return None
        return value if isinstance(value, (bool, int, float, str)) else None

    @property
    def type(self) -> object | None:
        """The type that inference attached to the expression, `None` in an untyped program."""
        return getattr(self.node, "type", None)

    @property
    def dtype(self) -> object | None:
        """The dtype of `type`, where it has one."""
        return getattr(self.type, "dtype", None)

    @property
    def pure(self) -> bool:
        """Whether evaluating the expression twice, or not at all, makes no difference."""
        return not has_effect(self.node)


@dataclass(frozen=True)
class Alternative:
    """A right side and the guards, each with its wanted outcome, under which it applies."""

    guards: tuple[tuple[CodeType, bool], ...]
    replacement: ast.expr


@dataclass(frozen=True, eq=False)
class Rule:
    """One captured rule; `rewrite` makes it from a generator function."""

    name: str
    place: Span
    holes: tuple[str, ...]
    pattern: ast.expr
    alternatives: tuple[Alternative, ...]
    names: Callable[[], Mapping[str, object]]

    def match(self, node: ast.expr) -> dict[str, ast.expr] | None:
        """The holes' expressions if the left side fits `node`; guards are not asked."""
        found: dict[str, ast.expr] = {}
        return found if _fits(self._spelled[0], node, frozenset(self.holes), found) else None

    @cached_property
    def _spelled(self) -> tuple[ast.expr, tuple[Alternative, ...]]:
        """Both sides as programs spell them: intrinsics with their set, whatever the rule calls it."""
        names = {name: value for name, value in self.names().items() if name not in self.holes}
        spell = _Spelled(names).visit
        right = (replace(each, replacement=cast("ast.expr", spell(each.replacement))) for each in self.alternatives)
        return cast("ast.expr", spell(self.pattern)), tuple(right)

    def replacement(self, node: ast.expr) -> ast.expr | None:
        """The expression that replaces `node`, or `None` where the rule does not apply.

        Raises:
            Refused: `rule.unsafe-rewrite` when the right side would repeat, drop or reorder an effect of `node`.
        """
        found = self.match(node)
        if found is None:
            return None
        scope: dict[str, object] = {**self.names(), **{name: Matched(each) for name, each in found.items()}}
        for alternative in self._spelled[1]:
            if all(self._holds(guard, scope) is wanted for guard, wanted in alternative.guards):
                self._refuse_unsafe(alternative, found, node)
                result = _Fill(found).visit(alternative.replacement)
                if not isinstance(result, ast.expr):
                    raise Bug(f"rule {self.name} built {result!r}")
                return with_origin(result, node)
        return None

    def _holds(self, guard: CodeType, scope: dict[str, object]) -> bool:
        try:
            return bool(eval(guard, scope))  # the guard is the rule author's own code
        except Refused:
            raise
        except Exception as error:
            raise Bug(f"the guard of rule {self.name} ({self.place.place}) failed: {error!r}") from error

    def _refuse_unsafe(self, alternative: Alternative, found: Mapping[str, ast.expr], node: ast.expr) -> None:
        effectful = {name for name, each in found.items() if has_effect(each)}
        if not effectful:
            return
        before = _occurrences(self._spelled[0], effectful)
        after = _occurrences(alternative.replacement, effectful)
        for name in sorted(effectful):
            text = ast.unparse(found[name])
            count = after.count((name, True))
            if (name, False) in after:
                raise self._unsafe(node, f"evaluates `{text}` only sometimes", name)
            if count != before.count((name, True)) + before.count((name, False)):
                raise self._unsafe(node, f"{'drops' if count == 0 else 'repeats'} `{text}`", name)
        if [name for name, _ in before] != [name for name, _ in after]:
            raise self._unsafe(node, "changes the order of calls that have effects", after[0][0])

    def _unsafe(self, node: ast.expr, problem: str, hole: str) -> Refused:
        return Refused(
            "rule.unsafe-rewrite",
            f"rule `{self.name}` {problem}, which may have an effect",
            span=origin_of(node),
            notes=(f"the rule is at {self.place.place}", f"it matched `{ast.unparse(node)}`"),
            help=f"guard the right side of the rule with `if {hole}.pure:`",
        )


def rewrite(function: Callable[..., object]) -> Rule:
    """Captures a rule from a generator function whose parameters are holes; the function is never called.

    The first `yield` is what is matched, the last one what replaces it; `if` statements between them are guards
    over the holes (see `Matched`), evaluated at each match. Several guarded right sides are tried in order.

    Raises:
        Refused: `rule.bad-shape` when the function is not of this form.
    """
    definition, place = _source(function)
    holes = tuple(each.arg for each in definition.args.args)
    body = definition.body[1:] if ast.get_docstring(definition) is not None else definition.body
    if not body or (pattern := _yielded(body[0])) is None:
        raise _bad_shape(function.__name__, place, "its first statement must be `yield <what is matched>`")
    if isinstance(pattern, ast.Name):
        raise _bad_shape(function.__name__, place, "its left side is a single name, which would match everything")
    used = {each.id for each in ast.walk(pattern) if isinstance(each, ast.Name)}
    if unused := [hole for hole in holes if hole not in used]:
        raise _bad_shape(function.__name__, place, f"hole `{unused[0]}` does not occur on the left side")
    alternatives = tuple(_alternatives(body[1:], (), function.__name__, place))
    if not alternatives:
        raise _bad_shape(function.__name__, place, "it has no second `yield` that says what replaces the match")
    return Rule(function.__qualname__.replace("<locals>.", ""), place, holes, pattern, alternatives, _scope(function))


def apply_rules(rules: Iterable[Rule], body: tuple[ast.stmt, ...]) -> tuple[ast.stmt, ...]:
    """Applies `rules` to every expression, innermost first, until none matches; returns `body` itself if none did.

    Raises:
        Refused: `rule.no-fixpoint` when the rules go on for ever, `rule.unsafe-rewrite` from a rule.
    """
    applier = _Applier(tuple(rules))
    result = tuple(applier.statements(body))
    return result if applier.applied else body


class _Applier(Rewriter):
    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.applied = 0
        self.depth = 0

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt] | None:
        current: ast.AST = self._annotated(node) if isinstance(node, ast.AnnAssign) else self.generic_visit(node)
        self.depth += 1
        while isinstance(current, ast.expr) and isinstance(getattr(current, "ctx", ast.Load()), ast.Load):
            new = self._once(current)
            if new is None:
                break
            current = self.generic_visit(new)
        self.depth -= 1
        return current

    def _once(self, node: ast.expr) -> ast.expr | None:
        for rule in self.rules:
            new = rule.replacement(node)
            if new is None or not record_match(rule.name, node, new):
                continue
            self.applied += 1
            if self.applied > APPLICATION_LIMIT or self.depth > DEPTH_LIMIT:
                raise Refused(
                    "rule.no-fixpoint",
                    f"rule `{rule.name}` still matches after {self.applied} rewrites",
                    span=origin_of(node),
                    notes=(f"the rule is at {rule.place.place}", f"now at `{ast.unparse(node)[:80]}`"),
                    help="make the right side smaller than the left side, or guard the rule",
                )
            return new
        return None

    def _annotated(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Types are not expressions of the program: only the value and the target are rewritten."""
        bare = ast.Assign(targets=[node.target], value=node.value or ast.Constant(None))
        new = self.generic_visit(bare)
        if new is bare:
            return node
        changed = copy.copy(node)
        changed.value = new.value if node.value is not None else None
        changed.target = cast("ast.Name | ast.Attribute | ast.Subscript", new.targets[0])
        return changed


class _Spelled(Rewriter):
    """Writes `foo.fma` where an expression names that intrinsic in another way."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt] | None:
        from htp.intrinsics import Intrinsic

        value = self._value(node)
        if isinstance(value, Intrinsic):
            return ast.parse(cast("Intrinsic[..., object]", value).name, mode="eval").body
        return super().visit(node)

    def _value(self, node: ast.AST) -> object:
        if isinstance(node, ast.Attribute):
            return getattr(self._value(node.value), node.attr, None)
        return self.names.get(node.id) if isinstance(node, ast.Name) else None


class _Fill:
    """Puts the matched expressions into a right side; every other node is made anew."""

    def __init__(self, found: Mapping[str, ast.expr]) -> None:
        self.found = found
        self.placed: set[str] = set()

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name) and node.id in self.found:
            matched = self.found[node.id]
            again = node.id in self.placed
            self.placed.add(node.id)
            return _copy(matched) if again else matched
        return _copy_one(node, self.visit)


def _copy(node: ast.AST) -> ast.AST:
    return _copy_one(node, _copy)


def _copy_one(node: ast.AST, child: Callable[[ast.AST], ast.AST]) -> ast.AST:
    new = type(node)()
    for name, value in vars(node).items():
        if isinstance(value, list):
            items = cast("list[object]", value)
            setattr(new, name, [child(each) if isinstance(each, ast.AST) else each for each in items])
        else:
            setattr(new, name, child(value) if isinstance(value, ast.AST) else value)
    return new


_PLACES = frozenset(("lineno", "col_offset", "end_lineno", "end_col_offset", "ctx", "kind", "type_comment"))


def _fits(pattern: object, node: object, holes: frozenset[str], found: dict[str, ast.expr]) -> bool:
    if isinstance(pattern, ast.Name) and pattern.id in holes:
        if not isinstance(node, ast.expr) or isinstance(node, (ast.Starred, ast.Slice)):
            return False
        if pattern.id in found:
            return not has_effect(node) and _fits(found[pattern.id], node, frozenset(), {})
        found[pattern.id] = node
        return True
    if isinstance(pattern, ast.AST):
        if type(pattern) is not type(node):
            return False
        fields = (name for name in pattern._fields if name not in _PLACES)
        return all(_fits(_field(pattern, name), _field(node, name), holes, found) for name in fields)
    if isinstance(pattern, list):
        wanted = cast("list[object]", pattern)
        given = cast("list[object]", node) if isinstance(node, list) else []
        return len(wanted) == len(given) and all(_fits(a, b, holes, found) for a, b in zip(wanted, given, strict=True))
    return type(pattern) is type(node) and (pattern == node or repr(pattern) == repr(node))


def _field(node: object, name: str) -> object:
    value = getattr(node, name, None)
    if name == "keywords" and isinstance(value, list):
        return sorted(cast("list[ast.keyword]", value), key=lambda each: each.arg or "")
    return value


def _occurrences(node: ast.AST, names: set[str], always: bool = True) -> list[tuple[str, bool]]:
    """The holes of `names` in the order they are evaluated, each with whether it always is."""
    if isinstance(node, ast.Name):
        return [(node.id, always)] if node.id in names else []
    children = [(each, always) for each in ast.iter_child_nodes(node)]
    if isinstance(node, ast.IfExp):
        children = [(node.test, always), (node.body, False), (node.orelse, False)]
    elif isinstance(node, ast.BoolOp):
        children = [(each, always and not index) for index, each in enumerate(node.values)]
    elif isinstance(node, ast.Compare) and len(node.comparators) > 1:
        children = [(node.left, always), *((each, always and not i) for i, each in enumerate(node.comparators))]
    elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        children = [(each, False) for each, _ in children]
    return [found for each, certain in children for found in _occurrences(each, names, certain)]


def _alternatives(
    body: list[ast.stmt], guards: tuple[tuple[CodeType, bool], ...], name: str, place: Span
) -> Iterable[Alternative]:
    for index, statement in enumerate(body):
        if (value := _yielded(statement)) is not None:
            if index != len(body) - 1:
                raise _bad_shape(name, place, "statements after the replacement would never be reached")
            yield Alternative(guards, value)
        elif isinstance(statement, ast.If):
            guard = compile(ast.fix_missing_locations(ast.Expression(statement.test)), f"<guard of {name}>", "eval")
            yield from _alternatives(statement.body, (*guards, (guard, True)), name, place)
            yield from _alternatives(statement.orelse, (*guards, (guard, False)), name, place)
        else:
            raise _bad_shape(name, place, f"`{ast.unparse(statement).splitlines()[0]}` is neither `yield` nor `if`")


def _yielded(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
        return statement.value.value
    return None


def _source(function: Callable[..., object]) -> tuple[ast.FunctionDef, Span]:
    code = getattr(function, "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else ("<unknown>", 1)
    place = Span(file=file, line=line)
    try:
        definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        name = getattr(function, "__name__", repr(function))
        raise _bad_shape(name, place, f"its source cannot be read: {error}") from error
    if not isinstance(definition, ast.FunctionDef):
        raise _bad_shape(function.__name__, place, "it is not a plain function")
    arguments = definition.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or arguments.defaults:
        raise _bad_shape(function.__name__, place, "holes are plain parameters without defaults")
    return definition, place


def _scope(function: Callable[..., object]) -> Callable[[], Mapping[str, object]]:
    def names() -> Mapping[str, object]:
        known: dict[str, object] = dict(getattr(function, "__globals__", {}))
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
        known.update({name: cell.cell_contents for name, cell in cells})
        return known

    return names


def _bad_shape(name: str, place: Span, problem: str) -> Refused:
    return Refused(
        "rule.bad-shape",
        f"rule `{name}` cannot be read: {problem}",
        span=place,
        help="write `yield <what is matched>`, an optional `if <guard>:`, and `yield <what replaces it>`",
    )
