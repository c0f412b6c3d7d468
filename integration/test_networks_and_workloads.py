"""Networks and workloads in one program: processes call workloads, routines run both, schedules speak of either."""

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Scalar, Tensor, Tile, f32, i32, kernel, routine, work
from htp_dialect_csp import Channel, Recv, Send, network, process, simulate
from htp_dialect_wsp import P, schedule, workload

Block = Tile[f32, 8, 8]


@kernel
def double(x: In[Tensor[f32, "m", 8]], y: Out[Tensor[f32, "m", 8]]) -> None:
    work(2)
    y[:] = x[:] * 2.0


@workload
def doubled(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    for i in P(range(0, x.shape[0], 2)):
        double(x[i : i + 2, :], y[i : i + 2, :])


@process
def load(x: In[Tensor[f32, "N", 8]], out: Send[Block]) -> None:
    assert x.shape[0] % 8 == 0
    for i in range(0, x.shape[0], 8):
        work(1)
        out.send(x[i : i + 8, :])


@process
def twice(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        source = htp.empty((8, 8), f32)
        target = htp.empty((8, 8), f32)
        source[:] = t
        doubled(source, target)
        out.send(target[:])


@process
def store(inp: Recv[Block], y: InOut[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 8, :] = t
        i += 8


@network
def through(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    a, b, c = Channel[Block](), Channel[Block](), Channel[Block]()
    load(x, a)
    twice(a, b)
    twice(b, c)
    store(c, y)


@routine
def both(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    middle = htp.empty((x.shape[0], 8), f32)
    doubled(x, middle)
    through(middle, y)


def arrays():
    x = np.random.default_rng(0).standard_normal((24, 8)).astype(np.float32)
    return x, np.zeros_like(x)


def compiled(tmp_path, program, plan=None):
    return htp.compile_program(program, target="cpu", schedule=plan, out=tmp_path / "package")


def test_processes_call_workloads(tmp_path):
    x, y = arrays()
    expected = simulate(through, x, y)
    # Three tokens go through two processes, each of which takes 4 tasks of 2 cycles for one.
    assert expected.makespan == 1 + 4 * 8
    np.testing.assert_array_equal(y, 4 * x)
    run = htp.bind(compiled(tmp_path, through))
    for _ in range(3):
        found = np.zeros_like(x)
        assert run.run(x, found).simulated == expected
        np.testing.assert_array_equal(found, y)


def test_a_routine_runs_a_workload_and_a_network(tmp_path):
    x, y = arrays()
    report = htp.bind(compiled(tmp_path, both)).run(x, y)
    np.testing.assert_array_equal(y, 8 * x)
    assert report.tasks.tasks == 12, "those of the workload itself"
    assert report.tasks.left_out == "tasks that processes issue; their cycles are in the times of the processes"
    assert report.simulated.start > 0, "the network ran behind the workload"


def test_tasks_beside_a_network_are_all_counted(tmp_path):
    @network
    def copied(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
        a = Channel[Block]()
        load(x, a)
        store(a, y)

    @routine
    def beside(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
        middle = htp.empty((x.shape[0], 8), f32)
        doubled(x, middle)
        copied(middle, y)

    x, y = arrays()
    report = htp.bind(compiled(tmp_path, beside)).run(x, y)
    assert (report.tasks.tasks, report.tasks.left_out) == (12, "")


@schedule(doubled)
def narrow(s):
    s.tile("i", 2)
    s.task_window(1)


@schedule(doubled)
def enough(s):
    s.task_window(4, mode="abort")


@pytest.mark.parametrize("plan", [narrow, enough], ids=lambda plan: plan.name)
def test_a_window_of_a_workload_that_processes_call(tmp_path, plan):
    x, y = arrays()
    expected = simulate(through, x, y)
    run = htp.bind(compiled(tmp_path, through, plan))
    found = np.zeros_like(x)
    assert run.run(x, found).simulated == expected
    np.testing.assert_array_equal(found, y)


def test_a_window_that_ends_the_run_is_refused_before_it(tmp_path):
    @schedule(doubled)
    def short(s):
        s.task_window(3, mode="abort")

    with pytest.raises(htp.Refused) as caught:
        compiled(tmp_path, through, short)
    found = caught.value.diagnostic
    assert found.code == "csp.window"
    assert found.message == (
        "'twice' issues 4 tasks of `doubled` between two of its channel operations, and the window of 3 tasks ends the "
        "run when it is full"
    )
    assert found.span.file == __file__
    # What the help says is enough.
    assert "task_window(4)" in found.help[0]
    compiled(tmp_path, through, enough)


@process
def some(inp: Recv[Block], out: Send[Block], n: Scalar[i32]) -> None:
    for t in inp:
        source = htp.empty((n, 8), f32)
        target = htp.empty((n, 8), f32)
        source[:] = 0.0 * t[0:1, :]
        doubled(source, target)
        out.send(t)


@network
def sized(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]], n: Scalar[i32]) -> None:
    a, b = Channel[Block](), Channel[Block]()
    load(x, a)
    some(a, b, n)
    store(b, y)


def test_a_window_that_may_end_the_run_is_a_warning(tmp_path):
    package = compiled(tmp_path, sized, enough)
    assert [(each.code, each.severity) for each in package.diagnostics] == [("csp.window-risk", "warning")]
    x, y = arrays()
    run = htp.bind(package)
    run(x, y, 8)
    np.testing.assert_array_equal(y, x)
    with pytest.raises(htp.Refused, match=r"run\.window-full"):
        run(x, y, 10)
    with pytest.raises(htp.Refused, match=r"csp\.window-risk"):
        htp.plan(sized, target="cpu", schedule=enough, strict=True)
