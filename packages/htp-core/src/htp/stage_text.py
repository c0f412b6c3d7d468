"""The module level of a stage's text: imports, constants, slots, decorated functions and the entry.

Knows the layout of a stage file; does not look into function bodies.
"""

from __future__ import annotations

import ast
import importlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, cast

from htp.declarations import Lazy
from htp.diagnostics import Refused, Span
from htp.foreign import dialect_of, facet_maker, foreign_name, inactive
from htp.names import CORE, LOOPS, STREAMS, TASKS
from htp.types import Param, Slot, param_of

if TYPE_CHECKING:
    from htp.types import Array

MODULES = {
    "htp": CORE,
    "htp.loops": frozenset(LOOPS),
    "htp.streams": frozenset(STREAMS),
    "htp.tasks": frozenset(TASKS),
}


@dataclass
class StageModule:
    """What stands at the top level of a stage file."""

    objects: dict[str, object] = field(default_factory=dict[str, object])
    constants: dict[str, int | float | bool] = field(default_factory=dict[str, "int | float | bool"])
    slots: dict[str, Slot[Array]] = field(default_factory=dict[str, "Slot[Array]"])
    functions: list[tuple[str, ast.FunctionDef]] = field(default_factory=list[tuple[str, ast.FunctionDef]])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    params: dict[str, tuple[Param, ...]] = field(default_factory=dict[str, tuple[Param, ...]])
    entry: str = ""


def read_module(tree: ast.Module, file: str) -> StageModule:
    """Reads the top level of a stage's syntax tree without running it."""
    module = StageModule()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            _import(module, node, file)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                module.objects[alias.asname or alias.name] = _lent(node, "", alias.name, file)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            _binding(module, node.targets[0].id, node.value, file)
        elif isinstance(node, ast.FunctionDef):
            _function(module, node, file)
        elif isinstance(node, ast.If):
            module.entry = _entry(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            _refuse(node, file, "only imports from htp, constants, slots and functions stand at the top of a stage")
    if module.entry not in module.kinds:
        module.entry = module.functions[-1][0] if module.functions else _refuse(tree, file, "the stage has no function")
    return module


def _import(module: StageModule, node: ast.ImportFrom, file: str) -> None:
    if node.module == "__future__":
        return
    home = node.module or ""
    for alias in node.names:
        if alias.asname is not None or node.level:
            _refuse(node, file, f"a stage imports names as they are, not `{ast.unparse(node)}`")
        if home in MODULES:
            if alias.name not in MODULES[home]:
                _refuse(node, file, f"a stage imports only public names of htp, not `{home}.{alias.name}`")
            module.objects[alias.name] = getattr(importlib.import_module(home), alias.name)
        else:
            module.objects[alias.name] = _lent(node, home, alias.name, file)


def _lent(node: ast.ImportFrom | ast.Import, home: str, name: str, file: str) -> object:
    """What an active plugin lends under a name, what spells its layout facets included; nothing else is imported."""
    if (maker := facet_maker(home, name)) is not None:
        return Lazy[object](maker).load()
    known, path = foreign_name(name), f"{home}.{name}".removeprefix(".")
    if known is None or known.module != home:
        if path.partition(".")[0] in (*sys.stdlib_module_names, "htp", "numpy"):
            _refuse(node, file, f"a stage imports only public names of htp and of plugins, not `{path}`")
        raise inactive(f"`{path}`", path).at(_span(node, file))
    return Lazy[object](path if known.what == "intrinsics" else f"{home}:{name}").load()


def _binding(module: StageModule, name: str, value: ast.expr, file: str) -> None:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Slot":
        slot = _evaluate(value, module, file)
        if isinstance(slot, Slot):
            module.slots[name] = cast("Slot[Array]", slot)
            module.objects[name] = module.slots[name]
            return
    constant = _evaluate(value, module, file)
    if not isinstance(constant, int | float | bool):
        _refuse(value, file, "constants of a stage are numbers")
    module.constants[name] = constant
    module.objects[name] = constant


def _function(module: StageModule, node: ast.FunctionDef, file: str) -> None:
    decorators = [each.id for each in node.decorator_list if isinstance(each, ast.Name)]
    if len(decorators) != 1 or dialect_of(decorators[0]) is None:
        _refuse(node, file, "every function of a stage has one decorator: @kernel, @func, @routine or a dialect's")
    params = tuple(_param(each, module, file) for each in (*node.args.args, *node.args.kwonlyargs))
    for argument, param in zip((*node.args.args, *node.args.kwonlyargs), params, strict=True):
        if param.type is None and decorators[0] != "func":
            _refuse(argument, file, f"parameter `{param.name}` has no type")
    module.functions.append((node.name, node))
    module.kinds[node.name] = decorators[0]
    module.params[node.name] = params


def _param(argument: ast.arg, module: StageModule, file: str) -> Param:
    if argument.annotation is None:
        return Param(argument.arg, "in", None)
    annotation = _evaluate(argument.annotation, module, file)
    if (found := param_of(argument.arg, annotation)) is not None:
        return found
    return _refuse(argument, file, f"parameter `{argument.arg}` has no type with a direction")


def _evaluate(node: ast.expr, module: StageModule, file: str) -> object:
    """The value of an annotation or constant: names bound so far, subscripts, calls of bound names, literals."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in module.objects:
        return module.objects[node.id]
    if isinstance(node, ast.Name) and node.id == "tuple":
        return tuple
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _evaluate(node.operand, module, file)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(each, module, file) for each in node.elts)
    if isinstance(node, ast.Subscript):
        form = _evaluate(node.value, module, file)
        item = _evaluate(node.slice, module, file)
        try:
            return form[item]  # type: ignore[index]
        except TypeError:
            _refuse(node, file, f"`{ast.unparse(node)}` is not a type")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "float" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
            try:
                return float(str(node.args[0].value))
            except ValueError:
                _refuse(node, file, f"`{ast.unparse(node)}` is no number")
        function = module.objects.get(node.func.id)
        if isinstance(function, type) or callable(function):
            arguments = [_evaluate(each, module, file) for each in node.args]
            named = {each.arg: _evaluate(each.value, module, file) for each in node.keywords if each.arg}
            try:
                return function(*arguments, **named)  # type: ignore[operator]
            except (TypeError, ValueError) as error:
                _refuse(node, file, f"`{ast.unparse(node)}` cannot be made: {error}")
    return _refuse(node, file, f"`{ast.unparse(node)}` is not a type or constant of a stage")


def _entry(node: ast.If) -> str:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "run_stage" and each.args:
            argument = each.args[0]
            return argument.id if isinstance(argument, ast.Name) else ""
    return ""


def _refuse(node: ast.AST, file: str, message: str) -> NoReturn:
    raise Refused("capture.not-a-stage", message, span=_span(node, file), help="start from a stage's program.py")


def _span(node: ast.AST, file: str) -> Span:
    return Span(file=file, line=getattr(node, "lineno", 1), column=getattr(node, "col_offset", 0) + 1)
