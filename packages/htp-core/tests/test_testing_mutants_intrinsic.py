"""Wrong intrinsics, each of which the law that it breaks must find; a package of one is made on the fly."""

import sys

import pytest

from htp.session import current_session, use_session
from htp.testing import IntrinsicConformance

SET = '''"""Operations."""

from typing import TypeVar

import htp
from htp import Scalar, Tile, f16, f32, tile
from htp.intrinsics import intrinsic

T = TypeVar("T", f16, f32)
COUNT = []


@intrinsic(unit="vector")
def ramp(x: Tile[T, "M", "N"], low: Scalar[T], *, slope: float, steps: int = 1) -> Tile[T, "M", "N"]:
    """`x` above `low`, a slope below."""
    return tile.where(x > low, x, x * slope)
'''
PLUGIN = """from htp.declarations import HandlerSet, IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_intrinsics():
    return (IntrinsicSet("ramps", "ramps_made.ramps", ("ramp",)),)
"""
BODY = "return tile.where(x > low, x, x * slope)"


@pytest.fixture
def ramps(site, echo):
    """A session with the intrinsic and a backend; one text of the intrinsic's module is replaced."""

    def make(old="", new=""):
        assert not old or old in SET
        folder = site.root / "ramps_made"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "ramps.py").write_text(SET.replace(old, new, 1) if old else SET)
        (folder / "plugin.py").write_text(PLUGIN)
        site.add("ramps", None, module="ramps_made.plugin")
        return echo()

    yield make
    for name in [each for each in sys.modules if each.startswith(("ramps_made", "made_echo"))]:
        del sys.modules[name]


MUTANTS = [
    ("says_what_it_does", '    """`x` above `low`, a slope below."""\n', "", "has no docstring"),
    (
        "body_keeps_the_signature",
        BODY,
        "return tile.max(x, axis=1, keepdims=True)",
        "with T=f16 it refuses every input",
    ),
    ("body_keeps_the_signature", BODY, "return (x.astype(f32) * slope)", "with T=f16 it refuses every input"),
    ("body_keeps_the_signature", BODY, "return x if x.shape[0] else None", "on empty-M: intrinsic.wrong-result"),
    ("body_is_a_function", BODY, "COUNT.append(1)\n    return x + len(COUNT)", "its result is another the second time"),
    (
        "expansion_computes_the_body",
        BODY,
        "COUNT.append(1)\n    return x + len(COUNT)",
        "with T=f16 it cannot be expanded: capture.",
    ),
    ("expansion_computes_the_body", BODY, "import math\n    return x * math.pi", "it cannot be expanded: capture."),
]


@pytest.mark.parametrize(("law", "old", "new", "text"), MUTANTS, ids=[f"{each[0]}-{each[3]}" for each in MUTANTS])
def test_a_wrong_intrinsic_fails_its_law(told, ramps, law, old, new, text):
    with use_session(ramps(old, new)):
        found = told(IntrinsicConformance, f"test_{law}", "ramps.ramp")
    assert found.startswith("failed"), found
    assert text in found


def test_what_an_intrinsic_declares_is_what_is_left_out(told, ramps):
    with use_session(ramps("slope: float", "mode: str")):
        found = told(IntrinsicConformance, "test_body_keeps_the_signature", "ramps.ramp")
        given = told(IntrinsicConformance, "test_body_keeps_the_signature", "ramps.ramp", attributes={"mode": "up"})
    assert found.startswith("skipped: IntrinsicConformance.attributes: `mode` has no default")
    assert "slope" in given


def test_a_good_intrinsic_conforms_by_name_and_by_itself(conforms, told, ramps):
    with use_session(ramps()):
        intrinsic = current_session().intrinsics["ramps"].load("ramp")
        assert conforms(IntrinsicConformance, "ramps.ramp") == {}
        assert conforms(IntrinsicConformance, intrinsic, attributes={"slope": 2.0}) == {}
        handlers = told(IntrinsicConformance, "test_handlers_compute_the_body", intrinsic)
    assert handlers == "skipped: HandlerSet: no installed plugin has a handler of it"


def test_an_intrinsic_nobody_declares(told, ramps):
    with use_session(ramps()):
        assert "no installed plugin declares `none.such`" in told(
            IntrinsicConformance, "test_says_what_it_does", "none.such"
        )
