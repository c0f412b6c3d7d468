"""Counting what a program's kernels do, when their package is made.

Knows how the parts of a kernel's figures come together.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from htp_backend_pto.figures.memory import memory_of
from htp_backend_pto.figures.records import Figures, KernelFigures
from htp_backend_pto.figures.traffic import traffic_of
from htp_backend_pto.steps import steps_in, tile_names, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.program import Function
    from htp_backend_pto.emission.kernels import KernelSource

__all__ = ["figures_of"]


def figures_of(kernels: Iterable[tuple[Function, KernelSource]], notes: Mapping[str, str]) -> Figures:
    """The figures of all kernels; `notes` are those that there are, by kernel."""
    found = (_kernel(function, source.core, notes.get(function.name, "")) for function, source in kernels)
    return Figures(kernels=tuple(found))


def _kernel(function: Function, core: str, note: str) -> KernelFigures:
    types = tile_names(function.body)
    instructions: dict[str, Counter[str]] = {}
    for step in steps_in(function.body):
        if step.moves:
            instructions.setdefault(step.pipe(types), Counter())[step.instruction.cpp] += 1
    words = Counter(
        found[0]
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.stmt) and (found := word_of(node)) is not None
    )
    return KernelFigures(
        kernel=function.name,
        core=core,
        instructions={pipe: dict(sorted(found.items())) for pipe, found in sorted(instructions.items())},
        traffic=traffic_of(function.body, function.params, types),
        memory=memory_of(function.body),
        flags=words["wait_flag"],
        barriers=words["pipe_barrier"],
        note=note,
    )
