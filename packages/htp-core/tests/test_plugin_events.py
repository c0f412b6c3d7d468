"""Event hooks: who is told, in which order, and what becomes of a plugin that fails or refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import htp
from htp import In, Out, Tensor, f32, kernel
from htp.capabilities import Typed
from htp.diagnostics import Bug, Refused
from htp.session import use_session

COMPILING = {
    "htp_program_captured": {"program": "p"},
    "htp_step_started": {"index": 1, "step": "s", "program": "p"},
    "htp_step_finished": {"index": 1, "step": "s", "result": "r"},
    "htp_artifact_sealed": {"package": "p"},
}
BACKEND = """
import sys
from htp.declarations import Emission

def model():
    from htp.targets import Model
    return Model(name="toy")

def emit(program, target):
    return Emission((("codegen/toy.txt", b"toy"),), "toy.package/1")

@hookimpl
def htp_backends():
    toy = Lazy("made_toy:emit")
    variant = Variant("", Lazy("made_toy:model"))
    return (Backend("toy", (Typed(),), ACCEPTS, (variant,), "toy.package/1", toy),)

from htp.capabilities import CORE_USES
ACCEPTS = tuple(each("*") for each in CORE_USES)
"""


@kernel
def double(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 8]]) -> None:
    y[:] = 2.0 * x[:]


def state(session, name):
    (plugin,) = [each for each in session.plugins if each.name == name]
    return plugin


def hook(event, body, arguments=""):
    return f"\n@hookimpl\ndef {event}({arguments}):\n    {body}\n"


def test_events_reach_every_plugin_with_what_it_names_in_the_order_of_names(site):
    seen = "import sys\nseen = sys.modules.setdefault('made_seen', type(sys)('made_seen')).__dict__"
    tell = seen + ".setdefault('said', [])\n@hookimpl{}\ndef htp_step_started({}):\n    seen.append({})"
    site.add("one", tell.format("", "index", "('one', index)"))
    site.add("two", tell.format("", "step, index", "('two', step, index)"))
    site.add("late", tell.format("(trylast=True)", "", "('late',)"))
    site.add("zoo", tell.format("(tryfirst=True)", "", "('zoo',)"))
    site.modules.append("made_seen")
    session = site.session()
    assert session.emit_event("htp_step_started", session=session, index=4, step="s", program="p") is None
    assert sys.modules["made_seen"].said == [("zoo",), ("one", 4), ("two", "s", 4), ("late",)]


@pytest.mark.parametrize("event", COMPILING)
def test_a_plugin_that_fails_while_it_looks_on_is_left_out_from_then_on(site, event):
    site.add("bad", hook(event, "calls.append(1); raise OSError('disk')") + "calls = []" + site.GOOD.format("bad"))
    site.add("zoo", hook(event, "calls.append(1)") + "calls = []")
    session = site.session()
    with pytest.warns(RuntimeWarning, match=f"plugin `bad` of htp-bad 0.1.0 failed in `{event}`: OSError: disk"):
        session.emit_event(event, session=session, **COMPILING[event])
    session.emit_event(event, session=session, **COMPILING[event])
    assert (len(sys.modules["made_bad"].calls), len(sys.modules["made_zoo"].calls)) == (1, 2)
    problem = state(session, "bad").problem
    assert (state(session, "bad").state, problem.code) == ("quarantined", "plugin.raised")
    assert problem.help == ("HTP_DISABLE_PLUGINS=bad",)
    assert "bad" not in session.dialects
    assert state(session, "zoo").state == "active"


def test_the_log_holds_the_traceback_and_the_diagnostic_names_it(site, tmp_path):
    site.add("bad", hook("htp_passes", "raise OSError('disk')"), point="../bad")
    session = site.session()
    problem = state(session, "../bad").problem
    log = tmp_path / "cache" / "logs" / "plugin-.._bad.log"
    assert problem.notes == (f"traceback: {log}",)
    text = log.read_text()
    assert text.startswith("plugin `../bad` of htp-bad 0.1.0")
    assert "failed in `htp_passes`" in text
    assert "raise OSError('disk')" in text
    assert "made_bad.py" in text


@pytest.mark.parametrize("event", COMPILING)
def test_what_a_plugin_refuses_is_refused_and_says_who_did(site, event):
    site.add("no", hook(event, "raise Refused('no.licence', 'there is no licence', help='buy one')"))
    session = site.session()
    with pytest.raises(Refused) as caught:
        session.emit_event(event, session=session, **COMPILING[event])
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.help) == ("no.licence", "there is no licence", ("buy one",))
    assert found.notes == ("refused by plugin `no` of htp-no 0.1.0",)
    assert state(session, "no").state == "active"


@pytest.mark.parametrize("event", COMPILING)
def test_a_bug_is_not_hidden(site, event):
    site.add("bug", hook(event, "raise Bug('broken rule')"))
    session = site.session()
    with pytest.raises(Bug, match="broken rule"):
        session.emit_event(event, session=session, **COMPILING[event])
    assert state(session, "bug").state == "active"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("1 / 0", "plugin.raised"),
        ("raise SystemExit(3)", "plugin.raised"),
        ("raise Bug('x')", "plugin.raised"),
        ("raise Refused('one.licence', 'none', help='buy')", "one.licence"),
    ],
)
def test_a_plugin_that_fails_or_refuses_at_the_start_is_quarantined(site, body, code):
    site.add("one", site.GOOD.format("one") + hook("htp_session_started", body, "session"))
    site.add("two")
    session = site.session().start()
    assert state(session, "one").problem.code == code
    assert "one" not in session.dialects
    assert "two" in session.dialects


@pytest.mark.parametrize("verb", ["plugins", "doctor"])
def test_commands_show_a_plugin_that_fails_at_the_start(site, verb):
    site.add("one", hook("htp_session_started", "1 / 0"))
    site.add("two")
    command = [sys.executable, "-m", "htp", verb, "--format", "json"]
    done = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=True)
    (row,) = [
        each
        for each in json.loads(done.stdout)["result"]["plugins" if verb == "plugins" else "checks"]
        if each["code"] == "plugin.raised"
    ]
    said = row["provides" if verb == "plugins" else "found"]
    assert "plugin `one` of htp-one 0.1.0 failed in `htp_session_started`: ZeroDivisionError" in said
    log = Path(said.partition("traceback: ")[2])
    assert "1 / 0" in log.read_text()
    assert "HTP_DISABLE_PLUGINS=one" in json.dumps(row)


def test_a_verb_that_cannot_be_added_takes_only_its_plugin_out(site, capsys):
    from htp.cli import main

    site.add("bad", hook("htp_cli", "raise OSError('disk')", "verbs"))
    answer = "from htp.tools.answers import Answer\n"
    adding = "verbs.add_parser('greet').set_defaults(answer=lambda options: Answer(lines=('hello',)))"
    site.add("good", answer + hook("htp_cli", adding, "verbs"))
    session = site.session()
    with use_session(session):
        assert main(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert state(session, "bad").problem.code == "plugin.raised"


def compile_for_toy(session, out):
    with use_session(session):
        return htp.compile_program(double, target="toy", out=out)


def test_a_compile_goes_on_without_an_onlooker_that_fails(site, tmp_path):
    site.add("toy", BACKEND)
    site.add("onlooker", hook("htp_step_started", "raise OSError('disk')"))
    session = site.session()
    with pytest.warns(RuntimeWarning, match="it is left out from now on"):
        package = compile_for_toy(session, tmp_path / "out")
    assert package.manifest.target == "toy"
    assert [each.name for each in package.manifest.packages if each.name == "htp-onlooker"] == []
    assert state(session, "onlooker").state == "quarantined"


@pytest.mark.parametrize("event", ["htp_program_captured", "htp_step_started", "htp_step_finished"])
def test_a_compile_is_refused_when_the_failing_onlooker_is_part_of_it(site, tmp_path, event):
    site.add("toy", BACKEND + hook(event, "raise OSError('disk')"))
    session = site.session()
    with pytest.warns(RuntimeWarning), pytest.raises(Refused) as caught:
        compile_for_toy(session, tmp_path / "out")
    assert caught.value.code == "plugin.raised"
    assert f"plugin `toy` of htp-toy 0.1.0 failed in `{event}`" in caught.value.diagnostic.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("raise OSError('disk')", "plugin.raised", "failed in `htp_choose_plan`: OSError: disk"),
        ("return 'annotate'", "plugin.bad-item", "answered `htp_choose_plan` with a str, not a `Plan`"),
        ("return Plan(plan.goal, ())", "plan.goal-missed", "do not lead to what"),
        ("return Plan(plan.goal, (Step(Mine(), ()),))", "plan.unknown-pass", "chose the pass `mine`, which no"),
        ("raise Refused('choose.never', 'no plan will do', help='none')", "choose.never", "no plan will do"),
    ],
)
def test_an_answer_that_cannot_be_followed_refuses_the_compile(site, tmp_path, body, code, said):
    choose = "from htp.planner import Plan, Step\nclass Mine(Pass):\n    name = 'mine'\n"
    site.add("toy", BACKEND)
    site.add("chooser", choose + hook("htp_choose_plan", body, "plan"))
    session = site.session()
    with pytest.raises(Refused) as caught:
        compile_for_toy(session, tmp_path / "out")
    found = caught.value.diagnostic
    assert found.code == code
    assert said in found.message
    assert "`chooser` of htp-chooser 0.1.0" in " ".join((found.message, *found.notes))
    assert found.help
    assert not (tmp_path / "out").exists()
    assert state(session, "chooser").state == ("quarantined" if code == "plugin.raised" else "active")


def test_the_first_plan_that_a_plugin_chooses_is_followed(site, tmp_path):
    site.add("toy", BACKEND)
    site.add("one", "seen = []" + hook("htp_choose_plan", "seen.append(plan)", "plan"))
    site.add("two", hook("htp_choose_plan", "return plan", "plan"))
    site.add("zoo", hook("htp_choose_plan", "raise AssertionError", "plan"))
    package = compile_for_toy(site.session(), tmp_path / "out")
    assert Typed() in sys.modules["made_one"].seen[0].goal
    assert package.manifest.target == "toy"
