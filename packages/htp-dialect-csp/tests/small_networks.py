"""Networks that use every word of the dialect, each with arguments it can be run on."""

import numpy as np

import htp
from htp import In, InOut, Out, Scalar, Tensor, Tile, f32, func, i32, i64, kernel, routine, tile, work
from htp_dialect_csp import (
    EOS,
    NONE,
    Channel,
    Recv,
    Send,
    broadcast,
    network,
    process,
    replicate,
    select,
    spawn,
    stop,
)  # fmt: skip

Token = Scalar[i32]
Block = Tile[f32, 4, 8]
Row = Tensor[f32, 8]


@process
def load(x: In[Tensor[f32, "N", 8]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 4):
        work(1)
        out.send(x[i : i + 4, :])


@process
def square(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        work(5)
        out.send(t * t)


@process
def store(inp: Recv[Block], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 4, :] = t
        i += 4


@network
def squares(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Block](capacity=2)
    b = Channel[Tile[f32, 4, 8]](capacity=2, latency=3)
    load(x, a)
    square(a, b)
    store(b, y)


@routine
def twice(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    middle = htp.empty((x.shape[0], 8), f32)
    middle[:] = tile.zeros((x.shape[0], 8), f32)
    squares(x, middle)
    squares(middle, y)


@kernel
def grow(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    work(7)
    y[:] = x[:] * 2.0


@routine
def rounds(x: InOut[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]], times: Scalar[i64]) -> None:
    for k in range(times):
        squares(x, y)
        grow(y, x)
        if k > 0:
            squares(x, y)


@process
def count(out: Send[Token], n: Token, cost: Token) -> None:
    for k in range(n):
        work(cost)
        out.send(k)


@process
def collect(inp: Recv[Token], y: InOut[Tensor[i32, "N"]]) -> None:
    i = 0
    for token in inp:
        y[i] = token
        i += 1  # noqa: SIM113 -- tokens have no numbers


@process
def merge(a: Recv[Token], b: Recv[Token], out: Send[Token]) -> None:
    while (found := select([a, b])) is not EOS:
        end, value = found
        work(2)
        if end is a:
            out.send(value)
        else:
            out.send(100 + value)


@network
def merged(y: InOut[Tensor[i32, "N"]]) -> None:
    p = Channel[Token](capacity=2)
    q = Channel[Token](capacity=2)
    r = Channel[Token](capacity=1)
    count(p, 3, 3)
    count(q, 3, 4)
    merge(p, q, r)
    collect(r, y)


@process
def gather(ins: tuple[Recv[Token], ...], out: Send[Token]) -> None:
    found = select(ins)
    while found is not EOS:
        out.send(found[1])
        found = select(ins)


@process
def deal(inp: Recv[Token], outs: tuple[Send[Token], ...]) -> None:
    k = 0
    for token in inp:
        outs[k % len(outs)].send(token)
        k += 1  # noqa: SIM113 -- tokens have no numbers


@process
def add(inp: Recv[Token], out: Send[Token], step: Token) -> None:
    for token in inp:
        work(2)
        out.send(token + step)


@network
def farm(y: InOut[Tensor[i32, "N"]]) -> None:
    src = Channel[Token](capacity=1)
    w = Channel[Token].array(3, capacity=2)
    r = Channel[Token].array(3, capacity=2, latency=1)
    all_ = Channel[Token](capacity=1)
    count(src, 10, 1)
    deal(src, w)
    replicate(add, 3, w, r, range(0, 30, 10))
    gather(r, all_)
    collect(all_, y)


@process
def poll(inp: Recv[Token], out: Send[Token]) -> None:
    found = inp.try_recv()
    while found is not EOS:
        if found is NONE:
            out.send(-1)
        else:
            out.send(found)
        work(2)
        found = inp.try_recv()


@network
def polled(y: InOut[Tensor[i32, "N"]]) -> None:
    p = Channel[Token](capacity=1, latency=1)
    q = Channel[Token](capacity=2)
    count(p, 2, 3)
    poll(p, q)
    collect(q, y)


@process
def look(inp: Recv[Token], out: Send[Token]) -> None:
    while (seen := inp.peek()) is not EOS:
        work(1)
        if seen is not NONE:
            out.send(seen * 10 + len(inp))
            inp.recv()


@process
def spill(out: Send[Token], other: Send[Token]) -> None:
    for k in range(6):
        work(1)
        if not out.try_send(k):
            other.send(k)
        if out.full():
            work(1)
    out.close()
    work(3)


@network
def looked(y: InOut[Tensor[i32, "N"]], z: InOut[Tensor[i32, "M"]]) -> None:
    p, q = Channel[Token](capacity=2), Channel[Token](capacity=6)
    r = Channel[Token](capacity=1)
    spill(p, q)
    look(p, r)
    collect(r, y)
    collect(q, z)


@process
def first(back: Recv[Token], forth: Send[Token]) -> None:
    for _ in range(3):
        forth.send(back.recv() + 1)


@process
def second(forth: Recv[Token], back: Send[Token], y: InOut[Tensor[i32, "N"]]) -> None:
    for k in range(3):
        value = forth.recv()
        y[k] = value
        back.send(2 * value)


@network
def feedback(y: InOut[Tensor[i32, "N"]]) -> None:
    forth = Channel[Token](capacity=1)
    back = Channel[Token](capacity=1, initial=(5,))
    first(back, forth)
    second(forth, back, y)


@network
def copied(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]], z: InOut[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Block]()
    b = Channel[Block](capacity=0)
    c, d = Channel[Block].array(2)
    load(x, a)
    broadcast(a, b, c)
    square(b, d)
    store(d, y)
    store(c, z)


@network
def stage(inp: Recv[Block], out: Send[Block]) -> None:
    middle = Channel[Block]()
    square(inp, middle)
    square(middle, out)


@network
def nested(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    links = Channel[Block].array(3)
    load(x, links[0])
    for k in range(2):
        stage(links[k], links[k + 1])
    store(links[2], y)


@func
def shifted(t, by):
    return t + by


@kernel
def double(x: In[Tensor[f32, "n", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    work(3)
    y[:] = x[:] * 2.0


@process
def scale(inp: Recv[Block], out: Send[Block], by: Scalar[f32]) -> None:
    for t in inp:
        buffer = htp.empty((t.shape[0], 8), f32)
        double(t, buffer)
        out.send(shifted(buffer[:], by))


@network
def scaled(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Block]()
    b = Channel[Block]()
    load(x, a)
    scale(a, b, 1.5)
    store(b, y)


@network
def squared_rows(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Block]()
    b = Channel[Block]()
    load(x, a)
    square(a, b)
    store(b, y)


@process
def inside(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        source = htp.empty((8, 8), f32)
        target = htp.empty((8, 8), f32)
        source[0:4, :] = t
        source[4:8, :] = t + 1.0
        target[:] = tile.zeros((8, 8), f32)
        squared_rows(source, target)
        out.send(target[4:8, :])


@process
def store_whole(inp: Recv[Block], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 4, :] = t
        i += 4


@network
def in_a_process(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    assert x.shape[0] % 4 == 0
    a = Channel[Block]()
    b = Channel[Block]()
    load(x, a)
    inside(a, b)
    store_whole(b, y)


@process
def fill(x: In[Tensor[f32, "N", 8]], out: Send[Row]) -> None:
    for i in range(x.shape[0]):
        row = htp.empty((8,), f32)
        row[:] = x[i, :]
        out.send(row)


@process
def prefix(inp: Recv[Row], out: Send[Row]) -> None:
    for row in inp:
        row[0] = row[0] + 1.0
        out.send(row)


@process
def drop(inp: Recv[Row], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for row in inp:
        y[i, :] = row[:]
        i += 1  # noqa: SIM113 -- tokens have no numbers


@network
def moved(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Row](capacity=2)
    b = Channel[Row](capacity=2)
    fill(x, a)
    prefix(a, b)
    drop(b, y)


@process
def check(inp: Recv[Token], below: Token, cost: Token) -> None:
    for token in inp:
        work(cost)
        assert token < below


@process
def check_more(inp: Recv[Token], below: Token, cost: Token) -> None:
    for token in inp:
        work(cost)
        assert token + 1 < below


@network
def failing(first: Token, second: Token) -> None:
    a, b = Channel[Token].array(2, capacity=2)
    count(a, 100, 1)
    check(a, first, 1)
    count(b, 100, 1)
    check_more(b, second, 2)


@process
def greedy(inp: Recv[Token], y: InOut[Tensor[i32, "N"]]) -> None:
    k = 0
    while k < y.shape[0]:
        got = inp.recv()
        work(1)
        y[k] = got
        k += 1


@network
def greed(y: InOut[Tensor[i32, "N"]]) -> None:
    c = Channel[Token]()
    count(c, 2, 1)
    greedy(c, y)


@process
def quit_early(out: Send[Token]) -> None:
    out.send(1)
    stop()


@process
def stack(ins: tuple[Recv[Block], ...], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    while (found := select(ins)) is not EOS:
        rows = found[1].shape[0]
        y[i : i + rows, :] = found[1]
        i += rows


@process
def zipped(a: Recv[Block], b: Recv[Block], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    while (found := select([a, b])) is not EOS:
        end, t = found
        work(2)
        if end is a:
            y[i : i + t.shape[0], :] = t
        else:
            y[i : i + t.shape[0], :] = t * 2.0
        i += t.shape[0]


@network
def stacked(x: In[Tensor[f32, "N", 8]], z: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "K", 8]]) -> None:
    blocks = Channel[Block].array(2, capacity=2)
    load(x, blocks[0])
    load(z, blocks[1])
    stack(blocks, y)


@network
def zipping(x: In[Tensor[f32, "N", 8]], z: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "K", 8]]) -> None:
    a = Channel[Block](capacity=2, latency=2)
    b = Channel[Block](capacity=1)
    load(x, a)
    load(z, b)
    zipped(a, b, y)


@process
def offer(inp: Recv[Token], outs: tuple[Send[Token], ...]) -> None:
    k = 0
    for token in inp:
        sent = False
        while not sent:
            sent = outs[k].try_send(token)
            k = (k + 1) % len(outs)
            if not sent:
                work(1)


@process
def wait_full(inp: Recv[Token], out: Send[Token]) -> None:
    for token in inp:
        out.send(token)
        work(2)
        if inp.full():
            out.send(100 + token)
        if not out.full():
            work(3)


@network
def offered(y: InOut[Tensor[i32, "N"]]) -> None:
    a = Channel[Token](capacity=2)
    bs = Channel[Token].array(2, capacity=1)
    cs = Channel[Token].array(2, capacity=1, latency=1)
    out = Channel[Token](capacity=2)
    count(a, 6, 1)
    offer(a, bs)
    wait_full(bs[0], cs[0])
    wait_full(bs[1], cs[1])
    gather(cs, out)
    collect(out, y)


@process
def serve(inp: Recv[Token], out: Send[Token]) -> None:
    for n in inp:
        work(n)
        if n % 3 != 2:
            c = Channel[Token](capacity=1, latency=1)
            spawn(count, c, n, 2)
            for each in c:
                out.send(each)
        else:
            both = Channel[Token].array(2)
            spawn(count, both[0], n, 1)
            spawn(count, out=both[1], n=n + 1, cost=4)
            while (found := select(both)) is not EOS:
                out.send(found[1] * 10)


@network
def served(y: InOut[Tensor[i32, "N"]]) -> None:
    jobs = Channel[Token](capacity=3)
    results = Channel[Token](capacity=1, response=1)
    count(jobs, 5, 1)
    serve(jobs, results)
    collect(results, y)


@process
def numbers(out: Send[Token], n: Token) -> None:
    for k in range(2, n):
        out.send(k)


@process
def sieve(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    first = inp.recv()
    work(first)
    out.send(first)
    if first * first < n:
        rest = Channel[Token](capacity=2)
        found = Channel[Token](capacity=0)
        spawn(sift, inp, rest, first)
        spawn(sieve, rest, found, n)
        spawn(forward, found, out)
    else:
        spawn(forward, inp, out)


@process
def sift(inp: Recv[Token], out: Send[Token], by: Token) -> None:
    for x in inp:
        work(1)
        if x % by != 0:
            out.send(x)


@process
def forward(inp: Recv[Token], out: Send[Token]) -> None:
    for x in inp:
        out.send(x)


@network
def primes(y: InOut[Tensor[i32, "N"]], n: Token) -> None:
    a = Channel[Token]()
    b = Channel[Token]()
    numbers(a, n)
    sieve(a, b, n)
    collect(b, y)


@process
def hands_on(x: In[Tensor[f32, "N", 8]], out: Send[Block]) -> None:
    first = Channel[Block](capacity=2)
    spawn(load, x, first)
    spawn(square, first, out)


@process
def keeps_time(inp: Recv[Block], y: InOut[Tensor[f32, "N", 8]], z: Out[Tensor[f32, 2]]) -> None:
    assert y.shape[0] >= 2
    done = Channel[Token]()
    spawn(store, inp, y)
    spawn(read, done, y[0:2, 0], z)
    work(100)
    y[1, 0:1] = y[1, 0:1] + 1.0
    done.send(0)


@process
def read(done: Recv[Token], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    done.recv()
    z[:] = y[:]


@network
def handed_on(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]], z: InOut[Tensor[f32, 2]]) -> None:
    a = Channel[Block](capacity=1)
    hands_on(x, a)
    keeps_time(a, y, z)


@process
def fills(z: Out[Tensor[f32, 2]]) -> None:
    work(10)
    z[:] = 1.0


@network
def filled(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]], z: Out[Tensor[f32, 2]]) -> None:
    fills(z)
    a = Channel[Block](capacity=1)
    load(x, a)
    store(a, y)


@network
def alone(y: Out[Tensor[f32, 2]], z: Out[Tensor[f32, 2]]) -> None:
    fills(y)
    fills(z)


def matrix(rows=10):
    return np.random.default_rng(rows).standard_normal((rows, 8)).astype(np.float32)


def tokens(count):
    return np.full(count, -9, np.int32)


CASES = {
    "squares": (squares, lambda: (matrix(8), np.zeros((8, 8), np.float32))),
    "squares-tail": (squares, lambda: (matrix(), np.zeros((10, 8), np.float32))),
    "merged": (merged, lambda: (tokens(6),)),
    "farm": (farm, lambda: (tokens(10),)),
    "polled": (polled, lambda: (tokens(8),)),
    "looked": (looked, lambda: (tokens(8), tokens(8))),
    "feedback": (feedback, lambda: (tokens(3),)),
    "copied": (copied, lambda: (matrix(), np.zeros((10, 8), np.float32), np.zeros((10, 8), np.float32))),
    "nested": (nested, lambda: (matrix(8), np.zeros((8, 8), np.float32))),
    "scaled": (scaled, lambda: (matrix(), np.zeros((10, 8), np.float32))),
    "in-a-process": (in_a_process, lambda: (matrix(8), np.zeros((8, 8), np.float32))),
    "stacked": (stacked, lambda: (matrix(10), matrix(7), np.zeros((17, 8), np.float32))),
    "stacked-whole": (stacked, lambda: (matrix(8), matrix(4), np.zeros((12, 8), np.float32))),
    "zipped": (zipping, lambda: (matrix(9), matrix(6), np.zeros((15, 8), np.float32))),
    "offered": (offered, lambda: (tokens(12),)),
    "served": (served, lambda: (tokens(16),)),
    "primes": (primes, lambda: (tokens(20), 60)),
    "handed-on": (handed_on, lambda: (matrix(), np.zeros((10, 8), np.float32), np.zeros(2, np.float32))),
    "process-before-channels": (filled, lambda: (matrix(), np.zeros((10, 8), np.float32), np.zeros(2, np.float32))),
    "no-channels": (alone, lambda: (np.zeros(2, np.float32), np.zeros(2, np.float32))),
    "moved": (moved, lambda: (matrix(5), np.zeros((5, 8), np.float32))),
}
"""Networks with a function that makes their arguments, by name."""
