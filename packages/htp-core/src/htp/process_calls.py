"""Calls of kernels as processes of a network: arguments that are ends of channels are checked and handed over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from htp.arguments import bind_dims
from htp.channels import End, Receiver, Sender
from htp.diagnostics import Refused
from htp.places import user_frame, user_line
from htp.reference import DECLARE, prepared, run_prepared
from htp.types import ScalarType, TensorType, TileType
from htp.values import Array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.diagnostics import Span
    from htp.language import Definition
    from htp.links import Link, Side
    from htp.networks import Network
    from htp.processes import Process
    from htp.types import Param

    AnyDefinition = Definition[..., object]
    Carried = TensorType | TileType | ScalarType

__all__ = ["start_process"]


def start_process(
    network: Network,
    name: str,
    definition: AnyDefinition,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    parent: Process | None = None,
) -> None:
    """Adds a process to a network: one that it declares, or one that its process `parent` starts now."""
    place = user_line()
    network.name_channels(user_frame())
    values = prepared(definition, args, kwargs, later=True)
    sized = [(each, value) for each, value in zip(definition.params, values, strict=True) if not each.is_end]
    shapes = [value.shape if isinstance(value, Array) else () for _, value in sized]
    sizes = bind_dims([each for each, _ in sized], shapes)
    made = network.add(name, partial(_run, definition, values), place, parent.clock if parent is not None else 0)
    for index, param in enumerate(definition.params):
        if param.is_end:
            side: Side = "send" if param.direction == "send" else "recv"
            link = _link(definition, param, values[index], sizes, place)
            if parent is not None:
                link.hand_over(side, parent)
            link.claim(side, made, place)
            values[index] = Sender[object](link) if side == "send" else Receiver[object](link)


def _run(definition: AnyDefinition, values: list[object]) -> None:
    """The body of a process, which calls kernels as any other."""
    DECLARE.set(None)
    run_prepared(definition, values)


def _link(definition: AnyDefinition, param: Param, value: object, sizes: Mapping[str, int], place: Span | None) -> Link:
    """The channel that an argument is, checked against the parameter."""
    if not isinstance(value, End):
        raise Refused(
            "csp.not-an-end",
            f"`{definition.name}` wants a channel for `{param.name}`, and is given {type(value).__name__}",
            span=place,
            help="pass a channel of the network that is open",
        )
    carried, declared = value.link.carried, param.type
    if declared is None or type(carried) is not type(declared) or not _fits(carried, declared, sizes):
        raise Refused(
            "csp.payload",
            f"channel '{value.link.name}' carries {carried}, and `{param.name}` of `{definition.name}` is {declared}",
            span=place,
            help="declare one type at both ends",
        )
    return value.link


def _fits(carried: Carried, declared: Carried, sizes: Mapping[str, int]) -> bool:
    """Whether the sizes that are known are those of the channel; the others differ from token to token."""
    if carried.dtype is not declared.dtype:
        return False
    if isinstance(carried, ScalarType) or isinstance(declared, ScalarType):
        return True
    return len(carried.dims) == len(declared.dims) and all(
        not want.symbols <= set(sizes) or want.evaluate(dict(sizes)) == bound.constant
        for bound, want in zip(carried.dims, declared.dims, strict=True)
    )
