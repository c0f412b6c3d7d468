"""What is said when tiles do not fit is enough: with the rows or columns that it names the program compiles."""

import importlib.util
import re
import sys

import pytest
from pto_stages import stages

from htp import Refused

HEAD = "from htp import In, Out, Tensor, f16, f32, kernel, tile\nfrom htp_backend_pto import pto\n\n\n@kernel\n"
X_TO_Y = 'def made(x: In[Tensor[f32, "M", {N}]], y: Out[Tensor[f32, "M", {N}]]) -> None:\n'
LOOP = "    for i in range(0, x.shape[0], {B}):\n"
CASES = {
    "softmax": (64, 4096, X_TO_Y + LOOP + """
        rows = x[i:i + {B}, :]
        e = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
        y[i:i + {B}, :] = e / tile.sum(e, axis=1, keepdims=True)
"""),
    "layernorm": (64, 1000, X_TO_Y + LOOP + """
        rows = x[i:i + {B}, :]
        centred = rows - tile.mean(rows, axis=1, keepdims=True)
        spread = tile.mean(centred * centred, axis=1, keepdims=True)
        y[i:i + {B}, :] = centred * tile.rsqrt(spread + 1e-5)
"""),
    "two loops": (64, 256, X_TO_Y + LOOP + """
        total = tile.exp(x[i:i + {B}, :])
        for k in range(3):
            total = total + tile.exp(x[i:i + {B}, :] * total) * tile.tanh(total)
        for k in range(2):
            total = total * x[i:i + {B}, :] + total
        y[i:i + {B}, :] = total
"""),
    "nested loops": (64, 512, X_TO_Y + LOOP + """
        rows = x[i:i + {B}, :]
        acc = rows * 0.0
        for k in range(8):
            for j in range(2):
                acc = acc + rows
            rows = tile.exp(acc - rows)
        y[i:i + {B}, :] = acc / rows
"""),
    "a row too long": (1, 32768, X_TO_Y + LOOP + """
        y[i:i + {B}, :] = x[i:i + {B}, :] / tile.exp(x[i:i + {B}, :]) + tile.sigmoid(x[i:i + {B}, :])
"""),
    "branches": (64, 512, X_TO_Y + LOOP + """
        a = x[i:i + {B}, :]
        b = tile.exp(a)
        if i > 0:
            c = a * b
        else:
            c = a + b
        y[i:i + {B}, :] = c * a - b
"""),
    "sorted": (32, 2048, X_TO_Y + LOOP + "        y[i:i + {B}, :] = tile.sort(x[i:i + {B}, :], axis=1)\n"),
    "by hand": (64, 512, X_TO_Y + LOOP + """
        a = pto.load(x[i:i + {B}, :])
        b = pto.exp(a)
        c = pto.add(a, b)
        y[i:i + {B}, :] = pto.store(pto.add(pto.mul(b, c), pto.add(a, c)))
"""),
    "turned": (128, 256, 'def made(x: In[Tensor[f32, "M", {N}]], y: Out[Tensor[f32, {N}, "M"]]) -> None:\n' + LOOP + """
        y[:, i:i + {B}] = x[i:i + {B}, :].T * 2.0
"""),
    "a sum in L0C": (256, 256, """
def made(x: In[Tensor[f16, "M", 64]], b: In[Tensor[f16, 64, {N}]], y: Out[Tensor[f32, "M", {N}]]) -> None:
""" + LOOP + "        y[i:i + {B}, :] = x[i:i + {B}, :] @ b[:]\n"),
}  # fmt: skip


def written(folder, text, rows, columns):
    name = f"advised_{abs(hash(text))}_{rows}_{columns}"
    path = folder / f"{name}.py"
    path.write_text(HEAD + text.format(B=rows, N=columns).lstrip("\n"))
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.made


@pytest.mark.parametrize("case", CASES)
def test_a_program_that_does_what_is_advised_compiles(case, tmp_path):
    rows, columns, text = CASES[case]
    with pytest.raises(Refused) as refused:
        stages(written(tmp_path, text, rows, columns), last="pto.place")
    found = refused.value.diagnostic
    assert found.code in ("pto.ub-overflow", "pto.buffer-overflow")
    (help_,) = found.help
    count, whole = map(int, re.fullmatch(r"take (\d+) \w+ at a time instead of (\d+): .*", help_).groups())
    assert count < whole
    advised = (count, columns) if whole == rows else (rows, count)
    stages(written(tmp_path, text, *advised), last="pto.sync")
