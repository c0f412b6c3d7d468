"""Networks without a dialect: whose turn it is, work, and what is left behind."""

import threading

import pytest

from htp import Refused, i32, work
from htp.channel_time import ChannelTime
from htp.channels import Channel, Receiver, Sender
from htp.links import Link
from htp.networks import Network
from htp.processes import stop
from htp.runs import ProcessRun, Wait
from htp.types import ScalarType


def channel(network, **how):
    link = Link(ScalarType(i32), ChannelTime(**how), name=f"c{len(network.links)}")
    network.links.append(link)
    return Sender(link), Receiver(link)


def test_the_first_in_time_goes_first_and_then_the_first_declared():
    network = Network("turns")
    seen = []

    def steps(name, cost):
        def body():
            out, _ = channel(network, capacity=9)
            for k in range(3):
                work(cost)
                out.send(k)
                seen.append((name, cost * (k + 1)))

        return body

    for name, cost in (("a", 2), ("b", 1), ("c", 2)):
        network.add(name, steps(name, cost))
    network.run()
    assert seen == [
        ("b", 1), ("a", 2), ("b", 2), ("c", 2), ("b", 3), ("a", 4), ("c", 4), ("a", 6), ("c", 6),
    ]  # fmt: skip
    assert network.makespan == 6


def test_work_outside_of_a_process_costs_nothing():
    network = Network("costs")
    network.add("one", lambda: work(5))
    work(7)
    network.run()
    work(9)
    assert network.simulated().processes["one"].busy == 5


def test_when_a_process_waited_and_for_what():
    network = Network("waits")
    out, inp = channel(network, capacity=1)

    def prod():
        for k in range(3):
            work(1)
            out.send(k)
        work(10)

    def cons():
        for _ in inp:
            work(3)

    network.add("prod", prod)
    network.add("cons", cons)
    network.run()
    # Accepted at 1, 2 and 4, where the slot is freed; taken at 1, 4 and 7; the stream ends at 14.
    found = network.simulated()
    assert found.processes["prod"] == ProcessRun(
        end=14, busy=13, stall_in=0, stall_out=1, stalls=1, waits=(Wait(start=3, end=4, channel="c0", why="full"),)
    )
    assert found.processes["cons"].waits == (
        Wait(start=0, end=1, channel="c0", why="empty"), Wait(start=10, end=14, channel="c0", why="end")
    )
    assert (found.processes["cons"].stall_in, found.processes["cons"].stalls) == (1, 1)
    told = found.channels["c0"]
    assert (told.sender, told.receiver, told.accepts, told.dequeues) == ("prod", "cons", (1, 2, 4), (1, 4, 7))


def test_at_a_rendezvous_a_sender_waits_until_it_has_the_response():
    network = Network("meets")
    out, inp = channel(network, capacity=0, latency=1, response=2)

    def sends():
        work(1)
        out.send(5)
        work(1)

    def receives():
        work(5)
        inp.recv()

    network.add("sends", sends)
    network.add("receives", receives)
    network.run()
    found = network.simulated()
    assert found.processes["sends"].waits == (Wait(start=1, end=7, channel="c0", why="full"),)
    assert found.processes["receives"].waits == ()
    assert (found.channels["c0"].latency, found.channels["c0"].response) == (1, 2)


def test_names_are_given_once():
    network = Network("names")
    assert [network.add("p", lambda: None).name for _ in range(3)] == ["p", "p_2", "p_3"]


def test_a_process_that_stops_leaves_its_channels_open():
    network = Network("stops")
    out, inp = channel(network, capacity=1)

    def sends():
        out.send(1)
        stop()

    network.add("sends", sends)
    network.add("receives", lambda: list(inp))
    before = threading.active_count()
    with pytest.raises(Refused) as caught:
        network.run()
    assert caught.value.code == "csp.deadlock"
    assert caught.value.report.hint == "producer terminated without close()"
    assert threading.active_count() == before


def test_a_channel_used_outside_of_a_process():
    out, _ = channel(Network("none"), capacity=1)
    for act in (lambda: out.send(1), lambda: len(out), out.full, out.close):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.code == "csp.no-network"
        assert caught.value.diagnostic.span.file == __file__


def test_both_ends_in_one_process():
    network = Network("loop")
    link = channel(network, capacity=1, initial=1)[0].link
    link.tokens.append(5)
    both = Channel(link)
    seen = []

    def turns():
        for _ in range(3):
            seen.append(both.recv())
            work(2)
            both.send(seen[-1] + 1)

    network.add("turns", turns)
    network.run()
    assert seen == [5, 6, 7]
    assert link.time.accepts == [0, 2, 4, 6]
