"""Kernels in selected form, read one statement at a time: which instruction it is, and what it touches.

Knows the shape of such statements; does not know where tiles lie or which pipe waits for which.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.analyses import Analysis
from htp.diagnostics import Bug
from htp.program import origin_of
from htp.rewriting import Rewriter
from htp_backend_pto.isa import instruction
from htp_backend_pto.isa.channels import POP, PUSH
from htp_backend_pto.tiles import room_of, tile_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Program
    from htp.types import TileType
    from htp_backend_pto.isa import Instruction, Pipe, Space

__all__ = ["Step", "end_of", "root_name", "step_of", "steps_in", "tile_names", "without_words", "word_of"]

WORDS = ("set_flag", "wait_flag", "pipe_barrier")
VIEWS = ("reinterpret", "reshape", "subview", "within")
"""Instructions that move nothing: what they make are the bytes of their operand."""


@dataclass(frozen=True)
class Step:
    """One instruction: the statement, the tile it makes or the region it stores to, and its operands by name."""

    statement: ast.stmt
    instruction: Instruction
    result: str | None
    stored: ast.expr | None
    operands: Mapping[str, ast.expr]

    @property
    def span(self) -> Span | None:
        """The user's line."""
        return origin_of(self.statement)

    def pipe(self, types: Mapping[str, TileType]) -> Pipe:
        """The pipe that carries it out, which for moves depends on the memories."""
        spaces: list[Space] = [self._space(each.name, types) for each in self.instruction.tiles]
        route = self.instruction.route(spaces[0], *spaces[1:])
        if route is None:
            raise Bug(f"`{ast.unparse(self.statement)}` has no route between {', '.join(spaces)}")
        return route.pipe

    @property
    def shared(self) -> str | None:
        """The tile in whose place the result must lie."""
        operand = "x" if self.instruction.name in VIEWS else self.instruction.inout
        return None if operand is None else self.tile(operand)

    @property
    def moves(self) -> bool:
        """Whether it does anything at run time."""
        return self.instruction.name not in VIEWS

    def tile(self, operand: str) -> str | None:
        """The tile that an operand is; `None` for numbers, attributes and regions."""
        if operand == "dst":
            return self.result
        node = self.operands.get(operand)
        return node.id if isinstance(node, ast.Name) else None

    def region(self, operand: str) -> ast.expr | None:
        """The region of global memory that an operand is."""
        node = self.stored if operand == "dst" else self.operands.get(operand)
        return node if isinstance(node, ast.Subscript) or (operand == "dst" and node is not None) else None

    def _space(self, operand: str, types: Mapping[str, TileType]) -> Space:
        name = self.tile(operand)
        room = room_of(types[name]) if name is not None and name in types else None
        return room.space if room is not None else "gm"


def step_of(statement: ast.stmt) -> Step | None:
    """The instruction that a statement is; `None` for tiles that are only declared, numbers and control.

    Raises:
        Bug: the statement calls something of `pto` in another form.
    """
    match statement:
        case ast.AnnAssign(target=ast.Name(result), value=ast.Call(func=ast.Name("token"))):
            return Step(statement, POP, result, None, {})
        case ast.Expr(value=ast.Call(func=ast.Name("send"), args=[_, tile])):
            return Step(statement, PUSH, None, None, {"x": tile})
        case ast.AnnAssign(target=ast.Name(result), value=ast.Call() as call):
            return _step(statement, call, result, None)
        case ast.Assign(targets=[ast.Subscript() as region], value=ast.Call() as call):
            return _step(statement, call, None, region)
        case _:
            return None


def _step(statement: ast.stmt, call: ast.Call, result: str | None, stored: ast.expr | None) -> Step | None:
    match call.func:
        case ast.Attribute(ast.Name("pto"), name):
            pass
        case _:
            return None
    known = instruction(name)
    if not known.cpp:
        return None  # it only declares a tile
    names = [each.name for each in known.operands if each.role != "dst"]
    given = dict(zip(names, call.args, strict=False)) | {each.arg: each.value for each in call.keywords if each.arg}
    if len(call.args) > len(names):
        raise Bug(f"too many operands: `{ast.unparse(statement)}`")
    return Step(statement, known, result, stored, given)


def end_of(step: Step) -> str:
    """The end of a channel that a send or receive names."""
    value = step.statement.value if isinstance(step.statement, ast.Expr | ast.AnnAssign) else None
    return ast.unparse(value.args[0]) if isinstance(value, ast.Call) else ""


def steps_in(body: Sequence[ast.stmt]) -> Iterator[Step]:
    """Every instruction of a body, nested ones included, as it is written."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.AnnAssign, ast.Assign, ast.Expr)):
                step = step_of(node)
                if step is not None:
                    yield step


def tile_names(body: Sequence[ast.stmt]) -> dict[str, TileType]:
    """The type behind each tile's name, that of the last statement which makes it."""
    found: dict[str, TileType] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                type_ = tile_type(node.annotation)
                if type_ is not None:
                    found[node.target.id] = type_
    return found


def word_of(statement: ast.stmt) -> tuple[str, list[object]] | None:
    """The name and constant arguments of a flag or barrier; events may be expressions and are left out."""
    match statement:
        case ast.Expr(ast.Call(func=ast.Name(name), args=arguments)) if name in WORDS:
            return name, [each.value if isinstance(each, ast.Constant) else each for each in arguments]
        case _:
            return None


def without_words(program: Program) -> Program:
    """The program without flags and barriers, which core cannot type; itself where it has none."""
    return program.analysis(WORDLESS)


def _wordless(program: Program) -> Program:
    nodes = (node for each in program.functions for statement in each.body for node in ast.walk(statement))
    if not any(isinstance(node, ast.Expr) and word_of(node) is not None for node in nodes):
        return program
    removing = _Removing()
    return program.replace(*(replace(each, body=tuple(removing.statements(each.body))) for each in program.functions))


WORDLESS = Analysis("wordless", _wordless)
"""The program without words, made once for all the facts that look at it."""


class _Removing(Rewriter):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # noqa: N802
        return None if word_of(node) is not None else node


def root_name(region: ast.expr) -> str:
    """The array that a region is a part of."""
    while isinstance(region, ast.Subscript):
        region = region.value
    if not isinstance(region, ast.Name):
        raise Bug(f"no region of an array: `{ast.unparse(region)}`")
    return region.id
