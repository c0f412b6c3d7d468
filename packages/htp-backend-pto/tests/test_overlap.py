"""Loops that take two turns at a time: which do, what becomes of a last turn, and that pipes then wait less."""

import ast

from kernel_texts import array, kernel, product, program, softmax, text_of

from htp_backend_pto.checker import redundant, unordered, unplaced
from htp_backend_pto.lower.overlap import Overlap
from htp_backend_pto.lower.place.place import Place
from htp_backend_pto.lower.sync.sync import Synchronize

SCALED = """
for i in range(0, M, 32):
    rows: Tile[f32, "min(32, M - i)", 64, ub(32, 64)] = pto.load(x[i:min(M, i + 32), :])
    t1: Tile[f32, "min(32, M - i)", 64, ub(32, 64)] = pto.muls(rows, 2.0)
    y[i:min(M, i + 32), :] = pto.store(t1)
"""


def scaled(text=SCALED):
    return kernel(text, array("x", "in", "f32", "M", "64"), array("y", "out", "f32", "M", "64"), name="scaled")


def overlapped(function):
    return Overlap().apply(program(function)).main


def test_the_second_turn_has_tiles_of_its_own_and_sizes_of_its_own():
    loop = overlapped(scaled()).body[0]
    assert isinstance(loop, ast.For)
    assert ast.unparse(loop.iter) == "range(0, M, 64)"
    assert ast.unparse(loop.body[-1]) == (
        "if i + 32 < M:\n"
        "    rows_next: Tile[f32, 'min(32, M - (i + 32))', 64, ub(32, 64)]"
        " = pto.load(x[i + 32:min(M, i + 32 + 32), :])\n"
        "    t1_next: Tile[f32, 'min(32, M - (i + 32))', 64, ub(32, 64)] = pto.muls(rows_next, 2.0)\n"
        "    y[i + 32:min(M, i + 32 + 32), :] = pto.store(t1_next)"
    )


def test_a_load_waits_for_the_turn_before_the_last_one_only():
    function = Synchronize().apply(Place().apply(Overlap().apply(program(scaled())))).main
    assert unplaced(function.body) == unordered(function.body) == redundant(function.body) == []
    text = text_of(function)
    first, second = (text.index(f"{name}: Tile") for name in ("rows", "rows_next"))
    between = text[first:second]
    # Only for its own buffer, which the turn before wrote: one event that is not the first turn's.
    assert "wait_flag('V', 'MTE2', 1)" in between
    assert "set_flag('V', 'MTE2', 1)" in text[second:]
    assert between.count("set_flag('V', 'MTE2', 0)") == 1


def test_a_sum_on_the_cube_stays_one_tile():
    text = text_of(overlapped(product()))
    assert "acc_next" not in text
    assert "left_next" in text


def test_a_value_that_is_taken_along_keeps_its_loop():
    function = scaled(SCALED.replace("pto.muls(rows, 2.0)", "pto.add(rows, t1)"))
    assert text_of(overlapped(function)) == text_of(function)


def test_a_loop_that_would_not_fit_twice_stays():
    assert text_of(overlapped(softmax())) == text_of(softmax())
