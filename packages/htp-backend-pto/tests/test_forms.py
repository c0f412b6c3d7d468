"""The facts of this backend: each is false of a program that a pass would have spoiled, and the reason is said."""

import pytest
from pto_stages import example, stages

from htp import Refused
from htp.capture import parse_program
from htp_backend_pto.forms import Bounded, Divided, Selected

FOUND = {}


def text(name):
    if not FOUND:
        FOUND.update(stages(example("gemm.py", "gemm")))
    return FOUND[name].text()


@pytest.mark.parametrize(
    ("stage", "fact", "old", "new", "reason"),
    [
        ("pto.split", Divided(), "@routine", "@kernel", "the entry `gemm` is a kernel"),
        ("pto.split", Divided(), "t5: Tile[f32, \"m\", \"n\"] = acc + t4",
         "t5: Tile[f32, \"m\", \"n\"] = tile.dot(acc, acc)", "computes products and `tile.gelu`"),
        ("pto.bound", Bounded(), "ub(64, 256)]", "ub(64, 248)]", "may need more than 248 for n"),
        ("pto.bound", Bounded(), ", ub(1, 256)]", "]", "has no rows and columns of a known room"),
        ("pto.bound", Bounded(), "ub(1, 256)", "ub(1, 257)", "no multiple of 32 bytes"),
        ("pto.select", Selected(isa="pto"), "pto.exp(t_5)", "t_5", "is no instruction"),
        ("pto.select", Selected(isa="pto"), "pto.mul(t5, t5)", "pto.mul(pto.exp(t5), t5)", "is no operand"),
        ("pto.select", Selected(isa="pto"), "l0b(32, 256, box=8)", "l0a(32, 256, box=8)", "`b` is zn"),
        ("pto.select", Selected(isa="pto"), "l0c(64, 256)", 'l1(64, 256, "zn")', "has form zn"),
        ("pto.select", Selected(isa="pto"), "ub(1, 256)", 'l1(1, 256, "nd")', "no route through ub ub l1"),
    ],
)  # fmt: skip
def test_a_spoiled_program_is_found_out(stage, fact, old, new, reason):
    fact.verify(parse_program(text(stage), "program.py"))
    assert old in text(stage)
    with pytest.raises(Refused) as caught:
        fact.verify(parse_program(text(stage).replace(old, new), "program.py"))
    assert caught.value.code == "plan.broken-promise"
    assert reason in caught.value.diagnostic.message
