"""How one range of runtime versions is spelled: types, headers, calls, limits, flags, and the commits tried with it.

Knows names and numbers of other projects' interfaces; every text that is emitted takes them from here. What a name
does is the business of whoever emits it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Bug, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CURRENT", "Core", "Profile", "Runtime", "profile_named"]

Core = Literal["aiv", "aic", "mix"]
"""What a kernel runs on: a vector core, a cube core, or both of a cluster."""
Runtime = Literal["tensormap_and_ringbuffer", "host_build_graph"]

# hw-native-sys/simpler@6ebaf77, src/common/task_interface/data_type.h: `enum class DataType`. float64 is not in it, and
# of the 8-bit floats only those of a5.
DATA_TYPES = MappingProxyType(
    {
        "f32": "FLOAT32", "f16": "FLOAT16", "bf16": "BFLOAT16", "i64": "INT64", "i32": "INT32", "i16": "INT16",
        "i8": "INT8", "u64": "UINT64", "u32": "UINT32", "u16": "UINT16", "u8": "UINT8", "bool_": "BOOL",
    }
)  # fmt: skip

# hw-native-sys/pto-isa@cd4a3d3, include/pto/common/type.hpp, and C++
ELEMENTS = MappingProxyType(
    {
        "f32": "float", "f16": "half", "bf16": "bfloat16_t", "i64": "int64_t", "i32": "int32_t", "i16": "int16_t",
        "i8": "int8_t", "u64": "uint64_t", "u32": "uint32_t", "u16": "uint16_t", "u8": "uint8_t", "bool_": "uint8_t",
    }
)  # fmt: skip

# A scalar travels as the bits of this type in 64 bits: narrow floats and float64 as float.
SCALARS = MappingProxyType(
    {
        **dict.fromkeys(("f64", "f32", "f16", "bf16"), "float"),
        **{each: name for each, name in ELEMENTS.items() if each[0] in "iu"},
        "bool_": "bool",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What the runtime can hold; sources: docs and headers of the commits named in the profile."""

    dims: int
    task_tensors: int
    task_scalars: int
    call_tensors: int
    call_scalars: int
    kernels: int
    fanin: int
    """Edges into one task that both runtimes take without spilling (host_build_graph stops at twice as many)."""
    window: int
    """Tasks in flight in one ring, where nobody asks for another number; one slot of it stays free."""
    least_window: int
    rings: int


@dataclass(frozen=True)
class Profile:
    """Every spelling of one range of runtime versions; `name` identifies it in packages."""

    name: str
    runtime_commit: str
    isa_commit: str
    runtimes: tuple[Runtime, ...]
    limits: Limits

    kernel_headers: tuple[str, ...]
    """What every kernel includes, in this order, as `#include` lines have it."""
    block_header: str
    """What kernels include that ask for their block."""
    kernel_symbol: str
    kernel_tensor: str
    """The type behind the pointers in a kernel's arguments."""
    orchestration_header: str
    tensor: str
    shapes: str
    """Where a tensor has its extents."""
    entry_arguments: str
    task_arguments: str
    create_info: str
    task_outputs: str
    task_id: str
    config: str
    config_count: str
    predicate_op: str
    data_type: str
    scope: str
    submits: Mapping[Core | Literal["dummy"], str]
    mixed_kernels: str
    """The kernels of a task of a cluster: the cube core's, and those of both vector cores."""
    is_fatal: str
    report_fatal: str
    invalid_arguments: str
    """The error number with which a program's own checks stop a run."""
    allocate: str
    read: str
    write: str

    standin_flags: tuple[str, ...]
    """The stand-in's compiler flags; the language is that of the device compiler."""
    core_macros: Mapping[Core, str]

    def data_type_of(self, dtype: str) -> str:
        """The enumerator of an element type in orchestration.

        Raises:
            Bug: there is none; the target does not accept such arrays.
        """
        if dtype not in DATA_TYPES:
            raise _no_dtype(dtype)
        return f"{self.data_type}::{DATA_TYPES[dtype]}"

    def element_of(self, dtype: str) -> str:
        """The C++ type of an element in a kernel.

        Raises:
            Bug: there is none; the target does not accept such arrays.
        """
        if dtype not in ELEMENTS:
            raise _no_dtype(dtype)
        return ELEMENTS[dtype]

    def scalar_of(self, dtype: str) -> str:
        """The C++ type whose bits a scalar argument of a task has.

        Raises:
            Bug: there is none; the target does not accept such arrays.
        """
        if dtype not in SCALARS:
            raise _no_dtype(dtype)
        return SCALARS[dtype]

    def expect(self, what: Literal["runtime", "isa"], commit: str) -> None:
        """Refuses a checkout of another version than the profile was tried with.

        Raises:
            Refused: `pto.toolchain-mismatch`.
        """
        wanted, project = {
            "runtime": (self.runtime_commit, "pto-runtime (hw-native-sys/simpler)"),
            "isa": (self.isa_commit, "pto-isa (hw-native-sys/pto-isa)"),
        }[what]
        if commit != wanted:
            raise Refused(
                "pto.toolchain-mismatch",
                f"the checkout of {project} is at {commit[:12] or 'no commit'}, the package was made for {wanted[:12]}",
                notes=(f"profile `{self.name}`; the interface of the runtime changes between commits",),
                help=(
                    f"git checkout {wanted}",
                    "bind without toolchain= to run on the host stand-in, which needs no checkout",
                ),
            )


def profile_named(name: str) -> Profile:
    """The profile of a package.

    Raises:
        Refused: `pto.toolchain-mismatch` for one that this version of the backend does not know.
    """
    if name != CURRENT.name:
        raise Refused(
            "pto.toolchain-mismatch",
            f"the package was made for the runtime profile `{name}`, this backend has `{CURRENT.name}`",
            help="compile the program again with the installed backend",
        )
    return CURRENT


def _no_dtype(dtype: str) -> Bug:
    return Bug(f"`{dtype}` has no counterpart in pto-runtime; the target does not accept it")


# Names, headers and limits are those of hw-native-sys/simpler@6ebaf77: for both runtimes below src/a2a3/runtime/ in
# pto_orchestration_api.h, pto_types.h, pto_runtime2_types.h; in src/common/task_interface/ tensor.h, arg_direction.h
# and pto_task_id.h.
CURRENT = Profile(
    name="chip-tensor/1",
    runtime_commit="6ebaf77156313aaeb5c9457c57b16c45b84ae7e8",
    isa_commit="cd4a3d3f7a1a27fcfe536f617e9bca3008929664",
    runtimes=("tensormap_and_ringbuffer", "host_build_graph"),
    limits=Limits(
        dims=5,
        task_tensors=32,
        task_scalars=16,
        call_tensors=256,
        call_scalars=128,
        kernels=1024,
        fanin=64,
        window=16384,
        least_window=4,
        rings=4,
    ),
    kernel_headers=("<cstdint>", "<pto/pto-inst.hpp>", '"tensor.h"', '"pipe_sync.h"'),
    block_header='"intrinsic.h"',
    kernel_symbol="kernel_entry",
    kernel_tensor="ChipTensor",
    orchestration_header='"pto_orchestration_api.h"',
    tensor="ChipTensor",
    shapes="shapes",
    entry_arguments="ChipTaskArgs",
    task_arguments="CoreTaskArgs",
    create_info="TensorCreateInfo",
    task_outputs="TaskOutputTensors",
    task_id="PTO2TaskId",
    config="PTO2OrchestrationConfig",
    config_count="expected_arg_count",
    predicate_op="PredicateOp",
    data_type="DataType",
    scope="PTO2_SCOPE()",
    submits=MappingProxyType(
        {
            "aiv": "rt_submit_aiv_task",
            "aic": "rt_submit_aic_task",
            "mix": "rt_submit_task",
            "dummy": "rt_submit_dummy_task",
        }
    ),
    mixed_kernels="MixedKernels",
    is_fatal="rt_is_fatal()",
    report_fatal="rt_report_fatal",
    invalid_arguments="PTO2_ERROR_INVALID_ARGS",
    allocate="alloc_tensors",
    read="get_tensor_data",
    write="set_tensor_data",
    standin_flags=("-std=c++17", "-O1", "-fPIC", "-shared", "-DHTP_PTO_STANDIN", "-D__CPU_SIM"),
    core_macros=MappingProxyType({"aiv": "__DAV_VEC__", "aic": "__DAV_CUBE__"}),
)
