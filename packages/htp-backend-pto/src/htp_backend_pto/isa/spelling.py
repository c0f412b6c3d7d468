"""Attributes of intrinsics as pto-isa spells them.

Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/{pto_instr.hpp,type.hpp,constants.hpp}.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.intrinsics import Attribute
    from htp.types import DType

__all__ = ["PATTERNS", "ROUNDINGS", "pad_value", "spelled"]

INFINITY = float("inf")
WORD = 32
"""Bits of the floats whose limits every library knows."""
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


def pad_value(value: float, dtype: DType) -> str:
    """The pad value of a tile type; where no word stands for it, its bits.

    Infinities of f16 and bf16 are bits too: the simulator knows no limits of `half` where the host's library has none,
    and would pad with zeros.
    """
    if value == 0:
        return "PadValue::Zero"
    if value in (INFINITY, -INFINITY) and (dtype.kind != "float" or dtype.bits == WORD):
        return "PadValue::Max" if value > 0 else "PadValue::Min"
    if dtype.name == "bf16":
        return _bits(struct.unpack("<I", struct.pack("<f", value))[0] >> 16)
    formats = {("float", 32): "<f", ("float", 16): "<e"}
    raw = struct.pack(formats.get((dtype.kind, dtype.bits), "<q"), value if dtype.kind == "float" else int(value))
    return _bits(int.from_bytes(raw[: dtype.bits // 8], "little"))


def _bits(value: int) -> str:
    return f"PadValueCustom({value:#x}u)"


def _plain(value: Attribute) -> str:
    if isinstance(value, type):
        return value.name
    return str(int(value)) if isinstance(value, bool | int) else str(value)


def _rounding(mode: str, dtype: Attribute) -> str:
    """Mode `none` rounds to the nearest float, and to an integer towards zero."""
    whole = isinstance(dtype, type) and dtype.kind != "float"
    return ("trunc" if whole else "rint") if mode == "none" else mode
