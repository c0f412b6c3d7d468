"""Memories that programs write for their tiles are held against the instructions, and columns that lie apart."""

import importlib.util

import numpy as np
import pytest

import htp
from htp import Refused

HEAD = """
from htp import In, InOut, Out, Tensor, Tile, f16, f32, kernel
from htp_backend_pto import pto
from htp_backend_pto.layouts import l0a, l1, ub
"""
PRODUCT = """
@kernel
def f(a: In[Tensor[f16, 16, 32]], b: In[Tensor[f16, 32, 16]], c: Out[Tensor[f32, 16, 16]]) -> None:
    left: Tile[f16, 16, 32, ROOM] = pto.load(a)
    c[:] = pto.store(pto.matmul(LEFT, pto.mov(pto.load(b))))
"""


def compiled(text, folder):
    folder.mkdir(exist_ok=True)
    path = folder / "user.py"
    path.write_text(HEAD + text)
    spec = importlib.util.spec_from_file_location("user", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return htp.compile_program(module.f, target="pto:a2a3sim", out=folder / "built")


@pytest.mark.parametrize(("room", "left"), [("l1(16, 32)", "left"), ("ub(16, 32)", "left")])
def test_operands_of_products_lie_where_the_unit_takes_them(tmp_path, room, left):
    with pytest.raises(Refused) as refused:
        compiled(PRODUCT.replace("ROOM", room).replace("LEFT", left), tmp_path)
    found = refused.value.diagnostic
    assert found.code == "pto.wrong-memory"
    assert found.message == f"`pto.matmul` takes `a` from L0A, and `left` is `{room}`"
    assert found.span.line == 9


def test_what_is_moved_there_compiles(tmp_path):
    compiled(PRODUCT.replace("ROOM", "l1(16, 32)").replace("LEFT", "pto.mov(left)"), tmp_path)


def test_a_room_that_does_not_hold_its_value_is_refused(tmp_path):
    with pytest.raises(Refused) as refused:
        compiled(PRODUCT.replace("ROOM", "l1(16, 16)").replace("LEFT", "pto.mov(left)"), tmp_path)
    assert refused.value.code == "pto.bad-tile"
    assert refused.value.diagnostic.span.line == 8


def test_a_load_brings_nothing_to_the_operands_of_a_product(tmp_path):
    with pytest.raises(Refused) as refused:
        compiled(PRODUCT.replace("ROOM", "l0a(16, 32)").replace("LEFT", "left"), tmp_path)
    found = refused.value.diagnostic
    assert found.code == "pto.wrong-memory"
    assert found.message == "`pto.load` gives a tile in UB or L1, and `left` is `l0a(16, 32)`"
    assert found.span.line == 8
    assert "without a room" in found.help[0]
    compiled(PRODUCT.replace(", ROOM", "").replace("LEFT", "left"), tmp_path / "mended")


def test_a_room_that_is_too_small_says_by_what(tmp_path):
    text = """
@kernel
def f(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        t: Tile[f32, "r", 64, ub(16, 40)] = pto.load(x[i:i + 16, :])
        y[i:i + 16, :] = pto.store(t)
"""
    with pytest.raises(Refused) as refused:
        compiled(text, tmp_path)
    assert refused.value.diagnostic.message.endswith("it has room for 16 x 40, and the tile has 64 columns")
    assert refused.value.diagnostic.help == ("write `ub(16, 64)`",)


COLUMNS = """
@kernel
def f(x: In[Tensor[f32, "M", 1]], v: In[Tensor[f32, "M"]], y: InOut[Tensor[f32, "M", WIDTH]]) -> None:
    assert y.shape[1] >= 4
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, 1:2] = x[i:i + 32, :] * 2.0
        y[i:i + 32, 3] = v[i:i + 32] + 1.0
"""


@pytest.mark.parametrize("width", ["8", '"N"'])
def test_columns_of_a_wider_array_are_written(tmp_path, width):
    package = compiled(COLUMNS.replace("WIDTH", width), tmp_path)
    x, v, y = np.ones((70, 1), np.float32), np.arange(70, dtype=np.float32), np.full((70, 8), 7, np.float32)
    htp.bind(package, mode="sim")(x, v, y)
    expected = np.full((70, 8), 7, np.float32)
    expected[:, 1], expected[:, 3] = 2, v + 1
    np.testing.assert_array_equal(y, expected)


def test_a_column_that_is_read_and_written_is_one_of_its_rows(tmp_path):
    text = """
@kernel
def f(x: In[Tensor[f32, "M", 1]], y: InOut[Tensor[f32, "M", 8]]) -> None:
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, 1:2] = y[i:i + 32, 1:2] + x[i:i + 32, :]
"""
    y = np.full((70, 8), 7, np.float32)
    htp.bind(compiled(text, tmp_path), mode="sim")(np.ones((70, 1), np.float32), y)
    expected = np.full((70, 8), 7, np.float32)
    expected[:, 1] = 8
    np.testing.assert_array_equal(y, expected)


def test_a_column_of_an_array_of_any_width_is_not_read(tmp_path):
    text = """
@kernel
def f(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", 1]]) -> None:
    assert x.shape[1] >= 1
    for i in range(0, x.shape[0], 32):
        y[i:i + 32, :] = x[i:i + 32, 0:1]
"""
    with pytest.raises(Refused) as refused:
        compiled(text, tmp_path)
    found = refused.value.diagnostic
    assert (found.code, found.span.line) == ("pto.strided-view", 10)
    assert 'dims={"N": 64}' in found.help[0]
    compiled(text.replace('"N"', "64"), tmp_path / "mended")


def test_an_edited_stage_without_its_flags_is_refused(tmp_path):
    package = compiled(COLUMNS.replace("WIDTH", "8"), tmp_path)
    (stage,) = package.path.glob("ir/stages/11-*/program.py")
    lines = stage.read_text().splitlines(keepends=True)
    stage.write_text("".join(each for each in lines if not each.startswith(("    set_flag", "    wait_flag"))))
    with pytest.raises(Refused, match="does not wait for") as refused:
        htp.compile_program(stage, target="pto:a2a3sim", out=tmp_path / "again", start_at="11")
    assert refused.value.code == "plan.broken-promise"
