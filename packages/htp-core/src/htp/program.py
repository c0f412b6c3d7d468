"""The program: Python functions as syntax trees, with what is known about them.

Knows functions, constants, facts and uses; does not know how passes are chosen or what calls mean.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from htp.diagnostics import Bug, Span
from htp.trees import as_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.analyses import Analysis
    from htp.capabilities import Capability, Use
    from htp.types import Array, Param, Slot

CORE_KINDS = ("kernel", "func", "routine")
"""The kinds of function that core knows; a dialect may add words of its own."""

Constant = int | float | bool
Node = TypeVar("Node", bound=ast.AST)
Result = TypeVar("Result")


def origin_of(node: ast.AST) -> Span | None:
    """The user's place that a node comes from, if it has one."""
    return getattr(node, "origin", None)


def stamp(node: Node, origin: Span | None) -> Node:
    """Gives `node` and every node below it that has no origin yet the place `origin`; returns `node`."""
    for each in ast.walk(node):
        if getattr(each, "origin", None) is None:
            each.origin = origin  # type: ignore[attr-defined]
    return node


@dataclass(frozen=True, eq=False)
class Function:
    """One function of a program; `body` is never changed in place, and no node stands in it twice."""

    name: str
    kind: str
    params: tuple[Param, ...]
    body: tuple[ast.stmt, ...]
    origin: Span
    doc: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", as_tree(self.body))

    @cached_property
    def canonical(self) -> str:
        """The function's syntax as text without places or comments: equal text is an equal function."""
        body = "\n".join(ast.dump(statement) for statement in self.body)
        params = ", ".join(
            f"{each.name}: {'several ' * each.several}{each.direction} {each.type}" for each in self.params
        )
        return f"{self.kind} {self.name}({params}): {self.doc!r}\n{body}"

    def param(self, name: str) -> Param:
        """The parameter called `name`."""
        for each in self.params:
            if each.name == name:
                return each
        raise Bug(f"{self.name} has no parameter {name}")


@dataclass(frozen=True, eq=False)
class Program:
    """Everything reachable from one entry point; immutable, passes make new ones."""

    entry: str
    functions: tuple[Function, ...]
    constants: tuple[tuple[str, Constant], ...] = ()
    slots: tuple[tuple[str, Slot[Array]], ...] = ()
    facts: frozenset[Capability] = frozenset()
    uses: tuple[Use, ...] = ()

    @property
    def main(self) -> Function:
        """The entry function."""
        return self.function(self.entry)

    def function(self, name: str) -> Function:
        """The function called `name`."""
        for each in self.functions:
            if each.name == name:
                return each
        raise Bug(f"the program has no function {name}")

    def replace(self, *functions: Function) -> Program:
        """The program with these functions in place of the ones of the same name."""
        new = {each.name: each for each in functions}
        return replace(self, functions=tuple(new.get(each.name, each) for each in self.functions))

    def with_facts(self, add: Iterable[Capability] = (), drop: Iterable[Capability] = ()) -> Program:
        """The program with facts added and dropped."""
        return replace(self, facts=(self.facts - frozenset(drop)) | frozenset(add))

    @cached_property
    def canonical(self) -> str:
        """Text that is equal for equal programs: syntax, constants and slots, without places."""
        head = [f"entry {self.entry}"]
        head += [f"{name} = {value!r}" for name, value in self.constants]
        head += [f"{name} = {slot}" for name, slot in self.slots]
        return "\n".join([*head, *(each.canonical for each in self.functions)])

    @cached_property
    def results(self) -> dict[Analysis[object], object]:
        """The analyses made of this program so far."""
        return {}

    def analysis(self, wanted: Analysis[Result]) -> Result:
        """What `wanted` finds in this program, computed when it is first asked for."""
        if wanted not in self.results:
            self.results[wanted] = wanted.compute(self)
        return cast("Result", self.results[wanted])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self.canonical == other.canonical and self.facts == other.facts

    def __hash__(self) -> int:
        return hash(self.canonical)

    def text(self) -> str:
        """The whole program as a Python module that runs."""
        from htp.unparse import module_text

        return module_text(self)
