"""Second names of tiles: read in place of the tile only as long as that has not become another one."""

import ast
from dataclasses import replace

import numpy as np
import pytest
from pto_stages import run, stages

from htp import In, Out, Tensor, f32, kernel, tile
from htp_backend_pto.lower.select.copies import without_copies


@kernel
def fibonacci(x: In[Tensor[f32, 16, 32]], y: Out[Tensor[f32, 16, 32]]) -> None:
    """Each turn reads what the tile was before it is changed."""
    this, before = x[:, :], tile.zeros((16, 32), f32)
    for _ in range(5):
        kept = this
        this = this + before
        before = kept
    y[:, :] = this


def test_a_tile_that_has_changed_is_not_read_for_its_second_name():
    x = np.arange(512, dtype="f4").reshape(16, 32)
    found = stages(fibonacci, last="pto.sync")
    for name in ("pto.select", "pto.sync"):
        (_, y) = run(found[name], x, np.empty_like(x))
        assert np.array_equal(y, 8 * x), name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["b = a", "c = f(b)"], ["c = f(a)"]),
        (["b = a", "a = g(a)", "c = f(b)"], None),
        (["b = a", "c = f(b)", "a = g(a)", "c = f(b)"], None),
        (["b = a", "a = f(b)"], ["a = f(a)"]),
        (["b = a", "c = f(b)", "b = g(c)", "c = f(b)"], ["c = f(a)", "b = g(c)", "c = f(b)"]),
    ],
)
def test_copies_go_where_the_tile_stays_what_it_was(before, after):
    kernel = next(each for each in stages(fibonacci)["pto.bound"].functions if each.kind == "kernel")
    text = "\n".join(["a = h()", *before]).replace(" = ", ": Tile[f32, 16, 32] = ")
    made = without_copies(replace(kernel, body=tuple(ast.parse(text).body))).body
    assert [ast.unparse(each).replace(": Tile[f32, 16, 32]", "") for each in made[1:]] == (after or before)
