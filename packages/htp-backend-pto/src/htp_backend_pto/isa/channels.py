"""The instructions that send and receive tokens between the cores of a cluster, which programs write as words.

Routes: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/{TPush,TPop}.hpp: a push stores to global memory, from L0C
or the unified buffer, and a pop loads from there.
"""

from __future__ import annotations

from htp_backend_pto.isa.rows import row

__all__ = ["POP", "PUSH"]

MOVING = "f32 f16 bf16 i32 i16 i8 u32 u16 u8"

PUSH = row("push", "TPUSH", "dst x:nd,nz", "a tile to the other kind of core", dtypes=MOVING,
           routes="FIX gm l0c; MTE3 gm ub")  # fmt: skip
"""`send(out, x)`."""
POP = row("pop", "TPOP", "dst:nd,nz x", "a tile from the other kind of core", dtypes=MOVING,
          routes="MTE2 ub gm; MTE2 l1 gm")  # fmt: skip
"""`x: Tile[…] = token(inp)`, the token that `advance(inp)` has taken."""
