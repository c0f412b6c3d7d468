"""Branches on an element that a task writes: the runtime chooses the tasks, and whoever waits for them is right."""

import ast
import itertools
import json
import re

import numpy as np
import pytest
from routines import loaded

import htp
from htp import In, InOut, Out, Scalar, Tensor, f32, i32, i64, kernel, routine, tile
from htp_backend_pto.emission.predicates import Predicate

ELEMENT = ast.parse("a[i]", mode="eval").body
SIGNS = {"EQ": "==", "NE": "!=", "GT": ">", "GE": ">=", "LT": "<", "LE": "<="}


def holds(predicate, value):
    return eval(f"{value} {SIGNS[predicate.op]} {ast.unparse(predicate.target)}")


def test_two_comparisons_are_one_where_one_says_both():
    every = [Predicate(ELEMENT, op, ast.Constant(value)) for op in SIGNS for value in (0, 1, 2)]
    said = 0
    for one, other in itertools.product(every, every):
        wanted = [holds(one, value) and holds(other, value) for value in range(-4, 7)]
        both = one.both(other)
        if both is not None:
            said += 1
            assert [holds(both, value) for value in range(-4, 7)] == wanted, (one.text, other.text, both.text)
    assert said == 198  # of 324; the others leave a hole, or nothing
    for each in every:
        assert all(holds(each, value) != holds(each.negated(), value) for value in range(-4, 7))


@kernel
def rank(x: In[Tensor[f32, "m", 64]], n: Out[Tensor[i32, "m", 1]]) -> None:
    """The largest element of each row, rounded down where it is positive."""
    n[:] = tile.max(x[:], axis=1, keepdims=True).astype(i32)


@kernel
def double(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def negate(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = -x[:]


@kernel
def add(x: In[Tensor[f32, "m", 64]], y: InOut[Tensor[f32, "m", 64]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def multiply(a: In[Tensor[f32, "m", 64]], b: In[Tensor[f32, 64, 64]], c: InOut[Tensor[f32, "m", 64]]) -> None:
    """Work for both units: three tasks."""
    c[:] = c[:] + a[:] @ b[:]


@routine
def chosen(
    x: In[Tensor[f32, "M", 64]], b: In[Tensor[f32, 64, 64]], least: Scalar[i64], y: InOut[Tensor[f32, "M", 64]],
    z: Out[Tensor[f32, "M", 64]],
) -> None:  # fmt: skip
    M = x.shape[0]
    ranks = htp.empty((M, 1), i32)
    rank(x, ranks)
    for i in range(0, M, 8):
        if tile.item(ranks[i, 0]) >= 3:
            double(x[i:i + 8, :], y[i:i + 8, :])
        elif tile.item(ranks[i, 0]) != 2:
            negate(x[i:i + 8, :], y[i:i + 8, :])
        else:
            multiply(x[i:i + 8, :], b, y[i:i + 8, :])
        if tile.item(ranks[i + 1, 0]) > least:
            add(x[i:i + 8, :], y[i:i + 8, :])
    double(y, z)


def arrays(rows=40):
    random = np.random.default_rng(2)
    x = random.standard_normal((rows, 64)).astype(np.float32)
    x[::8] = np.arange(5).repeat(rows // 40)[:, None] - 0.5
    b = random.integers(-2, 3, (64, 64)).astype(np.float32)
    return x, b, random.standard_normal((rows, 64)).astype(np.float32)


def expected(x, b, least, y):
    y = y.copy()
    for i in range(0, len(x), 8):
        own, next_ = (int(np.float32(x[k].max())) for k in (i, i + 1))
        part = x[i : i + 8]
        y[i : i + 8] = part * 2 if own >= 3 else -part if own != 2 else y[i : i + 8] + part @ b
        y[i : i + 8] += part if next_ > least else 0
    return y


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return htp.compile_program(chosen, target="pto:a2a3sim", dims={"M": 40}, out=tmp_path_factory.mktemp("chosen"))


def test_a_package_chooses_by_data(package):
    x, b, y = arrays()
    for least, runtime in ((1, "tensormap_and_ringbuffer"), (2, "tensormap_and_ringbuffer"), (1, "host_build_graph")):
        wanted = expected(x, b, least, y)
        exe = loaded(package, runtime)
        for order in (0, 1, 7):
            exe.seed = order
            given, z = y.copy(), np.full_like(y, np.nan)
            report = exe.report(x, b, least, given, z)
            assert [(each.code, each.message) for each in report.diagnostics] == []
            np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(z, wanted * 2, rtol=1e-4, atol=1e-4)
            graph = json.loads((package.path / "contract" / "graph.json").read_text())
            found = {(each.from_, each.to, each.source) for each in report.edges}
            assert found == {(each["source"], each["target"], each["found"]) for each in graph["edges"]}


def test_no_task_is_waited_for(package):
    contract = json.loads((package.path / "contract" / "pto.json").read_text())
    assert set(contract["runtimes"]) == {"tensormap_and_ringbuffer", "host_build_graph"}
    graph = json.loads((package.path / "contract" / "graph.json").read_text())
    assert graph["exact"]
    conditions = {each["when"] for each in graph["tasks"] if each["at"] == [8]}
    assert conditions == {"ranks[i, 0] >= 3", "ranks[i, 0] <= 1", "ranks[i, 0] == 2", "ranks[i + 1, 0] > least"}
    text = (package.path / "codegen" / "pto" / "orchestration" / "chosen.cpp").read_text()
    assert text.count("htp::only_if(") == len({each["call"] for each in graph["tasks"] if each["when"]})
    assert "htp::item<" not in text


@routine
def turned_round(x: In[Tensor[f32, 8, 64]], y: InOut[Tensor[f32, 8, 64]]) -> None:
    """The number first."""
    ranks = htp.empty((8, 1), i32)
    rank(x, ranks)
    if 1 <= tile.item(ranks[0, 0]):  # noqa: SIM300
        negate(x, y)
    if 2 >= tile.item(ranks[1, 0]):  # noqa: SIM300
        add(x, y)
    if 3 < tile.item(ranks[2, 0]):  # noqa: SIM300
        negate(x, y)
    if 4 > tile.item(ranks[3, 0]):  # noqa: SIM300
        add(x, y)
    if 5 == tile.item(ranks[4, 0]):  # noqa: SIM300
        negate(x, y)
    if 6 != tile.item(ranks[5, 0]):  # noqa: SIM300
        add(x, y)


def test_the_number_may_stand_first(tmp_path):
    package = htp.compile_program(turned_round, target="pto:a2a3sim", out=tmp_path)
    graph = json.loads((package.path / "contract" / "graph.json").read_text())
    assert [each["when"] for each in graph["tasks"] if each["when"]] == [
        "ranks[0, 0] >= 1", "ranks[1, 0] <= 2", "ranks[2, 0] > 3", "ranks[3, 0] < 4", "ranks[4, 0] == 5",
        "ranks[5, 0] != 6",
    ]  # fmt: skip
    text = (package.path / "codegen" / "pto" / "orchestration" / "turned_round.cpp").read_text()
    assert re.findall(r"PredicateOp::(\w+), (\d)", text) == [
        ("GE", "1"), ("LE", "2"), ("GT", "3"), ("LT", "4"), ("EQ", "5"), ("NE", "6"),
    ]  # fmt: skip


@routine
def waited(x: In[Tensor[f32, "M", 64]], y: InOut[Tensor[f32, "M", 64]]) -> None:
    """A comparison of floats, which the runtime does not have."""
    M = x.shape[0]
    t = htp.empty((M, 64), f32)
    double(x, t)
    for i in range(0, M, 8):
        if tile.item(t[i, 0]) > 0.5:
            negate(x[i:i + 8, :], y[i:i + 8, :])


def test_other_conditions_are_waited_for(tmp_path):
    package = htp.compile_program(waited, target="pto:a2a3sim", out=tmp_path, dims={"M": 40})
    contract = json.loads((package.path / "contract" / "pto.json").read_text())
    assert contract["runtimes"] == ["tensormap_and_ringbuffer"]
    x, _, y = arrays()
    wanted = y.copy()
    for i in range(0, 40, 8):
        wanted[i : i + 8] = -x[i : i + 8] if x[i, 0] * 2 > 0.5 else y[i : i + 8]
    htp.bind(package)(x, y)
    np.testing.assert_array_equal(y, wanted)
