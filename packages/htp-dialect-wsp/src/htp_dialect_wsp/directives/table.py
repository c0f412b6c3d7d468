"""The rewriting directives: which function carries out each of them, and how a statement's arguments get to it.

Knows names and arguments; what a directive does is in the files beside this one.
"""

from __future__ import annotations

import ast
import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING

from htp_dialect_wsp.directives import loops, tasks
from htp_dialect_wsp.directives.lanes import vectorize
from htp_dialect_wsp.directives.pipelines import pipeline
from htp_dialect_wsp.directives.reductions import reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp.program import Program
    from htp_dialect_wsp.directives.site import Site

    Argument = int | str | tuple[str, ...]

__all__ = ["REWRITES", "STAYS", "applied"]

REWRITES: Mapping[str, Callable[..., Program]] = MappingProxyType({
    "tile": loops.tile,
    "split": loops.split,
    "fuse_loops": loops.fuse_loops,
    "reorder": loops.reorder,
    "unroll": loops.unroll,
    "parallel": loops.parallel,
    "fuse": tasks.fuse,
    "buffer": tasks.buffer,
    "vectorize": vectorize,
    "pipeline": pipeline,
    "reduce": reduce,
    "after": tasks.after,
})  # fmt: skip
"""What carries out each directive: its parameters behind the site are the directive's arguments."""

STAYS = frozenset({"after"})
"""Directives that are checked here and carried out when tasks are submitted."""


def applied(site: Site, spaces: tuple[str, ...] = ()) -> Program:
    """The program after the directive of the site; `spaces` are the memory spaces of the target, if they are known.

    Raises:
        Refused: what the directive is refused with, and `wsp.bad-argument`.
    """
    rewrite = REWRITES[site.name]
    signature = inspect.signature(rewrite)
    arguments, named = _arguments(site)
    if "spaces" in signature.parameters:
        named["spaces"] = spaces
    try:
        bound = signature.bind(site, *arguments, **named)
    except TypeError as error:
        taken = [str(each) for each in signature.parameters if each not in ("site", "spaces")]
        raise site.refused(
            "wsp.bad-argument", f"`{site.name}`: {error}", f"its arguments are {', '.join(taken)}"
        ) from None
    for name, value in bound.arguments.items():
        wanted = str(signature.parameters[name].annotation)
        bad = (wanted == "int" and (not isinstance(value, int) or value < 1)) or (
            wanted == "str" and not isinstance(value, str | tuple)
        )
        if bad:
            what = "an int, 1 or more" if wanted == "int" else "a name"
            raise site.refused("wsp.bad-argument", f"`{name}` of `{site.name}` is {value!r}", f"give {what}")
    return rewrite(*bound.args, **bound.kwargs)


def _arguments(site: Site) -> tuple[list[Argument], dict[str, Argument]]:
    call = site.statement.value
    if not isinstance(call, ast.Call):
        return [], {}
    named = {each.arg: each.value for each in call.keywords if each.arg not in (None, "override")}
    return [_literal(site, each) for each in call.args], {
        str(name): _literal(site, each) for name, each in named.items()
    }


def _literal(site: Site, node: ast.expr) -> Argument:
    try:
        value: Argument = ast.literal_eval(node)
    except ValueError:
        raise site.refused(
            "wsp.bad-argument",
            f"`{ast.unparse(node)}` cannot be an argument of `{site.name}`",
            "give a number, or the name of a loop or task",
        ) from None
    return value
