"""Matrix products of every dtype, size class and kind of operand, against plain NumPy.

The factors are small whole numbers, so that the products are exact in any order of summation.
"""

import numpy as np
import pytest
from conformance import FLOATS, NUMBERS, NUMPY, Case, batches, parametrized, seeded, wide

SIZES = (
    (0, 4, 5), (3, 0, 2), (4, 5, 0), (1, 1, 1), (7, 8, 9), (8, 9, 7), (9, 7, 31), (31, 33, 8), (33, 31, 65),
    (65, 130, 33), (1, 65, 300), (300, 33, 1), (130, 300, 65),
)  # fmt: skip
FEW = ((3, 0, 2), (1, 1, 1), (9, 17, 31), (65, 33, 40))


def _ints(dtype, shape, name=""):
    rng = seeded(f"{name} {dtype} {shape}")
    low = 0 if dtype[0] in "u" else -2
    return rng.integers(low, 3, shape).astype(NUMPY[dtype])


def _accumulator(dtype):
    return "f32" if dtype in FLOATS[2:] else "i32" if dtype in ("i8", "u8") else dtype


def _product(a, b, dtype):
    if dtype in FLOATS[2:]:
        a, b = wide(a), wide(b)
    kind = NUMPY[_accumulator(dtype)]
    return np.matmul(a.astype(kind), b.astype(kind))


def _basic(dtype, sizes, *, every):
    out = _accumulator(dtype)
    outputs = {"y": f"Out[{out}, M, N]"} | ({"z": f"Out[{out}, M, N]", "w": f"Out[{dtype}, M, N]"} if every else {})
    lines = [
        f"y[:] = tile.dot(a[:], b[:], acc=tile.ones((a.shape[0], b.shape[1]), {out}))",
        "z[:] = a[:] @ b[:]",
        f"w[:] = tile.dot(a[:], b[:], out_dtype={dtype})",
    ]
    rounds = []
    for m, k, n in sizes:
        a, b = _ints(dtype, (m, k), "a"), _ints(dtype, (k, n), "b")
        found = _product(a, b, dtype)
        expected = {"y": found + found.dtype.type(1), "z": found, "w": found.astype(NUMPY[dtype])}
        rounds.append(({"a": a, "b": b}, {name: expected[name] for name in outputs}))
    params = {"a": f"In[{dtype}, M, K]", "b": f"In[{dtype}, K, N]", **outputs}
    return Case(f"dot_{dtype}", params, "\n".join(lines[: len(outputs)]), rounds)


def _form(name, a, b, body, function, sizes=SIZES[3:11], out="y: M, N", dtype="f32"):
    """A product of operands in some form; `a` and `b` are dims in terms of M, K, N and B."""
    output, dims = out.split(": ")
    params = {"a": f"In[{dtype}, {a}]", "b": f"In[{dtype}, {b}]", output: f"Out[{_accumulator(dtype)}, {dims}]"}
    rounds = []
    for m, k, n in sizes:
        named = {"M": m, "K": k, "N": n, "B": 3, "C": 2}
        left, right = (
            _ints(dtype, tuple(named[each] if each in named else int(each) for each in dims.split(", ")), name + dims)
            for dims in (a, b)
        )
        expected = np.ascontiguousarray(function(left, right)).astype(NUMPY[_accumulator(dtype)])
        rounds.append(({"a": left, "b": right}, {output: expected}))
    return Case(name, params, body, rounds)


def _blocked(a, b):
    return np.maximum(a @ b, 0) * 2


FORMS = [
    _form("left_transposed", "K, M", "K, N", "y[:] = a[:].T @ b[:]", lambda a, b: a.T @ b),
    _form("right_transposed", "M, K", "N, K", "y[:] = a[:] @ b[:].T", lambda a, b: a @ b.T),
    _form("both_transposed", "K, M", "N, K", "y[:] = a[:].T @ b[:].T", lambda a, b: a.T @ b.T),
    _form("result_transposed", "M, K", "K, N", "y[:] = (a[:] @ b[:]).T", lambda a, b: (a @ b).T, out="y: N, M"),
    _form(
        "expressions", "M, K", "K, N", "y[:] = (a[:] * 2 + 1) @ (b[:] - 1) + 3", lambda a, b: (a * 2 + 1) @ (b - 1) + 3
    ),
    _form("right_expression_transposed", "M, K", "N, K", "y[:] = a[:] @ (b[:] * 2).T", lambda a, b: a @ (b * 2).T),
    _form("epilogue", "M, K", "K, N", "c = a[:] @ b[:]\ny[:] = tile.maximum(c, 0) * 2", _blocked),
    _form(
        "row_sum_of_product",
        "M, K",
        "K, N",
        "y[:] = tile.sum(a[:] @ b[:], axis=1)",
        lambda a, b: (a @ b).sum(axis=1),
        out="y: M",
    ),
    _form(
        "chain",
        "M, K",
        "K, N",
        "y[:] = (a[:] @ b[:]) @ tile.eye(b.shape[1], f32) + a[:] @ b[:]",
        lambda a, b: 2 * (a @ b),
    ),
    _form(
        "product_of_products",
        "M, K",
        "K, N",
        "c = a[:] @ b[:]\ny[:] = c @ (c.T @ c)",
        lambda a, b: (a @ b) @ ((a @ b).T @ (a @ b)),
        sizes=((1, 1, 1), (7, 3, 9), (17, 2, 33)),
    ),
    _form("slices", "M, K", "K, N", "y[1:, :] = a[1:, :] @ b[:]\ny[0, :] = a[0, :] @ b[:]", lambda a, b: a @ b),
    _form(
        "accumulated",
        "M, K",
        "K, N",
        (
            "acc = tile.zeros((a.shape[0], b.shape[1]), f32)\n"
            "for k in range(0, a.shape[1], 8):\n"
            "    acc += a[:, k:k + 8] @ b[k:k + 8, :]\n"
            "y[:] = acc"
        ),
        lambda a, b: a @ b,
    ),
    _form(
        "accumulated_by_dot",
        "M, K",
        "K, N",
        (
            "acc = tile.zeros((a.shape[0], b.shape[1]), f32)\n"
            "for k in range(0, a.shape[1], 8):\n"
            "    acc = tile.dot(a[:, k:k + 8], b[k:k + 8, :], acc=acc)\n"
            "y[:] = acc + 1"
        ),
        lambda a, b: a @ b + 1,
    ),
    _form(
        "accumulated_and_scaled",
        "M, K",
        "K, N",
        (
            "acc = tile.zeros((a.shape[0], b.shape[1]), f32)\n"
            "for k in range(0, a.shape[1], 8):\n"
            "    old = acc\n"
            "    acc = acc * 2 + a[:, k:k + 8] @ b[k:k + 8, :] - old\n"
            "y[:] = acc"
        ),
        lambda a, b: a @ b,
    ),
    _form(
        "two_accumulators",
        "M, K",
        "K, N",
        (
            "c = tile.zeros((a.shape[0], b.shape[1]), f32)\n"
            "d = c\n"
            "for k in range(0, a.shape[1], 8):\n"
            "    c += a[:, k:k + 8] @ b[k:k + 8, :]\n"
            "    d = d + c * 0 + a[:, k:k + 8] @ b[k:k + 8, :]\n"
            "y[:] = c + d"
        ),
        lambda a, b: 2 * (a @ b),
    ),
    _form(
        "tiles_of_rows",
        "M, K",
        "K, N",
        (
            "for i in range(0, a.shape[0], 16):\n"
            "    for j in range(0, b.shape[1], 32):\n"
            "        y[i:i + 16, j:j + 32] = a[i:i + 16, :] @ b[:, j:j + 32]"
        ),
        lambda a, b: a @ b,
        sizes=SIZES,
    ),
    _form("vectors", "K", "K", "y[:] = tile.reshape(a[:] @ b[:], (1,))", lambda a, b: (a @ b).reshape(1), out="y: 1"),
    _form("vector_matrix", "K", "K, N", "y[:] = a[:] @ b[:]", lambda a, b: a @ b, out="y: N"),
    _form("matrix_vector", "M, K", "K", "y[:] = a[:] @ b[:] + 1", lambda a, b: a @ b + 1, out="y: M"),
    _form("batched", "B, M, K", "B, K, N", "y[:] = a[:] @ b[:]", np.matmul, out="y: B, M, N"),
    _form("batched_left", "B, M, K", "K, N", "y[:] = a[:] @ b[:]", np.matmul, out="y: B, M, N"),
    _form("batched_right", "M, K", "B, K, N", "y[:] = a[:] @ b[:]", np.matmul, out="y: B, M, N"),
    _form("batched_twice", "B, C, M, K", "B, C, K, N", "y[:] = a[:] @ b[:]", np.matmul, out="y: B, C, M, N"),
    _form("batched_broadcast", "B, 1, M, K", "C, K, N", "y[:] = a[:] @ b[:]", np.matmul, out="y: B, C, M, N"),
    _form(
        "batched_transposed",
        "B, M, K",
        "B, N, K",
        "y[:] = a[:] @ tile.transpose(b[:], (0, 2, 1))",
        lambda a, b: a @ b.swapaxes(1, 2),
        out="y: B, M, N",
    ),
    _form(
        "batch_from_middle",
        "M, B, K",
        "K, N",
        "y[:] = tile.transpose(a[:], (1, 0, 2)) @ b[:]",
        lambda a, b: a.swapaxes(0, 1) @ b,
        out="y: B, M, N",
    ),
    _form(
        "one_of_a_batch",
        "B, M, K",
        "B, K, N",
        "for i in range(3):\n    y[i, :, :] = a[i, :, :] @ b[2 - i, :, :]",
        lambda a, b: a @ b[::-1],
        out="y: B, M, N",
    ),
    _form("cast_operands", "M, K", "K, N", "y[:] = a[:].astype(f16) @ b[:].astype(f16)", lambda a, b: a @ b),
    _form("narrow_transposed", "M, K", "N, K", "y[:] = a[:] @ b[:].T", lambda a, b: wide(a) @ wide(b).T, dtype="bf16"),
    _form(
        "narrow_expression", "M, K", "K, N", "y[:] = (a[:] * 2) @ b[:]", lambda a, b: wide(a) * 2 @ wide(b), dtype="f16"
    ),
    _form(
        "bytes_transposed",
        "K, M",
        "N, K",
        "y[:] = a[:].T @ b[:].T",
        lambda a, b: a.astype(np.int32).T @ b.astype(np.int32).T,
        dtype="i8",
    ),
]

BATCHES = {
    "f32": [_basic("f32", SIZES, every=True)],
    "dtypes": [_basic(each, FEW, every=each in ("f16", "i8")) for each in NUMBERS if each != "f32"],
    "forms": FORMS,
}
BUILT = batches("matmul", BATCHES)


@pytest.mark.parametrize("way", ["python", "native"])
@parametrized(BUILT)
def test_matmul(batch, case, way, folder):
    batch.check(case, way, folder)
