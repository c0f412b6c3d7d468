"""The commands on real packages: compile, run, verify to the built artifact, go on from an edited stage, be refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import EXAMPLES, Example

import htp
from htp.artifact import open_package
from htp.cli import main

if TYPE_CHECKING:
    from pathlib import Path

SOFTMAX = EXAMPLES[0]
LONG = os.environ.get("HTP_TEST_LONG") == "1"
SHORT = [each for each in EXAMPLES if LONG or each.entry in ("softmax", "attention")]
DIMS = {"attention": "B=1,H=2"}  # its last stage runs element by element in Python


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    """Exit code and report of a command."""
    code = main([*words, "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "htp.report/1"
    assert (report["exit"], report["ok"]) == (code, code == 0)
    return code, report


@pytest.fixture
def package(compiled, tmp_path) -> Path:
    """A copy of the softmax package that a test may damage."""
    return shutil.copytree(compiled(SOFTMAX).path, tmp_path / "softmax")


@pytest.mark.parametrize("example", SHORT, ids=repr)
def test_what_is_built_equals_the_first_stage(compiled, capsys, example: Example) -> None:
    words = [str(compiled(example).path), "--dims", DIMS.get(example.entry, "")]
    code, report = answer(capsys, "verify", *words, "--level", "3", "--seeds", "5")
    assert report["diagnostics"] == []
    assert code == 0
    levels = report["result"]["levels"]
    assert [(each["level"], each["ok"]) for each in levels] == [(0, True), (1, True), (2, True), (3, True)]
    assert all(each["checks"] > 0 for each in levels)


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_run_compares_with_the_first_stage(compiled, capsys, example: Example) -> None:
    code, report = answer(capsys, "run", str(compiled(example).path), "--check", "--seed", "4")
    assert code == 0
    written = [each.name for each in example.definition.params if each.direction == "out"]
    assert [each["name"] for each in report["result"]["outputs"]] == written
    assert {name: each["equal"] for name, each in report["result"]["check"].items()} == dict.fromkeys(written, True)


def test_a_package_is_shown_with_a_run(compiled, capsys, tmp_path) -> None:
    path, page, timeline = str(compiled(SOFTMAX).path), tmp_path / "page.html", tmp_path / "trace.json"
    code, report = answer(capsys, "report", path, "-o", str(page))
    assert (code, report["result"]["ran"]) == (0, True)
    text = page.read_text(encoding="utf-8")
    assert all(f"<code>{each.pass_}</code>" in text for each in open_package(path).plan.steps)
    assert '<span class="tag good">agrees</span>' in text
    code, _ = answer(capsys, "trace", path, "-o", str(timeline))
    assert code == 0
    assert {"softmax", *(each.id for each in open_package(path).plan.steps)} <= {
        each["name"] for each in json.loads(timeline.read_bytes())["traceEvents"] if each["ph"] == "X"
    }


def test_compile_says_what_each_step_took_and_where_to_go_on(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compile", f"{SOFTMAX.path}:softmax", "--target", "cpu"]) == 0
    said = capsys.readouterr()
    stages = open_package(tmp_path / "build" / "softmax").stages
    assert said.out.startswith(f"build/softmax: {len(stages)} stages for cpu, manifest sha256:")
    for stage in stages[1:]:
        (line,) = [each for each in said.err.splitlines() if each.split()[0] == stage.id]
        assert line.endswith(" ms")
    assert "  cache: " in said.err
    assert "htp run build/softmax" in said.err


def test_built_code_that_differs_is_found_and_named(package, capsys) -> None:
    source = package / "codegen" / "cpu" / "softmax.cpp"
    text = source.read_text(encoding="utf-8")
    wrong = text.replace("exp(load(", "exp2(load(")
    assert wrong != text
    reseal(package, {"codegen/cpu/softmax.cpp": wrong.encode()})
    code, report = answer(capsys, "verify", str(package), "--level", "3", "--seeds", "5")
    assert code == 1
    assert [each["ok"] for each in report["result"]["levels"]] == [True, True, True, False]
    assert {each["code"] for each in report["diagnostics"]} == {"verify.built-differs"}


def reseal(package: Path, changed: dict[str, bytes]) -> None:
    """Publishes the package again with other contents, as a compiler with a fault would have."""
    from htp.artifact import publish_package

    opened = open_package(package)
    files = {each.path: opened.read(each.path) for each in opened.files}
    shutil.rmtree(package)
    publish_package(package, {**files, **changed}, opened.manifest)


def test_an_edited_stage_goes_on_to_native_code(package, capsys, tmp_path) -> None:
    stage = package / "ir" / "stages" / "04-simplify" / "program.py"
    text = stage.read_text(encoding="utf-8")
    assert text.count("tile.exp(") == 1
    stage.write_text(text.replace("tile.exp(", "tile.exp2("), encoding="utf-8")
    assert answer(capsys, "verify", str(package), "--level", "0")[0] == 1
    new = str(tmp_path / "new")
    code, report = answer(capsys, "compile", str(stage), "--from", "04", "--target", "cpu", "-o", new)
    assert (code, report["result"]["stages"][0]) == (0, "04-simplify")
    assert open_package(new).manifest.edit is not None
    assert answer(capsys, "verify", new, "--level", "3", "--seeds", "5")[0] == 0
    x = np.random.default_rng(2).standard_normal((70, 33)).astype(np.float32)
    y = np.empty_like(x)
    htp.bind(new)(x, y)
    powers = np.exp2(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(y, powers / powers.sum(axis=1, keepdims=True), rtol=1e-5)


def test_every_stage_can_be_gone_on_from(compiled, tmp_path) -> None:
    whole = compiled(SOFTMAX)
    x = np.random.default_rng(2).standard_normal((70, 33)).astype(np.float32)
    expected = np.empty_like(x)
    htp.bind(whole)(x, expected)
    for stage in whole.stages:
        again = htp.compile_program(whole.stage_path(stage.id), out=tmp_path / stage.id, start_at=stage.number)
        assert [each.id for each in again.stages] == [
            each.id for each in whole.stages[whole.stages.index(stage) :]
        ], stage.id
        assert last_body(again) == last_body(whole), stage.id
        y = np.empty_like(x)
        htp.bind(again)(x, y)
        assert y.tobytes() == expected.tobytes(), stage.id


def last_body(package: htp.Package) -> list[str]:
    """The last stage without its comments."""
    text = package.stage_text(package.stages[-1].id)
    return [each.split("  #")[0].rstrip() for each in text.splitlines()]


def test_replay_knows_stages_by_number_and_by_pass(compiled, capsys) -> None:
    whole = compiled(SOFTMAX)
    path, last = str(whole.path), whole.stages[-1]
    _, by_number = answer(capsys, "replay", path, "--stage", last.number)
    _, by_pass = answer(capsys, "replay", path, "--stage", last.pass_.partition("(")[0])
    assert by_number["result"] == by_pass["result"]
    _, several = answer(capsys, "replay", path, "--from", "00", "--to", "02")
    assert [each["stage"] for each in several["result"]["stages"]] == [each.id for each in whole.stages[:3]]


@pytest.mark.parametrize(
    ("words", "code", "exit"),
    [
        (["compile", "nothing.py:x"], "cli.no-such-file", 2),
        (["compile", f"{SOFTMAX.path}:nope"], "cli.no-such-entry", 2),
        (["compile", f"{SOFTMAX.path}:softmax", "--target", "tpu"], "plan.unknown-target", 4),
        (["compile", f"{SOFTMAX.path}:softmax", "--dims", "K=3", "-o", "x"], None, 3),
        (["run", "nothing"], "artifact.missing", 2),
        (["demo", "nope"], "cli.unknown-demo", 2),
        (["explain", "type.nope"], "cli.unknown-code", 2),
        ([], "cli.usage", 2),
    ],
    ids=lambda each: each[0] if isinstance(each, list) and each else None,
)
def test_what_a_command_cannot_do_has_a_code_and_an_exit(capsys, tmp_path, monkeypatch, words, code, exit) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words, *(["--format", "json"] if words else [])]) == exit
    if words:
        (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
        assert code in (None, found["code"])


def without_compiler(tmp_path: Path, *words: str, zig: bool) -> subprocess.CompletedProcess[str]:
    """A command where no compiler is on the path, with or without the ziglang wheel."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    hidden = "" if zig else "sys.modules['ziglang'] = None; "
    program = f"import sys; {hidden}from htp.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {name: value for name, value in os.environ.items() if name != "HTP_CXX"}
    environment |= {"PATH": str(tmp_path / "bin"), "HTP_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", program, *words, "--format", "json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_a_compiler_programs_compile_but_do_not_run(compiled, tmp_path) -> None:
    new = without_compiler(
        tmp_path, "compile", f"{SOFTMAX.path}:softmax", "--target", "cpu", "-o", str(tmp_path / "p"), zig=False
    )
    assert new.returncode == 0, new.stderr
    ran = without_compiler(tmp_path, "run", str(tmp_path / "p"), zig=False)
    assert ran.returncode == 4
    (found,) = json.loads(ran.stdout)["diagnostics"]
    assert found["code"] == "cpu.no-compiler"
    assert found["help"] == ["pip install htp-backend-cpu[toolchain]"]
    built = without_compiler(tmp_path, "verify", str(tmp_path / "p"), "--level", "2", "--seeds", "1", zig=False)
    assert built.returncode == 0
    targets = json.loads(without_compiler(tmp_path, "targets", zig=False).stdout)["result"]["targets"]
    (cpu,) = (each for each in targets if each["name"] == "cpu")
    assert cpu["status"] == "emit only"
    assert "pip install htp-backend-cpu[toolchain]" in cpu["why"]


@pytest.mark.skipif(os.environ.get("HTP_TEST_ZIG") != "1", reason="needs the ziglang wheel and HTP_TEST_ZIG=1 (slow)")
def test_without_a_system_compiler_the_wheel_builds(compiled, tmp_path) -> None:
    ran = without_compiler(tmp_path, "run", str(compiled(SOFTMAX).path), "--check", zig=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["result"]["check"]["y"]["equal"] is True
