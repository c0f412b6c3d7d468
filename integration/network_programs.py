"""The programs of `examples/networks/`: their entries, and the networks whose times are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from example_programs import ROOT, load

if TYPE_CHECKING:
    from types import ModuleType

    from htp.language import Definition

FOLDER = ROOT / "examples" / "networks"


@dataclass(frozen=True, eq=False)
class Flagship:
    """One file: the entry that computes what its reference does, and the network that it runs."""

    file: str
    entry: str
    network: str

    def __repr__(self) -> str:
        return self.file.removesuffix(".py")

    @cached_property
    def module(self) -> ModuleType:
        return load(FOLDER / self.file, f"network_{self!r}")

    def definition(self, name: str) -> Definition[..., None]:
        return getattr(self.module, name)

    def arguments(self, **options: object) -> tuple[list[object], np.ndarray]:
        """Arguments whose last one is an output full of NaN, and what it becomes, in float64."""
        inputs = self.module.inputs(**options)
        expected = self.module.golden(*inputs)
        return [*inputs, np.full(expected.shape, np.nan, np.float32)], expected

    def part(self) -> list[object]:
        """Arguments of the network that take as long as the file says."""
        given, _ = self.arguments()
        if self.entry == "attention":
            q, k, v, out = given
            return [q[0, :64].copy(), k[0], v[0], out[0, :64].copy()]
        return given

    def check(self, got: np.ndarray, expected: np.ndarray) -> None:
        """Fails when a result lies further from its reference than the file says."""
        assert np.abs(got - expected).max() <= self.module.TOLERANCE


FLAGSHIPS = (
    Flagship("pipeline.py", "squares", "squares"),
    Flagship("gemm.py", "gemm", "gemm"),
    Flagship("attention.py", "attention", "attend"),
    Flagship("multirate.py", "sums", "sums"),
    Flagship("feedback.py", "smooth", "smooth"),
    Flagship("cluster.py", "linear", "linear"),
    Flagship("serving.py", "serve", "tiers"),
)
