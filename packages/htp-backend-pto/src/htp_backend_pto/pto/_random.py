"""Random numbers by counting: Philox-4x32, whose every word is a function of a key and a counter alone.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Which word an
element is: hw-native-sys/pto-isa@cd4a3d3f, include/pto/cpu/TRandom.hpp.
"""

from __future__ import annotations

from htp import Scalar, Tile, func, i32, i64, tile, u32
from htp.intrinsics import DTypeVar, intrinsic

__all__ = ["random"]

Word = DTypeVar("Word", u32, i32)


@func
def upper(words: i64, factor: i64) -> i64:
    """The upper 32 bits of words of 32 bits times a factor of 32 bits."""
    high = (words >> 16) * factor
    return (high >> 16) + (((words & 0xFFFF) * factor + ((high & 0xFFFF) << 16)) >> 32)


@func
def lower(words: i64, factor: i64) -> i64:
    """The lower 32 bits."""
    return ((words & 0xFFFF) * factor + ((((words >> 16) * factor) & 0xFFFF) << 16)) & 0xFFFFFFFF


@intrinsic(unit="vector")
def random(
    key: Scalar[i64],
    counter: Scalar[i64],
    stream: Scalar[i64],
    rows: Scalar[i64],
    cols: Scalar[i64],
    *,
    dtype: type[Word] = u32,
    rounds: int = 10,
) -> Tile[Word, "rows", "cols"]:
    """Random bits: words of Philox-4x32 with `rounds` 7 or 10, for 64 bits of key.

    `counter` are the lower and `stream` the upper 64 bits of a count that goes on by one from column to column; columns
    64 to 127, 128 to 191 and 192 to 255 are the second, third and fourth word of the same counts. Behind every 256
    columns, and behind every row, the count is `cols // 4` further than where they began. So from 256 columns on no
    count comes twice in a tile, and in narrower ones rows repeat parts of each other. `cols` is a multiple of 8.
    """
    assert cols % 8 == 0
    column = tile.iota((rows, cols), 1, i64)
    before = tile.iota((rows, cols), 0, i64) * ((cols + 255) // 256) + column // 256
    zero = tile.zeros((1, 1), i64)
    a = column % 64 + before * (cols // 4) + ((zero + counter) & 0xFFFFFFFF)
    b = (a >> 32) + (((zero + counter) >> 32) & 0xFFFFFFFF)
    c = (b >> 32) + ((zero + stream) & 0xFFFFFFFF)
    d = ((c >> 32) + (((zero + stream) >> 32) & 0xFFFFFFFF)) & 0xFFFFFFFF
    a, b, c = a & 0xFFFFFFFF, b & 0xFFFFFFFF, c & 0xFFFFFFFF
    one, two = (zero + key) & 0xFFFFFFFF, ((zero + key) >> 32) & 0xFFFFFFFF
    for _ in range(rounds):
        even, odd = upper(c, 0xCD9E8D57) ^ b ^ one, upper(a, 0xD2511F53) ^ d ^ two
        b, d = lower(c, 0xCD9E8D57), lower(a, 0xD2511F53)
        a, c = even, odd
        one, two = (one + 0x9E3779B9) & 0xFFFFFFFF, (two + 0xBB67AE85) & 0xFFFFFFFF
    word = column % 256 // 64
    return tile.where(word < 2, tile.where(word == 0, a, b), tile.where(word == 2, c, d)).astype(dtype)
