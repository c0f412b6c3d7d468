"""Many small kernels compiled as one program: few runs of the compiler for many conformance tests.

Knows how kernels are put together, called and compared; what they must give is in `test_conformance_*.py`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np
import pytest

import htp

NUMPY = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8e4m3": ml_dtypes.float8_e4m3fn,
    "f8e5m2": ml_dtypes.float8_e5m2,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "u64": np.uint64,
    "u32": np.uint32,
    "u16": np.uint16,
    "u8": np.uint8,
    "bool_": np.bool_,
}
FLOATS = ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2")
NARROW = FLOATS[2:]
SIGNED = ("i64", "i32", "i16", "i8")
UNSIGNED = ("u64", "u32", "u16", "u8")
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS
ALL = (*NUMBERS, "bool_")

BUILDERS = ThreadPoolExecutor(max_workers=2)

HEAD = """from math import inf, nan

from htp import *
from htp import tile

"""


@dataclass
class Case:
    """A kernel with the arrays it is called with and what they must become.

    `params` are `(name, "In[f32, N]")`, `body` its statements. Every round is `(arrays by name, expected by name)`;
    parameters without an array in the round are outputs of the shape of what is expected. `ulps` 0 demands equal bits
    (all NaNs are one).
    """

    name: str
    params: dict[str, str]
    body: str
    rounds: list[tuple[dict, dict]]
    ulps: float = 0
    extra: str = ""
    kind: str = "kernel"

    def annotation(self, param):
        """The annotation of a parameter as source text."""
        direction, rest = re.fullmatch(r"(\w+)\[(.*)\]", self.params[param]).groups()
        dtype, *dims = [each.strip() for each in rest.split(",")]
        if direction == "Scalar":
            return f"Scalar[{dtype}]"
        shape = ", ".join([dtype, *(each if each.isdigit() else f'"{each}"' for each in dims)])
        return f"{direction}[Tensor[{shape}]]"

    def source(self):
        """The kernel's text."""
        params = ", ".join(f"{name}: {self.annotation(name)}" for name in self.params)
        body = "\n".join("    " + line for line in self.body.strip("\n").splitlines())
        return f"{self.extra}\n@{self.kind}\ndef {self.name}({params}) -> None:\n{body}\n\n"

    def places(self):
        """For every parameter the parameter of the entry that it takes: type, and which of that type."""
        seen: dict[str, int] = {}
        result = []
        for name in self.params:
            text = self.annotation(name)
            seen[text] = seen.get(text, 0) + 1
            result.append((text, seen[text]))
        return result

    def arguments(self, number):
        """Fresh arrays for a round, in order."""
        given, expected = self.rounds[number]
        result = []
        for name in self.params:
            value = given.get(name)
            if value is None:
                value = _poison(expected[name])
            result.append(value.copy() if isinstance(value, np.ndarray) else value)
        return result


def _poison(like):
    """An output full of what no kernel leaves there by accident."""
    array = np.empty_like(like, order="C")
    array.reshape(-1).view(np.uint8)[:] = 1 if array.dtype == np.bool_ else 0x7B
    return array


# Every dtype takes minutes of C++: a newcomer's run keeps the four that differ most, the gates run all.
LONG = os.environ.get("HTP_TEST_LONG") == "1"
RARER = ("f64", "bf16", "f8e4m3", "f8e5m2", "i64", "i16", "i8", "u64", "u32", "u16", "u8")


def batches(prefix, cases):
    """A batch for every list of cases; as soon as one is wanted, all are built, two at a time."""
    chosen = {
        name: [case for case in each if LONG or case.name.split("_")[-1] not in RARER] for name, each in cases.items()
    }
    made = {name: Batch(f"{prefix}_{name}", each) for name, each in chosen.items() if each}
    for each in made.values():
        each.siblings = tuple(made.values())
    return made


def parametrized(made):
    """The parameters `batch` and `case` of a test over all batches."""
    every = [pytest.param(batch, case, id=case.name) for batch in made.values() for case in batch.cases]
    return pytest.mark.parametrize(("batch", "case"), every)


def _dims(text):
    """The dtype and the dims of an annotation's text."""
    inner = text[text.index("[") + 1 :].replace("Tensor[", "").rstrip("]")
    dtype, *dims = [each.strip().strip('"') for each in inner.split(",")]
    return dtype, dims


def _unused(text, sizes):
    """An argument for a parameter that the case at hand does not use."""
    dtype, dims = _dims(text)
    if text.startswith("Scalar"):
        return NUMPY[dtype](0)
    shape = [eval(each, {name: sizes.get(name, 1) for name in re.findall(r"[A-Za-z_]\w*", each)}) for each in dims]
    return np.zeros(shape, NUMPY[dtype])


@dataclass
class Batch:
    """Cases compiled together; the results of every round are kept."""

    name: str
    cases: list[Case]
    results: dict = field(default_factory=dict)
    executable: Future | None = None
    siblings: tuple[Batch, ...] = ()
    failure: Exception | None = None

    @property
    def places(self):
        """The parameters of the entry: every type as often as a case needs it at once, with names."""
        every = sorted({place for case in self.cases for place in case.places()})
        return {place: f"p{number}" for number, place in enumerate(every)}

    def text(self):
        """The module that holds the kernels and a routine that calls the one it is asked for."""
        names = self.places
        params = ["which: Scalar[i64]", *(f"{name}: {text}" for (text, _), name in names.items())]
        calls = []
        for number, case in enumerate(self.cases):
            call = f"{case.name}({', '.join(names[each] for each in case.places())})"
            calls.append(f"    if which == {number}:\n        {call}\n")
        entry = "@routine\ndef everything(\n    " + ",\n    ".join(params) + ",\n) -> None:\n" + "".join(calls)
        return HEAD + "\n".join(each.source() for each in self.cases) + entry

    def module(self, folder):
        """The module, imported."""
        text = self.text()
        name = f"{self.name}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        if name not in sys.modules:
            path = folder / f"{name}.py"
            path.write_text(text)
            spec = importlib.util.spec_from_file_location(name, path)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    def outcome(self, case, folder):
        """What the compiled program leaves in the case's arrays, a list for every round."""
        if self.failure is not None:
            raise AssertionError(f"the batch {self.name} failed: {self.failure}") from None
        if not self.results:
            try:
                self.run(folder)
            except Exception as error:
                self.failure = error
                raise
        return self.results[case.name]

    def run(self, folder):
        if self.executable is None:
            for batch in (self, *self.siblings):
                batch.start(folder)
        executable = self.executable.result()
        for number, case in enumerate(self.cases):
            self.results[case.name] = []
            for each in range(len(case.rounds)):
                own = case.arguments(each)
                executable(number, *self.arguments(case, own))
                self.results[case.name].append(own)

    def arguments(self, case, own):
        """The arrays of a case where it wants them, and others of the sizes that the signature asks for."""
        at = dict(zip(case.places(), own, strict=True))
        sizes: dict[str, int] = {}
        for (text, _), value in at.items():
            if isinstance(value, np.ndarray):
                sizes.update(
                    {dim: size for dim, size in zip(_dims(text)[1], value.shape, strict=True) if dim.isidentifier()}
                )
        return [at[place] if place in at else _unused(place[0], sizes) for place in self.places]

    def start(self, folder):
        """Compiles to C++ here, and builds beside whatever this process does next."""
        if self.executable is None:
            package = htp.compile_program(self.module(folder).everything, target="cpu", out=folder / self.name)
            self.executable = BUILDERS.submit(htp.bind, package)

    def reference(self, case, folder):
        """What the NumPy meaning leaves in the case's arrays."""
        function = getattr(self.module(folder), case.name)
        every = []
        for number in range(len(case.rounds)):
            arguments = case.arguments(number)
            function(*arguments)
            every.append(arguments)
        return every

    def check(self, case, way, folder):
        """Compares every array of every round with what is expected, or with what it was."""
        every = self.outcome(case, folder) if way == "native" else self.reference(case, folder)
        for number, arrays in enumerate(every):
            given, expected = case.rounds[number]
            for name, found in zip(case.params, arrays, strict=True):
                wanted = expected.get(name, given.get(name))
                if isinstance(wanted, np.ndarray):
                    same(found, wanted, case.ulps if name in expected else 0, f"{case.name} round {number}: {name}")


def same(found, wanted, ulps, what):
    """Fails with the first differing elements unless both agree to `ulps` units in the last place."""
    assert found.shape == wanted.shape, what
    assert found.dtype == wanted.dtype, what
    bad = found != wanted if found.dtype.kind in "iub" else distance(found, wanted) > ulps
    if bad.any():
        places = np.argwhere(bad)[:5]
        shown = "; ".join(f"{tuple(map(int, at))}: {found[tuple(at)]!r} for {wanted[tuple(at)]!r}" for at in places)
        raise AssertionError(f"{what}: {bad.sum()} of {bad.size} differ: {shown}")


def distance(found, wanted):
    """Units in the last place between floats; NaNs are all the same, zeros of both signs too."""
    width = f"i{found.dtype.itemsize}"
    one, two = (np.ascontiguousarray(each).view(width).reshape(each.shape).astype(np.int64) for each in (found, wanted))
    low = -(1 << (8 * found.dtype.itemsize - 1))
    one, two = (np.where(each < 0, low - each, each) for each in (one, two))
    nans = [np.isnan(each.astype(np.float64)) for each in (found, wanted)]
    with np.errstate(over="ignore"):
        apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
    return np.where(nans[0] & nans[1], 0.0, np.where(nans[0] | nans[1], np.inf, apart))


def seeded(name):
    """Random numbers that depend on a name only."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def values(dtype, shape, name="", *, extreme=True, low=-4.0, high=4.0):
    """Random elements; with `extreme`, special values are strewn in."""
    rng = seeded(f"{name} {dtype} {shape}")
    kind = NUMPY[dtype]
    if dtype == "bool_":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype in INTEGERS:
        limits = np.iinfo(kind)
        if not extreme:
            return rng.integers(max(int(low), limits.min), int(high) + 1, shape).astype(kind)
        array = rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
        specials = np.array([0, 1, 2, 7, limits.max, limits.min, limits.max - 1, limits.min + 1], kind)
        small = rng.integers(-9 if limits.min else 0, 10, shape).astype(kind)
        array = np.where(rng.random(shape) < 0.4, small, array)
    else:
        array = rng.uniform(low, high, shape).astype(kind)
        if not extreme:
            return array
        info = ml_dtypes.finfo(kind)
        specials = np.array(
            [
                0.0,
                -0.0,
                np.inf,
                -np.inf,
                np.nan,
                info.max,
                info.min,
                info.smallest_subnormal,
                info.tiny,
                1.0,
                -1.0,
                0.5,
                2.5,
                -1.5,
                3.0,
            ],
            np.float64,
        ).astype(kind)
        wide = (rng.choice([-1, 1], shape) * np.exp(rng.uniform(-60, 60, shape))).astype(np.float64)
        with np.errstate(over="ignore"):
            array = np.where(
                rng.random(shape) < 0.2, wide.astype(np.float32).astype(kind) if dtype != "f64" else wide, array
            )
    chosen = specials[rng.integers(0, len(specials), shape)]
    return np.asarray(np.where(rng.random(shape) < 0.25, chosen, array)).astype(kind)


def wide(array):
    """Narrow floats as f32, everything else unchanged."""
    return (
        array.astype(np.float32)
        if array.dtype.name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
        else array
    )
