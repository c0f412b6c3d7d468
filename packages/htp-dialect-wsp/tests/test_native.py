"""Workloads compiled for the CPU: the same results as in Python, whatever the schedule, and the same refusals."""

import numpy as np
import pytest
from small_workloads import OLD, ROWS, RUNS, X, chosen, counted, grid, ints, ragged, sparse, written

import htp
from htp import In, InOut, Out, Tensor, f32, func, i64, kernel, tile
from htp.diagnostics import Refused
from htp_dialect_wsp import (
    P,
    Ragged,
    affinity,
    batched,
    custom,
    hash,
    priority,
    round_robin,
    schedule,
    work_steal,
    workload,
)

pytest.importorskip("htp_backend_cpu")


@pytest.mark.parametrize("name", RUNS)
def test_native_tasks_give_what_is_meant(name, tmp_path):
    definition, arguments, expected = RUNS[name]
    run = htp.bind(htp.compile_program(definition, target="cpu", out=tmp_path / name))
    for _ in range(3):
        for got, wanted in zip(written(definition, arguments, run), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "arguments",
    [
        (X, ints(3, 0, 5, 8), OLD),
        (X, ints(), OLD),
        (X, ints(24), OLD),
        (X, ints(0, 0, 1), OLD),
    ],
)
def test_other_axis_data_need_no_other_package(arguments, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "ragged-package"
    package = folder if folder.exists() else htp.compile_program(ragged, target="cpu", out=folder)
    run = htp.bind(package)
    np.testing.assert_array_equal(written(ragged, arguments, run), written(ragged, arguments))


@pytest.mark.parametrize(
    ("definition", "arguments"),
    [
        (ragged, (X, ints(3, -1, 2), OLD)),
        (sparse, (ROWS, ints(0, 3), ints(1, 2), ROWS)),
        (sparse, (ROWS, ints(0, 2), ints(1, 6), ROWS)),
        (counted, (X, -1, OLD)),
    ],
)
def test_bad_axis_data_are_refused_before_tasks_run(definition, arguments, tmp_path):
    run = htp.bind(htp.compile_program(definition, target="cpu", out=tmp_path / "package"))
    own = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    with pytest.raises(Refused) as caught:
        run(*own)
    assert caught.value.code == "wsp.axis-data"
    assert caught.value.diagnostic.help
    np.testing.assert_array_equal(own[-1], arguments[-1])


@func
def beyond(order, workers):
    return order % (workers + 1)


@func
def mirrored(order, workers):
    return workers - 1 - order % workers


PLANS = {
    "turns": lambda s: s.dispatch(round_robin(2)),
    "keys": lambda s: (s.dispatch(affinity("i", workers=3)), s.task_window(2)),
    "hashes": lambda s: (s.dispatch(hash("i + j", workers=2)), s.ready(priority("-i"))),
    "stolen": lambda s: (s.dispatch(work_steal(4)), s.streams(2), s.timing(batched(2))),
    "own": lambda s: (s.dispatch(custom(mirrored, workers=2)), s.stream_by("i")),
    "bound": lambda s: (s.dispatch(round_robin(2)), s.bind("i", "worker")),
    "mapped": lambda s: s.map("double", "i + j // 8"),
    "reordered": lambda s: (s.reorder("j", "i"), s.tile("i", 4, tail="mask")),
    "wishful": lambda s: s.prefer.swizzle("i", 8),
}


@pytest.mark.parametrize("name", PLANS)
def test_schedules_change_no_result(name, tmp_path):
    wide = np.random.default_rng(2).standard_normal((5, 20)).astype(np.float32)
    plan = schedule(grid)(PLANS[name])
    run = htp.bind(htp.compile_program(grid, target="cpu", schedule=plan, out=tmp_path / name))
    y = np.zeros_like(wide)
    report = run.run(wide, y)
    np.testing.assert_array_equal(y, wide * 2)
    assert report.tasks.tasks == 15


@kernel
def twice(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 2.0


@workload
def packed(x: In[Tensor[f32, "T", 4]], lengths: In[Tensor[i64, "R"]], y: Out[Tensor[f32, "T", 4]]) -> None:
    axis = Ragged(lengths.shape[0], lengths)
    for r, i in P(axis):
        twice(x[axis.start(r) + i, :], y[axis.start(r) + i, :])


@workload
def padded(x: In[Tensor[f32, "R", "L", 4]], lengths: In[Tensor[i64, "R"]], y: InOut[Tensor[f32, "R", "L", 4]]) -> None:
    for r, i in P(Ragged(x.shape[0], lengths)):
        twice(x[r, i, :], y[r, i, :])


@pytest.mark.parametrize("keyed", [False, True])
def test_one_loop_over_all_positions_of_a_ragged_axis(keyed, tmp_path):
    def plan(s):
        if keyed:
            s.stream_by("i * 8 + r")
        s.fuse_loops("r", "i")

    by_row, by_position = (
        htp.bind(htp.compile_program(each, target="cpu", schedule=schedule(each)(plan), out=tmp_path / each.name))
        for each in (padded, packed)
    )
    for lengths in ([2, 0, 4, 0, 1], [0, 0], [], [3]):
        count = np.array(lengths, np.int64)
        x = np.random.default_rng(3).standard_normal((len(lengths), 4, 4)).astype(np.float32)
        y = np.full_like(x, np.nan)
        report = by_row.run(x, count, y, trace=True)
        there = np.arange(4) < count[:, None]
        np.testing.assert_array_equal(y, np.where(there[..., None], x * 2, np.nan))
        assert [each.at for each in report.graph.tasks] == [(number,) for number in range(sum(lengths))]
        flat = np.zeros((sum(lengths), 4), np.float32)
        assert by_position.run(x[there], count, flat).tasks.tasks == sum(lengths)
        np.testing.assert_array_equal(flat, x[there] * 2)


def test_a_policy_that_names_no_worker_is_refused_in_its_line(tmp_path):
    plan = schedule(grid)(lambda s: s.dispatch(custom(beyond, workers=2)))
    run = htp.bind(htp.compile_program(grid, target="cpu", schedule=plan, out=tmp_path / "grid"))
    with pytest.raises(Refused) as caught:
        run(ROWS, ROWS.copy())
    assert caught.value.code == "wsp.dispatch-range"
    assert caught.value.diagnostic.help == ("take the number `% 2`, which keeps it there",)
    run(ROWS[:2], y := np.zeros_like(ROWS[:2]))  # two tasks: workers 0 and 1
    np.testing.assert_array_equal(y, ROWS[:2] * 2)


def test_a_selection_does_not_stop_submission(tmp_path):
    run = htp.bind(htp.compile_program(chosen, target="cpu", out=tmp_path / "chosen"))
    report = run.run(X, OLD.copy(), trace=True)
    assert [each.kernel for each in report.graph.tasks] == ["positive", "double_selected"] * 6
    assert {(each.source, each.target) for each in report.graph.edges} == {(at, at + 1) for at in range(0, 12, 2)}


@kernel
def gemm_tile(a: In[Tensor[f32, "m", "K"]], b: In[Tensor[f32, "K", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    """One output tile."""
    m, K = a.shape
    acc = tile.zeros((m, b.shape[1]), f32)
    for k in range(0, K, 256):
        acc += a[:, k : k + 256] @ b[k : k + 256, :]
    c[:] = acc


@workload
def gemm(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 128), range(0, N, 256)):
        gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])


@schedule(gemm)
def tuned(s) -> None:
    i, j = s.loop("i"), s.loop("j")
    s.reorder(j, i)
    s.tile(i, 2, tail="mask")
    s.dispatch(round_robin(workers=4))
    s.task_window(64, mode="stall")
    s.prefer.swizzle(j, 8)


def test_gemm_with_its_schedule(tmp_path):
    a, b = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
    package = htp.compile_program(gemm, target="cpu", schedule=tuned, out=tmp_path / "gemm")
    run = htp.bind(package)
    c = np.empty_like(a)
    report = run.run(a, b, c)
    np.testing.assert_allclose(c, a.astype(np.float64) @ b, rtol=1e-4, atol=1e-4)
    assert report.tasks.tasks == 6
    found = {each.directive: each.outcome for each in package.manifest.directives}
    assert found == {
        "reorder": "lowered", "tile": "lowered", "dispatch": "enforced", "task_window": "enforced",
        "prefer.swizzle": "ignored",
    }  # fmt: skip
