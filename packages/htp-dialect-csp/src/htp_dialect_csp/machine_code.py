"""The straight code of a process for the zero-cost run: jumps instead of nesting, and what each turn of a loop moves.

Knows the instructions and how nodes become them; `zero_cost` executes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from htp_dialect_csp.concrete import Close, Recv, Repeat, Send

if TYPE_CHECKING:
    from htp_dialect_csp.concrete import Net, Node, Nodes

__all__ = ["BACK", "CLOSE", "END", "ENTER", "FOREVER", "LOOP", "READ", "RECV", "SEND", "WAIT", "Code", "code_of"]

SEND: Final = 0  # channel
RECV: Final = 1  # channel
CLOSE: Final = 2  # channel
WAIT: Final = 3  # channel: until the token offered at a rendezvous was taken
ENTER: Final = 4  # slot: the counter of a loop is 0 again
LOOP: Final = 5  # slot, outermost, turns, end, needs, gives
READ: Final = 6  # channel, slot, outermost, end, own, needs, gives
BACK: Final = 7  # to, outermost
END: Final = 8

FOREVER: Final = 1 << 62
"""The turns of a loop without an end."""

Moves: TypeAlias = "tuple[tuple[int, int], ...]"
"""Channels, each with a number of tokens per turn."""


@dataclass
class Code:
    """The instructions of a process, and for each of them its place and the counters of the loops around it.

    Whole turns of a loop may be taken at once while its `needs` are there and its `gives` fit; both are None where a
    turn waits for another process in between.
    """

    instructions: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    places: list[int] = field(default_factory=list[int])
    slots: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])


def code_of(net: Net, position: int, turns: list[int]) -> Code:
    """The code of a process; `turns` gets the turns of each of its loops, whose counter has the same position."""
    writer = _Writer(net, position, turns)
    writer.nodes(net.processes[position].nodes, ())
    writer.add((END,), ())
    return writer.code


class _Writer:
    def __init__(self, net: Net, position: int, turns: list[int]) -> None:
        self.net = net
        self.turns = turns
        self.code = Code()
        self.own = {k for k, each in enumerate(net.channels) if each.sender == each.receiver == position}

    def add(self, instruction: tuple[object, ...], slots: tuple[int, ...], place: int = 0) -> int:
        self.code.instructions.append(instruction)
        self.code.places.append(place)
        self.code.slots.append(slots)
        return len(self.code.instructions) - 1

    def nodes(self, nodes: Nodes, slots: tuple[int, ...]) -> None:
        for each in nodes:
            self.node(each, slots)

    def node(self, node: Node, slots: tuple[int, ...]) -> None:
        if isinstance(node, Send):
            self.add((SEND, node.channel), slots, node.place)
            if not self.net.channels[node.channel].capacity:
                self.add((WAIT, node.channel), slots, node.place)
        elif isinstance(node, Recv):
            self.add((RECV, node.channel), slots, node.place)
        elif isinstance(node, Close):
            self.add((CLOSE, node.channel), slots, node.place)
        else:
            slot = len(self.turns)
            self.turns.append(node.count if isinstance(node, Repeat) and node.count is not None else FOREVER)
            self.add((ENTER, slot), slots)
            inside = (*slots, slot)
            head = self.add((), inside, 0 if isinstance(node, Repeat) else node.place)
            self.nodes(node.body, inside)
            end = self.add((BACK, head, not slots), inside) + 1
            moves = self.moves(node.body)
            needs, gives = (None, None) if moves is None else tuple(tuple(sorted(each.items())) for each in moves)
            if isinstance(node, Repeat):
                self.code.instructions[head] = (LOOP, slot, not slots, self.turns[slot], end, needs, gives)
            else:
                own = 1 + (moves[0].pop(node.channel, 0) if moves is not None else 0)
                needs = None if moves is None else tuple(sorted(moves[0].items()))
                self.code.instructions[head] = (READ, node.channel, slot, not slots, end, own, needs, gives)

    def moves(self, nodes: Nodes) -> tuple[dict[int, int], dict[int, int]] | None:
        """What one turn takes and gives; None when it is not enough that all of it is there when the turn begins."""
        needs: dict[int, int] = {}
        gives: dict[int, int] = {}
        for each in nodes:
            if isinstance(each, Send | Recv):
                if each.channel in self.own or not self.net.channels[each.channel].capacity:
                    return None
                moved = gives if isinstance(each, Send) else needs
                moved[each.channel] = moved.get(each.channel, 0) + 1
            elif isinstance(each, Repeat) and each.count is not None:
                inner = self.moves(each.body)
                if inner is None:
                    return None
                for moved, more in zip((needs, gives), inner, strict=True):
                    for channel, number in more.items():
                        moved[channel] = moved.get(channel, 0) + number * each.count
            else:
                return None
        return needs, gives
