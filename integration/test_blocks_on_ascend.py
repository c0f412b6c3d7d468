"""Loops that a schedule binds or maps to workers, as tasks of several blocks: values, assignment, edges, refusals."""

from __future__ import annotations

import json
import linecache
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Scalar, Tensor, empty, f16, f32, i32, i64, kernel, tile
from htp_dialect_wsp import DenseDyn, P, Ragged, round_robin, schedule, workload

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "pto:a2a3sim"


@kernel
def scale(x: In[Tensor[f32, "m", "n"]], by: Scalar[f32], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:] * by


@kernel
def add(x: In[Tensor[f32, 8, 64]], y: InOut[Tensor[f32, 8, 64]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def fill(value: Scalar[f32], y: Out[Tensor[f32, 16, 64]]) -> None:
    y[:] = tile.full((16, 64), value, f32)


@kernel
def gemm(a: In[Tensor[f16, "m", "k"]], b: In[Tensor[f16, "k", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = tile.dot(a[:], b[:])


@kernel
def relu(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = tile.maximum(x[:], 0.0)


@kernel
def both(a: In[Tensor[f16, 16, 64]], b: In[Tensor[f16, 64, 32]], c: Out[Tensor[f32, 16, 32]]) -> None:
    c[:] = tile.maximum(tile.dot(a[:], b[:]), 0.0)


@workload
def tails(x: In[Tensor[f32, "M", 200]], y: Out[Tensor[f32, "M", 200]]) -> None:
    size = x.shape[0]
    for i in P(range(0, size, 16)):
        scale(x[i:min(i + 16, size), :], 3.0, y[i:min(i + 16, size), :])


@workload
def dynamic(n: Scalar[i64], x: In[Tensor[f32, "M", 64]], y: InOut[Tensor[f32, "M", 64]]) -> None:
    for i in P(DenseDyn("n")):
        scale(x[8 * i:8 * i + 8, :], 2.0, y[8 * i:8 * i + 8, :])


@workload
def half(x: In[Tensor[f32, "M", 64]], y: InOut[Tensor[f32, "M", 64]]) -> None:
    size = x.shape[0]
    begin = size // 2
    for i in P(range(begin, size)):
        scale(x[i:i + 1, :], 2.0, y[i:i + 1, :])


@workload
def backwards(x: In[Tensor[f32, "M", 64]], y: InOut[Tensor[f32, "M", 64]]) -> None:
    for i in P(range(x.shape[0] - 16, -1, -16)):
        scale(x[i:i + 16, :], 2.0, y[i:i + 16, :])


@workload
def products(
    a: In[Tensor[f16, 64, 64]], b: In[Tensor[f16, 64, 96]], t: Out[Tensor[f32, 64, 96]], c: Out[Tensor[f32, 64, 96]]
) -> None:
    for i in P(range(0, 64, 16)):
        for j in P(range(0, 96, 32)):
            gemm(a[i:i + 16, :], b[:, j:j + 32], t[i:i + 16, j:j + 32])
            relu(t[i:i + 16, j:j + 32], c[i:i + 16, j:j + 32])


@workload
def sums(x: In[Tensor[f32, 6, 5, 8, 64]], y: InOut[Tensor[f32, 6, 8, 64]]) -> None:
    for i in P(6):
        for k in P.seq(5):
            add(x[i, k], y[i])


@workload
def beside(x: InOut[Tensor[f32, 96, 64]], y: Out[Tensor[f32, 48, 64]], z: Out[Tensor[f32, 16, 64]]) -> None:
    fill(1.0, x[0:16, :])
    fill(2.0, x[80:96, :])
    for i in P(range(0, 48, 16)):
        scale(x[i:i + 16, :], 3.0, y[i:i + 16, :])
    fill(4.0, x[32:48, :])
    fill(5.0, x[48:64, :])
    scale(y[16:32, :], 2.0, z)


def bound(name: str, workers: int = 0):
    """A schedule that binds a loop, with as many workers as cores or some number."""

    def said(s) -> None:
        if workers:
            s.dispatch(round_robin(workers=workers))
        s.bind(name, "worker")

    return said


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(6).standard_normal(shape).astype(np.float32)


def compiled(work, plan, out: Path):
    return htp.compile_program(work, target=TARGET, schedule=schedule(work)(plan), out=out)


def graph(package) -> dict:
    return json.loads((package.path / "contract/graph.json").read_text())


@pytest.mark.parametrize("size", [100, 16, 3, 0])
def test_a_bound_loop_with_a_tail_is_one_task(size: int, tmp_path) -> None:
    package = compiled(tails, bound("i", 3), tmp_path)
    x, y = floats(size, 200), np.zeros((size, 200), np.float32)
    report = htp.bind(package).run(x, y)
    np.testing.assert_allclose(y, x.astype(np.float64) * 3.0, rtol=1e-6)
    assert report.simulated is None or len(report.simulated.tasks) <= 1
    (source,) = (tmp_path / "codegen/pto/kernels/aiv").glob("*.cpp")
    assert "get_block_idx(args)" in source.read_text()
    orchestration = (tmp_path / "codegen/pto/orchestration/tails.cpp").read_text()
    assert "launch_spec.set_block_num(int16_t(blocks))" in orchestration


@pytest.mark.parametrize("turns", [0, 1, 7])
def test_how_many_turns_there_are_may_be_known_late(turns: int, tmp_path) -> None:
    x, y = floats(64, 64), floats(64, 64)
    wanted = y.astype(np.float64)
    wanted[:8 * turns] = x[:8 * turns].astype(np.float64) * 2.0
    htp.bind(compiled(dynamic, bound("i"), tmp_path))(turns, x, y)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)


def test_a_loop_may_begin_where_it_is_computed(tmp_path) -> None:
    x, y = floats(43, 64), floats(43, 64)
    wanted = np.concatenate([y[:21], x[21:].astype(np.float64) * 2.0])
    htp.bind(compiled(half, bound("i", 5), tmp_path))(x, y)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)


@pytest.mark.parametrize("size", [16, 80, 72])
def test_a_loop_may_count_down(size: int, tmp_path) -> None:
    x, y = np.ones((size, 64), np.float32), np.zeros((size, 64), np.float32)
    htp.bind(compiled(backwards, bound("i", 3), tmp_path))(x, y)
    assert (y == np.where(np.arange(size) < size % 16, 0, 2)[:, None]).all()


@pytest.mark.parametrize(
    ("plan", "blocks"),
    [
        (bound("i"), {"gemm_blocks": 4, "relu_blocks": 4}),
        (lambda s: (s.map("gemm", "i // 16 + j // 32 * 4"), s.map("relu", "j // 32")),
         {"gemm_blocks": 12, "relu_blocks": 3}),
    ],
)  # fmt: skip
def test_every_call_of_a_loop_is_a_task_of_its_own(plan, blocks: dict[str, int], tmp_path) -> None:
    package = compiled(products, plan, tmp_path)
    found = {each["kernel"]: each["blocks"] for each in graph(package)["tasks"]}
    assert found == blocks
    a, b = (floats(64, 64) / 8).astype(np.float16), (floats(64, 96) / 8).astype(np.float16)
    t, c = np.zeros((64, 96), np.float32), np.zeros((64, 96), np.float32)
    htp.bind(package)(a, b, t, c)
    wanted = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(t, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(c, np.maximum(wanted, 0.0), rtol=1e-4, atol=1e-5)


def test_an_ordered_loop_inside_stays_in_each_block(tmp_path) -> None:
    package = compiled(sums, bound("i", 4), tmp_path)
    x, y = floats(6, 5, 8, 64), floats(6, 8, 64)
    wanted = y.astype(np.float64) + x.astype(np.float64).sum(axis=1)
    htp.bind(package)(x, y)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
    assert [each["blocks"] for each in graph(package)["tasks"]] == [4]


def test_others_wait_for_what_all_blocks_touch_together(tmp_path) -> None:
    package = compiled(beside, bound("i"), tmp_path)
    found = graph(package)
    assert [(each["kernel"], each["blocks"]) for each in found["tasks"]] == [
        ("fill", 1), ("fill", 1), ("scale_blocks", 3), ("fill", 1), ("fill", 1), ("scale", 1),
    ]  # fmt: skip
    edges = {(each["source"], each["target"], each["found"]) for each in found["edges"]}
    assert edges == {(0, 2, "tensormap"), (2, 3, "explicit"), (2, 5, "tensormap")}
    x, y, z = floats(96, 64), np.zeros((48, 64), np.float32), np.zeros((16, 64), np.float32)
    before = x.astype(np.float64)
    htp.bind(package)(x, y, z)
    wanted = 3.0 * np.concatenate([np.ones((16, 64)), before[16:48]])
    np.testing.assert_allclose(y, wanted, rtol=1e-6)
    np.testing.assert_allclose(z, 2.0 * wanted[16:32], rtol=1e-6)


def test_turns_go_to_blocks_in_turn(tmp_path) -> None:
    """Block b of n runs the turns b, b + n, …: said by the stage, which runs in Python too."""
    compiled(tails, bound("i", 3), tmp_path)
    (stage,) = tmp_path.glob("ir/stages/*-pto-split/program.py")
    text = stage.read_text()
    assert "for i in range(max(0, 16 * block), M, 48):" in text
    form = r"for block in range\(0, blocks\):.*\n\s+task\(blocks=blocks\)\n\s+scale_blocks\(x, y, block\)"
    assert re.search(form, text)


def test_blocks_have_lanes_of_their_own(tmp_path) -> None:
    x, y = floats(64, 200), np.zeros((64, 200), np.float32)
    report = htp.bind(compiled(tails, bound("i", 4), tmp_path)).run(x, y, trace=True)
    assert report.simulated is not None
    (task,) = report.simulated.tasks
    assert [each.worker for each in task.blocks] == [0, 1, 2, 3]
    assert report.simulated.workers == ("aiv 0", "aiv 1", "aiv 2", "aiv 3")
    assert {each.start for each in task.blocks} == {task.start}


def test_what_becomes_of_a_dispatch_is_its_number_of_workers(tmp_path) -> None:
    package = compiled(tails, bound("i", 3), tmp_path)
    assert {each.directive: each.outcome for each in package.manifest.directives} == {
        "dispatch": "static", "bind": "lowered",
    }  # fmt: skip
    assert not package.diagnostics


@workload
def chain(x: In[Tensor[f32, "M", 64]], t: Out[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in P(range(0, x.shape[0], 4)):
        scale(x[i:i + 4, :], 2.0, t[i:i + 4, :])
        scale_again(t[i:i + 4, :], y[i:i + 4, :])


@kernel
def scale_again(x: In[Tensor[f32, "m", 64]], y: Out[Tensor[f32, "m", 64]]) -> None:
    y[:] = x[:] * 4.0


def test_two_tasks_of_a_loop_are_mapped_each_by_itself(tmp_path) -> None:
    def plan(s) -> None:
        s.map("scale", s.loop("i") // 4 % 5)
        s.map("scale_again", s.loop("i") // 4 % 3)
        s.dispatch(round_robin(workers=5))

    x, t, y = floats(33, 64), floats(33, 64), floats(33, 64)
    htp.bind(compiled(chain, plan, tmp_path))(x, t, y)
    assert np.array_equal(y, x * np.float32(8.0))


@workload
def begun(
    x: In[Tensor[f32, "M", 64]], t: Out[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]], first: Scalar[i32]
) -> None:
    for i in P(range(first, x.shape[0], 4)):
        scale(x[i:i + 4, :], 2.0, t[i:i + 4, :])
    for i in P(range(first, x.shape[0], 4)):
        scale_again(t[i:i + 4, :], y[i:i + 4, :])


def test_a_mapped_loop_begins_where_its_start_says(tmp_path) -> None:
    def plan(s) -> None:
        s.map("scale", s.loop("i") // 4 % 5)
        s.map("scale_again", s.loop("i_2") % 3)
        s.dispatch(round_robin(workers=5))

    run = htp.bind(compiled(begun, plan, tmp_path))
    # Negative starts count from the end, so that turns may touch no row, and from the end on there are no turns.
    for rows, first in ((33, 0), (33, 5), (33, 40), (0, 0), (0, -3), (4, -8), (33, -1)):
        x = floats(rows, 64)
        t, y = np.full_like(x, 9.0), np.full_like(x, 9.0)
        expected = t.copy(), y.copy()
        for target, source, factor in ((expected[0], x, 2.0), (expected[1], expected[0], 4.0)):
            for i in range(first, rows, 4):
                target[i:i + 4] = source[i:i + 4] * np.float32(factor)
        run(x, t, y, first)
        np.testing.assert_array_equal(t, expected[0], err_msg=f"{rows} {first}")
        np.testing.assert_array_equal(y, expected[1], err_msg=f"{rows} {first}")


@workload
def spread_rows(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in P(range(0, x.shape[0], 4)):
        scale_again(x[i:i + 4, :], y[i:i + 4, :])


def test_numbers_of_workers_may_leave_some_out(tmp_path) -> None:
    def plan(s) -> None:
        s.map("scale_again", s.loop("i") // 4 * 7)
        s.dispatch(round_robin(workers=5))

    run = htp.bind(compiled(spread_rows, plan, tmp_path))
    for rows in (0, 3, 4):
        x, y = floats(rows, 64), np.zeros((rows, 64), np.float32)
        run(x, y)
        np.testing.assert_array_equal(y, x * np.float32(4.0))
    with pytest.raises(htp.Refused) as caught:
        run(floats(5, 64), np.zeros((5, 64), np.float32))
    assert caught.value.code == "wsp.dispatch-range"
    assert caught.value.diagnostic.help == ("take the number `% 5`, which keeps it there",)


def test_what_is_said_of_a_task_holds_before_what_is_said_of_its_loop(tmp_path) -> None:
    def plan(s) -> None:
        s.bind("i", "worker")
        s.map("scale", 1)
        s.dispatch(round_robin(workers=2))

    x, t, y = floats(16, 64), floats(16, 64), floats(16, 64)
    package = compiled(chain, plan, tmp_path)
    htp.bind(package)(x, t, y)
    assert np.array_equal(y, x * np.float32(8.0))
    text = next((package.path / "ir/stages").glob("*-pto-split/program.py")).read_text()
    assert "if 1 == block" in text


@workload
def narrow(x: In[Tensor[f32, "M", 10]], y: Out[Tensor[f32, "M", 10]]) -> None:
    for i in P(range(0, x.shape[0], 4)):
        scale(x[i:i + 4, :], 3.0, y[i:i + 4, :])


def test_lines_that_blocks_share_are_told_once_for_each_array(tmp_path) -> None:
    x, y = floats(40, 10), np.zeros((40, 10), np.float32)
    report = htp.bind(compiled(narrow, bound("i"), tmp_path)).run(x, y)
    np.testing.assert_array_equal(y, x * np.float32(3.0))
    (told,) = report.diagnostics
    assert told.severity == "warning"
    assert "(shared-line): blocks 0 and 1 of one task write the same 64-byte line, at `y` byte " in told.message


@workload
def counted(n: Scalar[i32], x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in P(range(0, n, 4)):
        scale_again(x[i:i + 4, :], y[i:i + 4, :])


def test_turns_past_the_end_store_nothing(tmp_path) -> None:
    run = htp.bind(compiled(counted, bound("i"), tmp_path))
    x = floats(33, 64)
    for n, rows in ((40, 33), (9, 12), (0, 0)):
        y = np.full((33, 64), 9.0, np.float32)
        run(n, x, y)
        assert np.array_equal(y[:rows], x[:rows] * np.float32(4.0))
        assert np.all(y[rows:] == 9.0)


@kernel
def square(x: In[Tensor[f32, 1, 64]], y: Out[Tensor[f32, 1, 64]]) -> None:
    y[:] = x[:] * x[:]


@workload
def asserted(
    first: Scalar[i32], last: Scalar[i32], x: In[Tensor[f32, "N", 64]], t: InOut[Tensor[f32, "N", 64]],
    y: InOut[Tensor[f32, "N", 64]],
) -> None:  # fmt: skip
    for i in P(range(first, last)):
        k = i
        assert k >= 0
        assert k + 1 <= x.shape[0]
        square(x[k:k + 1, :], t[k:k + 1, :])
        square(t[k:k + 1, :], y[k:k + 1, :])


def test_what_is_asserted_in_a_turn_is_known_in_the_kernels_of_all_its_calls(tmp_path) -> None:
    run = htp.bind(compiled(asserted, bound("i"), tmp_path))
    x = floats(9, 64)
    for first, last in ((0, 9), (2, 7), (3, 3)):
        t, y = np.zeros_like(x), np.zeros_like(x)
        run(first, last, x, t, y)
        wanted = np.zeros_like(x)
        wanted[first:last] = (x * x * (x * x))[first:last]
        np.testing.assert_array_equal(y, wanted)
    t, y = np.zeros_like(x), np.zeros_like(x)
    with pytest.raises(htp.Refused) as caught:
        run(5, 10, x, t, y)
    assert caught.value.code == "run.assertion-failed"
    assert not t.any()


@workload
def bags(x: In[Tensor[f32, "N", 64]], n: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N", 64]]) -> None:
    axis = Ragged(n.shape[0], n)
    for q, j in P(axis):
        k = axis.start(q) + j
        assert k >= 0
        assert k + 1 <= x.shape[0]
        square(x[k:k + 1, :], y[k:k + 1, :])


def test_a_loop_over_all_positions_of_a_ragged_axis_is_bound(tmp_path) -> None:
    def plan(s) -> None:
        s.fuse_loops("q", "j")
        s.bind("q_j", "worker")

    run = htp.bind(compiled(bags, plan, tmp_path))
    x = floats(9, 64)
    for lengths in ([2, 0, 4], [], [9]):
        y, count = np.zeros_like(x), sum(lengths)
        run(x, np.array(lengths, np.int32), y)
        np.testing.assert_array_equal(y, np.concatenate([x[:count] * x[:count], np.zeros_like(x[count:])]))


@kernel
def scaled_twice(x: In[Tensor[f32, 4, 64]], y: Out[Tensor[f32, 4, 64]]) -> None:
    scale(x, 2.0, y)
    scale(x, 4.0, y)


@workload
def shared_kernel(x: In[Tensor[f32, 12, 64]], y: Out[Tensor[f32, 12, 64]], z: Out[Tensor[f32, 4, 64]]) -> None:
    for i in P(range(0, 12, 4)):
        scale(x[i:i + 4, :], 3.0, y[i:i + 4, :])
    scaled_twice(x[0:4, :], z)


def test_a_kernel_that_others_call_stays_for_them(tmp_path) -> None:
    x, y, z = floats(12, 64), np.zeros((12, 64), np.float32), np.zeros((4, 64), np.float32)
    htp.bind(compiled(shared_kernel, bound("i"), tmp_path))(x, y, z)
    np.testing.assert_array_equal(y, x * np.float32(3.0))
    np.testing.assert_array_equal(z, x[:4] * np.float32(4.0))


@kernel
def flagged(g: Out[Tensor[i32, 1]]) -> None:
    g[:] = tile.zeros((1,), i32)


@workload
def picked(mode: Scalar[i32], g: Out[Tensor[i32, 1]], y: InOut[Tensor[f32, 48, 64]]) -> None:
    flagged(g)
    for i in P(range(0, 48, 16)):
        with P.case(mode, {0, 1}):
            fill(1.0, y[i:i + 16, :])
        with P.case(mode, {2}):  # noqa: SIM117 - a workload selects by one condition
            with P.when(tile.item(g[0]) == 0):
                fill(2.0, y[i:i + 16, :])


def test_a_negative_size_is_refused_before_the_task_of_blocks(tmp_path) -> None:
    run = htp.bind(compiled(dynamic, bound("i"), tmp_path))
    x, y = floats(64, 64), floats(64, 64)
    before = y.copy()
    with pytest.raises(htp.Refused) as caught:
        run(-3, x, y)
    assert (caught.value.code, caught.value.diagnostic.help) == ("wsp.axis-data", ("a size is 0 or more",))
    np.testing.assert_array_equal(y, before)


@workload
def numbers(rows: In[Tensor[i32, 4]], x: In[Tensor[f32, 4, 8, 64]], y: Out[Tensor[f32, 4, 8, 64]]) -> None:
    for i in P(4):
        row = tile.item(rows[i])
        scale(x[row], 2.0, y[i])


@workload
def buffers(x: In[Tensor[f32, 4, 8, 64]], y: Out[Tensor[f32, 4, 8, 64]]) -> None:
    for i in P(4):
        t = empty((8, 64), f32)
        scale(x[i], 2.0, t)
        scale(t, 2.0, y[i])


@workload
def mixed(a: In[Tensor[f16, 64, 64]], b: In[Tensor[f16, 64, 32]], c: Out[Tensor[f32, 64, 32]]) -> None:
    for i in P(range(0, 64, 16)):
        both(a[i:i + 16, :], b, c[i:i + 16, :])


@workload
def ordered(x: In[Tensor[f32, 4, 3, 8, 64]], t: InOut[Tensor[f32, 4, 8, 64]], y: InOut[Tensor[f32, 4, 8, 64]]) -> None:
    for i in P(4):
        for k in P.seq(3):
            add(x[i, k], t[i])
            add(t[i], y[i])


@workload
def unbounded(
    x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]], first: Scalar[i32], n: Scalar[i32]
) -> None:
    for i in P(range(first, 40)):
        scale_again(x[i * n:i * n + n, :], y[i * n:i * n + n, :])


def test_a_size_without_a_bound_is_said_in_the_names_of_the_program(tmp_path) -> None:
    with pytest.raises(htp.Refused) as caught:
        compiled(unbounded, bound("i"), tmp_path)
    said = "a tile has a number of rows that depends on `first` and `n`, and nothing says how many that can be"
    assert (caught.value.code, caught.value.diagnostic.message) == ("pto.unbounded-tile", said)


@pytest.mark.parametrize(
    ("work", "plan", "why", "help"),
    [
        (numbers, bound("i"), "takes a number out of an array", "nothing stands but numbers, loops and calls"),
        (buffers, bound("i"), "makes a buffer", "one buffer before the loop"),
        (mixed, bound("i"), "products and vector work", "divide `both`"),
        (ordered, bound("i"), "other tasks stand with it in the ordered loop over `k`", "leave `unroll` out"),
        (sums, lambda s: s.map("add", "k"), "the turns of the loop over `k` have an order", "`k` may not stand"),
        (tails, lambda s: (s.bind("i", "worker"), s.streams(2)), "they have an order in streams", "leave `streams`"),
        (tails, bound("i", 40000), "at most 32767 blocks", "ask for 48 workers"),
        (picked, bound("i"), "an array says which of them run", "selections depend on numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_blocks_is_refused_at_the_directive(work, plan, why: str, help: str, tmp_path) -> None:
    with pytest.raises(htp.Refused) as caught:
        compiled(work, plan, tmp_path)
    (said,) = caught.value.diagnostics
    assert said.code == "pto.no-blocks"
    assert said.span is not None
    assert said.span.file.endswith("test_blocks_on_ascend.py")
    assert re.search(r"\bs\.(bind|map)\(", linecache.getline(said.span.file, said.span.line))
    assert why in said.message
    assert help in said.help[0]
    assert "_selected" not in str(caught.value)


def test_more_blocks_than_cores_are_a_note(tmp_path) -> None:
    def many(s) -> None:
        s.dispatch(round_robin(workers=30))
        s.map("gemm", "(i + j) % 30")

    package = compiled(products, many, tmp_path)
    found = [each for each in package.diagnostics if each.code == "pto.more-blocks"]
    assert [each.severity for each in found] == ["note"]
    assert "29 blocks on 24 cores" in found[0].message
