"""A task of a cluster as one C++ file, which is compiled for the cube core and for the vector cores.

Knows the frame: arguments, pipes, and the part of each core; does not know statements (`mix_body`).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.types import ScalarType
from htp_backend_pto.emission.kernels import (
    KernelSource,
    arrays_of,
    head_lines,
    numbers_of,
    opening_lines,
    signature_lines,
    with_places,
)
from htp_backend_pto.emission.lines import INDENT, WHOLE, folded
from htp_backend_pto.emission.mix_body import MixBody
from htp_backend_pto.emission.mix_rows import half_of
from htp_backend_pto.emission.numbers import used_functions
from htp_backend_pto.emission.scalars import cpp_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp.types import Param
    from htp_backend_pto.emission.mixes import Mix, Ring
    from htp_backend_pto.profile import Core, Profile

__all__ = ["mix_source"]

Line = tuple[str, "Span | None"]


def mix_source(mix: Mix, program: Program, profile: Profile) -> KernelSource:
    """Prints a task of a cluster.

    Raises:
        Bug: a statement is not of the form with addresses and flags.
        Refused: `pto.strided-view`.
    """
    kernel = mix.kernel
    arrays = [each.name for each in kernel.params if not isinstance(each.type, ScalarType)]
    scalars = [each.name for each in kernel.params if isinstance(each.type, ScalarType)]
    places = {name: number for number, name in enumerate([*arrays, *scalars])}
    parts = [_Part(mix, program, profile, core, places) for core in ("aic", "aiv")]
    functions = [(each, None) for each in used_functions("\n".join(t for part in parts for t, _ in part.body.lines))]
    lines: list[Line] = [*head_lines(kernel, profile, asks=True), *functions]
    lines += [line for each in parts for line in each.types()]
    lines += [*signature_lines(kernel, profile), *_pipes(mix, places, profile)]
    lines += [line for each in parts for line in each.lines()]
    lines += [(f"{INDENT}pipe_sync();", None), ("}", None)]
    return KernelSource(
        kernel.name, "mix", "\n".join(text for text, _ in lines) + "\n", tuple(origin for _, origin in lines),
        tuple(arrays), tuple(scalars),
    )  # fmt: skip


def _pipes(mix: Mix, places: dict[str, int], profile: Profile) -> Iterator[Line]:
    """The pipes, which both cores make in the same way."""
    tensor = profile.kernel_tensor
    for ring in mix.rings:
        name, memory = cpp_name(ring.channel), cpp_name(ring.memory)
        way = "C2V" if ring.to_vector else "V2C"
        place = places[ring.memory]
        kind = f"TPipe<{ring.flag}, Direction::DIR_{way}, {ring.slot_bytes}, {ring.slots}, 1>"
        address = f"{memory}_tensor->buffer.addr + {memory}_tensor->start_offset * {ring.dtype.bits // 8}"
        made = (
            f"__gm__ {tensor} *{memory}_tensor = reinterpret_cast<__gm__ {tensor} *>(args[{place}]);",
            f"using {name}_pipe = {kind};",
            f"{name}_pipe {name}(reinterpret_cast<__gm__ void *>({address}), 0x0, 0x0);",
        )
        for line in (each for text in made for each in folded(f"{INDENT}{text}", WHOLE)):
            yield line, None


class _Part:
    """What one kind of core does."""

    def __init__(self, mix: Mix, program: Program, profile: Profile, core: Core, places: dict[str, int]) -> None:
        self.function, self.given = mix.cube if core == "aic" else mix.vector
        self.core: Core = core
        self.half = half_of(self.function, mix.divided.axes) if core == "aiv" else None
        self.profile, self.places = profile, places
        self.sizes = _sizes(mix.kernel)
        own = [each for each in self.function.params if not each.is_end]
        self.arrays = [each for each in own if not isinstance(each.type, ScalarType)]
        self.scalars = [each for each in own if isinstance(each.type, ScalarType)]
        channels = {each.channel: each for each in mix.rings}
        rings = {each.name: self._ring(each, channels) for each in self.function.params if each.is_end}
        numbers = numbers_of(self.arrays, self.scalars)
        if self.half is not None:
            self.function = self.half.kernel
            numbers[self.half.core] = "int"
        constants = dict(program.constants)
        self.body = MixBody(arrays_of(self.arrays), constants, numbers, profile, rings, self.half)
        self.body.taken |= {cpp_name(each.name) for each in (*self.function.params, *mix.kernel.params)}
        self.body.taken |= {cpp_name(each) for each in channels}
        self.body.block(self.function.body, 1)

    def _ring(self, end: Param, channels: dict[str, Ring]) -> Ring:
        return channels[ast.unparse(self.given[end.name])]

    def types(self) -> Iterator[Line]:
        """The names of types that it uses."""
        if self.body.aliases.lines:
            yield from self._only((each, None) for each in self.body.aliases.lines)
            yield "", None

    def lines(self) -> Iterator[Line]:
        """Its part of the kernel."""
        yield from self._only((*self._opening(), *with_places(self.body.lines)))

    def _only(self, lines: Iterator[Line] | tuple[Line, ...]) -> Iterator[Line]:
        yield f"#if defined({self.profile.core_macros[self.core]})", None
        for text, origin in lines:
            for each in folded(text, WHOLE):
                yield each, origin
        yield "#endif", None

    def _opening(self) -> Iterator[Line]:
        if self.half is not None:
            yield f"{INDENT}const int64_t {cpp_name(self.half.core)} = get_sub_block_id(args);", None
        passed = [each for each in self.scalars if ast.unparse(self.given[each.name]) in self.places]
        places = {each.name: self.places[ast.unparse(self.given[each.name])] for each in (*self.arrays, *passed)}
        yield from opening_lines(self.arrays, passed, self.profile, places)
        for each in self.scalars:
            if each in passed:
                continue
            text = ast.unparse(self.given[each.name])
            name, axis = self.sizes.get(text, ("", 0))
            value = (
                f"reinterpret_cast<__gm__ {self.profile.kernel_tensor} *>(args[{self.places[name]}])->shapes[{axis}]"
                if name
                else text
            )
            yield f"{INDENT}const int64_t {cpp_name(each.name)} = {value};", None


def _sizes(kernel: Function) -> dict[str, tuple[str, int]]:
    """The sizes of the task by name: the array and the axis that say each."""
    found: dict[str, tuple[str, int]] = {}
    for param in kernel.params:
        for axis, dim in enumerate(getattr(param.type, "dims", ())):
            if str(dim) in dim.symbols:
                found.setdefault(str(dim), (param.name, axis))
    return found
