"""The call whose body a statement was: what must stay apart, and how its tasks are told to run.

Knows marks on statements only.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Site", "marked", "site_of"]

Node = TypeVar("Node", bound=ast.stmt)


@dataclass(frozen=True, eq=False)
class Site:
    """One call that its body took the place of: the function, and what was told of the task that the call was.

    What the function calls in turn is `joined` to it, so that it stays one task as far as one unit can do it.
    """

    function: str
    task: ast.stmt | None = None
    joined: bool = False


def site_of(statement: ast.stmt) -> Site | None:
    """The call that a statement comes from; `None` where it was there from the beginning."""
    return getattr(statement, "site", None)


def marked(statement: Node, site: Site | None) -> Node:
    """The statement, and every one in it, with its call."""
    for each in ast.walk(statement):
        if isinstance(each, ast.stmt) and site is not None:
            each.site = site  # type: ignore[attr-defined]
    return statement
