"""The Python meaning of the register form."""

from __future__ import annotations

import numpy as np
import pytest

from htp import Refused, bf16, bool_, f8e4m3, f16, f32, i8, i32, i64, tile, u8
from htp.loops import (
    alloc,
    argmax_row,
    argmin_row,
    argsort_row,
    checked,
    clip_index,
    empty,
    iota,
    mma,
    parallel,
    print_tile,
    require,
    sort_row,
    span_of,
    strips,
    topk_row,
    transpose_block,
)
from htp.values import region_of


def region(values, dtype=f32):
    return region_of(np.array(values, np.float32 if dtype is f32 else None), dtype)


@pytest.mark.parametrize("dtype", [f32, f16, bf16, f8e4m3])
@pytest.mark.parametrize("space", ["stack", "scratch", "register", "heap"])
def test_buffers_of_floats_hold_nan_until_they_are_written(dtype, space):
    buffer = alloc((2, 3), dtype, space=space)
    assert type(buffer) is dtype
    assert np.isnan(np.asarray(buffer, np.float32)).all()
    buffer[0, 1:3] = 2.0
    assert np.asarray(buffer, np.float32)[0, 1:].tolist() == [2, 2]


def test_buffers_of_integers_and_bools_are_poisoned():
    assert np.asarray(alloc((2,), u8)).tolist() == [0xA5, 0xA5]
    assert np.asarray(alloc((1,), i32)).view(np.uint32)[0] == 0xA5A5A5A5
    assert np.asarray(alloc((1,), i8))[0] == 0xA5 - 256
    assert np.asarray(alloc((2,), bool_)).all()
    assert empty((0, 4), i64).shape == (0, 4)


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ((0, 16), []),
        ((16, 16), [(0, 16)]),
        ((33, 16), [(0, 16), (16, 16), (32, 1)]),
        ((3, 10, 4), [(3, 4), (7, 3)]),
        ((9, 3, 4), []),
    ],
)
def test_strips(bounds, found):
    assert list(strips(*bounds)) == found


@pytest.mark.parametrize("order", ["", "forward", "reverse", "shuffle"])
def test_parallel_visits_every_point_once(monkeypatch, order):
    monkeypatch.setenv("HTP_PARALLEL_ORDER", order)
    one = list(parallel(range(1, 40, 3)))
    assert sorted(one) == list(range(1, 40, 3))
    two = list(parallel(range(3), range(0, 8, 4)))
    assert sorted(two) == [(i, j) for i in range(3) for j in (0, 4)]
    assert len(list(parallel(range(2), range(2), range(2)))) == 8
    assert list(parallel(range(0))) == []


def test_the_orders_differ(monkeypatch):
    seen = {}
    for order in ("forward", "reverse", "shuffle"):
        monkeypatch.setenv("HTP_PARALLEL_ORDER", order)
        seen[order] = list(parallel(range(30)))
    assert seen["forward"] == list(range(30))
    assert seen["reverse"] == list(range(29, -1, -1))
    assert seen["shuffle"] not in (seen["forward"], seen["reverse"])


def test_a_race_shows_when_the_order_changes(monkeypatch):
    results = set()
    for order in ("forward", "reverse"):
        monkeypatch.setenv("HTP_PARALLEL_ORDER", order)
        last = alloc((1,), i64)
        for i in parallel(range(5)):
            last[0] = i
        results.add(int(last[0]))
    assert results == {0, 4}


def test_an_unknown_order_is_refused(monkeypatch):
    monkeypatch.setenv("HTP_PARALLEL_ORDER", "sideways")
    with pytest.raises(Refused, match="`sideways`") as found:
        list(parallel(range(2)))
    assert found.value.code == "run.parallel-order"


def test_mma_adds_or_overwrites_a_block():
    acc, a, b = region(np.full((4, 6), 10)), region(np.arange(6).reshape(2, 3)), region(np.arange(12).reshape(3, 4))
    mma(acc[1:3, 2:6], a, b)
    expected = np.full((4, 6), 10.0)
    expected[1:3, 2:6] += np.arange(6).reshape(2, 3) @ np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(acc, expected)
    fresh = alloc((2, 4), f32)
    mma(fresh[:, :], a[:, 0:0], b[0:0, :], zero=True)
    np.testing.assert_array_equal(fresh, np.zeros((2, 4)))


def test_mma_of_narrow_operands_uses_the_dtype_of_the_accumulator():
    a = region_of(np.full((1, 3), 100, np.int8), i8)
    acc = region_of(np.zeros((1, 1), np.int32), i32)
    mma(acc[:, :], a, region_of(np.full((3, 1), 100, np.int8), i8))
    assert int(acc[0, 0]) == 30000


def test_iota():
    lanes = iota(5, 3, i64)
    assert type(lanes) is i64
    assert np.asarray(lanes).tolist() == [5, 6, 7]


def test_checked_wraps_negative_indices():
    assert [checked(each, 4, "user.py:1") for each in (0, 3, -1, -4)] == [0, 3, 3, 0]
    assert checked(i32(-2), 4, "user.py:1") == 2
    lanes = checked(region_of(np.array([-1, 100], np.int8), i8), 200, "user.py:1")
    assert type(lanes) is i64
    assert np.asarray(lanes).tolist() == [199, 100]


@pytest.mark.parametrize("index", [4, -5, i64(4), region_of(np.array([0, 4, 9]), i64)])
def test_checked_refuses_at_the_users_line(index):
    with pytest.raises(Refused, match="for an axis of 4 elements") as found:
        checked(index, 4, "dir/user.py:12:5")
    assert found.value.code == "run.index-out-of-range"
    assert found.value.diagnostic.span.place == "dir/user.py:12:5"


def test_require():
    require(True, "never said", "user.py:1")
    require(tile.all(region([1.0, 2.0])[:] > 0.0), "never said", "user.py:1")
    with pytest.raises(Refused) as helped:
        require(False, "no", "user.py:7", "user.no", "say yes")
    assert (helped.value.code, helped.value.diagnostic.help) == ("user.no", ("say yes",))
    with pytest.raises(Refused, match="must be even") as found:
        require(i32(3) == 4, "must be even", "user.py:7")
    assert (found.value.code, found.value.diagnostic.span.line) == ("run.assertion-failed", 7)


def test_places():
    assert span_of("nowhere") is None
    assert span_of("a:b") is None
    assert span_of("user.py:3").line == 3


def test_a_place_without_a_column_begins_behind_the_indentation(tmp_path):
    file = tmp_path / "user.py"
    file.write_text("def f():\n    y = 1\n\n")
    assert [span_of(f"{file}:{line}").column for line in (1, 2, 3, 4)] == [1, 5, 1, 1]
    assert span_of(f"{file}:2:9").column == 9


@pytest.mark.parametrize("index", range(-7, 8))
def test_clip_index_is_where_a_slice_bound_falls(index):
    assert clip_index(index, 5) == len(range(5)[:index])
    assert clip_index(index, 0) == 0


def test_print_tile(capsys):
    print_tile("sum", i32(3), region([1.0, 0.5]), 2)
    assert capsys.readouterr().out == "sum 3 [1.  0.5] 2\n"


def test_rows_are_sorted_in_place():
    x = region([[3, 1, 2], [9, 8, 7]])
    sort_row(x[0, :])
    sort_row(x[:, 2], True)
    np.testing.assert_array_equal(x, [[1, 2, 7], [9, 8, 3]])


def test_the_largest_elements_of_a_row():
    x, values, places = region([1, 5, 3, 5]), alloc((3,), f32), alloc((3,), i64)
    topk_row(values[:], places[:], x[:])
    assert np.asarray(values).tolist() == [5, 5, 3]
    assert np.asarray(places).tolist() == [1, 3, 2]


@pytest.mark.parametrize(("descending", "expected"), [(False, [0, 2, 1, 3]), (True, [1, 3, 2, 0])])
def test_the_order_of_a_row(descending, expected):
    x, places = region([1, 5, 3, 5]), alloc((4,), i64)
    argsort_row(places[:], x[:], descending)
    assert np.asarray(places).tolist() == expected


@pytest.mark.parametrize("row", [[2, 5, 5, 1, 1], [2, np.nan, 9, 1, 0]])
def test_extremes_of_a_row(row):
    assert int(argmax_row(region(row)[:])) == np.argmax(row)
    assert int(argmin_row(region(row)[:])) == np.argmin(row)


def test_transposed_blocks():
    x, y = region(np.arange(12).reshape(3, 4)), region(np.zeros((5, 3)))
    transpose_block(y[1:5, :], x[:, :])
    np.testing.assert_array_equal(y, np.vstack([np.zeros((1, 3)), np.arange(12).reshape(3, 4).T]))


def test_a_value_cannot_be_a_target():
    x = region([3.0, 1.0])
    with pytest.raises(Refused) as found:
        sort_row(x[:] + 1.0)
    assert found.value.code == "type.store-into-value"
