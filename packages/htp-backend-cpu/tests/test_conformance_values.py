"""Value semantics: programs in which a careless lowering would read a new value for an old one, or the reverse."""

import numpy as np
import pytest
from conformance import Case, batches, parametrized, seeded

f32 = np.float32
ONE = {"a": "InOut[f32, N]"}
TWO = {"a": "In[f32, M, N]", "y": "Out[f32, M, N]"}


def _vector(size, name="v"):
    return seeded(f"{name}{size}").integers(-8, 9, size).astype(f32)


def _matrix(rows, columns, name="m"):
    return seeded(f"{name}{rows} {columns}").integers(-8, 9, (rows, columns)).astype(f32)


def inout(name, body, expected, sizes=(0, 1, 2, 16, 17, 65), params=ONE, **options):
    """A case with one InOut vector `a`; `expected(a)` gives its new value."""
    rounds = [({"a": _vector(size)}, {"a": expected(_vector(size).copy())}) for size in sizes]
    return Case(name, params, body, rounds, **options)


def vectors(name, body, expected, sizes=(0, 1, 2, 16, 17, 65), **options):
    """A case from a vector `a` to a vector `y` of the same size."""
    rounds = [({"a": _vector(size)}, {"y": np.asarray(expected(_vector(size)), f32)}) for size in sizes]
    return Case(name, {"a": "In[f32, N]", "y": "Out[f32, N]"}, body, rounds, **options)


def matrices(
    name, body, expected, sizes=((3, 17), (1, 1), (0, 5), (5, 0), (16, 33), (7, 2)), ulps=0, params=None, **options
):
    """A case from a matrix `a` to `y`, by default of the same shape."""
    rounds = [({"a": _matrix(*size)}, {"y": np.asarray(expected(_matrix(*size)), f32)}) for size in sizes]
    return Case(name, params or TWO, body, rounds, ulps, **options)


def _set(a, at, value):
    a[at] = value
    return a


def _shifted_twice(a):
    a[1:] = a[:-1].copy()
    a[1:] = a[:-1].copy()
    return a


def _softmax(a, axis):
    e = np.exp(a - a.max(axis=axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


def _steps(a, count):
    for _ in range(count):
        a = np.concatenate((a[1:], a[:1])) + 1
    return a


def _fibonacci(a):
    x, y = a.copy(), a * 2
    for _ in range(5):
        x, y = y, x + y
    return x


def _maxima(a):
    top, total = np.full((a.shape[0], 1), -100, f32), np.zeros((a.shape[0], 1), f32)
    for j in range(0, a.shape[1], 4):
        block = a[:, j : j + 4]
        higher = np.maximum(top, block.max(axis=1, keepdims=True))
        total = total + (higher - top)
        top = higher
    return top + total + a


def _repeat(a, step, count):
    for _ in range(count):
        a = step(a)
    return a


def _until(a):
    count = 0
    while a.sum() < 100 and count < 9:
        a, count = a + 3, count + 1
    return a


def _reused(a):
    x = np.maximum(a, 0) * 3 + 1
    z = x * x
    return (z + x) * z - x * (z + x)


def _centred(a):
    a = a - a.sum(axis=0, keepdims=True)
    return a - a.sum(axis=1, keepdims=True)


CASES = [
    inout("keep_then_zero", "x = a[:]\na[:] = x * 0\na[:] = x + 1", lambda a: a + 1),
    inout("keep_half", "n = a.shape[0]\nx = a[:]\na[:] = a[:] * 2\na[:] = x + a[:]", lambda a: a * 3),
    inout("shift_up", "a[1:] = a[:-1]", lambda a: _set(a, slice(1, None), a[:-1].copy()), sizes=(1, 2, 16, 17, 65)),
    inout("shift_down", "a[:-1] = a[1:]", lambda a: _set(a, slice(0, -1), a[1:].copy()), sizes=(1, 2, 16, 17, 65)),
    inout("shift_twice", "a[1:] = a[:-1]\na[1:] = a[:-1]", _shifted_twice, sizes=(1, 2, 16, 17, 65)),
    inout("reverse", "a[:] = tile.flip(a[:])", lambda a: a[::-1].copy()),
    inout("add_reverse", "a[:] += tile.flip(a[:])", lambda a: a + a[::-1]),
    inout(
        "neighbours",
        "a[1:] = a[1:] + a[:-1]",
        lambda a: _set(a, slice(1, None), a[1:] + a[:-1]),
        sizes=(1, 2, 16, 17, 65),
    ),
    inout("sum_of_itself", "a[:] = a[:] - tile.sum(a[:])", lambda a: a - a.sum()),
    inout("sum_after_store", "a[:] = a[:] * 2\ns = tile.sum(a[:])\na[:] = a[:] - s", lambda a: a * 2 - (a * 2).sum()),
    inout("sum_before_store", "s = tile.sum(a[:])\na[:] = a[:] * 2\na[:] = a[:] - s", lambda a: a * 2 - a.sum()),
    inout("accumulate", "for i in range(3):\n    a[:] += a[:]", lambda a: a * 8),
    inout("two_names", "x = a[:]\ny = x\nx = x + 1\na[:] = y * 10 + x", lambda a: a * 10 + a + 1),
    inout("store_between", "x = a[:] + 1\na[:] = x\ny = a[:] * x\na[:] = y - x", lambda a: (a + 1) ** 2 - (a + 1)),
    inout("one_element", "a[0] = a[-1]\na[-1] = 5", lambda a: _set(_set(a, 0, a[-1]), -1, 5), sizes=(1, 2, 17)),
    inout(
        "swap_ends",
        "x = a[0]\ny = a[-1]\na[0] = y\na[-1] = x",
        lambda a: _set(_set(a.copy(), 0, a[-1]), -1, a[0]),
        sizes=(1, 2, 17),
    ),
    inout(
        "halves",
        "n = a.shape[0]\nx = a[:n // 2]\na[:n // 2] = a[n - n // 2:]\na[n - n // 2:] = x",
        lambda a: np.concatenate((a[len(a) - len(a) // 2 :], a[len(a) // 2 : len(a) - len(a) // 2], a[: len(a) // 2])),
    ),
    vectors("swap", "x = a[:]\nz = x * 2\nfor i in range(3):\n    x, z = z, x\ny[:] = x - z", lambda a: a),
    vectors("swap_after_loop", "x = a[:]\nz = x * 2\nx, z = z, x\ny[:] = x * 10 + z", lambda a: a * 21),
    vectors("fibonacci", "x = a[:]\nz = x * 2\nfor i in range(5):\n    x, z = z, x + z\ny[:] = x", _fibonacci),
    vectors(
        "carried_old_and_new",
        "x = a[:]\nlast = x\nfor i in range(4):\n    last = x\n    x = x + 1\ny[:] = x * 100 + last",
        lambda a: (a + 4) * 100 + a + 3,
    ),
    vectors(
        "rotate",
        "x = a[:]\nfor i in range(3):\n    x = tile.concat((x[1:], x[:1])) + 1\ny[:] = x",
        lambda a: _steps(a, 3),
        sizes=(1, 2, 16, 17, 65),
    ),
    vectors(
        "reversed_each_time",
        "x = a[:]\nfor i in range(3):\n    x = tile.flip(x) + a[:]\ny[:] = x",
        lambda a: ((a[::-1] + a)[::-1] + a)[::-1] + a,
    ),
    vectors(
        "normalised_each_time",
        "x = a[:]\nfor i in range(3):\n    x = x - tile.sum(x)\ny[:] = x",
        lambda a: _repeat(a, lambda x: x - x.sum(), 3),
    ),
    vectors(
        "read_after_update",
        "x = a[:]\nfor i in range(3):\n    z = x + 1\n    x = z * 2\n    z = z + x\n    x = x + z\ny[:] = x",
        lambda a: _repeat(a, lambda x: (x + 1) * 2 + (x + 1) + (x + 1) * 2, 3),
    ),
    vectors(
        "branch",
        "x = a[:]\nif a.shape[0] > 2:\n    x = x * 2\nelse:\n    x = x + 5\ny[:] = x",
        lambda a: a * 2 if len(a) > 2 else a + 5,
    ),
    vectors(
        "branch_without_else",
        "x = a[:]\nif a.shape[0] > 2:\n    x = tile.flip(x)\ny[:] = x + a[:]",
        lambda a: (a[::-1] if len(a) > 2 else a) + a,
    ),
    vectors(
        "branches",
        (
            "n = a.shape[0]\n"
            "if n < 3:\n"
            "    x = a[:] + 1\n"
            "elif n > 16:\n"
            "    x = tile.flip(a[:])\n"
            "else:\n"
            "    x = a[:] - 1\n"
            "y[:] = x"
        ),
        lambda a: a + 1 if len(a) < 3 else a[::-1] if len(a) > 16 else a - 1,
    ),
    vectors(
        "branch_in_loop",
        (
            "x = a[:]\n"
            "for i in range(6):\n"
            "    if i % 2 == 0:\n"
            "        x = x + i\n"
            "    else:\n"
            "        z = x * 2\n"
            "        x = z - x\n"
            "y[:] = x"
        ),
        lambda a: a + 6,
    ),
    vectors(
        "while_counts",
        "x = a[:]\ni = 0\nwhile i < 5:\n    x = x + i\n    i = i + 2\ny[:] = x + i",
        lambda a: a + 0 + 2 + 4 + 6,
    ),
    vectors(
        "while_item",
        (
            "x = a[:]\n"
            "s = tile.item(tile.sum(x))\n"
            "k = 0\n"
            "while s < 100 and k < 9:\n"
            "    x = x + 3\n"
            "    s = tile.item(tile.sum(x))\n"
            "    k = k + 1\n"
            "y[:] = x"
        ),
        lambda a: _until(a),
    ),
    vectors("loop_of_none", "x = a[:]\nfor i in range(0):\n    x = x * 0\ny[:] = x", lambda a: a),
    vectors(
        "loop_backwards", "for i in range(a.shape[0] - 1, -1, -1):\n    y[i] = a[a.shape[0] - 1 - i]", lambda a: a[::-1]
    ),
    vectors("kept_over_stores", "x = a[:]\ny[:] = x\nz = y[:] + x\ny[:] = z * 0\ny[:] = z + y[:]", lambda a: a * 2),
    vectors(
        "scalar_of_old",
        "x = a[:]\ns = tile.sum(x)\nx = x * 2\nt = tile.sum(x)\ny[:] = x + s * 10 - t",
        lambda a: a * 2 + a.sum() * 10 - 2 * a.sum(),
    ),
    vectors(
        "reused", "x = tile.maximum(a[:], 0) * 3 + 1\nz = x * x\nw = z + x\ny[:] = w * z - x * w", lambda a: _reused(a)
    ),
    matrices(
        "softmax_0",
        "x = a[:]\ne = tile.exp(x - tile.max(x, axis=0, keepdims=True))\ny[:] = e / tile.sum(e, axis=0, keepdims=True)",
        lambda a: _softmax(a.astype(np.float64), 0),
        ulps=16,
    ),
    matrices(
        "softmax_1",
        "x = a[:]\ne = tile.exp(x - tile.max(x, axis=1, keepdims=True))\ny[:] = e / tile.sum(e, axis=1, keepdims=True)",
        lambda a: _softmax(a.astype(np.float64), 1),
        ulps=16,
    ),
    matrices("sum_of_sums", "y[:] = a[:] * 0 + tile.sum(tile.sum(a[:], axis=1))", lambda a: a * 0 + a.sum()),
    matrices(
        "max_of_sums",
        "y[:] = a[:] + tile.max(tile.sum(a[:], axis=0), keepdims=True)",
        lambda a: a + a.sum(axis=0).max(initial=-np.inf),
        sizes=((3, 17), (1, 1), (16, 33), (0, 5)),
    ),
    matrices(
        "sums_both_ways",
        "x = a[:]\ny[:] = x - tile.sum(x, axis=0, keepdims=True) + tile.sum(x, axis=1, keepdims=True) * 2",
        lambda a: a - a.sum(axis=0, keepdims=True) + a.sum(axis=1, keepdims=True) * 2,
    ),
    matrices(
        "centred_both_ways",
        "x = a[:]\nx = x - tile.sum(x, axis=0, keepdims=True)\nx = x - tile.sum(x, axis=1, keepdims=True)\ny[:] = x",
        lambda a: _centred(a),
    ),
    matrices(
        "running_maxima",
        (
            "M, N = a.shape\n"
            "top = tile.full((M, 1), -100.0, f32)\n"
            "total = tile.zeros((M, 1), f32)\n"
            "for j in range(0, N, 4):\n"
            "    block = a[:, j:j + 4]\n"
            "    higher = tile.maximum(top, tile.max(block, axis=1, keepdims=True))\n"
            "    total = total + (higher - top)\n"
            "    top = higher\n"
            "y[:] = top + total + a[:]"
        ),
        _maxima,
    ),
    matrices("transposed_twice", "y[:] = (a[:].T + 1).T * 2", lambda a: (a + 1) * 2),
    matrices(
        "transposed_sum",
        "x = a[:].T\ny[:] = (x - tile.sum(x, axis=0, keepdims=True)).T",
        lambda a: a - a.sum(axis=1, keepdims=True),
    ),
    matrices(
        "reshaped_chain",
        "M, N = a.shape\nx = tile.reshape(a[:], (M * N,))\nx = tile.flip(x) + x\ny[:] = tile.reshape(x, (M, N))",
        lambda a: (a.reshape(-1)[::-1] + a.reshape(-1)).reshape(a.shape),
    ),
    matrices(
        "concat_chain",
        "x = tile.concat((a[:], a[:] * 2), axis=1)\nx = tile.concat((x, x + 1), axis=0)\ny[:] = tile.sum(x, axis=0)",
        lambda a: np.concatenate([np.concatenate([a, a * 2], 1)] * 2, 0).sum(0) + len(a),
        params={"a": "In[f32, M, N]", "y": "Out[f32, 2 * N]"},
    ),
    matrices(
        "rows_in_a_loop",
        "for i in range(a.shape[0]):\n    y[i, :] = a[i, :] * i",
        lambda a: a * np.arange(len(a))[:, None],
    ),
    matrices(
        "columns_in_a_loop",
        "for j in range(a.shape[1]):\n    y[:, j] = a[:, j] - j",
        lambda a: a - np.arange(a.shape[1]),
    ),
    matrices(
        "elements_in_loops",
        "for i in range(a.shape[0]):\n    for j in range(a.shape[1]):\n        y[i, j] = a[i, j] * 2 + i - j",
        lambda a: a * 2 + np.arange(len(a))[:, None] - np.arange(a.shape[1]),
    ),
    matrices(
        "cumulative_rows",
        "x = tile.zeros((a.shape[1],), f32)\nfor i in range(a.shape[0]):\n    x = x + a[i, :]\n    y[i, :] = x",
        lambda a: np.cumsum(a, axis=0),
    ),
    matrices(
        "read_what_was_written",
        "y[:] = a[:]\nfor i in range(1, a.shape[0]):\n    y[i, :] = y[i - 1, :] + a[i, :]",
        lambda a: np.cumsum(a, axis=0),
    ),
    matrices(
        "blocks",
        (
            "for i in range(0, a.shape[0], 4):\n"
            "    x = a[i:i + 4, :]\n"
            "    y[i:i + 4, :] = x - tile.max(x, axis=1, keepdims=True)"
        ),
        lambda a: a - a.max(axis=1, keepdims=True, initial=-np.inf),
        sizes=((3, 17), (16, 33), (7, 2), (1, 1), (0, 5)),
    ),
    matrices(
        "blocks_outer",
        (
            "for i in range(0, a.shape[0], 4):\n"
            "    x = a[i:i + 4, :]\n"
            "    y[i:i + 4, :] = x - tile.sum(x, axis=0, keepdims=True)"
        ),
        lambda a: np.concatenate(
            [a[i : i + 4] - a[i : i + 4].sum(0, keepdims=True) for i in range(0, len(a), 4)] or [a]
        ),
    ),
]


BUILT = batches("values", {"all": CASES})


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_values(batch, case, way, folder):
    batch.check(case, way, folder)
