"""Where one directive is applied: the program before it, what its arguments name there, and how it is refused.

Knows the nested form; does not know what any directive does.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.fresh_names import unused
from htp.program import origin_of
from htp.rewriting import Rewriter, with_origin
from htp_dialect_wsp.directives.nests import Loop, Range, Task, integer, known_integers, loops_of, range_of, tasks_of
from htp_dialect_wsp.directives.trees import assigned_names, built, names_in, replaced, substituted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program

__all__ = ["Site", "directive_name", "keys_of"]


def directive_name(statement: ast.stmt) -> str | None:
    """`tile` for the statement `scheduled.tile("i", 2)`, `prefer.swizzle` for a wish, else `None`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
            words = ast.unparse(function).split(".")
            return ".".join(words[1:]) if words[0] == "scheduled" else None
        case _:
            return None


@dataclass(frozen=True)
class Site:
    """A directive and the program it is applied to.

    The directive itself has been taken out of the program; `index` directives that stay for the run stand before it.
    `written` are the functions that the user wrote.
    """

    program: Program
    statement: ast.Expr
    written: frozenset[str]
    index: int = 0

    @property
    def name(self) -> str:
        """The directive's name."""
        return directive_name(self.statement) or ""

    @property
    def span(self) -> Span | None:
        """The schedule's line."""
        return origin_of(self.statement)

    @property
    def main(self) -> Function:
        """The workload."""
        return self.program.main

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """Every loop, in the order of the text."""
        return tuple(loops_of(self.main.body))

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """Every call of a kernel, in the order of the text."""
        return tuple(tasks_of(self.program, self.main.body))

    @cached_property
    def known(self) -> Mapping[str, int]:
        """Names with one integer value."""
        return known_integers(self.program, self.main)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that the workload, or the program around it, uses."""
        outside = {each.name for each in self.program.functions} | {name for name, _ in self.program.constants}
        outside |= {name for name, _ in self.program.slots} | {each.name for each in self.main.params}
        return names_in(*self.main.body) | outside

    def refused(self, code: str, message: str, help: str, notes: tuple[str, ...] = (), label: str = "") -> Refused:
        """The refusal of the directive, at the schedule's line."""
        return Refused(code, message, span=self.span, help=help, notes=notes, label=label)

    # what arguments name ------------------------------------------------------------------------------------------

    def loop(self, name: str) -> Loop:
        """The loop over `name`.

        Raises:
            Refused: `wsp.unknown-loop`.
        """
        found = [each for each in self.loops if each.name == name]
        if found:
            return found[0]
        known = [each.name for each in self.loops]
        raise self.refused(
            "wsp.unknown-loop",
            f"`{self.name}` names the loop '{name}', and there is none",
            _meant(name, known, "loop"),
            (f"loops here: {', '.join(known) or 'none'}", *self._made_of(name)),
        )

    def _made_of(self, name: str) -> tuple[str, ...]:
        """Which loops an earlier directive made of a loop that is gone."""
        made = [each.name for each in self.loops if name in each.name.split("_") or each.name.startswith(f"{name}_")]
        return (f"an earlier directive made {' and '.join(made)} of it",) if made else ()

    def calls(self, name: str) -> tuple[Task, ...]:
        """The calls of the kernel `name`, and of kernels that earlier directives made of it; one at least.

        Raises:
            Refused: `wsp.unknown-task`.
        """
        kernels = {name, *self._made_from(name)}
        found = tuple(each for each in self.tasks if each.name in kernels)
        if found:
            return found
        known = list(dict.fromkeys(each.name for each in self.tasks))
        raise self.refused(
            "wsp.unknown-task",
            f"`{self.name}` names the task '{name}', and the workload calls no kernel of that name",
            _meant(name, known, "task"),
            (f"tasks here: {', '.join(known) or 'none'}",),
        )

    def _made_from(self, name: str) -> Iterator[str]:
        """The kernels that are not the user's and call `name`, directly or through each other."""
        made = {each.name: names_in(*each.body) for each in self.program.functions if each.name not in self.written}
        reached = {name}
        while more := {each for each, called in made.items() if called & reached} - reached:
            yield from sorted(more)
            reached |= more

    def range(self, loop: Loop) -> Range:
        """What a loop goes over.

        Raises:
            Refused: `wsp.loop-range` when that is no range with a positive constant step.
        """
        found = range_of(loop, self.known)
        if found is None:
            raise self.refused(
                "wsp.loop-range",
                f"`{self.name}` needs a range with a positive constant step, and '{loop.name}' goes over"
                f" `{loop.walk}`",
                "apply it to another loop, or let this one go over `range(start, stop, step)`",
            )
        return found

    def trips(self, over: Range) -> ast.expr:
        """How often a loop runs, which is not below 0; sizes of arrays are not either."""
        known = self.integer(over.length)
        if known is not None:
            return ast.Constant(max(0, known))
        sized = isinstance(over.stop, ast.Constant) or (isinstance(over.stop, ast.Name) and over.stop.id in self.sizes)
        nothing = isinstance(over.start, ast.Constant) and over.start.value == 0
        return over.length if sized and nothing else built("max(0, n)", n=over.length)

    @cached_property
    def sizes(self) -> frozenset[str]:
        """Names of sizes of arrays."""
        shapes = (
            each for each in self.main.body
            if isinstance(each, ast.Assign) and ".shape" in ast.unparse(each.value)
            and isinstance(each.value, ast.Attribute | ast.Subscript)
        )  # fmt: skip
        return frozenset(name for each in shapes for name in assigned_names(*each.targets))

    @cached_property
    def keyed(self) -> frozenset[str]:
        """The names in keys of directives for the run."""
        statements = [each for each in self.main.body if isinstance(each, ast.Expr)]
        keys = [str(key.value) for each in statements if directive_name(each) for key in keys_of(each)]
        return names_in(*(ast.parse(each, mode="eval") for each in keys))

    def integer(self, node: ast.expr) -> int | None:
        """The value of an integer expression, where it is known now."""
        return integer(node, self.known)

    def unused(self, name: str) -> str:
        """A name that nothing has yet."""
        return unused(name, self.names)

    def around(self, loop: Loop) -> ast.stmt:
        """The statement of the workload's own block that a loop stands in, or is."""
        return loop.path[0] if loop.path else loop.node

    def fixed_before(self, loop: Loop, *nodes: ast.expr) -> bool:
        """Whether expressions have their values before the outermost loop around `loop` begins."""
        return not names_in(*nodes) & assigned_names(self.around(loop))

    # the program afterwards ---------------------------------------------------------------------------------------

    def with_body(self, body: Sequence[ast.stmt], *kernels: Function) -> Program:
        """The program with another body of the workload, and kernels added before it."""
        main = replace(self.main, body=tuple(with_origin(each, self.statement) for each in body))
        functions = [main if each.name == main.name else each for each in self.program.functions]
        place = functions.index(main)
        return replace(self.program, functions=(*functions[:place], *kernels, *functions[place:]))

    def replaced(
        self, old: ast.stmt, new: Sequence[ast.stmt], *, before: Sequence[ast.stmt] = (), loop: Loop | None = None
    ) -> tuple[ast.stmt, ...]:
        """The workload's body with `new` in place of `old`; `before` stands before all that is around `loop`."""
        body = replaced(self.main.body, old, new)
        if not before or loop is None:
            return body
        outermost = self.around(loop)
        place = next(index for index, each in enumerate(self.main.body) if each is outermost)
        return (*body[:place], *before, *body[place:])

    def with_keys(self, body: Sequence[ast.stmt], names: Mapping[str, ast.expr], walked: str) -> list[ast.stmt]:
        """The body with loops that are gone replaced in the directives before this one.

        Expressions get what stands for the variable now; a directive that names the loop itself gets `walked`.
        """
        head = [_rewritten(each, names, walked) for each in body[: self.index]]
        return [*head, *body[self.index :]]


def _meant(name: str, known: Sequence[str], what: str) -> str:
    close = get_close_matches(name, known, 1, 0.5)
    return f"write '{close[0]}'" if close else f"name a {what} that is there"


def keys_of(statement: ast.Expr) -> Iterable[ast.Constant]:
    """The expressions over loop variables among the texts of a run-time directive."""
    match directive_name(statement), statement.value:
        case "stream_by" | "dispatch" | "ready", call:
            texts: list[ast.AST] = list(ast.walk(call))
        case "map", ast.Call(args=[_, *keys], keywords=named):
            texts = [*keys, *(each.value for each in named)]
        case _:
            texts = []
    return [each for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _rewritten(statement: ast.stmt, names: Mapping[str, ast.expr], walked: str) -> ast.stmt:
    if directive_name(statement) is None or not isinstance(statement, ast.Expr):
        return statement
    (changed,) = _Keys(statement, names, walked).statements([statement])
    return changed


class _Keys(Rewriter):
    """Replaces loop variables in what one directive says."""

    def __init__(self, statement: ast.Expr, names: Mapping[str, ast.expr], walked: str) -> None:
        self.names = names
        self.walked = walked
        self.keys = {id(each) for each in keys_of(statement)}
        self.binds = directive_name(statement) == "bind"

    def visit_Constant(self, node: ast.Constant) -> ast.AST:  # noqa: N802 - named after the node
        if id(node) in self.keys:
            key = ast.parse(str(node.value), mode="eval").body
            return ast.Constant(ast.unparse(substituted(key, self.names)))
        return ast.Constant(self.walked) if self.binds and node.value in self.names else node
