"""Elementary functions of the prelude: largest errors in units in the last place, and their special values.

References are computed by NumPy in extended precision (64-bit mantissas), for f32 far beyond what is asked and for f64
good to 0.001 units.
"""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

if "native_driver" not in sys.modules:
    spec = importlib.util.spec_from_file_location("native_driver", Path(__file__).with_name("native_driver.py"))
    sys.modules["native_driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["native_driver"])
native = sys.modules["native_driver"]

Long = np.longdouble
PI = Long("3.14159265358979323846264338327950288")
FORMS = pytest.mark.parametrize("scalar", [False, True], ids=["vector", "scalar"])
needs_extended = pytest.mark.skipif(np.finfo(Long).nmant < 63, reason="needs a long double of 64 or more bits")


def each(function):
    return lambda x: np.array([function(float(v)) for v in x], np.float64).astype(Long)


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, Long(1)) / (1 + small)


# name: (reference, max ulp for f32, max ulp for f64) — what htp_math.hpp states
FUNCTIONS = {
    "exp": (np.exp, 1.0, 1.1),
    "exp2": (np.exp2, 1.2, 1.3),
    "log": (np.log, 0.9, 0.9),
    "log2": (np.log2, 1.8, 1.8),
    "tanh": (np.tanh, 1.4, 1.5),
    "sin": (np.sin, 1.6, 1.5),
    "cos": (np.cos, 1.6, 1.5),
    "sqrt": (np.sqrt, 0.5, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1.5, 1.5),
    "sigmoid": (sigmoid, 2.3, 2.4),
    "erf": (each(math.erf), 1.2, 0.6),
    "floor": (np.floor, 0, 0),
    "ceil": (np.ceil, 0, 0),
    "round": (np.rint, 0, 0),
}


def samples(name, dtype):
    """All magnitudes, the interesting ranges, and edges."""
    rng = np.random.default_rng(5)
    number = native.DTYPES[dtype]
    count = 3000 if name == "erf" else 40000
    if dtype == "f32":
        sweep = np.arange(0, 1 << 32, (1 << 32) // count, dtype=np.uint64).astype(np.uint32).view(np.float32)
    else:
        sweep = rng.integers(0, (1 << 64) - 1, count, np.uint64).view(np.float64)
        if name in ("sin", "cos"):
            sweep = sweep[np.abs(sweep) < 1e18]  # NumPy's extended sine reduces larger arguments less exactly
    wide = 745.0 if dtype == "f64" else 104.0
    ranges = [
        rng.uniform(-wide, wide, count),
        rng.uniform(-3, 3, count),
        rng.uniform(0.5, 2, count),
        rng.uniform(-5e4, 5e4, count),
    ]
    info = np.finfo(number)
    edges = [
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        1.5,
        2.5,
        -2.5,
        np.inf,
        -np.inf,
        np.nan,
        info.tiny,
        info.smallest_subnormal,
        info.max,
        -info.max,
    ]
    edges += [
        88.72,
        88.73,
        -87.3,
        -87.4,
        -103.9,
        -104.1,
        709.7,
        709.8,
        -708.4,
        -745.1,
        -745.2,
        127.9,
        128,
        -149,
        -150,
        0.625,
        0.55,
    ]
    edges += [8388607.5, 4503599627370495.5, 2.0**60, 49999.9, 50000.1]
    return np.concatenate(
        [sweep, *(each.astype(number) for each in ranges), np.array(edges, np.float64).astype(number)]
    )


def ulps(found, exact):
    """Distance in units of the last place of the rounded reference."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        unit = np.spacing(np.abs(rounded)).astype(Long)
        distance = np.abs(found.astype(Long) - exact) / unit
    return np.where(np.isfinite(rounded) & np.isfinite(found), distance, 0), rounded


@needs_extended
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered in cast")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@FORMS
def test_error_is_within_the_stated_bound(name, dtype, scalar):
    reference, single, double = FUNCTIONS[name]
    x = samples(name, dtype)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(Long))
    found = native.elementwise(name, dtype, x, scalar=scalar)
    distance, rounded = ulps(found, exact)
    worst = int(np.argmax(distance))
    assert distance[worst] <= (single if dtype == "f32" else double), (x[worst], found[worst], rounded[worst])
    # Overflow to infinity may start half a unit early or late; NaN and zero signs may not differ at all.
    edge = np.isinf(found) != np.isinf(rounded)
    assert not edge.any() or np.all(
        np.abs(np.where(np.isinf(found), rounded, found)[edge]) >= np.finfo(found.dtype).max
    )
    assert np.array_equal(np.isnan(found), np.isnan(rounded))
    zero = (found == 0) & (rounded == 0)
    assert np.array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@FORMS
def test_special_values(dtype, scalar):
    def of(name, *values):
        return native.elementwise(name, dtype, np.array(values, np.float64), scalar=scalar).astype(float).tolist()

    inf, nan = math.inf, math.nan
    assert of("exp", inf, -inf, 0, -0.0, 1e30, -1e30) == [inf, 0, 1, 1, inf, 0]
    assert of("exp2", inf, -inf, 0, 10, -3, 1e30) == [inf, 0, 1, 1024, 0.125, inf]
    assert of("log", 0, -0.0, 1, inf) == [-inf, -inf, 0, inf]
    assert of("log2", 8, 0.25, 1, inf, 0) == [3, -2, 0, inf, -inf]
    assert of("tanh", inf, -inf, 0, 50, -50) == [1, -1, 0, 1, -1]
    assert of("erf", inf, -inf, 0, 5, -7) == [1, -1, 0, 1 if dtype == "f32" else math.erf(5), -1]
    assert of("sigmoid", inf, -inf, 0) == [1, 0, 0.5]
    assert of("rsqrt", 0, inf, 4) == [inf, 0, 0.5]
    assert of("gelu", 0, inf, 30, -30)[:3] == [0, inf, 30]
    assert of("gelu_tanh", 0, inf, 30) == [0, inf, 30]
    assert of("silu", 0, inf) == [0, inf]
    for name in (
        "exp",
        "exp2",
        "log",
        "log2",
        "tanh",
        "erf",
        "sigmoid",
        "sin",
        "cos",
        "rsqrt",
        "sqrt",
        "gelu",
        "gelu_tanh",
        "silu",
        "floor",
    ):
        assert all(map(math.isnan, of(name, nan, -nan))), name
    for name, value in (
        ("log", -1),
        ("log2", -inf),
        ("sqrt", -1),
        ("rsqrt", -2),
        ("sin", inf),
        ("cos", -inf),
        ("silu", -inf),
        ("gelu", -inf),
    ):
        assert math.isnan(of(name, value)[0]), name


def test_sine_of_huge_arguments():
    x = np.array([1e5, 1e10, 1e22, 3e38, -7e15, 123456789.0], np.float32)
    for name, reference in (("sin", math.sin), ("cos", math.cos)):
        for dtype in ("f32", "f64"):
            found = native.elementwise(name, dtype, x)
            expected = np.array([reference(float(v)) for v in x])
            assert np.allclose(found, expected, rtol=3e-7 if dtype == "f32" else 1e-14, atol=0)


def gelu(x):
    return np.array([0.5 * v * math.erfc(-v * math.sqrt(0.5)) if math.isfinite(v) else v for v in x.tolist()])


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x):
    return (x.astype(Long) * sigmoid(x.astype(Long))).astype(np.float64)


@pytest.mark.parametrize(("name", "reference"), [("gelu", gelu), ("gelu_tanh", gelu_tanh), ("silu", silu)])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@FORMS
def test_activations(name, reference, dtype, scalar):
    x = np.random.default_rng(6).uniform(-12, 12, 20000).astype(native.DTYPES[dtype])
    found = native.elementwise(name, dtype, x, scalar=scalar).astype(np.float64)
    error = np.abs(found - reference(x.astype(np.float64)))
    bound = 1.5e-7 if dtype == "f32" else 4.5e-16
    assert np.all(error <= bound * np.maximum(1, np.abs(x)))


def test_gelu_keeps_its_tail():
    x = np.linspace(-9.5, -0.5, 5000).astype(np.float32)
    expected = gelu(x.astype(np.float64))
    relative = np.abs(native.elementwise("gelu", "f32", x) / expected - 1)
    assert relative[x > -5.6].max() < 2.0**-17
    assert relative.max() < 2.0**-14


@pytest.mark.parametrize(("name", "dtype", "reference"), [
    ("exp", "f16", np.exp), ("exp", "bf16", np.exp), ("exp", "f8e4m3", np.exp), ("exp", "f8e5m2", np.exp),
    ("round", "f16", np.rint), ("sqrt", "bf16", np.sqrt),
])  # fmt: skip
@FORMS
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_narrow_floats_are_rounded_once(name, dtype, reference, scalar):
    number = np.dtype(native.DTYPES[dtype])
    x = np.arange(1 << (8 * number.itemsize)).astype(f"u{number.itemsize}").view(number)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.float64)).astype(np.float32)
        expected = exact.astype(number).astype(np.float64)
        found = native.elementwise(name, dtype, x, scalar=scalar).astype(np.float64)
        # The f32 result is within an ulp of the exact one; only at a rounding boundary may the narrow one differ.
        either = [np.nextafter(exact, s * np.float32(np.inf)).astype(number).astype(np.float64) for s in (1, -1)]
    agrees = (found == expected) | (np.isnan(found) & np.isnan(expected)) | (found == either[0]) | (found == either[1])
    assert agrees.all(), x[~agrees][:5]


@FORMS
def test_powers(scalar):
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, 9, 300).astype(np.float32), rng.uniform(-5, 5, 300).astype(np.float32)
    found = native.elementwise("power", "f32", x, y, scalar=scalar)
    assert np.allclose(found, x.astype(np.float64) ** y.astype(np.float64), rtol=2e-7, atol=0)
    for dtype in ("i8", "i32", "i64", "u8", "u64", "i16"):
        number = native.DTYPES[dtype]
        base, power = rng.integers(0, 120, 200).astype(number), rng.integers(0, 12, 200).astype(number)
        assert native.same(native.elementwise("power", dtype, base, power, scalar=scalar), base**power)
