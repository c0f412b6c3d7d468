"""What is wrong with a program that is said to be divided, bounded or selected.

Knows the forms by what they mean; shares nothing with the passes that make them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp.infer.engine import infer
from htp.infer.values import Region
from htp.program import origin_of
from htp.types import TensorType
from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.lower.units import called
from htp_backend_pto.steps import Step, step_of, steps_in, tile_names
from htp_backend_pto.tiles import declared, room_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp.types import TileType

__all__ = ["unbounded", "undivided", "unselected"]

Finding = tuple[str, "Span | None"]

BESIDE_PRODUCTS = frozenset(("dot", "full", "transpose", "cast"))
"""What a kernel of products may do with tiles before instructions are chosen: begin, load and round them."""
CUBE_PIPES = frozenset(("M", "MTE1", "FIX"))
VECTOR_PIPES = frozenset(("V", "MTE3"))


def undivided(program: Program) -> Iterator[Finding]:
    """The entry as a kernel, tiles in a routine, kernels that call kernels or work for both units."""
    if program.main.kind != "routine":
        yield f"the entry `{program.entry}` is a {program.main.kind}", program.main.origin
    names = {each.name for each in program.functions}
    for function in program.functions:
        calls = [node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Call)]
        operations = {(_operation(each, "tile"), origin_of(each)) for each in calls if _operation(each, "tile")}
        if function.kind == "routine":
            for name, place in sorted(operations - {("item", place) for _, place in operations}, key=str):
                yield f"the routine `{function.name}` computes `tile.{name}`", place
            continue
        for each in calls:
            if isinstance(each.func, ast.Name) and each.func.id in names:
                yield f"the kernel `{function.name}` calls `{each.func.id}`", origin_of(each)
        yield from _mixed(function, operations)


def _mixed(kernel: Function, operations: set[tuple[str, Span | None]]) -> Iterator[Finding]:
    used = {name for name, _ in operations}
    pipes = {each.pipe for each in steps_in(kernel.body)} if tile_names(kernel.body) else set[str]()
    if "dot" in used:
        for name, place in sorted(operations, key=str):
            if name not in BESIDE_PRODUCTS:
                yield f"the kernel `{kernel.name}` computes products and `tile.{name}`", place
    if pipes & CUBE_PIPES and pipes & VECTOR_PIPES:
        yield f"the kernel `{kernel.name}` has work for {', '.join(sorted(map(str, pipes)))}", kernel.origin


def _operation(call: ast.Call, owner: str) -> str:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == owner:
            return attribute
        case _:
            return ""


# bounds ---------------------------------------------------------------------------------------------------------------


def unbounded(program: Program) -> Iterator[Finding]:
    """Tiles without two dimensions, without room, or with less room than a size can need."""
    largest = _largest(program)
    for kernel in (each for each in program.functions if each.kind == "kernel"):
        known = infer(program, kernel)
        for statement, name, type_ in declared(kernel.body):
            room, place = room_of(type_), origin_of(statement)
            if len(type_.dims) != 2 or room is None:
                yield f"`{name}: {type_}` has no rows and columns of a known room", place
                continue
            facts = known.facts_at(statement)
            for symbol, bound in largest.get(kernel.name, {}).items():
                facts = facts.with_nonnegative(const(bound) - sym(symbol))
            for size, have in zip(type_.dims, (room.rows, room.columns), strict=True):
                if not facts.nonnegative(const(have) - size):
                    yield f"`{name}: {type_}` may need more than {have} for {size}", place
            for problem in room.check((1, 1), type_.dtype.bits):
                yield problem.message, place


def _largest(program: Program) -> dict[str, dict[str, int]]:
    """The largest value of every size of a function, over the calls in the entry, and in routines that it calls."""
    found: dict[str, dict[str, list[int | None]]] = {}
    others = (each for each in program.functions if each.kind == "routine" and each.name != program.entry)
    for routine in (program.main, *others):
        _given(program, routine, found)
    return {name: _bounded(sizes) for name, sizes in found.items()}


def _given(program: Program, routine: Function, found: dict[str, dict[str, list[int | None]]]) -> None:
    """Adds what the calls in a routine give, whose own sizes have been found."""
    known = infer(program, routine)
    functions = {each.name: each for each in program.functions if each.name != program.entry}
    for statement in (node for each in routine.body for node in ast.walk(each)):
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords)) if name in functions:
                pass
            case _:
                continue
        params = functions[name].params
        named = {each.arg: each.value for each in keywords}
        given = [*args, *(named[each.name] for each in params[len(args) :])]
        facts = known.facts_at(statement)
        for size, bound in _bounded(found.get(routine.name, {})).items():
            facts = facts.with_nonnegative(const(bound) - sym(size))
        for param, argument in zip(params, given, strict=True):
            region = known.types.get(id(argument))
            if isinstance(param.type, TensorType) and isinstance(region, Region):
                for size, extent in zip(param.type.dims, region.dims, strict=True):
                    found.setdefault(name, {}).setdefault(str(size), []).append(facts.upper_bound(extent))


def _bounded(sizes: Mapping[str, list[int | None]]) -> dict[str, int]:
    return {size: max(each for each in bounds if each is not None)
            for size, bounds in sizes.items() if size.isidentifier() and None not in bounds}  # fmt: skip


# instructions ---------------------------------------------------------------------------------------------------------


def unselected(program: Program) -> Iterator[Finding]:
    """Tile operations, and instructions on tiles in memories, forms or dtypes that they do not take."""
    for kernel in (each for each in program.functions if each.kind == "kernel"):
        types = tile_names(kernel.body)
        for node in (each for one in kernel.body for each in ast.walk(one)):
            if isinstance(node, ast.Call) and (name := _operation(node, "tile")):
                yield f"`{kernel.name}` still computes `tile.{name}`", origin_of(node)
            elif isinstance(node, ast.AnnAssign | ast.Assign) and (problem := _no_instruction(node, types)):
                yield problem, origin_of(node)
        for step in steps_in(kernel.body):
            for problem in _misplaced(step, types):
                yield f"`{ast.unparse(step.statement)}`: {problem}", origin_of(step.statement)


def _no_instruction(node: ast.AnnAssign | ast.Assign, types: Mapping[str, TileType]) -> str:
    """Why a statement that makes or stores a tile is no instruction."""
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    makes = isinstance(target, ast.Subscript) or (isinstance(target, ast.Name) and target.id in types)
    if not makes:
        return ""
    receives = step_of(node) is not None and isinstance(target, ast.Name) and called(node.value) == "token"
    if not receives and (not isinstance(node.value, ast.Call) or _operation(node.value, "pto") not in INSTRUCTIONS):
        return f"`{ast.unparse(node)}` is no instruction"
    if isinstance(target, ast.Name) and room_of(types[target.id]) is None:
        return f"`{target.id}` lies in no memory"
    for operand in node.value.args if isinstance(node.value, ast.Call) else ():
        if isinstance(operand, ast.Name | ast.Constant | ast.Subscript):
            continue
        if any(isinstance(each, ast.Name) and each.id in types for each in ast.walk(operand)):
            return f"`{ast.unparse(operand)}` is no operand of an instruction"
    return ""


def _misplaced(step: Step, types: Mapping[str, TileType]) -> Iterator[str]:
    """What an instruction does not take: memories, forms, dtypes."""
    instruction = step.instruction
    spaces: list[str] = []
    for operand in instruction.tiles:
        name = step.tile(operand.name)
        room = room_of(types[name]) if name is not None and name in types else None
        spaces.append(room.space if room is not None else "gm")
        if room is not None and operand.forms and room.form not in operand.forms:
            yield f"`{name}` has form {room.form}, and `{operand.name}` is {' or '.join(operand.forms)}"
        if room is not None and name is not None:
            for problem in room.check((1, 1), types[name].dtype.bits):
                yield problem.message
    if not any(list(route.spaces) == spaces for route in instruction.routes):
        yield f"no route through {' '.join(spaces)}"
