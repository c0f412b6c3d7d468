"""Types of the calls that make the task form, of declared work and of checks while the program runs.

Knows their parameters; does not know what a task runtime does with them.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import TYPE_CHECKING

from htp import tasks
from htp.dims import sym
from htp.infer.intrinsics import Intrinsics
from htp.infer.values import Group, Index, Known, Number, Region, Text, Value

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = {
    "int": "an integer", "bool": "True or False", "Sequence[str]": "a tuple of texts",
    "Sequence[int]": "a tuple of integers",
}  # fmt: skip
"""What an argument is, by the annotation of its parameter in `htp.tasks`; a `Literal` names its texts itself."""


class Tasks(Intrinsics):
    """The part of the engine that types the task form."""

    def _call_open_tasks(self, node: ast.Call) -> Known:
        return self._named(node, tasks.open_tasks)

    def _call_task(self, node: ast.Call) -> Known:
        return self._named(node, tasks.task)

    def _call_close_tasks(self, node: ast.Call) -> Known:
        return self._named(node, tasks.close_tasks)

    def _call_barrier(self, node: ast.Call) -> Known:
        return self._named(node, tasks.barrier)

    def _call_wait_for(self, node: ast.Call) -> Known:
        """The regions are waited for, not read: they need not be written yet."""
        self._in_routine(node)
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            if not isinstance(known := self.expression(each), Region) or node.keywords:
                raise self.refused(
                    each, "type.bad-arguments", f"`wait_for` takes slices of tensors, not {known}",
                    "wait for the tensor itself: `wait_for(t[i])`",
                )  # fmt: skip
        return Text(None)

    def _call_first_seen(self, node: ast.Call) -> Known:
        self._in_routine(node)
        self._numbers(node, ("key",))
        return self._counted(node)

    def _call_fnv1a(self, node: ast.Call) -> Known:
        self._numbers(node, ("key", "modulus"))
        return self._counted(node)

    def _call_work(self, node: ast.Call) -> Known:
        self._numbers(node, ("cycles",))
        cycles = self.index(node.args[0])
        if self.facts.nonnegative(-cycles - 1):
            raise self.refused(
                node, "type.negative-work", f"`{ast.unparse(node)}` declares less than no work",
                "declare 0 cycles or more",
            )  # fmt: skip
        return Text(None)

    def _call_require(self, node: ast.Call) -> Known:
        """As an assertion: what it says of sizes holds behind it."""
        if not 3 <= len(node.args) <= 5 or node.keywords:
            raise self.refused(
                node, "type.bad-arguments", "`require` takes a condition, a text, a place, perhaps a code and a help",
                'write `require(n >= 1, "n is at least 1", "user.py:3")`',
            )  # fmt: skip
        condition, *texts = node.args
        known = self.expression(condition)
        if not isinstance(known, Number) or known.kind != "bool":
            raise self.refused(
                condition, "type.bad-condition", f"`require` needs a condition on sizes or scalars, not {known}",
                "compare numbers, as in `n >= 1`",
            )  # fmt: skip
        for each in texts:
            if not isinstance(found := self.expression(each), Text) or found.text is None:
                raise self.refused(each, "type.bad-arguments", f"a text is needed here, not {found}", "write a literal")
        self.facts = self.assume(condition, self.facts)
        return Text(None)

    # parts ------------------------------------------------------------------------------------------------------

    def _named(self, node: ast.Call, word: Callable[..., None]) -> Known:
        """Checks a call, of a routine, whose arguments all go by name."""
        self._in_routine(node)
        parameters = {name: str(each.annotation) for name, each in inspect.signature(word).parameters.items()}
        takes = f"it takes {', '.join(parameters)}, by name" if parameters else f"write `{word.__name__}()`"
        if node.args:
            said = f"`{word.__name__}` takes no argument by position"
            raise self.refused(node.args[0], "type.bad-arguments", said, takes)
        for each in node.keywords:
            if (annotation := parameters.get(each.arg or "")) is None:
                said = f"`{word.__name__}` has no parameter `{each.arg}`"
                raise self.refused(node, "type.bad-arguments", said, takes)
            if not _is(self.expression(each.value), annotation):
                wanted = WANTED.get(annotation) or " or ".join(_texts(annotation))
                said = f"`{each.arg}` of `{word.__name__}` is {wanted}"
                raise self.refused(each.value, "type.bad-arguments", said, f"write {wanted}")
        return Text(None)

    def _numbers(self, node: ast.Call, names: tuple[str, ...]) -> None:
        """Checks a call whose arguments are integers by position."""
        word = ast.unparse(node.func)
        if len(node.args) != len(names) or node.keywords:
            raise self.refused(
                node, "type.bad-arguments", f"`{word}` takes {', '.join(names)}", f"write `{word}({', '.join(names)})`"
            )
        for each in node.args:
            if not isinstance(known := self.expression(each), Index):
                take = "take it out: `tile.item(t)`" if isinstance(known, Value | Region) else "make one: `int(…)`"
                raise self.refused(each, "type.not-an-integer", f"an integer is needed here, not {known}", take)

    def _counted(self, node: ast.Call) -> Index:
        """An integer that is 0 or more."""
        symbol = sym(self.fresh("n", node))
        self.facts = self.facts.with_nonnegative(symbol)
        return Index(symbol)

    def _in_routine(self, node: ast.Call) -> None:
        if self.function.kind != "routine":
            raise self.refused(
                node, "type.task-in-kernel", f"`{ast.unparse(node.func)}` stands in `{self.function.name}`, a kernel",
                "make tasks in a routine: every call of a kernel there is one",
            )  # fmt: skip


def _is(known: Known, annotation: str) -> bool:
    """Whether a value is what a parameter with this annotation takes."""
    match known:
        case Index():
            return annotation == "int"
        case Number():
            return annotation == "bool" and isinstance(known.constant, bool)
        case Text():
            return annotation == "str" or f'"{known.text}"' in _texts(annotation)
        case Group():
            inner = annotation.removeprefix("Sequence[").removesuffix("]")
            return inner != annotation and all(_is(each, inner) for each in known.items)
        case _:
            return False


def _texts(annotation: str) -> list[str]:
    """The texts that a `Literal` allows, in quotes."""
    return [f'"{each}"' for each in re.findall(r"['\"](\w+)['\"]", annotation)]
