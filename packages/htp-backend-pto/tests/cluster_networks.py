"""Networks of a process of products and one of everything else, as users write them."""

from htp import In, Out, Tensor, Tile, f16, f32, routine, tile, work
from htp_dialect_csp import EOS, Channel, Recv, Send, network, process, select

Block = Tile[f32, 64, 128]
Square = Tile[f32, 64, 64]
Half = Tile[f16, 64, 64]


@process
def products(a: In[Tensor[f16, "M", 256]], b: In[Tensor[f16, 256, 128]], out: Send[Block]) -> None:
    for i in range(0, a.shape[0], 64):
        work(10)
        out.send(a[i : i + 64, :] @ b)


@process
def epilogue(inp: Recv[Block], bias: In[Tensor[f32, 128]], y: Out[Tensor[f32, "M", 128]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 64, :] = tile.relu(t + bias)
        i += 64


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


@process
def scores_and_sums(
    q: In[Tensor[f16, 64, 64]],
    k: In[Tensor[f16, "S", 64]],
    v: In[Tensor[f16, "S", 64]],
    scores: Send[Square],
    weights: Recv[Half],
    mixed: Send[Square],
) -> None:
    assert k.shape[0] % 64 == 0
    for j in range(0, k.shape[0], 64):
        scores.send(q[:, :] @ k[j : j + 64, :].T)
        mixed.send(weights.recv() @ v[j : j + 64, :])


@process
def soften(scores: Recv[Square], weights: Send[Half], mixed: Recv[Square], out: Out[Tensor[f32, 64, 64]]) -> None:
    top = tile.full((64, 1), -1e30, f32)
    total = tile.zeros((64, 1), f32)
    acc = tile.zeros((64, 64), f32)
    for s in scores:
        scaled = s * 0.125
        higher = tile.maximum(top, tile.max(scaled, axis=1, keepdims=True))
        p = tile.exp(scaled - higher)
        by = tile.exp(top - higher)
        weights.send(p.astype(f16))
        total = total * by + tile.sum(p, axis=1, keepdims=True)
        acc = acc * by + mixed.recv()
        top = higher
    out[:] = acc / total


@network
def attend(
    q: In[Tensor[f16, 64, 64]],
    k: In[Tensor[f16, "S", 64]],
    v: In[Tensor[f16, "S", 64]],
    out: Out[Tensor[f32, 64, 64]],
) -> None:
    scores = Channel[Square](capacity=2)
    weights = Channel[Half](capacity=2)
    mixed = Channel[Square](capacity=2)
    scores_and_sums(q, k, v, scores, weights, mixed)
    soften(scores, weights, mixed, out)


@routine
def attention(
    q: In[Tensor[f16, "H", 64, 64]],
    k: In[Tensor[f16, "H", "S", 64]],
    v: In[Tensor[f16, "H", "S", 64]],
    out: Out[Tensor[f32, "H", 64, 64]],
) -> None:
    for h in range(q.shape[0]):
        attend(q[h], k[h], v[h], out[h])


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
