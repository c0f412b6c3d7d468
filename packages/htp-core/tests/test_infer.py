"""Inference: shapes with symbolic sizes, what assertions settle, and what stays unknown."""

import importlib.util
from pathlib import Path

import pytest

from htp import Refused
from htp.capture import capture
from htp.lowering.annotate import checked
from htp.lowering.inline import InlineHelpers

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)

SIGNATURE = 'x: In[Tensor[f32, "M", "N"]], v: In[Tensor[f32, "N"]], k: Scalar[i32], y: InOut[Tensor[f32, "M", "N"]]'


def program(folder, body, signature=SIGNATURE):
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return STAGES.defined(f"@kernel\ndef f({signature}) -> None:\n{lines}", folder)


def type_of(folder, expression, before="", signature=SIGNATURE):
    """The type of the tile that `expression` gives."""
    captured = InlineHelpers().apply(capture(program(folder, f"{before}\nt = {expression}".strip("\n"), signature)))
    known = checked(captured, captured.main)
    return str(known.of(captured.main.body[-1].targets[0]))


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("x", 'Tile[f32, "M", "N"]'),
        ("x.T", 'Tile[f32, "N", "M"]'),
        ("x + v", 'Tile[f32, "M", "N"]'),
        ("x > 0", 'Tile[bool_, "M", "N"]'),
        ("x[0]", 'Tile[f32, "N"]'),
        ("x[..., 0]", 'Tile[f32, "M"]'),
        ("x[:, None, :]", 'Tile[f32, "M", 1, "N"]'),
        ("x[-1:]", 'Tile[f32, "min(1, M)", "N"]'),
        ("x[:4]", 'Tile[f32, "min(4, M)", "N"]'),
        ("x @ x.T", 'Tile[f32, "M", "M"]'),
        ("x @ v", 'Tile[f32, "M"]'),
        ("x.astype(f16) @ v.astype(f16)", 'Tile[f32, "M"]'),
        ("tile.sum(x, axis=0)", 'Tile[f32, "N"]'),
        ("tile.sum(x, axis=1, keepdims=True)", 'Tile[f32, "M", 1]'),
        ("tile.argmax(x, axis=-1)", 'Tile[i64, "M"]'),
        ("tile.concat((x, x), axis=1)", 'Tile[f32, "M", "2 * N"]'),
        ("tile.reshape(x, (-1,))", 'Tile[f32, "M * N"]'),
        ("tile.reshape(x, (x.shape[1], x.shape[0]))", 'Tile[f32, "N", "M"]'),
        ("tile.expand_dims(v, 0)", 'Tile[f32, 1, "N"]'),
        ("tile.zeros((x.shape[0] // 2, 3), f16)", 'Tile[f16, "M // 2", 3]'),
        ("tile.arange(3, 10, 2)", "Tile[i32, 4]"),
        ("tile.take(x, tile.zeros((5,), i32), axis=1)", 'Tile[f32, "M", 5]'),
        ("tile.one_hot(tile.zeros((5,), i32), 7, f32)", "Tile[f32, 5, 7]"),
    ],
)
def test_shapes(tmp_path, expression, type_):
    assert type_of(tmp_path, expression) == type_


@pytest.mark.parametrize(
    ("before", "expression", "type_"),
    [
        ("assert x.shape[0] % 64 == 0", "tile.reshape(x[:, 0], (-1, 64))", 'Tile[f32, "M // 64", 64]'),
        ("assert x.shape[0] >= 4", "x[1:4]", 'Tile[f32, 3, "N"]'),
        ("assert x.shape[0] == x.shape[1]", "x + x.T", 'Tile[f32, "M", "N"]'),
        ("assert 0 <= k and k + 2 <= x.shape[0]", "x[k : k + 2]", 'Tile[f32, 2, "N"]'),
        ("assert k > 0", "x[:k]", 'Tile[f32, "min(M, k)", "N"]'),
        ("assert x.shape[0] == 8", "tile.zeros((8, 1), f32) + x", 'Tile[f32, 8, "N"]'),
    ],
)
def test_assertions_settle_sizes(tmp_path, before, expression, type_):
    assert type_of(tmp_path, expression, before) == type_


def test_a_divisible_size_has_no_tails(tmp_path):
    f = program(
        tmp_path,
        "assert x.shape[0] % 64 == 0\nfor i in range(0, x.shape[0], 64):\n"
        "    y[i : i + 64] = x[i : i + 64] + tile.zeros((64, 1), f32)",
    )
    assert "i:i + 64" in STAGES.stages(f)["simplify"].text()


def test_sizes_agree_across_parameters(tmp_path):
    signature = 'a: In[Tensor[f32, "M // 2", "K"]], b: In[Tensor[f32, "K", "M"]], c: Out[Tensor[f32, "M // 2", "M"]]'
    assert "tile.dot" in STAGES.stages(program(tmp_path, "c[:] = a @ b", signature))["simplify"].text()


def test_a_size_may_be_a_scalar_parameter(tmp_path):
    import numpy as np

    signature = 'n: Scalar[i32], a: In[Tensor[f32, "n"]], c: Out[Tensor[f32, "n"]]'
    f = program(tmp_path, "t = tile.full((n,), 2.0, f32)\nc[:] = a * t", signature)
    STAGES.check(f, 3, np.arange(3, dtype=np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("y[:] = x + x.T", "type.shape-mismatch"),
        ("y[:] = x[1:]", "type.shape-mismatch"),
        ("y[:] = tile.reshape(x, (-1, 64))", "type.shape-mismatch"),
        ("y[:] = x\nn = 4 // (k - k)", "type.division-by-zero"),
        ("y[:] = x * (2 ** k)", "type.negative-power"),
        ("y[:] = x\nt = k > 0\ny[:] = x * (t + 1)", "type.bad-operands"),
        ("y[:] = x\nwhile x[0, 0] > 1:\n    y[:] = x", "type.bad-condition"),
        ("y[0][:] = v", "type.store-into-value"),
        ("t = y\ny[:] = t", "type.second-name"),
        ("a, b = y, 1\ny[:] = a", "type.second-name"),
        ("y = x", "type.parameter-rebound"),
        ("y[:] = tile.sum(x, 1, True, 3)", "type.bad-arguments"),
        ("y[:] = tile.zeros((-1,), f32)", "type.shape-mismatch"),
        ("y[:] = x\ntile.print(x)", "type.bad-arguments"),
        ("y[:] = x\ntile.print(x, 'x')", "type.bad-arguments"),
        ("y[:] = x\ntile.print()", "type.bad-arguments"),
        ("y[:] = x\ntile.print('x', 'y')", "type.bad-arguments"),
        ("y[:] = x\ntile.print(text='x')", "type.bad-arguments"),
    ],
)
def test_refusals(tmp_path, body, code):
    with pytest.raises(Refused) as caught:
        STAGES.stages(program(tmp_path, body))
    assert caught.value.code == code
    assert caught.value.diagnostic.span is not None


def test_equal_slices_of_unknown_sign_have_equal_sizes(tmp_path):
    import numpy as np

    f = program(tmp_path, "y[k:] = x[k:] * 2.0\ny[:-k] = x[:-k] + y[:-k]")
    for k in (-5, -2, 0, 1, 3, 9):
        STAGES.check(f, np.ones((4, 2), np.float32), np.ones(2, np.float32), k, np.zeros((4, 2), np.float32))


def test_an_element_is_one_number_as_often_as_a_statement_asks_for_it(tmp_path):
    signature = 'x: InOut[Tensor[f32, "M", "N"]], at: In[Tensor[i32, 4]]'
    body = "x[tile.item(at[0]):tile.item(at[0]) + 3, :] = x[tile.item(at[0]):tile.item(at[0]) + 3, :]"
    captured = capture(program(tmp_path, body, signature))
    checked(captured, captured.main)


def test_the_end_of_a_slice_is_not_before_its_start(tmp_path):
    signature = 'x: In[Tensor[f32, 24, "N"]], by: Scalar[i64], y: Out[Tensor[f32, "M", "N"]]'
    body = (
        "M = y.shape[0]\nfor i in range(0, M, 8):\n    k = 8 * ((i // 8 - by) // 2 % 3)\n"
        "    n = min(8, M - i)\n    y[i : i + n, :] = x[k : k + n, :]"
    )
    for asserted in ("", "    assert k >= 0\n    assert k <= 16\n"):
        f = program(tmp_path, body.replace("    n =", f"{asserted}    n ="), signature)
        text = STAGES.stages(f)["simplify"].text()
        assert 'Tile[f32, "min(8, M - i)", "N"]' in text
        assert "clip" not in text


def test_a_slice_holds_no_more_than_its_bounds_say(tmp_path):
    captured = capture(program(tmp_path, "t = x[k:k + 3, :]\nu = x[k:k + 3, :]"))
    known = checked(captured, captured.main)
    rows = known.of(captured.main.body[0].targets[0]).dims[0]
    assert known.facts_at(captured.main.body[1]).upper_bound(rows) == 3


def test_extremes_of_nothing_have_a_type_and_the_place_of_one_has_none(tmp_path):
    assert type_of(tmp_path, "tile.max(x[:, 0:0], axis=1)") == 'Tile[f32, "M"]'
    with pytest.raises(Refused, match="argmax") as caught:
        type_of(tmp_path, "tile.argmax(x[:, 0:0], axis=1)")
    assert caught.value.code == "type.empty-reduction"


def test_a_condition_on_an_element_says_how_to_take_it_out(tmp_path):
    with pytest.raises(Refused) as caught:
        type_of(tmp_path, "x[:]", "if v[k] > 0:\n    y[:] = x[:]")
    assert caught.value.diagnostic.help == ("take the number out of its array: `tile.item(v[k]) > 0`",)


ELEMENTS = 'at: In[Tensor[i32, 4]], k: Scalar[i32], x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M + 1", "N"]]'
ZEROS = "tile.zeros((2, y.shape[1]), f32)"


@pytest.mark.parametrize(
    ("body", "asserted"),
    [
        (f"y[k:k + 2, :] = {ZEROS}", "0 <= k <= x.shape[0] + 1 and 0 <= k + 2 <= x.shape[0] + 1"),
        (f"if k > 1:\n    t = x[k:k + 2, :] + {ZEROS}", "x.shape[0] >= k + 2"),
        (
            f"first = tile.item(at[k]) + k\ny[first - 1:first + 1, :] = {ZEROS}",
            "0 <= first - 1 <= x.shape[0] + 1 and 0 <= first + 1 <= x.shape[0] + 1",
        ),
        (f"for i in range(k):\n    y[i:i + 2, :] = {ZEROS}", "x.shape[0] >= i + 1"),
        (f"for i in range(k):\n    t = {ZEROS} + x[0:2, :]", "x.shape[0] >= 2"),
        ("rows = tile.reshape(y, (-1, 4 * y.shape[1]))\ny[:] = rows", None),
        ("one, two = tile.split(y[:], 2, axis=0)", "(x.shape[0] + 1) % 2 == 0"),
        (f"y[tile.item(at[0]):tile.item(at[0]) + 2, :] = {ZEROS}", None),
    ],
)
def test_the_assertion_a_refusal_proposes_can_be_written_and_settles_it(tmp_path, body, asserted):
    def refusal(lines):
        try:
            captured = capture(program(tmp_path, "\n".join(lines), ELEMENTS))
            checked(captured, captured.main)
        except Refused as refused:
            return refused.diagnostic
        return None

    lines = body.split("\n")
    found = refusal(lines)
    (help,) = found.help
    assert (f"`assert {asserted}`" in help) if asserted else "`assert " not in help
    if asserted:
        indent = " " * (len(lines[-1]) - len(lines[-1].lstrip()))
        assert refusal([*lines[:-1], f"{indent}assert {asserted}", lines[-1]]) is None
