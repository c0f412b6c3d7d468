"""Programs divided: which loops stay in the routine, what becomes a kernel, and what goes through memory."""

import numpy as np
import pytest
from pto_stages import body, code, example, kernels, run, stages

from htp import In, InOut, Out, Refused, Scalar, Tensor, empty, f16, f32, i32, kernel, routine, tile


def split(definition, **dims):
    return stages(definition, dims, last="pto.split")["pto.split"]


def test_independent_rows_are_tasks_and_their_work_is_one_kernel():
    found = split(example("softmax.py", "softmax"))
    assert body(found, "softmax") == [
        "M = x.shape[0]",
        "for i in range(0, M, 64):",
        "    softmax_0(x[i:min(M, i + 64), :], y[i:min(M, i + 64), :])",
    ]
    assert code(found, "softmax_0").splitlines()[1] == (
        'def softmax_0(x: In[Tensor[f32, "m", "N"]], y: Out[Tensor[f32, "m", "N"]]) -> None:'
    )
    assert body(found, "softmax_0") == [
        'rows: Tile[f32, "m", "N"] = x[:, :]',
        't1: Tile[f32, "m", 1] = tile.max(rows, axis=1, keepdims=True)',
        't2: Tile[f32, "m", "N"] = rows - t1',
        'powers: Tile[f32, "m", "N"] = tile.exp(t2)',
        't3: Tile[f32, "m", 1] = tile.sum(powers, axis=1, keepdims=True)',
        't4: Tile[f32, "m", "N"] = powers / t3',
        "y[:, :] = t4",
    ]


def test_every_statement_of_a_kernel_keeps_the_users_line():
    found = split(example("softmax.py", "softmax"))
    assert [each.origin.line for each in found.function("softmax_0").body] == [16, 17, 17, 17, 18, 18, 18]


def test_products_are_a_kernel_with_their_whole_loop_and_the_epilogue_is_another():
    found = split(example("gemm.py", "gemm"))
    assert body(found, "gemm")[3:] == [
        "for i in range(0, M, 64):",
        "    for j in range(0, N, 256):",
        "        acc = empty((min(64, M - i), min(256, N - j)), f32)",
        "        if K > 0:",
        "            gemm_0(a[i:min(M, i + 64), :], b[:, j:min(N, j + 256)], acc)",
        "        else:",
        "            gemm_0_zeros(acc)",
        "        gemm_1(bias[j:min(N, j + 256)], acc, c[i:min(M, i + 64), j:min(N, j + 256)])",
    ]
    assert body(found, "gemm_0")[3:] == [
        'acc: Tile[f32, "m", "n"] = tile.full((m, n), 0.0, f32)',
        "for k in range(0, K, 256):",
        '    t1: Tile[f32, "m", "min(256, K - k)"] = a[:, k:min(K, k + 256)]',
        '    t2: Tile[f32, "min(256, K - k)", "n"] = b[k:min(K, k + 256), :]',
        '    acc: Tile[f32, "m", "n"] = tile.dot(t1, t2, acc=acc)',
        "acc_out[:, :] = acc",
    ]


def test_loop_carried_tiles_are_scratch_that_is_read_and_written():
    found = split(example("attention.py", "attention"))
    assert sorted(kernels(found)) == sorted([*(f"attention_{number}" for number in range(6)), "attention_1_zeros"])
    text = code(found, "attention_2")
    assert 'top_io: InOut[Tensor[f32, "rows", 1]]' in text
    assert 'scores_in: In[Tensor[f32, "rows", "cols"]]' in text  # changed in a branch, and needed by nobody behind
    assert "j: Scalar[i64]" in text
    inside = body(found, "attention")
    assert "            top = empty((min(64, S - i), 1), f32)" in inside  # outside of the loop that carries it
    assert "                scores = empty((min(64, S - i), min(64, S - j)), f32)" in inside


@kernel
def scaled_product(
    a: In[Tensor[f16, "M", 32]], b: In[Tensor[f16, 32, 32]], c: Out[Tensor[f16, "M", 32]], d: Out[Tensor[f32, "M", 32]]
) -> None:
    for i in range(0, a.shape[0], 16):
        c[i:i + 16, :] = (a[i:i + 16, :] @ b[:]).astype(f16)
        d[i:i + 16, :] = (a[i:i + 16, :] @ b[:]) * 2.0


def test_a_product_that_is_only_rounded_leaves_the_cube_unit_by_itself():
    found = split(scaled_product)
    assert kernels(found) == ["scaled_product_0", "scaled_product_1"]
    assert "c[:, :] = " in code(found, "scaled_product_0")
    assert "c:" not in code(found, "scaled_product_1")


@kernel
def add_product(a: In[Tensor[f16, 16, 32]], b: In[Tensor[f16, 32, 32]], c: InOut[Tensor[f32, 16, 32]]) -> None:
    c[:] = c[:] + a[:] @ b[:]


@routine
def add_twice(a: In[Tensor[f16, 16, 32]], b: In[Tensor[f16, 32, 32]], c: InOut[Tensor[f32, 16, 32]]) -> None:
    add_product(a, b, c)
    add_product(a, b, c)


def test_a_product_stored_upon_what_it_is_added_to_stays_one_kernel():
    assert kernels(split(add_twice)) == ["add_product"]


@kernel
def mixed(x: In[Tensor[f32, "m", 32]], w: In[Tensor[f32, 32, 16]], y: Out[Tensor[f32, "m", 16]]) -> None:
    y[:] = tile.exp(x[:] @ w[:])


@kernel
def doubled(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:] * 2.0


@routine
def both(x: In[Tensor[f32, "M", 32]], w: In[Tensor[f32, 32, 16]], y: Out[Tensor[f32, "M", 16]]) -> None:
    for i in range(0, x.shape[0], 16):
        hidden = empty((min(16, x.shape[0] - i), 16), f32)
        mixed(x[i:i + 16, :], w, hidden)
        doubled(hidden, y[i:i + 16, :])


def test_kernels_of_both_units_are_divided_where_they_are_called_and_others_stay():
    found = split(both)
    assert kernels(found) == ["doubled", "mixed_0", "mixed_1"]
    assert [line.strip().split("(")[0] for line in body(found, "both") if "_" in line or "doubled" in line] == [
        "mixed_0",
        "mixed_1",
        "doubled",
    ]
    x, w = np.ones((20, 32), np.float32), np.full((32, 16), 0.01, np.float32)
    (*_, y) = run(found, x, w, np.empty((20, 16), np.float32))
    np.testing.assert_allclose(y, 2 * np.exp(np.full((20, 16), 0.32)), rtol=1e-6)


@kernel
def repeated(x: In[Tensor[f32, 16, 64]], count: In[Tensor[i32, 4]], y: Out[Tensor[f32, 16, 64]]) -> None:
    total = x[:]
    for _ in range(tile.item(count[2])):
        total = total * 1.5
    y[:] = total


def test_numbers_of_arrays_are_read_by_the_routine():
    found = split(repeated)
    assert "item_1: i64 = tile.item(count[2])" in body(found, "repeated")
    x = np.ones((16, 64), np.float32)
    (*_, y) = run(found, x, np.array([0, 0, 3, 0], np.int32), np.empty_like(x))
    assert (y == np.float32(3.375)).all()


@kernel
def of_a_tile(x: In[Tensor[f32, 8, 64]], y: Out[Tensor[f32, 8, 64]]) -> None:
    top = tile.max(x[:], axis=1, keepdims=True)
    y[:] = x[:] * tile.item(top[0:1, 0:1])


def test_numbers_of_computed_tiles_are_refused_at_their_line():
    with pytest.raises(Refused) as caught:
        split(of_a_tile)
    assert caught.value.code == "pto.scalar-from-tile"
    assert caught.value.diagnostic.span.line == of_a_tile.place.line + 3
    assert "tile.sum" not in caught.value.diagnostic.help[0]


@kernel
def gathered(x: In[Tensor[f32, 64, 32]], y: Out[Tensor[f32, 64, 32]], scale: Scalar[f32]) -> None:
    for i in range(0, 64, 16):
        rows = x[i:i + 16, :]
        for step in range(0, 16, 4):
            part = rows[step:step + 4, :]
            y[i + step:i + step + 4, :] = part * scale


def test_slices_of_loaded_tiles_are_loads_of_their_own():
    found = split(gathered)
    assert body(found, "gathered") == [
        "for i in range(0, 64, 16):",
        "    for step in range(0, 16, 4):",
        "        gathered_0(x[i + step:i + step + 4, :], y[i + step:i + step + 4, :], scale)",
    ]
    assert body(found, "gathered_0")[0] == "part: Tile[f32, 4, 32] = x[:, :]"


def test_the_division_of_a_program_is_the_same_every_time():
    texts = {split(example("attention.py", "attention")).text() for _ in range(3)}
    assert len(texts) == 1


@kernel
def squashed(a: In[Tensor[f16, "M", 32]], b: In[Tensor[f16, 32, 32]], y: Out[Tensor[f32, "M", 32]]) -> None:
    for i in range(0, y.shape[0], 16):
        y[i:i + 16, :] = tile.tanh(a[i:i + 16, :] @ b[:])


@routine
def calls_squashed(a: In[Tensor[f16, "M", 32]], b: In[Tensor[f16, 32, 32]], y: Out[Tensor[f32, "M", 32]]) -> None:
    squashed(a, b, y)


def test_a_size_that_only_the_called_kernel_computes_with_has_a_name_in_the_routine():
    found = body(split(calls_squashed), "calls_squashed")
    assert found[:2] == ["M = a.shape[0]", "for i in range(0, M, 16):"]


@kernel
def part_and_product(
    x: In[Tensor[f32, "M", 16]], w: In[Tensor[f32, 16, 16]], y: Out[Tensor[f32, "M", 16]]
) -> None:
    powers = tile.exp(w[:])
    for i in range(0, x.shape[0], 16):
        n = min(16, x.shape[0] - i)
        y[i:i + n, :] = (powers[0:n, :] + x[i:i + n, :]) @ w[:]


def test_a_part_of_a_tile_is_handed_on_in_the_rows_of_the_last_shorter_slice():
    x, w = (np.random.default_rng(each).standard_normal((rows, 16)).astype("f") for each, rows in enumerate((37, 16)))
    (*_, y) = run(split(part_and_product), x, w, np.full_like(x, np.nan))
    powers = np.exp(w.astype(np.float64))[np.arange(37) % 16]
    np.testing.assert_allclose(y, (powers + x) @ w.astype(np.float64), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tokens", [16, 17, 33])
def test_columns_of_a_tile_do_not_bound_its_rows(tokens):
    found = stages(example("workloads/moe.py", "moe"), {"T": tokens, "H": 32, "F": 32, "E": 4}, last="pto.split")
    assert "min(" not in code(found["pto.split"], "route_1")


@kernel
def twice(a: In[Tensor[f32, "M", 32]], b: In[Tensor[f32, 32, 32]],
          y: Out[Tensor[f32, "M", 32]], z: Out[Tensor[f32, "M", 32]]) -> None:  # fmt: skip
    for i in range(0, y.shape[0], 16):
        first = a[i:i + 16, :] @ b[:]
        y[i:i + 16, :] = tile.exp(first)
    for j in range(0, z.shape[0], 16):
        second = a[j:j + 16, :] @ b[:]
        z[j:j + 16, :] = tile.exp(second)


def test_kernels_that_differ_in_names_only_are_one():
    assert body(split(twice), "twice") == [
        "M = a.shape[0]",
        "for i in range(0, M, 16):",
        "    first = empty((min(16, M - i), 32), f32)",
        "    twice_0(a[i:min(M, i + 16), :], b, first)",
        "    twice_1(first, y[i:min(M, i + 16), :])",
        "for j in range(0, M, 16):",
        "    second = empty((min(16, M - j), 32), f32)",
        "    twice_0(a[j:min(M, j + 16), :], b, second)",
        "    twice_1(second, z[j:min(M, j + 16), :])",
    ]


@kernel
def crossed(a: In[Tensor[f32, 16, 16]], b: In[Tensor[f32, 16, 16]],
            y: Out[Tensor[f32, 16, 16]], z: Out[Tensor[f32, 16, 16]]) -> None:  # fmt: skip
    y[:] = tile.tanh(a[:] @ b[:]) - b[:]
    z[:] = b[:] - tile.tanh(a[:] @ b[:])


def test_kernels_that_use_their_parameters_otherwise_are_two():
    found = split(crossed)
    a, b = (np.random.default_rng(each).standard_normal((16, 16)).astype("f") for each in (5, 6))
    _, _, y, z = run(found, a, b, np.zeros_like(a), np.zeros_like(a))
    np.testing.assert_allclose(y, np.tanh(a.astype(np.float64) @ b) - b, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(z, -y)
