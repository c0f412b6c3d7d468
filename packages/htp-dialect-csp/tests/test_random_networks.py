"""Random networks against a solver of their equations, which shares nothing with what runs them."""

import contextlib
import os
import random
import threading
import time
from dataclasses import dataclass

import pytest

from htp import Scalar, i64, work
from htp_dialect_csp import EOS, Channel, Deadlock, Recv, Send, network, process, spawn

COUNT = 2000 if os.environ.get("HTP_TEST_LONG") == "1" else 500
Token = Scalar[i64]


@dataclass
class Wire:
    sender: int
    receiver: int
    capacity: int
    latency: int
    response: int
    initial: tuple[int, ...]


@dataclass
class Made:
    wires: list[Wire]
    # ("work", cycles), ("send", wire), ("recv", wire), ("close", wire), ("spawn", process)
    scripts: list[list[tuple[str, int]]]


def made(seed):
    """A network of 2 to 6 processes; one in three has its operations in no sensible order."""
    pick = random.Random(seed)
    size = pick.randint(2, 6)
    wires = []
    for _ in range(pick.randint(1, 8)):
        sender = pick.randrange(size)
        receiver = pick.randrange(size)
        if receiver == sender and pick.random() < 0.8:
            receiver = (sender + 1) % size
        capacity = pick.choice((0, 1, 1, 2, 2, 3, 4))
        initial = tuple(pick.randrange(9) for _ in range(pick.randint(0, capacity))) if pick.random() < 0.3 else ()
        wires.append(Wire(sender, receiver, capacity, pick.choice((0, 0, 1, 3)), pick.choice((0, 0, 2)), initial))
    scripts = [[] for _ in range(size)]
    waiting = [len(each.initial) for each in wires]
    sensible = pick.random() < 2 / 3
    for _ in range(pick.randint(5, 40)):
        wire = pick.randrange(len(wires))
        receive = waiting[wire] > 0 and pick.random() < 0.55 if sensible else pick.random() < 0.5
        waiting[wire] += -1 if receive else 1
        owner = wires[wire].receiver if receive else wires[wire].sender
        scripts[owner].append(("recv" if receive else "send", wire))
        if pick.random() < 0.6:
            scripts[pick.randrange(size)].append(("work", pick.randint(0, 9)))
    for wire, each in enumerate(wires):  # what is left is received, and sometimes the end of the stream
        for _ in range(max(waiting[wire], 0) + pick.choice((0, 0, 1, 2)) if sensible else 0):
            scripts[each.receiver].append(("recv", wire))
        if pick.random() < 0.2:
            scripts[each.sender].append(("close", wire))
    return Made(wires, scripts)


def spawning(seed):
    """A network in which processes are started by others, anywhere in what these do."""
    net, pick = made(seed), random.Random(seed)
    for child in range(len(net.scripts) - 1, 0, -1):
        if pick.random() < 0.6:
            script = net.scripts[pick.randrange(child)]
            script.insert(pick.randint(0, len(script)), ("spawn", child))
    return net


def parents(net):
    return {what: p for p, script in enumerate(net.scripts) for kind, what in script if kind == "spawn"}


class Solver:
    """The least solution of the equations: completion times and values of operations, None where there is none."""

    def __init__(self, net):
        self.net = net
        late = parents(net)
        self.times = [[None if p in late else 0, *[None] * len(each)] for p, each in enumerate(net.scripts)]
        # [p][0]: when the process starts; [p][i + 1]: after operation i
        self.sums = [[p, *[None] * len(each)] for p, each in enumerate(net.scripts)]
        self.got = [[None] * (len(each) + 1) for each in net.scripts]
        self.sends = [self.positions("send", wire) for wire in range(len(net.wires))]
        self.receives = [self.positions("recv", wire) for wire in range(len(net.wires))]
        changed = True
        while changed:
            changed = False
            for p, script in enumerate(net.scripts):
                for i, (kind, what) in enumerate(script):
                    if self.times[p][i + 1] is None and self.times[p][i] is not None:
                        changed |= self.solve(p, i, kind, what)

    def positions(self, kind, wire):
        return [(p, i) for p, each in enumerate(self.net.scripts) for i, op in enumerate(each) if op == (kind, wire)]

    def solve(self, p, i, kind, what):
        before, total = self.times[p][i], self.sums[p][i]
        after = None
        if kind == "work":
            after = before + what
        elif kind == "close":
            after = before
        elif kind == "spawn":
            after = self.times[what][0] = before
        elif kind == "send":
            k = self.token(what, p, i)
            wire = self.net.wires[what]
            if wire.capacity == 0:
                freed = self.taken(what, k)
                after = None if freed is None else freed + wire.response
            elif k < wire.capacity:
                after = before
            else:
                freed = self.taken(what, k - wire.capacity)
                after = None if freed is None else max(before, freed + wire.response)
        else:
            k = self.receives[what].index((p, i))
            visible, value = self.visible(what, k)
            if visible is not None:
                after = max(before, visible)
                self.got[p][i + 1] = value
                total = total if value is None else total * 31 % 1000003 + value
        if after is None:
            return False
        self.times[p][i + 1], self.sums[p][i + 1] = after, total
        return True

    def token(self, wire, p, i):
        return len(self.net.wires[wire].initial) + self.sends[wire].index((p, i))

    def taken(self, wire, k):
        """D of token k."""
        if k >= len(self.receives[wire]):
            return None
        p, i = self.receives[wire][k]
        return self.times[p][i + 1]

    def visible(self, wire, k):
        """When token k, or the end of the stream, is visible, and the value."""
        each = self.net.wires[wire]
        if k < len(each.initial):
            return 0, each.initial[k]
        own = k - len(each.initial)
        if own < len(self.sends[wire]):
            p, i = self.sends[wire][own]
            accepted = self.times[p][i] if each.capacity == 0 else self.times[p][i + 1]
            return (None if accepted is None else accepted + each.latency), self.sums[p][i]
        script, times = self.net.scripts[each.sender], self.times[each.sender]
        closed = times[script.index(("close", wire)) + 1] if ("close", wire) in script else times[-1]
        return (None if closed is None else closed + each.latency), None

    @property
    def blocked(self):
        return [f"p{p}" for p in self.started if self.times[p][-1] is None]

    @property
    def started(self):
        return [p for p, times in enumerate(self.times) if times[0] is not None]

    def clocks(self):
        return {f"p{p}": max(each for each in self.times[p] if each is not None) for p in self.started}

    def stalls(self, p):
        """Cycles spent waiting for tokens and for slots, and how often."""
        waits = {"recv": [0], "send": [0]}
        for i, (kind, _) in enumerate(self.net.scripts[p]):
            after = self.times[p][i + 1]
            if after is not None and (kind == "send" or (kind == "recv" and self.got[p][i + 1] is not None)):
                waits[kind].append(after - self.times[p][i])
        return sum(waits["recv"]), sum(waits["send"]), sum(each > 0 for kind in waits.values() for each in kind)

    def values(self, p):
        """What a process has received: values, and None for the end of a stream."""
        return [
            self.got[p][i + 1]
            for i, (kind, _) in enumerate(self.net.scripts[p])
            if kind == "recv" and self.times[p][i + 1] is not None
        ]

    def channel(self, wire):
        """Accepts, dequeues and high water."""
        each = self.net.wires[wire]
        done = [self.times[p][i + 1] for p, i in self.sends[wire]]
        start = [self.times[p][i] for p, i in self.sends[wire]]
        own = start if each.capacity == 0 else done
        accepts = [0] * len(each.initial) + [own[k] for k, after in enumerate(done) if after is not None]
        taken = [self.taken(wire, k) for k in range(len(accepts))]
        held = [1 + sum(taken[i] is None or taken[i] > a for i in range(k)) for k, a in enumerate(accepts)]
        return accepts, [t for t in taken if t is not None], max(held, default=0) if each.capacity else 0


def program(net, received):
    """The same network, written with processes and channels."""

    def a_process(p, script):
        ins, outs = ends(net, p)

        def body(inputs: tuple[Recv[Token], ...], outputs: tuple[Send[Token], ...]) -> None:
            total = p
            for kind, what in script:
                if kind == "work":
                    work(what)
                elif kind == "send":
                    outputs[outs.index(what)].send(total)
                elif kind == "close":
                    outputs[outs.index(what)].close()
                elif kind == "spawn":
                    child, its_ins, its_outs = definitions[what]
                    given = [inputs[ins.index(k)] for k in its_ins], [outputs[outs.index(k)] for k in its_outs]
                    spawn(child, *map(tuple, given))
                else:
                    value = inputs[ins.index(what)].recv()
                    received[p].append(None if value is EOS else value)
                    total = total if value is EOS else total * 31 % 1000003 + value

        body.__name__ = f"p{p}"
        return process(body), ins, outs

    definitions = [a_process(p, script) for p, script in enumerate(net.scripts)]

    @network
    def random_network() -> None:
        c = [
            Channel[Token](capacity=w.capacity, latency=w.latency, response=w.response, initial=w.initial)
            for w in net.wires
        ]
        for p, (each, ins, outs) in enumerate(definitions):
            if p not in parents(net):
                each(tuple(c[k] for k in ins), tuple(c[k] for k in outs))

    return random_network


def owned(net, p, side):
    return {k for k, each in enumerate(net.wires) if getattr(each, side) == p}


def ends(net, p):
    """The wires from which a process receives and on which it sends, with those of all that it starts."""
    found = owned(net, p, "receiver"), owned(net, p, "sender")
    for kind, what in net.scripts[p]:
        if kind == "spawn":
            found = tuple(own | set(its) for own, its in zip(found, ends(net, what), strict=True))
    return tuple(map(sorted, found))


def closes_first(net):
    """Whether a process closes a channel that it still sends on, which is an error and no network."""
    return any(("close", w) in s and ("send", w) in s[s.index(("close", w)) :] for s in net.scripts for _, w in s)


def compare(net):
    assert not closes_first(net)
    expected = Solver(net)
    received = [[] for _ in net.scripts]
    try:
        run = program(net, received).run()
    except Deadlock as found:
        report = found.report
        assert sorted(each.process for each in report.blocked) == expected.blocked
        assert {each.name: each.clock for each in report.processes} == expected.clocks()
        assert {each.name: (each.stall_in, each.stall_out) for each in report.processes} == {
            f"p{p}": expected.stalls(p)[:2] for p in expected.started
        }
        for wire, each in enumerate(report.channels):
            accepts, dequeues, high_water = expected.channel(wire)
            assert (each.sends, each.receives, each.high_water) == (len(accepts), len(dequeues), high_water)
    else:
        assert expected.blocked == []
        times = run.simulated()
        assert {name: each.end for name, each in times.processes.items()} == expected.clocks()
        for p in expected.started:
            each = times.processes[f"p{p}"]
            assert (each.stall_in, each.stall_out, each.stalls) == expected.stalls(p)
        for wire in range(len(net.wires)):
            each = times.channels[f"c{wire}"]
            assert (list(each.accepts), list(each.dequeues), each.high_water) == expected.channel(wire)
    assert received == [expected.values(p) for p in range(len(net.scripts))]
    return expected.blocked


def test_random_networks_are_what_the_equations_say():
    stuck = sum(bool(compare(made(seed))) for seed in range(COUNT))
    assert COUNT / 5 < stuck < COUNT * 4 / 5  # both kinds are among them


def test_random_networks_that_start_processes_are_what_the_equations_say():
    stuck = sum(bool(compare(spawning(seed))) for seed in range(COUNT))
    assert COUNT / 5 < stuck < COUNT * 4 / 5


def test_no_thread_is_left_behind():
    before = threading.active_count()
    for seed in range(1000):
        net = made(seed)
        with contextlib.suppress(Deadlock):
            program(net, [[] for _ in net.scripts])()
        assert threading.active_count() == before


def test_deadlocks_are_reported_at_once():
    def ring(size):
        @process
        def node(inp: Recv[Token], out: Send[Token]) -> None:
            out.send(inp.recv())

        @network
        def stuck() -> None:
            c = Channel[Token].array(size, capacity=1)
            for k in range(size):
                node(c[k], c[(k + 1) % size])

        return stuck

    taken = []
    for _ in range(10):
        start = time.perf_counter()
        with pytest.raises(Deadlock) as found:
            ring(16)()
        taken.append(time.perf_counter() - start)
        assert found.value.report.cycle == ("node", *(f"node_{k}" for k in range(16, 1, -1)))
    assert min(taken) < 0.1
