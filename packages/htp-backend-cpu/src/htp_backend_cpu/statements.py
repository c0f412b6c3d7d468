"""Statements of the register form as C++ lines.

Knows stores, buffers, loops, strips, branches and calls; expressions are printed elsewhere.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.foreign import intrinsic_called
from htp.liveness import loads, writes
from htp.names import STREAMS, TASKS
from htp.program import origin_of
from htp.types import ScalarType
from htp_backend_cpu.access import cut, element_access, indices_of
from htp_backend_cpu.definitions import annotated, called, dtype_name, space_of
from htp_backend_cpu.expressions import Expressions
from htp_backend_cpu.literals import constant_of, widened
from htp_backend_cpu.names import spelled
from htp_backend_cpu.placing import placed
from htp_backend_cpu.scope import FLOAT, INT, ArrayName, BufferName, Kind, RegisterName, Scope, Strip, not_register_form
from htp_backend_cpu.source import INDENT, Line
from htp_backend_cpu.streams import asked, buffer, channel, in_slot, network, opens_network, process, stream_word, token
from htp_backend_cpu.tasks import accesses_of, acts_itself, opens, submit, task_region, task_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function
    from htp_backend_cpu.checks import Checks
    from htp_backend_cpu.handlers import Handlers

ORIGIN_COLUMN = 84


@dataclass
class Statements:
    """Prints the body of one function; `functions` are those it may call, `constants` those of the module."""

    functions: Mapping[str, Function]
    constants: Mapping[str, bool | float]
    checks: Checks
    handlers: Handlers
    slots: bool = False
    lines: list[Line] = field(default_factory=list[Line])
    place: str = ""
    statement: ast.stmt | None = None
    placed: dict[int, str] = field(default_factory=dict[int, str])

    def __post_init__(self) -> None:
        self.expressions = Expressions(self.checks, lambda call, scope: asked(self, call, scope))

    def block(self, body: Sequence[ast.stmt], scope: Scope, depth: int) -> None:
        """Prints statements in a scope of their own making."""
        self.placed.update(placed(body))
        for number, statement in enumerate(body):
            if opens(statement):
                self.block(task_region(self, body[number:], scope, depth), scope, depth)
                return
            if opens_network(statement):
                self.block(network(self, body[number:], scope, depth), scope, depth)
                return
            self._statement(statement, scope, depth)

    def write(self, depth: int, text: str, statement: ast.stmt | None = None) -> None:
        """Prints one line, with the user's place behind it where a statement begins."""
        line = INDENT * depth + text
        origin = origin_of(statement) if statement is not None else None
        if origin is not None:
            place = f"{PurePath(origin.file).name}:{origin.line}"
            if place != self.place:
                line = f"{line:<{ORIGIN_COLUMN}}  // {place}"
            self.place = place
        self.lines.append(Line(line, statement))

    def _statement(self, node: ast.stmt, scope: Scope, depth: int) -> None:
        if scope.region is not None and acts_itself(node, self.functions):
            self.write(depth, "tasks.barrier();")
        self.statement = node
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._definition(node, name, value, scope, depth)
            case ast.Assign(value=ast.Call() as call) if intrinsic_called(call) is not None:
                self.write(depth, self.handlers.call(node, call, scope, self.expressions), node)
            case ast.Assign(targets=[target]):
                self._assignment(node, target, node.value, scope, depth)
            case ast.AugAssign():
                value = ast.BinOp(_as_load(node.target), node.op, node.value)
                self._assignment(node, node.target, value, scope, depth)
            case ast.For():
                self._loop(node, scope, depth)
            case ast.If():
                self._branch(node, scope, depth)
            case ast.While():
                self.write(depth, f"while ({self._scalar(node.test, scope)}) {{", node)
                self.block(node.body, scope.inner(), depth + 1)
                self.write(depth, "}")
            case ast.Expr(value=ast.Call() as call):
                self._call(node, call, scope, depth)
            case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                not_register_form(node, "no such statement")

    def _scalar(self, node: ast.expr, scope: Scope) -> str:
        return self.expressions.scalar(node, scope)

    def _definition(self, node: ast.AnnAssign, name: str, value: ast.expr, scope: Scope, depth: int) -> None:
        dtype, dims = annotated(node.annotation)
        if dims is not None and called(value, ("alloc", "empty")) is not None:
            self._buffer(node, name, dtype, dims, scope, depth)
            return
        if dims is not None and called(value, ("token",)) is not None:
            token(self, node, name, ArrayName(dtype, len(dims)), scope, depth)
            return
        width = 0
        if dims is not None and len(dims) == 1:
            number = constant_of(dims[0])
            width = number if isinstance(number, int) else 0
        if dims is not None and not width:
            not_register_form(node, "a vector has one axis of constant width")
        kind = Kind(dtype, width)
        if isinstance(node.annotation, ast.Name):
            # `n: i64` is a Python number, which adapts to the dtype beside it; `x: Scalar[i64]` is a typed element.
            kind = {"i64": INT, "f64": FLOAT}.get(dtype, kind)
        text = self.expressions.typed(value, scope, dtype, width)
        self.write(depth, f"{f'Vec<{dtype}, {width}>' if width else dtype} {spelled(name)} = {text};", node)
        scope.names[name] = kind

    def _buffer(
        self, node: ast.stmt, name: str, dtype: str, dims: Sequence[ast.expr], scope: Scope, depth: int
    ) -> None:
        call = node.value if isinstance(node, ast.AnnAssign | ast.Assign) else None
        if not isinstance(call, ast.Call):
            return
        shape = call.args[0]
        extents = list(shape.elts) if isinstance(shape, ast.Tuple) else [shape]
        space = "heap" if called(call, ("empty",)) else space_of(call)
        if len(extents) != len(dims) or dtype_name(call.args[1]) != dtype:
            not_register_form(node, "the buffer is not what its annotation says")
        texts = [self._scalar(each, scope) for each in extents]
        own = spelled(name)
        if (end := self.placed.get(id(node))) is not None:
            self.write(depth, f"const Region<{dtype}, {len(texts)}> {own} = {in_slot(self, end, texts, scope)};", node)
            scope.names[name] = ArrayName(dtype, len(texts))
            return
        if space == "register":
            width = constant_of(extents[0])
            if len(extents) != 1 or not isinstance(width, int):
                not_register_form(node, "a register has one axis of constant width")
            self.write(depth, f"Vec<{dtype}, {texts[0]}> {own};", node)
            scope.names[name] = RegisterName(dtype, int(width or 0))
            return
        count = " * ".join(_factor(each) for each in texts) or "1"
        memory = f"{own}_memory.data"
        if scope.region is not None:
            memory = f"tasks.keep<{dtype}>({count})"
        elif space == "stack":
            self.write(depth, f"Stack<{dtype}, {count}> {own}_memory;", node)
        else:
            self.write(depth, f"{space.capitalize()}<{dtype}> {own}_memory(ctx, {count});", node)
        self.write(depth, f"Region<{dtype}, {len(texts)}> {own} = region({', '.join([memory, *texts])});", node)
        if scope.region is not None and name in scope.region.ordered:
            self.write(depth, f"Accesses {accesses_of(name)};", node)
        scope.names[name] = ArrayName(dtype, len(texts))

    def _assignment(self, node: ast.stmt, target: ast.expr, value: ast.expr, scope: Scope, depth: int) -> None:
        match target:
            case ast.Name(id=name) if isinstance(found := scope.find(name), BufferName):
                buffer(self, node, name, found, value, scope, depth)
            case ast.Tuple(elts=names):
                self._unpack(node, names, value, scope, depth)
            case ast.Name(id=name):
                meaning = scope.find(name)
                if isinstance(meaning, Kind) and not meaning.lanes:
                    text = self.expressions.typed(value, scope, meaning.dtype, 0)
                    self.write(depth, f"{spelled(name)} = {text};", node)
                elif meaning is None and called(value, ("empty",)) is not None:
                    call = value if isinstance(value, ast.Call) else None
                    shape = call.args[0] if call else value
                    dims = list(shape.elts) if isinstance(shape, ast.Tuple) else [shape]
                    self._buffer(node, name, dtype_name(call.args[1]) if call else "", dims, scope, depth)
                elif isinstance(value, ast.Call) and called(value, ("channel",)) is not None:
                    channel(self, node, name, value, scope, depth)
                elif meaning is None and isinstance(value, ast.Subscript):
                    text = self.expressions.text(value, scope)
                    if text.kind != INT:
                        not_register_form(node, "a new name without a type")
                    self.write(depth, f"const i64 {spelled(name)} = {text.cpp};", node)
                    scope.names[name] = INT
                else:
                    not_register_form(node, "a new name without a type, or a second value for a vector")
            case ast.Subscript(value=ast.Name(id=name)):
                self._store(node, target, name, value, scope, depth)
            case _:
                not_register_form(node, "no such assignment")

    def _unpack(self, node: ast.stmt, names: Sequence[ast.expr], value: ast.expr, scope: Scope, depth: int) -> None:
        match value:
            case ast.Attribute(value=ast.Name(id=array), attr="shape"):
                parts = [
                    f"{spelled(each.id)} = {spelled(array)}.dim({axis})"
                    for axis, each in enumerate(names)
                    if isinstance(each, ast.Name) and each.id != "_"
                ]
                scope.names.update({each.id: INT for each in names if isinstance(each, ast.Name)})
                if parts:
                    self.write(depth, f"const i64 {', '.join(parts)};", node)
            case _:
                not_register_form(node, "only a shape is unpacked")

    def _store(
        self, node: ast.stmt, target: ast.Subscript, name: str, value: ast.expr, scope: Scope, depth: int
    ) -> None:
        meaning = scope.find(name)
        if isinstance(meaning, RegisterName):
            self._store_register(node, target, name, meaning, value, scope, depth)
            return
        if not isinstance(meaning, ArrayName):
            not_register_form(node, f"{name} is no array")
        access = element_access(self.expressions, target, meaning, scope)
        text = self.expressions.typed(value, scope, meaning.dtype, access.width)
        match access.way:
            case "element":
                self.write(depth, f"{access.place} = {text};", node)
            case "line":
                self.write(depth, f"store({access.place}, {text}, {access.lanes});", node)
            case "gather":
                self.write(depth, f"scatter({access.place}, {access.index}, {text}, {access.lanes});", node)

    def _store_register(
        self, node: ast.stmt, target: ast.Subscript, name: str, register: RegisterName, value: ast.expr,
        scope: Scope, depth: int,
    ) -> None:  # fmt: skip
        own, piece = spelled(name), target.slice
        if not isinstance(piece, ast.Slice):
            not_register_form(node, "a register is written in vectors")
        text = self.expressions.typed(value, scope, register.dtype, register.width)
        if piece.lower is not None and constant_of(piece.lower) != 0:
            not_register_form(node, "a register is written from its first lane")
        if piece.upper is None or constant_of(piece.upper) == register.width:
            self.write(depth, f"{own} = {text};", node)
        else:
            lanes = self._scalar(piece.upper, scope)
            lanes = lanes if scope.strip and lanes == scope.strip.lanes else f"Part<{register.width}>{{{lanes}}}"
            self.write(depth, f"assign({own}, {lanes}, {text});", node)

    def _loop(self, node: ast.For, scope: Scope, depth: int) -> None:
        inner = scope
        end = "}"
        targets = list(node.target.elts) if isinstance(node.target, ast.Tuple) else [node.target]
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        match node.iter:
            case ast.Call(func=ast.Name(id="range"), args=args) if len(names) == 1:
                self.write(depth, self._for(node, names[0], args, scope), node)
                inner, end = scope.inner(), "}"
            case ast.Call(func=ast.Name(id="strips"), args=args) if len(names) == 2:
                width = constant_of(args[-1])
                bounds = [self._scalar(each, scope) for each in args[:-1]]
                if not isinstance(width, int) or not 1 <= len(bounds) <= 2:
                    not_register_form(node, "the width of a strip is not a constant")
                start, stop = bounds if len(bounds) == 2 else ("0", bounds[0])
                lanes = spelled(names[1])
                head = f"strips<{width}>({start}, {stop}, [&](i64 {spelled(names[0])}, auto {lanes}) HTP_LAMBDA {{"
                self.write(depth, head, node)
                inner, end = scope.inner(Strip(lanes, int(width or 0))), "});"
            case ast.Call(func=ast.Name(id="parallel"), args=args) if len(names) == len(args):
                ranges = [self._range(each, scope) for each in args]
                params = ", ".join(f"i64 {spelled(each)}" for each in names)
                self.write(depth, f"parallel(ctx, {', '.join(ranges)}, [=, &ctx]({params}) {{", node)
                inner, end = scope.inner(), "});"
            case _:
                not_register_form(node, "no such loop")
        inner.names.update(dict.fromkeys(names, INT))
        self.block(node.body, inner, depth + 1)
        self.write(depth, end)

    def _for(self, node: ast.For, name: str, args: Sequence[ast.expr], scope: Scope) -> str:
        bounds = [self._scalar(each, scope) for each in args]
        start, stop = (bounds[0], bounds[1]) if len(bounds) > 1 else ("0", bounds[0])
        own = spelled(name)
        first = f"i64 {own} = {start}"
        if any(writes(each) & loads(args[min(1, len(args) - 1)]) for each in node.body):
            first, stop = f"{first}, {own}_stop = {stop}", f"{own}_stop"
        by = args[2] if len(args) > 2 else ast.Constant(1)
        amount = self._scalar(by, scope)
        step = self.constants.get(by.id) if isinstance(by, ast.Name) else constant_of(by)
        if not isinstance(step, int) or step == 0:
            up, down = f"{own} < {stop}", f"{amount} < 0 && {own} > {stop}"
            return f"for ({first}; {amount} > 0 ? {up} : {down}; {own} += {amount}) {{"
        advance = f"++{own}" if amount == "1" else f"{own} += {amount}"
        return f"for ({first}; {own} {'<' if step > 0 else '>'} {stop}; {advance}) {{"

    def _range(self, node: ast.expr, scope: Scope) -> str:
        match node:
            case ast.Call(func=ast.Name(id="range"), args=args):
                return f"range({', '.join(self._scalar(each, scope) for each in args)})"
            case _:
                return not_register_form(node, "not a range")

    def _branch(self, node: ast.If, scope: Scope, depth: int) -> None:
        head = "if"
        while True:
            self.write(depth, f"{head} ({self._scalar(node.test, scope)}) {{", node)
            self.block(node.body, scope.inner(), depth + 1)
            match node.orelse:
                case [ast.If() as other]:
                    node, head = other, "} else if"
                case []:
                    break
                case other:
                    self.write(depth, "} else {")
                    self.block(other, scope.inner(), depth + 1)
                    break
        self.write(depth, "}")

    def _call(self, node: ast.stmt, call: ast.Call, scope: Scope, depth: int) -> None:
        match call.func:
            case ast.Name(id="mma"):
                zero = next((self._scalar(each.value, scope) for each in call.keywords if each.arg == "zero"), "false")
                parts = [cut(self.expressions, each, scope) for each in call.args[:3]]
                self.write(depth, f"mma({', '.join(parts)}, {zero});", node)
            case ast.Name(id="transpose_block" | "topk_row" as name):
                parts = [cut(self.expressions, each, scope) for each in call.args]
                self.write(depth, f"{name}({', '.join(parts)});", node)
            case ast.Name(id="sort_row" | "argsort_row" as name):
                rows = 2 if name == "argsort_row" else 1
                flags = [*call.args[rows:], *(each.value for each in call.keywords)]
                descending = self._scalar(flags[0], scope) if flags else "false"
                parts = [cut(self.expressions, each, scope) for each in call.args[:rows]]
                self.write(depth, f"{name}({', '.join(parts)}, {descending});", node)
            case ast.Name(id="require"):
                check = self.checks.assertion(call)
                self.write(depth, f"require(ctx, {self._scalar(call.args[0], scope)}, {check});", node)
            case ast.Name(id="print_tile") | ast.Attribute(value=ast.Name(id="tile"), attr="print"):
                self._print(node, call, scope, depth)
            case ast.Name(id=name) if name in self.functions:
                self._kernel(node, call, self.functions[name], scope, depth)
            case ast.Name(id=name) if name in TASKS:
                task_word(self, node, call, scope, depth)
            case ast.Name(id=name) if name in STREAMS:
                stream_word(self, node, call, scope, depth)
            case _:
                not_register_form(node, "no such call")

    def _print(self, node: ast.stmt, call: ast.Call, scope: Scope, depth: int) -> None:
        text, *values = call.args
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            not_register_form(node, "the text is not a literal")
        parts = [json.dumps(text.value, ensure_ascii=False)]
        for each in values:
            array = isinstance(each, ast.Name | ast.Subscript) and _is_block(each, scope)
            printed = cut(self.expressions, each, scope) if array else self._scalar(each, scope)
            parts.append(printed)
        self.write(depth, f"print_tile(ctx, {', '.join(parts)});", node)

    def arguments(self, call: ast.Call, function: Function) -> list[ast.expr]:
        """The arguments of a call, one for each parameter."""
        named = {each.arg: each.value for each in call.keywords}
        given = [*call.args, *(named[each.name] for each in function.params[len(call.args) :] if each.name in named)]
        if len(given) != len(function.params):
            not_register_form(call, f"{len(given)} arguments for {len(function.params)} parameters")
        return given

    def _kernel(self, node: ast.stmt, call: ast.Call, function: Function, scope: Scope, depth: int) -> None:
        given = self.arguments(call, function)
        if scope.region is not None:
            submit(self, node, function, given, scope, depth)
            return
        if scope.network is not None:
            process(self, node, function, given, scope, depth)
            return
        parts = ["ctx", *(["slots"] if self.slots else [])]
        for argument, param in zip(given, function.params, strict=True):
            if isinstance(param.type, ScalarType):
                dtype = param.type.dtype.name
                parts.append(widened(self.expressions.typed(argument, scope, dtype, 0), dtype))
            else:
                parts.append(cut(self.expressions, argument, scope))
        self.write(depth, f"{spelled(function.name)}({', '.join(parts)});", node)


def _is_block(node: ast.Name | ast.Subscript, scope: Scope) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.value.id if isinstance(node.value, ast.Name) else ""
    if not isinstance(scope.find(name), ArrayName):
        return False
    return isinstance(node, ast.Name) or any(isinstance(each, ast.Slice) for each in indices_of(node))


def _factor(text: str) -> str:
    return text if text.isidentifier() or text.isdigit() else f"({text})"


def _as_load(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body
