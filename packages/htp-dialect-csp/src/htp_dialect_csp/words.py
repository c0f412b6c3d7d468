"""The words of networks stand in networks and processes, and in the helpers that these call.

Knows which word stands where; does not know what a word does there.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.foreign import foreign_name, outside
from htp.networks import no_network
from htp.processes import no_process
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from htp.program import Function, Program

__all__ = ["check_words"]

OF_PROCESSES = frozenset({"select", "spawn", "stop"})
"""The words that only a process says."""


def check_words(program: Program) -> None:
    """No word of networks is called where none runs, and no word of processes in a network.

    Raises:
        Refused: `csp.no-network`.
    """
    helpers = {each.name: each for each in program.functions if each.kind == "func"}
    for function in program.functions:
        if function.kind in ("process", "func"):
            continue
        for reached in (function, *_helpers(function, helpers, set())):
            for call, word in _words(program, reached):
                if word in OF_PROCESSES:
                    raise no_process(_said(word, call), origin_of(call))
                if function.kind != "network":
                    raise no_network(_said(word, call), origin_of(call))


def _helpers(function: Function, helpers: dict[str, Function], seen: set[str]) -> Iterator[Function]:
    """The helpers that a function calls, and those that they do."""
    for node in (node for each in function.body for node in ast.walk(each)):
        if isinstance(node, ast.Name) and node.id in helpers and node.id not in seen:
            seen.add(node.id)
            yield helpers[node.id]
            yield from _helpers(helpers[node.id], helpers, seen)


def _words(program: Program, function: Function) -> Iterator[tuple[ast.Call, str]]:
    """The calls of words of networks in a function, each with its word."""
    names: AbstractSet[int] = {id(each) for each in outside(program, function)}
    for call in (node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call)):
        root: ast.AST = call.func
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name) and id(root) in names:
            known = foreign_name(root.id)
            if known is not None and (known.what, known.owner) == ("word", "csp"):
                yield call, root.id


def _said(word: str, call: ast.Call) -> str:
    """A word as Python names it when it refuses it."""
    if word in ("spawn", "replicate") and call.args:
        return f"{word} of `{ast.unparse(call.args[0])}`"
    return {"Channel": "Channel[…](…)", "stop": "stop()"}.get(word, word)
