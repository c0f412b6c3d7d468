"""Kernels written with `pto.*`, compiled for the CPU through the meanings of the instructions."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from meanings import CASES, DTYPES

import htp

HEAD = """from htp import In, Out, Tensor, {dtypes}, kernel
from htp_backend_pto import pto


@kernel
def f({params}) -> None:
"""
NAMES = "bool_, f16, f32, i8, i16, i32, i64, u8, u16, u32"
GROUP = 24
ROUGH = ("exp", "log", "pow", "pows", "rowexpandexpdif", "colexpandexpdif", "rsqrt", "sqrt", "rowprod", "colprod")


def shown(value):
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return value.name if isinstance(value, type) else repr(value)


def spelled(array):
    return f"Tensor[{', '.join((DTYPES[array.dtype].name, *map(str, array.shape)))}]"


def program(folder, cases, number):
    """One kernel that makes every call of a group, and the arrays for it."""
    params, lines, arrays, outs = [], [], {}, []
    for at, (name, arguments, attributes, wanted) in enumerate(cases):
        given = []
        for place, each in enumerate(arguments):
            if isinstance(each, np.ndarray):
                arrays[f"x{at}_{place}"] = np.ascontiguousarray(each)
                params.append(f"x{at}_{place}: In[{spelled(each)}]")
                given.append(f"x{at}_{place}[{', '.join([':'] * each.ndim)}]")
            else:
                given.append(shown(each))
        given += [f"{key}={shown(value)}" for key, value in attributes.items()]
        found = htp_result(name, arguments, attributes)
        arrays[f"y{at}"] = np.zeros(wanted.shape, found)
        params.append(f"y{at}: Out[{spelled(arrays[f'y{at}'])}]")
        outs.append(f"y{at}")
        lines.append(f"    y{at}[{', '.join([':'] * wanted.ndim)}] = pto.{name}({', '.join(given)})\n")
    path = Path(folder) / f"group_{number}.py"
    path.write_text(HEAD.format(dtypes=NAMES, params=", ".join(params)) + "".join(lines))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f, arrays, outs


def htp_result(name, arguments, attributes):
    """The dtype that the meaning gives."""
    from test_pto_meanings import run

    return run(name, *arguments, **attributes).dtype


TRIED = CASES if os.environ.get("HTP_TEST_LONG") == "1" else CASES[::6]
GROUPS = [TRIED[start : start + GROUP] for start in range(0, len(TRIED), GROUP)]


@pytest.mark.parametrize("number", range(len(GROUPS)))
def test_cpu_computes_the_meanings(tmp_path, number):
    function, arrays, outs = program(tmp_path, GROUPS[number], number)
    package = htp.compile_program(function, target="cpu", out=tmp_path / "built")
    htp.bind(package)(**arrays)
    for name, (called, _, _, wanted) in zip(outs, GROUPS[number], strict=True):
        found = arrays[name]
        if found.dtype.kind == "f":
            loose = 4e-3 if found.dtype == np.float16 else 2e-5 if called in ROUGH else 4e-6
            np.testing.assert_allclose(found, wanted, rtol=loose, atol=1e-5, err_msg=called)
        else:
            np.testing.assert_array_equal(found, wanted, err_msg=called)


def test_tails_and_loops(tmp_path):
    path = tmp_path / "softmax.py"
    path.write_text(SOFTMAX)
    spec = importlib.util.spec_from_file_location("softmax", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    execute = htp.bind(htp.compile_program(module.softmax, target="cpu", out=tmp_path / "built"))
    for shape in ((13, 37), (8, 64), (1, 1), (0, 5)):
        x = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
        y = np.zeros_like(x)
        execute(x, y)
        powers = np.exp(x.astype(np.float64))
        np.testing.assert_allclose(y, powers / powers.sum(1, keepdims=True), rtol=3e-6)


SOFTMAX = '''
from htp import In, Out, Tensor, f32, kernel
from htp_backend_pto import pto


@kernel
def softmax(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = x.shape
    tmp = pto.scratch(rows=8, cols=64, dtype=f32)
    for i in range(0, M, 8):
        rows = pto.load(x[i:i + 8, :])
        powers = pto.exp(pto.rowexpandsub(rows, pto.rowmax(rows, tmp)))
        total = pto.reshape(pto.rowsum(powers, tmp), 1, rows.shape[0])
        column = pto.reshape(pto.mins(total, 1e30), rows.shape[0], 1)
        y[i:i + 8, :] = pto.store(pto.rowexpanddiv(powers, column))
'''
