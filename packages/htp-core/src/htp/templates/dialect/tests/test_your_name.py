"""The dialect: what it means in Python, what it is lowered to, and that a compiled program computes the same."""

import numpy as np
import pytest

import htp
from htp import In, Out, Tensor, f32, kernel
from htp.testing import DialectConformance, PluginConformance
from htp_dialect_your_name import blocks
from htp_dialect_your_name.plugin import htp_dialects


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in blocks(x.shape[0], 64):
        y[i:i + 64] = 2.0 * x[i:i + 64]


class TestPlugin(PluginConformance):
    subject = "your-name"


class TestDialect(DialectConformance):
    subject = htp_dialects()[0]
    programs = (twice,)


def test_blocks_cover_an_axis_once():
    assert list(blocks(10, 4)) == [0, 4, 8]
    assert list(blocks(8, 4)) == [0, 4]
    assert list(blocks(0, 4)) == []


def test_the_plan_lowers_the_dialect():
    assert "your-name.lower" in [each.name for each in htp.plan(twice, target="cpu").passes]


@pytest.mark.parametrize("size", [0, 1, 64, 200])
def test_python_and_native_code_agree(tmp_path, size):
    x = np.arange(size, dtype=np.float32)
    twice(x, python := np.empty_like(x))
    package = htp.compile_program(twice, target="cpu", out=tmp_path / "twice")
    (lowered,) = [each for each in package.stages if each.pass_ == "your-name.lower"]
    assert "blocks" not in package.stage_text(lowered.id)
    htp.bind(package)(x, native := np.empty_like(x))
    assert (python == 2 * x).all()
    assert (native == 2 * x).all()
