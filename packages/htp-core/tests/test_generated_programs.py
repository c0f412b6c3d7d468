"""Generated programs: every stage of core's lowering computes what the captured function computes."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htp.diagnostics import Refused

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
NUMBER = itertools.count()

UNARY = ("(-{})", "tile.abs({})", "tile.relu({})", "tile.floor({})", "{}.T.T", "({} * 1.0)", "({} / 1.0)", "({} ** 2)")
BINARY = ("({} + {})", "({} - {})", "({} * {})", "tile.maximum({}, {})", "tile.where({} > 0.0, {}, 1.0)")
WHOLE = ("tile.sum({}, axis={}, keepdims=True)", "tile.max({}, axis={}, keepdims=True)")


class Source:
    """Writes a program statement by statement; `tiles` are the names of tiles of the whole shape."""

    def __init__(self, draw):
        self.draw = draw
        self.lines = []
        self.tiles = ["a", "b"]
        self.ints = ["M", "N", "k", "2"]
        self.count = itertools.count(1)

    def pick(self, items):
        return self.draw(st.sampled_from(list(items)))

    def tile(self, depth=2):
        kind = self.draw(st.integers(0, 5)) if depth else 0
        if kind <= 1:
            return self.pick([*self.tiles, *(["y[:]"] if self.written else [])])
        if kind == 2:
            return self.pick(UNARY).format(self.tile(depth - 1))
        if kind == 3:
            axis = self.draw(st.integers(0, 1))
            left = self.tile(depth - 1)
            return f"({left} - tile.sum({self.tile(depth - 1)}, axis={axis}, keepdims=True))"
        if kind == 4:
            return f"({self.tile(depth - 1)} * {self.scalar()})"
        return self.pick(BINARY).format(self.tile(depth - 1), self.tile(depth - 1))

    def scalar(self):
        return self.pick(["0.5", "2", *self.ints, "(1 if k > 2 else 3)", "min(k, M)", f"({self.integer()})"])

    def integer(self, depth=1):
        kind = self.draw(st.integers(0, 4)) if depth else 0
        if kind <= 1:
            return self.pick(self.ints)
        if kind == 2:
            return f"{self.integer(0)} {self.pick('+-*')} {self.integer(0)}"
        if kind == 3:
            return f"{self.integer(0)} {self.pick(['//', '%'])} {self.pick([*self.ints, '3'])}"
        return f"max({self.integer(0)}, {self.integer(0)})"

    written = False

    def write(self, indent, text):
        self.lines.append("    " * indent + text)

    def statement(self, indent, depth):
        kind = self.draw(st.integers(0, 9 if depth else 5))
        if kind <= 1:
            name = self.pick(["s", "t", "u"])
            value = self.tile()
            self.write(indent, f"{name} = {value}" if name in self.tiles or indent == 1 else f"s = {value}")
            if indent == 1 and name not in self.tiles:
                self.tiles.append(name)
        elif kind == 2:
            self.write(indent, f"y[:] = {self.tile()}")
            if indent == 1:
                self.written = True
        elif kind == 3:
            i = self.integer()
            self.write(indent, f"y[{i}:, :] = {self.tile()}[{i}:, :]")
        elif kind == 4:
            name = self.pick(["p", "q"])
            self.write(indent, f"{name} = {self.integer()}")
        elif kind == 5:
            self.write(indent, "p, q = q, p")
        elif kind == 6:
            self.write(indent, f"if {self.integer()} {self.pick(['<', '>=', '==', '!='])} {self.integer()}:")
            self.block(indent + 1, depth - 1)
            if self.draw(st.booleans()):
                self.write(indent, "else:")
                self.block(indent + 1, depth - 1)
        elif kind == 7:
            i = f"i{next(self.count)}"
            bounds = self.pick(["0, M, 2", "M", "k", "M - 1, -1, -1", "p, 3"])
            self.write(indent, f"for {i} in range({bounds}):")
            self.ints.append(i)
            if "-1" not in bounds:
                self.write(indent + 1, f"y[{i}:{i} + 2, :] = a[{i}:{i} + 2, :] + {self.scalar()}")
            self.block(indent + 1, depth - 1)
            self.ints.remove(i)
        elif kind == 8:
            # Every loop counts with a name of its own: a nested loop that reset it would never end.
            x = f"x{next(self.count)}"
            self.write(indent, f"{x} = {self.integer()}")
            self.write(indent, f"while {x} > 0 and {x} < {self.integer(0)} + 3:")
            self.block(indent + 1, depth - 1)
            self.write(indent + 1, f"{x} = {x} - 2")
        else:
            n = f"n{next(self.count)}"
            self.write(indent, f"{n} = 3")
            self.write(indent, f"while {n} > 0 and (M == 0 or N == 0 or tile.item(y[0, 0]) < 50.0):")
            self.write(indent + 1, f"{n} -= 1")
            self.block(indent + 1, depth - 1)

    def block(self, indent, depth):
        for _ in range(self.draw(st.integers(1, 3))):
            self.statement(indent, depth)


@st.composite
def programs(draw):
    source = Source(draw)
    head = [
        "@kernel",
        'def f(a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]], '
        "k: Scalar[i32]) -> None:",
        "    M, N = a.shape",
        "    p = 1",
        "    q = k",
        "    s = a + b",
    ]
    source.tiles.append("s")
    source.ints += ["p", "q"]
    source.block(1, 2)
    source.block(1, 2)
    return "\n".join([*head, *source.lines, f"    y[:] = {source.tile()} + p - q"]) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("generated")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 5), st.integers(0, 3), st.integers(-3, 4))
def test_every_stage_computes_the_same(folder, text, rows, columns, k):
    f = STAGES.defined(text, folder)
    numbers = np.random.default_rng(0)
    a, b, y = (numbers.integers(-4, 5, (rows, columns)).astype(np.float32) for _ in range(3))
    try:
        STAGES.stages(f)
    except Refused as refusal:
        if refusal.code not in ALLOWED:
            raise AssertionError(text) from refusal
        return
    STAGES.check(f, a, b, y, k)


# What the generator writes without knowing that it is wrong.
ALLOWED = {"type.shape-mismatch", "type.division-by-zero", "type.maybe-undefined"}
