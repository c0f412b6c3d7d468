"""`reduce`: partial accumulators in a fixed tree."""

import numpy as np
import pytest
from scheduling_kit import agree, at_its_line, body, function_of, inscribed, random, refused, scheduled

from htp import In, InOut, Out, Tensor, f32, i32, kernel, tile
from htp.diagnostics import Refused
from htp_dialect_wsp import P, workload
from htp_dialect_wsp.races import check


@kernel
def gemm(a: In[Tensor[f32, "m", "k"]], b: In[Tensor[f32, "k", "n"]], c: InOut[Tensor[f32, "m", "n"]]) -> None:
    c[:] = c[:] + a[:] @ b[:]


@kernel
def times(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] * x[:]


@kernel
def most(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = tile.maximum(y[:], x[:])


@kernel
def least(x: In[Tensor[i32, "n"]], y: InOut[Tensor[i32, "n"]]) -> None:
    y[:] = tile.minimum(y[:], x[:])


@kernel
def blend(x: In[Tensor[f32, "n"]], z: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:] * z[:]


@kernel
def fill(y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = tile.zeros(y.shape, f32)


@workload
def product(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: InOut[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        for k in P(range(0, a.shape[1], 4)):
            gemm(a[i:i + 4, k:k + 4], b[k:k + 4, j:j + 8], c[i:i + 4, j:j + 8])


@workload
def powers(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]]) -> None:
    for k in P(x.shape[0]):
        times(x[k, :], y)


@workload
def largest(x: In[Tensor[f32, 5, 8]], y: InOut[Tensor[f32, 8]]) -> None:
    for k in P.seq(5):
        most(x[k, :], y[:])


@workload
def smallest(x: In[Tensor[i32, "M", 8]], y: InOut[Tensor[i32, 8]]) -> None:
    for k in P(x.shape[0]):
        least(x[k, :], y[:])


@workload
def outside(x: In[Tensor[f32, "M", 64]], y: InOut[Tensor[f32, 64]]) -> None:
    for k in P(x.shape[0]):
        for i in P(range(0, 64, 8)):
            times(x[k, i:i + 8], y[i:i + 8])


@workload
def triangle(x: In[Tensor[f32, 8, 64]], y: InOut[Tensor[f32, 64]]) -> None:
    for k in P.seq(8):
        for i in P.seq(range(0, k * 8, 8)):
            times(x[k, i:i + 8], y[i:i + 8])


@workload
def mixed(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 16]]) -> None:
    for k in P.seq(x.shape[0]):
        blend(x[k, :], y[8:16], y[0:8])


@workload
def plain(y: Out[Tensor[f32, 16, 8]]) -> None:
    for k in P(16):
        fill(y[k, :])


@pytest.mark.parametrize("size", [(9, 70, 20), (4, 3, 8), (1, 1, 1), (5, 0, 9)])
def test_sums(size):
    m, k, n = size
    agree(product, [random(m, k), random(k, n), random(m, n)], "reduce('k', '+')", "tile('i', 2, tail='mask')",
          tolerance=1e-4)  # fmt: skip


def test_the_text():
    program = scheduled(product, "reduce('k', '+')")
    assert body(program)[3:] == [
        "        c_parts = empty((8, c[i:i + 4, j:j + 8].shape[0], c[i:i + 4, j:j + 8].shape[1]), f32)",
        "        for k_c in P(range(0, 8)):",
        "            zeros_f32_2(c_parts[k_c])",
        "        for k in P.seq(range(0, a.shape[1], 4)):",
        "            gemm(a[i:i + 4, k:k + 4], b[k:k + 4, j:j + 8], c_parts[k // 4 % 8])",
        "        add_f32_2(c_parts[4], c_parts[0])",
        "        add_f32_2(c_parts[5], c_parts[1])",
        "        add_f32_2(c_parts[6], c_parts[2])",
        "        add_f32_2(c_parts[7], c_parts[3])",
        "        add_f32_2(c_parts[2], c_parts[0])",
        "        add_f32_2(c_parts[3], c_parts[1])",
        "        add_f32_2(c_parts[1], c_parts[0])",
        "        add_f32_2(c_parts[0], c[i:i + 4, j:j + 8])",
    ]


def test_the_tree_is_the_same_for_every_run_and_is_this_one():
    x, y = random(11, 8), np.ones(8, np.float32)
    lanes = [np.ones(8, np.float32) for _ in range(8)]
    for k in range(11):
        lanes[k % 8] = lanes[k % 8] * x[k]
    for source, target in ((4, 0), (5, 1), (6, 2), (7, 3), (2, 0), (3, 1), (1, 0)):
        lanes[target] = lanes[target] * lanes[source]
    function_of(scheduled(powers, "reduce('k', '*')"))(x, y)
    np.testing.assert_array_equal(y, lanes[0])


def test_the_largest_and_the_smallest_are_exact_and_short_loops_have_fewer_parts():
    program = agree(largest, [random(5, 8), random(8)], "reduce('k', 'max')")
    assert "y_parts = empty((5, y[:].shape[0]), f32)" in body(program)
    numbers = np.random.default_rng(0).integers(-99, 99, (30, 8)).astype(np.int32)
    agree(smallest, [numbers, np.full(8, 50, np.int32)], "reduce('k', 'min')")
    agree(smallest, [numbers[:0], np.full(8, 50, np.int32)], "reduce('k', 'min')")


def test_an_operator_that_is_not_associative():
    found = at_its_line(refused(powers, "reduce('k', '-')"), 1)
    assert (found.code, found.help) == ("wsp.reduce", ("use one of +, *, min, max",))


def test_a_loop_that_adds_to_nothing():
    assert at_its_line(refused(plain, "reduce('k', '+')"), 1).code == "wsp.reduce"


def test_an_accumulator_that_moves_inside_of_the_loop():
    found = refused(outside, "reduce('k', '*')")
    assert found.code == "wsp.reduce"
    assert "'times' adds to `y[i:i + 8]`, which moves with 'i' inside of 'k'" in found.message
    assert found.help == ("say reorder('i', 'k') first, so that 'k' is inside of 'i'",)
    assert "leave the directive out" in refused(triangle, "reduce('k', '*')").help[0]
    agree(outside, [random(9, 64), random(64)], "reorder('i', 'k')", "reduce('k', '*')", tolerance=1e-4)


def test_an_array_that_is_read_beside_its_accumulator():
    found = refused(mixed, "reduce('k', '+')")
    assert found.code == "wsp.reduce"
    assert "takes `y[8:16]` beside the accumulator `y[0:8]`" in found.message


def test_a_loop_that_an_earlier_directive_made():
    """The race check, which comes first, sees through the directive."""

    @workload
    def total(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]]) -> None:
        for k in P(x.shape[0]):
            blend(x[k, :], x[k, :], y[:])

    plan = ("tile('k', 4, tail='mask')", "reduce('k_o', '+')")
    check(inscribed(total, *plan))
    agree(total, [random(37, 8), random(8)], *plan, tolerance=1e-4)
    with pytest.raises(Refused):
        check(inscribed(total, "tile('k', 4, tail='mask')"))


# kernels that do something else with an accumulator ----------------------------------------------------------------


@kernel
def decay(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] * 0.5 + x[:]


@kernel
def add_both(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:] * y[:]


@kernel
def away(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] - y[:]


@kernel
def shift(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[0:4] = y[4:8] + x[0:4]


@kernel
def overwrite(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = x[:]


@kernel
def by_hand(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    t = y[:]
    y[:] = t + x[:]


@kernel
def both_ways(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:]
    y[0:4] = y[0:4] * x[0:4]


@kernel
def through(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    decay(x[:], y[:])


@kernel
def ask(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    if tile.item(y[0]) > 0.0:
        y[:] = y[:] + x[:]


@kernel
def take_away(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    for i in range(0, x.shape[0], 4):
        y[i:i + 4] -= x[i:i + 4]
    y[:] = 1.0 + y[:] - x[:]


@kernel
def called(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    if x.shape[0] > 0:
        take_away(x[:], y[:])


def over(kern):
    """A workload that calls the kernel with one accumulator in every iteration."""

    @workload
    def updated(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]]) -> None:
        for k in P.seq(x.shape[0]):
            kern(x[k, :], y[:])

    return updated


OTHERS = {
    decay: "`decay` has `y[:] = y[:] * 0.5 + x[:]`",
    add_both: "`add_both` has `y[:] = y[:] + x[:] * y[:]`",
    away: "`away` has `y[:] = x[:] - y[:]`",
    shift: "`shift` has `y[0:4] = y[4:8] + x[0:4]`",
    overwrite: "`overwrite` has `y[:] = x[:]`",
    by_hand: "`by_hand` has `t = y[:]`",
    both_ways: "`both_ways` has `y[0:4] = y[0:4] * x[0:4]`",
    through: "`decay` has `y[:] = y[:] * 0.5 + x[:]`",
    ask: "`ask` has `tile.item(y[0]) > 0.0`",
}


@pytest.mark.parametrize("kern", OTHERS, ids=lambda each: each.name)
def test_a_kernel_that_does_something_else_with_its_accumulator(kern):
    found = at_its_line(refused(over(kern), "reduce('k', '+')"), 1)
    assert found.code == "wsp.reduce"
    assert found.message == (
        f"'{kern.name}' does something else with `y` than to update it with `+`: {OTHERS[kern]}"
    )
    assert "`y[:] = y[:] + e`" in found.help[0]


def test_an_operator_that_is_not_the_kernels():
    found = at_its_line(refused(over(most), "reduce('k', '+')"), 1)
    assert (found.code, found.help) == ("wsp.reduce", ("write 'max'",))
    assert found.message == "'most' updates `y` with `max`, and the directive says `+`"
    assert refused(over(blend_with_itself), "reduce('k', 'max')").help == ("write '+'",)


@kernel
def blend_with_itself(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:] * x[:]


@kernel
def dotted(a: In[Tensor[f32, "m", "k"]], b: In[Tensor[f32, "k", "n"]], c: InOut[Tensor[f32, "m", "n"]]) -> None:
    c[:] = tile.dot(a[:], b[:], acc=c[:])


@workload
def dots(a: In[Tensor[f32, "K", 4, 4]], c: InOut[Tensor[f32, 4, 4]]) -> None:
    for k in P.seq(a.shape[0]):
        dotted(a[k], a[k], c[:])


@kernel
def squared(a: In[Tensor[f32, "m", "m"]], c: InOut[Tensor[f32, "m", "m"]]) -> None:
    c[:] = tile.dot(c[:], a[:])


@workload
def products(a: In[Tensor[f32, "K", 4, 4]], c: InOut[Tensor[f32, 4, 4]]) -> None:
    for k in P.seq(a.shape[0]):
        squared(a[k], c[:])


def test_a_matrix_product_with_an_accumulator_is_a_sum():
    agree(dots, [random(11, 4, 4), random(4, 4)], "reduce('k', '+')", tolerance=1e-4)
    assert "`squared` has `c[:] = tile.dot(c[:], a[:])`" in refused(products, "reduce('k', '+')").message


def test_differences_chains_and_calls_are_sums():
    agree(over(called), [random(11, 8), random(8)], "reduce('k', '+')", tolerance=1e-4)


@workload
def running(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]], z: InOut[Tensor[f32, "M", 8]]) -> None:
    for k in P.seq(x.shape[0]):
        blend_with_itself(x[k, :], y[:])
        blend_with_itself(y[:], z[k, :])


@workload
def asked(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]]) -> None:
    for k in P.seq(x.shape[0]):
        if tile.item(y[0]) > 0.0:
            blend_with_itself(x[k, :], y[:])


def test_an_accumulator_that_the_loop_reads():
    found = refused(running, "reduce('k', '+')")
    assert found.message == "'blend_with_itself' takes the accumulator `y[:]`, which has parts of the result only"
    found = refused(asked, "reduce('k', '+')")
    assert found.message == "the loop 'k' reads `y`, which has parts of the result only"
