import ast

import pytest

from htp.diagnostics import Bug, Refused, Span
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter, recording
from htp.rules import apply_rules, rewrite


@rewrite
def fma(a, b, c):
    """A product and a sum become one operation."""
    yield a * b + c
    yield pto.fma(a, b, c)


@rewrite
def same_difference(x):
    yield x - x
    yield 0


@rewrite
def times_one(x, c):
    yield x * c
    if c.constant == 1 and type(c.constant) is int:
        yield x


@rewrite
def scaled(x, c):
    yield tile.scale(x, by=c, mode="fast")
    if c.constant is None:
        yield x * c
    elif c.constant == 2:
        yield x + x
    else:
        yield tile.mul(x, c)


def after(rules, text):
    body = apply_rules(rules, tuple(ast.parse(text).body))
    return ast.unparse(ast.Module(list(body), []))


@pytest.mark.parametrize(
    ("rule", "before", "expected"),
    [
        (fma, "y = p * q + r", "y = pto.fma(p, q, r)"),
        (fma, "y = p + q * r", "y = p + q * r"),
        (fma, "y = a * b + c * (d * e + f)", "y = pto.fma(a, b, c * pto.fma(d, e, f))"),
        (fma, "t[i * 2 + 1] = x", "t[pto.fma(i, 2, 1)] = x"),
        (same_difference, "y = a[i:j] - a[i:j]", "y = 0"),
        (same_difference, "y = a[i:j] - a[i:k]", "y = a[i:j] - a[i:k]"),
        (same_difference, "y = f() - f()", "y = f() - f()"),
        (times_one, "y = a * 1 * 1", "y = a"),
        (times_one, "y = a * 1.0", "y = a * 1.0"),
        (times_one, "y = a * True", "y = a * True"),
        (times_one, "x: Tile[f32, 4 * 1] = a * 1", "x: Tile[f32, 4 * 1] = a"),
        (scaled, "y = tile.scale(p, mode='fast', by=k)", "y = p * k"),
        (scaled, "y = tile.scale(p, by=2, mode='fast')", "y = p + p"),
        (scaled, "y = tile.scale(p, by=3, mode='fast')", "y = tile.mul(p, 3)"),
        (scaled, "y = tile.scale(p, by=3, mode='slow')", "y = tile.scale(p, by=3, mode='slow')"),
    ],
)
def test_before_and_after(rule, before, expected):
    assert after([rule], before) == ast.unparse(ast.parse(expected))


def test_rules_go_on_until_none_matches_in_the_order_given():
    @rewrite
    def to_b():
        yield a()
        yield b()

    @rewrite
    def to_c():
        yield b()
        yield c()

    @rewrite
    def to_d():
        yield a()
        yield d()

    assert after([to_b, to_c, to_d], "y = [a(), b()]") == "y = [c(), c()]"


def test_guards_see_text_type_and_names_around_the_rule():
    limit = 3

    @rewrite
    def short(x, y):
        yield x @ y
        if x.dtype == "f16" and len(y.text) < limit and x.node is not None:
            yield f(x, y)

    tree = ast.parse("z = a @ bb").body
    assert apply_rules([short], tuple(tree)) == tuple(tree)

    class Type:
        dtype = "f16"

    tree[0].value.left.type = Type()
    assert ast.unparse(apply_rules([short], tuple(tree))[0]) == "z = f(a, bb)"


def test_a_failing_guard_is_a_bug_of_the_rule():
    @rewrite
    def broken(x):
        yield -x
        if x.constant > 1:
            yield x

    with pytest.raises(Bug, match="broken"):
        after([broken], "y = -a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("y = drop(f(), k)", "drops `f()`"),
        ("y = twice(ch.recv())", "repeats `ch.recv()`"),
        ("y = swap(f(), g())", "order"),
        ("y = choose(c, f())", "only sometimes"),
    ],
)
def test_effects_are_not_lost_repeated_or_reordered(text, problem):
    @rewrite
    def first(x, y):
        yield drop(x, y)
        yield y

    @rewrite
    def second(x):
        yield twice(x)
        yield x + x

    @rewrite
    def third(x, y):
        yield swap(x, y)
        yield y - x

    @rewrite
    def fourth(c, x):
        yield choose(c, x)
        yield x if c else 0

    span = Span(file="user.py", line=7)
    body = tuple(stamp(each, span) for each in ast.parse(text).body)
    with pytest.raises(Refused) as caught:
        apply_rules([first, second, third, fourth], body)
    assert caught.value.code == "rule.unsafe-rewrite"
    assert problem in caught.value.diagnostic.message
    assert caught.value.diagnostic.span == span
    pure = text.replace("f()", "p[i]").replace("g()", "tile.exp(q)").replace("ch.recv()", "x.astype(f32)")
    assert after([first, second, third, fourth], pure) != pure


def test_each_copy_of_a_repeated_hole_is_its_own_node():
    @rewrite
    def double(x):
        yield tile.double(x)
        yield x + x

    (statement,) = apply_rules([double], tuple(ast.parse("y = tile.double(a[i])").body))
    assert statement.value.left is not statement.value.right


def test_origins_and_matches_are_kept():
    body = tuple(ast.parse("y = p * q + r").body)
    whole, part = Span(file="user.py", line=5), Span(file="user.py", line=4)
    body[0].value.right.origin = part
    stamp(body[0], whole)
    with recording() as recorder:
        (statement,) = apply_rules([fma], body)
    assert origin_of(statement.value) == whole
    assert origin_of(statement.value.args[2]) == part
    (match,) = recorder.matches
    assert (match.rule, match.span, match.before, match.after) == ("fma", whole, "p * q + r", "pto.fma(p, q, r)")
    assert ast.unparse(body[0]) == "y = p * q + r"


def test_the_number_of_rewrites_can_be_limited():
    body = tuple(ast.parse("y = a * 1 + b * 1 + c * 1").body)
    with recording(limit=2) as recorder:
        result = apply_rules([times_one], body)
    assert ast.unparse(result[0]) == "y = a + b + c * 1"
    assert len(recorder.matches) == 2


def test_unmatched_bodies_keep_their_identity():
    body = tuple(ast.parse("y = p - q").body)
    assert apply_rules([fma], body) is body


@pytest.mark.parametrize("text", ["y = grow(1)", "y = nest(1)"])
def test_endless_rules_are_stopped(text):
    @rewrite
    def grow(x):
        yield grow(x)
        yield grow(x)

    @rewrite
    def nest(x):
        yield nest(x)
        yield nest(nest(x))

    with pytest.raises(Refused) as caught:
        after([grow, nest], text)
    assert caught.value.code == "rule.no-fixpoint"


def no_replacement(x):
    yield -x


def everything(x):
    yield x
    yield -x


def unused(x, y):
    yield -x
    yield y


def statement_between(x):
    yield -x
    z = x
    yield z


def default(x=1):
    yield -x
    yield x


def empty():
    pass


def unreachable(x):
    yield -x
    yield x
    yield x


@pytest.mark.parametrize(
    "function",
    [no_replacement, everything, unused, statement_between, default, empty, unreachable, lambda x: x, len],
    ids=lambda each: each.__name__,
)
def test_what_is_no_rule_is_refused(function):
    with pytest.raises(Refused) as caught:
        rewrite(function)
    assert caught.value.code == "rule.bad-shape"
    if hasattr(function, "__code__"):
        assert caught.value.diagnostic.span.file.endswith("test_rules.py")


class Unroll(Rewriter):
    def visit_Expr(self, node):
        return [ast.Expr(ast.Name("a", ast.Load())), ast.Expr(ast.Name("b", ast.Load()))]

    def visit_Pass(self, node):
        return None


def test_a_rewriter_leaves_the_old_tree_alone():
    tree = ast.parse("if x:\n    f()\n    pass\nelse:\n    y = 1").body
    stamp(tree[0], Span(file="user.py", line=2))
    before = ast.dump(tree[0])
    (new,) = Unroll().statements(tree)
    assert ast.unparse(new) == "if x:\n    a\n    b\nelse:\n    y = 1"
    assert ast.dump(tree[0]) == before
    assert new.orelse[0] is tree[0].orelse[0]
    assert origin_of(new.body[1].value) == Span(file="user.py", line=2)
