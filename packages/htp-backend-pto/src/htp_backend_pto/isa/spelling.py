"""Attributes of intrinsics as pto-isa spells them.

Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/{pto_instr.hpp,type.hpp,constants.hpp}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Bug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.intrinsics import Attribute

__all__ = ["PATTERNS", "ROUNDINGS", "pad_value", "spelled"]

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
ROUNDINGS = ("rint", "round", "floor", "ceil", "trunc")
PATTERNS = {(0, 2): "P0101", (1, 2): "P1010", (0, 4): "P0001", (1, 4): "P0010", (2, 4): "P0100", (3, 4): "P1000"}
"""Mask patterns by the first column and the step; the rightmost digit is the first column."""


def spelled(name: str, attributes: Mapping[str, Attribute]) -> dict[str, str]:
    """The attributes of a call, and what they make of its C++: `mode`, `pattern`, `down`, …."""
    found = {each: _plain(value) for each, value in attributes.items()}
    if name in ("cmp", "cmps"):
        found["mode"] = str(attributes["mode"]).upper()
    elif name == "cvt":
        found["mode"] = f"CAST_{_rounding(str(attributes['mode']), attributes['dtype']).upper()}"
    elif name in ("gather_mask", "scatter_mask"):
        found["pattern"] = PATTERNS[int(found["start"]), int(found["step"])]
    return found


def pad_value(value: float) -> str:
    """The pad value of a tile type; numbers beside zero and the infinities are given by their bits."""
    if value != value:
        raise Bug("no tile is padded with NaN")
    known = {0.0: "PadValue::Zero", float("-inf"): "PadValue::Min", float("inf"): "PadValue::Max"}
    return known.get(value, f"PadCustom<{value!r}f>")


def _plain(value: Attribute) -> str:
    if isinstance(value, type):
        return value.name
    return str(int(value)) if isinstance(value, bool | int) else str(value)


def _rounding(mode: str, dtype: Attribute) -> str:
    """Mode `none` rounds to the nearest float, and to an integer towards zero."""
    whole = isinstance(dtype, type) and dtype.kind != "float"
    return ("trunc" if whole else "rint") if mode == "none" else mode
