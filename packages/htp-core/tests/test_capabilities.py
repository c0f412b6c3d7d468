from dataclasses import dataclass

import pytest

from htp.capabilities import (
    CORE_CAPABILITIES,
    CORE_USES,
    Capability,
    Captured,
    DialectUse,
    FacetUse,
    Inlined,
    Loops,
    OpUse,
    PendingUse,
    Typed,
    Use,
    Vectorized,
    holds,
    parse_fact,
    parse_use,
)
from htp.diagnostics import Refused, Span
from htp.program import Function, Program

PLACE = Span(file="user.py", line=3)


@dataclass(frozen=True)
class Placed(Capability, owner="toy"):
    memory: str | frozenset[str] | None = None
    bytes: int | range | None = None


@dataclass(frozen=True)
class Banked(Placed, owner="toy"):
    banks: int | None = None


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        (Typed(), Typed(), True),
        (Typed(), Inlined(), False),
        (Vectorized(width=16), Vectorized(), True),
        (Vectorized(), Vectorized(width=16), False),
        (Vectorized(width=8), Vectorized(width=16), False),
        (Placed(memory="ub", bytes=64), Placed(memory="ub"), True),
        (Placed(memory="ub", bytes=64), Placed(memory=frozenset({"ub", "l1"})), True),
        (Placed(memory="gm"), Placed(memory=frozenset({"ub", "l1"})), False),
        (Placed(bytes=64), Placed(bytes=range(0, 128, 32)), True),
        (Placed(bytes=65), Placed(bytes=range(0, 128, 32)), False),
        (Placed(memory=frozenset({"ub"})), Placed(memory=frozenset({"ub", "l1"})), True),
        (Placed(memory=frozenset({"ub", "gm"})), Placed(memory=frozenset({"ub", "l1"})), False),
        (Placed(memory=frozenset({"ub"})), Placed(memory="ub"), False),
        (Placed(memory=frozenset()), Placed(memory=frozenset({"ub"})), False),
        (Placed(memory=frozenset()), Placed(memory=frozenset()), True),
        (Placed(bytes=range(0, 128, 64)), Placed(bytes=range(0, 256, 32)), True),
        (Placed(bytes=range(0, 128, 16)), Placed(bytes=range(0, 256, 32)), False),
        (Placed(bytes=range(0, 512, 32)), Placed(bytes=range(0, 256, 32)), False),
        (Placed(bytes=range(0)), Placed(bytes=range(0, 256, 32)), False),
        (Placed(bytes=range(0, 10**12, 2)), Placed(bytes=range(10**12)), True),
        (Placed(bytes=frozenset({32, 64})), Placed(bytes=range(0, 256, 32)), True),
        (Placed(), Placed(memory=frozenset({"ub"})), False),
        (Banked(memory="ub"), Placed(memory="ub"), False),
    ],
)
def test_record_subtyping(offered, wanted, expected):
    assert offered.satisfies(wanted) is expected
    assert holds(wanted, [Captured(), offered]) is expected


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (Typed(), "Typed()"),
        (Vectorized(), "Vectorized()"),
        (Vectorized(width=16), "Vectorized(width=16)"),
        (Placed(memory="ub"), "toy.Placed(memory='ub')"),
        (Placed(memory=frozenset({"b", "a"})), "toy.Placed(memory={'a', 'b'})"),
        (Placed(memory=frozenset()), "toy.Placed(memory=frozenset())"),
        (Placed(bytes=range(0, 8, 2)), "toy.Placed(bytes=range(0, 8, 2))"),
    ],
)
def test_facts_are_written_and_read_back(fact, text):
    assert str(fact) == text
    assert parse_fact(text, (*CORE_CAPABILITIES, Placed)) == fact


@pytest.mark.parametrize(
    "text",
    ["Vectorised()", "Vectorized(lanes=3)", "Vectorized(16)", "Vectorized", "1 +", "Vectorized(width=open('x'))"],
)
def test_what_is_no_fact_is_refused(text):
    with pytest.raises(Refused) as caught:
        parse_fact(text)
    assert caught.value.code == "plan.bad-fact"


@pytest.mark.parametrize(
    ("use", "pattern", "expected"),
    [
        (OpUse("tile.exp"), OpUse("tile.exp"), True),
        (OpUse("tile.exp"), OpUse("tile.*"), True),
        (OpUse("tile.exp"), OpUse("pto.*"), False),
        (OpUse("tile.exp"), DialectUse("tile.exp"), False),
        (FacetUse("axe", role="memory"), FacetUse("axe"), True),
        (FacetUse("axe", role="memory"), FacetUse("axe", role="hardware"), False),
        (PendingUse("+", axis="tp"), PendingUse("*"), True),
    ],
)
def test_a_pattern_covers_a_use(use, pattern, expected):
    assert use.covered_by(pattern) is expected


@pytest.mark.parametrize("use", [OpUse("tile.exp"), FacetUse("axe", role="memory"), PendingUse("+", axis="tp")])
def test_uses_are_written_and_read_back_without_their_places(use):
    placed = parse_use(str(use), CORE_USES, (PLACE,))
    assert placed == use
    assert hash(placed) == hash(use)
    assert placed.spans == (PLACE,)


def test_a_use_without_a_name_is_refused():
    with pytest.raises(Refused) as caught:
        parse_use("OpUse()")
    assert caught.value.code == "plan.bad-fact"


def test_every_core_class_reads_back_its_own_text():
    for each in CORE_CAPABILITIES:
        assert parse_fact(str(each())) == each()
    kinds = [each.kind for each in CORE_USES]
    assert len(set(kinds)) == len(kinds)
    assert Use.kind not in kinds


def program(body, *, kind="kernel", name="main", entry="main"):
    import ast

    return Program(entry, (Function(name, kind, (), tuple(ast.parse(body).body), PLACE),))


@pytest.mark.parametrize(
    ("fact", "good", "bad"),
    [
        (Captured(), program("x = 1"), program("x = 1", entry="other")),
        (Inlined(), program("x = 1"), program("x = 1", kind="func")),
        (Loops(), program("x = a * b"), program("x = tile.exp(a @ b)")),
        (
            Vectorized(width=16),
            program("for j, n in strips(0, K, 16):\n    pass"),
            program("for j, n in strips(K, 8):\n    pass"),
        ),
    ],
)
def test_a_fact_is_checked_against_the_program(fact, good, bad):
    fact.verify(good)
    with pytest.raises(Refused) as caught:
        fact.verify(bad)
    assert caught.value.code == "plan.broken-promise"
    assert str(fact) in caught.value.diagnostic.message


def test_a_fact_that_does_not_hold_says_what_to_do():
    from htp.capabilities import Inlined, untrue

    found = untrue(Inlined(), "it calls `f`").diagnostic
    assert (found.code, "before `Inlined()` is promised" in found.help[0]) == ("plan.broken-promise", True)
