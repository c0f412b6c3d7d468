"""The plugin conforms, by the classes that third parties use; every code raised has a page."""

import os
import re
from importlib.resources import files

from htp.testing import (
    BackendConformance,
    BindingConformance,
    FacetConformance,
    IntrinsicConformance,
    PassConformance,
    PluginConformance,
)
from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.layouts import OnChip, bias, l0a, l0b, l0c, l1, ub
from htp_backend_pto.lower.bound import Bound
from htp_backend_pto.lower.overlap import Overlap
from htp_backend_pto.lower.place import Place
from htp_backend_pto.lower.select import Select
from htp_backend_pto.lower.split import Split
from htp_backend_pto.lower.sync import Synchronize

PAGE = files("htp_backend_pto").joinpath("codes", "pto.md").read_text()
PARTS = re.split(r"^## (\S+)$", PAGE, flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
OTHERS = {"pto.package", "pto.graph", "pto.source", "pto.check", "pto.split", "pto.bound", "pto.select", "pto.overlap"}
OTHERS |= {"pto.place", "pto.sync", *(f"pto.{each}" for each in INSTRUCTIONS)}


class TestPlugin(PluginConformance):
    subject = "pto"


class TestBinding(BindingConformance):
    subject = "pto"


class TestOnChip(FacetConformance):
    subject = OnChip
    examples = (
        (ub(16, 64), (10, 60), 32),
        (ub(16, 64, at=32), (16, 64), 16),
        (ub(16, 64, at=4096), (16, 64), 16),
        (ub(64, 8, "dn"), (50, 8), 32),
        (ub(64, 1, "dn"), (64, 1), 32),
        (ub(8, 256, "bits"), (8, 200), 1),
        (l1(32, 32, box=8), (20, 30), 32),
        (l1(32, 32), (32, 32), 16),
        (l1(32, 32, "zn"), (32, 32), 16),
        (l0a(32, 64), (32, 64), 16),
        (l0b(64, 32), (60, 32), 16),
        (l0c(32, 32), (20, 30), 32),
        (bias(1, 64), (1, 64), 32),
    )


class TestAdd(IntrinsicConformance):
    subject = "pto.add"


def test_every_code_raised_has_a_page_and_every_page_a_code_that_is_raised():
    raised = {code for text in sources(files("htp_backend_pto")) for code in re.findall(r'"(pto\.[a-z-]+)"', text)}
    assert sorted(raised - OTHERS - set(SECTIONS)) == []
    assert sorted(set(SECTIONS) - raised) == []


def test_every_page_has_a_summary_and_an_explanation():
    for code, text in SECTIONS.items():
        paragraphs = text.split("```")[0].strip().split("\n\n")
        assert len(paragraphs) >= 2, code
        assert paragraphs[0].endswith("."), code


def sources(folder):
    for each in folder.iterdir():
        if each.is_dir():
            yield from sources(each)
        elif each.name.endswith(".py"):
            yield each.read_text()


if os.environ.get("HTP_TEST_LONG") == "1":  # a thousand compilations, and every stage of a corpus

    class TestBackend(BackendConformance):
        subject = "pto"
        target = "pto:a2a3sim"

    class TestSplit(PassConformance):
        subject = Split()

    class TestBound(PassConformance):
        subject = Bound()

    class TestSelect(PassConformance):
        subject = Select()

    class TestOverlap(PassConformance):
        subject = Overlap()

    class TestPlace(PassConformance):
        subject = Place()

    class TestSynchronize(PassConformance):
        subject = Synchronize()
