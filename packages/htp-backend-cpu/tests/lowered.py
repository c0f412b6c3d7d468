"""Programs given as text, lowered by single passes.

Knows how a snippet becomes a program and how its body is shown; the snippets are in `test_lower_*.py`.
"""

from __future__ import annotations

import ast
import textwrap

from htp.capture import parse_program

HEAD = """from htp import In, InOut, Out, Scalar, Tensor, Tile, bool_, f16, f32, i32, i64, kernel, tile
from htp.loops import alloc, argmax_row, checked, iota, mma, parallel, strips


@kernel
"""


def program(text):
    """The program of one kernel."""
    return parse_program(HEAD + textwrap.dedent(text), "user.py")


def body(program):
    """The statements of the first kernel as text."""
    return ast.unparse(ast.Module(list(program.functions[0].body), []))


def after(text, *passes):
    """The body behind the passes."""
    lowered = program(text)
    for each in passes:
        lowered = each.apply(lowered)
    return body(lowered)


def same_text(one, two):
    """Whether two programs have the same statements; `two` is a snippet."""
    return one == body(program(two))


def loops(text, kind="range"):
    """How many loops over `kind` the text has."""
    calls = (each.iter for each in ast.walk(ast.parse(text)) if isinstance(each, ast.For))
    return sum(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == kind for each in calls
    )


def buffers(text):
    """The buffers that the text allocates: name and annotation."""
    found = (
        each
        for each in ast.walk(ast.parse(text))
        if isinstance(each, ast.AnnAssign) and isinstance(each.value, ast.Call)
    )
    return {
        each.target.id: ast.unparse(each.annotation)
        for each in found
        if isinstance(each.value.func, ast.Name) and each.value.func.id == "alloc" and isinstance(each.target, ast.Name)
    }
