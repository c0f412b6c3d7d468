import ast
from dataclasses import dataclass, replace

import pytest

from htp.analyses import Analysis
from htp.capabilities import (
    Captured,
    DialectUse,
    Inlined,
    Loops,
    Normalized,
    OpUse,
    Parallel,
    PendingUse,
    Simplified,
    Typed,
    Vectorized,
)
from htp.diagnostics import Bug, Refused, Span
from htp.dims import const
from htp.passes import Contract, Pass, VisitorPass, run_step
from htp.program import Function, Program, stamp
from htp.rules import rewrite
from htp.strides import strided
from htp.types import Param, TensorType, f32

PLACE = Span(file="user.py", line=3)


def program(text="y = a * b + c", *facts, uses=(), kind="kernel"):
    body = tuple(ast.parse(text).body)
    return Program("main", (Function("main", kind, (), body, PLACE),), facts=frozenset(facts), uses=tuple(uses))


def text_of(program):
    return "\n".join(ast.unparse(each) for each in program.main.body)


class FuseMultiplyAdd(Pass):
    """`a * b + c` becomes one call."""

    requires = (Typed(),)
    provides = (Vectorized(width=16),)
    invalidates = (Vectorized(), Typed())

    @rewrite
    def fma(a, b, c):
        yield a * b + c
        yield pto.fma(a, b, c)


class Negate(VisitorPass):
    name = "toy.negate"

    def visit_Name(self, node):
        return ast.UnaryOp(ast.USub(), node) if isinstance(node.ctx, ast.Load) else node


@dataclass(frozen=True)
class Vectorize(Pass):
    """Rows of lanes."""

    width: int = 8

    @property
    def contract(self):
        return Contract(provides=(Vectorized(width=self.width),))

    def apply(self, program):
        return program


def test_a_pass_has_a_name_options_and_a_contract():
    assert FuseMultiplyAdd().name == "fuse-multiply-add"
    assert Negate.name == "toy.negate"
    assert Vectorize(width=4).options == {"width": 4}
    assert str(Vectorize(width=4)) == "vectorize(width=4)"
    assert str(Negate()) == "toy.negate"
    assert Vectorize(width=4).contract.provides == (Vectorized(width=4),)
    assert FuseMultiplyAdd().summary == "`a * b + c` becomes one call."
    assert [each.name for each in FuseMultiplyAdd.rules] == ["FuseMultiplyAdd.fma"]


def test_rules_of_a_base_class_are_inherited_and_may_be_replaced():
    class More(FuseMultiplyAdd):
        @rewrite
        def neg(x):
            yield tile.neg(tile.neg(x))
            yield x

    assert [each.name.rsplit(".", 1)[1] for each in More.rules] == ["fma", "neg"]


def test_one_step_rewrites_records_and_updates_facts():
    before = program("y = a * b + c", Captured(), Typed(), Vectorized(width=8))
    result = run_step(FuseMultiplyAdd(), before)
    assert text_of(result.program) == "y = pto.fma(a, b, c)"
    assert result.program.facts == {Captured(), Vectorized(width=16)}
    assert (result.added, result.dropped) == ({Vectorized(width=16)}, {Vectorized(width=8), Typed()})
    assert result.changed
    assert [each.rule for each in result.matches] == ["FuseMultiplyAdd.fma"]
    assert text_of(before) == "y = a * b + c"


def test_a_step_that_finds_nothing_says_so():
    result = run_step(FuseMultiplyAdd(), program("y = a", Typed()))
    assert not result.changed
    assert result.matches == ()


def test_a_rewrite_that_yields_the_same_text_is_no_change():
    class Same(VisitorPass):
        def visit_Name(self, node):
            return ast.Name(node.id, node.ctx)

    assert not run_step(Same(), program()).changed


def test_visitors_rebuild():
    before = program("y = a + b")
    assert text_of(run_step(Negate(), before).program) == "y = -a + -b"
    assert text_of(before) == "y = a + b"


def test_a_missing_fact_is_refused():
    with pytest.raises(Refused) as caught:
        run_step(FuseMultiplyAdd(), program("y = a", Captured()))
    assert caught.value.code == "plan.missing-fact"
    assert "Typed()" in caught.value.diagnostic.message


def test_the_match_limit_reaches_the_rules():
    before = program("y = a * b + c\nz = a * b + c", Typed())
    result = run_step(FuseMultiplyAdd(), before, match_limit=1)
    assert text_of(result.program) == "y = pto.fma(a, b, c)\nz = a * b + c"


def test_uses_behind_a_contract():
    contract = Contract(eliminates=(OpUse("csp.*"),), introduces=(DialectUse("tile"),))
    assert contract.uses_after(frozenset({OpUse("csp.send"), OpUse("tile.exp")})) == {
        OpUse("tile.exp"),
        DialectUse("tile"),
    }


def test_uses_are_read_again_or_follow_the_contract():
    class Scatter(Pass):
        eliminates = (OpUse("tile.exp"), PendingUse("+", axis="tp"))
        introduces = (OpUse("tile.exp2"), PendingUse("max", axis="dp"))

        def apply(self, program):
            return program.replace(replace(program.main, body=body("y = tile.exp2(a)")))

    pending = (PendingUse("+", axis="tp"), PendingUse("*", axis="tp"))
    result = run_step(Scatter(), program("y = tile.exp(a)", uses=(OpUse("tile.exp"), *pending)))
    assert set(result.program.uses) == {
        DialectUse("tile"), OpUse("tile.exp2"), PendingUse("*", axis="tp"), PendingUse("max", axis="dp"),
    }  # fmt: skip
    assert {each.name: [span.line for span in each.spans] for each in result.program.uses}["tile.exp2"] == [7]


def test_a_use_that_a_pass_does_not_understand_must_go_first():
    class Narrow(Pass):
        understands = (DialectUse("tile"), DialectUse("host"))

        def apply(self, program):
            return program

    contract = Narrow().contract
    assert contract.understands_use(OpUse("csp.send"))
    assert not contract.understands_use(DialectUse("csp"))
    run_step(Narrow(), program("y = a", uses=(DialectUse("tile"), OpUse("csp.send"))))
    with pytest.raises(Refused) as caught:
        run_step(Narrow(), program("y = a", uses=(DialectUse("csp", spans=(PLACE,)),)))
    found = caught.value.diagnostic
    assert (found.code, found.span) == ("plan.missing-fact", PLACE)
    assert "`narrow` does not understand `DialectUse(name='csp')`" in found.message


SIZE = Analysis("size", lambda program: len(program.main.body))


def body(text):
    """Statements whose places are lines 7, 8 and so on of the user's file."""
    statements = ast.parse(text).body
    return tuple(
        stamp(each, Span(file="user.py", line=line)) for line, each in enumerate(statements, start=7)
    )  # fmt: skip


def kernel(text, *facts, uses=()):
    x = Param("x", "in", TensorType(f32, (const(64),)))
    y = Param("y", "out", TensorType(f32, (const(64),)))
    return Program("main", (Function("main", "kernel", (x, y), body(text), PLACE),), facts=frozenset(facts), uses=uses)


def lying(change, **contract):
    """A pass that does `change` and says `contract` about it."""

    def apply(self, program):
        return change(program)

    return type("Lie", (Pass,), {"name": "lie", "apply": apply, **contract})()


def with_body(text):
    return lambda program: program.replace(replace(program.main, body=body(text)))


def same(program):
    return program


def in_place(program):
    program.main.body[1].value = ast.Constant(1)
    return program


def renamed(program):
    return replace(program, entry="other", functions=(replace(program.main, name="other"),))


def entry_lost(program):
    return replace(program, functions=(replace(program.main, name="other"),))


def params(change):
    return lambda program: program.replace(replace(program.main, params=change(program.main.params)))


COPY = "t = x[:]\ny[:] = t"
TYPED = "t: Tile[f32, 64] = x[:]\ny[:] = t"

LIES = {
    "provides typed, annotates nothing": (lying(same, provides=(Typed(),)), kernel(COPY), "provide `Typed()`", 7),
    "provides typed, annotates wrongly": (
        lying(with_body("t: Tile[f16, 64] = x[:]\ny[:] = t"), provides=(Typed(),)), kernel(COPY),
        "provide `Typed()`", 7,
    ),
    "provides typed, does not fit": (
        lying(with_body("t: Tile[f32, 64] = x[:] + x[0:32]\ny[:] = t"), provides=(Typed(),)), kernel(COPY),
        "provide `Typed()`", 7,
    ),
    "keeps typed": (lying(with_body(COPY)), kernel(TYPED, Typed()), "keep `Typed()`", 7),
    "provides inlined": (
        lying(lambda program: replace(program, functions=(*program.functions, replace(program.main, name="f",
              kind="func"))), provides=(Inlined(),)),
        kernel(COPY), "provide `Inlined()`", 3,
    ),
    "provides normalized, nests": (
        lying(with_body("t: Tile[f32, 64] = tile.exp(x[:] + 1.0)\ny[:] = t"), provides=(Normalized(),),
              introduces=(OpUse("tile.exp"),)),
        kernel(TYPED), "provide `Normalized()`", 7,
    ),
    "keeps normalized": (
        lying(with_body("t: Tile[f32, 64] = x[:]\ny[:] = -t * t")), kernel(TYPED, Normalized()),
        "keep `Normalized()`", 8,
    ),
    "provides simplified, leaves dead values": (
        lying(with_body(TYPED + "\ndead: Tile[f32, 64] = x[:]"), provides=(Simplified(),)), kernel(TYPED),
        "provide `Simplified()`", 9,
    ),
    "keeps simplified": (
        lying(with_body("t: Tile[f32, 64] = x[:] * 1.0\ny[:] = t")), kernel(TYPED, Simplified()),
        "keep `Simplified()`", 7,
    ),
    "provides parallel, every iteration writes one place": (
        lying(with_body("for i in parallel(range(64)):\n    y[0] = x[i]"), provides=(Parallel(),)), kernel(COPY),
        "provide `Parallel()`", 7,
    ),
    "provides parallel, iterations hand on a variable": (
        lying(with_body("s = 0.0\nfor i in parallel(range(64)):\n    s = s + 1.0\n    y[i] = s"),
              provides=(Parallel(),)),
        kernel(COPY), "provide `Parallel()`", 8,
    ),
    "provides loops": (
        lying(with_body("t = x[:] @ x[:]\ny[:] = t"), provides=(Loops(),), introduces=(OpUse("tile.dot"),)),
        kernel(COPY), "provide `Loops()`", 7,
    ),
    "provides another width": (
        lying(with_body("for i, n in strips(0, 64, 8):\n    pass"), provides=(Vectorized(width=16),)), kernel(COPY),
        "provide `Vectorized(width=16)`", 7,
    ),
    "eliminates, leaves it": (
        lying(same, eliminates=(OpUse("tile.exp"),)), kernel("t = x[:]\ny[:] = tile.exp(t)"),
        "eliminate `OpUse(name='tile.exp')`", 8,
    ),
    "introduces undeclared": (
        lying(with_body("t = tile.exp(x[:])\ny[:] = t"), introduces=(OpUse("tile.log"),)), kernel(COPY),
        "introduce no `OpUse(name='tile.exp')`", 7,
    ),
    "preserves": (
        lying(with_body(COPY + "\nz = 1"), preserves=(SIZE,)), kernel(COPY), "preserve analysis `size`", 3,
    ),
    "changes its input": (lying(in_place), kernel(COPY), "leave the program it is given as it is", 8),
    "renames the entry": (lying(renamed), kernel(COPY), "keep the entry `main` and its parameters", 3),
    "loses the entry": (lying(entry_lost), kernel(COPY), "keep the entry `main` and its parameters", 3),
    "drops a parameter": (lying(params(lambda old: old[1:])), kernel("y[:] = 1.0"), "keep the entry `main`", 3),
    "turns a parameter": (
        lying(params(lambda old: (replace(old[0], direction="inout"), old[1]))), kernel(COPY),
        "keep the entry `main`", 3,
    ),
    "resizes a parameter": (
        lying(params(lambda old: (replace(old[0], type=TensorType(f32, (const(32),))), old[1]))), kernel("y[:] = 1.0"),
        "keep the entry `main`", 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_when_verification_is_on(name, monkeypatch):
    step, before, promise, line = LIES[name]
    monkeypatch.setenv("HTP_VERIFY", "all")
    with pytest.raises(Refused) as caught:
        run_step(step, before)
    found = caught.value.diagnostic
    assert found.code == "plan.broken-promise"
    assert f"pass `lie` promises to {promise}" in found.message
    assert found.span is not None
    assert found.span.line == line
    assert found.help


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (TYPED, (Typed(), Normalized(), Simplified(), Parallel(), Inlined())),
        ("for i in parallel(range(64)):\n    j = i + 0\n    y[j] = x[i]", (Parallel(),)),
        ("for i in parallel(range(64)):\n    s = 0.0\n    s = s + 1.0\n    y[i] = s", (Parallel(),)),
    ],
)
def test_the_truth_is_no_lie(text, facts):
    honest = lying(with_body(text), provides=facts, introduces=(OpUse("tile.exp"),), preserves=(SIZE,))
    before = kernel("\n".join(["z = 1"] * len(body(text))))
    assert run_step(honest, before, verify=True).program.facts == set(facts)


def test_nothing_is_checked_when_verification_is_off(monkeypatch):
    step, before, _, _ = LIES["keeps typed"]
    monkeypatch.delenv("HTP_VERIFY", raising=False)
    run_step(step, before)
    monkeypatch.setenv("HTP_VERIFY", "all")
    run_step(step, before, verify=False)


def test_a_layout_facet_may_leave_the_signature():
    faceted = kernel(COPY)
    x = replace(faceted.main.params[0], type=TensorType(f32, (const(64),), facets=(strided(1),)))
    faceted = faceted.replace(replace(faceted.main, params=(x, faceted.main.params[1])))
    plain = lying(lambda program: program.replace(replace(program.main, params=kernel(COPY).main.params)))
    assert run_step(plain, faceted, verify=True).program.main.params[0].type.facets == ()


def test_other_failures_are_bugs():
    class Crash(Pass):
        def apply(self, program):
            raise KeyError("x")

    class Nothing(Pass):
        pass

    for step in (Crash(), Nothing()):
        with pytest.raises(Bug, match=step.name):
            run_step(step, program())


def test_a_use_that_is_left_is_found_without_further_checks():
    class Leaves(Pass):
        name = "toy.lower"
        eliminates = (OpUse("tile.exp"),)

        def apply(self, program):
            return program.replace(replace(program.main, body=body("y = tile.exp(a)")))

    with pytest.raises(Refused) as caught:
        run_step(Leaves(), program("y = tile.exp(a)"), verify=False)
    assert caught.value.code == "plan.broken-promise"
    assert "`toy.lower` promises to eliminate `OpUse(name='tile.exp')`" in caught.value.diagnostic.message
    assert caught.value.diagnostic.span.line == 7
    run_step(Leaves(), program("y = tile.exp(a)"), verify=False, match_limit=0)  # some of the rewrites promise nothing
