"""The laws of stages and packages, on every example.

Every stage runs by itself and means what the first stage means; text and state give the program back; compiling is a
function of its inputs alone; a compile that is killed leaves nothing or a whole package.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from example_programs import EXAMPLES, ROOT, TOLERANCE, case_for, distance, load

from htp.artifact import open_package
from htp.artifact.manifest import StateFile, StepContract
from htp.session import current_session
from htp.stages import Stage, load_stage

KILLS = 50


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_every_stage_equals_the_first(compiled, example) -> None:
    package = compiled(example)
    assert len(package.stages) >= 3
    definitions = [
        getattr(load(package.stage_path(each.id), f"stage_{example.entry}_{each.id}"), example.entry)
        for each in package.stages
    ]
    for seed, sizes in enumerate((example.small, *example.sizes[2:3])):
        first = case_for(definitions[0], sizes, seed)
        definitions[0](*first.arguments)
        for stage, definition in zip(package.stages[1:], definitions[1:], strict=True):
            case = first.fresh()
            definition(*case.arguments)
            for got, meant in zip(case.outputs, first.outputs, strict=True):
                assert distance(got, meant) <= TOLERANCE, f"stage {stage.id} {stage.pass_} at {sizes}"


@pytest.mark.parametrize("order", ["reverse", "shuffle"])
@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_parallel_loops_mean_the_same_in_any_order(compiled, example, order, monkeypatch) -> None:
    package = compiled(example)
    monkeypatch.setenv("HTP_PARALLEL_ORDER", order)
    case = example.case(example.over)
    example.definition(*case.arguments)
    stage = package.stages[-1]
    last = getattr(load(package.stage_path(stage.id), f"last_{example.entry}"), example.entry)
    shuffled = case.fresh()
    last(*shuffled.arguments)
    (got,), (meant,) = shuffled.outputs, case.outputs
    assert distance(got, meant) <= TOLERANCE


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_first_stage_means_what_the_example_means(compiled, example) -> None:
    package = compiled(example)
    stage = getattr(load(package.stage_path("00"), f"first_{example.entry}"), example.entry)
    case = example.case(example.small, seed=3)
    python = case.fresh()
    stage(*case.arguments)
    example.definition(*python.arguments)
    assert [each.tobytes() for each in case.outputs] == [each.tobytes() for each in python.outputs]


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_stages_are_readable_and_import_only_htp(compiled, example) -> None:
    package = compiled(example)
    for stage in package.stages:
        text = package.stage_text(stage.id)
        tree = ast.parse(text)
        imported = {
            (each.module or "").split(".")[0] if isinstance(each, ast.ImportFrom) else name.name.split(".")[0]
            for each in ast.walk(tree)
            if isinstance(each, ast.Import | ast.ImportFrom)
            for name in each.names
        }
        assert imported <= {"htp"}, stage.id
        assert f"# {example.path.name}:" in text, f"stage {stage.id} does not say where it comes from"
        assert not any(isinstance(each, ast.Dict) for each in ast.walk(tree)), f"stage {stage.id} holds a dict"
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            assert all(each.annotation is not None for each in function.args.args), f"{stage.id} {function.name}"


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_text_and_state_give_the_program_back(compiled, example) -> None:
    package = compiled(example)
    for record in package.stages:
        text, written = package.stage_text(record.id), package.read(record.state)
        state = msgspec.json.decode(written, type=StateFile)
        program = load_stage(text, "program.py", state, current_session())
        assert program.entry == example.entry
        stage = Stage(record.id, record.pass_, program, StepContract())
        assert stage.text == text, record.id
        assert stage.files()[record.state] == written, record.id
        assert sorted(map(str, program.facts)) == list(state.facts)
        assert load_stage(stage.text, "program.py", state, current_session()) == program


ALONE = """
import contextlib, io, json, runpy, sys
for name in ("htp_backend_cpu", "pytest", "hypothesis"):
    sys.modules[name] = None
said = []
for path in json.loads(sys.argv[1]):
    sys.argv = [path, "--seed", "3"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(path, run_name="__main__")
    said.append(printed.getvalue())
print(json.dumps(said))
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_every_stage_runs_as_a_script_with_only_htp(compiled, example) -> None:
    package = compiled(example)
    paths = [str(package.stage_path(each.id)) for each in package.stages]
    done = subprocess.run(
        [sys.executable, "-P", "-c", ALONE, json.dumps(paths)],
        capture_output=True, text=True, check=False, cwd=package.path.parent,
        env={**os.environ, "HTP_DISABLE_PLUGINS": "*"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs = [[line.rpartition(" sha256:")[0] for line in said.splitlines()] for said in json.loads(done.stdout)]
    written = [each.name for each in example.definition.params if each.direction == "out"]
    assert [line.split()[0] for line in outputs[0]] == written
    assert all(each == outputs[0] for each in outputs), "stages print other names, dtypes or shapes"


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_compiling_twice_gives_the_same_bytes(tmp_path, example) -> None:
    trees = []
    for place, seed in (("one", "1"), ("two/deeper", "4242")):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        subprocess.run(
            [sys.executable, "-m", "htp", "compile", f"{example.path}:{example.entry}", "--target", "cpu", "-o", "out"],
            cwd=folder, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True,
        )  # fmt: skip
        trees.append(sealed_files(folder / "out"))
    one, two = trees
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    for name, data in one.items():
        assert str(tmp_path).encode() not in data, f"{name} holds an absolute path"
        assert str(ROOT).encode() not in data, f"{name} holds an absolute path"


def sealed_files(package: Path) -> dict[str, bytes]:
    files = {str(each.relative_to(package)): each.read_bytes() for each in package.rglob("*") if each.is_file()}
    return {name: data for name, data in sorted(files.items()) if name.split("/")[0] not in ("build", "logs")}


KILLER = f"""
import os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT / "integration")!r})
from example_programs import EXAMPLES
import htp

folder = Path(sys.argv[1])

def compile_in_child(name):
    child = os.fork()
    if child == 0:
        htp.compile_program(EXAMPLES[0].definition, target="cpu", out=folder / name)
        os._exit(0)
    return child

htp.compile_program(EXAMPLES[0].definition, target="cpu", out=folder / "warm")
start = time.perf_counter()
_, status = os.waitpid(compile_in_child("timed"), 0)
assert status == 0
whole = time.perf_counter() - start
random.seed(7)
for index in range({KILLS}):
    child = compile_in_child(f"killed-{{index}}")
    time.sleep(random.uniform(0, 1.05 * whole))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_killed_compile_leaves_nothing_or_a_whole_package(tmp_path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", KILLER, str(folder)], check=True, cwd=tmp_path)
    names = {f"killed-{index}" for index in range(KILLS)}
    left = {each.name for each in folder.iterdir() if not each.name.startswith(".")}
    assert left <= names | {"warm", "timed"}
    whole = sealed_files(folder / "warm")
    for name in left:
        open_package(folder / name)
        assert sealed_files(folder / name) == whole
    assert len(left & names) < KILLS, "no compile was killed before its end"
