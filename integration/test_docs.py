"""What the pages say is true: their programs run, their tables are complete, their names exist."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from example_programs import EXAMPLES, ROOT
from test_tutorials import PAGES as FOLLOWED

import htp
from htp.report import Exit
from htp_backend_cpu.demos.workloads import workloads

PAGES = sorted([ROOT / "README.md", *ROOT.glob("packages/*/README.md"), *(ROOT / "docs").rglob("*.md")])
GENERATED = {"language", "codes", "cli.md", "hooks.md", "laws.md", "matrix.md"}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def programs() -> list[Path]:
    """Hand-written pages with Python on them; codes and pages that are followed have tests of their own."""
    reference = ROOT / "docs" / "reference"
    written = [each for each in PAGES if not GENERATED & set(each.parts[len(reference.parts):][:1])]
    written = [each for each in written if each not in FOLLOWED]
    return [each for each in written if BLOCK.search(each.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", programs(), ids=lambda page: str(page.relative_to(ROOT)))
def test_programs_on_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(BLOCK.findall(page.read_text(encoding="utf-8"))), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr


def test_a_kernel_of_the_readme_needs_fifteen_lines() -> None:
    first = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert first is not None
    lines = [each for each in first[1].splitlines() if each.strip() and not each.startswith(("import", "from"))]
    assert len(lines) <= 15


def test_readme_shows_what_the_demo_prints(compiled) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.split("<!-- demo output: (?:begin|end) -->", text)[1]
    names = [f"{each.name}, {each.size}" for each in workloads()]
    assert re.findall(r"^(\w.*, .*\d)$", shown, re.MULTILINE) == names
    for example in EXAMPLES:
        if example.entry in ("softmax", "rmsnorm", "gemm", "attention"):
            steps = " → ".join(each.pass_ for each in compiled(example).stages)
            assert f"  stages    {steps}\n" in shown
    labels = re.findall(r"^  (\w+)  +", shown, re.MULTILINE)
    assert labels == ["stages", "compiled", "error", "time", "package"] * len(names)


def test_the_refusal_on_the_page_is_what_is_printed(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "concepts" / "refusals.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```{code-block} \w+\n:caption: ([^\n]+)\n\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (name, program), (command, shown) = blocks
    (tmp_path / name).write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    said = done.stderr.replace(f"{tmp_path}{os.sep}", "")
    assert said.partition("  what the code means")[0] == shown


def test_exit_codes_are_all_listed() -> None:
    text = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    listed = {(int(number), name) for number, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)}
    assert listed == {(each.value, each.name) for each in Exit}


def test_environment_variables_are_all_listed() -> None:
    text = (ROOT / "docs" / "reference" / "env-vars.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(HTP_\w+)` \|", text, re.MULTILINE))
    read = set()
    for source in ROOT.glob("packages/*/src/**/*.py"):
        read |= set(re.findall(r"(?:environ|getenv|values|environment)\W[^\n]*?\"(HTP_[A-Z_]+)\"", source.read_text()))
        read |= set(re.findall(r'^[A-Z]+ = "(HTP_[A-Z_]+)"$', source.read_text(), re.MULTILINE))
    for source in ROOT.glob("packages/*/src/**/*.[ch]pp"):
        read |= set(re.findall(r'getenv\("(HTP_[A-Z_]+)"\)', source.read_text()))
    assert listed == read


def test_stated_errors_of_functions_are_those_of_the_native_sources() -> None:
    page = (ROOT / "docs" / "concepts" / "numerics.md").read_text(encoding="utf-8")
    header = ROOT / "packages" / "htp-backend-cpu" / "src" / "htp_backend_cpu" / "native" / "htp_math.hpp"
    stated = re.findall(r"Max ulp: f32 ([\d.]+)[,;] f64 ([\d.]+|is[^\n]*)\.\n[^\n]* V (\w+)\(V x\)", header.read_text())
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d.]+) \| ([\d.]+|of the C library) \|", page, re.MULTILINE)
    listed = {name: (single, double) for names, single, double in rows for name in re.findall(r"\w+", names)}
    library = "of the C library"
    assert listed == {name: (single, library if "is" in double else double) for single, double, name in stated}


def test_glossary_names_exist_and_public_classes_are_in_it() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"`(htp(?:_backend_cpu|_backend_pto|_dialect_csp|_dialect_wsp)?(?:\.\w+)+)`", text)
    assert named
    for name in named:
        assert exists(name), name
    classes = {name for name in htp.__all__ if name[0].isupper()}
    assert {name for name in classes if f"`htp.{name}`" not in text} == set()


def exists(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        return hasattr(importlib.import_module(module), attribute)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist(page: Path) -> None:
    from htp.cli import build_parser

    verbs = set(re.findall(r"^    ([a-z-]+)\b", build_parser().format_help(), re.MULTILINE))
    used = set(re.findall(r"(?:^\$ (?:hatch run )?|`)htp ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= verbs
