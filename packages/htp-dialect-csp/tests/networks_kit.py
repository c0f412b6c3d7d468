"""Programs of processes and networks out of text, as syntax trees: nothing of the text is run but its annotations."""

from __future__ import annotations

import ast
from typing import get_args, get_origin

import htp
from htp.diagnostics import Span
from htp.program import Function, Program
from htp.types import Directed, Param, ScalarType
from htp_dialect_csp import Recv, Send

WORDS = {name: getattr(htp, name) for name in ("In", "Out", "InOut", "Tensor", "Tile", "Scalar", "f16", "f32", "i32")}
WORDS |= {"Send": Send, "Recv": Recv}


def program(text: str) -> Program:
    """The program that a module of decorated functions and constants spells; the last network is its entry."""
    tree = ast.parse(text)
    functions, constants = [], []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions.append(_function(node))
        elif isinstance(node, ast.Assign):
            constants.append((node.targets[0].id, ast.literal_eval(node.value)))
    entry = [each.name for each in functions if each.kind == "network"] or [functions[-1].name]
    return Program(entry[-1], tuple(functions), tuple(constants))


def _function(node: ast.FunctionDef) -> Function:
    for each in ast.walk(node):
        if hasattr(each, "lineno"):
            each.origin = _place(each)
    params = tuple(_param(each) for each in node.args.args)
    return Function(node.name, node.decorator_list[0].id, params, tuple(node.body), _place(node))


def _param(argument: ast.arg) -> Param:
    found = eval(ast.unparse(argument.annotation), dict(WORDS))
    several = get_origin(found) is tuple
    each = get_args(found)[0] if several else found
    if isinstance(each, Directed):
        return Param(argument.arg, each.direction, each.type, several=several)
    assert isinstance(each, ScalarType)
    return Param(argument.arg, "scalar", each)


def _place(node: ast.AST) -> Span:
    return Span(file="net.py", line=node.lineno, column=node.col_offset + 1)
