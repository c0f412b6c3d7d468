"""Random routines over parts of arrays: results against NumPy, in every order, and the graph against its prediction."""

import os
import random

import numpy as np
import pytest
from routines import loaded, published

from htp_backend_pto.prediction import predict
from htp_backend_pto.profile import CURRENT

ROWS, COLUMNS = 12, 20
ARRAYS = ("a", "b", "c", "t")
HEAD = """
@routine
def run(a: In[Tensor[f32, 12, 20]], b: InOut[Tensor[f32, 12, 20]], c: Out[Tensor[f32, 12, 20]]) -> None:
    t = empty((12, 20), f32)
    double(a, t)
    copy(a, c)
"""


def span(rng, extent, size):
    low = rng.randint(0, extent - size)
    return low, low + size


def statement(rng):
    """A call with its parts: what it does to NumPy arrays, and its text; parts may move with the turn of a loop."""
    word = rng.choice(("copy", "double", "add"))
    source, target = rng.sample(ARRAYS, 2)
    if target == "a":
        source, target = target, source
    turns = rng.choice((1, 1, 2, 4))
    height, width = rng.randint(1, ROWS // turns), rng.randint(1, COLUMNS)
    step = rng.choice((0, height)) if turns > 1 else 0
    parts = []
    for _ in range(2):
        row = rng.randint(0, ROWS - height - step * (turns - 1))
        parts.append((row, step, height, *span(rng, COLUMNS, width)))
    texts = [
        f"{name}[i * {step} + {row}:i * {step} + {row + height}, {low}:{high}]"
        for name, (row, _, _, low, high) in zip((source, target), parts, strict=True)
    ]
    text = f"    for i in range({turns}):\n        {word}({', '.join(texts)})\n"
    return (word, source, target, turns, parts), text


def applied(arrays, step):
    word, source, target, turns, parts = step
    for i in range(turns):
        views = [
            arrays[name][i * by + row : i * by + row + height, low:high]
            for name, (row, by, height, low, high) in zip((source, target), parts, strict=True)
        ]
        if word == "add":
            views[1][...] = views[1] + views[0]
        else:
            views[1][...] = views[0] * np.float32(2 if word == "double" else 1)


def random_routine(seed):
    """The text of a routine, what goes in as `a` and `b`, and what every array holds in the end."""
    rng = random.Random(seed)
    made = [statement(rng) for _ in range(12)]
    values = np.random.default_rng(seed)
    a, b = values.integers(-8, 8, (2, ROWS, COLUMNS)).astype("f4")
    expected = {"a": a, "b": b.copy(), "c": a.copy(), "t": a * np.float32(2)}
    for step, _ in made:
        applied(expected, step)
    return HEAD + "".join(text for _, text in made), a, b, expected


@pytest.mark.parametrize("seed", range(6 if os.environ.get("HTP_TEST_LONG") == "1" else 2))
def test_results_and_graph(seed, tmp_path_factory):
    text, a, b, expected = random_routine(seed)
    program, package = published(text, str(tmp_path_factory.getbasetemp()), f"random-{seed}")
    graph = predict(program, CURRENT, {}, {})
    assert graph.exact
    for runtime in ("tensormap_and_ringbuffer", "host_build_graph"):
        exe = loaded(package, runtime)
        for order in (0, 1, 7):
            exe.seed = order
            given = b.copy()
            c = np.full((ROWS, COLUMNS), np.nan, "f4")
            report = exe.report(a, given, c)
            assert [(each.code, each.message) for each in report.diagnostics] == []
            np.testing.assert_array_equal(given, expected["b"])
            np.testing.assert_array_equal(c, expected["c"])
            found = {(each.from_, each.to, each.source) for each in report.edges}
            assert found == {(each.source, each.target, each.found) for each in graph.edges}
            assert len(report.tasks) == len(graph.tasks)
    assert any(each.found == "explicit" for each in graph.edges)
