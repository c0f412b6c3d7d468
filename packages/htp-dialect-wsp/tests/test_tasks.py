"""`fuse`, `buffer` and `after`: what they make of tasks, and when they are refused."""

import pytest
from scheduling_kit import agree, at_its_line, body, poison, random, refused, scheduled

from htp import In, InOut, Out, Scalar, Tensor, f32, kernel, tile
from htp.unparse import function_text
from htp_dialect_wsp import P, sequential, workload
from htp_dialect_wsp.scheduling import ApplySchedule


@kernel
def double(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def shift(x: In[Tensor[f32, "k"]], y: Out[Tensor[f32, "k"]], by: Scalar[f32]) -> None:
    y[:] = x[:] + by


@kernel
def negate(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = -x[:]


@kernel
def eight(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 8]]) -> None:
    y[:] = x[:] * 3.0


@kernel
def four(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]]) -> None:
    y[:] = x[:] * 3.0


@workload
def chain(
    x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]], w: Out[Tensor[f32, "N"]],
    by: Scalar[f32],
) -> None:  # fmt: skip
    N = x.shape[0]
    for i in P(range(0, N, 8)):
        double(x[i:i + 8], y[i:i + 8])
        negate(x[i:i + 8], w[i:i + 8])
        shift(y[i:i + 8], z[i:i + 8], by)


@workload
def between(x: In[Tensor[f32, 32]], y: Out[Tensor[f32, 32]], z: Out[Tensor[f32, 32]], w: Out[Tensor[f32, 32]]) -> None:
    for i in P(range(0, 32, 8)):
        double(x[i:i + 8], y[i:i + 8])
        negate(y[i:i + 8], w[i:i + 8])
        eight(w[i:i + 8], z[i:i + 8])


@workload
def apart(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    N = x.shape[0]
    for i in P(range(0, N, 8)):
        double(x[i:i + 8], y[i:i + 8])
    for j in P(range(0, N, 8)):
        negate(y[j:j + 8], z[j:j + 8])


@workload
def mirrored(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    N = x.shape[0]
    for i in P(range(0, N, 8)):
        double(x[i:i + 8], y[i:i + 8])
    for j in P(range(0, N, 8)):
        negate(y[N - 8 - j:N - j], z[j:j + 8])


@workload
def halves(x: In[Tensor[f32, 32]], y: Out[Tensor[f32, 32]], z: InOut[Tensor[f32, 32]]) -> None:
    for i in P(range(0, 32, 8)):
        eight(x[i:i + 8], y[i:i + 8])
        four(y[i:i + 4], z[i:i + 4])


@workload
def twice(x: In[Tensor[f32, 32]], y: Out[Tensor[f32, 32]], z: Out[Tensor[f32, 32]]) -> None:
    for i in P(range(0, 32, 8)):
        double(x[i:i + 8], y[i:i + 8])
        double(y[i:i + 8], z[i:i + 8])
        negate(x[i:i + 8], y[i:i + 8])


def arrays(n):
    return [random(n), poison(n), poison(n), poison(n), 0.5]


# fuse ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 37])
def test_producer_and_consumer_become_one_kernel(size):
    program = agree(chain, arrays(size), "fuse('double', 'shift', at='i')")
    assert body(program)[2:] == [
        "    negate(x[i:i + 8], w[i:i + 8])",
        "    double_shift(x[i:i + 8], y[i:i + 8], z[i:i + 8], by)",
    ]
    text = function_text(program.function("double_shift"))
    assert [each.split("#")[0].strip() for each in text.split("\n")[-2:]] == ["double(x, y)", "shift(y, z, by)"]
    assert [each.direction for each in program.function("double_shift").params] == ["in", "out", "out", "scalar"]


def test_what_a_fused_task_is_called():
    agree(chain, arrays(37), "fuse('double', 'shift')", "fuse('negate', 'double_shift')")


def test_loops_over_the_same_range_become_one():
    program = agree(apart, arrays(37)[:3], "stream_by('j')", "bind('j', 'worker')",
                    "fuse('double', 'negate', at='i')")  # fmt: skip
    assert body(program) == [
        "scheduled.stream_by('i')",
        "scheduled.bind('i', 'worker')",
        "N = x.shape[0]",
        "for i in P(range(0, N, 8)):",
        "    double_negate(x[i:i + 8], y[i:i + 8], z[i:i + 8])",
    ]


def test_loops_whose_iterations_need_others_do_not():
    found = at_its_line(refused(mirrored, "fuse('double', 'negate')"), 1)
    assert found.code == "wsp.fuse"
    assert "write and read y[" in found.message
    assert "double" in found.message
    assert "negate" in found.message


def test_a_path_through_a_third_task():
    found = at_its_line(refused(between, "fuse('double', 'eight')"), 1)
    assert found.code == "wsp.fuse"
    assert "`eight` of (i=0) would run before `negate` of (i=0)" in found.message


def test_a_number_that_is_read_between_them_and_a_barrier():
    @workload
    def read(x: In[Tensor[f32, 32]], y: Out[Tensor[f32, 32]], z: Out[Tensor[f32, 32]]) -> None:
        for i in P.seq(range(0, 32, 8)):
            double(x[i:i + 8], y[i:i + 8])
            by = tile.item(y[i])
            shift(y[i:i + 8], z[i:i + 8], by)

    @workload
    def parts(x: In[Tensor[f32, 32]], y: Out[Tensor[f32, 32]], z: Out[Tensor[f32, 32]]) -> None:
        sequential(double(x, y), negate(x, z))

    found = at_its_line(refused(read, "fuse('double', 'shift')"), 1)
    assert (found.code, found.message) == ("wsp.fuse", "`by = tile.item(y[i])` has to stay between the two")
    found = refused(parts, "fuse('double', 'negate')")
    assert (found.code, found.message) == ("wsp.fuse", "`barrier()` has to stay between the two")


def test_regions_of_different_shapes():
    found = refused(halves, "fuse('eight', 'four')")
    assert found.code == "wsp.fuse"
    assert found.message == "'eight' and 'four' take different regions of 'y', one of which is written"


def test_tasks_named_in_the_wrong_order_or_called_twice_or_in_no_common_block():
    assert refused(chain, "fuse('shift', 'double')").help == ("write fuse('double', 'shift')",)
    assert "in 2 places" in refused(twice, "fuse('double', 'negate')").message
    assert refused(chain, "fuse('double', 'shift', at='j')").code == "wsp.unknown-loop"
    found = refused(apart, "tile('j', 2, tail='mask')", "fuse('double', 'negate')")
    assert found.code == "wsp.fuse"
    assert "do not stand in one block" in found.message


def test_a_loop_in_which_they_do_not_meet():
    found = refused(apart, "fuse('double', 'negate', at='j')")
    assert (found.code, found.help) == ("wsp.fuse", ("say at='i'",))


def test_a_task_that_is_not_there():
    found = at_its_line(refused(chain, "fuse('doubled', 'shift')"), 1)
    assert found.code == "wsp.unknown-task"
    assert found.help == ("write 'double'",)
    assert found.notes == ("tasks here: double, negate, shift",)


# buffer -------------------------------------------------------------------------------------------------------------


def test_every_task_that_reads_an_array_gets_a_copy():
    program = agree(chain, arrays(37), "buffer('x', 'scratch')")
    assert [each.split("(")[0].strip() for each in body(program)[2:]] == ["double_staged", "negate_staged", "shift"]
    text = function_text(program.function("double_staged"))
    assert "staged in scratch." in text
    assert "x_staged = x[:]" in text
    assert "double(x_staged, y)" in text


def test_a_space_that_the_target_does_not_have():
    step = ApplySchedule(spaces=("scratch", "ub"))
    scheduled(chain, "buffer('x', 'ub')", step=step)
    with pytest.raises(Exception, match="no memory space 'l1'") as caught:
        scheduled(chain, "buffer('x', 'l1')", step=step)
    found = at_its_line(caught.value.diagnostic, 1)
    assert (found.code, found.help) == ("wsp.buffer-space", ("use one of scratch, ub",))


def test_an_array_that_no_task_reads():
    assert at_its_line(refused(chain, "buffer('z', 'scratch')"), 1).code == "wsp.buffer"
    assert refused(chain, "buffer('q', 'scratch')").code == "wsp.buffer"
    assert refused(chain, "buffer('x', 'scratch', slots=0)").code == "wsp.bad-argument"


def test_more_copies_than_a_task_uses_are_refused():
    found = at_its_line(refused(chain, "buffer('x', 'scratch', slots=2)"), 1)
    assert (found.code, "2 slots would have no use" in found.message) == ("wsp.buffer-slots", True)
    assert "x_staged = x[:]" in function_text(
        scheduled(chain, "buffer('x', 'scratch', slots=1)").function("double_staged")
    )


# after --------------------------------------------------------------------------------------------------------------


def test_an_explicit_order_stays_for_the_run():
    program = agree(chain, arrays(37), "after('shift', 'negate', 'double')", "tile('i', 2, tail='mask')")
    assert body(program)[0] == "scheduled.after('shift', 'negate', 'double')"


def test_a_task_cannot_run_before_an_earlier_one():
    found = at_its_line(refused(chain, "after('double', 'negate')"), 1)
    assert found.code == "wsp.cycle"
    assert found.message == "'double' cannot run after 'negate': 'negate' is submitted behind 'double'"
    assert refused(chain, "after('double', 'double')").code == "wsp.cycle"
    assert refused(chain, "after('shift', 'nothing')").code == "wsp.unknown-task"
