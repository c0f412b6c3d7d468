"""Every elementwise operation of one operand, natively and by its NumPy meaning, against plain NumPy."""

import math

import numpy as np
import pytest
from conformance import ALL, FLOATS, INTEGERS, NARROW, NUMBERS, NUMPY, Case, batches, parametrized, values, wide

SIZES = (0, 1, 15, 16, 17, 33, 65)
# Units in the last place that the result may be off, in f32 and f64; narrow floats round one that is nearly exact.
# gelu multiplies by a probability that cancels far left of zero.
BOUNDS = {"exp": 4, "exp2": 4, "log": 4, "log2": 4, "sin": 4, "cos": 4, "tanh": 4, "erf": 8, "sigmoid": 8, "silu": 8,
          "gelu": 64, "gelu_tanh": 64, "rsqrt": 2}  # fmt: skip


def _erf(x):
    return np.array([math.erf(each) for each in x.reshape(-1).tolist()], np.float64).reshape(x.shape)


def _erfc(x):
    return np.array([math.erfc(each) for each in x.reshape(-1).tolist()], np.float64).reshape(x.shape)


def _sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


REAL = {
    "exp": np.exp, "exp2": np.exp2, "log": np.log, "log2": np.log2, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "tanh": np.tanh, "erf": _erf, "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x), "gelu": lambda x: x / 2 * _erfc(-x / math.sqrt(2)),
    "gelu_tanh": lambda x: x * _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)),
}  # fmt: skip
EXACT = {
    "abs": np.abs, "neg": np.negative, "sign": np.sign, "relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "floor": np.floor, "ceil": np.ceil, "round": np.rint,
}  # fmt: skip
TESTS = {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}


def _case(name, dtype, text, function, result, ulps=0):
    rounds = []
    for size in SIZES:
        x = values(dtype, (size,), name)
        if name in ("sin", "cos") and dtype != "f16":
            # Beyond this the reduction of the argument loses what the dtype can hold in NumPy as well.
            x = np.where(np.abs(wide(x)) < 1e5, x, x.dtype.type(1.0)).astype(x.dtype)
        with np.errstate(all="ignore"):
            expected = np.asarray(function(x)).astype(NUMPY[result])
        rounds.append(({"x": x}, {"y": expected}))
    params = {"x": f"In[{dtype}, N]", "y": f"Out[{result}, N]"}
    return Case(f"{name}_{dtype}", params, f"y[:] = {text}", rounds, ulps)


def _real(dtype, function):
    def run(x):
        found = function(x.astype(np.float64))
        return found.astype(np.float32) if dtype in NARROW else found

    return run


def _cases(dtype):
    if dtype in FLOATS:
        for name, function in REAL.items():
            text = 'tile.gelu(x[:], approximate="tanh")' if name == "gelu_tanh" else f"tile.{name}(x[:])"
            ulps = 1 if dtype in NARROW else BOUNDS.get(name, 0)
            yield _case(name, dtype, text, _real(dtype, function), dtype, ulps)
        for name, function in EXACT.items():
            yield _case(name, dtype, f"tile.{name}(x[:])", lambda x, f=function: f(wide(x)), dtype)
        for name, function in TESTS.items():
            yield _case(name, dtype, f"tile.{name}(x[:])", lambda x, f=function: f(wide(x)), "bool_")
    elif dtype in INTEGERS:
        for name, function in EXACT.items():
            same = function if name in ("abs", "neg", "sign", "relu") else np.copy
            yield _case(name, dtype, f"tile.{name}(x[:])", same, dtype)
        yield _case("invert", dtype, "tile.invert(x[:])", np.invert, dtype)
        yield _case("tilde", dtype, "~x[:]", np.invert, dtype)
    else:
        yield _case("invert", dtype, "tile.invert(x[:])", np.logical_not, dtype)
        yield _case("logical_not", dtype, "tile.logical_not(x[:])", np.logical_not, dtype)
        yield _case("tilde", dtype, "~x[:]", np.logical_not, dtype)
    if dtype in NUMBERS:
        yield _case("minus", dtype, "-x[:]", lambda x: np.negative(wide(x)), dtype)
        yield _case("plus", dtype, "+x[:]", np.copy, dtype)


def _converted(x, dtype):
    """A float as an integer: truncated, saturated, NaN to 0; anything else as NumPy converts."""
    x = wide(x)
    if x.dtype.kind != "f" or dtype not in INTEGERS:
        return x != 0 if dtype == "bool_" else x.astype(NUMPY[dtype])
    limits = np.iinfo(NUMPY[dtype])
    result = [
        0
        if math.isnan(each)
        else max(
            limits.min,
            min(limits.max, math.trunc(each) if math.isfinite(each) else (1 << 70 if each > 0 else -(1 << 70))),
        )
        for each in x.tolist()
    ]
    return np.array(result, NUMPY[dtype])


def _casts():
    for source in ALL:
        params = {"x": f"In[{source}, N]", **{f"to_{each}": f"Out[{each}, N]" for each in ALL}}
        body = [
            f"to_{each}[:] = " + (f"x[:].astype({each})" if source < each else f"tile.cast(x[:], {each})")
            for each in ALL
        ]
        rounds = []
        for size in SIZES:
            x = values(source, (size,), "cast")
            with np.errstate(all="ignore"):
                rounds.append(({"x": x}, {f"to_{each}": np.asarray(_converted(x, each)) for each in ALL}))
        yield Case(f"cast_{source}", params, "\n".join(body), rounds)


BATCHES = {
    "f32": [*_cases("f32")],
    "f64": [*_cases("f64")],
    "f16_bf16": [*_cases("f16"), *_cases("bf16")],
    "f8": [*_cases("f8e4m3"), *_cases("f8e5m2")],
    "integers": [case for each in (*INTEGERS, "bool_") for case in _cases(each)],
    "casts": [*_casts()],
}
BUILT = batches("unary", BATCHES)


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_unary(batch, case, way, folder):
    batch.check(case, way, folder)
