"""What a pass knows of a program stands in its text: from the text of the stage before it makes the same."""

import re
from dataclasses import replace

import differential_programs
import pytest

from htp.capture import parse_program
from htp.compilation import captured, choose_plan
from htp.passes import run_step
from htp.session import current_session

PLACES = re.compile(r"\w+\.py:\d+|lines? \d+( to \d+)?")


def bare(program):
    """The text without places, which are those of the text that was read."""
    return [PLACES.sub("…", line.split("  #")[0].rstrip()) for line in program.text().splitlines()]


@pytest.mark.parametrize(
    "name", ["softmax", "gemm_f32", "bgemm:split_k", "predicates", "blocks:mapped", "squares", "cluster_linear"]
)
def test_passes_make_the_same_of_a_program_and_of_its_text(name):
    session, case = current_session(), differential_programs.case(name)
    program = captured(case.definition, session, case.dims, case.schedule)
    target = session.target("pto:a2a3sim")
    plan = choose_plan(program, target, session, pins=case.pins, forbids=(), written=None, strict=False)
    assert len(plan.passes) > 8
    for step in plan.passes:
        read = replace(parse_program(program.text(), "read.py"), facts=program.facts, uses=program.uses)
        after = run_step(step, program, verify=False).program
        assert bare(run_step(step, read, verify=False).program) == bare(after), step.name
        program = after
