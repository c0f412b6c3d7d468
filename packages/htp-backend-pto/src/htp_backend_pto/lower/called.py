"""Calls of instructions in a program: which they are, on what, and what keeps a target from carrying them out.

Knows calls and their types; what a variant asks is in `isa/rules.py`.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.foreign import intrinsic_called, intrinsic_named
from htp.infer.engine import infer
from htp.infer.values import Index, Region, Value
from htp.program import origin_of
from htp.types import DTypeForm, ScalarForm, TileForm
from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.isa.rules import PRODUCTS, Call, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Refused
    from htp.infer.state import Inference
    from htp.infer.values import Known
    from htp.intrinsics import Intrinsic
    from htp.program import Function, Program
    from htp_backend_pto.isa import Variant

__all__ = ["calls_in", "illegal"]

SET = "pto."
CUBE = ("pto.mov", "pto.extract", "pto.img2col", *(f"pto.{each}" for each in PRODUCTS))


def illegal(program: Program, *variants: Variant) -> Iterator[Refused]:
    """What keeps each of some variants from carrying out instructions of a program."""
    for function in program.functions:
        for call in calls_in(program, function):
            found = [next(problems(call, each), None) for each in variants]
            if found[0] is not None and None not in found:
                yield found[0]


def calls_in(program: Program, function: Function) -> Iterator[Call]:
    """The calls of instructions in a function, in order."""
    nodes = [node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call)]
    named = [(node, name) for node in nodes if (name := intrinsic_called(node)) and name.startswith(SET)]
    if not named:
        return
    known, to_cube = infer(program, function), _to_cube(function, [node for node, _ in named])
    for node, name in named:
        intrinsic = intrinsic_named(name)
        if intrinsic is not None and id(node) in known.intrinsics:
            yield replace(_call(node, intrinsic, known), for_cube=id(node) in to_cube)


def _to_cube(function: Function, calls: list[ast.Call]) -> set[int]:
    """The calls whose results are operands of moves to the cube unit, there or by name."""
    taken = [each for node in calls if intrinsic_called(node) in CUBE for each in node.args]
    names = {each.id for each in taken if isinstance(each, ast.Name)}
    found = {id(each) for each in taken}
    for each in (node for statement in function.body for node in ast.walk(statement)):
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None:
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            if any(isinstance(target, ast.Name) and target.id in names for target in targets):
                found.add(id(each.value))
    return found


def _call(node: ast.Call, intrinsic: Intrinsic[..., object], known: Inference) -> Call:
    instruction = INSTRUCTIONS[intrinsic.name.removeprefix(SET)]
    choice, (_, given) = known.intrinsics[id(node)], known.operations[id(node)]
    variables = [
        each.type.dtype
        for each in intrinsic.signature.formals
        if isinstance(each.type, TileForm | ScalarForm | DTypeForm)
    ]
    dtypes = tuple(choice.dtypes[each].name for each in dict.fromkeys(variables))
    sizes = {operand: _sizes(known.of(each)) for operand, each in given.items()}
    numbers = {
        operand: number.value.constant
        for operand, each in given.items()
        if isinstance(number := known.of(each), Index) and number.value.constant is not None
    }
    return Call(instruction, dtypes, sizes, choice.attributes, origin_of(node), numbers)


def _sizes(known: Known) -> tuple[int | None, ...]:
    return tuple(each.constant for each in known.dims) if isinstance(known, Value | Region) else ()
