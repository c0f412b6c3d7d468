"""Loops over elements as strips of lanes: two snippets each, before and after."""

import pytest
from lowered import after, body, program

from htp.diagnostics import Refused
from htp_backend_cpu.lower.vectorize import Vectorize

SIGNATURE = (
    'def f(a: In[Tensor[f32, "N"]], i: In[Tensor[i32, "N"]], '
    'y: InOut[Tensor[f32, "N"]], z: Out[Tensor[i64, "N"]]) -> None:\n'
    "    N = a.shape[0]\n"
)

STRIPS = {
    "elementwise": (
        "    for c in range(N):\n        y[c] = tile.exp(a[c]) + f32(1.0)\n",
        "    for c, n in strips(N, 16):\n        y[c:c + n] = tile.exp(a[c:c + n]) + f32(1.0)\n",
    ),
    "shifted": (
        "    for c in range(N - 1):\n        y[c] = a[c + 1]\n",
        "    for c, n in strips(N - 1, 16):\n        y[c:c + n] = a[c + 1:c + 1 + n]\n",
    ),
    "local_value": (
        "    for c in range(N):\n        x: Scalar[f32] = a[c] * a[c]\n        y[c] = x + x\n",
        (
            "    for c, n in strips(N, 16):\n"
            "        x: Tile[f32, 16] = a[c:c + n] * a[c:c + n]\n"
            "        y[c:c + n] = x + x\n"
        ),
    ),
    "position": (
        "    for c in range(N):\n        z[c] = i64(c + 3)\n",
        "    for c, n in strips(N, 16):\n        z[c:c + n] = iota(c + 3, n, i64)\n",
    ),
    "start": (
        "    for c in range(3, N):\n        y[c] = a[c]\n",
        "    for c, n in strips(3, N, 16):\n        y[c:c + n] = a[c:c + n]\n",
    ),
    "gather": (
        (
            "    for c in range(N):\n"
            "        p: Scalar[i64] = checked(tile.cast(i[c], i64), N, 'user.py:3')\n"
            "        y[c] = a[p]\n"
        ),
        (
            "    for c, n in strips(N, 16):\n"
            "        p: Tile[i64, 16] = checked(tile.cast(i[c:c + n], i64), N, 'user.py:3')\n"
            "        y[c:c + n] = a[p]\n"
        ),
    ),
    "reductions": (
        (
            "    s: Scalar[f32] = f32(0.0)\n"
            "    m: Scalar[f32] = f32(-5.0)\n"
            "    for c in range(N):\n"
            "        s = s + a[c] * a[c]\n"
            "        m = tile.maximum(m, a[c])\n"
            "    y[0] = s + m\n"
        ),
        """    s: Scalar[f32] = f32(0.0)
    m: Scalar[f32] = f32(-5.0)
    s_lanes: Tile[f32, 16] = alloc((16,), f32, space='register')
    s_lanes[:] = f32(0.0)
    m_lanes: Tile[f32, 16] = alloc((16,), f32, space='register')
    m_lanes[:] = f32(float('-inf'))
    for c, n in strips(N, 16):
        s_lanes[:n] = s_lanes[:n] + a[c:c + n] * a[c:c + n]
        m_lanes[:n] = tile.maximum(m_lanes[:n], a[c:c + n])
    s = s + tile.sum(s_lanes)
    m = tile.maximum(m, tile.max(m_lanes))
    y[0] = s + m
""",
    ),
    "outer_loop_stays": (
        "    for k in range(3):\n        for c in range(N):\n            y[c] = y[c] + a[c]\n",
        (
            "    for k in range(3):\n"
            "        for c, n in strips(N, 16):\n"
            "            y[c:c + n] = y[c:c + n] + a[c:c + n]\n"
        ),
    ),
}

SCALAR = {
    "carried_through_memory": "    for c in range(N - 1):\n        y[c + 1] = y[c] + a[c]\n",
    "carried_total_is_read": (
        "    s: Scalar[f32] = f32(0.0)\n    for c in range(N):\n        s = s + a[c]\n        y[c] = s\n"
    ),
    "strided": "    for c in range(N // 2):\n        y[2 * c] = a[c]\n",
    "backwards": "    for c in range(N):\n        y[c] = a[N - 1 - c]\n",
    "few_elements": "    for c in range(3):\n        y[c] = a[c]\n",
    "own_step": "    for c in range(0, N, 2):\n        y[c] = a[c]\n",
    "same_element": "    for c in range(N):\n        y[0] = a[c]\n",
    "scattered": (
        "    for c in range(N):\n"
        "        p: Scalar[i64] = checked(tile.cast(i[c], i64), N, 'user.py:3')\n"
        "        y[p] = a[c]\n"
    ),
    "row_of_a_column": "    for c in range(N):\n        z[c] = argmax_row(a[0:c])\n",
    "nested": "    for c in range(N):\n        for k in range(c):\n            y[k] = y[c]\n",
}


@pytest.mark.parametrize("name", STRIPS)
def test_strips(name):
    before, expected = STRIPS[name]
    assert after(SIGNATURE + before, Vectorize()) == body(program(SIGNATURE + expected))


@pytest.mark.parametrize("name", [each for each in SCALAR if each != "nested"])
def test_loops_that_stay_scalar(name):
    before = SIGNATURE + SCALAR[name]
    assert after(before, Vectorize()) == body(program(before))


def test_the_width_is_an_option():
    assert "strips(N, 8)" in after(SIGNATURE + STRIPS["elementwise"][0], Vectorize(width=8))


def test_a_loop_that_reads_another_place_of_what_it_writes_stays_scalar():
    text = after(SIGNATURE + SCALAR["nested"], Vectorize())
    assert "strips" not in text


@pytest.mark.parametrize("width", [0, -16, 1, 7, 24, 128])
def test_a_width_without_vectors_is_refused(width):
    with pytest.raises(Refused) as caught:
        Vectorize(width=width)
    assert caught.value.code == "plan.bad-option"
    assert "4, 8, 16, 32, 64" in caught.value.diagnostic.help[0]
