"""Which data statements read that tasks may write: these are waited for.

Knows reads and calls of kernels; does not know dependences.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_dialect_wsp.axis_forms import root_of
from htp_dialect_wsp.directives.trees import load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from htp.program import Function, Program

__all__ = ["only_elements", "reads", "wait_for", "written_by_tasks"]


def written_by_tasks(program: Program, function: Function) -> frozenset[str]:
    """The tensors that some call of a kernel writes."""
    kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
    found: set[str] = set()
    for statement in function.body:
        for node in ast.walk(statement):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kernels):
                continue
            params = kernels[node.func.id].params
            given = dict(zip((each.name for each in params), node.args, strict=False))
            given |= {each.arg or "": each.value for each in node.keywords}
            written = (given[each.name] for each in params if each.direction in ("out", "inout") and each.name in given)
            found |= {root for each in written if (root := root_of(each)) is not None}
    return frozenset(found)


def reads(nodes: Iterable[ast.AST], written: frozenset[str], kernels: AbstractSet[str]) -> list[ast.expr]:
    """The regions of tensors in `written` that statements read by themselves, each once.

    What is passed to a kernel is the task's business; sizes are known without data.
    """
    found: dict[str, ast.expr] = {}

    def visit(node: ast.AST) -> None:
        match node:
            case ast.Attribute(attr="shape") | ast.Name(ctx=ast.Store()):
                return
            case ast.Call(func=ast.Name(name)) if name in kernels:
                for each in (*node.args, *(word.value for word in node.keywords)):
                    for inner in _indices(each) if root_of(each) is not None else [each]:
                        visit(inner)
                return
            case ast.Subscript() | ast.Name() if root_of(node) in written:
                found.setdefault(ast.unparse(node), node)
                for inner in _indices(node):
                    visit(inner)
                return
            case _:
                pass
        for each in ast.iter_child_nodes(node):
            visit(each)

    for each in nodes:
        visit(each)
    return list(found.values())


def only_elements(test: ast.expr, regions: Iterable[ast.expr]) -> bool:
    """Whether every one of the regions is an element that `tile.item` takes out."""
    taken = {
        ast.unparse(node.args[0])
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "tile.item"
    }
    return all(isinstance(each, ast.Subscript) and ast.unparse(each) in taken for each in regions)


def _indices(region: ast.expr) -> list[ast.expr]:
    """The index expressions of a region, of the regions it lies in too."""
    found: list[ast.expr] = []
    while isinstance(region, ast.Subscript):
        found.append(region.slice)
        region = region.value
    return found


def wait_for(regions: list[ast.expr]) -> list[ast.stmt]:
    """The statement that waits, if there is something to wait for."""
    return [ast.Expr(ast.Call(load("wait_for"), regions, []))] if regions else []
