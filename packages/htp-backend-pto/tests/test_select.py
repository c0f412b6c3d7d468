"""Instructions chosen: what each operation becomes, that it means the same, and what is refused."""

import math

import numpy as np
import pytest
from pto_stages import agree, body, code, example, kernels, run, stages

from htp import In, Out, Refused, Scalar, Tensor, bf16, f16, f32, func, i8, i32, i64, kernel, tile


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def normal(rng):
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)


def selected(definition, **dims):
    return stages(definition, dims)["pto.select"]


def called(definition, **dims):
    """The instructions of the only kernel, in order."""
    found = selected(definition, **dims)
    (name,) = kernels(found)
    lines = [line for line in body(found, name) if "pto." in line]
    return [line.split("pto.")[1].split("(")[0] for line in lines]


def test_softmax_is_seven_instructions():
    assert called(example("softmax.py", "softmax"), N=33) == [
        "load", "scratch", "rowmax", "rowexpandsub", "exp", "scratch", "rowsum", "rowexpanddiv", "store",
    ]  # fmt: skip


def test_columns_are_computed_as_rows_between_reshapes():
    assert called(example("rmsnorm.py", "rmsnorm"), N=33) == [
        "load", "mul", "scratch", "rowsum", "reshape", "divs", "adds", "rsqrt", "reshape", "rowexpandmul", "load_row",
        "colexpandmul", "store",
    ]  # fmt: skip


def test_products_go_through_the_cube_units_memories_in_steps_that_fit():
    found = selected(example("gemm.py", "gemm"))
    text = code(found, "gemm_0")
    assert 'acc: Tile[f32, "m", "n", l0c(64, 256)] = pto.accumulator(m, n, dtype=f32)' in text
    assert 't2: Tile[f32, "min(128, K - k)", "n", l1(128, 256, box=8)] = pto.load(b[k:min(K, k + 128), :])' in text
    assert "l0b(32, 256, box=8)] = pto.extract(t2, step_1, 0, " in text
    assert "if k + step_1 == 0:" in text
    assert "= pto.matmul_acc(acc, t1_left_1, t2_right_1)" in text
    for line in text.splitlines():
        if "l0a(" in line or "l0b(" in line:
            rows, columns = (int(each) for each in line.split("(", 1)[1].split(", box")[0].split("(")[-1].split(", "))
            assert rows * columns * 4 <= 65536


@kernel
def row_sums(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", 1]]) -> None:
    for i in range(0, x.shape[0], 16):
        total = tile.zeros((min(16, x.shape[0] - i), 1), f32)
        for j in range(0, x.shape[1], 32):
            total = total + tile.sum(x[i:i + 16, j:j + 32], axis=1, keepdims=True)
        y[i:i + 16, :] = total


@kernel
def first_columns(x: In[Tensor[f32, "M", 64]], n: Scalar[i64], y: Out[Tensor[f32, "M", 1]]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = tile.sum(x[i:i + 16, :max(0, min(64, n))], axis=1, keepdims=True)


def test_only_sums_of_what_may_be_empty_ask_whether_it_is():
    assert " > 0:" not in selected(row_sums).text()
    assert " > 0:" in code(selected(first_columns), "first_columns")


def test_a_transposed_slice_is_loaded_as_columns():
    found = selected(example("attention.py", "attention"), D=16)
    assert 't3: Tile[f32, 16, "s", l1(16, 64, "zn", box=8)] = pto.load_t(k[:, :])' in code(found, "attention_1")


EXAMPLES = {
    "softmax": ({"N": 33}, lambda normal: [(normal(m, 33), np.empty((m, 33), np.float32)) for m in (100, 64, 1, 0)]),
    "rmsnorm": (
        {"N": 33},
        lambda normal: [(normal(m, 33), normal(33), np.empty((m, 33), np.float32)) for m in (100, 64, 0)],
    ),
    "gemm": (
        {},
        lambda normal: [
            (normal(m, k), normal(k, n) / np.float32(math.sqrt(k)), normal(n), np.empty((m, n), np.float32))
            for m, k, n in ((100, 300, 270), (64, 256, 256), (3, 2, 1), (0, 4, 5))
        ],
    ),
    "attention": (
        {"D": 16},
        lambda normal: [
            (normal(1, h, s, 16), normal(1, h, s, 16), normal(1, h, s, 16), 0.25, np.empty((1, h, s, 16), np.float32))
            for h, s in ((2, 100), (1, 64), (1, 1), (1, 0))
        ],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_stage_of_the_examples_means_the_same(name, normal):
    dims, inputs = EXAMPLES[name]
    found = stages(example(f"{name}.py", name), dims)
    for arguments in inputs(normal):
        # products of a long K are added up in parts, so that two sets of operands have room
        exact = ("pto.split",) if name == "gemm" else ("pto.split", "pto.bound")
        agree(found, arguments, tolerance=2e-5, exact=exact)


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30, 1e-38, 60.0])
def test_softmax_of_extreme_rows_means_the_same(value, normal):
    x = normal(20, 33)
    x[3, :] = value
    x[5, 7] = value
    agree(stages(example("softmax.py", "softmax"), {"N": 33}), (x, np.empty_like(x)))


def elementwise(function, dtype=f32):
    """A kernel that applies a function to tiles with tails."""

    def apply(x: In[Tensor[f32, "M", 40]], y: Out[Tensor[f32, "M", 40]]) -> None:
        for i in range(0, x.shape[0], 16):
            y[i:i + 16, :] = function(x[i:i + 16, :])

    apply.__annotations__ = {"x": In[Tensor[dtype, "M", 40]], "y": Out[Tensor[dtype, "M", 40]], "return": None}
    return kernel(apply)


FUNCTIONS = {
    "exp": (tile.exp, np.exp),
    "exp2": (tile.exp2, np.exp2),
    "sigmoid": (tile.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "silu": (tile.silu, lambda x: x / (1 + np.exp(-x))),
    "tanh": (tile.tanh, np.tanh),
    "relu": (tile.relu, lambda x: np.maximum(x, 0)),
    "erf": (tile.erf, np.vectorize(math.erf)),
    "gelu": (tile.gelu, lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
    "sign": (tile.sign, np.sign),
    "floor": (tile.floor, np.floor),
    "ceil": (tile.ceil, np.ceil),
    "round": (tile.round, np.round),
    "abs": (tile.abs, np.abs),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_formulas_of_instructions(name, normal):
    function, numpy = FUNCTIONS[name]
    found = selected(elementwise(function))
    x = (3 * normal(20, 40)).astype(np.float32)
    x[0, :4] = (0.0, 80.0, -80.0, 1e-6)
    (_, y) = run(found, x, np.empty_like(x))
    np.testing.assert_allclose(y, numpy(x.astype(np.float64)), rtol=2e-6, atol=2e-6)


@kernel
def shapes(
    x: In[Tensor[f32, "M", 40]], r: In[Tensor[f32, 40]], c: In[Tensor[f32, "M", 1]], y: Out[Tensor[f32, "M", 40]]
) -> None:
    for i in range(0, x.shape[0], 16):
        t = x[i:i + 16, :]
        column = c[i:i + 16, :]
        t = (1.0 - t) * column + r[:]
        t = column - t / (2.0 / (column * column + 1.0))
        t = tile.maximum(t, r[:]) - (column + r[:])
        y[i:i + 16, :] = tile.where(t > column, t, -1.0) + tile.where(t < 0.5, 0.0, r[:])


def test_rows_columns_and_numbers_are_spread_as_numpy_does(normal):
    for m in (20, 16, 1):
        agree(stages(shapes), (normal(m, 40), normal(40), normal(m, 1), np.empty((m, 40), np.float32)))


@kernel
def reductions(
    x: In[Tensor[f32, "M", 40]], tops: Out[Tensor[f32, "M", 1]], least: Out[Tensor[f32, "M", 1]],
    means: Out[Tensor[f32, "M", 1]], sums: Out[Tensor[f32, 1, 40]], places: Out[Tensor[i32, "M", 1]],
) -> None:  # fmt: skip
    m = x.shape[0]
    assert m <= 32
    t = x[:, :]
    tops[:, :] = tile.max(t, axis=1, keepdims=True)
    least[:, :] = tile.min(t, axis=1, keepdims=True)
    means[:, :] = tile.mean(t, axis=1, keepdims=True)
    sums[:, :] = tile.sum(t, axis=0, keepdims=True)
    places[:, :] = tile.argmax(t, axis=1, keepdims=True).astype(i32)


def test_reductions_of_rows_and_columns(normal):
    empty = [np.empty((20, 1), np.float32) for _ in range(3)]
    places = np.empty((20, 1), np.int32)
    agree(stages(reductions), (normal(20, 40), *empty, np.empty((1, 40), np.float32), places))


@kernel
def upper(x: In[Tensor[f32, 16, 24]], y: Out[Tensor[f32, 16, 24]]) -> None:
    seen = tile.iota((16, 24), 0) >= tile.iota((16, 24), 1)
    near = tile.iota((16, 24), 1) < 8
    y[:] = tile.where(seen & near, x[:], -1.0)


def test_integers_are_compared_exactly_and_flags_are_combined(normal):
    assert {"ci", "max", "sub", "cvt", "cmps", "sels"} <= set(called(upper))
    agree(stages(upper), (normal(16, 24), np.empty((16, 24), np.float32)))


@func
def grown(x):
    return tile.exp(x) * 2.0


@kernel
def triangles(x: In[Tensor[f32, 24, 40]], y: Out[Tensor[f32, 24, 40]], z: Out[Tensor[f32, 24, 40]]) -> None:
    y[:] = tile.tril(x[:])
    z[:] = tile.triu(x[:], 3)


def test_infinities_are_as_large_as_infinity():
    @kernel
    def infinite(x: In[Tensor[f32, 16, 40]], y: Out[Tensor[f32, 16, 40]]) -> None:
        y[:] = tile.where(tile.isinf(x[:]), 1.0, x[:])

    found = selected(infinite)
    (line,) = (each for each in body(found, *kernels(found)) if "pto.cmps" in each)
    assert "mode='ge'" in line


def test_triangles_are_masks(normal):
    assert called(triangles).count("tri") == 2
    agree(stages(triangles), (normal(24, 40), np.empty((24, 40), np.float32), np.empty((24, 40), np.float32)))


@pytest.mark.parametrize("dtype", [f16, bf16])
def test_what_the_machine_does_not_compute_in_16_bits_is_widened(dtype, normal):
    import ml_dtypes

    numpy = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}[dtype.name]
    found = selected(elementwise(grown, dtype))
    x = normal(20, 40).astype(numpy)
    (_, y) = run(found, x, np.empty_like(x))
    wanted = np.exp(x.astype(np.float64)) * 2
    assert np.abs(y.astype(np.float64) / wanted - 1).max() < 2.0**-6
    assert ("cvt" in code(found)) == (dtype is bf16)


@kernel
def bytes_(a: In[Tensor[i8, 32, 64]], b: In[Tensor[i8, 64, 32]], c: Out[Tensor[i32, 32, 32]]) -> None:
    c[:] = a[:] @ b[:]


def test_bytes_are_multiplied_into_32_bit_sums(rng):
    found = stages(bytes_)
    assert "l0a(32, 64, box=32)" in code(found["pto.select"])
    a, b = (rng.integers(-128, 128, shape, dtype=np.int8) for shape in ((32, 64), (64, 32)))
    (*_, c) = run(found["pto.select"], a, b, np.empty((32, 32), np.int32))
    assert (c == a.astype(np.int32) @ b.astype(np.int32)).all()


@func
def to_itself(x):
    return x**x


def test_what_no_instruction_does_is_refused_with_the_users_line():
    definition = elementwise(to_itself, i32)
    with pytest.raises(Refused) as caught:
        selected(definition)
    assert caught.value.code == "pto.not-selected"
    assert "power" in caught.value.diagnostic.message
    assert caught.value.diagnostic.span.line == definition.place.line + 2


@kernel
def wide(a: In[Tensor[f32, 16, 64]], b: In[Tensor[f32, 64, 2048]], c: Out[Tensor[f32, 16, 2048]]) -> None:
    c[:] = a[:] @ b[:]


def test_a_product_that_does_not_fit_says_what_does():
    with pytest.raises(Refused) as caught:
        selected(wide)
    assert caught.value.code == "pto.product-too-large"
    assert "at most 1024 rows and 1024 columns" in caught.value.diagnostic.help[0]
