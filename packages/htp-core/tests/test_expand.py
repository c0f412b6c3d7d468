"""Expansion of intrinsics: the body in place of the call, exact attributes and numbers, and what cannot be expanded."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from lent import FOO, installed, removed, session

from htp.capabilities import Captured, DTypeUse, Inlined, IntrinsicUse, Typed
from htp.capture import capture
from htp.diagnostics import Refused
from htp.lowering.annotate import Annotate
from htp.lowering.expand import ExpandIntrinsics
from htp.lowering.inline import InlineHelpers
from htp.lowering.meanings import decided
from htp.passes import run_step
from htp.session import use_session
from htp.uses import with_uses

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
PARAMS = 'x: In[Tensor[f32, "M", "N"]], s: Scalar[f32], y: Out[Tensor[f32, "M", "N"]]'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    installed(tmp_path, monkeypatch)
    with use_session(session(FOO)) as found:
        yield found
    removed()


def kernel(body, folder, params=PARAMS):
    lines = "\n".join(f"    {each}" for each in body.split("\n"))
    return STAGES.defined(f"from htp_foo import foo\n\n\n@kernel\ndef f({params}) -> None:\n{lines}\n", folder)


def typed(definition):
    program = with_uses(capture(definition)).with_facts([Captured()])
    for step in (InlineHelpers(), Annotate()):
        program = run_step(step, program).program
    return program


def expanded(definition, names=("foo.*",)):
    return run_step(ExpandIntrinsics(names), typed(definition), verify=True).program


def body(program):
    text = program.text()
    lines = text[text.index("-> None:") : text.index("if __name__")].splitlines()[1:]
    return [each.partition("#")[0].rstrip()[4:] for each in lines if each.strip()]


def refused(action):
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.diagnostic


def test_a_call_becomes_the_body(tmp_path):
    program = expanded(kernel("t = foo.rowmax(x)\ny[:] = x[:] - t", tmp_path))
    assert body(program) == [
        "x_1: Tile[f32, \"M\", \"N\"] = x[:]",
        "t: Tile[f32, \"M\", 1] = tile.max(x_1, axis=1, keepdims=True)",
        "y[:] = x[:] - t",
    ]  # fmt: skip
    assert not any(isinstance(each, IntrinsicUse) for each in program.uses)
    assert {Typed(), Inlined()} <= program.facts
    assert "htp_foo" not in program.text()


def test_helpers_nested_intrinsics_and_constants_come_along(tmp_path):
    program = expanded(kernel("y[:] = foo.axpy(s, x, x, factor=0.1)", tmp_path))
    text = program.text()
    assert "foo." not in "\n".join(body(program))
    assert "tile.item(f32(s))" in text  # a number is what its dtype can hold
    assert "* 0.1" in text  # an attribute is exact
    assert "* 0.5" in text  # a captured constant


def test_a_call_and_the_same_call_in_another_body_are_both_expanded(tmp_path):
    program = expanded(kernel("y[:] = foo.fma(foo.axpy(s, x, x), x, foo.fma(x, x, x))", tmp_path))
    assert not any(isinstance(each, IntrinsicUse) for each in program.uses)


def test_numbers_that_are_constants_are_rounded_at_once(tmp_path):
    assert str(float(np.float32(0.1))) in "\n".join(body(expanded(kernel("y[:] = foo.axpy(0.1, x, x)", tmp_path))))


def test_branches_on_attributes_are_taken(tmp_path):
    program = expanded(kernel("y[:] = x[:] + foo.edge(x, n=1, mode='last')", tmp_path))
    assert not any("if " in each or "last" in each for each in body(program))
    assert any("- 1:]" in each for each in body(program))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y = a if True else b", "y = a"),
        ("y = f(a if not 1 == 1 else b if 'x' == 'x' else c)", "y = f(b)"),
        ("if 2 > 1:\n    y = a if n > 0 else b\nelse:\n    y = c", "y = a if n > 0 else b"),
    ],
)
def test_choices_on_attributes_are_taken(text, left):
    assert "\n".join(map(ast.unparse, decided(ast.parse(text).body))) == left


def test_only_the_named_ones_are_expanded(tmp_path):
    program = expanded(kernel("t = foo.rowmax(x)\ny[:] = foo.fma(x, x, x) + t", tmp_path), ("foo.rowmax",))
    assert [each.name for each in program.uses if isinstance(each, IntrinsicUse)] == ["foo.fma"]
    assert any("foo.fma(x, x, x)" in each for each in body(program))


def test_nothing_to_do_leaves_the_program_as_it_is(tmp_path):
    program = typed(kernel("y[:] = x[:] * s", tmp_path))
    assert run_step(ExpandIntrinsics(("foo.*",)), program).program.functions == program.functions


def test_names_of_the_body_do_not_meet_those_of_the_caller(tmp_path):
    definition = kernel("scaled = x[:] + 1\nt = foo.axpy(s, scaled, x)\ny[:] = scaled + t", tmp_path)
    program = expanded(definition)
    scope = {"__name__": "stage"}
    exec(compile(program.text(), "<stage>", "exec"), scope)
    x = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    wanted, got = np.zeros_like(x), np.zeros_like(x)
    definition(x, 0.3, wanted)
    scope["f"](x, 0.3, got)
    np.testing.assert_array_equal(got, wanted)


def test_dtypes_of_the_body_are_recorded(tmp_path):
    definition = kernel("y[:] = foo.wide(x).astype(f32)", tmp_path)
    assert DTypeUse("f64") not in typed(definition).uses
    assert DTypeUse("f64") in expanded(definition).uses


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("foo.opaque(x)", "intrinsic.not-expandable", "it is declared `expandable=False`"),
        ("foo.veiled(x)", "intrinsic.not-expandable", "`foo.opaque` cannot be replaced"),
        (
            "foo.endless(x)",
            "intrinsic.not-expandable",
            "`foo.endless` cannot be replaced by its meaning: it calls itself",
        ),
        ("foo.limited(x)", "intrinsic.not-expandable", "it reads the slot `limit`"),
        ("x[:] + foo.lying(x)", "intrinsic.wrong-result", 'gives Tile[f32, "M"], and it declares Tile[f32, "M", 1]'),
    ],
)
def test_what_cannot_be_expanded_is_refused(tmp_path, call, code, said):
    program = typed(kernel(f"y[:] = {call}", tmp_path))
    found = refused(lambda: ExpandIntrinsics(("foo.*",)).apply(program))
    assert found.code == code
    assert said in found.message


def test_the_contract_is_what_the_names_say():
    contract = ExpandIntrinsics(("foo.rowmax", "bar.*")).contract
    assert contract.eliminates == (IntrinsicUse("foo.rowmax"), IntrinsicUse("bar.*"))
    assert ExpandIntrinsics().contract.eliminates == ()


def test_what_the_target_handles_and_what_is_opaque_is_kept(here):
    from htp.declarations import Backend, HandlerSet, Lazy
    from htp.environment import Environment
    from htp.targets import Model, Target

    toy = Backend("toy", (), (), (), "toy.package/1", Lazy("toy:emit"))
    target = Target(backend="toy", variant="", model=Model(name="toy"))
    environment = Environment(target, toy, here)
    environment.__dict__["handlers"] = {"foo.fma": HandlerSet("toy", "toy.handlers", ("foo.fma",))}
    names = ExpandIntrinsics().for_target(environment).names
    assert "foo.rowmax" in names
    assert not {"foo.fma", "foo.opaque", "foo.*"} & set(names)
