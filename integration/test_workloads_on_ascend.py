"""The workloads of `examples/workloads/` divided, bounded and turned into Ascend instructions, stage by stage."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_programs import ROOT, load

from htp.compilation import captured, choose_plan
from htp.passes import run_step
from htp.session import current_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.program import Program

PROGRAMS = {
    "bgemm": ("bgemm.py", {}, ("", "in_turn", "split_k")),
    "softmax_vocab": ("softmax_vocab.py", {}, ("", "by_rows")),
    "causal_attention": ("flash_attention.py", {"D": 16}, ("",)),
    "paged_decode": ("paged_decode.py", {"H": 8, "D": 64, "page": 16, "G": 2}, ("",)),
}


def arguments(name: str) -> list[object]:
    """Small inputs with tails, the same in every run; the last one is written."""
    rng = np.random.default_rng(3)

    def halves(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float16)

    if name == "bgemm":
        return [halves(2, 70, 64), halves(2, 64, 50), np.zeros((2, 70, 50), np.float32)]
    if name == "softmax_vocab":
        return [rng.standard_normal((20, 200)).astype(np.float32), np.zeros((20, 200), np.float32)]
    if name == "causal_attention":
        return [*(halves(1, 2, 100, 16) for _ in range(3)), 0.25, np.zeros((1, 2, 100, 16), np.float16)]
    module = load(ROOT / "examples" / "workloads" / "paged_decode.py", "ascend_paged")
    return [*module.inputs(lengths=(5, 70, 3)), np.zeros((3, 8, 64), np.float16)]


def lowered(name: str, schedule: str) -> Iterator[Program]:
    """The program as written, and behind each pass that makes kernels and instructions of it."""
    file, dims, _ = PROGRAMS[name]
    module = load(ROOT / "examples" / "workloads" / file, f"ascend_{name}")
    session = current_session()
    chosen = getattr(module, schedule) if schedule else None
    program = captured(getattr(module, name), session, dims, chosen)
    yield program
    target = session.target("pto:a2a3sim")
    plan = choose_plan(program, target, session, pins=(), forbids=(), written=None, strict=False)
    for step in plan.passes:
        program = run_step(step, program).program
        if step.name in ("pto.split", "pto.bound", "pto.select"):
            yield program
        if step.name == "pto.select":
            return


def ran(program: Program, given: list[object]) -> np.ndarray:
    """The last argument after a run of a stage's text."""
    text = program.text()
    file = f"ascend_{abs(hash(text))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module: dict[str, object] = {"__name__": "stage"}
    exec(compile(text, file, "exec"), module)
    copies = [each.copy() if isinstance(each, np.ndarray) else each for each in given]
    module[program.entry](*copies)
    return copies[-1].astype(np.float64)


@pytest.mark.parametrize(
    ("name", "schedule"), [(name, each) for name, (_, _, schedules) in PROGRAMS.items() for each in schedules]
)
def test_every_stage_up_to_instructions_means_the_same(name: str, schedule: str) -> None:
    given = arguments(name)
    first, *rest = lowered(name, schedule)
    wanted = ran(first, given)
    assert len(rest) == 3
    for each in rest:
        np.testing.assert_array_equal(ran(each, given), wanted)


def test_each_task_of_a_divided_call_is_told_what_the_call_was_told() -> None:
    *_, last = lowered("causal_attention", "")
    lines = [line.strip().split("  #")[0] for line in last.text().split("@routine")[1].splitlines()]
    tasks = [number for number, line in enumerate(lines) if line.startswith("task(")]
    assert len(tasks) == 10  # start, four parts of both kinds of block, of which the last is the same, and the end
    calls = [lines[number + 1].split("(")[0] for number in tasks]
    assert calls == [
        "start", "attend_0", "attend_1", "attend_2", "attend_3",
        "attend_diagonal_0", "attend_diagonal_1", "attend_diagonal_2", "attend_3", "finish",
    ]  # fmt: skip
