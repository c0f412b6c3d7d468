"""Emission: a program in register form as one readable C++17 file with its prelude, native face and source map.

Knows files, functions and the entry; statements and expressions are printed by the modules of these names. Nothing is
decided here: every line says what a statement of the program says.
"""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.artifact.seal import canonical
from htp.declarations import Emission
from htp.diagnostics import Bug
from htp.program import origin_of
from htp.types import ScalarType
from htp.unparse import param_text, statement_text
from htp_backend_cpu.abi import CONTRACT, MappedLine, SourceMap, abi_file, c_header, native_face
from htp_backend_cpu.checks import Checks
from htp_backend_cpu.dims import dim_text
from htp_backend_cpu.handlers import Handlers
from htp_backend_cpu.literals import literal, widened
from htp_backend_cpu.module import module_source
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import BOOL, FLOAT, FLOATS, INT, ArrayName, Meaning, Scope, SlotName
from htp_backend_cpu.source import INDENT, Line
from htp_backend_cpu.statements import Statements
from htp_backend_cpu.streams import buffers_of, end_of, spawned
from htp_backend_cpu.tasks import recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.program import Function, Program
    from htp.targets import Target
    from htp.types import Param
    from htp_backend_cpu.abi import Native
    from htp_backend_cpu.tasks import Recorded


PYTHON_NUMBERS = {BOOL: "bool_", FLOAT: "f64", INT: "i64"}


def emit(program: Program, target: Target | None = None) -> Emission:
    """Prints `program`, which is in register form; the target's variants differ only in how they are built.

    Raises:
        Bug: a statement is not register form; the message quotes it.
    """
    checks, handlers = Checks(), Handlers()
    printed = [(each.name, _function(each, program, checks, handlers)) for each in _callees_first(program)]
    found = recorded(_callees_first(program))
    lines = _head(program, handlers, found)
    owners = [""] * len(lines)
    values = ("", [Line(text) for text in _values(program)])
    for owner, block in (*_handlers(handlers), values, *_declared(program, printed), *printed):
        lines += [*block, Line("")]
        owners += [owner] * len(block) + [""]
    abi = native_face(
        program, tuple(checks.rows), tasks=found.tasks, work=found.work, streams=found.streams,
        process_tasks=found.process_tasks,
    )  # fmt: skip
    lines += [Line("}  // namespace program"), Line("}  // namespace htp"), Line("")]
    lines += [Line(text) for text in _entry(program, abi, found)]
    owners += [""] * (len(lines) - len(owners))
    name = f"codegen/cpu/{program.entry}.cpp"
    mapped = SourceMap(file=name, lines=tuple(_mapped(lines, owners)))
    source = "\n".join(each.text for each in lines) + "\n"
    sources = {name: source, f"codegen/cpu/{program.entry}_module.cpp": module_source(abi)}
    contract = {
        "contract/abi.json": canonical(abi_file(abi, [each.name for each in _callees_first(program)])),
        "contract/cpu.json": canonical(abi),
        "contract/source_map.json": canonical(mapped),
        f"contract/{program.entry}.h": c_header(abi).encode(),
    }
    written = {path: text.encode() for path, text in sources.items()}
    written.update({f"codegen/cpu/{path}": text for path, text in prelude(found).items()})
    return Emission(
        files=tuple(sorted(written.items())), contract=CONTRACT, contract_files=tuple(sorted(contract.items()))
    )


def prelude(found: Recorded) -> dict[str, bytes]:
    """The headers that a package carries, by file name."""
    left_out = found.left_out
    folder = files("htp_backend_cpu").joinpath("native")
    headers = (each for each in folder.iterdir() if each.name.endswith(".hpp"))
    return {each.name: each.read_bytes() for each in headers if each.name not in left_out}


def _head(program: Program, handlers: Handlers, found: Recorded) -> list[Line]:
    origin = program.main.origin
    first = f"// {program.entry}, from {PurePath(origin.file).name}:{origin.line}"
    own = [Line(first), Line('#include "htp_regions.hpp"')]
    own += [Line(f'#include "{each}"') for each in found.headers]
    return [*own, *handlers.includes, Line(""), Line("namespace htp {")]


def _handlers(handlers: Handlers) -> list[tuple[str, list[Line]]]:
    """What handlers wrote: helpers, then functions, each under the name by which the program calls it."""
    if not handlers.functions:
        return []
    named = [(f"handlers::{name}", lines) for name, lines in handlers.functions]
    helpers = [("", lines) for lines in handlers.helpers]
    return [("", [Line("namespace handlers {")]), *helpers, *named, ("", [Line("}  // namespace handlers")])]


def _values(program: Program) -> list[str]:
    """The constants and slots of the program."""
    lines = ["namespace program {", ""]
    for name, value in program.constants:
        dtype = "bool_" if isinstance(value, bool) else "i64" if isinstance(value, int) else "f64"
        lines.append(f"constexpr {dtype} {spelled(name)} = {literal(value)};")
    lines += [""] if program.constants else []
    if program.slots:
        slots = [f"{INDENT}{slot.dtype.name} {spelled(name)};" for name, slot in program.slots]
        lines += ["// Values that may change between runs.", "struct Slots {", *slots, "};", ""]
    return lines[:-1]


def _callees_first(program: Program) -> list[Function]:
    known = {each.name: each for each in program.functions}
    found: dict[str, Function] = {}

    def visit(function: Function, above: tuple[str, ...]) -> None:
        if function.name in above:
            raise Bug(f"not register form: {function.name} calls itself")
        for statement in function.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
                    visit(known[node.func.id], (*above, function.name))
                elif (name := spawned(node)) is not None and name not in (*above, function.name):
                    visit(known[name], (*above, function.name))
        found.setdefault(function.name, function)

    visit(program.main, ())
    return list(found.values())


def _declared(program: Program, printed: Iterable[tuple[str, list[Line]]]) -> list[tuple[str, list[Line]]]:
    """The heads of processes that others start, or they themselves, perhaps before they are defined."""
    nodes = (node for function in program.functions for each in function.body for node in ast.walk(each))
    started = {spawned(node) for node in nodes}
    heads: list[Line] = []
    for name, lines in printed:
        if name in started:
            code = [each.text for each in lines if not each.text.startswith("//")]
            last = next(number for number, text in enumerate(code) if text.endswith(" {"))
            heads += [*map(Line, code[:last]), Line(f"{code[last].removesuffix(' {')};")]
    return [("", heads)] if heads else []


def _function(function: Function, program: Program, checks: Checks, handlers: Handlers) -> list[Line]:
    names: dict[str, Meaning] = {}
    for name, value in program.constants:
        names[name] = BOOL if isinstance(value, bool) else INT if isinstance(value, int) else FLOAT
    for name, slot in program.slots:
        names[name] = SlotName(slot.dtype.name)
    layouts: list[str] = []
    params = ["const Context& ctx", *(["const Slots& slots"] if program.slots else [])]
    for param in function.params:
        if param.is_end:
            names[param.name], form = end_of(param)
            params.append(f"{form} {spelled(param.name)}")
            continue
        dtype, rank = _shape(param)
        if rank is None:
            # Scalars are Python numbers inside a program: they adapt to the dtype of what stands beside them.
            kind = BOOL if dtype == "bool_" else FLOAT if dtype in FLOATS else INT
            names[param.name] = kind
            params.append(f"{PYTHON_NUMBERS[kind]} {spelled(param.name)}")
        else:
            names[param.name] = ArrayName(dtype, rank)
            layouts.append(f"L{len(layouts)}")
            params.append(f"Region<{dtype}, {rank}, {layouts[-1]}> {spelled(param.name)}")
    scope = Scope(names=dict(names))
    functions = {each.name: each for each in program.functions}
    constants = {
        name: value for name, value in program.constants if name not in {each.name for each in function.params}
    }
    printer = Statements(functions, constants, checks, handlers, slots=bool(program.slots))
    for name, each in buffers_of(function).items():
        scope.names[name] = each
        printer.write(1, f"Buffer<{each.dtype}, {each.rank}> {spelled(name)};")
    printer.block(function.body, scope.inner(), 1)
    head = [f"// {line}".rstrip() for line in function.doc.split("\n")] if function.doc else []
    head.append(f"// {function.name}({', '.join(param_text(each) for each in function.params)})")
    head += [f"template <{', '.join(f'class {each}' for each in layouts)}>"] if layouts else []
    head.append(f"{'static ' if not layouts else ''}void {spelled(function.name)}({', '.join(params)}) {{")
    return [*(Line(text) for text in head), *printer.lines, Line("}")]


def _shape(param: Param) -> tuple[str, int | None]:
    """The dtype of a parameter and its rank, None for a scalar."""
    if param.type is None:
        raise Bug(f"not register form: parameter {param.name} has no type")
    if isinstance(param.type, ScalarType):
        return param.type.dtype.name, None
    return param.type.dtype.name, len(param.type.dims)


def _entry(program: Program, abi: Native, found: Recorded) -> list[str]:
    """The native entry: contiguous arrays become regions, and the first failure is handed out."""
    types: list[str] = []
    symbols = {name: spelled(name) for name in abi.dims}
    arguments = ["ctx", *(["slots"] if program.slots else [])]
    context = " = htp::recorded(runtime, failure)" if found.headers else "{runtime, failure, {}}"
    lines = [f"{INDENT}const htp::Context ctx{context};"]
    if abi.slots:
        values = ", ".join(spelled(each.name) for each in abi.slots)
        lines.append(f"{INDENT}const htp::program::Slots slots{{{values}}};")
    for each in abi.params:
        name, dtype = spelled(each.name), f"htp::{each.dtype}"
        if each.direction == "scalar":
            types.append(f"{dtype} {name}")
            arguments.append(widened(name, each.dtype, "htp::"))
            continue
        types.append(f"{'const ' if each.direction == 'in' else ''}{dtype}* {name}")
        data = f"const_cast<{dtype}*>({name})" if each.direction == "in" else name
        dims = [f"htp::i64({dim})" if isinstance(dim, int) else dim_text(dim, symbols, "htp::") for dim in each.dims]
        arguments.append(f"htp::region({', '.join([data, *dims])})")
    types += [f"htp::i64 {spelled(name)}" for name in abi.dims]
    types += [f"htp::{each.dtype} {spelled(each.name)}" for each in abi.slots]
    given = ["const htp_runtime_table* runtime", "htp::Failure* failure", *types]
    head = f'extern "C" htp::i32 {abi.symbol}(\n{INDENT}' + f",\n{INDENT}".join(given) + ") {"
    call = f"htp::program::{spelled(abi.entry)}("
    body = f",\n{INDENT * 3}".join(arguments)
    guarded = f"{INDENT}try {{\n{INDENT * 2}{call}{body});\n{INDENT}}} catch (const htp::Stop&) {{}}"
    return [*head.split("\n"), *lines, *guarded.split("\n"), f"{INDENT}return failure->code;", "}"]


def _mapped(lines: list[Line], owners: list[str]) -> list[MappedLine]:
    rows: list[MappedLine] = []
    for number, (line, owner) in enumerate(zip(lines, owners, strict=True), start=1):
        if line.statement is None:
            continue
        origin = origin_of(line.statement)
        place = f"{PurePath(origin.file).name}:{origin.line}" if origin is not None else None
        text = statement_text(line.statement).split("\n")[0]
        rows.append(MappedLine(line=number, function=owner, statement=text, origin=place, handler=line.handler))
    return rows
