"""Every code of core has a page; that its programs do what the page says is a law of `PluginConformance`."""

import re
from importlib.resources import files

CODES = files("htp").joinpath("codes")
OWNERS = ("capture", "intrinsic", "plan", "plugin", "rule", "layout", "type")
RAISED = re.compile(
    r'"((?:artifact|bind|capture|cli|internal|intrinsic|layout|plan|plugin|replay|rule|run|type|verify)\.[a-z0-9-]+)"'
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
