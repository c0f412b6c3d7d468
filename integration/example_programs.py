"""The programs of `examples/` with the sizes they are tried on, and arrays for them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from htp.types import ScalarType, numpy_dtype

if TYPE_CHECKING:
    from types import ModuleType

    from htp.language import Definition

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """Arguments of one call in the order of the parameters, and which of them are written."""

    arguments: list[object]
    written: list[int]

    @property
    def outputs(self) -> list[np.ndarray]:
        """The written arrays."""
        return [self.arguments[index] for index in self.written]

    def fresh(self) -> Case:
        """The same inputs in new memory; what is written starts as NaN again."""
        arguments = [each.copy() if isinstance(each, np.ndarray) else each for each in self.arguments]
        for index in self.written:
            arguments[index][...] = np.nan
        return Case(arguments, self.written)


@dataclass(frozen=True, eq=False)
class Example:
    """One file of `examples/`: the entry, sizes that matter for its tiles, one small tile, and just over one tile."""

    file: str
    entry: str
    sizes: tuple[dict[str, int], ...]
    small: dict[str, int]
    over: dict[str, int]

    def __repr__(self) -> str:
        return self.entry

    @property
    def path(self) -> Path:
        return ROOT / "examples" / self.file

    @cached_property
    def module(self) -> ModuleType:
        return load(self.path, f"example_{self.entry}")

    @property
    def definition(self) -> Definition[..., None]:
        return getattr(self.module, self.entry)

    def case(self, sizes: dict[str, int], seed: int = 0) -> Case:
        """Normally distributed arrays of these sizes; matrices are scaled so that products stay near one."""
        return case_for(self.definition, sizes, seed)

    def expected(self, case: Case) -> np.ndarray:
        """The example's own NumPy reference, in float64."""
        inputs = [each for index, each in enumerate(case.arguments) if index not in case.written]
        return self.module.numpy_reference(
            *(each.astype(np.float64) if isinstance(each, np.ndarray) else each for each in inputs)
        )


def case_for(definition: Definition[..., None], sizes: dict[str, int], seed: int) -> Case:
    """Arrays for any kernel or routine: normally distributed inputs, NaN where it writes."""
    rng = np.random.default_rng([seed, *sizes.values()])
    arguments: list[object] = []
    written: list[int] = []
    for index, param in enumerate(definition.params):
        if isinstance(param.type, ScalarType):
            arguments.append(0.125)
            continue
        shape = tuple(each.evaluate(sizes) for each in param.type.dims)
        if param.direction == "out":
            written.append(index)
            arguments.append(np.full(shape, np.nan, numpy_dtype(param.type.dtype)))
        else:
            arguments.append(rng.standard_normal(shape).astype(numpy_dtype(param.type.dtype)))
    return Case(arguments, written)


def load(path: Path, name: str) -> ModuleType:
    """A Python file as a module of this process."""
    described = importlib.util.spec_from_file_location(name, path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[name] = module
    described.loader.exec_module(module)
    return module


def distance(got: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference as a part of the largest expected value; NaN where one side alone is NaN."""
    if expected.size == 0:
        return 0.0
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-30))


EXAMPLES = (
    Example(
        "softmax.py",
        "softmax",
        ({"M": 100, "N": 33}, {"M": 64, "N": 128}, {"M": 1, "N": 1}, {"M": 65, "N": 1000}, {"M": 0, "N": 7}),
        {"M": 5, "N": 19},
        {"M": 70, "N": 17},
    ),
    Example(
        "rmsnorm.py",
        "rmsnorm",
        ({"M": 100, "N": 33}, {"M": 64, "N": 128}, {"M": 1, "N": 1}, {"M": 65, "N": 1000}, {"M": 0, "N": 7}),
        {"M": 5, "N": 19},
        {"M": 70, "N": 17},
    ),
    Example(
        "gemm.py",
        "gemm",
        (
            {"M": 100, "N": 300, "K": 270},
            {"M": 64, "N": 256, "K": 256},
            {"M": 1, "N": 1, "K": 1},
            {"M": 65, "N": 257, "K": 513},
            {"M": 0, "N": 5, "K": 3},
            {"M": 3, "N": 5, "K": 0},
        ),
        {"M": 5, "N": 19, "K": 7},
        {"M": 70, "N": 260, "K": 3},
    ),
    Example(
        "attention.py",
        "attention",
        (
            {"B": 1, "H": 2, "S": 100, "D": 16},
            {"B": 2, "H": 1, "S": 128, "D": 64},
            {"B": 1, "H": 1, "S": 1, "D": 1},
            {"B": 1, "H": 3, "S": 65, "D": 33},
            {"B": 0, "H": 3, "S": 65, "D": 33},
        ),
        {"B": 1, "H": 1, "S": 5, "D": 7},
        {"B": 1, "H": 2, "S": 70, "D": 3},
    ),
    Example(
        "mlp_routine.py",
        "mlp",
        ({"M": 300, "D": 48, "F": 96}, {"M": 256, "D": 64, "F": 256}, {"M": 1, "D": 1, "F": 1}),
        {"M": 5, "D": 7, "F": 19},
        {"M": 260, "D": 3, "F": 5},
    ),
)
