"""Reductions, positions and running sums over every axis and dtype, against plain NumPy.

The numbers are chosen so that sums and products are exact in any order, so that equal bits can be demanded.
"""

import numpy as np
import pytest
from conformance import ALL, FLOATS, INTEGERS, NARROW, NUMPY, Case, batches, parametrized, seeded, values, wide

SHAPES = ((3, 5, 17), (1, 1, 1), (2, 16, 33), (0, 4, 5), (4, 0, 5), (4, 5, 0), (2, 3, 65))
AXES = (None, 0, 1, 2, -1, (0, 2), (1, 2), (0, 1, 2))
FEW = (0, 2)
PLACES = ("argmax", "argmin")
# Arguments of `argmax` and `argmin`, and the dims of what they give.
FORMS = {
    "flat": ("", "1"),
    "first": (", axis=0", "B, C"),
    "kept": (", 1, keepdims=True", "A, 1, C"),
    "last": (", axis=-1", "A, B"),
}


def _exact(dtype, shape, name):
    """Small whole numbers, with a few infinities and NaNs in some rows."""
    rng = seeded(f"{name} {dtype} {shape}")
    if dtype not in FLOATS:
        return values(dtype, shape, name)
    array = rng.integers(-3, 4, shape).astype(NUMPY[dtype])
    special = np.array([np.inf, -np.inf, np.nan], np.float32).astype(NUMPY[dtype])
    rows = rng.random((*shape[:-1], 1)) < 0.2
    return np.where(rows & (rng.random(shape) < 0.1), special[rng.integers(0, 3, shape)], array).astype(NUMPY[dtype])


def _powers_of_two(dtype, shape, name):
    if dtype not in FLOATS:
        return values(dtype, shape, name)
    return seeded(f"{name} {dtype} {shape}").choice([1, 1, 1, -1, 2, 0.5], shape).astype(NUMPY[dtype])


def _accumulated(run):
    def function(x, **options):
        if x.dtype == np.bool_:
            return run(x, dtype=np.int64, **options)
        data = wide(x)
        return np.asarray(run(data, dtype=data.dtype, **options)).astype(x.dtype)

    return function


def _mean(x, axis, keepdims):
    data = wide(x)
    total = np.asarray(np.sum(data, dtype=data.dtype, axis=axis, keepdims=keepdims))
    return (total / data.dtype.type(x.size // max(total.size, 1) if x.size else 0)).astype(x.dtype)


def _extreme(run, name):
    def function(x, **options):
        if x.dtype.kind in "iu":
            limits = np.iinfo(x.dtype)
            start = limits.min if name == "max" else limits.max
        elif x.dtype == np.bool_:
            start = name == "min"
        else:
            bound = 448.0 if x.dtype.name == "float8_e4m3fn" else np.inf
            start = -bound if name == "max" else bound
        return np.asarray(run(wide(x), initial=start, **options)).astype(x.dtype)

    return function


REDUCTIONS = {
    "sum": (_accumulated(np.sum), _exact, ALL),
    "prod": (_accumulated(np.prod), _powers_of_two, ALL),
    "mean": (_mean, _exact, FLOATS),
    "max": (_extreme(np.max, "max"), values, ALL),
    "min": (_extreme(np.min, "min"), values, ALL),
    "any": (lambda x, **options: np.any(wide(x) != 0, **options), values, ALL),
    "all": (lambda x, **options: np.all(wide(x) != 0, **options), values, ALL),
}


def _result(name, dtype):
    if name in ("any", "all"):
        return "bool_"
    return "i64" if dtype == "bool_" and name in ("sum", "prod", "cumsum") else dtype


def _dims(axis, keepdims, names="ABC"):
    over = (
        range(len(names))
        if axis is None
        else [each % len(names) for each in (axis if isinstance(axis, tuple) else (axis,))]
    )
    return ", ".join(
        "1" if index in over else each for index, each in enumerate(names) if keepdims or index not in over
    )


def _case(names, dtype, axes):
    """One kernel that reduces one array over `axes` in every way that `names` lists."""
    numbers = REDUCTIONS[names[0]][1]
    params, lines, wanted = {"x": f"In[{dtype}, A, B, C]"}, [], {}
    for name in names:
        result = _result(name, dtype)
        for number, axis in enumerate(axes):
            keepdims = number % 2 == 1
            output, dims = f"{name}{number}", _dims(axis, keepdims)
            params[output] = f"Out[{result}, {dims}]" if dims else f"Out[{result}, 1]"
            options = f", {axis}" if number % 4 == 0 else f", axis={axis}, keepdims={keepdims}"
            lines.append(f"{output}[:] = tile.{name}(x[:]{'' if axis is None and not keepdims else options})")
            wanted[output] = (name, axis, keepdims)
    rounds = []
    for shape in SHAPES:
        x = numbers(dtype, shape, names[0])
        expected = {}
        for output, (name, axis, keepdims) in wanted.items():
            with np.errstate(all="ignore"):
                found = np.asarray(REDUCTIONS[name][0](x, axis=axis, keepdims=keepdims))
            expected[output] = found.astype(NUMPY[_result(name, dtype)]).reshape(found.shape or (1,))
        rounds.append(({"x": x}, expected))
    # A mean over two axes may be divided twice.
    return Case(f"{'_'.join(names)}_{dtype}", params, "\n".join(lines), rounds, 3 if names == ("mean",) else 0)


def _place(dtype):
    params = {"x": f"In[{dtype}, A, B, C]"}
    lines, rounds = [], [({"x": values(dtype, shape, "place")}, {}) for shape in SHAPES if 0 not in shape]
    # Every form for f32, each form once for the others.
    forms = (
        {"argmax": ("flat", "first"), "argmin": ("kept", "last")} if dtype != "f32" else dict.fromkeys(PLACES, FORMS)
    )
    for name in PLACES:
        run = getattr(np, name)
        params |= {f"{name}_{each}": f"Out[i64, {FORMS[each][1]}]" for each in forms[name]}
        lines += [f"{name}_{each}[:] = tile.{name}(x[:]{FORMS[each][0]})" for each in forms[name]]
        for given, expected in rounds:
            data = wide(given["x"])
            found = {
                "flat": run(data).reshape(1),
                "first": run(data, axis=0),
                "kept": run(data, axis=1, keepdims=True),
                "last": run(data, axis=2),
            }
            expected |= {f"{name}_{each}": found[each] for each in forms[name]}
    return Case(f"place_{dtype}", params, "\n".join(lines), rounds)


def _running(dtype):
    result = _result("cumsum", dtype)
    params = {"x": f"In[{dtype}, A, B, C]", **{f"y{axis}": f"Out[{result}, A, B, C]" for axis in (1, 2)}}
    body = "y1[:] = tile.cumsum(x[:], axis=1)\ny2[:] = tile.cumsum(x[:], -1)"
    rounds = []
    for shape in SHAPES:
        x = _exact(dtype, shape, "cumsum")
        data = wide(x)
        kind = np.int64 if dtype == "bool_" else data.dtype
        with np.errstate(all="ignore"):
            rounds.append(
                (
                    {"x": x},
                    {f"y{axis}": np.cumsum(data, axis=axis, dtype=kind).astype(NUMPY[result]) for axis in (1, 2)},
                )
            )
    return Case(f"cumsum_{dtype}", params, body, rounds)


def _cases(dtype):
    for names in (("sum",), ("mean",), ("prod",), ("max", "min", "any", "all")):
        if dtype in REDUCTIONS[names[0]][2]:
            yield _case(names, dtype, AXES if dtype == "f32" and names != ("prod",) else FEW)
    if dtype != "bool_":
        yield _place(dtype)
    yield _running(dtype)


CASES = {
    "wide": [case for each in ("f32", "f64") for case in _cases(each)],
    "narrow": [case for each in NARROW for case in _cases(each)],
    "integers": [case for each in INTEGERS[:4] for case in _cases(each)],
    "unsigned": [case for each in (*INTEGERS[4:], "bool_") for case in _cases(each)],
}
BUILT = batches("reduce", CASES)


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_reduce(batch, case, way, folder):
    batch.check(case, way, folder)
