"""Every code of core: it has a page, the wrong program triggers exactly it, and the right one is accepted."""

import linecache
import os
import re
import sys
import types
from importlib.resources import files

import pytest

from htp.diagnostics import Refused

CODES = files("htp").joinpath("codes")
OWNERS = ("capture", "plan", "plugin", "rule", "layout", "type")
RAISED = re.compile(
    r'"((?:artifact|bind|capture|cli|internal|layout|plan|plugin|replay|rule|run|type|verify)\.[a-z0-9-]+)"'
)
FILES = {"plan.json"}


def sections(owner):
    text = CODES.joinpath(f"{owner}.md").read_text()
    parts = re.split(r"^## (\S+)$", text, flags=re.M)
    for code, body in zip(parts[1::2], parts[2::2], strict=True):
        yield code, body, dict(re.findall(r"```python (wrong|right)\n(.*?)```", body, flags=re.S))


def sources(folder):
    for each in folder.iterdir():
        if each.is_dir():
            yield from sources(each)
        elif each.name.endswith(".py"):
            yield each.read_text()


def run(source, name, monkeypatch):
    file = f"<{name}>"
    monkeypatch.setitem(linecache.cache, file, (len(source), None, source.splitlines(True), file))
    module = types.ModuleType(f"snippet_{len(sys.modules)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.__dict__["__file__"] = file
    monkeypatch.delitem(sys.modules, "halo_plugin", raising=False)
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    finally:
        sys.modules.pop("halo_plugin", None)


CASES = [(code, blocks) for owner in OWNERS for code, _, blocks in sections(owner)]


@pytest.mark.parametrize(("code", "blocks"), CASES, ids=[code for code, _ in CASES])
def test_the_wrong_program_triggers_exactly_the_code_and_the_right_one_is_accepted(code, blocks, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HTP_CACHE_DIR", os.fspath(tmp_path / "cache"))
    with pytest.raises(Refused) as caught:
        run(blocks["wrong"], f"{code} wrong", monkeypatch)
    assert {each.code for each in caught.value.diagnostics} == {code}
    run(blocks["right"], f"{code} right", monkeypatch)


def test_every_code_raised_has_a_page_and_every_page_a_code_that_is_raised():
    raised = {code for text in sources(files("htp")) for code in RAISED.findall(text)} - FILES
    owners = [each.name.removesuffix(".md") for each in CODES.iterdir() if each.name.endswith(".md")]
    pages = {code for owner in owners for code, _, _ in sections(owner)}
    assert raised - pages == set()
    assert pages - raised == set()


def test_every_page_has_a_summary_an_explanation_and_both_programs():
    for owner in sorted(each.name.removesuffix(".md") for each in CODES.iterdir() if each.name.endswith(".md")):
        for code, body, blocks in sections(owner):
            paragraphs = body.split("```")[0].strip().split("\n\n")
            assert len(paragraphs) >= (2 if owner in OWNERS else 1), code
            assert paragraphs[0].endswith("."), code
            assert set(blocks) == {"wrong", "right"}, code
