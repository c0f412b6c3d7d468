"""From bodies of processes to steps, and from the body of a network to its graph."""

import pytest
from networks_kit import program

from htp.dims import const, parse
from htp_dialect_csp.graph import Held
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.steps import Branch, Choice, Drain, Loop, Operation, Unclear, Work

HEAD = """
K = 1


@kernel
def double(a: In[Tile[f32, 4]], b: Out[Tile[f32, 4]]) -> None:
    b[:] = a * 2


"""


def steps(body, params="inp: Recv[f32], out: Send[f32], x: In[Tensor[f32, 'M', 64]], n: Scalar[i32]"):
    """The steps of a process `p` with these parameters, in a network that gives it x of N rows."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    text = f"""{HEAD}
@process
def p({params}) -> None:
{lines}


@network
def net(x: In[Tensor[f32, "N", 64]], n: Scalar[i32]) -> None:
    inp, out, = Channel[f32](), Channel[f32]()
    p(inp, out, x, n)
"""
    found = program(text)
    graph = graph_of(found, found.main)
    assert graph.complete
    return graph.processes[0].steps


def send(end="out"):
    return Operation("send", end)


def recv(end="inp"):
    return Operation("recv", end)


def loop(found):
    (only,) = found
    assert isinstance(only, Loop)
    return str(only.count) if only.count is not None else None, only.body


def test_operations_come_in_the_order_in_which_python_evaluates_them():
    assert steps("out.send(inp.recv() + inp.recv())\nwork(3)\nout.close()") == (
        recv(), recv(), send(), Work(const(3)), Operation("close", "out"),
    )  # fmt: skip


def test_the_turns_of_a_loop_are_a_formula_in_the_sizes_of_the_network():
    assert loop(steps("for i in range(0, x.shape[0], 16):\n    out.send(x[i, 0])")) == ("(N + 15) // 16", (send(),))
    assert loop(steps("M, K = x.shape\nfor i in range(2, K):\n    out.send(1.0)")) == ("62", (send(),))
    assert loop(steps("m = n * 2\nfor i in range(m):\n    out.send(1.0)")) == ("2 * n", (send(),))
    assert loop(steps("for i in range(n, 0, -1):\n    out.send(1.0)")) == ("n", (send(),))


def test_what_a_loop_assigns_is_not_known_in_it_or_behind_it():
    count, _ = loop(steps("k = 4\nfor i in range(3):\n    k = k + 1\nfor i in range(k):\n    out.send(1.0)"))
    assert count is None


def test_an_inner_loop_may_depend_on_an_outer_one():
    (outer,) = steps("for i in range(n):\n    for j in range(i):\n        out.send(1.0)")
    (inner,) = outer.body
    assert str(inner.count) == outer.variable


@pytest.mark.parametrize(
    "body",
    [
        "for t in inp:\n    out.send(t)",
        "while (t := inp.recv()) is not EOS:\n    out.send(t)",
    ],
)
def test_both_ways_to_read_until_the_end_are_one(body):
    assert steps(body) == (Drain("inp", (send(),)),)


def test_a_branch_on_sizes_keeps_its_test_and_one_on_data_does_not():
    body = "for i in range(4):\n    if i == 0:\n        out.send(1.0)\n    if x[0, 0] > 0:\n        out.send(2.0)"
    _, (first, second) = loop(steps(body))
    assert isinstance(first, Branch)
    assert first.test is not None
    assert second == Branch(None, "x[0, 0] > 0", (send(),), ())
    assert steps("if K:\n    out.send(1.0)\nelse:\n    inp.recv()") == (send(),)


def test_loops_without_an_end_and_loops_on_data():
    (forever,) = steps("while True:\n    out.send(inp.recv())")
    assert forever.endless
    assert forever.body == (recv(), send())
    assert loop(steps("while x[0, 0] > 0:\n    out.send(1.0)")) == (None, (send(),))


@pytest.mark.parametrize(
    ("body", "channels"),
    [
        ("t = inp.try_recv()", ("inp",)),
        ("select([inp])", ("inp",)),
        ("helper(out)", ("out",)),
        ("t = inp.recv() if n > 0 else 0.0", ("inp",)),
    ],
)
def test_what_cannot_be_followed_says_which_channels_it_may_use(body, channels):
    found = [each for each in _all(steps(body)) if isinstance(each, Unclear)]
    assert found
    assert found[0].channels == channels


def _all(found):
    from htp_dialect_csp.steps import walk

    return list(walk(found))


def test_calls_of_kernels_are_no_steps():
    assert steps("double(x, x)\nout.send(1.0)") == (send(),)


SEVERAL = """
W = 3


@process
def deal(outs: tuple[Send[f32], ...]) -> None:
    for i in range(6):
        outs[i % 3].send(1.0)
    for out in outs:
        out.close()


@process
def pass_on(inp: Recv[f32], out: Send[f32]) -> None:
    for t in inp:
        out.send(t)


@process
def gather(inps: tuple[Recv[f32], ...]) -> None:
    for k, each in enumerate(inps):
        each.recv()
        each.recv()


@network
def net() -> None:
    w = Channel[f32].array(W, capacity=2)
    r = Channel[f32].array(W, capacity=2)
    deal(w)
    replicate(pass_on, W, w, r)
    gather(r)
"""


def test_several_channels_are_dealt_out_to_replicas():
    found = program(SEVERAL)
    graph = graph_of(found, found.main)
    assert graph.complete
    assert [each.name for each in graph.channels] == ["w0", "w1", "w2", "r0", "r1", "r2"]
    assert [each.name for each in graph.processes] == ["deal", "pass_on0", "pass_on1", "pass_on2", "gather"]
    assert [(each.channel, each.side) for each in graph.processes[2].ends] == [("w1", "recv"), ("r1", "send")]
    (turn,) = graph.processes[0].steps[0].body
    assert isinstance(turn.end, Choice)
    assert turn.end.channels == ("w0", "w1", "w2")
    assert graph.processes[0].steps[1:] == tuple(Operation("close", f"w{k}") for k in range(3))
    assert graph.processes[4].steps == tuple(recv(f"r{k}") for k in (0, 0, 1, 1, 2, 2))


def test_broadcasts_loops_and_networks_in_networks():
    found = program("""
@process
def one(out: Send[f32]) -> None:
    out.send(1.0)


@process
def take(inp: Recv[f32]) -> None:
    inp.recv()


@network
def inner(inp: Recv[f32]) -> None:
    b = Channel[f32](capacity=4, latency=2, initial=(0.0, 1.0))
    c = Channel[f32]()
    broadcast(inp, b, c)
    for each in (b, c):
        take(each)


@network
def net() -> None:
    a = Channel[f32]()
    one(a)
    inner(a)
""")
    graph = graph_of(found, found.main)
    assert graph.complete
    assert [each.name for each in graph.processes] == ["one", "broadcast", "take", "take_2"]
    assert graph.processes[1].steps == (Drain("a", (send("b"), send("c"))),)
    node = graph.channel("b")
    assert (node.capacity, node.latency, node.response, node.initial) == (4, 2, 0, 2)
    assert Held("c", "recv", node.carried) in graph.processes[3].ends


def test_a_network_that_depends_on_data_is_not_complete():
    found = program("""
@process
def one(out: Send[f32]) -> None:
    out.send(1.0)


@network
def net(n: Scalar[i32]) -> None:
    a = Channel[f32]()
    for i in range(n):
        one(a)
""")
    assert not graph_of(found, found.main).complete


def test_counts_are_polynomials():
    assert loop(steps("for i in range(n * n + 1):\n    out.send(1.0)"))[0] == str(parse("n * n + 1"))
