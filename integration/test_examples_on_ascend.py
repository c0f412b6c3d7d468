"""Every program of `examples/` and `examples/workloads/` compiled for Ascend and run on the host stand-in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import EXAMPLES, Example, distance
from workload_programs import FLAGSHIPS, FOLDER, Flagship

import htp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TARGET = "pto:a2a3sim"
DIMS = {
    "softmax": {"N": 17},
    "rmsnorm": {"N": 17},
    "attention": {"D": 3},
    "mlp": {"D": 3, "F": 5},
}
"""Sizes that Ascend has to know before, of the examples."""
WORKLOAD_ERRORS = {
    "bgemm": 1.8e-7,
    "softmax_vocab": 1.2e-7,
    "attention": 1.7e-4,
    "causal_attention": 1.8e-4,
    "fused_attention": 1.7e-4,
    "paged_decode": 3.8e-4,
    "moe": 4.0e-4,
    "llama_block": 5.2e-4,
}
EXAMPLE_ERRORS = {"softmax": 7.0e-8, "rmsnorm": 1.5e-7, "gemm": 8.4e-8, "attention": 4.4e-8, "mlp": 1.3e-7}
"""Measured on the inputs of this file, as `distance`; a result may be `MARGIN` times as far. The output of the first
two workloads and of all examples is f32, that of the others f16, of which one rounding is 4.9e-4."""
MARGIN = 4


def small(flagship: Flagship) -> tuple[dict[str, int], list[object]]:
    """The sizes that are given before, and inputs of few elements with tails, the same in every run."""
    rng = np.random.default_rng(11)
    halves = partial(normal, rng)
    match flagship.entry:
        case "bgemm":
            return {}, [halves(2, 70, 64), halves(2, 64, 50)]
        case "softmax_vocab":
            return {}, [rng.standard_normal((20, 200)).astype(np.float32)]
        case "attention" | "causal_attention" | "fused_attention":
            return {"D": 16}, [*(halves(1, 2, 100, 16) for _ in range(3)), 0.25]
        case "paged_decode":
            return {"H": 8, "D": 64, "page": 16, "G": 2}, [*flagship.module.inputs(lengths=(5, 70, 3))]
        case "moe":
            weights = halves(4, 32, 64, scale=0.2), halves(4, 32, 64, scale=0.2), halves(4, 64, 32, scale=0.1)
            return {"T": 33, "E": 4, "H": 32, "F": 64}, [halves(33, 32), halves(32, 4, scale=0.2), *weights]
        case _:
            return {"D": 64, "N": 64, "M": 32, "F": 96, "half": 8}, _block(halves)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (rng.standard_normal(shape) * scale).astype(np.float16)


def _block(halves: Callable[..., np.ndarray]) -> list[object]:
    """Forty positions of 64: four heads of eight pairs, two of them for keys and values."""
    S, D, M, F, d = 40, 64, 32, 96, 16
    angles = np.arange(S)[:, None] * 100.0 ** (-np.arange(0, d, 2) / d)
    scale = D**-0.5
    return [
        halves(S, D), 1 + halves(D, scale=0.1), halves(D, D, scale=scale), halves(D, M, scale=scale),
        halves(D, M, scale=scale), halves(D, D, scale=scale), 1 + halves(D, scale=0.1), halves(D, F, scale=scale),
        halves(D, F, scale=scale), halves(F, D, scale=scale), np.cos(angles).astype(np.float32),
        np.sin(angles).astype(np.float32), d**-0.5,
    ]  # fmt: skip


@pytest.mark.parametrize("flagship", FLAGSHIPS, ids=repr)
def test_a_workload_computes_what_its_reference_does(flagship: Flagship, tmp_path: Path) -> None:
    dims, inputs = small(flagship)
    expected = getattr(flagship.module, flagship.reference)(*inputs)
    out = np.full(expected.shape, np.nan, flagship.definition.params[-1].type.dtype.name.replace("f", "float"))
    package = htp.compile_program(flagship.definition, target=TARGET, dims=dims, out=tmp_path / "package")
    htp.bind(package, mode="sim")(*inputs, out)
    assert distance(out, expected) <= MARGIN * WORKLOAD_ERRORS[flagship.entry]


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_an_example_computes_what_its_reference_does(example: Example, tmp_path: Path) -> None:
    case = example.case(example.over).fresh()
    dims = DIMS.get(example.entry, {})
    package = htp.compile_program(example.definition, target=TARGET, dims=dims, out=tmp_path / "package")
    htp.bind(package, mode="sim")(*case.arguments)
    far = distance(case.outputs[0], example.expected(case))
    assert far <= MARGIN * EXAMPLE_ERRORS[example.entry]


def test_every_file_is_tried() -> None:
    assert {each.name for each in FOLDER.glob("*.py")} == {each.file for each in FLAGSHIPS}
    assert {each.name for each in FOLDER.parent.glob("*.py")} == {each.file for each in EXAMPLES}
