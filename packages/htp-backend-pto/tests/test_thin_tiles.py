"""Tiles of one row, one column and one element: every operation gives what NumPy does, here in the selected form."""

import linecache
import re

import numpy as np
import pytest
from pto_stages import run, stages
from thin_tiles import arrays, cases

ALONG = re.compile(r"axis=1|iota|tri|eye|one_hot|^v$|^k")
HEAD = "from htp import In, Out, Tensor, bool_, f16, f32, i32, kernel, tile\n\n\n@kernel\n"


def kernel_of(shape, dtype, found):
    """A kernel that makes every case, each in an array of its own."""
    whole = ", ".join(map(str, shape))
    params = [f"{name}: In[Tensor[{dtype if name in 'ab' else 'i32'}, {whole}]]" for name in "abcd"]
    lines = ["x, y, i, j = a[:, :], b[:, :], c[:, :], d[:, :]", "v, k = tile.topk(x, 1)"]
    for number, (text, want, result) in enumerate(found):
        params.append(f"r{number}: Out[Tensor[{result}, {', '.join(map(str, want.shape))}]]")
        lines.append(f"r{number}[{', '.join(':' * want.ndim)}] = {text}")
    text = HEAD + f"def thin({', '.join(params)}) -> None:\n    " + "\n    ".join(lines) + "\n"
    name = f"thin_{abs(hash(text))}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    module = {"__name__": "thin"}
    exec(compile(text, name, "exec"), module)
    return module["thin"]


@pytest.mark.parametrize(
    ("shape", "dtype", "step"),
    [((9, 1), "f32", 1), ((1, 1), "f32", 2), ((1, 9), "f32", 5), ((9, 1), "bool_", 6), ((1, 1), "i32", 4)],
)
def test_tiles_of_one_row_or_column_give_what_numpy_does(shape, dtype, step):
    """Along the only column of one all cases, which went wrong most; of others a part, to be done in time."""
    found = [each for each in cases(shape, dtype) if step > 1 or ALONG.search(each[0])][::step]
    program = stages(kernel_of(shape, dtype, found))["pto.select"]
    with np.errstate(all="ignore"):
        results = run(program, *arrays(shape, dtype), *(np.zeros_like(want) for _, want, _ in found))[4:]
    for (text, want, _), have in zip(found, results, strict=True):
        np.testing.assert_allclose(
            have.astype(np.float64), want.astype(np.float64), rtol=1e-5, atol=1e-5, err_msg=text
        )
