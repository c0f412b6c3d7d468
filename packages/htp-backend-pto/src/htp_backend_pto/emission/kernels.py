"""A kernel as one C++ file: what it takes, and its statements.

Knows the frame of such a file; does not know statements (`kernel_body`) nor who submits the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Bug
from htp.types import ScalarType
from htp.unparse import param_text
from htp_backend_pto.block_tasks import block_parameters
from htp_backend_pto.emission.kernel_body import Arrays, Body
from htp_backend_pto.emission.lines import INDENT, WHOLE, folded
from htp_backend_pto.emission.numbers import used_functions
from htp_backend_pto.emission.scalars import CPP, cpp_name, kind_of
from htp_backend_pto.steps import tile_names
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.program import Function, Program
    from htp.types import Param
    from htp_backend_pto.emission.scalars import Kind
    from htp_backend_pto.profile import Core, Profile

__all__ = [
    "KernelSource", "arrays_of", "core_of", "head_lines", "kernel_source", "numbers_of", "opening_lines",
    "signature_lines", "with_places",
]  # fmt: skip

Line = tuple[str, "Span | None"]


@dataclass(frozen=True)
class KernelSource:
    """One file: the core it is for, its text, the user's place of each line, and its arguments in order."""

    name: str
    core: Core
    text: str
    origins: tuple[Span | None, ...]
    tensors: tuple[str, ...]
    scalars: tuple[str, ...]


def core_of(function: Function) -> Literal["aiv", "aic"]:
    """The core whose memories the kernel's tiles lie in."""
    rooms = [room_of(each) for each in tile_names(function.body).values()]
    return "aic" if any(room is not None and room.space != "ub" for room in rooms) else "aiv"


def kernel_source(function: Function, program: Program, profile: Profile) -> KernelSource:
    """Prints a kernel with addresses and flags.

    Raises:
        Bug: a statement is not of that form.
        Refused: `pto.strided-view`.
    """
    arrays = [each for each in function.params if not isinstance(each.type, ScalarType)]
    block = block_parameters(program).get(function.name)
    scalars = [each for each in function.params if isinstance(each.type, ScalarType) and each.name != block]
    numbers = numbers_of(arrays, scalars)
    if block is not None:
        numbers[block] = "int"
    body = Body(arrays_of(arrays), dict(program.constants), numbers, profile)
    body.taken |= {cpp_name(each.name) for each in function.params}
    body.block(function.body, 1)
    head = list(head_lines(function, profile, asks=block is not None))
    places = {each.name: number for number, each in enumerate([*arrays, *scalars])}
    opening = list(opening_lines(arrays, scalars, profile, places))
    if block is not None:
        opening.append((f"{INDENT}const int64_t {cpp_name(block)} = get_block_idx(args);", None))
    own = [*with_places(body.lines), (f"{INDENT}pipe_sync();", None), ("}", None)]
    functions = [(each, None) for each in used_functions("\n".join(text for text, _ in own))]
    types: list[Line] = [*((each, None) for each in body.aliases.lines), *([("", None)] if body.aliases.lines else [])]
    long = [*types, *signature_lines(function, profile), *opening]
    before = [(each, origin) for text, origin in long for each in folded(text, WHOLE)]
    lines: list[Line] = [*head, *functions, *before, *own]
    return KernelSource(
        function.name,
        core_of(function),
        "\n".join(text for text, _ in lines) + "\n",
        tuple(origin for _, origin in lines),
        tuple(each.name for each in arrays),
        tuple(each.name for each in scalars),
    )


def head_lines(function: Function, profile: Profile, *, asks: bool) -> Iterator[Line]:
    """What stands before a kernel: where it is from, and what it includes."""
    where = f"{PurePath(function.origin.file).name}:{function.origin.line}"
    yield f"// {function.name}, from {where}", function.origin
    *headers, last = profile.kernel_headers
    for each in headers:
        yield f"#include {each}", None
    yield "using namespace pto;", None
    yield f"#include {last}", None
    for macro, text in (("__gm__", ""), ("__aicore__", " [aicore]")):
        yield f"#ifndef {macro}", None
        yield f"#define {macro}{text}", None
        yield "#endif", None
    if asks:
        yield f"#include {profile.block_header}", None
    yield "", None


def signature_lines(function: Function, profile: Profile) -> Iterator[Line]:
    """The kernel's symbol, behind what it is."""
    for line in function.doc.splitlines():
        yield f"// {line}".rstrip(), function.origin
    yield f"// {function.name}({', '.join(param_text(each) for each in function.params)})", function.origin
    yield 'extern "C" __aicore__ __attribute__((always_inline))', None
    yield f"void {profile.kernel_symbol}(__gm__ int64_t *args) {{", None


def opening_lines(
    arrays: list[Param], scalars: list[Param], profile: Profile, places: Mapping[str, int]
) -> Iterator[Line]:
    """The arguments, at their places: arrays, each with its first element, then numbers; arrays say their sizes."""
    seen: set[str] = set()
    for param in arrays:
        name, element = cpp_name(param.name), profile.element_of(_dtype(param))
        tensor = f"{profile.kernel_tensor} *{name}_tensor"
        pointer = f"reinterpret_cast<__gm__ {profile.kernel_tensor} *>(args[{places[param.name]}])"
        yield f"{INDENT}__gm__ {tensor} = {pointer};", None
        first = f"reinterpret_cast<__gm__ {element} *>({name}_tensor->buffer.addr) + {name}_tensor->start_offset"
        yield f"{INDENT}__gm__ {element} *{name} = {first};", None
        for axis, dim in enumerate(_dims(param)):
            text = str(dim)
            if text.isidentifier() and text not in seen:
                seen.add(text)
                yield f"{INDENT}const int64_t {cpp_name(text)} = {name}_tensor->shapes[{axis}];", None
    for param in scalars:
        type_ = profile.scalar_of(_dtype(param))
        kind = CPP[kind_of(_dtype(param))]
        value = f"from_u64<{type_}>(args[{places[param.name]}])"
        yield f"{INDENT}const {kind} {cpp_name(param.name)} = {value};", None


def with_places(lines: list[Line]) -> Iterator[Line]:
    """The user's line stands behind the first of the lines that it became."""
    last = ""
    for text, origin in lines:
        place = "" if origin is None else f"{PurePath(origin.file).name}:{origin.line}"
        yield (f"{text}  // {place}" if place and place != last else text), origin
        last = place or last


def numbers_of(arrays: list[Param], scalars: list[Param]) -> dict[str, Kind]:
    """The numbers that a kernel has from its arguments."""
    found: dict[str, Kind] = {}
    for param in arrays:
        for dim in _dims(param):
            found |= dict.fromkeys(dim.symbols, "int")
    for param in scalars:
        found[param.name] = kind_of(_dtype(param))
    return found


def arrays_of(arrays: list[Param]) -> Arrays:
    """The arrays of a kernel."""
    return Arrays({each.name: _dims(each) for each in arrays}, {each.name: _dtype(each) for each in arrays})


def _dims(param: Param) -> tuple[Expr, ...]:
    if param.type is None or isinstance(param.type, ScalarType):
        raise Bug(f"`{param.name}` is no array")
    return param.type.dims


def _dtype(param: Param) -> str:
    if param.type is None:
        raise Bug(f"`{param.name}` has no type")
    return param.type.dtype.name
