"""Policies as code: values, and a policy of another package that nobody here knows."""

import sys

import numpy as np
import pytest
from small_workloads import ROWS, grid

import htp
from htp import func
from htp.capture import capture
from htp.diagnostics import Refused
from htp.plugins import Found, discover
from htp.session import Session, use_session
from htp.unparse import statement_text
from htp_dialect_wsp import affinity, custom, round_robin, schedule

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


def found_of(definition, plan):
    """What the schedule is refused with, which is at its line."""
    with pytest.raises(Refused) as caught:
        htp.plan(definition, schedule=schedule(definition)(plan))
    found = caught.value.diagnostic
    assert (found.span.file, found.span.line) == (__file__, plan.__code__.co_firstlineno)
    assert found.help
    return found


def test_fields_at_their_defaults_are_written_too(zigzag):
    program = schedule(grid)(lambda s: s.dispatch(zigzag(workers=2))).inscribe(capture(grid))
    assert statement_text(program.main.body[0]) == "scheduled.dispatch(zigzag(stay=1, workers=2))"


def test_arguments_of_a_policy_are_refused_at_the_users_line(zigzag):
    assert found_of(grid, lambda s: s.dispatch(zigzag(workers=0))).code == "wsp.bad-argument"
    found = found_of(grid, lambda s: s.dispatch(zigzag(workers=2, stey=3)))
    assert (found.code, found.help) == ("wsp.bad-argument", ("did you mean `stay`?",))
    assert found.message == "`zigzag` got an unexpected keyword argument 'stey'"


def test_a_policy_without_a_helper_that_can_be_compiled(zigzag, monkeypatch):
    monkeypatch.setattr(zigzag, "place", lambda order, workers: order % workers)
    found = found_of(grid, lambda s: s.dispatch(zigzag(workers=2)))
    assert found.code == "wsp.bad-policy"
    assert found.message == "`place` of `zigzag` cannot be compiled: it is no @htp.func"
    monkeypatch.delattr(zigzag, "place")
    assert found_of(grid, lambda s: s.dispatch(zigzag(workers=2))).code == "wsp.bad-policy"


@func
def half(order):
    return order / 2


@func
def whole(order, digest):
    return order // 2 + digest


def test_a_worker_is_an_integer():
    found = found_of(grid, lambda s: s.dispatch(custom(half, workers=2)))
    assert (found.code, found.message) == ("wsp.bad-policy", "`half` of `custom` gives a worker that is no integer")
    htp.plan(grid, schedule=schedule(grid)(lambda s: s.dispatch(custom(whole, workers=2))))


def test_values_are_values():
    assert round_robin(2) == round_robin(workers=2)
    assert affinity("i*2", workers=1) == affinity(key="i * 2", workers=1)
    with pytest.raises(Refused) as caught:
        round_robin(workers=-1)
    assert caught.value.code == "wsp.bad-argument"
    with pytest.raises(TypeError):
        round_robin()
