"""The task form as C++: a region is a function that submits, and its kernel calls are closures with what they touch.

Knows which calls are tasks and which arrays need an order; how tasks run is the business of `native/runtime`.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.foreign import intrinsic_called
from htp.names import TASKS
from htp.program import origin_of
from htp.types import ScalarType
from htp_backend_cpu.access import cut
from htp_backend_cpu.literals import widened
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import INTEGERS, ArrayName, Region, not_register_form
from htp_backend_cpu.streams import HEADERS as STREAM_HEADERS
from htp_backend_cpu.streams import has_networks, opens_network

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from htp.program import Function
    from htp_backend_cpu.scope import Scope
    from htp_backend_cpu.statements import Statements

HEADERS = frozenset({"htp_task_table.hpp", "htp_tasks.hpp"})
"""The headers that only programs with tasks or `work` carry."""
SETTINGS = ("workers", "steal", "window", "unit", "full", "pools", "issue", "every", "batch", "interleaved")
"""The fields of `htp::Settings` in their order; `unit` and `full` are flags there."""
FLAGS = {"unit": ("bytes", "bytes"), "full": ("abort", "abort")}
ATTRIBUTES = ("worker", "pool", "priority", "stream", "tag", "after", "at")
"""The fields of `htp::Attributes` in their order."""
USES = {"in": "reads", "out": "writes", "inout": "updates"}


@dataclass(frozen=True)
class Recorded:
    """What a run of a program can report beside its wall time."""

    tasks: bool
    work: bool
    streams: bool = False
    process_tasks: bool = False

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that the program includes for it."""
        own = ("htp_streams.hpp",) if self.streams else ()
        return ("htp_tasks.hpp", *own) if self.tasks else own or (("htp_task_table.hpp",) if self.work else ())

    @property
    def left_out(self) -> frozenset[str]:
        """The headers that the program does not need."""
        unused = frozenset[str]() if self.streams else STREAM_HEADERS
        return unused if self.headers else unused | HEADERS


def recorded(functions: Iterable[Function]) -> Recorded:
    """What runs of a program of these functions can report."""
    known = tuple(functions)
    called = set[str]().union(*(_called(each.body) for each in known))
    streams = has_networks(known)
    issue = streams and any(each in _task_issuers(known) for each in _process_kernels(known))
    return Recorded("open_tasks" in called, "work" in called, streams, issue)


def _process_kernels(functions: Iterable[Function]) -> frozenset[str]:
    """The functions that are called between `open_network` and `close_network`."""
    found: set[str] = set()
    for block in (each for function in functions for each in _blocks(function.body)):
        inside = False
        for statement in block:
            inside = (inside or opens_network(statement)) and not _is_statement(statement, "close_network")
            found |= _called((statement,)) if inside else set()
    return frozenset(found)


def _blocks(statements: Sequence[ast.stmt]) -> Iterator[Sequence[ast.stmt]]:
    """The statements, and those in each branch and loop."""
    yield statements
    for each in statements:
        if isinstance(each, ast.If | ast.For | ast.While):
            yield from _blocks(each.body)
            yield from _blocks(each.orelse)


def _task_issuers(functions: Sequence[Function]) -> frozenset[str]:
    """The functions in which tasks are issued, by themselves or by what they call; callees come first."""
    found = {"open_tasks"}
    for each in functions:
        if found & _called(each.body):
            found.add(each.name)
    return frozenset(found)


def _called(statements: Iterable[ast.stmt]) -> set[str]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    return {each.func.id for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}


def opens(statement: ast.stmt) -> bool:
    """Whether a task region begins here."""
    return _is_statement(statement, "open_tasks")


def task_region(printer: Statements, body: Sequence[ast.stmt], scope: Scope, depth: int) -> Sequence[ast.stmt]:
    """Prints the region that the first statement opens, up to `close_tasks`; returns the statements behind it."""
    opening, *rest = body
    ends = [number for number, each in enumerate(rest) if _is_statement(each, "close_tasks")]
    if not ends or not isinstance(opening, ast.Expr) or not isinstance(opening.value, ast.Call):
        not_register_form(opening, "no `close_tasks` behind it")
    inside, behind = rest[: ends[0]], rest[ends[0] + 1 :]
    given = {each.arg: each.value for each in opening.value.keywords if each.arg is not None}
    written = _written(printer, inside)
    independent = _texts(given.pop("independent", None))
    by_bytes = _text(given.get("unit")) == "bytes"
    region = Region(frozenset(written - independent), frozenset(written & independent), by_bytes)
    settings = ", ".join(_setting(printer, name, given[name], scope) for name in SETTINGS if name in given)
    printer.write(depth, f"run_tasks(ctx, {{{settings}}}, [&](Tasks& tasks) {{", opening)
    for name in sorted(region.ordered):
        if isinstance(scope.find(name), ArrayName):
            printer.write(depth + 1, f"Accesses {accesses_of(name)};")
    inner = scope.inner(region=region)
    printer.block(inside, inner, depth + 1)
    printer.write(depth, "});")
    lost = set(inner.names) & {node.id for each in behind for node in ast.walk(each) if isinstance(node, ast.Name)}
    if lost:
        not_register_form(opening, f"{min(lost)} is used behind `close_tasks`")
    return behind


def task_word(printer: Statements, node: ast.stmt, call: ast.Call, scope: Scope, depth: int) -> None:
    """Prints a statement of the task form other than the opening of a region."""
    match _word(call):
        case "work" if len(call.args) == 1:
            printer.write(depth, f"work(ctx, {_integer(printer, call.args[0], scope)});", node)
        case "task" if scope.region is not None:
            given = {each.arg: each.value for each in call.keywords}
            fields = [f".{name} = {_attribute(printer, given[name], scope)}" for name in ATTRIBUTES if name in given]
            printer.write(depth, f"tasks.task({{{', '.join(fields)}}});", node)
        case "barrier" if scope.region is not None:
            printer.write(depth, "tasks.barrier();", node)
        case "wait_for" if scope.region is not None:
            roots = {_root(each) for each in call.args}
            parts = [_use(printer, each, "in", scope) for each in call.args if _root(each) in scope.region.ordered]
            if roots & scope.region.independent:
                printer.write(depth, "tasks.barrier();", node)
            elif parts:
                printer.write(depth, f"tasks.wait_for({', '.join(parts)});", node)
        case _:
            not_register_form(node, "not in a task region")


def submit(
    printer: Statements, node: ast.stmt, function: Function, given: Sequence[ast.expr], scope: Scope, depth: int
) -> None:
    """Prints the call of a kernel in a region: a task that touches what its arguments name."""
    origin = origin_of(node)
    place = f"{PurePath(origin.file).name}:{origin.line}" if origin is not None else ""
    slots = "slots, " if printer.slots else ""
    name = json.dumps(function.name)
    head = f"tasks.submit({name}, {json.dumps(place, ensure_ascii=False)}, [&](const Context& ctx, auto... given) {{ "
    parts: list[str] = []
    for argument, param in zip(given, function.params, strict=True):
        if isinstance(param.type, ScalarType):
            dtype = param.type.dtype.name
            parts.append(widened(printer.expressions.typed(argument, scope, dtype, 0), dtype))
        else:
            parts.append(_use(printer, argument, param.direction, scope))
    printer.write(depth, f"{head}{spelled(function.name)}(ctx, {slots}given...); }},", node)
    printer.write(depth + 1, f"{', '.join(parts)});")


def acts_itself(statement: ast.stmt, functions: Container[str]) -> bool:
    """Whether a statement of a region writes memory or prints without a task: that comes after the tasks so far."""
    match statement:
        case ast.Assign(targets=[ast.Subscript()]) | ast.AugAssign(target=ast.Subscript()):
            return True
        case ast.Assign(value=ast.Call() as call):
            return intrinsic_called(call) is not None
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name not in functions and name not in TASKS and name != "require"
        case ast.Expr(value=ast.Call()):
            return True
        case _:
            return False


def accesses_of(name: str) -> str:
    """The C++ name of what is known of the accesses to an array."""
    return f"{spelled(name)}_accesses"


def _use(printer: Statements, node: ast.expr, direction: str, scope: Scope) -> str:
    """An array or a block of one as an argument of a task."""
    text = cut(printer.expressions, node, scope)
    region, name = scope.region, _root(node)
    parts = text.removeprefix("cut(").removesuffix(")") if text.startswith("cut(") else text
    if region is not None and name in region.ordered:
        return f"{USES[direction]}({accesses_of(name)}, {parts})"
    freely = region is not None and region.bytes and direction != "in"
    return f"writes_freely({parts})" if freely else text


def _setting(printer: Statements, name: str, value: ast.expr, scope: Scope) -> str:
    if name in FLAGS:
        field, on = FLAGS[name]
        return f".{field} = {'true' if _text(value) == on else 'false'}"
    return f".{name} = {printer.expressions.text(value, scope).cpp}"


def _attribute(printer: Statements, value: ast.expr, scope: Scope) -> str:
    if isinstance(value, ast.Tuple | ast.List):
        return f"{{{', '.join(_integer(printer, each, scope) for each in value.elts)}}}"
    return _integer(printer, value, scope)


def _integer(printer: Statements, node: ast.expr, scope: Scope) -> str:
    text = printer.expressions.text(node, scope)
    if text.kind.lanes or text.kind.dtype not in {"int", "bool_", *INTEGERS}:
        not_register_form(node, "not an integer")
    return text.cpp if text.kind.dtype in ("int", "i64") else f"i64({text.cpp})"


def _written(printer: Statements, body: Sequence[ast.stmt]) -> set[str]:
    """The arrays that kernels called in the body write."""
    found: set[str] = set()
    for call in (node for each in body for node in ast.walk(each) if isinstance(node, ast.Call)):
        function = printer.functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if function is not None:
            given = zip(printer.arguments(call, function), function.params, strict=True)
            found |= {_root(node) for node, param in given if param.direction in ("out", "inout")}
    return found


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else not_register_form(node, "not an array that has a name")


def _is_statement(statement: ast.stmt, word: str) -> bool:
    return isinstance(statement, ast.Expr) and _word(statement.value) == word


def _word(node: ast.AST) -> str | None:
    """The word of the task form that is called."""
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    return called if called in TASKS else None


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(node: ast.expr | None) -> set[str]:
    return {_text(each) for each in node.elts} if isinstance(node, ast.Tuple | ast.List) else set()
