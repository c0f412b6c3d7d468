"""Directions: what the body does to each parameter against what the signature says."""

import importlib.util
from pathlib import Path

import pytest

from htp import Refused

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
HEAD = "@kernel\ndef f(x: In[Tensor[f32, {size}]], k: Scalar[i32], y: Out[Tensor[f32, {size}]]) -> None:\n"


def verdict(folder, body, size='"N"'):
    return codes(folder, HEAD.format(size=size) + "".join(f"    {line}\n" for line in body.split("\n")))


def codes(folder, text):
    try:
        STAGES.stages(STAGES.defined(text, folder))
    except Refused as refusal:
        return [each.code for each in refusal.diagnostics]
    return []


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("y[:] = x", '"N"'),
        ("for i in range(x.shape[0]):\n    y[i] = x[i]", '"N"'),
        ("for i in range(0, x.shape[0], 16):\n    y[i : i + 16] = x[i : i + 16]", '"N"'),
        ("for i in range(0, 64, 16):\n    y[i : i + 16] = x[i : i + 16]", "64"),
        ("for i in range(63, -1, -1):\n    y[i] = x[i]", "64"),
        ("y[:8] = x[:8]\ny[8:] = x[8:]", "64"),
        ("if k > 0:\n    y[:] = x\nelse:\n    y[:] = x * 2.0", '"N"'),
        ("y[:] = x\ny[0] = y[1] + 1.0", "64"),
        ("y[k:] = x[k:]\ny[:k] = x[:k]", '"N"'),
        ("n = x.shape[0]\ny[0 : n - 1] = x[0 : n - 1]\ny[n - 1 :] = x[n - 1 :]", '"N"'),
    ],
)
def test_what_may_write_everything_is_accepted(tmp_path, body, size):
    assert verdict(tmp_path, body, size) == []


@pytest.mark.parametrize(
    ("body", "size", "code"),
    [
        ("t = x * 2.0", '"N"', "type.out-unwritten"),
        ("y[0:4] = x[0:4]", "64", "type.out-partly-written"),
        ("y[4:] = x[4:]", "64", "type.out-partly-written"),
        ("y[7] = x[7]", "64", "type.out-partly-written"),
        ("for i in range(0, 64, 32):\n    y[i : i + 16] = x[i : i + 16]", "64", "type.out-partly-written"),
        ("for i in range(1, 64):\n    y[i] = x[i]", "64", "type.out-partly-written"),
        ("for i in range(63):\n    y[i] = x[i]", "64", "type.out-partly-written"),
        ("y[1:] = x[1:]", '"N"', "type.out-partly-written"),
        ("n = x.shape[0]\ny[0 : n - 1] = x[0 : n - 1]", '"N"', "type.out-partly-written"),
        ("y[:] = y[:] + x", '"N"', "type.read-unwritten"),
        ("y[:] = x\nx[:] = y[:]", '"N"', "type.store-into-input"),
    ],
)
def test_what_contradicts_the_signature_is_refused(tmp_path, body, size, code):
    assert verdict(tmp_path, body, size) == [code]


def test_every_contradiction_is_reported(tmp_path):
    assert verdict(tmp_path, "x[:] = 1.0", '"N"') == ["type.store-into-input", "type.out-unwritten"]


TURNS = """
@kernel
def copy(x: In[Tensor[f32, 64]], y: Out[Tensor[f32, 64]]) -> None:
    y[:] = x

@routine
def f(x: In[Tensor[f32, 64]], k: Scalar[i32], y: Out[Tensor[f32, 64]]) -> None:
    b = empty((64,), f32)
    for i in range(k):
        if {test}:
            copy(b, y)
        copy(x, b)
"""


def test_a_read_under_a_condition_may_come_in_a_later_turn(tmp_path):
    assert codes(tmp_path, TURNS.format(test="i > 0")) == []
    unconditional = TURNS.replace("        if {test}:\n            copy(b, y)", "        copy(b, y)")
    assert codes(tmp_path, unconditional) == ["type.read-unwritten"]
