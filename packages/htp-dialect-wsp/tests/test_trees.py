"""Editing trees: folding keeps values, replacing shares what it does not change, and nothing is changed in place."""

import ast
import random

import pytest

from htp_dialect_wsp.directives.trees import (
    assigned_names,
    built,
    folded,
    load,
    names_in,
    replaced,
    substituted,
)  # fmt: skip

NAMES = ("a", "b", "c")


def drawn(draw, depth):
    if depth == 0 or draw.random() < 0.2:
        return draw.choice([*NAMES, "0", "1", "2", "3", "7"])
    left, right = drawn(draw, depth - 1), drawn(draw, depth - 1)
    operator = draw.choice(["+", "-", "*", "//", "%"])
    return f"({left} {operator} {right if operator in '+-*' else draw.choice(['1', '2', '5'])})"


@pytest.mark.parametrize("seed", range(200))
def test_folding_keeps_the_value(seed):
    draw = random.Random(seed)
    text = drawn(draw, 4)
    values = {name: draw.randint(-9, 9) for name in NAMES}
    assert eval(ast.unparse(folded(ast.parse(text, mode="eval").body)), {}, values) == eval(text, {}, values)


@pytest.mark.parametrize(
    ("text", "short"),
    [("0 + a", "a"), ("a * 1", "a"), ("a // 1", "a"), ("a % 1", "0"), ("a * 0", "0"), ("2 * 3 + a", "6 + a"),
     ("a + 8 - 1", "a + 7"), ("a - 3 + 3", "a"), ("a + 2 - 5", "a - 3"), ("7 // 2 % 2", "1"), ("a // 0", "a // 0")],
)  # fmt: skip
def test_what_folds(text, short):
    assert ast.unparse(folded(ast.parse(text, mode="eval").body)) == short


def test_parts_take_the_place_of_names():
    assert ast.unparse(built("(b - a + t) // s", a=0, b=load("M"), t=3, s=4)) == "(M + 3) // 4"
    assert ast.unparse(built("x + d", x=ast.parse("i * 2", mode="eval").body, d=0)) == "i * 2"


def test_substitution_leaves_the_tree_it_is_given():
    tree = ast.parse("for j in P(i):\n    k(x[i:i + 8], j)").body[0]
    before = ast.dump(tree)
    new = substituted(tree, {"i": ast.parse("i_o + i_i", mode="eval").body, "j": load("q")})
    assert ast.unparse(new) == "for q in P(i_o + i_i):\n    k(x[i_o + i_i:i_o + i_i + 8], q)"
    assert ast.dump(tree) == before
    assert not {id(each) for each in ast.walk(new) if isinstance(each, ast.expr | ast.stmt)} & {
        id(each) for each in ast.walk(tree)
    }


def test_replacing_shares_the_rest():
    body = ast.parse("a()\nfor i in r:\n    b()\n    if c:\n        d()\n    else:\n        e()\nf()").body
    branch = body[1].body[1]
    new = replaced(body, branch.orelse[0], ast.parse("g()\nh()").body)
    assert ast.unparse(ast.Module(list(new), [])).split() == (
        "a() for i in r: b() if c: d() else: g() h() f()".split()  # noqa: SIM905
    )
    assert (new[0], new[2]) == (body[0], body[2])
    assert new[1].body[0] is body[1].body[0]
    assert ast.unparse(branch.orelse[0]) == "e()"
    assert ast.unparse(replaced(body, body[0], ())[0]).startswith("for")


def test_names():
    tree = ast.parse("for i in P(n):\n    x = a[i] + y")
    assert names_in(tree) == {"i", "P", "n", "x", "a", "y"}
    assert assigned_names(tree) == {"i", "x"}
