"""Random networks with operations that ask for the time, against the rule of whose turn it is, taken literally."""

import os
import random
from dataclasses import dataclass, field

from htp import Scalar, i64, work
from htp_dialect_csp import EOS, NONE, Channel, Deadlock, Recv, Send, network, process, select

COUNT = 2000 if os.environ.get("HTP_TEST_LONG") == "1" else 300
Token = Scalar[i64]
END, NOTHING = "end", "nothing"


@dataclass(eq=False)
class Wire:
    sender: int
    receiver: int
    capacity: int
    latency: int
    response: int
    offered: int | None = None
    closed: int | None = None
    values: list = field(default_factory=list)
    accepts: list = field(default_factory=list)
    dequeues: list = field(default_factory=list)

    def visible(self):
        k = len(self.dequeues)
        if k < len(self.accepts):
            return self.accepts[k] + self.latency
        return None if self.offered is None else self.offered + self.latency

    def end(self):
        empty = len(self.accepts) == len(self.dequeues)
        return self.closed + self.latency if self.closed is not None and empty else None


def behaviour(seed, ins, outs):
    """What a process does: yields operations and is told their results, on which the next ones depend."""
    pick = random.Random(seed)
    state = seed % 97
    for _ in range(pick.randint(3, 14)):
        kinds = ["work", *(["recv", "try_recv", "try_recv", "peek", "select", "len"] if ins else [])]
        kinds += ["send", "send", "try_send", "full"] if outs else []
        kind = pick.choice(kinds)
        if kind == "work":
            result = yield kind, pick.randint(0, 4)
        elif kind == "select":
            result = yield kind, tuple(pick.sample(ins, pick.randint(1, len(ins))))
        elif kind in ("send", "try_send"):
            result = yield kind, pick.choice(outs), state
        else:
            result = yield kind, pick.choice(outs if kind == "full" else ins)
        if isinstance(result, bool) or result in (END, NOTHING):
            pick.random()  # what comes next depends on the result
        elif result is not None:
            state = (state * 31 + (result if isinstance(result, int) else sum(result))) % 10007


class Literal:
    """`repeat: of all pending operations execute the one that completes first, then the one of the first process`."""

    def __init__(self, wires, seeds):
        self.wires = wires
        self.clocks = [0] * len(seeds)
        self.logs = [[] for _ in seeds]
        self.bodies = [behaviour(seed, *ends(wires, p)) for p, seed in enumerate(seeds)]
        self.pending = [("start",)] * len(seeds)
        for p in range(len(seeds)):
            self.advance(p)
        while True:
            for p, each in enumerate(self.pending):  # an offer stands while its sender waits
                if each and each[0] == "send" and wires[each[1]].capacity == 0:
                    wires[each[1]].offered = self.clocks[p]
            ready = [(r, p) for p in range(len(seeds)) if self.pending[p] and (r := self.ready(p)) is not None]
            if not ready:
                break
            self.execute(*min(ready))
        self.blocked = [f"p{p}" for p, each in enumerate(self.pending) if each]

    def ready(self, p):
        kind, *what = self.pending[p]
        now = self.clocks[p]
        if kind == "send":
            wire = self.wires[what[0]]
            if wire.capacity == 0:
                return None  # the receiver completes it
            k = len(wire.accepts)
            if k < wire.capacity:
                return now
            freed = k - wire.capacity
            return max(now, wire.dequeues[freed] + wire.response) if freed < len(wire.dequeues) else None
        if kind in ("recv", "select"):
            wires = [self.wires[w] for w in (what[0] if kind == "select" else what)]
            seen = [v for each in wires if (v := each.visible()) is not None]
            if seen:
                return max(now, min(seen))
            over = [each.end() for each in wires]
            return max(now, *over) if None not in over else None
        return now

    def execute(self, r, p):
        kind, *what = self.pending[p]
        self.clocks[p] = r
        result = None
        if kind == "send":
            self.wires[what[0]].accepts.append(r)
            self.wires[what[0]].values.append(what[1])
        elif kind == "try_send":
            result = not self.full(self.wires[what[0]], r)
            if result:
                self.wires[what[0]].accepts.append(r)
                self.wires[what[0]].values.append(what[1])
        elif kind == "full":
            result = self.full(self.wires[what[0]], r)
        elif kind == "len":
            wire = self.wires[what[0]]
            result = sum(a <= r for a in wire.accepts) - sum(d <= r for d in wire.dequeues)
        elif kind in ("recv", "select"):
            among = what[0] if kind == "select" else what
            first = next((w for w in among if (v := self.wires[w].visible()) is not None and v <= r), None)
            result = END if first is None else self.take(first, r)
            if kind == "select" and first is not None:
                result = (first, result)
        elif kind in ("try_recv", "peek"):
            wire = self.wires[what[0]]
            if wire.visible() is not None and wire.visible() <= r:
                result = self.take(what[0], r) if kind == "try_recv" else self.next_value(what[0])
            else:
                result = END if wire.end() is not None and wire.end() <= r else NOTHING
        if kind != "done":
            self.complete(p, result)
        else:
            for wire in self.wires:
                if wire.sender == p:
                    wire.closed = r
            self.pending[p] = None

    def complete(self, p, result):
        self.logs[p].append((self.pending[p], result, self.clocks[p]))
        self.advance(p, result)

    def advance(self, p, result=None):
        """Up to the next operation; work is none, it only takes time."""
        try:
            while (op := self.bodies[p].send(result))[0] == "work":
                self.clocks[p] += op[1]
                result = None
            self.pending[p] = op
        except StopIteration:
            self.pending[p] = ("done",)

    def next_value(self, w):
        wire = self.wires[w]
        k = len(wire.dequeues)
        return wire.values[k] if k < len(wire.values) else self.pending[wire.sender][2]

    def take(self, w, r):
        wire = self.wires[w]
        value = self.next_value(w)
        offered = len(wire.accepts) == len(wire.dequeues)
        wire.dequeues.append(r)
        if offered:
            wire.accepts.append(wire.offered)
            wire.values.append(value)
            wire.offered = None
            self.clocks[wire.sender] = r + wire.response
            self.complete(wire.sender, None)
        return value

    def full(self, wire, now):
        if wire.capacity:
            return (
                sum(a <= now for a in wire.accepts) - sum(d + wire.response <= now for d in wire.dequeues)
                >= wire.capacity
            )
        other = self.pending[wire.receiver]
        mine = self.wires.index(wire)
        waits = other in (("recv", mine), ("select", (mine,))) and self.clocks[wire.receiver] <= now
        return not (waits and len(wire.accepts) == len(wire.dequeues))


def ends(wires, p):
    ins = [k for k, each in enumerate(wires) if each.receiver == p]
    return ins, [k for k, each in enumerate(wires) if each.sender == p]


def made(seed):
    pick = random.Random(seed)
    size = pick.randint(2, 5)
    wires = []
    for _ in range(pick.randint(1, 6)):
        sender = pick.randrange(size)
        receiver = (sender + pick.randint(1, size - 1)) % size
        wires.append(
            (sender, receiver, pick.choice((0, 1, 1, 2, 3)), pick.choice((0, 0, 1, 2)), pick.choice((0, 0, 2)))
        )
    return wires, [pick.randrange(10**6) for _ in range(size)]


def run(wires, seeds):
    """What the dialect makes of the same behaviours: logs with clocks, and the network or its deadlock."""
    logs = [[] for _ in seeds]

    def a_process(p, seed):
        ins, outs = ends(wires, p)

        def body(inputs: tuple[Recv[Token], ...], outputs: tuple[Send[Token], ...]) -> None:
            of = {**dict(zip(ins, inputs, strict=True)), **dict(zip(outs, outputs, strict=True))}
            doing = behaviour(seed, ins, outs)
            op = next(doing)
            while True:
                result = act(op, of)
                if op[0] != "work":
                    logs[p].append((op, result))
                try:
                    op = doing.send(result)
                except StopIteration:
                    return

        body.__name__ = f"p{p}"
        return process(body), ins, outs

    definitions = [a_process(p, seed) for p, seed in enumerate(seeds)]

    @network
    def polling() -> None:
        c = [Channel[Token](capacity=w.capacity, latency=w.latency, response=w.response) for w in wires]
        for each, ins, outs in definitions:
            each(tuple(c[k] for k in ins), tuple(c[k] for k in outs))

    try:
        return logs, polling.run().simulated(), None
    except Deadlock as found:
        return logs, None, found.report


def act(op, of):
    kind, *what = op
    if kind == "work":
        return work(what[0])
    if kind == "select":
        found = select([of[k] for k in what[0]])
        if found is EOS:
            return END
        return next(k for k in what[0] if of[k] is found[0]), found[1]
    end = of[what[0]]
    result = len(end) if kind == "len" else getattr(end, kind)(*what[1:])
    return END if result is EOS else NOTHING if result is NONE else result


def test_every_operation_happens_when_the_rule_says():
    stuck = 0
    kinds = set()
    for seed in range(COUNT):
        wires, seeds = made(seed)
        expected = Literal([Wire(*each) for each in wires], seeds)
        logs, times, report = run([Wire(*each) for each in wires], seeds)
        assert logs == [[(op, result) for op, result, _ in each] for each in expected.logs], seed
        kinds |= {
            (op[0], result if result in (END, NOTHING, True, False) else "") for each in logs for op, result in each
        }
        if report is None:
            assert expected.blocked == []
            assert [times.processes[f"p{p}"].end for p in range(len(seeds))] == expected.clocks
            for k, wire in enumerate(expected.wires):
                assert times.channels[f"c{k}"].accepts == tuple(wire.accepts)
                assert times.channels[f"c{k}"].dequeues == tuple(wire.dequeues)
        else:
            stuck += 1
            assert [each.process for each in report.blocked] == expected.blocked, seed
            assert [each.clock for each in report.processes] == expected.clocks
    assert COUNT / 10 < stuck < COUNT * 9 / 10
    assert {("select", END), ("try_recv", END), ("try_recv", NOTHING), ("peek", END)} <= kinds
    assert {("try_send", True), ("try_send", False), ("full", True), ("full", False)} <= kinds
