from dataclasses import replace

import pytest

from htp.analyses import Analysis
from htp.capabilities import Captured
from htp.diagnostics import Span
from htp.passes import Pass, run_step
from htp.program import Function, Program

PLACE = Span(file="user.py", line=3)


@pytest.fixture
def size():
    """An analysis that counts how often it is made."""
    made = []

    def compute(program):
        made.append(program)
        return len(program.functions)

    analysis = Analysis("size", compute)
    return analysis, made


def program():
    return Program("main", (Function("main", "kernel", (), (), PLACE),))


def doing(change, **contract):
    return type("Doing", (Pass,), {"apply": lambda self, program: change(program), **contract})()


def with_doc(program):
    return program.replace(replace(program.main, doc="new"))


def test_it_is_made_once_for_each_program(size):
    analysis, made = size
    one, two = program(), program()
    assert [one.analysis(analysis), one.analysis(analysis), two.analysis(analysis)] == [1, 1, 1]
    assert made == [one, two]
    assert (made[0] is one, made[1] is two) == (True, True)


@pytest.mark.parametrize(
    ("change", "preserved", "times"),
    [
        (lambda program: program, False, 1),
        (lambda program: program.with_facts([Captured()]), False, 1),
        (with_doc, False, 2),
        (with_doc, True, 1),
        (lambda program: replace(program, constants=(("n", 3),)), False, 2),
    ],
)
def test_a_change_drops_what_is_not_preserved(size, change, preserved, times):
    analysis, made = size
    before = program()
    before.analysis(analysis)
    step = doing(change, preserves=(analysis,) if preserved else ())
    after = run_step(step, before, verify=False).program
    assert after is not before
    assert after.analysis(analysis) == 1
    assert len(made) == times


def test_what_was_never_asked_for_is_not_made(size):
    analysis, made = size
    run_step(doing(with_doc, preserves=(analysis,)), program(), verify=False)
    assert made == []


def test_inference_is_shared_between_passes(monkeypatch):
    import htp.infer.engine as engine
    from htp.capture import parse_program

    text = (
        "from htp import Out, Tensor, f32, kernel\n\n\n"
        "@kernel\ndef f(y: Out[Tensor[f32, 64]]) -> None:\n    y[:] = 1.0\n"
    )
    made = []
    original = engine.Engine.__init__

    def counted(self, program, function):
        made.append(function.name)
        original(self, program, function)

    monkeypatch.setattr(engine.Engine, "__init__", counted)
    found = parse_program(text, "user.py")
    first = engine.infer(found, found.main)
    kept = run_step(doing(lambda program: program), found, verify=False).program
    assert engine.infer(kept, kept.main) is first
    assert made == ["f"]
