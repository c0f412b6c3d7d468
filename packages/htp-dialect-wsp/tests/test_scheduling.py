"""The pass `wsp.schedule`: one recorded rewrite for each directive, in order, and what it promises."""

import pytest
from scheduling_kit import agree, body, inscribed, poison, random, scheduled

from htp import In, InOut, Out, Tensor, empty, f32, kernel
from htp.capabilities import DirectiveUse
from htp.diagnostics import Refused
from htp.passes import run_step
from htp.testing import PassConformance
from htp_dialect_wsp import P, round_robin, workload
from htp_dialect_wsp import scheduled as directives
from htp_dialect_wsp.capabilities import Scheduled
from htp_dialect_wsp.directives.runtime import RUNTIME
from htp_dialect_wsp.directives.table import REWRITES
from htp_dialect_wsp.scheduling import ApplySchedule
from htp_dialect_wsp.workloads import DIRECTIVES


@kernel
def double(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    y[:] = x[:] * 2.0


@workload
def grid(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M, N = x.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        double(x[i:i + 4, j:j + 8], y[i:i + 4, j:j + 8])


@kernel
def add(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "m", "n"]]) -> None:
    y[:] = y[:] + x[:]


@workload
def tiled(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    directives.tile("i", 3, tail="mask")
    directives.split("j", 2)
    directives.vectorize("j_i", 2)
    directives.dispatch(round_robin(workers=2))
    M, N = x.shape
    for i, j in P(range(0, M, 4), range(0, N, 8)):
        double(x[i:i + 4, j:j + 8], y[i:i + 4, j:j + 8])


@workload
def staged(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "M", 8]], z: InOut[Tensor[f32, 1, 8]]) -> None:
    directives.pipeline("k", 2)
    directives.unroll("k", 3)
    directives.reduce("r", "+")
    directives.buffer("x", "scratch")
    M = x.shape[0]
    row = empty((1, 8), f32)
    for k in P.seq(M):
        double(x[k:k + 1, :], row)
        add(row, y[k:k + 1, :])
    for r in P.seq(range(0, 1)):
        add(x[r:r + 1, :], z)


PLAN = (
    "tile('i', 2, tail='mask')", "dispatch(round_robin(workers=2))", "reorder('j', 'i_o', 'i_i')", "unroll('i_i', 2)",
    "prefer.swizzle('j', 8)", "after('double', 'double')",
)  # fmt: skip


class TestConformance(PassConformance):
    subject = ApplySchedule()
    programs = (tiled, staged)


def test_every_directive_has_one_meaning():
    assert {*REWRITES, *RUNTIME, "prefer"} == set(DIRECTIVES)
    assert not set(REWRITES) & set(RUNTIME)


def test_each_rewrite_is_recorded_at_its_line():
    result = run_step(ApplySchedule(), inscribed(grid, *PLAN[:5]))
    found = [(each.rule, each.span.line, each.before) for each in result.matches]
    assert found == [
        ("wsp.tile", 100, "scheduled.tile('i', 2, tail='mask')"),
        ("wsp.reorder", 102, "scheduled.reorder('j', 'i_o', 'i_i')"),
        ("wsp.unroll", 103, "scheduled.unroll('i_i', 2)"),
    ]
    assert result.added == {Scheduled()}


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_part_of_the_rewrites_can_be_applied(limit):
    program = scheduled(grid, *PLAN[:5], limit=limit)
    left = [each for each in body(program) if each.startswith("scheduled.")]
    kept = {0: PLAN[:5], 1: PLAN[1:5], 2: (PLAN[1], *PLAN[3:5])}[limit]
    assert left == [f"scheduled.{each}" for each in kept]


def test_what_is_left_in_the_program():
    program = scheduled(grid, *PLAN[:5])
    assert {each.name for each in program.uses if isinstance(each, DirectiveUse)} == {"dispatch", "prefer.swizzle"}
    agree(grid, [random(17, 33), poison(17, 33)], *PLAN[:5])


def test_it_needs_a_checked_nest():
    with pytest.raises(Refused) as caught:
        run_step(ApplySchedule(), inscribed(grid, "tile('i', 2)").with_facts(drop=ApplySchedule.requires))
    assert caught.value.code == "plan.missing-fact"


def test_the_program_that_is_given_stays_as_it_is():
    before = inscribed(grid, *PLAN[:5])
    text = before.text()
    ApplySchedule().apply(before)
    assert before.text() == text
