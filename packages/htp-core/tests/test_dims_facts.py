"""Facts: everything proved holds for every assignment, and what tile programs need is proved."""

import gc
import itertools
import os
import weakref
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htp.diagnostics import Refused
from htp.dims import Facts, parse, sym
from htp.dims.linear import contradictory, solved

LONG = os.environ.get("HTP_TEST_LONG") == "1"
M, N, i, j = (sym(name) for name in ("M", "N", "i", "j"))


def loop(facts, name, start, stop, step=1):
    return facts.with_range(name, parse(str(start)), parse(str(stop)), step)


sizes = Facts().with_dim("M").with_dim("N").with_dim("S")
rows = loop(sizes, "i", 0, "M", 64)
tiles = loop(rows, "j", 0, "N", 32)
even = loop(sizes.with_divides(64, M), "i", 0, "M", 64)
inner = loop(rows, "j", "i", "min(i + 64, M)", 8)
causal = loop(loop(sizes, "i", 0, "S", 64), "j", 0, "min(i + 64, S)", 64)
cells = loop(loop(sizes, "i", 0, "M"), "j", 0, "N")


@pytest.mark.parametrize(
    ("facts", "text", "simple"),
    [
        (rows, "max(0, min(i + 64, M) - i)", "min(64, M - i)"),
        (even, "max(0, min(i + 64, M) - i)", "64"),
        (even, "min(64, M - i)", "64"),
        (even, "min(i + 64, M) - i", "64"),
        (even, "min(128, M - i)", "min(128, M - i)"),
        (loop(even, "j", "i", "i + 64", 8), "min(8, M - j)", "8"),
        (loop(even, "j", "i", "M", 8), "min(8, M - j)", "8"),
        (loop(rows, "j", "i", "M", 8), "max(0, min(j + 8, M) - j)", "min(8, M - j)"),
        (inner, "max(0, min(j + 8, min(i + 64, M)) - j)", "min(8, M - j)"),
        (causal, "max(0, min(j + 64, min(i + 64, S)) - j)", "min(64, S - j)"),
        (Facts().with_divides(2, M), "2 * (M // 2)", "M"),
        (Facts().with_divides(64, M), "32 * (M // 64)", "M // 2"),
        (Facts().with_divides(8, M), "N * (M % 8) + M % 4", "0"),
        (Facts().with_divides(8, M), "(M + 7) // 8 * 8", "M"),
        (loop(sizes, "r", 0, 64), "r // 64 + r % 64", "r"),
        (loop(rows, "r", 0, 64), "(i + r) // 64 * 64", "i"),
        (loop(rows, "r", 0, 64), "(i + r) % 64", "r"),
        (cells, "(i * N + j) // N", "i"),
        (cells, "(i * N + j) % N", "j"),
        (Facts().with_equal(M, 128), "min(64, M - 1) * N", "64 * N"),
        (Facts().with_equal(2 * M, 128), "M", "64"),
        (sizes.with_equal(N, M), "min(64, N - M) + N", "M"),
        (sizes.with_equal(N, M).with_equal(M, 7), "N", "7"),
        (loop(sizes, "i", 0, 64, 64), "min(64, 64 - i)", "64"),
        (loop(sizes, "i", "M // 8 * 8", "M", 8), "min(8, M - i)", "M - i"),
        (loop(sizes, "i", 0, "M // 8 * 8", 8), "min(8, M - i)", "8"),
        (loop(loop(loop(sizes, "h_3", 0, 8), "i_7", 0, "S", 32), "j_4", 0, "i_7", 32), "h_3 // 8", "0"),
        (sizes, "max(0, M) + min(M, 3 * M)", "2 * M"),
        (sizes, "max(M, N)", "max(M, N)"),
        (Facts(), "max(0, M)", "max(0, M)"),
    ],
)
def test_simplification(facts, text, simple):
    assert str(facts.simplify(parse(text))) == simple


@pytest.mark.parametrize(
    ("facts", "text", "low", "high"),
    [
        (rows, "min(64, M - i)", 1, 64),
        (rows, "i", 0, None),
        (rows, "(min(64, M - i) + 7) // 8", 1, 8),
        (rows, "max(M, 4)", 4, None),
        (loop(Facts(), "i", 0, 256, 64), "i", 0, 192),
        (loop(Facts(), "i", 10, 0, -3), "i", 1, 10),
        (tiles, "min(64, M - i) * min(32, N - j)", 1, 2048),
        (cells, "i % 8", 0, 7),
        (Facts(), "M", None, None),
        (Facts(), "5", 5, 5),
        (loop(sizes, "i", "M // 8 * 8", "M", 8), "M - i", 1, 7),
        (loop(loop(Facts(), "i", 0, 4), "i", 10, 20), "i", 10, 19),
    ],
)
def test_bounds(facts, text, low, high):
    assert facts.lower_bound(parse(text)) == low
    assert facts.upper_bound(parse(text)) == high


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (cells, "M * N - 1 - (i * N + j)"),
        (rows, "(M + 63) // 64 * 64 - M"),
        (rows, "(M + 63) // 64 - 1 - i // 64"),
        (causal, "i - j"),
        (sizes, "N - 1 - M % N"),
        (sizes, "M - M // N"),
        (sizes, "max(M, N) - min(M, N)"),
        (sizes.with_nonnegative(M - N), "min(M, N) - N"),
        (inner, "M - 1 - j"),
    ],
)
def test_what_is_never_negative(facts, text):
    assert facts.nonnegative(parse(text))


def test_what_is_not_proved():
    assert not Facts().nonnegative(M)
    assert not rows.nonnegative(M - i - 2)
    assert not rows.nonnegative(M - 64)
    assert not causal.nonnegative(j - i)
    assert not cells.nonnegative(i * N - j)


def test_equality_is_proved_refuted_or_unknown():
    assert rows.equal(M, M) is True
    assert rows.equal(M, i) is False
    assert rows.equal(2 * M, 2 * i + 1) is False
    assert rows.equal(M, N) is None
    assert Facts().with_divides(2, M).equal(M // 2 + M // 2, M) is True
    assert Facts().with_equal(M, N + 1).equal(2 * N, 2 * M - 2) is True
    assert sizes.equal(parse("min(M, N) + max(M, N)"), M + N) is True
    assert sizes.equal(parse("max(0, min(M, N))"), parse("min(N, M)")) is True


def test_divisibility():
    assert rows.divides(64, i)
    assert rows.divides(8, 3 * i + 16)
    assert not rows.divides(64, M)
    assert even.divides(64, M - i)
    assert loop(sizes.with_divides(8, M), "i", 0, "M", 64).divides(8, parse("min(64, M - i)"))
    assert Facts().with_divides(64, M).with_divides(48, M).divides(192, M)
    assert Facts().with_divides(6, 2 * M + 2).divides(3, M + 1)
    assert Facts().with_divides(5, 2 * M + 1).divides(5, M + 3)
    assert Facts().with_divides(0, M).divides(0, M)
    assert not Facts().divides(0, M)
    assert Facts().divides(-4, 8 * M)


def test_facts_are_immutable():
    before = Facts().with_dim("M")
    before.with_divides(64, M).with_equal(M, 128)
    assert before.simplify(M % 64) == M % 64


def test_a_loop_that_binds_a_name_anew_makes_a_new_integer():
    again = loop(loop(sizes.with_equal(i, 3), "j", 0, "i + 1"), "i", 5, 9)
    assert (again.lower_bound(i), again.upper_bound(i), again.upper_bound(j)) == (5, 8, 3)
    assert again.simplify(i) == i


def test_facts_that_make_a_divisor_zero_prove_nothing_of_the_quotient():
    zero = sizes.with_equal(N, 0)
    quotient = M // N
    assert zero.simplify(quotient) == quotient
    assert zero.equal(quotient, M) is None
    assert not zero.nonnegative(quotient)
    assert not zero.divides(2, quotient)
    assert zero.upper_bound(quotient) is None
    assert sizes.with_nonnegative(quotient).with_equal(N, 0).nonnegative(-M - 1)


def test_a_range_of_step_0_is_refused():
    with pytest.raises(Refused, match="step 0"):
        Facts().with_range("i", 0, 4, 0)


def worlds(statements):
    """All small assignments that satisfy the statements, by running them."""
    found = [{}]
    for kind, *parts in statements:
        if kind == "dim":
            found = [{**world, parts[0]: size} for world in found for size in range(11)]
        elif kind == "range":
            name, start, stop, step = parts
            found = [
                {**world, name: index}
                for world in found
                for index in range(value(start, world), value(stop, world), step)
            ]
        elif kind == "divides":
            found = [world for world in found if value(parts[1], world) % parts[0] == 0]
        elif kind == "equal":
            found = [world for world in found if value(parts[0], world) == value(parts[1], world)]
        else:
            found = [world for world in found if value(parts[0], world) >= 0]
    return found


def value(text, world):
    return eval(compiled(text), {"min": min, "max": max}, world)


@cache
def compiled(text):
    return compile(text, text, "eval")


def known(statements):
    facts = Facts()
    for kind, *parts in statements:
        if kind == "dim":
            facts = facts.with_dim(parts[0])
        elif kind == "range":
            facts = loop(facts, *parts)
        elif kind == "divides":
            facts = facts.with_divides(parts[0], parse(parts[1]))
        elif kind == "equal":
            facts = facts.with_equal(parse(parts[0]), parse(parts[1]))
        else:
            facts = facts.with_nonnegative(parse(parts[0]))
    return facts


def terms(names):
    leaves = st.one_of(st.sampled_from(names), st.integers(-3, 9).map(str))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(
                str.format,
                st.sampled_from(["({} + {})", "({} - {})", "min({}, {})", "max({}, {})", "({} * {})"]),
                inner,
                inner,
            ),
            st.builds(
                str.format,
                st.sampled_from(["({} // {})", "({} % {})"]),
                inner,
                st.sampled_from(["2", "3", "4", "8", "(M + 1)"]),
            ),
        ),
        max_leaves=5,
    )


@st.composite
def stories(draw):
    statements = [("dim", "M"), ("dim", "N")]
    simple = terms(["M", "N"])
    facts = st.one_of(
        st.tuples(st.just("divides"), st.sampled_from([2, 3, 4, 6]), st.one_of(st.sampled_from(["M", "N"]), simple)),
        st.tuples(st.just("equal"), st.sampled_from(["M", "N"]), simple),
        st.tuples(st.just("nonnegative"), simple),
    )
    statements += draw(st.lists(facts, max_size=2))
    steps = st.sampled_from([1, 2, 3, 4, 8, -1, -3])
    stop = st.one_of(st.sampled_from(["M", "N", "12"]), simple)
    statements.append(("range", "i", draw(st.sampled_from(["0", "0", "N", "2"])), draw(stop), draw(steps)))
    ends = st.one_of(st.sampled_from(["M", "i + 4", "min(i + 8, M)", "min(i + 4, N)"]), terms(["M", "i"]))
    statements.append(("range", "j", draw(st.sampled_from(["0", "i", "i", "M // 4 * 4"])), draw(ends), draw(steps)))
    last = terms(["M", "N", "i", "j"])
    statements += draw(
        st.lists(
            st.one_of(st.tuples(st.just("nonnegative"), last), st.tuples(st.just("equal"), last, last)), max_size=1
        )
    )
    return statements


@settings(
    max_examples=200 if LONG else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(stories(), st.lists(terms(["M", "N", "i", "j"]), min_size=2, max_size=5))
def test_nothing_false_is_proved(statements, texts):
    facts, all_worlds = known(statements), worlds(statements)
    texts = [*texts, "max(0, min(j + 4, M) - j)"]
    for text in texts:
        expression = parse(text)
        values = [value(text, world) for world in all_worlds]
        simple = facts.simplify(expression)
        assert [simple.evaluate(world) for world in all_worlds] == values
        low, high = facts.lower_bound(expression), facts.upper_bound(expression)
        assert all((low is None or low <= each) and (high is None or each <= high) for each in values)
        assert not facts.nonnegative(expression) or all(each >= 0 for each in values)
        for divisor in (2, 4):
            assert not facts.divides(divisor, expression) or all(each % divisor == 0 for each in values)
    for left, right in itertools.pairwise(texts):
        same = [value(left, world) == value(right, world) for world in all_worlds]
        verdict = facts.equal(parse(left), parse(right))
        assert verdict is None or (all(same) if verdict else not any(same))


inequalities = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 2), st.integers(-4, 4), min_size=1), st.integers(-8, 8)), max_size=6
)


@settings(max_examples=1000 if LONG else 150, deadline=None)
@given(inequalities)
def test_elimination_never_excludes_a_solution(conjunction):
    solutions = [
        point
        for point in itertools.product(range(-5, 6), repeat=3)
        if all(sum(times * point[each] for each, times in row.items()) + k >= 0 for row, k in conjunction)
    ]
    assert not solutions or not contradictory(conjunction)
    if solutions and (found := solved(conjunction, 0)) is not None:
        low, high = found
        assert low is None or low <= min(point[0] for point in solutions)
        assert high is None or high >= max(point[0] for point in solutions)


def test_a_loop_that_begins_behind_whole_strips_has_no_negative_turn():
    facts = Facts().with_dim("M").with_range("i", parse("24 * ((M + 7) // 24)"), parse("M"), 8)
    assert facts.nonnegative(parse("i"))
    assert not facts.nonnegative(parse("i - 1"))


def test_the_same_facts_are_one_object_as_long_as_somebody_has_them():
    base = Facts()
    kept = base.with_dim("M").with_range("i", 0, M, 64)
    assert base.with_dim("M").with_range("i", 0, M, 64) is kept
    assert base.with_dim("M").with_range("i", 0, M, 32) is not kept
    assert base.with_dim("M").with_range("j", 0, M, 64) is not kept
    assert base.with_divides(8, M) is not base.with_dim("M")
    assert base.with_equal(M, 4) is not base.with_nonnegative(M - 4)
    gone = weakref.ref(base.with_dim("N"))
    gc.collect()
    assert gone() is None
