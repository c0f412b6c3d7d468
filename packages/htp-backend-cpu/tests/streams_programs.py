"""Programs in process form: every word, tiles with tails, tokens that are kept, failures in processes."""

import htp
from htp import In, InOut, Out, Recv, Scalar, Send, Tensor, Tile, f32, i32, i64, kernel, routine, tile
from htp.streams import (
    advance,
    advance_any,
    channel,
    close,
    close_network,
    full,
    occupancy,
    open_network,
    peek,
    process_name,
    send,
    stop_process,
    token,
    try_advance,
    try_send,
)
from htp.tasks import close_tasks, open_tasks, work


@kernel
def load(x: In[Tensor[f32, "N", 64]], out: Send[Tile[f32, "r", 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        work(2)
        send(out, x[i : i + 16, :])


@kernel
def square(inp: Recv[Tile[f32, "r", 64]], out: Send[Tile[f32, "r", 64]], cost: Scalar[i64]) -> None:
    while advance(inp):
        t = token(inp)
        work(cost)
        send(out, t * t + 1.0)


@kernel
def store(inp: Recv[Tile[f32, "r", 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    i = 0
    while advance(inp):
        t = token(inp)
        assert i >= 0
        assert i + t.shape[0] <= y.shape[0]
        y[i : i + t.shape[0], :] = t
        i += t.shape[0]
        work(1)


@routine
def stages(x: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "N", 64]], capacity: Scalar[i64], cost: Scalar[i64]) -> None:
    """Tiles with a tail, and a capacity that the caller chooses."""
    open_network()
    a = channel(f32, (16, 64), capacity=capacity)
    b = channel(f32, (16, 64), capacity=capacity, latency=3, response=1)
    load(x, a)
    square(a, b, cost)
    store(b, y)
    close_network()


@kernel
def differences(inp: Recv[Tile[f32, 8]], out: Send[Tile[f32, 8]]) -> None:
    """Keeps a token while the next one is in the hand."""
    last = tile.zeros((8,), f32)
    while advance(inp):
        t = token(inp)
        send(out, t - last)
        last = t


@kernel
def rows(x: In[Tensor[f32, "N", 8]], out: Send[Tile[f32, 8]]) -> None:
    for i in range(x.shape[0]):
        send(out, x[i, :])


@kernel
def collect(inp: Recv[Tile[f32, 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    for i in range(y.shape[0]):
        if advance(inp):
            y[i, :] = token(inp)
        else:
            y[i, :] = tile.zeros((8,), f32)


@routine
def kept(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    open_network()
    a = channel(f32, (8,), capacity=1)
    b = channel(f32, (8,), capacity=0)
    rows(x, a)
    differences(a, b)
    collect(b, y)
    close_network()


@kernel
def numbers(out: Send[Scalar[i32]], count: Scalar[i64], cost: Scalar[i64], first: Scalar[i32]) -> None:
    for k in range(count):
        work(cost)
        send(out, first + k)


@kernel
def merged(p: Recv[Scalar[i32]], q: Recv[Scalar[i32]], seen: Out[Tensor[i64, "K"]]) -> None:
    for k in range(seen.shape[0]):
        found = advance_any(p, q)
        if found == 0:
            seen[k] = token(p)
        elif found == 1:
            seen[k] = token(q)
        else:
            seen[k] = -1
        work(2)


@routine
def merge(seen: Out[Tensor[i64, "K"]]) -> None:
    """T14: a select takes the first listed of those that have a token."""
    open_network()
    p = channel(i32, (), capacity=2)
    q = channel(i32, (), capacity=2)
    process_name("P")
    numbers(p, 3, 3, 0)
    process_name("Q")
    numbers(q, 3, 4, 10)
    process_name("M")
    merged(p, q, seen)
    close_network()


@kernel
def polls(inp: Recv[Scalar[i32]], seen: Out[Tensor[i64, "K"]]) -> None:
    for k in range(seen.shape[0]):
        looked = peek(inp)
        waiting = occupancy(inp)
        found = try_advance(inp)
        if found == 1:
            seen[k] = 1000 * looked + 100 * waiting + token(inp)
        else:
            seen[k] = 1000 * looked + 100 * waiting - found
        work(2)


@kernel
def offers(out: Send[Scalar[i32]], count: Scalar[i64], taken: Out[Tensor[i64, "K"]]) -> None:
    for k in range(taken.shape[0]):
        crowded = full(out)
        done = try_send(out, k)
        if crowded:
            taken[k] = 1
        elif done:
            taken[k] = 2
        else:
            taken[k] = 3
        work(1)
    for k in range(count):
        send(out, k)
    close(out)


@routine
def polled(seen: Out[Tensor[i64, "K"]], taken: Out[Tensor[i64, "J"]]) -> None:
    open_network()
    p = channel(i32, (), capacity=2, latency=1, initial=(7,))
    offers(p, 2, taken)
    polls(p, seen)
    close_network()


@kernel
def turn(inp: Recv[Scalar[i32]], out: Send[Scalar[i32]], cost: Scalar[i64]) -> None:
    for _ in range(4):
        if advance(inp):
            work(cost)
            send(out, token(inp))


@routine
def circle(total: InOut[Tensor[i64, 1]]) -> None:
    """T10: both wait for each other."""
    total[0] = total[0] + 1
    open_network()
    fwd = channel(i32, (), capacity=1)
    back = channel(i32, (), capacity=1)
    process_name("A")
    turn(back, fwd, 2)
    process_name("B")
    turn(fwd, back, 3)
    close_network()
    total[0] = total[0] + 10


@kernel
def abandons(out: Send[Scalar[i32]]) -> None:
    for k in range(3):
        work(2)
        send(out, k)
    stop_process()


@kernel
def drains(inp: Recv[Scalar[i32]]) -> None:
    while advance(inp):
        work(1)


@routine
def abandoned(total: InOut[Tensor[i64, 1]]) -> None:
    """T13: a process that stops leaves its channel open."""
    total[0] = total[0] + 1
    open_network()
    q = channel(i32, (), capacity=2)
    abandons(q)
    drains(q)
    close_network()


@kernel
def fails(inp: Recv[Scalar[i32]], most: Scalar[i64]) -> None:
    seen = 0
    while advance(inp):
        seen = seen + 1
        assert seen <= most


@kernel
def endless(out: Send[Scalar[i32]]) -> None:
    k = 0
    while k >= 0:
        send(out, 1)
        k = 1 - k


@routine
def failing(total: InOut[Tensor[i64, 1]], most: Scalar[i64]) -> None:
    """A process fails; the other one, which would go on for ever, ends."""
    total[0] = total[0] + 1
    open_network()
    q = channel(i32, (), capacity=8)
    endless(q)
    fails(q, most)
    close_network()


# buffers that move --------------------------------------------------------------------------------------------------


@kernel
def fill(x: In[Tensor[f32, "N", 8]], out: Send[Tensor[f32, 8]]) -> None:
    for i in range(x.shape[0]):
        row = htp.empty((8,), f32)
        row[:] = x[i, :]
        send(out, row)
        row = htp.empty((8,), f32)
        row[:] = x[i, :] * 2.0
        send(out, row)


@kernel
def either(p: Recv[Tensor[f32, 8]], q: Recv[Tensor[f32, 8]], out: Send[Tensor[f32, 8]]) -> None:
    at = advance_any(p, q)
    while at >= 0:
        if at == 0:  # noqa: SIM108 -- a buffer has one name
            row = token(p)
        else:
            row = token(q)
        row[0] = row[0] + 1.0
        send(out, row)
        at = advance_any(p, q)


@kernel
def gather(inp: Recv[Tensor[f32, 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    while advance(inp):
        row = token(inp)
        if i < y.shape[0]:
            y[i, :] = row[:]
        i += 1


@routine
def moved(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    first = htp.empty((8,), f32)
    first[:] = x[0, :] * 10.0
    open_network()
    a = channel(f32, (8,), capacity=2, region=True)
    b = channel(f32, (8,), capacity=1, latency=2, region=True, initial=(first,))
    c = channel(f32, (8,), capacity=0, region=True)
    fill(x, a)
    fill(x, b)
    either(a, b, c)
    gather(c, y)
    close_network()


@kernel
def touches(inp: Recv[Tensor[f32, 8]], out: Send[Tensor[f32, 8]]) -> None:
    while peek(inp) != 2:
        work(1)
        if peek(inp) == 1:
            seen = token(inp)
            seen[0] = seen[0] + 1.0
            if advance(inp):
                again = token(inp)
                again[1] = again[1] + 1.0
                send(out, again)


@routine
def peeked(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    open_network()
    a = channel(f32, (8,), capacity=2, region=True)
    b = channel(f32, (8,), region=True)
    fill(x, a)
    touches(a, b)
    gather(b, y)
    close_network()


@kernel
def clings(inp: Recv[Tensor[f32, 8]], out: Send[Tensor[f32, 8]]) -> None:
    while advance(inp):
        row = token(inp)
        send(out, row)
        again = token(inp)
        again[0] = 5.0


@routine
def clung(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    open_network()
    a = channel(f32, (8,), capacity=2, region=True)
    b = channel(f32, (8,), region=True)
    fill(x, a)
    clings(a, b)
    gather(b, y)
    close_network()


# networks beside tasks ----------------------------------------------------------------------------------------------


@kernel
def double(x: In[Tensor[f32, 16, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    work(7)
    y[:, :] = x[:, :] * 2.0


@routine
def beside(x: In[Tensor[f32, 32, 64]], y: InOut[Tensor[f32, 32, 64]], z: InOut[Tensor[f32, 32, 64]]) -> None:
    open_tasks()
    for i in range(0, 32, 16):
        double(x[i : i + 16, :], y[i : i + 16, :])
    close_tasks()
    open_network()
    a = channel(f32, (16, 64), capacity=2)
    b = channel(f32, (16, 64))
    load(y, a)
    square(a, b, 3)
    store(b, z)
    close_network()
    double(z[0:16, :], z[16:32, :])
    open_tasks()
    for i in range(0, 32, 16):
        double(z[i : i + 16, :], y[i : i + 16, :])
    close_tasks()
    open_network()
    c = channel(f32, (16, 64), capacity=2)
    d = channel(f32, (16, 64))
    load(y, c)
    square(c, d, 30)
    store(d, z)
    close_network()


# what a network is refused with -------------------------------------------------------------------------------------


@kernel
def count_up(out: Send[Scalar[i64]], count: Scalar[i64]) -> None:
    for k in range(count):
        send(out, k)


@kernel
def add_up(inp: Recv[Scalar[i64]], total: InOut[Tensor[i64, 1]]) -> None:
    while advance(inp):
        total[0] = total[0] + token(inp)


@kernel
def hasty(inp: Recv[Scalar[i64]], total: InOut[Tensor[i64, 1]]) -> None:
    total[0] = token(inp)
    while advance(inp):
        total[0] = total[0] + token(inp)


@routine
def unconnected(total: InOut[Tensor[i64, 1]]) -> None:
    open_network()
    a = channel(i64, (), capacity=2)
    b = channel(i64, (), capacity=2)
    count_up(a, 3)
    add_up(b, total)
    close_network()


@routine
def shared(total: InOut[Tensor[i64, 1]]) -> None:
    open_network()
    a = channel(i64, (), capacity=2)
    count_up(a, 3)
    count_up(a, 4)
    add_up(a, total)
    close_network()


@routine
def emptyhanded(total: InOut[Tensor[i64, 1]]) -> None:
    open_network()
    a = channel(i64, (), capacity=2)
    count_up(a, 3)
    hasty(a, total)
    close_network()


@routine
def renamed(total: InOut[Tensor[i64, 1]], other: InOut[Tensor[i64, 1]]) -> None:
    """A name is given to one channel after the other."""
    open_network()
    a = channel(i64, (), capacity=2)
    count_up(a, 3)
    add_up(a, total)
    a = channel(i64, (), latency=1)
    count_up(a, 5)
    add_up(a, other)
    close_network()


# failures -----------------------------------------------------------------------------------------------------------


@kernel
def breaks(inp: Recv[Scalar[i32]], most: Scalar[i64], cost: Scalar[i64]) -> None:
    while advance(inp):
        work(cost)
        if most < 10:
            assert token(inp) < most
        else:
            assert token(inp) + 10 < most


@routine
def breaking(total: InOut[Tensor[i64, 1]], first: Scalar[i64], second: Scalar[i64], cost: Scalar[i64]) -> None:
    total[0] = 0
    open_network()
    a = channel(i32, (), capacity=2)
    b = channel(i32, (), capacity=2)
    numbers(a, 100, 1, 0)
    breaks(a, first, cost)
    numbers(b, 100, 1, 0)
    breaks(b, second, 2)
    close_network()


@kernel
def twice(out: Send[Scalar[i32]], again: Scalar[i64], cost: Scalar[i64]) -> None:
    work(cost)
    close(out)
    if again == 1:
        send(out, 1)
    if again == 2:
        close(out)


@routine
def closing(total: InOut[Tensor[i64, 1]], again: Scalar[i64], cost: Scalar[i64]) -> None:
    total[0] = total[0] + 1
    open_network()
    q = channel(i32, (), capacity=1)
    twice(q, again, cost)
    drains(q)
    close_network()


@kernel
def sends_all(x: In[Tensor[f32, "N", 8]], out: Send[Tile[f32, "r", 8]]) -> None:
    """One token of all rows, as they are."""
    send(out, x[:, :])


@kernel
def sends_doubled(x: In[Tensor[f32, "N", 8]], out: Send[Tile[f32, "r", 8]]) -> None:
    """One token of all rows, which is computed where it lies in the channel."""
    send(out, x[:, :] * 2.0)


@kernel
def takes_all(inp: Recv[Tile[f32, "r", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    """Puts a token at the head."""
    while advance(inp):
        t = token(inp)
        y[0:t.shape[0], :] = t


@routine
def all_at_once(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    """A channel of up to four rows."""
    open_network()
    a = channel(f32, (4, 8), capacity=1)
    sends_all(x, a)
    takes_all(a, y)
    close_network()


@routine
def doubled_at_once(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    """A channel of up to four rows."""
    open_network()
    a = channel(f32, (4, 8), capacity=1)
    sends_doubled(x, a)
    takes_all(a, y)
    close_network()
