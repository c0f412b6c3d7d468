"""What is wrong with a program that is said to be typed, normal, simplified or parallel.

Knows the programs of core's language; does not know which pass said so.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from htp.infer.engine import infer
from htp.infer.state import VERSION
from htp.infer.values import Region, Value
from htp.lowering.simplify import Simplify
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from htp.diagnostics import Span
    from htp.infer.state import Inference
    from htp.program import Program

Finding = tuple[str, "Span | None"]


def untyped(program: Program) -> Iterator[Finding]:
    """Tile variables without an annotation, or with one of another dtype or rank than was inferred.

    Raises:
        Refused: `type.*` where inference fails.
    """
    for function in program.functions:
        if function.kind == "func":
            continue
        known = infer(program, function)
        for node in _walk(function.body):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                value = known.types.get(id(node.targets[0]))
                if isinstance(value, Value) and VERSION not in str(value):
                    yield f"`{node.targets[0].id}` has no annotation", origin_of(node)
            elif isinstance(node, ast.AnnAssign):
                value = known.types.get(id(node.target))
                if isinstance(value, Value) and not _fits(node.annotation, value):
                    found = f"`{ast.unparse(node.target)}: {ast.unparse(node.annotation)}` is {value.type}"
                    yield found, origin_of(node)


def _fits(annotation: ast.expr, value: Value) -> bool:
    """Whether dtype and rank are those written; sizes may be spelled in other ways, and layout facets stand behind."""
    if not (isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple | ast.Name)):
        return False
    items = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    dims = [each for each in items[1:] if not isinstance(each, ast.Call)]
    return ast.unparse(items[0]) == value.dtype.name and len(dims) == len(value.dims)


def not_normal(program: Program) -> Iterator[Finding]:
    """Tile operations that are operands of other operations, and methods of tiles."""
    for function in program.functions:
        known = infer(program, function)
        for node in _walk(function.body):
            if isinstance(node, ast.AugAssign):
                yield f"`{ast.unparse(node)}` assigns and computes", origin_of(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not _is_name(node.func.value):
                yield f"`{ast.unparse(node)}` is a method of an expression", origin_of(node)
            elif isinstance(node, ast.Call | ast.BinOp | ast.UnaryOp | ast.Compare):
                for each in _operands(node):
                    if _is_operation(each, known):
                        yield f"`{ast.unparse(each)}` is an operand of `{ast.unparse(node)}`", origin_of(node)


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def _operands(node: ast.Call | ast.BinOp | ast.UnaryOp | ast.Compare) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [*node.args, *(each.value for each in node.keywords)]
    return [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]


def _is_operation(node: ast.expr, known: Inference) -> bool:
    simple = isinstance(node, ast.Name | ast.Constant | ast.Subscript)
    return not simple and isinstance(known.types.get(id(node)), Value | Region)


def not_simple(program: Program) -> Iterator[Finding]:
    """Statements that core's simplification would still change."""
    simpler = Simplify().apply(program)
    for before, after in zip(program.functions, simpler.functions, strict=True):
        if before.canonical != after.canonical:
            left = {ast.dump(each) for each in _walk(after.body) if isinstance(each, ast.stmt)}
            statements = (each for each in _walk(before.body) if isinstance(each, ast.stmt))
            changed = [each for each in statements if ast.dump(each) not in left]
            yield f"`{ast.unparse(changed[-1])}` can be simplified or left out", origin_of(changed[-1])


def not_parallel(program: Program) -> Iterator[Finding]:
    """Parallel loops in which every iteration changes the same variable or writes the same place.

    Only what is plain to see is found: a variable from outside the loop that the body assigns, and a store whose
    position does not depend on the loop. Overlaps of different positions are the business of the pass that marks.
    """
    for function in program.functions:
        nodes = list(_walk(function.body))
        stores = Counter(name for node in nodes for name in _stored(node))
        stores.update(each.name for each in function.params)
        for loop in nodes:
            if isinstance(loop, ast.For) and _calls(loop.iter, "parallel"):
                yield from _shared(loop, stores)


def _shared(loop: ast.For, stores: Counter[str]) -> Iterator[Finding]:
    inside = Counter(name for node in ast.walk(loop) for name in _stored(node))
    outer = {name for name, count in stores.items() if count > inside[name]}
    varying = {name for node in ast.walk(loop.target) for name in _stored(node)}
    for node in _walk(loop.body):
        if isinstance(node, ast.For):
            varying |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                changed = [each for each in ast.walk(target) for each in _stored(each)]
                if shared := outer.intersection(changed):
                    yield f"every iteration assigns `{sorted(shared)[0]}`", origin_of(node)
                if node.value is not None and _names(node.value) & varying:
                    varying.update(changed)
                if isinstance(target, ast.Subscript) and _root(target) in outer and not _names(target) & varying:
                    yield f"every iteration writes `{ast.unparse(target)}`", origin_of(node)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _calls(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _stored(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _walk(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        yield from ast.walk(statement)
