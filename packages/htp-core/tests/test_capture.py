"""Capture: what a live function means, spelled canonically."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import htp
import htp as h
from htp import In, Out, Refused, Scalar, Slot, Tensor, f32, func, i32, kernel, routine
from htp import tile as t
from htp.capture import capture
from htp.tile import exp as exponential

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)

BLOCK = 4
HALF = np.float32(0.5)
LIMIT = Slot(i32, 3)
X = np.arange(6, dtype=np.float32)


def text(definition):
    return capture(definition).text()


def empty():
    return np.full(6, np.nan, np.float32)


def test_constants_of_the_module_and_of_closures_become_constants_of_the_program():
    shift = 3

    @kernel
    def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x * HALF + shift + BLOCK

    program = capture(f)
    assert dict(program.constants) == {"HALF": 0.5, "shift": 3, "BLOCK": 4}
    STAGES.check(f, X, empty())


def test_two_constants_of_one_name_are_told_apart():
    def scaled_by(factor):
        @func
        def scaled(x):
            return x * factor

        return scaled

    twice, thrice = scaled_by(2.0), scaled_by(3.0)

    @kernel
    def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = twice(x) - thrice(x)

    program = capture(f)
    assert sorted(dict(program.constants).values()) == [2.0, 3.0]
    assert [each.name for each in program.functions] == ["scaled", "scaled_2", "f"]
    STAGES.check(f, X, empty())


def test_every_way_to_name_an_operation_is_spelled_alike():
    @kernel
    def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = t.exp(x) + htp.tile.exp(x) + h.tile.exp(x) + exponential(x)

    assert text(f).count("tile.exp(x)") == 4
    assert "from htp import In, Out, Tensor, kernel, tile, f32\n" in text(f)


@h.kernel
def decorated_by_module(x: h.In[h.Tensor[h.f32, "N"]], y: h.Out[h.Tensor[h.f32, "N"]]) -> None:
    y[:] = x.astype(h.f32)


class Kernels:
    @kernel
    def inside(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x


@pytest.mark.parametrize("definition", [decorated_by_module, Kernels.inside])
def test_kernels_may_stand_in_classes_and_be_decorated_through_the_module(definition):
    STAGES.check(definition, X, empty())


def test_names_of_the_language_may_be_locals():
    @kernel
    def f(tile: In[Tensor[f32, "N"]], range: Out[Tensor[f32, "N"]]) -> None:
        min = tile * 2.0
        range[:] = min

    assert [each.name for each in capture(f).main.params] == ["tile_", "range_"]
    STAGES.check(f, X, empty())


@kernel
def part(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]], by: Scalar[f32]) -> None:
    y[:] = x * by


@routine
def whole(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """Two launches."""
    for i in range(0, x.shape[0], BLOCK):
        part(x[i : i + BLOCK], by=2.0, y=y[i : i + BLOCK])


def test_callees_come_first_and_documentation_stays():
    program = capture(whole)
    assert [(each.name, each.kind) for each in program.functions] == [("part", "kernel"), ("whole", "routine")]
    assert program.main.doc == "Two launches."
    STAGES.check(whole, X, empty())


def test_slots_are_captured_by_identity():
    @kernel
    def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x * LIMIT.value

    ((name, slot),) = capture(f).slots
    assert name == "LIMIT"
    assert slot is LIMIT


def test_every_statement_knows_its_line():
    program = capture(part)
    code = part.python.__code__
    (statement,) = program.main.body
    assert statement.origin.file == code.co_filename
    assert statement.origin.line == code.co_firstlineno + 2


def test_several_problems_are_reported_together():
    @kernel
    def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = np.exp(x)
        for _ in x:
            y[:] = nothing
        y[:] = [each * 2 for each in x]

    with pytest.raises(Refused) as caught:
        capture(f)
    assert [each.code for each in caught.value.diagnostics] == [
        "capture.unsupported-call",
        "capture.unsupported-syntax",
        "capture.unsupported-syntax",
    ]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: part(X), "run.argument-count"),
        (lambda: part(X, empty(), 1.0, 2.0), "run.argument-count"),
        (lambda: part(X, empty(), bye=2.0), "run.argument-count"),
        (lambda: part(X.astype(np.float64), empty(), 1.0), "run.dtype-mismatch"),
        (lambda: part(X[:3], empty(), 1.0), "run.dim-mismatch"),
        (lambda: part(X.reshape(2, 3), empty(), 1.0), "run.shape-mismatch"),
    ],
)
def test_calls_with_wrong_arguments_are_refused(call, code):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code


def test_calls_by_name_write_the_outputs():
    y = empty()
    part(by=3.0, y=y, x=X)
    np.testing.assert_array_equal(y, X * 3)
