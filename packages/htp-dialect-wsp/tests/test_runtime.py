"""Directives for the run: they stay, follow the loops, and are refused where they cannot be honoured."""

import pytest
from scheduling_kit import agree, at_its_line, body, poison, random, refused, scheduled

from htp import In, InOut, Out, Scalar, Tensor, f32, i64, kernel
from htp_dialect_wsp import P, workload


@kernel
def double(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def total(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:]


@workload
def grid(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], shift: Scalar[i64]) -> None:
    M, N = x.shape
    for i in P(M):
        for j in P(range(0, N, 8)):
            double(x[i, j:j + 8], y[i, j:j + 8])


@workload
def phases(x: In[Tensor[f32, "M", 8]], y: Out[Tensor[f32, "M", 8]], z: InOut[Tensor[f32, 8]]) -> None:
    M = x.shape[0]
    for i in P(M):
        double(x[i, :], y[i, :])
    for k in P.seq(M):
        total(y[k, :], z[:])


ALL = (
    "dispatch(affinity('i * 8 + j + shift', workers=4))", "task_window(8, unit='tasks', mode='stall')", "streams(2)",
    "stream_by('i')", "timing(batched(4))", "ready(priority('M - i'))", "pools(by_exec_unit())", "bind('i', 'worker')",
    "map('double', 'i % 4')",
)  # fmt: skip


def head(program):
    return [each.removeprefix("scheduled.") for each in body(program) if each.startswith("scheduled.")]


def test_all_of_them_stay():
    program = agree(grid, [random(5, 20), poison(5, 20), 3], *ALL)
    assert head(program) == list(ALL)


def test_keys_follow_loops_that_are_taken():
    keys = (
        "dispatch(affinity('i + j', workers=4))", "stream_by('i')", "ready(priority('-i'))", "map('double', 'i % 4')",
        "bind('i', 'worker')",
    )  # fmt: skip
    program = agree(grid, [random(5, 20), poison(5, 20), 3], *keys, "tile('i', 2, tail='mask')")
    assert head(program) == [
        "dispatch(affinity('i_o + i_i + j', workers=4))", "stream_by('i_o + i_i')", "ready(priority('-(i_o + i_i)'))",
        "map('double', '(i_o + i_i) % 4')", "bind('i_o', 'worker')",
    ]  # fmt: skip
    program = scheduled(grid, "stream_by('i + j')", "fuse_loops('i', 'j')")
    assert head(program) == ["stream_by('i_j // j_count + i_j % j_count * 8')"]


def test_keys_have_values_in_what_is_left_over():
    program = agree(grid, [random(5, 20), poison(5, 20), 3], "stream_by('j')", "unroll('j', 2)")
    assert "    for j_t in P(range((N + 7) // 8 // 2 * 16, N, 8)):" in body(program)
    assert "        j = j_t" in body(program)


def test_later_directives_see_loops_as_they_are():
    found = at_its_line(refused(grid, "tile('i', 2, tail='mask')", "stream_by('i')"), 1, 2)
    assert found.code == "wsp.unknown-loop"
    assert "an earlier directive made i_o and i_i of it" in found.notes
    agree(grid, [random(5, 20), poison(5, 20), 3], "tile('i', 2, tail='mask')", "stream_by('i_o + i_i')")


def test_a_key_may_name_loops_that_are_not_around_every_task():
    scheduled(phases, "dispatch(affinity('i + k', workers=2))", "map('double', 'i')", "map('total', 'k')")


def test_tasks_are_known_by_the_names_of_the_workload():
    """What a directive makes of a task goes by the name of the task, in directives before and behind it."""
    program = scheduled(
        phases, "map('double', 'i % 4')", "after('total', 'double')", "vectorize('i', 2)", "buffer('y', 'scratch')",
        "map('total', 'k % 2')",
    )  # fmt: skip
    assert head(program) == [
        "map('double_x2', 'i % 4')", "map('double', 'i % 4')", "after('total_staged', 'double_x2', 'double')",
        "map('total_staged', 'k % 2')",
    ]  # fmt: skip


def test_a_task_that_is_not_there():
    assert refused(phases, "map('doubled', 'i')").code == "wsp.unknown-task"


@pytest.mark.parametrize("key", ["x[0]", "i / 2", "max(i, j)", "1.5", "i < 3"])
def test_a_key_is_made_of_loops_and_numbers(key):
    found = at_its_line(refused(grid, f"dispatch(hash('{key}', workers=2))"), 1)
    assert found.code == "wsp.dispatch-key"
    assert found.message.startswith(f"`{key}` is no key")


def test_a_key_names_a_loop():
    found = refused(grid, "dispatch(affinity('ii', workers=2))")
    assert (found.code, found.help) == ("wsp.unknown-loop", ("write 'i'",))


@pytest.mark.parametrize(
    ("text", "code"),
    [("task_window(0)", "wsp.window"), ("streams(0)", "wsp.bad-argument"), ("timing(batched(0))", "wsp.bad-argument"),
     ("timing(rate_limit(1, 0))", "wsp.bad-argument"), ("dispatch(round_robin(workers=0))", "wsp.bad-argument")],
)  # fmt: skip
def test_numbers_that_let_nothing_through(text, code):
    assert at_its_line(refused(grid, text), 1).code == code


def test_batches_that_never_fill():
    found = refused(grid, "task_window(3)", "timing(batched(4))")
    assert found.code == "wsp.timing-window"
    assert found.message == "batches of 4 tasks never fill in a window of 3"
    assert refused(grid, "timing(batched(4))", "task_window(3)").code == "wsp.timing-window"
    scheduled(grid, "task_window(4)", "timing(batched(4))")
    scheduled(grid, "task_window(3, unit='bytes')", "timing(batched(4))")


def test_a_loop_in_order_is_not_spread():
    found = at_its_line(refused(phases, "bind('k', 'worker')"), 1)
    assert found.code == "wsp.bind-seq"
    assert "P.seq(M)" in found.message
    assert refused(phases, "bind('m', 'worker')").code == "wsp.unknown-loop"
