"""Sums that leave the cube unit in fewer bits, by hand, on the stand-in; expected values are whole numbers in NumPy."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Tensor, f16, f32, i8, i32, i64, kernel, u8
from htp_backend_pto import pto
from htp_backend_pto.scales import scale_words


@kernel
def narrow(
    a: In[Tensor[i8, 32, 64]],
    b: In[Tensor[i8, 64, 48]],
    s: In[Tensor[i64, 1, 48]],
    t: In[Tensor[i64, 1, 48]],
    y: Out[Tensor[i8, 32, 48]],
    z: Out[Tensor[u8, 32, 48]],
) -> None:
    c = pto.matmul(pto.load(a), pto.load(b), dtype=i32)
    y[:] = pto.store_fp(c, pto.load(s), dtype=i8)
    z[:] = pto.store_fp(c, pto.load(t), dtype=u8)


@kernel
def chained(
    a: In[Tensor[i8, 16, 64]],
    b: In[Tensor[i8, 64, 48]],
    s: In[Tensor[i64, 1, 48]],
    w: In[Tensor[i8, 48, 32]],
    h: In[Tensor[f16, 48, 32]],
    old: In[Tensor[i8, 16, 64]],
    v: In[Tensor[i8, 64, 32]],
    k: In[Tensor[i8, 16, 32]],
    moved: Out[Tensor[i32, 16, 32]],
    halves: Out[Tensor[f32, 16, 32]],
    inserted: Out[Tensor[i32, 16, 32]],
    extracted: Out[Tensor[i32, 16, 32]],
) -> None:
    c = pto.matmul(pto.load(a), pto.load(b), dtype=i32)
    scales = pto.load(s)
    moved[:] = pto.store(pto.matmul(pto.mov_fp(c, scales, dtype=i8), pto.load(w), dtype=i32))
    halves[:] = pto.store(pto.matmul(pto.mov_fp(c, scales, dtype=f16), pto.load(h)))
    inserted[:] = pto.store(pto.matmul(pto.insert_fp(pto.load(old), c, scales, 0, 0), pto.load(v), dtype=i32))
    part = pto.extract_fp(c, scales, 0, 32, 16, 16, dtype=i8)
    extracted[:] = pto.store(pto.matmul(part, pto.load(k), dtype=i32))


def small(rng, *shape):
    return rng.integers(-20, 20, shape).astype(np.int8)


def in_i8(values):
    return np.clip(np.rint(values), -128, 127).astype(np.int32)


def test_stores_round_and_saturate_each_column_by_its_scale(tmp_path):
    rng = np.random.default_rng(8)
    a, b = small(rng, 32, 64), small(rng, 64, 48)
    scales = 2.0 ** -rng.integers(3, 9, 48)
    y, z = np.zeros((32, 48), np.int8), np.zeros((32, 48), np.uint8)
    package = htp.compile_program(narrow, target="pto:a2a3sim", out=tmp_path / "built")
    others = scale_words(-scales, offset=7, signed=False)
    htp.bind(package, mode="sim")(a, b, scale_words(scales), others, y, z)
    sums = a.astype(np.int32) @ b.astype(np.int32)
    np.testing.assert_array_equal(y, in_i8(sums * scales))
    np.testing.assert_array_equal(z, np.clip(np.rint(7 - sums * scales), 0, 255))
    assert "TSTORE_FP<" in "".join(each.read_text() for each in (tmp_path / "built").rglob("*.cpp"))


def test_what_is_moved_is_a_factor_of_the_next_product(tmp_path):
    rng = np.random.default_rng(9)
    a, b, w = small(rng, 16, 64), small(rng, 64, 48), small(rng, 48, 32)
    old, v, k = small(rng, 16, 64), small(rng, 64, 32), small(rng, 16, 32)
    h = rng.integers(-3, 4, (48, 32)).astype(np.float16)
    scales = 2.0 ** -rng.integers(5, 9, 48)
    given = (a, b, scale_words(scales), w, h, old, v, k)
    found = [np.zeros((16, 32), dtype) for dtype in (np.int32, np.float32, np.int32, np.int32)]
    package = htp.compile_program(chained, target="pto:a2a3sim", out=tmp_path / "built")
    htp.bind(package, mode="sim")(*given, *found)
    a, b, w, old, v, k = (each.astype(np.int32) for each in (a, b, w, old, v, k))
    whole = in_i8((a @ b) * scales)
    larger = old.copy()
    larger[:, :48] = whole
    np.testing.assert_array_equal(found[0], whole @ w)
    halves = ((a @ b) * scales).astype(np.float16)
    np.testing.assert_allclose(found[1], halves.astype(np.float64) @ h.astype(np.float64), rtol=1e-6)
    np.testing.assert_array_equal(found[2], larger @ v)
    np.testing.assert_array_equal(found[3], whole[:, 32:] @ k)


def test_scales_are_a_multiple_of_four():
    @kernel
    def odd(
        a: In[Tensor[f32, 16, 64]], b: In[Tensor[f32, 64, 50]], s: In[Tensor[i64, 1, 50]], c: Out[Tensor[i8, 16, 50]]
    ) -> None:
        c[:] = pto.store_fp(pto.matmul(pto.load(a), pto.load(b)), pto.load(s), dtype=i8)

    with pytest.raises(Refused) as caught:
        htp.compile_program(odd, target="pto:a2a3sim", out="unused")
    assert caught.value.diagnostic.code == "pto.bad-scales"
    assert "50" in caught.value.diagnostic.message


def test_words_of_scales():
    np.testing.assert_array_equal(scale_words([1.0, -0.5]), [[0x40003F800000, 0x4000BF000000]])
    np.testing.assert_array_equal(scale_words(2.0, offset=1, signed=False), [[0x2040000000]])
    with pytest.raises(ValueError, match="0 to 255"):
        scale_words(1.0, offset=256)
