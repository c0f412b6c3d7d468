"""The pages of codes: their form, and that every program on them does what the page says."""

import re
from pathlib import Path

import pytest

from htp.diagnostics import Bug, Refused
from htp.tools.codes import core_pages, find, parse_pages

PAGES = {page.code: page for page in core_pages()}
OWN = ("artifact", "cli", "replay", "verify", "run", "internal")
MINE = [code for code in PAGES if code.split(".")[0] in OWN or code == "capture.import-failed"]
# Situations rather than refusals: what these codes report happens in another process.
SHOWN = {
    "verify.stage-differs",
    "verify.built-differs",
    "verify.built-failed",
    "verify.input-changed",
    "replay.missing-input",
}


def test_pages_are_sections_of_a_file():
    first, second = parse_pages(
        "# x\n\n## a.one\n\nSummary\nhere.\n\nMore.\n\n```python wrong\n1\n```\n\n"
        "```python right\n2\n```\n## `b.two`\n\nS.\n"
    )
    assert (first.code, first.summary, first.wrong, first.right) == ("a.one", "Summary here.", "1\n", "2\n")
    assert (second.code, second.summary, second.wrong) == ("b.two", "S.", "")
    assert parse_pages("no sections") == ()
    assert find("a.one", (first, second)) is first
    assert find("a.none", (first, second)) is None


@pytest.mark.parametrize("code", MINE)
def test_every_page_is_complete(code):
    page = PAGES[code]
    assert page.summary.endswith(".")
    assert page.wrong
    assert page.right


@pytest.mark.parametrize("code", MINE)
def test_the_wrong_program_triggers_exactly_this_code(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if code in SHOWN:
        run(PAGES[code].wrong, tmp_path)
        return
    with pytest.raises((Refused, Bug)) as caught:
        run(PAGES[code].wrong, tmp_path)
    assert (caught.value.code if isinstance(caught.value, Refused) else "internal.bug") == code


@pytest.mark.parametrize("code", MINE)
def test_the_right_program_is_accepted(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(PAGES[code].right, tmp_path)


def run(text: str, folder: Path) -> None:
    program = folder / "page.py"
    program.write_text(text)
    exec(compile(text, str(program), "exec"), {"__name__": "page"})


def test_every_code_these_modules_raise_has_a_page():
    import htp

    root = Path(htp.__path__[0])
    mine = [
        *root.glob("artifact/*.py"),
        *root.glob("tools/*.py"),
        root / "arguments.py",
        root / "cli.py",
        root / "cache.py",
    ]
    owners = "|".join((*OWN, "capture"))
    raised = {code for path in mine for code in re.findall(rf'"((?:{owners})\.[a-z][a-z-]+)"', path.read_text())}
    raised -= {"plan.json", "capture.syntax-error"}
    assert raised - PAGES.keys() == set()
