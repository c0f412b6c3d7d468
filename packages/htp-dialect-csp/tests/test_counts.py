"""Sends and receives are equal for all sizes, or the user is told where they are not."""

import pytest
from networks_kit import program

from htp.diagnostics import Refused
from htp.dims import const, parse
from htp_dialect_csp.checks import check
from htp_dialect_csp.counts import check_counts
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.tallies import Tallies, summed


def network(send, receive, channel="Channel[f32](capacity=4)"):
    """`load` with one body and `qk` with the other, and a channel `kv` between them."""
    bodies = ["\n".join(f"    {line}" for line in each.splitlines()) for each in (send, receive)]
    return program(f"""
@process
def load(kv: Send[f32], x: In[Tensor[f32, "M", 64]], T: Scalar[i32], p: Scalar[f32]) -> None:
{bodies[0]}


@process
def qk(kv: Recv[f32], x: In[Tensor[f32, "M", 64]], T: Scalar[i32], p: Scalar[f32]) -> None:
{bodies[1]}


@network
def net(x: In[Tensor[f32, "N", 64]], T: Scalar[i32], p: Scalar[f32]) -> None:
    kv = {channel}
    load(kv, x, T, p)
    qk(kv, x, T, p)
""")


def graph(*given, **named):
    found = network(*given, **named)
    return graph_of(found, found.main)


def refusal(send, receive, **named):
    with pytest.raises(Refused) as caught:
        check_counts(graph(send, receive, **named))
    return caught.value.diagnostic


def times(count, step):
    return f"for i in range({count}):\n    {step}"


SEND, RECV = "kv.send(1.0)", "v = kv.recv()"


def test_one_token_too_many():
    found = refusal(times("8 * T", SEND), times("8 * T - 1", RECV))
    assert found.code == "csp.count"
    assert found.message == (
        "channel 'kv': 'load' sends 8*T tokens, 'qk' receives 8*T-1 per run; one token would be left over. "
        "Make the counts equal or receive with 'for x in kv'"
    )
    plain = refusal(times("8", SEND), times("7", RECV))
    assert plain.message == (
        "channel 'kv': 'load' sends 8 tokens, 'qk' receives 7 per run; one token would be left over. "
        "Make the counts equal or receive with 'for x in kv'"
    )


@pytest.mark.parametrize("end", ["ins[0]", "ins[1]", "inp"])
def test_the_stream_to_read_until_its_end_is_called_as_the_receiver_calls_it(end):
    others = "".join(f"    for v in {each}:\n        pass\n" for each in ("ins[0]", "ins[1]", "inp") if each != end)
    found = program(f"""
@process
def load(out: Send[f32]) -> None:
    for i in range(8):
        out.send(1.0)


@process
def gather(ins: tuple[Recv[f32], ...], inp: Recv[f32]) -> None:
    last = {end}.recv()
{others}

@network
def net() -> None:
    a, b, c = Channel[f32](capacity=8), Channel[f32](capacity=8), Channel[f32](capacity=8)
    load(a)
    load(b)
    load(c)
    gather((a, b), c)
""")
    with pytest.raises(Refused) as caught:
        check_counts(graph_of(found, found.main))
    assert f"receive with 'for x in {end}'" in caught.value.diagnostic.message
    assert f"`for x in {end}`" in caught.value.diagnostic.help[0]


def test_tokens_that_are_missing_and_sizes_that_show_it():
    assert "; 2 tokens would be missing." in refusal(times("3", SEND), times("5", RECV)).message
    found = refusal(times("T", SEND), times("x.shape[0]", RECV))
    assert found.notes == ("seen with N = 64, T = 71",)
    assert found.help == (
        "read until the stream ends: `for x in kv`, or send as many as are received",
        "or, where they always are equal, `assert` in the network that T is N",
    )
    assert len(refusal(times("8 * T", SEND), times("8 * T - 1", RECV)).help) == 1
    assert "sends T tokens, 'qk' receives N per run; 7 tokens would be left over" in found.message


@pytest.mark.parametrize(
    ("send", "receive"),
    [
        (times("8 * T", SEND), times("T", times("8", RECV).replace("\n", "\n    "))),
        (times("0, x.shape[0], 16", SEND), times("(x.shape[0] + 15) // 16", RECV)),
        (times("T", times("i", SEND).replace("i in", "j in").replace("\n", "\n    ")), times("T * (T - 1) // 2", RECV)),
        (f"if p > 0:\n    {SEND}\nelse:\n    {SEND}", RECV),
        (times("T", f"{SEND}\n    {SEND}"), times("2 * T", RECV)),
        (times("T", SEND), "for v in kv:\n    work(1)"),
        ("while p > 0:\n    kv.send(1.0)", "for v in kv:\n    work(1)"),
        (f"while True:\n    {SEND}", f"while True:\n    {RECV}"),
    ],
)
def test_equal_counts(send, receive):
    assert check_counts(graph(send, receive)) == ()


def test_initial_tokens_stay_or_are_used_up():
    channel = "Channel[f32](capacity=4, initial=(0.0, 1.0))"
    assert check_counts(graph(times("4", SEND), times("4", RECV), channel=channel)) == ()
    assert check_counts(graph(times("4", SEND), times("6", RECV), channel=channel)) == ()
    assert "one token would be left over" in refusal(times("5", SEND), times("4", RECV), channel=channel).message


def test_a_send_in_one_branch_only():
    found = refusal(f"for i in range(T):\n    if p > 0:\n        {SEND}", times("T", RECV))
    assert found.code == "csp.branch"
    assert found.message == (
        "send on 'kv' happens only when 'p > 0' holds (line 5), but the receiver expects one token per iteration"
    )


def test_a_receive_in_the_other_branch_only():
    found = refusal(f"{SEND}\n{SEND}", f"if p > 0:\n    work(1)\nelse:\n    {RECV}\n    {RECV}")
    assert found.message == (
        "recv on 'kv' happens only when 'p > 0' does not hold (line 10), but the sender sends 2 tokens per run"
    )


def test_a_branch_on_data_is_right_when_the_receiver_reads_to_the_end():
    assert check_counts(graph(f"if p > 0:\n    {SEND}", "for v in kv:\n    work(1)")) == ()


def test_a_stream_that_never_ends():
    found = refusal(f"while True:\n    {SEND}", "for v in kv:\n    work(1)")
    assert found.code == "csp.no-close"
    assert found.message == (
        "'qk' reads 'kv' until it is closed, but its sender 'load' never returns and never calls kv.close()"
    )


def test_counts_that_depend_on_data_are_a_note():
    (found,) = check_counts(graph(f"while p > 0:\n    {SEND}", times("T", RECV)))
    assert (found.code, found.severity, found.span.line) == ("csp.dynamic-rate", "note", 4)
    assert found.message == "how many tokens 'load' moves on 'kv' depends on data"


def test_branches_on_sizes_are_decided_where_the_sizes_are_known():
    send = f"for i in range(4):\n    if i > 0:\n        {SEND}"
    assert check(network(send, times("3", RECV))) == ()
    with pytest.raises(Refused) as caught:
        check(network(send, times("2", RECV)))
    assert caught.value.code == "csp.count"
    assert "sends 3 tokens, 'qk' receives 2 per run; one token would be left over" in caught.value.diagnostic.message


def test_tokens_are_counted_through_processes_that_read_to_the_end():
    found = program("""
@process
def load(a: Send[f32], n: Scalar[i32]) -> None:
    a.send(0.0)
    for i in range(n):
        a.send(1.0)


@process
def double(a: Recv[f32], b: Send[f32]) -> None:
    first = a.recv()
    for t in a:
        b.send(first)
        b.send(t)


@process
def store(b: Recv[f32], n: Scalar[i32]) -> None:
    for i in range(n):
        b.recv()
        b.recv()


@network
def net(n: Scalar[i32]) -> None:
    a = Channel[f32](capacity=2)
    b = Channel[f32](capacity=2)
    load(a, n)
    double(a, b)
    store(b, n)
""")
    tallies = Tallies(graph_of(found, found.main))
    assert str(tallies.total("a", "send")) == "n + 1"
    assert str(tallies.total("b", "send")) == "2 * n"
    assert check(found) == ()


def test_sums_over_loops():
    assert summed(parse("n + 2 * i"), "i", parse("n")) == parse("n * n + 2 * (n * (n - 1) // 2)")
    assert summed(const(3), "i", parse("n")) == parse("3 * n")
    assert summed(parse("i * i"), "i", parse("n")) is None
    for turns in range(6):
        total = summed(parse("4 + 3 * i"), "i", const(turns))
        assert total.constant == sum(4 + 3 * i for i in range(turns))


# what asserts, calls and branches say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("send", "receive"),
    [
        ("assert x.shape[0] % 16 == 0\n" + times("x.shape[0] // 16", SEND), times("0, x.shape[0], 16", RECV)),
        ("assert T == 5\n" + times("T", SEND), times("5", RECV)),
        ("assert x.shape[0] == T and T > 2\n" + times("T - 2", SEND), times("x.shape[0] - 2", RECV)),
        ("assert T >= 3\n" + times("max(T, 2)", SEND), times("T", RECV)),
    ],
)
def test_what_is_asserted_holds_at_both_ends(send, receive):
    assert check(network(send, receive)) == ()
    without = "\n".join(send.splitlines()[1:])
    assert refusal(without, receive).code == "csp.count"


def test_sizes_that_show_a_difference_are_what_is_asserted():
    found = refusal("assert T == 7\n" + times("T", SEND), times("x.shape[0]", RECV))
    assert "'load' sends 7 tokens, 'qk' receives N per run; 57 tokens would be missing" in found.message
    assert found.notes == ("seen with N = 64",)
    found = refusal("assert x.shape[0] % 48 == 0\n" + times("x.shape[0]", SEND), times("0, x.shape[0], 2", RECV))
    assert found.notes[0].startswith("seen with N = ")
    assert int(found.notes[0].rpartition(" ")[2]) % 48 == 0


def test_a_call_says_that_sizes_are_equal():
    text = """
@process
def load(a: Send[f32], x: In[Tensor[f32, "K"]], y: In[Tensor[f32, "K"]]) -> None:
    for i in range(x.shape[0]):
        a.send(1.0)


@process
def store(a: Recv[f32], z: In[Tensor[f32, 12]]) -> None:
    for i in range({count}):
        v = a.recv()


@network
def net(x: In[Tensor[f32, "M"]], y: In[Tensor[f32, "N"]], z: In[Tensor[f32, "P"]]) -> None:
    a = Channel[f32](capacity=2)
    load(a, x, y)
    store(a, {other})
"""
    assert checked(text.format(count=12, other="x")) == ()
    with pytest.raises(Refused) as caught:
        checked(text.format(count=12, other="z"))
    assert caught.value.code == "csp.count"
    equal = text.replace('"P"', '"N"').replace("Tensor[f32, 12]", 'Tensor[f32, "L"]')
    assert checked(equal.format(count="z.shape[0]", other="z")) == ()


def checked(text):
    return check(program(text))


@pytest.mark.parametrize(
    "same",
    [
        "if p > 0:\n    n = 3\nelse:\n    n = 3",
        "if p > 0:\n    t = x[0:3]\nelse:\n    t = x[0:3, 1:2]\nn = t.shape[0]",
        "n = 3\nif p > 0:\n    m = 4",
    ],
)
def test_what_both_branches_say_is_known_behind_them(same):
    named = {"send": f"assert x.shape[0] >= 6\n{same}\n" + times("n", SEND), "receive": times("3", RECV)}
    assert check(network(**named)) == ()


def test_what_branches_say_differently_is_not_known():
    found = check(network("if p > 0:\n    n = 3\nelse:\n    n = 4\n" + times("n", SEND), times("3", RECV)))
    assert [each.code for each in found] == ["csp.dynamic-rate"]


@pytest.mark.parametrize(
    "receive",
    [
        "while (v := kv.peek()) is not EOS:\n    if v is NONE:\n        work(1)\n    else:\n        w = kv.recv()",
        "for i in range(9):\n    v = kv.try_recv()\n    if v is not NONE:\n        work(1)",
        "k = 0\nwhile p > k:\n    if p > 1:\n        v = kv.recv()\n    k += 1",
        "for i in range(9):\n    if len(kv) > 0:\n        v = kv.recv()",
        "for i in range(9):\n    there = len(kv) > 0\n    if there:\n        v = kv.recv()",
    ],
)
def test_a_branch_on_the_time_or_in_a_loop_of_unknown_length_is_no_error(receive):
    assert [each.code for each in check(network(times("4", SEND), receive))] == ["csp.dynamic-rate"]
