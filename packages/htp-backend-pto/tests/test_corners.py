"""Values at the edges of dtypes, and columns of wider arrays: what NumPy gives, here in the selected form."""

import linecache

import ml_dtypes
import numpy as np
import pytest
from pto_stages import run, stages

import htp
from htp_backend_pto.binding.reports import Finding, all_places, diagnostic_of
from htp_backend_pto.contract import Graph, Package, SourceMap

HEAD = """
from htp import In, Out, Tensor, Tile, bf16, bool_, f32, i8, i16, i32, kernel, tile, u8
from htp_backend_pto import pto


@kernel
def corner({params}) -> None:
    {body}
"""
SIZES = (3, 33)
"""Rows of 33 elements take more bytes beside them as 8-bit integers than as what these are gathered as."""


def corner(params, body):
    text = HEAD.format(params=params, body=body.replace("\n", "\n    "))
    name = f"corner_{abs(hash(text))}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    module = {"__name__": "corner"}
    exec(compile(text, name, "exec"), module)
    return module["corner"]


def selected(params, body, *arguments):
    """What the selected form gives, in the arrays of `arguments` that it writes."""
    with np.errstate(all="ignore"):
        return run(stages(corner(params, body))["pto.select"], *arguments)


def elementwise(body, dtype, *given):
    """What a body makes of operands `x`, and `y` where it has two, of one row."""
    names = "xy"[: len(given)]
    type_ = f"Tensor[{dtype}, 1, {given[0].size}]"
    params = ", ".join([*(f"{each}: In[{type_}]" for each in names), f"r: Out[{type_}]"])
    rows = [each.reshape(1, -1) for each in given]
    return selected(params, f"r[:] = {body}", *rows, np.zeros_like(rows[0]))[-1][0]


def pairs(values):
    return [each.ravel() for each in np.meshgrid(values, values)]


@pytest.mark.parametrize(("dtype", "numpy"), [("i8", np.int8), ("u8", np.uint8), ("bf16", ml_dtypes.bfloat16)])
def test_rows_of_dtypes_that_are_gathered_as_others_are_sorted(dtype, numpy):
    x = np.random.default_rng(1).permutation(99).reshape(SIZES).astype(numpy)
    params = f"x: In[Tensor[{dtype}, 3, 33]], r: Out[Tensor[{dtype}, 3, 33]], k: Out[Tensor[{dtype}, 3, 4]]"
    body = "r[:] = tile.sort(x[:, :], axis=1)\nv, i = tile.topk(x[:, :], 4)\nk[:] = v"
    _, r, k = selected(params, body, x, np.zeros_like(x), np.zeros((3, 4), numpy))
    np.testing.assert_array_equal(r, np.sort(x, axis=1))
    np.testing.assert_array_equal(k, np.sort(x, axis=1)[:, ::-1][:, :4])


def test_rows_of_flags_are_reversed():
    x = np.random.default_rng(2).random(SIZES) < 0.5
    params = "x: In[Tensor[bool_, 3, 33]], r: Out[Tensor[bool_, 3, 33]]"
    _, r = selected(params, "r[:] = tile.flip(x[:, :], 1)", x, np.zeros_like(x))
    np.testing.assert_array_equal(r, x[:, ::-1])


@pytest.mark.parametrize(("dtype", "numpy"), [("i32", np.int32), ("i16", np.int16), ("i8", np.int8)])
def test_integers_are_divided_by_the_least_one(dtype, numpy):
    low, high = np.iinfo(numpy).min, np.iinfo(numpy).max
    x = np.array([high, low, low + 1, high - 1, 0, 1, -1, high // 2], numpy)
    least = np.full_like(x, low)
    np.testing.assert_array_equal(elementwise("x[:] // y[:]", dtype, x, least), [-1, 1, 0, -1, 0, -1, 0, -1])
    wanted = [high + low, 0, low + 1, high - 1 + low, 0, 1 + low, -1, high // 2 + low]
    np.testing.assert_array_equal(elementwise("x[:] % y[:]", dtype, x, least), wanted)
    a, b = pairs(np.array([low, low + 1, -7, -1, 1, 2, high - 1, high], numpy))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(elementwise("x[:] // y[:]", dtype, a, b), a // b)


@pytest.mark.parametrize("name", ["floor", "ceil", "round"])
def test_what_is_rounded_to_zero_has_its_sign(name):
    x = np.array([-0.0, 0.0, -0.3, 0.3, -0.5, 0.5, -1.5, 2.5, -8388609.0, np.inf, -np.inf, np.nan], np.float32)
    with np.errstate(all="ignore"):
        _same(elementwise(f"tile.{name}(x[:])", "f32", x), getattr(np, name)(x))


def test_the_sine_of_minus_zero_is_minus_zero():
    x = np.array([-0.0, 0.0], np.float32)
    _same(elementwise("tile.sin(x[:])", "f32", x), x)


def test_quotients_and_remainders_that_are_zero_have_the_signs_that_they_have_in_numpy():
    x, y = pairs(np.array([-np.inf, -3.0, -1.0, -1e-7, -0.0, 0.0, 1e-7, 1.0, 3.0, np.inf, np.nan, 3e38], np.float32))
    with np.errstate(all="ignore"):
        _same(elementwise("x[:] // y[:]", "f32", x, y), x // y)
        _same(elementwise("x[:] % y[:]", "f32", x, y), x % y)


def test_signs_of_zeros_on_the_stand_in(tmp_path):
    type_ = "Tensor[f32, 1, 16]"
    params = f"x: In[{type_}], y: In[{type_}], a: Out[{type_}], b: Out[{type_}], c: Out[{type_}], d: Out[{type_}]"
    body = "a[:] = tile.abs(x[:])\nb[:] = tile.ceil(x[:])\nc[:] = x[:] // y[:]\nd[:] = x[:] % y[:]"
    package = htp.compile_program(corner(params, body), target="pto:a2a3sim", out=tmp_path / "built")
    x, y = (each.reshape(1, -1) for each in pairs(np.array([-0.0, 0.0, -0.5, 2.0], np.float32)))
    made = [np.zeros_like(x) for _ in range(4)]
    htp.bind(package, mode="sim")(x, y, *made)
    with np.errstate(all="ignore"):
        for found, wanted in zip(made, (np.abs(x), np.ceil(x), x // y, x % y), strict=True):
            _same(found, wanted)


def _same(found, wanted):
    np.testing.assert_array_equal(found, wanted)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(wanted)[number])


# columns --------------------------------------------------------------------------------------------------------------

COLUMNS = """\
for i in range(0, x.shape[0], 32):
    y[i:i + 32] = x[i:i + 32, 6] * 2.0
    z[i:i + 32, :] = x[i:i + 32, 3:4] + 1.0
    for j in range(0, 7):
        w[j, i:i + 32] = x[i:i + 32, j]"""
COLUMN_PARAMS = """x: In[Tensor[f32, "M", 7]], y: Out[Tensor[f32, "M"]], z: Out[Tensor[f32, "M", 1]], \
w: Out[Tensor[f32, 7, "M"]]"""


def test_a_column_of_a_wider_array_is_read(tmp_path):
    package = htp.compile_program(corner(COLUMN_PARAMS, COLUMNS), target="pto:a2a3sim", out=tmp_path / "built")
    x = np.random.default_rng(3).standard_normal((50, 7)).astype(np.float32)
    y, z, w = np.zeros(50, np.float32), np.zeros((50, 1), np.float32), np.zeros((7, 50), np.float32)
    htp.bind(package, mode="sim")(x, y, z, w)
    np.testing.assert_array_equal(y, x[:, 6] * 2)
    np.testing.assert_array_equal(z, x[:, 3:4] + 1)
    np.testing.assert_array_equal(w, x.T)


# findings -------------------------------------------------------------------------------------------------------------


def test_a_finding_is_at_the_line_of_its_instruction(tmp_path):
    params = "x: In[Tensor[f32, 16, 32]], y: Out[Tensor[f32, 16, 32]], z: Out[Tensor[f32, 4, 8]]"
    body = "t = pto.load(x)\ny[:] = pto.store(t)\nz[:] = pto.store(pto.extract(t, 3, 8, 4, 8))"
    package = htp.compile_program(corner(params, body), target="pto:a2a3sim", out=tmp_path / "built")
    contract, graph = package.record("contract/pto.json", Package), package.record("contract/graph.json", Graph)
    places = all_places(package.path, contract, graph, package.record("contract/source_map.json", SourceMap))

    def line(instruction):
        finding = Finding(code="x", severity="error", message="", kernel="corner_0", instruction=instruction)
        return diagnostic_of(finding, places).span.line

    first = HEAD[: HEAD.index("{body}")].count("\n") + 1
    assert line("TEXTRACT") == first + 2
    assert line("TLOAD") == first
    assert line("TSTORE") == first + 1  # there are two, so that it is the line of the kernel's call


BY_INDEX = {
    "gather": ("y: Out[Tensor[f32, 16, 3]]", "y[:] = tile.gather(x[:, :], k[:, 0:3], axis=1)", (16, 3)),
    "scatter": ("y: Out[Tensor[f32, 16, 20]]", "y[:] = tile.scatter(x[:, :], k[:, :], 9.0, axis=1)", (16, 20)),
    "one": ("y: Out[Tensor[f32, 16, 20]]", "y[:] = tile.scatter(x[:, :], k[:, 0:1], 9.0, axis=1)", (16, 20)),
    "added": (
        "y: Out[Tensor[f32, 16, 20]]",
        "t = tile.scatter(x[:, :], k[:, 1:4], 1.0, axis=1, mode='add')\n"
        "y[:] = tile.scatter(t, k[:, 0:1], 9.0, axis=1, mode='add')",
        (16, 20),
    ),
}


@pytest.mark.parametrize("name", BY_INDEX)
def test_an_index_out_of_range_is_a_finding_at_its_line(tmp_path, name):
    """Rows of 20 elements have room for 24; the index is in the last line of each body."""
    written, body, shape = BY_INDEX[name]
    params = f"x: In[Tensor[f32, 16, 20]], k: In[Tensor[i32, 16, 4]], {written}"
    run = htp.bind(htp.compile_program(corner(params, body), target="pto:a2a3sim", out=tmp_path / "built"), mode="sim")
    x, k = np.zeros((16, 20), np.float32), np.tile(np.arange(4, dtype=np.int32), (16, 1))
    for index in (19, -20):
        k[0, 0] = index
        run(x, k, np.zeros(shape, np.float32))
    line = HEAD[: HEAD.index("{body}")].count("\n") + body.count("\n") + 1
    for index in (20, 24, -21, -60):
        k[0, 0] = index
        with pytest.raises(htp.Refused) as caught:
            run(x, k, np.zeros(shape, np.float32))
        assert caught.value.code == "pto.simulator"
        assert f"index {index} is out of range for an axis of 20 elements" in caught.value.diagnostic.message
        assert caught.value.diagnostic.span.line == line


def test_the_only_element_of_an_axis_is_found_by_0_and_refused_by_others(tmp_path):
    params = "x: In[Tensor[f32, 16, 1]], k: In[Tensor[i32, 16, 8]], y: Out[Tensor[f32, 16, 8]]"
    program = corner(params, "y[:, :] = tile.gather(x[:, :], k[:, :], axis=1)")
    run = htp.bind(htp.compile_program(program, target="pto:a2a3sim", out=tmp_path / "built"), mode="sim")
    x, y = np.arange(16, dtype=np.float32).reshape(16, 1), np.zeros((16, 8), np.float32)
    run(x, np.zeros((16, 8), np.int32), y)
    np.testing.assert_array_equal(y, np.broadcast_to(x, (16, 8)))
    with pytest.raises(htp.Refused, match="index 1 is out of range for an axis of 1 elements"):
        run(x, np.ones((16, 8), np.int32), y)
