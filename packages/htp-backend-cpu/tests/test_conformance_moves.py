"""Operations that move, make, pick and order elements, for every dtype, against plain NumPy."""

import numpy as np
import pytest
from conformance import ALL, NARROW, NUMPY, SIGNED, UNSIGNED, Case, batches, parametrized, seeded, values, wide

SHAPES = ((3, 5, 17), (1, 1, 1), (2, 16, 33), (0, 4, 5), (4, 0, 5), (4, 5, 0))

# text, what it gives, dims: of an array `x` of shape (A, B, C).
MOVES = {
    "transposed": ("x[:].T", lambda x: x.T, "C, B, A"),
    "reordered": ("tile.transpose(x[:], (1, 2, 0))", lambda x: x.transpose(1, 2, 0), "B, C, A"),
    "inner": ("tile.transpose(x[:], (0, 2, 1))", lambda x: x.swapaxes(1, 2), "A, C, B"),
    "flat": ("tile.reshape(x[:], (x.shape[0] * x.shape[1] * x.shape[2],))", lambda x: x.reshape(-1), "A * B * C"),
    "rows": (
        "tile.reshape(x[:], (x.shape[0] * x.shape[1], x.shape[2]))",
        lambda x: x.reshape(x.shape[0] * x.shape[1], x.shape[2]),
        "A * B, C",
    ),
    "other_rows": (
        "tile.reshape(x[:], (x.shape[0], x.shape[1] * x.shape[2]))",
        lambda x: x.reshape(x.shape[0], x.shape[1] * x.shape[2]),
        "A, B * C",
    ),
    "transposed_rows": (
        "tile.reshape(x[:].T, (x.shape[2], x.shape[1] * x.shape[0]))",
        lambda x: x.T.reshape(x.shape[2], x.shape[1] * x.shape[0]),
        "C, B * A",
    ),
    "expanded": ("tile.expand_dims(x[:], 1)", lambda x: x[:, None], "A, 1, B, C"),
    "expanded_last": ("tile.expand_dims(x[:], -1)", lambda x: x[..., None], "A, B, C, 1"),
    "squeezed": ("tile.squeeze(x[:1, :, :])", lambda x: x[0], "B, C"),
    "new_axis": ("x[:, None, 0, :]", lambda x: x[:, None, 0, :], "A, 1, C"),
    "plane": ("x[:, 0, :]", lambda x: x[:, 0, :], "A, C"),
    "last_plane": ("x[:][:, -1, :]", lambda x: x[:, -1, :], "A, C"),
    "column": ("x[0, :, -1]", lambda x: x[0, :, -1], "B"),
    "broadcast": (
        "tile.broadcast_to(x[0, 0, :], (3, x.shape[2]))",
        lambda x: np.broadcast_to(x[0, 0], (3, x.shape[2])),
        "3, C",
    ),
    "repeated": (
        "tile.broadcast_to(x[:, :1, :], (x.shape[0], 4, x.shape[2]))",
        lambda x: np.repeat(x[:, :1], 4, 1),
        "A, 4, C",
    ),
    "joined": ("tile.concat((x[:], x[:]), axis=0)", lambda x: np.concatenate((x, x), 0), "2 * A, B, C"),
    "joined_inner": (
        "tile.concat((x[:], x[:, :, :1]), axis=-1)",
        lambda x: np.concatenate((x, x[:, :, :1]), 2),
        "A, B, C + 1",
    ),
    "joined_three": ("tile.concat((x[:], x[:], x[:]), 1)", lambda x: np.concatenate((x, x, x), 1), "A, 3 * B, C"),
    "flipped": ("tile.flip(x[:])", lambda x: x[::-1, ::-1, ::-1], "A, B, C"),
    "flipped_last": ("tile.flip(x[:], axis=2)", lambda x: x[:, :, ::-1], "A, B, C"),
    "flipped_two": ("tile.flip(x[:], (0, 1))", lambda x: x[::-1, ::-1], "A, B, C"),
    "lower": ("tile.tril(x[:])", lambda x: np.tril(x), "A, B, C"),
    "lower_shifted": ("tile.tril(x[:], k=2)", lambda x: np.tril(x, 2), "A, B, C"),
    "upper": ("tile.triu(x[:], -1)", lambda x: np.triu(x, -1), "A, B, C"),
    "tail": ("x[:, :, 1:]", lambda x: x[:, :, 1:], "A, B, C - 1"),
    "taken": ("tile.take(x[:], tile.arange(2) - 1, axis=2)", lambda x: np.take(x, [-1, 0], axis=2), "A, B, 2"),
    "sorted": ("tile.sort(x[:])", lambda x: _sorted(x, 2), "A, B, C"),
    "sorted_down": ("tile.sort(x[:], axis=0, descending=True)", lambda x: _sorted(x, 0)[::-1], "A, B, C"),
}
NEEDS_ONE = (
    "squeezed",
    "new_axis",
    "plane",
    "last_plane",
    "column",
    "broadcast",
    "repeated",
    "joined_inner",
    "tail",
    "taken",
)
FEW = (
    "transposed",
    "rows",
    "other_rows",
    "joined_inner",
    "flipped_two",
    "lower_shifted",
    "plane",
    "repeated",
    "taken",
    "sorted",
    "sorted_down",
)


def _sorted(x, axis):
    """NaN last; zeros of either sign are equal."""
    return np.take_along_axis(x, np.argsort(wide(x), axis=axis, kind="stable"), axis)


def _moved(dtype, names, what="moved"):
    params = {"x": f"In[{dtype}, A, B, C]"} | {name: f"Out[{dtype}, {MOVES[name][2]}]" for name in names}
    lines = [f"{name}[:] = {MOVES[name][0]}" for name in names]
    if set(names) & set(NEEDS_ONE):
        lines = [f"assert x.shape[{axis}] >= 1" for axis in range(3)] + lines
    shapes = [each for each in SHAPES if 0 not in each or not set(names) & set(NEEDS_ONE)]
    rounds = []
    for shape in shapes:
        x = values(dtype, shape, "move")
        rounds.append(({"x": x}, {name: np.ascontiguousarray(MOVES[name][1](x)) for name in names}))
    return Case(f"{what}_{dtype}", params, "\n".join(lines), rounds)


def _made(dtype):
    one = NUMPY[dtype](1)
    params = {
        "n": "In[bool_, N]",
        "zeros": f"Out[{dtype}, N, 3]",
        "ones": f"Out[{dtype}, N]",
        "full": f"Out[{dtype}, 2, N]",
        "eye": f"Out[{dtype}, N, N]",
    }
    value = "True" if dtype == "bool_" else "3"
    lines = [
        f"zeros[:] = tile.zeros((n.shape[0], 3), {dtype})",
        f"ones[:] = tile.ones((n.shape[0],), {dtype})",
        f"full[:] = tile.full((2, n.shape[0]), {value}, {dtype})",
        f"eye[:] = tile.eye(n.shape[0], {dtype})",
    ]
    if dtype != "bool_":
        params |= {
            "count": f"Out[{dtype}, N]",
            "range": f"Out[{dtype}, 5]",
            "down": f"Out[{dtype}, 4]",
            "iota": f"Out[{dtype}, N, 3]",
        }
        lines += [
            f"count[:] = tile.arange(n.shape[0], dtype={dtype})",
            f"range[:] = tile.arange(2, 12, 2, dtype={dtype})",
            f"down[:] = tile.arange(7, 3, -1, dtype={dtype})",
            f"iota[:] = tile.iota((n.shape[0], 3), 0, dtype={dtype})",
        ]
    rounds = []
    for size in (0, 1, 15, 16):
        kind = NUMPY[dtype]
        expected = {
            "zeros": np.zeros((size, 3), kind),
            "ones": np.ones(size, kind),
            "full": np.full((2, size), one + one + one if dtype != "bool_" else True, kind),
            "eye": np.eye(size).astype(kind),
            "count": np.arange(size).astype(kind),
            "range": np.arange(2, 12, 2).astype(kind),
            "down": np.arange(7, 3, -1).astype(kind),
            "iota": np.repeat(np.arange(size)[:, None], 3, 1).astype(kind),
        }
        rounds.append(({"n": np.zeros(size, bool)}, {name: expected[name] for name in params if name != "n"}))
    return Case(f"made_{dtype}", params, "\n".join(lines), rounds)


def _ordered(dtype):
    params = {
        "x": f"In[{dtype}, A, C]",
        "up": "Out[i64, A, C]",
        "down": "Out[i64, A, C]",
        "best": f"Out[{dtype}, A, 3]",
        "at": "Out[i64, A, 3]",
    }
    body = """up[:] = tile.argsort(x[:], axis=0)
down[:] = tile.argsort(x[:], descending=True)
v, i = tile.topk(x[:], 3)
best[:] = v
at[:] = i"""
    rounds = []
    for shape in ((2, 3), (5, 17), (3, 100)):
        x = values(dtype, shape, "order")
        down = _descending(wide(x), 1)
        rounds.append(
            (
                {"x": x},
                {
                    "up": np.argsort(wide(x), axis=0, kind="stable"),
                    "down": down,
                    "best": np.take_along_axis(x, down[:, :3], 1),
                    "at": down[:, :3].copy(),
                },
            )
        )
    return Case(f"ordered_{dtype}", params, body, rounds)


def _descending(x, axis):
    """The largest first, NaN before everything, equal ones with the lowest index first."""
    if x.dtype.kind == "f":
        ranks = np.unique(x, return_inverse=True, equal_nan=True)[1].reshape(x.shape)
    else:
        ranks = np.unique(x, return_inverse=True)[1].reshape(x.shape)
    return np.argsort(-ranks, axis=axis, kind="stable")


def _picked(dtype, index):
    params = {
        "x": f"In[{dtype}, A, C]",
        "i": f"In[{index}, A, 4]",
        "j": f"In[{index}, 3]",
        "u": f"In[{dtype}, A, 4]",
        "gathered": f"Out[{dtype}, A, 4]",
        "taken": f"Out[{dtype}, A, 3]",
        "rows": f"Out[{dtype}, 3, C]",
        "grid": f"Out[{dtype}, A, A, 4]",
        "set_": f"Out[{dtype}, A, C]",
        "most": f"Out[{dtype}, A, C]",
        "hot": f"Out[{dtype}, A, 4, 5]",
    }
    body = f"""gathered[:] = tile.gather(x[:], i[:], 1)
taken[:] = tile.take(x[:], j[:], axis=1)
rows[:] = tile.take(x[:], j[:] * 0)
grid[:] = tile.take(x[:], i[:], axis=1)
set_[:] = tile.scatter(x[:], i[:], u[:], 1)
hot[:] = tile.one_hot(i[:], 5, {dtype})
most[:] = {"x[:]" if dtype == "bool_" else 'tile.scatter(x[:], i[:], u[:], 1, mode="max")'}"""
    rounds = []
    for shape in ((2, 3), (5, 17), (16, 33)):
        rng = seeded(f"{dtype} {shape}")
        x, u = values(dtype, shape, "pick"), values(dtype, (shape[0], 4), "update")
        low = 0 if index[0] == "u" else -shape[1]
        i, j = (rng.integers(low, shape[1], each).astype(NUMPY[index]) for each in ((shape[0], 4), (3,)))
        set_, most = x.copy(), x.copy()
        for row in range(shape[0]):
            for column in range(4):
                at = (row, i[row, column])
                set_[at] = u[row, column]
                if dtype != "bool_":
                    most[at] = np.maximum(wide(most)[at], wide(u)[row, column]).astype(most.dtype)
        expected = {
            "gathered": np.take_along_axis(x, i.astype(np.int64), 1),
            "taken": np.take(x, j, axis=1),
            "rows": x[[0, 0, 0]],
            "grid": np.take(x, i, axis=1),
            "set_": set_,
            "most": most,
            "hot": (i[..., None] == np.arange(5)).astype(NUMPY[dtype]),
        }
        rounds.append(({"x": x, "i": i, "j": j, "u": u}, expected))
    return Case(f"picked_{dtype}_{index}", params, body, rounds)


def _cases(dtype):
    return [
        _moved(dtype, FEW[:9] if dtype == "bool_" else FEW),
        _made(dtype),
        *([] if dtype == "bool_" else [_ordered(dtype)]),
        _picked(dtype, INDEX[dtype]),
    ]


INDEX = dict(
    zip(
        ALL,
        ("i64", "i32", "i16", "i64", "i32", "i64", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "i64"),
        strict=True,
    )
)
CASES = {
    "f32": [_moved("f32", tuple(name for name in MOVES if name not in (*NEEDS_ONE, *FEW)), "all")],
    "cut": [_moved("f32", NEEDS_ONE, "cut")],
    "wide": [*_cases("f64"), *_cases("f32")],
    "narrow": [case for each in NARROW for case in _cases(each)],
    "signed": [case for each in SIGNED for case in _cases(each)],
    "unsigned": [case for each in (*UNSIGNED, "bool_") for case in _cases(each)],
}
BUILT = batches("moves", CASES)


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_moves(batch, case, way, folder):
    batch.check(case, way, folder)
