"""The cube unit's way to convolutions: patches of an image as the rows of a matrix.

Order of columns: hw-native-sys/pto-isa@cd4a3d3f, include/pto/cpu/TImg2col.hpp.
"""

from __future__ import annotations

from htp import Scalar, Tile, i64, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Factor

__all__ = ["img2col"]


@intrinsic(unit="cube")
def img2col(
    x: Tile[Factor, "height * width", "C"],
    row: Scalar[i64],
    col: Scalar[i64],
    rows: Scalar[i64],
    cols: Scalar[i64],
    *,
    height: int,
    width: int,
    filter_height: int,
    filter_width: int,
    block: int = 16,
    stride_height: int = 1,
    stride_width: int = 1,
    dilation_height: int = 1,
    dilation_width: int = 1,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
) -> Tile[Factor, "rows", "cols"]:
    """`rows` by `cols` elements, from `row` and `col` on, of the patches that a filter sees of an image.

    `x` has a row for each pixel of the image and a column for each channel. Of the patches, row `m` is what the filter
    sees for output pixel `m`, row by row of the image. Columns are blocks of channels; in a block, the places of the
    filter row by row; at a place, the channels. A block is 32 bytes: `block` is 16 for f16 and bf16, 8 for f32, 32 for
    i8. `top`, `bottom`, `left` and `right` are rows and columns of zeros around the image.
    """
    across = (width + left + right - dilation_width * (filter_width - 1) - 1) // stride_width + 1
    pixel = row + tile.iota((rows, 1), 0, i64)
    place = col + tile.iota((1, cols), 1, i64)
    inside = place % (block * filter_height * filter_width) // block
    channel = place // (block * filter_height * filter_width) * block + place % block
    down = pixel // across * stride_height + inside // filter_width * dilation_height - top
    along = pixel % across * stride_width + inside % filter_width * dilation_width - left
    seen = (down >= 0) & (down < height) & (along >= 0) & (along < width)
    index = tile.where(seen, (down * width + along) * x.shape[1] + channel, 0)
    values = tile.take(tile.reshape(x, (x.shape[0] * x.shape[1],)), index)
    return tile.where(seen, values, tile.zeros((rows, cols), x.dtype))
