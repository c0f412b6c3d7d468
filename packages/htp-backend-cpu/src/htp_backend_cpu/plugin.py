"""What the CPU backend contributes: its backend, target, binding, passes and codes.

Knows names and declarations; everything heavier is loaded when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, DTypeUse, Loops, OpUse, Parallel, Vectorized
from htp.declarations import Backend, Binding, CodeFile, Demo, Lazy, PackageRecord, Variant
from htp.hooks import hookimpl

if TYPE_CHECKING:
    from htp.declarations import Outcome
    from htp.passes import Pass

__all__ = ["HTP_API", "htp_backends", "htp_bindings", "htp_demos", "htp_diagnostics", "htp_passes"]

HTP_API = 1

CONTRACT = "cpu.package/1"
PASSES = ("parallel:Parallelize", "loops:LowerToLoops", "vectorize:Vectorize")
"""Classes of `htp_backend_cpu.lower`, in the order in which they usually run."""
DIALECTS = ("tile", "host", "tasks", "streams", "gangs")
DIRECTIVES: tuple[tuple[str, Outcome], ...] = (
    ("dispatch", "enforced"),
    ("task_window", "enforced"),
    ("streams", "enforced"),
    ("stream_by", "enforced"),
    ("timing", "enforced"),
    ("ready", "enforced"),
    ("pools", "enforced"),
    ("bind", "lowered"),
    ("map", "lowered"),
)
"""What becomes of the directives of a schedule; `timing` is enforced in simulated time."""


@hookimpl
def htp_backends() -> tuple[Backend, ...]:
    """The host CPU."""
    return (
        Backend(
            name="cpu",
            summary="readable C++17 for the machine at hand, built by its compiler",
            goal=(Loops(), Parallel(), Vectorized()),
            accepts=(*(DialectUse(each) for each in DIALECTS), OpUse("*"), DTypeUse("*")),
            targets=(Variant(name="", model=Lazy("htp_backend_cpu.host:host_model"), summary="this machine"),),
            contract=CONTRACT,
            emit=Lazy("htp_backend_cpu.emit:emit"),
            directives=DIRECTIVES,
            records=(
                PackageRecord("cpu.package", "contract/cpu.json", Lazy("htp_backend_cpu.abi:Native")),
                PackageRecord("cpu.source-map", "contract/source_map.json", Lazy("htp_backend_cpu.abi:SourceMap")),
            ),
        ),
    )


@hookimpl
def htp_bindings() -> tuple[Binding, ...]:
    """Builds with the compiler at hand and calls in this process."""
    return (
        Binding(
            name="cpu",
            contract=CONTRACT,
            modes=("device",),
            load=Lazy("htp_backend_cpu.binding:load"),
            probe=Lazy("htp_backend_cpu.binding:probe"),
            summary="the package's C++, built once and called in this process",
        ),
    )


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The lowering from tiles to register form."""
    return tuple(Lazy["type[Pass]"](f"htp_backend_cpu.lower.{name}") for name in PASSES)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `cpu.`."""
    return (CodeFile("cpu", "htp_backend_cpu", "codes/cpu.md"),)


@hookimpl
def htp_demos() -> tuple[Demo, ...]:
    """Four real programs beside NumPy."""
    return (
        Demo(
            name="cpu",
            summary="softmax, rmsnorm, gemm and causal attention: compiled, checked, timed beside NumPy",
            run=Lazy("htp_backend_cpu.demo:run"),
        ),
    )
