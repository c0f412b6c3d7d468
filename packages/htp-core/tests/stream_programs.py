"""Networks in process form, each with what it shows; the times of some are those of published vectors."""

HEAD = """
from htp.streams import *


@kernel
def load(x: In[Tensor[f32, "N", 4]], out: Send[Tile[f32, 2, 4]]) -> None:
    for i in range(0, x.shape[0] // 2 * 2, 2):
        work(2)
        send(out, x[i:i + 2, :])


@kernel
def square(inp: Recv[Tile[f32, 2, 4]], out: Send[Tile[f32, 2, 4]]) -> None:
    while advance(inp):
        t = token(inp)
        work(5)
        send(out, t * t)


@kernel
def store(inp: Recv[Tile[f32, 2, 4]], y: Out[Tensor[f32, "N", 4]]) -> None:
    i = 0
    while advance(inp):
        work(1)
        assert 0 <= i <= y.shape[0] and 0 <= i + 2 <= y.shape[0]
        y[i:i + 2, :] = token(inp)
        i += 2


@kernel
def count(n: Scalar[i32], out: Send[Scalar[i32]]) -> None:
    for k in range(n):
        send(out, k)


@kernel
def drain(inp: Recv[Scalar[i32]], y: Out[Tensor[i32, "M"]]) -> None:
    y[:] = 0
    i = 0
    while advance(inp):
        assert i < y.shape[0]
        y[i] = token(inp)
        i += 1


"""
PIPELINE = """
@routine
def f(x: In[Tensor[f32, "N", 4]], y: Out[Tensor[f32, "N", 4]]) -> None:
    open_network()
    a = channel(f32, (2, 4), capacity=2)
    b = channel(f32, (2, 4), capacity=2)
    load(x, a)
    square(a, b)
    store(b, y)
    close_network()
"""
FEEDBACK = """
@kernel
def ping(inp: Recv[Scalar[i32]], out: Send[Scalar[i32]]) -> None:
    for k in range(4):
        if advance(inp):
            work(2)
            send(out, token(inp) + 1)


@kernel
def pong(inp: Recv[Scalar[i32]], out: Send[Scalar[i32]], y: Out[Tensor[i32, 4]]) -> None:
    for k in range(4):
        if advance(inp):
            work(3)
            y[k] = token(inp)
            send(out, token(inp) * 2)


@routine
def f(y: Out[Tensor[i32, 4]]) -> None:
    open_network()
    fwd = channel(i32, ())
    back = channel(i32, (), initial=(0,))
    process_name("A")
    ping(back, fwd)
    process_name("B")
    pong(fwd, back, y)
    close_network()
"""
TAILS = """
@kernel
def rows(x: In[Tensor[f32, "N", 4]], out: Send[Tile[f32, "r", 4]]) -> None:
    for i in range(0, x.shape[0], 2):
        send(out, x[i:i + 2, :])


@kernel
def twice(inp: Recv[Tile[f32, "r", 4]], out: Send[Tile[f32, "r", 4]]) -> None:
    while advance(inp):
        send(out, token(inp) * 2.0)


@kernel
def gather(inp: Recv[Tile[f32, "r", 4]], y: Out[Tensor[f32, "N", 4]]) -> None:
    i = 0
    while advance(inp):
        t = token(inp)
        y[i:i + t.shape[0], :] = t
        i += t.shape[0]


@routine
def f(x: In[Tensor[f32, "N", 4]], y: Out[Tensor[f32, "N", 4]]) -> None:
    open_network()
    a = channel(f32, (2, 4))
    b = channel(f32, (2, 4), capacity=0)
    rows(x, a)
    twice(a, b)
    gather(b, y)
    close_network()
"""
BUFFERS = """
@kernel
def make(n: Scalar[i32], out: Send[Tensor[f32, 3]]) -> None:
    for k in range(n):
        buffer = empty((3,), f32)
        buffer[:] = f32(1.0) * k
        send(out, buffer)


@kernel
def change(inp: Recv[Tensor[f32, 3]], out: Send[Tensor[f32, 3]]) -> None:
    while advance(inp):
        got = token(inp)
        got[1:3] = got[0:2] + 1.0
        send(out, got)


@kernel
def keep(inp: Recv[Tensor[f32, 3]], y: Out[Tensor[f32, "K", 3]]) -> None:
    i = 0
    while advance(inp):
        assert i < y.shape[0]
        one = token(inp)
        y[i, :] = one[:]
        i += 1


@routine
def f(y: Out[Tensor[f32, "K", 3]]) -> None:
    open_network()
    a = channel(f32, (3,), region=True)
    b = channel(f32, (3,), region=True)
    make(y.shape[0], a)
    change(a, b)
    keep(b, y)
    close_network()
"""
POLLING = """
@kernel
def slow(cost: Scalar[i32], n: Scalar[i32], out: Send[Scalar[i32]]) -> None:
    for k in range(n):
        work(cost)
        send(out, k)


@kernel
def poll(p: Recv[Scalar[i32]], out: Send[Scalar[i32]]) -> None:
    seen = 0
    while seen != 2:
        seen = try_advance(p)
        if seen == 1:
            send(out, token(p))
        else:
            send(out, -seen - 1)
        work(2)


@routine
def f(y: Out[Tensor[i32, "M"]]) -> None:
    open_network()
    p = channel(i32, (), latency=1)
    out = channel(i32, (), capacity=16)
    slow(3, 2, p)
    poll(p, out)
    drain(out, y)
    close_network()
"""
CHOOSING = """
@kernel
def slow(cost: Scalar[i32], n: Scalar[i32], out: Send[Scalar[i32]]) -> None:
    for k in range(n):
        work(cost)
        send(out, k)


@kernel
def merge(p: Recv[Scalar[i32]], q: Recv[Scalar[i32]], out: Send[Scalar[i32]]) -> None:
    which = advance_any(p, q)
    while which >= 0:
        if which == 0:
            send(out, token(p))
        else:
            send(out, 10 + token(q))
        work(2)
        which = advance_any(p, q)


@routine
def f(y: Out[Tensor[i32, "M"]]) -> None:
    open_network()
    p = channel(i32, (), capacity=2)
    q = channel(i32, (), capacity=2)
    out = channel(i32, (), capacity=16)
    slow(3, 3, p)
    slow(4, 3, q)
    merge(p, q, out)
    drain(out, y)
    close_network()
"""
ASKING = """
@kernel
def pushy(out: Send[Scalar[i32]], found: Out[Tensor[i32, 6]]) -> None:
    found[:] = 0
    for k in range(3):
        if try_send(out, k):
            found[k] = 1
    found[3] = occupancy(out)
    if full(out):
        found[4] = 1
    work(9)
    close(out)


@kernel
def looking(inp: Recv[Scalar[i32]], found: Out[Tensor[i32, 6]]) -> None:
    found[:] = 9
    work(1)
    found[0] = peek(inp)
    if peek(inp) == 1:
        found[1] = token(inp)
    more = advance(inp)
    if advance(inp):
        found[2] = token(inp)
    found[3] = peek(inp)
    more = advance(inp)
    found[4] = peek(inp)


@routine
def f(sent: Out[Tensor[i32, 6]], got: Out[Tensor[i32, 6]]) -> None:
    open_network()
    c = channel(i32, (), capacity=2)
    pushy(c, sent)
    looking(c, got)
    close_network()
"""
