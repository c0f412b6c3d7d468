"""The Python that a workload runs as: its own source, with selections as branches and run-time sizes filled in.

Knows syntax; places and variables stay those of the source, so that errors and debuggers show the user's lines.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import textwrap
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from htp.types import ScalarType
from htp_dialect_wsp.walks import Parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from htp.types import Param

__all__ = ["Selections", "runnable", "selection", "size_named"]

P = ParamSpec("P")
R = TypeVar("R")


def runnable(python: Callable[P, R], sizes: Mapping[str, ast.expr]) -> Callable[P, R]:
    """`python` with its selections as branches; itself where there is nothing to do or no source to read.

    `sizes` are expressions for the sizes that `DenseDyn` may name.
    """
    tree = _source(python)
    if tree is None:
        return python
    changed = _Reference(_Names(python), sizes).function(tree)
    if changed is tree:
        return python
    return cast("Callable[P, R]", _compiled(changed, python))


def selection(statement: ast.stmt) -> str | None:
    """Which selection of `P` a canonical statement makes: `when`, `otherwise`, `case`."""
    match statement:
        case ast.With(items=[ast.withitem(ast.Call(ast.Attribute(ast.Name("P"), name)), None)]):
            return name
        case _:
            return None


def size_named(name: str, params: Iterable[Param]) -> ast.expr | None:
    """An expression of the parameters for the scalar, or the size of the signature, called `name`."""
    for each in params:
        if isinstance(each.type, ScalarType):
            if each.name == name:
                return ast.Name(name, ast.Load())
            continue
        for axis, dim in enumerate(each.type.dims if each.type is not None else ()):
            if str(dim) == name:
                shape = ast.Attribute(ast.Name(each.name, ast.Load()), "shape", ast.Load())
                return ast.Subscript(shape, ast.Constant(axis), ast.Load())
    return None


class Selections:
    """Turns the selections of a block into branches; `kind` says which one a statement is."""

    def kind(self, statement: ast.stmt) -> str | None:
        """`when`, `case` or `otherwise` for a statement `with P.when(…):`, else `None`."""
        return selection(statement)

    def test(self, statement: ast.With) -> ast.expr:
        """The condition of a branch."""
        return statement.items[0].context_expr

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with `if … elif … else` in place of selections; an `otherwise` that follows none stays."""
        result: list[ast.stmt] = []
        last: ast.If | None = None
        previous = ""
        for each in statements:
            kind = self.kind(each)
            if kind is None or not isinstance(each, ast.With):
                result.append(self._inside(each))
                last, previous = None, ""
                continue
            body = self.block(each.body)
            if kind == "otherwise" and last is not None:
                last.orelse = body
                last, previous = None, ""
                continue
            if kind == "otherwise":
                result.append(self._inside(each))
                continue
            branch = ast.copy_location(ast.If(self.test(each), body, []), each)
            branch.origin = getattr(each, "origin", None)  # type: ignore[attr-defined]
            if kind == previous == "case" and last is not None:
                last.orelse = [branch]
            else:
                result.append(branch)
            last, previous = branch, kind
        return result

    def _inside(self, statement: ast.stmt) -> ast.stmt:
        fields = [name for name in ("body", "orelse") if getattr(statement, name, None)]
        if not fields:
            return statement
        new = copy.copy(statement)
        for name in fields:
            setattr(new, name, self.block(getattr(statement, name)))
        return new


class _Names:
    """What names of a function's source stand for when it is decorated."""

    def __init__(self, python: Callable[..., object]) -> None:
        code = python.__code__
        cells = dict(zip(code.co_freevars, python.__closure__ or (), strict=True))
        self.known: dict[str, object] = {**vars(builtins), **python.__globals__}
        for name, cell in cells.items():
            try:
                self.known[name] = cell.cell_contents
            except ValueError:
                self.known.pop(name, None)
        for name in (*code.co_varnames, *code.co_cellvars):
            self.known.pop(name, None)

    def value(self, node: ast.expr) -> object:
        """The object that a chain `name.attribute` is, if it is known."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        return getattr(self.value(node.value), node.attr, None) if isinstance(node, ast.Attribute) else None


class _Reference(Selections, ast.NodeTransformer):
    """The rewriting of source, whose names are the user's."""

    def __init__(self, names: _Names, sizes: Mapping[str, ast.expr]) -> None:
        self.names = names
        self.sizes = sizes
        self.changed = False

    def function(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        """The function that runs; the same one where nothing had to be rewritten."""
        new = copy.copy(tree)
        new.body = [self.visit(copy.deepcopy(each)) for each in self.block(tree.body)]
        return new if self.changed else tree

    def kind(self, statement: ast.stmt) -> str | None:
        match statement:
            case ast.With(items=[ast.withitem(ast.Call(func=function), None)]):
                value = self.names.value(function)
            case _:
                return None
        name = next((each for each in ("when", "otherwise", "case") if value is getattr(Parallel, each)), None)
        self.changed |= name is not None
        return name

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        from htp_dialect_wsp.axes import DenseDyn

        match node:
            case ast.Call(func=function, args=[ast.Constant(str(name))], keywords=[]) if (
                name in self.sizes and self.names.value(function) is DenseDyn
            ):
                self.changed = True
                size = ast.copy_location(copy.deepcopy(self.sizes[name]), node)
                return ast.copy_location(ast.Call(node.func, [*node.args, size], []), node)
            case _:
                return node


def _source(python: Callable[..., object]) -> ast.FunctionDef | None:
    """The syntax of a function with the places of its file."""
    try:
        lines, first = inspect.getsourcelines(python)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    ast.increment_lineno(tree, first - 1)
    shift = len(lines[0]) - len(lines[0].lstrip())
    for node in ast.walk(tree):
        if hasattr(node, "col_offset"):
            node.col_offset += shift  # type: ignore[attr-defined]
            node.end_col_offset += shift  # type: ignore[attr-defined]
    found = tree.body[0]
    return found if isinstance(found, ast.FunctionDef) else None


def _compiled(tree: ast.FunctionDef, python: Callable[..., object]) -> FunctionType:
    """`tree` as a function over the globals and variables of `python`."""
    # Only the code of the function is taken; what stands around it, decorators included, never runs.
    free = python.__code__.co_freevars
    outer = ast.FunctionDef(
        "outer", ast.arguments([], [], None, [], [], None, []),
        [*(ast.parse(f"{name} = None").body[0] for name in free), tree], [], lineno=1,
    )  # fmt: skip
    module = ast.fix_missing_locations(ast.Module([outer], []))
    code = _inner(_inner(compile(module, python.__code__.co_filename, "exec"), "outer"), tree.name)
    code = code.replace(co_qualname=python.__code__.co_qualname)
    cells = dict(zip(free, python.__closure__ or (), strict=True))
    made = FunctionType(
        code, python.__globals__, python.__name__, python.__defaults__, tuple(cells[name] for name in code.co_freevars)
    )
    made.__kwdefaults__ = python.__kwdefaults__
    made.__doc__ = python.__doc__
    made.__module__ = python.__module__
    return made


def _inner(code: CodeType, name: str) -> CodeType:
    return next(each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name)
