"""The passes of core, each as two snippets: before and after."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from htp import Refused

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
X = np.arange(6, dtype=np.float32) - 2
Y = np.zeros(6, np.float32)

HEAD = '@kernel\ndef f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:\n'


def body(program):
    """The statements of the entry, without origins."""
    text = program.text().split("def f(")[1].split(") -> None:\n", 1)[1].split("\n\n\nif __name__")[0]
    return "\n".join(line.split("  # ")[0].rstrip()[4:] for line in text.splitlines())


def after(step, text, folder, extra=""):
    f = STAGES.defined(extra + HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines()), folder)
    STAGES.check(f, X, Y)
    return body(STAGES.stages(f)[step])


def lines(text):
    return "\n".join(line[4:] for line in text.strip("\n").splitlines()).rstrip()


def test_inline_substitutes_names_and_renames_locals(tmp_path):
    helpers = "@func\ndef scaled(v, by):\n    z = v * by\n    v = z + 1.0\n    return v\n\n\n"
    assert after("inline", "z = scaled(x, 2.0)\ny[:] = scaled(z, 3.0) + z", tmp_path, helpers) == lines("""
    v = x
    z_1 = v * 2.0
    v = z_1 + 1.0
    z = v
    v_1 = z
    z_2 = v_1 * 3.0
    v_1 = z_2 + 1.0
    y[:] = v_1 + z
    """)


def test_inline_takes_tuples_and_nested_helpers_apart(tmp_path):
    helpers = (
        "@func\ndef two(v):\n    return v, v * 2.0\n\n\n@func\ndef one(v):\n    a, b = two(v)\n    return a - b\n\n\n"
    )
    assert after("inline", "y[:] = one(one(x))", tmp_path, helpers) == lines("""
    a, b = (x, x * 2.0)
    v = a - b
    a_1, b_1 = (v, v * 2.0)
    y[:] = a_1 - b_1
    """)


def test_a_helper_with_statements_is_refused_in_the_condition_of_a_loop(tmp_path):
    text = "@func\ndef least(v):\n    z = tile.min(v)\n    return tile.item(z)\n\n\n" + HEAD
    f = STAGES.defined(text + "    y[:] = x\n    while least(y[:]) < 0.0:\n        y[:] = y[:] + 1.0\n", tmp_path)
    with pytest.raises(Refused) as caught:
        STAGES.stages(f)
    assert caught.value.code == "capture.unsupported-call"


def test_annotate_writes_types_beside_tiles(tmp_path):
    assert after("annotate", "n = x.shape[0]\nt = x[1:] * 2\ns = tile.sum(t)\ny[:] = x + s", tmp_path) == lines("""
    n = x.shape[0]
    t: Tile[f32, "max(0, N - 1)"] = x[1:] * 2
    s: Scalar[f32] = tile.sum(t)
    y[:] = x + s
    """)


def test_normalize_writes_one_operation_a_statement(tmp_path):
    assert after("normalize", "n = x.shape[0] * 2\ny[:] = tile.exp(x - tile.max(x)) * n", tmp_path) == lines("""
    N = x.shape[0]
    t1: Tile[f32, "N"] = x[:]
    t2: Tile[f32, "N"] = x[:]
    t3: Tile[f32, 1] = tile.max(t2, axis=0, keepdims=True)
    t4: Scalar[f32] = tile.reshape(t3, ())
    t5: Tile[f32, "N"] = t1 - t4
    t6: Tile[f32, "N"] = tile.exp(t5)
    t7: Tile[f32, "N"] = t6 * (2 * N)
    y[:] = t7
    """)


@pytest.mark.parametrize(
    ("size", "elements", "value"),
    [("N + 1", 7, "x.shape[0] - 1"), ("2 * N", 6, "x.shape[0] // 2"), ("3 * N - 2", 7, "(x.shape[0] - -2) // 3")],
)
def test_normalize_names_a_size_that_stands_in_expressions_only(size, elements, value, tmp_path):
    text = f'@kernel\ndef f(x: In[Tensor[f32, "{size}"]], y: InOut[Tensor[f32, "{size}"]]) -> None:\n'
    text += "    for i in range(x.shape[0] - 1):\n        y[i] = x[i] + 1.0\n"
    f = STAGES.defined(text, tmp_path)
    STAGES.check(f, np.arange(elements, dtype=np.float32), np.zeros(elements, np.float32))
    assert f"N: i64 = {value}\n" in body(STAGES.stages(f)["normalize"])


def test_normalize_sums_narrow_floats_in_f32(tmp_path):
    found = after("normalize", "y[:] = tile.sum(x.astype(f16)).astype(f32) + x", tmp_path)
    assert "tile.cast(t2, f32)" in found
    assert "tile.sum(t3, axis=0, keepdims=True)" in found


def test_normalize_evaluates_the_condition_of_a_while_every_turn(tmp_path):
    text = "y[:] = x\nwhile tile.item(y[0]) < 3.0:\n    y[:] = y[:] + 1.0"
    found = after("normalize", text, tmp_path)
    assert found.count("tile.item(") == 2
    assert "while more_1:" in found


def test_normalize_runs_the_second_part_of_a_condition_only_behind_the_first(tmp_path):
    text = "y[:] = x\ni = 0\nwhile i < x.shape[0] and tile.item(x[i]) < 2.0:\n    i += 1\ny[0] = i"
    after("normalize", text, tmp_path)


def test_normalize_checks_divisors_that_may_be_zero(tmp_path):
    found = after(
        "normalize", "y[:] = x\nfor i in range(1, x.shape[0]):\n    y[i] = x[0] + 7 % i + 8 // (i - 9)", tmp_path
    )
    assert found.count("assert") == 1
    assert "assert i - 9 != 0" in found


def test_normalize_leaves_a_division_under_its_condition(tmp_path):
    found = after("normalize", "n = x.shape[0]\nm = 0 if n == 6 else 8 // (n - 6)\ny[:] = x * m", tmp_path)
    assert "if N == 6" in found or "0 if N == 6" in found


def test_normalize_copies_scalar_parameters_that_change(tmp_path):
    text = '@kernel\ndef f(y: Out[Tensor[f32, "N"]], k: Scalar[i32], s: Scalar[f32]) -> None:\n'
    text += "    y[:] = 0.0\n    while k > 0:\n        k -= 1\n        s = s * 0.5\n        y[:] = y[:] + s\n"
    f = STAGES.defined(text, tmp_path)
    STAGES.check(f, Y, 3, 4.0)
    assert "k_1: i64 = k" in body(STAGES.stages(f)["normalize"])


def test_normalize_declares_scalars_before_their_branches(tmp_path):
    text = "if x.shape[0] > 2:\n    w = 1.5\n    m = 2\nelse:\n    w = 2.5\n    m = 1\ny[:] = x * w + m"
    found = after("normalize", text, tmp_path)
    assert found.index("w: f64 = 0.0") < found.index("if N")
    assert found.index("m: i64 = 0") < found.index("if N")


def test_swaps_take_all_values_first(tmp_path):
    after("normalize", "a = x * 2.0\nb = x + 1.0\nfor i in range(3):\n    a, b = b, a\ny[:] = a - 3.0 * b", tmp_path)


def test_buffers_may_be_made_in_one_assignment(tmp_path):
    copy = HEAD.replace("f(", "copy(") + "    y[:] = x\n\n\n"
    text = "a, b = empty((x.shape[0],), f32), empty(x.shape, f32)\ncopy(x, a)\ncopy(a, b)\ncopy(b, y)"
    routine = HEAD.replace("@kernel", "@routine") + "".join(f"    {line}\n" for line in text.splitlines())
    f = STAGES.defined(copy + routine, tmp_path)
    STAGES.check(f, X, Y)
    made = [each for each in body(STAGES.stages(f)["normalize"]).splitlines() if "empty" in each]
    assert made == ["a = empty((N,), f32)", "b = empty((N,), f32)"]


def test_simplify_removes_identities_and_dead_values(tmp_path):
    assert after("simplify", "d = tile.exp(x)\ny[:] = (x * 1.0 / 1.0) ** 2", tmp_path) == lines("""
    N = x.shape[0]
    t2: Tile[f32, "N"] = x[:]
    t5: Tile[f32, "N"] = t2 * t2
    y[:] = t5
    """)


def test_simplify_accumulates_products(tmp_path):
    signature = 'a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: InOut[Tensor[f32, "M", "N"]]'
    text = f"@kernel\ndef f({signature}) -> None:\n"
    f = STAGES.defined(text + "    c[:] = c[:] + a @ b\n", tmp_path)
    assert "acc=" in body(STAGES.stages(f)["simplify"])
    numbers = np.random.default_rng(1)
    STAGES.check(f, *(numbers.integers(-4, 4, shape).astype(np.float32) for shape in ((3, 4), (4, 2), (3, 2))))


def test_simplify_keeps_a_product_that_a_branch_may_replace(tmp_path):
    text = '@kernel\ndef f(a: In[Tensor[f32, "M", "M"]], c: InOut[Tensor[f32, "M", "M"]], k: Scalar[i32]) -> None:\n'
    text += "    t = a @ a\n    if k > 0:\n        t = a * 2.0\n    c[:] = c[:] + t\n"
    f = STAGES.defined(text, tmp_path)
    a = np.arange(4, dtype=np.float32).reshape(2, 2)
    for k in (0, 1):
        STAGES.check(f, a, a + 1, k)


def test_numpys_methods_are_operations(tmp_path):
    text = "@kernel\ndef f(x: In[Tensor[f32, 6]], y: Out[Tensor[f32, 6]]) -> None:\n"
    text += "    y[:] = x.reshape(2, 3).sum(axis=1).max() + x.clip(0.0, 1.0) - x.cumsum(0)\n"
    STAGES.check(STAGES.defined(text, tmp_path), X, Y)


def test_a_number_read_from_a_tile_and_stored_has_a_name_of_its_own(tmp_path):
    found = after("normalize", "for j in range(x.shape[0]):\n    y[j] = tile.item(x[j])", tmp_path)
    assert "    t2: f64 = tile.item(t1)\n    y[j] = t2" in found
