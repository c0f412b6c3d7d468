"""The conformance kit on handlers: a right one passes, and wrong ones are found by building and running them."""

import sys

import pytest

from htp.plugins import Found, discover
from htp.session import Session, use_session
from htp.testing import IntrinsicConformance
from htp.testing.run import check

SET = '''"""Operations."""

from htp import Tile, f32, tile
from htp.intrinsics import intrinsic


@intrinsic
def highest(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", 1]:
    """The largest element of every row; NaN where there is one."""
    return tile.max(x, axis=1, keepdims=True)
'''
HANDLERS = '''from htp.intrinsics import emits
from htp_made_peaks import peaks


@emits(peaks.highest, backend="cpu")
def _(cx, dst, x):
    (m, n), (i, j) = cx.dims(x), cx.strides(x)
    return f"""
        for (i64 r = 0; r < {m}; ++r) {{
            f32 top = -__builtin_inff();
            for (i64 c = 0; c < {n}; ++c) {{
                const f32 value = {x}[r * {i} + c * {j}];
                if (value > top || value != value) top = value;
                if (top != top) break;
            }}
            {dst}[r * {cx.strides(dst)[0]}] = top;
        }}
    """
'''
PLUGIN = """from htp.declarations import HandlerSet, IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_intrinsics():
    return (IntrinsicSet("peaks", "htp_made_peaks.peaks", ("highest",)),)


@hookimpl
def htp_handlers():
    return (HandlerSet("cpu", "htp_made_peaks.handlers", ("peaks.highest",)),)
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What the laws say about the intrinsic when one text of its handlers is replaced."""

    def ask(old="", new=""):
        assert old in HANDLERS
        folder = tmp_path / "htp_made_peaks"
        folder.mkdir()
        handlers = HANDLERS.replace(old, new, 1) if old else HANDLERS
        for name, text in (("__init__", ""), ("peaks", SET), ("handlers", handlers), ("plugin", PLUGIN)):
            (folder / f"{name}.py").write_text(text)
        found = Found("peaks", "htp_made_peaks.plugin", "htp-made-peaks", "0.1", ("htp-core",))
        with use_session(Session([*discover(), found])):
            unit = type("Peaks", (IntrinsicConformance,), {"subject": "peaks.highest"})
            return {each.law: f"{each.outcome} {each.reason}" for each in check(unit)}

    monkeypatch.syspath_prepend(str(tmp_path))
    yield ask
    for name in [each for each in sys.modules if each.startswith("htp_made_peaks")]:
        del sys.modules[name]


def test_a_right_handler_conforms(told):
    assert {each.split()[0] for each in told().values()} == {"passed"}


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (" || value != value", "", "on values-nan `r` differs"),
        ("-__builtin_inff()", "0", "`r` differs"),
        ("c < {n}", "c < {n} - 1", "on seed-1 `r` differs"),
        ("{x}[r * {i} + c * {j}]", "{x}[r + c * {j}]", "on seed-1 `r` differs"),
        ("{x}[r * {i} + c * {j}]", "{x}[r * {n} + c]", "on slices of larger arrays: on seed-1 `r` differs"),
        ("{dst}[r * {cx.strides(dst)[0]}]", "{dst}[r]", "on slices of larger arrays: on seed-1 `r` differs"),
    ],
)
def test_a_wrong_handler_is_found(told, old, new, text):
    found = told(old, new)["handlers_compute_the_body"]
    assert found.startswith("failed intrinsic `peaks.highest` breaks a law")
    assert text in found
