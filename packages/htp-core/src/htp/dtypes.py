"""The dtypes: one class of arrays for each.

Knows names, widths and what `@` yields; does not know how anything is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from htp.values import Array

if TYPE_CHECKING:
    from typing import Self


class Numeric(Array):
    """A dtype that arithmetic takes."""

    __slots__ = ()


class Floating(Numeric):
    """A dtype of floating-point numbers."""

    __slots__ = ()
    kind = "float"


class Integral(Numeric):
    """A dtype of integers that wrap around."""

    __slots__ = ()


class f64(Floating):  # noqa: N801
    """IEEE double precision."""

    __slots__ = ()
    name, bits = "f64", 64

    def __matmul__(self, other: Self) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("Self", super().__matmul__(other))


class f32(Floating):  # noqa: N801
    """IEEE single precision."""

    __slots__ = ()
    name, bits = "f32", 32

    def __matmul__(self, other: Self) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("Self", super().__matmul__(other))


class NarrowFloating(Floating):
    """A float of 16 or 8 bits: every operation is computed in f32 and rounded once; `@` yields f32."""

    __slots__ = ()

    def __matmul__(self, other: Self) -> f32:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("f32", super().__matmul__(other))


class f16(NarrowFloating):  # noqa: N801
    """IEEE half precision."""

    __slots__ = ()
    name, bits = "f16", 16


class bf16(NarrowFloating):  # noqa: N801
    """The upper half of an f32: 8 exponent and 7 fraction bits; `ml_dtypes.bfloat16` in Python."""

    __slots__ = ()
    name, bits = "bf16", 16


class f8e4m3(NarrowFloating):  # noqa: N801
    """OCP FP8 E4M3 without infinities: overflow gives NaN; `ml_dtypes.float8_e4m3fn` in Python."""

    __slots__ = ()
    name, bits = "f8e4m3", 8


class f8e5m2(NarrowFloating):  # noqa: N801
    """OCP FP8 E5M2 with infinities; `ml_dtypes.float8_e5m2` in Python."""

    __slots__ = ()
    name, bits = "f8e5m2", 8


class WideIntegral(Integral):
    """An integer of 16 bits or more: `@` keeps the dtype."""

    __slots__ = ()

    def __matmul__(self, other: Self) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("Self", super().__matmul__(other))


class i32(WideIntegral):  # noqa: N801
    """Signed 32-bit integers."""

    __slots__ = ()
    name, bits, kind = "i32", 32, "int"


class i64(WideIntegral):  # noqa: N801
    """Signed 64-bit integers."""

    __slots__ = ()
    name, bits, kind = "i64", 64, "int"


class i16(WideIntegral):  # noqa: N801
    """Signed 16-bit integers."""

    __slots__ = ()
    name, bits, kind = "i16", 16, "int"


class u64(WideIntegral):  # noqa: N801
    """Unsigned 64-bit integers."""

    __slots__ = ()
    name, bits, kind = "u64", 64, "uint"


class u32(WideIntegral):  # noqa: N801
    """Unsigned 32-bit integers."""

    __slots__ = ()
    name, bits, kind = "u32", 32, "uint"


class u16(WideIntegral):  # noqa: N801
    """Unsigned 16-bit integers."""

    __slots__ = ()
    name, bits, kind = "u16", 16, "uint"


class NarrowIntegral(Integral):
    """An integer of 8 bits: `@` accumulates in i32 and yields i32."""

    __slots__ = ()

    def __matmul__(self, other: Self) -> i32:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("i32", super().__matmul__(other))


class i8(NarrowIntegral):  # noqa: N801
    """Signed 8-bit integers."""

    __slots__ = ()
    name, bits, kind = "i8", 8, "int"


class u8(NarrowIntegral):  # noqa: N801
    """Unsigned 8-bit integers."""

    __slots__ = ()
    name, bits, kind = "u8", 8, "uint"


class bool_(Array):  # noqa: N801
    """Truth values."""

    __slots__ = ()
    name, bits, kind = "bool_", 8, "bool"
