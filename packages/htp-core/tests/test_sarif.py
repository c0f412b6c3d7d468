"""The log has the shape that the schema of SARIF 2.1.0 requires, and the same content as the text."""

import json
import re
from pathlib import Path

import pytest

from htp import cli
from htp.diagnostics import Diagnostic, Label, Reason, Span
from htp.report import Report
from htp.sarif import sarif_log
from htp.tools.codes import Page

PROGRAM = """\
from htp import In, Out, Tensor, f32, kernel
from htp_dialect_csp import process


@kernel
def scale(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:] * 2.0
"""


@pytest.fixture(autouse=True)
def without_csp(uninstall):
    """As if the package were not installed that the program imports."""
    uninstall("htp_dialect_csp")


def log(*diagnostics, exit=3, pages=()):
    report = Report(command="plan", argv=("plan", "x.py"), ok=exit == 0, exit=exit, diagnostics=diagnostics)
    return json.loads(sarif_log(report, {page.code: page for page in pages}))


def check_shape(data):
    """What the schema requires of a log, a run, a tool, a rule, a result, a location and an invocation."""
    assert data["version"] == "2.1.0"
    assert data["$schema"].endswith("/sarif-schema-2.1.0.json")
    assert len(data["runs"]) == 1
    (run,) = data["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "htp"
    assert isinstance(driver["version"], str)
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(identifiers) == len(set(identifiers))
    assert all(isinstance(each["executionSuccessful"], bool) for each in run["invocations"])
    for result in run["results"]:
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert all(isinstance(each, str) and each for each in result["partialFingerprints"].values())
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            physical = location["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~:/%-]+", physical["artifactLocation"]["uri"])
            region = physical["region"]
            assert min(region.values()) >= 1
            assert ("endLine" in region) == ("endColumn" in region)
            assert (region["startLine"], region["startColumn"]) <= (region.get("endLine", 1e9), 1e9)
    return run


def test_a_refused_program_becomes_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("halo prog.py").write_text(PROGRAM)
    assert cli.main(["compile", "halo prog.py:scale", "--format", "sarif"]) == 3
    run = check_shape(json.loads(capsys.readouterr().out))
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert rule["id"] == "plan.no-provider"
    assert rule["shortDescription"]["text"].endswith(".")
    assert "htp plan" in rule["help"]["markdown"]
    assert result["message"]["text"].endswith("\nhelp: pip install htp-dialect-csp")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "halo%20prog.py"
    assert place["region"] == {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 36}
    assert run["invocations"][0] == {
        "arguments": ["compile", "halo prog.py:scale", "--format", "sarif"], "executionSuccessful": True, "exitCode": 3,
    }  # fmt: skip


def test_an_answer_without_findings_is_a_log_without_results(capsys):
    assert cli.main(["targets", "--format", "sarif"]) == 0
    assert check_shape(json.loads(capsys.readouterr().out))["results"] == []


def test_reasons_and_further_places_are_kept(tmp_path):
    span = Span(file=str(tmp_path / "a.py"), line=3, column=2)
    found = Diagnostic(
        code="plan.x", message="no", span=span, label="here", labels=(Label(span=span, text="there"),),
        chain=(Reason(text="a wants b", by="somebody 1.0"),), notes=("n",), help=("h",),
    )  # fmt: skip
    run = check_shape(log(found, found, pages=[Page("plan.x", "X.", "X.\n\nMore.")]))
    assert len(run["tool"]["driver"]["rules"]) == 1
    result = run["results"][1]
    chain = [{"text": "a wants b", "by": "somebody 1.0"}]
    assert result["properties"] == {"chain": chain, "notes": ["n"], "help": ["h"]}
    assert result["locations"][0]["message"] == {"text": "here"}
    assert result["relatedLocations"][0]["message"] == {"text": "there"}
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")


def test_a_finding_is_the_same_after_its_line_has_moved(tmp_path):
    texts = ("x = 1\ny = 2\n", "\n\nx = 1\ny = 2\n", "x = 1\ny = 3\n")
    prints = []
    for number, text in enumerate(texts):
        file = tmp_path / str(number) / "user.py"
        file.parent.mkdir()
        file.write_text(text)
        line = text.splitlines().index(text.splitlines()[-1]) + 1
        found = Diagnostic(code="plan.x", message="no", span=Span(file=str(file), line=line))
        prints.append(log(found)["runs"][0]["results"][0]["partialFingerprints"]["htp/v1"])
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(("exit", "ran"), [(0, True), (1, True), (3, True), (2, False), (5, False), (130, False)])
def test_a_command_that_did_not_run_is_told_from_one_that_said_no(exit, ran):
    assert log(exit=exit)["runs"][0]["invocations"][0]["executionSuccessful"] is ran


def test_json_lines_are_one_finding_each_and_the_report_last(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("halo.py").write_text(PROGRAM)
    assert cli.main(["plan", "halo.py:scale", "--format", "jsonl"]) == 3
    *found, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["code"] for each in found] == ["plan.no-provider"]
    assert (last["schema"], last["exit"], last["diagnostics"]) == ("htp.report/1", 3, found)


@pytest.mark.parametrize("words", [["nothing", "--format", "jsonl"], ["plan", "--format=jsonl"]])
def test_a_command_line_that_makes_no_sense_is_answered_in_the_format_it_asks_for(words, capsys):
    assert cli.main(words) == 2
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[0])["code"] == "cli.usage"
