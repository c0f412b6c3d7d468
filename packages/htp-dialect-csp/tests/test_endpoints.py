"""Channels that can be made, one sender and one receiver for each, and nothing sent behind a close."""

import pytest
from networks_kit import program

from htp.diagnostics import Refused
from htp_dialect_csp.checks import check
from htp_dialect_csp.endpoints import check_channels, check_closes, check_ends, check_payloads, check_uses
from htp_dialect_csp.reading import graph_of

PROCESSES = """
@process
def load(out: Send[f32]) -> None:
    out.send(1.0)


@process
def refill(out: Send[f32]) -> None:
    out.send(2.0)


@process
def take(inp: Recv[f32]) -> None:
    inp.recv()


"""


def graph(text):
    found = program(text)
    return graph_of(found, found.main)


def network(*lines):
    body = "\n".join(f"    {each}" for each in lines)
    return graph(f"{PROCESSES}@network\ndef net() -> None:\n{body}\n")


def refusal(check, *given):
    with pytest.raises(Refused) as caught:
        check(*given)
    return caught.value.diagnostic


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("capacity=-1", "capacity is -1"),
        ("capacity=2, latency=-3", "latency is -3"),
        ("response=-1", "response is -1"),
        ("initial=(1.0, 2.0)", "2 initial tokens do not fit into a channel of capacity 1"),
    ],
)
def test_a_channel_that_cannot_be(options, message):
    found = refusal(check_channels, network(f"a = Channel[f32]({options})", "load(a)", "take(a)"))
    assert (found.code, found.message) == ("csp.bad-channel", message)
    assert found.span.line == PROCESSES.count("\n") + 3
    assert found.help
    check_channels(network("a = Channel[f32](capacity=0, latency=2)", "load(a)", "take(a)"))


def test_two_senders():
    found = refusal(check_ends, network("kv = Channel[f32]()", "load(kv)", "refill(kv)", "take(kv)"))
    assert found.code == "csp.endpoint-shared"
    assert found.message == (
        "channel 'kv' has two senders: 'load' (line 20) and 'refill' (line 21); a FIFO has exactly one. "
        "Use two channels and receive from both, or merge the processes"
    )
    assert found.span.line == 21


def test_two_receivers_of_one_kind():
    found = refusal(check_ends, network("kv = Channel[f32]()", "load(kv)", "take(kv)", "take(kv)"))
    assert found.message.startswith("channel 'kv' has two receivers: 'take' (line 21) and 'take_2' (line 22)")
    assert "two channels and send to both" in found.message


def test_one_process_that_is_given_an_end_twice():
    text = """
@process
def p(one: Send[f32], other: Send[f32]) -> None:
    one.send(1.0)


@network
def net() -> None:
    a = Channel[f32]()
    p(a, a)
"""
    assert "two senders: 'p' (line 10) and 'p' (line 10)" in refusal(check_ends, graph(text)).message


def test_an_end_that_nobody_has():
    found = refusal(check_ends, network("kv = Channel[f32]()", "load(kv)"))
    assert (found.code, found.message) == ("csp.unconnected", "no process receives from channel 'kv' of `net`")
    check_ends(network("kv = Channel[f32]()", "load(kv)", "something_else(kv)"))


def closing(body):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return graph(f"""
@process
def p(s: Send[f32], n: Scalar[i32], x: In[Tensor[f32, 4]]) -> None:
{lines}


@process
def q(s: Recv[f32]) -> None:
    for each in s:
        work(1)


@network
def net(n: Scalar[i32], x: In[Tensor[f32, 4]]) -> None:
    s = Channel[f32]()
    p(s, n, x)
    q(s)
""")


@pytest.mark.parametrize(
    ("body", "code", "lines"),
    [
        ("s.close()\ns.send(1.0)", "csp.send-after-close", (5, 4)),
        ("s.close()\ns.close()", "csp.double-close", (5, 4)),
        ("s.close()\nfor i in range(n):\n    s.send(1.0)", "csp.send-after-close", (6, 4)),
        ("for i in range(2):\n    s.send(1.0)\n    s.close()", "csp.send-after-close", (5, 6)),
        ("if x[0] > 0:\n    s.close()\nelse:\n    s.close()\ns.send(1.0)", "csp.send-after-close", (8, 5)),
    ],
)
def test_a_use_behind_a_close_names_both_lines(body, code, lines):
    found = refusal(check_closes, closing(body))
    used, closed = lines
    assert found.code == code
    assert f"(line {used})" in found.message
    assert f"closed at line {closed}" in found.message
    assert (found.span.line, found.labels[0].span.line) == lines


@pytest.mark.parametrize(
    "body",
    [
        "s.send(1.0)\ns.close()",
        "if x[0] > 0:\n    s.close()\nelse:\n    s.send(1.0)",
        "for i in range(1):\n    s.close()",
    ],
)
def test_a_close_at_the_end_is_right(body):
    check_closes(closing(body))


PAYLOAD = """
@process
def qk(s: Send[Tile[{sent}]]) -> None:
    s.send(1.0)


@process
def pv(s: Recv[Tile[{received}]]) -> None:
    s.recv()


@network
def net() -> None:
    s = Channel[Tile[f32, 64, 64]]()
    qk(s)
    pv(s)
"""


def test_another_dtype_at_one_end():
    found = refusal(check_payloads, graph(PAYLOAD.format(sent="f32, 64, 64", received="f16, 64, 64")))
    assert found.code == "csp.payload"
    assert found.message == (
        "channel 's' carries Tile[f32, 64, 64], 'pv' receives it as Tile[f16, 64, 64]; cast on one side with .astype"
    )


def test_another_size_at_one_end_and_no_difference_at_all():
    found = refusal(check, program(PAYLOAD.format(sent="f32, 32, 64", received="f32, 64, 64")))
    assert "'qk' sends it as Tile[f32, 32, 64]" in found.message
    assert check(program(PAYLOAD.format(sent="f32, 64, 64", received="f32, 64, 64"))) == ()


def using(body, side="Send"):
    lines = "\n".join(f"    {each}" for each in body.splitlines())
    other, does = ("Recv", "inp.recv()") if side == "Send" else ("Send", "inp.send(1.0)")
    return graph(f"""
@process
def p(out: {side}[f32]) -> None:
{lines}


@process
def q(inp: {other}[f32]) -> None:
    {does}


@network
def net() -> None:
    a = Channel[f32]()
    p(a)
    q(a)
""")


RECEIVES = ("x = out.recv()", "for t in out:\n    work(1)", "x = out.try_recv()", "x = out.peek()", "x = select([out])")


@pytest.mark.parametrize("body", RECEIVES)
def test_a_sending_end_does_not_receive(body):
    found = refusal(check_uses, using(body))
    assert (found.code, found.span.line) == ("csp.wrong-end", 4)
    assert found.message == "'p' receives from 'a', of which it has the sending end"
    check_uses(using(body, "Recv"))


@pytest.mark.parametrize("body", ["out.send(1.0)", "x = out.try_send(1.0)", "out.close()"])
def test_a_receiving_end_does_not_send(body):
    found = refusal(check_uses, using(body, "Recv"))
    assert found.message == "'p' sends on 'a', of which it has the receiving end"
    check_uses(using(body))


@pytest.mark.parametrize("body", ["x = out.full()", "x = len(out)"])
def test_either_end_may_look(body):
    check_uses(using(body))
    check_uses(using(body, "Recv"))
