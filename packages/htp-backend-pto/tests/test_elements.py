"""Numbers stored in one element of an array by a kernel, on the stand-in against NumPy."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, f16, f32, i32, kernel, tile

TARGET = "pto:a2a3sim"


@kernel
def marked(x: In[Tensor[f32, "M", 64]], a: Scalar[f32], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = x[i:i + 16, :] * 2
        y[i, 0] = 1.0
        y[i, 3] = a


def test_elements_are_stored_in_every_turn(tmp_path):
    run = htp.bind(htp.compile_program(marked, target=TARGET, out=tmp_path))
    for rows in (0, 16, 37):
        x = np.random.default_rng(rows).standard_normal((rows, 64)).astype(np.float32)
        y = np.zeros_like(x)
        run(x, 1.5, y)
        expected = x * np.float32(2)
        expected[::16, 0], expected[::16, 3] = 1.0, 1.5
        np.testing.assert_array_equal(y, expected)


@kernel
def asserted(
    x: In[Tensor[f32, "M", 64]], a: Scalar[f32], n: Scalar[i32], y: Out[Tensor[f32, "M", 64]],
    z: Out[Tensor[f32, "M"]], d: Out[Tensor[f16, 2, "M", 8]],
) -> None:  # fmt: skip
    assert n >= 0
    assert n < x.shape[0]
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = x[i:i + 16, :] * 2
        z[i:i + 16] = tile.max(x[i:i + 16, :], axis=1)
        d[0, i:i + 16, :] = x[i:i + 16, 0:8].astype(f16)
        d[1, i:i + 16, :] = x[i:i + 16, 8:16].astype(f16)
    y[n, 3] = a
    y[0, 0] = x[n, 1]
    z[n] = 5.0
    z[-1] = a * 2.0 + 1.0
    d[1, n, 2] = a


def test_elements_are_stored_behind_tiles(tmp_path):
    run = htp.bind(htp.compile_program(asserted, target=TARGET, out=tmp_path))
    for rows, n in ((16, 0), (37, 30), (16, 15)):
        x = np.random.default_rng(n).standard_normal((rows, 64)).astype(np.float32)
        y, z, d = np.zeros_like(x), np.zeros(rows, np.float32), np.zeros((2, rows, 8), np.float16)
        run(x, 1.5, n, y, z, d)
        doubled, largest = x * np.float32(2), x.max(axis=1)
        parts = np.stack([x[:, :8], x[:, 8:16]]).astype(np.float16)
        doubled[n, 3], doubled[0, 0], largest[n], parts[1, n, 2] = 1.5, x[n, 1], 5.0, 1.5
        largest[-1] = 4.0
        np.testing.assert_array_equal(y, doubled)
        np.testing.assert_array_equal(z, largest)
        np.testing.assert_array_equal(d, parts)


@kernel
def anywhere(x: In[Tensor[f32, "M", 64]], n: Scalar[i32], y: Out[Tensor[f32, "M", 64]]) -> None:
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = x[i:i + 16, :] * 2
    y[n, 3] = 1.0


def test_an_element_that_may_not_be_there_is_refused(tmp_path):
    with pytest.raises(Refused) as caught:
        htp.compile_program(anywhere, target=TARGET, out=tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message.partition(" ")[0]) == ("pto.no-orchestration", "`y[n,")
    help_ = "store it in a kernel, at an index that is known to be in range: `assert 0 <= n < y.shape[0]`"
    assert found.help == (help_,)


@kernel
def alone(
    x: In[Tensor[f32, "M", 64]], n: Scalar[i32], a: Scalar[f32],
    y: Out[Tensor[f32, "M", 64]], z: Out[Tensor[i32, 1]], d: Out[Tensor[f16, 2, 3]],
) -> None:  # fmt: skip
    count = 0
    for _ in range(n):
        count = count + 2
    z[0] = count
    for i in range(3):
        d[0, i] = i
        d[1, i] = a * 2.0
    for i in range(0, x.shape[0], 16):
        y[i:i + 16, :] = x[i:i + 16, :] * 2


def test_elements_are_stored_in_arrays_of_their_own(tmp_path):
    run = htp.bind(htp.compile_program(alone, target=TARGET, out=tmp_path))
    x = np.random.default_rng(3).standard_normal((20, 64)).astype(np.float32)
    y, z, d = np.zeros_like(x), np.zeros(1, np.int32), np.zeros((2, 3), np.float16)
    run(x, 3, 1.5, y, z, d)
    np.testing.assert_array_equal(y, x * np.float32(2))
    np.testing.assert_array_equal(z, [6])
    np.testing.assert_array_equal(d, [[0, 1, 2], [3, 3, 3]])
