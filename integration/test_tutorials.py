"""Pages that are followed to the letter, as those on extending HTP: files are written, commands run, outputs compared.

On such a page `<!-- write: PATH -->` above a block writes the block into a file, `<!-- change: PATH -->` changes lines
of one, and `<!-- from: PATH -->` says that the block is a part of a file which the page's commands have made. Commands
in `console` blocks are run; what a page shows of their output is compared line by line, and `…` stands for whatever
else there is.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from pathlib import Path

import pytest
from example_programs import ROOT
from installing import Place

START = [ROOT / "docs" / "start" / f"{name}.md" for name in ("ascend", "networks")]
PAGES = [*sorted((ROOT / "docs" / "extending").glob("*.md")), *START]
STEP = re.compile(r"(?:^<!-- (write|change|from): (\S+) -->\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN_ONLY = ("text",)
LONG = os.environ.get("HTP_TEST_LONG") == "1"
SHORT = [each for each in PAGES if each.stem in ("ascend", "networks", "pass", "plugins")]


@pytest.mark.parametrize("page", PAGES if LONG else SHORT, ids=lambda page: page.stem)
def test_following_the_page_leads_where_it_says(page: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "site")
    folder = tmp_path / "work"
    folder.mkdir()
    for step in STEP.finditer(page.read_text(encoding="utf-8")):
        what, path, language, text = step.groups()
        if what == "write":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        elif what == "change":
            change(folder / path, text)
        elif what == "from":
            assert text in (folder / path).read_text(encoding="utf-8"), f"{path} does not contain:\n{text}"
        elif language == "console":
            for command, shown in commands(text):
                run(place, folder, command, shown)
        else:
            assert language in SHOWN_ONLY, f"nobody checks this block:\n{text}"


def change(file: Path, difference: str) -> None:
    """Puts the lines with `+` in the place of those with `-`, which the file has once."""
    before, after = ("".join(f"{each[1:]}\n" for each in difference.splitlines() if each[0] == mark) for mark in "-+")
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file} does not contain once:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Every command of a block with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def run(place: Place, folder: Path, command: str, shown: list[str]) -> None:
    program, *words = shlex.split(command)
    if program == "pip":
        assert words[0] == "install"
        place.install(folder / each.partition("[")[0] for each in words[1:] if not each.startswith("-"))
        return
    scaffold = words[0] == "conform" and len(words) == 2 and any(folder.glob(f"htp-*-{words[1]}"))
    if not LONG and ("pytest" in words or scaffold):
        return  # test_scaffold.py does both with the same packages
    start = {"htp": ("-m", "htp"), "python": ()}[program]
    code, said = place.python(*start, *words, cwd=folder)
    assert (code != 0) is any(line.startswith("error[") for line in shown), f"$ {command}\n{said}"
    if shown:
        assert matches(shown, said), f"$ {command}\n{said}"


def matches(shown: list[str], said: str) -> bool:
    """Whether the output is what is shown; `…` alone is any number of lines, in a line any characters."""
    pattern = ""
    for line in shown:
        pattern += "(?:.*\n)*?" if line == "…" else re.escape(line.rstrip()).replace("…", ".*?") + " *\n"
    return re.fullmatch(pattern, said if said.endswith("\n") else f"{said}\n") is not None


def test_what_emits_and_runs_takes_less_than_150_lines(tmp_path: Path) -> None:
    from htp.tools.new import new_package

    made = new_package("backend", "counted", tmp_path / "counted")
    native = made.path / "src" / "htp_backend_counted" / "native.py"
    assert 100 < lines_of_code(native.read_text(encoding="utf-8")) < 150


def lines_of_code(text: str) -> int:
    """Lines with code besides imports: no blank lines, comments and docstrings."""
    tree, left = ast.parse(text), set[int]()
    for node in ast.walk(tree):
        imports = isinstance(node, ast.Import | ast.ImportFrom)
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if imports or docstring:
            left.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbered = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in numbered if number not in left and line.strip() and line.strip()[0] != "#")


def test_the_comparison_tells_outputs_apart() -> None:
    assert matches(["a", "…", "b … d"], "a\nx\ny\nb c d\n")
    assert not matches(["a", "b"], "a\nx\nb\n")
    assert not matches(["a"], "")
    assert not matches(["a … c"], "a b\nc\n")
