"""Tiles that are printed on their way, on the stand-in."""

import numpy as np
import pytest
from test_instruction_rules import refusal

import htp
from htp import In, Out, Tensor, f32, kernel, u8
from htp_backend_pto import pto


@kernel
def shown(
    x: In[Tensor[f32, "M", 3]], k: In[Tensor[u8, 1, 3]], y: Out[Tensor[f32, "M", 3]], z: Out[Tensor[u8, 1, 3]]
) -> None:
    M = x.shape[0]
    for i in range(0, M, 2):
        t = pto.load(x[i : min(M, i + 2), :])
        t = pto.print(pto.add(t, t))
        _seen = pto.print(t)  # nothing but to look at it
        y[i : min(M, i + 2), :] = pto.adds(t, 1.0)
    z[:] = pto.print(pto.load(k))


TWO = """2 x 3
  0.0000   0.5000   1.0000
  1.5000   2.0000 -10.0000
"""
ONE = """1 x 3
300.2500   3.5000   4.0000
"""
BYTES = """1 x 3
       1      200        3
"""


def test_tiles_are_printed_whole(tmp_path, capfd):
    x = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, -5.0], [150.125, 1.75, 2.0]], np.float32)
    k, y, z = np.array([[1, 200, 3]], np.uint8), np.zeros_like(x), np.zeros((1, 3), np.uint8)
    package = htp.compile_program(shown, target="pto:a2a3sim", out=tmp_path / "built")
    capfd.readouterr()
    htp.bind(package, mode="sim")(x, k, y, z)
    printed = capfd.readouterr().out
    np.testing.assert_array_equal(y, 2 * x + 1)
    np.testing.assert_array_equal(z, k)
    assert (printed.count(TWO), printed.count(ONE), printed.count(BYTES)) == (2, 2, 1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('tile.print("x", x[:]); y[:] = x[:]', "`t = pto.print(t)`"),
        ("t = pto.load(x); pto.print(t); y[:] = t", "`t = pto.print(t)`"),
    ],
)
def test_what_is_printed_passes_by(tmp_path, body, said):
    found = refusal(tmp_path, body, "pto:a2a3sim", dtypes="f32, tile")
    assert found.code == "pto.not-selected"
    assert said in found.help[0]


def test_halves_are_converted_for_the_simulator(tmp_path):
    body = "y[:] = pto.print(pto.load(x))"
    found = refusal(tmp_path, body, "pto:a2a3sim", "f16")
    assert found.code == "pto.bad-dtype"
    assert "dtype=f32" in found.help[0]
