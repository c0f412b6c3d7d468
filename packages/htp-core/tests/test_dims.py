"""Expressions: what they mean is what Python says their text means."""

import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp.diagnostics import Refused
from htp.dims import const, maximum, minimum, parse, sym

LONG = os.environ.get("HTP_TEST_LONG") == "1"
M, N, i, j = (sym(name) for name in ("M", "N", "i", "j"))


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("M-i", "M - i"),
        ("M+0*i+1-1", "M"),
        ("i + M * 1 + 3", "M + i + 3"),
        ("64 - i", "64 - i"),
        ("-M", "-M"),
        ("-2*M*N", "-2 * M * N"),
        ("M*2", "2 * M"),
        ("(M+N)*(M-N)", "M * M - N * N"),
        ("min(8, M - i)", "min(8, M - i)"),
        ("min(i + 64, M) - i", "min(64, M - i)"),
        ("min(M, 64 + i)", "min(M, i + 64)"),
        ("max(0, min(i + 64, M) - i)", "max(0, min(64, M - i))"),
        ("min(M, N, 3, min(M, 5))", "min(3, M, N)"),
        ("max(M, N, 2)", "max(2, M, N)"),
        ("M - min(64, N)", "M - min(64, N)"),
        ("min(64, M - i) * N", "N * min(64, M - i)"),
        ("min(64, M - i) * min(32, N - j)", "min(32, N - j) * min(64, M - i)"),
        ("2 * min(64, M - i) * min(32, N - j) * min(8, K - k)", "2 * min(32, N - j) * min(64, M - i) * min(8, K - k)"),
        ("N * min(64, M - i) * ((K + 7) // 8 + 1) + 3", "N * ((K + 15) // 8) * min(64, M - i) + 3"),
        ("(min(64, M - i) + 7) // 8", "(min(64, M - i) + 7) // 8"),
        ("(M + 7) // 8", "(M + 7) // 8"),
        ("-(-M // 8)", "(M + 7) // 8"),
        ("(M - 1) // 8", "(M - 1) // 8"),
        ("(M + 7) // 8 * 8", "8 * ((M + 7) // 8)"),
        ("(64 * q) // 64", "q"),
        ("(e * 64 + r) // 64", "e + r // 64"),
        ("(e * 64 + r) % 64", "r % 64"),
        ("M // 2 // 3", "M // 6"),
        ("3 * M // 4", "3 * M // 4"),
        ("M % 8", "M % 8"),
        ("-M % 8", "-M % 8"),
        ("(2 * M) % 4", "2 * (M % 2)"),
        ("M - M // 8 * 8", "M % 8"),
        ("i // 8 * 8 + i % 8", "i"),
        ("M // N", "M // N"),
        ("M % N", "M % N"),
        ("M * N // N", "M"),
        ("M // (N + 1)", "M // (N + 1)"),
        ("7 // -2", "-4"),
        ("7 % -2", "-1"),
        ("M // -2", "M // 2 - M"),
    ],
)
def test_the_text_of_an_expression(written, spelled):
    assert str(parse(written)) == spelled
    assert parse(spelled) == parse(written)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (minimum(i + 64, M) - i, minimum(64, M - i)),
        (minimum(M, N) + maximum(M, N), M + N),
        (minimum(3 * M, 3 * N), 3 * minimum(M, N)),
        (maximum(-M, -N), -minimum(M, N)),
        (minimum(M, minimum(N, 4)), minimum(4, M, N)),
        (minimum(M, M + 3), M),
        (8 * (M // 8) + M % 8, M),
        ((i + 8) // 8, i // 8 + 1),
        (-M // 2, M // 2 - M),
        (2 * M // 6, M // 3),
        ((2 * M + 1) // 2, M),
        (M * N // N, M),
        (const(3) * 4, const(12)),
    ],
)
def test_equal_forms_are_one_value(left, right):
    assert left == right
    assert hash(left) == hash(right)
    assert len({left, right}) == 1


def test_parts_of_an_expression():
    value = parse("min(64, M - i) + N // 2")
    assert value.symbols == {"M", "N", "i"}
    assert value.constant is None
    assert (value - value).constant == 0
    assert value.evaluate({"M": 100, "i": 64, "N": 7}) == 39
    assert value.substitute({"M": const(128), "i": M}) == minimum(64, 128 - M) + N // 2
    assert (1 - M, 2 * M, 7 // const(2), 7 % const(4)) == (-M + 1, M + M, 3, 3)
    assert const(5) == 5
    assert hash(const(5)) == hash(5)
    assert value != "min(64, M - i) + N // 2"
    assert pickle.loads(pickle.dumps(value)) == value
    assert repr(M - i) == "Expr('M - i')"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "M +",
        "M / 2",
        "M ** 2",
        "M << 1",
        "~M",
        "not M",
        "M < 3",
        "1.5",
        "True",
        "None",
        "'M'",
        "min",
        "min(M)",
        "min()",
        "min(M, key=N)",
        "min(*M, 3)",
        "abs(M)",
        "M.x",
        "M[0]",
        "(M, N)",
        "lambda: 1",
        "M if N else 1",
        "(M := 3)",
        "M; N",
        "M\nN",
        "\0",
        "M // 0",
        "M % 0",
        "M // (N - N)",
        "9223372036854775808",
        "4294967296 * 4294967296",
        "-" * 5000 + "M",
        "(" * 1000 + "M" + ")" * 1000,
        "*".join(["(a+b+c+d+e+f+g+h)"] * 12),
    ],
)
def test_text_that_is_no_dimension_is_refused(text):
    with pytest.raises(Refused) as refusal:
        parse(text)
    assert refusal.value.code == "type.bad-dimension"


@pytest.mark.parametrize("name", ["", "1x", "a b", "for", "min", "max"])
def test_names_that_no_dimension_can_have(name):
    with pytest.raises(Refused, match="cannot name a dimension"):
        sym(name)


def test_evaluation_without_a_value_and_by_zero():
    with pytest.raises(Refused, match="`N` has no value"):
        (M + N).evaluate({"M": 1})
    with pytest.raises(Refused, match="divides by zero"):
        (M // N).evaluate({"M": 1, "N": 0})


leaves = st.one_of(st.sampled_from(["M", "N", "i", "j"]), st.integers(-9, 70).map(str))
pairs = st.sampled_from(["({} + {})", "({} - {})", "min({}, {})", "max({}, {})", "({} * {})"])
divisors = st.one_of(st.sampled_from(["2", "3", "4", "8", "64", "-3"]), st.sampled_from(["N", "(i + 1)", "(M - i)"]))
texts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(str.format, pairs, inner, inner),
        st.builds(str.format, st.sampled_from(["({} // {})", "({} % {})"]), inner, divisors),
        st.builds(str.format, st.sampled_from(["min({}, {}, {})", "max({}, {}, {})"]), inner, inner, inner),
        st.builds("(-{})".format, inner),
    ),
    max_leaves=7,
)
assignments = st.fixed_dictionaries({name: st.integers(-12, 130) for name in ("M", "N", "i", "j")})


def python(text, values):
    return eval(text, {"min": min, "max": max}, dict(values))


@settings(max_examples=1500 if LONG else 200, deadline=None)
@given(texts, st.lists(assignments, min_size=4, max_size=4))
def test_an_expression_means_what_python_says(text, several):
    value = parse(text)
    spelled = str(value)
    assert parse(spelled) == value
    assert str(parse(spelled)) == spelled
    for values in several:
        try:
            expected = python(text, values)
        except ZeroDivisionError:
            continue
        assert value.evaluate(values) == expected
        assert python(spelled, values) == expected


@settings(max_examples=400 if LONG else 100, deadline=None)
@given(texts, texts, assignments)
def test_substitution_and_evaluation_commute(text, other, values):
    try:
        replaced = python(other, values)
        expected = python(text, values | {"M": replaced})
    except ZeroDivisionError:
        return
    try:
        combined = parse(text).substitute({"M": parse(other)})
    except Refused:  # a divisor became zero for all values, where Python did not reach it
        return
    assert combined.evaluate(values) == expected


def test_text_does_not_depend_on_the_hash_seed():
    script = (
        "from htp.dims import parse\n"
        "print(parse('max(d, c, min(b, a, 7)) * M + N * (q // 4 + z % 3) - min(y, x // 2, w)'))\n"
        "print(parse('min(c + a, b + d, z) - max(q, p) * min(8, k - j)'))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
