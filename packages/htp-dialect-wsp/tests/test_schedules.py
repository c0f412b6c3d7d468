"""Schedules: what cursors and directives write into the captured program, at which lines, and what is refused."""

import inspect

import pytest
from small_workloads import both, chosen, double, grid

from htp import In, Out, Tensor, f32, func, routine
from htp.capture import capture
from htp.diagnostics import Refused
from htp.program import origin_of
from htp.unparse import statement_text
from htp_dialect_wsp import (
    affinity,
    batched,
    by_exec_unit,
    custom,
    fifo,
    hash,
    immediate,
    interleaved,
    priority,
    rate_limit,
    round_robin,
    schedule,
    work_steal,
)
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.directives.nests import loops_of
from htp_dialect_wsp.races import Check
from htp_dialect_wsp.scheduling import ApplySchedule


@func
def zigzag(order, workers):
    return order % workers


def texts(plan, workload=grid):
    """The statements that a schedule writes, and their lines."""
    program = plan.inscribe(capture(workload))
    count = len(program.main.body) - len(capture(workload).main.body)
    head = program.main.body[:count]
    return [statement_text(each) for each in head], [origin_of(each).line for each in head]


def scheduled(function, workload=grid):
    return texts(schedule(workload)(function), workload)[0]


def refused(function, workload=grid):
    with pytest.raises(Refused) as caught:
        scheduled(function, workload)
    found = caught.value.diagnostic
    assert found.help
    return found


def test_every_directive_becomes_one_statement_at_its_own_line():
    def plan(s):
        i, j = s.loop("i"), s.loop("j")
        s.reorder(j, i)
        j_o, j_i = s.tile(j, 2, tail="mask")
        s.vectorize(j_i, 4)
        s.dispatch(affinity(key=i * 8 + j_o, workers=4))
        s.prefer.swizzle(j_o, 8)

    found, lines = texts(schedule(grid)(plan))
    assert found == [
        "scheduled.reorder('j', 'i')",
        "scheduled.tile('j', 2, tail='mask')",
        "scheduled.vectorize('j_i', 4)",
        "scheduled.dispatch(affinity(key='i * 8 + j_o', workers=4))",
        "scheduled.prefer.swizzle('j_o', 8)",
    ]
    first = inspect.getsourcelines(plan)[1]
    assert [each - first for each in lines] == [2, 3, 4, 5, 6]


def test_every_directive_has_its_text():
    def plan(s):
        s.split("j", 3)
        s.fuse_loops("j_o", "j_i")
        s.unroll("i", 2)
        s.pipeline("j_o_j_i", 2, stages=(double,))
        s.buffer("x", "scratch", slots=2)
        s.bind("i", "worker")
        s.map(double, "i + 1")
        s.parallel("i")
        s.reduce("i", "+")
        s.dispatch(round_robin(4))
        s.task_window(64, unit="bytes", mode="abort")
        s.streams(2)
        s.stream_by(s.loop("i") % 3)
        s.timing(batched(2))
        s.ready(priority(-s.loop("i")))
        s.pools(by_exec_unit())

    assert scheduled(plan) == [
        "scheduled.split('j', 3)",
        "scheduled.fuse_loops('j_o', 'j_i')",
        "scheduled.unroll('i', 2)",
        "scheduled.pipeline('j_o_j_i', 2, stages=('double',))",
        "scheduled.buffer('x', 'scratch', slots=2)",
        "scheduled.bind('i', 'worker')",
        "scheduled.map('double', 'i + 1')",
        "scheduled.parallel('i')",
        "scheduled.reduce('i', '+')",
        "scheduled.dispatch(round_robin(workers=4))",
        "scheduled.task_window(64, unit='bytes', mode='abort')",
        "scheduled.streams(2)",
        "scheduled.stream_by('i % 3')",
        "scheduled.timing(batched(tasks=2))",
        "scheduled.ready(priority(key='-i'))",
        "scheduled.pools(by_exec_unit())",
    ]


def test_tasks_of_workloads_inside_are_named_too():
    def plan(s):
        s.after("double", "positive")
        s.fuse("positive", "double", at="i")

    assert scheduled(plan, chosen) == [
        "scheduled.after('double', 'positive')",
        "scheduled.fuse('positive', 'double', at='i')",
    ]
    assert scheduled(lambda s: s.tile("i_2", 2), both) == ["scheduled.tile('i_2', 2)"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (hash("i", workers=2), "hash(key='i', workers=2)"),
        (work_steal(3), "work_steal(workers=3)"),
        (custom(zigzag, workers=2), "custom(fn=zigzag, workers=2)"),
        (custom(zigzag, key="i + 1", workers=2), "custom(fn=zigzag, key='i + 1', workers=2)"),
    ],
)
def test_policies_have_their_text(value, text):
    assert scheduled(lambda s: s.dispatch(value)) == [f"scheduled.dispatch({text})"]


@pytest.mark.parametrize(
    ("directive", "value", "text"),
    [
        ("timing", immediate(), "immediate()"),
        ("timing", interleaved(), "interleaved()"),
        ("timing", rate_limit(4, 100), "rate_limit(tasks=4, cycles=100)"),
        ("ready", fifo(), "fifo()"),
    ],
)
def test_settings_have_their_text(directive, value, text):
    assert scheduled(lambda s: getattr(s, directive)(value)) == [f"scheduled.{directive}({text})"]


def test_a_helper_of_the_user_comes_into_the_program():
    plan = schedule(grid)(lambda s: s.dispatch(custom(zigzag, workers=2)))
    program = plan.inscribe(capture(grid))
    assert program.function("zigzag").kind == "func"


def test_expressions_keep_their_parentheses():
    def plan(s):
        i, j = s.loop("i"), s.loop("j")
        s.stream_by((i + 1) * 2 - 3 * (j // 8 - i) % 5)
        s.map("double", 7 - (1 + j) + (-i))

    assert scheduled(plan) == [
        "scheduled.stream_by('(i + 1) * 2 - 3 * (j // 8 - i) % 5')",
        "scheduled.map('double', '7 - (1 + j) + -i')",
    ]


def test_of_two_directives_on_one_thing_the_later_says_override():
    def plan(s):
        s.task_window(2)
        s.dispatch(round_robin(2))
        s.task_window(4, override=True)
        s.tile("i", 2)
        s.tile("i", 4, override=True)

    assert scheduled(plan) == [
        "scheduled.dispatch(round_robin(workers=2))",
        "scheduled.task_window(4, unit='tasks', mode='stall')",
        "scheduled.tile('i', 4)",
    ]


def test_a_reorder_of_other_loops_goes_on_from_the_order_there_is():
    def sequence(s):
        s.reorder("j", "i")
        s.tile("i", 2, tail="mask")
        s.reorder("i_o", "j")

    assert scheduled(sequence) == [
        "scheduled.reorder('j', 'i')", "scheduled.tile('i', 2, tail='mask')", "scheduled.reorder('i_o', 'j')"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (lambda s: s.task_window(2), lambda s: s.task_window(3), "`task_window` is said of the workload twice"),
        (lambda s: s.tile("i", 2), lambda s: s.tile("i", 3), "`tile` is said of loop `i` twice"),
        (lambda s: s.tile("i", 2), lambda s: s.split("i", 3), "both settle loop `i`"),
        (lambda s: s.dispatch(round_robin(2)), lambda s: s.dispatch(work_steal(2)), "`dispatch` is said of"),
        (lambda s: s.reorder("j", "i"), lambda s: s.reorder("i", "j"), "`reorder` is said of loops `i`, `j` twice"),
        (lambda s: s.prefer.swizzle("i", 2), lambda s: s.prefer.swizzle("i", 4), "`prefer.swizzle` is said of `i`"),
    ],
)
def test_a_conflict_names_both_lines(first, second, said):
    def plan(s):
        first(s)
        second(s)

    found = refused(plan)
    assert found.code == "wsp.conflict"
    assert said in found.message
    lines = first.__code__.co_firstlineno, second.__code__.co_firstlineno
    assert str(lines[0]) in found.message
    assert str(lines[1]) in found.message
    assert (found.span.line, found.labels[0].span.line) == (lines[1], lines[0])


@pytest.mark.parametrize(
    ("plan", "code", "said"),
    [
        (lambda s: s.loop("h"), "wsp.unknown-loop", "`grid` has no loop `h`"),
        (lambda s: s.tile("jj", 2), "wsp.unknown-loop", "did you mean `j`?"),
        (lambda s: s.fuse("double", "duble"), "wsp.unknown-task", "did you mean `double`?"),
        (lambda s: s.task("double"), "wsp.unknown-directive", '`s.map("NAME", expression)`'),
        (lambda s: s.tyle("i", 2), "wsp.unknown-directive", "did you mean `s.tile`?"),
        (lambda s: s.tile("i", 0), "wsp.bad-argument", "`factor` of `tile` is 0"),
        (lambda s: s.tile("i", 2, tail="crop"), "wsp.bad-argument", "`tile` was given 'crop' as its `tail`"),
        (lambda s: s.tile(3, 2), "wsp.bad-argument", "3 is no loop"),
        (lambda s: s.reorder("i"), "wsp.bad-argument", "`reorder` was given (i)"),
        (lambda s: s.after("double"), "wsp.bad-argument", "`after` names one task"),
        (lambda s: s.dispatch("fast"), "wsp.bad-argument", "`dispatch` was given 'fast'"),
        (lambda s: s.dispatch(round_robin(workers=0)), "wsp.bad-argument", "`workers` of `round_robin` is 0"),
        (lambda s: s.dispatch(custom(print, workers=1)), "wsp.bad-argument", "@htp.func"),
        (lambda s: s.dispatch(affinity("i +", workers=1)), "wsp.bad-argument", "'i +' is not an expression"),
        (lambda s: s.stream_by(s.loop("i") * 1.5), "wsp.bad-argument", "1.5 cannot be combined"),
        (lambda s: s.map("double", s.loop("i") / 4), "wsp.bad-argument", "`i / 4` is a fraction"),
        (lambda s: s.map("double", 4 / s.loop("i")), "wsp.bad-argument", "`4 / i` is a fraction"),
        (lambda s: s.timing(fifo()), "wsp.bad-argument", "give one of immediate(…)"),
        (lambda s: s.task_window(0), "wsp.window", "a window of 0 tasks lets no task through"),
        (lambda s: s.task_window(2.5), "wsp.window", "a window cannot be 2.5"),
        (lambda s: s.bind("i", "core"), "wsp.bad-argument", "`bind` was given 'core' as its `level`"),
        (lambda s: s.bind("i", "core"), "wsp.bad-argument", "give 'worker'"),
        (lambda s: s.dispatch(round_robin(wokers=2)), "wsp.bad-argument", "did you mean `workers`?"),
        (lambda s: s.dispatch(custom(zigzag)), "wsp.bad-argument", "its parameters are fn, key, workers"),
        (lambda s: s.timing(batched()), "wsp.bad-argument", "its parameters are tasks"),
        (lambda s: s.task_window(2, mode="drop"), "wsp.bad-argument", "`task_window` was given 'drop' as its `mode`"),
    ],
)
def test_what_a_schedule_cannot_say_is_refused_at_its_line(plan, code, said):
    found = refused(plan)
    assert found.code == code
    assert said in found.message or any(said in each for each in found.help)
    assert (found.span.file, found.span.line) == (__file__, plan.__code__.co_firstlineno)


def test_arguments_that_do_not_fit_are_refused_and_mistakes_of_the_schedule_are_not():
    def missing(s):
        s.tile("i")

    found = refused(missing)
    assert found.code == "wsp.bad-argument"
    assert "factor" in found.message
    assert found.span.line == missing.__code__.co_firstlineno + 1

    def broken(s):
        len(5)

    with pytest.raises(TypeError):
        scheduled(broken)


def test_a_loop_that_an_overridden_directive_made_is_gone():
    def plan(s):
        outer, _ = s.tile("i", 2)
        s.unroll(outer, 2)
        s.fuse_loops("i", "j", override=True)
        s.tile(outer, 2)

    found = refused(plan)
    assert (found.code, found.message) == ("wsp.unknown-loop", "`grid` has no loop `i_o`")


def test_a_schedule_belongs_to_its_workload():
    plan = schedule(grid)(lambda s: None)
    assert plan.workload is grid
    with pytest.raises(Refused) as caught:
        plan.inscribe(capture(both))
    found = caught.value.diagnostic
    assert found.code == "wsp.other-workload"
    assert "is a schedule of `grid`, and `both` is compiled" in found.message
    with pytest.raises(Refused, match=r"wsp\.bad-argument"):
        schedule(double)


@routine
def grids(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    grid(x, y)


def test_a_schedule_belongs_to_a_workload_that_a_routine_calls():
    plan = schedule(grid)(lambda s: s.tile("i", 2))
    program = plan.inscribe(capture(grids))
    assert [statement_text(each) for each in program.main.body] == ["grid(x, y)"]
    head, *body = (statement_text(each) for each in program.function("grid").body)
    assert head == "scheduled.tile('i', 2)"
    assert body == [statement_text(each) for each in capture(grid).main.body]


def test_directives_of_a_workload_that_a_routine_calls_are_carried_out():
    program = schedule(grid)(lambda s: s.tile("i", 2)).inscribe(capture(grids))
    for step in (Compose(), Check(), ApplySchedule()):
        program = step.apply(program)
    assert program.entry == "grids"
    loops = [each.name for each in loops_of(program.function("grid").body)]
    assert loops == ["i_o", "i_i", "j"]


def test_a_workload_has_several_schedules():
    @schedule(grid)
    def one(s):
        """The first."""

    @schedule(grid)
    def two(s):
        s.task_window(1)

    assert (one.name, two.name, one.__doc__) == ("one", "two", "The first.")
    assert texts(one) == ([], [])
    assert len(texts(two)[0]) == 1
