"""The dtypes that instructions take, as variables of signatures; a variant may take fewer, which the table says."""

from __future__ import annotations

from htp import bf16, bool_, f16, f32, i8, i16, i32, i64, u8, u16, u32
from htp.intrinsics import DTypeVar

__all__ = ["Any", "Bits", "Factor", "Float", "Given", "Index", "Number", "Other", "Sum", "Whole"]

Any = DTypeVar("Any", f32, f16, bf16, i64, i32, u32, i16, u16, i8, u8, bool_)
"""What only moves."""
Other = DTypeVar("Other", f32, f16, bf16, i64, i32, u32, i16, u16, i8, u8)
"""What a conversion gives."""
Given = DTypeVar("Given", f32, f16, bf16, i64, i32, u32, i16, u16, i8, u8)
"""What a conversion takes."""
Number = DTypeVar("Number", f32, f16, bf16, i32, u32, i16, u16, i8, u8)
"""What arithmetic is done with."""
Float = DTypeVar("Float", f32, f16, bf16)
Whole = DTypeVar("Whole", i32, u32, i16, u16, i8, u8)
Index = DTypeVar("Index", i32, u32, i16, u16)
Bits = DTypeVar("Bits", u8, u16, u32, i8, i16, i32)
"""Scratch of instructions that leave it open."""
Factor = DTypeVar("Factor", f16, bf16, f32, i8)
"""What the cube unit multiplies."""
Sum = DTypeVar("Sum", f32, i32)
"""What it adds up in."""
