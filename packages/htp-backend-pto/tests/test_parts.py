"""Products over a long extent: which are taken part by part, and what becomes of loops around them."""

import ml_dtypes
import numpy as np
import pytest
from pto_stages import body, run, stages

import htp
from htp import In, Out, Tensor, bf16, f16, f32, kernel, tile
from htp_backend_pto.checker import redundant, unordered

SINGLE = 2e-6
"""Of the largest result: sums of a thousand products in f32; operands are exact in every dtype."""


def rows_by_columns_of(dtype):
    """Operands of 64 x 256 and 256 x 256 elements."""

    @kernel
    def rows_by_columns(
        a: In[Tensor[dtype, "M", "K"]], b: In[Tensor[dtype, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]
    ) -> None:
        for i in range(0, c.shape[0], 64):
            for j in range(0, c.shape[1], 256):
                acc = tile.zeros((min(64, c.shape[0] - i), min(256, c.shape[1] - j)), f32)
                for k in range(0, a.shape[1], 256):
                    acc += a[i : i + 64, k : k + 256] @ b[k : k + 256, j : j + 256]
                c[i : i + 64, j : j + 256] = acc

    return rows_by_columns


wide, narrow = rows_by_columns_of(f32), rows_by_columns_of(bf16)
"""320 KiB, which L1 has no room for twice, and half as many, which it has."""


@kernel
def whole(q: In[Tensor[f16, "M", 3000]], k: In[Tensor[f16, "N", 3000]], s: Out[Tensor[f32, "M", "N"]]) -> None:
    """All of the shared extent at once, the right operand turned: 1125 KiB."""
    for i in range(0, s.shape[0], 64):
        for j in range(0, s.shape[1], 128):
            s[i : i + 64, j : j + 128] = q[i : i + 64, :] @ k[j : j + 128, :].T


def numbers(*shape, dtype="f4"):
    """Eighths up to one: exact in every dtype here, and so are their products in f32."""
    return (np.random.default_rng(len(shape)).integers(-8, 9, shape) / 8).astype(dtype)


def bound(definition):
    return stages(definition, last="pto.bound")["pto.bound"]


def test_a_loop_of_products_takes_less_each_turn():
    found = [each for each in body(bound(wide), "rows_by_columns_0") if "range" in each or "a[" in each]
    assert found == [
        "for k in range(0, K, 128):",
        '    t1: Tile[f32, "m", "min(128, K - k)", l1(64, 128, box=8)] = a[:, k:min(K, k + 128)]',
    ]


def test_what_has_room_twice_stays():
    found = [each for each in body(bound(narrow), "rows_by_columns_0") if "range" in each]
    assert found == ["for k in range(0, K, 256):"]


def test_a_product_by_itself_becomes_a_loop():
    found = body(bound(whole), "whole_0")
    assert [each for each in found if "range" in each or "[:, part" in each] == [
        "for part in range(0, 3000, 512):",
        '    t1: Tile[f16, "m", "min(512, 3000 - part)", l1(64, 512)] = q[:, part:min(2488, part) + 512]',
        '    t2: Tile[f16, "n", "min(512, 3000 - part)", l1(128, 512)] = k[:, part:min(2488, part) + 512]',
    ]
    q, k = numbers(5, 3000, dtype="f2"), numbers(9, 3000, dtype="f2")
    (_, _, made) = run(bound(whole), q, k, np.empty((5, 9), "f4"))
    np.testing.assert_array_equal(made, q.astype("f8") @ k.astype("f8").T)


@pytest.mark.parametrize("definition", [wide, narrow, whole], ids=["wide", "narrow", "whole"])
def test_loops_within_loops_load_ahead_with_no_flag_too_many(definition):
    kernel_ = stages(definition, last="pto.sync")["pto.sync"].functions[0]
    text = "\n".join(body(stages(definition, last="pto.overlap")["pto.overlap"], kernel_.name))
    assert "t1_next: Tile" in text, "the next operand is loaded to L1 beside the one at work"
    assert "t1_left_1_next: Tile" in text, "and its next part to L0A"
    assert unordered(kernel_.body) == []
    assert redundant(kernel_.body) == []


SIZES = [(1, 1, 1), (65, 257, 300), (7, 130, 3), (100, 0, 40), (0, 64, 64), (64, 64, 0), (129, 513, 257)]


@pytest.mark.parametrize(("definition", "dtype"), [(wide, np.float32), (narrow, ml_dtypes.bfloat16)])
def test_products_of_all_sizes(definition, dtype, tmp_path):
    htp.compile_program(definition, target="pto:a2a3sim", out=str(tmp_path / "package"))
    made = htp.bind(htp.artifact.open_package(tmp_path / "package"), mode="sim")
    for M, K, N in SIZES:
        a, b, c = numbers(M, K, dtype=dtype), numbers(K, N, dtype=dtype), np.full((M, N), np.nan, "f4")
        made(a, b, c)
        want = a.astype("f8") @ b.astype("f8")
        np.testing.assert_allclose(c, want, rtol=0, atol=SINGLE * max(1.0, np.abs(want).max(initial=0.0)))


def test_pipes_wait_less(tmp_path):
    """Loads, moves and products one after the other would take 44202 cycles, as they did without a second buffer."""
    htp.compile_program(wide, target="pto:a2a3sim", out=str(tmp_path / "package"))
    made = htp.bind(htp.artifact.open_package(tmp_path / "package"), mode="sim")
    found = made.run(numbers(64, 1024), numbers(1024, 256), np.empty((64, 256), "f4"), trace=True)
    assert found.simulated is not None
    assert found.simulated.makespan < 24000
