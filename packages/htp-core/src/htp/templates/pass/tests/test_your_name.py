"""The pass: before and after, what it leaves alone, and that the program still computes the same."""

import ast

import numpy as np

import htp
from htp import In, Out, Tensor, f32, func, kernel, tile
from htp.compilation import captured
from htp.lowering.inline import InlineHelpers
from htp.passes import run_step
from htp.session import current_session
from htp.testing import PassConformance, PluginConformance
from htp_pass_your_name.logistic import Logistic


@func
def logistic(x):
    return 1.0 / (1.0 + tile.exp(-x))


@kernel
def gate(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x * logistic(x) + 1.0 / (1.0 + tile.exp(-(2.0 * x)))


@kernel
def other(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = 2.0 / (1.0 + tile.exp(-x))


class TestPlugin(PluginConformance):
    subject = "your-name"


class TestLogistic(PassConformance):
    subject = Logistic()
    programs = (gate, other)


def rewritten(definition):
    """The program behind the pass, and the one before it."""
    before = run_step(InlineHelpers(), captured(definition, current_session(), {})).program
    return run_step(Logistic(), before).program, before


def text(program):
    return [ast.unparse(each) for each in program.main.body]


def test_before_and_after():
    after, before = rewritten(gate)
    assert text(before) == ["y[:] = x * (1.0 / (1.0 + tile.exp(-x))) + 1.0 / (1.0 + tile.exp(-(2.0 * x)))"]
    assert text(after) == ["y[:] = tile.silu(x) + tile.sigmoid(2.0 * x)"]


def test_what_only_looks_alike_stays():
    after, before = rewritten(other)
    assert text(after) == text(before)


def test_the_program_computes_the_same(tmp_path):
    x = np.linspace(-8, 8, 101, dtype=np.float32)
    expected = x.astype(float) / (1 + np.exp(-x.astype(float))) + 1 / (1 + np.exp(-2 * x.astype(float)))
    namespace = {"__name__": "after"}
    stage = tmp_path / "after.py"
    stage.write_text(rewritten(gate)[0].text())
    exec(compile(stage.read_text(), str(stage), "exec"), namespace)
    y = np.empty_like(x)
    namespace["gate"](x, y)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_pinned_it_changes_the_program_before_it_is_lowered(tmp_path):
    x = np.linspace(-8, 8, 101, dtype=np.float32)
    expected = x.astype(float) / (1 + np.exp(-x.astype(float))) + 1 / (1 + np.exp(-2 * x.astype(float)))
    package = htp.compile_program(gate, target="cpu", pins=("your-name.logistic",), out=tmp_path / "gate")
    passes = [each.pass_ for each in package.stages]
    place = passes.index("your-name.logistic")
    assert passes.index("inline") < place < passes.index("annotate")
    assert "tile.silu(x) + tile.sigmoid(2.0 * x)" in package.stage_text(package.stages[place].id)
    htp.bind(package)(x, y := np.empty_like(x))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
