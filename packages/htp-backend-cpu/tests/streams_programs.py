"""Programs in process form: every word, tiles with tails, tokens that are kept, failures in processes."""

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
from htp.tasks import work


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
