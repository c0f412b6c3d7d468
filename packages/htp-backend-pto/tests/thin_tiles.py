"""Operations on tiles of one row, one column and one element, and what NumPy makes of the same arrays.

Knows no compiler: `x` and `y` are arrays, `i` and `j` indices along the first and the second axis.
"""

import numpy as np

DTYPES = {"f32": np.float32, "f16": np.float16, "i32": np.int32, "bool_": np.bool_}


def put(how, x, index, y, axis):
    """A copy of `x` that takes up elements of `y` one after the other."""
    made = x.copy()
    for at in np.ndindex(index.shape):
        there = (index[at], at[1]) if axis == 0 else (at[0], index[at])
        made[there] = how(made[there], y[at])
    return made


def last(_, new):
    """Of several elements for a place the last one."""
    return new


def order(x, axis):
    return np.argsort(x, axis=axis, kind="stable")


def at(x):
    """Which row, and which column, every element is in."""
    return np.indices(x.shape)


MOVED = {
    "tile.sort(x, axis=0)": lambda x, y, i, j: np.sort(x, 0),
    "tile.sort(x, axis=1)": lambda x, y, i, j: np.sort(x, 1),
    "tile.sort(x, axis=0, descending=True)": lambda x, y, i, j: np.sort(x, 0)[::-1],
    "tile.sort(x, axis=1, descending=True)": lambda x, y, i, j: np.sort(x, 1)[:, ::-1],
    "v": lambda x, y, i, j: x.max(1, keepdims=True),
    "tile.flip(x, axis=0)": lambda x, y, i, j: x[::-1],
    "tile.flip(x, axis=1)": lambda x, y, i, j: x[:, ::-1],
    "tile.flip(x)": lambda x, y, i, j: x[::-1, ::-1],
    "tile.concat([x, y], axis=0)": lambda x, y, i, j: np.concatenate([x, y], 0),
    "tile.concat([x, y], axis=1)": lambda x, y, i, j: np.concatenate([x, y], 1),
    "tile.concat([x, y, x], axis=0)": lambda x, y, i, j: np.concatenate([x, y, x], 0),
    "tile.concat([x, y, x], axis=1)": lambda x, y, i, j: np.concatenate([x, y, x], 1),
    "tile.concat([x, y[:, :1]], axis=1)": lambda x, y, i, j: np.concatenate([x, y[:, :1]], 1),
    "tile.concat([x[:1, :], y], axis=0)": lambda x, y, i, j: np.concatenate([x[:1], y], 0),
    "x.T": lambda x, y, i, j: x.T,
    "tile.reshape(x, (COLUMNS, ROWS))": lambda x, y, i, j: x.reshape(x.shape[::-1]),
    "tile.reshape(x, (ROWS * COLUMNS, 1))": lambda x, y, i, j: x.reshape(-1, 1),
    "tile.reshape(x, (1, ROWS * COLUMNS))": lambda x, y, i, j: x.reshape(1, -1),
    "tile.tril(x)": lambda x, y, i, j: np.tril(x),
    "tile.tril(x, -1)": lambda x, y, i, j: np.tril(x, -1),
    "tile.triu(x)": lambda x, y, i, j: np.triu(x),
    "tile.triu(x, -3)": lambda x, y, i, j: np.triu(x, -3),
    "tile.where(x == y, x, y)": lambda x, y, i, j: np.where(x == y, x, y),
    "tile.where(i < 1, x, y)": lambda x, y, i, j: np.where(i < 1, x, y),
    "tile.where(i[:, :1] < 1, x, y)": lambda x, y, i, j: np.where(i[:, :1] < 1, x, y),
    "tile.where(i[:1, :] < 1, x, y)": lambda x, y, i, j: np.where(i[:1] < 1, x, y),
    "tile.broadcast_to(x[0:1, :], (ROWS, COLUMNS))": lambda x, y, i, j: np.broadcast_to(x[:1], x.shape),
    "tile.broadcast_to(x[:, 0:1], (ROWS, COLUMNS))": lambda x, y, i, j: np.broadcast_to(x[:, :1], x.shape),
    "tile.broadcast_to(x[0:1, 0:1], (3, 5))": lambda x, y, i, j: np.broadcast_to(x[:1, :1], (3, 5)),
    "tile.gather(x, i, axis=0)": lambda x, y, i, j: np.take_along_axis(x, i, 0),
    "tile.gather(x, j, axis=1)": lambda x, y, i, j: np.take_along_axis(x, j, 1),
    "tile.gather(x, 0 * tile.iota((ROWS, 3), 1), axis=1)": lambda x, y, i, j: np.repeat(x[:, :1], 3, 1),
    "tile.gather(x, 0 * tile.iota((3, COLUMNS), 0), axis=0)": lambda x, y, i, j: np.repeat(x[:1], 3, 0),
    "tile.gather(x, j[:, :1], axis=1)": lambda x, y, i, j: np.take_along_axis(x, j[:, :1], 1),
    "tile.gather(x, i[:1, :], axis=0)": lambda x, y, i, j: np.take_along_axis(x, i[:1], 0),
    "tile.scatter(x, i, y, axis=0)": lambda x, y, i, j: put(last, x, i, y, 0),
    "tile.scatter(x, j, y, axis=1)": lambda x, y, i, j: put(last, x, j, y, 1),
    "tile.scatter(x, j[:, :1], y[:, :1], axis=1)": lambda x, y, i, j: put(last, x, j[:, :1], y, 1),
    "tile.scatter(x, i[:1, :], y[:1, :], axis=0)": lambda x, y, i, j: put(last, x, i[:1], y, 0),
    "tile.max(x, axis=0, keepdims=True)": lambda x, y, i, j: x.max(0, keepdims=True),
    "tile.min(x, axis=1, keepdims=True)": lambda x, y, i, j: x.min(1, keepdims=True),
    "tile.max(x, axis=1)": lambda x, y, i, j: x.max(1),
    "tile.min(x, axis=0)": lambda x, y, i, j: x.min(0),
    "tile.max(x, keepdims=True)": lambda x, y, i, j: x.max(keepdims=True),
}
"""Results have the dtype of `x`, whichever it is."""
PLACES = {
    "tile.argsort(x, axis=0).astype(i32)": lambda x, y, i, j: order(x, 0),
    "tile.argsort(x, axis=1).astype(i32)": lambda x, y, i, j: order(x, 1),
    "k.astype(i32)": lambda x, y, i, j: x.argmax(1)[:, None],
    "tile.iota(x.shape, 0)": lambda x, y, i, j: at(x)[0],
    "tile.iota(x.shape, 1)": lambda x, y, i, j: at(x)[1],
    "tile.eye(COLUMNS, i32)": lambda x, y, i, j: np.eye(x.shape[1]),
    "tile.one_hot(i[:, 0], COLUMNS, i32)": lambda x, y, i, j: i[:, :1] == at(x)[1],
    "(x != y).astype(i32)": lambda x, y, i, j: x != y,
    "tile.any(x, axis=0, keepdims=True).astype(i32)": lambda x, y, i, j: x.any(0, keepdims=True),
    "tile.all(x, axis=1, keepdims=True).astype(i32)": lambda x, y, i, j: x.all(1, keepdims=True),
}
NUMBERS = {
    "tile.cumsum(x, axis=0)": lambda x, y, i, j: np.cumsum(x, 0),
    "tile.cumsum(x, axis=1)": lambda x, y, i, j: np.cumsum(x, 1),
    "tile.sum(x, axis=0, keepdims=True)": lambda x, y, i, j: x.sum(0, keepdims=True),
    "tile.sum(x, axis=1, keepdims=True)": lambda x, y, i, j: x.sum(1, keepdims=True),
    "tile.prod(x, axis=0, keepdims=True)": lambda x, y, i, j: x.prod(0, keepdims=True),
    "tile.prod(x, axis=1, keepdims=True)": lambda x, y, i, j: x.prod(1, keepdims=True),
    "tile.scatter(x, i, y, axis=0, mode='add')": lambda x, y, i, j: put(np.add, x, i, y, 0),
    "tile.scatter(x, j, y, axis=1, mode='add')": lambda x, y, i, j: put(np.add, x, j, y, 1),
    "tile.scatter(x, j, y, axis=1, mode='max')": lambda x, y, i, j: put(np.maximum, x, j, y, 1),
    "tile.scatter(x, i, y, axis=0, mode='min')": lambda x, y, i, j: put(np.minimum, x, i, y, 0),
    "tile.scatter(x, 0 * tile.iota((ROWS, 3), 1), 1, axis=1, mode='add')": lambda x, y, i, j: x + 3 * (at(x)[1] == 0),
    "tile.scatter(x, 0 * tile.iota((3, COLUMNS), 0), 1, axis=0, mode='add')":
        lambda x, y, i, j: x + 3 * (at(x)[0] == 0),
    "tile.maximum(x, y) - tile.minimum(x, y) * x[:1, :]":
        lambda x, y, i, j: np.maximum(x, y) - np.minimum(x, y) * x[:1],
    "-x + tile.abs(y) * x[:, :1]": lambda x, y, i, j: -x + np.abs(y) * x[:, :1],
    "tile.clip(x, -1, 1) + tile.sign(x) + tile.relu(y)":
        lambda x, y, i, j: np.clip(x, -1, 1) + np.sign(x) + np.maximum(y, 0),
    "tile.mod(x, 3)": lambda x, y, i, j: np.mod(x, 3),
    "x // 2": lambda x, y, i, j: x // 2,
    "x // (tile.abs(y) + 1)": lambda x, y, i, j: x // (np.abs(y) + 1),
    "tile.power(x, 3)": lambda x, y, i, j: x**3,
}
FLOATS = {
    "tile.power(tile.abs(x), 1.5)": lambda x, y, i, j: np.abs(x) ** 1.5,
    "tile.power(tile.abs(x), y)": lambda x, y, i, j: np.abs(x) ** y,
    "tile.mean(x, axis=0, keepdims=True)": lambda x, y, i, j: x.mean(0, keepdims=True),
    "tile.mean(x, axis=1, keepdims=True)": lambda x, y, i, j: x.mean(1, keepdims=True),
    "x / (tile.abs(y) + 1)": lambda x, y, i, j: x / (np.abs(y) + 1),
    "tile.exp(x) / tile.sum(tile.exp(x), axis=1, keepdims=True)":
        lambda x, y, i, j: np.exp(x) / np.exp(x).sum(1, keepdims=True),
    "tile.sin(x) + tile.cos(y)": lambda x, y, i, j: np.sin(x) + np.cos(y),
    "tile.tanh(x) + tile.sigmoid(y)": lambda x, y, i, j: np.tanh(x) + 1 / (1 + np.exp(-y)),
    "tile.floor(x) + tile.ceil(y) + tile.round(x)": lambda x, y, i, j: np.floor(x) + np.ceil(y) + np.rint(x),
    "tile.where(tile.isfinite(x), x, y)": lambda x, y, i, j: x,
}
BITS = {
    "x & y": lambda x, y, i, j: x & y,
    "x ^ (x | y)": lambda x, y, i, j: x ^ (x | y),
    "~x": lambda x, y, i, j: ~x,
}
SHIFTS = {
    "x << 2": lambda x, y, i, j: x << 2,
    "x >> tile.abs(y)": lambda x, y, i, j: x >> np.abs(y),
}
HERE = {
    "f32": MOVED | NUMBERS | FLOATS,
    "f16": MOVED | NUMBERS | FLOATS,
    "i32": MOVED | NUMBERS | BITS | SHIFTS,
    "bool_": MOVED | BITS,
}


def arrays(shape, dtype):
    """`x`, `y`, `i` and `j` of a shape: few different numbers, among them negative ones."""
    rng = np.random.default_rng(shape)
    both = [rng.integers(-3, 4, shape) if dtype != "bool_" else rng.random(shape) < 0.5 for _ in "xy"]
    if dtype in ("f32", "f16"):
        both = [each / 2 for each in both]
    places = [rng.integers(0, size, shape).astype(np.int32) for size in shape]
    return [*(each.astype(DTYPES[dtype]) for each in both), *places]


def cases(shape, dtype):
    """Texts, expected values and their dtypes."""
    given = arrays(shape, dtype)
    wide = [each.astype(np.float64) if each.dtype.kind == "f" else each for each in given]
    found = []
    for text, meant in (HERE[dtype] | PLACES).items():
        with np.errstate(all="ignore"):
            want = np.asarray(meant(*wide))
        want = want.astype(np.int32 if text in PLACES else DTYPES[dtype])
        found.append((text.replace("ROWS", str(shape[0])).replace("COLUMNS", str(shape[1])), want,
                      "i32" if text in PLACES else dtype))
    return found
