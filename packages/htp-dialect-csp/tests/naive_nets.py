"""An oracle of the zero-cost run: one token at a time, one generator for each process; and random networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_dialect_csp.concrete import Channel, Close, Net, Process, Read, Recv, Repeat, Send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random


class Naive:
    """Queues and generators; `waits` is what each process that has not ended waits for."""

    def __init__(self, net: Net, capacities=None) -> None:
        self.net = net.with_capacities(capacities or {})
        self.tokens = [each.initial for each in net.channels]
        self.sends = [0] * len(net.channels)
        self.closed = [False] * len(net.channels)
        self.waits = {}
        self.endless = False
        self.steps = 0

    def run(self, limit: int = 10**7) -> Naive:
        """Runs until nothing moves; `endless` when more than `limit` operations were done."""
        running = {k: self.process(k, each.nodes) for k, each in enumerate(self.net.processes)}
        moved = True
        while moved:
            moved = False
            for k, process in list(running.items()):
                while True:
                    try:
                        waits = next(process)
                    except StopIteration:
                        del running[k]
                        self.waits.pop(k, None)
                        for position, each in enumerate(self.net.channels):
                            self.closed[position] |= each.sender == k
                        moved = True
                        break
                    if waits is not None:
                        self.waits[k] = waits
                        break
                    moved = True
                    self.steps += 1
                    if self.steps > limit:
                        self.endless = True
                        return self
        return self

    def process(self, me: int, nodes) -> Iterator[tuple[str, int] | None]:
        for each in nodes:
            if isinstance(each, Send):
                channel = self.net.channels[each.channel]
                while self.tokens[each.channel] >= max(1, channel.capacity):
                    yield "send", each.channel
                self.tokens[each.channel] += 1
                self.sends[each.channel] += 1
                yield None
                while not channel.capacity and self.tokens[each.channel]:
                    yield "send", each.channel
            elif isinstance(each, Recv):
                yield from self.receive(each.channel)
            elif isinstance(each, Close):
                self.closed[each.channel] = True
                yield None
            elif isinstance(each, Repeat):
                for _ in range(each.turns):
                    yield from self.process(me, each.body)
            elif isinstance(each, Read):
                while (yield from self.receive(each.channel)):
                    yield from self.process(me, each.body)

    def receive(self, channel: int) -> Iterator[tuple[str, int] | None]:
        while not self.tokens[channel] and not self.closed[channel]:
            yield "recv", channel
        ended = not self.tokens[channel]
        self.tokens[channel] -= not ended
        yield None
        return not ended


def random_net(random: Random, largest: int = 12) -> Net:
    """Processes with loops in loops; mostly balanced, sometimes not, sometimes too small or in a circle."""
    count = random.randint(1, 5)
    channels: list[Channel] = []
    for k in range(random.randint(1, 7)):
        sender, receiver = random.randrange(count), random.randrange(count)
        if random.random() < 0.6 and sender > receiver:
            sender, receiver = receiver, sender
        capacity = random.choice((0, 1, 1, 2, 3, 5, 40))
        initial = random.randint(0, capacity) if random.random() < 0.25 else 0
        channels.append(Channel(f"c{k}", capacity, initial, sender, receiver))
    turns = random.randint(1, largest)
    processes = tuple(Process(f"p{k}", _body(random, channels, k, turns), (None,)) for k in range(count))
    return Net(tuple(channels), processes)


def _body(random: Random, channels: list[Channel], me: int, turns: int):
    ends = [(k, each.sender == me) for k, each in enumerate(channels) if me in (each.sender, each.receiver)]
    ends += [(k, False) for k, each in enumerate(channels) if each.sender == each.receiver == me]
    random.shuffle(ends)
    inner = []
    for channel, sends in ends:
        node = Send(channel, 0) if sends else Recv(channel, 0)
        style = random.random()
        if style < 0.15:
            inner.append(Repeat(random.choice((2, 3, turns)), (node,)))
        elif style < 0.3:
            inner += [node] * random.randint(1, 3)
        else:
            inner.append(node)
    if random.random() < 0.3 and len(inner) > 1:
        cut = random.randrange(1, len(inner))
        inner = [Repeat(random.randint(1, 4), tuple(inner[:cut])), *inner[cut:]]
    reads = [channel for channel, sends in ends if not sends]
    style = random.random()
    if reads and style < 0.4:
        channel = random.choice(reads)
        body = tuple(each for each in inner if not (isinstance(each, Recv) and each.channel == channel))
        nodes = (Read(channel, body, 0),)
    elif style < 0.9:
        nodes = (Repeat(turns, tuple(inner)),)
    else:
        nodes = tuple(Repeat(turns, (each,)) for each in inner)
    if random.random() < 0.2:
        nodes = (Repeat(random.randint(1, 3), nodes),)
    if random.random() < 0.15:
        nodes = (*inner[: random.randint(0, 2)], *nodes)
    sent = [channel for channel, sends in ends if sends]
    return (*nodes, *(Close(each, 0) for each in sent if random.random() < 0.2))
