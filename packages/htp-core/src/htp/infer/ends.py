"""What is asked of every call of the process form: which ends it takes, and where it stands.

Knows ends, and the sizes of the tokens in the hand; `streams` knows the words.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from htp.dims import const, sym
from htp.infer.tasks import Tasks
from htp.infer.values import End, Index

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.infer.values import Known
    from htp.program import Function


class Ends(Tasks):
    """The part of the engine that finds the ends which a call takes.

    `opened` is the call that opened the network which is open; `hands` are the sizes of the tokens in the hand since
    the last statement that may have changed them; `among` are the ends of which a number chooses one.
    """

    opened: ast.Call | None = None
    hands: dict[str, dict[int, Expr]]
    among: dict[str, tuple[str, ...]]

    def _in_hand(self, end: End, axis: int, declared: Expr, node: ast.Call | None = None) -> Expr:
        """A size of the token in the hand: one that the call of the process gives, or another for each token."""
        if declared.symbols <= self.sizes_given:
            return declared
        sizes = self.hands.setdefault(end.name, {})
        if axis not in sizes:
            name = self.fresh(str(declared) if str(declared) in declared.symbols else "n", node)
            self.result.token_sizes[name] = axis
            self.facts = self.facts.with_nonnegative(sym(name))
            sizes[axis] = sym(name)
        return sizes[axis]

    def _between(self, node: ast.Call, low: int, high: int) -> Index:
        symbol = sym(self.fresh("n", node))
        self.facts = self.facts.with_nonnegative(symbol - low).with_nonnegative(const(high) - symbol)
        return Index(symbol)

    def _ends(
        self, node: ast.Call, side: Literal["send", "recv", "any"], count: int | None, *, changes: bool = True
    ) -> list[End]:
        """The ends that a call takes, and nothing else; `changes` when it takes tokens into the hand."""
        if count is not None:
            self._takes(node, ("end",) * count)
        elif node.keywords:
            self._takes(node, ())
        ends = [self._end(node, each, side) for each in node.args]
        if changes:
            taken = {each.name for each in ends}
            kept = [name for name in self.hands if not taken & {name, *self.among.get(name, ())}]
            self.hands = {name: self.hands[name] for name in kept}
        return ends

    def _end(self, node: ast.Call, given: ast.expr, side: Literal["send", "recv", "any"]) -> End:
        self._in_process(node)
        known = self.expression(given)
        self.still_has(given, known, side)
        if not isinstance(known, End) or (side not in (known.side, "any") and known.side != "both"):
            wanted = {"send": "a sending end", "recv": "a receiving end", "any": "an end of a channel"}[side]
            raise self.refused(
                given, "type.bad-network", f"`{ast.unparse(node.func)}` takes {wanted}, not {known}",
                f"declare a parameter of the process: `{'out: Send' if side == 'send' else 'inp: Recv'}[…]`",
            )  # fmt: skip
        return known

    def _takes(self, node: ast.Call, names: tuple[str, ...]) -> None:
        if len(node.args) != len(names) or node.keywords:
            word = ast.unparse(node.func)
            takes = f"takes {', '.join(names)}, by position" if names else "takes nothing"
            raise self.refused(node, "type.bad-arguments", f"`{word}` {takes}", f"write `{word}({', '.join(names)})`")

    def _in_process(self, node: ast.Call) -> None:
        has_ends = any(each.is_end for each in self.function.params)
        if not has_ends and (not is_process(self.function) or self.function.name == self.program.entry):
            raise self.refused(
                node, "type.bad-network", f"`{ast.unparse(node.func)}` stands outside of a process",
                "write it in a kernel that has an end of a channel: `inp: Recv[…]`",
            )  # fmt: skip

    def still_has(self, node: ast.expr, known: Known, side: Literal["send", "recv", "any"], user: str = "") -> None:
        """Refuses an end that was given away."""
        raise NotImplementedError

    def _in_network(self, node: ast.Call, *, opened: bool = True) -> None:
        word = ast.unparse(node.func)
        if self.function.kind != "routine":
            said, advice = f"`{word}` stands in a {self.function.kind}", "write it in a routine"
        elif word in ("open_network", "close_network") and (self.loops or self.conditional):
            said, advice = f"`{word}` stands in a loop or a branch", "open and close a network where the routine begins"
        elif opened and self.opened is None:
            said, advice = f"`{word}` stands outside of a network", "open one before: `open_network()`"
        elif not opened and self.opened is not None:
            said, advice = "a network is opened inside of another", "close the first one before: `close_network()`"
        else:
            return
        raise self.refused(node, "type.bad-network", said, advice)


def is_process(function: Function) -> bool:
    """Whether a kernel only runs as a process: it has ends of channels, makes channels or starts processes."""
    if any(each.is_end for each in function.params):
        return True
    words = (node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call))
    return function.kind == "kernel" and any(ast.unparse(each.func) in ("channel", "spawn_process") for each in words)
