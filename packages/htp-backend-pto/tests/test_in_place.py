"""Instructions by hand whose result takes the place of an operand, where the operand is read again."""

import numpy as np

import htp
from htp import In, Out, Tensor, f32, i32, kernel
from htp_backend_pto import pto


@kernel
def again(x: In[Tensor[f32, 8, 16]], y: Out[Tensor[f32, 8, 16]], z: Out[Tensor[f32, 8, 16]]) -> None:
    a = pto.load(x)
    near = pto.adds(a, 1.0)
    total = pto.muladddst(near, a, a)
    y[:] = pto.sub(total, near)
    kept = pto.adds(a, 2.0)
    for i in range(8):
        turned = pto.axpy(kept, a, 3.0)
        z[i : i + 1, :] = turned[0:1, :]


@kernel
def placed(x: In[Tensor[f32, 2, 8]], at: In[Tensor[i32, 2, 8]], y: Out[Tensor[f32, 2, 8]]) -> None:
    old = pto.load(x)
    new = pto.scatter(old, pto.adds(old, 1.0), pto.load(at))
    y[:] = pto.sub(new, old)


def test_what_is_read_again_is_kept(tmp_path):
    x = np.arange(128, dtype=np.float32).reshape(8, 16)
    y, z = np.zeros_like(x), np.zeros_like(x)
    package = htp.compile_program(again, target="pto:a2a3sim", out=tmp_path / "built")
    htp.bind(package, mode="sim")(x, y, z)
    np.testing.assert_array_equal(y, x * x)
    np.testing.assert_array_equal(z, np.broadcast_to(4 * x[:1] + 2, (8, 16)))


def test_what_is_put_into_is_kept(tmp_path):
    x = np.arange(16, dtype=np.float32).reshape(2, 8)
    at, y = np.arange(15, -1, -1, dtype=np.int32).reshape(2, 8), np.zeros_like(x)
    package = htp.compile_program(placed, target="pto:a2a3sim", out=tmp_path / "built")
    htp.bind(package, mode="sim")(x, at, y)
    np.testing.assert_array_equal(y, (x.ravel()[::-1] + 1).reshape(2, 8) - x)
