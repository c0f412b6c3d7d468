"""The demonstration programs with data of real size, and how far a result lies from float64.

Knows sizes and references; not how a program is compiled or timed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from htp_backend_cpu.demos import attention, gemm, rmsnorm, softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from htp.language import Definition


@dataclass(frozen=True, eq=False)
class Workload:
    """A program, the arguments before its one output, and the same computation on whole NumPy arrays."""

    name: str
    size: str
    entry: Definition[..., None]
    reference: Callable[..., npt.NDArray[np.floating]]
    inputs: tuple[npt.NDArray[np.float32] | float, ...]
    out_shape: tuple[int, ...]

    def arguments(self, out: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32] | float, ...]:
        """The inputs and `out`, in the order of the program's parameters."""
        return (*self.inputs, out)

    def expected(self) -> npt.NDArray[np.floating]:
        """The reference in float64."""
        return self.reference(
            *(each.astype(np.float64) if isinstance(each, np.ndarray) else each for each in self.inputs)
        )

    def error(self, got: npt.NDArray[np.floating], expected: npt.NDArray[np.floating]) -> float:
        """Largest difference from `expected`, as a part of its largest value; NaN when a NaN is anywhere."""
        return float(np.abs(got - expected).max() / np.abs(expected).max())


def workloads(seed: int = 0) -> list[Workload]:
    """The four programs at the sizes in their `size`, with normally distributed inputs."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal(prod(shape), np.float32).reshape(shape)

    heads = (1, 8, 1024, 64)
    return [
        Workload(
            "softmax", "4096 x 4096", softmax.softmax, softmax.numpy_reference, (normal(4096, 4096),), (4096, 4096)
        ),
        Workload(
            "rmsnorm",
            "4096 x 4096",
            rmsnorm.rmsnorm,
            rmsnorm.numpy_reference,
            (normal(4096, 4096), normal(4096)),
            (4096, 4096),
        ),
        Workload(
            "gemm bias gelu",
            "1024 x 1024 x 1024",
            gemm.gemm,
            gemm.numpy_reference,
            (normal(1024, 1024), normal(1024, 1024) / np.float32(32), normal(1024)),
            (1024, 1024),
        ),
        Workload(
            "causal attention",
            "B1 H8 S1024 D64",
            attention.attention,
            attention.numpy_reference,
            (normal(*heads), normal(*heads), normal(*heads), 0.125),
            heads,
        ),
    ]
