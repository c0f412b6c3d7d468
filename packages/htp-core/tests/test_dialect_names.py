"""Names that dialects lend: words in calls, loops and `with`, kinds of function, and how they are compiled."""

import importlib.util
from pathlib import Path

import pytest
from lent import DIALECT_PLUGIN, FOO, X, installed, removed, session

import htp
from htp.capabilities import Captured, DialectUse, DTypeUse
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.infer.engine import infer
from htp.language import decorator
from htp.passes import run_step
from htp.session import use_session
from htp.uses import with_uses

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)

HEAD = """
import htp_dialect_x as hx
from htp_dialect_x import blocks as rows, region, workload

"""
PARAMS = 'x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]'
KERNEL = f"@kernel\ndef twice({PARAMS}) -> None:\n    y[:] = x[:] * 2\n\n\n"
WORKLOAD = f"""{HEAD}{KERNEL}@workload
def f({PARAMS}) -> None:
    for i in rows(x.shape[0], 4):
        with region(i), hx.region.when(2):
            twice(x[i:i + 4, :], y[i:i + 4, :])
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    installed(tmp_path, monkeypatch)
    with use_session(session(X)) as found:
        yield found
    removed()


def defined(text, folder):
    return STAGES.defined(text, folder)


def function(body, folder, kind="kernel"):
    lines = "\n".join(f"    {each}" for each in body.split("\n"))
    return defined(f"{HEAD}@{kind}\ndef f({PARAMS}) -> None:\n{lines}\n", folder)


def refused(action):
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.diagnostic


def test_words_and_kinds_are_read_by_the_dialects_names_and_recorded(tmp_path):
    definition = defined(WORKLOAD, tmp_path)
    program = with_uses(capture(definition))
    text = program.text()
    assert "from htp_dialect_x import blocks, region, workload\n" in text
    assert "\n@workload\ndef f(" in text
    assert "    for i in blocks(x.shape[0], 4):" in text
    assert "        with region(i), region.when(2):" in text
    assert program.main.kind == "workload"
    (use,) = [each for each in program.uses if each == DialectUse("x")]
    first = program.main.origin.line
    assert [each.line - first for each in use.spans] == [0, 1, 2, 2]
    assert DialectUse("tile") in program.uses  # the kernel it calls


def test_a_stage_of_a_dialect_reads_back_equal_and_runs(tmp_path):
    import numpy as np

    program = with_uses(capture(defined(WORKLOAD, tmp_path)))
    again = with_uses(parse_program(program.text(), "program.py"))
    assert (again, again.uses) == (program, program.uses)
    scope = {"__name__": "stage"}
    exec(compile(program.text(), "<stage>", "exec"), scope)
    x = np.arange(30, dtype=np.float32).reshape(10, 3)
    y = np.zeros_like(x)
    scope["f"](x, y)
    np.testing.assert_array_equal(y, x * 2)


def test_the_dialects_pass_brings_it_into_cores_language(tmp_path, here):
    program = with_uses(capture(defined(WORKLOAD, tmp_path))).with_facts([Captured()])
    (lower,) = [each for each in here.passes if each.name == "x.lower"]
    lowered = run_step(lower, program, verify=True).program
    assert DialectUse("x") not in lowered.uses
    assert lowered.main.kind == "routine"
    assert "htp_dialect_x" not in lowered.text()
    assert "for i in range(0, x.shape[0], 4):" in lowered.text()
    infer(lowered, lowered.main)


def test_the_plan_lowers_the_dialect_before_types_are_checked(tmp_path):
    pytest.importorskip("htp_backend_cpu")
    names = [each.name for each in htp.plan(defined(WORKLOAD, tmp_path)).passes]
    assert names.index("x.lower") < names.index("annotate")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("for i in rows(x.shape[0]):\n    y[i, :] = x[i, :]", "kernel", "`blocks` belongs to dialect `x`"),
        ("with region(2):\n    y[:] = x[:]", "kernel", "`region` belongs to dialect `x`"),
        ("n = rows(2)\ny[:] = x[:]", "kernel", "`blocks` belongs to dialect `x`"),
        ("region.when(2)\ny[:] = x[:]", "kernel", "`region` belongs to dialect `x`"),
        ("y[:] = x[:]", "workload", "`workload` belongs to dialect `x`"),
    ],
)
def test_a_construct_that_reaches_the_type_checker_is_refused(tmp_path, body, kind, said):
    program = capture(function(body, tmp_path, kind))
    found = refused(lambda: infer(program, program.main))
    assert found.code == "type.not-lowered"
    assert said in found.message
    assert found.span.line >= program.main.origin.line


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("with hx.secret(2):\n    y[:] = x[:]", "capture.unsupported-syntax", "`with` is not part"),
        ("with region(2) as r:\n    y[:] = x[:]", "capture.unsupported-syntax", "`with` is not part"),
        ("with x:\n    y[:] = x[:]", "capture.unsupported-syntax", "`with` is not part"),
        ("for i in hx.secret(2):\n    y[:] = x[:]", "capture.unsupported-call", "cannot be called in a kernel"),
        ("with region.whenever(2):\n    y[:] = x[:]", "capture.undefined-name", "`region` has no `whenever`"),
        (
            "blocks = 2\nfor i in rows(3):\n    y[:] = x[:] * blocks",
            "capture.name-taken",
            "`blocks` is a variable here",
        ),
    ],
)
def test_only_words_of_the_dialect_are_accepted(tmp_path, body, code, said):
    found = refused(lambda: capture(function(body, tmp_path)))
    assert (found.code, said in found.message) == (code, True), found


def test_a_dialect_that_is_not_in_force_is_refused_with_the_reason(tmp_path, monkeypatch):
    by_kind, by_word = defined(WORKLOAD, tmp_path), function("for i in rows(3):\n    y[:] = x[:]", tmp_path)
    text = capture(by_kind).text()
    with use_session(session()):
        found = refused(lambda: capture(by_kind))
        assert "`@workload` of dialect `x` cannot be used: no installed plugin declares it" in found.message
        assert refused(lambda: parse_program(text, "p.py")).code == "capture.inactive-plugin"
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "x")
    with use_session(session(X)):
        for each in (by_kind, by_word):
            found = refused(lambda each=each: capture(each))
            assert found.code == "capture.inactive-plugin"
            assert "plugin `x` is disabled by HTP_DISABLE_PLUGINS" in found.message


def test_a_kind_of_core_cannot_be_taken():
    assert refused(lambda: decorator("kernel", "x")).code == "capture.name-taken"


def test_a_local_name_is_not_a_word(tmp_path):
    program = with_uses(
        capture(
            STAGES.defined(f"@kernel\ndef f({PARAMS}) -> None:\n    blocks = 2\n    y[:] = x[:] * blocks\n", tmp_path)
        )
    )
    assert "htp_dialect_x" not in program.text()
    assert DialectUse("x") not in program.uses


def test_dtypes_of_parameters_and_bodies_are_recorded(tmp_path):
    body = "t = tile.zeros((2, 2), f64)\nu: i32 = 3\ny[:] = x[:].astype(f16).astype(f32)"
    program = with_uses(capture(function(body, tmp_path)))
    found = {each.name: each.spans for each in program.uses if isinstance(each, DTypeUse)}
    assert set(found) == {"f16", "f32", "f64"}
    line = program.main.origin.line
    assert [each.line - line for each in found["f32"]] == [0, 0, 3]
    assert [each.line - line for each in found["f64"]] == [1]
    assert found["f32"][1].column == len("def f(" + PARAMS.partition(", y")[0] + ", ") + 1


def test_two_dialects_cannot_lend_one_name(tmp_path, monkeypatch):
    rival = DIALECT_PLUGIN.replace('Dialect("x"', 'Dialect("z"').replace("x.lower", "z.lower")
    installed(tmp_path, monkeypatch, **{"htp_foo/plugin.py": rival})
    states = {each.name: each.state for each in session(X, FOO).plugins}
    assert (states["x"], states["foo"]) == ("quarantined", "quarantined")
