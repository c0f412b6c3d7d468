"""The tables of the page on Ascend say what the package declares."""

from __future__ import annotations

import re

from example_programs import ROOT

from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.lower.check import CheckInstructions
from htp_backend_pto.lower.cluster.cluster import Cluster
from htp_backend_pto.lower.split.split import Split
from htp_backend_pto.model import a2a3, a2a3sim
from htp_backend_pto.plugin import DIRECTIVES, DTYPES, PASSES

PAGE = (ROOT / "docs" / "reference" / "ascend.md").read_text(encoding="utf-8")
CODES = ROOT / "packages" / "htp-backend-pto" / "src" / "htp_backend_pto" / "codes" / "pto.md"


def rows(title: str) -> list[list[str]]:
    """The cells of the last table of a section, without its head."""
    section = re.split(rf"^## {title}$", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]
    lines = [each for each in section.splitlines() if each.startswith("| ")]
    return [[cell.strip() for cell in each.strip("|").split("|")] for each in lines]


def test_memories_are_those_of_the_model() -> None:
    known = {each.name: each for each in a2a3().spaces if not each.managed}
    listed = {row[0].strip("`"): row for row in rows("The machine")[1:]}
    assert listed.keys() == known.keys()
    for name, row in listed.items():
        space = known[name]
        assert row[1].strip("`") == space.level
        assert row[2] == str(space.capacity)
        assert row[3] == (str(space.usable) if space.usable else "all")
        assert row[4] == str(space.align)
        assert tuple(re.findall(r"`(\w+)`", row[5])) == space.forms


def test_the_simulator_has_the_same_memories() -> None:
    assert [(each.name, each.capacity, each.limit) for each in a2a3().spaces] == [
        (each.name, each.capacity, each.limit) for each in a2a3sim().spaces
    ]


def test_directives_have_the_outcomes_that_are_declared() -> None:
    listed = [(row[0].strip("`"), row[1]) for row in rows("Directives")]
    declared = [each for each in listed if each[0] in dict(DIRECTIVES)]
    assert declared == list(DIRECTIVES)


def test_stages_are_the_passes() -> None:
    listed = [row[0].strip("`") for row in rows("Stages")[1:]]
    assert len(listed) == len(PASSES)
    assert (listed[0], listed[1], listed[2]) == (CheckInstructions.name, Cluster.name, Split.name)
    modules = [each.partition(":")[0].rpartition(".")[2] for each in PASSES]
    assert [each.removeprefix("pto.") for each in listed] == modules


def test_codes_on_the_page_have_pages_and_programs_meet_them_all() -> None:
    known = set(re.findall(r"^## (pto\.\S+)$", CODES.read_text(encoding="utf-8"), re.MULTILINE))
    listed = {code for row in rows("What is refused")[1:] for code in re.findall(r"`(pto\.[a-z-]+)`", row[0])}
    assert listed <= known
    # of facets, which no program meets; and a note
    assert known - listed == {"pto.no-join", "pto.not-strided", "pto.more-blocks"}


def test_dtypes_and_the_number_of_instructions() -> None:
    accepted = {row[0]: row[1] for row in rows("What is accepted")[1:]}
    assert tuple(re.findall(r"`(\w+)`", accepted["dtypes of arrays"])) == DTYPES
    assert f"{len(INSTRUCTIONS)} names" in accepted["instructions by hand"]


def test_limits_are_those_of_the_model() -> None:
    names = {
        "arrays of a task": "task.tensors",
        "scalars of a task": "task.scalars",
        "arrays of the entry": "call.tensors",
        "scalars of the entry": "call.scalars",
        "dimensions of an array": "tensor.dims",
        "kernels": "kernels",
        "rows, columns and inner size of one product": "product.extent",
        "rows of one load": "load.rows",
    }
    limits = {each.subject: each.value for each in a2a3().limits}
    assert {names[row[0]]: int(row[1]) for row in rows("Limits")[1:]} == {
        name: value for name, value in limits.items() if name != "task.fanin"
    }
