"""Sets of dtypes that many rows share.

Source: hw-native-sys/pto-isa@cd4a3d3f, the checks in include/pto/npu/a2a3. The simulator's `bfloat16_t` is `_Float16`
on hosts whose C++ library has no <stdfloat> (include/pto/common/type.hpp), so that bf16 is right with g++ 14 only.
"""

from __future__ import annotations

__all__ = ["ARITHMETIC", "BITS", "FLOATS", "MOVING", "WIDE", "pairs"]

ARITHMETIC = "f32 f16 i32 i16"
FLOATS = "f32 f16"
BITS = "i32 u32 i16 u16 i8 u8"
MOVING = "f32 f16 bf16 i32 u32 i16 u16 i8 u8"
WIDE = "f32 f16 bf16 i32 u32 i16 u16"
"""What is not one byte."""


def pairs(first: str, second: str) -> str:
    """Every dtype of the first set with every one of the second: `f32>i32 f32>u32 …`."""
    return " ".join(f"{one}>{two}" for one in first.split() for two in second.split())
