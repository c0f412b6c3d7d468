"""Programs that the language refuses: dtypes, shapes, outputs, and Python that no kernel has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from combination_kit import COPY, Case, source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def body(params: str, line: str) -> Callable[[Path], object]:
    """Compiles a kernel of one line."""
    return source(f"@kernel\ndef f({params}) -> None:\n    {line}\n")


COPIED = 'x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]'
ADDED = 'x: In[Tensor[f16, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]'
FACTORS = 'a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, {}, "N"]], c: Out[Tensor[f32, "M", "N"]]'

CASES: dict[int, Case] = {
    25: Case(
        "type.dtype-mismatch",
        body(ADDED, "z[:] = x[:] + y[:]"),
        body(ADDED, "z[:] = x[:].astype(f32) + y[:]"),
        ("f16", "f32", ".astype("),
        line="z[:] = x[:] + y[:]",
    ),
    26: Case(
        "type.shape-mismatch",
        body(FACTORS.format('"M"'), "c[:] = a[:, :] @ b[:, :]"),
        body(FACTORS.format('"K"'), "c[:] = a[:, :] @ b[:, :]"),
        ("K", "M"),
        line="c[:] = a[:, :] @ b[:, :]",
    ),
    27: Case(
        "type.out-partly-written",
        body(COPIED, "y[1:x.shape[0]] = x[1:x.shape[0]]"),
        body(COPIED, "y[0:x.shape[0]] = x[0:x.shape[0]]"),
        ("`y`", "starts at 1", "InOut"),
        line="y[1:x.shape[0]] = x[1:x.shape[0]]",
    ),
    33: Case(
        "capture.unsupported-syntax",
        body(COPIED, "y[:] = [each for each in x]"),
        source(COPY),
        ("comprehension",),
        line="y[:] = [each for each in x]",
    ),
}
