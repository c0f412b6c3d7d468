"""The straight code of a process for the zero-cost run: jumps instead of nesting, and what each turn of a loop moves.

Knows the instructions and how nodes become them; `zero_cost` executes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from htp_dialect_csp.concrete import Close, Read, Recv, Repeat, Send

if TYPE_CHECKING:
    from htp_dialect_csp.concrete import Net, Node, Nodes

__all__ = [
    "BACK", "CLOSE", "END", "ENTER", "FOREVER", "LOOP", "READ", "RECV", "SEND", "WAIT", "Code", "Instruction", "Moves",
    "code_of",
]  # fmt: skip

SEND: Final = 0  # on channel
RECV: Final = 1  # from channel
CLOSE: Final = 2  # channel
WAIT: Final = 3  # until the token offered on channel, a rendezvous, was taken
ENTER: Final = 4  # the counter slot is 0 again
LOOP: Final = 5  # a turn, or to target behind the last one
READ: Final = 6  # receive from channel, or to target when the stream has ended
BACK: Final = 7  # to target
END: Final = 8

FOREVER: Final = 1 << 62
"""The turns of a loop without an end."""

Moves: TypeAlias = "tuple[tuple[int, int], ...]"
"""Channels, each with a number of tokens per turn."""


class Instruction(NamedTuple):
    """One instruction; which fields count is said with its kind.

    A loop with `whole` turns may take several at once while what each `needs` is there and what it `gives` fits; `own`
    is what a turn of a READ takes from its channel.
    """

    kind: int
    channel: int = 0
    slot: int = 0
    outermost: bool = False
    turns: int = 0
    target: int = 0
    own: int = 0
    whole: bool = False
    needs: Moves = ()
    gives: Moves = ()


@dataclass
class Code:
    """The instructions of a process, and for each of them its place and the counters of the loops around it."""

    instructions: list[Instruction] = field(default_factory=list[Instruction])
    places: list[int] = field(default_factory=list[int])
    slots: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])


def code_of(net: Net, position: int, turns: list[int]) -> Code:
    """The code of a process; `turns` gets the turns of each of its loops, whose counter has the same position."""
    writer = _Writer(net, turns)
    writer.nodes(net.processes[position].nodes, ())
    writer.add(Instruction(END), ())
    return writer.code


class _Writer:
    def __init__(self, net: Net, turns: list[int]) -> None:
        self.net = net
        self.turns = turns
        self.code = Code()

    def add(self, instruction: Instruction, slots: tuple[int, ...], place: int = 0) -> int:
        self.code.instructions.append(instruction)
        self.code.places.append(place)
        self.code.slots.append(slots)
        return len(self.code.instructions) - 1

    def nodes(self, nodes: Nodes, slots: tuple[int, ...]) -> None:
        for each in nodes:
            self.node(each, slots)

    def node(self, node: Node, slots: tuple[int, ...]) -> None:
        if isinstance(node, Send):
            self.add(Instruction(SEND, node.channel), slots, node.place)
            if not self.net.channels[node.channel].capacity:
                self.add(Instruction(WAIT, node.channel), slots, node.place)
        elif isinstance(node, Recv):
            self.add(Instruction(RECV, node.channel), slots, node.place)
        elif isinstance(node, Close):
            self.add(Instruction(CLOSE, node.channel), slots, node.place)
        else:
            self.loop(node, slots)

    def loop(self, node: Repeat | Read, slots: tuple[int, ...]) -> None:
        slot, outermost = len(self.turns), not slots
        turns = node.turns if isinstance(node, Repeat) and node.turns is not None else FOREVER
        self.turns.append(turns)
        self.add(Instruction(ENTER, slot=slot), slots)
        inside = (*slots, slot)
        head = self.add(Instruction(END), inside, 0 if isinstance(node, Repeat) else node.place)
        self.nodes(node.body, inside)
        end = self.add(Instruction(BACK, target=head, outermost=outermost), inside) + 1
        moves = self.moves(node.body)
        needs, gives = moves or ({}, {})
        read = isinstance(node, Read)
        self.code.instructions[head] = Instruction(
            READ if read else LOOP,
            channel=node.channel if read else 0,
            slot=slot,
            outermost=outermost,
            turns=turns,
            target=end,
            own=1 + needs.pop(node.channel, 0) if read else 0,
            whole=moves is not None,
            needs=tuple(sorted(needs.items())),
            gives=tuple(sorted(gives.items())),
        )

    def moves(self, nodes: Nodes) -> tuple[dict[int, int], dict[int, int]] | None:
        """What one turn takes and gives; None when it is not enough that all of it is there when the turn begins."""
        needs: dict[int, int] = {}
        gives: dict[int, int] = {}
        for each in nodes:
            if isinstance(each, Send | Recv):
                channel = self.net.channels[each.channel]
                if channel.sender == channel.receiver or not channel.capacity:
                    return None
                moved = gives if isinstance(each, Send) else needs
                moved[each.channel] = moved.get(each.channel, 0) + 1
            elif isinstance(each, Repeat) and each.turns is not None:
                inner = self.moves(each.body)
                if inner is None:
                    return None
                for moved, more in zip((needs, gives), inner, strict=True):
                    for channel, number in more.items():
                        moved[channel] = moved.get(channel, 0) + number * each.turns
            else:
                return None
        return needs, gives
