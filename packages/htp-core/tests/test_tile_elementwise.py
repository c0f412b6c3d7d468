import math
import operator

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from htp import tile
from htp.diagnostics import Refused
from htp.types import bf16, bool_, f8e4m3, f8e5m2, f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64
from htp.values import region_of

FLOATS = {
    f64: np.float64,
    f32: np.float32,
    f16: np.float16,
    bf16: ml_dtypes.bfloat16,
    f8e4m3: ml_dtypes.float8_e4m3fn,
    f8e5m2: ml_dtypes.float8_e5m2,
}
INTS = {
    i64: np.int64,
    i32: np.int32,
    i16: np.int16,
    i8: np.int8,
    u64: np.uint64,
    u32: np.uint32,
    u16: np.uint16,
    u8: np.uint8,
}
SHAPES = [(), (0,), (1,), (7,), (3, 0), (5, 13), (2, 3, 17)]
EXTREMES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.5,
    -2.5,
    1e-45,
    1e-310,
    1e-7,
    6e4,
    -3e38,
    1.7e308,
    math.inf,
    -math.inf,
    math.nan,
    88.8,
    -104.0,
    20.0,
]


def refused(code, call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code


def samples(stored, scale=3.0):
    draw = np.random.default_rng(5)
    with np.errstate(all="ignore"):
        for shape in SHAPES:
            yield np.asarray(draw.standard_normal(shape) * scale).astype(stored)
        yield np.array(EXTREMES).astype(stored)


def integers(stored):
    draw = np.random.default_rng(6)
    limits = np.iinfo(stored)
    for shape in SHAPES:
        yield np.asarray(draw.integers(limits.min, limits.max, shape, stored, endpoint=True), stored)
    yield np.array([0, 1, 2, 3, limits.max, limits.max - 1, limits.min, limits.min + 1], stored)


def same(got, want, ulps=0):
    """Equal as numbers (NaN to NaN), up to `ulps` units in the last place of the wanted dtype."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype.kind in "iub":
        np.testing.assert_array_equal(got, want)
        return
    if not ulps:
        np.testing.assert_array_equal(got.astype(np.float64), want.astype(np.float64))
        return
    info = ml_dtypes.finfo(want.dtype)
    wide = want.astype(np.float64)
    with np.errstate(all="ignore"):
        room = ulps * np.maximum(np.abs(wide) * float(info.eps), float(info.smallest_subnormal))
        close = np.abs(got.astype(np.float64) - wide) <= room
    assert np.all(close | (got.astype(np.float64) == wide) | (np.isnan(wide) & np.isnan(got.astype(np.float64))))


def each(function, data):
    """`function` of Python floats on every element, in double precision, rounded once to the dtype."""
    found = np.array([function(float(x)) for x in data.reshape(-1)], np.float64).reshape(data.shape)
    with np.errstate(all="ignore"):
        return found.astype(data.dtype)


def guarded(function, otherwise=math.nan):
    def call(x):
        try:
            return math.nan if math.isnan(x) else function(x)
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError):
            return otherwise

    return call


def logarithm(function):
    return lambda x: math.nan if math.isnan(x) or x < 0 else -math.inf if x == 0 else function(x)


def sigmoid(x):
    return math.nan if math.isnan(x) else 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def by_infinity(x, value):
    """`x * value`, where a product of infinity and zero is NaN as in IEEE arithmetic."""
    return math.nan if math.isinf(x) and value == 0 else x * value


REAL = {
    "exp": guarded(math.exp),
    "exp2": guarded(lambda x: 2.0**x),
    "log": logarithm(math.log),
    "log2": logarithm(math.log2),
    "sqrt": guarded(math.sqrt),
    "rsqrt": lambda x: math.nan if math.isnan(x) or x < 0 else math.inf if x == 0 else 1 / math.sqrt(x),
    "sin": guarded(math.sin),
    "cos": guarded(math.cos),
    "tanh": guarded(math.tanh),
    "erf": guarded(math.erf),
    "sigmoid": sigmoid,
    "silu": lambda x: by_infinity(x, sigmoid(x)),
    "gelu": lambda x: math.nan if math.isnan(x) else by_infinity(x, math.erfc(-x / math.sqrt(2)) / 2),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", REAL)
def test_functions_of_reals(name, dtype):
    for data in samples(FLOATS[dtype]):
        with np.errstate(all="ignore"):
            want = each(REAL[name], data)
        # far below zero, rounding the argument of erfc costs gelu several digits in f64
        ulps = 1 if dtype not in (f32, f64) else 64 if name == "gelu" else 4
        same(getattr(tile, name)(region_of(data, dtype)), want, ulps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gelu_in_tanh_form(dtype):
    def expected(x):
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return math.nan if math.isnan(x) else by_infinity(x, 0.5 * (1 + math.tanh(inner)))

    for data in samples(FLOATS[dtype]):
        got, want = np.asarray(tile.gelu(region_of(data, dtype), approximate="tanh")), each(expected, data)
        # the formula itself loses digits where tanh is near -1: an absolute room for them
        room = 2 * float(ml_dtypes.finfo(data.dtype).eps)
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=room, atol=1e-14)
    x = f32(1.0)
    assert float(tile.gelu(x)) == pytest.approx(0.8413447, abs=1e-6)
    assert float(tile.gelu(x, "tanh")) == pytest.approx(0.8411920, abs=1e-6)
    refused("type.bad-arguments", lambda: tile.gelu(x, approximate="erf"))


EXACT = {
    "abs": np.abs,
    "neg": np.negative,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sign": lambda x: np.where(np.isnan(x), np.nan, np.where(x > 0, 1.0, np.where(x < 0, -1.0, 0.0))),
    "relu": lambda x: np.where(np.isnan(x), np.nan, np.where(x > 0, x, 0.0)),
}
INTEGER_EXACT = {
    "abs": lambda x: np.where(x < 0, 0 - x, x),
    "neg": lambda x: 0 - x,
    "floor": lambda x: x,
    "ceil": lambda x: x,
    "round": lambda x: x,
    "sign": lambda x: np.where(x > 0, 1, np.where(x < 0, -1, 0)),
    "relu": lambda x: np.where(x > 0, x, 0),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_functions(name):
    for dtype, stored in FLOATS.items():
        for data in samples(stored):
            with np.errstate(all="ignore"):
                want = EXACT[name](data.astype(np.float64)).astype(stored)
            same(getattr(tile, name)(region_of(data, dtype)), want)
    for dtype, stored in INTS.items():
        for data in integers(stored):
            with np.errstate(all="ignore"):
                want = INTEGER_EXACT[name](data).astype(stored)
            same(getattr(tile, name)(region_of(data, dtype)), want)


def test_negative_zero_and_signs_survive():
    assert math.copysign(1, float(-f32(0.0))) == -1
    assert math.copysign(1, float(abs(f32(-0.0)))) == 1
    assert math.copysign(1, float(tile.round(f32(-0.4)))) == -1


def test_tests_of_floats():
    for dtype, stored in FLOATS.items():
        for data in samples(stored):
            x, wide = region_of(data, dtype), data.astype(np.float64)
            same(tile.isnan(x), np.isnan(wide))
            same(tile.isinf(x), np.isinf(wide))
            same(tile.isfinite(x), np.isfinite(wide))
    refused("type.bad-dtype", lambda: tile.isnan(i32(1)))


ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]


@pytest.mark.parametrize("sign", ARITHMETIC)
def test_float_arithmetic_rounds_once(sign):
    for dtype, stored in FLOATS.items():
        for a, b in zip(samples(stored), samples(stored, 0.3), strict=True):
            b = np.flip(b)
            with np.errstate(all="ignore"):
                wide = np.float64 if dtype is f64 else np.float32
                want = np.asarray(sign(a.astype(wide), b.astype(wide))).astype(stored)
            x, y = region_of(a, dtype), region_of(b, dtype)
            same(sign(x, y), want)
            name = {"sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide"}
            same(getattr(tile, name.get(sign.__name__, sign.__name__))(x, y), want)


@pytest.mark.parametrize("sign", ARITHMETIC[:3])
def test_integer_arithmetic_wraps(sign):
    for dtype, stored in INTS.items():
        for a, b in zip(integers(stored), integers(stored), strict=True):
            b = np.flip(b)
            exact = [sign(int(p), int(q)) for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True)]
            bits = a.dtype.itemsize * 8
            unsigned = np.array([value % 2**bits for value in exact], np.uint64).reshape(a.shape)
            same(sign(region_of(a, dtype), region_of(b, dtype)), unsigned.astype(f"u{bits // 8}").view(stored))


def test_integer_division_rounds_down_and_gives_zero_over_zero():
    for dtype, stored in INTS.items():
        for a, b in zip(integers(stored), integers(stored), strict=True):
            b = np.flip(b)
            keep = ~((b.astype(object) == -1) & (a == np.iinfo(stored).min)) if a.size else np.ones(a.shape, bool)
            pairs = list(zip(a[keep].reshape(-1).tolist(), b[keep].reshape(-1).tolist(), strict=True))
            x, y = region_of(a[keep].reshape(-1), dtype), region_of(b[keep].reshape(-1), dtype)
            same(x // y, np.array([p // q if q else 0 for p, q in pairs], stored))
            same(x % y, np.array([p % q if q else 0 for p, q in pairs], stored))


def test_powers():
    for dtype, stored in INTS.items():
        a = np.arange(9).astype(stored)
        bits = a.dtype.itemsize * 8
        want = np.array([pow(p, 5, 2**bits) for p in range(9)], np.uint64).astype(f"u{bits // 8}").view(stored)
        same(region_of(a, dtype) ** 5, want)
        same(tile.power(region_of(a, dtype), 0), np.ones(9, stored))
    refused("type.negative-power", lambda: i32(2) ** i32(-1))
    for dtype, stored in FLOATS.items():
        a = np.array([0.0, 0.5, 1.0, 2.0, -2.0, np.nan]).astype(stored)
        same(region_of(a, dtype) ** 3.0, (a.astype(np.float64) ** 3).astype(stored), ulps=1)
        same(2 ** region_of(a[:5], dtype), (2.0 ** a[:5].astype(np.float64)).astype(stored), ulps=1)


def test_bits():
    for dtype, stored in INTS.items():
        for a, b in zip(integers(stored), integers(stored), strict=True):
            b = np.flip(b)
            x, y = region_of(a, dtype), region_of(b, dtype)
            pairs = [(int(p), int(q)) for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True)]
            for sign in (operator.and_, operator.or_, operator.xor):
                same(sign(x, y), np.array([sign(p, q) for p, q in pairs], stored).reshape(a.shape))
            same(
                ~x,
                np.array([~p % 2**dtype.bits for p, _ in pairs], np.uint64)
                .astype(f"u{dtype.bits // 8}")
                .view(stored)
                .reshape(a.shape),
            )


@pytest.mark.parametrize("dtype", INTS)
def test_shifts(dtype):
    stored, bits = INTS[dtype], dtype.bits
    a = np.concatenate([x.reshape(-1) for x in integers(stored)])
    for count in (0, 1, bits - 1, bits, min(bits + 5, np.iinfo(stored).max)):
        x = region_of(a, dtype)
        left = [(int(p) << count) % 2**bits if count < bits else 0 for p in a]
        same(x << count, np.array(left, np.uint64).astype(f"u{bits // 8}").view(stored))
        same(tile.right_shift(x, count), np.array([int(p) >> count for p in a], stored))
    same(1 << region_of(np.arange(4).astype(stored), dtype), np.array([1, 2, 4, 8], stored))


def test_truth_values():
    a, b = np.array([False, False, True, True]), np.array([False, True, False, True])
    x, y = region_of(a, bool_), region_of(b, bool_)
    same(x & y, a & b)
    same(x | y, a | b)
    same(x ^ y, a ^ b)
    same(~x, ~a)
    same(x == y, a == b)
    same(tile.logical_and(x, y), a & b)
    same(tile.logical_or(x, y), a | b)
    same(tile.logical_xor(x, y), a ^ b)
    same(tile.logical_not(x), ~a)
    same(True & x, a)
    for call in (lambda: x + y, lambda: x * y, lambda: tile.logical_and(i32(1), i32(2))):
        refused("type.bad-dtype", call)


COMPARISONS = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name):
    sign = COMPARISONS[name]
    for dtype, stored in FLOATS.items():
        a = np.concatenate([x.reshape(-1) for x in samples(stored)])
        b = np.where(np.arange(a.size) % 3 == 0, a, np.flip(a))
        want = np.array([sign(float(p), float(q)) for p, q in zip(a, b, strict=True)])
        same(sign(region_of(a, dtype), region_of(b, dtype)), want)
        same(getattr(tile, name)(1, region_of(a, dtype)), np.array([sign(1.0, float(q)) for q in a]))
    for dtype, stored in INTS.items():
        a = np.concatenate([x.reshape(-1) for x in integers(stored)])
        same(
            sign(region_of(a, dtype), region_of(np.flip(a), dtype)),
            np.array([sign(p, q) for p, q in zip(a.tolist(), a.tolist()[::-1], strict=True)]),
        )


def test_maximum_minimum_and_clip():
    for dtype, stored in FLOATS.items():
        a = np.concatenate([x.reshape(-1) for x in samples(stored)])
        b = np.flip(a)
        pairs = [(float(p), float(q)) for p, q in zip(a, b, strict=True)]
        nan = [math.isnan(p) or math.isnan(q) for p, q in pairs]
        x, y = region_of(a, dtype), region_of(b, dtype)
        same(
            tile.maximum(x, y),
            np.array([math.nan if bad else max(p) for p, bad in zip(pairs, nan, strict=True)]).astype(stored),
        )
        same(
            tile.minimum(x, y),
            np.array([math.nan if bad else min(p) for p, bad in zip(pairs, nan, strict=True)]).astype(stored),
        )
        same(tile.minimum(2.0, x), np.array([p if math.isnan(p) else min(p, 2.0) for p, _ in pairs]).astype(stored))
        same(
            tile.clip(x, -1.0, 2),
            np.array([p if math.isnan(p) else min(max(p, -1.0), 2.0) for p, _ in pairs]).astype(stored),
        )
        same(tile.clip(x, hi=0.5), np.array([p if math.isnan(p) else min(p, 0.5) for p, _ in pairs]).astype(stored))
    for dtype, stored in INTS.items():
        a = np.arange(20).astype(stored)
        same(tile.clip(region_of(a, dtype), 3, i32(9) if dtype is i32 else 9), np.clip(a, 3, 9))
        same(tile.maximum(region_of(a, dtype), region_of(a[::-1], dtype)), np.maximum(a, a[::-1]))
    refused("type.dtype-mismatch", lambda: tile.clip(i32(1), 0.5, 2))


def test_where():
    cond = np.array([[True], [False]])
    a, b = np.arange(3, dtype=np.float32), np.full((2, 3), -1, np.float32)
    want = np.array([[0, 1, 2], [-1, -1, -1]], np.float32)
    c, x, y = region_of(cond, bool_), region_of(a, f32), region_of(b, f32)
    same(tile.where(c, x, y), want)
    same(tile.select(c, x, -1.0), want)
    same(tile.where(c, 7, y), np.array([[7, 7, 7], [-1, -1, -1]], np.float32))
    same(tile.where(bool_(True), tile.zeros((0,), bf16), 1.0), np.zeros((0,), ml_dtypes.bfloat16))
    same(tile.where(tile.ones((2, 2), bool_), f32(1.0), 2.0), np.ones((2, 2), np.float32))
    refused("type.not-a-tile", lambda: tile.where(c, 1.0, 2.0))
    refused("type.bad-dtype", lambda: tile.where(x, x, x))
    refused("type.dtype-mismatch", lambda: tile.where(c, x, x.astype(f16)))
    refused("type.shape-mismatch", lambda: tile.where(tile.ones((4,), bool_), x, x))


def test_casts_between_floats_round_to_nearest_even():
    for source, stored in FLOATS.items():
        for target, wanted in FLOATS.items():
            for data in samples(stored):
                with np.errstate(all="ignore"):
                    want = (
                        data.astype(np.float64).astype(wanted)
                        if source is f64
                        else data.astype(np.float32).astype(wanted)
                    )
                same(tile.cast(region_of(data, source), target), want)
    same(
        tile.cast(region_of(np.array([257.0, 259.0], np.float32), f32), bf16), np.array([256, 260], ml_dtypes.bfloat16)
    )


def test_casts_from_float_to_integer_truncate_and_saturate():
    for source, stored in FLOATS.items():
        for target, wanted in INTS.items():
            for data in samples(stored, 40.0):
                limits = np.iinfo(wanted)
                values = [float(x) for x in data.reshape(-1)]
                exact = [
                    0
                    if math.isnan(x)
                    else limits.max
                    if x == math.inf
                    else limits.min
                    if x == -math.inf
                    else min(max(int(x), limits.min), limits.max)
                    for x in values
                ]
                same(region_of(data, source).astype(target), np.array(exact, wanted).reshape(data.shape))


def test_casts_of_integers_and_truth_values():
    for source, stored in INTS.items():
        for data in integers(stored):
            for target, wanted in INTS.items():
                exact = [int(x) % 2**target.bits for x in data.reshape(-1)]
                want = np.array(exact, np.uint64).astype(f"u{target.bits // 8}").view(wanted).reshape(data.shape)
                same(tile.cast(region_of(data, source), target), want)
            same(
                tile.cast(region_of(data, source), f64),
                np.array([float(int(x)) for x in data.reshape(-1)]).reshape(data.shape),
            )
            same(
                tile.cast(region_of(data, source), bool_),
                np.array([int(x) != 0 for x in data.reshape(-1)], bool).reshape(data.shape),
            )
    same(tile.cast(region_of(np.array(EXTREMES), f64), bool_), np.array([x != 0 for x in EXTREMES]))
    for target, wanted in {**FLOATS, **INTS}.items():
        same(tile.cast(region_of(np.array([True, False]), bool_), target), np.array([1, 0]).astype(wanted))
    refused("type.bad-arguments", lambda: tile.cast(f32(1.0), np.float16))
    refused("type.not-a-tile", lambda: tile.cast(1.0, f32))


@settings(max_examples=80, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=4))
def test_operands_broadcast_as_in_numpy(shapes):
    a, b = (np.arange(math.prod(shape), dtype=np.int32).reshape(shape) for shape in shapes.input_shapes)
    assert tile.add(region_of(a, i32), region_of(b, i32)).shape == shapes.result_shape
    same(region_of(a, i32) - region_of(b, i32), a - b)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32), max_size=9), st.lists(st.floats(width=32), max_size=9))
def test_addition_and_multiplication_commute(a, b):
    n = min(len(a), len(b))
    x, y = (region_of(np.array(each[:n], np.float32), f32) for each in (a, b))
    same(x + y, np.asarray(y + x))
    same(x * y, np.asarray(y * x))
    same(tile.maximum(x, y), np.asarray(tile.maximum(y, x)))
