"""Kernels as C++: what they take, how tiles and regions are spelled, and that lines know the user's."""

import subprocess

import pytest
from kernel_texts import array, kernel, product, program, scalar, softmax

import htp_backend_pto
from htp import Refused
from htp_backend_pto.emission.kernels import core_of, kernel_source
from htp_backend_pto.lower.place.place import Place
from htp_backend_pto.lower.sync.sync import Synchronize
from htp_backend_pto.profile import CURRENT

BODY = """
t: Tile[f32, "M", 64, ub(32, 64)] = pto.load(x[0:M, :])
u: Tile[f32, "M", 64, ub(32, 64)] = pto.muls(t, by)
y[0:M, :] = pto.store(u)
"""


def source(function):
    """The C++ of a kernel that has neither places nor flags yet."""
    whole = Synchronize().apply(Place().apply(program(function)))
    return kernel_source(whole.main, whole, CURRENT)


def scaled(body=BODY):
    x, y = array("x", "in", "f32", "M", "64"), array("y", "out", "f32", "M", "64")
    return kernel(body, x, y, scalar("by", "f32"), name="scaled")


def lines(function):
    return [each.strip() for each in source(function).text.splitlines()]


def test_arguments_are_arrays_first_and_then_numbers_and_sizes_come_from_arrays():
    made = source(scaled())
    assert (made.name, made.core, made.tensors, made.scalars) == ("scaled", "aiv", ("x", "y"), ("by",))
    assert "const int64_t M = x_tensor->shapes[0];" in made.text
    assert "const double by = from_u64<float>(args[2]);" in made.text
    assert made.text.count("shapes[0]") == 1


def test_a_tile_of_constant_size_says_so_in_its_type_and_another_when_it_is_made():
    text = source(softmax()).text
    assert "using Vec64x128 = Tile<TileType::Vec, float, 64, 128, BLayout::RowMajor, -1, -1>;" in text
    assert "Vec64x128 rows(htp::min(64, M - i), 128); TASSIGN(rows, 0x0);" in text
    assert "using Vec64x128_2 = Tile<TileType::Vec, float, 64, 128, BLayout::RowMajor, 64, 128>;" in text
    assert "Vec64x128_2 tmp; TASSIGN(tmp, " in text
    assert "using VecColumn64x1 = Tile<TileType::Vec, float, 64, 1, BLayout::ColMajor, -1, -1>;" in text
    assert "VecColumn64x1 t1(" in text


def test_regions_are_views_with_the_strides_of_their_array():
    text = source(softmax()).text
    assert "x_part(x + i * x_tensor->strides[0], " in text
    assert "using GmFloatShape = pto::Shape<1, 1, 1, -1, 128>;" in text
    assert "using GmFloatStride = pto::Stride<1, 1, 1, -1, 1>;" in text
    assert "using GmFloat = GlobalTensor<float, GmFloatShape, GmFloatStride>;" in text
    made = "GmFloat x_part(x + i * x_tensor->strides[0], GmFloatShape(htp::min(64, M - i)),"
    assert f"{made} GmFloatStride(x_tensor->strides[0]));" in " ".join(text.split())


def test_the_cube_has_its_own_types_and_a_sum_is_one_object():
    made = source(product())
    assert made.core == core_of(product()) == "aic"
    assert "using Acc64x64 = TileAcc<float, 64, 64, 64, 64>;" in made.text
    assert made.text.count("Acc64x64 acc;") == 1
    mat = "using MatHalf64x64 = Tile<TileType::Mat, half, 64, 64, BLayout::ColMajor, 64, 64, SLayout::RowMajor, 512>;"
    assert mat in " ".join(made.text.split())
    assert "MatHalf64x64 first;" in made.text
    assert "TMATMUL_ACC(acc, acc, left, right);" in made.text


def test_flags_are_calls_and_the_last_line_waits_for_all():
    found = lines(scaled())
    assert "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);" in found
    assert found.index("TMULS(u, t, float(by));") < found.index("set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);")
    assert found[-2:] == ["pipe_sync();", "}"]


def test_lines_know_the_users_lines():
    made = source(scaled())
    texts = made.text.splitlines()
    (line,) = (number for number, text in enumerate(texts) if "TMULS" in text)
    assert made.origins[line].line == 3  # the body begins with an empty line
    assert len(made.origins) == len(texts)
    assert any(text.endswith("// made.py:3") for text in texts)


def test_columns_of_vectors_are_read_downwards():
    text = source(
        kernel('c: Tile[f32, "M", 1, ub(64, 1, "dn")] = pto.load_col(v[:])\nw[:] = pto.store_col(c)',
               array("v", "in", "f32", "M"), array("w", "out", "f32", "M"))
    ).text  # fmt: skip
    assert "using GmFloat = GlobalTensor<float, GmFloatShape, GmFloatStride, Layout::DN>;" in text
    assert "GmFloat v_part(v, " in text


def test_a_column_of_a_matrix_has_no_contiguous_rows():
    function = kernel('c: Tile[f32, "M", 1, ub(64, 1, "dn")] = pto.load_col(v[:, 0])\nw[:] = pto.store_col(c)',
                      array("v", "in", "f32", "M", "8"), array("w", "out", "f32", "M"))  # fmt: skip
    with pytest.raises(Refused) as refused:
        source(function)
    assert refused.value.code == "pto.strided-view"
    assert refused.value.diagnostic.span.line == 1


def test_tiles_made_in_branches_are_declared_around_them():
    found = lines(scaled("""
if M > 8:
    t: Tile[f32, "M", 64, ub(32, 64)] = pto.load(x[0:M, :])
else:
    t: Tile[f32, "M", 64, ub(32, 64)] = pto.expands(0.0, M, 64, dtype=f32)
y[0:M, :] = pto.store(t)
"""))
    declared = [index for index, text in enumerate(found) if "Vec32x64 t(M, 64);" in text]
    assert len(declared) == 1
    assert declared[0] < next(index for index, text in enumerate(found) if text.startswith("if (M > 8)"))


@pytest.mark.parametrize("made", [softmax, product, scaled], ids=["softmax", "product", "scaled"])
def test_the_text_is_cpp17_for_the_stand_in(made, tmp_path):
    file = tmp_path / "kernel.cpp"
    file.write_text(source(made()).text)
    headers = f"{htp_backend_pto.__path__[0]}/native/standin/include"
    command = ["c++", "-std=c++17", "-fsyntax-only", "-DHTP_PTO_STANDIN", "-D__CPU_SIM", f"-I{headers}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FEW_ROWS = """
t: Tile[f32, 4, 64, ub(4, 64)] = pto.load(x[0:4, :])
tmp: Tile[f32, 4, 64, ub(4, 64)] = pto.scratch(rows=4, cols=64, dtype=f32)
s: Tile[f32, 4, 1, ub(8, 1, "dn")] = pto.rowsum(t, tmp)
u: Tile[f32, 4, 64, ub(4, 64)] = pto.rowexpandsub(t, s)
y[0:4, :] = pto.store(u)
"""


def test_the_source_of_a_sum_has_as_many_rows_as_its_column_has_room_for():
    x, y = array("x", "in", "f32", "4", "64"), array("y", "out", "f32", "4", "64")
    text = source(kernel(FEW_ROWS, x, y, name="few")).text
    assert "TROWSUM(s, t_tall, tmp);" in text
    assert "Tile<TileType::Vec, float, 8, 64, BLayout::RowMajor, 4, 64>" in text
    assert "TROWEXPANDSUB(u, t, s);" in text


CHOICE = """
t: Tile[f32, "M", "N", ub(16, 64)] = pto.load(x[0:M, :])
u: Tile[f32, "M", "N", ub(16, 64)] = pto.muls(t, 2.0)
m: Tile[bool_, "M", "N", ub(16, 256, "bits")] = pto.cmps(t, 0.5, mode="gt")
tmp: Tile[u8, 1, 32, ub(1, 32)] = pto.scratch(rows=1, cols=32, dtype=u8)
c: Tile[f32, "M", "N", ub(16, 64)] = pto.sel(m, t, u, tmp)
y[0:M, :] = pto.store(c)
"""


def test_flags_are_made_for_whole_rows_and_chosen_by_in_whole_bytes():
    x, y = array("x", "in", "f32", "M", "N"), array("y", "out", "f32", "M", "N")
    found = lines(kernel(CHOICE, x, y, name="choice"))
    assert "TCMPS(m_whole, t, float(0.5), CmpMode::GT);" in found
    assert "TSEL(c_whole, m, t_whole, u_whole, tmp);" in found
    declared = {each.split("; TASSIGN")[0] for each in found}
    whole = "(M, 8 * htp::floordiv(N + 7, 8))"
    assert declared >= {"VecUint816x32 m_whole(M, 8)", f"Vec16x64 t_whole{whole}", f"Vec16x64 c_whole{whole}"}


@pytest.mark.parametrize("columns", ["64", "16"])
def test_rows_of_whole_bytes_need_no_second_name_to_choose(columns):
    text = CHOICE.replace('"N"', columns).replace("16, 64", f"16, {columns}")
    x, y = array("x", "in", "f32", "M", columns), array("y", "out", "f32", "M", columns)
    assert "_whole" not in source(kernel(text, x, y, name="choice")).text


INVERTED = """
t: Tile[i32, "M", "N", ub(16, 64)] = pto.load(x[0:M, :])
tmp: Tile[i32, 16, 64, ub(16, 64)] = pto.scratch(rows=16, cols=64, dtype=i32)
u: Tile[i32, "M", "N", ub(16, 64)] = pto.xors(t, -1, tmp)
y[0:M, :] = pto.store(u)
"""


def test_the_scratch_of_an_exclusive_or_is_of_the_type_of_its_result():
    x, y = array("x", "in", "i32", "M", "N"), array("y", "out", "i32", "M", "N")
    found = lines(kernel(INVERTED, x, y, name="inverted"))
    assert "TXORS(u, t, int32_t(-1), tmp_part);" in found
    (made, scratch) = (next(each for each in found if f" {name}(M, N); TASSIGN" in each) for name in ("u", "tmp_part"))
    assert made.split()[0] == scratch.split()[0]
