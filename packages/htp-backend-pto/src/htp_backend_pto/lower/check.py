"""The pass that holds instructions written by hand against what the target has, and turns moves and products
into tile operations, which selection turns into the right moves.

Knows calls and their types; what a variant asks is in `isa/rules.py`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import LOWERED, Inlined, OpUse, Typed
from htp.diagnostics import Refused
from htp.foreign import intrinsic_called, intrinsic_named
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.lowering.expand import ExpandIntrinsics
from htp.passes import Pass
from htp.program import origin_of
from htp.types import DTypeForm, ScalarForm, TileForm
from htp_backend_pto.forms import Legal
from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.isa.rules import PRODUCTS, Call, problems
from htp_backend_pto.lower.written import misplaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.environment import Environment
    from htp.infer.state import Inference
    from htp.infer.values import Known
    from htp.intrinsics import Intrinsic
    from htp.program import Function, Program
    from htp_backend_pto.isa import Variant

__all__ = ["CheckInstructions", "calls_in", "illegal"]

SET = "pto."
CHOSEN = tuple(
    f"pto.{each}"
    for each in (
        "load", "load_t", "load_row", "load_col", "store", "store_as", "store_t", "store_row", "store_col",
        "store_add", "mov", "mov_as", *PRODUCTS,
    )
)  # fmt: skip
"""Which memory a tile lies in is decided for all of a kernel at once; products are nothing but moves and steps."""
CUBE = ("pto.mov", "pto.extract", *(f"pto.{each}" for each in PRODUCTS))


@dataclass(frozen=True)
class CheckInstructions(Pass):
    """Every `pto.*` call is one that the target carries out; moves and products become plain tile operations again."""

    name = "pto.check"
    requires = (Inlined(), Typed())
    provides = (Legal(),)
    invalidates = LOWERED
    may_introduce = (OpUse("*"),)

    variant: str = "a2a3sim"

    def for_target(self, environment: Environment) -> CheckInstructions:
        """For the variant of the target."""
        return replace(self, variant=environment.target.variant)

    def apply(self, program: Program) -> Program:
        """The program without instructions that only bring tiles from one memory to another.

        Raises:
            Refused: `pto.*`, all there are.
        """
        variant: Variant = "a2a3" if self.variant == "a2a3" else "a2a3sim"
        refusals = (*misplaced(program), *illegal(program, variant))
        if found := [each for refusal in refusals for each in refusal.diagnostics]:
            raise Refused.of(*found)
        return ExpandIntrinsics(CHOSEN).apply(program)


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
    return Call(instruction, dtypes, sizes, choice.attributes, origin_of(node))


def _sizes(known: Known) -> tuple[int | None, ...]:
    return tuple(each.constant for each in known.dims) if isinstance(known, Value | Region) else ()
