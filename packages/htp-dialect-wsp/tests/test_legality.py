"""Orders: what a reordering breaks, with the pair and its distance, and what is kept for all sizes."""

import os
import random
from itertools import permutations, product

import pytest

from htp.capture import parse_program
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.legality import order_kept

PROGRAMS = 60 if os.environ.get("HTP_TEST_LONG") == "1" else 10

HEAD = """from htp import In, InOut, Out, Tensor, f32, i32, kernel, tile
from htp_dialect_wsp import P, workload


@kernel
def put(y: Out[Tensor[f32, "p", "q"]]) -> None:
    y[:] = 1.0


@kernel
def up(x: In[Tensor[f32, "p", "q"]], y: InOut[Tensor[f32, "r", "s"]]) -> None:
    y[:] = 1.0


@workload
def w(a: InOut[Tensor[f32, {m}, {n}]], c: InOut[Tensor[f32, {m}, {n}]], t: In[Tensor[i32, "Z"]]) -> None:
    M, N = a.shape
{body}

if __name__ == "__main__":
    from htp import run_stage

    run_stage(w)
"""


def program(body, m='"M"', n='"N"'):
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    return Compose().apply(parse_program(HEAD.format(body=lines, m=m, n=n), "orders.py"))


def kept(before, after, **sizes):
    return order_kept(program(before, **sizes), program(after, **sizes))


TILES, COLUMN_TILES, SUMMED = (
    "for i in P(range(0, M, 16)):",
    "for j in P(range(0, N, 16)):",
    "for k in P.seq(range(0, N, 8)):",
)


def nest(*loops, call):
    return "\n".join([*("    " * depth + loop for depth, loop in enumerate(loops)), "    " * len(loops) + call])


SUM = "up(a[i:i + 16, k:k + 8], c[i:i + 16, j:j + 16])"


@pytest.mark.parametrize(
    "order", list(permutations((TILES, COLUMN_TILES, SUMMED))), ids=lambda each: "".join(loop[4] for loop in each)
)
def test_sums_keep_their_order_in_every_order_of_the_loops(order):
    assert kept(nest(TILES, COLUMN_TILES, SUMMED, call=SUM), nest(*order, call=SUM)) is None


SKEWED = "up(a[i:i + 1, j:j + 1], c[i + j:i + j + 1, :])"
ROWS, COLUMNS = "for i in P.seq(range(0, M)):", "for j in P.seq(range(0, N)):"


def test_a_turned_dependence_is_told_with_its_pair_and_distance():
    found = kept(nest(ROWS, COLUMNS, call=SKEWED), nest(COLUMNS, ROWS, call=SKEWED))
    assert [name for name, _ in found.distance] == ["i", "j"]
    assert found.vector == (1, -1)
    assert found.kind == "RAW+WAR+WAW"
    assert (found.source.at, found.target.at) == ((0, 1), (1, 0))
    assert found.message == (
        "`up` of (i=1, j=0) would run before `up` of (i=0, j=1), on which it depends (RAW+WAR+WAW, (1, -1) in (i, j))"
    )
    assert found.notes[0].startswith("seen with M = ")
    assert found.help


def test_constant_sizes_are_decided_without_a_proof_and_told_without_sizes():
    once = "for j in P.seq(range(0, 1)):"
    fixed = HEAD.replace('"Z"', "4")
    texts = [
        fixed.format(body="\n".join(f"    {line}" for line in nest(*loops, call=SKEWED).splitlines()), m="6", n="5")
        for loops in ((ROWS, once), (once, ROWS), (ROWS, COLUMNS), (COLUMNS, ROWS))
    ]
    one, two, three, four = (Compose().apply(parse_program(text, "fixed.py")) for text in texts)
    assert order_kept(one, two) is None
    assert order_kept(three, four).notes == ()


def test_statements_that_change_places():
    body = "for i in P(range(0, M, 16)):\n    {}\n    {}"
    first, second = "put(c[i:i + 16, :])", "up(c[i:i + 16, :], a[i:i + 16, :])"
    found = kept(body.format(first, second), body.format(second, first))
    assert (found.source.kernel, found.target.kernel, found.vector) == ("put", "up", (0,))
    assert kept(body.format(first, second), body.format(first, second)) is None


def test_other_tasks_are_no_other_order():
    one, other = nest(TILES, call="put(c[i:i + 16, :])"), nest(TILES, call="put(c[i:i + 8, :])")
    assert kept(one, other).undecided == "the tasks are not the same"
    call = "put(c[i:i + 1, n:n + 1])\n        n += 1"
    counted, swapped = f"n = 0\n{nest(ROWS, COLUMNS, call=call)}", f"n = 0\n{nest(COLUMNS, ROWS, call=call)}"
    assert kept(counted, swapped).undecided


def test_what_depends_on_data_is_undecided():
    call = "r = tile.item(t[j])\n        put(c[r:r + 1, :])"
    found = kept(nest(ROWS, COLUMNS, call=call), nest(COLUMNS, ROWS, call=call))
    assert found.source is None
    assert found.undecided == found.message
    assert "dims=" in found.help


def test_an_order_that_is_kept_at_some_sizes_but_not_proven_is_undecided():
    before = nest(ROWS, "for j in P.seq(range(0, i)):", call="up(c[j:j + 1, :], a[i:i + 1, :])")
    after = before.replace("c[j:j + 1, :]", "c[j + 0:j + 1, :]")
    assert kept(before, before) is None
    assert "not proven for all sizes" in kept(before, after).undecided


# against elements -------------------------------------------------------------------------------------------------


def broken(order, loops, box, size):
    """Whether two tasks that write the same element of `c` change places when the loops stand in another order."""
    points = list(product(*(range(0, size, step) for _, step in loops)))
    later = sorted(points, key=lambda point: [point[at] for at in order])
    place = {point: at for at, point in enumerate(later)}

    def elements(point):
        spans = [sum(f * v for f, v in zip(factors, point, strict=True)) for factors, _ in box]
        return {
            (x, y)
            for x in range(spans[0], min(spans[0] + box[0][1], size))
            for y in range(spans[1], min(spans[1] + box[1][1], size))
        }

    touched = {point: elements(point) for point in points}
    return any(
        touched[one] & touched[other] and place[one] > place[other]
        for at, one in enumerate(points)
        for other in points[at + 1 :]
    )


def test_random_reorderings_agree_with_elements():
    draw = random.Random(9)
    refused = accepted = 0
    for _ in range(PROGRAMS):
        depth = draw.choice((2, 3))
        loops = [(f"i{at}", draw.choice((1, 2))) for at in range(depth)]
        box = [([draw.choice((0, 0, 1, 1, 2)) for _ in loops], draw.choice((1, 2, 3))) for _ in range(2)]
        order = draw.sample(range(depth), depth)
        starts = [" + ".join(f"i{at} * {factor}" for at, factor in enumerate(factors)) for factors, _ in box]
        slices = (f"{start}:{start} + {width}" for start, (_, width) in zip(starts, box, strict=True))
        call = f"up(a[0:1, 0:1], c[{', '.join(slices)}])"
        headers = [f"for {name} in P.seq(range(0, M, {step})):" for name, step in loops]
        found = kept(nest(*headers, call=call), nest(*(headers[at] for at in order), call=call), n='"M"')
        if found is None:
            accepted += 1
            for size in (1, 2, 3, 4, 6):
                assert not broken(order, loops, box, size), (size, call, headers, order)
        elif found.source is not None:
            refused += 1
            assert broken(order, loops, box, dict(found.sizes)["M"]), (call, headers, order)
    assert refused > PROGRAMS // 16
    assert accepted > PROGRAMS // 4
