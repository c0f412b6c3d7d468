"""Calls of tile operations for runs on the stand-in: many to a kernel, since every kernel is built on its own.

Knows how such kernels are written and what is put in; what must come out is what the program gives as plain Python.
"""

import linecache

import numpy as np

import htp
from htp.types import numpy_dtype

ROWS, COLUMNS = 5, 37
"""Neither fills a room."""
PER_KERNEL = 5
HEAD = "from htp import In, Out, Tensor, bf16, bool_, f16, f32, i8, i16, i32, i64, kernel, routine, tile, u8, u16, u32"
HEAD += "\n\n\n"
FLOATS = (np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0, -2.5, 0.5, 1.5, 60000.0, -1e-7)


def numbers(dtype, rng, shape=(ROWS, COLUMNS)):
    """Random elements of a dtype, among them the odd ones."""
    if dtype.kind == "bool":
        return rng.random(shape) < 0.4
    if dtype.kind == "float":
        made = (rng.standard_normal(shape) * 4).astype(np.float32)
        odd = np.array((*FLOATS, 3.4e38, -3.4e38) if dtype.bits == 32 else FLOATS, np.float32)
        made[rng.random(shape) < 0.15] = 2.0  # repeats
        where = rng.choice(made.size, 2 * len(odd), replace=False)
        made.ravel()[where] = np.tile(odd, 2)
        made[0] = rng.integers(-3, 4, shape[1:])  # a row of plain numbers, with repeats, the largest at its end
        made[0, -1] = 5
        with np.errstate(all="ignore"):
            return made.astype(numpy_dtype(dtype))
    low, high = np.iinfo(numpy_dtype(dtype)).min, np.iinfo(numpy_dtype(dtype)).max
    made = rng.integers(low, high, shape, endpoint=True)
    odd = np.array([low, low + 1, -1 if low else 1, 0, 1, 2, high - 1, high])
    where = rng.choice(made.size, 3 * len(odd), replace=False)
    made.ravel()[where] = np.tile(odd, 3)
    made[0] = rng.integers(0 if not low else -3, 4, shape[1:])
    made[0, -1] = 5
    return made.astype(numpy_dtype(dtype))


def program(cases, arrays):
    """A routine that makes every call: `cases` are `(text, result)`, `arrays` are inputs by name with their dtypes.

    Returns its definition and the results' names, dtypes and shapes.
    """
    results = [(f"r{number}", *each[1]) for number, each in enumerate(cases)]
    kernels, calls, every = [], [], {}
    for first in range(0, len(cases), PER_KERNEL):
        group = list(zip(cases, results, strict=True))[first : first + PER_KERNEL]
        used = [name for name in arrays if any(f"{name}[" in text for (text, _), _ in group)]
        params = [f"{name}: In[{_spelled(*arrays[name])}]" for name in used]
        params += [f"{name}: Out[{_spelled(dtype, shape)}]" for _, (name, dtype, shape) in group]
        lines = [
            f"    {name}[{', '.join(':' * len(shape))}] = {text}" for (text, _), (name, _, shape) in group
        ]
        kernels.append("\n".join([f"@kernel\ndef part_{first}({', '.join(params)}) -> None:", *lines]))
        calls.append(f"    part_{first}({', '.join([*used, *(name for _, (name, _, _) in group)])})")
        every |= {name: f"In[{_spelled(*arrays[name])}]" for name in used}
    every |= {name: f"Out[{_spelled(dtype, shape)}]" for name, dtype, shape in results}
    params = ", ".join(f"{name}: {type_}" for name, type_ in every.items())
    text = HEAD + "\n\n\n".join([*kernels, "\n".join([f"@routine\ndef every({params}) -> None:", *calls])]) + "\n"
    name = f"operations_{abs(hash(text))}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    module = {"__name__": "operations"}
    exec(compile(text, name, "exec"), module)
    return module["every"], [name for name in every if name in arrays], results


def _spelled(dtype, shape):
    return f"Tensor[{dtype.name}, {', '.join(map(str, shape))}]"


def outcome(cases, given, folder):
    """What the calls give on the stand-in and as plain Python: pairs of arrays by the calls' texts."""
    arrays = {name: (dtype, value.shape) for name, (dtype, value) in given.items()}
    definition, used, results = program(cases, arrays)
    made = [[np.zeros(shape, numpy_dtype(dtype)) for _, dtype, shape in results] for _ in range(2)]
    values = [given[name][1] for name in used]
    definition(*values, *made[0])
    package = htp.compile_program(definition, target="pto:a2a3sim", out=folder)
    htp.bind(package, mode="sim")(*values, *made[1])
    return {text: (want, have) for (text, _), want, have in zip(cases, *made, strict=True)}
