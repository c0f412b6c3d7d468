"""Axes and walks in Python: coordinates in order, and bad data refused where they are given."""

import numpy as np
import pytest

from htp.diagnostics import Refused
from htp_dialect_wsp import Dense, DenseDyn, P, Ragged, Sparse


def refused(action):
    with pytest.raises(Refused) as caught:
        action()
    found = caught.value.diagnostic
    assert found.help
    return found


def test_one_coordinate_is_a_number_and_several_are_a_tuple():
    assert list(P(3)) == [0, 1, 2]
    assert list(P(range(0, 10, 4))) == [0, 4, 8]
    assert list(P(Dense(2))) == [0, 1]
    assert list(P(2, range(1, 3))) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert list(P.seq(2, 1, 2)) == [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1)]
    assert list(P(0)) == []
    assert list(P(np.int64(2))) == [0, 1]


def test_a_ragged_axis_adds_row_and_position():
    rows = Ragged(3, np.array([2, 0, 1]))
    assert list(P(rows)) == [(0, 0), (0, 1), (2, 0)]
    assert list(P(2, rows))[:4] == [(0, 0, 0), (0, 0, 1), (0, 2, 0), (1, 0, 0)]
    assert [list(P.seq(rows[r])) for r in range(3)] == [[0, 1], [], [0]]
    assert [rows.start(r) for r in range(4)] == [0, 2, 2, 3]
    assert list(P(Ragged(Dense(1), [2]))) == [(0, 0), (0, 1)]


def test_a_sparse_axis_adds_row_position_and_index():
    links = Sparse(np.array([0, 2, 2, 3]), np.array([7, 4, 9, 99]))
    assert list(P(links)) == [(0, 0, 7), (0, 1, 4), (2, 2, 9)]
    assert list(P(links[0])) == [(0, 7), (1, 4)]
    assert [list(P.sel(links[r])) for r in range(3)] == [[7, 4], [], [9]]
    assert [links.start(r) for r in range(4)] == [0, 2, 2, 3]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Ragged(2, [1, -1]), "lengths[1] is -1"),
        (lambda: Ragged(2, [1]), "an axis of 2 rows has 1 lengths"),
        (lambda: Sparse([], []), "indptr is empty"),
        (lambda: Sparse([1, 2], [0, 0]), "indptr[0] is 1"),
        (lambda: Sparse([0, 2, 1], [0, 0]), "indptr[2] is 1, below indptr[1], which is 2"),
        (lambda: Sparse([0, 3], [0, 0]), "indptr ends with 3, and there are 2 indices"),
        (lambda: Sparse([0, 1], [-1]), "indices[0] is -1"),
        (lambda: Sparse([0, 1], [5], columns=5), "indices[0] is 5"),
        (lambda: Dense(-1), "the size of an axis is -1"),
    ],
)
def test_data_that_describe_no_axis_are_refused_at_the_users_line(made, said):
    found = refused(made)
    assert (found.code, found.message) == ("wsp.axis-data", said)
    assert (found.span.file, found.span.line) == (__file__, made.__code__.co_firstlineno)


@pytest.mark.parametrize(
    "made",
    [
        lambda: P(),
        lambda: P("abc"),
        lambda: P(1.5),
        lambda: P.sel(3),
        lambda: Ragged(range(1, 3), [1, 1]),
        lambda: Ragged(1, [1.5]),
        lambda: Ragged(1, np.zeros((1, 1), np.int32)),
        lambda: Dense(1.5),
    ],
)
def test_what_is_no_axis_is_refused(made):
    found = refused(made)
    assert found.code == "wsp.bad-axis"
    assert found.span.file == __file__


def test_rows_that_are_not_there_are_refused():
    rows = Ragged(1, [2])
    with pytest.raises(Refused) as caught:
        rows[1]
    assert caught.value.code == "run.index-out-of-range"
    with pytest.raises(Refused, match=r"run\.index-out-of-range"):
        Sparse([0, 1], [0])[-1]


def test_an_axis_with_a_size_by_name_belongs_into_a_workload():
    assert refused(lambda: DenseDyn("n")).code == "wsp.no-source"
    assert list(P(DenseDyn("n", 2))) == [0, 1]


def test_a_selection_outside_of_a_workload_is_refused_where_it_would_be_ignored():
    def body():
        with P.when(False):
            raise AssertionError("the block must not run")

    assert refused(body).code == "wsp.no-source"
    assert bool(P.when(1))
    assert not P.case(3, {0, 1})
    assert P.case(3, 3)
    assert P.otherwise()


def test_the_row_of_a_position_of_a_ragged_axis():
    axis = Ragged(6, [0, 2, 0, 0, 3, 0])
    assert [axis.row(each) for each in range(5)] == [1, 1, 4, 4, 4]
    for wrong in (-1, 5):
        with pytest.raises(Refused) as caught:
            axis.row(wrong)
        assert caught.value.code == "run.index-out-of-range"
    with pytest.raises(Refused):
        Ragged(0, []).row(0)
