"""How fast tokens go through channels of the CPU backend, and what a pipeline costs above its slowest stage.

    python benchmarks/streams.py

Two figures. Numbers that one process sends to another through a channel of 64 slots: the bar is 5 million tokens a
second. A pipeline of three stages on tiles, whose second stage computes, against that stage alone in a loop: the bar is
1.2 times. Both need two processors that nobody else uses; the best of several rounds is shown beside the median.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import htp
from htp import In, InOut, Out, Recv, Scalar, Send, Tensor, Tile, f32, i64, kernel, routine
from htp.streams import advance, channel, close_network, open_network, send, token

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
TOKENS = 2_000_000
TILES = 200


@kernel
def produce(out: Send[Scalar[i64]], count: Scalar[i64]) -> None:
    """Numbers, as fast as they are taken."""
    for k in range(count):
        send(out, k)


@kernel
def consume(inp: Recv[Scalar[i64]], total: InOut[Tensor[i64, 1]]) -> None:
    """Their sum."""
    while advance(inp):
        total[0] = total[0] + token(inp)


@routine
def numbers(total: InOut[Tensor[i64, 1]], count: Scalar[i64], capacity: Scalar[i64]) -> None:
    """Two processes and a channel."""
    open_network()
    a = channel(i64, (), capacity=int(capacity))
    produce(a, count)
    consume(a, total)
    close_network()


@kernel
def load(x: In[Tensor[f32, "N", 128]], out: Send[Tile[f32, 128, 128]]) -> None:
    """Tiles of the input."""
    for i in range(x.shape[0] // 128):
        send(out, x[i * 128 : i * 128 + 128, :])


@kernel
def compute(inp: Recv[Tile[f32, 128, 128]], out: Send[Tile[f32, 128, 128]]) -> None:
    """The stage that takes the time."""
    while advance(inp):
        t = token(inp)
        send(out, t @ t)


@kernel
def store(inp: Recv[Tile[f32, 128, 128]], y: Out[Tensor[f32, "N", 128]]) -> None:
    """Tiles of the output."""
    for i in range(y.shape[0] // 128):
        if advance(inp):
            y[i * 128 : i * 128 + 128, :] = token(inp)


@routine
def pipeline(x: In[Tensor[f32, "N", 128]], y: Out[Tensor[f32, "N", 128]]) -> None:
    """Three stages."""
    open_network()
    a = channel(f32, (128, 128), capacity=4)
    b = channel(f32, (128, 128), capacity=4)
    load(x, a)
    compute(a, b)
    store(b, y)
    close_network()


@kernel
def step(x: In[Tensor[f32, 128, 128]], y: Out[Tensor[f32, 128, 128]]) -> None:
    """What the second stage computes."""
    y[:, :] = x[:, :] @ x[:, :]


@routine
def alone(x: In[Tensor[f32, "N", 128]], y: Out[Tensor[f32, "N", 128]]) -> None:
    """The second stage, one tile after the other."""
    for i in range(x.shape[0] // 128):
        step(x[i * 128 : i * 128 + 128, :], y[i * 128 : i * 128 + 128, :])


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def main() -> int:
    """Prints both figures."""
    with tempfile.TemporaryDirectory() as folder:
        bound = {
            each.name: htp.bind(htp.compile_program(each, target="cpu", out=Path(folder) / each.name))
            for each in (numbers, pipeline, alone)
        }
        total = np.zeros(1, np.int64)
        for capacity in (1, 64, 1024):
            count = TOKENS if capacity > 1 else TOKENS // 40
            times = [seconds(bound["numbers"], total, count, capacity) for _ in range(ROUNDS)]
            best, middle = count / min(times) / 1e6, count / statistics.median(times) / 1e6
            print(f"numbers, capacity {capacity}: best {best:.2f}, median {middle:.2f} million tokens a second")
        x = np.full((128 * TILES, 128), 0.01, np.float32)
        y = np.empty_like(x)
        pairs = [(seconds(bound["pipeline"], x, y), seconds(bound["alone"], x, y)) for _ in range(ROUNDS)]
        piped, single = (statistics.median(each) for each in zip(*pairs, strict=True))
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"pipeline {piped * 1e3:.1f} ms, slowest stage alone {single * 1e3:.1f} ms, median ratio {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
