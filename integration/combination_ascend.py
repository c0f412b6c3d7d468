"""Programs that do not fit the memories and the runtime of Ascend."""

from __future__ import annotations

from combination_kit import Case, scheduled, source

WINDOW = """
    @kernel
    def double(x: In[Tensor[f32, 8, 64]], y: Out[Tensor[f32, 8, 64]]) -> None:
        y[:] = x[:] * 2.0


    @workload
    def f(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]]) -> None:
        for i in P(range(0, 32, 8)):
            double(x[i:i + 8, :], y[i:i + 8, :])


    @schedule(f)
    def s(s) -> None:
        s.task_window(3)
"""
LARGE = """
    @kernel
    def f(x: In[Tensor[f32, "M", 512]], y: Out[Tensor[f32, "M", 512]]) -> None:
        for i in range(0, x.shape[0], 64):
            rows = x[i:i + 64, :]
            y[i:i + 64, :] = rows / tile.sum(rows, axis=1, keepdims=True)
"""
MEMORIES = """
    from htp import Tile
    from htp_backend_pto import pto
    from htp_backend_pto.layouts import l1, ub


    @kernel
    def f(a: In[Tensor[f16, 16, 100]], b: In[Tensor[f16, 100, 16]], c: Out[Tensor[f32, 16, 16]]) -> None:
        left: Tile[f16, 16, 100, l1(16, 112)] = pto.load(a)
        c[:] = pto.store(pto.matmul(pto.mov(left), pto.mov(pto.load(b))))
"""
ROWS = """
    from htp import Tile
    from htp_backend_pto import pto
    from htp_backend_pto.layouts import ub


    @kernel
    def f(x: In[Tensor[f16, 16, 100]], y: Out[Tensor[f16, 16, 100]]) -> None:
        rows: Tile[f16, 16, 100, ub(16, 112)] = pto.load(x)
        y[:] = pto.store(rows)
"""

CASES: dict[int, Case] = {
    7: Case(
        "pto.ub-overflow",
        source(LARGE, target="pto:a2a3"),
        source(LARGE.replace("64", "32"), target="pto:a2a3"),
        ("`rows`", "131072 bytes", "take 32 rows at a time instead of 64"),
        line="y[i:i + 64, :] = rows /",
    ),
    15: Case(
        "pto.window",
        scheduled(WINDOW.replace("(3)", "(2)"), target="pto:a2a3"),
        scheduled(WINDOW, target="pto:a2a3"),
        ("smallest window holds 3 tasks", "ask for 3 or more"),
        line="s.task_window(2)",
    ),
    31: Case(
        "pto.wrong-memory",
        source(MEMORIES.replace("pto.mov(left)", "left"), target="pto:a2a3"),
        source(MEMORIES, target="pto:a2a3"),
        ("`pto.matmul`", "L0A", "l1(16, 112)", "pto.mov(left)"),
        line="pto.matmul(left,",
    ),
    32: Case(
        "pto.bad-tile",
        source(ROWS.replace("ub(16, 112)", "ub(16, 100)"), target="pto:a2a3"),
        source(ROWS, target="pto:a2a3"),
        ("200 bytes", "32 bytes", "pad it to 112 elements"),
        line="ub(16, 100)",
    ),
}
