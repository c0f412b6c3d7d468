"""The native face of a package: what the entry takes, in which order, and what its checks say when they fail.

Knows the contract files `contract/abi.json`, `contract/source_map.json` and the C header; does not print statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from htp.artifact.manifest import AbiFile, AbiFunction, AbiParameter, Contract, Record
from htp.diagnostics import Bug

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.program import Program
    from htp.types import Param

CONTRACT: Literal["cpu.package/1"] = "cpu.package/1"

C_TYPES = {
    "f64": "double", "f32": "float", "f16": "uint16_t", "bf16": "uint16_t", "f8e4m3": "uint8_t", "f8e5m2": "uint8_t",
    "i64": "int64_t", "i32": "int32_t", "i16": "int16_t", "i8": "int8_t",
    "u64": "uint64_t", "u32": "uint32_t", "u16": "uint16_t", "u8": "uint8_t", "bool_": "uint8_t",
}  # fmt: skip


class Check(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is checked at run time: the index or the assertion's text, the user's place, its code and help."""

    what: Literal["index", "assertion"]
    text: str
    place: str
    code: str = ""
    help: str = ""


class Parameter(Record, frozen=True, kw_only=True):
    """One parameter of the entry; arrays are contiguous, row after row; a scalar has no dims."""

    name: str
    direction: Literal["in", "out", "inout", "scalar"]
    dtype: str
    dims: tuple[int | str, ...] = ()
    form: Literal["Tensor", "Tile", "Scalar"] = "Tensor"


class SlotValue(Record, frozen=True, kw_only=True):
    """A value that may change between runs, with the value it had when the package was made."""

    name: str
    dtype: str
    value: int | float | bool


class Native(Record, frozen=True, kw_only=True):
    """What a caller has to know of a package for the CPU; `order` is the argument order of `symbol`.

    `tasks`, `work` and `streams` say whether runs can report tasks, simulated time, processes and channels;
    `process_tasks` whether processes issue tasks, which runs do not report.
    """

    schema: Literal["cpu.package/1"] = CONTRACT
    entry: str
    symbol: str
    params: tuple[Parameter, ...]
    dims: tuple[str, ...]
    slots: tuple[SlotValue, ...] = ()
    order: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    tasks: bool = False
    work: bool = False
    streams: bool = False
    process_tasks: bool = False

    @property
    def timed(self) -> bool:
        """Whether runs can report simulated time."""
        return self.work or self.streams


class MappedLine(Record, frozen=True, kw_only=True):
    """One generated line, the statement it was printed from, and the user's place behind both.

    `handler` is the intrinsic, with the distribution, whose handler wrote the line.
    """

    line: int
    function: str
    statement: str
    origin: str | None = None
    handler: str | None = None


class SourceMap(Record, frozen=True, kw_only=True):
    """Which statement every line of the generated file comes from."""

    schema: Literal["cpu.source-map/1"] = "cpu.source-map/1"
    file: str
    lines: tuple[MappedLine, ...]


def native_face(
    program: Program,
    checks: tuple[Check, ...],
    *,
    tasks: bool = False,
    work: bool = False,
    streams: bool = False,
    process_tasks: bool = False,
) -> Native:
    """The native face of the program's entry."""
    main = program.main
    dims = entry_dims(main.params)
    slots = tuple(SlotValue(name=name, dtype=slot.dtype.name, value=slot.initial) for name, slot in program.slots)
    order = ("runtime", "failure", *(each.name for each in main.params), *dims, *(each.name for each in slots))
    return Native(
        entry=program.entry,
        symbol=f"htp_{program.entry}",
        params=tuple(_parameter(each) for each in main.params),
        dims=dims,
        slots=slots,
        order=order,
        checks=checks,
        tasks=tasks,
        work=work,
        streams=streams,
        process_tasks=process_tasks,
    )


def entry_dims(params: tuple[Param, ...]) -> tuple[str, ...]:
    """The symbols of all dims of the parameters, in order of appearance."""
    found: dict[str, None] = {}
    for param in params:
        for dim in _dims(param):
            found.update(dict.fromkeys(sorted(dim.symbols)))
    return tuple(found)


def _dims(param: Param) -> tuple[Expr, ...]:
    if param.type is None:
        raise Bug(f"parameter {param.name} of the entry has no type")
    return () if param.direction == "scalar" else getattr(param.type, "dims", ())


def _parameter(param: Param) -> Parameter:
    if param.type is None:
        raise Bug(f"parameter {param.name} of the entry has no type")
    form = type(param.type).__name__.removesuffix("Type")
    return Parameter(
        name=param.name,
        direction=param.passing,
        dtype=param.type.dtype.name,
        dims=tuple(str(each) if each.constant is None else each.constant for each in _dims(param)),
        form="Tile" if form == "Tile" else "Scalar" if form == "Scalar" else "Tensor",
    )


def abi_file(abi: Native, calls: list[str]) -> AbiFile:
    """The native face as every backend writes it; `calls` are the functions of the program, callees first."""
    parameters = tuple(_boundary(index, each) for index, each in enumerate(abi.params))
    function = AbiFunction(
        name=abi.entry,
        symbol=abi.symbol,
        parameters=parameters,
        dims=abi.dims,
        slots=tuple(each.name for each in abi.slots),
        calls=tuple(calls),
    )
    return AbiFile(entry=abi.entry, contract=Contract(name="cpu.package", version=1), functions=(function,))


def _boundary(index: int, param: Parameter) -> AbiParameter:
    strides: list[str] = []
    inner = "1"
    for dim in reversed(param.dims):
        strides.insert(0, inner)
        text = str(dim) if str(dim).isalnum() else f"({dim})"
        inner = text if inner == "1" else f"{text} * {inner}"
    return AbiParameter(
        name=param.name,
        index=index,
        direction=param.direction,
        dtype=param.dtype,
        shape=tuple(str(each) for each in param.dims),
        strides=tuple(strides),
    )


def c_params(abi: Native) -> list[str]:
    """The entry's parameters in C, after the runtime and the failure."""
    texts: list[str] = []
    for each in abi.params:
        ctype = C_TYPES[each.dtype]
        if each.direction == "scalar":
            texts.append(f"{ctype} {each.name}")
        else:
            texts.append(f"{'const ' if each.direction == 'in' else ''}{ctype} *{each.name}")
    texts += [f"int64_t {name}" for name in abi.dims]
    return texts + [f"{C_TYPES[each.dtype]} {each.name}" for each in abi.slots]


def c_header(abi: Native) -> str:
    """The C header of a package."""
    guard = f"HTP_{abi.entry.upper()}_H"
    arrays = [f"   {_declared(each)}" for each in abi.params]
    parameters = "".join(f",\n    {each}" for each in c_params(abi))
    return "\n".join(
        [
            f"/* {abi.entry}: native entry of an HTP package ({CONTRACT}). Arrays are contiguous, row after row.",
            *arrays,
            "   Narrow floats (f16, bf16, f8) are passed as bit patterns, bool_ as 0 or 1. Written arrays overlap",
            "   no other argument. `failure` is all zero before the call. Returns its code. */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            "#ifndef HTP_FAILURE_H",
            "#define HTP_FAILURE_H",
            "typedef struct htp_runtime_table htp_runtime_table;",
            "typedef struct htp_failure {",
            "    int32_t code; /* 0 none, 1 index out of range, 2 assertion failed, 3 out of memory, 4 window full,",
            "                    5 deadlock, 6 stream closed, 7 buffer moved, 8 token too large,",
            "                    9 channel not connected, 10 end of a channel shared, 11 no token taken */",
            "    const char *place, *text;",
            "    int64_t value, extent; /* the index and the extent that it missed, or the task and the window */",
            "} htp_failure;",
            "#endif",
            "",
            f"int32_t {abi.symbol}(\n    const htp_runtime_table *runtime,\n    htp_failure *failure{parameters});",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
            "",
        ]
    )


def _declared(param: Parameter) -> str:
    dims = "".join(f", {each}" if isinstance(each, int) else f', "{each}"' for each in param.dims)
    return f"{param.name}: {param.direction} {param.form}[{param.dtype}{dims}]"
