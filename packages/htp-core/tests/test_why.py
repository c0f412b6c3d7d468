"""Every reason for a plan and for there being none."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from htp import cli
from htp.environment import Environment
from htp.planner import problem_for
from htp.session import use_session
from htp.tools.why import proof, proof_lines

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("toys", HERE / "toys.py")
toys = importlib.util.module_from_spec(SPEC)
sys.modules["toys"] = toys
SPEC.loader.exec_module(toys)
PROGRAM = """\
from htp import In, Out, Tensor, f64, kernel


@kernel
def scale(x: In[Tensor[f64, "N"]], y: Out[Tensor[f64, "N"]]) -> None:
    y[:] = x[:] * 2.0
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scale.py").write_text(PROGRAM)
    return "scale.py:scale"


def ask(capsys, *words):
    code = cli.main(["plan", *words, "--why", "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_plan_says_where_everything_comes_from(program, capsys):
    with use_session(toys.session()):
        code, report = ask(capsys, program, "--target", "big")
        assert cli.main(["plan", program, "--target", "big", "--why"]) == 0
    assert code == 0
    result = report["result"]
    assert (result["entry"], result["target"], result["provider"]) == ("scale", "big", "htp-toy 1.2.0")
    assert result["goal"] == [{"fact": "Typed()", "comes_from": "step 01"}]
    (step,) = result["steps"]
    assert (step["pass"], step["provider"], step["because"]) == ("infer", "htp-toy 1.2.0", ["Typed()"])
    assert step["requires"] == [{"fact": "Captured()", "comes_from": "the source"}]
    assert {"use": "DialectUse(name='tile')", "taken_by": "accepted by big"} in result["uses"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["scale for big (htp-toy 1.2.0)", "  wants Typed(), from step 01", "01 infer (htp-toy 1.2.0)"]
    assert "     requires    Captured(), from the source" in lines


def test_a_refusal_says_everything_that_could_bring_what_is_missing(program, capsys):
    with use_session(toys.session(backends=(toys.MAPPED,), passes=(toys.Infer(), toys.MapTiles()))):
        code, report = ask(capsys, program, "--target", "mapped")
    assert code == 3
    assert report["diagnostics"][0]["code"] == "plan.no-provider"
    unmet = {each["fact"]: each["makers"] for each in report["result"]["unmet"]}
    assert unmet["`big.Mapped()`"] == [
        {"pass": "big.map", "provider": "htp-toy 1.2.0", "lacks": ["`csp.ChannelGraph()`"], "forbidden": False}
    ]
    assert unmet["`csp.ChannelGraph()`"] == []


def test_a_forbidden_pass_is_not_called_missing(program, capsys):
    with use_session(toys.session()):
        _, report = ask(capsys, program, "--target", "big", "--forbid", "infer")
        cli.main(["plan", program, "--target", "big", "--forbid", "infer", "--why"])
    (unmet,) = report["result"]["unmet"]
    maker = {"pass": "infer", "provider": "htp-toy 1.2.0", "lacks": [], "forbidden": True}
    assert unmet == {"fact": "`Typed()`", "makers": [maker]}
    said = capsys.readouterr().out
    assert "wanted `Typed()`: pass infer (htp-toy 1.2.0) would, and is forbidden" in said
    assert "nothing installed brings it" not in said


def test_a_conflict_names_the_wishes_that_exclude_each_other():
    kept = toys.backend("kept", (toys.Captured(),), (toys.DialectUse("tile"),))
    here = Environment.of("kept", toys.session(backends=(kept,), passes=(toys.Wreck(), toys.Infer())))
    found = proof(problem_for(toys.program(toys.TILE), here, pins=("wreck",)))
    assert found.conflict == ("`Captured()`", "pinned pass `wreck`")
    assert list(proof_lines(found)) == ["each can be had, all together cannot: `Captured()` and pinned pass `wreck`"]


def test_text_prints_the_whole_chain(program, capsys):
    with use_session(toys.session(backends=(toys.MAPPED,), passes=(toys.Infer(), toys.MapTiles()))):
        assert cli.main(["plan", program, "--target", "mapped", "--why"]) == 3
    said = capsys.readouterr()
    assert "wanted `csp.ChannelGraph()`: nothing installed brings it" in said.out
    assert "error[plan.no-provider]" in said.err
