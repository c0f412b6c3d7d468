"""What is proven for all sizes: arrays that need no order, and loops that give each iteration its own part."""

import pytest

from htp import In, InOut, Out, Scalar, Tensor, empty, f32, i32, kernel, routine, tile
from htp.capture import capture
from htp_dialect_wsp import P, workload
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.independence import independent_arrays, proven


@kernel
def gemm_tile(a: In[Tensor[f32, "m", "K"]], b: In[Tensor[f32, "K", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = a[:] @ b[:]


@kernel
def add_tile(a: In[Tensor[f32, "m", "K"]], b: In[Tensor[f32, "K", "n"]], c: InOut[Tensor[f32, "m", "n"]]) -> None:
    c[:] = c[:] + a[:] @ b[:]


@kernel
def copy(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "p", "n"]]) -> None:
    y[:] = x[:]


def names(entry):
    program = Compose().apply(capture(entry)) if entry.kind == "workload" else capture(entry)
    return independent_arrays(program, program.main)


@workload
def gemm(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 128), range(0, N, 256)):
        gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])


@routine
def tiled(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i_o in range((M + 255) // 256):
        for j in range(0, N, 256):
            for i_i in range(2):
                i = i_o * 256 + i_i * 128
                gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])


@workload
def by_row(x: In[Tensor[f32, "B", "M", 8]], y: Out[Tensor[f32, "B", "M", 8]], n: Scalar[i32]) -> None:
    for b in P(x.shape[0]):
        for i in P(n):
            copy(x[b, i * 3 : i * 3 + 3], y[b, i * 3 : i * 3 + 3])


@pytest.mark.parametrize(("entry", "expected"), [(gemm, ("c",)), (tiled, ("c",)), (by_row, ("y",))])
def test_arrays_of_which_every_task_has_its_own_part(entry, expected):
    assert names(entry) == expected


@workload
def heads(x: In[Tensor[f32, 8, "N"]], cosine: In[Tensor[f32, 8, "half"]], y: Out[Tensor[f32, 8, "N"]]) -> None:
    d = 2 * cosine.shape[1]
    for h in P(x.shape[1] // d):
        c = h * d
        copy(x[:, c : c + d], y[:, c : c + d])


def test_the_width_of_a_part_may_be_a_size():
    assert names(heads) == ("y",)


@workload
def summed(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: InOut[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 32), range(0, N, 32)):
        for k in P.seq(range(0, a.shape[1], 32)):
            add_tile(a[i : i + 32, k : k + 32], b[k : k + 32, j : j + 32], c[i : i + 32, j : j + 32])


@workload
def wide(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[i : i + 17])


@workload
def shifting(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], n: Scalar[i32]) -> None:
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[n + i : n + i + 16])


@workload
def skewed(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P.seq(x.shape[0]):
        for j in P.seq(x.shape[0]):
            copy(x[i : i + 1], y[i + j : i + j + 1])


@workload
def two_calls(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "M", 8]], z: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[i : i + 16])
        copy(y[i : i + 16], z[i : i + 16])


@workload
def read_elsewhere(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], z: Out[Tensor[f32, 1, 8]]) -> None:
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[i : i + 16])
    copy(y[:1], z[:])


@workload
def scattered(x: In[Tensor[f32, "M", 8]], rows: In[Tensor[i32, "M"]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(x.shape[0]):
        r = tile.item(rows[i])
        copy(x[i : i + 1], y[r : r + 1])


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (summed, ()),
        (wide, ()),
        (shifting, ()),  # a negative n wraps around
        (skewed, ()),
        (two_calls, ("z",)),
        (read_elsewhere, ("z",)),
        (scattered, ()),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_arrays_that_need_an_order_are_not_named(entry, expected):
    assert names(entry) == expected


@workload
def own_buffers(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    shared = empty((16, 8), f32)
    for i in P.seq(range(0, x.shape[0], 16)):
        own = empty((16, 8), f32)
        copy(x[i : i + 16], own[:])
        copy(x[i : i + 16], shared[:])
        copy(own[:], y[i : i + 16])


def test_a_buffer_made_in_an_iteration_belongs_to_it():
    program = Compose().apply(capture(own_buffers))
    known = proven(program, program.main)
    ((loop,),) = known.loops
    assert known.owned("own", loop)
    assert not known.owned("shared", loop)
    assert known.owned("y", loop)
    assert known.independent() == ("y",)


def always(entry, array):
    program = Compose().apply(capture(entry))
    known = proven(program, program.main)
    return {loop.target.id for loop in known.always_owned(array, [each[-1] for each in known.loops])}


def test_loops_of_distance_zero():
    assert always(summed, "c") == {"i", "j"}
    assert always(skewed, "y") == set()
    assert always(two_calls, "y") == {"i"}
    assert always(read_elsewhere, "y") == set()


def owned(entry, array):
    program = Compose().apply(capture(entry))
    known = proven(program, program.main)
    return {each[-1].target.id for each in known.loops if known.owned(array, each[-1])}


def test_a_loop_owns_parts_for_given_turns_of_the_loops_around_it():
    assert owned(skewed, "y") == {"j"}
    assert owned(summed, "c") == {"i", "j"}


@workload
def bad_types(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 9]]) -> None:
    for i in P(x.shape[0]):
        copy(x[i : i + 1], y[i : i + 1])


def test_nothing_is_known_of_a_program_whose_types_do_not_fit():
    program = Compose().apply(capture(bad_types))
    assert proven(program, program.main) is None
    assert independent_arrays(program, program.main) == ()
