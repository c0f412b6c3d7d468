"""What a variant asks of calls: refused at the user's line, with what to write instead."""

import importlib.util
from pathlib import Path

import pytest

import htp
from htp.diagnostics import Refused
from htp_backend_pto import pto
from htp_backend_pto.isa import INSTRUCTIONS

FRAME = """
import htp
from htp import In, Out, Tensor, {dtypes}, kernel
from htp_backend_pto import pto


@kernel
def f({params}) -> None:
    {body}
"""
SAME = "x: In[Tensor[{0}, 32, 64]], y: Out[Tensor[{0}, 32, 64]]"


def refusal(folder, body, target, dtype="f32", params="", dtypes=""):
    path = Path(folder) / "program.py"
    text = FRAME.format(params=params or SAME.format(dtype), body=body, dtypes=dtypes or dtype)
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(Refused) as caught:
        htp.compile_program(module.f, target=target, out=Path(folder) / "out")
    found = caught.value.diagnostic
    assert Path(found.span.file) == path
    assert found.span.line == text[: text.index(body)].count("\n") + 1
    assert found.help
    return found


@pytest.mark.parametrize("name", ["addc(t, t, t)", "subc(t, t, t)", "addsc(t, 1.0, t)", "subsc(t, 1.0, t)"])
def test_what_only_the_simulator_has_is_refused_for_the_device(tmp_path, name):
    found = refusal(tmp_path, f"t = pto.load(x); y[:] = pto.{name}", "pto:a2a3")
    assert found.code == "pto.no-instruction"
    assert "pto.add" in found.help[0]


def test_random_numbers_are_an_array_on_the_device(tmp_path):
    found = refusal(tmp_path, "y[:] = pto.random(1, 0, 0, 32, 64, dtype=i32)", "pto:a2a3", "i32")
    assert found.code == "pto.no-instruction"
    assert "as an array" in found.help[0]


@pytest.mark.parametrize("target", ["pto:a2a3", "pto:a2a3sim"])
@pytest.mark.parametrize(
    ("call", "dtype"),
    [("add(t, t)", "bf16"), ("exp(t)", "bf16"), ("add(t, t)", "u8"), ("not_(t)", "i32"), ("rowexpandadd(t, t)", "u32")],
)
def test_dtypes_that_the_vector_unit_does_not_take(tmp_path, target, call, dtype):
    params = f"x: In[Tensor[{dtype}, 32, 1]], y: Out[Tensor[{dtype}, 32, 1]]"
    found = refusal(tmp_path, f"t = pto.load(x); y[:] = pto.{call}", target, dtype, params)
    assert found.code == "pto.bad-dtype"
    assert f"not {dtype}" in found.message


def test_integers_are_compared_by_eq_on_the_device(tmp_path):
    body = 't = pto.load(x); y[:] = pto.sels(pto.cmps(t, 3, mode="gt"), t, 0, pto.scratch(rows=1, cols=32, dtype=u8))'
    found = refusal(tmp_path, body, "pto:a2a3", "i32", dtypes="i32, u8")
    assert found.code == "pto.bad-mode"
    assert "by eq" in found.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('y[:] = pto.cvt(pto.cvt(pto.load(x), dtype=f16, mode="floor"), dtype=f32)', "how fractions become integers"),
        ('y[:] = pto.cvt(pto.cvt(pto.load(x), dtype=i32, mode="up"), dtype=f32)', "has no mode 'up'"),
        ("y[:] = pto.scatter_mask(pto.gather_mask(pto.load(x), start=0, step=2), start=2, step=2)", "no pattern"),
    ],
)
def test_modes_and_patterns_that_there_are_not(tmp_path, body, said):
    found = refusal(tmp_path, body, "pto:a2a3sim", dtypes="f16, f32, i32")
    assert found.code == "pto.bad-mode"
    assert said in found.message


@pytest.mark.parametrize(
    ("columns", "rounds", "said"),
    [
        ("64", 8, "7 or 10 rounds, not 8"),
        ("60", 7, "multiple of 8, and here are 60"),
        ('"N"', 10, "depends on the run"),
    ],
)
def test_random_numbers_are_counted_by_columns(tmp_path, columns, rounds, said):
    body = f"y[:] = pto.random(1, 0, 0, 32, y.shape[1], dtype=i32, rounds={rounds})"
    found = refusal(tmp_path, body, "pto:a2a3sim", "i32", params=f"y: Out[Tensor[i32, 32, {columns}]]")
    assert found.code == "pto.bad-mode"
    assert said in found.message


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('y[:] = pto.cvt(pto.load(x), dtype=f32, mode="nearest")', "pto.bad-mode", "leave the mode out"),
        ('y[:] = pto.cvt(pto.cvt(pto.load(x), dtype=i32, mode="up"), dtype=f32)', "pto.bad-mode", "none, rint, round"),
        (
            "t = pto.load(x); y[:] = pto.sels(pto.cmps(t, 0.0), t, 0.0, pto.scratch(rows=1, cols=32, dtype=u32))",
            "pto.bad-dtype", "make the scratch u8: `tmp = pto.scratch(rows=…, cols=…, dtype=u8)`",
        ),
        ("y[:] = pto.rowsum(pto.load(x))", "type.bad-arguments", "`pto.scratch(rows=16, cols=64, dtype=f32)`"),
        ("t = pto.load(x); y[:] = pto.insert(t, pto.extract(t, 0, 8, 4, 8), 0, 9)", "pto.unaligned-part", "column 8"),
        ("t = pto.load(x); y[:] = pto.insert(t, pto.extract(t, 3, 5, 4, 8), 0, 8)", "pto.unaligned-part", "a slice"),
    ],
)  # fmt: skip
def test_the_help_names_what_is_taken(tmp_path, body, code, said):
    found = refusal(tmp_path, body, "pto:a2a3sim", dtypes="f32, i32, u32")
    assert found.code == code
    assert said in found.help[0]


@pytest.mark.parametrize(("dtype", "said"), [("u8", "dtype=f16"), ("u32", "operators and `htp.tile`")])
def test_the_help_names_a_conversion_that_there_is(tmp_path, dtype, said):
    found = refusal(tmp_path, "t = pto.load(x); y[:] = pto.add(t, t)", "pto:a2a3sim", dtype)
    assert said in found.help[0]


def test_every_scratch_is_described():
    for each in INSTRUCTIONS.values():
        if any(operand.role == "scratch" for operand in each.operands):
            assert "\n    `tmp` is " in getattr(pto, each.name).__doc__, each.name


def test_a_load_has_4095_rows_at_most(tmp_path):
    params = "x: In[Tensor[f32, 4096, 8]], y: Out[Tensor[f32, 4096, 8]]"
    found = refusal(tmp_path, "y[:] = pto.store(pto.load(x))", "pto:a2a3sim", params=params)
    assert found.code == "pto.too-many-rows"
    assert "4096" in found.message


def test_a_product_is_at_most_4095_in_every_size(tmp_path):
    params = "a: In[Tensor[f16, 16, 4096]], b: In[Tensor[f16, 4096, 16]], c: Out[Tensor[f32, 16, 16]]"
    body = "c[:] = pto.store(pto.matmul(pto.mov(pto.load(a)), pto.mov(pto.load(b))))"
    found = refusal(tmp_path, body, "pto:a2a3sim", params=params, dtypes="f16, f32")
    assert found.code == "pto.bad-product"


@pytest.mark.parametrize("call", ["sync()", "push(t)", "setfmatrix(t)", "matmul_mx(t, t)", "prefetch(x)"])
def test_what_is_no_function_of_tiles_is_refused_where_it_is_named(tmp_path, call):
    found = refusal(tmp_path, f"t = pto.load(x); y[:] = pto.{call}", "pto:a2a3sim")
    assert found.code == "pto.not-by-hand"
