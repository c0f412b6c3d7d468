"""A schedule on its way: written into the program, held against the target's table, warned about, refused."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import htp
from htp.capabilities import DialectUse, DirectiveUse, OpUse
from htp.cli import main
from htp.compilation import captured, choose_plan
from htp.declarations import Dialect, Lazy
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.passes import Pass, run_step
from htp.plugins import discover
from htp.session import Session, current_session, use_session
from htp.tools.replay import replay


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toys, wordy, stages = beside("toys"), beside("wordy"), beside("stages")
PROGRAM = """
from toy_wordy import workload


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:] * 2


@workload
def main(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    twice(x, y)
"""
TABLE = (("window", "enforced"), ("steal", "rejected"), ("prefer.order", "lowered"), ("streams*", "static"))


@pytest.fixture(autouse=True)
def here():
    backend = toys.backend(
        "small", goal=(), accepts=(DialectUse("tile"), DialectUse("host"), OpUse("*")), directives=TABLE
    )
    backend = replace(backend, emit=Lazy("wordy:emit"))
    own = toys.plugin("toy", "htp-toy", htp_backends=(backend,))
    with use_session(Session([*(each for each in discover() if each.builtin), own, *wordy.made()])) as found:
        yield found


@pytest.fixture
def program(tmp_path):
    return stages.defined(PROGRAM, tmp_path, "main")


def outcomes(program, *directives):
    session = current_session()
    there = Environment.of("small", session)
    found = captured(program, session, {}, wordy.Tuned(directives))
    plan = choose_plan(found, there.target, session)
    return [(each.directive, each.outcome, each.by) for each in there.directives(found, plan.passes)]


def test_the_backends_word_comes_first_then_that_of_the_pass(program):
    assert outcomes(program, "window(3)", "streams_of(2)", "tile('i')", "prefer.order(2)", "prefer.other()") == [
        ("prefer.order", "lowered", "backend small"),
        ("prefer.other", "ignored", "backend small"),
        ("streams_of", "static", "backend small"),
        ("tile", "lowered", "pass wordy.lower"),
        ("window", "enforced", "backend small"),
    ]


def test_what_is_ignored_is_warned_about_and_refused_when_strict(program):
    schedule = wordy.Tuned(("prefer.other()", "prefer.order()", "window(1)"))
    plan = htp.plan(program, target="small", schedule=schedule)
    (warning,) = plan.diagnostics
    assert (warning.code, warning.severity) == ("plan.directive-ignored", "warning")
    assert "`prefer.other` has no effect on `main` for `small`" in warning.message
    assert warning.span.line == program.place.line + 2
    assert warning.help
    with pytest.raises(Refused) as caught:
        htp.plan(program, target="small", schedule=schedule, strict=True)
    assert [(each.code, each.severity) for each in caught.value.diagnostics] == [("plan.directive-ignored", "error")]
    calm = wordy.Tuned(("prefer.order()",))
    assert htp.plan(program, target="small", schedule=calm, strict=True).diagnostics == ()


@pytest.mark.parametrize(
    ("directive", "code"), [("steal()", "plan.directive-rejected"), ("windows(3)", "plan.unknown-directive")]
)
def test_what_is_rejected_or_unknown_is_refused(program, directive, code):
    with pytest.raises(Refused) as caught:
        htp.plan(program, target="small", schedule=wordy.Tuned(("window(2)", directive)))
    assert [each.code for each in caught.value.diagnostics] == [code]
    assert all(each.help for each in caught.value.diagnostics)


@pytest.mark.parametrize("thing", ["tuned", 3, lambda program: program])
def test_something_else_is_no_schedule(program, thing):
    with pytest.raises(Refused) as caught:
        htp.plan(program, target="small", schedule=thing)
    found = caught.value.diagnostic
    assert (found.code, found.help[0]) == (
        "plan.not-a-schedule",
        "decorate a function with `@schedule(main)` and give that",
    )


@pytest.mark.parametrize("compiled", [htp.compile_program, htp.plan])
def test_what_is_no_program_is_refused(compiled):
    with pytest.raises(Refused) as caught:
        compiled(wordy.Tuned(("window(1)",)), target="small")
    found = caught.value.diagnostic
    assert (found.code, "a schedule, and no program" in found.message) == ("plan.not-a-program", True)
    assert found.help == ("compile the program that it is a schedule of, and give this one as `schedule=`",)
    with pytest.raises(Refused) as caught:
        compiled(beside, target="small")
    assert (caught.value.code, caught.value.diagnostic.message) == (
        "plan.not-a-program",
        "`beside` is a function, and no program",
    )


def test_the_command_line_takes_a_schedule_of_the_file(tmp_path, capsys):
    file = tmp_path / "user.py"
    loads = f"open({str(tmp_path / 'loads')!r}, 'a').write('x')"
    tuned = f'from wordy import Tuned\n\ntuned = Tuned(("prefer.other()",))\n{loads}\n'
    file.write_text(f"import htp\nfrom htp import *\n{PROGRAM}\n\n{tuned}")
    words = ["plan", f"{file}:main", "--target", "small"]
    assert main([*words, "--schedule", "tuned", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in report["diagnostics"]] == ["plan.directive-ignored"]
    assert (tmp_path / "loads").read_text() == "x"  # the file ran once
    assert main([*words, "--schedule", "tuned"]) == 0
    assert "warning[plan.directive-ignored]" in capsys.readouterr().err
    assert main([*words, "--schedule", "tuned", "--why"]) == 0
    assert "directive prefer.other: ignored by backend small" in capsys.readouterr().out
    assert main([*words, "--schedule", "tuned", "--strict"]) == 3
    assert "error[plan.directive-ignored]" in capsys.readouterr().err
    assert main([*words, "--schedule", "tune"]) != 0
    assert "did you mean tuned?" in capsys.readouterr().err


def test_the_word_of_directives_is_one_of_the_dialects_names():
    wrong = Dialect("odd", "", ("toy_wordy",), ("P",), directives="scheduled")
    session = Session([toys.plugin("odd", "htp-odd", htp_dialects=(wrong,))])
    (found,) = session.quarantined
    assert "whose word of directives `scheduled` is not in its `names`" in found.problem.message


def test_a_use_is_recorded_only_for_the_word_of_directives(program):
    found = captured(program, current_session(), {}, wordy.Tuned(("tile('i', 2)",)))
    assert [each for each in found.uses if each.kind == "directive"] == [DirectiveUse("tile")]


def test_the_package_keeps_outcomes_and_warnings(program, tmp_path):
    schedule = wordy.Tuned(("prefer.other()", "window(1)"))
    package = htp.compile_program(program, target="small", schedule=schedule, out=tmp_path / "out")
    assert [each.code for each in package.diagnostics] == ["plan.directive-ignored"]
    told = {each.directive: (each.outcome, each.reason) for each in package.manifest.directives}
    assert told == {"prefer.other": ("ignored", "it has no effect on `small`"), "window": ("enforced", "")}
    assert package.manifest.dialects == ("tile", "wordy")
    assert "    scheduled.window(1)" in package.text(package.stages[0].program)
    with pytest.raises(Refused) as caught:
        htp.compile_program(program, target="small", schedule=schedule, out=tmp_path / "out", strict=True)
    assert caught.value.code == "plan.directive-ignored"


def test_an_edited_stage_has_the_directives_of_its_text(program, tmp_path):
    schedule = wordy.Tuned(("prefer.other()", "window(1)"))
    package = htp.compile_program(program, target="small", schedule=schedule, out=tmp_path / "out")
    stage = package.path / package.stages[0].program
    edited = tmp_path / "edited" / "00-capture" / "program.py"
    edited.parent.mkdir(parents=True)
    edited.write_text(stage.read_text().replace("scheduled.window(1)", "scheduled.prefer.order(1)"))
    (edited.parent / "state.json").write_bytes((stage.parent / "state.json").read_bytes())
    again = htp.compile_program(edited, target="small", start_at="00", out=tmp_path / "again")
    assert {each.directive: each.outcome for each in again.manifest.directives} == {
        "prefer.other": "ignored",
        "prefer.order": "lowered",
    }
    with pytest.raises(Refused) as caught:
        htp.compile_program(edited, target="small", start_at="00", schedule=schedule, out=tmp_path / "again")
    assert caught.value.code == "plan.late-schedule"


def test_a_pass_that_leaves_a_directive_in_the_text_is_found_out(program):
    class Forgetful(Pass):
        eliminates = (DirectiveUse("tile"),)

        def apply(self, program):
            return program

    found = captured(program, current_session(), {}, wordy.Tuned(("tile('i', 2)",)))
    with pytest.raises(Refused) as caught:
        run_step(Forgetful(), found)
    assert caught.value.code == "plan.broken-promise"
    assert "eliminate `DirectiveUse(name='tile')`" in str(caught.value)


def test_a_schedules_word_is_not_hidden_by_a_name_of_the_program(tmp_path):
    text = PROGRAM.replace("    twice(x, y)", "    scheduled = 1\n    twice(x, y)")
    with pytest.raises(Refused) as caught:
        htp.plan(stages.defined(text, tmp_path, "main"), target="small", schedule=wordy.Tuned(("window(1)",)))
    assert caught.value.code == "capture.name-taken"


def test_a_stage_whose_dialect_is_gone_says_so(program, tmp_path, monkeypatch):
    package = htp.compile_program(program, target="small", out=tmp_path / "out")
    with pytest.raises(Refused) as caught:
        replay(package, "00")
    found = caught.value.diagnostic
    assert (found.code, "imports `toy_wordy`" in found.message) == ("replay.missing-package", True)
    assert found.help == ("install the package that `toy_wordy` is part of",)
