"""Buffers by name: that each name is one, and that one which was sent is gone.

Knows which names are buffers and where they were sent; `streams` knows the words that send and receive them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.infer.ends import Ends
from htp.infer.values import Known, Region
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class Buffers(Ends):
    """The part of the engine that follows buffers.

    `buffers` are the first assignments that made one of each name; `sent` is where one was sent.
    """

    buffers: dict[str, tuple[ast.Name, Region]]
    sent: dict[str, ast.expr]

    def keeps_buffers(self, node: ast.AST, before: Mapping[str, Known], after: Mapping[str, Known]) -> None:
        """Refuses a loop that sends a buffer which was made before it: there is none in the next turn."""
        for name in sorted(name for name, known in before.items() if isinstance(known, Region) and name not in after):
            raise self.refused(
                self.sent.get(name, node), "type.maybe-undefined",
                f"`{name}` is sent here in every turn of the loop, and was made before it: it belongs to the receiver "
                "from the first turn on", f"make `{name}` in the loop",
            )  # fmt: skip

    def handed_on(self, node: ast.expr, name: str) -> None:
        """Ends the use of a buffer that is the receiver's from now on."""
        del self.environment[name]
        self.sent[name] = node
        place = origin_of(node)
        where = f" in line {place.line}" if place is not None else ""
        self.lost[name] = f"`{name}` was sent{where}, and belongs to the receiver now"

    def one_buffer(self, target: ast.Name, made: Region) -> None:
        """Refuses a name that becomes another buffer; of those that are sent and received, one of another type."""
        first, known = self.buffers.setdefault(target.id, (target, made))
        if first is target or (
            (known.dtype, len(known.dims)) == (made.dtype, len(made.dims)) and target.id in self._sent_or_received()
        ):
            return
        place = origin_of(first)
        where = f", made in line {place.line}" if place is not None else ""
        raise self.refused(
            target, "type.second-buffer", f"`{target.id}` is a {known} already{where}, and would be another buffer",
            "give the second buffer a name of its own",
        )  # fmt: skip

    def _sent_or_received(self) -> frozenset[str]:
        """The names of buffers that the function sends or receives."""
        sent = frozenset(
            value.id
            for statement in self.function.body
            for node in ast.walk(statement)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("send", "try_send")
            for value in node.args[1:]
            if isinstance(value, ast.Name)
        )
        return sent | self.result.received
