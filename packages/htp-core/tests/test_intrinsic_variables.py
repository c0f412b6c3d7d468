"""Intrinsics whose module is a package, whose dtype is an attribute, and whose sizes are numbers."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from lent import installed, session

import htp
from htp import f16, f32, i32, i64
from htp.capabilities import Captured
from htp.capture import capture
from htp.diagnostics import Refused
from htp.intrinsics import DTypeVar, home_of, intrinsic
from htp.lowering.annotate import Annotate
from htp.lowering.expand import ExpandIntrinsics
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify
from htp.passes import run_step
from htp.plugins import Found
from htp.session import use_session
from htp.uses import with_uses
from htp.values import region_of

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)

MAKING = '''
from htp import Scalar, Tile, f16, f32, i32, i64, tile
from htp.intrinsics import DTypeVar, intrinsic

T = DTypeVar("T", f16, f32, i32)
U = DTypeVar("U", f16, f32, i32)


@intrinsic
def filled(value: Scalar[T], rows: Scalar[i64], *, cols: int, dtype: type[T]) -> Tile[T, "rows", "cols"]:
    return tile.full((rows, cols), value, dtype)


@intrinsic
def cast(x: Tile[T, "M", "N"], *, dtype: type[U] = f16, mode: str = "none") -> Tile[U, "M", "N"]:
    if mode == "floor":
        return tile.floor(x).astype(dtype)
    if mode == "double":
        return (x * 2).astype(dtype)
    if mode == "near" and dtype == i32:
        return tile.round(x).astype(dtype)
    return x.astype(dtype)
'''
PARTS = '''
from htp import Scalar, Tile, f32, i64
from htp.intrinsics import intrinsic


@intrinsic
def part(x: Tile[f32, "M", "N"], row: Scalar[i64], rows: Scalar[i64]) -> Tile[f32, "rows", "N"]:
    assert 0 <= row
    assert 0 <= rows
    assert row + rows <= x.shape[0]
    return x[row : row + rows, :]
'''
PLUGIN = """
from htp.declarations import IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_intrinsics():
    return (IntrinsicSet("bar", "htp_bar.bar", ("filled", "cast", "part")),)
"""
FILES = {
    "htp_bar/__init__.py": "",
    "htp_bar/plugin.py": PLUGIN,
    "htp_bar/bar/__init__.py": "from htp_bar.bar._making import cast, filled\nfrom htp_bar.bar._parts import part\n",
    "htp_bar/bar/_making.py": MAKING,
    "htp_bar/bar/_parts.py": PARTS,
}
BAR = Found("bar", "htp_bar.plugin", "htp-bar", "0.1.0", ("htp-core>=0.1,<1",))
PARAMS = 'x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]'


@pytest.fixture(autouse=True)
def bar(tmp_path, monkeypatch):
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    installed(tmp_path, monkeypatch, **FILES)
    with use_session(session(BAR)):
        from htp_bar import bar

        yield bar
    for name in [each for each in sys.modules if each.partition(".")[0] in ("htp_bar", "htp_foo", "htp_dialect_x")]:
        del sys.modules[name]


def array(values, dtype=f32):
    return region_of(np.asarray(values, dtype=htp.types.numpy_dtype(dtype)), dtype)


def kernel(body, folder, params=PARAMS):
    lines = "\n".join(f"    {each}" for each in body.split("\n"))
    return STAGES.defined(f"from htp_bar import bar\n\n\n@kernel\ndef f({params}) -> None:\n{lines}\n", folder)


def refused(action):
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.diagnostic


def test_private_modules_of_a_package_are_one_set(bar):
    assert [each.name for each in (bar.filled, bar.cast, bar.part)] == ["bar.filled", "bar.cast", "bar.part"]
    assert {each.module for each in (bar.filled, bar.cast, bar.part)} == {"htp_bar.bar"}


@pytest.mark.parametrize(
    ("module", "home"),
    [
        ("a.foo", "a.foo"), ("a.foo._x", "a.foo"), ("a.foo._x._y", "a.foo"), ("a._p.foo", "a._p.foo"),
        ("__main__", "__main__"),
    ],
)  # fmt: skip
def test_the_home_of_an_intrinsic(module, home):
    def function():
        pass

    function.__module__ = module
    assert home_of(function) == home


def test_signatures_tell_dtypes_and_sizes(bar):
    assert str(bar.filled.signature) == (
        'bar.filled(value: Scalar[T], rows: Scalar[i64], *, cols: int, dtype: type[T]) -> Tile[T, "rows", "cols"]'
    )
    assert "dtype: type[U] = f16" in str(bar.cast.signature)


def test_running_a_body_with_a_dtype_and_a_size(bar):
    made = bar.filled(2.5, 3, cols=2, dtype=f16)
    assert type(made) is f16
    np.testing.assert_array_equal(np.asarray(made), np.full((3, 2), 2.5, np.float16))
    cast = bar.cast(array([[1.75, -1.75]]), dtype=i32, mode="floor")
    np.testing.assert_array_equal(np.asarray(cast), [[1, -2]])
    assert type(bar.cast(array([[1.0]]))) is f16
    np.testing.assert_array_equal(np.asarray(bar.part(array([[1.0], [2.0], [3.0]]), 1, 2)), [[2.0], [3.0]])


@pytest.mark.parametrize("dtype", [i64, 1.0, "f32", int])
def test_a_dtype_that_the_variable_does_not_allow_is_refused(bar, dtype):
    assert refused(lambda: bar.cast(array([[1.0]]), dtype=dtype)).code == "run.dtype-mismatch"


T = DTypeVar("T", f16, f32)


def by_position(x: htp.Tile[T, "M"], dtype: type[T]) -> htp.Tile[T, "M"]: ...
def by_default(x: htp.Tile[T, "M"], *, dtype: type[T] = i32) -> htp.Tile[T, "M"]: ...
def by_fraction(rows: htp.Scalar[f32], *, dtype: type[T]) -> htp.Tile[T, "rows"]: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (by_position, "`dtype` is an attribute that may be given by position"),
        (by_default, "the default of `dtype` is"),
        (by_fraction, "no argument tells the size `rows`"),
    ],
)
def test_signatures_that_cannot_be_read(function, said):
    found = refused(lambda: intrinsic(function))
    assert found.code == "intrinsic.bad-signature"
    assert said in found.message


def lowered(definition, *steps):
    program = with_uses(capture(definition)).with_facts([Captured()])
    for step in (InlineHelpers(), Annotate(), *steps):
        program = run_step(step, program, verify=True).program
    return program


def check(program, definition):
    """The stage computes what the kernel does."""
    scope = {"__name__": "stage"}
    exec(compile(program.text(), "<stage>", "exec"), scope)
    x = (np.random.default_rng(3).standard_normal((5, 4)) * 3).astype(np.float32)
    wanted, got = np.zeros_like(x), np.zeros_like(x)
    definition(x, wanted)
    scope[program.entry](x, got)
    np.testing.assert_array_equal(got, wanted)
    return wanted, x


BODY = """M, N = x.shape
assert M >= 3
t = bar.cast(bar.cast(x, dtype=i32, mode='floor'), dtype=f32)
z = bar.filled(1.5, M - 2, cols=4, dtype=f32)
y[:] = t
y[2:, :] = t[2:, :] + z - bar.part(x, 1, M - 2)"""


def test_sizes_and_dtypes_in_a_program(tmp_path):
    definition = kernel(BODY, tmp_path, PARAMS.replace('"N"', "4"))
    wanted, x = check(lowered(definition), definition)
    np.testing.assert_array_equal(wanted[:2], np.floor(x[:2]))
    np.testing.assert_array_equal(wanted[2:], np.floor(x[2:]) + np.float32(1.5) - x[1:4])
    program = lowered(definition, Normalize(), Simplify())
    assert "dtype=i32" in program.text()
    assert 'Tile[f32, "M - 2", 4] = bar.filled(1.5, M - 2, cols=4, dtype=f32)' in program.text()
    check(program, definition)


def test_bodies_are_expanded_with_their_sizes_and_dtypes(tmp_path):
    definition = kernel(BODY, tmp_path, PARAMS.replace('"N"', "4"))
    program = lowered(definition, ExpandIntrinsics(("bar.*",)))
    assert "bar." not in program.text()
    check(program, definition)


def test_of_several_returns_the_one_that_is_reached_counts(tmp_path):
    definition = kernel("y[:] = bar.cast(x, dtype=f32, mode='double')", tmp_path)
    program = lowered(definition, ExpandIntrinsics(("bar.*",)))
    assert "floor" not in program.text()
    wanted, x = check(program, definition)
    np.testing.assert_array_equal(wanted, x * 2)


def test_a_body_may_ask_which_dtype_was_chosen(tmp_path):
    near = "bar.cast({}, dtype={}, mode='near')"
    body = f"y[:] = {near.format('x', 'f32')}\ny[:2, :] = {near.format('x[:2, :]', 'i32')}.astype(f32)"
    program = lowered(kernel(body, tmp_path), ExpandIntrinsics(("bar.*",)))
    assert program.text().count("round") == 1
    wanted, x = check(program, kernel(body, tmp_path))
    np.testing.assert_array_equal(wanted[2:], x[2:])
    np.testing.assert_array_equal(wanted[:2], np.rint(x[:2]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("bar.cast(x, dtype=i64)", "write one of f16, f32, i32"),
        ("bar.cast(x, dtype=1)", "write one of f16, f32, i32"),
    ],
)
def test_a_dtype_in_a_program_that_is_none_of_the_variable(tmp_path, call, said):
    found = refused(lambda: lowered(kernel(f"y[:] = {call}", tmp_path)))
    assert found.code == "type.not-constant"
    assert said in found.help[0]


def test_a_tile_that_has_another_dtype_than_the_attribute_says(tmp_path):
    body = "y[:] = bar.filled(tile.item(x[0, 0]), 3, cols=4, dtype=i32)"
    assert refused(lambda: lowered(kernel(body, tmp_path))).code.startswith("type.")


def test_a_module_refuses_one_of_its_names_at_the_line_that_names_it(tmp_path, bar, monkeypatch):
    def gone(name):
        if name == "gone":
            raise Refused("type.bad-attribute", "`gone` is gone", help="write `part`")
        raise AttributeError(name)

    monkeypatch.setattr(bar, "__getattr__", gone, raising=False)
    found = refused(lambda: lowered(kernel("y[:] = x[:]\ny[:] = bar.gone(x)", tmp_path)))
    assert (found.code, found.message) == ("type.bad-attribute", "`gone` is gone")
    assert found.span is not None
    missing = refused(lambda: lowered(kernel("y[:] = bar.missing(x)", tmp_path)))
    assert missing.code == "capture.undefined-name"
