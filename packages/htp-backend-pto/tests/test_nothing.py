"""Arrays without elements, elements that are asked for twice, slices of one row, and what cores have nowhere to put."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, Tile, f32, i32, kernel, tile
from htp_dialect_csp import Channel, Recv, Send, network, process
from htp_dialect_wsp import P, Ragged, workload

SIM = "pto:a2a3sim"
Block = Tile[f32, 16, 64]


def built(definition, folder, **dims):
    return htp.bind(htp.compile_program(definition, target=SIM, out=str(folder / "package"), **dims))


# a step on tokens of varying length -----------------------------------------------------------------------------------


@process
def load(x: In[Tensor[f32, "N", 64]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 16):
        out.send(x[i:i + 16, :])


@process
def twice_product(inp: Recv[Block], w: In[Tensor[f32, 64, 64]], out: Send[Block]) -> None:
    for t in inp:
        out.send((t * 2.0) @ w[:, :])


@process
def store(inp: Recv[Block], y: Out[Tensor[f32, "N", 64]]) -> None:
    i = 0
    for t in inp:
        y[i:i + 16, :] = t
        i += 16


@network
def products(x: In[Tensor[f32, "N", 64]], w: In[Tensor[f32, 64, 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    a = Channel[Block](capacity=1)
    b = Channel[Block](capacity=1)
    load(x, a)
    twice_product(a, w, b)
    store(b, y)


def test_a_step_for_both_units_takes_tokens_of_any_length(tmp_path):
    run = built(products, tmp_path)
    x, y = np.arange(37 * 64, dtype=np.float32).reshape(37, 64) % 7, np.empty((37, 64), np.float32)
    run(x, np.eye(64, dtype=np.float32), y)
    assert np.array_equal(y, 2 * x)


@process
def counted(inp: Recv[Block], out: Send[Block]) -> None:
    turn = tile.zeros((1, 64), f32)
    for t in inp:
        turn = turn + 1.0
        out.send(t + turn)


@network
def numbered(x: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "N", 64]]) -> None:
    a = Channel[Block](capacity=2)
    b = Channel[Block](capacity=1)
    load(x, a)
    counted(a, b)
    store(b, y)


def test_a_process_changes_a_tile_with_every_token_of_any_length(tmp_path):
    run = built(numbered, tmp_path)
    for rows in (0, 1, 16, 37):
        x, y = np.ones((rows, 64), np.float32), np.empty((rows, 64), np.float32)
        run(x, y)
        assert np.array_equal(y[:, 0], np.arange(rows) // 16 + 2)


# arrays without elements ----------------------------------------------------------------------------------------------


@kernel
def figures(x: In[Tensor[f32, "m", 64]], total: Out[Tensor[f32, 1, 1]], most: Out[Tensor[f32, 1, 64]]) -> None:
    t = x[:, :] * 2.0
    total[:] = tile.sum(t, keepdims=True) + 1.0
    most[:] = tile.max(t, axis=0, keepdims=True)


@workload
def of_blocks(x: In[Tensor[f32, "M", 64]], total: Out[Tensor[f32, "B", 1]], most: Out[Tensor[f32, "B", 64]]) -> None:
    for b in P(total.shape[0]):
        figures(x[b * 16:b * 16 + 16, :], total[b:b + 1, :], most[b:b + 1, :])


def test_a_task_that_is_given_nothing_stores_what_nothing_reduces_to(tmp_path):
    run = built(of_blocks, tmp_path)
    total, most = np.empty((2, 1), np.float32), np.empty((2, 64), np.float32)
    run(np.ones((16, 64), np.float32), total, most)
    assert total.ravel().tolist() == [2049.0, 1.0]
    assert np.all(most[0] == 2.0)
    assert np.all(most[1] == -np.inf)


@kernel
def none_each(x: In[Tensor[f32, 17, 0]], y: Out[Tensor[f32, 17]], z: Out[Tensor[f32, 17]]) -> None:
    y[:] = tile.max(x[:, :], axis=1)
    z[:] = tile.min(x[:, :] * 2.0, axis=1)


@pytest.mark.parametrize("target", [SIM, "cpu"])
def test_extremes_of_an_axis_without_elements_are_infinities(tmp_path, target):
    run = htp.bind(htp.compile_program(none_each, target=target, out=str(tmp_path / "package")))
    y, z = np.zeros(17, np.float32), np.zeros(17, np.float32)
    run(np.empty((17, 0), np.float32), y, z)
    assert np.all(y == -np.inf)
    assert np.all(z == np.inf)


@kernel
def raised(x: In[Tensor[f32, "M", 64]], z: In[Tensor[f32, "N", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    """What is loaded before a loop is used behind it."""
    for i in range(0, x.shape[0], 16):
        rows = x[i:i + 16, :]
        total = tile.zeros(rows.shape, f32)
        for j in range(z.shape[0]):
            total = total + z[j:j + 1, :]
        y[i:i + 16, :] = rows + total


@kernel
def started(top: In[Tensor[f32, "M", 1]], x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", 1]]) -> None:
    """What a sum over no columns does not need is not computed for it."""
    for i in range(0, x.shape[0], 16):
        part = x[i:i + 16, 0:32]
        higher = tile.maximum(top[i:i + 16, :], tile.max(part, axis=1, keepdims=True))
        y[i:i + 16, :] = tile.sum(tile.exp(part - higher), axis=1, keepdims=True)


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_a_loop_without_turns_is_not_waited_for(tmp_path, turns):
    run = built(raised, tmp_path)
    x, y = np.arange(19 * 64, dtype=np.float32).reshape(19, 64), np.empty((19, 64), np.float32)
    assert run.report(x, np.ones((turns, 64), np.float32), y).diagnostics == ()
    assert np.array_equal(y, x + turns)


def test_sums_over_no_columns_are_zero(tmp_path):
    run = built(started, tmp_path)
    y = np.full((19, 1), np.nan, np.float32)
    run(np.ones((19, 1), np.float32), np.empty((19, 0), np.float32), y)
    assert np.all(y == 0.0)


# slices ---------------------------------------------------------------------------------------------------------------


@kernel
def tripled(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = x[:, :] * 3.0


@workload
def row_by_row(x: In[Tensor[f32, "T", 64]], lens: In[Tensor[i32, "R"]], y: Out[Tensor[f32, "T", 64]]) -> None:
    axis = Ragged(lens.shape[0], lens)
    for r, i in P(axis):
        tripled(x[axis.start(r) + i:axis.start(r) + i + 1, :], y[axis.start(r) + i:axis.start(r) + i + 1, :])


def test_a_slice_between_k_and_k_plus_one_has_one_row_however_it_is_clipped(tmp_path):
    run = built(row_by_row, tmp_path)
    x, y = np.arange(5 * 64, dtype=np.float32).reshape(5, 64), np.empty((5, 64), np.float32)
    run(x, np.array([2, 0, 3], np.int32), y)
    assert np.array_equal(y, 3 * x)


@kernel
def row_sums(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", 1]]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = tile.sum(x[i:i + 16, :], axis=1, keepdims=True)


def test_what_is_known_where_there_is_nothing_bounds_no_other_call(tmp_path):
    with pytest.raises(Refused) as caught:
        built(row_sums, tmp_path)
    assert caught.value.code == "pto.unbounded-tile"
    assert "has N columns" in caught.value.diagnostic.message


@kernel
def any_rows(x: In[Tensor[f32, "M", 16]], y: Out[Tensor[f32, "M", 16]], w: Scalar[i32]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + w, :] = x[i:i + w, :] + 1.0


def test_rows_without_a_bound_are_refused_by_the_number_that_has_none(tmp_path):
    with pytest.raises(Refused) as caught:
        built(any_rows, tmp_path)
    found = caught.value.diagnostic
    assert found.code == "pto.unbounded-tile"
    assert found.message == "a tile has max(0, clip(i + w, M) - i) rows, and nothing says how many that can be"
    assert found.help == ("bound `w`: `n = max(0, min(w, 64))`, and then `x[i:i + n, :]`",)


@kernel
def first_rows(x: In[Tensor[f32, "M", 32]], y: Out[Tensor[f32, "M", 32]], n: Scalar[i32]) -> None:
    for i in range(0, n, 64):
        y[i:i + 64, :] = x[i:i + 64, :] * 2.0


def test_a_loop_of_a_number_may_end_before_or_behind_the_rows_there_are(tmp_path):
    run = built(first_rows, tmp_path)
    x = np.arange(100 * 32, dtype=np.float32).reshape(100, 32)
    for n, rows in ((500, 100), (128, 100), (33, 64), (0, 0), (-3, 0)):
        y = np.full((100, 32), 9.0, np.float32)
        run(x, y, n)
        assert np.array_equal(y[:rows], 2 * x[:rows])
        assert np.all(y[rows:] == 9.0)


# what the orchestration has not ---------------------------------------------------------------------------------------


@kernel
def branches(x: In[Tensor[f32, 16, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    t = x[:, :]
    if tile.item(tile.sum(t)) > 0.0:
        t = t * 2.0
    y[:] = t


@kernel
def prints(x: In[Tensor[f32, 16, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    t = x[:, :]
    tile.print("hello", t)
    y[:] = t


@pytest.mark.parametrize(("definition", "code"), [(branches, "pto.scalar-from-tile"), (prints, "pto.not-selected")])
def test_what_looks_at_tiles_outside_of_cores_is_refused_at_its_line(tmp_path, definition, code):
    with pytest.raises(Refused) as caught:
        built(definition, tmp_path)
    assert [each.code for each in caught.value.diagnostics] == [code]
    assert caught.value.diagnostic.span.line == definition.place.line + 3
    assert "`" in caught.value.diagnostic.help[0]
