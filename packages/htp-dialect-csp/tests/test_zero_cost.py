"""The zero-cost run against one that moves one token at a time, and against the run of the network itself."""

import random

import pytest
from naive_nets import Naive, random_net
from networks_kit import program

from htp import i64, work
from htp.channel_time import ChannelTime
from htp.channels import Channel as Both
from htp.diagnostics import Refused
from htp.links import Link
from htp.networks import Network
from htp.types import ScalarType
from htp_dialect_csp import Channel, Deadlock, Recv, Send, network, process, simulate
from htp_dialect_csp.capacities import least_capacities, working_capacities
from htp_dialect_csp.checks import check
from htp_dialect_csp.concrete import Channel as At
from htp_dialect_csp.concrete import Net, Process, Read, Repeat, Undecided, folded, net_of
from htp_dialect_csp.concrete import Recv as R
from htp_dialect_csp.concrete import Send as S
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.stuck import explained
from htp_dialect_csp.zero_cost import run

COUNT = 2000


def same(net, out, naive):
    waits = {each.process: (each.operation, each.channel) for each in out.waiting}
    return (
        waits == naive.waits
        and list(out.held) == naive.tokens
        and list(out.sends) == naive.sends
        and list(out.closed) == naive.closed
    )


def test_random_networks_end_as_they_do_token_by_token():
    ends = {"ended": 0, "stuck": 0, "endless": 0}
    for seed in range(COUNT):
        chance = random.Random(seed)
        net = random_net(chance, chance.choice((3, 12, 100)))
        out = run(net)
        naive = Naive(net).run(20_000 if out.endless else 10**7)
        assert naive.endless == out.endless, seed
        assert out.endless or same(net, out, naive), seed
        ends["endless" if out.endless else "ended" if out.ended else "stuck"] += 1
    assert min(ends["ended"], ends["stuck"]) > COUNT // 10


def balanced(chance):
    """A graph without circles in which the processes on both ends of a channel move equally many tokens."""
    count, tokens = chance.randint(2, 6), chance.choice((12, 60, 240))
    channels = [At(f"c{k}", chance.choice((0, 1, 2, 3, 7)), 0, k, k + 1) for k in range(count - 1)]
    for k in range(chance.randint(0, 3)):
        low, high = sorted(chance.sample(range(count), 2))
        channels.append(At(f"d{k}", chance.choice((1, 2, 5)), 0, low, high))
    bodies = []
    for me in range(count):
        parts = chance.choice((1, 2, 3, 4, 6, 12))
        nodes = [R(k, 0) for k, each in enumerate(channels) if each.receiver == me]
        nodes += [S(k, 0) for k, each in enumerate(channels) if each.sender == me]
        if chance.random() < 0.3:
            chance.shuffle(nodes)
        turn = tuple(Repeat(parts, (each,)) if chance.random() < 0.7 else each for each in nodes for _ in range(1))
        turn = tuple(each if isinstance(each, Repeat) else Repeat(parts, (each,)) for each in turn)
        bodies.append(Process(f"p{me}", (Repeat(tokens // parts, turn),), (None,)))
    return Net(tuple(channels), tuple(bodies))


def test_random_balanced_networks_and_their_least_capacities():
    ended = 0
    for seed in range(300):
        net = balanced(random.Random(seed))
        out = run(net)
        assert same(net, out, Naive(net).run()), seed
        ended += out.ended
        if seed % 10 == 0:
            least = least_capacities(net)
            if least is None:
                assert Naive(net, {each.name: 10**6 for each in net.channels}).run().waits, seed
                continue
            assert not Naive(net, least).run().waits, seed
            for each in net.channels:
                fewer = {**least, each.name: least[each.name] - 1}
                assert least[each.name] == each.initial or Naive(net, fewer).run().waits, (seed, each.name)
    assert 30 < ended < 300


def test_most_of_a_long_run_is_skipped():
    tokens = 1_000_000
    net = Net(
        (At("a", 2, 0, 0, 1), At("b", 3, 0, 1, 2)),
        (
            Process("p", (Repeat(tokens, (S(0, 0),)),)),
            Process("q", (Read(0, (S(1, 0), S(1, 0)), 0),)),
            Process("r", (Repeat(tokens // 4, (Repeat(8, (R(1, 0),)),)),)),
        ),
    )
    out = run(net)
    assert out.ended
    assert out.sends == (tokens, 2 * tokens)
    assert out.rounds < 40


def test_a_network_that_never_ends_is_seen_to_do_so():
    source, sink = Process("p", (Repeat(None, (S(0, 0),)),)), Process("q", (Repeat(None, (R(0, 0),)),))
    net = Net((At("a", 2, 0, 0, 1),), (source, sink))
    assert run(net).endless


def test_turns_are_written_once():
    a, b = (S(0, 0),), (S(1, 0),)
    assert folded([a, b] * 5000) == (Repeat(5000, (*a, *b)),)
    assert folded([a, b, a]) == (*a, *b, *a)
    assert folded([a] * 4) == (Repeat(4, a),)
    assert folded([(), ()]) == ()


ALTERNATE = """
@process
def S(x: Send[i64], y: Send[i64]) -> None:
    for k in range(4):
        x.send(k)
    for k in range(4):
        y.send(k)


@process
def M(x: Recv[i64], y: Recv[i64]) -> None:
    for k in range(4):
        x.recv()
        y.recv()
        work(1)


@network
def net() -> None:
    x = Channel[i64](capacity={capacity})
    y = Channel[i64](capacity=2)
    S(x, y)
    M(x, y)
"""


def refused(text):
    found = program(text.replace("i64", "i32"))
    with pytest.raises(Deadlock) as caught:
        check(found)
    return caught.value


@process
def first(x: Send[i64], y: Send[i64]) -> None:
    for k in range(4):
        x.send(k)
    for k in range(4):
        y.send(k)


@process
def second(x: Recv[i64], y: Recv[i64]) -> None:
    for _ in range(4):
        x.recv()
        y.recv()
        work(1)


@network
def alternate() -> None:
    x = Channel[i64](capacity=2)
    y = Channel[i64](capacity=2)
    first(x, y)
    second(x, y)


def test_a_capacity_that_is_too_small_is_found_before_the_run():
    found = refused(ALTERNATE.format(capacity=2))
    assert found.report.text == (
        "csp.deadlock[artificial] at t=0: 2 blocked\n"
        "  S @t=0: send on x (full 2/2), waits for M\n"
        "  M @t=0: recv on y (empty 0/2), waits for S\n"
        "  cycle: S -> M -> S\n"
        "  hint: raise capacity of x"
    )
    assert found.diagnostic.notes == ("capacity of 'x' is 2, 3 is needed for 'M' to make progress",)
    assert found.diagnostic.help == ("give `x` capacity=3 or more",)
    assert (found.diagnostic.span.line, found.diagnostic.labels[0].span.line) == (5, 14)
    assert check(program(ALTERNATE.format(capacity=3).replace("i64", "i32"))) == ()


def test_the_text_is_that_of_a_run():
    with pytest.raises(Deadlock) as caught:
        simulate(alternate)
    renamed = refused(ALTERNATE.format(capacity=2).replace("S(x", "first(x").replace("M(x", "second(x"))
    assert renamed.report.text == caught.value.report.text


CIRCLE = """
@process
def A(back: Recv[i32], fwd: Send[i32]) -> None:
    for k in range(4):
        fwd.send(back.recv())


@process
def B(fwd: Recv[i32], back: Send[i32]) -> None:
    for k in range(4):
        back.send(fwd.recv())


@network
def net() -> None:
    fwd = Channel[i32]()
    back = Channel[i32]({initial})
    A(back, fwd)
    B(fwd, back)
"""


def test_a_circle_without_tokens():
    found = refused(CIRCLE.format(initial=""))
    assert found.report.kind == "true"
    assert found.report.cycle == ("A", "B")
    assert found.report.hint == "add an initial token or break the cycle"
    assert check(program(CIRCLE.format(initial="initial=(0,)"))) == ()


def test_sizes_at_which_a_network_gets_stuck_are_told():
    text = ALTERNATE.replace("i64", "i32").replace("range(4)", "range(n)").format(capacity=2)
    text = text.replace("Send[i32])", "Send[i32], n: Scalar[i32])").replace("Recv[i32])", "Recv[i32], n: Scalar[i32])")
    text = text.replace("net()", "net(n: Scalar[i32])").replace("(x, y)", "(x, y, n)")
    with pytest.raises(Deadlock) as caught:
        check(program(text))
    assert caught.value.diagnostic.notes == (
        "capacity of 'x' is 2, 255 is needed for 'M' to make progress", "seen with n = 256",
    )  # fmt: skip
    with pytest.raises(Deadlock) as caught:
        check(program(text), {"n": 8})
    assert "7 is needed" in caught.value.diagnostic.notes[0]
    assert check(program(text), {"n": 2}) == ()


def test_an_order_that_depends_on_data_is_a_note():
    text = ALTERNATE.replace("i64", "i32").format(capacity=3)
    text = text.replace("        x.recv()\n        y.recv()", "        select([x, y])")
    (found, *_) = check(program(text))
    assert (found.code, found.severity) == ("csp.dynamic-rate", "note")
    found = program(text)
    with pytest.raises(Undecided):
        net_of(graph_of(found, found.main), {})


def test_capacities_that_work_together():
    net = Net(
        (At("x", 1, 0, 0, 1), At("y", 1, 0, 0, 1), At("z", 1, 0, 0, 1)),
        (
            Process("s", (Repeat(4, (S(0, 0),)), Repeat(4, (S(1, 0),)), Repeat(4, (S(2, 0),)))),
            Process("r", (Repeat(4, (R(2, 0), R(1, 0), R(0, 0))),)),
        ),
    )
    found = working_capacities(net)
    assert found == {"x": 4, "y": 4}
    assert not Naive(net, found).run().waits
    assert explained(net, run(net)).report.raise_channel == "x"


def test_a_rendezvous_that_nobody_takes():
    net = Net((At("e", 0, 0, 0, 1),), (Process("a", (S(0, 0), S(0, 0))), Process("b", (R(0, 0),))))
    out = run(net)
    report = explained(net, out).report
    assert report.kind == "starvation"
    assert str(report.blocked[0]) == "  a @t=0: send on e (full 0/0), waits for b (terminated)"
    assert report.hint == "consumer terminated before it received every token"


FANNED = """
@process
def gen(w: tuple[Send[i32], ...]) -> None:
    for i in range(6):
        w[i % 2].send(i)


@process
def pass_on(inp: Recv[i32], out: Send[i32]) -> None:
    for t in inp:
        out.send(t)


@process
def col(r: tuple[Recv[i32], ...]) -> None:
    for i in range(6):
        r[i % 2].recv()


@network
def net() -> None:
    w = Channel[i32].array(2, capacity=2)
    r = Channel[i32].array(2, capacity=2)
    gen(w)
    replicate(pass_on, 2, w, r)
    col(r)
"""


def test_channels_chosen_by_the_turn_of_a_loop():
    assert check(program(FANNED)) == ()
    found = program(FANNED)
    net = net_of(graph_of(found, found.main), {})
    assert net.processes[0].nodes == (Repeat(3, (S(0, 0), S(1, 0))),)
    assert run(net).sends == (3, 3, 3, 3)
    found = program(FANNED.replace("range(6)", "range(1_000_001)"))
    net = net_of(graph_of(found, found.main), {})
    assert net.processes[0].nodes == (Repeat(500_000, (S(0, 0), S(1, 0))), S(0, 0))
    assert run(net).ended
    found = program(FANNED.replace("range(6)", "range(1_000_001)").replace("i % 2", "i * i // 1009 % 2"))
    with pytest.raises(Undecided, match="turns of loops are different"):
        net_of(graph_of(found, found.main), {})
    with pytest.raises(Refused) as caught:
        check(program(FANNED.replace("i % 2].recv", "(i + i) % 2].recv")))
    assert caught.value.code in ("csp.count", "csp.deadlock")


def body(nodes, ends):
    """A process of the run-time that does what nodes say."""

    def play(nodes):
        for each in nodes:
            if isinstance(each, S):
                ends[each.channel].send(0)
            elif isinstance(each, R):
                ends[each.channel].recv()
            elif isinstance(each, Repeat):
                for _ in range(each.turns):
                    play(each.body)
            elif isinstance(each, Read):
                for _ in ends[each.channel]:
                    play(each.body)
            else:
                ends[each.channel].close()

    return lambda: play(nodes)


def really(net):
    """The report of a run with threads and clocks, None where it ends well."""
    made = Network("network")
    links = [Link(ScalarType(i64), ChannelTime(each.capacity), each.name, named=True) for each in net.channels]
    for each in net.processes:
        made.add(each.name, body(each.nodes, [Both(link) for link in links]))
    for each, link in zip(net.channels, links, strict=True):
        link.claim("send", made.processes[each.sender], None)
        link.claim("recv", made.processes[each.receiver], None)
        made.links.append(link)
    try:
        made.run()
    except Deadlock as found:
        return found.report
    return None


def test_reports_are_those_of_runs():
    stuck = 0
    for seed in range(300):
        net = random_net(random.Random(seed), 4)
        out = run(net)
        if out.endless or any(each.initial for each in net.channels) or "close" in str(net.processes):
            continue
        report = really(net)
        assert (report is None) == out.ended, seed
        if report is not None:
            stuck += 1
            assert explained(net, out).report.text == report.text, seed
    assert stuck > 50
