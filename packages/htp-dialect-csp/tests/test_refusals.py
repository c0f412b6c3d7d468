"""Networks that are wrong in every run are refused when they are planned, at the user's line and with a fix."""

import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, Tile, f32, i32, tile
from htp_dialect_csp import Channel, Recv, Send, network, process

pytest.importorskip("htp_backend_cpu")

Token = Scalar[i32]


@process
def load(kv: Send[Token], n: Token) -> None:
    for k in range(8 * n):
        kv.send(k)


@process
def refill(kv: Send[Token]) -> None:
    kv.send(1)


@process
def qk(kv: Recv[Token], n: Token) -> None:
    for _ in range(8 * n - 1):
        kv.recv()


@process
def drain(kv: Recv[Token]) -> None:
    for _ in kv:
        pass


@process
def sender(x: Send[Token], y: Send[Token]) -> None:
    for k in range(4):
        x.send(k)
    for k in range(4):
        y.send(k)


@process
def mixer(x: Recv[Token], y: Recv[Token]) -> None:
    for _ in range(4):
        x.recv()
        y.recv()


@network
def two_senders(n: Token) -> None:
    kv = Channel[Token](capacity=2)
    load(kv, n)
    refill(kv)
    drain(kv)


@network
def counts_differ(n: Token) -> None:
    kv = Channel[Token](capacity=2)
    load(kv, n)
    qk(kv, n)


def crossing(capacity):
    @network
    def crossed() -> None:
        x = Channel[Token](capacity=capacity)
        y = Channel[Token](capacity=2)
        sender(x, y)
        mixer(x, y)

    return crossed


def refused(definition):
    with pytest.raises(Refused) as caught:
        htp.plan(definition, target="cpu")
    assert caught.value.diagnostic.span.file == __file__
    return caught.value.diagnostic


def line(definition, offset):
    return definition.python.__code__.co_firstlineno + offset


def test_a_channel_with_two_senders():
    found = refused(two_senders)
    first, second = line(two_senders, 3), line(two_senders, 4)
    assert found.code == "csp.endpoint-shared"
    assert found.message == (
        f"channel 'kv' has two senders: 'load' (line {first}) and 'refill' (line {second}); a FIFO has exactly one. "
        "Use two channels and receive from both, or merge the processes"
    )
    assert found.span.line == second
    assert found.help == ("give each end of a channel to one process",)


def test_counts_that_differ():
    found = refused(counts_differ)
    assert found.code == "csp.count"
    assert found.message == (
        "channel 'kv': 'load' sends 8*n tokens, 'qk' receives 8*n-1 per run; one token would be left over. "
        "Make the counts equal or receive with 'for x in kv'"
    )
    assert found.span.line == line(qk, 3)
    assert found.help


def test_a_capacity_that_is_too_small_and_the_one_that_works():
    found = refused(crossing(2))
    assert found.code == "csp.deadlock"
    assert found.message.splitlines()[:5] == [
        "csp.deadlock[artificial] at t=0: 2 blocked",
        "  sender @t=0: send on x (full 2/2), waits for mixer",
        "  mixer @t=0: recv on y (empty 0/2), waits for sender",
        "  cycle: sender -> mixer -> sender",
        "  hint: raise capacity of x",
    ]
    assert "capacity of 'x' is 2, 3 is needed for 'mixer' to make progress" in found.notes
    assert found.span.line == line(sender, 3)
    assert found.help == ("give `x` capacity=3 or more",)
    names = [each.name for each in htp.plan(crossing(3), target="cpu").passes]
    assert names[:3] == ["csp.check", "inline", "csp.lower"]


def test_an_operation_of_the_other_end_is_refused_in_python():
    @process
    def wrong(kv: Recv[Token]) -> None:
        kv.send(1)

    @process
    def also(kv: Send[Token]) -> None:
        kv.peek()

    @network
    def net(n: Token) -> None:
        kv = Channel[Token](capacity=2)
        load(kv, n)
        wrong(kv)

    @network
    def other(n: Token) -> None:
        kv = Channel[Token](capacity=2)
        also(kv)
        drain(kv)

    for definition, body, operation, side in ((net, wrong, "send", "sending"), (other, also, "peek", "receiving")):
        with pytest.raises(Refused) as caught:
            definition(1)
        found = caught.value.diagnostic
        assert (found.code, found.span.file, found.span.line) == ("csp.wrong-end", __file__, line(body, 2))
        assert found.message.startswith(f"`{operation}` is for the {side} end of 'kv'")


def test_a_tile_that_is_always_larger_than_its_channel_carries():
    @process
    def large(out: Send[Tile[f32, 8, 16]]) -> None:
        out.send(tile.full((16, 16), 1.0, f32))

    @process
    def taken(inp: Recv[Tile[f32, 8, 16]], y: Out[Tensor[f32, 8, 16]]) -> None:
        y[:] = inp.recv()

    @network
    def net(y: Out[Tensor[f32, 8, 16]]) -> None:
        c = Channel[Tile[f32, 8, 16]]()
        large(c)
        taken(c, y)

    found = refused_when_compiled(net)
    assert (found.code, found.span.line) == ("csp.payload", line(large, 2))
    assert found.message == "`out` of 'large' carries Tile[f32, 8, 16], and a tile of 16 rows is sent"


def test_a_tile_that_may_be_larger_than_its_channel_carries():
    @process
    def large(x: In[Tensor[f32, "M", 16]], out: Send[Tile[f32, 8, 16]]) -> None:
        for i in range(0, x.shape[0], 12):
            out.send(x[i : i + 12, :])

    @process
    def taken(inp: Recv[Tile[f32, 8, 16]], y: Out[Tensor[f32, 8, 16]]) -> None:
        for t in inp:
            y[: t.shape[0], :] = t

    @network
    def net(x: In[Tensor[f32, "M", 16]], y: Out[Tensor[f32, 8, 16]]) -> None:
        c = Channel[Tile[f32, 8, 16]]()
        large(x, c)
        taken(c, y)

    found = refused_when_compiled(net)
    assert (found.code, found.span.line) == ("csp.payload", line(large, 3))
    assert found.message == "`out` of 'large' carries Tile[f32, 8, 16], and a tile of up to 12 rows is sent"
    assert found.help == ("send at most 8 rows at a time, or make the tiles of the channel larger",)


def test_tokens_that_cannot_be_smaller_are_refused_where_they_are_used():
    """Not where something else is sent, which has the size that it has only if they fit."""

    @process
    def there(
        x: In[Tensor[f32, 8, 16]], out: Send[Tile[f32, 8, 16]], back: Recv[Tile[f32, 8, 16]],
        y: Out[Tensor[f32, 8, 16]],
    ) -> None:  # fmt: skip
        out.send(x[:4, :])
        y[:] = back.recv() @ x

    @process
    def again(x: In[Tensor[f32, 8, 16]], inp: Recv[Tile[f32, 8, 16]], back: Send[Tile[f32, 8, 16]]) -> None:
        for _ in inp:
            back.send(x[:, :])

    @network
    def net(x: In[Tensor[f32, 8, 16]], y: Out[Tensor[f32, 8, 16]]) -> None:
        c, d = Channel[Tile[f32, 8, 16]](), Channel[Tile[f32, 8, 16]]()
        there(x, c, d, y)
        again(x, c, d)

    found = refused_when_compiled(net)
    assert (found.code, found.span.line) == ("type.shape-mismatch", line(there, 6))


def refused_when_compiled(definition):
    with pytest.raises(Refused) as caught:
        htp.compile_program(definition, target="cpu")
    return caught.value.diagnostic
