"""Programs as text: a readable Python module with types as annotations and origins as comments.

Knows how a program is spelled; `capture.parse_program` is its inverse.
"""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.foreign import facets_of, foreign_of
from htp.names import CORE, DTYPES, FORMS, LOOPS, STREAMS, TASKS
from htp.program import Function, Program, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.types import Param

INDENT = "    "
ORIGIN_COLUMN = 64


def module_text(program: Program) -> str:
    """The module: imports, constants, slots, functions with callees first, and a `__main__` that runs the entry."""
    functions = [function_text(each) for each in program.functions]
    constants = [f"{name} = {_literal(value)}" for name, value in program.constants]
    slots = [f"{name} = {slot}" for name, slot in program.slots]
    globals_ = "\n".join([*constants, *slots])
    parts = ["\n".join([*_imports("\n".join([globals_, *functions])), *_foreign_imports(program)])]
    parts += [globals_] if globals_ else []
    main = f'if __name__ == "__main__":\n{INDENT}from htp import run_stage\n\n{INDENT}run_stage({program.entry})'
    return "\n\n\n".join([*parts, *functions, main]) + "\n"


def function_text(function: Function) -> str:
    """One function with its decorator, typed signature and body."""
    result = " -> None" if function.kind != "func" else ""
    head = f"def {function.name}({', '.join(param_text(each) for each in function.params)}){result}:"
    if len(head) > 110:
        params = "".join(f"\n{INDENT}{param_text(each)}," for each in function.params)
        head = f"def {function.name}({params}\n){result}:"
    lines = [f"@{function.kind}", head]
    if function.doc:
        lines += _docstring(function.doc)
    writer = _Writer()
    writer.block(function.body, 1)
    return "\n".join([*lines, *writer.lines])


def param_text(param: Param) -> str:
    """A parameter as it stands in a signature; untyped parameters of helpers have no annotation."""
    if param.type is None:  # pyright: ignore[reportUnnecessaryComparison]
        return param.name
    return f"{param.name}: {annotation_text(param)}"


def annotation_text(param: Param) -> str:
    """`In[Tensor[f32, "M"]]`, `Scalar[i32]`, `tuple[Recv[Scalar[i32]], ...]`."""
    forms = {"in": "In", "out": "Out", "inout": "InOut", "send": "Send", "recv": "Recv"}
    form = forms.get(param.direction)
    text = f"{form}[{param.type}]" if form else str(param.type)
    return f"tuple[{text}, ...]" if param.several else text


def statement_text(statement: ast.stmt) -> str:
    """One statement on one line; of a compound statement its head."""
    if isinstance(statement, ast.For):
        return f"for {ast.unparse(statement.target).strip('()')} in {ast.unparse(statement.iter)}:"
    if isinstance(statement, ast.While):
        return f"while {ast.unparse(statement.test)}:"
    if isinstance(statement, ast.If):
        return f"if {ast.unparse(statement.test)}:"
    if isinstance(statement, ast.With):
        return f"with {', '.join(ast.unparse(each) for each in statement.items)}:"
    if isinstance(statement, ast.AnnAssign):
        value = f" = {ast.unparse(statement.value)}" if statement.value is not None else ""
        return f"{ast.unparse(statement.target)}: {_annotation(statement.annotation)}{value}"
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
        names = ", ".join(ast.unparse(each) for each in statement.targets[0].elts)
        comma = "," if len(statement.targets[0].elts) == 1 else ""
        return f"{names}{comma} = {ast.unparse(statement.value)}"
    return ast.unparse(statement)


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.place = ""

    def block(self, statements: Iterable[ast.stmt], depth: int) -> None:
        written = False
        for statement in statements:
            self.statement(statement, depth)
            written = True
        if not written:
            self.lines.append(f"{INDENT * depth}pass")

    def statement(self, statement: ast.stmt, depth: int) -> None:
        self.line(statement_text(statement), depth, statement)
        if isinstance(statement, ast.For | ast.While | ast.With):
            self.block(statement.body, depth + 1)
        elif isinstance(statement, ast.If):
            self.block(statement.body, depth + 1)
            if statement.orelse:
                self.line("else:", depth, None)
                self.block(statement.orelse, depth + 1)

    def line(self, text: str, depth: int, statement: ast.stmt | None) -> None:
        written = INDENT * depth + text
        origin = origin_of(statement) if statement is not None else None
        if origin is not None:
            place = f"{PurePath(origin.file).name}:{origin.line}"
            if place != self.place:
                written = f"{written:<{ORIGIN_COLUMN}}  # {place}"
            self.place = place
        self.lines.append(written)


def _annotation(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text.replace("'", '"') if '"' not in text else text


def _docstring(doc: str) -> list[str]:
    lines = doc.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').split("\n")
    if len(lines) == 1:
        return [f'{INDENT}"""{lines[0]}"""']
    return [f'{INDENT}"""{lines[0]}', *(f"{INDENT}{line}".rstrip() for line in lines[1:]), f'{INDENT}"""']


def _literal(value: float) -> str:
    text = repr(value)
    return f'float("{text}")' if text in {"inf", "-inf", "nan"} else text


def _imports(body: str) -> list[str]:
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    core = sorted((used & CORE) - {"run_stage"}, key=_import_order)
    lines = [f"from htp import {', '.join(core)}"]
    for module, names in (("htp.loops", LOOPS), ("htp.streams", STREAMS), ("htp.tasks", TASKS)):
        if words := sorted(used & set(names)):
            lines.append(f"from {module} import {', '.join(words)}")
    return lines


def _foreign_imports(program: Program) -> list[str]:
    modules: dict[str, list[str]] = {}
    for each in foreign_of(program):
        modules.setdefault(each.module, []).append(each.name)
    for module, name in facets_of(program):
        modules.setdefault(module, []).append(name)
    whole = [f"import {name}" for name in modules.pop("", [])]
    return whole + [f"from {module} import {', '.join(names)}" for module, names in sorted(modules.items())]


def _import_order(name: str) -> tuple[int, str]:
    return (0 if name in FORMS else 1 if name not in DTYPES else 2, name)
