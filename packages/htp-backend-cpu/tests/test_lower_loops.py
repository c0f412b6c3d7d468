"""Tile statements as fused loops: what is computed together, what is kept where, and what each program means."""

import numpy as np
import pytest
from lowered import after, body, buffers, loops, program

from htp_backend_cpu.lower.loops import LowerToLoops

MATRICES = (
    'def f(a: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:\n'
    "    M = a.shape[0]\n"
    "    N = a.shape[1]\n"
)
VECTORS = 'def f(a: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:\n    N = a.shape[0]\n'


def lowered(text):
    """The body in loops, which must still mean what the tiles meant."""
    before = program(text)
    behind = LowerToLoops().apply(before)
    shapes = (1, 5, 20) if "M" not in text else ((1, 1), (3, 5), (4, 20))
    for shape in shapes:
        a = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7
        results = []
        for each in (before, behind):
            y = a[::-1].copy()
            _run(each, a, y)
            results.append(y)
        np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    return body(behind)


def _run(each, a, y):
    names = {"__name__": "stage"}
    exec(compile(each.text(), "<stage>", "exec", dont_inherit=True), names)
    names["f"](a, y)


def test_elementwise_statements_become_one_loop():
    before = """    t1: Tile[f32, 'N'] = a[:]
    t2: Tile[f32, 'N'] = t1 + t1
    t3: Tile[f32, 'N'] = tile.maximum(t2, 0)
    y[:] = t3
"""
    expected = """    for c in range(N):
        y[c] = tile.maximum(a[c] + a[c], f32(0))
"""
    assert lowered(VECTORS + before).replace("parallel(range(N))", "range(N)") == body(program(VECTORS + expected))


def test_softmax_is_three_inner_loops():
    text = lowered(
        MATRICES
        + """    x: Tile[f32, 'M', 'N'] = a[:, :]
    t1: Tile[f32, 'M', 1] = tile.max(x, axis=1, keepdims=True)
    t2: Tile[f32, 'M', 'N'] = x - t1
    e: Tile[f32, 'M', 'N'] = tile.exp(t2)
    t3: Tile[f32, 'M', 1] = tile.sum(e, axis=1, keepdims=True)
    t4: Tile[f32, 'M', 'N'] = e / t3
    y[:, :] = t4
"""
    )
    assert loops(text) == 3
    assert loops(text, "parallel") == 1
    assert text.count("tile.exp") == 1
    assert all("M" not in dims for dims in buffers(text).values())


def test_a_value_that_only_its_row_needs_has_a_row():
    text = lowered(
        MATRICES
        + """    x: Tile[f32, 'M', 'N'] = a[:, :]
    e: Tile[f32, 'M', 'N'] = tile.exp(x)
    t1: Tile[f32, 'M', 1] = tile.sum(e, axis=1, keepdims=True)
    t2: Tile[f32, 'M', 'N'] = e / t1
    t3: Tile[f32, 'M', 1] = tile.max(t2, axis=1, keepdims=True)
    t4: Tile[f32, 'M', 'N'] = e * t3
    t5: Tile[f32, 'M', 'N'] = t4 + x
    y[:, :] = t5
"""
    )
    assert text.count("tile.exp") == 1
    assert all("M" not in dims for dims in buffers(text).values())


def test_a_carried_tile_is_updated_in_place():
    text = lowered("""def f(a: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M = a.shape[0]
    N = a.shape[1]
    x: Tile[f32, 'N'] = tile.full((N,), 0.0, f32)
    for i in range(M):
        t1: Tile[f32, 'N'] = a[i, :]
        x: Tile[f32, 'N'] = x + t1
        y[i, :] = x
""")
    assert list(buffers(text)) == ["x"]
    assert "x[c2] + a[i, c2]" in text


@pytest.mark.parametrize(
    "update",
    ["tile.flip(x, axis=(0,))", "x - tile.sum(x, axis=0, keepdims=True)"],
    ids=["reversed", "reduced"],
)
def test_a_tile_that_is_read_elsewhere_is_not_updated_in_place(update):
    lines = [f"        x: Tile[f32, 'N'] = {update}"]
    if "sum" in update:
        lines = ["        s: Tile[f32, 1] = tile.sum(x, axis=0, keepdims=True)", "        x: Tile[f32, 'N'] = x - s"]
    lowered(VECTORS + "    x: Tile[f32, 'N'] = a[:]\n    for i in range(3):\n" + "\n".join(lines) + "\n    y[:] = x\n")


def test_a_store_does_not_change_what_was_read_before():
    text = lowered(
        VECTORS
        + """    x: Tile[f32, 'N'] = y[:]
    t1: Tile[f32, 'N'] = tile.full((N,), 0.0, f32)
    y[:] = t1
    t2: Tile[f32, 'N'] = x + x
    y[:] = t2
"""
    )
    assert text


def test_products_run_in_register_blocks():
    text = lowered(
        (
            'def f(a: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:\n'
            "    M = a.shape[0]\n"
            "    N = a.shape[1]\n"
        )
        + """    t1: Tile[f32, 'M', 'N'] = a[:, :]
    t2: Tile[f32, 'N', 'M'] = tile.transpose(t1, (1, 0))
    t3: Tile[f32, 'N', 'N'] = tile.dot(t2, t1)
    t4: Tile[f32, 'M', 'N'] = tile.dot(t1, t3)
    y[:, :] = t4
"""
    )
    assert "mma(" in text
    assert "tile.dot" not in text


def test_positions_are_checked_where_they_are_used():
    text = after(
        (
            'def f(a: In[Tensor[f32, "N"]], i: In[Tensor[i32, "K"]], y: Out[Tensor[f32, "K"]]) -> None:\n'
            "    N = a.shape[0]\n"
            "    K = i.shape[0]\n"
        )
        + """    t1: Tile[f32, 'N'] = a[:]
    t2: Tile[i32, 'K'] = i[:]
    t3: Tile[f32, 'K'] = tile.take(t1, t2, axis=0)
    y[:] = t3
""",
        LowerToLoops(),
    )
    assert text.count("checked(tile.cast(i[c], i64), N, 'user.py:") == 1


def test_a_slice_with_a_huge_constant_length_takes_the_memory_it_has():
    before = program("""def f(a: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    M = a.shape[0]
    N = a.shape[1]
    for i in range(M):
        x: Tile[f32, 'min(1099511627776, M - i)', 'N'] = a[i:i + min(1099511627776, M - i), :]
        t1: Tile[f32, 'min(1099511627776, M - i)', 'N'] = tile.exp(x)
        t2: Tile[f32, 1, 'N'] = tile.sum(t1, axis=0, keepdims=True)
        t3: Tile[f32, 'min(1099511627776, M - i)', 'N'] = t1 / t2
        t4: Tile[f32, 1, 'N'] = tile.max(t3, axis=0, keepdims=True)
        t5: Tile[f32, 'N'] = tile.reshape(t4, (N,))
        y[:] = t5
""")
    behind = LowerToLoops().apply(before)
    assert 't1: Tile[f32, \'min(1099511627776, M - i)\', \'N\']' in body(behind)
    a, y = np.array([[0.0, 1.0], [2.0, 3.0], [1.0, 5.0]], np.float32), np.zeros(2, np.float32)
    _run(behind, a, y)
    np.testing.assert_allclose(y, [1.0, 1.0])
