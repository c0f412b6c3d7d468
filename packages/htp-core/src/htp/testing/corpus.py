"""Small kernels that between them use what tile programs are made of; extensions are tried on all of them.

Knows programs; `programs` knows on which inputs they are tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp import (
    In,
    InOut,
    Out,
    Recv,
    Scalar,
    Send,
    Tensor,
    Tile,
    empty,
    f16,
    f32,
    func,
    i8,
    i32,
    i64,
    kernel,
    routine,
    tile,
)
from htp.streams import advance, channel, close_network, open_network, send, token
from htp.tasks import close_tasks, first_seen, open_tasks, task, work

if TYPE_CHECKING:
    from htp.testing.programs import AnyDefinition

__all__ = ["KERNELS"]

SLOPE = 0.125


@kernel
def scale_add(x: In[Tensor[f32, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    """Blocks of 16 with a tail."""
    for i in range(0, x.shape[0], 16):
        z[i:i + 16] = 2.0 * x[i:i + 16] + y[i:i + 16]


@kernel
def softmax(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Rows, a reduction that keeps its dimension, and broadcasting."""
    for i in range(0, x.shape[0], 8):
        rows = x[i:i + 8, :]
        powers = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
        y[i:i + 8, :] = powers / tile.sum(powers, axis=1, keepdims=True)


@kernel
def matmul(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """A product over blocks of rows."""
    for i in range(0, a.shape[0], 16):
        c[i:i + 16, :] = a[i:i + 16, :] @ b[:, :]


@func
def leaky(x: f32) -> f32:
    """A helper that reads a constant of its module."""
    return tile.where(x > 0.0, x, x * SLOPE)


@kernel
def activate(x: In[Tensor[f32, "N"]], bias: Scalar[f32], y: Out[Tensor[f32, "N"]]) -> None:
    """A helper called twice, and a number known when the program runs."""
    shifted = x[:] + bias
    y[:] = leaky(shifted) - leaky(-shifted)


@kernel
def integers(x: In[Tensor[i32, "N"]], y: In[Tensor[i32, "N"]], z: Out[Tensor[i32, "N"]]) -> None:
    """Division that rounds down, wrapping products, bits."""
    z[:] = x[:] // 7 + (x[:] * y[:] & 255) - tile.abs(y[:]) % 5


@kernel
def counts(x: In[Tensor[f32, "M", "N"]], n: Out[Tensor[i64, "M"]], top: Out[Tensor[i64, "M"]]) -> None:
    """Comparisons, truth values as numbers, and the place of the largest element."""
    for i in range(x.shape[0]):
        row = x[i:i + 1, :]
        n[i:i + 1] = tile.sum(row > 0.0, axis=1)
        top[i:i + 1] = tile.argmax(row, axis=1)


@kernel
def halves(x: In[Tensor[f16, "M", "N"]], y: Out[Tensor[f16, "M", "N"]]) -> None:
    """Narrow floats, widened where they are summed."""
    wide = x[:, :].astype(f32)
    y[:, :] = (wide * tile.mean(wide, axis=1, keepdims=True)).astype(f16)


@kernel
def lookup(table: In[Tensor[f32, "K", "N"]], rows: In[Tensor[i64, "M"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Rows chosen by an array, which may point outside."""
    y[:, :] = tile.take(table[:, :], rows[:], axis=0)


@kernel
def running(x: In[Tensor[f32, "M", "N"]], total: InOut[Tensor[f32, "M"]]) -> None:
    """A loop that carries a value, and an array that is read and written."""
    kept = total[:]
    for j in range(x.shape[1]):
        kept = tile.maximum(kept * 0.5, x[:, j])
    total[:] = kept


@kernel
def triangle(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "N", "M"]]) -> None:
    """A branch on a size, a mask, and dimensions that change places."""
    part = tile.tril(x[:, :])
    if x.shape[0] > x.shape[1]:
        part = part * 2.0
    y[:, :] = tile.transpose(part)


@kernel
def bytes_summed(x: In[Tensor[i8, "M", "N"]], y: Out[Tensor[i32, "N"]]) -> None:
    """Narrow integers, and a reduction over the first dimension."""
    y[:] = tile.sum(x[:, :].astype(i32), axis=0)


@kernel
def squares(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """A part of the routine below."""
    y[:] = x[:] * x[:]


@routine
def twice_squared(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """A routine: one kernel behind the other, with a buffer between them."""
    between = empty((x.shape[0],), f32)
    squares(x, between)
    squares(between, y)


@routine
def rows_squared_twice(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Tasks: two for each row, of which the second reads what the first wrote."""
    between = empty((x.shape[0], x.shape[1]), f32)
    open_tasks(workers=2, window=8)
    for i in range(x.shape[0]):
        task(worker=i % 2, at=(i, 0))
        squares(x[i, :], between[i, :])
        task(worker=first_seen(i % 3) % 2, at=(i, 1))
        squares(between[i, :], y[i, :])
    close_tasks()


@kernel
def rows_sent(x: In[Tensor[f32, "M", "N"]], out: Send[Tile[f32, "N"]]) -> None:
    """The first process of the network below: tokens whose size the call gives."""
    for i in range(x.shape[0]):
        send(out, x[i, :])


@kernel
def tokens_squared(inp: Recv[Tile[f32, "r"]], out: Send[Tile[f32, "r"]]) -> None:
    """Its second: tokens whose size each of them gives."""
    while advance(inp):
        part = token(inp)
        work(3)
        send(out, part * part)


@kernel
def rows_received(inp: Recv[Tile[f32, "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Its third, which knows how many tokens there are."""
    for i in range(y.shape[0]):
        if advance(inp):
            y[i, :] = token(inp)


@routine
def rows_squared_in_turn(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """A network: processes that send each other rows."""
    open_network()
    rows = channel(f32, (x.shape[1],), capacity=2)
    squared = channel(f32, (x.shape[1],), latency=1)
    rows_sent(x, rows)
    tokens_squared(rows, squared)
    rows_received(squared, y)
    close_network()


@routine
def rows_squared_together(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """A gang: the same processes, all at once."""
    open_network(together=True)
    rows = channel(f32, (x.shape[1],), capacity=2)
    squared = channel(f32, (x.shape[1],), latency=1)
    rows_sent(x, rows)
    tokens_squared(rows, squared)
    rows_received(squared, y)
    close_network()


KERNELS: tuple[AnyDefinition, ...] = (
    scale_add, softmax, matmul, activate, integers, counts, halves, lookup, running, triangle, bytes_summed,
    twice_squared, rows_squared_twice, rows_squared_in_turn, rows_squared_together,
)  # fmt: skip
"""All of them, the plainest first."""
