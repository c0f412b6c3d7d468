"""What the operations on channels do, one by one: times, values, and what is refused."""

import numpy as np
import pytest

import htp
from htp import Out, Refused, Scalar, Tensor, Tile, f16, f32, i32, kernel, tile, work
from htp_dialect_csp import EOS, NONE, Channel, Deadlock, Recv, Send, network, process, select, simulate

Token = Scalar[i32]


def two(sender, receiver, carried=Token, **how):
    """A network of two processes and one channel, called `c`, with what both have noted."""
    notes = []

    @process
    def first(c: Send[carried]) -> None:
        sender(c, notes.append)

    @process
    def second(c: Recv[carried]) -> None:
        receiver(c, notes.append)

    @network
    def pair() -> None:
        c = Channel[carried](**how)
        first(c)
        second(c)

    times = simulate(pair)
    return notes, times


def refused(sender, receiver=lambda c, note: list(c), carried=Token, **how):
    with pytest.raises(Refused) as caught:
        two(sender, receiver, carried, **{"capacity": 2, **how})
    assert caught.value.diagnostic.span.file == __file__
    assert caught.value.diagnostic.help
    return caught.value


def test_peek_leaves_the_token():
    def sends(c, note):
        work(4)
        c.send(7)

    def looks(c, note):
        note(c.peek())
        work(5)
        note(c.peek())
        note(c.peek())
        note(c.recv())
        work(1)
        note(c.peek())

    notes, times = two(sends, looks, capacity=1)
    assert notes == [NONE, 7, 7, 7, EOS]
    assert times.channels["c"].dequeues == (5,)


def test_try_send_tells_whether_a_slot_is_free_now():
    def sends(c, note):
        note(c.try_send(1))
        note(c.full())
        note(c.try_send(2))
        work(4)  # the token was taken at 3, and the slot is free again at 3 + 2
        note((c.full(), len(c), c.try_send(3)))
        work(1)
        note((c.full(), len(c), c.try_send(4)))

    def receives(c, note):
        work(3)
        for token in c:
            note(token)

    notes, times = two(sends, receives, capacity=1, response=2)
    assert notes == [True, True, False, 1, (True, 0, False), (False, 0, True), 4]
    assert times.channels["c"].accepts == (0, 5)
    assert times.processes["first"].stall_out == 0


def test_occupancy_is_that_of_the_time_of_who_asks():
    def sends(c, note):
        for k in range(3):
            work(2)
            c.send(k)

    def asks(c, note):
        for _ in range(4):
            note(len(c))
            work(2)
        c.recv()
        note((len(c), c.full()))
        c.recv()
        note((len(c), c.full()))

    notes, _ = two(sends, asks, capacity=2, initial=())
    # The sender is declared first, so at equal times it acts first; its third token waits for the receiver.
    assert notes == [0, 1, 2, 2, (2, True), (1, False)]


def test_try_operations_at_a_rendezvous_want_the_other_side_to_wait():
    def offers(c, note):
        note(c.try_send(1))  # nobody waits yet
        work(5)
        note((c.full(), c.try_send(2)))  # the receiver waits since 3
        c.send(3)
        note("met")

    def takes(c, note):
        work(3)
        note(c.recv())
        work(4)
        note(c.try_recv())

    notes, times = two(offers, takes, capacity=0)
    assert notes == [False, (False, True), 2, 3, "met"]
    assert times.channels["c"].accepts == (5, 5)
    assert times.channels["c"].dequeues == (5, 9)
    assert times.channels["c"].high_water == 0


def test_select_takes_the_first_listed_and_ends_with_the_last_stream():
    notes = []

    @process
    def source(out: Send[Token], cost: Token, count: Token) -> None:
        for k in range(count):
            work(cost)
            out.send(k)

    @process
    def merge(ins: tuple[Recv[Token], ...]) -> None:
        while (found := select(ins)) is not EOS:
            inp, token = found
            notes.append((ins.index(inp), token))
        work(1)

    @network
    def merged() -> None:
        c = Channel[Token].array(3, capacity=2, latency=1)
        source(c[0], 4, 2)
        source(c[1], 4, 1)
        source(c[2], 3, 1)
        merge(c)

    times = simulate(merged)
    assert notes == [(2, 0), (0, 0), (1, 0), (0, 1)]
    assert times.channels["c0"].dequeues == (5, 9)
    assert times.channels["c1"].dequeues == (5,)
    assert times.processes["merge"].end == 10
    assert times.processes["merge"].stall_in == 9


def test_a_closed_channel_gives_what_is_left_and_then_ends_again_and_again():
    def sends(c, note):
        c.send(1)
        c.close()
        work(10)

    def receives(c, note):
        note([c.recv(), c.recv(), c.recv(), c.try_recv(), c.peek()])

    notes, times = two(sends, receives, capacity=1, latency=3)
    assert notes == [[1, EOS, EOS, EOS, EOS]]
    assert times.processes["second"].end == 3
    assert times.makespan == 10


def test_a_sent_tile_is_a_copy():
    @process
    def sends(y: Out[Tensor[f32, 4]], c: Send[Tile[f32, 4]]) -> None:
        y[:] = tile.zeros((4,), f32)
        c.send(y)
        c.send(y[0:2])
        y[:] = tile.ones((4,), f32)

    @kernel
    def ones(part: Out[Tensor[f32, "n"]]) -> None:
        part[:] = tile.ones((part.shape[0],), f32)

    @process
    def receives(c: Recv[Tile[f32, 4]], got: Out[Tensor[f32, 6]]) -> None:
        whole, part = c.recv(), c.recv()
        got[0:4] = whole
        got[4:6] = part
        with pytest.raises(Refused, match="store-into-value"):
            ones(part)

    @network
    def copies(y: Out[Tensor[f32, 4]], got: Out[Tensor[f32, 6]]) -> None:
        c = Channel[Tile[f32, 4]](capacity=2)
        sends(y, c)
        receives(c, got)

    y, got = np.zeros(4, np.float32), np.full(6, 9, np.float32)
    copies(y, got)
    assert y.tolist() == [1] * 4
    assert got.tolist() == [0] * 6


def test_a_region_moves():
    notes = []

    @process
    def sends(c: Send[Tensor[f32, 4]]) -> None:
        for k in range(3):
            buffer = htp.empty((4,), f32)
            buffer[:] = tile.full((4,), k, f32)
            memory = np.asarray(buffer)
            c.send(buffer)
            notes.append(memory)

    @process
    def receives(c: Recv[Tensor[f32, 4]], y: Out[Tensor[f32, 3]]) -> None:
        for k, region in enumerate(c):
            notes.append(np.asarray(region))
            region[0] = region[0] + 1.0
            y[k] = region[0]

    @network
    def moving(y: Out[Tensor[f32, 3]]) -> None:
        c = Channel[Tensor[f32, 4]](capacity=0)
        sends(c)
        receives(c, y)

    y = np.zeros(3, np.float32)
    moving(y)
    assert y.tolist() == [1, 2, 3]
    assert len(notes) == 6
    assert all(any(np.shares_memory(a, b) for b in notes if b is not a) for a in notes)


@pytest.mark.parametrize("touch", [
    lambda b: b[0], lambda b: b.shape, lambda b: b + 1.0, lambda b: b.__setitem__(0, 1.0), tile.exp, np.asarray,
])  # fmt: skip
def test_a_region_that_was_sent_cannot_be_touched(touch):
    def sends(c, note):
        buffer = htp.empty((4,), f32)
        buffer[:] = tile.zeros((4,), f32)
        c.send(buffer)
        touch(buffer)

    found = refused(sends, carried=Tensor[f32, 4])
    assert found.code == "csp.moved"
    line = test_a_region_that_was_sent_cannot_be_touched.__code__.co_firstlineno + 7
    assert found.diagnostic.message == f"the region was sent at line {line} and belongs to the receiver now"


@pytest.mark.parametrize(("carried", "value", "text"), [
    (Tile[f32, 4], lambda: tile.zeros((4,), f16), "Tile[f16, 4] is sent"),
    (Tile[f32, 4], lambda: tile.zeros((5,), f32), "Tile[f32, 5] is sent"),
    (Tile[f32, 4], lambda: tile.zeros((2, 2), f32), "Tile[f32, 2, 2] is sent"),
    (Tile[f32, 4], lambda: 3.0, "float 3.0 is sent"),
    (Tile[f32, 4], lambda: None, "NoneType is sent"),
    (Token, lambda: tile.zeros((2,), i32), "Tile[i32, 2] is sent"),
    (Tensor[f32, 4], lambda: tile.zeros((4,), f32), "a tile, a value, is sent"),
    (Tensor[f32, 4], lambda: htp.empty((3,), f32), "Tensor[f32, 3] is sent"),
])  # fmt: skip
def test_a_payload_that_does_not_fit(carried, value, text):
    found = refused(lambda c, note: c.send(value()), carried=carried)
    assert found.code == "csp.payload"
    assert found.diagnostic.message == f"channel 'c' carries {carried}, and {text}"
    assert refused(lambda c, note: c.try_send(value()), carried=carried).code == "csp.payload"


def test_a_smaller_tile_is_a_tail():
    notes, _ = two(
        lambda c, note: c.send(tile.zeros((2, 3), f32)), lambda c, note: note(c.recv().shape), Tile[f32, 4, 4]
    )
    assert notes == [(2, 3)]


def test_numbers_take_the_dtype_of_the_channel():
    def sends(c, note):
        c.send(0.1)

    notes, _ = two(sends, lambda c, note: note(c.recv()), Scalar[f32])
    assert notes == [float(np.float32(0.1))]
    assert refused(lambda c, note: c.send(0.5)).code.partition(".")[0] in ("run", "type")


def test_a_closed_channel_is_not_sent_on():
    def sends(c, note):
        c.close()
        c.send(1)

    def closes(c, note):
        c.close()
        c.close()

    first = sends.__code__.co_firstlineno
    found = refused(sends)
    assert found.code == "csp.send-after-close"
    assert found.diagnostic.message == f"send on 'c' (line {first + 2}), which was closed at line {first + 1}"
    assert found.diagnostic.span.line == first + 2
    found = refused(closes)
    assert found.code == "csp.double-close"
    assert found.diagnostic.message == f"'c' is closed again (line {first + 6}); it was closed at line {first + 5}"


@pytest.mark.parametrize(("make", "text"), [
    (lambda: Channel[Token](capacity=-1), "capacity is -1"),
    (lambda: Channel[Token](latency=0.5), "latency is 0.5"),
    (lambda: Channel[Token](response=True), "response is True"),
    (lambda: Channel[Token](capacity=1, initial=(1, 2)), "2 initial tokens do not fit into a channel of capacity 1"),
    (lambda: Channel[Token].array(0), "the number of channels is 0"),
    (lambda: Channel["f32"], "Channel[…] takes a type that can be carried, not 'f32'"),
    (lambda: Channel(capacity=1), "a channel does not say what it carries"),
])  # fmt: skip
def test_a_channel_that_cannot_be(make, text):
    @network
    def wrong() -> None:
        make()

    with pytest.raises(Refused) as found:
        wrong()
    assert (found.value.code, found.value.diagnostic.message) == ("csp.bad-channel", text)
    assert found.value.diagnostic.span.file == __file__


def test_initial_tokens_are_payload():
    @network
    def wrong() -> None:
        Channel[Tile[f32, 2]](capacity=1, initial=(tile.zeros((3,), f32),))

    with pytest.raises(Refused) as found:
        wrong()
    assert found.value.code == "csp.payload"


def test_a_dtype_alone_is_a_scalar():
    assert str(Send[i32]) == "Send[Scalar[i32]]"
    assert Recv[i32] == Recv[Scalar[i32]]


def test_less_than_no_work_is_refused():
    assert refused(lambda c, note: work(-1)).code == "run.bad-work"


def test_stalls_say_how_long_and_how_often():
    def sends(c, note):
        for k in range(3):
            c.send(k)

    def receives(c, note):
        for _ in c:
            work(4)

    _, times = two(sends, receives, capacity=1)
    channel = times.channels["c"]
    assert (channel.stall_full, channel.stalls_full, channel.stall_empty, channel.stalls_empty) == (4, 1, 0, 0)
    assert (channel.sends, channel.receives) == (3, 3)


def test_a_send_that_nobody_takes_is_reported():
    with pytest.raises(Deadlock) as found:
        two(lambda c, note: [c.send(k) for k in range(4)], lambda c, note: c.recv(), capacity=2)
    assert found.value.report.text == (
        "csp.deadlock[starvation] at t=0: 1 blocked\n"
        "  first @t=0: send on c (full 2/2), waits for second (terminated)\n"
        "  hint: consumer terminated before it received every token"
    )
