"""Which loops become parallel: two snippets each, before and after."""

import pytest
from lowered import after, body, program

from htp.diagnostics import Refused
from htp.passes import run_step
from htp_backend_cpu.lower.parallel import Parallelize

SIGNATURE = (
    'def f(a: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:\n'
    "    M = a.shape[0]\n"
    "    N = a.shape[1]\n"
)

INDEPENDENT = {
    "rows": (
        "    for i in range(M):\n        t1: Tile[f32, 'N'] = a[i, :]\n        y[i, :] = t1\n",
        "    for i in parallel(range(M)):\n        t1: Tile[f32, 'N'] = a[i, :]\n        y[i, :] = t1\n",
    ),
    "reads_what_it_writes": (
        "    for i in range(M):\n        t1: Tile[f32, 'N'] = y[i, :]\n        y[i, :] = t1\n",
        "    for i in parallel(range(M)):\n        t1: Tile[f32, 'N'] = y[i, :]\n        y[i, :] = t1\n",
    ),
    "collapsed": (
        (
            "    for i in range(M):\n"
            "        for j in range(0, N, 64):\n"
            "            t1: Tile[f32, 'min(64, N - j)'] = a[i, j:j + min(64, N - j)]\n"
            "            y[i, j:j + min(64, N - j)] = t1\n"
        ),
        (
            "    for i, j in parallel(range(M), range(0, N, 64)):\n"
            "        t1: Tile[f32, 'min(64, N - j)'] = a[i, j:j + min(64, N - j)]\n"
            "        y[i, j:j + min(64, N - j)] = t1\n"
        ),
    ),
    "only_the_outer": (
        (
            "    for i in range(M):\n"
            "        x: Tile[f32, 'N'] = a[i, :]\n"
            "        for j in range(3):\n"
            "            x: Tile[f32, 'N'] = x + x\n"
            "        y[i, :] = x\n"
        ),
        (
            "    for i in parallel(range(M)):\n"
            "        x: Tile[f32, 'N'] = a[i, :]\n"
            "        for j in range(3):\n"
            "            x: Tile[f32, 'N'] = x + x\n"
            "        y[i, :] = x\n"
        ),
    ),
    "only_the_inner": (
        (
            "    for k in range(3):\n"
            "        for i in range(M):\n"
            "            t1: Tile[f32, 'N'] = y[i, :]\n"
            "            t2: Tile[f32, 'N'] = t1 + t1\n"
            "            y[i, :] = t2\n"
        ),
        (
            "    for k in range(3):\n"
            "        for i in parallel(range(M)):\n"
            "            t1: Tile[f32, 'N'] = y[i, :]\n"
            "            t2: Tile[f32, 'N'] = t1 + t1\n"
            "            y[i, :] = t2\n"
        ),
    ),
    "under_a_branch": (
        (
            "    if M > 3:\n"
            "        for i in range(M):\n"
            "            t1: Tile[f32, 'N'] = a[i, :]\n"
            "            y[i, :] = t1\n"
        ),
        (
            "    if M > 3:\n"
            "        for i in parallel(range(M)):\n"
            "            t1: Tile[f32, 'N'] = a[i, :]\n"
            "            y[i, :] = t1\n"
        ),
    ),
}

DEPENDENT = {
    "row_before": "    for i in range(1, M):\n        t1: Tile[f32, 'N'] = y[i - 1, :]\n        y[i, :] = t1\n",
    "same_row": "    for i in range(M):\n        t1: Tile[f32, 'N'] = a[i, :]\n        y[0, :] = t1\n",
    "whole_tensor_read": "    for i in range(M):\n        t1: Tile[f32, 'N'] = y[0, :]\n        y[i, :] = t1\n",
    "overlapping_blocks": (
        "    for i in range(0, M, 4):\n"
        "        t1: Tile[f32, 'min(8, M - i)', 'N'] = a[i:i + min(8, M - i), :]\n"
        "        y[i:i + min(8, M - i), :] = t1\n"
    ),
    "carried_tile": (
        "    x: Tile[f32, 'N'] = a[0, :]\n"
        "    for i in range(M):\n"
        "        t1: Tile[f32, 'N'] = a[i, :]\n"
        "        x: Tile[f32, 'N'] = x + t1\n"
        "        y[i, :] = x\n"
    ),
    "read_behind": (
        "    x: Tile[f32, 'N'] = a[0, :]\n"
        "    for i in range(M):\n"
        "        x: Tile[f32, 'N'] = a[i, :]\n"
        "        y[i, :] = x\n"
        "    y[0, :] = x\n"
    ),
    "counted": (
        "    n: i64 = 0\n"
        "    for i in range(M):\n"
        "        t1: Tile[f32, 'N'] = a[i, :]\n"
        "        y[i, :] = t1\n"
        "        n = n + 1\n"
        "    y[0, :] = tile.full((N,), n, f32)\n"
    ),
    "prints": (
        "    for i in range(M):\n"
        "        tile.print('row', i)\n"
        "        t1: Tile[f32, 'N'] = a[i, :]\n"
        "        y[i, :] = t1\n"
    ),
    "rows_from_the_end": (
        "    for i in range(2 * M):\n        t1: Tile[f32, 'N'] = tile.full((N,), i, f32)\n        y[i - M, :] = t1\n"
    ),
    "other_row_by_modulo": "    for i in range(M):\n        t1: Tile[f32, 'N'] = a[i, :]\n        y[i % 2, :] = t1\n",
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_iterations(name):
    before, expected = INDEPENDENT[name]
    assert after(SIGNATURE + before, Parallelize()) == body(program(SIGNATURE + expected))


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_iterations_keep_their_order(name):
    before = SIGNATURE + DEPENDENT[name]
    assert after(before, Parallelize()) == body(program(before))


def test_needs_normal_form():
    """The pass is not run on a program without the facts that it reads."""
    with pytest.raises(Refused, match="Normalized"):
        run_step(Parallelize(), program(SIGNATURE + DEPENDENT["row_before"]))
