"""Networks as wholes: what is declared and started, what comes out of them, and what is refused."""

import signal
import threading

import msgspec
import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Refused, Scalar, Tensor, Tile, f16, f32, i32, kernel, tile, work
from htp.deadlocks import DeadlockReport
from htp_dialect_csp import (
    EOS,
    Channel,
    Deadlock,
    Recv,
    Send,
    broadcast,
    network,
    process,
    replicate,
    select,
    simulate,
    spawn,
)  # fmt: skip

Token = Scalar[i32]


@process
def count(out: Send[Token], n: Token) -> None:
    for k in range(n):
        work(1)
        out.send(k)


@process
def total(inp: Recv[Token], y: InOut[Tensor[i32, 1]]) -> None:
    for token in inp:
        y[0] = y[0] + token


@process
def drain(inp: Recv[Token]) -> None:
    for _ in inp:
        work(2)


def fails(run, code):
    before = threading.active_count()
    with pytest.raises(Refused) as caught:
        run()
    assert caught.value.code == code
    assert caught.value.diagnostic.help
    assert caught.value.diagnostic.span.file == __file__
    assert threading.active_count() == before
    return caught.value


def line(function, offset):
    return function.__code__.co_firstlineno + offset


@kernel
def double(x: In[Tensor[f32, "n", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    work(3)
    y[:] = x[:] * 2.0


@process
def load(x: In[Tensor[f32, "N", 8]], out: Send[Tile[f32, 4, 8]], limit: Token) -> None:
    for i in range(0, limit, 4):
        out.send(x[i : i + 4, :])


@process
def scale(inp: Recv[Tile[f32, 4, 8]], out: Send[Tile[f32, 4, 8]]) -> None:
    for t in inp:
        buffer = htp.empty((t.shape[0], 8), f32)
        double(t, buffer)
        out.send(buffer)


@process
def store(inp: Recv[Tile[f32, 4, 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 4, :] = t
        i += 4


@network
def scaled(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Tile[f32, 4, 8]](capacity=2)
    b = Channel[Tile[f32, 4, 8]](capacity=2)
    load(x, a, x.shape[0])
    scale(a, b)
    store(b, y)


def test_a_network_with_kernels_tensors_tails_and_scalars():
    x = np.random.default_rng(0).standard_normal((10, 8)).astype(np.float32)
    y = np.zeros_like(x)
    assert scaled(x, y) is None
    assert (y == 2 * x).all()
    assert simulate(scaled, x, y=y).processes["scale"].busy == 9


def test_arguments_of_a_network_are_checked():
    with pytest.raises(Refused, match="dtype-mismatch"):
        scaled(np.zeros((4, 8)), np.zeros((4, 8), np.float32))
    with pytest.raises(Refused, match="argument-count"):
        scaled(np.zeros((4, 8), np.float32))
    with pytest.raises(Refused, match="dim-mismatch"):
        scaled(np.zeros((4, 8), np.float32), np.zeros((8, 8), np.float32))


def test_a_network_in_a_routine_and_in_a_process():
    @htp.routine
    def twice(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
        middle = htp.empty((x.shape[0], 8), f32)
        scaled(x, middle)
        scaled(middle, y)

    @process
    def works(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
        work(1)
        scaled(x, y)

    @network
    def outer(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
        works(x, y)

    x = np.ones((4, 8), np.float32)
    y = np.zeros_like(x)
    twice(x, y)
    assert (y == 4).all()
    assert simulate(outer, x, y).makespan == 1 + 3
    assert (y == 2).all()


def test_a_network_inside_another_adds_its_processes():
    @process
    def forward(inp: Recv[Token], out: Send[Token]) -> None:
        for token in inp:
            out.send(token + 1)

    @network
    def counted(out: Send[Token]) -> None:
        c = Channel[Token](capacity=1)
        count(c, 3)
        forward(c, out)

    @network
    def sums(y: InOut[Tensor[i32, 1]]) -> None:
        c = Channel[Token](capacity=1)
        counted(c)
        total(c, y)

    y = np.zeros(1, np.int32)
    times = simulate(sums, y)
    assert y[0] == 1 + 2 + 3
    assert list(times.processes) == ["count", "forward", "total"]
    assert list(times.channels) == ["c", "c_2"]


def test_broadcast_gives_every_token_to_all():
    @network
    def both(y: InOut[Tensor[i32, 1]], z: InOut[Tensor[i32, 1]]) -> None:
        a = Channel[Token](capacity=1)
        b = Channel[Token](capacity=1)
        c = Channel[Token](capacity=3)
        count(a, 5)
        broadcast(a, b, c)
        total(b, y)
        total(c, z)

    y, z = np.zeros(1, np.int32), np.zeros(1, np.int32)
    times = simulate(both, y, z)
    assert (y[0], z[0]) == (10, 10)
    assert list(times.processes) == ["count", "broadcast", "total", "total_2"]
    assert times.channels["c"].accepts == (1, 2, 3, 4, 5)

    @network
    def unlike() -> None:
        a = Channel[Token](capacity=1)
        b = Channel[Scalar[f32]](capacity=1)
        broadcast(a, b)

    @network
    def regions() -> None:
        a = Channel[Tensor[f32, 4]](capacity=1)
        b = Channel[Tensor[f32, 4]].array(2, capacity=1)
        broadcast(a, *b)

    message = "a region has one owner: channel 'a' cannot be broadcast to 2 channels"
    assert fails(regions, "csp.payload").diagnostic.message == message
    found = fails(unlike, "csp.payload")
    assert found.diagnostic.message == (
        "channel 'b' carries Scalar[f32], 'broadcast' sends it as Scalar[i32]; cast on one side with .astype"
    )


def test_replicate_deals_out():
    @network
    def farm(y: InOut[Tensor[i32, 3]]) -> None:
        c = Channel[Token].array(3, capacity=1)
        replicate(count, 3, c, range(1, 4))
        replicate(total, 3, c, y=(y[0:1], y[1:2], y[2:3]))

    y = np.zeros(3, np.int32)
    times = simulate(farm, y)
    assert y.tolist() == [0, 0 + 1, 0 + 1 + 2]
    assert list(times.processes) == ["count0", "count1", "count2", "total0", "total1", "total2"]
    assert list(times.channels) == ["c0", "c1", "c2"]

    @network
    def uneven() -> None:
        c = Channel[Token].array(3, capacity=1)
        replicate(count, 2, c, 1)

    assert fails(uneven, "csp.replicate").diagnostic.message == "2 processes `count` share 3 items of argument 0"


def test_spawn_starts_at_the_time_of_its_parent():
    @process
    def serve(inp: Recv[Token], out: Send[Token]) -> None:
        for token in inp:
            work(token)
            c = Channel[Token](capacity=1)
            spawn(count, c, token)
            for each in c:
                out.send(each)

    @network
    def server(y: InOut[Tensor[i32, 1]]) -> None:
        jobs = Channel[Token](capacity=3)
        results = Channel[Token](capacity=1)
        count(jobs, 3)
        serve(jobs, results)
        total(results, y)

    y = np.zeros(1, np.int32)
    times = simulate(server, y)
    assert y[0] == 0 + 0 + (0 + 1)
    assert list(times.processes) == ["count", "serve", "total", "count_2", "count_3", "count_4"]
    assert list(times.channels) == ["jobs", "results", "c", "c_2", "c_3"]
    assert times.channels["c_2"].accepts == (4,)  # jobs come at 1, 2, 3; job 1 is worked on from 2 to 3
    assert times.channels["c_3"].accepts == (7, 8)


def test_an_end_moves_to_a_spawned_process():
    @process
    def hands_on(out: Send[Token]) -> None:
        out.send(9)
        spawn(count, out, 2)

    @network
    def moved(y: InOut[Tensor[i32, 1]]) -> None:
        c = Channel[Token](capacity=1)
        hands_on(c)
        total(c, y)

    y = np.zeros(1, np.int32)
    moved(y)
    assert y[0] == 9 + 0 + 1

    @process
    def keeps(out: Send[Token]) -> None:
        spawn(count, out, 2)
        out.send(9)

    @network
    def shared() -> None:
        c = Channel[Token](capacity=1)
        keeps(c)
        drain(c)

    found = fails(shared, "csp.endpoint-shared")
    assert found.diagnostic.message == (
        f"channel 'c' has two senders: 'count' (line {line(keeps.python, 2)}) "
        f"and 'keeps' (line {line(keeps.python, 3)}); a FIFO has exactly one. "
        "Use two channels and receive from both, or merge the processes"
    )


def test_a_process_that_forgets_a_channel_it_made_ends_its_stream():
    @process
    def forgets() -> None:
        c = Channel[Token](capacity=1)
        spawn(drain, c)

    @network
    def forgotten() -> None:
        forgets()

    assert list(simulate(forgotten).processes) == ["forgets", "drain"]


def test_two_processes_at_one_end():
    @network
    def senders() -> None:
        kv = Channel[Token](capacity=1)
        count(kv, 1)
        count(kv, 2)
        drain(kv)

    @network
    def receivers() -> None:
        kv = Channel[Token](capacity=1)
        drain(kv)
        drain(kv)

    first = line(senders.python, 3)
    assert fails(senders, "csp.endpoint-shared").diagnostic.message == (
        f"channel 'kv' has two senders: 'count' (line {first}) and 'count_2' (line {first + 1}); "
        "a FIFO has exactly one. Use two channels and receive from both, or merge the processes"
    )
    first = line(receivers.python, 3)
    assert fails(receivers, "csp.endpoint-shared").diagnostic.message == (
        f"channel 'kv' has two receivers: 'drain' (line {first}) and 'drain_2' (line {first + 1}); "
        "a FIFO has exactly one. Use two channels and send to both, or merge the processes"
    )


def test_both_ends_speak_of_one_type():
    @process
    def pv(s: Recv[Tile[f16, 64, 64]]) -> None:
        s.recv()

    @process
    def square(s: Send[Tile[f32, "M", "M"]]) -> None:
        s.send(tile.zeros((2, 2), f32))

    @network
    def narrow() -> None:
        s = Channel[Tile[f32, 64, 64]](capacity=1)
        pv(s)

    @network
    def oblong() -> None:
        s = Channel[Tile[f32, 64, 32]](capacity=1)
        square(s)

    assert fails(narrow, "csp.payload").diagnostic.message == (
        "channel 's' carries Tile[f32, 64, 64], 'pv' receives it as Tile[f16, 64, 64]; cast on one side with .astype"
    )
    assert fails(oblong, "csp.payload").diagnostic.message == (
        "channel 's' carries Tile[f32, 64, 32], 'square' sends it as Tile[f32, \"M\", \"M\"]; "
        "declare one type at both ends"
    )


def test_what_is_no_end():
    @network
    def an_array(x: In[Tensor[f32, 4]]) -> None:
        drain(x)

    @network
    def the_other_end(out: Send[Token]) -> None:
        drain(out)

    @process
    def passes(out: Send[Token]) -> None:
        spawn(drain, out)

    @network
    def passed() -> None:
        c = Channel[Token](capacity=1)
        passes(c)
        drain(c)

    assert fails(lambda: an_array(np.zeros(4, np.float32)), "csp.not-an-end").diagnostic.message == (
        "`drain` receives from `inp`, and is given a tensor"
    )
    assert fails(passed, "csp.not-an-end").diagnostic.message == (
        "`drain` receives from `inp`, and is given the other end of a channel"
    )


def test_a_channel_has_both_ends():
    @network
    def no_receiver() -> None:
        c = Channel[Token](capacity=1)
        count(c, 1)

    @network
    def no_sender() -> None:
        c = Channel[Token](capacity=1)
        drain(c)

    message = fails(no_receiver, "csp.unconnected").diagnostic.message
    assert message == "no process receives from channel 'c' of `no_receiver`"
    assert fails(no_sender, "csp.unconnected").diagnostic.message == "no process sends on channel 'c' of `no_sender`"


@pytest.mark.parametrize("act", [
    lambda: count(None, 1),
    lambda: Channel[Token](capacity=1),
    lambda: spawn(count, None, 1),
    lambda: replicate(count, 1, None, 1),
    lambda: select([]),
])  # fmt: skip
def test_outside_of_a_network(act):
    fails(act, "csp.no-network")


def test_a_process_calls_no_process():
    @process
    def calls() -> None:
        drain(None)

    @network
    def calling() -> None:
        calls()

    assert "spawn(drain, …)" in fails(calling, "csp.no-network").diagnostic.help[0]


def test_the_error_of_a_process_comes_out_and_the_others_are_unwound():
    unwound = []

    class Mine(Exception):
        pass

    @process
    def waits(inp: Recv[Token], out: Send[Token]) -> None:
        try:
            for token in inp:
                out.send(token)
        finally:
            unwound.append("waits")
            out.close()  # the network is over: no operation does anything any more
            unwound.append("never")

    @process
    def breaks(inp: Recv[Token], out: Send[Token]) -> None:
        inp.recv()
        raise Mine("at two")

    @network
    def broken() -> None:
        c = Channel[Token].array(3, capacity=1)
        waits(c[0], c[1])
        breaks(c[1], c[2])
        waits(c[2], c[0])
        spare = Channel[Token](capacity=1, initial=(4,))
        breaks(spare, spare)

    before = threading.active_count()
    with pytest.raises(Mine, match="at two") as caught:
        broken()
    assert caught.traceback[-1].path.name == "test_processes.py"
    assert caught.traceback[-1].lineno + 1 == line(breaks.python, 3)
    assert unwound == ["waits", "waits"]
    assert threading.active_count() == before


def test_what_a_process_is_refused_has_its_line():
    @process
    def wrong(y: Out[Tensor[f32, 4]]) -> None:
        assert y.shape[0] > 9, "long"

    @process
    def mixes(y: Out[Tensor[f32, 4]]) -> None:
        y[:] = tile.zeros((4,), f32) + tile.zeros((4,), f16)

    @network
    def asserting(y: Out[Tensor[f32, 4]]) -> None:
        wrong(y)

    @network
    def mixing(y: Out[Tensor[f32, 4]]) -> None:
        mixes(y)

    for each, code in ((asserting, "run.assertion-failed"), (mixing, "type.dtype-mismatch")):
        with pytest.raises(Refused) as caught:
            each(np.zeros(4, np.float32))
        assert caught.value.code == code
        body = wrong if each is asserting else mixes
        assert caught.value.diagnostic.span.line == line(body.python, 2)


def test_an_interrupt_leaves_nothing_behind():
    @process
    def endless(out: Send[Token]) -> None:
        while True:
            out.send(1)

    @network
    def forever() -> None:
        c = Channel[Token](capacity=1)
        endless(c)
        drain(c)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = threading.active_count()
    former = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            forever()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert threading.active_count() == before


def test_a_network_of_two_thousand_processes():
    @process
    def hop(inp: Recv[Token], out: Send[Token]) -> None:
        for token in inp:
            work(1)
            out.send(token + 1)

    @network
    def long(y: InOut[Tensor[i32, 1]]) -> None:
        c = [Channel[Token](capacity=1) for _ in range(2001)]
        count(c[0], 2)
        for k in range(2000):
            hop(c[k], c[k + 1])
        total(c[2000], y)

    y = np.zeros(1, np.int32)
    assert simulate(long, y).makespan == 2002
    assert y[0] == 2000 + 2001


def test_a_deadlock_as_text_and_as_data():
    @process
    def merges(a: Recv[Token], b: Recv[Token], out: Send[Token]) -> None:
        while (found := select([a, b])) is not EOS:
            out.send(found[1])

    @process
    def feeds(inp: Recv[Token], out: Send[Token], also: Send[Token]) -> None:
        work(2)
        also.close()
        out.send(inp.recv())

    @network
    def stuck() -> None:
        a = Channel[Token](capacity=1)
        b = Channel[Token](capacity=1)
        c = Channel[Token](capacity=4)
        merges(a, b, c)
        feeds(c, a, b)

    with pytest.raises(Deadlock) as caught:
        stuck()
    report = caught.value.report
    assert report.text == (
        "csp.deadlock[true] at t=2: 2 blocked\n"
        "  merges @t=0: select on a, b (empty 0/1, 0/1), waits for feeds\n"
        "  feeds @t=2: recv on c (empty 0/4), waits for merges\n"
        "  cycle: merges -> feeds -> merges\n"
        "  hint: add an initial token or break the cycle"
    )
    waiting = (line(merges.python, 2), line(feeds.python, 4))
    assert report.tables == (
        "channel  capacity  high_water  sends  receives  stall_full  stall_empty  closed\n"
        "a               1           0      0         0           0            0      no\n"
        "b               1           0      0         0           0            0     yes\n"
        "c               4           0      0         0           0            0      no\n"
        "process  clock  busy  stall_in  stall_out  line\n"
        f"merges       0     0         0          0   {waiting[0]}\n"
        f"feeds        2     2         0          0   {waiting[1]}"
    )
    assert caught.value.diagnostic.message == f"{report.text}\n{report.tables}"
    assert caught.value.diagnostic.span.line == waiting[0]
    assert [each.span.line for each in caught.value.diagnostic.labels] == [waiting[1]]
    assert msgspec.json.decode(msgspec.json.encode(report), type=DeadlockReport) == report


def test_the_smallest_channel_of_the_cycle_is_to_be_raised():
    @process
    def first(a: Send[Token], b: Send[Token], c: Recv[Token]) -> None:
        for k in range(9):
            a.send(k)
        b.send(1)
        c.recv()

    @process
    def second(a: Recv[Token], b: Recv[Token], c: Send[Token]) -> None:
        for k in range(9):
            c.send(k)
        b.recv()

    def cross(one, other):
        @network
        def crossing() -> None:
            a = Channel[Token](capacity=one)
            b = Channel[Token](capacity=1)
            c = Channel[Token](capacity=other)
            first(a, b, c)
            second(a, b, c)

        with pytest.raises(Deadlock) as caught:
            crossing()
        return caught.value

    found = cross(3, 2)
    assert (found.report.kind, found.report.hint) == ("artificial", "raise capacity of c")
    assert (found.report.raise_channel, found.report.raise_to) == ("c", 3)
    assert found.diagnostic.help == ("give `c` more capacity: with 3 this cycle goes on, a later one may need more",)
    assert cross(0, 4).report.raise_to == 1


def test_a_broadcast_that_is_stuck_stands_where_it_is_declared():
    @process
    def one_only(a: Recv[Token], b: Recv[Token]) -> None:
        for _ in a:
            pass
        b.recv()

    @network
    def stuck() -> None:
        c = Channel[Token](capacity=1)
        a = Channel[Token](capacity=1)
        b = Channel[Token](capacity=1)
        count(c, 5)
        broadcast(c, a, b)
        one_only(a, b)

    found = fails(stuck, "csp.deadlock")
    assert (found.report.kind, found.report.raise_channel) == ("artificial", "b")
    assert {each.process: each.span.line for each in found.report.blocked} == {
        "count": line(count.python, 4),
        "broadcast": line(stuck.python, 6),
        "one_only": line(one_only.python, 2),
    }


def test_a_slice_that_a_process_is_given_holds_what_its_parent_writes_meanwhile():
    @process
    def read(done: Recv[Token], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
        done.recv()
        z[:] = y[:]

    @process
    def write(y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, 2]]) -> None:
        done = Channel[Token]()
        spawn(read, done, y[1:3], z)
        y[:] = 7.0
        done.send(0)

    @network
    def shared(y: Out[Tensor[f32, 4]], z: Out[Tensor[f32, 2]]) -> None:
        write(y, z)

    y, z = np.zeros(4, np.float32), np.zeros(2, np.float32)
    shared(y, z)
    assert z.tolist() == [7, 7]
