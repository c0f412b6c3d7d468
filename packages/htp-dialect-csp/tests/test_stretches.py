"""Loops in stretches: put together again they are the turns of the loop, each with the branches that it takes."""

from hypothesis import given
from hypothesis import strategies as st

from htp.dims import const, parse, sym
from htp_dialect_csp.steps import Branch, Compare, Drain, Junction, Loop, Operation, holds
from htp_dialect_csp.stretches import stretches

SIGNS = ("<", "<=", ">", ">=", "==", "!=")


def send(channel):
    return Operation("send", channel)


def done(steps, values):
    """What steps do one by one, branches decided anew in every turn."""
    for each in steps:
        if isinstance(each, Branch):
            yield from done(each.then if holds(each.test, values) else each.other, values)
        elif isinstance(each, Loop):
            for turn in range(each.count.evaluate(values)):
                yield from done(each.body, {**values, each.variable: turn})
        else:
            yield each.end


def comparisons():
    whole = st.integers(-12, 12)
    return st.builds(
        lambda slope, start, sign: Compare(slope * sym("i") + start + sym("n"), sign),
        whole,
        whole,
        st.sampled_from(SIGNS),
    )


tests = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(Junction, st.sampled_from(("and", "or")), st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(lambda one: Junction("not", (one,)), inner)
    ),
    max_leaves=4,
)
bodies = st.recursive(
    st.sampled_from("abc").map(lambda name: (send(name),)),
    lambda inner: (
        st.builds(lambda test, one, two: (Branch(test, "", one, two), send("d")), tests, inner, inner)
        | st.builds(lambda body: (Loop("j", const(2), body),), inner)
    ),
    max_leaves=5,
)


@given(bodies, st.integers(0, 30), st.integers(-9, 9))
def test_stretches_are_the_turns_of_the_loop(body, count, n):
    loop, values = Loop("i", const(count), body), {"n": n}
    found = [turn for turns, _ in stretches(loop, count, values) for turn in turns]
    assert found == list(range(count))
    for turns, inner in stretches(loop, count, values):
        for turn in turns:
            now = {**values, "i": turn}
            assert list(done(inner, now)) == list(done(body, now))


def test_a_first_turn_is_a_stretch_of_its_own_and_what_is_no_line_stays():
    first = Branch(Compare(sym("i"), "=="), "i == 0", (send("a"),), (send("b"),))
    odd = Branch(Compare(parse("i % 2"), "=="), "i % 2 == 0", (send("c"),), ())
    inner = Branch(Compare(sym("i") - sym("j"), "<"), "i < j", (send("c"),), ())
    loop = Loop("i", const(1000), (first, odd, Drain("x", (inner,))))
    one, rest = stretches(loop, 1000, {})
    assert one == (range(1), (send("a"), odd, Drain("x", (inner,))))
    assert rest == (range(1, 1000), (send("b"), odd, Drain("x", (inner,))))
