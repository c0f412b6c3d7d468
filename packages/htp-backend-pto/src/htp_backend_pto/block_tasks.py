"""Tasks of several blocks in a routine: `for block in range(n): task(blocks=n); k(…, block)` is one task.

Knows the form only. In Python the calls run one after the other; on the chip each is a core that runs the same kernel.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["MOST_BLOCKS", "BlockTask", "block_parameters", "block_task"]

MOST_BLOCKS = 32767
"""Blocks of one task: hw-native-sys/simpler@6ebaf77, `PTO2LaunchSpec` has 16 bits for their number."""


@dataclass(frozen=True)
class BlockTask:
    """A task of blocks: the word that says so, the call's statement, how many blocks, and what counts them."""

    task: ast.Call
    statement: ast.Expr
    call: ast.Call
    count: ast.expr
    variable: str


def block_task(statement: ast.stmt) -> BlockTask | None:
    """The task of blocks that a loop is; `None` for any other statement."""
    match statement:
        case ast.For(
            target=ast.Name(id=variable),
            iter=ast.Call(func=ast.Name(id="range"), args=[*_, _]),
            body=[
                ast.Expr(value=ast.Call(func=ast.Name(id="task"), keywords=said) as task),
                ast.Expr(value=ast.Call(func=ast.Name()) as call) as own,
            ],
        ):
            count = next((each.value for each in said if each.arg == "blocks"), None)
            return None if count is None else BlockTask(task, own, call, count, variable)
        case _:
            return None


def block_parameters(program: Program) -> dict[str, str]:
    """The kernels that are run in blocks, each with the parameter that is the number of the block: its last one."""
    found = (block_task(node) for each in program.main.body for node in ast.walk(each) if isinstance(node, ast.For))
    names = {ast.unparse(each.call.func) for each in found if each is not None}
    return {each.name: each.params[-1].name for each in program.functions if each.name in names}
