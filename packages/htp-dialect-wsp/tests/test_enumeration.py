"""Enumeration: the tasks of workloads at given sizes, their boxes, turns and coordinates."""

import pytest

from htp import In, InOut, Out, Scalar, Tensor, empty, f32, i32, kernel, routine, tile
from htp.capture import capture
from htp.tasks import close_tasks, open_tasks, task
from htp_dialect_wsp import Dense, DenseDyn, P, Ragged, Sparse, combine, sequential, workload
from htp_dialect_wsp.enumeration import tasks_of


@kernel
def gemm_tile(a: In[Tensor[f32, "m", "K"]], b: In[Tensor[f32, "K", "n"]], c: Out[Tensor[f32, "m", "n"]]) -> None:
    c[:] = a[:] @ b[:]


@kernel
def row(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:]


@kernel
def scale(x: InOut[Tensor[f32, "m", "n"]], by: Scalar[i32]) -> None:
    x[:] = x[:] * by


def listed(entry, sizes=None, scalars=None, **options):
    program = capture(entry)
    return tasks_of(program, program.main, sizes or {}, scalars, **options)


def boxes(tasks, parameter):
    return [each.accesses[parameter].box for each in tasks.tasks]


@workload
def gemm(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    for i, j in P(range(0, M, 128), range(0, N, 256)):
        gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])


def test_slices_clip_as_in_python_and_come_in_program_order():
    found = listed(gemm, {"M": 300, "N": 257, "K": 7})
    assert [each.at for each in found.tasks] == [(0, 0), (0, 256), (128, 0), (128, 256), (256, 0), (256, 256)]
    assert boxes(found, 0)[-1] == ((256, 300), (0, 7))
    assert boxes(found, 1)[-1] == ((0, 7), (256, 257))
    assert boxes(found, 2)[-1] == ((256, 300), (256, 257))
    assert [each.mode for each in found.tasks[0].accesses] == ["in", "in", "out"]
    assert [each.tensor for each in found.tasks[0].accesses] == ["a", "b", "c"]
    assert {each.kernel for each in found.tasks} == {"gemm_tile"}
    assert {each.place.line for each in found.tasks} == {gemm.place.line + 4}
    assert found.known


def test_turns_say_which_loop_runs_for_which_time():
    found = listed(gemm, {"M": 200, "N": 300, "K": 7}).tasks
    outer = [each.loops[0] for each in found]
    inner = [each.loops[1] for each in found]
    assert [(each.name, each.number, each.value, each.parallel) for each in outer] == [
        ("i", 0, 0, True), ("i", 0, 0, True), ("i", 1, 128, True), ("i", 1, 128, True),
    ]  # fmt: skip
    assert len({each.instance for each in outer}) == 1
    assert len({each.instance for each in inner}) == 2
    assert [each.number for each in inner] == [0, 1, 0, 1]


@workload
def indexed(x: InOut[Tensor[f32, 4, 6, 8]]) -> None:
    for i in P.seq(4):
        scale(x[i], i * 2)
        scale(x[-1 - i, 1:][2:, :-3], 5)
        scale(x[..., 7], 0)
        scale(x[i, None, 2, :4], 1)


def test_indices_negative_positions_and_slices_of_slices():
    found = listed(indexed)
    assert boxes(found, 0)[4:8] == [
        ((1, 2), (0, 6), (0, 8)),
        ((2, 3), (3, 6), (0, 5)),
        ((0, 4), (0, 6), (7, 8)),
        ((1, 2), (2, 3), (0, 4)),
    ]
    assert [each.scalars for each in found.tasks[4:8]] == [(2,), (5,), (0,), (1,)]
    assert not found.tasks[0].loops[0].parallel


@workload
def arithmetic(x: InOut[Tensor[f32, "M", 8]], n: Scalar[i32], flag: Scalar[i32]) -> None:
    half, count = x.shape[0] // 2, min(n, 3) + len(x) * 0
    total = 0
    for i in range(count, -1, -1):
        if i > 0 and flag == 1:
            total += i if i < 3 else 10
        else:
            scale(x[half : half + total], total)
        scale(x[i:], max(i, half) ** 2 % 7)


def test_scalars_branches_and_arithmetic():
    found = listed(arithmetic, {"M": 9}, {"n": 5, "flag": 1})
    assert [each.at for each in found.tasks] == [(3,), (2,), (1,), (0,), (0,)]
    assert [each.scalars for each in found.tasks] == [(2,), (2,), (2,), (13,), (2,)]
    assert boxes(found, 0)[3] == ((4, 9), (0, 8))
    assert found.known


def test_a_scalar_that_is_not_given_is_known_to_the_run_only():
    found = listed(arithmetic, {"M": 9}, {"n": 1})
    assert found.open
    assert not found.known
    sides = [each.guards for each in found.tasks]
    assert sides[0][0][1] is False
    assert sides[1] == ()
    found = listed(arithmetic, {"M": 9}, {"flag": 1})
    assert len(found.tasks) == 6
    assert found.tasks[0].loops[0].value is None


@workload
def by_data(x: In[Tensor[f32, 4, 8]], rows: In[Tensor[i32, 4]], y: Out[Tensor[f32, 4, 8]]) -> None:
    for i in P(4):
        r = tile.item(rows[i])
        row(x[i], y[r])
        with P.when(r > 2):
            row(x[r, 0:4], y[i, 0:4])


def test_regions_that_depend_on_data_are_the_whole_axis_and_not_exact():
    found = listed(by_data)
    first, second = found.tasks[2].accesses, found.tasks[3].accesses
    assert (first[0].box, first[0].exact) == (((1, 2), (0, 8)), True)
    assert (first[1].box, first[1].exact) == (((0, 4), (0, 8)), False)
    assert (second[0].box, second[0].exact) == (((0, 4), (0, 4)), False)
    assert not found.tasks[2].known
    assert found.open


def test_what_may_not_run_keeps_what_it_would_overwrite():
    assert [each.accesses[1].mode for each in listed(by_data).tasks[:2]] == ["out", "inout"]


@workload
def buffers(x: In[Tensor[f32, 3, 8]], y: Out[Tensor[f32, 3, 8]]) -> None:
    for i in P(3):
        t = empty((8,), f32)
        row(x[i], t[:])
        row(t[0:8], y[i])


def test_every_turn_has_buffers_of_its_own():
    found = listed(buffers)
    assert [each.accesses[1].tensor for each in found.tasks[::2]] == ["t", "t#2", "t#3"]
    assert [each.accesses[0].tensor for each in found.tasks[1::2]] == ["t", "t#2", "t#3"]
    assert boxes(found, 1)[0] == ((0, 8),)


@workload
def parts(x: InOut[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    sequential(scaled(x), combine(scaled(y[2:]), scaled(y[:2])))


@workload
def scaled(z: InOut[Tensor[f32, "R", 8]]) -> None:
    for i in P(Dense(z.shape[0])):
        scale(z[i : i + 1], 3)


def test_workloads_in_workloads_are_walked_where_they_are_called():
    found = listed(parts, {"M": 3})
    assert [(each.accesses[0].tensor, each.accesses[0].box[0]) for each in found.tasks] == [
        ("x", (0, 1)), ("x", (1, 2)), ("x", (2, 3)), ("y", (2, 3)), ("y", (0, 1)), ("y", (1, 2)),
    ]  # fmt: skip


@workload
def axes(
    x: InOut[Tensor[f32, "R", 9, 8]], lens: In[Tensor[i32, "R"]], ptr: In[Tensor[i32, "Q"]], ids: In[Tensor[i32, "Z"]],
    n: Scalar[i32],
) -> None:  # fmt: skip
    for r, i in P(Ragged(x.shape[0], lens)):
        scale(x[r, i : i + 1], 1)
    table = Sparse(ptr, ids)
    for r, k, e in P(table):
        scale(x[r, e : e + 1], k)
    for e in P.sel(table[0]):
        scale(x[0, e : e + 1], 2)
    for i in P(DenseDyn("n")):
        scale(x[0, i : i + 1], 3)
    for i in P(DenseDyn("R")):
        scale(x[i], 4)


def test_axes():
    found = listed(axes, {"R": 2, "Q": 3, "Z": 5}, {"n": 4})
    by_line = {}
    for each in found.tasks:
        by_line.setdefault(each.place.line, []).append(each)
    ragged, sparse, selected, dynamic, dense = by_line.values()
    assert [each.at for each in ragged] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert ragged[1].accesses[0].box == ((0, 1), (1, 2), (0, 8))
    assert not sparse[0].known
    assert not selected[0].known
    assert len(selected) == 3
    assert [each.at for each in dynamic] == [(0,), (1,), (2,), (3,)]
    assert len(dense) == 2
    assert found.open


@routine
def task_form(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = c.shape
    open_tasks(workers=4, steal=False)
    order = 0
    for j in range(0, N, 256):
        for i in range(0, M, 128):
            task(worker=order % 4, at=(j, i))
            order += 1
            gemm_tile(a[i : i + 128, :], b[:, j : j + 256], c[i : i + 128, j : j + 256])
    close_tasks()


def test_a_routine_in_task_form():
    found = listed(task_form, {"M": 300, "N": 512, "K": 7})
    assert [each.at for each in found.tasks] == [(0, 0), (0, 128), (0, 256), (256, 0), (256, 128), (256, 256)]
    assert boxes(found, 2)[2] == ((256, 300), (0, 256))
    assert not any(each.parallel for each in found.tasks[0].loops)
    assert found.known


@workload
def asserted(x: InOut[Tensor[f32, "M", 8]]) -> None:
    assert x.shape[0] % 4 == 0
    for i in P(range(0, x.shape[0], 4)):
        scale(x[i : i + 4], 1)


def test_sizes_that_an_assertion_refuses_have_no_tasks():
    assert listed(asserted, {"M": 9}) is None
    assert len(listed(asserted, {"M": 8}).tasks) == 2


def test_no_more_tasks_than_wanted_and_an_endless_loop_ends():
    found = listed(gemm, {"M": 128 * 50, "N": 256 * 50, "K": 1}, limit=40)
    assert (len(found.tasks), found.cut, found.known) == (40, True, False)
    found = listed(endless, limit=10)
    assert found.cut


@workload
def endless(x: InOut[Tensor[f32, 8, 8]]) -> None:
    n = 1
    while n > 0:
        n += 1


@pytest.mark.parametrize(("extent", "expected"), [(0, 0), (1, 1), (128, 1), (129, 2)])
def test_whole_iterations_and_tails(extent, expected):
    assert len(listed(gemm, {"M": extent, "N": 256, "K": 0}).tasks) == expected
