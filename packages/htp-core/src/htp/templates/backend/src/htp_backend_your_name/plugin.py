"""What the package contributes: a backend, its binding, the fact it wants, and the pass that provides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.capabilities import Capability, DialectUse, OpUse, Use
from htp.declarations import Backend, Binding, CodeFile, Lazy, Variant
from htp.hooks import hookimpl

if TYPE_CHECKING:
    from htp.passes import Pass
    from htp.program import Program

HTP_API = 1
CONTRACT = "your-name.package/1"
NATIVE = "htp_backend_your_name.native"


@dataclass(frozen=True)
class Elementwise(Capability, owner="your_name"):
    """The kernel has a C text: loops over the elements of tiles that are computed one by one."""

    def verify(self, program: Program) -> None:
        """The text can be printed."""
        Lazy["type[Pass]"](f"{NATIVE}:CheckElementwise").load()().apply(program)


@hookimpl
def htp_capabilities() -> tuple[type[Capability] | type[Use], ...]:
    """The fact that the backend wants."""
    return (Elementwise,)


@hookimpl
def htp_passes() -> tuple[Pass | Lazy[type[Pass]] | Lazy[Pass], ...]:
    """The pass that checks a kernel, at the user's line."""
    return (Lazy["type[Pass]"](f"{NATIVE}:CheckElementwise"),)


@hookimpl
def htp_backends() -> tuple[Backend, ...]:
    """One target: `your-name`."""
    return (
        Backend(
            name="your-name",
            summary="elementwise f32 kernels as plain C",
            goal=(Elementwise(),),
            accepts=(DialectUse("tile"), OpUse("tile.*")),
            targets=(Variant("", Lazy(f"{NATIVE}:model"), "one core of this machine"),),
            contract=CONTRACT,
            emit=Lazy(f"{NATIVE}:emit"),
        ),
    )


@hookimpl
def htp_bindings() -> tuple[Binding, ...]:
    """Builds with `cc` and calls in this process; there is no simulator."""
    return (Binding("your-name", CONTRACT, ("device",), Lazy(f"{NATIVE}:Native"), Lazy(f"{NATIVE}:probe")),)


@hookimpl
def htp_diagnostics() -> tuple[CodeFile, ...]:
    """The pages of the codes that begin with `your-name.`."""
    return (CodeFile("your-name", "htp_backend_your_name", "codes.md"),)
