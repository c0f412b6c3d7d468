"""Programs in a dialect with walks, branches, axes and directives: captured, written, read back, run."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from htp.capabilities import DialectUse, DirectiveUse
from htp.capture import capture, extended, parse_program
from htp.diagnostics import Refused
from htp.plugins import discover
from htp.program import origin_of
from htp.session import Session, use_session
from htp.uses import with_uses


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


beside("toys")
made = beside("wordy").made
defined = beside("stages").defined

HEAD = """
from toy_policies import zigzag as to_and_fro
from toy_wordy import P, Rows, scheduled, workload
import toy_wordy as tw


@func
def place(order, workers):
    return (order + SHIFT) % workers


SHIFT = 3


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:] * 2


"""
MAIN = """@workload
def main(x: In[Tensor[f32, "M", "N"]], lens: In[Tensor[i32, "M"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:
"""


@pytest.fixture(autouse=True)
def here():
    with use_session(Session([*(each for each in discover() if each.builtin), *made()])) as found:
        yield found


def program(body, folder):
    return with_uses(capture(definition(body, folder)))


def definition(body, folder, name="main"):
    return defined(HEAD + MAIN + "\n".join(f"    {each}" for each in body.strip().split("\n")) + "\n", folder, name)


BODY = """
scheduled.tile("i", 2, tail="mask")
scheduled.prefer.swizzle("i", 8)
scheduled.dispatch(to_and_fro(workers=4))
M, N = y.shape
rows = Rows(M, lens)
for i in P.seq(M):
    for j, k in P(rows[i], range(0, N, 2)):
        with P.when(k < N - 1):
            twice(x[i, k:k + 1], y[i, k:k + 1])
        with P.otherwise():
            twice(x[i, k:k + 1], y[i, k:k + 1])
        with tw.P.case(k, {0, -1}):
            twice(x[i, k:k + 1], y[i, k:k + 1])
"""


def test_every_construct_is_spelled_canonically(tmp_path):
    text = program(BODY, tmp_path).text()
    assert "from toy_policies import zigzag\nfrom toy_wordy import P, Rows, scheduled, workload\n" in text
    body = text.partition("def main(")[2].partition("\n")[2]
    written = [line.partition("  # ")[0].strip() for line in body.partition("\n\n\n")[0].splitlines()]
    assert written == [
        "scheduled.tile('i', 2, tail='mask')",
        "scheduled.prefer.swizzle('i', 8)",
        "scheduled.dispatch(zigzag(workers=4))",
        "M, N = y.shape",
        "rows = Rows(M, lens)",
        "for i in P.seq(M):",
        "for j, k in P(rows[i], range(0, N, 2)):",
        "with P.when(k < N - 1):",
        "twice(x[i, k:k + 1], y[i, k:k + 1])",
        "with P.otherwise():",
        "twice(x[i, k:k + 1], y[i, k:k + 1])",
        "with P.case(k, {0, -1}):",
        "twice(x[i, k:k + 1], y[i, k:k + 1])",
    ]


def test_the_text_reads_back_and_runs(tmp_path):
    found = program(BODY, tmp_path)
    again = with_uses(parse_program(found.text(), "program.py"))
    assert (again.canonical, again.uses) == (found.canonical, found.uses)
    scope = {"__name__": "stage"}
    exec(compile(found.text(), "<stage>", "exec"), scope)
    x, y = np.ones((2, 4), np.float32), np.zeros((2, 4), np.float32)
    scope["main"](x, np.array([1, 0], np.int32), y)
    assert y.tolist() == [[2, 0, 2, 0], [0, 0, 0, 0]]


def test_directives_are_uses_at_their_lines(tmp_path):
    found = program(BODY, tmp_path)
    first = found.main.origin.line
    uses = {each.name: [span.line - first for span in each.spans] for each in found.uses if each.kind == "directive"}
    assert uses == {"tile": [1], "prefer.swizzle": [2], "dispatch": [3]}
    assert DialectUse("zigzag") not in found.uses
    assert DirectiveUse("seq") not in found.uses


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("with P.case(x.shape[0], {x}):\n    twice(x[0, :], y[0, :])", "a set of anything but numbers"),
        ("twice(x[0, :], {1, 2})", "a set is not part"),
        ("M = {1, 2}", "a set is not part"),
    ],
)
def test_sets_are_for_words_only(tmp_path, body, said):
    with pytest.raises(Refused) as caught:
        program(body, tmp_path)
    assert said in str(caught.value)


def test_a_definition_is_added_once_under_a_free_name(tmp_path):
    found = program(BODY, tmp_path)
    place = definition(BODY, tmp_path, "place")
    more, name = extended(found, place)
    assert name == "place"
    assert [each.name for each in more.functions] == ["place", "twice", "main"]
    assert more.constants == (("SHIFT", 3),)
    assert extended(more, place) == (more, "place")
    other = defined("@func\ndef place(order, workers):\n    return order\n", tmp_path, "place")
    again, second = extended(more, other)
    assert second == "place_2"
    assert [each.name for each in again.functions] == ["place_2", "place", "twice", "main"]
    assert parse_program(again.text(), "program.py").canonical == again.canonical
    rows = defined("@func\ndef rows(order):\n    return order\n", tmp_path, "rows")
    assert extended(found, rows)[1] == "rows_2"  # a variable of the program has that name


def test_a_policy_cannot_take_a_word_of_a_dialect(here):
    from dataclasses import make_dataclass

    named = make_dataclass("Named", [("name", str), ("module", str)], frozen=True)
    rival = sys.modules["toys"].plugin("rival", "htp-rival", htp_policies=(named("Rows", "toy_policies"),))
    found = Session([*made(), rival])
    _ = found.passes
    assert {each.name: each.problem.code for each in found.quarantined} == {
        "wordy": "plugin.duplicate-id",
        "rival": "plugin.duplicate-id",
    }


def test_core_knows_every_word_of_the_task_form():
    import htp.tasks
    from htp.names import TASKS

    assert sorted(TASKS) == sorted(each for each in htp.tasks.__all__ if callable(getattr(htp.tasks, each)))


@pytest.mark.parametrize("word", ["task", "work", "barrier", "strips"])
def test_a_program_may_call_its_own_things_what_core_has_words_for(tmp_path, word):
    text = f"@kernel\ndef {word}(x: InOut[Tensor[f32, 'N']]) -> None:\n    x[:] = x[:] + {word}s\n\n\n{word}s = 2\n"
    found = capture(defined(text, tmp_path, word))
    assert found.entry == f"{word}_2"
    assert f"import {word}" not in found.text()
    assert parse_program(found.text(), "program.py").canonical == found.canonical


def test_words_of_the_task_form_are_imported_from_core(tmp_path):
    text = """
from htp import work
from htp.tasks import *
import htp.tasks as t


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    work(3)
    y[:] = x[:] * 2


@routine
def main(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    open_tasks(workers=2, independent=("y",))
    for i in range(x.shape[0]):
        t.task(worker=first_seen(i) % 2, at=(i,))
        twice(x[i, :], y[i, :])
    wait_for(y[0, :])
    barrier()
    close_tasks()
"""
    found = with_uses(capture(defined(text, tmp_path, "main")))
    assert "from htp.tasks import barrier, close_tasks, first_seen, open_tasks, task, wait_for, work\n" in found.text()
    assert "        task(worker=first_seen(i) % 2, at=(i,))" in found.text()
    (use,) = [each for each in found.uses if each == DialectUse("tasks")]
    assert use.spans[0].line == origin_of(found.main.body[0]).line
    assert parse_program(found.text(), "program.py").canonical == found.canonical


def test_workloads_call_each_other_and_routines_call_them(tmp_path):
    text = HEAD + """@workload
def inner(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in P(x.shape[0]):
        twice(x[i:i + 1], y[i:i + 1])


@workload
def outer(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], n: Scalar[i32]) -> None:
    for i in P.seq(n):
        inner(x[i, :], y[i, :])


@routine
def entry(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    outer(x, y, x.shape[0])
"""
    entry = defined(text, tmp_path, "entry")
    y = np.zeros((2, 3), np.float32)
    entry(np.ones((2, 3), np.float32), y)
    assert y.tolist() == [[2, 2, 2], [2, 2, 2]]
    found = with_uses(capture(entry))
    assert [each.kind for each in found.functions] == ["kernel", "workload", "workload", "routine"]
    assert parse_program(found.text(), "program.py").canonical == found.canonical
    scope = {"__name__": "stage"}
    exec(compile(found.text(), "<stage>", "exec"), scope)
    y[:] = 0
    scope["entry"](np.ones((2, 3), np.float32), y)
    assert y.tolist() == [[2, 2, 2], [2, 2, 2]]
