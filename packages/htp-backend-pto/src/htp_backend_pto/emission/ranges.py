"""Python's ranges as heads of loops in C++.

Knows which way a range counts; does not know what stands in the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.emission.scalars import SUM, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["range_bounds", "range_head"]


def range_bounds(given: Sequence[Text]) -> tuple[Text, Text, Text]:
    """Where a range begins, where it ends, and its step, from what `range` is called with."""
    zero, one = Text("0", "int"), Text("1", "int")
    start, stop, step = (zero, given[0], one) if len(given) == 1 else (*given, one)[:3]
    return start, stop, step


def range_head(variable: str, start: Text, stop: Text, step: Text) -> str:
    """The head of the loop: it counts down where the step is negative, and asks where nobody can know before."""
    turn = f"++{variable}" if step.cpp == "1" else f"{variable} += {step.cpp}"
    below, above = (f"{variable} {sign} {stop.within(SUM)}" for sign in "<>")
    if step.cpp.lstrip("-").isdecimal():
        test = above if step.cpp.startswith("-") else below
    else:
        test = f"{step.within(SUM)} > 0 ? {below} : {above}"
    return f"for (int64_t {variable} = {start.cpp}; {test}; {turn}) {{"
