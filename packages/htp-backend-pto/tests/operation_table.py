"""The table of tile operations in the reference page: what it says, and what the compiler does.

Knows the page's form and the passes up to selected form; does not run anything.
"""

import re
from pathlib import Path

from htp import Refused
from htp.compilation import captured, choose_plan
from htp.passes import run_step
from htp.session import current_session
from htp.testing.operations import operation_kernel, operations

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ascend.md"
DTYPES = ("f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u32", "u16", "u8", "bool_")
ROW = re.compile(r"^\| (?P<names>`[^|]*`) \| (?P<dtypes>[^|]*) \|$", re.MULTILINE)


def refusal(kernel):
    """The code with which a kernel is refused on the way to selected form; empty where it is not."""
    session = current_session()
    try:
        program = captured(kernel, session, {}, None)
        target = session.target("pto:a2a3sim")
        plan = choose_plan(program, target, session, pins=(), forbids=(), written=None, strict=False)
        for step in plan.passes:
            program = run_step(step, program).program
            if step.name == "pto.select":
                break
    except Refused as refused:
        return refused.diagnostic.code
    return ""


def selected(op, dtypes):
    """The dtypes for which an operation has instructions, and the codes with which others are refused."""
    asked = [each for each in dtypes if each.name in DTYPES]
    codes = {each.name: refusal(operation_kernel(op, (each,))) for each in asked}
    return {name for name, code in codes.items() if not code}, {code for code in codes.values() if code}


def told():
    """Operations with the dtypes that the page says they have instructions for."""
    section = PAGE.read_text().split("## Operations")[1].split("\n## ")[0]
    found = {}
    for row in ROW.finditer(section):
        for name in re.findall(r"`(\w+)`", row["names"]):
            found[name] = set(re.findall(r"`(\w+)`", row["dtypes"]))
    return found


def made():
    """The same as the compiler has it."""
    return {op.name: selected(op, dtypes) for op, dtypes in operations()}
