"""`wsp.lower`: nested form becomes task form, with what the schedule says of the run."""

import numpy as np
import pytest
from small_workloads import OLD, ROWS, RUNS, X, chosen, counted, double, grid, ints, measured, ragged, sparse, written
from stage_texts import lines_of, runnable

from htp import In, InOut, Out, Tensor, f32, func, kernel
from htp.capabilities import DialectUse, DirectiveUse
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.passes import run_step
from htp.uses import with_uses
from htp_dialect_wsp import (
    P,
    affinity,
    batched,
    by_exec_unit,
    custom,
    hash,
    interleaved,
    priority,
    rate_limit,
    round_robin,
    schedule,
    work_steal,
    workload,
)
from htp_dialect_wsp.capabilities import Checked, Nested, Scheduled
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.lower.task_form import Lower


def lowered(definition, plan=None):
    """The program in task form; `plan` is the function of a schedule without rewriting directives."""
    program = capture(definition)
    if plan is not None:
        program = schedule(definition)(plan).inscribe(program)
    program = with_uses(Compose().apply(program)).with_facts([Nested(), Checked(), Scheduled()])
    return run_step(Lower(), program, verify=True).program


def first(program, start):
    return next(each.strip() for each in lines_of(program) if each.strip().startswith(start))


@pytest.mark.parametrize("name", RUNS)
def test_the_stage_reads_back_and_runs_as_python(name):
    definition, arguments, expected = RUNS[name]
    program = lowered(definition)
    assert DialectUse("wsp") not in program.uses
    assert DialectUse("tasks") in program.uses
    assert program.main.kind == "routine"
    assert parse_program(program.text(), "program.py").canonical == program.canonical
    for got, wanted in zip(written(definition, arguments, runnable(program)), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_without_a_schedule_tasks_follow_the_program():
    assert lines_of(lowered(grid)) == [
        "M, N = x.shape",
        "open_tasks(independent=('y',))",
        "for i in range(M):",
        "    for j in range(0, N, 8):",
        "        task(at=(i, j))",
        "        double(x[i, j:j + 8], y[i, j:j + 8])",
        "close_tasks()",
    ]


def test_a_policy_is_a_call_of_its_helper():
    program = lowered(grid, lambda s: s.dispatch(round_robin(4)))
    assert lines_of(program)[1:] == [
        "open_tasks(workers=4, steal=False, independent=('y',))",
        "order = 0",
        "for i in range(M):",
        "    for j in range(0, N, 8):",
        "        task(worker=in_turn(order, 4), at=(i, j))",
        "        order += 1",
        "        double(x[i, j:j + 8], y[i, j:j + 8])",
        "close_tasks()",
    ]
    assert program.function("in_turn").kind == "func"
    assert DirectiveUse("dispatch") in program.uses


@func
def diagonal(order, key, rank, digest, workers):
    return (order + key + rank + digest) % workers


@pytest.mark.parametrize(
    ("policy", "opened", "worker"),
    [
        (affinity("i + 1", workers=3), "workers=3, steal=False", "by_rank(first_seen(i + 1), 3)"),
        (hash("j", workers=2), "workers=2, steal=False", "by_digest(fnv1a(j, 2))"),
        (work_steal(2), "workers=2, steal=True", "in_turn(order, 2)"),
    ],
)
def test_every_policy_has_what_it_asks_for(policy, opened, worker):
    program = lowered(grid, lambda s: s.dispatch(policy))
    assert first(program, "open_tasks") == f"open_tasks({opened}, independent=('y',))"
    assert first(program, "task") == f"task(worker={worker}, at=(i, j))"


def test_what_a_helper_of_the_user_gives_is_checked():
    program = lowered(grid, lambda s: s.dispatch(custom(diagonal, key="i", workers=2)))
    assert first(program, "place") == "place = diagonal(order, i, first_seen(i), fnv1a(i, 2), 2)"
    assert "place >= 0 and place < 2" in first(program, "require")
    assert "'wsp.dispatch-range'" in first(program, "require")
    assert first(program, "task") == "task(worker=place, at=(i, j))"


@func
def beyond(workers):
    return workers


def test_a_worker_that_there_is_not_is_refused_in_python_too():
    program = lowered(grid, lambda s: s.dispatch(custom(beyond, workers=2)))
    with pytest.raises(Refused) as caught:
        runnable(program)(ROWS, ROWS.copy())
    assert caught.value.code == "wsp.dispatch-range"


@pytest.mark.parametrize(
    ("plan", "opened", "said"),
    [
        (lambda s: s.task_window(8), "window=8, unit='tasks', full='stall'", "at=(i, j)"),
        (lambda s: s.task_window(8, "bytes", "abort"), "window=8, unit='bytes', full='abort'", "at=(i, j)"),
        (lambda s: s.streams(3), "", "stream=order % 3, at=(i, j)"),
        (lambda s: s.stream_by("i * 2"), "", "stream=i * 2, at=(i, j)"),
        (lambda s: (s.streams(3), s.stream_by("i * 2")), "", "stream=i * 2 % 3, at=(i, j)"),
        (lambda s: s.timing(batched(4)), "batch=4", "at=(i, j)"),
        (lambda s: s.timing(rate_limit(4, 10)), "issue=10, every=4", "at=(i, j)"),
        (lambda s: s.timing(interleaved()), "interleaved=True", "at=(i, j)"),
        (lambda s: s.ready(priority("-j")), "", "priority=-j, at=(i, j)"),
        (lambda s: s.bind("j", "worker"), "", "worker=j // 8, at=(i, j), parallel=(i, j)"),
        (lambda s: s.bind("i", "worker"), "", "worker=i, at=(i, j), parallel=(i, j)"),
        (lambda s: s.map("double", "i + j"), "", "worker=i + j, at=(i, j), parallel=(i, j)"),
        (lambda s: s.pools(by_exec_unit()), "pools=2", "pool=1, at=(i, j)"),
        (lambda s: s.prefer.swizzle("i", 8), "", "at=(i, j)"),
    ],
)
def test_every_directive_for_the_run_has_its_place(plan, opened, said):
    program = lowered(grid, plan)
    assert first(program, "open_tasks") == f"open_tasks({', '.join([opened] * bool(opened))}" + (
        f"{', ' * bool(opened)}independent=('y',))"
    )
    assert first(program, "task(") == f"task({said})"


@kernel
def product(x: In[Tensor[f32, "m", "k"]], y: Out[Tensor[f32, "m", "m"]]) -> None:
    y[:] = x[:] @ x[:].T


@kernel
def through(x: In[Tensor[f32, "m", "k"]], y: Out[Tensor[f32, "m", "m"]]) -> None:
    product(x, y)


@workload
def mixed(x: In[Tensor[f32, 4, 4]], y: Out[Tensor[f32, 4, 4]], z: Out[Tensor[f32, 4, 4]]) -> None:
    product(x, y)
    through(x, z)
    for i in P(4):
        double(x[i], y[i])


def test_what_a_key_divides_by_is_checked_at_the_schedules_line():
    def plan(s):
        s.dispatch(affinity("i // j % 3", workers=2))
        s.ready(priority("i % (j // i)"))

    line = plan.__code__.co_firstlineno
    program = lowered(grid, plan)
    checks = [each.strip() for each in lines_of(program) if each.strip().startswith("require(")]
    fix = "divide by a number that is never 0; a loop that a task is not in counts as 0"
    assert checks == [
        "require(j != 0, 'the key `i // j % 3` of `double` divides by `j`, which is 0', "
        f"'test_task_form.py:{line + 1}', 'wsp.dispatch-key', '{fix}')",
        "require(i != 0, 'the key `i % (j // i)` of `double` divides by `i`, which is 0', "
        f"'test_task_form.py:{line + 2}', 'wsp.key', '{fix}')",
        "require(j // i != 0, 'the key `i % (j // i)` of `double` divides by `j // i`, which is 0', "
        f"'test_task_form.py:{line + 2}', 'wsp.key', '{fix}')",
    ]
    with pytest.raises(Refused) as caught:
        runnable(program)(ROWS, ROWS.copy())
    found = caught.value.diagnostic
    assert (found.code, found.span.line) == ("wsp.dispatch-key", line + 1)


def test_a_key_that_divides_by_a_loop_that_a_task_is_not_in():
    def plan(s):
        s.stream_by("4 // i")

    with pytest.raises(Refused) as caught:
        lowered(mixed, plan)
    found = caught.value.diagnostic
    assert (found.code, found.span.line) == ("wsp.key", plan.__code__.co_firstlineno + 1)
    assert found.message == "the key `4 // i` of `product` divides by `0`, which is 0 where `product` stands"


def test_pools_tell_matrix_products_from_the_rest():
    program = lowered(mixed, lambda s: s.pools(by_exec_unit()))
    found = [each.strip() for each in lines_of(program) if each.strip().startswith("task(")]
    assert found == ["task(pool=0)", "task(pool=0)", "task(pool=1, at=(i,))"]


def test_explicit_order_and_keys_of_loops_that_a_task_is_not_in():
    def plan(s):
        s.after("double", "through", "product")
        s.dispatch(affinity("i + 3", workers=2))

    program = lowered(mixed, plan)
    found = [each.strip() for each in lines_of(program) if each.strip().startswith("task(")]
    assert found == [
        "task(worker=by_rank(first_seen(3), 2), tag=0)",
        "task(worker=by_rank(first_seen(3), 2), tag=1)",
        "task(worker=by_rank(first_seen(i + 3), 2), at=(i,), after=(0, 1))",
    ]
    assert DirectiveUse("after") not in program.uses


def test_a_selection_on_what_tasks_write_becomes_one_task():
    program = lowered(chosen)
    assert lines_of(program)[3:] == [
        "for i in range(0, N, 4):",
        "    task(at=(i,))",
        "    positive(x[i:i + 4], counts[i:i + 1])",
        "    task(at=(i,))",
        "    double_selected(counts[i:i + 1], x[i:i + 4], y[i:i + 4])",
        "close_tasks()",
    ]
    assert lines_of(program, "double_selected")[-4:] == [
        "if tile.item(counts[0]) > 2:", "    double(x, y)", "else:", "    add(x, y)",
    ]  # fmt: skip
    (out,) = [each for each in program.function("double_selected").params if each.name == "y"]
    assert out.direction == "inout"


def test_scalars_that_tasks_write_are_waited_for():
    found = lines_of(lowered(measured))
    at = found.index("n = tile.item(counts[0])")
    assert found[at - 1] == "wait_for(counts[0])"


def test_what_the_workload_itself_reads_of_data_that_tasks_write_is_waited_for():
    from htp import tile

    @workload
    def sums(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
        double(x, y)
        if tile.item(tile.sum(y[0:4])) > tile.item(x[0]):
            double(x[0:y.shape[0]], y)

    assert lines_of(lowered(sums)) == [
        "open_tasks()",
        "double(x, y)",
        "wait_for(y[0:4])",
        "if tile.item(tile.sum(y[0:4])) > tile.item(x[0]):",
        "    double(x[0:y.shape[0]], y)",
        "close_tasks()",
    ]


def test_axes_are_checked_before_tasks():
    found = lines_of(lowered(ragged))
    assert found[0] == "open_tasks()"
    assert found[1].startswith("require(lengths.shape[0] == lengths.shape[0], ")
    assert found[3].startswith("    require(tile.item(lengths[row]) >= 0, 'a length in `lengths` is negative', ")
    assert found[3].endswith("'wsp.axis-data', 'a length is 0 or more')")


@pytest.mark.parametrize(
    ("definition", "arguments"),
    [
        (ragged, (X, ints(3, -1, 2), OLD)),
        (sparse, (ROWS, ints(1, 2), ints(1, 2), ROWS)),
        (sparse, (ROWS, ints(0, 2, 1), ints(1, 2), ROWS)),
        (sparse, (ROWS, ints(0, 3), ints(1, 2), ROWS)),
        (sparse, (ROWS, ints(0, 2), ints(1, -2), ROWS)),
        (sparse, (ROWS, ints(0, 2), ints(1, 6), ROWS)),
        (counted, (X, -1, OLD)),
    ],
)
def test_bad_axis_data_are_refused_as_in_python(definition, arguments):
    for each in (definition, runnable(lowered(definition))):
        own = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        with pytest.raises(Refused) as caught:
            each(*own)
        assert caught.value.code == "wsp.axis-data"
        assert caught.value.diagnostic.help
        np.testing.assert_array_equal(own[-1], arguments[-1])


def test_checks_of_an_axis_name_the_users_arrays():
    from htp import i32
    from htp_dialect_wsp import Sparse

    @workload
    def picked(ends: In[Tensor[i32, "Q"]], chosen: In[Tensor[i32, "K"]], y: InOut[Tensor[f32, "N"]]) -> None:
        links = Sparse(ends, chosen, columns=y.shape[0])
        for r in P(y.shape[0]):
            for _k, _e in P.seq(links[r]):
                double(y[r:r + 1], y[r:r + 1])

    texts = "".join(each for each in lines_of(lowered(picked)) if "require(" in each)
    for each in (
        "`ends` is empty", "`ends` does not begin with 0", "`ends` descends", "behind the last of `chosen`",
        "an index in `chosen` is negative", "an index in `chosen` is not below `y.shape[0]`",
    ):  # fmt: skip
        assert each in texts


def test_an_axis_of_arguments_is_checked_before_tasks_that_stand_above_it():
    from htp import i32
    from htp_dialect_wsp import Ragged

    @workload
    def late(x: In[Tensor[f32, "N"]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]) -> None:
        double(x, y)
        for r, i in P(Ragged(2, lengths)):
            double(x[r + i:r + i + 1], y[r + i:r + i + 1])

    found = lines_of(lowered(late))
    checks = max(at for at, each in enumerate(found) if "require" in each)
    tasks = min(at for at, each in enumerate(found) if each.strip().startswith("double("))
    assert checks < tasks


def test_a_directive_that_was_not_carried_out_is_refused():
    with pytest.raises(Refused) as caught:
        lowered(grid, lambda s: s.tile("i", 2))
    assert caught.value.code == "wsp.not-lowered"
    assert caught.value.diagnostic.span.file == __file__
