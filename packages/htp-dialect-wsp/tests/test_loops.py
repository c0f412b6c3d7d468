"""`tile split fuse_loops reorder unroll parallel`: what they make of loops, and when they are refused."""

import numpy as np
import pytest
from scheduling_kit import agree, at_its_line, body, function_of, poison, random, refused, scheduled

from htp import In, InOut, Out, Scalar, Tensor, f32, i32, i64, kernel, tile
from htp.diagnostics import Refused
from htp_dialect_wsp import Dense, P, Ragged, Sparse, workload


@kernel
def copy(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:] + 1.0


@kernel
def step(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 0.5


@kernel
def put(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]], number: Scalar[i64]) -> None:
    y[:] = x[:] + number


@workload
def grid(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = y.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        copy(x[i:i + 4, j:j + 8], y[i:i + 4, j:j + 8])


@workload
def fixed(x: In[Tensor[f32, 24, 40]], y: Out[Tensor[f32, 24, 40]]) -> None:
    M, N = y.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        copy(x[i:i + 4, j:j + 8], y[i:i + 4, j:j + 8])


@workload
def triangle(x: In[Tensor[f32, "M", "M"]], y: InOut[Tensor[f32, "M", "M"]]) -> None:
    M = y.shape[0]
    for i in P(Dense(M)):
        for j in P(i + 1):
            copy(x[i:i + 1, j:j + 1], y[i:i + 1, j:j + 1])


@workload
def wave(y: InOut[Tensor[f32, 6, 48]]) -> None:
    for t in P.seq(range(1, 6)):
        for i in P.seq(range(8, 40, 8)):
            step(y[t - 1, i + 8:i + 16], y[t, i:i + 8])


@workload
def line(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M = x.shape[0]
    for k in P.seq(M):
        put(x[k, :], y[k, :], k * 3)


@workload
def rows(x: In[Tensor[f32, "R", "L", 4]], lengths: In[Tensor[i64, "R"]], y: InOut[Tensor[f32, "R", "L", 4]]) -> None:
    for r, i in P(Ragged(x.shape[0], lengths)):
        step(x[r, i, :], y[r, i, :])


@workload
def packed(x: In[Tensor[f32, "T", 4]], lengths: In[Tensor[i64, "R"]], y: InOut[Tensor[f32, "T", 4]]) -> None:
    axis = Ragged(lengths.shape[0], lengths)
    for r in P(lengths.shape[0]):
        for i in P(axis[r]):
            step(x[axis.start(r) + i, :], y[axis.start(r) + i, :])


@workload
def halves(x: In[Tensor[f32, "R", "L", 4]], lengths: In[Tensor[i64, "R"]], y: InOut[Tensor[f32, "R", "L", 4]]) -> None:
    axis = Ragged(x.shape[0], lengths)
    for r in P(range(0, x.shape[0], 2)):
        for i in P(axis[r]):
            step(x[r, i, :], y[r, i, :])


@workload
def picked(
    x: In[Tensor[f32, "L", 4]], indptr: In[Tensor[i64, "R"]], indices: In[Tensor[i64, "E"]],
    y: Out[Tensor[f32, "E", 4]],
) -> None:  # fmt: skip
    for _, k, e in P(Sparse(indptr, indices)):
        step(x[e, :], y[k, :])


def arrays(m, n):
    return random(m, n), poison(m, n)


# tile ---------------------------------------------------------------------------------------------------------------


def test_tile_of_a_constant_extent_that_divides_needs_no_tail():
    program = agree(fixed, arrays(24, 40), "tile('i', 2)")
    assert body(program) == [
        "M, N = y.shape",
        "for i_o in P(range(0, M, 8)):",
        "    for i_i in P(range(0, 8, 4)):",
        "        for j in P(range(0, N, 8)):",
        "            copy(x[i_o + i_i:i_o + i_i + 4, j:j + 8], y[i_o + i_i:i_o + i_i + 4, j:j + 8])",
    ]


def test_tile_of_a_constant_extent_that_does_not_divide_is_refused():
    found = at_its_line(refused(fixed, "tile('i', 4)"), 1)
    assert found.code == "wsp.tile-tail"
    assert found.message == "the loop 'i' has 6 iterations, of which tiles of 4 leave 2 over"
    assert 'tail="mask"' in found.help[0]


def test_tile_of_a_size_that_only_the_run_knows_is_checked_there():
    program = scheduled(grid, "tile('i', 2)")
    assert body(program)[1].startswith("require((M + 3) // 4 % 2 == 0, ")
    run = function_of(program)
    x, y = arrays(22, 9)
    run(x, y)
    np.testing.assert_array_equal(y, x + 1)
    with pytest.raises(Refused) as caught:
        run(*arrays(17, 9))
    assert caught.value.code == "wsp.tile-tail"
    assert caught.value.diagnostic.message == "tiles of 2 leave iterations of the loop 'i' over"
    assert caught.value.diagnostic.help[0].startswith('say tail="mask"')
    assert caught.value.diagnostic.span.place == "plan.py:100:1"


@pytest.mark.parametrize("tail", ["mask", "pad"])
@pytest.mark.parametrize("size", [(22, 37), (1, 1), (0, 5), (16, 32), (17, 33)])
def test_tiles_with_a_tail(tail, size):
    agree(grid, arrays(*size), f"tile('i', 4, tail='{tail}')", f"tile('j', 3, tail='{tail}')")


def test_the_text_of_both_tails():
    masked = body(scheduled(grid, "tile('j', 3, tail='mask')"))
    assert masked[2:4] == ["    for j_o in P(range(0, N, 24)):", "        for j_i in P(range(0, min(24, N - j_o), 8)):"]
    padded = body(scheduled(grid, "tile('j', 3, tail='pad')"))
    assert padded[3:5] == ["        for j_i in P(range(0, 24, 8)):", "            if j_o + j_i < N:"]


def test_a_ragged_row_is_masked_and_never_checked_as_a_whole():
    data = (random(3, 5, 4), np.array([2, 0, 5]), np.zeros((3, 5, 4), np.float32))
    program = agree(rows, data, "tile('i', 2, tail='mask')")
    assert "        for i_i in P(range(0, min(2, tile.item(lengths[r]) - i_o))):" in body(program)
    found = refused(rows, "tile('i', 2)")
    assert found.code == "wsp.tile-tail"
    assert found.notes == ("it goes over `P(Ragged(x.shape[0], lengths))`",)


def test_positions_of_a_sparse_axis_can_be_tiled_and_what_is_selected_cannot():
    data = (random(6, 4), np.array([0, 2, 2, 5]), np.array([5, 0, 1, 2, 3]), poison(5, 4))
    agree(picked, data, "tile('k', 2, tail='mask')")
    assert refused(picked, "tile('e', 2, tail='mask')").code == "wsp.unknown-loop"


def test_a_tail_has_a_known_name():
    assert refused(grid, "tile('i', 2, tail='cut')").code == "wsp.bad-argument"


# split --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(22, 37), (1, 1), (0, 5), (16, 32)])
@pytest.mark.parametrize("parts", [1, 3, 4])
def test_split_makes_equal_parts(size, parts):
    program = agree(grid, arrays(*size), f"split('j', {parts})")
    assert f"    for j_o in P(range(0, {parts})):" in body(program)


def test_split_of_a_constant_extent():
    assert body(agree(fixed, arrays(24, 40), "split('i', 3)"))[1:3] == [
        "for i_o in P(range(0, 3)):",
        "    for i_i in P(range(0, 8, 4)):",
    ]
    assert "for i_i in P(range(0, min(8, M - i_o * 8), 4)):" in body(agree(fixed, arrays(24, 40), "split('i', 4)"))[2]


def test_split_of_a_loop_whose_extent_moves_is_refused():
    found = at_its_line(refused(triangle, "split('j', 2)"), 1)
    assert found.code == "wsp.split"
    assert "'j'" in found.message


# fuse_loops ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(22, 37), (1, 1), (0, 5), (5, 0), (16, 32)])
def test_fused_loops_go_over_all_pairs(size):
    program = agree(grid, arrays(*size), "fuse_loops('i', 'j')")
    assert "for i_j in P(range(0, (M + 3) // 4 * j_count)):" in body(program)


def test_a_loop_in_order_keeps_the_order_of_both():
    program = agree(wave, [random(6, 48)], "fuse_loops('t', 'i')")
    assert body(program)[0] == "for t_i in P.seq(range(0, 20)):"


def test_loops_that_are_no_perfect_nest_are_not_fused():
    found = at_its_line(refused(grid, "fuse_loops('j', 'i')"), 1)
    assert found.code == "wsp.fuse-loops"
    assert found.message == "the loops 'j' and 'i' are no perfect nest"


def test_an_extent_that_depends_on_the_outer_loop_is_not_fused():
    found = refused(triangle, "fuse_loops('i', 'j')")
    assert found.code == "wsp.fuse-loops"
    assert "depends on 'i'" in found.message
    assert "goes over `P(i + 1)`" in found.message


LENGTHS = [[2, 0, 4, 0, 1], [], [0, 0, 0], [0, 3], [5]]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_the_loops_over_a_ragged_axis_become_one_over_its_positions(lengths):
    size = len(lengths)
    data = [random(size, 5, 4), np.array(lengths, np.int64), poison(size, 5, 4)]
    program = agree(rows, data, "stream_by('i * 2 + r')", "fuse_loops('r', 'i')")
    assert body(program) == [
        "scheduled.stream_by('i * 2 + r')",
        "axis = Ragged(x.shape[0], lengths)",
        "for r_i in P(range(0, axis.start(x.shape[0]))):",
        "    r = axis.row(r_i)",
        "    i = r_i - axis.start(r)",
        "    step(x[r, i, :], y[r, i, :])",
    ]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_sum_that_is_the_position_becomes_the_position(lengths):
    data = [random(sum(lengths), 4), np.array(lengths, np.int64), poison(sum(lengths), 4)]
    program = agree(packed, data, "fuse_loops('r', 'i')")
    assert body(program)[-2:] == [
        "for r_i in P(range(0, axis.start(lengths.shape[0]))):",
        "    step(x[r_i, :], y[r_i, :])",
    ]
    tiled = agree(packed, data, "stream_by('r')", "fuse_loops('r', 'i')", "tile('r_i', 2, tail='mask')")
    assert body(tiled)[-2] == "        r = axis.row(r_i_o + r_i_i)"


def test_loops_over_some_rows_of_a_ragged_axis_are_not_fused():
    found = at_its_line(refused(halves, "fuse_loops('r', 'i')"), 1)
    assert found.code == "wsp.fuse-loops"
    assert "depends on 'r'" in found.message


# reorder ------------------------------------------------------------------------------------------------------------


def test_parallel_loops_of_a_nest_change_places():
    program = agree(grid, arrays(22, 37), "reorder('j', 'i')", "tile('i', 2, tail='mask')", "reorder('i_o', 'j')")
    assert [each.strip().split(" in ")[0] for each in body(program)[1:4]] == ["for i_o", "for j", "for i_i"]


def test_an_order_that_data_ask_for_is_kept():
    found = at_its_line(refused(wave, "reorder('i', 't')"), 1)
    assert found.code == "wsp.reorder"
    assert "(RAW, (1, -1) in (t, i))" in found.message
    assert "`step` of (t=2, i=8) would run before `step` of (t=1, i=16)" in found.message


def test_loops_in_order_change_places_where_no_data_are_carried():
    agree(wave, [random(6, 48)], "tile('t', 2, tail='mask')", "unroll('i', 2)")
    program = agree(line, arrays(12, 3), "tile('k', 3, tail='mask')")
    assert "P.seq" in body(program)[1]
    agree(fixed, arrays(24, 40), "tile('i', 2)", "reorder('j', 'i_o', 'i_i')", "reorder('i_i', 'i_o')")


def test_a_loop_stays_inside_the_one_that_its_range_depends_on():
    found = refused(triangle, "reorder('j', 'i')")
    assert found.code == "wsp.reorder"
    assert found.message == "'j' cannot leave 'i', on which its range depends: `P(i + 1)`"
    assert refused(rows, "reorder('i', 'r')").code == "wsp.reorder"


@pytest.mark.parametrize("names", ["'i'", "'i', 'i'"])
def test_reorder_names_different_loops(names):
    assert refused(grid, f"reorder({names})").code == "wsp.reorder"


# unroll -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 4, 11])
def test_copies_and_the_rest(length):
    program = agree(line, arrays(length, 3), "unroll('k', 4)")
    text = body(program)
    assert text[1] == "for k in P.seq(range(0, M // 4 * 4, 4)):"
    assert text[3] == "    put(x[k + 1, :], y[k + 1, :], (k + 1) * 3)"
    assert text[6:] == ["for k_t in P.seq(range(M // 4 * 4, M)):", "    put(x[k_t, :], y[k_t, :], k_t * 3)"]


def test_a_constant_extent_that_divides_has_no_rest():
    assert body(agree(fixed, arrays(24, 40), "unroll('j', 5)"))[2] == "    for j in P(range(0, N, 40)):"


def test_only_loops_without_loops_are_unrolled_and_not_without_end():
    found = at_its_line(refused(grid, "unroll('i', 2)"), 1)
    assert found.code == "wsp.unroll"
    assert "'j'" in found.message
    assert refused(line, "unroll('k', 65)").code == "wsp.unroll"


def test_unrolling_once_does_nothing():
    assert body(scheduled(grid, "unroll('i', 1)")) == body(scheduled(grid))
    assert body(scheduled(line, "unroll('k', 1)")) == body(scheduled(line))


# parallel -----------------------------------------------------------------------------------------------------------


def test_a_loop_in_order_whose_iterations_are_independent_becomes_parallel():
    assert body(agree(line, arrays(5, 3), "parallel('k')"))[1] == "for k in P(M):"
    assert body(agree(wave, [random(6, 48)], "parallel('i')"))[1] == "    for i in P(range(8, 40, 8)):"
    assert body(agree(grid, arrays(5, 3), "parallel('i')")) == body(scheduled(grid))


def test_a_loop_that_carries_data_does_not():
    found = at_its_line(refused(wave, "parallel('t')"), 1)
    assert found.code == "wsp.parallel-race"
    assert "iterations (t=1) and (t=2)" in found.message
    assert "P.seq," not in found.message
    assert found.help == ("leave the directive out: these iterations depend on each other",)


@workload
def rows_of(x: In[Tensor[f32, "N", 8]], lengths: In[Tensor[i32, "R"]], y: Out[Tensor[f32, "N", 8]]) -> None:
    for r in P.seq(lengths.shape[0]):
        for i in P.seq(
            tile.item(lengths[r])  # how many there are
        ):
            copy(x[i:i + 1], y[i:i + 1])


def test_loops_are_told_as_the_user_wrote_them():
    axis = refused(rows_of, "split('i', 2)").notes[0]
    assert axis == "it goes over `P.seq(tile.item(lengths[r]))`"
    inside = refused(on_ragged, "split('i', 2)")
    assert inside.notes == ("it goes over `P(Ragged(lengths.shape[0], lengths))`",)


@workload
def on_ragged(x: In[Tensor[f32, "R", 64]], lengths: In[Tensor[i32, "R"]], y: Out[Tensor[f32, "R", 64]]) -> None:
    for r, i in P(Ragged(lengths.shape[0], lengths)):
        copy(x[r:r + 1, i:i + 1], y[r:r + 1, i:i + 1])


# what all of them refuse --------------------------------------------------------------------------------------------


def test_a_loop_that_is_not_there():
    found = at_its_line(refused(grid, "tile('ii', 2)"), 1)
    assert found.code == "wsp.unknown-loop"
    assert found.message == "`tile` names the loop 'ii', and there is none"
    assert found.help == ("write 'i'",)
    assert found.notes[0] == "loops here: i, j"


def test_a_loop_that_an_earlier_directive_took():
    found = at_its_line(refused(grid, "tile('i', 2, tail='mask')", "unroll('i', 2)"), 1, 2)
    assert found.code == "wsp.unknown-loop"
    assert "an earlier directive made i_o and i_i of it" in found.notes


def test_a_step_that_is_no_positive_constant():
    @workload
    def down(x: In[Tensor[f32, 8, 4]], y: Out[Tensor[f32, 8, 4]]) -> None:
        for k in P(range(7, -1, -1)):
            step(x[k, :], y[k, :])

    found = at_its_line(refused(down, "tile('k', 2)"), 1)
    assert found.code == "wsp.loop-range"
    assert "range(7, -1, -1)" in found.message


@pytest.mark.parametrize("text", ["tile('i')", "tile('i', 0)", "tile('i', 'two')", "tile(2, 2)", "unroll('j', M)"])
def test_arguments_that_do_not_fit(text):
    assert at_its_line(refused(grid, text), 1).code == "wsp.bad-argument"
