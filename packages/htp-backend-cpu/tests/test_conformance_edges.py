"""Literals at the ends of their ranges, names that lowering might use itself, and less common forms of operations."""

import numpy as np
import pytest
from conformance import NUMPY, Case, batches, parametrized, seeded, values, wide

f32 = np.float32


def _case(name, params, body, function, given, **options):
    """`given` is a list of the inputs by name; `function` takes them and gives the outputs by name."""
    with np.errstate(all="ignore"):
        rounds = [(each, {key: np.asarray(found) for key, found in function(**each).items()}) for each in given]
    return Case(name, params, body, rounds, **options)


def _vectors(*sizes, dtype="f32", name="x", **options):
    return [{name: values(dtype, (size,), "edge", **options)} for size in sizes]


def _literal(dtype, text, number):
    params = {"x": f"In[{dtype}, N]", "y": f"Out[{dtype}, N]", "z": "Out[bool_, N]", "w": f"Out[{dtype}, 2]"}
    body = f"y[:] = tile.minimum(x[:], {text})\nz[:] = x[:] == {text}\nw[:] = tile.full((2,), {text}, {dtype})"
    one = NUMPY[dtype](number)

    def function(x):
        return {"y": np.minimum(wide(x), wide(one)).astype(x.dtype), "z": x == one, "w": np.full(2, one)}

    label = text.replace("-", "minus_").replace(".", "_")
    return _case(f"literal_{dtype}_{label}", params, body, function, _vectors(0, 17, dtype=dtype))


LITERALS = [
    _literal("u64", "18446744073709551615", 2**64 - 1),
    _literal("u64", "9223372036854775808", 2**63),
    _literal("i64", "-9223372036854775808", -(2**63)),
    _literal("i64", "9223372036854775807", 2**63 - 1),
    _literal("i32", "-2147483648", -(2**31)),
    _literal("u32", "4294967295", 2**32 - 1),
    _literal("i8", "-128", -128),
    _literal("f64", "1e308", 1e308),
    _literal("f32", "1e-45", 1e-45),
    _literal("f32", "-inf", -np.inf),
    _literal("f16", "65504.0", 65504.0),
    _literal("f8e4m3", "448.0", 448.0),
    _literal("f8e5m2", "-inf", -np.inf),
]


def _scattered(x, i, u, mode, axis):
    y = x.copy()
    run = {"add": np.add, "max": np.maximum, "min": np.minimum}[mode]
    for at in np.ndindex(i.shape):
        where = list(at)
        where[axis] = i[at]
        y[tuple(where)] = run(y[tuple(where)], u[at])
    return y


def _scatter_inputs():
    for shape in ((2, 3), (5, 17)):
        rng = seeded(str(shape))
        yield {
            "x": rng.integers(-5, 6, shape).astype(f32),
            "i": rng.integers(-shape[0], shape[0], (4, shape[1])),
            "u": rng.integers(-5, 6, (4, shape[1])).astype(f32),
        }


def _whole(*shape):
    return seeded(str(shape)).integers(-4, 5, shape).astype(f32)


def _named(c):
    r = c.sum(axis=1, keepdims=True)
    panel = np.cumsum((r + 1) * c + r, axis=0)
    last = panel - panel.max(axis=0, keepdims=True, initial=-np.inf)
    for _ in range(2):
        last = last[::-1, ::-1] + c
    return last


def _truths(x):
    t = (x > 0) & ~(x > 2) | (x == -1)
    return {"y": t ^ t.any(axis=1, keepdims=True), "z": np.where(t, f32(1), x), "n": t.sum(axis=1)}


def _indexed(x):
    n = len(x)
    result = [x[(i * 7 + 3) % n] + x[(i - n) // 2 % n] + x[-1 - i] + x[max(0, min(i + 2, n - 1))] for i in range(n)]
    return np.array(result, f32)


def _stepped(x):
    y = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -3):
        y[i] = x[i]
    for i in range(1, len(x), 4):
        y[i : i + 2] += x[i : i + 2] * 2
    return y


def _bounded(x):
    y = x.copy()
    y[-3:] = x[-3:] * 2
    y[:-5] += 1
    return y


def _turned(x):
    y = x[::-1].copy()
    y[1:4] = y[0:3][::-1].copy()
    y[2:4] = y[0:2][::-1].copy()
    return y


def _turned_rows(x):
    y = x.copy()
    for i in range(len(x)):
        y[i] = y[i - 1][::-1].copy()
        y[i - 1] = x[i][::-1]
    return y


TURNED = """@kernel
def turned(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = tile.flip(x[:])

"""
FORMS = [
    _case(
        "names",
        {"x": "In[f32, M, N]", "y": "Out[f32, M, N]"},
        """c = x[:]
r = tile.sum(c, axis=1, keepdims=True)
n = tile.exp(c - c)
t1 = r + n
double = t1 * c
c_lanes = double + r
so_far = tile.cumsum(c_lanes, 0)
panel = so_far @ tile.eye(x.shape[1], f32)
k = tile.max(panel, axis=0, keepdims=True)
alloc_ = panel - k
for i in range(2):
    p = tile.flip(alloc_)
    alloc_ = p + c
y[:] = alloc_ + r * 0""",
        lambda x: {"y": _named(x)},
        [{"x": _whole(*each)} for each in ((3, 17), (1, 1), (0, 3))],
    ),
    _case(
        "split",
        {"x": "In[f32, M, 6]", "y": "Out[f32, M, 2]", "z": "Out[f32, M, 3]"},
        "a, b, c = tile.split(x[:], 3, axis=1)\ny[:] = a * 2 + b - c\nd, e = tile.split(x[:], 2, -1)\nz[:] = d - e",
        lambda x: {"y": x[:, :2] * 2 + x[:, 2:4] - x[:, 4:], "z": x[:, :3] - x[:, 3:]},
        [{"x": _whole(*each)} for each in ((0, 6), (5, 6))],
    ),
    *[
        _case(
            f"scatter_{mode}_{axis}",
            {"x": "In[f32, M, N]", "i": "In[i64, K, N]", "u": "In[f32, K, N]", "y": "Out[f32, M, N]"},
            f'y[:] = tile.scatter(x[:], i[:], u[:], {axis}, mode="{mode}")',
            lambda x, i, u, m=mode, a=axis: {"y": _scattered(x, i, u, m, a)},
            list(_scatter_inputs()),
        )
        for mode in ("add", "max", "min")
        for axis in (0,)
    ],
    _case(
        "rank_4",
        {"x": "In[f32, A, B, C, D]", "y": "Out[f32, A, B, C, D]"},
        (
            "z = x[:]\n"
            "z = z - tile.max(z, axis=(1, 3), keepdims=True)\n"
            "y[:] = tile.transpose(tile.transpose(z, (3, 1, 0, 2)) + 1, (2, 1, 3, 0)) * tile.sum(z, axis=0)"
        ),
        lambda x: {"y": (x - x.max((1, 3), keepdims=True) + 1) * (x - x.max((1, 3), keepdims=True)).sum(0)},
        [{"x": seeded(str(s)).integers(-3, 4, s).astype(f32)} for s in ((2, 3, 4, 17), (1, 1, 1, 1), (3, 2, 1, 5))],
    ),
    _case(
        "broadcasting",
        {
            "x": "In[f32, M, N]",
            "u": "In[f32, N]",
            "v": "In[f32, M, 1]",
            "w": "In[f32, 1, N]",
            "y": "Out[f32, M, N]",
            "z": "Out[f32, M, N]",
        },
        "y[:] = x[:] * u[:] + v[:] - w[:] * v[:]\nz[:] = u[:] + v[:]",
        lambda x, u, v, w: {"y": x * u + v - w * v, "z": u + v + 0 * x},
        [
            {"x": _whole(m, n), "u": _whole(n), "v": _whole(m, 1), "w": _whole(1, n)}
            for m, n in ((3, 17), (1, 1), (0, 3), (3, 0))
        ],
    ),
    _case(
        "stores_broadcast",
        {"x": "In[f32, N]", "y": "Out[f32, M, N]", "z": "Out[f32, M, N]", "m": "In[f32, M]"},
        "assert x.shape[0] >= 1\ny[:] = x[:]\nz[:] = 3\nz[:, 0] = m[:]",
        lambda x, m: {
            "y": np.tile(x, (len(m), 1)),
            "z": np.concatenate((m[:, None], np.full((len(m), len(x) - 1), 3, f32)), 1),
        },
        [{"x": np.arange(n, dtype=f32), "m": np.arange(m, dtype=f32) + 7} for m, n in ((3, 17), (1, 1), (0, 3))],
    ),
    _case(
        "truths",
        {"x": "In[f32, M, N]", "y": "Out[bool_, M, N]", "z": "Out[f32, M, N]", "n": "Out[i64, M]"},
        (
            "t = (x[:] > 0) & ~(x[:] > 2) | (x[:] == -1)\n"
            "u = t ^ tile.any(t, axis=1, keepdims=True)\n"
            "y[:] = u\n"
            "z[:] = tile.where(t & True, 1.0, x[:])\n"
            "n[:] = tile.sum(t, axis=1)\n"
            "if tile.item(tile.all(x[:] > 100)):\n    z[:] = 5"
        ),
        _truths,
        [{"x": seeded(str(s)).integers(-3, 4, s).astype(f32)} for s in ((3, 17), (1, 1), (4, 40))],
    ),
    _case(
        "casts_in_a_row",
        {"x": "In[f32, N]", "y": "Out[f32, N]"},
        (
            "z = x[:].astype(i8).astype(u8).astype(i32) * 3\n"
            "y[:] = z.astype(f16).astype(f32) + x[:].astype(bool_).astype(f32)"
        ),
        lambda x: {
            "y": (x.astype(np.int8).astype(np.uint8).astype(np.int32) * 3).astype(np.float16).astype(f32) + (x != 0)
        },
        _vectors(0, 16, 33, extreme=False),
    ),
    _case(
        "index_arithmetic",
        {"x": "In[f32, N]", "y": "Out[f32, N]"},
        """n = x.shape[0]
for i in range(n):
    j = (i * 7 + 3) % n
    k = (i - n) // 2 % n
    y[i] = x[j] + x[k] + x[-1 - i] + x[max(0, min(i + 2, n - 1))]""",
        lambda x: {"y": _indexed(x)},
        _vectors(1, 5, 17, extreme=False),
    ),
    _case(
        "range_steps",
        {"x": "In[f32, N]", "y": "Out[f32, N]"},
        """y[:] = 0
for i in range(x.shape[0] - 1, -1, -3):
    y[i] = x[i]
for i in range(1, x.shape[0], 4):
    y[i:i + 2] = y[i:i + 2] + x[i:i + 2] * 2""",
        lambda x: {"y": _stepped(x)},
        _vectors(0, 1, 5, 17, extreme=False),
    ),
    _case(
        "calls_that_overlap",
        {"x": "In[f32, N]", "y": "Out[f32, N]"},
        "assert x.shape[0] >= 5\ny[:] = x[:]\nturned(y[:], y[:])\nturned(y[0:3], y[1:4])\nturned(x=y[0:2], y=y[2:4])",
        lambda x: {"y": _turned(x)},
        _vectors(5, 17, 33, extreme=False),
        extra=TURNED,
    ),
    _case(
        "calls_from_the_end",
        {"x": "In[f32, M, N]", "y": "Out[f32, M, N]"},
        "y[:] = x[:]\nfor i in range(x.shape[0]):\n    turned(y[i - 1, :], y[i, :])\n    turned(x[i, :], y[i - 1, :])",
        lambda x: {"y": _turned_rows(x)},
        [{"x": _whole(*each)} for each in ((3, 17), (1, 1), (0, 3), (6, 5))],
        extra=TURNED,
    ),
    _case(
        "rows_from_the_end",
        {"x": "In[f32, M, N]", "y": "Out[f32, M, N]"},
        "M = x.shape[0]\ny[:] = x[:]\nfor i in range(2 * M):\n    y[i - M, :] = x[i // 2, :] + i",
        lambda x: {
            "y": x[[(len(x) + i) // 2 for i in range(len(x))]] + np.arange(len(x), 2 * len(x), dtype=f32)[:, None]
        },
        [{"x": _whole(*each)} for each in ((3, 17), (1, 1), (0, 3), (6, 5))],
    ),
    _case(
        "negative_bounds",
        {"x": "In[f32, N]", "y": "Out[f32, N]"},
        "y[:] = x[:]\ny[-3:] = x[:][-3:] * 2\ny[:-5] = y[:-5] + 1",
        lambda x: {"y": _bounded(x)},
        _vectors(8, 5, 17, extreme=False),
    ),
    _case(
        "sums_are_accurate",
        {"x": "In[f32, N]", "y": "Out[f32, 1]"},
        "y[:] = tile.sum(tile.exp(x[:]), keepdims=True)",
        lambda x: {"y": np.exp(x.astype(np.float64)).sum(keepdims=True).astype(f32)},
        _vectors(1, 33, 4000, extreme=False),
        ulps=64,
    ),
    _case(
        "arrays_without_axes",
        {"x": "In[f32, N]", "y": "In[f32]", "z": "Out[f32]"},
        "z[...] = tile.max(x[:]) + y[...]",
        lambda x, y: {"z": x.max() + y},
        [{"x": np.arange(size, dtype=f32), "y": np.array(0.5, f32)} for size in (1, 33)],
    ),
    _case(
        "ranking_one_element",
        {"x": "In[f32, 1]", "y": "Out[i64, 1]", "z": "Out[i64, 1]"},
        "t = x[:] * 2\ny[:] = tile.argsort(t)\nz[:] = tile.argmax(x[:] + 1, axis=0, keepdims=True)",
        lambda x: {"y": np.zeros(1, np.int64), "z": np.zeros(1, np.int64)},
        _vectors(1, extreme=False),
    ),
]


BUILT = batches("edges", {"literals": LITERALS, "forms": FORMS})


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_edges(batch, case, way, folder):
    batch.check(case, way, folder)
