"""Policies as code: values, and a policy of another package that nobody here knows."""

import sys

import numpy as np
import pytest
from small_workloads import ROWS, grid

import htp
from htp.diagnostics import Refused
from htp.plugins import Found, discover
from htp.session import Session, use_session
from htp_dialect_wsp import affinity, round_robin, schedule

TEXTS = {
    "zigzag_policy": '''
"""A policy of another package."""
from dataclasses import dataclass
from typing import ClassVar

from htp import func
from htp_dialect_wsp import Policy


@func
def back_and_forth(order, workers, stay):
    turn = order // stay % (2 * workers)
    return turn if turn < workers else 2 * workers - 1 - turn


@dataclass(frozen=True)
class zigzag(Policy):
    """The workers back and forth, `stay` tasks each time."""

    place: ClassVar = back_and_forth

    stay: int = 1
''',
    "zigzag_policy.plugin": '''
from htp.hooks import hookimpl
from htp_dialect_wsp.declarations import PolicyDeclaration

HTP_API = 1


@hookimpl
def htp_policies():
    return (PolicyDeclaration("zigzag", "zigzag_policy"),)
''',
}


@pytest.fixture
def zigzag(tmp_path, monkeypatch):
    """The word of a package that is installed for one test."""
    folder = tmp_path / "zigzag_policy"
    folder.mkdir()
    (folder / "__init__.py").write_text(TEXTS["zigzag_policy"])
    (folder / "plugin.py").write_text(TEXTS["zigzag_policy.plugin"])
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Found("zigzag", "zigzag_policy.plugin", "zigzag-policy", "0.1.0", ("htp-core>=0.1,<1",))
    with use_session(Session([*discover(), found])):
        import zigzag_policy

        yield zigzag_policy.zigzag
    for name in [each for each in sys.modules if each.partition(".")[0] == "zigzag_policy"]:
        del sys.modules[name]


def test_a_policy_of_another_package_places_tasks(zigzag, tmp_path):
    pytest.importorskip("htp_backend_cpu")
    plan = schedule(grid)(lambda s: s.dispatch(zigzag(workers=2, stay=2)))
    package = htp.compile_program(grid, target="cpu", schedule=plan, out=tmp_path / "grid")
    texts = {each.pass_: package.stage_text(each.id) for each in package.stages}
    assert "from zigzag_policy import zigzag" in texts["capture"]
    assert "scheduled.dispatch(zigzag(stay=2, workers=2))" in texts["capture"]
    assert "place = back_and_forth(order, 2, 2)" in texts["wsp.lower"]
    run = htp.bind(package)
    y = np.zeros_like(ROWS)
    report = run.run(ROWS, y, trace=True)
    np.testing.assert_array_equal(y, ROWS * 2)
    assert [each.worker for each in report.tasks.runs] == [0, 0, 1, 1, 1, 1]


def test_values_are_values():
    assert round_robin(2) == round_robin(workers=2)
    assert affinity("i*2", workers=1) == affinity(key="i * 2", workers=1)
    with pytest.raises(Refused) as caught:
        round_robin(workers=-1)
    assert caught.value.code == "wsp.bad-argument"
    with pytest.raises(TypeError):
        round_robin()
