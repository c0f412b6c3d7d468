"""`pipeline`: slots of buffers, and iterations that cannot overlap."""

import pytest
from scheduling_kit import agree, at_its_line, body, inscribed, poison, random, refused, scheduled

from htp import In, InOut, Out, Tensor, empty, f32, kernel
from htp.passes import run_step
from htp_dialect_wsp import P, workload
from htp_dialect_wsp.scheduling import ApplySchedule


@kernel
def load(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def store(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] + 1.0


@kernel
def add(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def back(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 0.5


@workload
def staged(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    for k in P.seq(M):
        load(x[k, :], buf)
        store(buf, y[k, :])


@workload
def inside(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    M = x.shape[0]
    for k in P(range(0, M, 2)):
        buf = empty((8,), f32)
        load(x[k, :], buf)
        store(buf[0:8], y[k, :])
        store(buf, y[k + 1, :])


@workload
def summed(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    for k in P.seq(M):
        load(x[k, :], buf)
        add(buf, y[:])


@workload
def fed_back(x: InOut[Tensor[f32, "M", 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    for k in P.seq(M - 1):
        load(x[k, :], buf)
        store(buf, x[k + 1, :])


@workload
def fed_back_later(x: InOut[Tensor[f32, "M", 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    for k in P.seq(M - 3):
        load(x[k, :], buf)
        store(buf, x[k + 3, :])


@workload
def three_stages(x: InOut[Tensor[f32, "M", 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    tmp = empty((8,), f32)
    for k in P.seq(M - 2):
        load(x[k, :], buf)
        store(buf, tmp)
        back(tmp, x[k + 2, :])


@workload
def direct(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]]) -> None:
    for k in P.seq(x.shape[0]):
        load(x[k, :], y[k, :])


def at_code(step, code):
    return [each for each in step.diagnostics if each.code == code]


@workload
def kept(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], last: Out[Tensor[f32, 8]]) -> None:
    M = x.shape[0]
    buf = empty((8,), f32)
    load(x[0, :], buf)
    for k in P.seq(M):
        load(x[k, :], buf)
        store(buf, y[k, :])
    store(buf, last[:])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_buffer_gets_a_slot_for_each_iteration_under_way(size):
    program = agree(staged, [random(size, 8), poison(size, 8)], "pipeline('k', 3, stages=('load', 'store'))")
    assert body(program) == [
        "M = x.shape[0]",
        "buf = empty((3, 8), f32)",
        "for k in P.seq(M):",
        "    load(x[k, :], buf[k % 3])",
        "    store(buf[k % 3], y[k, :])",
    ]


def test_a_buffer_of_every_iteration_is_made_once():
    program = agree(inside, [random(6, 8), poison(6, 8)], "pipeline('k', 2)")
    assert body(program)[1:] == [
        "buf = empty((2, 8), f32)",
        "for k in P.seq(range(0, M, 2)):",
        "    load(x[k, :], buf[k // 2 % 2])",
        "    store(buf[k // 2 % 2, 0:8], y[k, :])",
        "    store(buf[k // 2 % 2], y[k + 1, :])",
    ]


def test_an_accumulator_does_not_hinder():
    program = agree(summed, [random(5, 8), random(8)], "pipeline('k', 4)")
    assert "buf = empty((4, 8), f32)" in body(program)


def test_no_more_iterations_overlap_than_data_are_carried_over():
    program = agree(fed_back_later, [random(12, 8)], "pipeline('k', 8)")
    assert "buf = empty((8, 8), f32)" in body(program)  # data come back three iterations and two stages later
    program = agree(three_stages, [random(12, 8)], "pipeline('k', 8)")
    assert body(program)[1:3] == ["buf = empty((2, 8), f32)", "tmp = empty((2, 8), f32)"]
    step = run_step(ApplySchedule(), inscribed(three_stages, "pipeline('k', 8)"))
    told = step.matches[-1]
    assert (told.rule, told.before, told.after) == (
        "wsp.pipeline", "scheduled.pipeline('k', 8)", "scheduled.pipeline('k', 2)"
    )  # fmt: skip
    (note,) = at_code(step, "wsp.pipeline-depth")
    assert note.message == (
        "of the 8 iterations of 'k' that are to overlap, 2 can: 'load' reads what 'back' wrote 2 iterations before"
    )
    at_its_line(note, 1)
    assert not at_code(run_step(ApplySchedule(), inscribed(three_stages, "pipeline('k', 2)")), "wsp.pipeline-depth")


def test_data_that_come_back_to_an_earlier_stage():
    found = at_its_line(refused(fed_back, "pipeline('k', 2)"), 1)
    assert found.code == "wsp.pipeline-dep"
    assert "'load' of every iteration reads what 'store' of the iteration before it wrote" in found.message


def test_what_others_use_keeps_one_place():
    data = [random(5, 8), poison(5, 8), poison(8)]
    assert "buf = empty((8,), f32)" in body(agree(kept, data, "pipeline('k', 2)"))
    (note,) = at_code(run_step(ApplySchedule(), inscribed(kept, "pipeline('k', 2)")), "wsp.pipeline-depth")
    assert "`buf` of the loop 'k' keeps one place" in note.message
    assert note.severity == "note"


def test_a_loop_without_buffers_is_as_it_was_and_a_note_says_so():
    step = run_step(ApplySchedule(), inscribed(direct, "pipeline('k', 2)"))
    (note,) = at_code(step, "wsp.pipeline-depth")
    assert "`pipeline` changes nothing" in note.message
    assert body(step.program) == body(scheduled(direct))
    assert not at_code(run_step(ApplySchedule(), inscribed(direct, "pipeline('k', 1)")), "wsp.pipeline-depth")


def test_stages_are_tasks_of_the_loop_in_their_order():
    assert refused(staged, "pipeline('k', 2, stages=('store', 'load'))").code == "wsp.pipeline-dep"
    assert refused(staged, "pipeline('k', 2, stages=('load', 'add'))").code == "wsp.unknown-task"
    assert refused(kept, "pipeline('j', 2)").code == "wsp.unknown-loop"
