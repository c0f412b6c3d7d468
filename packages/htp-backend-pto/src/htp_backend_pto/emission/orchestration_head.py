"""The frame of an orchestration source: headers, kernels' numbers, constants, the entry and its arguments.

Knows what stands before and behind the statements of a routine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.types import ScalarType
from htp_backend_pto.emission.lines import Lines, place_of
from htp_backend_pto.emission.scalars import CPP, cpp_name, kind_of, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.types import Param
    from htp_backend_pto.emission.lines import Line
    from htp_backend_pto.emission.orchestration_names import Names
    from htp_backend_pto.emission.orchestration_tasks import KernelNumber, Tasks

__all__ = ["foot", "head", "scalars_of"]


def head(names: Names, tasks: Tasks, kernels: Sequence[KernelNumber], header: str) -> list[Line]:
    """The lines before the statements; `names` says which sizes, scalars and constants these use."""
    out, function, profile = Lines(), names.program.main, names.profile
    arrays = [each for each in names.sites.buffers.values() if each.direction != "scratch"]
    scalars = scalars_of(names)
    place = place_of(function.body[0]) if function.body else ""
    out.write(0, f"// Orchestration of {function.name}{', from ' if place else ''}{place}.")
    out.all(0, (f"// {line}".rstrip() for line in function.doc.split("\n") if function.doc))
    out.all(0, (f"#include {profile.orchestration_header}", "", f'#include "{header}"', "", "namespace {"))
    numbers = ", ".join(f"kernel_{each.name} = {each.number}" for each in kernels)
    if numbers:
        out.write(0, f"enum Kernel : int32_t {{ {numbers} }};")
    for name, value in names.program.constants:
        if name in names.used:
            out.write(0, f"constexpr {CPP[names.kinds[name]]} {cpp_name(name)} = {literal(value).cpp};")
    public = 'extern "C" __attribute__((visibility("default")))'
    out.all(0, ("}  // namespace", ""))
    out.write(0, f"{public} {profile.config} {function.name}_config(const {profile.entry_arguments} &) {{")
    count = len(arrays) + len(scalars)
    out.write(1, f"return {profile.config}{{{count}}};  // {len(arrays)} arrays, {len(scalars)} scalars")
    out.all(0, ("}", ""))
    out.write(0, f"{public} void {function.name}_entry(const {profile.entry_arguments} &args) {{")
    for number, each in enumerate(arrays):
        out.write(1, f"const {profile.tensor} &{cpp_name(each.name)} = args.tensor({number}).ref();")
    for number, (name, dtype) in enumerate(scalars):
        if name in names.used:
            value = f"from_u64<{profile.scalar_of(dtype)}>(args.scalar({number}))"
            out.write(1, f"const {CPP[kind_of(dtype)]} {cpp_name(name)} = {value};")
    for name, where in names.declared.items():
        if name in names.used:
            out.write(1, f"const int64_t {cpp_name(name)} = {where};")
    if tasks.active:
        out.write(1, f"htp::Tasks {tasks.name};")
        followed = (each.name for each in arrays if each.name in tasks.decisions.followed)
        out.all(1, (f"htp::Array {tasks.uses_of(each)};" for each in followed))
    return out.lines


def foot() -> list[Line]:
    """The lines behind the statements."""
    out = Lines()
    out.write(0, "}")
    return out.lines


def scalars_of(names: Names) -> list[tuple[str, str]]:
    """The scalars of a call, each with its dtype: parameters, then slots."""
    found = [(each.name, _dtype(each)) for each in names.program.main.params if isinstance(each.type, ScalarType)]
    return [*found, *((name, slot.dtype.name) for name, slot in names.program.slots)]


def _dtype(param: Param) -> str:
    if param.type is None:
        raise Bug(f"parameter {param.name} has no type")
    return param.type.dtype.name
