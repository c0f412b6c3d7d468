"""What a vector core takes of a token, and what it gives of one: rows from `first` on, as many as its tile has.

Both vector cores take part at every token of the cube core. Which one it is the runtime says (`core`), and not the
register that the instructions ask, which on a device is the same for both; the simulators begin the second core's part
behind what the first one has room for. Sources: hw-native-sys/pto-isa@cd4a3d3f,
include/pto/{npu/a2a3,cpu}/{TPush,TPop}.hpp; hw-native-sys/simpler@6ebaf77,
src/a2a3/runtime/tensormap_and_ringbuffer/common/intrinsic.h.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["PARTS"]

INLINE = "static inline __aicore__ __attribute__((always_inline))"


def _part(name: str, instruction: str, end: str, simulated: str) -> str:
    return f"""\
template <typename P, typename T>
{INLINE} void {name}(P &pipe, T &tile, int64_t first, int64_t core) {{
    const int bytes = sizeof(typename T::DType);
#ifdef __CPU_SIM
    pipe.{end}.{simulated}(int((first - core * T::Rows) * T::Cols) * bytes);
    {instruction}<P, T, TileSplitAxis::TILE_UP_DOWN>(pipe, tile);
#else
    (void)core;
    pipe.{end}.setEntryOffset(int(first * tile.GetValidCol()) * bytes);
    {instruction}<P, T, TileSplitAxis::TILE_UP_DOWN>(pipe, tile, 0);
#endif
}}"""


PARTS = MappingProxyType({
    "push_part": _part("push_part", "TPUSH", "prod", "setEntryOffset"),
    "pop_part": _part("pop_part", "TPOP", "cons", "setentryOffset"),
})  # fmt: skip
"""The definition of each, by name."""
