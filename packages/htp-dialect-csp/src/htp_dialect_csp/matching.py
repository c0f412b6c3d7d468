"""Whether what is passed for an end of a channel is one of the right type. Knows types; does not know values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.types import ScalarType, TensorType, TileType

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.links import Side
    from htp.types import Param

    Carried = TensorType | TileType | ScalarType

__all__ = ["check_carried", "not_a_process", "not_an_array", "not_an_end", "uneven"]


def check_carried(
    channel: str,
    carried: Carried,
    declared: Carried,
    process: str,
    side: Side,
    dims: dict[str, str],
    place: Span | None,
) -> None:
    """Nothing when a process may use a channel at one end as `declared`; named sizes of a process go into `dims`.

    Raises:
        Refused: `csp.payload` when kind, dtype, sizes or layout differ.
    """
    if carried == declared or _fits(carried, declared, dims):
        return
    same = carried.dtype is declared.dtype
    advice = "declare one type at both ends" if same else "cast on one side with .astype"
    verb = "sends" if side == "send" else "receives"
    raise Refused(
        "csp.payload",
        f"channel '{channel}' carries {carried}, '{process}' {verb} it as {declared}; {advice}",
        span=place,
        help=f"declare {carried} in `{process}`, or another type for the channel",
    )


def not_an_end(process: str, param: Param, given: str, place: Span | None) -> Refused:
    """The refusal of something that is passed for an end of a channel and is none."""
    verb, form = ("sends on", "Send") if param.direction == "send" else ("receives from", "Recv")
    return Refused(
        "csp.not-an-end",
        f"`{process}` {verb} `{param.name}`, and is given {given}",
        span=place,
        help=f"pass a channel: Channel[{param.type}](capacity=2), or a parameter that is a {form}[…]",
    )


def not_an_array(process: str, param: Param, channel: str, place: Span | None) -> Refused:
    """The refusal of a channel that is passed for something else."""
    return Refused(
        "csp.not-an-end",
        f"`{process}` takes {param.type} as `{param.name}`, and is given channel '{channel}'",
        span=place,
        help=f"pass the arguments in the order of the parameters of `{process}`, or by name",
    )


def not_a_process(word: str, name: str, kind: str, place: Span | None) -> Refused:
    """The refusal of a word that starts processes, and is given a function of another kind; "" is plain Python."""
    what = f"a {kind}" if kind else "no process"
    return Refused(
        "type.bad-arguments",
        f"`{word}` starts processes, and `{name}` is {what}",
        span=place,
        help=f"decorate `{name}` with @process, or call it in one",
    )


def uneven(process: str, count: int, items: int, argument: int | str, place: Span | None) -> Refused:
    """The refusal of arguments that cannot be dealt out to so many processes."""
    return Refused(
        "csp.replicate",
        f"{count} processes `{process}` share {items} items of argument {argument}",
        span=place,
        help=f"pass {count} of them: Channel[…].array({count})",
    )


def _fits(carried: Carried, declared: Carried, dims: dict[str, str]) -> bool:
    if isinstance(carried, ScalarType) or isinstance(declared, ScalarType):
        return False
    if type(carried) is not type(declared) or carried.dtype is not declared.dtype or carried.facets != declared.facets:
        return False
    if len(carried.dims) != len(declared.dims):
        return False
    for size, dim in zip(carried.dims, declared.dims, strict=True):
        named = dim.constant is None and str(dim) in dim.symbols
        if str(size) != (dims.setdefault(str(dim), str(size)) if named else str(dim)):
            return False
    return True
