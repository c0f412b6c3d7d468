"""The edges of whole packages against the tasks counted by hand, row by row: what the package tells the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import htp
from htp import In, InOut, Out, Tensor, empty, f32, kernel
from htp_dialect_wsp import P, workload

if TYPE_CHECKING:
    from pathlib import Path

Rows = tuple[str, int, int]
"""An array, the first row, and the row behind the last one."""
Step = tuple[tuple[Rows, ...], tuple[Rows, ...]]
"""What a task reads, and what it writes."""


@kernel
def move(x: In[Tensor[f32, "m", 16]], y: Out[Tensor[f32, "m", 16]]) -> None:
    for i in range(0, x.shape[0], 8):
        y[i:i + 8, :] = x[i:i + 8, :] * 0.5


@kernel
def add(x: In[Tensor[f32, "m", 16]], y: InOut[Tensor[f32, "m", 16]]) -> None:
    for i in range(0, x.shape[0], 8):
        y[i:i + 8, :] = y[i:i + 8, :] + x[i:i + 8, :]


@kernel
def blur(x: In[Tensor[f32, 3, 16]], y: Out[Tensor[f32, 1, 16]]) -> None:
    y[:] = x[0:1, :] + x[1:2, :] + x[2:3, :]


@workload
def steps_in_place(x: InOut[Tensor[f32, 10, 16]], y: InOut[Tensor[f32, 10, 16]]) -> None:
    for _ in P.seq(3):
        for i in P(8):
            blur(x[i:i + 3, :], y[i + 1:i + 2, :])
        for j in P(8):
            move(y[j + 1:j + 2, :], x[j + 1:j + 2, :])


@workload
def one_buffer(x: In[Tensor[f32, 24, 16]], y: Out[Tensor[f32, 24, 16]], z: Out[Tensor[f32, 24, 16]]) -> None:
    t = empty((4, 16), f32)
    for i in P.seq(range(0, 24, 4)):
        move(x[i:i + 4, :], t)
        move(t, y[i:i + 4, :])
        move(t, z[i:i + 4, :])


@workload
def crossing(x: InOut[Tensor[f32, 24, 16]], y: InOut[Tensor[f32, 24, 16]]) -> None:
    for i in P.seq(6):
        move(x[2 * i:2 * i + 5, :], y[3 * i:3 * i + 5, :])
    for j in P.seq(5):
        add(y[2 * j:2 * j + 3, :], x[4 * j:4 * j + 3, :])


def _moved(source: Rows, target: Rows) -> Step:
    return (source,), (target,)


BY_HAND: dict[str, tuple[object, list[Step]]] = {
    "steps_in_place": (
        steps_in_place,
        [
            each
            for _ in range(3)
            for each in (
                *(_moved(("x", i, i + 3), ("y", i + 1, i + 2)) for i in range(8)),
                *(_moved(("y", j + 1, j + 2), ("x", j + 1, j + 2)) for j in range(8)),
            )
        ],
    ),
    "one_buffer": (
        one_buffer,
        [
            each
            for i in range(0, 24, 4)
            for each in (
                _moved(("x", i, i + 4), ("t", 0, 4)),
                _moved(("t", 0, 4), ("y", i, i + 4)),
                _moved(("t", 0, 4), ("z", i, i + 4)),
            )
        ],
    ),
    "crossing": (
        crossing,
        [
            *(_moved(("x", 2 * i, 2 * i + 5), ("y", 3 * i, 3 * i + 5)) for i in range(6)),
            *(
                ((("y", 2 * j, 2 * j + 3), ("x", 4 * j, 4 * j + 3)), (("x", 4 * j, 4 * j + 3),))
                for j in range(5)
            ),
        ],
    ),
}


def _touched(parts: tuple[Rows, ...]) -> set[tuple[str, int]]:
    return {(array, row) for array, low, high in parts for row in range(low, high)}


def conflicts(steps: list[Step]) -> set[tuple[int, int]]:
    """All pairs of tasks of which one writes a row that the other touches."""
    return {
        (first, later)
        for later in range(len(steps))
        for first in range(later)
        if _touched(steps[first][1]) & (_touched(steps[later][0]) | _touched(steps[later][1]))
        or _touched(steps[first][0]) & _touched(steps[later][1])
    }


def closed(pairs: set[tuple[int, int]], count: int) -> list[set[int]]:
    """Everything that comes before each task; sources have smaller numbers."""
    before: list[set[int]] = [set() for _ in range(count)]
    for task in range(count):
        for first, later in pairs:
            if later == task:
                before[task] |= {first} | before[first]
    return before


@pytest.mark.parametrize("name", BY_HAND)
def test_the_package_tells_the_reduction_without_what_the_runtime_finds(name: str, tmp_path: Path) -> None:
    work, steps = BY_HAND[name]
    package = htp.compile_program(work, target="pto:a2a3sim", out=tmp_path / "package")
    graph = json.loads((package.path / "contract" / "graph.json").read_text())
    assert graph["exact"]
    numbers = [each["number"] for each in graph["tasks"] if not each["kernel"].startswith("(")]
    assert len(numbers) == len(steps)
    place = {number: at for at, number in enumerate(numbers)}
    edges = [each for each in graph["edges"] if each["source"] in place]
    told = {(place[each["source"]], place[each["target"]]) for each in edges if each["found"] == "explicit"}
    found = {(place[each["source"]], place[each["target"]]) for each in edges if each["found"] != "explicit"}
    before = closed(conflicts(steps), len(steps))
    direct = {
        (first, later)
        for later in range(len(steps))
        for first in before[later]
        if not any(first in before[other] for other in before[later])
    }
    assert all(first in before[later] for first, later in found)
    assert closed(told | found, len(steps)) == before
    assert told == direct - found
    assert told
