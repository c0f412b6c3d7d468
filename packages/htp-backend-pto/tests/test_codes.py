"""Every code of the Ascend backend has a page; that its programs do what it says is a law of `PluginConformance`."""

import re
from importlib.resources import files
from pathlib import Path

FOLDER = Path(str(files("htp_backend_pto")))
PARTS = re.split(r"^## (\S+)$", (FOLDER / "codes/pto.md").read_text(), flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
RECORDS = {"pto.package", "pto.graph", "pto.source-map"}
PASSES = {"pto.split", "pto.bound", "pto.select", "pto.place", "pto.sync", "pto.check", "pto.overlap", "pto.cluster"}


def test_every_code_raised_has_a_page_and_every_page_a_code_that_is_raised():
    texts = (each.read_text() for each in FOLDER.rglob("*.py"))
    raised = {
        code
        for text in texts
        for code in re.findall(r'"(pto\.[a-z]+-[a-z0-9-]+|pto\.(?:window|simulator|timeout))"', text)
    }
    assert raised - RECORDS - PASSES == set(SECTIONS)


def test_every_page_has_a_summary_and_an_explanation():
    for code, text in SECTIONS.items():
        paragraphs = text.split("```")[0].strip().split("\n\n")
        assert len(paragraphs) >= 2, code
        assert paragraphs[0].endswith("."), code
