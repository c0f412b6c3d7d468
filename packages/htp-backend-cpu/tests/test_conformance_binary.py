"""Every elementwise operation of two and three operands, its operators and scalar forms, against plain NumPy."""

import numpy as np
import pytest
from conformance import FLOATS, INTEGERS, NARROW, NUMPY, SIGNED, Case, batches, parametrized, values, wide

SIZES = (0, 1, 15, 16, 17, 33, 65)


def _rounded(function):
    """The operation on narrow floats in f32, rounded once."""
    return lambda *arrays: function(*map(wide, arrays)).astype(arrays[-1].dtype)


def _floor_divide(a, b):
    if a.dtype.kind == "f":
        return np.floor_divide(a, b)
    result = [0 if y == 0 else x // y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return _wrapped(result, a.dtype)


def _mod(a, b):
    if a.dtype.kind == "f":
        return np.remainder(a, b)
    return _wrapped([0 if y == 0 else x % y for x, y in zip(a.tolist(), b.tolist(), strict=True)], a.dtype)


def _power(a, b):
    if a.dtype.kind == "f":
        return np.power(a.astype(np.float64), b.astype(np.float64)).astype(a.dtype)
    return _wrapped([x**y for x, y in zip(a.tolist(), b.tolist(), strict=True)], a.dtype)


def _left(a, b):
    bits = 8 * a.dtype.itemsize
    return _wrapped([x << y if 0 <= y < bits else 0 for x, y in zip(a.tolist(), b.tolist(), strict=True)], a.dtype)


def _right(a, b):
    bits = 8 * a.dtype.itemsize
    result = [x >> (y if 0 <= y < bits else bits) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return _wrapped(result, a.dtype)


def _wrapped(result, dtype):
    bits = 8 * dtype.itemsize
    unsigned = np.array([each % (1 << bits) for each in result], f"u{dtype.itemsize}")
    return unsigned.astype(dtype)


COMPARISONS = {
    "equal": ("==", np.equal),
    "not_equal": ("!=", np.not_equal),
    "less": ("<", np.less),
    "less_equal": ("<=", np.less_equal),
    "greater": (">", np.greater),
    "greater_equal": (">=", np.greater_equal),
}


def _case(group, dtype, outputs, *, second=values, ulps=0, inputs="ab"):
    """A kernel with one output for every `name: (text, function, dtype of the result)`."""
    params = dict.fromkeys(inputs, f"In[{dtype}, N]")
    params |= {name: f"Out[{result}, N]" for name, (_, _, result) in outputs.items()}
    body = "\n".join(f"{name}[:] = {text}" for name, (text, _, _) in outputs.items())
    rounds = []
    for size in SIZES:
        given = {"a": values(dtype, (size,), group + "a"), "b": second(dtype, (size,), group + "b")}
        if "c" in inputs:
            given["c"] = values(dtype, (size,), group + "c")
        with np.errstate(all="ignore"):
            expected = {
                name: np.asarray(function(*given.values())).astype(NUMPY[result])
                for name, (_, function, result) in outputs.items()
            }
        rounds.append((given, expected))
    return Case(f"{group}_{dtype}", params, body, rounds, ulps)


def _small_exponents(dtype, shape, name):
    return values(dtype, shape, name, extreme=False, low=0, high=9) if dtype in INTEGERS else values(dtype, shape, name)


def _shifts(dtype, shape, name):
    found = values(dtype, shape, name, extreme=False, low=0, high=8 * NUMPY[dtype](0).itemsize + 3)
    extremes = values(dtype, shape, name)
    return np.where(np.arange(shape[0]) % 4 == 3, extremes, found)


def _arithmetic(dtype):
    pairs = {"add": ("+", np.add), "subtract": ("-", np.subtract), "multiply": ("*", np.multiply)}
    if dtype in FLOATS:
        pairs["divide"] = ("/", np.divide)
    outputs = {}
    for name, (symbol, function) in pairs.items():
        outputs[name] = (f"a[:] {symbol} b[:]", _rounded(function), dtype)
        outputs[f"{name}_call"] = (f"tile.{name}(b[:], a[:])", lambda a, b, f=function: _rounded(f)(b, a), dtype)
        three = NUMPY[dtype](3)
        outputs[f"{name}_right"] = (
            f"a[:] {symbol} 3",
            lambda a, b, f=function, n=three: _rounded(f)(a, np.full_like(a, n)),
            dtype,
        )
        outputs[f"{name}_left"] = (
            f"3 {symbol} a[:]",
            lambda a, b, f=function, n=three: _rounded(f)(np.full_like(a, n), a),
            dtype,
        )
    return _case("arithmetic", dtype, outputs)


def _division(dtype):
    outputs = {
        "floor_divide": ("a[:] // b[:]", _rounded(_floor_divide), dtype),
        "mod": ("a[:] % b[:]", _rounded(_mod), dtype),
        "floor_divide_call": ("tile.floor_divide(b[:], a[:])", lambda a, b: _rounded(_floor_divide)(b, a), dtype),
        "mod_call": ("tile.mod(b[:], a[:])", lambda a, b: _rounded(_mod)(b, a), dtype),
        "by_constant": ("a[:] // 3", lambda a, b: _rounded(_floor_divide)(a, np.full_like(a, 3)), dtype),
        "of_constant": ("7 % a[:]", lambda a, b: _rounded(_mod)(np.full_like(a, 7), a), dtype),
    }
    return _case("division", dtype, outputs)


def _powers(dtype):
    outputs = {
        "power": ("a[:] ** b[:]", _rounded(_power), dtype),
        "power_call": ("tile.power(a[:], b[:])", _rounded(_power), dtype),
        "square": ("a[:] ** 2", lambda a, b: _rounded(_power)(a, np.full_like(a, 2)), dtype),
    }
    return _case("power", dtype, outputs, second=_small_exponents, ulps=1 if dtype in NARROW else 4)


def _choices(dtype):
    two = NUMPY[dtype](2)
    cond = "tile.isnan(a[:])" if dtype in FLOATS else "a[:] > 2"
    test = (lambda a: np.isnan(wide(a))) if dtype in FLOATS else (lambda a: a > 2)
    lower, upper = (-2, 2) if dtype in (*FLOATS, *SIGNED) else (1, 9)

    def clip(a, lo, hi):
        return np.minimum(np.maximum(wide(a), wide(lo)), wide(hi))

    outputs = {
        "maximum": ("tile.maximum(a[:], b[:])", lambda a, b, c: np.maximum(wide(a), wide(b)), dtype),
        "minimum": ("tile.minimum(a[:], b[:])", lambda a, b, c: np.minimum(wide(a), wide(b)), dtype),
        "maximum_scalar": (
            "tile.maximum(a[:], 2)",
            lambda a, b, c: np.maximum(wide(a), wide(np.full_like(a, two))),
            dtype,
        ),
        "minimum_scalar": (
            "tile.minimum(2, a[:])",
            lambda a, b, c: np.minimum(wide(a), wide(np.full_like(a, two))),
            dtype,
        ),
        "clip": ("tile.clip(a[:], b[:], c[:])", clip, dtype),
        "clip_low": (
            f"tile.clip(a[:], {lower})",
            lambda a, b, c: np.maximum(wide(a), wide(np.full_like(a, lower))),
            dtype,
        ),
        "clip_high": (
            f"tile.clip(a[:], hi={upper})",
            lambda a, b, c: np.minimum(wide(a), wide(np.full_like(a, upper))),
            dtype,
        ),
        "clip_both": (
            f"tile.clip(a[:], {lower}, {upper})",
            lambda a, b, c: clip(a, np.full_like(a, lower), np.full_like(a, upper)),
            dtype,
        ),
        "where": (f"tile.where({cond}, b[:], c[:])", lambda a, b, c: np.where(test(a), b, c), dtype),
        "select": (f"tile.select({cond}, b[:], 2)", lambda a, b, c: np.where(test(a), b, two), dtype),
        "where_left": (f"tile.where({cond}, 2, c[:])", lambda a, b, c: np.where(test(a), two, c), dtype),
    }
    return _case("choice", dtype, outputs, inputs="abc")


def _compared(dtype):
    outputs = {}
    for name, (symbol, function) in COMPARISONS.items():
        outputs[name] = (f"a[:] {symbol} b[:]", lambda a, b, f=function: f(wide(a), wide(b)), "bool_")
        outputs[f"{name}_call"] = (f"tile.{name}(b[:], a[:])", lambda a, b, f=function: f(wide(b), wide(a)), "bool_")
        number, text = (NUMPY[dtype](1), "True" if dtype == "bool_" else "1")
        outputs[f"{name}_scalar"] = (
            f"a[:] {symbol} {text}",
            lambda a, b, f=function, n=number: f(wide(a), wide(np.full_like(a, n))),
            "bool_",
        )
    return _case("compare", dtype, outputs)


def _bits(dtype):
    outputs = {}
    pairs = {
        "bitwise_and": ("&", np.bitwise_and),
        "bitwise_or": ("|", np.bitwise_or),
        "bitwise_xor": ("^", np.bitwise_xor),
    }
    for name, (symbol, function) in pairs.items():
        outputs[name] = (f"a[:] {symbol} b[:]", function, dtype)
        outputs[f"{name}_call"] = (f"tile.{name}(a[:], b[:])", function, dtype)
        text = "True" if dtype == "bool_" else "5"
        number = NUMPY[dtype](True if dtype == "bool_" else 5)
        outputs[f"{name}_scalar"] = (
            f"a[:] {symbol} {text}",
            lambda a, b, f=function, n=number: f(a, np.full_like(a, n)),
            dtype,
        )
    if dtype == "bool_":
        for name, function in (("and", np.logical_and), ("or", np.logical_or), ("xor", np.logical_xor)):
            outputs[f"logical_{name}"] = (f"tile.logical_{name}(a[:], b[:])", function, dtype)
    return _case("bits", dtype, outputs)


def _shifted(dtype):
    outputs = {
        "left": ("a[:] << b[:]", _left, dtype),
        "right": ("a[:] >> b[:]", _right, dtype),
        "left_call": ("tile.left_shift(a[:], b[:])", _left, dtype),
        "right_call": ("tile.right_shift(a[:], b[:])", _right, dtype),
        "left_three": ("a[:] << 3", lambda a, b: _left(a, np.full_like(a, 3)), dtype),
        "right_three": ("a[:] >> 3", lambda a, b: _right(a, np.full_like(a, 3)), dtype),
        "right_all": ("a[:] >> 64", lambda a, b: _right(a, np.full_like(a, 64)), dtype),
        "of_one": ("1 << b[:]", lambda a, b: _left(np.full_like(b, 1), b), dtype),
    }
    return _case("shift", dtype, outputs, second=_shifts)


def _cases(dtype):
    yield _compared(dtype)
    if dtype != "bool_":
        yield _arithmetic(dtype)
        yield _division(dtype)
        yield _powers(dtype)
        yield _choices(dtype)
    if dtype in INTEGERS:
        yield _shifted(dtype)
    if dtype not in FLOATS:
        yield _bits(dtype)


GROUPS = {
    "wide": ("f64", "f32"),
    "narrow": NARROW,
    "signed": SIGNED,
    "unsigned": ("u64", "u32", "u16", "u8", "bool_"),
}
CASES = {name: [case for dtype in dtypes for case in _cases(dtype)] for name, dtypes in GROUPS.items()}
BUILT = batches("binary", CASES)


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_binary(batch, case, way, folder):
    batch.check(case, way, folder)
