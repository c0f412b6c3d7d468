"""What routines do around their tasks, on the host stand-in: loops and branches on data, empty parts, slots, axes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Scalar, Slot, Tensor, empty, f32, i32, kernel, routine, tile
from htp_dialect_wsp import DenseDyn, P, Ragged, Sparse, workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.execution import Executable

GAIN = Slot(f32, 2.0)
X = np.random.default_rng(4).standard_normal((24, 16)).astype(np.float32)


@kernel
def double(x: In[Tensor[f32, "m", 16]], y: Out[Tensor[f32, "m", 16]]) -> None:
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, :] = x[i:i + 32, :] * 2.0


@kernel
def add(x: In[Tensor[f32, "m", 16]], y: InOut[Tensor[f32, "m", 16]]) -> None:
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, :] = y[i:i + 32, :] + x[i:i + 32, :]


@kernel
def add_row(x: In[Tensor[f32, 16]], y: InOut[Tensor[f32, 16]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def count_down(n: InOut[Tensor[i32, 8]]) -> None:
    n[:] = n[:] - 1


@kernel
def scaled(x: In[Tensor[f32, "m", 16]], by: Scalar[f32], y: Out[Tensor[f32, "m", 16]]) -> None:
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, :] = x[i:i + 32, :] * by


@kernel
def largest(x: In[Tensor[f32, 8, 16]], top: Out[Tensor[f32, 1, 1]]) -> None:
    top[:] = tile.max(tile.max(x[:], axis=1, keepdims=True), axis=0, keepdims=True)


@routine
def until_zero(x: In[Tensor[f32, 24, 16]], n: InOut[Tensor[i32, 8]], y: InOut[Tensor[f32, 24, 16]]) -> None:
    """As many turns as the first counter says, which a task counts down."""
    while tile.item(n[0]) > 0:
        add(x, y)
        count_down(n)


@routine
def parts(x: In[Tensor[f32, "M", 16]], first: Scalar[i32], y: InOut[Tensor[f32, "M", 16]]) -> None:
    """Rows before `first` are doubled, those behind it added; either part may be empty."""
    M = x.shape[0]
    assert first >= 0
    assert first <= M
    double(x[0:first, :], y[0:first, :])
    add(x[first:M, :], y[first:M, :])


@routine
def around(x: In[Tensor[f32, "M", 16]], by: Scalar[i32], y: InOut[Tensor[f32, "M", 16]]) -> None:
    for _ in range(by // 2 % 3 + by % 5):
        add(x, y)


@routine
def wrapped(x: In[Tensor[f32, 24, 16]], by: Scalar[i32], y: InOut[Tensor[f32, "M", 16]]) -> None:
    """Which rows of `x` are added follows from quotients and remainders of negative numbers."""
    M = y.shape[0]
    for i in range(0, M, 8):
        k = 8 * ((i // 8 - by) // 2 % 3)
        assert k >= 0
        assert k <= 16
        n = min(8, M - i)
        add(x[k:k + n, :], y[i:i + n, :])


@routine
def last_rows(x: In[Tensor[f32, "M", 16]], first: Scalar[i32], y: InOut[Tensor[f32, "M", 16]]) -> None:
    """Slices end where the array ends, and count from its end where their bounds are negative."""
    add(x[first:first + 16, :], y[first:first + 16, :])


@kernel
def times_turned(x: In[Tensor[f32, 16, 32]], w: In[Tensor[f32, 48, 64]], y: Out[Tensor[f32, 16, 16]]) -> None:
    """A part of the columns, loaded with its rows as columns."""
    y[:] = x[:, 0:32] @ w[16:32, 8:40].T


@routine
def turns(x: In[Tensor[f32, "M", 16]], n: Scalar[i32], y: InOut[Tensor[f32, "M", 16]]) -> None:
    for _ in range(n):
        add(x, y)


@routine
def by_result(x: In[Tensor[f32, 8, 16]], top: Out[Tensor[f32, 1, 1]], y: Out[Tensor[f32, 8, 16]]) -> None:
    """A number that one task computes is given to the next."""
    largest(x, top)
    by: f32 = tile.item(top[0, 0])
    scaled(x, by, y)


@routine
def by_slot(x: In[Tensor[f32, "M", 16]], y: Out[Tensor[f32, "M", 16]]) -> None:
    scaled(x, GAIN.value, y)


@workload
def ragged(x: In[Tensor[f32, "M", 16]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "M", 16]]) -> None:
    rows = Ragged(DenseDyn("R"), lengths)
    for r, i in P(rows):
        at = rows.start(r) + i
        double(x[at:at + 1, :], y[at:at + 1, :])


@workload
def sparse(
    x: In[Tensor[f32, "N", 16]],
    indptr: In[Tensor[i32, "Q"]],
    indices: In[Tensor[i32, "K"]],
    y: InOut[Tensor[f32, "R", 16]],
) -> None:
    """`y[r]` gets the rows of `x` that are listed for r."""
    links = Sparse(indptr, indices, columns=x.shape[0])
    for r in P(indptr.shape[0] - 1):
        for _, e in P.seq(links[r]):
            add_row(x[e], y[r])


@workload
def four_times(x: In[Tensor[f32, "M", 16]], y: Out[Tensor[f32, "M", 16]]) -> None:
    t = empty(x.shape, f32)
    for i in P(range(0, x.shape[0], 8)):
        double(x[i:i + 8, :], t[i:i + 8, :])
    for i in P(range(0, x.shape[0], 8)):
        double(t[i:i + 8, :], y[i:i + 8, :])


@routine
def outer(x: In[Tensor[f32, "M", 16]], y: Out[Tensor[f32, "M", 16]], z: Out[Tensor[f32, "M", 16]]) -> None:
    """A workload that has a buffer of its own, called twice."""
    four_times(x, y)
    four_times(y, z)


@pytest.fixture(scope="module")
def bound(tmp_path_factory) -> Callable[[object], Executable]:
    folder = tmp_path_factory.mktemp("routines")

    @cache
    def of(definition) -> Executable:
        package = htp.compile_program(definition, target="pto:a2a3sim", out=folder / definition.name)
        return htp.bind(package, mode="sim")

    return of


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_loop_ends_when_a_task_says_so(bound, count) -> None:
    n, y = ints(count, *range(7)), np.full((24, 16), 0.5, np.float32)
    bound(until_zero)(X, n, y)
    assert n.tolist() == [0, *(each - count for each in range(7))]
    np.testing.assert_allclose(y, 0.5 + count * X, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("rows", "first"), [(24, 0), (24, 24), (24, 7), (1, 1), (40, 33), (0, 0)])
def test_one_package_takes_parts_of_any_size(bound, rows, first) -> None:
    """No task has an empty part."""
    x = np.random.default_rng(rows).standard_normal((rows, 16)).astype(np.float32)
    y = np.ones_like(x)
    report = bound(parts).run(x, first, y, trace=True)
    expected = np.concatenate([x[:first] * np.float32(2), np.float32(1) + x[first:]])
    np.testing.assert_array_equal(y, expected)
    assert len(report.graph.tasks) == (first > 0) + (first < rows)


@pytest.mark.parametrize(("by", "count"), [(7, 2), (0, 0), (-3, 3), (-7, 5)])
def test_numbers_are_divided_as_in_python(bound, by, count) -> None:
    y = np.ones_like(X)
    bound(around)(X, by, y)
    np.testing.assert_allclose(y, 1 + count * X, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("rows", "by", "blocks"), [(40, 3, (1, 2, 2, 0, 0)), (20, -1, (0, 1, 1)), (8, 7, (2,))])
def test_numbers_of_indices_are_divided_as_in_python(bound, rows, by, blocks) -> None:
    y = np.ones((rows, 16), np.float32)
    bound(wrapped)(X, by, y)
    expected = np.concatenate([X[8 * each:8 * each + 8] for each in blocks])[:rows]
    np.testing.assert_array_equal(y, np.float32(1) + expected)


@pytest.mark.parametrize(
    ("rows", "first", "listed"), [(24, 16, (16, 24)), (24, 3, (3, 19)), (5, 2, (2, 5)), (24, -20, (4, 20))]
)
def test_slices_end_where_the_array_ends(bound, rows, first, listed) -> None:
    x = np.random.default_rng(rows).standard_normal((rows, 16)).astype(np.float32)
    y = np.ones_like(x)
    bound(last_rows)(x, first, y)
    expected = np.ones_like(x)
    expected[slice(*listed)] += x[slice(*listed)]
    np.testing.assert_array_equal(y, expected)


def test_a_part_of_the_columns_is_loaded_turned(bound) -> None:
    rng = np.random.default_rng(6)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((16, 32), (48, 64)))
    y = np.zeros((16, 16), np.float32)
    bound(times_turned)(x, w, y)
    np.testing.assert_allclose(y, x.astype(np.float64) @ w[16:32, 8:40].T, rtol=1e-5, atol=1e-5)


def test_a_failed_check_stops_before_any_task(bound) -> None:
    y = np.ones_like(X)
    with pytest.raises(htp.Refused) as caught:
        bound(parts)(X, 25, y)
    assert caught.value.code == "run.assertion-failed"
    assert caught.value.diagnostic.span is not None
    assert caught.value.diagnostic.span.file.endswith("test_routines_on_ascend.py")
    assert (y == 1).all()


@pytest.mark.parametrize("count", [0, -1, 2])
def test_no_turns_are_no_tasks(bound, count) -> None:
    y = np.ones_like(X)
    report = bound(turns).run(X, count, y, trace=True)
    np.testing.assert_allclose(y, 1 + max(count, 0) * X, rtol=1e-5, atol=1e-5)
    assert len(report.graph.tasks) == max(count, 0)


def test_a_number_that_a_task_computes_is_read(bound) -> None:
    top, y = np.zeros((1, 1), np.float32), np.zeros((8, 16), np.float32)
    bound(by_result)(X[:8], top, y)
    assert top[0, 0] == X[:8].max()
    np.testing.assert_array_equal(y, X[:8] * X[:8].max())


def test_a_slot_is_read_at_every_run(bound) -> None:
    exe, y = bound(by_slot), np.zeros_like(X)
    try:
        for value in (2.0, -0.5):
            GAIN.value = value
            exe(X, y)
            np.testing.assert_array_equal(y, X * np.float32(value))
    finally:
        GAIN.value = 2.0


@pytest.mark.parametrize("lengths", [(3, 0, 5, 8), (0, 0), (24,), ()])
def test_ragged_rows(bound, lengths) -> None:
    y = np.full_like(X, 0.5)
    bound(ragged)(X, ints(*lengths), y)
    listed = np.arange(24)[:, None] < sum(lengths)
    np.testing.assert_array_equal(y, np.where(listed, X * np.float32(2), np.float32(0.5)))


@pytest.mark.parametrize(
    ("indptr", "indices"), [((0, 2, 2, 5), (1, 4, 0, 5, 1)), ((0, 0, 0, 0), ()), ((0, 0, 0, 1), (23,))]
)
def test_sparse_rows(bound, indptr, indices) -> None:
    y, expected = np.full((3, 16), 0.5, np.float32), np.full((3, 16), 0.5)
    bound(sparse)(X, ints(*indptr), ints(*indices), y)
    for r in range(3):
        expected[r] += X[list(indices[indptr[r]:indptr[r + 1]])].sum(axis=0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_an_index_that_is_not_there_is_refused(bound) -> None:
    y = np.zeros((3, 16), np.float32)
    with pytest.raises(htp.Refused) as caught:
        bound(sparse)(X, ints(0, 1, 1, 2), ints(3, 24), y)
    assert caught.value.code == "wsp.axis-data"
    assert (y == 0).all()


@pytest.mark.parametrize("rows", [0, 5, 24])
def test_a_routine_calls_workloads_with_buffers_of_their_own(bound, rows) -> None:
    y, z = np.zeros((rows, 16), np.float32), np.zeros((rows, 16), np.float32)
    bound(outer)(X[:rows], y, z)
    np.testing.assert_array_equal(y, X[:rows] * 4)
    np.testing.assert_array_equal(z, X[:rows] * 16)
