"""Kernels written with `pto.*` for Ascend itself: compiled, built for the stand-in and run."""

import importlib.util

import numpy as np

import htp

PROGRAM = '''
from htp import In, Out, Tensor, f16, f32, i32, kernel, u8
from htp_backend_pto import pto


@kernel
def mixed(a: In[Tensor[f32, 16, 64]], b: In[Tensor[f32, 16, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    x, z = pto.load(a), pto.load(b)
    room = pto.scratch(rows=16, cols=64, dtype=f32)
    largest = pto.rowmax(x, room)
    near = pto.rowexpandsub(x, largest)
    summed = pto.muladddst(near, x, z)
    halves = pto.cvt(pto.cvt(summed, dtype=f16), dtype=f32)
    whole = pto.cvt(pto.cvt(z, dtype=i32, mode="floor"), dtype=f32)
    y[:] = pto.store(pto.sub(halves, whole))
'''


def test_a_kernel_of_instructions_runs_on_the_stand_in(tmp_path):
    path = tmp_path / "mixed.py"
    path.write_text(PROGRAM)
    spec = importlib.util.spec_from_file_location("mixed", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package = htp.compile_program(module.mixed, target="pto:a2a3sim", out=tmp_path / "built")
    rng = np.random.default_rng(8)
    a, b = (rng.standard_normal((16, 64)).astype(np.float32) for _ in range(2))
    y = np.zeros_like(a)
    htp.bind(package, mode="sim")(a, b, y)
    near = a - a.max(1, keepdims=True)
    wanted = (near + a * b).astype(np.float16).astype(np.float32) - np.floor(b)
    np.testing.assert_allclose(y, wanted, rtol=2e-3, atol=4e-3)
    sources = "".join(each.read_text() for each in (tmp_path / "built").rglob("*.cpp"))
    assert all(each in sources for each in ("TROWMAX(", "TROWEXPANDSUB(", "TMULADDDST(", "TCVT(", "CAST_FLOOR"))
