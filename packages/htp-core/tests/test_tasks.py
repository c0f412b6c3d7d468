"""The task form: its words through inference and lowering, declared work, and the form taken away again."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from htp.capabilities import Captured, DialectUse
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.lowering.annotate import Annotate
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.serialize import Serialize
from htp.lowering.simplify import Simplify
from htp.passes import run_step
from htp.tasks import work
from htp.uses import with_uses

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)

HEAD = """
from htp.loops import require
from htp.tasks import *


@func
def place(order, workers):
    half = order // 2
    return half % workers


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    work(3 + x.shape[0])
    y[:] = x[:] * 2


@kernel
def add(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
    y[:] = y[:] + x[:]


"""
PARAMS = 'x: In[Tensor[f32, "M", "N"]], k: In[Tensor[i32, "M"]], y: Out[Tensor[f32, "M", "N"]]'
BODY = """
M, N = y.shape
t = empty((M, N), f32)
require(N % 2 == 0, "rows are even", "user.py:3", "wsp.axis-data")
open_tasks(workers=2, steal=False, window=4, unit="bytes", independent=("y", "t"))
order = 0
for i in range(M):
    key = tile.item(k[i])
    rank = first_seen(key)
    if N > 2:
        wait_for(t[i, :], y)
        task(worker=place(order, 2), at=(i, 0), priority=-i, tag=i)
        twice(x[i, :], t[i, :])
        order += 1
    else:
        twice(x[i, :], t[i, :])
    task(worker=(rank + fnv1a(key, 2)) % 2, at=(i, 1), after=(i,), stream=0)
    twice(t[i, :], y[i, :])
    order += 1
barrier()
close_tasks()
"""


def defined(text, folder, name="f"):
    return STAGES.defined(HEAD + text, folder, name)


def routine(body, folder):
    lines = "\n".join(f"    {each}" for each in body.strip().split("\n"))
    return defined(f"@routine\ndef f({PARAMS}) -> None:\n{lines}\n", folder)


def normal(definition):
    program = with_uses(capture(definition)).with_facts([Captured()])
    for step in (InlineHelpers(), Annotate(), Normalize(), Simplify()):
        program = run_step(step, program, verify=True).program
    return program


def lines(program, name="f"):
    body = program.text().partition(f"def {name}(")[2].partition("\n\n\n")[0].split("\n")[1:]
    return [line.partition("  # ")[0].rstrip().removeprefix("    ") for line in body]


def test_every_stage_does_the_same(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    STAGES.check(routine(BODY, tmp_path), x, np.array([5, 5, 7], np.int32), np.zeros((3, 4), np.float32))


def test_the_words_stay_in_normal_form_with_plain_numbers(tmp_path):
    program = normal(routine(BODY, tmp_path))
    assert lines(program) == [
        "M = x.shape[0]",
        "N = x.shape[1]",
        "t = empty((M, N), f32)",
        "require(N % 2 == 0, 'rows are even', 'user.py:3', 'wsp.axis-data')",
        "open_tasks(workers=2, steal=False, window=4, unit='bytes', independent=('y', 't'))",
        "order: i64 = 0",
        "for i in range(M):",
        "    order_1: i64 = order",
        "    t1: Scalar[i32] = k[i]",
        "    key: i64 = tile.item(t1)",
        "    rank: i64 = first_seen(key)",
        "    if N > 2:",
        "        wait_for(t[i, :], y)",
        "        task(worker=order_1 % 4 // 2, at=(i, 0), priority=-i, tag=i)",
        "        twice(x[i, :], t[i, :])",
        "        order = order_1 + 1",
        "    else:",
        "        twice(x[i, :], t[i, :])",
        "    order_2: i64 = order",
        "    n_1: i64 = fnv1a(key, 2)",
        "    task(worker=(n_1 + rank) % 2, at=(i, 1), after=(i,), stream=0)",
        "    twice(t[i, :], y[i, :])",
        "    order = order_2 + 1",
        "barrier()",
        "close_tasks()",
    ]
    assert DialectUse("tasks") in program.uses
    assert lines(program, "twice")[1] == "work(N + 3)"
    assert parse_program(program.text(), "program.py").canonical == program.canonical


def test_a_task_that_reads_a_value_of_the_routine_is_waited_for(tmp_path):
    body = """
y[:, :] = 0.0
open_tasks()
for i in range(1, x.shape[0]):
    add(x[i, :] * 2.0, y[i, :])
    add(y[0, :], y[i, :])
    add(y[x.shape[0] - 1, :], y[i, :])
close_tasks()
"""
    program = normal(routine(body, tmp_path))
    assert lines(program)[-10:-1] == [
        '    t1: Tile[f32, "N"] = x[i, :]',
        '    t2: Tile[f32, "N"] = t1 * 2.0',
        "    add(t2, y[i, :])",
        "    wait_for(y[i, :])",
        "    add(y[0, :], y[i, :])",
        "    wait_for(y[M - 1, :])",
        '    t3: Tile[f32, "N"] = y[M - 1, :]',
        "    add(t3, y[i, :])",
        "    wait_for(y[i, :])",
    ]


def test_work_is_neither_dropped_nor_moved(tmp_path):
    text = """
@kernel
def f(x: In[Tensor[f32, "N"]], n: In[Tensor[i32, 1]], y: Out[Tensor[f32, "N"]]) -> None:
    unused = x[:] * 3
    work(tile.item(n[0]) * 2)
    y[:] = x[:] + 1
    for i in range(3):
        work(i)
    work(max(n.shape[0], 4))
"""
    program = normal(defined(text, tmp_path))
    written = lines(program)
    assert [each.strip() for each in written if each.strip().startswith("work")] == [
        "work(2 * item_1)", "work(i)", "work(4)",
    ]  # fmt: skip
    checks = [each for each in written if "require" in each]
    assert len(checks) == 1
    assert checks[0].startswith("require(2 * item_1 >= 0 and ")
    assert checks[0].endswith("'run.bad-work')")
    assert written.index("work(2 * item_1)") < next(i for i, each in enumerate(written) if each.startswith("y["))
    assert not any("* 3" in each for each in written)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("open_tasks(4)", "type.bad-arguments", "no argument by position"),
        ("open_tasks(worker=4)", "type.bad-arguments", "no parameter `worker`"),
        ("open_tasks(workers=1.5)", "type.bad-arguments", "`workers` of `open_tasks` is an integer"),
        ("open_tasks(steal=1)", "type.bad-arguments", "`steal` of `open_tasks` is True or False"),
        ("open_tasks(unit='rows')", "type.bad-arguments", '`unit` of `open_tasks` is "tasks" or "bytes"'),
        ("open_tasks(independent=(y,))", "type.bad-arguments", "is a tuple of texts"),
        ("task(at=1)", "type.bad-arguments", "`at` of `task` is a tuple of integers"),
        ("task(after=(1.0,))", "type.bad-arguments", "is a tuple of integers"),
        ("wait_for(y[0, :] * 2)", "type.bad-arguments", "takes slices of tensors"),
        ("barrier(1)", "type.bad-arguments", "no argument by position"),
        ("close_tasks(now=1)", "type.bad-arguments", "no parameter `now`"),
        ("n = first_seen()", "type.bad-arguments", "takes key"),
        ("n = fnv1a(1)", "type.bad-arguments", "takes key, modulus"),
        ("n = fnv1a(1.0, 2)", "type.not-an-integer", "an integer is needed"),
        ("work(2.5)", "type.not-an-integer", "an integer is needed"),
        ("work(-1)", "type.negative-work", "`work(-1)` declares less than no work"),
        ("work(x.shape[0] - x.shape[0] - 2)", "type.negative-work", "less than no work"),
        ("require(1, 'a', 'b')", "type.bad-condition", "needs a condition"),
        ("require(x.shape[0] > 1, 'a')", "type.bad-arguments", "takes a condition"),
        ("require(x.shape[0] > 1, 'a', 3)", "type.bad-arguments", "a text is needed"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, body, code, said):
    program = capture(routine(body, tmp_path))
    with pytest.raises(Refused) as caught:
        Annotate().apply(InlineHelpers().apply(program))
    found = caught.value.diagnostic
    assert (found.code, said in found.message, bool(found.help)) == (code, True, True), found


@pytest.mark.parametrize("word", ["open_tasks()", "task(worker=1)", "barrier()", "wait_for(y)", "n = first_seen(1)"])
def test_a_kernel_makes_no_tasks(tmp_path, word):
    text = f"@kernel\ndef f(y: Out[Tensor[f32, 'N']]) -> None:\n    {word}\n    y[:] = 0.0\n"
    program = capture(defined(text, tmp_path))
    with pytest.raises(Refused) as caught:
        Annotate().apply(program)
    assert caught.value.code == "type.task-in-kernel"


def test_a_check_is_refused_with_its_own_code(tmp_path):
    run = routine('require(x.shape[0] > 3, "four rows", "user.py:7", "wsp.axis-data")\ny[:, :] = x[:, :]', tmp_path)
    arrays = np.ones((2, 2), np.float32), np.zeros(2, np.int32), np.zeros((2, 2), np.float32)
    with pytest.raises(Refused) as caught:
        run(*arrays)
    found = caught.value.diagnostic
    assert (found.code, found.message, found.span.place) == ("wsp.axis-data", "four rows", "user.py:7:1")


def test_what_a_check_says_holds_behind_it(tmp_path):
    program = normal(routine('require(x.shape[0] > 3, "a", "b:1")\ny[:, :] = x[:, :]\ny[0:4, :] = 0.0', tmp_path))
    assert "y[:4, :] = 0.0" in lines(program)


SERIAL = """
M, N = y.shape
t = empty((M, N), f32)
require(N % 2 == 0, "rows are even", "user.py:3", "wsp.axis-data")
for i in range(M):
    if N > 2:
        twice(x[i, :], t[i, :])
    else:
        twice(x[i, :], t[i, :])
    twice(t[i, :], y[i, :])
"""


def test_the_form_is_taken_away_with_the_counters_that_only_it_reads(tmp_path):
    program = with_uses(capture(routine(BODY, tmp_path))).with_facts([Captured()])
    serial = run_step(Serialize(), program, verify=True).program
    assert DialectUse("tasks") not in serial.uses
    assert lines(serial) == SERIAL.strip().replace('"', "'").split("\n")
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    STAGES.check(routine(SERIAL, tmp_path), x, np.array([5, 5, 7], np.int32), np.zeros((3, 4), np.float32))


def test_the_form_is_taken_away_from_normal_form_too(tmp_path):
    serial = run_step(Serialize(), normal(routine(BODY, tmp_path)), verify=True).program
    assert not any("order" in each or "rank" in each or "task" in each for each in lines(serial))
    assert "    twice(t[i, :], y[i, :])" in lines(serial)


def test_only_what_the_form_left_unread_is_dropped(tmp_path):
    body = """
unread = 3
count = 0
total = 0
open_tasks()
for i in range(x.shape[0]):
    wait_for(y)
for i in range(x.shape[0]):
    task(worker=count)
    twice(x[i, :], y[i, :])
    count += 1
    total += 1
close_tasks()
require(total >= 0, "counted", "user.py:3")
"""
    program = with_uses(capture(routine(body, tmp_path))).with_facts([Captured()])
    assert lines(run_step(Serialize(), program, verify=True).program) == [
        "unread = 3",
        "total = 0",
        "for i in range(x.shape[0]):",
        "    twice(x[i, :], y[i, :])",
        "    total += 1",
        "require(total >= 0, 'counted', 'user.py:3')",
    ]


def test_a_program_without_tasks_stays_as_it_is(tmp_path):
    program = with_uses(capture(routine(SERIAL, tmp_path))).with_facts([Captured()])
    assert run_step(Serialize(), program).changed is False


def test_workloads_and_routines_call_each_other_in_python(tmp_path):
    text = """
@routine
def inner(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    t = empty((x.shape[0],), f32)
    twice(x, t)
    twice(t, y)


@routine
def f(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    for i in range(x.shape[0]):
        inner(x[i, :], y[i, :])
"""
    y = np.zeros((2, 2), np.float32)
    defined(text, tmp_path)(np.ones((2, 2), np.float32), y)
    assert y.tolist() == [[4, 4], [4, 4]]


@pytest.mark.parametrize("cycles", [-1, 1 << 41, 2.5])
def test_work_takes_whole_numbers_of_cycles(cycles):
    with pytest.raises(Refused) as refused:
        work(cycles)
    assert refused.value.code == "run.bad-work"
