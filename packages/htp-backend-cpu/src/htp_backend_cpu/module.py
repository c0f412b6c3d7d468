"""The Python face of a package: a table of parameters for the call function of `htp_module.hpp`.

Knows how the table is spelled; the checks of a call are in the header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_cpu.dims import dim_text
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import FLOATS

if TYPE_CHECKING:
    from htp_backend_cpu.abi import Native, Parameter

# Letters of the buffer protocol: https://docs.python.org/3/library/struct.html#format-characters. Dtypes without one
# have no entry; arrays of these are recognised by their dtype object.
FORMATS = {
    "f64": "d", "f32": "f", "f16": "e", "i64": "lq", "i32": "i", "i16": "h", "i8": "b",
    "u64": "LQ", "u32": "I", "u16": "H", "u8": "B", "bool_": "?",
}  # fmt: skip
BITS = {"f64": 64, "i64": 64, "u64": 64, "f32": 32, "i32": 32, "u32": 32, "f16": 16, "bf16": 16, "i16": 16, "u16": 16}


def module_source(abi: Native) -> str:
    """The C++ text that makes the entry callable from Python without a header of Python."""
    rows: list[str] = []
    tables: list[str] = []
    for each in abi.params:
        if each.direction == "scalar":
            rows.append(_scalar_row(each.name, each.dtype))
            continue
        if each.dims:
            own = [f"    {_dim(dim, abi.dims)}," for dim in each.dims]
            tables += [f"const Dim {each.name}_dims[] = {{", *own, "};"]
        rows.append(_array_row(each))
    rows += [_scalar_row(each.name, each.dtype) for each in abi.slots]
    return "\n".join(
        [
            f"// The face of {abi.entry} for Python: what a call checks before it enters native code.",
            '#include "htp_module.hpp"',
            "",
            f'extern "C" htp::i32 {abi.symbol}({", ".join(_types(abi))});',
            "",
            "namespace {",
            "using namespace htp::module;",
            "using htp::i64;",
            "",
            *tables,
            "const Parameter parameters[] = {",
            *(f"    {row}," for row in rows),
            "};",
            "",
            "htp::i32 enter(const htp_runtime_table* runtime, htp::Failure* failure, void* const* data,",
            "               const i64* dims, const Number* numbers) {",
            "    (void)data, (void)dims, (void)numbers;",
            f"    return {abi.symbol}({', '.join(_arguments(abi))});",
            "}",
            "}  // namespace",
            "",
            f"HTP_MODULE({spelled(abi.entry)}, parameters, {len(rows)}, {len(abi.dims)}, enter)",
            "",
        ]
    )


def _types(abi: Native) -> list[str]:
    types = ["const htp_runtime_table*", "htp::Failure*"]
    for each in abi.params:
        if each.direction == "scalar":
            types.append(f"htp::{each.dtype}")
        else:
            types.append(f"{'const ' if each.direction == 'in' else ''}htp::{each.dtype}*")
    return [*types, *("htp::i64" for _ in abi.dims), *(f"htp::{each.dtype}" for each in abi.slots)]


def _arguments(abi: Native) -> list[str]:
    parts = ["runtime", "failure"]
    arrays = scalars = 0
    for each in abi.params:
        if each.direction == "scalar":
            parts.append(_number(each.dtype, scalars))
            scalars += 1
        else:
            parts.append(f"static_cast<htp::{each.dtype}*>(data[{arrays}])")
            arrays += 1
    parts += [f"dims[{index}]" for index in range(len(abi.dims))]
    return parts + [_number(each.dtype, scalars + index) for index, each in enumerate(abi.slots)]


def _number(dtype: str, index: int) -> str:
    return f"htp::{dtype}(numbers[{index}].{'real' if dtype in FLOATS else 'integer'})"


def _array_row(param: Parameter) -> str:
    form, written = FORMATS.get(param.dtype, ""), "false" if param.direction == "in" else "true"
    dims = f"{param.name}_dims" if param.dims else "nullptr"
    size = BITS.get(param.dtype, 8) // 8
    return f'{{"{param.name}", Form::array, "{form}", {size}, {written}, {len(param.dims)}, {dims}, 0, 0}}'


def _scalar_row(name: str, dtype: str) -> str:
    low, high = "0", "0"
    if dtype in FLOATS:
        form = "real"
    elif dtype == "bool_":
        form = "truth"
    elif dtype == "u64":
        form = "natural"
    else:
        form, bits = "integer", BITS.get(dtype, 8)
        signed = not dtype.startswith("u")
        high = str((1 << (bits - signed)) - 1)
        low = f"-{high} - 1" if signed else "0"
    return f'{{"{name}", Form::{form}, "", 0, false, 0, nullptr, {low}, {high}}}'


def _dim(dim: int | str, symbols: tuple[str, ...]) -> str:
    if isinstance(dim, int):
        return f"{{Dim::constant, {dim}, nullptr}}"
    if dim in symbols:
        return f"{{Dim::symbol, {symbols.index(dim)}, nullptr}}"
    named = {name: f"dims[{index}]" for index, name in enumerate(symbols)}
    text = dim_text(dim, named, "htp::")
    return f"{{Dim::derived, 0, [](const i64* dims) {{ return {text}; }}}}"
