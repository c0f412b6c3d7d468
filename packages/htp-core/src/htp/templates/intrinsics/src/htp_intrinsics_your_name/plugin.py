"""What the package contributes: the set of intrinsics, by name; its module is loaded when a program uses it."""

from __future__ import annotations

from htp.declarations import IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_intrinsics() -> tuple[IntrinsicSet, ...]:
    """The set, and the packages that may bring handlers for backends which neither it nor they own."""
    return (
        IntrinsicSet(
            name="your_name",
            module="htp_intrinsics_your_name.your_name",
            intrinsics=("rowmax", "leaky"),
            summary="a row's largest element, and a leaky ramp",
            bridges=("htp-your-name-cpu",),
        ),
    )
