"""Every code of the CPU backend has a page; that its programs do what it says is a law of `PluginConformance`."""

import re
from importlib.resources import files

PAGE = files("htp_backend_cpu").joinpath("codes", "cpu.md").read_text()
PARTS = re.split(r"^## (\S+)$", PAGE, flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))


def test_every_code_raised_has_a_page_and_every_page_a_code_that_is_raised():
    sources = (each.read_text() for each in files("htp_backend_cpu").iterdir() if each.name.endswith(".py"))
    raised = {code for text in sources for code in re.findall(r'"(cpu\.[a-z-]+)"', text)}
    assert raised - {"cpu.package", "cpu.source-map"} == set(SECTIONS)


def test_every_page_has_a_summary_and_an_explanation():
    for code, text in SECTIONS.items():
        paragraphs = text.split("```")[0].strip().split("\n\n")
        assert len(paragraphs) >= 2, code
        assert paragraphs[0].endswith("."), code
