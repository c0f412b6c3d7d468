"""The process form as C++: a network is a function that makes channels and processes, and each word an operation.

Knows which calls declare processes and which networks look at the time; how processes run is the business of
`native/htp_network.hpp`.
"""

from __future__ import annotations

import ast
import json
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.names import STREAMS
from htp.program import origin_of
from htp.types import ScalarType, TensorType
from htp_backend_cpu.access import cut
from htp_backend_cpu.literals import constant_of, widened
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import BOOL, FLOAT, INT, BufferName, ChannelName, EndName, Network, not_register_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from htp.program import Function
    from htp.types import Param
    from htp_backend_cpu.scope import ArrayName, Kind, Scope
    from htp_backend_cpu.statements import Statements

HEADERS = frozenset(
    f"htp_{each}.hpp"
    for each in ("buffers", "json", "kahn", "link", "network", "process", "slots", "streams", "told", "turns")
)
"""The headers that only programs with networks carry."""
LOOKS = frozenset(
    ("advance_any", "channel", "full", "occupancy", "peek", "spawn_process", "try_advance", "try_send")
)
"""Words of processes whose answer depends on the time, or which make something whose name and place in reports do:
processes of a network with one of them take turns."""
TIMING = ("capacity", "latency", "response")
"""The first fields of `htp::Timing` in their order."""
ASKED: Mapping[str, Kind] = {
    "advance": BOOL, "full": BOOL, "try_send": BOOL, "try_advance": INT, "peek": INT, "occupancy": INT,
}  # fmt: skip
"""What the words of one end give that ask something."""


NUMBERS = {BOOL: "bool_", FLOAT: "f64", INT: "i64"}
"""The types of Python's numbers, which is what tokens of numbers are."""


def opens_network(statement: ast.stmt) -> bool:
    """Whether a network begins here."""
    return _is_statement(statement, "open_network")


def has_networks(functions: Iterable[Function]) -> bool:
    """Whether a program of these functions opens a network."""
    return any(_word(node) == "open_network" for each in functions for part in each.body for node in ast.walk(part))


def end_of(param: Param) -> tuple[EndName, str]:
    """What a parameter is that is an end of a channel, and its type in C++."""
    if param.type is None or param.several:
        return not_register_form(ast.Name(param.name, ast.Load()), "several ends of channels")
    rank = 0 if isinstance(param.type, ScalarType) else len(param.type.dims)
    end = EndName(param.type.dtype.name, rank, isinstance(param.type, TensorType))
    return end, f"{'Send' if param.direction == 'send' else 'Recv'}<{end.arguments}>"


def buffers_of(function: Function) -> dict[str, BufferName]:
    """The names of buffers that are sent or received whole: they live as long as the function, under one type."""
    ends = {each.name: end_of(each)[0] for each in function.params if each.is_end}
    nodes = [node for each in function.body for node in ast.walk(each)]
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if _word(call) == "channel":
                ends[name] = _made(call)
            case _:
                pass
    found: dict[str, BufferName] = {}
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="send" | "try_send"), args=[ast.Name(id=end), ast.Name(id=name)]):
                _owned(found, node, name, ends.get(end))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                match _word(call), call.args:
                    case "token", [end]:
                        _owned(found, node, name, ends.get(_named(end)))
                    case "channel", _:
                        made = _made(call)
                        for each in _initial(call):
                            _owned(found, node, ast.unparse(each), made)
                    case _:
                        pass
            case _:
                pass
    return found


def _owned(found: dict[str, BufferName], node: ast.AST, name: str, end: EndName | None) -> None:
    if end is None or not end.buffers:
        return
    made = BufferName(end.dtype, end.rank)
    if found.setdefault(name, made) != made:
        not_register_form(node, f"{name} is buffers of two types")


def network(printer: Statements, body: Sequence[ast.stmt], scope: Scope, depth: int) -> Sequence[ast.stmt]:
    """Prints the network that the first statement opens, up to `close_network`; returns the statements behind it."""
    opening, *rest = body
    ends = [number for number, each in enumerate(rest) if _is_statement(each, "close_network")]
    if not ends:
        not_register_form(opening, "no `close_network` behind it")
    inside, behind = rest[: ends[0]], rest[ends[0] + 1 :]
    timed = "true" if _looks(printer, inside) else "false"
    printer.write(depth, f"run_network(ctx, {timed}, [&](Network& network) {{", opening)
    inner = scope.inner(network=Network())
    printer.block(inside, inner, depth + 1)
    printer.write(depth, f"}}, {place_of(rest[ends[0]])});", rest[ends[0]])
    lost = set(inner.names) & {node.id for each in behind for node in ast.walk(each) if isinstance(node, ast.Name)}
    if lost:
        not_register_form(opening, f"{min(lost)} is used behind `close_network`")
    return behind


def channel(printer: Statements, node: ast.stmt, name: str, call: ast.Call, scope: Scope, depth: int) -> None:
    """Prints the statement that makes a channel, and its initial tokens."""
    given = {each.arg or "": each.value for each in call.keywords}
    initial, said, made = _initial(call), given.get("name"), _made(call)
    label = said.value if isinstance(said, ast.Constant) else name
    fields = [f".{each} = {printer.expressions.scalar(given[each], scope)}" for each in TIMING if each in given]
    fields += [f".initial = {len(initial)}"] if initial else []
    bounds = (printer.expressions.scalar(each, scope) for each in _shape(call.args[1]))
    parts = ", ".join((json.dumps(label), f"{{{', '.join(fields)}}}", *bounds))
    known = scope.find(name)
    if known is not None and known != made:
        not_register_form(node, f"{name} is a channel of another type")
    declared = "" if known is not None else "auto "
    owner = "network" if scope.network is not None else "running_network()"
    printer.write(depth, f"{declared}{spelled(name)} = {owner}.channel<{made.arguments}>({parts});", node)
    scope.names[name] = made
    for each in initial:
        printer.write(depth, f"{spelled(name)}.initial({_payload(printer, each, made, scope)});")


def _shape(shape: ast.expr) -> list[ast.expr]:
    return list(shape.elts) if isinstance(shape, ast.Tuple) else [shape]


def _initial(call: ast.Call) -> list[ast.expr]:
    tokens = next((each.value for each in call.keywords if each.arg == "initial"), None)
    return list(tokens.elts) if isinstance(tokens, ast.Tuple) else []


def _made(call: ast.Call) -> ChannelName:
    """What a call of `channel` makes."""
    buffers = any(each.arg == "region" and constant_of(each.value) is True for each in call.keywords)
    return ChannelName(ast.unparse(call.args[0]), len(_shape(call.args[1])), buffers)


def process(
    printer: Statements, node: ast.stmt, function: Function, given: Sequence[ast.expr], scope: Scope, depth: int
) -> None:
    """Prints the call of a kernel in a network: a process."""
    named = scope.network.named if scope.network is not None else None
    if scope.network is not None:
        scope.network.named = None
    _begun(printer, node, "network.process", "&", named, function, given, scope, depth)


def spawned(node: ast.AST) -> str | None:
    """The kernel that a node starts as a process."""
    match node:
        case ast.Call(func=ast.Name(id="spawn_process"), args=[ast.Name(id=name), *_]):
            return name
        case _:
            return None


def _begun(
    printer: Statements, node: ast.stmt, call: str, capture: str, named: str | None, function: Function,
    given: Sequence[ast.expr], scope: Scope, depth: int,
) -> None:  # fmt: skip
    """Prints the call that adds a process; one that is started may run longer than what its parent has on the stack."""
    slots = "slots, " if printer.slots else ""
    head = (
        f"{call}({json.dumps(named or function.name)}, {place_of(node)}, "
        f"[{capture}](const Context& ctx, auto... given) {{ "
    )
    parts: list[str] = []
    for argument, param in zip(given, function.params, strict=True):
        if param.is_end:
            end = argument.id if isinstance(argument, ast.Name) else ""
            parts.append(f"{'sends' if param.direction == 'send' else 'receives'}({spelled(end)})")
        elif isinstance(param.type, ScalarType):
            dtype = param.type.dtype.name
            parts.append(widened(printer.expressions.typed(argument, scope, dtype, 0), dtype))
        else:
            parts.append(cut(printer.expressions, argument, scope))
    printer.write(depth, f"{head}{spelled(function.name)}(ctx, {slots}given...); }},", node)
    printer.write(depth + 1, f"{', '.join(parts)});")


def token(printer: Statements, node: ast.AnnAssign, name: str, array: ArrayName, scope: Scope, depth: int) -> None:
    """Prints the statement that names a token, which is read where it lies."""
    end = _end(printer, node.value.args[0], scope) if isinstance(node.value, ast.Call) else ""
    taken = f"{end}.token({place_of(node)})"
    printer.write(depth, f"const Region<{array.dtype}, {array.rank}> {spelled(name)} = {taken};", node)
    scope.names[name] = array


def buffer(
    printer: Statements, node: ast.stmt, name: str, array: BufferName, value: ast.expr, scope: Scope, depth: int
) -> None:
    """Prints the statement that makes or receives a buffer which can be given away."""
    form, own = f"Buffer<{array.dtype}, {array.rank}>", spelled(name)
    match value:
        case ast.Call(func=ast.Name(id="token"), args=[end]):
            printer.write(depth, f"{own} = {_end(printer, end, scope)}.token({place_of(node)});", node)
        case ast.Call(func=ast.Name(id="empty"), args=[shape, _]):
            sizes = ", ".join(["ctx", *(printer.expressions.scalar(each, scope) for each in _shape(shape))])
            printer.write(depth, f"{own} = {form}::made({sizes});", node)
        case _:
            not_register_form(node, "neither a new nor a received buffer")


def in_slot(printer: Statements, end: str, sizes: Iterable[str], scope: Scope) -> str:
    """The text of a tile of these sizes that is computed where the next token lies."""
    return f"{_side(end, 'sending', scope)}.place({', '.join((place_of(printer.statement), *sizes))})"


def stream_word(printer: Statements, node: ast.stmt, call: ast.Call, scope: Scope, depth: int) -> None:
    """Prints a statement of the process form."""
    word = _word(call)
    match word, call.args:
        case "process_name", [ast.Constant(value=str(name))] if scope.network is not None:
            scope.network.named = name
        case "send", [ast.Name(id=name), value] if isinstance(end := scope.find(name), EndName):
            payload = _payload(printer, value, end, scope)
            printer.write(depth, f"{_side(name, 'sending', scope)}.send({payload}, {place_of(node)});", node)
        case "close", [ast.Name(id=name)]:
            printer.write(depth, f"{_side(name, 'sending', scope)}.close({place_of(node)});", node)
        case "spawn_process", [ast.Name(id=name), *given]:
            said = (each.value.value for each in call.keywords if isinstance(each.value, ast.Constant))
            label = next(map(str, said), None)
            _begun(printer, node, "running_network().spawn", "=", label, printer.functions[name], given, scope, depth)
        case "stop_process", []:
            printer.write(depth, "stop_process();", node)
        case _ if word == "advance_any" or word in ASKED:
            printer.write(depth, f"{printer.expressions.text(call, scope).cpp};", node)
        case _:
            not_register_form(node, "not a statement of the process form")


def asked(printer: Statements, call: ast.Call, scope: Scope) -> tuple[str, Kind] | None:
    """The text of a word that gives something, and what it gives."""
    word, place = _word(call), place_of(printer.statement)
    match word, call.args:
        case "token", [taken] if isinstance(end := scope.find(_named(taken)), EndName) and not end.rank:
            text = f"{_end(printer, taken, scope)}.token({place})"
            return f"{NUMBERS[end.number]}({widened(text, end.dtype)})", end.number
        case "token_size", [taken, axis]:
            return f"{_end(printer, taken, scope)}.token_size({printer.expressions.scalar(axis, scope)}, {place})", INT
        case "advance_any", ends:
            return f"advance_any({', '.join([place, *(spelled(ast.unparse(each)) for each in ends)])})", INT
        case "try_send", [ast.Name(id=name), value] if isinstance(end := scope.find(name), EndName):
            return f"{_side(name, 'sending', scope)}.try_send({_payload(printer, value, end, scope)}, {place})", BOOL
        case str(), [ast.Name(id=name)] if word in ASKED:
            return f"{_side(name, 'receiving', scope)}.{word}({place})", ASKED[word]
        case _:
            return None


def _named(end: ast.expr) -> str:
    """The name of an end, or of the first one that may be chosen."""
    return ast.unparse(end.args[1] if isinstance(end, ast.Call) else end)


def _end(printer: Statements, end: ast.expr, scope: Scope) -> str:
    """The text of an end, or of one that a number chooses."""
    match end:
        case ast.Call(func=ast.Name(id="one_of"), args=[at, *ends]):
            chosen = printer.expressions.scalar(at, scope)
            several = (_side(_named(each), "receiving", scope) for each in ends)
            return f"one_of({', '.join((place_of(printer.statement), chosen, *several))})"
        case _:
            return _side(_named(end), "receiving", scope)


def _side(name: str, side: str, scope: Scope) -> str:
    """The text of an end; of a channel that the process itself has made, of the side that is wanted."""
    return f"{spelled(name)}.{side}()" if isinstance(scope.find(name), ChannelName) else spelled(name)


def _payload(printer: Statements, value: ast.expr, end: EndName | ChannelName, scope: Scope) -> str:
    """What is put into a channel: a number of its dtype, or a block of memory, which is copied."""
    if end.rank:
        return cut(printer.expressions, value, scope)
    return printer.expressions.typed(value, scope, end.dtype, 0)


def _looks(printer: Statements, body: Sequence[ast.stmt]) -> bool:
    """Whether a process that the body declares does something that depends on the time."""
    found = _called(printer, body)
    seen: set[str] = set()
    while found:
        name = found.pop()
        if name in LOOKS:
            return True
        if name not in seen and name in printer.functions:
            seen.add(name)
            found |= _called(printer, printer.functions[name].body) | _words(printer.functions[name].body)
    return False


def _called(printer: Statements, body: Iterable[ast.stmt]) -> set[str]:
    """The functions of the program that some statements call."""
    nodes = (node for each in body for node in ast.walk(each) if isinstance(node, ast.Call))
    return {name for node in nodes if isinstance(node.func, ast.Name) and (name := node.func.id) in printer.functions}


def _words(body: Iterable[ast.stmt]) -> set[str]:
    """The words of the process form that some statements say."""
    return {word for each in body for node in ast.walk(each) if (word := _word(node)) is not None}


def place_of(node: ast.AST | None) -> str:
    """The user's place of a statement as a C++ literal."""
    origin = origin_of(node) if node is not None else None
    text = f"{PurePath(origin.file).name}:{origin.line}" if origin is not None else ""
    return json.dumps(text, ensure_ascii=False)


def _is_statement(statement: ast.stmt, word: str) -> bool:
    return isinstance(statement, ast.Expr) and _word(statement.value) == word


def _word(node: ast.AST) -> str | None:
    """The word of the process form that is called."""
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    return called if called in STREAMS else None
