"""The zero-cost run of networks of 50 processes through which 10 000 tokens go, in milliseconds.

    python benchmarks/zero_cost.py

Every shape is run several times and the median told, with the rounds that were run and the operations that a run token
by token would take. The bar is 10 ms.
"""

from __future__ import annotations

import statistics
import sys
import time

from htp_dialect_csp.concrete import Channel, Net, Node, Process, Read, Recv, Repeat, Send
from htp_dialect_csp.zero_cost import run

PROCESSES = 50
TOKENS = 10_000
ROUNDS = 21


def pipeline(capacity: int, *, backwards: bool = False, drained: bool = False) -> Net:
    """A source, stages that pass every token on, and a sink, declared in that order or from the sink on."""
    place = (lambda k: PROCESSES - 1 - k) if backwards else (lambda k: k)
    channels = tuple(Channel(f"c{k}", capacity, 0, place(k), place(k + 1)) for k in range(PROCESSES - 1))
    made: list[Process] = []
    for k in range(PROCESSES):
        send = (Send(k, 0),) if k < PROCESSES - 1 else ()
        recv = (Recv(k - 1, 0),) if k else ()
        body: Node = Read(k - 1, send, 0) if drained and k else Repeat(TOKENS, (*recv, *send))
        made.append(Process(f"p{k}", (body,)))
    return Net(channels, tuple(reversed(made) if backwards else made))


def multirate(capacity: int) -> Net:
    """Stages that alternately join and split tokens, three for two."""
    channels = tuple(Channel(f"c{k}", capacity, 0, k, k + 1) for k in range(PROCESSES - 1))
    made: list[Process] = []
    for k in range(PROCESSES):
        sends, receives, turns = (3, 2, TOKENS // 2) if k % 2 else (2, 3, TOKENS // 2)
        recv = (Recv(k - 1, 0),) * receives if k else ()
        send = (Send(k, 0),) * sends if k < PROCESSES - 1 else ()
        made.append(Process(f"p{k}", (Repeat(turns, (*recv, *send)),)))
    return Net(channels, tuple(made))


def nested(capacity: int) -> Net:
    """Rows of tokens, each behind a header on a channel of its own."""
    rows, columns = 100, TOKENS // 100
    channels = tuple(
        Channel(f"{what}{k}", size, 0, k, k + 1)
        for k in range(PROCESSES - 1)
        for what, size in (("h", 1), ("c", capacity))
    )
    made: list[Process] = []
    for k in range(PROCESSES):
        head = (*((Recv(2 * k - 2, 0),) if k else ()), *((Send(2 * k, 0),) if k < PROCESSES - 1 else ()))
        item = (*((Recv(2 * k - 1, 0),) if k else ()), *((Send(2 * k + 1, 0),) if k < PROCESSES - 1 else ()))
        made.append(Process(f"p{k}", (Repeat(rows, (*head, Repeat(columns, item))),)))
    return Net(channels, tuple(made))


def scatter() -> Net:
    """One process that deals tokens out to workers in turn, and one that collects them."""
    workers = PROCESSES - 2
    there = [Channel(f"w{k}", 2, 0, 0, k + 1) for k in range(workers)]
    back = [Channel(f"r{k}", 2, 0, k + 1, PROCESSES - 1) for k in range(workers)]
    turns = TOKENS // workers
    made = [Process("deal", (Repeat(turns, tuple(Send(k, 0) for k in range(workers))),))]
    made += [Process(f"w{k}", (Read(k, (Send(workers + k, 0),), 0),)) for k in range(workers)]
    made.append(Process("collect", (Repeat(turns, tuple(Recv(workers + k, 0) for k in range(workers))),)))
    return Net((*there, *back), tuple(made))


SHAPES = {
    "pipeline, capacity 2": pipeline(2),
    "pipeline, capacity 1000": pipeline(1000),
    "pipeline, rendezvous": pipeline(0),
    "pipeline of reads": pipeline(2, drained=True),
    "pipeline, sink first": pipeline(2, backwards=True),
    "three for two": multirate(4),
    "loops in loops": nested(3),
    "scatter and gather": scatter(),
}


def main() -> int:
    """Prints a line for each shape."""
    slowest = 0.0
    for name, net in SHAPES.items():
        times: list[float] = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            outcome = run(net)
            times.append((time.perf_counter() - start) * 1e3)
        median = statistics.median(times)
        slowest = max(slowest, median)
        state = "ends" if outcome.ended else f"{len(outcome.waiting)} blocked"
        moved = sum(outcome.sends) + sum(outcome.receives)
        print(f"{name:24} {median:7.2f} ms  {outcome.rounds:5} rounds  {moved:9} operations  {state}")
    print(f"slowest {slowest:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
