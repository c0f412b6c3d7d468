"""Types of processes that start processes: what these are given, and that an end which is given away is gone.

Knows which ends a process still has at a statement; `streams` knows what is done with them.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from htp.channel_refusals import end_shared
from htp.diagnostics import Refused
from htp.infer.calls import Calls
from htp.infer.values import End, Known, Region, Text, Value
from htp.program import origin_of
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.links import Side
    from htp.program import Function
    from htp.types import Param


class Spawning(Calls):
    """The part of the engine that types `spawn_process`.

    `given` are the ends that were given away: to whom, and where.
    """

    given: dict[tuple[str, Side], tuple[str, Span | None]]

    def _call_spawn_process(self, node: ast.Call) -> Known:
        self._in_process(node)
        function = self._spawned(node)
        named = {each.arg: each.value for each in node.keywords}
        if set(named) - {"name"} or ("name" in named and not isinstance(self.expression(named["name"]), Text)):
            raise self.refused(
                node, "type.bad-arguments", "`spawn_process` takes a kernel, its arguments by position, and a name",
                'write `spawn_process(square, a, b, name="first")`',
            )  # fmt: skip
        given = self._call_arguments(ast.Call(node.args[0], node.args[1:], []), function)
        for param in function.params:
            if not param.is_end and not isinstance(param.type, ScalarType):
                self._lasts(given[param.name], function)
        sizes: dict[str, Expr] = {}
        known = {param.name: self.expression(given[param.name]) for param in function.params}
        for param in function.params:
            self._bind_sizes(param, known[param.name], sizes)
        for param in function.params:
            self._pass(given[param.name], function, param, known[param.name], sizes)
        for param in function.params:
            if param.is_end:
                self._give_away(given[param.name], function, param)
        return Text(None)

    def _spawned(self, node: ast.Call) -> Function:
        """The kernel that a call starts."""
        name = node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else ""
        function = next((each for each in self.program.functions if each.name == name), None)
        if function is None or function.kind != "kernel":
            raise self.refused(
                node, "type.bad-arguments", "`spawn_process` starts a kernel", "write `spawn_process(square, a, b)`"
            )
        return function

    def _lasts(self, node: ast.expr, function: Function) -> None:
        """Refuses an array that may be gone before a process that is given it: only parameters live on."""
        known = self.expression(node)
        params = {each.name for each in self.function.params}
        if isinstance(known, Value) or (isinstance(known, Region) and known.root not in params):
            what = f"{known} is a value" if isinstance(known, Value) else "its memory is this process's own"
            raise self.refused(
                node, "type.bad-network", f"`{function.name}` may run longer than this process, and {what}",
                "send it on a channel, or pass a parameter of this process",
            )  # fmt: skip

    def _give_away(self, node: ast.expr, function: Function, param: Param) -> None:
        """Takes an end from the process; what `pass_end` allowed is a name."""
        known = self.expression(node)
        if not isinstance(known, End) or not isinstance(node, ast.Name):
            raise self.refused(node, "type.bad-network", "an end is passed by its name", "name it before")
        side: Side = "send" if param.direction == "send" else "recv"
        current = self.environment[node.id]
        if isinstance(current, End) and not _has(current, side):
            raise self._shared(node, known.name, side, function.name)
        left: Literal["send", "recv", "none"] = "none"
        if isinstance(current, End) and current.side == "both":
            left = "recv" if side == "send" else "send"
        self.environment[node.id] = replace(known, side=left)
        self.given[known.name, side] = (function.name, origin_of(node) or origin_of(self.function.body[0]))

    def still_has(self, node: ast.expr, known: Known, side: Literal["send", "recv", "any"], user: str = "") -> None:
        """Refuses an end that was given away; `user` is who wants it, else this process."""
        sides: tuple[Side, ...] = ("send", "recv") if side == "any" else (side,)
        gone: list[Side] = [each for each in sides if isinstance(known, End) and (known.name, each) in self.given]
        if isinstance(known, End) and gone and not any(_has(known, each) for each in sides):
            raise self._shared(node, known.name, gone[0], user or self.function.name)

    def keeps_ends(self, before: Mapping[str, Known], after: Mapping[str, Known]) -> None:
        """Refuses a loop that gives away an end which it has not got in the next turn."""
        for name, known in before.items():
            now = after.get(name)
            if not isinstance(known, End) or not isinstance(now, End) or now.name != known.name:
                continue
            for side in ("send", "recv"):
                if _has(known, side) and not _has(now, side):
                    child, place = self.given[known.name, side]
                    what = "sender" if side == "send" else "receiver"
                    raise Refused(
                        "csp.endpoint-shared",
                        f"channel '{known.name}' gets a {what} in every turn of the loop: '{child}'; "
                        "a FIFO has exactly one",
                        span=place,
                        help=f"start '{child}' before or behind the loop, or make the channel in it",
                    )

    def in_both(self, one: End, two: End) -> End | None:
        """What a process still has of a channel where two branches meet."""
        if replace(one, side=two.side) != two:
            return None
        sides = [each for each in ("send", "recv") if _has(one, each) and _has(two, each)]
        return replace(one, side="both" if len(sides) == 2 else sides[0] if sides else "none")

    def _shared(self, node: ast.AST, channel: str, side: Side, user: str) -> Refused:
        child, place = self.given.get((channel, side), (user, None))
        here = origin_of(node)
        return end_shared(channel, side, (child, user), (place, here))


def _has(end: End, side: str) -> bool:
    return end.side in (side, "both")
