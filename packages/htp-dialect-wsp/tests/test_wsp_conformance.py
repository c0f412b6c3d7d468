"""The plugin and its dialect conform, by the classes that third parties use; every code raised has a page."""

import re
from importlib.resources import files

import pytest
from small_workloads import both, cases, grid, twice

from htp.testing import DialectConformance, PluginConformance
from htp_dialect_wsp.plugin import htp_dialects

PAGE = files("htp_dialect_wsp").joinpath("codes", "wsp.md").read_text()
SECTIONS = re.split(r"^## (\S+)$", PAGE, flags=re.MULTILINE)[1::2]
PASSES = {"wsp.check", "wsp.compose", "wsp.lower", "wsp.schedule"}


class TestPlugin(PluginConformance):
    subject = "wsp"


class TestDialect(DialectConformance):
    subject = htp_dialects()[0]
    programs = (grid, twice, both, cases)


def sources(folder):
    for each in folder.iterdir():
        if each.is_dir():
            yield from sources(each)
        elif each.name.endswith(".py"):
            yield each.read_text()


def test_every_code_raised_has_a_page_and_every_page_a_code_that_is_raised():
    texts = list(sources(files("htp_dialect_wsp")))
    raised = {code for text in texts for code in re.findall(r'["`](wsp\.[a-z-]+)["`:]', text)} - PASSES
    assert sorted(raised - set(SECTIONS)) == []
    assert sorted(set(SECTIONS) - raised) == []


def test_no_code_has_two_pages():
    assert sorted(SECTIONS) == sorted(set(SECTIONS))


@pytest.mark.parametrize("name", ["P", "workload", "schedule", "round_robin", "Ragged"])
def test_names_are_loaded_when_they_are_used(name):
    import htp_dialect_wsp

    assert name in dir(htp_dialect_wsp)
    assert getattr(htp_dialect_wsp, name).__name__ == name
    with pytest.raises(AttributeError):
        htp_dialect_wsp.nothing  # noqa: B018
