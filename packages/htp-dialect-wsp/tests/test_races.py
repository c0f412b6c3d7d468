"""Races: what is refused and how it is told, what is let pass, and agreement with sets of elements."""

import os
import random
import re
from itertools import combinations, product

import pytest

import htp
from htp import In, InOut, Out, Scalar, Tensor, f32, i32, kernel, tile
from htp.capabilities import Captured
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.passes import run_step
from htp_dialect_wsp import DenseDyn, P, Ragged, Sparse, scheduled, workload
from htp_dialect_wsp.capabilities import Checked
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.races import Check, check

PROGRAMS = 300 if os.environ.get("HTP_TEST_LONG") == "1" else 40


@kernel
def gemm_tile(a: In[Tensor[f32, "m", "K"]], b: In[Tensor[f32, "K", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = a[:] @ b[:]


@kernel
def copy(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "p", "n"]]) -> None:
    y[:] = x[:]


@kernel
def add(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "p", "n"]]) -> None:
    y[:] = y[:] + tile.sum(x[:], axis=0, keepdims=True)


@kernel
def fill(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "p", "q"]]) -> None:
    y[:] = tile.sum(x[:], axis=0, keepdims=True)[:, :1]


def nested(entry):
    return Compose().apply(capture(entry))


def findings(entry):
    return [each.code for each in check(nested(entry))]


def race(entry):
    with pytest.raises(Refused) as caught:
        check(nested(entry))
    assert caught.value.code == "wsp.parallel-race"
    assert caught.value.diagnostic.help
    return caught.value.diagnostic


# told -------------------------------------------------------------------------------------------------------------


@workload
def one_output(a: In[Tensor[f32, "B", 16, 16]], b: In[Tensor[f32, 16, 16]], C: Out[Tensor[f32, 16, 16]]) -> None:
    batch = a.shape[0]
    for b_ in P(batch):
        gemm_tile(a[b_], b[:], C[:])


def test_the_text_says_who_writes_what_and_where():
    found = race(one_output)
    line = one_output.place.line + 4
    assert found.message == (
        f"iterations (b_=0) and (b_=1) of 'for b_ in P(batch)' both write C[0:16,0:16] (gemm_tile, line {line}). "
        "Use P.seq or give each iteration its own output"
    )
    assert found.span.line == line - 1
    assert found.help == ("keep the order: `for b_ in P.seq(batch)`",)
    assert found.notes == ("seen with B = 3",)


@workload
def shared_columns(x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:
    M, N = x.shape
    for i, j in P(range(0, M, 16), range(0, N, 32)):
        add(x[i : i + 16, j : j + 32], y[i : i + 16, 0:32])


def test_a_nest_of_one_line_is_told_as_one_with_all_its_variables():
    assert re.match(
        r"iterations \(i=0, j=0\) and \(i=0, j=32\) of 'for i, j in P\(range\(0, M, 16\), range\(0, N, 32\)\)' "
        r"both write y\[0:16,0:32\] \(add, line \d+\)\.",
        race(shared_columns).message,
    )


@workload
def two_kernels(x: In[Tensor[f32, 64, 8]], y: Out[Tensor[f32, 64, 8]], z: Out[Tensor[f32, 64, 8]]) -> None:
    for i in P(range(0, 64, 16)):
        copy(x[i : i + 16], y[i : i + 16])
        add(y[0:16], z[i : i + 16])


def test_a_write_and_a_read_name_both_kernels_and_constant_sizes_need_no_note():
    found = race(two_kernels)
    line = two_kernels.place.line
    assert found.message.startswith(
        "iterations (i=0) and (i=16) of 'for i in P(range(0, 64, 16))' write and read y[0:16,0:8] "
        f"(copy, line {line + 3}; add, line {line + 4})."
    )
    assert found.notes == ()


@workload
def shifted(y: InOut[Tensor[f32, "M", 8]]) -> None:
    for i in P(range(0, y.shape[0], 16)):
        copy(y[i + 16 : i + 32], y[i : i + 16])


def test_a_read_before_a_write():
    assert "read and write y[16:32,0:8]" in race(shifted).message


@workload
def overlapping(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[i : i + 17])


def test_slices_that_overlap_by_one_row():
    assert "both write y[16:17,0:8]" in race(overlapping).message


@workload
def heads(x: In[Tensor[f32, 8, "N"]], cosine: In[Tensor[f32, 8, "half"]], y: Out[Tensor[f32, 8, "N"]]) -> None:
    d = 2 * cosine.shape[1]
    for h in P(x.shape[1] // d):
        fill(x[:, h * d : h * d + d], y[:, h * d : h * d + d + 1])


def test_a_race_that_needs_one_size_far_larger_than_another():
    assert "(h=0) and (h=1)" in race(heads).message


@workload
def run_time_rows(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], n: Scalar[i32]) -> None:
    for i in P(DenseDyn("n")):
        copy(x[i : i + 1], y[0:1])


def test_a_race_under_a_size_that_only_the_run_knows():
    assert "both write y[0:1,0:8]" in race(run_time_rows).message


# let pass ---------------------------------------------------------------------------------------------------------


@workload
def gemm(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 128), range(0, N, 256)):
        gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])


@workload
def in_order(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 16, 8]], z: InOut[Tensor[f32, "M", 8]]) -> None:
    for i in P.seq(range(0, x.shape[0], 16)):
        add(x[i : i + 16], y[:])
    for i in range(0, x.shape[0], 16):
        add(x[i : i + 16], y[:])
    for i in P(range(0, x.shape[0], 16)):
        for _k in P.seq(4):
            add(x[i : i + 16], z[i : i + 16])


@workload
def run_time_own_rows(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], n: Scalar[i32]) -> None:
    for i in P(DenseDyn("n")):
        copy(x[i : i + 1], y[i : i + 1])


@workload
def blocks(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P((x.shape[0] + 63) // 64):
        copy(x[i * 64 : (i + 1) * 64], y[i * 64 : (i + 1) * 64])


@kernel
def copy_one(x: In[Tensor[f32, 1, 8]], y: Out[Tensor[f32, 1, 8]]) -> None:
    y[:] = x[:]


@workload
def as_many_as_rows(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(x.shape[0]):
        copy_one(x[i : i + 1], y[i : i + 1])


INDEPENDENT = [gemm, in_order, run_time_own_rows, blocks, as_many_as_rows]


@pytest.mark.parametrize("entry", INDEPENDENT, ids=lambda each: each.name)
def test_independent_for_all_sizes(entry):
    assert findings(entry) == []


@kernel
def most(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "p", "n"]]) -> None:
    y[:] = tile.maximum(y[:], x[:])


@kernel
def decay(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "p", "n"]]) -> None:
    y[:] = y[:] * 0.5 + x[:]


@workload
def one_sum(x: In[Tensor[f32, 64, 8]], y: InOut[Tensor[f32, 16, 8]]) -> None:
    for i in P(4):
        add(x[i * 16 : (i + 1) * 16], y[:])


@workload
def one_most(x: In[Tensor[f32, 64, 8]], y: InOut[Tensor[f32, 16, 8]]) -> None:
    for i in P(4):
        most(x[i * 16 : (i + 1) * 16], y[:])


@workload
def one_decay(x: In[Tensor[f32, 64, 8]], y: InOut[Tensor[f32, 16, 8]]) -> None:
    for i in P(4):
        decay(x[i * 16 : (i + 1) * 16], y[:])


@workload
def moving_sums(x: In[Tensor[f32, 64, 8]], y: InOut[Tensor[f32, 80, 8]]) -> None:
    for i in P(4):
        add(x[i * 16 : (i + 1) * 16], y[i : i + 16])


def test_a_reduction_is_proposed_where_kernels_accumulate_and_with_their_operator():
    assert race(one_sum).message.endswith(', or declare reduce("+")')
    assert race(one_most).message.endswith(', or declare reduce("max")')
    assert race(one_decay).message.endswith("Use P.seq or give each iteration its own output")
    assert race(moving_sums).message.endswith("Use P.seq or give each iteration its own output")


@workload
def summed(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 16, 8]]) -> None:
    scheduled.reduce("i", "+")
    for i in P(range(0, x.shape[0], 16)):
        add(x[i : i + 16], y[:])


@workload
def summed_by_copies(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, 16, 8]]) -> None:
    scheduled.reduce("i", "+")
    for i in P(range(0, x.shape[0], 16)):
        copy(x[i : i + 16], y[:])


def test_reduce_lets_iterations_share_what_they_update_and_nothing_else():
    assert findings(summed) == []
    race(summed_by_copies)


@workload
def triangle(y: InOut[Tensor[f32, 48, 8]]) -> None:
    for i in P.seq(range(0, 48, 16)):
        for j in P(range(0, i, 16)):
            copy(y[i : i + 16], y[j : j + 16])


@workload
def any_triangle(y: InOut[Tensor[f32, "M", 8]]) -> None:
    for i in P.seq(range(0, y.shape[0], 16)):
        for j in P(range(0, i, 16)):
            copy(y[i : i + 16], y[j : j + 16])


def test_all_tasks_are_looked_at_where_sizes_are_constant():
    assert findings(triangle) == []


def test_what_is_neither_proven_nor_seen_to_race_is_a_warning():
    (found,) = check(nested(any_triangle))
    assert (found.code, found.severity) == ("wsp.parallel-unproven", "warning")
    assert "for j in P(range(0, i, 16))" in found.message
    assert found.help


@workload
def scattered(x: In[Tensor[f32, "M", 8]], rows: In[Tensor[i32, "M"]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(x.shape[0]):
        r = tile.item(rows[i])
        copy(x[i : i + 1], y[r : r + 1])


def test_data_that_decide_regions_are_a_note():
    found = check(nested(scattered))
    assert [(each.code, each.severity) for each in found] == [
        ("wsp.region-unknown", "note"),
        ("wsp.parallel-unproven", "warning"),
    ]
    assert "`y`" in found[0].message


@kernel
def copy_row(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 8]]) -> None:
    y[:] = x[:]


@workload
def scattered_rows(x: In[Tensor[f32, "M", 8]], rows: In[Tensor[i32, "M"]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for i in P(x.shape[0]):
        copy_row(x[i], y[tile.item(rows[i])])


def test_warnings_reach_the_package_and_a_strict_compilation_refuses_them(tmp_path):
    package = htp.compile_program(scattered_rows, out=tmp_path / "loose")
    assert [each.code for each in package.diagnostics] == ["wsp.region-unknown", "wsp.parallel-unproven"]
    planned = htp.plan(scattered_rows).diagnostics
    assert [each.code for each in planned] == ["wsp.region-unknown", "wsp.parallel-unproven"]
    with pytest.raises(Refused) as refused:
        htp.compile_program(scattered_rows, out=tmp_path / "strict", strict=True)
    assert [(each.code, each.severity) for each in refused.value.diagnostics] == [("wsp.parallel-unproven", "error")]
    assert not (tmp_path / "strict").exists()


@workload
def ragged(x: In[Tensor[f32, "R", 64, 8]], lens: In[Tensor[i32, "R"]], y: Out[Tensor[f32, "R", 64, 8]]) -> None:
    for r, i in P(Ragged(x.shape[0], lens)):
        copy(x[r, i : i + 1], y[r, i : i + 1])


@workload
def ragged_race(x: In[Tensor[f32, "R", 64, 8]], lens: In[Tensor[i32, "R"]], y: Out[Tensor[f32, "R", 64, 8]]) -> None:
    for r, i in P(Ragged(x.shape[0], lens)):
        copy(x[r, i : i + 1], y[r, 0:1])


@workload
def sparse_race(
    x: In[Tensor[f32, "N", 8]], ptr: In[Tensor[i32, "R"]], picked: In[Tensor[i32, "Z"]], y: InOut[Tensor[f32, "Q", 8]]
) -> None:
    pages = Sparse(ptr, picked)
    for r in P(y.shape[0]):
        for e in P.sel(pages[r]):
            add(x[e : e + 1], y[r : r + 1])


def test_axes_whose_rows_only_the_run_knows():
    assert findings(ragged) == []
    assert "(r=0, i=0) and (r=0, i=1)" in race(ragged_race).message
    assert "of 'for r, i in P(Ragged(x.shape[0], lens))'" in race(ragged_race).message
    assert "both write y[0:1,0:8]" in race(sparse_race).message
    assert race(sparse_race).help == ("keep the order: `for k, e in P.seq(pages[r])`",)


@workload
def two_sides(x: In[Tensor[f32, 8, 8]], flag: In[Tensor[i32, 1]], y: InOut[Tensor[f32, 8, 8]]) -> None:
    first = tile.item(flag[0])
    for i in P(2):
        if first > 0:
            add(x[i : i + 1], y[i * 4 : i * 4 + 4])
        else:
            add(x[i : i + 1], y[4 - i * 4 : 8 - i * 4])


@workload
def chosen_rows(x: In[Tensor[f32, 8, 8]], flag: In[Tensor[i32, 2]], y: InOut[Tensor[f32, 8, 8]]) -> None:
    for i in P(2):
        with P.when(tile.item(flag[i]) > 0):
            add(x[i : i + 1], y[0:4])


@workload
def all_or_none(x: In[Tensor[f32, 8, 8]], flag: In[Tensor[i32, 2]], y: InOut[Tensor[f32, 8, 8]]) -> None:
    first = tile.item(flag[0])
    for i in P(2):
        with P.when(first > 0):
            add(x[i : i + 1], y[0:4])


def test_conditions_on_data_make_a_race_certain_only_where_both_tasks_have_the_same():
    assert [each.severity for each in check(nested(two_sides))] == ["warning"]
    assert [each.severity for each in check(nested(chosen_rows))] == ["warning"]
    assert "(i=0) and (i=1)" in race(all_or_none).message


def test_the_pass_changes_nothing_and_promises_that_it_looked():
    program = nested(gemm).with_facts([Captured(), *Compose.provides])
    result = run_step(Check(), program)
    assert result.program.canonical == program.canonical
    assert Checked() in result.program.facts


# against elements -------------------------------------------------------------------------------------------------

STAGE = """from htp import In, InOut, Out, Scalar, Tensor, f32, i32, kernel
from htp_dialect_wsp import P, workload


@kernel
def get1(x: In[Tensor[f32, "p"]]) -> None:
    n = 1


@kernel
def put1(y: Out[Tensor[f32, "p"]]) -> None:
    y[:] = 1.0


@kernel
def up1(y: InOut[Tensor[f32, "p"]]) -> None:
    y[:] = 1.0


@kernel
def move1(x: In[Tensor[f32, "p"]], y: Out[Tensor[f32, "q"]]) -> None:
    y[:] = 1.0


@kernel
def put2(y: Out[Tensor[f32, "p", "q"]]) -> None:
    y[:] = 1.0


@kernel
def move2(x: In[Tensor[f32, "p", "q"]], y: Out[Tensor[f32, "r", "s"]]) -> None:
    y[:] = 1.0


@workload
def w({head}) -> None:
    for i0{body}

if __name__ == "__main__":
    from htp import run_stage

    run_stage(w)
"""
KERNELS = {
    1: {"get1": ("in",), "put1": ("out",), "up1": ("inout",), "move1": ("in", "out")},
    2: {"put2": ("out",), "move2": ("in", "out")},
}


class Written:
    """A random workload: loops, and calls whose regions are sums of multiples of the loop variables."""

    def __init__(self, draw):
        self.draw = draw
        self.rank = draw.choice((1, 1, 2))
        self.constant = draw.random() < 0.5
        self.loops = [self.loop(depth) for depth in range(draw.randint(1, 3))]
        self.calls = [self.call() for _ in range(draw.randint(1, 2))]

    def loop(self, depth):
        kind = self.draw.choice(("P", "P", "P.seq", "range"))
        step = self.draw.choice((1, 1, 2, 3))
        end = self.draw.choice((2, 3, 4)) * step if self.constant or self.draw.random() < 0.5 else None
        return kind, end, step

    def call(self):
        name = self.draw.choice(sorted(KERNELS[self.rank]))
        return name, [(mode, self.draw.choice("ab"), self.box()) for mode in KERNELS[self.rank][name]]

    def box(self):
        axes = []
        for _ in range(self.rank):
            factors = [self.draw.choice((0, 0, 1, 1, 2, 4)) for _ in self.loops]
            axes.append((factors, self.draw.choice((0, 0, 0, 1, 3)), self.draw.choice((1, 1, 2, 3, 4, None))))
        return axes

    def text(self):
        dims = ", ".join(('"M"', '"N"')[: self.rank] if not self.constant else ("24", "9")[: self.rank])
        head = ", ".join(f"{name}: InOut[Tensor[f32, {dims}]]" for name in "ab")
        lines = []
        for depth, (kind, end, step) in enumerate(self.loops):
            over = f"range(0, {'a.shape[0]' if end is None else end}, {step})"
            over = over if kind == "range" else f"{kind}({over})"
            lines.append(f"{'    ' * (depth + 1)}for i{depth} in {over}:")
        for name, accesses in self.calls:
            shown = ", ".join(f"{array}[{', '.join(map(self.slice, box))}]" for _, array, box in accesses)
            lines.append(f"{'    ' * (len(self.loops) + 1)}{name}({shown})")
        return STAGE.format(head=head, body="\n".join(lines).strip().removeprefix("for i0") + "\n")

    def slice(self, axis):
        factors, shift, width = axis
        start = " + ".join([*(f"i{at} * {factor}" for at, factor in enumerate(factors) if factor), str(shift)])
        return ":" if width is None else f"{start}:{start} + {width}"

    def tasks(self, sizes):
        """Every call with the values of the loops and the elements it reads and writes."""
        extents = (24, 9) if self.constant else (sizes["M"], sizes.get("N", 0))
        ranges = [range(0, extents[0] if end is None else end, step) for _, end, step in self.loops]
        for values in product(*ranges):
            for _, accesses in self.calls:
                reads, writes = set(), set()
                for mode, array, box in accesses:
                    spans = []
                    for (factors, shift, width), extent in zip(box, extents, strict=False):
                        start = sum(f * v for f, v in zip(factors, values, strict=True)) + shift
                        spans.append(
                            range(extent) if width is None else range(min(start, extent), min(start + width, extent))
                        )
                    elements = {(array, *point) for point in product(*spans)}
                    reads |= elements if mode != "out" else set()
                    writes |= elements if mode != "in" else set()
                yield values, reads, writes

    def races(self, sizes):
        """Pairs of iterations that touch the same element and whose outermost different loop is parallel."""
        found = set()
        for (one, reads, writes), (other, others, written) in combinations(list(self.tasks(sizes)), 2):
            if one == other:
                continue
            first = next(at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
            if self.loops[first][0] == "P" and (writes & (others | written) or reads & written):
                found.add((one, other))
        return found


def iterations(message):
    """The two iterations that a message names, as values by number of the loop."""
    return [
        {int(loop): int(value) for loop, value in re.findall(r"i(\d)=(\d+)", part)}
        for part in re.findall(r"\(([^()]*)\)", message)[:2]
    ]


def outcome(program):
    """What `check` finds, or the refusal."""
    try:
        return check(program), None
    except Refused as refusal:
        return (), refusal.diagnostic


def test_random_workloads_are_refused_with_a_witness_or_are_free_of_races():
    draw = random.Random(5)
    refused = accepted = unproven = 0
    for number in range(PROGRAMS):
        written = Written(draw)
        found, refusal = outcome(Compose().apply(parse_program(written.text(), f"random{number}.py")))
        if refusal is not None:
            refused += 1
            assert refusal.code == "wsp.parallel-race", written.text()
            sizes = {name: int(size) for name, size in re.findall(r"(\w) = (\d+)", "".join(refusal.notes))}
            named = iterations(refusal.message)
            assert any(
                all(
                    values[loop] == value
                    for values, told in zip(pair, named, strict=True)
                    for loop, value in told.items()
                )
                for pair in written.races(sizes)
            ), f"{written.text()}\n{refusal.message}"
            continue
        unproven += bool(found)
        accepted += not found
        for extent in () if found else (0, 1, 5, 8):
            assert not written.races({"M": extent, "N": extent // 2 + 1}), f"{extent}\n{written.text()}"
    assert min(refused, accepted) > PROGRAMS // 5
    assert unproven < PROGRAMS // 10
