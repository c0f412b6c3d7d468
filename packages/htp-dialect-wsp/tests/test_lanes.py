"""`vectorize`: consecutive iterations as one task, and loops that have no lanes."""

import pytest
from scheduling_kit import agree, at_its_line, body, poison, random, refused

from htp import In, InOut, Out, Scalar, Tensor, f32, i64, kernel
from htp.unparse import function_text
from htp_dialect_wsp import P, workload


@kernel
def gemm(a: In[Tensor[f32, "m", "k"]], b: In[Tensor[f32, "k", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = a[:] @ b[:]


@kernel
def put(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]], number: Scalar[i64]) -> None:
    y[:] = x[:] + number


@kernel
def negate(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = -x[:]


@kernel
def add(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def bias(x: In[Tensor[f32, "n"]], b: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] + b[:]


@workload
def product(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        gemm(a[i:i + 4, :], b[:, j:j + 8], c[i:i + 4, j:j + 8])


@workload
def rows(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[f32, "M", "N"]]) -> None:
    M = x.shape[0]
    for k in P(M):
        put(x[k, :], y[k, :], k * 3 + 1)
        negate(y[k, :], z[k, :])


@workload
def gaps(x: In[Tensor[f32, 64]], y: InOut[Tensor[f32, 64]]) -> None:
    for i in P(range(0, 64, 16)):
        negate(x[i:i + 8], y[i:i + 8])


@workload
def strided(x: In[Tensor[f32, 16, 4]], y: InOut[Tensor[f32, 16, 4]]) -> None:
    for i in P(8):
        negate(x[2 * i, :], y[2 * i, :])


@workload
def diagonal(x: In[Tensor[f32, 16, 16]], y: InOut[Tensor[f32, 16, 16]]) -> None:
    for i in P(range(0, 16, 4)):
        gemm(x[i:i + 4, i:i + 4], x[i:i + 4, i:i + 4], y[i:i + 4, i:i + 4])


@workload
def total(x: In[Tensor[f32, 8, 4]], y: InOut[Tensor[f32, 4]]) -> None:
    for i in P(8):
        add(x[i, :], y[:])


@workload
def ordered(x: In[Tensor[f32, 8, 4]], y: InOut[Tensor[f32, 4]]) -> None:
    for i in P.seq(8):
        add(x[i, :], y[:])


@workload
def biased(x: In[Tensor[f32, 64]], b: In[Tensor[f32, 8]], y: Out[Tensor[f32, 64]]) -> None:
    for i in P(range(0, 64, 8)):
        bias(x[i:i + 8], b[:], y[i:i + 8])


@workload
def uneven(x: In[Tensor[f32, 8, 4]], y: Out[Tensor[f32, 8, 4]]) -> None:
    for i in P(8):
        put(x[i, :], y[i, :], i * i)


@pytest.mark.parametrize("size", [(9, 5, 37), (4, 3, 32), (1, 1, 1), (3, 2, 0)])
def test_lanes_of_a_slice(size):
    m, k, n = size
    program = agree(product, [random(m, k), random(k, n), poison(m, n)], "vectorize('j', 3)")
    assert "        gemm_x3(a[i:i + 4, :], b[:, j:j + 24], c[i:i + 4, j:j + 24])" in body(program)
    text = function_text(program.function("gemm_x3"))
    assert "for lane in range(0, 3):" in text
    assert "gemm(a, b[:, lane * 8:lane * 8 + 8], c[:, lane * 8:lane * 8 + 8])" in text


@pytest.mark.parametrize("size", [0, 3, 8, 11])
def test_lanes_of_indices_and_scalars_of_several_tasks(size):
    program = agree(rows, [random(size, 5), poison(size, 5), poison(size, 5)], "vectorize('k', 4)")
    text = function_text(program.function("put_negate_x4"))
    assert "put_negate(x[lane], y[lane], z[lane], " in text
    assert "k + lane)" in text


def test_iterations_in_order_have_no_lanes():
    found = at_its_line(refused(ordered, "vectorize('i', 2)"), 1)
    assert found.code == "wsp.vector-stride"
    assert found.message == "the iterations of 'i' run in order: it goes over `P.seq(8)`"


def test_what_every_lane_writes_is_no_lane():
    found = refused(total, "reduce('i', '+')", "reduce('i_y', '+')")
    assert found.code == "wsp.reduce"
    found = refused(product, "vectorize('i', 2)")
    assert found.code == "wsp.vector-stride"
    assert "kernel calls only" in found.message


@pytest.mark.parametrize(
    ("workload", "said"),
    [(gaps, "slices of 8 elements in steps of 16"), (strided, "indices that are not next to each other"),
     (diagonal, "moves along 2 axes"), (biased, "'n' to be one size"), (uneven, "does not grow evenly with 'i'")],
)  # fmt: skip
def test_regions_that_do_not_join(workload, said):
    found = at_its_line(refused(workload, "vectorize('i', 2)"), 1)
    assert found.code == "wsp.vector-stride"
    assert said in found.message
