"""What becomes of every directive on Ascend: as the page says, in the manifest, and in what is emitted."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from directed_programs import DIRECTED, arrays, grid, planned, two
from test_ascend_page import rows

import htp
from htp_dialect_wsp import schedule

if TYPE_CHECKING:
    from htp.artifact.package import Package

TARGET = "pto:a2a3sim"
OUTCOMES = {row[0].strip("`"): row[1] for row in rows("Directives") if row[1] in ("lowered", "enforced", "ignored")}
INHERENT = {"parallel", "buffer", "pools"}
"""What is done with or without the directive."""
RUN = ("fuse_loops", "unroll", "vectorize", "buffer", "pipeline", "reduce", "stream_by", "bind", "map")
IGNORED = tuple(name for name, outcome in OUTCOMES.items() if outcome == "ignored")


@cache
def compiled(folder: str, name: str, *, directed: bool) -> Package:
    work, plan = planned(name)
    out = f"{folder}/{name if directed else work.name}"
    return htp.compile_program(work, target=TARGET, schedule=plan if directed else None, out=out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("directed"))


def emitted(package: Package) -> dict[str, str]:
    """What runs: the sources without comments, and what the contract says of the window."""
    sources = sorted((package.path / "codegen").rglob("*.cpp"))
    found = {each.name: re.sub(r"//.*", "", each.read_text()) for each in sources}
    return found | {"window": str(json.loads((package.path / "contract" / "pto.json").read_text())["window"])}


def test_the_page_lists_every_directive() -> None:
    assert list(OUTCOMES) == list(DIRECTED)


@pytest.mark.parametrize("name", DIRECTED)
def test_a_directive_has_the_outcome_that_the_page_gives(name: str, folder: str) -> None:
    package = compiled(folder, name, directed=True)
    (found,) = package.manifest.directives
    assert (found.directive.partition(".")[0], found.outcome) == (name, OUTCOMES[name])
    same = emitted(package) == emitted(compiled(folder, name, directed=False))
    assert name in INHERENT or same == (OUTCOMES[name] == "ignored")


@pytest.mark.parametrize("name", RUN)
def test_a_directive_changes_no_results(name: str, folder: str) -> None:
    work, _ = planned(name)
    given, wanted = arrays(work), arrays(work)
    htp.bind(compiled(folder, name, directed=True))(*given)
    work(*wanted)
    for one, other in zip(given, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_what_is_ignored_is_what_no_task_can_say() -> None:
    assert IGNORED == ("dispatch", "timing", "ready", "prefer")


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_ignored_is_said_with_its_name_and_line(name: str, folder: str) -> None:
    package = compiled(folder, name, directed=True)
    (said,) = package.diagnostics
    assert (said.code, said.severity) == ("plan.directive-ignored", "warning")
    assert f"`{name}" in said.message
    assert said.span is not None
    lines = Path(said.span.file).read_text(encoding="utf-8").splitlines()
    assert f"s.{name}" in lines[said.span.line - 1]
    (found,) = package.manifest.directives
    assert found.span is not None
    assert (found.outcome, found.span.line) == ("ignored", said.span.line)
    assert found.reason == f"it has no effect on `{TARGET}`"


@pytest.mark.parametrize("name", IGNORED)
def test_ignored_directives_are_refused_if_all_must_count(name: str) -> None:
    work, plan = planned(name)
    with pytest.raises(htp.Refused) as caught:
        htp.compile_program(work, target=TARGET, schedule=plan, strict=True)
    (said,) = caught.value.diagnostics
    assert (said.code, said.severity) == ("plan.directive-ignored", "error")
    assert said.span is not None
    assert f"`{name}" in said.message


def test_order_that_is_asked_for_is_told_to_the_runtime(folder: str) -> None:
    edges = {}
    for name in ("after", "streams"):
        graph = json.loads((compiled(folder, name, directed=True).path / "contract" / "graph.json").read_text())
        edges[name] = {(each["source"], each["target"]) for each in graph["edges"] if each["found"] == "explicit"}
    assert edges["after"] == {(first, later) for first in range(4) for later in range(4, 8)}
    assert edges["streams"] == {(first, first + 2) for first in range(6)}


@pytest.mark.parametrize(("asked", "given"), [(3, 4), (10, 8), (64, 64), (127, 128)])
def test_a_window_is_rounded_to_a_ring(asked: int, given: int, tmp_path) -> None:
    plan = schedule(grid)(lambda s: s.task_window(asked))
    package = htp.compile_program(grid, target=TARGET, schedule=plan, out=tmp_path)
    assert emitted(package)["window"] == str(given)


def test_a_window_that_cannot_be_kept_is_refused_where_it_is_asked_for() -> None:
    @schedule(two)
    def small(s) -> None:
        s.unroll("i", 4)
        s.task_window(3)  # this line

    with pytest.raises(htp.Refused) as caught:
        htp.compile_program(two, target=TARGET, schedule=small)
    (said,) = caught.value.diagnostics
    assert said.code == "pto.window"
    assert said.span is not None
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert "# this line" in lines[said.span.line - 1]
    assert "ask for 7 or more" in str(caught.value)


