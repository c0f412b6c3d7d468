"""What the Ascend backend contributes. Knows names and declarations; everything heavier is loaded when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, DTypeUse, IntrinsicUse, OpUse
from htp.declarations import (
    Backend,
    Binding,
    CodeFile,
    Conversion,
    Demo,
    Dialect,
    IntrinsicSet,
    Lazy,
    PackageRecord,
    Toolchain,
    Variant,
)
from htp.hooks import hookimpl
from htp_backend_pto.forms import FACTS, Bounded, Divided, Legal, Placed, Selected, Synchronized
from htp_backend_pto.layouts import OnChip
from htp_backend_pto.names import INSTRUCTIONS

if TYPE_CHECKING:
    from htp.capabilities import Capability, Use
    from htp.declarations import Outcome
    from htp.layout import LayoutFacet
    from htp.passes import Pass

__all__ = [
    "HTP_API",
    "htp_backends",
    "htp_bindings",
    "htp_capabilities",
    "htp_demos",
    "htp_diagnostics",
    "htp_dialects",
    "htp_intrinsics",
    "htp_layout_conversions",
    "htp_layouts",
    "htp_passes",
]

HTP_API = 1

CONTRACT = "pto.package/1"
PASSES = (
    "check:CheckInstructions",
    "cluster.cluster:Cluster",
    "split.split:Split",
    "bound.bound:Bound",
    "select.select:Select",
    "overlap:Overlap",
    "place.place:Place",
    "sync.sync:Synchronize",
)
"""Classes of `htp_backend_pto.lower`, in the order in which they run."""
DIALECTS = ("tile", "host", "tasks", "gangs", "pto")
WORDS = ("set_flag", "wait_flag", "pipe_barrier")
DTYPES = ("f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u32", "u16", "u8", "bool_")
DIRECTIVES: tuple[tuple[str, Outcome], ...] = (
    ("dispatch", "ignored"),
    ("task_window", "enforced"),
    ("streams", "enforced"),
    ("stream_by", "enforced"),
    ("timing", "ignored"),
    ("ready", "ignored"),
    ("pools", "enforced"),
    ("bind", "lowered"),
    ("map", "lowered"),
)
"""What becomes of the directives of a schedule that are left when it has been lowered to tasks.

The runtime gives ready tasks to whichever core is free, so that a dispatch, a timing or an order of ready tasks has no
effect; calls that are bound or mapped to workers become the blocks of one task, as many as the dispatch has workers.
Its window stalls and never aborts, which the orchestration refuses.
"""


RECORDS = (
    PackageRecord("pto.package", "contract/pto.json", Lazy("htp_backend_pto.contract:Package")),
    PackageRecord("pto.graph", "contract/graph.json", Lazy("htp_backend_pto.contract:Graph")),
    PackageRecord("pto.source-map", "contract/source_map.json", Lazy("htp_backend_pto.contract:SourceMap")),
    PackageRecord("pto.figures", "contract/figures.json", Lazy("htp_backend_pto.figures.records:Figures")),
)
"""The contract files that have schemas."""
LOADERS = "htp_backend_pto.binding.load"
TOOLCHAINS = (
    ("host-graph", "load_host_graph", "probe", "the stand-in, with the graph built before its first task runs"),
    ("pto-runtime", "load_runtime", "probe_runtime", "pto-runtime's own a2a3sim"),
    ("pto-runtime-host-graph", "load_runtime_host_graph", "probe_runtime", "the same with host_build_graph"),
)


@hookimpl
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """The forms on the way to instructions with addresses and flags."""
    return FACTS


@hookimpl
def htp_intrinsics() -> tuple[IntrinsicSet, ...]:
    """The instructions of pto-isa."""
    return (
        IntrinsicSet(
            name="pto",
            module="htp_backend_pto.pto",
            intrinsics=INSTRUCTIONS,
            summary="the tile instructions of pto-isa",
        ),
    )


@hookimpl
def htp_layouts() -> tuple[type[LayoutFacet], ...]:
    """Tiles in the on-chip memories."""
    return (OnChip,)


@hookimpl
def htp_layout_conversions() -> tuple[Conversion, ...]:
    """Tiles without boxes are plain strides."""
    return (Conversion("pto", "strided", Lazy("htp_backend_pto.layouts:to_strided"), "checked"),)


@hookimpl
def htp_dialects() -> tuple[Dialect, ...]:
    """Flags and barriers between the pipes of a core."""
    return (Dialect("pto", "flags and barriers between pipes", ("htp_backend_pto.words",), WORDS),)


@hookimpl
def htp_backends() -> tuple[Backend, ...]:
    """Ascend A2 and A3, through pto-isa and pto-runtime."""
    return (
        Backend(
            name="pto",
            summary="kernels for pto-isa and orchestration for pto-runtime, on Ascend A2 and A3",
            goal=(Legal(), Divided(), Bounded(), Selected(isa="pto"), Placed(), Synchronized()),
            accepts=(
                *(DialectUse(each) for each in DIALECTS),
                *(DTypeUse(each) for each in DTYPES),
                IntrinsicUse("pto.*"),
                OpUse("tile.item"),
            ),
            targets=(
                Variant("a2a3sim", Lazy("htp_backend_pto.model:a2a3sim"), "on any host, compiled by its C++ compiler"),
                Variant("a2a3", Lazy("htp_backend_pto.model:a2a3"), "Ascend 910B and 910C, through CANN"),
            ),
            contract=CONTRACT,
            emit=Lazy("htp_backend_pto.emission.emit:emit"),
            directives=DIRECTIVES,
            beside=(("dispatch", "bind", "static"), ("dispatch", "map", "static")),
            records=RECORDS,
            figures=Lazy("htp_backend_pto.figures.tables:figures"),
        ),
    )


@hookimpl
def htp_bindings() -> tuple[Binding, ...]:
    """The host stand-in and the real simulator, in both runtimes, and devices."""
    return (
        Binding(
            name="pto",
            contract=CONTRACT,
            modes=("emit", "sim", "device"),
            load=Lazy("htp_backend_pto.binding.load:load"),
            probe=Lazy("htp_backend_pto.binding.load:probe"),
            summary="the package's sources on a host stand-in that checks them, or built by pto-runtime",
            toolchains=tuple(
                Toolchain(name, Lazy(f"{LOADERS}:{load}"), Lazy(f"{LOADERS}:{probe}"), summary)
                for name, load, probe, summary in TOOLCHAINS
            ),
        ),
    )


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The lowering from kernels to instructions."""
    return tuple(Lazy["type[Pass]"](f"htp_backend_pto.lower.{name}") for name in PASSES)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `pto.`."""
    return (CodeFile("pto", "htp_backend_pto", "codes/pto.md"),)


@hookimpl
def htp_demos() -> tuple[Demo, ...]:
    """Three programs on the host stand-in."""
    return (
        Demo(
            name="pto",
            summary="softmax, rmsnorm and gemm for Ascend: compiled, run on the host stand-in, checked",
            run=Lazy("htp_backend_pto.demo:run"),
        ),
    )
