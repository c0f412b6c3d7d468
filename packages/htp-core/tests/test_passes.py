import ast
from dataclasses import dataclass, replace

import pytest

from htp.capabilities import Captured, DialectUse, Inlined, Loops, OpUse, Typed, Vectorized
from htp.diagnostics import Bug, Refused, Span
from htp.passes import Contract, Pass, VisitorPass, run_step
from htp.program import Function, Program
from htp.rules import rewrite

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
    invalidates = (Vectorized(),)

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
    assert result.program.facts == {Captured(), Typed(), Vectorized(width=16)}
    assert (result.added, result.dropped) == ({Vectorized(width=16)}, {Vectorized(width=8)})
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


def test_uses_are_eliminated_and_introduced():
    contract = Contract(eliminates=(OpUse("csp.*"),), introduces=(DialectUse("tile"),))
    assert contract.uses_after(frozenset({OpUse("csp.send"), OpUse("tile.exp")})) == {
        OpUse("tile.exp"),
        DialectUse("tile"),
    }

    class Drop(Pass):
        eliminates = (OpUse("csp.*"),)

        def apply(self, program):
            return program

    result = run_step(Drop(), program("y = a", uses=(OpUse("csp.send"), OpUse("tile.exp"))))
    assert result.program.uses == (OpUse("tile.exp"),)


class Lie(Pass):
    provides = (Loops(),)

    def apply(self, program):
        return program


class Forget(Pass):
    requires = (Inlined(),)

    def apply(self, program):
        return program.replace(replace(program.main, kind="func"))


@pytest.mark.parametrize(("step", "fact", "verb"), [(Lie(), "Loops()", "provide"), (Forget(), "Inlined()", "keep")])
def test_broken_promises_are_found_when_verification_is_on(step, fact, verb, monkeypatch):
    before = program("y = a @ b", Inlined())
    monkeypatch.delenv("HTP_VERIFY", raising=False)
    run_step(step, before)
    monkeypatch.setenv("HTP_VERIFY", "all")
    with pytest.raises(Refused) as caught:
        run_step(step, before)
    found = caught.value.diagnostic
    assert found.code == "plan.broken-promise"
    assert f"`{step.name}` promises to {verb} `{fact}`" in found.message
    run_step(step, before, verify=False)


def test_other_failures_are_bugs():
    class Crash(Pass):
        def apply(self, program):
            raise KeyError("x")

    class Nothing(Pass):
        pass

    for step in (Crash(), Nothing()):
        with pytest.raises(Bug, match=step.name):
            run_step(step, program())
