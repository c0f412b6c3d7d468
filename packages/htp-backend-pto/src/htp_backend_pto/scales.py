"""Scales of columns as the words that the cube unit reads them from.

Format: hw-native-sys/pto-isa@cd4a3d3f, include/pto/cpu/common.hpp and tests/npu/a2a3/src/st/testcase/tstore_acc2gm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["scale_words"]

DROPPED = 13
"""Bits of a fraction that the unit does not read."""
OFFSET, SIGNED = 37, 46
MOST = 255


def scale_words(scales: ArrayLike, *, offset: int = 0, signed: bool = True) -> NDArray[np.int64]:
    """A row of words for `pto.store_fp` and its like; `signed` for i8, not for u8, and either for f16.

    Scales keep 10 bits of their fractions. `offset`, 0 to 255, is added behind the scale, to integers only.

    >>> [hex(each) for each in scale_words([1.0, 0.5])[0]]
    ['0x40003f800000', '0x40003f000000']

    Raises:
        ValueError: The offset is not from 0 to 255.
    """
    if not 0 <= offset <= MOST:
        raise ValueError(f"an offset is 0 to {MOST}, and {offset} is not")
    bits = np.atleast_2d(np.asarray(scales, np.float32)).view(np.uint32).astype(np.int64)
    return (bits >> DROPPED << DROPPED) | (offset << OFFSET) | (int(signed) << SIGNED)
