"""Intrinsics with handlers: each form of a call becomes one C++ function, whose body is the handler's text.

Knows which function a call needs and where it stands in the file; what a handler may ask is in `emitter.py`.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

from htp.declarations import HandlerSet
from htp.diagnostics import Bug, Label, Refused
from htp.foreign import intrinsic_named
from htp.fresh_names import fresh
from htp.intrinsics import attribute_text
from htp.program import origin_of
from htp.session import current_session
from htp.types import TileType
from htp_backend_cpu.access import cut
from htp_backend_cpu.emitter import CpuEmitter, TileName
from htp_backend_cpu.forms import Form, form_of
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import Kind
from htp_backend_cpu.source import INDENT, Line, closed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.intrinsics import Handler, Intrinsic
    from htp_backend_cpu.expressions import Expressions
    from htp_backend_cpu.scope import Scope

BACKEND = "cpu"


@dataclass(frozen=True)
class Handled:
    """An intrinsic with its handler, and the distribution that the handler comes from."""

    intrinsic: Intrinsic[..., object]
    handler: Handler
    provider: str

    def __str__(self) -> str:
        return f"{self.intrinsic.name} ({self.provider})"


def handled(qualified: str) -> Handled:
    """The intrinsic of that name and its handler for the CPU.

    Raises:
        Bug: no installed plugin has a handler of it; such a program does not get here.
        Refused: `plugin.import-failed`, `plugin.bad-item`.
    """
    session, intrinsic = current_session(), intrinsic_named(qualified)
    sets = (each for each in session.handlers.values() if isinstance(each, HandlerSet))
    found = next((each for each in sets if each.backend == BACKEND and qualified in each.intrinsics), None)
    if found is None or intrinsic is None:
        raise Bug(f"`{qualified}` has no handler for the CPU")
    return Handled(intrinsic, found.load(qualified), session.provider("htp_handlers", found))


class Handlers:
    """What handlers wrote for one program, collected while it is printed."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._functions: dict[str, list[Line]] = {}
        self._includes: dict[str, Line] = {}
        self._helpers: dict[str, list[Line]] = {}

    @property
    def functions(self) -> tuple[tuple[str, list[Line]], ...]:
        """The functions by name, in the order in which they were first needed."""
        return tuple(self._functions.items())

    @property
    def includes(self) -> tuple[Line, ...]:
        """`#include` lines for the top of the file."""
        return tuple(self._includes.values())

    @property
    def helpers(self) -> tuple[list[Line], ...]:
        """What stands in front of the functions."""
        return tuple(self._helpers.values())

    def call(self, node: ast.Assign, call: ast.Call, scope: Scope, printer: Expressions) -> str:
        """The C++ statement that stores what the intrinsic gives in the target of the statement.

        Raises:
            Refused: `cpu.bad-handler`.
        """
        found = handled(ast.unparse(call.func))
        given = found.intrinsic.signature.bind(call.args, {each.arg or "": each.value for each in call.keywords})
        form = form_of(found.intrinsic, given, scope)
        key = f"{found.intrinsic.name} {form!r}"
        if key not in self._names:
            self._names[key] = self._write(found, form, node)
        parts = ["ctx", _region(node.targets[0], scope, printer)]
        for name, type_ in form.operands:
            if isinstance(type_, TileType):
                parts.append(_region(given[name], scope, printer))
            else:
                parts.append(printer.typed(given[name], scope, type_.dtype.name, 0))
        return f"handlers::{self._names[key]}({', '.join(parts)});"

    def _write(self, found: Handled, form: Form, node: ast.Assign) -> str:
        """Writes the function for a form of a call, and gives its name."""
        tiles, params, names = _parameters(form)
        emitter = CpuEmitter(tiles, dict(form.attributes))
        text = _text(found, emitter, names, node)
        self._keep(emitter.helpers, found, node)
        name = fresh(found.intrinsic.name.replace(".", "_"), set(self._functions))
        options = ", ".join(f"{key}={attribute_text(value)}" for key, value in form.attributes)
        layouts = ", ".join(f"class L{number}" for number in range(len(tiles)))
        pointers = [
            f"{'const ' if number else ''}{each.type.dtype.name}* const {each.name} = {each.region}.data;"
            for number, each in enumerate(tiles)
        ]
        body = [*pointers, *emitter.scratch, *text.split("\n")]
        written = [
            f"// {found.intrinsic.name}({options}) by {found.provider}, for {_place(node)}",
            f"template <{layouts}>",
            f"void {name}({', '.join(['const Context& ctx', *params])}) {{",
            *(f"{INDENT}{each}".rstrip() for each in body),
            "}",
        ]
        self._functions[name] = [Line(each, node, str(found)) for each in written]
        return name

    def _keep(self, helpers: Sequence[str], found: Handled, node: ast.stmt) -> None:
        for text in helpers:
            lines = textwrap.dedent(text).strip("\n").split("\n")
            includes = [each for each in lines if each.lstrip().startswith("#include")]
            for each in includes:
                self._includes.setdefault(each.strip(), Line(each.strip(), node, str(found)))
            rest = "\n".join(each for each in lines if each not in includes).strip("\n")
            if rest:
                self._helpers.setdefault(rest, [Line(each, node, str(found)) for each in rest.split("\n")])


def _parameters(form: Form) -> tuple[list[TileName], list[str], list[str]]:
    """The tiles of a function, its parameters, and what the handler knows the operands by."""
    taken = {"dst", "dst_region"}
    tiles, names = [TileName("dst", "dst_region", form.result)], list[str]()
    params = [_param(tiles[0], 0)]
    for operand, type_ in form.operands:
        own = fresh(spelled(operand), taken)
        names.append(own)
        if isinstance(type_, TileType):
            tiles.append(TileName(own, fresh(f"{own}_region", taken), type_))
            params.append(_param(tiles[-1], len(tiles) - 1))
        else:
            params.append(f"{type_.dtype.name} {own}")
    return tiles, params, names


def _text(found: Handled, emitter: CpuEmitter, names: list[str], node: ast.stmt) -> str:
    """What the handler writes.

    Raises:
        Refused: `cpu.bad-handler` when it fails or gives something else than text.
    """
    try:
        text = cast("object", found.handler.emit(emitter, "dst", *names))
    except Refused as refusal:
        raise refusal.at(origin_of(node)) from refusal
    except Exception as error:
        raise bad_handler(found, f"raised {type(error).__name__}: {error}", node) from error
    for each in (text, *cast("list[object]", emitter.helpers)):
        if not isinstance(each, str):
            raise bad_handler(found, f"gave {type(each).__name__}, not text", node)
        if not closed(each):
            raise bad_handler(found, "gave text whose braces do not match", node)
    written = textwrap.dedent(str(text)).strip("\n")
    if not written.strip():
        raise bad_handler(found, "gave empty text", node)
    return written


def bad_handler(found: Handled, problem: str, node: ast.stmt) -> Refused:
    """The refusal of a program because a handler is broken."""
    hints = [f"report it to the authors of {found.provider}"]
    if found.intrinsic.expandable and found.provider != _owner(found.intrinsic):
        hints.append(f"HTP_DISABLE_PLUGINS={found.provider.split()[0]} compiles what `{found.intrinsic.name}` means")
    return Refused(
        "cpu.bad-handler",
        f"the handler of `{found.intrinsic.name}` for the CPU {problem}",
        span=origin_of(node),
        labels=(Label(span=found.handler.place, text=f"the handler, of {found.provider}"),),
        help=tuple(hints),
    )


def _owner(intrinsic: Intrinsic[..., object]) -> str:
    """The distribution that the intrinsic itself comes from."""
    session = current_session()
    return session.provider("htp_intrinsics", session.intrinsics[intrinsic.name.partition(".")[0]])


def _region(node: ast.expr, scope: Scope, printer: Expressions) -> str:
    """The text of a slice of memory; a variable is a tile without axes."""
    if isinstance(node, ast.Name) and isinstance(scope.find(node.id), Kind):
        return f"only({spelled(node.id)})"
    return cut(printer, node, scope)


def _param(tile: TileName, number: int) -> str:
    return f"Region<{tile.type.dtype.name}, {len(tile.type.dims)}, L{number}> {tile.region}"


def _place(node: ast.stmt) -> str:
    origin = origin_of(node)
    return f"{PurePath(origin.file).name}:{origin.line}" if origin is not None else "a statement of its own"
