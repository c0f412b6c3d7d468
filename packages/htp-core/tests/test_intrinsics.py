"""Intrinsics: declaring them, running their bodies, reading programs that call them, and typing the calls."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from lent import FOO, installed, removed, session

import htp
from htp import f16, f32, i32
from htp.capabilities import IntrinsicUse
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.infer.engine import infer
from htp.intrinsics import DTypeVar, emits, intrinsic
from htp.lowering.annotate import Annotate
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify
from htp.passes import Pass, run_step
from htp.rules import rewrite
from htp.session import use_session
from htp.uses import with_uses
from htp.values import region_of

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
defined = STAGES.defined

USER = "from htp_foo import foo\n\n\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    installed(tmp_path, monkeypatch)
    with use_session(session(FOO)) as found:
        yield found
    removed()


@pytest.fixture
def foo():
    from htp_foo import foo

    return foo


def array(values, dtype=f32):
    return region_of(np.asarray(values, dtype=htp.types.numpy_dtype(dtype)), dtype)


def kernel(body, folder, params='x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]', head=USER):
    lines = "\n".join(f"    {each}" for each in body.split("\n"))
    return defined(f"{head}@kernel\ndef f({params}) -> None:\n{lines}\n", folder)


def refused(action):
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.diagnostic


# declarations


def test_an_intrinsic_knows_its_set_and_its_signature(foo):
    assert foo.axpy.name == "foo.axpy"
    assert (foo.rowmax.unit, foo.rowmax.expandable, foo.opaque.expandable, foo.told.effects) == (
        "vector", True, False, True,
    )  # fmt: skip
    assert str(foo.axpy.signature) == (
        'foo.axpy(a: Scalar[T], x: Tile[T, "M", "N"], y: Tile[T, "M", "N"], *, factor: float = 1.0)'
        ' -> Tile[T, "M", "N"]'
    )
    assert foo.rowmax.__doc__ == "Largest element of every row."
    assert foo.rowmax.place.file.endswith("foo.py")


T = DTypeVar("T", f16, f32)
U = DTypeVar("U", f16, f32)


def no_type(x) -> htp.Tile[f32, "M"]: ...
def tensor(x: htp.Tensor[f32, "M"]) -> htp.Tile[f32, "M"]: ...
def untold_size(x: htp.Tile[f32, "2 * M"]) -> htp.Tile[f32, "M"]: ...
def untold_dtype(x: htp.Tile[T, "M"]) -> htp.Tile[U, "M"]: ...
def untold_number(a: htp.Scalar[T], x: htp.Tile[f32, "M"]) -> htp.Tile[f32, "M"]: ...
def no_result(x: htp.Tile[f32, "M"]) -> None: ...
def loose_attribute(x: htp.Tile[f32, "M"], n: int) -> htp.Tile[f32, "M"]: ...
def odd_attribute(x: htp.Tile[f32, "M"], *, n: list) -> htp.Tile[f32, "M"]: ...
def odd_default(x: htp.Tile[f32, "M"], *, n: int = 1.5) -> htp.Tile[f32, "M"]: ...
def variadic(*x: htp.Tile[f32, "M"]) -> htp.Tile[f32, "M"]: ...
def default_tile(x: htp.Tile[f32, "M"] = 1) -> htp.Tile[f32, "M"]: ...
def facetted(x: htp.Tile[f32, "M", htp.strided((1,))]) -> htp.Tile[f32, "M"]: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_type, "`x` has no type that an intrinsic takes"),
        (tensor, "`x` has no type that an intrinsic takes"),
        (untold_size, "no argument tells the size `M`"),
        (untold_dtype, "no tile tells the dtype `U`"),
        (untold_number, "no tile tells the dtype `T`"),
        (no_result, "the result is no tile"),
        (loose_attribute, "`n` is an attribute that may be given by position"),
        (odd_attribute, "`n` is keyword-only"),
        (odd_default, "the default of `n` is 1.5"),
        (variadic, "variable number of arguments"),
        (default_tile, "`x` has a default value"),
        (facetted, "`x` has a layout facet"),
    ],
)
def test_a_signature_that_cannot_be_read_is_refused_where_it_is_declared(function, said):
    found = refused(lambda: intrinsic(function))
    assert found.code == "intrinsic.bad-signature"
    assert said in found.message
    assert found.span.line == function.__code__.co_firstlineno


def test_a_handler_has_a_name_for_every_operand(foo):
    @emits(foo.axpy, backend="toy")
    def _(cx, dst, a, x, y):
        return f"{dst} = {a} * {x} + {y};"

    found = refused(lambda: emits(foo.axpy, backend="toy")(lambda cx, dst, x: ""))
    assert (found.code, found.message) == (
        "intrinsic.bad-handler", "a handler of `foo.axpy` takes (cx, dst, a, x, y)",
    )  # fmt: skip
    second = refused(lambda: emits(foo.axpy, backend="toy")(lambda cx, dst, a, x, y: ""))
    assert second.code == "intrinsic.bad-handler"
    assert "two handlers of `foo.axpy` for `toy`" in second.message
    globals().pop("__htp_handlers__")


def test_a_handler_set_finds_its_handlers_by_name(tmp_path, monkeypatch, foo):
    from htp.declarations import HandlerSet

    text = """
    from htp.intrinsics import emits
    from htp_foo import foo

    @emits(foo.rowmax, backend="toy")
    def _(cx, dst, x):
        return f"rowmax({dst}, {x});"

    @emits(foo.fma, backend="toy")
    def _(cx, dst, a, b, c):
        return f"fma({dst}, {a}, {b}, {c});"
    """
    installed(tmp_path, monkeypatch, **{"htp_foo_cpu.py": text})
    handlers = HandlerSet("toy", "htp_foo_cpu", ("foo.rowmax", "foo.fma", "foo.wide"))
    assert handlers.load("foo.rowmax").emit(None, "d", "s") == "rowmax(d, s);"
    assert handlers.load("foo.fma").emit(None, "d", "p", "q", "r") == "fma(d, p, q, r);"
    assert handlers.name == "htp_foo_cpu->toy"
    assert refused(lambda: handlers.load("foo.wide")).code == "plugin.import-failed"
    other = HandlerSet("other", "htp_foo_cpu", ("foo.rowmax",))
    assert "has no handler of `foo.rowmax` for `other`" in refused(lambda: other.load("foo.rowmax")).message


def test_a_set_and_its_module_agree(foo):
    from htp.declarations import IntrinsicSet

    declared = IntrinsicSet("foo", "htp_foo.foo", ("rowmax", "HALF", "opaque", "nothing"))
    assert declared.qualified == ("foo.rowmax", "foo.HALF", "foo.opaque", "foo.nothing")
    assert declared.load("foo.rowmax") is declared.load("rowmax") is foo.rowmax
    assert refused(lambda: declared.load("HALF")).code == "plugin.bad-item"
    assert refused(lambda: declared.load("nothing")).code == "plugin.import-failed"
    found = refused(lambda: declared.load("opaque"))
    assert (found.code, found.message) == (
        "plugin.bad-item", "`foo.opaque` may not be expanded, and its IntrinsicSet does not name it `opaque`",
    )  # fmt: skip


# the reference run


def test_calling_an_intrinsic_runs_its_body(foo):
    x = array([[1, 5, 3], [4, 2, 0]])
    np.testing.assert_array_equal(np.asarray(foo.rowmax(x)), [[5], [4]])
    np.testing.assert_array_equal(np.asarray(foo.axpy(2, x, x, factor=10.0)), np.asarray(x) ** 2 * 20 + np.asarray(x))
    np.testing.assert_array_equal(np.asarray(foo.edge(x, n=2)), [[1, 5], [4, 2]])
    np.testing.assert_array_equal(np.asarray(foo.edge(x=x, mode="last", n=1)), [[3], [0]])
    assert foo.wide(x).dtype.name == "f64"


def test_numbers_are_rounded_to_their_dtype(foo):
    x = array([[1.0]], f16)
    assert float(np.asarray(foo.axpy(0.1, x, array([[0.0]], f16)))[0, 0]) == float(np.float16(0.1))


WRONG_CALLS = [
    (lambda foo, x: foo.rowmax(np.zeros((2, 3), np.float32)), "type.not-a-tile", "a NumPy array"),
    (lambda foo, x: foo.rowmax(3.0), "type.not-a-tile", "float"),
    (lambda foo, x: foo.rowmax(), "run.argument-count", "needs `x`"),
    (lambda foo, x: foo.rowmax(x, x), "run.argument-count", "takes 1 arguments by position, not 2"),
    (lambda foo, x: foo.rowmax(x, x=x), "run.argument-count", "given twice"),
    (lambda foo, x: foo.rowmax(x, axis=1), "run.argument-count", "no parameter `axis`"),
    (lambda foo, x: foo.rowmax(x.astype(i32)), "run.dtype-mismatch", "is i32, not f16 or f32 or f64"),
    (lambda foo, x: foo.fma(x, x.astype(f16), x), "run.dtype-mismatch", "`b` of `foo.fma` is f16, not f32"),
    (lambda foo, x: foo.rowmax(x[0]), "run.shape-mismatch", "has shape (3,), not 2 dimensions"),
    (lambda foo, x: foo.fma(x, x, x[:, :2]), "run.dim-mismatch", "N is 3"),
    (lambda foo, x: foo.halves(x, x[0]), "run.dim-mismatch", "2 * N is 6"),
    (lambda foo, x: foo.axpy(x, x, x), "run.shape-mismatch", "a number"),
    (lambda foo, x: foo.edge(x, n=1.5), "run.dtype-mismatch", "is 1.5"),
    (lambda foo, x: foo.edge(x, n=True), "run.dtype-mismatch", "is True"),
    (lambda foo, x: foo.edge(x), "run.argument-count", "needs `n`"),
    (lambda foo, x: foo.lying(x), "intrinsic.wrong-result", "f32 of shape (2,), and it declares f32 of shape (2, 1)"),
]


@pytest.mark.parametrize(("call", "code", "said"), WRONG_CALLS)
def test_a_call_that_does_not_fit_is_refused_when_it_runs(foo, call, code, said):
    found = refused(lambda: call(foo, array([[1, 2, 3], [4, 5, 6]])))
    assert found.code == code
    assert said in found.message


def test_arguments_are_values_that_the_body_cannot_store_to(tmp_path):
    text = """
from htp import Tile, f32
from htp.intrinsics import intrinsic

@intrinsic
def spoils(x: Tile[f32, "M"]) -> Tile[f32, "M"]:
    x[:] = x * 2
    return x
"""
    spoils = defined(text, tmp_path, "spoils")
    memory = np.ones(3, np.float32)
    assert refused(lambda: spoils(region_of(memory, f32))).code == "type.store-into-value"
    np.testing.assert_array_equal(memory, 1)


# reading programs


def test_calls_are_read_by_the_name_of_their_set_and_recorded(tmp_path):
    program = with_uses(
        capture(
            kernel(
                "t = other.rowmax(x)\ny[:] = rowmax(x) + htp_foo.foo.fma(x, x, x)",
                tmp_path,
                head="import htp_foo.foo\nfrom htp_foo import foo as other\nfrom htp_foo.foo import rowmax\n",
            )
        )
    )
    text = program.text()
    assert "from htp_foo import foo\n" in text
    assert "t = foo.rowmax(x)" in text
    assert "y[:] = foo.rowmax(x) + foo.fma(x, x, x)" in text
    used = {each.name: each.spans for each in program.uses if isinstance(each, IntrinsicUse)}
    assert {name: len(places) for name, places in used.items()} == {"foo.rowmax": 2, "foo.fma": 1}
    lines = program.main.origin.file
    assert [each.file for each in used["foo.fma"]] == [lines]
    assert used["foo.fma"][0].column == len("    y[:] = rowmax(x) + ") + 1


def test_a_stage_reads_back_equal_and_runs_by_itself(tmp_path):
    program = with_uses(capture(kernel("y[:] = foo.axpy(0.5, x, x, factor=2.0)", tmp_path)))
    again = with_uses(parse_program(program.text(), "program.py"))
    assert again == program
    assert again.uses == program.uses
    scope = {"__name__": "stage"}
    exec(compile(program.text(), "<stage>", "exec"), scope)
    x = np.array([[1, 2, 3]], np.float32)
    y = np.zeros_like(x)
    scope["f"](x, y)
    np.testing.assert_array_equal(y, x * x + x)


def test_every_step_of_lowering_keeps_the_call_as_one_statement(tmp_path):
    params = 'x: In[Tensor[f32, "M", "N"]], s: Scalar[f32], y: Out[Tensor[f32, "M", "N"]]'
    body = "dead = foo.rowmax(x)\ny[:] = foo.axpy(s, x[:] * 2, x) + foo.rowmax(x)"
    definition = kernel(body, tmp_path, params)
    program = with_uses(capture(definition)).with_facts([htp.capabilities.Captured()])
    for step in (InlineHelpers(), Annotate(), Normalize(), Simplify()):
        program = run_step(step, program).program
        assert parse_program(program.text(), "program.py").canonical == program.canonical
    lines = [each.partition("#")[0].strip() for each in program.text().splitlines()]
    assert any(each.endswith('Tile[f32, "M", 1] = foo.rowmax(t6)') for each in lines), program.text()
    assert any("foo.axpy(s, t" in each and each.endswith("factor=1.0)") for each in lines)
    assert not any(each.startswith("dead") for each in lines)


def test_what_has_effects_is_kept_though_nobody_reads_its_result(tmp_path):
    program = capture(kernel("dead = foo.told(x)\ny[:] = x[:]", tmp_path))
    for step in (InlineHelpers(), Annotate(), Normalize(), Simplify()):
        program = step.apply(program)
    assert "= foo.told(" in program.text()


@pytest.mark.parametrize(
    ("body", "code", "said", "help_"),
    [
        ("y[:] = foo.rowmux(x)", "capture.undefined-name", "`foo` has no `rowmux`", "did you mean `foo.rowmax`?"),
        ("y[:] = foo.zzz(x)", "capture.undefined-name", "`foo` has no `zzz`", "it has rowmax, fma, axpy"),
        ("y[:] = foo.undeclared(x)", "capture.inactive-plugin", "plugin `foo` does not declare it", "htp_foo.plugin"),
        ("y[:] = foo.doubled(x)", None, "", ""),
    ],
)
def test_names_of_a_set(tmp_path, body, code, said, help_):
    definition = kernel(body, tmp_path)
    if code is None:
        capture(definition)  # a helper of the module is a helper
        return
    found = refused(lambda: capture(definition))
    assert found.code == code
    assert said in found.message
    assert help_ in found.help[0]
    assert found.span.line == definition.place.line + 2


def test_an_intrinsic_whose_plugin_is_not_in_force_is_refused_with_the_reason(tmp_path, monkeypatch):
    definition = kernel("y[:] = foo.rowmax(x)", tmp_path)
    with use_session(session()):
        found = refused(lambda: capture(definition))
        assert found.message == "the intrinsic `foo.rowmax` cannot be used: no installed plugin declares it"
    broken = htp.plugins.Found("foo", "htp_foo.plugin", "htp-foo", "0.1.0", ("htp-core>=99",))
    with use_session(session(broken)):
        found = refused(lambda: capture(definition))
        assert "plugin `foo` is in quarantine" in found.message
        assert "plugin.needs-core" in found.notes[0]
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "foo")
    with use_session(session(FOO)):
        found = refused(lambda: capture(definition))
        assert "plugin `foo` is disabled by HTP_DISABLE_PLUGINS" in found.message
    assert found.code == "capture.inactive-plugin"
    assert found.span.line == definition.place.line + 2


def test_a_stage_whose_set_is_not_installed_is_refused(tmp_path):
    text = capture(kernel("y[:] = foo.rowmax(x) + x", tmp_path)).text()
    with use_session(session()):
        found = refused(lambda: parse_program(text, "program.py"))
        assert (found.code, found.span.file) == ("capture.inactive-plugin", "program.py")
        assert found.help == ("install the package that `htp_foo` is imported from",)
        known = text.replace("from htp_foo import foo", "from htp_dialect_csp import process")
        assert refused(lambda: parse_program(known, "p.py")).help == ("pip install htp-dialect-csp",)
        odd = text.replace("from htp_foo import foo", "from os import path")
        assert refused(lambda: parse_program(odd, "p.py")).code == "capture.not-a-stage"


def test_a_set_and_something_of_the_program_cannot_have_one_name(tmp_path):
    head = "from htp_foo.foo import rowmax\n\n@kernel\n"
    text = 'def foo(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", 1]]) -> None:\n    y[:] = rowmax(x)\n'
    clash = defined(head + text, tmp_path, "foo")
    assert refused(lambda: capture(clash)).code == "capture.name-taken"
    local = kernel("foo = x[:] * 2\ny[:] = rowmax(x) + foo", tmp_path, head="from htp_foo.foo import rowmax\n")
    assert refused(lambda: capture(local)).code == "capture.name-taken"


# types


WRONG_TYPES = [
    ("y[:] = foo.rowmax(x[0])", "type.shape-mismatch", "`x` of `foo.rowmax` has 2 dimensions, not 1"),
    ("y[:] = foo.rowmax(x[:].astype(i32))", "type.dtype-mismatch", "is f16 or f32 or f64 here, not i32"),
    ("y[:] = foo.fma(x, x[:].astype(f16), x)", "type.dtype-mismatch", "`b` of `foo.fma` is f32 here, not f16"),
    ("y[:] = foo.fma(x, x, x[:, :4])", "type.shape-mismatch", "`c` of `foo.fma` has shape (M, min(4, N)), not (M, N)"),
    ("y[:] = foo.fma(x, x[:].T, x)", "type.shape-mismatch", "`b` of `foo.fma` has shape (N, M), not (M, N)"),
    ("y[:] = foo.halves(x, x[0])", "type.shape-mismatch", "`x` of `foo.halves` has shape (M, N), not (M, 2 * N)"),
    ("y[:] = foo.rowmax()", "type.bad-arguments", "`foo.rowmax` needs `x`"),
    ("y[:] = foo.rowmax(x, x)", "type.bad-arguments", "takes 1 arguments by position, not 2"),
    ("y[:] = foo.rowmax(x, axis=1)", "type.bad-arguments", "no parameter `axis`"),
    ("y[:] = foo.rowmax(2.0)", "type.not-a-tile", "is a tile, not a Python float"),
    ("y[:] = foo.edge(x, n=x.shape[1])", "type.not-constant", "`n` of `foo.edge` is an attribute"),
    ("y[:] = foo.edge(x, n=2.5)", "type.not-constant", "a constant of type int"),
    ("y[:] = foo.edge(x)", "type.bad-arguments", "needs `n`"),
    ("y[:] = foo.axpy(x, x, x)", "type.dtype-mismatch", "`a` of `foo.axpy` is a f32 number, not Tensor"),
    ("y[:] = foo.rowmax", "type.bad-attribute", "`foo.rowmax` has no value"),
]


@pytest.mark.parametrize(("body", "code", "said"), WRONG_TYPES)
def test_a_call_that_does_not_fit_is_refused_with_the_declaration(tmp_path, body, code, said):
    definition = kernel(body, tmp_path)
    program = capture(definition)
    found = refused(lambda: infer(program, program.main))
    assert found.code == code, found
    assert said in found.message
    assert found.span.line == definition.place.line + 2
    if "has no value" not in said:
        assert any(each.startswith("declared as foo.") for each in found.notes)


def test_results_are_typed_in_terms_of_the_arguments(tmp_path):
    program = capture(
        kernel(
            "t = foo.rowmax(x[:, 2:])\nu = foo.edge(x, n=4)\nw = foo.wide(foo.fma(x, x, x))\ny[:] = x[:] + t", tmp_path
        )
    )
    text = Annotate().apply(program).text()
    assert 't: Tile[f32, "M", 1] = ' in text
    assert 'u: Tile[f32, "M", 4] = ' in text
    assert 'w: Tile[f64, "M", "N"] = ' in text


# rules


def test_a_rule_may_introduce_an_intrinsic(tmp_path):
    from htp_foo import foo as mine

    class Fuse(Pass):
        name = "foo.fuse"
        requires = (htp.capabilities.Captured(),)
        introduces = (IntrinsicUse("foo.fma"),)

        @rewrite
        def fma(a, b, c):
            yield a * b + c
            yield mine.fma(a, b, c)

    program = with_uses(capture(kernel("y[:] = x[:] * x[:] + x[:]", tmp_path))).with_facts(
        [htp.capabilities.Captured()]
    )
    result = run_step(Fuse(), program, verify=True).program
    assert "y[:] = foo.fma(x[:], x[:], x[:])" in result.text()
    assert "from htp_foo import foo" in result.text()
    (use,) = [each for each in result.uses if isinstance(each, IntrinsicUse)]
    assert use.name == "foo.fma"
    assert use.spans[0].line == program.main.body[0].origin.line
    Annotate().apply(result)


def test_a_rule_may_match_an_intrinsic_under_any_name(tmp_path):
    from htp_foo.foo import fma as fused

    class Split(Pass):
        name = "foo.split"

        @rewrite
        def fma(a, b, c):
            yield fused(a, b, c)
            yield a * b + c

    program = capture(kernel("y[:] = foo.fma(x, x, x)", tmp_path))
    assert "y[:] = x * x + x" in Split().apply(program).text()
