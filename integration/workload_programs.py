"""The programs of `examples/workloads/` with their schedules, tolerances, and how many tasks they have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from example_programs import ROOT, load

if TYPE_CHECKING:
    from types import ModuleType

    from htp.language import Definition

LONG = os.environ.get("HTP_TEST_LONG") == "1"
FOLDER = ROOT / "examples" / "workloads"


@dataclass(frozen=True, eq=False)
class Flagship:
    """One workload of a file: the names of its schedules, its reference and tolerance, and its tasks by kernel.

    A schedule in `reassociates` may change the last digits; all others leave every bit as it is. The long run builds
    the workload under every schedule and under none, the usual run under those in `usual`.
    """

    file: str
    entry: str
    tasks: dict[str, int]
    usual: tuple[str, ...]
    schedules: tuple[str, ...]
    reassociates: tuple[str, ...] = ()
    reference: str = "golden"
    tolerance: str = "TOLERANCE"

    def __repr__(self) -> str:
        return self.entry

    @cached_property
    def module(self) -> ModuleType:
        return load(FOLDER / self.file, f"workload_{self.file.removesuffix('.py')}")

    @property
    def definition(self) -> Definition[..., None]:
        return getattr(self.module, self.entry)

    @property
    def built_under(self) -> tuple[str, ...]:
        """The schedules under which it is built in this run; the empty name stands for none."""
        return ("", *self.schedules) if LONG else self.usual

    def schedule(self, name: str) -> object:
        """The schedule of that name; none for the empty name."""
        return getattr(self.module, name) if name else None

    def arguments(self, **options: object) -> tuple[list[object], np.ndarray]:
        """Arguments whose last one is an output full of NaN, and what it becomes, in float64."""
        inputs = self.module.inputs(**options)
        expected = getattr(self.module, self.reference)(*inputs)
        type_ = self.definition.params[-1].type
        return [*inputs, np.full(expected.shape, np.nan, type_.dtype.name.replace("f", "float"))], expected

    def check(self, got: np.ndarray, expected: np.ndarray) -> None:
        """Fails when a result lies further from its reference than the file says."""
        assert np.abs(got - expected).max() <= getattr(self.module, self.tolerance)


# Counted by hand from the sizes in `inputs`; a product has a factor for every loop.
FLAGSHIPS = (
    Flagship(
        "bgemm.py", "bgemm", {"clear": 4 * 4 * 4, "accumulate": 4 * 4 * 4 * 4}, ("", "split_k"),
        ("in_turn", "by_rows", "by_columns", "split_k"), reassociates=("split_k",),
    ),
    Flagship(
        "softmax_vocab.py", "softmax_vocab", {"start": 4, "include": 4 * 32, "scale": 4 * 32}, ("by_rows",),
        ("by_rows", "streamed", "in_strips"),
    ),
    Flagship(
        "flash_attention.py", "attention", {"start": 4 * 8, "attend": 4 * 8 * 8, "finish": 4 * 8}, (), ("by_heads",)
    ),
    Flagship(
        "flash_attention.py", "causal_attention",
        {"start": 4 * 8, "attend": 4 * 28, "attend_diagonal": 4 * 8, "finish": 4 * 8}, ("longest_first",),
        ("longest_first",), reference="causal_golden", tolerance="CAUSAL_TOLERANCE",
    ),
    Flagship("flash_attention.py", "fused_attention", {"attend_all": 4 * 8}, (), ("positions_first",)),
    Flagship(  # 2, 4, 9, 16, 1, 32, 3 and 13 pages in pieces of 4, for 2 heads of keys and values
        "paged_decode.py", "paged_decode",
        {"start": (23 + 8) * 2, "attend": 80 * 2, "merge": 23 * 2, "finish": 8 * 2}, ("stolen",),
        ("stolen", "by_requests"),
    ),
    Flagship(  # how many tiles the experts have follows from the inputs: the test counts them
        "moe.py", "moe", {"route": 4, "group": 1, "feed_forward": 0, "gather": 4}, ("by_experts",),
        ("by_experts", "stolen"),
    ),
    Flagship(
        "llama_block.py", "llama_block",
        {
            "normalize_rows": 2 * 4, "project_tile": 4 * 4 + 2 * 4 * 2 + 2 * 4 * 8, "rotate_head": 4 * 8 + 4 * 4,
            "start": 8 * 4, "attend": 8 * 6, "attend_diagonal": 8 * 4, "project_onto_tile": 2 * 4 * 4,
            "activate_tile": 4 * 4,
        },
        ("in_turn",), ("in_turn", "stolen"),
    ),
)  # fmt: skip
