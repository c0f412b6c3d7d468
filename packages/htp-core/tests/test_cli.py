"""The command line: exit codes, JSON on standard output, no traceback for anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from htp import cli
from htp.artifact import Manifest, publish_package
from htp.artifact.manifest import StageRecord
from htp.report import Exit, exit_for
from htp.tools import verbs

PROGRAM = '''from htp import In, Out, Tensor, f32, kernel, run_stage


@kernel
def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """Twice x."""
    y[:] = x[:] * {factor}


if __name__ == "__main__":
    run_stage(double)
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files, stages = {"plan.json": b"{}\n"}, []
    for number, factor in enumerate(("2.0", "2.0")):
        folder = f"ir/stages/{number:02}-step"
        files |= {f"{folder}/program.py": PROGRAM.format(factor=factor).encode(), f"{folder}/state.json": b"{}\n"}
        names = {"program": f"{folder}/program.py", "state": f"{folder}/state.json"}
        stages.append(StageRecord(id=f"{number:02}", pass_=f"step{number}", folder=folder, **names))
    manifest = Manifest(entry="double", target="cpu", stages=tuple(stages))
    return publish_package(tmp_path / "pkg", files, manifest).path


def call(capsys, *words: str) -> tuple[int, dict, str]:
    """Runs a command with --format json; checks what every answer has in common."""
    exit = cli.main([*words, "--format", "json"])
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["schema"] == "htp.report/1"
    assert report["argv"] == [*words, "--format", "json"]
    assert report["exit"] == exit
    assert report["ok"] is (exit == 0)
    assert said.out == json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert "Traceback" not in said.err
    return exit, report, said.err


def code(report: dict) -> str:
    return report["diagnostics"][0]["code"]


def test_usage_errors_end_with_2(capsys):
    for words in (
        [],
        ["nothing"],
        ["compile"],
        ["verify", "x", "--level", "9"],
        ["cache", "burn"],
        ["run", "x", "--seed", "a"],
    ):
        exit, report, _ = call(capsys, *words)
        assert exit == 2
        assert code(report) == "cli.usage"


def test_help_and_version(capsys):
    for words in (["--help"], ["compile", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 0
    assert "htp-core" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "expected", "exit"),
    [
        ("none.py:f", None, "cli.no-such-file", 2),
        ("a.py:f", "x = 1\n", "cli.no-such-entry", 2),
        ("a.py:x", "x = 1\n", "cli.not-a-program", 2),
        ("a.py", "x = 1\n", "cli.entry-needed", 2),
        ("a.py:f", "def f(:\n", "capture.syntax-error", 3),
        ("a.py:f", "import nothing_like_this\n", "capture.import-failed", 3),
        ("a.py:f", "raise SystemExit(0)\n", "capture.import-failed", 3),
        ("a.py:f", "\x00", "capture.syntax-error", 3),
        ("a.py:f", b"\xff\xfe\xfa", "capture.syntax-error", 3),
        ("a.txt:f", "x", "cli.no-such-file", 2),
    ],
)
def test_programs_that_cannot_be_loaded(capsys, tmp_path, monkeypatch, name, text, expected, exit):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name.partition(":")[0]).write_bytes(text if isinstance(text, bytes) else text.encode())
    found, report, _ = call(capsys, "plan", name)
    assert (found, code(report)) == (exit, expected)
    assert report["next"][0]["argv"] == ["htp", "explain", expected]


def test_an_exception_while_importing_is_shown_at_the_users_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("import json\n\nvalue = json.loads('{')\n")
    assert cli.main(["plan", "a.py:f"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "a.py:3:9" in said.err
    assert "JSONDecodeError" in said.err
    assert "^" in said.err


def test_verify_and_replay_a_package(capsys, package):
    exit, report, _ = call(capsys, "verify", str(package), "--level", "2", "--seeds", "1")
    assert exit == 0
    assert [level["ok"] for level in report["result"]["levels"]] == [True, True, True]
    assert report["inputs"][0]["path"] == str(package)
    exit, report, _ = call(capsys, "replay", str(package), "--from", "00", "--dims", "N=3")
    stages = report["result"]["stages"]
    assert [stage["stage"] for stage in stages] == ["00", "01"]
    assert stages[0]["outputs"] == stages[1]["outputs"]
    assert stages[0]["outputs"][0]["shape"] == [3]


def test_a_tampered_package_is_a_no(capsys, package):
    (package / "plan.json").write_text("[]")
    exit, report, _ = call(capsys, "verify", str(package), "--level", "0")
    assert (exit, code(report)) == (1, "artifact.altered-file")
    assert call(capsys, "replay", str(package))[0] == 1
    assert call(capsys, "verify", str(package / "nothing"))[0] == 1
    assert call(capsys, "replay", str(package / "nothing"))[0] == 2


def test_text_answers_go_to_standard_output_and_findings_to_standard_error(capsys, package):
    assert cli.main(["verify", str(package), "--level", "0"]) == 0
    assert capsys.readouterr().out.startswith("ok  level 0")
    (package / "extra").write_text("x")
    assert cli.main(["verify", str(package), "--level", "0"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("NO  level 0")
    assert "error[artifact.extra-file]" in said.err


def test_colour(capsys, package, monkeypatch):
    (package / "extra").write_text("x")
    words = ["verify", str(package), "--level", "0"]
    cli.main([*words, "--color", "always"])
    assert "\x1b[1;31merror\x1b[0m[artifact" in capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")
    cli.main(words)
    assert "\x1b[" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    cli.main(words)
    assert "\x1b[" not in capsys.readouterr().err


def test_explain(capsys):
    exit, report, _ = call(capsys, "explain", "run.dim-mismatch")
    assert exit == 0
    assert "named dimension" in report["result"]["text"]
    exit, report, _ = call(capsys, "explain", "run.dim-mismtach")
    assert (exit, code(report)) == (2, "cli.unknown-code")
    assert "htp explain run.dim-mismatch" in report["diagnostics"][0]["help"]
    listed = call(capsys, "explain")[1]["result"]["codes"]
    assert [each["code"] for each in listed] == sorted(each["code"] for each in listed)


def test_schema_and_cache(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    assert call(capsys, "schema", "manifest")[1]["result"]["$defs"]
    assert "manifest" in call(capsys, "schema")[1]["result"]["schemas"]
    assert call(capsys, "schema", "x")[0] == 2
    assert call(capsys, "cache", "path")[1]["result"]["path"] == str(tmp_path / "cache")
    assert call(capsys, "cache", "ls")[1]["result"]["entries"] == []
    assert call(capsys, "cache", "prune")[1]["result"]["removed"] == []
    assert call(capsys, "cache", "verify")[0] == 0


def test_listings(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    assert {"tile", "host"} <= {each["name"] for each in call(capsys, "plugins")[1]["result"]["plugins"]}
    assert isinstance(call(capsys, "targets")[1]["result"]["targets"], list)
    checks = {each["subject"]: each for each in call(capsys, "doctor")[1]["result"]["checks"]}
    assert checks["Python"]["ok"]
    assert checks["numpy"]["found"]
    assert checks["cache"]["ok"]
    assert call(capsys, "demo", "no-such-demo")[0] == 2


def test_a_bug_ends_with_5_and_a_reproducer(capsys, monkeypatch, tmp_path):
    def broken(options: object) -> None:
        raise KeyError("inner")

    monkeypatch.setitem(verbs.VERBS, "targets", broken)
    monkeypatch.setenv("HTP_BUG_DIR", str(tmp_path))
    exit, report, _ = call(capsys, "targets")
    assert (exit, code(report)) == (5, "internal.bug")
    text = Path(report["files"][0]["path"]).read_text()
    assert Path(report["files"][0]["path"]).parent == tmp_path
    assert "KeyError: 'inner'" in text
    assert "command: htp targets --format json" in text


def test_interruption_ends_with_130(monkeypatch, capsys):
    def stopped(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(verbs.VERBS, "targets", stopped)
    assert cli.main(["targets"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "exit"),
    [("type.shape-mismatch", 3), ("run.read-only", 3), ("cpu.toolchain-missing", 4), ("bind.mode-unavailable", 4),
     ("plan.unknown-target", 4), ("cli.usage", 2), ("internal.bug", 5), ("replay.timeout", 6), ("artifact.link", 1),
     ("artifact.missing", 2), ("verify.stage-differs", 1)],
)  # fmt: skip
def test_codes_become_exit_codes(name, exit):
    assert exit_for(name) == exit
    assert exit_for(name) in Exit


def test_as_a_process(package):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HTP_DISABLE_PLUGINS": "*"}
    command = [sys.executable, "-m", "htp", "verify", str(package), "--level", "0", "--format", "json"]
    outputs = []
    for seed in ("1", "2"):
        done = subprocess.run(command, capture_output=True, env={**environment, "PYTHONHASHSEED": seed}, check=True)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])["ok"]


def test_the_names_of_what_a_plugin_brings(capsys):
    code, report, *_ = call(capsys, "plugins", "tile")
    assert code == 0
    (tile,) = report["result"]["plugins"]
    assert {"inline", "annotate", "normalize", "simplify", "expand"} <= set(tile["contributes"]["passes"])
    assert "Typed" in tile["contributes"]["capabilities"]
    assert tile["contributes"]["dialects"] == ["tile"]
    assert all(each["contributes"] == {} for each in call(capsys, "plugins")[1]["result"]["plugins"])
    assert cli.main(["plugins", "htp-core"]) == 0
    said = capsys.readouterr().out
    assert "simplify" in said
    assert "host" in said
    assert call(capsys, "plugins", "nowhere")[1]["diagnostics"][0]["code"] == "cli.unknown-plugin"


def test_plugins_add_verbs(capsys):
    from types import ModuleType

    from htp._version import HTP_API
    from htp.hooks import hookimpl
    from htp.plugins import Found
    from htp.session import Session, use_session
    from htp.tools.answers import Answer

    module = ModuleType("htp_extra_plugin")
    module.HTP_API = HTP_API

    @hookimpl
    def htp_cli(verbs):
        verb = verbs.add_parser("count")
        verb.add_argument("words", nargs="*")
        verb.set_defaults(answer=lambda options: Answer(lines=(f"{len(options.words)} words",)))

    module.htp_cli = htp_cli
    sys.modules["htp_extra_plugin"] = module
    try:
        with use_session(Session([Found("extra", "htp_extra_plugin", "htp-extra", "1.0", ("htp-core>=0.1",))])):
            assert cli.main(["count", "a", "b"]) == 0
            assert capsys.readouterr().out == "2 words\n"
            assert cli.main(["nothing"]) == 2
    finally:
        del sys.modules["htp_extra_plugin"]
