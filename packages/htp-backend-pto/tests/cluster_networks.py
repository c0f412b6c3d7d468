"""Networks of a process of products and one of everything else: those of the example, and what is refused.

Knows programs for HTP; arguments and results are those of the example, `cluster`.
"""

from differential_examples import example

from htp import In, Out, Tensor, Tile, f16, f32, routine, tile
from htp_dialect_csp import EOS, Channel, Recv, Send, network, process, select

cluster = example("networks/cluster.py")
products, epilogue, attend, attention = cluster.products, cluster.epilogue, cluster.attend, cluster.attention
Block = Tile[f32, 64, 128]
Half = Tile[f16, 64, 64]


@process
def counted_epilogue(inp: Recv[Block], bias: In[Tensor[f32, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    for i in range(0, y.shape[0], 64):
        y[i : i + 64, :] = tile.relu(inp.recv() + bias)


def linear(capacity, last=epilogue):
    """`relu(a @ b + bias)` through a channel of that capacity."""

    @network
    def linear(
        a: In[Tensor[f16, "M", 256]],
        b: In[Tensor[f16, 256, 128]],
        bias: In[Tensor[f32, 128]],
        y: Out[Tensor[f32, "M", 128]],
    ) -> None:
        sums = Channel[Block](capacity=capacity)
        products(a, b, sums)
        last(sums, bias, y)

    return linear


Wide = Tile[f32, 16, 128]
Weights = Tile[f16, 16, 128]


@process
def there(
    a: In[Tensor[f16, "M", 64]], b: In[Tensor[f16, 64, "N"]], v: In[Tensor[f16, "K", 32]], out: Send[Wide],
    back: Recv[Weights], y: Out[Tensor[f32, "M", 32]],
) -> None:  # fmt: skip
    assert b.shape[1] <= 128
    for i in range(0, a.shape[0], 16):
        out.send(a[i : i + 16, :] @ b)
        w = back.recv()
        assert w.shape[0] == min(16, a.shape[0] - i)
        assert w.shape[1] == v.shape[0]
        y[i : i + 16, :] = w @ v


@process
def again(inp: Recv[Wide], back: Send[Weights]) -> None:
    for t in inp:
        back.send(tile.relu(t).astype(f16))


@network
def narrow(
    a: In[Tensor[f16, "M", 64]], b: In[Tensor[f16, 64, "N"]], v: In[Tensor[f16, "K", 32]],
    y: Out[Tensor[f32, "M", 32]],
) -> None:  # fmt: skip
    """`relu(a @ b) @ v`: tokens have as many columns as `b`, which the caller may give as many as `v` has rows."""
    s, p = Channel[Wide](capacity=1), Channel[Weights](capacity=1)
    there(a, b, v, s, p, y)
    again(s, p)


@process
def sometimes(inp: Recv[Block], y: Out[Tensor[f32, "M", 128]]) -> None:
    for i in range(0, y.shape[0], 64):
        t = inp.recv()
        assert i < 1024
        y[i : i + 64, :] = t


@network
def asserting(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    q = Channel[Block](capacity=2)
    products(a, b, q)
    sometimes(q, y)


@process
def halve(x: In[Tensor[f32, "N", 64]], out: Send[Half]) -> None:
    assert x.shape[0] % 64 == 0
    for i in range(64, x.shape[0], 64):
        out.send((x[i : i + 64, :] * 0.5).astype(f16))


@process
def gather(inp: Recv[Half], w: In[Tensor[f16, 64, 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    assert y.shape[0] % 64 == 0
    for i in range(0, y.shape[0], 64):
        y[i : i + 64, :] = inp.recv() @ w


@network
def delayed(x: In[Tensor[f32, "N", 64]], w: In[Tensor[f16, 64, 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    """The first block of rows is zero, every later one half of that of `x`, times `w`."""
    halves = Channel[Half](capacity=2, initial=(tile.zeros((64, 64), f16),))
    halve(x, halves)
    gather(halves, w, y)


# sizes ----------------------------------------------------------------------------------------------------------------


@process
def whole_product(a: In[Tensor[f16, "m", 256]], b: In[Tensor[f16, 256, 128]], out: Send[Block]) -> None:
    out.send(a[:] @ b)


@process
def whole_epilogue(sums: Recv[Block], bias: In[Tensor[f32, 128]], y: Out[Tensor[f32, "m", 128]]) -> None:
    y[:] = tile.relu(sums.recv() + bias)


@network
def piece(
    a: In[Tensor[f16, "m", 256]], b: In[Tensor[f16, 256, 128]], bias: In[Tensor[f32, 128]],
    y: Out[Tensor[f32, "m", 128]],
) -> None:  # fmt: skip
    sums = Channel[Block](capacity=2)
    whole_product(a, b, sums)
    whole_epilogue(sums, bias, y)


@routine
def pieces(
    a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], bias: In[Tensor[f32, 128]],
    y: Out[Tensor[f32, "M", 128]],
) -> None:  # fmt: skip
    """A task for every 64 rows; only its call says how many rows a token has at most."""
    M = a.shape[0]
    for i in range(0, M, 64):
        piece(a[i : min(i + 64, M), :], b, bias, y[i : min(i + 64, M), :])


@process
def blocks(a: In[Tensor[f16, "M", "K"]], b: In[Tensor[f16, "K", "N"]], out: Send[Block]) -> None:
    for i in range(0, a.shape[0], 64):
        rows = a[i : i + 64, :]
        for j in range(0, b.shape[1], 128):
            columns = b[:, j : j + 128]
            acc = tile.zeros((rows.shape[0], columns.shape[1]), f32)
            for k in range(0, a.shape[1], 128):
                acc += rows[:, k : k + 128] @ columns[k : k + 128, :]
            out.send(acc)


@process
def block_epilogue(sums: Recv[Block], bias: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    for i in range(0, y.shape[0], 64):
        for j in range(0, y.shape[1], 128):
            y[i : i + 64, j : j + 128] = tile.relu(sums.recv() + bias[j : j + 128])


@network
def by_blocks(
    a: In[Tensor[f16, "M", "K"]], b: In[Tensor[f16, "K", "N"]], bias: In[Tensor[f32, "N"]],
    y: Out[Tensor[f32, "M", "N"]],
) -> None:  # fmt: skip
    """Blocks of 64 x 128, with tails along rows, columns and the sum, which may be empty."""
    sums = Channel[Block](capacity=2)
    blocks(a, b, sums)
    block_epilogue(sums, bias, y)


@process
def less_the_largest(x: In[Tensor[f32, "M", "K"]], out: Send[Half]) -> None:
    """Elements less the largest of their column in a token: rows depend on each other."""
    assert x.shape[0] % 64 == 0
    for i in range(0, x.shape[0], 64):
        for k in range(0, x.shape[1], 64):
            t = x[i : i + 64, k : k + 64]
            out.send((t - tile.max(t, axis=0, keepdims=True)).astype(f16))


@process
def add_up(inp: Recv[Half], w: In[Tensor[f16, "K", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    assert y.shape[0] % 64 == 0
    for i in range(0, y.shape[0], 64):
        acc = tile.zeros((64, 64), f32)
        for k in range(0, w.shape[0], 64):
            acc = tile.dot(inp.recv(), w[k : k + 64, :], acc=acc)
        y[i : i + 64, :] = acc


@network
def joined_rows(x: In[Tensor[f32, "M", "K"]], w: In[Tensor[f16, "K", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    halves = Channel[Half](capacity=2)
    less_the_largest(x, halves)
    add_up(halves, w, y)


# what is refused ------------------------------------------------------------------------------------------------------


@process
def load(x: In[Tensor[f32, "M", 128]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 64):
        out.send(x[i : i + 64, :])


@network
def no_products(x: In[Tensor[f32, "M", 128]], bias: In[Tensor[f32, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    q = Channel[Block](capacity=2)
    load(x, q)
    epilogue(q, bias, y)


@process
def scaled_products(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], out: Send[Block]) -> None:
    for i in range(0, a.shape[0], 64):
        out.send((a[i : i + 64, :] @ b) * 2.0)


@network
def scaled(
    a: In[Tensor[f16, "M", 256]],
    b: In[Tensor[f16, 256, 128]],
    bias: In[Tensor[f32, 128]],
    y: Out[Tensor[f32, "M", 128]],
) -> None:
    q = Channel[Block](capacity=2)
    scaled_products(a, b, q)
    epilogue(q, bias, y)


@process
def some_products(
    a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], chosen: In[Tensor[f32, "M"]], out: Send[Block]
) -> None:
    for i in range(0, a.shape[0], 64):
        if tile.item(chosen[i]) > 0.0:
            out.send(a[i : i + 64, :] @ b)


@network
def some(
    a: In[Tensor[f16, "M", 256]],
    b: In[Tensor[f16, 256, 128]],
    chosen: In[Tensor[f32, "M"]],
    bias: In[Tensor[f32, 128]],
    y: Out[Tensor[f32, "M", 128]],
) -> None:
    q = Channel[Block](capacity=2)
    some_products(a, b, chosen, q)
    epilogue(q, bias, y)


@process
def either(one: Recv[Block], other: Recv[Block], y: Out[Tensor[f32, "N", 128]]) -> None:
    i = 0
    while (found := select([one, other])) is not EOS:
        _, t = found
        y[i : i + 64, :] = t
        i += 64


@process
def two_products(
    a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], one: Send[Block], other: Send[Block]
) -> None:
    for i in range(0, a.shape[0], 64):
        one.send(a[i : i + 64, :] @ b)
        other.send(a[i : i + 64, :] @ b)


@network
def selected(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], y: Out[Tensor[f32, "N", 128]]) -> None:
    one = Channel[Block](capacity=2)
    other = Channel[Block](capacity=2)
    two_products(a, b, one, other)
    either(one, other, y)


@process
def chosen_end(ends: tuple[Recv[Block], ...], y: Out[Tensor[f32, "N", 128]]) -> None:
    for i in range(0, y.shape[0], 64):
        y[i : i + 64, :] = ends[i // 64 % 2].recv()


@network
def by_number(a: In[Tensor[f16, 64, 256]], b: In[Tensor[f16, 256, 128]], y: Out[Tensor[f32, 128, 128]]) -> None:
    one = Channel[Block](capacity=2)
    other = Channel[Block](capacity=2)
    two_products(a, b, one, other)
    chosen_end((one, other), y)


@process
def trying(inp: Recv[Block], y: Out[Tensor[f32, "M", 128]]) -> None:
    if inp.peek() is not EOS:
        i = 0
        for t in inp:
            y[i : i + 64, :] = t
            i += 64


@network
def tried(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    q = Channel[Block](capacity=2)
    products(a, b, q)
    trying(q, y)


@process
def every_other(inp: Recv[Block], y: Out[Tensor[f32, "M", 128]]) -> None:
    for i in range(0, y.shape[0], 128):
        y[i : i + 64, :] = inp.recv()


@network
def uneven(a: In[Tensor[f16, 256, 256]], b: In[Tensor[f16, 256, 128]], y: Out[Tensor[f32, 256, 128]]) -> None:
    q = Channel[Block](capacity=4)
    products(a, b, q)
    every_other(q, y)
