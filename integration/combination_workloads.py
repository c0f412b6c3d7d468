"""Workloads and schedules that would change what is computed."""

from __future__ import annotations

from combination_kit import Case, scheduled

RACE = """
    @kernel
    def add(x: In[Tensor[f32, 8]], total: InOut[Tensor[f32, 8]]) -> None:
        total[:] = total[:] + x[:]


    @workload
    def f(x: In[Tensor[f32, 32]], total: InOut[Tensor[f32, 8]]) -> None:
        for i in P(range(0, 32, 8)):
            add(x[i:i + 8], total)
"""
SKEWED = """
    @kernel
    def step(before: In[Tensor[f32, 1, 1]], now: Out[Tensor[f32, 1, 1]]) -> None:
        now[:] = before[:] + 1.0


    @workload
    def f(x: InOut[Tensor[f32, 8, 8]]) -> None:
        for i in P.seq(range(1, 8)):
            for j in P.seq(range(0, 7)):
                step(x[i - 1:i, j + 1:j + 2], x[i:i + 1, j:j + 1])


    @schedule(f)
    def s(s) -> None:
        i, j = s.loop("i"), s.loop("j")
"""

CASES: dict[int, Case] = {
    18: Case(
        "wsp.parallel-race",
        scheduled(RACE),
        scheduled(RACE.replace("P(range", "P.seq(range")),
        ("(i=0) and (i=8)", "both write total[0:8]"),
        "for i in P(",
    ),
    19: Case(
        "wsp.reorder",
        scheduled(SKEWED + "        s.reorder(j, i)\n"),
        scheduled(SKEWED + "        s.tile(i, 2, tail='mask')\n"),
        ("(1, -1)",),
        "s.reorder(j, i)",
    ),
}
