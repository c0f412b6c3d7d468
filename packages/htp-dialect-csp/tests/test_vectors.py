"""Nineteen networks whose times, stalls, orders and deadlock reports are known."""

import json
from pathlib import Path

import pytest

from htp import Scalar, i32, work
from htp_dialect_csp import (
    EOS,
    NONE,
    Channel,
    Deadlock,
    Recv,
    Send,
    network,
    process,
    replicate,
    select,
    simulate,
    stop,
)  # fmt: skip

VECTORS = {each["id"]: each for each in json.loads(Path(__file__).with_name("csp_vectors.json").read_text())}
Token = Scalar[i32]
SEEN = []


@process
def load(a: Send[Token]) -> None:
    for k in range(4):
        work(2)
        a.send(k)


@process
def comp(a: Recv[Token], b: Send[Token]) -> None:
    for token in a:
        work(5)
        b.send(token)


@process
def store(b: Recv[Token]) -> None:
    for _ in b:
        work(1)


def three_stages(capacity, latency=0):
    @network
    def stages() -> None:
        a = Channel[Token](capacity=capacity, latency=latency)
        b = Channel[Token](capacity=capacity, latency=latency)
        load(a)
        comp(a, b)
        store(b)

    return stages


@process
def prod(q: Send[Token], count: Scalar[i32]) -> None:
    for k in range(count):
        work(1)
        q.send(k)


@process
def cons(q: Recv[Token], cost: Scalar[i32]) -> None:
    for _ in q:
        work(cost)


@network
def back_pressure() -> None:
    q = Channel[Token](capacity=2)
    prod(q, 6)
    cons(q, 10)


@network
def credit_round_trip() -> None:
    q = Channel[Token](capacity=1, latency=2, response=2)
    prod(q, 5)
    cons(q, 1)


@process
def fork(u: Send[Token], v: Send[Token]) -> None:
    for k in range(3):
        work(1)
        u.send(k)
        v.send(k)


@process
def fast(u: Recv[Token], ur: Send[Token]) -> None:
    for token in u:
        work(1)
        ur.send(token)


@process
def slow(v: Recv[Token], vr: Send[Token]) -> None:
    for token in v:
        work(6)
        vr.send(token)


@process
def join(ur: Recv[Token], vr: Recv[Token]) -> None:
    for _ in ur:
        vr.recv()
        work(1)


@network
def diamond() -> None:
    u = Channel[Token](capacity=1)
    v = Channel[Token](capacity=1)
    ur = Channel[Token](capacity=1)
    vr = Channel[Token](capacity=1)
    fork(u, v)
    fast(u, ur)
    slow(v, vr)
    join(ur, vr)


@process
def P(m: Send[Token]) -> None:
    for k in range(6):
        work(3)
        m.send(k)
        m.send(k)


@process
def C(m: Recv[Token]) -> None:
    while m.recv() is not EOS:
        m.recv()
        m.recv()
        work(4)


@network
def multi_rate() -> None:
    m = Channel[Token](capacity=4)
    P(m)
    C(m)


@process
def A(back: Recv[Token], fwd: Send[Token]) -> None:
    for _ in range(4):
        token = back.recv()
        work(2)
        fwd.send(token)


@process
def B(fwd: Recv[Token], back: Send[Token]) -> None:
    for _ in range(4):
        token = fwd.recv()
        work(3)
        back.send(token + 1)


def feedback(initial):
    @network
    def loop() -> None:
        fwd = Channel[Token](capacity=1)
        back = Channel[Token](capacity=1, initial=initial)
        A(back, fwd)
        B(fwd, back)

    return loop


@process
def S(x: Send[Token], y: Send[Token]) -> None:
    for k in range(4):
        x.send(k)
    for k in range(4):
        y.send(k)


@process
def M(x: Recv[Token], y: Recv[Token]) -> None:
    for _ in range(4):
        x.recv()
        y.recv()
        work(1)


def two_orders(capacity):
    @network
    def orders() -> None:
        x = Channel[Token](capacity=capacity)
        y = Channel[Token](capacity=2)
        S(x, y)
        M(x, y)

    return orders


def starving():
    @process
    def prod(q: Send[Token]) -> None:
        for k in range(3):
            work(2)
            q.send(k)
        stop()

    @process
    def cons(q: Recv[Token]) -> None:
        for _ in q:
            work(1)

    @network
    def abandoned() -> None:
        q = Channel[Token](capacity=2)
        prod(q)
        cons(q)

    return abandoned


def selecting():
    @process
    def P(p: Send[Token]) -> None:
        for k in range(3):
            work(3)
            p.send(k)

    @process
    def Q(q: Send[Token]) -> None:
        for k in range(3):
            work(4)
            q.send(k)

    @process
    def M(p: Recv[Token], q: Recv[Token]) -> None:
        while (found := select([p, q])) is not EOS:
            inp, token = found
            SEEN.append(f"{'p' if inp is p else 'q'}{token}")
            work(2)

    @network
    def merge() -> None:
        p = Channel[Token](capacity=2)
        q = Channel[Token](capacity=2)
        P(p)
        Q(q)
        M(p, q)

    return merge


def polling():
    @process
    def P(p: Send[Token]) -> None:
        for k in range(2):
            work(3)
            p.send(k)

    @process
    def M(p: Recv[Token]) -> None:
        while True:
            found = p.try_recv()
            SEEN.append("<NONE>" if found is NONE else "<EOS>" if found is EOS else f"p{found}")
            if found is EOS:
                break
            work(2)

    @network
    def polled() -> None:
        p = Channel[Token](capacity=1, latency=1)
        P(p)
        M(p)

    return polled


def event(before, other):
    @process
    def A(e: Send[Token]) -> None:
        work(before)
        e.send(0)
        work(1)

    @process
    def B(e: Recv[Token]) -> None:
        work(other)
        e.recv()
        work(4)

    @network
    def meet() -> None:
        e = Channel[Token](capacity=0)
        A(e)
        B(e)

    return meet


@process
def gen(w: tuple[Send[Token], ...]) -> None:
    for i in range(6):
        work(1)
        w[i % 2].send(i)


@process
def W(w: Recv[Token], r: Send[Token], cost: Scalar[i32]) -> None:
    for token in w:
        work(cost)
        r.send(token)


@process
def col(r: tuple[Recv[Token], ...]) -> None:
    for i in range(6):
        assert r[i % 2].recv() == i
        work(1)


@network
def scatter_gather() -> None:
    w = Channel[Token].array(2, capacity=2)
    r = Channel[Token].array(2, capacity=2)
    gen(w)
    replicate(W, 2, w, r, (5, 3))
    col(r)


def attention():
    @process
    def load(q: Send[Token], kv: Send[Token]) -> None:
        work(30)
        q.send(0)
        for k in range(8):
            work(40)
            kv.send(k)

    @process
    def qk(q: Recv[Token], kv: Recv[Token], s: Send[Token]) -> None:
        q.recv()
        for token in kv:
            work(100)
            s.send(token)

    @process
    def softmax(s: Recv[Token], p: Send[Token]) -> None:
        for token in s:
            work(60)
            p.send(token)

    @process
    def pv(p: Recv[Token]) -> None:
        for _ in p:
            work(100)

    @network
    def flash() -> None:
        q = Channel[Token](capacity=1)
        kv = Channel[Token](capacity=2)
        s = Channel[Token](capacity=2)
        p = Channel[Token](capacity=2)
        load(q, kv)
        qk(q, kv, s)
        softmax(s, p)
        pv(p)

    return flash


PROGRAMS = {
    "T01": three_stages(2),
    "T02": three_stages(1),
    "T03": three_stages(2, 3),
    "T04": three_stages(0),
    "T05": back_pressure,
    "T06": credit_round_trip,
    "T07": diamond,
    "T08": multi_rate,
    "T09": feedback((0,)),
    "T10": feedback(()),
    "T11": two_orders(2),
    "T12": two_orders(3),
    "T13": starving(),
    "T14": selecting(),
    "T15": polling(),
    "T16": event(7, 2),
    "T17": event(2, 9),
    "T18": scatter_gather,
    "T19": attention(),
}


def deadlock(name):
    with pytest.raises(Deadlock) as caught:
        PROGRAMS[name]()
    return caught.value


def test_every_vector_has_a_program():
    assert set(PROGRAMS) == set(VECTORS)


@pytest.mark.parametrize("name", [name for name, each in VECTORS.items() if "makespan" in each["expect"]])
def test_times(name):
    expected = dict(VECTORS[name]["expect"])
    SEEN.clear()
    found = simulate(PROGRAMS[name])
    assert expected.pop("order", []) + expected.pop("polled", []) == SEEN
    per_process = {"time": "end", "busy": "busy", "stall_in": "stall_in", "stall_out": "stall_out", "n_stall": "stalls"}
    per_channel = {"high_water": "high_water", "A": "accepts", "D": "dequeues"}
    assert set(expected) == {"makespan", *per_process, *per_channel}
    assert found.makespan == expected["makespan"]
    for key, field in per_process.items():
        assert {name: getattr(each, field) for name, each in found.processes.items()} == expected[key], key
    assert {name: each.high_water for name, each in found.channels.items()} == expected["high_water"]
    assert {name: list(each.accepts) for name, each in found.channels.items()} == expected["A"]
    assert {name: list(each.dequeues) for name, each in found.channels.items()} == expected["D"]
    assert {name: each.capacity for name, each in found.channels.items()} == {
        each["name"]: each["capacity"] for each in VECTORS[name]["channels"]
    }


@pytest.mark.parametrize("name", [name for name, each in VECTORS.items() if "deadlock" in each["expect"]])
def test_deadlocks(name):
    expected = VECTORS[name]["expect"]["deadlock"]
    found = deadlock(name)
    assert found.report.text == VECTORS[name]["expect"]["text"]
    assert found.diagnostic.message.startswith(VECTORS[name]["expect"]["text"])
    assert found.report.kind == expected["kind"]
    assert sorted(each.process for each in found.report.blocked) == sorted(expected["blocked"])
    assert list(found.report.cycle) == (expected["cycle"] or [])
    assert found.report.hint == expected["hint"]
    assert {each.name: each.clock for each in found.report.processes} == expected["time"]
    assert {each.name: each.high_water for each in found.report.channels} == expected["high_water"]


@pytest.mark.parametrize("name", ["T04", "T14", "T11"])
def test_two_hundred_runs_are_alike(name):
    def outcome():
        SEEN.clear()
        if name == "T11":
            found = deadlock(name)
            return str(found), found.report
        return simulate(PROGRAMS[name]), tuple(SEEN)

    first = outcome()
    assert all(outcome() == first for _ in range(200))
