"""All checks on programs as they are captured."""

import pytest

from htp import In, Out, Scalar, Tensor, Tile, f32, i32, work
from htp.capture import capture
from htp.diagnostics import Refused
from htp_dialect_csp import EOS, Channel, Deadlock, Recv, Send, broadcast, network, process, replicate, simulate
from htp_dialect_csp.capacities import least_capacities
from htp_dialect_csp.checks import check
from htp_dialect_csp.concrete import net_of
from htp_dialect_csp.reading import graph_of

WIDTH = 2


@process
def load(x: In[Tensor[f32, "M", 64]], out: Send[Tile[f32, 16, 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        out.send(x[i : i + 16, :])


@process
def square(inp: Recv[Tile[f32, 16, 64]], out: Send[Tile[f32, 16, 64]]) -> None:
    while (t := inp.recv()) is not EOS:
        work(5)
        out.send(t * t)


@process
def store(inp: Recv[Tile[f32, 16, 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, y.shape[0], 16):
        y[i : i + 16, :] = inp.recv()


@network
def pipeline(x: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    a = Channel[Tile[f32, 16, 64]](capacity=2)
    b = Channel[Tile[f32, 16, 64]](capacity=2, latency=3)
    load(x, a)
    square(a, b)
    store(b, y)


def graph(net):
    program = capture(net)
    return graph_of(program, program.main)


def test_load_square_store():
    assert check(capture(pipeline)) == ()
    net = net_of(graph(pipeline), {"N": 1000})
    assert net.processes[0].nodes[0].turns == 63
    assert least_capacities(net) == {"a": 0, "b": 0}


@process
def store_less(inp: Recv[Tile[f32, 16, 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, y.shape[0] - 16, 16):
        y[i : i + 16, :] = inp.recv()


@network
def too_short(x: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    a = Channel[Tile[f32, 16, 64]](capacity=2)
    load(x, a)
    store_less(a, y)


def test_a_loop_that_stops_too_early():
    with pytest.raises(Refused) as caught:
        check(capture(too_short))
    found = caught.value.diagnostic
    assert found.code == "csp.count"
    assert found.message.startswith("channel 'a': 'load' sends (N+15)//16 tokens, 'store_less' receives ")
    assert "; one token would be left over." in found.message


@process
def queries(q: Send[f32], kv: Send[f32], n: Scalar[i32]) -> None:
    work(30)
    q.send(1.0)
    for _ in range(n):
        work(40)
        kv.send(2.0)


@process
def scores(q: Recv[f32], kv: Recv[f32], s: Send[f32]) -> None:
    query = q.recv()
    for each in kv:
        work(100)
        s.send(query * each)


@process
def weights(s: Recv[f32], p: Send[f32]) -> None:
    for each in s:
        p.send(each)


@process
def values(p: Recv[f32], n: Scalar[i32]) -> None:
    for _ in range(n):
        p.recv()


@network
def attention(n: Scalar[i32]) -> None:
    q = Channel[f32](capacity=1)
    kv, s, p = Channel[f32](capacity=2), Channel[f32](capacity=2), Channel[f32](capacity=2)
    queries(q, kv, n)
    scores(q, kv, s)
    weights(s, p)
    values(p, n)


def test_the_stages_of_attention():
    assert check(capture(attention)) == ()


@process
def count(out: Send[i32]) -> None:
    for k in range(9):
        out.send(k)


@process
def later(inp: Recv[i32], out: Send[i32]) -> None:
    for _ in range(3):
        first, second, third = inp.recv(), inp.recv(), inp.recv()
        out.send(first + second + third)


@process
def pair(one: Recv[i32], other: Recv[i32]) -> None:
    for _ in range(3):
        other.recv()
        for _ in range(3):
            one.recv()


@network
def diamond() -> None:
    a = Channel[i32](capacity=1)
    b, c = Channel[i32].array(2, capacity=2)
    d = Channel[i32](capacity=1)
    count(a)
    broadcast(a, b, c)
    later(c, d)
    pair(b, d)


def test_a_diamond_whose_short_side_holds_too_little():
    with pytest.raises(Deadlock) as caught:
        check(capture(diamond))
    with pytest.raises(Deadlock) as ran:
        simulate(diamond)
    assert caught.value.report.text.splitlines()[1:] == ran.value.report.text.splitlines()[1:]
    assert caught.value.report.raise_channel == "b"
    assert caught.value.diagnostic.help == ("give `b` capacity=3 or more",)


@process
def deal(w: tuple[Send[i32], ...]) -> None:
    for i in range(6):
        w[i % WIDTH].send(i)


@process
def pass_on(inp: Recv[i32], out: Send[i32]) -> None:
    for t in inp:
        out.send(t)


@process
def collect(r: tuple[Recv[i32], ...]) -> None:
    for i in range(6):
        r[i % WIDTH].recv()


@network
def fanned() -> None:
    w = Channel[i32].array(WIDTH, capacity=2)
    r = Channel[i32].array(WIDTH, capacity=2)
    deal(w)
    replicate(pass_on, WIDTH, w, r)
    collect(r)


def test_replicas():
    assert check(capture(fanned)) == ()
    assert [each.name for each in graph(fanned).processes] == ["deal", "pass_on0", "pass_on1", "collect"]
