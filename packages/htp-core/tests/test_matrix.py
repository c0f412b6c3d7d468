"""Units against targets: every cell agrees with what happens to a program that makes that use."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from htp import cli
from htp.declarations import IntrinsicSet
from htp.diagnostics import Refused
from htp.session import use_session
from htp.tools import matrix as tool

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("toys", HERE / "toys.py")
toys = importlib.util.module_from_spec(SPEC)
sys.modules["toys"] = toys
SPEC.loader.exec_module(toys)


@pytest.fixture
def session():
    made = toys.session(
        htp_handlers=(toys.HANDLERS,),
        htp_dialects=(toys.DIALECT, toys.Dialect("tile")),
        htp_intrinsics=(IntrinsicSet("toy", "made.toy", ("exp", "log")),),
    )
    with use_session(made):
        yield made


def outcomes(found):
    return {(unit.kind, unit.name): dict(zip(found.targets, unit.outcomes, strict=True)) for unit in found.units}


def test_every_kind_of_unit_is_asked_about(session):
    found = outcomes(tool.matrix())
    assert found["dialect", "csp"] == {"big": "ok", "small": "plan.no-provider"}
    assert found["dialect", "tile"] == {"big": "ok", "small": "ok"}
    assert found["intrinsic", "toy.exp"] == {"big": "ok", "small": "plan.no-handler"}
    assert found["dtype", "f64"] == {"big": "ok", "small": "plan.no-dtype"}
    assert found["dtype", "f32"] == {"big": "ok", "small": "ok"}
    assert found["directive", "work_steal"] == {"big": "ok", "small": "plan.directive-rejected"}
    assert found["directive", "prefetch"] == {"big": "plan.unknown-directive", "small": "ok"}
    assert found["op", "tile.exp"] == {"big": "ok", "small": "ok"}
    assert found["pass", "infer"] == {"big": "ok", "small": "ok"}


def test_targets_are_chosen_by_name(session):
    assert tool.matrix(["small"]).targets == ("small",)
    with pytest.raises(Refused, match="no installed backend"):
        tool.matrix(["huge"])


def test_units_that_fare_alike_share_a_row(session):
    found = tool.matrix()
    rows = tool.rows(found)
    assert sum(len(row.names) for row in rows) == len(found.units)
    dtypes = {row.outcomes: row.names for row in rows if row.kind == "dtype"}
    assert set(dtypes["ok", "ok"]) == {"f32", "f16", "i32"}


def test_pages(session, capsys):
    assert cli.main(["matrix", "--format", "markdown"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("| kind | units | big | small |\n|---|---|---|---|\n")
    assert "| dialect | `csp` | ok | plan.no-provider |" in table
    assert cli.main(["matrix", "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "<td>dialect</td><td><code>csp</code></td>" in page
    assert '<td class="ok">ok</td><td class="refused">plan.no-provider</td>' in page
    assert cli.main(["matrix", "--target", "small"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["KIND", "UNITS", "small"]
    assert cli.main(["matrix", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["targets"] == ["big", "small"]
